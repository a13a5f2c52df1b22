/**
 * The pretend Fleet of the sample migration: answers what a plan asks of a database, out of the snapshot itself.
 *
 * It lets somebody walk through plan and SQL with no server anywhere. It holds hosts for most Macs, and a few devices
 * that "were imported before", so that every action a plan knows occurs. It takes no writes.
 */
import { refused } from '../../core/failure';
import type { FleetConnection, FleetServer, Value } from '../../core/fleet/connection';
import { foldId, type FoundRow } from '../../core/fleet/device-rows';
import { knownSchema, type ProbedSchema } from '../../core/fleet/probe';
import { MIGRATION_TABLES, type MigrationTable } from '../../core/fleet/schema';
import { deriveRows, timestampOf, type DeviceRows } from '../../core/migration/rows';
import type { Judgement } from '../../core/migration/verdict';
import type { Snapshot } from '../../core/sources/snapshot';

/** The clock of the sample: it is judged as of then, so that it tells the same story whenever it is opened. */
export const SAMPLE_CLOCK = Date.UTC(2026, 10, 24, 2);

const SAMPLE_DATABASE = 'fleet_sample';
const SAMPLE_HOST = 'sample';

const DAY_MS = 86_400_000;

interface SampleHost {
  readonly id: number;
  readonly uuid: string;
  readonly hardware_serial: string;
  readonly team_id: null;
  readonly platform: string;
  readonly has_agent: number;
}

export class SampleFleet implements FleetConnection {
  readonly address = { host: SAMPLE_HOST, port: 3306, user: 'nobody', database: SAMPLE_DATABASE };
  readonly server: FleetServer = {
    version: '8.4.0-sample',
    versionNumber: [8, 4, 0],
    isMariaDb: false,
    serverUuid: '00000000-0000-0000-0000-000000000000',
    hostname: SAMPLE_HOST,
    readOnly: false,
    sqlMode: '',
    maxAllowedPacket: 67_108_864,
    timeZone: 'UTC',
    tlsCipher: null,
  };
  readonly schema: ProbedSchema = {
    ...knownSchema('newest'),
    triggers: [],
    unknownColumns: [],
    tables: new Set(MIGRATION_TABLES),
    assetsRenewAt: false,
  };
  readonly #rows: Readonly<Record<MigrationTable, FoundRow[]>> = {
    nano_devices: [],
    nano_users: [],
    nano_enrollments: [],
    nano_cert_auth_associations: [],
  };
  readonly #hosts: SampleHost[] = [];

  constructor(snapshot: Snapshot, judgement: Judgement) {
    const entering = judgement.devices.filter(({ verdict }) => verdict === 'ready');
    const imported = timestampOf(BigInt(snapshot.instant - 14 * DAY_MS) * 1_000_000n);
    const lately = timestampOf(BigInt(snapshot.instant - DAY_MS) * 1_000_000n);
    for (const [number, judged] of entering.entries()) {
      const { udid, serial, platform } = judged.device;
      if (udid === null) continue;
      // Every seventh Mac has no agent yet: held until that is accepted.
      if (platform === 'darwin' && number % 7 !== 3) {
        const id = this.#hosts.length + 1;
        this.#hosts.push({ id, uuid: udid, hardware_serial: serial ?? '', team_id: null, platform, has_agent: 1 });
      }
      if (number % 9 !== 4) continue;
      const rows = deriveRows(judged, { schema: this.schema, instant: snapshot.instant, teamId: null });
      // Half of those imported before have renewed their push token since; the others Fleet has begun to work with.
      if (number % 2 === 0) this.#import(rows, imported, { token_hex: `${'0'.repeat(62)}a1` });
      else this.#import(rows, imported, { updated_at: lately });
    }
  }

  get hosts(): number {
    return this.#hosts.length;
  }

  get enrollments(): number {
    return this.#rows.nano_enrollments.length;
  }

  query<T extends object>(sql: string, params: readonly Value[] = []): Promise<T[]> {
    const asked = new Set(params.map((value) => foldId(String(value))));
    const find = (rows: readonly object[], column: string): T[] =>
      rows.filter((row) => asked.has(foldId(String((row as Record<string, unknown>)[column])))) as T[];
    const host = /FROM hosts WHERE (uuid|hardware_serial) IN/.exec(sql);
    if (host?.[1] !== undefined) return Promise.resolve(find(this.#hosts, host[1]));
    const row = /FROM (nano_\w+) WHERE (\w+) IN/.exec(sql);
    const table = MIGRATION_TABLES.find((name) => name === row?.[1]);
    if (table !== undefined && row?.[2] !== undefined) return Promise.resolve(find(this.#rows[table], row[2]));
    return Promise.resolve([]);
  }

  execute(): Promise<never> {
    return Promise.reject(noServer());
  }

  begin(): Promise<void> {
    return Promise.resolve();
  }

  commit(): Promise<void> {
    return Promise.resolve();
  }

  rollback(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  destroy(): void {
    // Nothing is open.
  }

  #import(rows: DeviceRows, createdAt: string, enrollment: Readonly<Record<string, Value>>): void {
    for (const table of MIGRATION_TABLES) {
      for (const row of rows[table]) {
        const found: Record<string, Value> = {};
        for (const column of this.schema.columns[table]) found[column] = row[column] ?? null;
        Object.assign(found, { created_at: createdAt }, table === 'nano_enrollments' ? enrollment : {});
        this.#rows[table].push(found);
      }
    }
  }
}

/** Why the sample cannot be applied. */
export function noServer(): Error {
  try {
    return refused(
      'sample/no-server',
      'The sample has no server behind it, so nothing can be written.',
      'Start one with npm run demo and connect to it, or open a workspace of your own.',
    );
  } catch (failure) {
    return failure as Error;
  }
}
