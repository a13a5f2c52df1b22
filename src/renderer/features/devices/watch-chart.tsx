/** Migrated devices over time, waves as marks. A table says the same to screen readers. */
import { useId } from 'react';
import type { WatchSeries } from '../../../contract/watch';
import { grouped } from '../../format/number';
import { clock, minute } from '../../format/time';
import './watch-chart.css';

interface WatchChartProps {
  readonly series: WatchSeries;
  /** Imported devices: the line everybody waits to be reached. */
  readonly goal: number;
}

const WIDTH = 600;
const HEIGHT = 40;

export function WatchChart({ series, goal }: WatchChartProps): React.JSX.Element | null {
  const title = useId();
  const { points, marks } = series;
  const [first] = points;
  const last = points.at(-1);
  if (first === undefined || last === undefined || points.length < 2) return null;
  const span = Math.max(1, last.at - first.at);
  const most = Math.max(1, goal, ...points.map(({ migrated }) => migrated));
  const x = (at: number): number => ((at - first.at) / span) * WIDTH;
  const y = (count: number): number => HEIGHT - 2 - (count / most) * (HEIGHT - 6);
  const line = stepped(points.map(({ at, migrated }) => [x(at), y(migrated)]));
  return (
    <figure className="watch-chart" aria-labelledby={title}>
      <figcaption id={title} className="unseen">
        Migrated devices over time
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden>
        <line className="watch-goal" x1={0} x2={WIDTH} y1={y(goal)} y2={y(goal)}>
          <title>{`${grouped(goal)} imported`}</title>
        </line>
        <path className="watch-area" d={`${line} L ${WIDTH} ${HEIGHT} L 0 ${HEIGHT} Z`} />
        <path className="watch-line" d={line} />
        <line className="watch-base" x1={0} x2={WIDTH} y1={HEIGHT} y2={HEIGHT} />
      </svg>
      {marks
        .filter(({ at }) => at >= first.at && at <= last.at)
        .map(({ at, mark, wave }) => (
          <span
            key={`${mark} ${wave} ${at}`}
            className={`watch-mark watch-mark-${mark}`}
            style={{ insetInlineStart: `${(x(at) / WIDTH) * 100}%` }}
            title={`${wave} ${mark === 'wave-done' ? 'done' : 'led to Fleet'}, ${minute(at)}`}
            aria-hidden
          />
        ))}
      <div className="watch-ends" aria-hidden>
        <span>{clock(first.at)}</span>
        <span>{clock(last.at)}</span>
      </div>
      <table className="unseen">
        <caption>Migrated devices over time</caption>
        <tbody>
          {points
            .filter(
              (_, index) => index % Math.max(1, Math.ceil(points.length / 20)) === 0 || index === points.length - 1,
            )
            .map(({ at, migrated }) => (
              <tr key={at}>
                <th scope="row">{minute(at)}</th>
                <td>{grouped(migrated)}</td>
              </tr>
            ))}
        </tbody>
      </table>
    </figure>
  );
}

/** Counts stay until they change: a slope between two looks would show devices that had not come yet. */
function stepped(points: readonly (readonly [number, number])[]): string {
  let path = '';
  let before = 0;
  for (const [index, [x, y]] of points.entries()) {
    path +=
      index === 0
        ? `M ${x.toFixed(1)} ${y.toFixed(1)}`
        : ` L ${x.toFixed(1)} ${before.toFixed(1)} L ${x.toFixed(1)} ${y.toFixed(1)}`;
    before = y;
  }
  return path;
}
