/** Keys that work anywhere in the window. Plain characters are left alone while somebody types. */
import { useEffect, useRef } from 'react';

const APPLE = navigator.platform.startsWith('Mac');

/** How the command key is called on this machine. */
export const COMMAND = APPLE ? '⌘' : 'Ctrl';

/** `mod+k`, `/`, `?`: `mod` is Cmd on a Mac and Ctrl elsewhere. */
export function useShortcut(keys: string, run: () => void): void {
  const latest = useRef(run);
  useEffect(() => {
    latest.current = run;
  });
  useEffect(() => {
    const mod = keys.startsWith('mod+');
    const key = mod ? keys.slice(4) : keys;
    const listen = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.isComposing || event.altKey) return;
      if (event.key.toLowerCase() !== key) return;
      if (mod !== (APPLE ? event.metaKey : event.ctrlKey)) return;
      if (!mod && (event.ctrlKey || event.metaKey || isTyping(event.target))) return;
      // A dialog on top keeps the keys to itself.
      if (document.querySelector('[role="dialog"][aria-modal="true"]') !== null && keys !== 'mod+k') return;
      event.preventDefault();
      latest.current();
    };
    window.addEventListener('keydown', listen);
    return () => {
      window.removeEventListener('keydown', listen);
    };
  }, [keys]);
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.matches('textarea, select, input:not([type="checkbox"], [type="radio"])'))
  );
}

/** Ctrl on most machines, Cmd on a Mac. */
export function holdsCommand(event: { readonly metaKey: boolean; readonly ctrlKey: boolean }): boolean {
  return APPLE ? event.metaKey : event.ctrlKey;
}
