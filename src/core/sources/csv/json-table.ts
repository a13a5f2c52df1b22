/** A table in JSON: an array of devices, each with its `users` and, where it has several, its `certificates`. */
import { unreadable } from '../../failure';
import { COLUMN, COLUMNS, isColumn, nearestColumn, type Cells, type ColumnName } from './column';
import type { Place, ProblemLog } from './problem-log';

/** JSON is read whole, so it is bounded more tightly than CSV. */
export const MAX_JSON_CHARACTERS = 128 * 1024 * 1024;

const MOST_DEVICES = 1_000_000;
const MOST_PARTS = 1_000;

const inUser: readonly ColumnName[] = COLUMNS.filter(({ part }) => part === 'user' || part === 'push').map(
  ({ name }) => name,
);
const inCertificate: readonly ColumnName[] = COLUMNS.filter(({ part }) => part === 'certificate').map(
  ({ name }) => name,
);
const inDevice: readonly ColumnName[] = COLUMNS.filter(({ part }) => part !== 'user').map(({ name }) => name);

/**
 * Gives the rows a CSV table of the same devices would have.
 * @throws FailureError `csv/not-json`, `csv/invalid`
 */
export function readJsonTable(
  path: string,
  text: string,
  log: ProblemLog,
  take: (cells: Cells, place: Place) => void,
): void {
  const table = parse(path, text);
  if (!Array.isArray(table))
    return unreadable(
      'csv/not-json',
      `${path} is JSON, but no array of devices.`,
      '`slipway template json` writes an example; docs/source-table.md describes every field.',
      { path },
    );
  if (table.length > MOST_DEVICES) {
    log.add({ row: 'the array' }, null, `it has more than ${MOST_DEVICES.toLocaleString('en')} devices`);
    return;
  }
  for (const [at, item] of table.entries()) readDevice(item as unknown, { row: `item ${at + 1}` }, log, take);
}

function readDevice(item: unknown, place: Place, log: ProblemLog, take: (cells: Cells, place: Place) => void): void {
  const fields = asObject(item);
  if (fields === null) {
    log.add(place, null, 'it is no object with the fields of a device');
    return;
  }
  const { users, certificates, ...own } = fields;
  const cells = readFields(own, inDevice, place, log);
  take(cells, place);
  const { udid } = cells;
  const key: Cells = udid === undefined ? {} : { udid };
  for (const [part, list, known] of [
    ['certificates', certificates, inCertificate],
    ['users', users, inUser],
  ] as const) {
    if (list === undefined || list === null) continue;
    if (!Array.isArray(list) || list.length > MOST_PARTS) {
      log.add(place, part, `it is no array of at most ${MOST_PARTS} objects`);
      continue;
    }
    for (const [at, entry] of list.entries()) {
      const inside = { row: `${place.row}, ${part}[${at}]` };
      const found = asObject(entry as unknown);
      if (found === null) log.add(inside, null, 'it is no object');
      else if (part === 'users' && !textOf(found['user_id'])) log.add(inside, 'user_id', 'it is missing');
      else take({ ...key, ...readFields(found, known, inside, log) }, inside);
    }
  }
}

function readFields(
  fields: Readonly<Record<string, unknown>>,
  known: readonly ColumnName[],
  place: Place,
  log: ProblemLog,
): Cells {
  const cells: Cells = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value === null || value === '') continue;
    if (!isColumn(name) || !known.includes(name)) {
      const shown = name.length > 40 ? `${name.slice(0, 40)}…` : name;
      const why = isColumn(name)
        ? 'it does not belong here'
        : `it is no field of such a table; did you mean ${nearestColumn(name)}?`;
      log.add(place, shown, why);
    } else if (typeof value === 'string') {
      cells[name] = value;
    } else if (typeof value === 'boolean' && COLUMN[name].form === 'yes-no') {
      cells[name] = String(value);
    } else {
      const kind = Array.isArray(value) ? 'an array' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
      log.add(place, name, `it is ${kind}; write it as text in quotes, or a number loses digits and zeros`);
    }
  }
  return cells;
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
  } catch (error) {
    // V8 quotes the text around the place, which may be a secret; only the place is taken from what it says.
    const position = /position (\d+)/.exec(error instanceof Error ? error.message : '')?.[1];
    const before = position === undefined ? null : text.slice(0, Number(position));
    const line = before === null ? null : before.split('\n').length;
    return unreadable(
      'csv/not-json',
      `${path} begins like JSON and is none${line === null ? '' : `: it goes wrong in line ${line}`}.`,
      'Correct it there (a missing comma or bracket), then read it again.',
      { path, line },
    );
  }
}

function asObject(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : null;
}

function textOf(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}
