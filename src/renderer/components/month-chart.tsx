/**
 * How many of something end in each month, with today marked: what is past, what is near, what lies far off. Long spans
 * are drawn by quarter or by year. A table says the same to screen readers.
 */
import { counted } from '../format/number';
import './month-chart.css';

interface MonthChartProps {
  readonly label: string;
  /** `2026-12` and how many. */
  readonly months: readonly { readonly month: string; readonly count: number }[];
  readonly now: number;
  /** What is counted: “certificate”. */
  readonly unit: string;
}

const MOST_BARS = 48;
/** Months that count as near. */
const NEAR = 2;
const HEIGHT = 72;
const BAR = 10;
const NAMES = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

interface Bar {
  readonly name: string;
  /** Months since year 0 of its first month, and how many it spans. */
  readonly from: number;
  readonly spans: number;
  readonly count: number;
}

export function MonthChart({ label, months, now, unit }: MonthChartProps): React.JSX.Element {
  const today = new Date(now);
  const current = today.getUTCFullYear() * 12 + today.getUTCMonth();
  const bars = barsOf(months, current);
  const most = Math.max(1, ...bars.map(({ count }) => count));
  const first = bars[0]?.from ?? current;
  const spans = bars[0]?.spans ?? 1;
  const mark = (current + today.getUTCDate() / 31 - first) / spans;
  const width = bars.length * BAR;
  return (
    <figure className="months">
      <figcaption className="unseen">{label}</figcaption>
      <div className="months-plot">
        <svg viewBox={`0 0 ${width} ${HEIGHT}`} height={HEIGHT} preserveAspectRatio="none" aria-hidden>
          {bars.map(({ name, from, spans: length, count }, index) => (
            <g key={from}>
              <title>{`${name}: ${counted(count, unit)}`}</title>
              <rect x={index * BAR} y={0} width={BAR} height={HEIGHT} fill="transparent" />
              {count > 0 && (
                <rect
                  className={`months-bar fill-${toneOf(from + length - 1, current)}`}
                  x={index * BAR + 1}
                  width={BAR - 2}
                  y={HEIGHT - Math.max(2, (count / most) * (HEIGHT - 4))}
                  height={Math.max(2, (count / most) * (HEIGHT - 4))}
                />
              )}
            </g>
          ))}
          <line className="months-base" x1={0} x2={width} y1={HEIGHT} y2={HEIGHT} />
        </svg>
        <span className="months-most" aria-hidden>
          up to {counted(most, unit)}
        </span>
        <span
          className="months-today"
          style={{ insetInlineStart: `${Math.min(100, Math.max(0, (mark / bars.length) * 100))}%` }}
          aria-hidden
        >
          <span className={mark / bars.length > 0.85 ? 'months-today-left' : ''}>today</span>
        </span>
      </div>
      <div className="months-axis" aria-hidden>
        {ticksOf(bars).map(({ place, text }) => (
          <span key={place} style={{ insetInlineStart: `${((place + 0.5) / bars.length) * 100}%` }}>
            {text}
          </span>
        ))}
      </div>
      <table className="unseen">
        <caption>{label}</caption>
        <tbody>
          {bars
            .filter(({ count }) => count > 0)
            .map(({ name, from, count }) => (
              <tr key={from}>
                <th scope="row">{name}</th>
                <td>{counted(count, unit)}</td>
              </tr>
            ))}
        </tbody>
      </table>
    </figure>
  );
}

function toneOf(month: number, current: number): 'bad' | 'caution' | 'info' {
  if (month < current) return 'bad';
  return month <= current + NEAR ? 'caution' : 'info';
}

function barsOf(months: MonthChartProps['months'], current: number): Bar[] {
  const counts = new Map<number, number>();
  for (const { month, count } of months) {
    const [year = 0, number = 1] = month.split('-').map(Number);
    counts.set(year * 12 + number - 1, count);
  }
  const first = Math.min(current, ...counts.keys());
  // A year at least, so that a single month does not fill the picture.
  const last = Math.max(first + 11, current, ...counts.keys());
  const spans = [1, 3, 12].find((size) => (last - first + 1) / size <= MOST_BARS) ?? 60;
  const bars: Bar[] = [];
  for (let from = first - (first % spans); from <= last; from += spans) {
    let count = 0;
    for (let month = from; month < from + spans; month += 1) count += counts.get(month) ?? 0;
    bars.push({ name: nameOf(from, spans), from, spans, count });
  }
  return bars;
}

function nameOf(from: number, spans: number): string {
  const year = Math.floor(from / 12);
  const month = NAMES[from % 12] ?? '';
  if (spans === 1) return `${month} ${year}`;
  if (spans === 3) return `${month} to ${NAMES[(from + 2) % 12] ?? ''} ${year}`;
  return spans === 12 ? String(year) : `${year} to ${year + spans / 12 - 1}`;
}

/** About a dozen names below the bars, never so many that they touch. */
function ticksOf(bars: readonly Bar[]): { place: number; text: string }[] {
  const every = Math.max(1, Math.ceil(bars.length / 12));
  return bars.flatMap(({ from, spans }, place) => {
    if (place % every !== 0) return [];
    const year = String(Math.floor(from / 12));
    if (spans >= 12) return [{ place, text: year }];
    return [{ place, text: `${NAMES[from % 12] ?? ''} ${year.slice(2)}` }];
  });
}
