/** What a step of the rail is, to the frame: one entry of the table in steps.tsx. */
import type { LucideIcon } from 'lucide-react';
import type { AppState, StepName } from '../../contract/state';
import type { Action } from '../components/action';

/** A store outside the app's state; what it answers is the same thing until something changes. */
export interface Typed {
  readonly subscribe: (onChange: () => void) => () => void;
  readonly getState: () => unknown;
}

export interface StepScreen {
  readonly name: StepName;
  readonly title: string;
  /** What the step is for, in one sentence. */
  readonly sentence: string;
  readonly icon: LucideIcon;
  /** Null: not in the window yet; `instead` says what does it meanwhile. */
  readonly Screen: React.ComponentType | null;
  readonly instead?: string | undefined;
  /** The screen takes the whole room and scrolls inside itself (tables); others get 1,400 px at most. */
  readonly fills?: boolean | undefined;
  /** The step shows its failure itself (beside a form); else the frame does, above the screen. */
  readonly showsFailure?: boolean | undefined;
  /** The step's one primary action now; plain function of the state (and of what is typed), so that top bar and palette agree. */
  readonly primary?: ((state: AppState) => Action | null) | undefined;
  /** What is typed and not saved yet, where the primary action depends on it too. */
  readonly typed?: Typed | undefined;
  /** Secondary actions now: the menu beside it, and the palette. */
  readonly more?: ((state: AppState) => readonly Action[]) | undefined;
}
