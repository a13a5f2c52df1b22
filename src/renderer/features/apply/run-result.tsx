/** What a rehearsal or an apply ended with: numbers, what was held back and why, where it is journaled. */
import { BookText } from 'lucide-react';
import type { ApplySummary } from '../../../contract/state';
import { Button } from '../../components/button';
import { Panel } from '../../components/panel';
import { Stat, Stats } from '../../components/stat';
import { TimeText } from '../../components/time-text';
import { counted } from '../../format/number';
import { goTo } from '../../stores/route';
import { LeftOut } from './left-out';

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
    <Panel
      title={title}
      aside={
        <>
          <span className="muted">
            <TimeText at={finishedAt} />
          </span>
          <Button
            icon={BookText}
            variant="quiet"
            onClick={() => {
              goTo('journal', new URLSearchParams({ journal }).toString());
            }}
          >
            Journal
          </Button>
        </>
      }
    >
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
