/** One Fleet database with everything around it that a migration needs: what the tests of this folder work with. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  connectFleet,
  parseFleetAddress,
  type FleetConnection,
  type FleetTarget,
} from '../../../src/core/fleet/connection';
import { probeSchema } from '../../../src/core/fleet/probe';
import { MIGRATION_TABLES, type TargetSchema } from '../../../src/core/fleet/schema';
import { applyPlan, type ApplyInput, type ApplyResult } from '../../../src/core/migration/apply';
import { fingerprintsOf } from '../../../src/core/migration/fingerprint';
import { makePlan, rowsOfPlan, type Plan, type PlanInput } from '../../../src/core/migration/plan';
import { undoJournal, type UndoInput, type UndoResult } from '../../../src/core/migration/undo';
import { expectedOfPlan, verifyRows, type VerifyResult } from '../../../src/core/migration/verify';
import { judge } from '../../../src/core/migration/verdict';
import type { Snapshot } from '../../../src/core/sources/snapshot';
import { Secret } from '../../../src/core/secret';
import { createDatabase, dumpTables, type FleetSchema, type TestDatabase } from '../../servers/mysql';
import type { MysqlAddress } from '../../servers/mysql';
import { JUDGED_AT } from '../../snapshot-builder';

/** How a test database is reached. */
export function targetOf(database: TestDatabase): FleetTarget {
  return {
    address: parseFleetAddress(database.url),
    password: database.server.password ? new Secret('password', database.server.password) : null,
    tls: { mode: 'disabled', caFile: null },
    plaintextConfirmed: false,
    mariaDbAllowed: true,
  };
}

/** Short waits: tests must not sit out an operator's patience. */
export const SHORT = {
  lockSeconds: 1,
  reconnectMs: [50, 100, 200, 400, 800, 1_600, 3_200],
  losses: 5,
  retryMs: [20, 50, 100],
};

export class FleetBench {
  readonly database: TestDatabase;
  readonly folder: string;
  readonly #open = new Set<FleetConnection>();

  private constructor(database: TestDatabase) {
    this.database = database;
    this.folder = mkdtempSync(join(tmpdir(), 'slipway-bench-'));
  }

  static async open(schema: FleetSchema, server?: MysqlAddress): Promise<FleetBench> {
    return new FleetBench(await createDatabase(schema, server));
  }

  async close(): Promise<void> {
    for (const connection of this.#open) connection.destroy();
    rmSync(this.folder, { recursive: true, force: true });
    await this.database.drop();
  }

  /** A connection that is dropped with the bench at the latest. */
  async connect(purpose: 'read' | 'write' = 'write'): Promise<FleetConnection> {
    const connection = await connectFleet(targetOf(this.database), purpose);
    this.#open.add(connection);
    return connection;
  }

  async schema(): Promise<TargetSchema> {
    return this.reading((connection) => probeSchema(connection));
  }

  async reading<T>(work: (connection: FleetConnection) => Promise<T>): Promise<T> {
    const connection = await this.connect('read');
    try {
      return await work(connection);
    } finally {
      await connection.close();
    }
  }

  /** A plan with `no-agent` accepted, since these databases have no hosts. */
  async plan(snapshot: Snapshot, more: Partial<PlanInput> = {}): Promise<Plan> {
    const schema = await this.schema();
    return this.reading((connection) =>
      makePlan({
        snapshot,
        judgement: judge(snapshot, JUDGED_AT),
        at: JUDGED_AT,
        sourceReference: 'micromdm:/made/up/micromdm.db',
        copy: { path: '/made/up/copy.db', sha256: 'cd'.repeat(32) },
        connection,
        schema,
        accepted: new Set(['no-agent']),
        reason: 'a test',
        steps: [],
        ...more,
      }),
    );
  }

  applyInput(plan: Plan, snapshot: Snapshot, more: Partial<ApplyInput> = {}): ApplyInput {
    return {
      plan,
      connect: () => this.connect('write'),
      probe: probeSchema,
      snapshot,
      judgement: judge(snapshot, Date.parse(plan.at)),
      fresh: fingerprintsOf(snapshot),
      journalFolder: this.folder,
      patience: SHORT,
      ...more,
    };
  }

  async apply(plan: Plan, snapshot: Snapshot, more: Partial<ApplyInput> = {}): Promise<ApplyResult> {
    return applyPlan(this.applyInput(plan, snapshot, more));
  }

  /** Plans and applies. */
  async bringIn(snapshot: Snapshot, more: Partial<PlanInput> = {}): Promise<{ plan: Plan; result: ApplyResult }> {
    const plan = await this.plan(snapshot, more);
    return { plan, result: await this.apply(plan, snapshot) };
  }

  async verify(plan: Plan, snapshot: Snapshot): Promise<VerifyResult> {
    const schema = await this.schema();
    const rowsOf = rowsOfPlan(plan, snapshot, judge(snapshot, Date.parse(plan.at)));
    return this.reading((connection) =>
      verifyRows({ connection, schema, expected: expectedOfPlan(plan.devices, rowsOf), total: null }),
    );
  }

  async undo(journal: string, more: Partial<UndoInput> = {}): Promise<UndoResult> {
    return undoJournal({
      journal,
      connect: () => this.connect('write'),
      probe: probeSchema,
      atFleet: new Set(),
      wait: () => Promise.resolve(),
      patience: SHORT,
      ...more,
    });
  }

  /** The four tables as text; times of creation left out unless asked for. */
  async dump(withCreation = false): Promise<string> {
    return dumpTables(this.database, MIGRATION_TABLES, withCreation ? {} : { without: ['created_at'] });
  }

  /** Empties every table a migration or a test here fills. */
  async reset(): Promise<void> {
    const there = new Set(
      (await this.sql('SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()')).map(
        (row) => String(row['name']),
      ),
    );
    // Children first: MySQL 9.7 leaves enrollments behind when a device with user channels is deleted (both foreign keys
    // of nano_enrollments cascade, and it follows only one of them).
    for (const table of [
      'nano_enrollments',
      'nano_users',
      'nano_devices',
      'nano_cert_auth_associations',
      'nano_commands',
      'nano_seen_times',
      'hosts',
      'host_mdm_apple_profiles',
      'teams',
    ]) {
      if (there.has(table)) await this.sql(`DELETE FROM ${table}`);
    }
    for (const name of readdirSync(this.folder)) rmSync(join(this.folder, name), { recursive: true });
  }

  /** A command in Fleet's queue for an enrollment. */
  async queue(id: string, commandUuid: string, requestType = 'InstallProfile'): Promise<void> {
    await this.command(commandUuid, requestType);
    await this.sql('INSERT INTO nano_enrollment_queue (id, command_uuid) VALUES (?, ?)', [id, commandUuid]);
  }

  async command(commandUuid: string, requestType = 'InstallProfile'): Promise<void> {
    await this.sql('INSERT IGNORE INTO nano_commands (command_uuid, request_type, command) VALUES (?, ?, ?)', [
      commandUuid,
      requestType,
      '<?xml version="1.0"?>',
    ]);
  }

  /** A command result of an enrollment, as Fleet stores it. */
  async result(id: string, commandUuid: string, createdAt: string): Promise<void> {
    await this.command(commandUuid);
    await this.sql(
      "INSERT INTO nano_command_results (id, command_uuid, status, result, created_at) VALUES (?, ?, 'Acknowledged', '<?xml', ?)",
      [id, commandUuid, createdAt],
    );
  }

  async sql(statement: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
    return this.database.query(statement, values);
  }

  /** Moves a device's import an hour into the past, so that a contact "now" comes clearly after it. */
  async age(udid: string): Promise<void> {
    await this.sql(
      "UPDATE nano_devices SET created_at = created_at - INTERVAL 1 HOUR, updated_at = '2000-01-01 00:00:00' WHERE id = ?",
      [udid],
    );
  }
}
