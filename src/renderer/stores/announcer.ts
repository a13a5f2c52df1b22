/** Words for screen readers: what happened, said once, politely. */
import { create } from 'zustand';

interface Said {
  readonly text: string;
  /** Makes the same words said twice two announcements. */
  readonly turn: number;
}

export const useSaid = create<Said>(() => ({ text: '', turn: 0 }));

export function announce(text: string): void {
  useSaid.setState(({ turn }) => ({ text, turn: turn + 1 }));
}
