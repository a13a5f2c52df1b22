/**
 * What a call comes back with. Electron reduces an error thrown across IPC to a line of text, so an expected failure
 * travels as a value instead, with the same fields the engine gives it.
 */
export interface ReplyFailure {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}

export type Reply<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: ReplyFailure };
