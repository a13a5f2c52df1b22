/** Asking the network: once, or again and again while it is being switched. Goes on while other screens are looked at. */
import { create } from 'zustand';
import type { ReplyFailure } from '../../../contract/reply';
import { call } from '../../bridge';
import { currentState } from '../../stores/app-state';
import { saveCutoverDraft } from './cutover-draft';

interface Held {
  readonly asking: boolean;
  readonly watching: boolean;
  readonly failure: ReplyFailure | null;
}

/** Between two rounds while watching, milliseconds. */
const EVERY = 30_000;

export const useProbing = create<Held>(() => ({ asking: false, watching: false, failure: null }));
let timer: ReturnType<typeof setTimeout> | undefined;

export async function probeNow(): Promise<void> {
  clearTimeout(timer);
  if (useProbing.getState().asking) return;
  const workspace = currentState()?.workspace?.path ?? null;
  useProbing.setState({ asking: true, failure: null });
  const saved = await saveCutoverDraft();
  const reply = saved ? await call('cutover.probe', undefined) : null;
  useProbing.setState({ asking: false, failure: reply !== null && !reply.ok ? reply.failure : null });
  const settled =
    reply?.ok === true && reply.value.results.every(({ status }) => status !== 'fail' && status !== 'warn');
  // Nothing is left to wait for, or it is not this migration any more.
  if (settled || reply?.ok === false || (currentState()?.workspace?.path ?? null) !== workspace) watchNetwork(false);
  else if (useProbing.getState().watching) timer = setTimeout(() => void probeNow(), EVERY);
}

export function watchNetwork(watching: boolean): void {
  clearTimeout(timer);
  useProbing.setState({ watching });
  if (watching) void probeNow();
}
