/** Where a key leads in a list; null when it is none of the list's keys. */
export function rowMove(key: string, from: number | null, count: number, page: number): number | null {
  if (count === 0) return null;
  const last = count - 1;
  const to = {
    ArrowDown: from === null ? 0 : from + 1,
    ArrowUp: from === null ? last : from - 1,
    PageDown: (from ?? 0) + page,
    PageUp: (from ?? 0) - page,
    Home: 0,
    End: last,
  }[key];
  return to === undefined ? null : Math.min(last, Math.max(0, to));
}
