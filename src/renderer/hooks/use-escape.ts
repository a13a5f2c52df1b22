/** Esc closes the topmost thing: what was opened last is asked first. */
import { useEffect, useRef } from 'react';

const layers: { readonly close: () => void }[] = [];

window.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || event.defaultPrevented || event.isComposing) return;
  const top = layers.at(-1);
  if (top === undefined) return;
  event.preventDefault();
  top.close();
});

export function useEscape(open: boolean, close: () => void): void {
  const latest = useRef(close);
  useEffect(() => {
    latest.current = close;
  });
  useEffect(() => {
    if (!open) return;
    const layer = {
      close: () => {
        latest.current();
      },
    };
    layers.push(layer);
    return () => {
      layers.splice(layers.indexOf(layer), 1);
    };
  }, [open]);
}
