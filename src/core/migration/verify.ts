/** Verify: every row read back from Fleet and held against what the source gives, column by column. */
import type { FleetConnection } from '../fleet/connection';
import { isAbsent, readDevices } from '../fleet/device-rows';
import { MIGRATION_TABLES, type TargetSchema } from '../fleet/schema';
import type { OnProgress } from '../progress';
import type { Snapshot, SourceDevice } from '../sources/snapshot';
import { differenceOf, orderedRows, type RowChange } from './difference';
import { deriveRows, type DeviceRows } from './rows';
import { touchesOf } from './touched';
import { goesIn, type Judgement } from './verdict';

/**
 * `same` in every column; `differs`; `missing` no row at all; `extra` all rows are there and some more;
 * `touched-since` Fleet or the device has begun to change them, which is no error.
 */
export type VerifyState = 'same' | 'differs' | 'missing' | 'extra' | 'touched-since';

export interface VerifiedDevice {
  readonly udid: string;
  readonly state: VerifyState;
  /** What stands in Fleet (`from`) against what the source gives (`to`). */
  readonly changes: readonly RowChange[];
  /** Why it counts as touched. */
  readonly sentences: readonly string[];
}

export interface VerifyResult {
  readonly counts: Readonly<Record<'devices' | VerifyState, number>> & {
    readonly rows: number;
    readonly columns: number;
  };
  /** All but those that are the same. */
  readonly devices: readonly VerifiedDevice[];
  /** In a sentence, what was compared and what was not. */
  readonly compared: string;
}

/** A device and the rows it shall have. Given one by one, so that 100,000 need not be held at once. */
export interface Expected {
  readonly udid: string;
  readonly rows: DeviceRows;
}

const BATCH = 500;

/** Rows read back and compared, batch by batch. */
export class Comparison {
  readonly #counts = {
    devices: 0,
    rows: 0,
    columns: 0,
    same: 0,
    differs: 0,
    missing: 0,
    extra: 0,
    'touched-since': 0,
  };
  readonly #devices: VerifiedDevice[] = [];

  /** Devices looked at so far. */
  get done(): number {
    return this.#counts.devices;
  }

  /** Reads a batch of devices and adds what it finds. Call it inside a transaction: its answers then belong together. */
  async look(connection: FleetConnection, schema: TargetSchema, batch: readonly Expected[]): Promise<void> {
    const counts = this.#counts;
    const found = await readDevices(
      connection,
      schema,
      batch.map((one) => one.udid),
    );
    for (const { udid, rows } of batch) {
      const target = found.get(udid);
      if (target === undefined) throw new Error('a device that was asked for was not answered');
      for (const table of MIGRATION_TABLES) {
        counts.rows += rows[table].length;
        for (const row of rows[table]) counts.columns += Object.keys(row).length;
      }
      const { changes } = differenceOf(target, rows);
      const touches = isAbsent(target) ? [] : touchesOf(target);
      const state: VerifyState = isAbsent(target)
        ? 'missing'
        : touches.length > 0
          ? 'touched-since'
          : changes.length === 0
            ? 'same'
            : changes.every((change) => change.change === 'delete')
              ? 'extra'
              : 'differs';
      counts.devices += 1;
      counts[state] += 1;
      if (state === 'same') continue;
      this.#devices.push({
        udid,
        state,
        changes: state === 'missing' ? [] : changes,
        sentences: touches.map((touch) => touch.sentence),
      });
    }
  }

  result(): VerifyResult {
    const counts = { ...this.#counts };
    return {
      counts,
      devices: [...this.#devices],
      compared:
        `${counts.rows} rows of ${counts.devices} devices in ${MIGRATION_TABLES.join(', ')}, every column a migration ` +
        'writes; not compared: created_at and what Fleet fills in itself, and devices that are not to be in Fleet.',
    };
  }
}

/** Reads every row of the devices back and compares. Reads only, at one instant of the target. */
export async function verifyRows(input: {
  readonly connection: FleetConnection;
  readonly schema: TargetSchema;
  readonly expected: Iterable<Expected>;
  /** Number of devices, for progress. */
  readonly total: number | null;
  readonly onProgress?: OnProgress;
}): Promise<VerifyResult> {
  const { connection, schema } = input;
  const comparison = new Comparison();
  const look = async (batch: readonly Expected[]): Promise<void> => {
    await comparison.look(connection, schema, batch);
    input.onProgress?.({ label: 'verifying', done: comparison.done, total: input.total });
  };
  await connection.begin();
  try {
    let batch: Expected[] = [];
    for (const one of input.expected) {
      batch.push(one);
      if (batch.length < BATCH) continue;
      await look(batch);
      batch = [];
    }
    if (batch.length > 0) await look(batch);
  } finally {
    await connection.rollback().catch(() => undefined);
  }
  return comparison.result();
}

/** What a source gives without a plan: every device that goes in with these cautions accepted. */
export function* expectedOfSource(input: {
  readonly snapshot: Snapshot;
  readonly judgement: Judgement;
  readonly schema: TargetSchema;
  readonly accepted: ReadonlySet<string>;
  readonly teamOf?: (device: SourceDevice) => number | null;
}): Generator<Expected> {
  const placed = input.schema.columns.nano_devices.includes('enroll_team_id');
  for (const judged of input.judgement.devices) {
    const { udid } = judged.device;
    if (udid === null || !goesIn(judged, input.accepted)) continue;
    const teamId = placed ? (input.teamOf?.(judged.device) ?? null) : null;
    yield {
      udid,
      rows: orderedRows(deriveRows(judged, { schema: input.schema, instant: input.snapshot.instant, teamId })),
    };
  }
}

/** What a plan gives: the devices it inserts or refreshes. `rowsOf` comes from `rowsOfPlan`. */
export function* expectedOfPlan(
  devices: Iterable<{ readonly udid: string; readonly action: string }>,
  rowsOf: (udid: string) => DeviceRows,
): Generator<Expected> {
  for (const { udid, action } of devices) {
    if (action === 'insert' || action === 'refresh') yield { udid, rows: rowsOf(udid) };
  }
}
