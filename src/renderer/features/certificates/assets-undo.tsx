/** Taking back what a journal of keys and certificates wrote: from here and from the Journal. */
import { useState } from 'react';
import type { AssetsUndoneShown } from '../../../contract/assets';
import { call } from '../../bridge';
import { ConfirmDialog } from '../../components/confirm-dialog';
import { CheckField } from '../../components/field';
import { counted } from '../../format/number';
import { useAppState } from '../../stores/app-state';
import { TargetWord } from '../apply/target-word';

interface AssetsUndoProps {
  /** The journal’s path; null: nothing is asked. */
  readonly journal: string | null;
  readonly onClose: () => void;
  readonly onDone: (undone: AssetsUndoneShown) => void;
}

export function AssetsUndo({ journal, onClose, onDone }: AssetsUndoProps): React.JSX.Element {
  const fleet = useAppState((state) => state.fleet);
  const [rehearse, setRehearse] = useState(false);
  const database = fleet?.database ?? '';
  return (
    <ConfirmDialog
      title={`Take back on ${fleet?.host ?? ''}`}
      opened={journal !== null}
      onClose={onClose}
      act={rehearse ? 'Rehearse it' : 'Take them back'}
      danger={!rehearse}
      name={rehearse ? undefined : database}
      onConfirm={async (typed) => {
        const reply = await call('assets.undo', {
          journal: journal ?? '',
          rehearse,
          confirmation: rehearse ? database : typed,
        });
        if (!reply.ok) return reply.failure;
        onDone(reply.value);
        return null;
      }}
    >
      <TargetWord />
      <p>
        The rows of <code>{journal?.split(/[\\/]/).at(-1)}</code> in <b>{database}</b> are deleted and what they
        replaced becomes active again, byte for byte. It is refused once any device has been heard from. The serial
        counter stays where it was lifted to.
      </p>
      <CheckField label="Only rehearse it: everything is rolled back" checked={rehearse} onChange={setRehearse} />
    </ConfirmDialog>
  );
}

export function undoneInWords({ rehearsal, removed, restored }: AssetsUndoneShown): string {
  const counts = `${counted(removed.length, 'row')} removed, ${restored.length} active again`;
  return rehearsal ? `Rehearsed, and rolled back: ${counts}.` : `Taken back: ${counts}.`;
}
