/** Puts text on the clipboard and knows for a moment that it did. */
import { useEffect, useRef, useState } from 'react';
import { call } from '../bridge';
import { announce } from '../stores/announcer';

const SHOWN = 1500;

export function useCopy(): { readonly copied: boolean; readonly copy: (text: string, what?: string) => void } {
  const [copied, setCopied] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(
    () => () => {
      clearTimeout(timer.current);
    },
    [],
  );
  return {
    copied,
    copy: (text, what = '') => {
      void call('clipboard.write', { text }).then((reply) => {
        announce(reply.ok ? `Copied ${what}`.trim() : reply.failure.message);
        if (!reply.ok) return;
        setCopied(true);
        clearTimeout(timer.current);
        timer.current = setTimeout(() => {
          setCopied(false);
        }, SHOWN);
      });
    },
  };
}
