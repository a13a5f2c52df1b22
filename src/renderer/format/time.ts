/** Times as the operator reads them: in their own zone, in an order that sorts. */
import { span } from './number';

function two(value: number): string {
  return String(value).padStart(2, '0');
}

export function day(at: number): string {
  const date = new Date(at);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

export function minute(at: number): string {
  const date = new Date(at);
  return `${day(at)} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** The time of day, with the day when it is another one than today. */
export function clock(at: number): string {
  const text = minute(at);
  return day(at) === day(Date.now()) ? text.slice(11) : text;
}

export function second(at: number): string {
  return `${minute(at)}:${two(new Date(at).getSeconds())}`;
}

export function utc(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** “3 h ago”, “in 12 days”. */
export function distance(at: number, now: number): string {
  const seconds = Math.abs(now - at) / 1000;
  // The clock here is moved on every half minute: what just happened may lie a little ahead of it.
  if (seconds < 5 || (at > now && seconds < 45)) return 'just now';
  return at <= now ? `${span(seconds)} ago` : `in ${span(seconds)}`;
}
