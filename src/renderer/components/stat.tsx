/** A number worth looking at. With `onSelect` it is a filter: pressed while it applies. Put several into `<Stats>`. */
import { grouped } from '../format/number';
import { ToneIcon } from './severity-icon';
import type { Tone } from './tone';
import './stat.css';

interface StatProps {
  readonly label: string;
  /** A number is grouped; text is shown as it is. */
  readonly value: number | string;
  readonly note?: string | undefined;
  readonly tone?: Tone | undefined;
  readonly selected?: boolean | undefined;
  readonly onSelect?: (() => void) | undefined;
}

export function Stat({ label, value, note, tone, selected = false, onSelect }: StatProps): React.JSX.Element {
  const content = (
    <>
      <span className="stat-label">
        {tone !== undefined && <ToneIcon tone={tone} />}
        {label}
      </span>
      <span className="stat-value">{typeof value === 'number' ? grouped(value) : value}</span>
      {note !== undefined && <span className="stat-note">{note}</span>}
    </>
  );
  return onSelect === undefined ? (
    <div className="stat">{content}</div>
  ) : (
    <button type="button" className="stat" aria-pressed={selected} onClick={onSelect}>
      {content}
    </button>
  );
}

export function Stats({
  label,
  children,
}: {
  readonly label: string;
  readonly children: React.ReactNode;
}): React.JSX.Element {
  return (
    <div className="stats" role="group" aria-label={label}>
      {children}
    </div>
  );
}
