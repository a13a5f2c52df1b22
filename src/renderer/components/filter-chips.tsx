/** Filters as chips with counts: a short list in a row (`FilterChips`), a long one behind a chip (`FilterMenu`). */
import { Menu } from '@mantine/core';
import { Check, ChevronDown } from 'lucide-react';
import { grouped } from '../format/number';
import { ToneIcon } from './severity-icon';
import type { Tone } from './tone';
import './filter-chips.css';

export interface FilterOption<T extends string> {
  readonly value: T;
  readonly label: string;
  readonly count?: number | undefined;
  readonly tone?: Tone | undefined;
}

interface FilterProps<T extends string> {
  readonly label: string;
  readonly options: readonly FilterOption<T>[];
  readonly selected: readonly T[];
  readonly onChange: (selected: T[]) => void;
}

function toggled<T>(list: readonly T[], value: T): T[] {
  return list.includes(value) ? list.filter((other) => other !== value) : [...list, value];
}

export function FilterChips<T extends string>({
  label,
  options,
  selected,
  onChange,
}: FilterProps<T>): React.JSX.Element {
  return (
    <div className="chips" role="group" aria-label={label}>
      {options.map(({ value, label: name, count, tone }) => (
        <button
          key={value}
          type="button"
          className={count === 0 ? 'chip chip-none' : 'chip'}
          aria-pressed={selected.includes(value)}
          onClick={() => {
            onChange(toggled(selected, value));
          }}
        >
          {tone !== undefined && <ToneIcon tone={tone} />}
          {name}
          {count !== undefined && <span className="chip-count">{grouped(count)}</span>}
        </button>
      ))}
    </div>
  );
}

export function FilterMenu<T extends string>({
  label,
  options,
  selected,
  onChange,
}: FilterProps<T>): React.JSX.Element {
  const chosen = options.filter(({ value }) => selected.includes(value));
  const [first] = chosen;
  const text =
    first === undefined ? label : chosen.length === 1 ? `${label}: ${first.label}` : `${label}: ${chosen.length}`;
  return (
    <Menu closeOnItemClick={false} position="bottom-start">
      <Menu.Target>
        <button type="button" className={chosen.length > 0 ? 'chip chip-on' : 'chip'}>
          {text}
          <ChevronDown size={14} aria-hidden />
        </button>
      </Menu.Target>
      <Menu.Dropdown className="chip-menu" aria-label={label}>
        {options.map(({ value, label: name, count }) => (
          <Menu.Item
            key={value}
            role="menuitemcheckbox"
            aria-checked={selected.includes(value)}
            leftSection={
              selected.includes(value) ? <Check size={14} aria-hidden /> : <span className="chip-unchecked" />
            }
            onClick={() => {
              onChange(toggled(selected, value));
            }}
          >
            <span>{name}</span>
            {count !== undefined && <span className="chip-count">{grouped(count)}</span>}
          </Menu.Item>
        ))}
        {chosen.length > 0 && (
          <>
            <Menu.Divider />
            <Menu.Item
              leftSection={<span className="chip-unchecked" />}
              onClick={() => {
                onChange([]);
              }}
            >
              Any
            </Menu.Item>
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}
