/** Private copies of sources: what plans are applied from. They hold secrets, lie outside the workspace, and can go. */
import { Trash2 } from 'lucide-react';
import { useState } from 'react';
import { call } from '../../bridge';
import { Button } from '../../components/button';
import { ConfirmDialog } from '../../components/confirm-dialog';
import { toast } from '../../components/toast';
import { bytes, counted } from '../../format/number';
import { useAnswer } from '../../hooks/use-answer';
import { useAppState } from '../../stores/app-state';

export function PrivateCopies({ version }: { readonly version: string }): React.JSX.Element | null {
  const [deletions, setDeletions] = useState(0);
  const [asking, setAsking] = useState(false);
  const busy = useAppState((state) => (state.job === null ? null : 'Something is under way.'));
  const { reply } = useAnswer('copies.list', undefined, `${version} ${deletions}`);
  if (reply?.ok !== true) return null;
  const { folder, copies } = reply.value;
  const size = copies.reduce((sum, copy) => sum + copy.size, 0);
  const count = counted(copies.length, 'private copy', 'private copies');
  return (
    <section className="copies" aria-labelledby="copies-title">
      <h2 id="copies-title">Private copies</h2>
      <p className="muted">
        {copies.length === 0
          ? 'None is kept. Plans are applied from one; it is made when a source is read.'
          : `${count} of a source, ${bytes(size)}. They hold every secret of it and never travel with the workspace.`}
      </p>
      {copies.length > 0 && (
        <>
          <details className="copies-list">
            <summary title={folder}>{folder}</summary>
            <ul>
              {copies.map((copy) => (
                <li key={copy.name}>
                  <span className="mono">{copy.name}</span>
                  <span className="tabular">{bytes(copy.size)}</span>
                </li>
              ))}
            </ul>
          </details>
          <div>
            <Button
              icon={Trash2}
              danger
              cannot={busy}
              onClick={() => {
                setAsking(true);
              }}
            >
              Delete {copies.length === 1 ? 'it' : 'them'}…
            </Button>
          </div>
        </>
      )}
      <ConfirmDialog
        title={`Delete ${count}`}
        opened={asking}
        onClose={() => {
          setAsking(false);
        }}
        act={`Delete ${count}`}
        danger
        onConfirm={async () => {
          const deleted = await call('copies.delete', undefined);
          if (!deleted.ok) return deleted.failure;
          toast('Deleted', counted(deleted.value.deleted, 'private copy', 'private copies'));
          setDeletions((before) => before + 1);
          return null;
        }}
      >
        <p>
          {bytes(size)} in <code>{folder}</code>.
        </p>
        <p>
          Plans made from them can then no longer be applied, and reading again is the way to a new one. Journals and
          undo do not need them. It cannot be undone.
        </p>
      </ConfirmDialog>
    </section>
  );
}
