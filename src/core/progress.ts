/** How far a long piece of work has come. */
export interface Progress {
  /** What is being done, for people: `reading devices`, `applying`. */
  readonly label: string;
  readonly done: number;
  /** Null when not known beforehand. */
  readonly total: number | null;
}

/** Told now and then, never more often than is useful. */
export type OnProgress = (progress: Progress) => void;
