/** A word in the corner, for what happened out of sight (a file was written). Never for errors: those stay in place. */
import { create } from 'zustand';
import { announce } from '../stores/announcer';

export interface Toast {
  readonly id: number;
  readonly text: string;
}

const SHOWN = 6000;
const MOST = 3;
let last = 0;

export const useToasts = create<{ readonly toasts: readonly Toast[] }>(() => ({ toasts: [] }));

export function toast(what: string, more = ''): void {
  last += 1;
  const id = last;
  const text = more === '' ? what : `${what}: ${more}`;
  useToasts.setState(({ toasts }) => ({ toasts: [...toasts, { id, text }].slice(-MOST) }));
  announce(text);
  setTimeout(() => {
    dropToast(id);
  }, SHOWN);
}

export function dropToast(id: number): void {
  useToasts.setState(({ toasts }) => ({ toasts: toasts.filter((other) => other.id !== id) }));
}
