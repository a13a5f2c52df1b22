/**
 * JSON in one canonical form: keys in the order of their code units, no white space. Equal values give equal bytes,
 * however a file was laid out.
 */
import { createHash } from 'node:crypto';
import { MadeSequence, type Sequence } from '../sequence';

/** Canonical JSON of a value made of objects, arrays, strings, finite numbers, booleans and null. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const fields: string[] = [];
    const entries = value as Readonly<Record<string, unknown>>;
    for (const key of Object.keys(entries).sort()) {
      const field = entries[key];
      if (field !== undefined) fields.push(`${JSON.stringify(key)}:${canonicalJson(field)}`);
    }
    return `{${fields.join(',')}}`;
  }
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new TypeError(`${typeof value} has no JSON form`);
  return text;
}

/** Lower-case hex SHA-256 of the canonical JSON. Lists are hashed item by item, so a large one needs no large text. */
export function canonicalHash(value: Readonly<Record<string, unknown>>): string {
  const hash = createHash('sha256');
  hash.update('{');
  let first = true;
  for (const key of Object.keys(value).sort()) {
    const field = value[key];
    if (field === undefined) continue;
    hash.update(`${first ? '' : ','}${JSON.stringify(key)}:`);
    first = false;
    if (Array.isArray(field) || field instanceof MadeSequence) {
      hash.update('[');
      (field as Sequence<unknown>).forEach(
        (item, index) => void hash.update(`${index === 0 ? '' : ','}${canonicalJson(item)}`),
      );
      hash.update(']');
    } else hash.update(canonicalJson(field));
  }
  return hash.update('}').digest('hex');
}
