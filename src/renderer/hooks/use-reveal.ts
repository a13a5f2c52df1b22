/** Brings an element to the top of what is seen when `key` becomes another: the answer to something asked for above it. */
import { useEffect, useRef } from 'react';

export function useReveal<T extends HTMLElement>(key: string | number | null): React.RefObject<T | null> {
  const element = useRef<T>(null);
  const before = useRef(key);
  useEffect(() => {
    if (before.current === key) return;
    before.current = key;
    if (key !== null) element.current?.scrollIntoView({ block: 'start' });
  }, [key]);
  return element;
}
