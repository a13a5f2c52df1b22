/** What main says of the agent, and what is looked at and sent: kept while the operator looks elsewhere. */
import { create } from 'zustand';
import type { AgentWaysShown, AgentWish, CommandsSent, RolloutShown } from '../../../contract/controls';

interface Held {
  /** Raised whenever main knows something new: what is shown is asked for again. */
  readonly turn: number;
  readonly wish: AgentWish;
  readonly ways: AgentWaysShown | null;
  readonly plan: RolloutShown | null;
  readonly sent: CommandsSent | null;
}

const held = create<Held>(() => ({
  turn: 0,
  wish: { desktop: true, scripts: false, disableUpdates: false, updateUrl: '', signIdentity: '' },
  ways: null,
  plan: null,
  sent: null,
}));

export function useAgent<T>(pick: (held: Held) => T): T {
  return held(pick);
}

export function askAgain(): void {
  held.setState(({ turn }) => ({ turn: turn + 1 }));
}

/** Another wish: the command that was shown is not what would be made now. */
export function changeWish(part: Partial<AgentWish>): void {
  held.setState(({ wish }) => ({ wish: { ...wish, ...part }, ways: null }));
}

export function keepWays(ways: AgentWaysShown | null): void {
  held.setState({ ways });
}

export function keepRollout(plan: RolloutShown | null): void {
  held.setState({ plan });
}

export function keepInstalled(sent: CommandsSent): void {
  held.setState({ sent, plan: null });
}
