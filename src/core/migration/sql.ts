/**
 * The migration as a SQL file that a plain `mysql` client loads, and the file that takes it back.
 *
 * The same input gives the same bytes: no clock, host name or path goes in. Both files hold secrets (unlock and
 * bootstrap tokens, push magic): 0600, and whole or not there at all.
 */
import { createHash } from 'node:crypto';
import { misused, refused } from '../failure';
import { MIGRATION_TABLES, type MigrationTable, type TargetSchema } from '../fleet/schema';
import type { OnProgress } from '../progress';
import { ASSOCIATION_TIME, CANARY, timestampOf, type DeviceRows, type Row } from './rows';
import { SqlFile, type WrittenFile } from './sql-file';
import { literalOf, textLiteral } from './sql-literal';
import {
  COUNT_ERRORS,
  OLDEST_MYSQL,
  beginBatch,
  deleteDevices,
  digestText,
  dropOldAssociations,
  dropOldChannels,
  endBatch,
  epilogue,
  guard,
  insertFrame,
  jsonLiteral,
  judgeForLoad,
  judgeForUndo,
  listLeft,
  prologue,
  startCounts,
} from './sql-statements';
import type { JudgedDevice } from './verdict';

/** Facts for the head of the file. */
export interface SqlFacts {
  /** `micromdm`, … */
  readonly sourceKind: string;
  /** Lower-case hex SHA-256 of the source; null for a database. */
  readonly sourceSha256: string | null;
  /** Bolt's transaction id. */
  readonly sourceTxid: number | null;
  /** The snapshot's instant, milliseconds since the epoch: no row can have been inserted by this file before it. */
  readonly instant: number;
  /** The judgement's counts. */
  readonly counts: {
    readonly devices: number;
    readonly ready: number;
    readonly caution: number;
    readonly blocked: number;
  };
  /** How many devices go in: as many as `devices` gives. */
  readonly goingIn: number;
}

export interface SqlInput {
  readonly schema: TargetSchema;
  /** Only those that go in. */
  readonly devices: Iterable<JudgedDevice>;
  readonly rows: (judged: JudgedDevice) => DeviceRows;
  readonly facts: SqlFacts;
}

export interface SqlOptions {
  /** Also write the file that takes it back. */
  readonly undoPath?: string;
  /** Replace files that are there. Default: refuse. */
  readonly overwrite?: boolean;
  readonly onProgress?: OnProgress;
}

export interface WrittenSql extends WrittenFile {
  readonly devices: number;
  readonly userChannels: number;
  readonly undo: WrittenFile | null;
}

/** A batch is one transaction: so many devices at most, and about so much text, so that locks are short and no packet limit is met. */
const BATCH_DEVICES = 250;
const BATCH_LENGTH = 1 << 20;

/** The undo file has no values, only digests. */
const UNDO_BATCH_DEVICES = 500;

const LOAD_KINDS = ['insert', 'refresh'] as const;
const UNDO_KINDS = ['deleted', 'absent'] as const;

/**
 * Writes the file and, where asked for, its undo file. Memory stays bounded by a batch.
 *
 * @throws file/exists, sql/same-path (exit 2), file/cannot-write (exit 3), sql/value-out-of-range (exit 1)
 */
export async function writeMigrationSql(out: string, input: SqlInput, options: SqlOptions = {}): Promise<WrittenSql> {
  const { undoPath, overwrite = false, onProgress } = options;
  if (undoPath !== undefined && undoPath === out) {
    misused(
      'sql/same-path',
      'The undo file would overwrite the file it takes back.',
      'Give the undo file another name.',
    );
  }
  const files: SqlFile[] = [];
  try {
    const load = await SqlFile.create(out, overwrite);
    files.push(load);
    const undo = undoPath === undefined ? null : await SqlFile.create(undoPath, overwrite);
    if (undo !== null) files.push(undo);

    const counts = await writeBatches(load, undo, input, onProgress);
    for (const file of files) await file.finish();
    // The undo file first: there is never a migration without the way back that was asked for.
    const undone = undo === null ? null : await undo.publish();
    return { ...(await load.publish()), ...counts, undo: undone };
  } finally {
    for (const file of files) await file.discard();
  }
}

async function writeBatches(
  load: SqlFile,
  undo: SqlFile | null,
  input: SqlInput,
  onProgress: OnProgress | undefined,
): Promise<{ devices: number; userChannels: number }> {
  const { schema, facts } = input;
  const total = facts.goingIn;
  let loading: LoadBatch | null = null;
  let undoing: UndoBatch | null = null;
  let columns: Columns | null = null;
  let devices = 0;
  let userChannels = 0;

  for (const judged of input.devices) {
    const rows = input.rows(judged);
    if (columns === null) {
      columns = columnsOf(schema, rows);
      await load.add(headOf(facts, schema, columns));
      await undo?.add(undoHeadOf(facts, schema, columns));
    }
    loading ??= new LoadBatch(schema, columns, devices);
    loading.add(rows);
    if (undo !== null) {
      undoing ??= new UndoBatch(columns);
      undoing.add(rows);
    }
    devices += 1;
    userChannels += rows.nano_users.length;

    if (loading.devices >= BATCH_DEVICES || loading.length >= BATCH_LENGTH) {
      await load.addAll(loading.pieces(total));
      loading = null;
      onProgress?.({ label: 'writing SQL', done: devices, total });
    }
    if (undo !== null && undoing !== null && undoing.devices >= UNDO_BATCH_DEVICES) {
      await undo.add(undoing.text(schema));
      undoing = null;
    }
  }
  if (columns === null) {
    columns = writableColumns(schema);
    await load.add(headOf(facts, schema, columns));
    await undo?.add(undoHeadOf(facts, schema, columns));
  }
  if (devices !== total) throw new Error(`${total} devices were to be written, ${devices} were`);
  if (loading !== null) await load.addAll(loading.pieces(total));
  if (undo !== null && undoing !== null) await undo.add(undoing.text(schema));
  onProgress?.({ label: 'writing SQL', done: devices, total });

  await load.add(footOf(total));
  await undo?.add(undoFootOf(total));
  return { devices, userChannels };
}

type Columns = Readonly<Record<MigrationTable, readonly string[]>>;

/** The columns rows are written to: as the rows have them, and for a table without rows as the schema has them. */
function columnsOf(schema: TargetSchema, rows: DeviceRows): Columns {
  const found: Record<MigrationTable, readonly string[]> = { ...writableColumns(schema) };
  for (const table of MIGRATION_TABLES) {
    const list: readonly Row[] = rows[table];
    if (list[0] !== undefined) found[table] = Object.keys(list[0]);
  }
  found.nano_cert_auth_associations = found.nano_cert_auth_associations.filter((name) => name !== ASSOCIATION_TIME);
  return found;
}

/** What rows.ts writes to `nano_users`, of which a file may have no row to learn it from. */
const USER_COLUMNS: readonly string[] = [
  'id',
  'device_id',
  'user_short_name',
  'user_long_name',
  'token_update',
  'token_update_at',
  'updated_at',
];

function writableColumns(schema: TargetSchema): Columns {
  return {
    ...schema.columns,
    nano_users: USER_COLUMNS.filter((column) => schema.columns.nano_users.includes(column)),
  };
}

// The file to load ----------------------------------------------------------------------------------------------------

/** A UDID a comment may show as it is. */
const PLAIN_ID = /^[A-Za-z0-9:-]{1,191}$/;

/** One transaction of the file. */
class LoadBatch {
  readonly #schema: TargetSchema;
  readonly #columns: Columns;
  readonly #before: number;
  readonly #keys: string[][] = [];
  readonly #channels: string[][] = [];
  readonly #formers: string[][] = [];
  readonly #rows: Record<MigrationTable, string[]> = {
    nano_devices: [],
    nano_users: [],
    nano_enrollments: [],
    nano_cert_auth_associations: [],
  };
  /** Associations of devices with several certificates: their rows have one column more. */
  readonly #dated: string[] = [];
  length = 0;

  /** @param before how many devices are in the batches before */
  constructor(schema: TargetSchema, columns: Columns, before: number) {
    this.#schema = schema;
    this.#columns = columns;
    this.#before = before;
  }

  get devices(): number {
    return this.#keys.length;
  }

  add(rows: DeviceRows): void {
    const [first, ...others] = rows.nano_cert_auth_associations;
    if (first === undefined) throw new Error(`${rows.udid} has no certificate`);
    this.#keys.push([rows.udid, String(first['sha256'])]);
    for (const row of others) this.#formers.push([String(row['sha256']), rows.udid]);
    for (const user of rows.nano_users) this.#channels.push([String(user['id']), rows.udid]);
    for (const table of MIGRATION_TABLES) {
      const columns = this.#columns[table];
      for (const row of rows[table]) {
        const isDated = table === 'nano_cert_auth_associations' && row[ASSOCIATION_TIME] !== undefined;
        const text = rowText(isDated ? [...columns, ASSOCIATION_TIME] : columns, row);
        const list = isDated ? this.#dated : this.#rows[table];
        const before = list.length === 0 ? '' : ',\n';
        const comment = table === 'nano_devices' && PLAIN_ID.test(rows.udid) ? `  -- ${rows.udid}\n  ` : '  ';
        list.push(before + comment + text);
        this.length += text.length;
      }
    }
  }

  /** The batch's text, in pieces. */
  *pieces(total: number): Generator<string> {
    const has = { channels: this.#channels.length > 0, formers: this.#formers.length > 0 };
    yield [
      `\n-- Devices ${this.#before + 1} to ${this.#before + this.devices} of ${total}.\n`,
      beginBatch(),
      `SET @slipway_devices = ${jsonLiteral(this.#keys)};\n`,
      `SET @slipway_channels = ${jsonLiteral(this.#channels)};\n`,
      ...(has.formers ? [`SET @slipway_formers = ${jsonLiteral(this.#formers)};\n`] : []),
      judgeForLoad(this.#schema, has),
      COUNT_ERRORS,
      dropOldAssociations(has.formers),
      COUNT_ERRORS,
      ...dropOldChannels().flatMap((statement) => [statement, COUNT_ERRORS]),
    ].join('');
    for (const table of MIGRATION_TABLES) {
      const rows = this.#rows[table];
      if (rows.length === 0) continue;
      const { head, tail } = insertFrame(table, this.#columns[table]);
      yield head;
      yield* rows;
      yield tail + COUNT_ERRORS;
    }
    if (this.#dated.length > 0) {
      const table = 'nano_cert_auth_associations';
      const { head, tail } = insertFrame(table, [...this.#columns[table], ASSOCIATION_TIME]);
      yield head;
      yield* this.#dated;
      yield tail + COUNT_ERRORS;
    }
    yield endBatch(LOAD_KINDS);
  }
}

/** The instants a MySQL TIMESTAMP can hold. */
const FIRST_TIME = '1970-01-01 00:00:01';
const LAST_TIME = '2038-01-19 03:14:07';
const TIME_COLUMNS: ReadonlySet<string> = new Set([
  'unlock_token_at',
  'authenticate_at',
  'token_update_at',
  'bootstrap_token_at',
  'last_seen_at',
  'cert_not_valid_after',
  ASSOCIATION_TIME,
]);

/** A time MySQL refuses would stop the client in the middle of the file. */
function checkTime(column: string, value: string): void {
  if (value.length === 19 && value >= FIRST_TIME && value <= LAST_TIME) return;
  refused(
    'sql/value-out-of-range',
    `A device has a time that MySQL’s TIMESTAMP cannot hold (1970 to 2038-01-19): ${column} ${value}.`,
    'Leave that device out, and re-enrol it with Fleet instead.',
    { column, value },
  );
}

function rowText(columns: readonly string[], row: Row): string {
  let text = '';
  let count = 0;
  for (const column of columns) {
    const value = row[column];
    if (value === undefined) break;
    if (typeof value === 'string' && TIME_COLUMNS.has(column)) checkTime(column, value);
    text += count === 0 ? literalOf(value) : `,${literalOf(value)}`;
    count += 1;
  }
  // All rows of a table have the same columns: one INSERT has one list of them.
  if (count !== columns.length || Object.keys(row).length !== count) {
    throw new Error(`a row has the columns ${Object.keys(row).join(', ')}, not ${columns.join(', ')}`);
  }
  return `ROW(${text})`;
}

function headOf(facts: SqlFacts, schema: TargetSchema, columns: Columns): string {
  return `-- Slipway: ${facts.goingIn} Apple devices for Fleet, schema generation ${schema.generation}.
--
-- Load it into Fleet's MySQL (${OLDEST_MYSQL} or newer, the primary), as it is, and keep what it prints:
--
--     mysql --default-character-set=utf8mb4 --binary-mode fleet < THIS_FILE
--
-- Take a backup of Fleet's database first. This file holds secrets (unlock tokens, bootstrap tokens, push magic):
-- keep it readable for yourself alone, and delete it when it is no longer needed.
--
${sourceLines(facts)}--
-- What it does: in transactions of at most ${BATCH_DEVICES} devices it inserts the rows of each device into nano_devices, nano_users,
-- nano_enrollments and nano_cert_auth_associations, or refreshes rows that a migration wrote and nothing has touched
-- since (updated_at is still ${CANARY}). On a refresh it also removes the device's own, untouched association with a
-- certificate the source no longer names, and user channels it no longer has. All rows of a device are written, or none.
-- What it leaves alone, whole, and lists at the end: every device that Fleet or the device itself has touched (a row
-- changed, seen or heard from since its import, renewal begun, enrolled in Fleet itself), or whose id or certificate
-- is taken there. Loading it again changes nothing; after an interruption simply load it again.
-- It stops with the reason, before it writes anything, where it does not fit: MariaDB, an older MySQL, a read-only
-- server, another generation of the schema, a database that is not Fleet's, another Slipway at work.
--
-- Grants it needs on Fleet's database: SELECT, INSERT, UPDATE, DELETE on the four tables above, and SELECT on
-- nano_command_results${schema.seenStorage === 'table' ? ' and nano_seen_times' : ''}.

${prologue()}
${guard(schema, columns)}
-- Rows are inserted from the next second on, so that they can be told from earlier ones: the undo file asks for that.
SET @slipway_from = NOW();
DO IF(@slipway_ok = 1, SLEEP(1.01 - MICROSECOND(NOW(6)) / 1000000), 0);
${startCounts(LOAD_KINDS)}`;
}

function sourceLines({ sourceKind, sourceSha256, sourceTxid, instant, counts }: SqlFacts): string {
  const facts = [
    sourceSha256 === null ? null : `SHA-256 ${hexOnly(sourceSha256)}`,
    sourceTxid === null ? null : `transaction ${sourceTxid}`,
    `newest contact ${timestampOf(BigInt(instant) * 1_000_000n)} UTC`,
  ].filter((fact) => fact !== null);
  return `-- Source: ${sourceKind.replace(/[^a-z0-9-]/g, '')}, ${facts.join(', ')}.
-- Judged: ${counts.devices} devices, ${counts.ready} ready, ${counts.caution} with a caution, ${counts.blocked} blocked.
`;
}

function hexOnly(hash: string): string {
  return hash.replace(/[^0-9a-f]/g, '');
}

function footOf(total: number): string {
  return `
-- What was done. Keep loaded_from: the undo file takes it to tell this load's devices from earlier ones.
SELECT ${total} AS in_file, @slipway_insert AS inserted, @slipway_refresh AS refreshed, JSON_LENGTH(@slipway_left) AS left_alone,
  ${total} - @slipway_insert - @slipway_refresh - JSON_LENGTH(@slipway_left) AS failed, @slipway_from AS loaded_from;
${listLeft()}${epilogue()}`;
}

// The undo file -------------------------------------------------------------------------------------------------------

/** One transaction of the undo file. */
class UndoBatch {
  readonly #columns: Columns;
  readonly #devices: string[][] = [];
  readonly #others: Record<'nano_users' | 'nano_enrollments' | 'nano_cert_auth_associations', string[][]> = {
    nano_users: [],
    nano_enrollments: [],
    nano_cert_auth_associations: [],
  };

  constructor(columns: Columns) {
    this.#columns = columns;
  }

  get devices(): number {
    return this.#devices.length;
  }

  add(rows: DeviceRows): void {
    const digest = (table: MigrationTable, row: Row): string =>
      createHash('sha256')
        .update(digestText(this.#columns[table].map((column) => row[column] ?? null)))
        .digest('hex');
    const sha256 = String(rows.nano_cert_auth_associations[0]?.['sha256']);
    this.#devices.push([rows.udid, sha256, digest('nano_devices', rows.nano_devices[0])]);
    for (const row of rows.nano_users) {
      this.#others.nano_users.push([String(row['id']), rows.udid, digest('nano_users', row)]);
    }
    for (const row of rows.nano_enrollments) {
      this.#others.nano_enrollments.push([String(row['id']), rows.udid, digest('nano_enrollments', row)]);
    }
    for (const row of rows.nano_cert_auth_associations) {
      const key = String(row['sha256']);
      this.#others.nano_cert_auth_associations.push([key, rows.udid, digest('nano_cert_auth_associations', row)]);
    }
  }

  text(schema: TargetSchema): string {
    return [
      '\n',
      beginBatch(),
      `SET @slipway_devices = ${jsonLiteral(this.#devices)};\n`,
      `SET @slipway_users = ${jsonLiteral(this.#others.nano_users)};\n`,
      `SET @slipway_enrollments = ${jsonLiteral(this.#others.nano_enrollments)};\n`,
      `SET @slipway_associations = ${jsonLiteral(this.#others.nano_cert_auth_associations)};\n`,
      judgeForUndo(schema, this.#columns),
      COUNT_ERRORS,
      ...deleteDevices().flatMap((statement) => [statement, COUNT_ERRORS]),
      endBatch(UNDO_KINDS),
    ].join('');
  }
}

function undoHeadOf(facts: SqlFacts, schema: TargetSchema, columns: Columns): string {
  const instant = timestampOf(BigInt(facts.instant) * 1_000_000n);
  return `-- Slipway: takes back the load of the SQL file with ${facts.goingIn} Apple devices for Fleet, schema generation ${schema.generation}.
--
-- Load it only while all of these devices still go to the old server, and keep what it prints:
--
--     mysql --default-character-set=utf8mb4 --binary-mode fleet < THIS_FILE
--
${sourceLines(facts)}--
-- What it does: it waits 2.5 seconds (Fleet writes down up to 2 seconds late when it has seen a device) and then deletes,
-- batch by batch, the rows of each device whose rows are all still exactly what the file wrote, to the byte, and which
-- neither Fleet nor the device has touched. Everything else it leaves alone, whole, and lists with the reason.
--
-- Its limit: a plain file has no journal, so it cannot know which devices the load inserted and which it only
-- refreshed (they were there before: from an earlier import). It goes by created_at, the server's clock at insertion:
-- * by default everything inserted up to ${instant} UTC (the source's newest contact; the file cannot have been loaded
--   before) was there before the load and stays;
-- * where an earlier import of the same devices is newer than that, give it the time the load printed as loaded_from:
--   only what was inserted after that second is then deleted. It is exact, as long as the server's clock never ran back:
--
--     mysql --default-character-set=utf8mb4 --binary-mode --init-command="SET @slipway_since = 'YYYY-MM-DD hh:mm:ss'" fleet < THIS_FILE
--
-- Also beyond it: a refresh of what an earlier import wrote is not turned back to the values before; the association
-- and user channels a refresh removed do not come back; Fleet's own rows about these hosts (profiles, host details,
-- last-seen times) stay; what Fleet had queued for a deleted enrollment goes with it.
--
-- Grants it needs on Fleet's database: SELECT, DELETE on the four tables, and SELECT on
-- nano_command_results${schema.seenStorage === 'table' ? ' and nano_seen_times' : ''}.

${prologue()}
${guard(schema, columns)}
SET @slipway_from = CAST(COALESCE(@slipway_since, ${textLiteral(instant)}) AS DATETIME);
DO IF(@slipway_ok = 1, SLEEP(2.5), 0);
${startCounts(UNDO_KINDS)}`;
}

function undoFootOf(total: number): string {
  return `
SELECT ${total} AS in_file, @slipway_deleted AS deleted, @slipway_absent AS not_there, JSON_LENGTH(@slipway_left) AS left_alone,
  ${total} - @slipway_deleted - @slipway_absent - JSON_LENGTH(@slipway_left) AS failed;
${listLeft()}${epilogue()}`;
}
