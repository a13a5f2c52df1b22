/** The job under way, at the step it belongs to: what, how far, how long still, and the ways to hold it. */
import { Pause, Play, X } from 'lucide-react';
import type { Job } from '../../contract/state';
import { grouped, percent, span } from '../format/number';
import { sentenceCase } from '../format/words';
import { useJob } from '../hooks/use-job';
import { useNow } from '../hooks/use-now';
import { Button } from './button';
import { ProgressBar } from './progress-bar';
import './job-panel.css';

interface JobPanelProps {
  readonly kinds: readonly Job['kind'][];
  /** What is safe, what cancelling means. */
  readonly sentence?: string | undefined;
  /** What is counted: “devices”. */
  readonly unit?: string | undefined;
}

export function JobPanel({ kinds, sentence, unit = '' }: JobPanelProps): React.JSX.Element | null {
  const { job, share, pause, resume, cancel } = useJob();
  const now = useNow();
  if (job === null || !kinds.includes(job.kind)) return null;
  const running = Math.max(0, (now - job.startedAt) / 1000);
  return (
    <section className="job-panel" aria-label={sentenceCase(job.label)}>
      <div className="job-panel-head">
        <h2>{sentenceCase(job.label)}</h2>
        {job.total !== null && job.total > 0 && <b className="job-panel-share">{percent(job.done, job.total)}</b>}
      </div>
      <ProgressBar label={job.label} share={share} />
      <div className="job-panel-foot">
        <dl className="job-panel-facts">
          <Fact label="Done" value={doneText(job, unit)} />
          <Fact label="Rate" value={rateText(job, unit)} />
          <Fact label="Time left" value={job.secondsLeft === null || job.paused ? '–' : span(job.secondsLeft)} />
          <Fact label="Running for" value={running < 30 ? 'under 1 min' : span(running)} />
        </dl>
        {job.canPause &&
          (job.paused ? (
            <Button icon={Play} onClick={resume}>
              Go on
            </Button>
          ) : (
            <Button icon={Pause} onClick={pause}>
              Pause
            </Button>
          ))}
        {job.canCancel && (
          <Button icon={X} onClick={cancel}>
            Cancel
          </Button>
        )}
      </div>
      {sentence !== undefined && <p className="muted">{sentence}</p>}
    </section>
  );
}

function Fact({ label, value }: { readonly label: string; readonly value: string }): React.JSX.Element {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function doneText({ done, total }: Job, unit: string): string {
  if (total === null && done === 0) return '–';
  const text = total === null ? grouped(done) : `${grouped(done)} of ${grouped(total)}`;
  return unit === '' ? text : `${text} ${unit}`;
}

function rateText({ rate, paused }: Job, unit: string): string {
  if (paused) return 'paused';
  if (rate === null || rate < 1) return '–';
  return `${grouped(rate)} ${unit === '' ? '' : `${unit} `}a second`;
}
