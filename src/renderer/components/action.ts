/** Something the operator can do: one shape for the top bar, menus, notes and the palette. */
import type { LucideIcon } from 'lucide-react';

export interface Action {
  readonly id: string;
  /** A verb and its object: “Read the source again”. */
  readonly label: string;
  readonly icon?: LucideIcon | undefined;
  readonly run: () => void;
  /** Why it cannot be done now; shown on hover and told to screen readers. */
  readonly cannot?: string | null | undefined;
  /** It deletes or reaches far. */
  readonly danger?: boolean | undefined;
  /** Shown beside it: `R`, `Ctrl+Enter`. */
  readonly keys?: string | undefined;
}
