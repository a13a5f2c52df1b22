/** A UDID, hash or other long id: shortened in the middle, whole on hover, copied on click. */
import { Check } from 'lucide-react';
import { useCopy } from '../hooks/use-copy';
import { shortened } from '../format/id';
import './short-id.css';

interface ShortIdProps {
  readonly value: string;
  /** What it is: “UDID”, “SHA-256”. */
  readonly label: string;
  /** Characters kept at each end; 0 shows all of it. */
  readonly ends?: number | undefined;
  /** Shown whole inside an element of the class `ids-whole`. */
  readonly grows?: boolean | undefined;
  /** -1 inside a grid, whose cells are not reached one by one. */
  readonly tabIndex?: number | undefined;
}

export function ShortId({ value, label, ends = 6, grows = false, tabIndex }: ShortIdProps): React.JSX.Element {
  const { copied, copy } = useCopy();
  return (
    <button
      type="button"
      className={grows ? 'short-id short-id-grows' : 'short-id'}
      title={`${value}\nClick to copy`}
      tabIndex={tabIndex}
      onClick={(event) => {
        event.stopPropagation();
        copy(value, label);
      }}
    >
      <span className="unseen">{`Copy ${label} ${value}`}</span>
      <span className="short-id-ends" aria-hidden>
        {ends === 0 ? value : shortened(value, ends)}
      </span>
      {grows && (
        <span className="short-id-whole" aria-hidden>
          {value}
        </span>
      )}
      {copied && <Check className="short-id-copied" size={12} aria-hidden />}
    </button>
  );
}
