/** The way back: what it would and would not touch, and what it did. */
import type { ApplySummary, UndoSummary } from '../../../contract/state';
import { Button } from '../../components/button';
import { Panel } from '../../components/panel';
import { Stat, Stats } from '../../components/stat';
import { counted } from '../../format/number';
import { useAppState } from '../../stores/app-state';
import { undoActions } from './apply-actions';
import { LeftOut } from './left-out';
import { RunAside } from './run-aside';

export function UndoPanel({ applied }: { readonly applied: ApplySummary }): React.JSX.Element {
  const state = useAppState((whole) => whole);
  const { counts, journal } = applied;
  return (
    <Panel title="The way back">
      <div className="result">
        <WhatUndoDoes inserted={counts.inserted + counts.already} refreshed={counts.refreshed} />
        <div className="undo-actions">
          {undoActions(state, journal).map(({ id, label, icon, run, cannot, danger }) => (
            <Button key={id} icon={icon} danger={danger} cannot={cannot} onClick={run}>
              {label}
            </Button>
          ))}
        </div>
      </div>
    </Panel>
  );
}

interface WhatUndoDoesProps {
  /** Null where only the journal knows. */
  readonly inserted: number | null;
  readonly refreshed: number | null;
}

export function WhatUndoDoes({ inserted, refreshed }: WhatUndoDoesProps): React.JSX.Element {
  return (
    <dl className="undo-what">
      <dt>Takes out</dt>
      <dd>
        {inserted === null
          ? 'The rows of devices this journal inserted'
          : `The rows of up to ${counted(inserted, 'device')} it inserted`}
        , as far as nothing has touched them since. That is tested twice, with the rows locked.
      </dd>
      <dt>Leaves</dt>
      <dd>
        Devices that Fleet or the device itself has touched, devices whose wave points to Fleet, and Fleet’s own profile
        rows. Each is named.
        {refreshed !== null && refreshed > 0 && ` ${counted(refreshed, 'refreshed device')} keep the newer values.`}
      </dd>
      <dt>Cannot undo</dt>
      <dd>
        Certificates that Fleet has renewed, tokens that changed, commands that already ran. A device that was taken
        back is refused by Fleet until it is imported again.
      </dd>
    </dl>
  );
}

export function UndoResult({ undone }: { readonly undone: UndoSummary }): React.JSX.Element {
  const { rehearsal, state, finishedAt, journal, counts, left, notes } = undone;
  const title = rehearsal
    ? 'Taking back was rehearsed; everything was rolled back'
    : state === 'complete'
      ? 'Taken back'
      : 'Taking back was stopped between two batches';
  return (
    <Panel title={title} aside={<RunAside finishedAt={finishedAt} journal={journal} />}>
      <div className="result" role="status">
        <Stats label={title}>
          <Stat label="In the journal" value={counts.journaled} tone="info" />
          <Stat label={rehearsal ? 'Would be removed' : 'Removed'} value={counts.removed} tone="good" />
          <Stat label="Gone already" value={counts.gone} tone="quiet" />
          <Stat label="Left as they are" value={counts.left} tone={counts.left > 0 ? 'caution' : 'quiet'} />
        </Stats>
        <LeftOut title="Left as they are" devices={left} all={counts.left} />
        {notes.length > 0 && (
          <ul className="result-notes">
            {notes.map((note) => (
              <li key={note}>{note}</li>
            ))}
          </ul>
        )}
      </div>
    </Panel>
  );
}
