/** Instants as text, fast: fifty thousand devices have four of them each, and a `Date` for each is slow. */

const DAY_SECONDS = 86_400;

/** 9999-12-31 and before: years of four digits. */
const LAST_DAY = 2_932_896;

/** Days printed lately; devices share a few hundred. */
const days = new Map<number, string>();

const two = Array.from({ length: 60 }, (_, number) => String(number).padStart(2, '0'));

/** Whole seconds since the epoch as `YYYY-MM-DDThh:mm:ss`, UTC, with this between day and time. */
export function utcText(seconds: number, between: 'T' | ' '): string {
  const day = Math.floor(seconds / DAY_SECONDS);
  if (!(day >= 0 && day <= LAST_DAY))
    return new Date(seconds * 1000).toISOString().replace('.000Z', '').replace('T', between);
  const second = seconds - day * DAY_SECONDS;
  const minute = Math.floor(second / 60);
  const hour = Math.floor(minute / 60);
  return `${dayText(day)}${between}${two[hour]}:${two[minute - hour * 60]}:${two[second - minute * 60]}`;
}

function dayText(day: number): string {
  let text = days.get(day);
  if (text === undefined) {
    text = new Date(day * DAY_SECONDS * 1000).toISOString().slice(0, 10);
    // A hostile file may name any day there is.
    if (days.size >= 4096) days.clear();
    days.set(day, text);
  }
  return text;
}

/** The instants a MySQL TIMESTAMP can hold, milliseconds: 1970-01-01 00:00:01 to 2038-01-19 03:14:07 UTC. */
const TIMESTAMP_FIRST = 1_000;
export const TIMESTAMP_LAST = 2_147_483_647_000;

/**
 * Milliseconds since the epoch as a TIMESTAMP, `YYYY-MM-DD hh:mm:ss` in UTC, seconds cut off (MySQL would round them
 * up, perhaps into the future). What lies outside of MySQL's range becomes its nearest end.
 */
export function timestampText(milliseconds: number): string {
  const within = Math.min(Math.max(milliseconds, TIMESTAMP_FIRST), TIMESTAMP_LAST);
  return utcText(Math.floor(within / 1000), ' ');
}
