/** What a rehearsal or an apply ended with: numbers, what was held back and why, where it is journaled. */
import type { ApplySummary } from '../../../contract/state';
import { Panel } from '../../components/panel';
import { Stat, Stats } from '../../components/stat';
import { counted } from '../../format/number';
import { LeftOut } from './left-out';
import { RunAside } from './run-aside';

export function RunResult({ run }: { readonly run: ApplySummary }): React.JSX.Element {
  const { rehearsal, state, finishedAt, journal, counts, held, notes } = run;
  const title = rehearsal
    ? state === 'complete'
      ? 'Rehearsed; everything was rolled back'
      : 'The rehearsal was stopped; everything was rolled back'
    : state === 'complete'
      ? 'Written'
      : 'Stopped between two batches';
  return (
    <Panel title={title} aside={<RunAside finishedAt={finishedAt} journal={journal} />}>
      <div className="result">
        {state === 'stopped' && !rehearsal && (
          <p>
            {counted(counts.left, 'device')} were not reached. What was committed stays and is journaled; going on takes
            it up there.
          </p>
        )}
        <Stats label={title}>
          <Stat label={rehearsal ? 'Would be inserted' : 'Inserted'} value={counts.inserted} tone="info" />
          <Stat label={rehearsal ? 'Would be refreshed' : 'Refreshed'} value={counts.refreshed} tone="renew" />
          <Stat label="Needed no change" value={counts.unchanged} tone="good" />
          {counts.already > 0 && <Stat label="By an earlier run" value={counts.already} tone="good" />}
          <Stat label="Held back" value={counts.held} tone={counts.held > 0 ? 'caution' : 'quiet'} />
          {counts.left > 0 && <Stat label="Not reached" value={counts.left} tone="caution" />}
        </Stats>
        <LeftOut title="Held back, each for itself" devices={held} all={counts.held} />
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
