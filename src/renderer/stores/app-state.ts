/**
 * What the main process says the state is, and nothing else about it: screens read it, only main changes it.
 * Read it with `useAppState((state) => state.plan)`; it is there whenever a screen is shown.
 */
import { create } from 'zustand';
import type { ReplyFailure } from '../../contract/reply';
import type { AppState } from '../../contract/state';
import { call, onState } from '../bridge';

interface Held {
  readonly state: AppState | null;
  /** Why there is no state, when asking for it failed. */
  readonly failure: ReplyFailure | null;
}

const held = create<Held>(() => ({ state: null, failure: null }));

function take(state: AppState): void {
  const known = held.getState().state;
  if (known === null || state.revision >= known.revision) held.setState({ state, failure: null });
}

/** Listens first and asks then, so that no change falls between. */
export function followState(): () => void {
  const stop = onState(take);
  void call('app.state', undefined).then((reply) => {
    if (reply.ok) take(reply.value);
    else held.setState({ failure: reply.failure });
  });
  return stop;
}

/** Null until main has answered. */
export function useMaybeState(): Held {
  return held();
}

export function useAppState<T>(pick: (state: AppState) => T): T {
  return held(({ state }) => {
    if (state === null) throw new Error('A screen was shown before the state was there');
    return pick(state);
  });
}

/** The state at this moment, for event handlers. */
export function currentState(): AppState | null {
  return held.getState().state;
}
