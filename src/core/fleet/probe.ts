/**
 * What a Fleet database looks like: asked of information_schema, or looked up for a version when there is no server.
 *
 * Fails closed. A column this program does not know and cannot leave out, or one it needs and cannot find, stops the
 * migration before a row is planned.
 */
import { misused, refused } from '../failure';
import type { FleetConnection } from './connection';
import { KNOWN_SCHEMAS, MIGRATION_TABLES, type MigrationTable, type SeenStorage, type TargetSchema } from './schema';

/** A trigger somebody put on one of the four tables; Fleet has none. */
export interface Trigger {
  readonly name: string;
  readonly table: string;
  /** `BEFORE INSERT`, `AFTER UPDATE`, … */
  readonly when: string;
}

/** A schema as a live server shows it to this account. */
export interface ProbedSchema extends TargetSchema {
  /** Triggers on the four tables; MySQL shows them only to accounts with the TRIGGER privilege. */
  readonly triggers: readonly Trigger[];
  /** Columns of the four tables this program does not know but can leave to their default, as `table.column`. */
  readonly unknownColumns: readonly string[];
  /** All tables this account can see, for deciding what can be asked. */
  readonly tables: ReadonlySet<string>;
  /** `mdm_config_assets` has the column renew_at. */
  readonly assetsRenewAt: boolean;
}

/** From this migration on Fleet knows imported enrollments (about 4.54). */
const FIRST_USABLE_MIGRATION = '20240702123921';
/** Newest migration of Fleet 4.62's dump: what comes after has, or may have, the columns of 4.69. */
const LAST_OF_462 = '20250121094045';
/** scep_* tables renamed to identity_* (about 4.84). */
const SERIALS_RENAMED = '20260401153000';
/** last_seen_at moved to nano_seen_times (about 4.93). */
const SEEN_MOVED = '20260904125235';

interface ColumnRow {
  table_name: string;
  column_name: string;
  is_nullable: string;
  column_default: string | null;
  extra: string;
}

/** Columns of any generation, per table. */
const KNOWN_COLUMNS = new Map<MigrationTable, ReadonlySet<string>>(
  MIGRATION_TABLES.map((table) => [table, new Set(KNOWN_SCHEMAS.flatMap((schema) => schema.columns[table]))]),
);

/** Columns every generation has: without one of them a row could not be written or not be recognised again. */
const REQUIRED_COLUMNS = new Map<MigrationTable, readonly string[]>(
  MIGRATION_TABLES.map((table) => [
    table,
    (KNOWN_SCHEMAS[0]?.columns[table] ?? []).filter((column) =>
      KNOWN_SCHEMAS.every((schema) => schema.columns[table].includes(column)),
    ),
  ]),
);

const GRANTS_HINT =
  'An account without any privilege on a table does not see it; `slipway check` prints the grants it needs.';

/**
 * Asks a live server for its schema.
 *
 * Throws `fleet/not-fleet` (none of Fleet's tables), `fleet/schema-too-old` (before enrolled_from_migration),
 * `fleet/schema-unknown` (a column that must be written is not known, or a needed one is missing or not as expected).
 */
export async function probeSchema(connection: FleetConnection): Promise<ProbedSchema> {
  const { database } = connection.address;
  const found = await connection.query<{ table_name: string; engine: string | null; table_type: string }>(
    'SELECT table_name AS table_name, engine AS engine, table_type AS table_type FROM information_schema.tables WHERE table_schema = ?',
    [database],
  );
  const tables = new Map(found.map((row) => [row.table_name, row]));
  const signs = ['migration_status_tables', 'app_config_json', 'hosts', 'nano_enrollments'];
  if (!signs.some((name) => tables.has(name))) {
    refused(
      'fleet/not-fleet',
      `The database ‘${database}’ shows none of Fleet’s tables to this account.`,
      `Take the name from Fleet’s setting mysql.database. ${GRANTS_HINT}`,
      { tables: tables.size },
    );
  }
  const absent = MIGRATION_TABLES.filter((name) => !tables.has(name));
  if (absent.length > 0) {
    refused(
      'fleet/schema-too-old',
      `The tables ${absent.join(', ')} are not there (or not visible): this Fleet is too old to take over enrolled devices, or the account may not see them.`,
      `Upgrade Fleet to 4.55 or newer. ${GRANTS_HINT}`,
    );
  }
  for (const name of MIGRATION_TABLES) {
    const table = tables.get(name);
    if (table?.table_type !== 'BASE TABLE' || (table.engine ?? '').toLowerCase() !== 'innodb') {
      unknownSchema(`${name} is no InnoDB table, so what is written to it could not be rolled back`);
    }
  }

  const columns = await connection.query<ColumnRow>(
    'SELECT table_name AS table_name, column_name AS column_name, is_nullable AS is_nullable, column_default AS column_default, extra AS extra ' +
      "FROM information_schema.columns WHERE table_schema = ? AND table_name IN ('nano_devices', 'nano_users', 'nano_enrollments', 'nano_cert_auth_associations') " +
      'ORDER BY table_name, ordinal_position',
    [database],
  );
  const byTable = new Map<MigrationTable, ColumnRow[]>(MIGRATION_TABLES.map((table) => [table, []]));
  for (const row of columns) byTable.get(row.table_name as MigrationTable)?.push(row);

  const enrollments = byTable.get('nano_enrollments') ?? [];
  if (!enrollments.some((row) => row.column_name === 'enrolled_from_migration')) {
    refused(
      'fleet/schema-too-old',
      'The column nano_enrollments.enrolled_from_migration is not there: this Fleet does not know imported devices and would never renew their certificates.',
      `Upgrade Fleet to 4.55 or newer. ${GRANTS_HINT}`,
    );
  }
  const unknownColumns = MIGRATION_TABLES.flatMap((table) => judgeColumns(table, byTable.get(table) ?? []));

  const writable = (table: MigrationTable): string[] =>
    (byTable.get(table) ?? []).filter((row) => !isGenerated(row)).map((row) => row.column_name);
  const seenStorage = seenStorageOf(enrollments, tables.has('nano_seen_times'));
  const hasPlatform = writable('nano_devices').includes('platform');

  const migrationId = tables.has('migration_status_tables') ? await newestMigration(connection) : null;
  return {
    generation: seenStorage === 'table' ? 'newest' : hasPlatform ? '4.69' : '4.62',
    migrationId,
    columns: {
      nano_devices: writable('nano_devices'),
      nano_users: writable('nano_users'),
      nano_enrollments: writable('nano_enrollments'),
      nano_cert_auth_associations: writable('nano_cert_auth_associations'),
    },
    seenStorage,
    serialsTable: tables.has('identity_serials')
      ? 'identity_serials'
      : tables.has('scep_serials')
        ? 'scep_serials'
        : null,
    triggers: await readTriggers(connection, database),
    unknownColumns,
    tables: new Set(tables.keys()),
    assetsRenewAt: await hasRenewAt(connection, database),
  };
}

function seenStorageOf(enrollments: readonly ColumnRow[], seenTable: boolean): SeenStorage {
  if (seenTable) return 'table';
  if (enrollments.some((row) => row.column_name === 'last_seen_at')) return 'column';
  unknownSchema(
    'neither nano_enrollments.last_seen_at nor nano_seen_times is there, so Fleet’s own contact with a device could not be seen',
  );
}

/** Refuses what cannot be worked with; returns the unknown columns that can be left to their default. */
function judgeColumns(table: MigrationTable, rows: readonly ColumnRow[]): string[] {
  const present = new Map(rows.map((row) => [row.column_name, row]));
  for (const name of REQUIRED_COLUMNS.get(table) ?? []) {
    const row = present.get(name);
    if (row === undefined) unknownSchema(`the column ${table}.${name} is missing (or not visible to this account)`);
    if (isGenerated(row)) unknownSchema(`the column ${table}.${name} is computed by MySQL and cannot be written`);
  }
  // "Untouched since import" hangs on this: every change of Fleet's must move updated_at off the canary.
  if (!/on update/i.test(present.get('updated_at')?.extra ?? '')) {
    unknownSchema(
      `${table}.updated_at does not move by itself when a row changes, so it could not be told what Fleet has touched`,
    );
  }
  const unknown: string[] = [];
  for (const row of rows) {
    if (KNOWN_COLUMNS.get(table)?.has(row.column_name) === true || isGenerated(row)) continue;
    const name = `${table}.${shown(row.column_name)}`;
    if (
      row.is_nullable === 'NO' &&
      row.column_default === null &&
      !/auto_increment|default_generated/i.test(row.extra)
    ) {
      unknownSchema(`the column ${name} must have a value and this version does not know which`);
    }
    unknown.push(name);
  }
  return unknown;
}

function isGenerated(row: ColumnRow): boolean {
  return /(virtual|stored|persistent) generated|^virtual|^persistent/i.test(row.extra);
}

function unknownSchema(what: string): never {
  refused(
    'fleet/schema-unknown',
    `Fleet’s tables are not as this version of Slipway knows them: ${what}.`,
    `Use a newer Slipway, or a Fleet it knows. ${GRANTS_HINT}`,
  );
}

/** A name as it may be printed: database identifiers may hold anything. */
function shown(name: string): string {
  return name.replace(/[^\x20-\x7e]/g, '?').slice(0, 64);
}

async function newestMigration(connection: FleetConnection): Promise<string | null> {
  const [row] = await connection.query<{ version_id: string | number | null }>(
    'SELECT MAX(version_id) AS version_id FROM migration_status_tables WHERE is_applied = 1',
  );
  const id = row?.version_id ?? null;
  return id === null ? null : String(id);
}

async function readTriggers(connection: FleetConnection, database: string): Promise<Trigger[]> {
  const rows = await connection.query<{ name: string; table_name: string; timing: string; event: string }>(
    'SELECT trigger_name AS name, event_object_table AS table_name, action_timing AS timing, event_manipulation AS event ' +
      'FROM information_schema.triggers WHERE event_object_schema = ? AND event_object_table IN ' +
      "('nano_devices', 'nano_users', 'nano_enrollments', 'nano_cert_auth_associations') ORDER BY event_object_table, trigger_name LIMIT 50",
    [database],
  );
  return rows.map((row) => ({ name: shown(row.name), table: row.table_name, when: `${row.timing} ${row.event}` }));
}

async function hasRenewAt(connection: FleetConnection, database: string): Promise<boolean> {
  const rows = await connection.query<{ name: string }>(
    "SELECT column_name AS name FROM information_schema.columns WHERE table_schema = ? AND table_name = 'mdm_config_assets' AND column_name = 'renew_at'",
    [database],
  );
  return rows.length > 0;
}

const VERSION_FORMS =
  'Give a release of Fleet from 4.55 on (4.62, v4.69.1, 4.93.0), “newest”, or the newest version_id of migration_status_tables (14 digits).';

/**
 * The schema an offline SQL file is written for: `4.62`, `v4.69.1`, `4.93.0`, `newest`, or a migration id of 14
 * digits. The nearest known generation is taken (the file itself checks its columns when it is loaded).
 *
 * Throws `usage/fleet-version` for what is none of these and `fleet/schema-too-old` for Fleet before 4.55.
 */
export function knownSchema(version: string): TargetSchema {
  const text = version.trim().toLowerCase();
  if (text === 'newest') return generation('newest');
  if (/^\d{14}$/.test(text)) return schemaOfMigration(text);
  const parts = /^(?:fleet-)?v?(\d{1,3})\.(\d{1,4})(?:\.\d{1,4})?(?:[-+][0-9a-z.-]{1,32})?$/.exec(text);
  const minor = Number(parts?.[2]);
  if (parts === null || (parts[1] !== '4' && Number(parts[1]) > 4)) {
    misused('usage/fleet-version', 'This is no version of Fleet that Slipway knows.', VERSION_FORMS);
  }
  if (Number(parts[1]) < 4 || minor < 55) return tooOld();
  if (minor <= 62) return generation('4.62');
  if (minor >= 93) return generation('newest');
  const schema = generation('4.69');
  return minor >= 84 ? { ...schema, serialsTable: 'identity_serials' } : schema;
}

function schemaOfMigration(id: string): TargetSchema {
  // 14 digits sort as they count.
  if (id < FIRST_USABLE_MIGRATION) return tooOld();
  if (Number(id.slice(4, 6)) < 1 || Number(id.slice(4, 6)) > 12 || id > '21000000000000') {
    misused(
      'usage/fleet-version',
      'This is no migration id of Fleet: it begins with a date, YYYYMMDDhhmmss.',
      VERSION_FORMS,
    );
  }
  const near = id >= SEEN_MOVED ? 'newest' : id > LAST_OF_462 ? '4.69' : '4.62';
  return {
    ...generation(near),
    migrationId: id,
    serialsTable: id >= SERIALS_RENAMED ? 'identity_serials' : 'scep_serials',
  };
}

function generation(name: string): TargetSchema {
  const schema = KNOWN_SCHEMAS.find((one) => one.generation === name);
  if (schema === undefined) throw new Error(`no schema generation ${name}`);
  return schema;
}

function tooOld(): never {
  refused(
    'fleet/schema-too-old',
    'Fleet before 4.55 does not know imported devices and would never renew their certificates.',
    'Upgrade Fleet to 4.55 or newer first.',
  );
}
