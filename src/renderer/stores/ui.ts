/** What belongs to this window alone: what is open, how wide it is, which call failed where. */
import { create } from 'zustand';
import type { ReplyFailure } from '../../contract/reply';
import type { StepName } from '../../contract/state';

interface Ui {
  readonly palette: boolean;
  readonly shortcuts: boolean;
  /** The dialog that is open: `apply/confirm`, opened by an action and drawn by a screen. */
  readonly dialog: string | null;
  readonly drawerWidth: number;
  /** The last call of a step that was refused; shown above the step until it is tried again or put away. */
  readonly refused: Partial<Record<StepName, ReplyFailure>>;
}

const KEPT_WIDTH = 'slipway.drawer-width';
const DRAWER_LEAST = 360;
const DRAWER_MOST = 880;

function keptWidth(): number {
  const kept = Number(window.localStorage.getItem(KEPT_WIDTH));
  return kept >= DRAWER_LEAST && kept <= DRAWER_MOST ? kept : 488;
}

const ui = create<Ui>(() => ({
  palette: false,
  shortcuts: false,
  dialog: null,
  drawerWidth: keptWidth(),
  refused: {},
}));

export function useUi<T>(pick: (ui: Ui) => T): T {
  return ui(pick);
}

export function showPalette(palette: boolean): void {
  ui.setState({ palette });
}

export function showShortcuts(shortcuts: boolean): void {
  ui.setState({ shortcuts });
}

export function openDialog(dialog: string): void {
  ui.setState({ dialog });
}

export function closeDialog(): void {
  ui.setState({ dialog: null });
}

export function setDrawerWidth(width: number): void {
  const drawerWidth = Math.round(Math.min(DRAWER_MOST, Math.max(DRAWER_LEAST, width)));
  ui.setState({ drawerWidth });
  window.localStorage.setItem(KEPT_WIDTH, String(drawerWidth));
}

export function setRefused(step: StepName, failure: ReplyFailure | null): void {
  ui.setState(({ refused }) => {
    const { [step]: _, ...others } = refused;
    return { refused: failure === null ? others : { ...others, [step]: failure } };
  });
}
