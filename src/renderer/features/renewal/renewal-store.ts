/** Silent renewal as the window knows it: the profiles given, what was made, the forecast. The profile itself stays in main. */
import { create } from 'zustand';
import type { ProfileSlot, RenewalBenchShown, RenewalForecastShown } from '../../../contract/renewal';
import type { Reply } from '../../../contract/reply';
import { call } from '../../bridge';
import { currentState } from '../../stores/app-state';
import { setRefused } from '../../stores/ui';

interface Held {
  readonly bench: RenewalBenchShown;
  readonly forecast: RenewalForecastShown | null;
  readonly busy: boolean;
  /** Of what it is all about: another workspace or another reading of its source begins anew. */
  readonly about: string;
}

const EMPTY: Held = {
  bench: { installed: [], base: null, anchor: null, made: null, checked: null },
  forecast: null,
  busy: false,
  about: '',
};

export const useRenewal = create<Held>(() => EMPTY);

/** Takes up what main still holds. */
export async function takeUpRenewal(): Promise<void> {
  const state = currentState();
  const about = `${state?.workspace?.path ?? ''} ${state?.source?.readAt ?? ''}`;
  if (useRenewal.getState().about !== about) useRenewal.setState({ ...EMPTY, about });
  const reply = await call('renewal.state', undefined);
  if (reply.ok) useRenewal.setState({ bench: reply.value });
}

async function renew(asked: () => Promise<Reply<RenewalBenchShown | null>>): Promise<boolean> {
  setRefused('certificates', null);
  useRenewal.setState({ busy: true });
  const reply = await asked();
  useRenewal.setState({ busy: false });
  if (!reply.ok) setRefused('certificates', reply.failure);
  else if (reply.value !== null) useRenewal.setState({ bench: reply.value });
  return reply.ok;
}

/** Gives profiles; null asks which. */
export function giveProfiles(slot: ProfileSlot, paths: readonly string[] | null): Promise<boolean> {
  return renew(() => call('renewal.add', { slot, paths: paths === null ? null : [...paths] }));
}

export function dropProfile(slot: ProfileSlot, file: string | null): Promise<boolean> {
  return renew(() => call('renewal.remove', { slot, file }));
}

interface Wish {
  readonly serverUrl: string;
  readonly challenge: 'fleet' | 'given';
  readonly allowOldChallenge: boolean;
}

export async function makeRenewal(wish: Wish): Promise<void> {
  // A refusal leaves nothing that was made before.
  if (!(await renew(() => call('renewal.make', wish)))) await keepRefusal();
}

async function keepRefusal(): Promise<void> {
  const reply = await call('renewal.state', undefined);
  if (reply.ok) useRenewal.setState({ bench: reply.value });
}

/** `at`: when renewal begins; null for now. */
export async function makeForecast(at: number | null): Promise<void> {
  setRefused('certificates', null);
  useRenewal.setState({ busy: true });
  const reply = await call('renewal.forecast', { at });
  useRenewal.setState({ busy: false, ...(reply.ok ? { forecast: reply.value } : {}) });
  if (!reply.ok) setRefused('certificates', reply.failure);
}
