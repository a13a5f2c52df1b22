/** Views of one thing, side by side. Arrow keys go from one to the next; the view itself has `role="tabpanel"`. */
import { useId, useRef } from 'react';
import { grouped } from '../format/number';
import { ToneIcon } from './severity-icon';
import type { Tone } from './tone';
import './tab-bar.css';

export interface Tab<T extends string> {
  readonly value: T;
  readonly label: string;
  readonly count?: number | undefined;
  readonly tone?: Tone | undefined;
}

interface TabBarProps<T extends string> {
  readonly label: string;
  readonly tabs: readonly Tab<T>[];
  readonly selected: T;
  readonly onSelect: (value: T) => void;
  /** The id of the view that is shown. */
  readonly panel: string;
}

export function TabBar<T extends string>({
  label,
  tabs,
  selected,
  onSelect,
  panel,
}: TabBarProps<T>): React.JSX.Element {
  const bar = useRef<HTMLDivElement>(null);
  const id = useId();
  const onKeyDown = (event: React.KeyboardEvent): void => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const at = tabs.findIndex(({ value }) => value === selected);
    const place = (at + by + tabs.length) % tabs.length;
    const next = tabs[place];
    if (next === undefined) return;
    onSelect(next.value);
    bar.current?.querySelectorAll<HTMLElement>('[role="tab"]')[place]?.focus();
  };
  return (
    <div ref={bar} className="tabs" role="tablist" aria-label={label} onKeyDown={onKeyDown}>
      {tabs.map(({ value, label: name, count, tone }) => (
        <button
          key={value}
          id={`${id}-${value}`}
          type="button"
          className="tab"
          role="tab"
          aria-selected={value === selected}
          aria-controls={value === selected ? panel : undefined}
          tabIndex={value === selected ? 0 : -1}
          onClick={() => {
            onSelect(value);
          }}
        >
          {tone !== undefined && <ToneIcon tone={tone} />}
          {name}
          {count !== undefined && <span className="tab-count">{grouped(count)}</span>}
        </button>
      ))}
    </div>
  );
}
