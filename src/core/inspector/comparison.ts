/** Two items side by side: only what differs, field by field. */
import type { Item } from './item';

/** One field that differs. */
export interface Difference {
  /** The item's field; facts as `facts.NAME`. */
  readonly field: string;
  readonly a: string;
  readonly b: string;
}

/** Where an item lies and what was judged about it is not part of it. */
const IGNORED: ReadonlySet<string> = new Set([
  'index',
  'file',
  'path',
  'alsoIn',
  'parent',
  'chain',
  'problems',
  'facts',
]);

const TIMES: ReadonlySet<string> = new Set(['notBefore', 'notAfter']);

/** The fields in which two items differ, in the order of {@link Item}; empty when they are the same. */
export function compare(a: Item, b: Item): Difference[] {
  const fields = Object.keys(a).filter((field) => !IGNORED.has(field)) as (keyof Item)[];
  const differences = fields.flatMap((field) => difference(field, show(field, a[field]), show(field, b[field])));
  for (const name of new Set([...Object.keys(a.facts), ...Object.keys(b.facts)]))
    differences.push(...difference(`facts.${name}`, show(name, a.facts[name]), show(name, b.facts[name])));
  return differences;
}

function difference(field: string, a: string, b: string): Difference[] {
  return a === b ? [] : [{ field, a, b }];
}

function show(field: string, value: unknown): string {
  if (value === null || value === undefined) return '—';
  if (Array.isArray(value)) return value.length === 0 ? '—' : value.join(', ');
  if (TIMES.has(field) && typeof value === 'number') return new Date(value).toISOString().replace('.000Z', 'Z');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
