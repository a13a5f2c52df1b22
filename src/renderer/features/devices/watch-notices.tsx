/** Says what watching has to tell, wherever the operator is: a wave is done. Shows nothing itself. */
import { useEffect, useRef } from 'react';
import type { WatchSummary } from '../../../contract/watch';
import { toast } from '../../components/toast';
import { useAppState } from '../../stores/app-state';

const NONE: WatchSummary['notices'] = [];

export function WatchNotices(): null {
  const notices = useAppState((state) => state.watch?.notices ?? NONE);
  const last = notices.at(-1)?.id ?? 0;
  const said = useRef<number | null>(null);
  useEffect(() => {
    // What was told before this window was drawn is not news.
    said.current ??= last;
    for (const { id, sentence } of notices) if (id > said.current) toast(sentence);
    said.current = last;
  }, [notices, last]);
  return null;
}
