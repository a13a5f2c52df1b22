/** What stands between the rows a device has in the target and the rows it shall have. */
import { createHash } from 'node:crypto';
import { KEY_COLUMNS, order, rowKey, sameValue, type FoundRow, type TargetDevice } from '../fleet/device-rows';
import { MIGRATION_TABLES, type MigrationTable } from '../fleet/schema';
import { ASSOCIATION_TIME, hashRows, SECRET_COLUMNS, type DeviceRows, type Row, type Value } from './rows';

/** True when a table holds exactly the rows it shall hold: nearly always, and then there is nothing to list. */
function isSameTable(table: MigrationTable, there: readonly FoundRow[], wanted: readonly Row[]): boolean {
  if (there.length !== wanted.length) return false;
  // Of several rows the order may differ, which the comparison by key sees through.
  if (there.length > 1) return false;
  const [found] = there;
  const [row] = wanted;
  if (found === undefined || row === undefined) return true;
  // Keys are told apart as text, like everywhere else.
  if (rowKey(table, found) !== rowKey(table, row)) return false;
  for (const column in row) {
    if (!sameValue(found[column], row[column] ?? null) && !KEY_COLUMNS[table].includes(column)) return false;
  }
  return true;
}

/** A value as it may be shown: secrets and long values as length and hash only. */
export type ShownValue = string | number | null;

/** One row that is not as it shall be. */
export interface RowChange {
  readonly table: MigrationTable;
  /** The row's id; of an association its certificate's hash. */
  readonly row: string;
  readonly change: 'insert' | 'update' | 'delete';
  /** For an update: column, what stands there, what shall stand there. */
  readonly columns: readonly (readonly [column: string, from: ShownValue, to: ShownValue])[];
}

/** The statements a device needs, by table. */
export interface Difference {
  readonly inserts: Readonly<Record<MigrationTable, readonly Row[]>>;
  readonly updates: Readonly<Record<MigrationTable, readonly Row[]>>;
  /** Rows the target has and the device shall not have: a stale user channel, an old certificate. */
  readonly deletes: Readonly<Record<MigrationTable, readonly FoundRow[]>>;
  readonly changes: readonly RowChange[];
}

/**
 * Compares column by column. Only columns a migration writes are looked at: what it leaves to the server or to Fleet
 * (`renew_command_uuid`, nearly every `created_at`, …) is not ours to set right.
 */
export function differenceOf(target: TargetDevice, rows: DeviceRows): Difference {
  const inserts = emptyTables<Row>();
  const updates = emptyTables<Row>();
  const deletes = emptyTables<FoundRow>();
  const changes: RowChange[] = [];
  for (const table of MIGRATION_TABLES) {
    if (isSameTable(table, target.rows[table], rows[table])) continue;
    const present = new Map(target.rows[table].map((row) => [rowKey(table, row), row]));
    for (const row of rows[table]) {
      const key = rowKey(table, row);
      const found = present.get(key);
      present.delete(key);
      if (found === undefined) {
        inserts[table].push(row);
        changes.push({ table, row: nameOf(table, row), change: 'insert', columns: [] });
        continue;
      }
      const columns: [string, ShownValue, ShownValue][] = [];
      for (const [column, value] of Object.entries(row)) {
        if (KEY_COLUMNS[table].includes(column) || sameValue(found[column], value)) continue;
        columns.push([column, shownValue(table, column, found[column] ?? null), shownValue(table, column, value)]);
      }
      if (columns.length === 0) continue;
      updates[table].push(row);
      changes.push({ table, row: nameOf(table, row), change: 'update', columns });
    }
    for (const row of present.values()) {
      deletes[table].push(row);
      changes.push({ table, row: nameOf(table, row), change: 'delete', columns: [] });
    }
  }
  return { inserts, updates, deletes, changes };
}

/** A value as it may be shown: secrets and long values as length and the beginning of their SHA-256. */
export function shownValue(table: MigrationTable, column: string, value: Value): ShownValue {
  if (value === null || typeof value === 'number') return value;
  const secret = SECRET_COLUMNS[table].includes(column);
  if (!secret && typeof value === 'string' && value.length <= 120) return value;
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
  const what = secret ? column.replaceAll('_', ' ') : 'value';
  return `‹${what}, ${bytes.length} bytes, sha256 ${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}…›`;
}

/**
 * A device's rows in the order they are hashed and written: by key, the device's own enrollment first. The same rows
 * then give the same hash whether they were derived from a source or read from the target.
 */
export function orderedRows(rows: DeviceRows): DeviceRows {
  if (rows.nano_users.length < 2 && rows.nano_cert_auth_associations.length < 2) return rows;
  const sorted = (table: MigrationTable, list: readonly Row[]): Row[] =>
    [...list].sort((left, right) => order(rowKey(table, left), rowKey(table, right)));
  const own = rows.nano_enrollments.filter((row) => row['id'] === rows.udid);
  const others = rows.nano_enrollments.filter((row) => row['id'] !== rows.udid);
  return {
    udid: rows.udid,
    nano_devices: rows.nano_devices,
    nano_users: sorted('nano_users', rows.nano_users),
    nano_enrollments: [...own, ...sorted('nano_enrollments', others)],
    nano_cert_auth_associations: sorted('nano_cert_auth_associations', rows.nano_cert_auth_associations),
  };
}

/** The columns a migration writes, in the order they are hashed; {@link ASSOCIATION_TIME}, which not all have, is left out. */
export type WrittenColumns = Readonly<Record<MigrationTable, readonly string[]>>;

/**
 * The hash the target's rows of a device would have as derived rows; null when they cannot be such rows. Equal to a
 * plan's `rowsSha256` exactly when every column that was written still holds what was written, and no row is missing
 * or was added.
 */
export function writtenHash(target: TargetDevice, columns: WrittenColumns): string | null {
  const pick = (table: MigrationTable): Row[] =>
    target.rows[table].map((row) => {
      const picked: Record<string, Value> = {};
      for (const column of columns[table]) picked[column] = row[column] ?? null;
      if (table === 'nano_cert_auth_associations' && target.rows[table].length > 1)
        picked[ASSOCIATION_TIME] = row[ASSOCIATION_TIME] ?? null;
      return picked;
    });
  const [device, ...more] = pick('nano_devices');
  if (device === undefined || more.length > 0) return null;
  const rows: DeviceRows = {
    udid: String(device['id']),
    nano_devices: [device],
    nano_users: pick('nano_users'),
    nano_enrollments: pick('nano_enrollments'),
    nano_cert_auth_associations: pick('nano_cert_auth_associations'),
  };
  const own = rows.nano_enrollments.filter((row) => row['id'] === rows.udid);
  const others = rows.nano_enrollments.filter((row) => row['id'] !== rows.udid);
  return hashRows({ ...rows, nano_enrollments: [...own, ...others] });
}

function emptyTables<T>(): Record<MigrationTable, T[]> {
  return { nano_devices: [], nano_users: [], nano_enrollments: [], nano_cert_auth_associations: [] };
}

function nameOf(table: MigrationTable, row: FoundRow): string {
  return String(row[table === 'nano_cert_auth_associations' ? 'sha256' : 'id']);
}
