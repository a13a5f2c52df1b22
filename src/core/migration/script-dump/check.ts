/**
 * What a dump of Fleet's script would do, against what the source says and what stands in Fleet. Reads only.
 */
import type { FleetConnection } from '../../fleet/connection';
import { foldId, isAbsent, readDevices, type TargetDevice } from '../../fleet/device-rows';
import { MIGRATION_TABLES, type MigrationTable, type TargetSchema } from '../../fleet/schema';
import type { OnProgress } from '../../progress';
import type { Snapshot } from '../../sources/snapshot';
import { shownValue } from '../difference';
import { CANARY, deriveRows, type DeviceRows, type Row, type Value } from '../rows';
import { touchesOf } from '../touched';
import type { JudgedDevice, Judgement } from '../verdict';
import { readScriptDump, type BrokenStatement, type DumpFile } from './reading';
import { NOW, type DumpedRow, type DumpedValue } from './statement';

/** `error`: a device would be lost, mistaken or overwritten. `warning`: harmless for the device, but not as it is. */
export type DumpSeverity = 'error' | 'warning';

export interface DumpProblem {
  readonly code:
    | 'not-in-source'
    | 'should-stay-out'
    | 'missing'
    | 'row-missing'
    | 'row-twice'
    | 'row-unexpected'
    | 'refused-by-mysql'
    | 'value-differs'
    | 'time-of-loading'
    | 'not-written'
    | 'overwrites-touched'
    | 'second-certificate';
  readonly severity: DumpSeverity;
  readonly table: MigrationTable | null;
  readonly column: string | null;
  /** With values as they may be shown. */
  readonly sentence: string;
}

/** What the script's statements would do to a device's rows in the target as it is. */
export type DumpAction = 'insert' | 'refresh' | 'keep' | 'overwrite-touched' | 'refused';

export interface DumpedDevice {
  readonly udid: string;
  /** Of its first statement; null when the dump has none. */
  readonly line: number | null;
  /** Null when no target was looked at. */
  readonly action: DumpAction | null;
  readonly problems: readonly DumpProblem[];
}

export interface DumpCheck {
  readonly dump: DumpFile;
  readonly counts: {
    readonly devices: number;
    readonly missing: number;
    readonly withErrors: number;
    readonly withWarnings: number;
    readonly broken: number;
  };
  /** At most 1,000; `counts.broken` has all. */
  readonly broken: readonly BrokenStatement[];
  readonly devices: readonly DumpedDevice[];
}

export interface DumpCheckInput {
  readonly path: string;
  readonly snapshot: Snapshot;
  readonly judgement: Judgement;
  readonly schema: TargetSchema;
  /** The target as it is; absent: only the source is compared. */
  readonly connection?: FleetConnection;
  readonly onProgress?: OnProgress;
}

interface Gathered {
  readonly udid: string;
  line: number | null;
  readonly problems: DumpProblem[];
  /** Hash of the certificate it binds, by table what it writes. */
  readonly writes: Map<MigrationTable, DumpedValue>;
  refused: boolean;
  /** The dump itself writes an enrollment that is switched off. */
  disabled: boolean;
  action: DumpAction | null;
}

const MOST_BROKEN = 1_000;
const BATCH = 500;
/** Columns Fleet's CHECKs want NULL or filled. */
const NEVER_EMPTY: Readonly<Partial<Record<MigrationTable, readonly string[]>>> = {
  nano_devices: ['serial_number', 'authenticate', 'token_update', 'bootstrap_token_b64'],
  nano_enrollments: ['id', 'type', 'topic', 'push_magic', 'token_hex'],
  nano_cert_auth_associations: ['id', 'sha256'],
};
/** Times the script takes from the clock of the load. */
const TIMES: ReadonlySet<string> = new Set([
  'authenticate_at',
  'token_update_at',
  'bootstrap_token_at',
  'unlock_token_at',
  'last_seen_at',
]);

/**
 * Checks a dump.
 * @throws FailureError `dump/…`, `fleet/…`
 */
export async function checkScriptDump(input: DumpCheckInput): Promise<DumpCheck> {
  const { snapshot, judgement, schema, connection, onProgress } = input;
  const judged = new Map<string, JudgedDevice>();
  for (const device of judgement.devices) {
    const { udid } = device.device;
    // Of several records of one UDID the one that may go in counts.
    if (udid !== null && (judged.get(udid)?.verdict ?? 'blocked') === 'blocked') judged.set(udid, device);
  }
  const gathered = new Map<string, Gathered>();
  const derived: { udid: string; rows: DeviceRows | null } = { udid: '', rows: null };
  const rowsOf = (udid: string): DeviceRows | null => {
    if (derived.udid !== udid) {
      const device = judged.get(udid);
      derived.udid = udid;
      derived.rows =
        device === undefined || device.verdict === 'blocked'
          ? null
          : deriveRows(device, { schema, instant: snapshot.instant, teamId: null });
    }
    return derived.rows;
  };
  const broken: BrokenStatement[] = [];
  let brokenCount = 0;
  const dump = await readScriptDump(
    input.path,
    (row, line) => {
      // Every table's own column for the device.
      const owner = row.values.get(
        row.table === 'nano_devices' || row.table === 'nano_cert_auth_associations' ? 'id' : 'device_id',
      );
      const udid = typeof owner === 'string' ? owner : '';
      let device = gathered.get(udid);
      if (device === undefined) {
        device = { udid, line, problems: [], writes: new Map(), refused: false, disabled: false, action: null };
        gathered.set(udid, device);
        tellStanding(device, judged.get(udid));
      }
      compareRow(device, row, rowsOf(udid), schema);
    },
    (statement) => {
      brokenCount += 1;
      if (broken.length < MOST_BROKEN) broken.push(statement);
    },
    onProgress,
  );
  let missing = 0;
  for (const [udid, { verdict }] of judged) {
    const device = gathered.get(udid);
    if (verdict === 'blocked') continue;
    if (device === undefined) {
      missing += 1;
      const problem = problemOf(
        'missing',
        'error',
        null,
        null,
        'The source has this device and the dump does not write it.',
      );
      gathered.set(udid, {
        udid,
        line: null,
        problems: [problem],
        writes: new Map(),
        refused: false,
        disabled: false,
        action: null,
      });
      continue;
    }
    const rows = rowsOf(udid);
    if (rows !== null) tellAbsentRows(device, rows);
  }
  if (connection !== undefined) await compareTarget(connection, schema, [...gathered.values()], onProgress);
  const devices = [...gathered.values()].map(({ udid, line, action, problems }) => ({ udid, line, action, problems }));
  const having = (severity: DumpSeverity): number =>
    devices.filter(({ problems }) => problems.some((problem) => problem.severity === severity)).length;
  return {
    dump,
    counts: {
      devices: devices.length - missing,
      missing,
      withErrors: having('error'),
      withWarnings: having('warning'),
      broken: brokenCount,
    },
    broken,
    devices,
  };
}

function problemOf(
  code: DumpProblem['code'],
  severity: DumpSeverity,
  table: MigrationTable | null,
  column: string | null,
  sentence: string,
): DumpProblem {
  return { code, severity, table, column, sentence };
}

function tellStanding(device: Gathered, judged: JudgedDevice | undefined): void {
  if (judged === undefined)
    device.problems.push(
      problemOf(
        'not-in-source',
        'error',
        null,
        null,
        'The source has no such device: the dump is of another state, or of another server.',
      ),
    );
  else if (judged.verdict === 'blocked') {
    const why = [...new Set(judged.reasons.filter(({ severity }) => severity === 'block').map(({ code }) => code))];
    device.problems.push(
      problemOf(
        'should-stay-out',
        'error',
        null,
        null,
        `It must not go in (${why.join(', ')}), and the dump imports it.`,
      ),
    );
  }
}

/** Holds one row of the dump against the one derived from the source. */
function compareRow(
  device: Gathered,
  { table, values }: DumpedRow,
  rows: DeviceRows | null,
  schema: TargetSchema,
): void {
  const say = (code: DumpProblem['code'], severity: DumpSeverity, column: string | null, sentence: string): void =>
    void device.problems.push(problemOf(code, severity, table, column, sentence));
  if (device.writes.has(table))
    say('row-twice', 'error', null, `The dump writes ${table} of this device more than once.`);
  device.writes.set(table, values.get(table === 'nano_cert_auth_associations' ? 'sha256' : 'id') ?? null);
  if (table === 'nano_enrollments' && values.get('enabled') === 0) device.disabled = true;
  for (const column of values.keys())
    if (!schema.columns[table].includes(column)) {
      device.refused = true;
      say('refused-by-mysql', 'error', column, `This Fleet’s ${table} has no column ${column}: the statement fails.`);
    }
  for (const column of NEVER_EMPTY[table] ?? [])
    if (values.get(column) === '') {
      device.refused = true;
      say(
        'refused-by-mysql',
        'error',
        column,
        `It writes an empty text where Fleet’s tables want NULL: the statement fails, and so do those that depend on it.`,
      );
    }
  const key = table === 'nano_cert_auth_associations' ? 'sha256' : 'id';
  const wanted = rows?.[table].find((row) => row[key] === values.get(key));
  if (rows === null) return;
  if (wanted === undefined) {
    say(
      'row-unexpected',
      'error',
      null,
      `The source gives no such row in ${table}${table === 'nano_cert_auth_associations' ? ': the device has another certificate' : ''}.`,
    );
    return;
  }
  for (const [column, value] of Object.entries(wanted)) compareColumn(column, value, wanted);

  function compareColumn(column: string, value: Value, row: Row): void {
    const there = values.get(column);
    if (there === undefined) {
      // Left out, a column gets its default: '' for the platform, else NULL.
      if (value === null || (column === 'platform' && value === '')) return;
      const grave = column === 'unlock_token' || (column === 'platform' && value !== 'darwin');
      say(
        'not-written',
        grave ? 'error' : 'warning',
        column,
        `The script never writes ${column}; the source has ${String(shownValue(table, column, value))}.`,
      );
    } else if (there === NOW && TIMES.has(column)) {
      say(
        'time-of-loading',
        'warning',
        column,
        value === null
          ? `It becomes the time of loading although there is nothing it could be the time of.`
          : `It becomes the time of loading instead of ${String(value)}: the device looks as if it had just been there.`,
      );
    } else if (there !== value) {
      const shown = there === NOW ? 'the time of loading' : String(shownValue(table, column, there));
      say(
        'value-differs',
        'error',
        column,
        `The dump has ${shown}, the source gives ${String(shownValue(table, column, row[column] ?? null))}.`,
      );
    }
  }
}

/** Rows the source gives and the dump lacks. */
function tellAbsentRows(device: Gathered, rows: DeviceRows): void {
  for (const table of MIGRATION_TABLES) {
    if (rows[table].length === 0) continue;
    if (table === 'nano_users')
      device.problems.push(
        problemOf(
          'row-missing',
          'warning',
          table,
          null,
          'The script knows no user channels; they come back at the next login.',
        ),
      );
    else if (!device.writes.has(table))
      device.problems.push(
        problemOf(
          'row-missing',
          'error',
          table,
          null,
          `The dump has no row for ${table}: Fleet would refuse or never reach the device.`,
        ),
      );
  }
}

/** What the script's statements, each with its own guard, would do now. */
async function compareTarget(
  connection: FleetConnection,
  schema: TargetSchema,
  devices: readonly Gathered[],
  onProgress: OnProgress | undefined,
): Promise<void> {
  // Ids that Fleet's collation takes for one are asked for one after the other.
  const asked = devices.filter(({ udid, line }) => udid !== '' && line !== null);
  await connection.begin();
  try {
    for (let start = 0; start < asked.length;) {
      const folds = new Set<string>();
      const batch: Gathered[] = [];
      for (const device of asked.slice(start, start + BATCH)) {
        const fold = foldId(device.udid);
        if (folds.has(fold)) break;
        folds.add(fold);
        batch.push(device);
      }
      start += batch.length;
      const found = await readDevices(
        connection,
        schema,
        batch.map(({ udid }) => udid),
      );
      for (const device of batch) {
        const target = found.get(device.udid);
        if (target !== undefined) decide(device, target);
      }
      onProgress?.({ label: 'comparing with Fleet', done: start, total: asked.length });
    }
  } finally {
    await connection.rollback().catch(() => undefined);
  }
}

function decide(device: Gathered, target: TargetDevice): void {
  if (device.refused) {
    device.action = 'refused';
    return;
  }
  if (isAbsent(target)) {
    device.action = 'insert';
    return;
  }
  const touched = touchesOf(target).some(({ code }) => !(device.disabled && code === 'enrollment-disabled'));
  const written: MigrationTable[] = [];
  for (const [table, key] of device.writes) {
    const own = target.rows[table].filter((row) => foldId(String(row['id'])) === foldId(device.udid));
    // The script's guard: by id alone, for each table by itself.
    if (own.some((row) => row['updated_at'] !== CANARY)) continue;
    written.push(table);
    if (table === 'nano_cert_auth_associations' && own.length > 0 && own.every((row) => row['sha256'] !== key))
      device.problems.push(
        problemOf(
          'second-certificate',
          'warning',
          table,
          'sha256',
          'It adds a second certificate beside the one that was imported before, which stays.',
        ),
      );
  }
  if (written.length === 0) device.action = 'keep';
  else if (touched) {
    device.action = 'overwrite-touched';
    device.problems.push(
      problemOf(
        'overwrites-touched',
        'error',
        null,
        null,
        `Fleet or the device has touched it since the import, and the dump still writes ${written.join(', ')}.`,
      ),
    );
  } else device.action = 'refresh';
}
