/** When what was found ends, on one line with today on it. */
import type { InspectedItem } from '../../../contract/inspection';
import { day, distance } from '../../format/time';
import { select, titleOf } from './inspection-store';

const DAY = 86_400_000;
const YEAR = 365 * DAY;
/** Marks on the line; the soonest are what matters. */
const MOST_MARKS = 60;

interface ExpiryLineProps {
  readonly items: readonly InspectedItem[];
  readonly now: number;
  readonly selected: number;
}

export function ExpiryLine({ items, now, selected }: ExpiryLineProps): React.JSX.Element | null {
  const ends = items
    .flatMap((item) => (item.notAfter === null ? [] : [{ item, at: item.notAfter }]))
    .sort((a, b) => a.at - b.at)
    .slice(0, MOST_MARKS);
  const [first] = ends;
  if (first === undefined) return null;
  const from = Math.max(Math.min(first.at, now) - 30 * DAY, now - 2 * YEAR);
  const to = Math.max(...ends.map(({ at }) => Math.min(at, now + 6 * YEAR)), now + YEAR) + 60 * DAY;
  const place = (at: number): number => (100 * (Math.min(Math.max(at, from), to) - from)) / (to - from);
  return (
    <div className="expiry" role="group" aria-label="When certificates end">
      <div className="expiry-line">
        <div className="expiry-past" style={{ width: `${place(now)}%` }} />
        <div className="expiry-now" style={{ left: `${place(now)}%` }}>
          <span>today</span>
        </div>
        {ends.map(({ item, at }) => (
          <button
            key={item.index}
            type="button"
            className={`expiry-mark ${toneOf(at, now)} ${item.index === selected ? 'expiry-mark-selected' : ''}`}
            style={{ left: `${place(at)}%` }}
            title={`${titleOf(item)} ${at > now ? 'ends' : 'ended'} ${day(at)}`}
            aria-label={`${titleOf(item)} ${at > now ? 'ends' : 'ended'} ${distance(at, now)}`}
            onClick={() => {
              select(item.index);
            }}
          />
        ))}
      </div>
      <div className="expiry-ends" aria-hidden>
        <span>{day(from)}</span>
        <span>{day(to)}</span>
      </div>
    </div>
  );
}

function toneOf(at: number, now: number): string {
  if (at <= now) return 'expiry-mark-bad';
  return at - now < 60 * DAY ? 'expiry-mark-caution' : 'expiry-mark-good';
}
