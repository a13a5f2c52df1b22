/** The one long piece of work under way: how far, how fast, how long it will take. */
import type { Job } from '../contract/state';
import type { Progress } from '../core/progress';
import { JobControl } from './engine/protocol';

/** A rate is told from the last few seconds: it follows when the work slows down, and does not flicker. */
const WINDOW_MS = 8_000;
/** Before this a rate is a guess. */
const SETTLED_MS = 700;

export interface JobNature {
  readonly kind: Job['kind'];
  readonly label: string;
  readonly canPause: boolean;
  readonly canCancel: boolean;
}

export class RunningJob {
  readonly control = new JobControl();
  readonly startedAt = Date.now();
  readonly #nature: JobNature;
  #progress: Progress;
  #samples: { readonly at: number; readonly done: number }[] = [];

  constructor(nature: JobNature) {
    this.#nature = nature;
    this.#progress = { label: nature.label, done: 0, total: null };
  }

  get kind(): Job['kind'] {
    return this.#nature.kind;
  }

  get canPause(): boolean {
    return this.#nature.canPause;
  }

  get canCancel(): boolean {
    return this.#nature.canCancel;
  }

  /** True when it changes the target: it then ends between two transactions, never at once. */
  get writes(): boolean {
    return ['apply', 'rehearse', 'undo', 'assets', 'move'].includes(this.kind);
  }

  advance(progress: Progress): void {
    // What comes next in the same job starts its own measurement.
    if (progress.label !== this.#progress.label || progress.done < this.#progress.done) this.#samples = [];
    this.#progress = progress;
    const at = performance.now();
    this.#samples.push({ at, done: progress.done });
    while ((this.#samples[0]?.at ?? at) < at - WINDOW_MS) this.#samples.shift();
  }

  pause(paused: boolean): void {
    this.control.pause(paused);
    // The pause is no part of the speed.
    this.#samples = [];
  }

  summary(): Job {
    const { label, done, total } = this.#progress;
    const rate = this.#rate();
    const left = total === null || rate === null || rate <= 0 ? null : Math.ceil((total - done) / rate);
    return {
      kind: this.kind,
      label: this.control.cancelled ? `${label}, stopping` : label,
      done,
      total,
      startedAt: this.startedAt,
      rate,
      secondsLeft: this.control.paused ? null : left,
      paused: this.control.paused,
      canPause: this.canPause,
      canCancel: this.canCancel && !this.control.cancelled,
    };
  }

  #rate(): number | null {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (first === undefined || last === undefined || last.at - first.at < SETTLED_MS) return null;
    return ((last.done - first.done) / (last.at - first.at)) * 1000;
  }
}
