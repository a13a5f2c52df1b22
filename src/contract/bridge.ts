/** What the preload puts into the page as `window.slipway`. Types only: the preload stays a few lines long. */
import type { CallInput, CallName, CallOutput } from './calls';
import type { Reply } from './reply';

/** The one IPC channel. Which call is meant is an argument, looked up in the table of calls by main. */
export const CALL_CHANNEL = 'slipway:call';

export interface Bridge {
  call<N extends CallName>(name: N, input: CallInput<N>): Promise<Reply<CallOutput<N>>>;
}

declare global {
  interface Window {
    readonly slipway: Bridge;
  }
}
