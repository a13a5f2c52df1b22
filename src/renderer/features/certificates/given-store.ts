/** Files that were given for a purpose, and which pairs go into Fleet. The files live in main’s engine; this is what the window knows of them. */
import { create } from 'zustand';
import type { GivenFilesShown, GivenPile, GivenSlot, PairChoice, PairOrigin } from '../../../contract/given-files';
import type { Reply } from '../../../contract/reply';
import { call } from '../../bridge';
import { currentState } from '../../stores/app-state';
import { setRefused } from '../../stores/ui';

interface Held {
  readonly piles: GivenFilesShown;
  /** Null: nothing was chosen yet, so it is the source’s. */
  readonly choice: Partial<PairChoice>;
  readonly busy: boolean;
  /** Path of the workspace it was given in: none of it is another’s. */
  readonly workspace: string;
}

export const useGiven = create<Held>(() => ({ piles: [], choice: {}, busy: false, workspace: '' }));

/** Takes up what main still holds, after the page was loaded anew. */
export async function takeUpGiven(): Promise<void> {
  const workspace = currentState()?.workspace?.path ?? '';
  if (useGiven.getState().workspace !== workspace) useGiven.setState({ piles: [], choice: {}, workspace });
  const reply = await call('given.state', undefined);
  if (reply.ok) useGiven.setState({ piles: reply.value });
}

async function renew(asked: () => Promise<Reply<GivenFilesShown | null>>): Promise<void> {
  setRefused('certificates', null);
  useGiven.setState({ busy: true });
  const reply = await asked();
  useGiven.setState({ busy: false });
  if (!reply.ok) setRefused('certificates', reply.failure);
  else if (reply.value !== null) useGiven.setState({ piles: reply.value });
}

/** Gives files; null asks which. */
export function give(slot: GivenSlot, paths: readonly string[] | null): Promise<void> {
  return renew(() => call('given.add', { slot, paths: paths === null ? null : [...paths] }));
}

export function clearGiven(slot: GivenSlot): Promise<void> {
  return renew(() => call('given.clear', { slot }));
}

/** False: it opened nothing. */
export async function unlockGiven(password: string): Promise<boolean> {
  const before = lockedOf(useGiven.getState().piles);
  await renew(() => call('given.unlock', { password }));
  return lockedOf(useGiven.getState().piles) < before;
}

export function choose(pair: keyof PairChoice, origin: PairOrigin): void {
  useGiven.setState(({ choice }) => ({ choice: { ...choice, [pair]: origin } }));
}

/** What is chosen: without a word the source’s, where there is one. */
export function choiceOf({ choice }: Held, hasSource: boolean): PairChoice {
  const usual = hasSource ? 'source' : 'files';
  const own = (origin: PairOrigin | undefined): PairOrigin =>
    origin === undefined || (origin === 'source' && !hasSource) ? usual : origin;
  return { ca: own(choice.ca), push: own(choice.push) };
}

export function pileOf(piles: GivenFilesShown, slot: GivenSlot): GivenPile | null {
  return piles.find((pile) => pile.slot === slot) ?? null;
}

function lockedOf(piles: GivenFilesShown): number {
  return piles.reduce((sum, { locked }) => sum + locked, 0);
}
