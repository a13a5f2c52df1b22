/** What the preload puts into the page as `window.slipway`. Types only: the preload stays a few lines long. */
import type { CallInput, CallName, CallOutput } from './calls';
import type { Reply } from './reply';
import type { AppState } from './state';

/** The one IPC channel for calls. Which call is meant is an argument, looked up in the table of calls by main. */
export const CALL_CHANNEL = 'slipway:call';
/** The one IPC channel main pushes on: the whole state. */
export const STATE_CHANNEL = 'slipway:state';

export interface Bridge {
  call<N extends CallName>(name: N, input: CallInput<N>): Promise<Reply<CallOutput<N>>>;
  /** Tells every later state; gives back a function that stops it. */
  onState(listener: (state: AppState) => void): () => void;
  /** The path of a file dropped on the window; the page itself cannot see it. Empty when there is none. */
  pathOf(file: File): string;
}

declare global {
  interface Window {
    readonly slipway: Bridge;
  }
}
