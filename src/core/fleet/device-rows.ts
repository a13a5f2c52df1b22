/**
 * The rows of devices in Fleet's tables: read in batches, compared, written.
 *
 * Everything here is about values and statements; what may be done to which device is decided by the migration.
 */
import { createHash } from 'node:crypto';
import { refused } from '../failure';
import type { FleetConnection, Value } from './connection';
import { MIGRATION_TABLES, type MigrationTable, type TargetSchema } from './schema';

/** One row as it stands in the target: every column the schema has, `created_at` included. */
export type FoundRow = Readonly<Record<string, Value>>;

/** Rows by table. */
export type RowSet = Readonly<Record<MigrationTable, readonly FoundRow[]>>;

/** A sign of life of an enrollment: when Fleet last saw it, or stored a command result of it. Null: time unknown. */
export interface Contact {
  readonly id: string;
  readonly at: string | null;
}

/** All that Fleet's database holds about one device, as far as the migration looks at it. */
export interface TargetDevice {
  /** As asked for. Ids in the rows may differ from it in case: the tables' collation does not tell them apart. */
  readonly udid: string;
  readonly rows: RowSet;
  /** From `nano_seen_times`, where that table exists. */
  readonly seen: readonly Contact[];
  /** Newest command result of each enrollment. */
  readonly results: readonly Contact[];
}

/** The columns that identify a row. */
export const KEY_COLUMNS: Readonly<Record<MigrationTable, readonly string[]>> = {
  nano_devices: ['id'],
  nano_users: ['id', 'device_id'],
  nano_enrollments: ['id'],
  nano_cert_auth_associations: ['id', 'sha256'],
};

/** The column that says which device a row belongs to. */
const OWNER: Readonly<Record<MigrationTable, 'id' | 'device_id'>> = {
  nano_devices: 'id',
  nano_users: 'device_id',
  nano_enrollments: 'device_id',
  nano_cert_auth_associations: 'id',
};

/** Index a read goes through. A hint only: where an index is called otherwise MySQL chooses itself. */
const INDEX: Readonly<Record<MigrationTable, string>> = {
  nano_devices: 'PRIMARY',
  nano_users: 'device_id',
  nano_enrollments: 'device_id',
  nano_cert_auth_associations: 'PRIMARY',
};

/**
 * The key ids are compared by. Fleet's collation (utf8mb4_unicode_ci) takes upper and lower case, accents and
 * trailing spaces for the same; for the ASCII ids devices have, this folds just as far.
 */
export function foldId(id: string): string {
  // eslint-disable-next-line no-control-regex -- ASCII is what it looks for
  if (/^[\u0000-\u007f]*$/.test(id)) return id.toLowerCase().trimEnd();
  return id
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .toLowerCase()
    .trimEnd();
}

/** How devices are read. */
export interface Reading {
  /** Keep the rows locked until the transaction ends. */
  readonly lock?: boolean;
  /** Also look for seen times and command results of devices that have rows; default true. */
  readonly contacts?: boolean;
}

/**
 * Reads all rows of the devices, in one statement a table. With `lock` the rows stay locked until the transaction
 * ends (call it inside one); rows that do not exist cannot be locked under READ COMMITTED, so a writer must insert
 * plainly and look again when it meets a duplicate.
 */
export async function readDevices(
  connection: FleetConnection,
  schema: TargetSchema,
  udids: readonly string[],
  reading: Reading = {},
): Promise<ReadonlyMap<string, TargetDevice>> {
  const lock = reading.lock ?? false;
  const devices = new Map<string, Gathered>();
  const byFold = new Map<string, Gathered>();
  for (const udid of udids) {
    const gathered: Gathered = {
      udid,
      rows: { nano_devices: [], nano_users: [], nano_enrollments: [], nano_cert_auth_associations: [] },
      seen: [],
      results: [],
    };
    devices.set(udid, gathered);
    byFold.set(foldId(udid), gathered);
  }
  if (udids.length === 0) return devices;

  const enrollmentOwner = new Map<string, Gathered>();
  // The order Fleet itself takes its locks in: device, users, enrollments, associations.
  for (const table of MIGRATION_TABLES) {
    const rows = await readTable(connection, schema, table, udids, lock);
    for (const row of rows) {
      const owner = ownerOf(byFold, String(row[OWNER[table]]), table);
      owner.rows[table].push(row);
      if (table === 'nano_enrollments') enrollmentOwner.set(foldId(String(row['id'])), owner);
    }
  }
  if (!lock) {
    // An enrollment of that id under another device: the id is taken, so the device is not what it seems. A writer
    // need not look: its plain INSERT is refused.
    const strays = await connection.query<Record<string, Value>>(
      `SELECT /*+ INDEX(nano_enrollments PRIMARY) */ ${schema.columns.nano_enrollments.map(quoted).join(', ')} ` +
        `FROM nano_enrollments WHERE id IN (${places(udids.length)}) AND device_id <> id`,
      udids,
    );
    for (const row of strays) {
      const owner = ownerOf(byFold, String(row['id']), 'nano_enrollments');
      if (foldId(String(row['device_id'])) !== foldId(owner.udid)) owner.rows.nano_enrollments.push(row);
    }
  }
  for (const device of devices.values()) sortRows(device.rows);

  // Where no row stands there is nothing a contact could have touched.
  const present = [...devices.values()].filter((device) => !isAbsent(device)).map((device) => device.udid);
  if (reading.contacts === false || present.length === 0) return devices;

  if (schema.seenStorage === 'table') {
    const found = await connection.query<{ id: string; seen_time: string | null }>(
      `SELECT id, seen_time FROM nano_seen_times WHERE id IN (${places(present.length)})` +
        // A user channel counts also when its enrollment is gone: the table has no foreign key.
        ` OR ${present.map(() => "id LIKE ? ESCAPE '|'").join(' OR ')}`,
      [...present, ...present.map((udid) => `${udid.replace(/[|%_]/g, '|$&')}:%`)],
    );
    for (const row of found) {
      const owner = channelOwner(byFold, enrollmentOwner, row.id);
      owner?.seen.push({ id: row.id, at: row.seen_time });
    }
    // Enrollments that are not named after their device.
    const odd = [...enrollmentOwner].filter(([id]) => channelOwner(byFold, new Map(), id) === null).map(([id]) => id);
    if (odd.length > 0) {
      const more = await connection.query<{ id: string; seen_time: string | null }>(
        `SELECT id, seen_time FROM nano_seen_times WHERE id IN (${places(odd.length)})`,
        odd,
      );
      for (const row of more) enrollmentOwner.get(foldId(row.id))?.seen.push({ id: row.id, at: row.seen_time });
    }
  }

  const enrollments = [...devices.values()].flatMap((device) =>
    device.rows.nano_enrollments.map((row) => String(row['id'])),
  );
  if (enrollments.length > 0) {
    const found = await connection.query<{ id: string; newest: string | null; unknown: number | string }>(
      'SELECT id, MAX(created_at) AS newest, COUNT(*) - COUNT(created_at) AS unknown FROM nano_command_results ' +
        `WHERE id IN (${places(enrollments.length)}) GROUP BY id`,
      enrollments,
    );
    for (const row of found) {
      const owner = enrollmentOwner.get(foldId(row.id)) ?? byFold.get(foldId(row.id));
      owner?.results.push({ id: row.id, at: Number(row.unknown) > 0 ? null : row.newest });
    }
  }
  return devices;
}

interface Gathered {
  readonly udid: string;
  readonly rows: Record<MigrationTable, FoundRow[]>;
  readonly seen: Contact[];
  readonly results: Contact[];
}

async function readTable(
  connection: FleetConnection,
  schema: TargetSchema,
  table: MigrationTable,
  ids: readonly string[],
  lock: boolean,
): Promise<FoundRow[]> {
  // Without the hint a table that has just been filled may be scanned whole, and locked row by row on the way: its
  // statistics still say it is empty.
  return connection.query<Record<string, Value>>(
    `SELECT /*+ INDEX(${table} ${INDEX[table]}) */ ${schema.columns[table].map(quoted).join(', ')} FROM ${table} ` +
      `WHERE ${OWNER[table]} IN (${places(ids.length)})${lock ? ' FOR UPDATE' : ''}`,
    ids,
  );
}

function ownerOf(byFold: ReadonlyMap<string, Gathered>, id: string, table: MigrationTable): Gathered {
  const owner = byFold.get(foldId(id));
  if (owner === undefined) {
    refused(
      'fleet/ambiguous-id',
      `Fleet’s ${table} holds the id ‘${id}’, which MySQL takes for the id of a device of the source although it is written differently.`,
      'Leave that device out, or correct the row in Fleet, and make the plan anew.',
      { table, id },
    );
  }
  return owner;
}

function channelOwner(
  byFold: ReadonlyMap<string, Gathered>,
  enrollments: ReadonlyMap<string, Gathered>,
  id: string,
): Gathered | null {
  const folded = foldId(id);
  const owner = byFold.get(folded) ?? enrollments.get(folded);
  if (owner !== undefined) return owner;
  for (let colon = folded.indexOf(':'); colon >= 0; colon = folded.indexOf(':', colon + 1)) {
    const device = byFold.get(folded.slice(0, colon));
    if (device !== undefined) return device;
  }
  return null;
}

function sortRows(rows: Record<MigrationTable, FoundRow[]>): void {
  for (const table of MIGRATION_TABLES) {
    rows[table].sort((left, right) => order(rowKey(table, left), rowKey(table, right)));
  }
}

/** What tells the rows of one table apart, as text. */
export function rowKey(table: MigrationTable, row: FoundRow): string {
  return KEY_COLUMNS[table].map((column) => String(row[column])).join('\u0000');
}

/** By code unit: the same on every machine, whatever its locale. */
export function order(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** True when the target holds nothing at all about the device in the four tables. */
export function isAbsent(device: TargetDevice): boolean {
  return MIGRATION_TABLES.every((table) => device.rows[table].length === 0);
}

/** Equal in every bit. */
export function sameValue(left: Value | undefined, right: Value | undefined): boolean {
  if (Buffer.isBuffer(left)) return Buffer.isBuffer(right) && left.equals(right);
  return left === right;
}

/**
 * Lower-case hex SHA-256 over every row of a device as it stands, every column but `created_at`, or `absent`.
 *
 * `updated_at` is in it, so anything that writes shows. `created_at` is not: it is the server's clock at the import,
 * so the same plan would never fit two servers or a restored backup; whether a device was touched after it is tested
 * afresh, under lock, before every write.
 */
export function targetHash(device: TargetDevice): string {
  if (isAbsent(device)) return 'absent';
  const hash = createHash('sha256');
  for (const table of MIGRATION_TABLES) {
    for (const row of device.rows[table]) {
      const parts: string[] = [table];
      for (const [column, value] of Object.entries(row)) {
        if (column !== 'created_at') parts.push(`${column}=${encoded(value)}`);
      }
      hash.update(parts.join('\u0000')).update('\u0001');
    }
  }
  return hash.digest('hex');
}

function encoded(value: Value): string {
  if (value === null) return 'n';
  if (typeof value === 'number') return `i${value}`;
  if (typeof value === 'string') return `s${value.length}:${value}`;
  return `b${value.length}:${value.toString('hex')}`;
}

// Writing -------------------------------------------------------------------------------------------------------

/**
 * Rows a statement. Few sizes, so that few statements are prepared whatever the number of rows: a remainder is written
 * in pieces of the smaller ones.
 */
const CHUNKS = [256, 64, 16, 4, 1] as const;

/** A statement's count was not what it must be: the transaction has to be given up. */
export class CountMismatch extends Error {
  constructor(
    readonly table: MigrationTable,
    readonly expected: number,
    readonly actual: number,
  ) {
    super(`${table}: ${expected} expected, ${actual} counted`);
    this.name = 'CountMismatch';
  }
}

/**
 * Inserts rows that are not there. A plain INSERT: a row that has come up meanwhile is a duplicate and an error, never
 * overwritten. All rows have the same columns in the same order.
 */
export async function insertRows(
  connection: FleetConnection,
  table: MigrationTable,
  rows: readonly FoundRow[],
  byteLimit: number,
): Promise<void> {
  await inChunks(rows, byteLimit, async (columns, chunk, params) => {
    const { affectedRows } = await connection.execute(insertText(table, columns, chunk.length), params);
    if (affectedRows !== chunk.length) throw new CountMismatch(table, chunk.length, affectedRows);
  });
}

/**
 * Changes rows that are there and were read FOR UPDATE in this transaction; each must differ from what stands in at
 * least one column. Every column is written, `updated_at` too: left out, MySQL would set it to the present.
 *
 * INSERT … ON DUPLICATE KEY UPDATE changes many rows in one statement. It counts 2 for each changed row and 1 for
 * each new one: exactly twice the rows means that nothing was inserted.
 */
export async function updateRows(
  connection: FleetConnection,
  table: MigrationTable,
  rows: readonly FoundRow[],
  byteLimit: number,
): Promise<void> {
  const [major, minor, patch] = connection.server.versionNumber;
  const alias = !connection.server.isMariaDb && major * 10_000 + minor * 100 + patch >= 80_019;
  await inChunks(rows, byteLimit, async (columns, chunk, params) => {
    const keys = KEY_COLUMNS[table];
    const changes = columns
      .filter((column) => !keys.includes(column))
      .map((column) => `${quoted(column)} = ${alias ? `fresh.${quoted(column)}` : `VALUES(${quoted(column)})`}`);
    const { affectedRows } = await connection.execute(
      `${insertText(table, columns, chunk.length)}${alias ? ' AS fresh' : ''} ON DUPLICATE KEY UPDATE ${changes.join(', ')}`,
      params,
    );
    if (affectedRows !== 2 * chunk.length) throw new CountMismatch(table, 2 * chunk.length, affectedRows);
  });
}

/** Deletes rows by their whole key; all of them must be there. */
export async function deleteRows(
  connection: FleetConnection,
  table: MigrationTable,
  rows: readonly FoundRow[],
): Promise<void> {
  const keys = KEY_COLUMNS[table];
  let start = 0;
  while (start < rows.length) {
    const size = CHUNKS.find((candidate) => candidate <= rows.length - start) ?? 1;
    const chunk = rows.slice(start, start + size);
    const one = keys.length === 1 ? '?' : `(${places(keys.length)})`;
    const names = keys.length === 1 ? (keys[0] ?? '') : `(${keys.join(', ')})`;
    const { affectedRows } = await connection.execute(
      `DELETE /*+ INDEX(${table} PRIMARY) */ FROM ${table} WHERE ${names} IN (${chunk.map(() => one).join(', ')})`,
      chunk.flatMap((row) => keys.map((column) => row[column] ?? null)),
    );
    if (affectedRows !== chunk.length) throw new CountMismatch(table, chunk.length, affectedRows);
    start += size;
  }
}

async function inChunks(
  rows: readonly FoundRow[],
  byteLimit: number,
  write: (columns: readonly string[], chunk: readonly FoundRow[], params: Value[]) => Promise<void>,
): Promise<void> {
  const first = rows[0];
  if (first === undefined) return;
  const columns = Object.keys(first);
  let start = 0;
  while (start < rows.length) {
    let size: number = CHUNKS.find((candidate) => candidate <= rows.length - start) ?? 1;
    while (size > 1 && bytesOf(rows.slice(start, start + size)) > byteLimit) {
      size = CHUNKS.find((candidate) => candidate < size) ?? 1;
    }
    const chunk = rows.slice(start, start + size);
    const params: Value[] = [];
    for (const row of chunk) for (const column of columns) params.push(row[column] ?? null);
    await write(columns, chunk, params);
    start += size;
  }
}

/** About as many bytes as the values take on the wire; never less. */
export function bytesOf(rows: readonly FoundRow[]): number {
  let bytes = 0;
  for (const row of rows) {
    for (const value of Object.values(row)) {
      if (typeof value === 'string') bytes += 12 + Buffer.byteLength(value);
      else if (Buffer.isBuffer(value)) bytes += 12 + value.length;
      else bytes += 12;
    }
  }
  return bytes;
}

function insertText(table: MigrationTable, columns: readonly string[], count: number): string {
  const one = `(${places(columns.length)})`;
  return `INSERT INTO ${table} (${columns.map(quoted).join(', ')}) VALUES ${Array.from({ length: count }, () => one).join(', ')}`;
}

function quoted(column: string): string {
  return `\`${column}\``;
}

/** `?, ?, ?` */
export function places(count: number): string {
  return Array.from({ length: count }, () => '?').join(', ');
}
