/** A few numbers one would rather look at than read: bars or a line. A table says the same to screen readers. */
import { grouped } from '../format/number';
import type { Tone } from './tone';
import './small-chart.css';
import './stacked-bar.css';

export interface ChartPoint {
  readonly label: string;
  readonly value: number;
  readonly tone?: Tone | undefined;
}

interface SmallChartProps {
  readonly label: string;
  readonly points: readonly ChartPoint[];
  readonly kind?: 'bars' | 'line' | undefined;
  readonly height?: number | undefined;
  readonly tone?: Tone | undefined;
  /** A dashed line before this point: today, a wave. */
  readonly mark?: { readonly index: number; readonly label: string } | undefined;
}

const WIDTH = 1000;

export function SmallChart({
  label,
  points,
  kind = 'bars',
  height = 56,
  tone = 'info',
  mark,
}: SmallChartProps): React.JSX.Element {
  const most = Math.max(1, ...points.map(({ value }) => value));
  const room = WIDTH / Math.max(1, points.length);
  const top = (value: number): number => height - (value / most) * (height - 2);
  return (
    <figure className="chart">
      <svg viewBox={`0 0 ${WIDTH} ${height}`} height={height} preserveAspectRatio="none" aria-hidden>
        {kind === 'bars' ? (
          points.map(({ label: name, value, tone: own }, index) => (
            <g key={name}>
              <title>{`${name}: ${grouped(value)}`}</title>
              <rect x={index * room} y={0} width={room} height={height} fill="transparent" />
              <rect
                className={`chart-bar fill-${own ?? tone}`}
                x={index * room + room * 0.12}
                width={room * 0.76}
                y={value === 0 ? height : Math.min(top(value), height - 2)}
                height={value === 0 ? 0 : Math.max(2, height - top(value))}
              />
            </g>
          ))
        ) : (
          <polyline
            className={`chart-line fill-${tone}`}
            points={points.map(({ value }, index) => `${(index + 0.5) * room},${top(value)}`).join(' ')}
          />
        )}
        <line className="chart-base" x1={0} x2={WIDTH} y1={height} y2={height} />
        {mark !== undefined && (
          <line className="chart-mark" x1={mark.index * room} x2={mark.index * room} y1={0} y2={height}>
            <title>{mark.label}</title>
          </line>
        )}
      </svg>
      <div className="chart-ends" aria-hidden>
        <span>{points[0]?.label}</span>
        {points.length > 1 && <span>{points.at(-1)?.label}</span>}
      </div>
      <table className="unseen">
        <caption>{label}</caption>
        <tbody>
          {points.map(({ label: name, value }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{grouped(value)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </figure>
  );
}
