/** What is chosen at Controls, and what came of it: kept while the operator looks elsewhere. */
import { create } from 'zustand';
import type { CommandsSent, ControlsExported, RemovalShown } from '../../../contract/controls';

interface Held {
  /** The comparison it belongs to. */
  readonly of: number | null;
  readonly history: boolean;
  readonly selected: readonly string[];
  readonly accepted: readonly string[];
  readonly plan: RemovalShown | null;
  readonly sent: CommandsSent | null;
  readonly exported: ControlsExported | null;
}

const NOTHING = { selected: [], accepted: [], plan: null, sent: null, exported: null } as const;
const held = create<Held>(() => ({ of: null, history: true, ...NOTHING }));

export function useControls<T>(pick: (held: Held) => T): T {
  return held(pick);
}

export function readsHistory(): boolean {
  return held.getState().history;
}

export function setHistory(history: boolean): void {
  held.setState({ history });
}

/** Another comparison: what was chosen in the one before is let go, what was sent stays to be looked at. */
export function belongTo(at: number | null): void {
  if (held.getState().of !== at) held.setState({ of: at, selected: [], accepted: [], plan: null, exported: null });
}

/** Another choice: what was looked at before is not what would be sent now. */
export function choose(part: Partial<Pick<Held, 'selected' | 'accepted'>>): void {
  held.setState({ ...part, plan: null });
}

export function keepPlan(plan: RemovalShown | null): void {
  held.setState({ plan });
}

export function keepSent(sent: CommandsSent | null): void {
  held.setState({ sent, plan: null });
}

export function keepExport(exported: ControlsExported | null): void {
  held.setState({ exported });
}
