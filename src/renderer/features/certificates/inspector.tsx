/** The inspector: lay out any keys, certificates, bundles and profiles and see what belongs together. Fully offline. */
import { FileSearch, FolderOpen, Trash2 } from 'lucide-react';
import { useEffect } from 'react';
import { Button } from '../../components/button';
import { FileDrop } from '../../components/file-drop';
import { Panel } from '../../components/panel';
import { toast } from '../../components/toast';
import { UnlockForm } from '../../components/unlock-form';
import { counted } from '../../format/number';
import { perform } from '../../hooks/use-call';
import { useNow } from '../../hooks/use-now';
import { ExpiryLine } from './expiry-line';
import { InspectionTree } from './inspection-tree';
import { clearInspection, layOut, layOutSource, takeUpInspection, unlock, useInspection } from './inspection-store';
import { ItemDetails } from './item-details';
import './inspector.css';

export function Inspector({ hasSource }: { readonly hasSource: boolean }): React.JSX.Element {
  const { inspection, selected, compared, busy } = useInspection();
  const now = useNow();
  useEffect(() => {
    void takeUpInspection();
  }, []);
  const items = inspection?.items ?? [];
  const item = items[selected ?? firstOf(inspection?.groups ?? [])] ?? items[0];
  return (
    <Panel
      title="Inspector"
      sentence="Keys, certificates, requests, bundles, push requests, ABM tokens and profiles, one or a folder of them. Nothing leaves this machine, and nothing is changed."
      flush={item !== undefined}
      aside={
        <div className="inspect-bar">
          <Button icon={FolderOpen} cannot={busy ? 'Files are being read.' : null} onClick={() => void layOut(null)}>
            Add files…
          </Button>
          {hasSource && (
            <Button
              icon={FileSearch}
              cannot={busy ? 'Files are being read.' : null}
              onClick={() => void layOutSource()}
            >
              Add the source
            </Button>
          )}
          {inspection !== null && (
            <>
              <Button onClick={() => void saveList('csv')}>CSV…</Button>
              <Button onClick={() => void saveList('json')}>JSON…</Button>
              <Button icon={Trash2} variant="quiet" onClick={() => void clearInspection()}>
                Clear
              </Button>
            </>
          )}
        </div>
      }
    >
      {item === undefined || inspection === null ? (
        <p className="inspect-empty muted">{busy ? 'Reading…' : 'Drop files or a folder anywhere on this screen.'}</p>
      ) : (
        <>
          <p className="inspect-count muted" role="status">
            {counted(items.length, 'thing')} found
            {inspection.skipped.length > 0 && `, ${counted(inspection.skipped.length, 'other file')} passed over`}
            {problemCount(items) > 0 && `, ${counted(problemCount(items), 'problem')}`}
          </p>
          {inspection.locked > 0 && (
            <div className="inspect-unlock">
              <UnlockForm locked={inspection.locked} onUnlock={tryPassword} />
            </div>
          )}
          <ExpiryLine items={items} now={now} selected={item.index} />
          <div className="inspect-panes">
            <InspectionTree inspection={inspection} selected={item.index} />
            <ItemDetails
              key={item.index}
              inspection={inspection}
              item={item}
              compared={compared === null ? null : (items[compared] ?? null)}
              now={now}
            />
          </div>
        </>
      )}
    </Panel>
  );
}

function firstOf(groups: readonly (readonly number[])[]): number {
  return groups[0]?.[0] ?? 0;
}

function problemCount(items: readonly { readonly problems: readonly { readonly severity: string }[] }[]): number {
  return items.reduce((sum, { problems }) => sum + problems.filter(({ severity }) => severity === 'error').length, 0);
}

async function saveList(format: 'csv' | 'json'): Promise<void> {
  const saved = await perform('certificates', 'inspect.list', { format });
  if (saved !== null) toast(`Saved ${counted(saved.items, 'thing')} to ${saved.path}`);
}

async function tryPassword(password: string): Promise<boolean> {
  const before = useInspection.getState().inspection?.locked ?? 0;
  await unlock(password);
  return (useInspection.getState().inspection?.locked ?? 0) < before;
}

interface MaterialDropProps {
  readonly children: React.ReactNode;
}

/** Takes files and folders that are dropped anywhere on it. */
export function MaterialDrop({ children }: MaterialDropProps): React.JSX.Element {
  return (
    <FileDrop
      className="inspect-drop"
      overClassName="inspect-over"
      onDrop={(dropped) => {
        const paths = dropped.filter((path) => path !== '');
        if (paths.length > 0) void layOut(paths);
      }}
    >
      {children}
    </FileDrop>
  );
}
