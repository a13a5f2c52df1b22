/** When the name is switched, in the operator's zone. */
import { useState } from 'react';
import { TextField } from '../../components/field';

interface SwitchTimeProps {
  /** Milliseconds since the epoch; null: not fixed. */
  readonly at: number | null;
  readonly onChange: (at: number | null) => void;
}

export function SwitchTime({ at, onChange }: SwitchTimeProps): React.JSX.Element {
  const [typed, setTyped] = useState(() => (at === null ? '' : localText(at)));
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return (
    <TextField
      label="When the name is switched"
      hint={`In your time (${zone}); without it the steps are told relative to it.`}
      placeholder="2026-12-04 21:00"
      mono
      value={typed}
      error={typed !== '' && localTime(typed) === null ? 'Write it like 2026-12-04 21:00.' : null}
      onChange={(text) => {
        setTyped(text);
        const time = localTime(text);
        if (text === '' || time !== null) onChange(time);
      }}
    />
  );
}

function localTime(text: string): number | null {
  const [, year, month, day, hour, minute] = /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d)$/.exec(text.trim()) ?? [];
  if (year === undefined) return null;
  const date = new Date(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute));
  // The 31st of a month that has none would silently become another day.
  return localText(date.getTime()) === `${year}-${month}-${day} ${hour}:${minute}` ? date.getTime() : null;
}

function localText(at: number): string {
  const date = new Date(at);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`;
}
