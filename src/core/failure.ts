/**
 * Expected failures: what happened, what to do about it, and a stable code to quote.
 *
 * Inside the engine a failure travels as a {@link FailureError}; at the engine's edge (command line, IPC) it
 * becomes the value {@link Failure}. Anything else that is thrown is a defect of ours and is reported as one.
 */

/** How a failure maps to an exit code: wrong usage 2, could not read or reach 3, found something to look at 1. */
export type FailureKind = 'usage' | 'unreadable' | 'finding';

/** One expected failure. No field ever holds a secret. */
export interface Failure {
  /** Stable, lower-case, `area/what`: `bolt/truncated`, `fleet/mariadb`. */
  readonly code: string;
  /** One sentence: what happened and why it matters here. */
  readonly message: string;
  /** One sentence: what to do. */
  readonly remedy: string;
  readonly kind: FailureKind;
  /** Facts worth having in a report: page numbers, columns, counts. */
  readonly detail?: Readonly<Record<string, string | number | boolean | null>>;
}

/** The outcome of an operation that may fail in an expected way. */
export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure };

/** A {@link Failure} on its way up the stack. */
export class FailureError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure, options?: { cause?: unknown }) {
    super(`${failure.code}: ${failure.message}`, options);
    this.name = 'FailureError';
    this.failure = failure;
  }
}

/** Throws a failure that means "could not read or reach" (exit 3). */
export function unreadable(code: string, message: string, remedy: string, detail?: Failure['detail']): never {
  throw new FailureError({ code, message, remedy, kind: 'unreadable', ...(detail ? { detail } : {}) });
}

/** Throws a failure that means "wrong usage" (exit 2). */
export function misused(code: string, message: string, remedy: string, detail?: Failure['detail']): never {
  throw new FailureError({ code, message, remedy, kind: 'usage', ...(detail ? { detail } : {}) });
}

/** Throws a failure that means "it ran and found something that must be looked at" (exit 1). */
export function refused(code: string, message: string, remedy: string, detail?: Failure['detail']): never {
  throw new FailureError({ code, message, remedy, kind: 'finding', ...(detail ? { detail } : {}) });
}

/** Runs work and turns an expected failure into a value. Defects (any other error) still throw. */
export async function attempt<T>(work: () => T | Promise<T>): Promise<Result<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    if (error instanceof FailureError) return { ok: false, failure: error.failure };
    throw error;
  }
}
