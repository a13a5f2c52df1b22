/** The polite live region: what was announced, and of a job its start, each quarter and its end, nothing between. */
import { useEffect, useRef } from 'react';
import { useMaybeState } from '../stores/app-state';
import { announce, useSaid } from '../stores/announcer';

export function Announcer(): React.JSX.Element {
  const { text, turn } = useSaid();
  useJobWords();
  return (
    <div className="unseen" role="status" aria-live="polite">
      {/* A space more or less makes the same words a change. */}
      {turn % 2 === 0 ? text : `${text} `}
    </div>
  );
}

function useJobWords(): void {
  const job = useMaybeState().state?.job ?? null;
  const label = job?.label ?? null;
  const quarter = job?.total == null || job.total === 0 ? 0 : Math.floor((job.done / job.total) * 4);
  const before = useRef<string | null>(null);
  useEffect(() => {
    if (label === null) {
      if (before.current !== null) announce(`${before.current}: finished`);
    } else if (before.current !== label) announce(`${label}: started`);
    else if (quarter > 0 && quarter < 4) announce(`${label}: ${quarter * 25} percent`);
    before.current = label;
  }, [label, quarter]);
}
