/** The job under way: what, how far, and the ways to hold it. It has its place in the status line, so nothing jumps. */
import { Pause, Play, X } from 'lucide-react';
import { Button, IconButton } from '../components/button';
import { ProgressBar } from '../components/progress-bar';
import { useJob } from '../hooks/use-job';
import { goTo } from '../stores/route';
import './job-bar.css';

export function JobBar(): React.JSX.Element | null {
  const { job, progress, share, pause, resume, cancel } = useJob();
  if (job === null) return null;
  return (
    <div className="job" role="group" aria-label="Job under way">
      <Button
        variant="quiet"
        className="job-text"
        title="Open the journal"
        onClick={() => {
          goTo('journal');
        }}
      >
        <span className="job-label">{job.label}</span>
        <span>{progress}</span>
      </Button>
      <ProgressBar label={job.label} share={share} />
      {job.canPause &&
        (job.paused ? (
          <IconButton icon={Play} label="Go on" onClick={resume} />
        ) : (
          <IconButton icon={Pause} label="Pause after this batch" onClick={pause} />
        ))}
      {job.canCancel && <IconButton icon={X} label="Cancel; what is begun is finished first" onClick={cancel} />}
    </div>
  );
}
