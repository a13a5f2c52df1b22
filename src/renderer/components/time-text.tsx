/** A time in the operator's zone, with UTC (and how long ago) on hover. Null is said in words. */
import { useNow } from '../hooks/use-now';
import { day, distance, minute, second, utc } from '../format/time';

interface TimeTextProps {
  readonly at: number | null;
  readonly as?: 'day' | 'minute' | 'second' | 'distance' | undefined;
  /** What stands there when there is no time. */
  readonly none?: string | undefined;
}

const FORMATS = { day, minute, second } as const;

export function TimeText({ at, as = 'minute', none = 'never' }: TimeTextProps): React.JSX.Element {
  const now = useNow();
  if (at === null) return <span className="muted">{none}</span>;
  const far = distance(at, now);
  return (
    <time
      className="tabular"
      dateTime={new Date(at).toISOString()}
      title={as === 'distance' ? `${second(at)}\n${utc(at)}` : `${utc(at)}\n${far}`}
    >
      {as === 'distance' ? far : FORMATS[as](at)}
    </time>
  );
}
