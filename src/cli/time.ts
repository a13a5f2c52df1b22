/** Times as the JSON contract has them: RFC 3339, UTC; and lengths of time as they are typed. */
import { misused } from '../core/failure';
import { utcText } from '../core/utc-text';

/** Milliseconds since the epoch to `2026-11-24T01:41:09Z`; a fraction is kept only where there is one. */
export function rfc3339(milliseconds: number): string {
  return milliseconds % 1000 === 0
    ? `${utcText(milliseconds / 1000, 'T')}Z`
    : new Date(milliseconds).toISOString().replace('.000Z', 'Z');
}

/** Nanoseconds since the epoch to RFC 3339 with as many digits as needed: `2026-11-24T01:41:10.961988676Z`. */
export function rfc3339Nano(nanoseconds: bigint): string {
  const text = utcText(Number(nanoseconds / 1_000_000_000n), 'T');
  const rest = Number(nanoseconds % 1_000_000_000n);
  if (rest === 0) return `${text}Z`;
  const digits = String(rest).padStart(9, '0');
  let length = 9;
  while (digits.charCodeAt(length - 1) === 48) length -= 1;
  return `${text}.${digits.slice(0, length)}Z`;
}

/** `--stale-days 7`: a number of days, half ones too. */
export function days(value: string): number {
  const number = Number(value);
  if (!/^\d{1,4}(\.\d{1,3})?$/.test(value) || number <= 0) {
    misused('usage/days', `«${value.slice(0, 40)}» is no number of days.`, 'Give a number like 7 or 0.5.');
  }
  return number;
}

/** `--interval 30s`, `5m`, `2h`; a bare number is seconds. Milliseconds. */
export function duration(value: string): number {
  const parts = /^(\d{1,6})(s|m|h)?$/.exec(value);
  const number = Number(parts?.[1] ?? 0);
  if (parts === null || number === 0) {
    misused('usage/duration', `«${value.slice(0, 40)}» is no length of time.`, 'Write it like 30s, 5m or 2h.');
  }
  return number * { s: 1_000, m: 60_000, h: 3_600_000 }[(parts[2] ?? 's') as 's' | 'm' | 'h'];
}

/** `--pending-hours 24`. */
export function wholeHours(value: string): number {
  if (!/^[1-9]\d{0,4}$/.test(value)) {
    misused('usage/hours', `«${value.slice(0, 40)}» is no number of hours.`, 'Give a whole number like 24.');
  }
  return Number(value);
}
