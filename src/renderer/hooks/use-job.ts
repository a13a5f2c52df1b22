/** The one long piece of work under way, and the ways to hold it. */
import type { Job } from '../../contract/state';
import { call } from '../bridge';
import { grouped, span } from '../format/number';
import { useAppState } from '../stores/app-state';

interface RunningJob {
  readonly job: Job | null;
  /** “45,000 of 100,000 · 2,300 a second · 24 s left”, as far as it can be told. */
  readonly progress: string;
  /** 0 to 1; null when the end is not known. */
  readonly share: number | null;
  readonly pause: () => void;
  readonly resume: () => void;
  readonly cancel: () => void;
}

export function useJob(): RunningJob {
  const job = useAppState((state) => state.job);
  return {
    job,
    progress: job === null ? '' : progressOf(job),
    share: job?.total == null || job.total === 0 ? null : Math.min(1, job.done / job.total),
    pause: () => void call('job.pause', undefined),
    resume: () => void call('job.resume', undefined),
    cancel: () => void call('job.cancel', undefined),
  };
}

function progressOf(job: Job): string {
  const parts: string[] = [];
  if (job.total !== null) parts.push(`${grouped(job.done)} of ${grouped(job.total)}`);
  else if (job.done > 0) parts.push(grouped(job.done));
  if (job.paused) parts.push('paused');
  else {
    if (job.rate !== null && job.rate >= 1) parts.push(`${grouped(job.rate)} a second`);
    if (job.secondsLeft !== null) parts.push(`${span(job.secondsLeft)} left`);
  }
  return parts.join(' · ');
}
