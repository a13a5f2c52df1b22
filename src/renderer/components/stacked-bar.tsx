/** Parts of a whole in one bar. The legend carries icons, words and numbers; the bar is only the picture of it. */
import { grouped } from '../format/number';
import { ToneIcon } from './severity-icon';
import type { Tone } from './tone';
import './stacked-bar.css';

export interface Share {
  readonly key: string;
  readonly label: string;
  readonly value: number;
  readonly tone: Tone;
}

interface StackedBarProps {
  readonly label: string;
  readonly shares: readonly Share[];
  /** Off where a neighbour carries the same numbers. */
  readonly legend?: boolean | undefined;
}

export function StackedBar({ label, shares, legend = true }: StackedBarProps): React.JSX.Element {
  const present = shares.filter(({ value }) => value > 0);
  const spoken = present.map((share) => `${grouped(share.value)} ${share.label}`).join(', ');
  return (
    <div className="stacked">
      <div className="stacked-bar" role="img" aria-label={`${label}: ${spoken === '' ? 'none' : spoken}`}>
        {present.map(({ key, value, tone, label: name }) => (
          <div
            key={key}
            className={`stacked-part fill-${tone}`}
            style={{ flexGrow: value }}
            title={`${grouped(value)} ${name}`}
          />
        ))}
      </div>
      {legend && (
        <ul className="stacked-legend" aria-hidden>
          {shares.map(({ key, value, tone, label: name }) => (
            <li key={key}>
              <ToneIcon tone={tone} />
              {name} {grouped(value)}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
