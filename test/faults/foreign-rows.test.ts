/**
 * A Fleet that holds far more devices than are moved. What is read of it follows from the devices moved: MySQL itself counts
 * the rows it fetches of each table, and no table is walked (but one, once). A few thousand foreign rows; a million with SLIPWAY_SOAK=1.
 */
import { afterAll, beforeAll, expect, it, describe } from 'vitest';
import { FleetBench } from '../core/migration/fleet-bench';
import { buildSnapshot } from '../snapshot-builder';
import { noServer, testServer } from '../servers/mysql';

const soak = process.env['SLIPWAY_SOAK'] === '1';
const FOREIGN = soak ? 1_000_000 : 4_000;
const OURS = 20;
/** Rows MySQL may fetch of one table for one device in one step: each is looked at, locked, read back. */
const PER_DEVICE = 12;

describe.skipIf(noServer || testServer().kind === 'mariadb')(`${FOREIGN} foreign rows in Fleet`, () => {
  const snapshot = buildSnapshot(OURS);
  let bench: FleetBench;
  beforeAll(async () => {
    bench = await FleetBench.open('generation-newest');
    const numbers = Array.from({ length: Math.ceil(Math.log10(FOREIGN)) }, (_, at) => `d${at}`);
    const digits =
      '(SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)';
    const sum = numbers.map((name, at) => `${name}.n * ${10 ** at}`).join(' + ');
    await bench.sql('CREATE TABLE foreign_ids (id varchar(255) PRIMARY KEY, n int) COLLATE utf8mb4_unicode_ci');
    await bench.sql(
      `INSERT INTO foreign_ids SELECT UPPER(CONCAT(LEFT(SHA2(n, 256), 8), '-', MID(SHA2(n, 256), 9, 4), '-4000-8000-', MID(SHA2(n, 256), 20, 12))), n
         FROM (SELECT ${sum} AS n FROM ${numbers.map((name) => `${digits} ${name}`).join(', ')}) all_numbers WHERE n < ${FOREIGN}`,
    );
    await bench.sql(
      "INSERT INTO nano_devices (id, authenticate, serial_number) SELECT id, '<?xml', CONCAT('F', n) FROM foreign_ids",
    );
    await bench.sql(
      "INSERT INTO nano_enrollments (id, device_id, type, topic, push_magic, token_hex) SELECT id, id, 'Device', 't', 'm', 'ab' FROM foreign_ids",
    );
    await bench.sql('INSERT INTO nano_cert_auth_associations (id, sha256) SELECT id, SHA2(id, 256) FROM foreign_ids');
    await bench.sql('INSERT INTO nano_seen_times (id, seen_time) SELECT id, NOW() FROM foreign_ids');
    await bench.sql(
      "INSERT INTO hosts (uuid, hardware_serial, osquery_host_id, node_key) SELECT id, CONCAT('F', n), id, id FROM foreign_ids",
    );
    // What MySQL does by itself a while after so many rows came.
    await bench.sql(
      'ANALYZE TABLE nano_devices, nano_enrollments, nano_cert_auth_associations, nano_seen_times, hosts',
    );
  }, 1_800_000);
  afterAll(() => bench.close());

  /** Rows fetched of each table so far, by MySQL's own count. */
  async function fetched(): Promise<Map<string, number>> {
    const rows = await bench.sql(
      `SELECT OBJECT_NAME AS name, COUNT_FETCH AS n FROM performance_schema.table_io_waits_summary_by_table
        WHERE OBJECT_SCHEMA = DATABASE() AND (OBJECT_NAME LIKE 'nano%' OR OBJECT_NAME = 'hosts')`,
    );
    return new Map(rows.map((row) => [String(row['name']), Number(row['n'])]));
  }
  async function isBounded<T>(what: string, work: () => Promise<T>): Promise<T> {
    const before = await fetched();
    const result = await work();
    for (const [table, count] of await fetched()) {
      const rows = count - (before.get(table) ?? 0);
      // No index leads to a certificate's hash: who plans or applies goes through that table once, in pages.
      const through = table === 'nano_cert_auth_associations' && /plan|apply|rehearsal/.test(what);
      const most = PER_DEVICE * OURS + (through ? FOREIGN + FOREIGN / 1_000 : 0);
      expect(rows, `${what}: rows fetched of ${table}`).toBeLessThanOrEqual(most);
    }
    return result;
  }

  it('plan, rehearsal, apply, verify and undo look up their own devices only', async () => {
    const plan = await isBounded('plan', () => bench.plan(snapshot));
    expect(plan.counts).toMatchObject({ devices: OURS, insert: OURS });
    await isBounded('rehearsal', () => bench.apply(plan, snapshot, { rehearse: true }));
    const applied = await isBounded('apply', () =>
      bench.apply(plan, snapshot, { connectReader: () => bench.connect('read') }),
    );
    expect(applied).toMatchObject({ counts: { inserted: OURS }, verified: { counts: { same: OURS } } });
    expect((await isBounded('verify', () => bench.verify(plan, snapshot))).counts).toMatchObject({ same: OURS });
    expect((await isBounded('apply again', () => bench.apply(plan, snapshot))).counts).toMatchObject({ already: OURS });
    const undone = await isBounded('undo', () => bench.undo(applied.journal));
    expect(undone.counts).toMatchObject({ removed: OURS, left: 0 });
    expect(await bench.sql('SELECT COUNT(*) AS n FROM nano_devices')).toEqual([{ n: FOREIGN }]);
  }, 600_000);
});
