/**
 * Other sessions are in the way: rows, whole tables, a global read lock, and a real deadlock. Waiting is bounded, what is in
 * the way of everything is not looked for device by device, and nothing is half written.
 */
import type { Connection } from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { FleetConnection } from '../../src/core/fleet/connection';
import type { Plan } from '../../src/core/migration/plan';
import { FleetBench } from '../core/migration/fleet-bench';
import { buildSnapshot, renewed } from '../snapshot-builder';
import { noServer } from '../servers/mysql';
import { failureOf } from './failing';

describe.skipIf(noServer)('other sessions in the way', () => {
  const snapshot = buildSnapshot(24);
  const later = { ...snapshot, devices: snapshot.devices.map((device) => renewed(device)) };
  let bench: FleetBench;
  let plan: Plan;
  let calm: string;
  let others: Connection[] = [];
  beforeAll(async () => {
    bench = await FleetBench.open('generation-newest');
    plan = await bench.plan(snapshot);
    await bench.apply(plan, snapshot);
    calm = await bench.dump();
  });
  afterAll(() => bench.close());
  beforeEach(() => bench.reset());
  afterEach(async () => {
    for (const other of others) await other.end();
    others = [];
  });

  const another = async (): Promise<Connection> => {
    const other = await bench.database.connect();
    others.push(other);
    return other;
  };
  /** As short as MySQL knows: a second. */
  const impatient = async (): Promise<FleetConnection> => {
    const connection = await bench.connect('write');
    await connection.query('SET SESSION innodb_lock_wait_timeout = 1, lock_wait_timeout = 1');
    return connection;
  };
  const patience = { lockSeconds: 1, reconnectMs: [50], losses: 1, retryMs: [] };
  const input = { connect: impatient, patience, batchSize: 8, sessions: 1 as const };
  const there = async (): Promise<number> => (await bench.sql('SELECT id FROM nano_devices')).length;

  it.each([
    ['LOCK TABLES', 'LOCK TABLES nano_cert_auth_associations WRITE', 'UNLOCK TABLES', 'nano_cert_auth_associations'],
    ['a backup that reads under LOCK TABLES', 'LOCK TABLES nano_enrollments READ', 'UNLOCK TABLES', 'nano_enrollments'],
  ])('%s: told which table, at once, and not device by device', async (_, lock, unlock, table) => {
    const other = await another();
    let before = -1;
    const failure = await failureOf(
      bench.apply(plan, snapshot, {
        ...input,
        onProgress: ({ done }) => void (before = done),
        probePoint: async (point) => {
          if (point === 'outcome-committed') await other.query(lock);
        },
      }),
    );
    expect(failure).toMatchObject({ code: 'fleet/tables-locked', kind: 'unreadable', detail: { table } });
    expect(failure.message).toContain(table);
    expect(failure.message).toContain('nothing is half written');
    expect(failure.remedy).toContain('apply the same plan again');
    expect(before).toBe(8);
    await other.query(unlock);
    expect(await there()).toBe(8);
    expect((await bench.apply(plan, snapshot)).counts).toMatchObject({ inserted: 16, already: 8, held: 0 });
    expect(await bench.dump()).toBe(calm);
  });

  it('the same under an undo', async () => {
    const { journal } = await bench.apply(plan, snapshot);
    const other = await another();
    const failure = await failureOf(
      bench.undo(journal, {
        connect: impatient,
        patience,
        batchSize: 8,
        wait: () => other.query('LOCK TABLES nano_cert_auth_associations READ').then(() => undefined),
      }),
    );
    expect(failure).toMatchObject({ code: 'fleet/tables-locked', detail: { table: 'nano_cert_auth_associations' } });
    expect(failure.remedy).toContain('run the same undo again');
    await other.query('UNLOCK TABLES');
    expect(await bench.dump()).toBe(calm);
    expect((await bench.undo(journal)).counts).toMatchObject({ removed: 24, left: 0 });
  });

  it('rows of one device: that one is held, the others go in', async () => {
    await bench.apply(plan, snapshot);
    const refresh = await bench.plan(later);
    const udid = later.devices[5]?.udid ?? '';
    const other = await another();
    await other.beginTransaction();
    await other.query('SELECT id FROM nano_devices WHERE id = ? FOR UPDATE', [udid]);
    const result = await bench.apply(refresh, later, { ...input, batchSize: 2 });
    expect(result.held).toMatchObject([{ udid, code: 'target-busy' }]);
    expect(result.counts).toMatchObject({ refreshed: 23, held: 1 });
    await other.rollback();
    expect((await bench.apply(refresh, later)).counts).toMatchObject({ refreshed: 1, already: 23, held: 0 });
    expect((await bench.verify(refresh, later)).counts).toMatchObject({ same: 24 });
  });

  it('rows of all devices: it gives up after a few, and changes nothing', async () => {
    const { journal } = await bench.apply(plan, snapshot);
    const refresh = await bench.plan(later);
    const other = await another();
    const holding = async (): Promise<void> => {
      await other.beginTransaction();
      await other.query('SELECT id FROM nano_devices FOR UPDATE');
    };
    await holding();
    const failure = await failureOf(bench.apply(refresh, later, { ...input, batchSize: 1 }));
    expect(failure).toMatchObject({ code: 'fleet/lock-timeout', kind: 'unreadable' });
    expect(failure.message).toContain('Writing was interrupted');
    await other.rollback();
    expect(await bench.dump()).toBe(calm);
    if (process.env['SLIPWAY_SOAK'] !== '1') return;

    const undone = await failureOf(bench.undo(journal, { connect: impatient, patience, batchSize: 24, wait: holding }));
    expect(undone).toMatchObject({ code: 'fleet/lock-timeout' });
    expect(undone.message).toContain('Taking back was interrupted');
    await other.rollback();
    expect(await bench.dump()).toBe(calm);
  });

  it('a real deadlock: whichever MySQL picks, both finish in the end and nothing is lost', async () => {
    await bench.apply(plan, snapshot);
    const refresh = await bench.plan(later);
    const other = await another();
    const [first, last] = [later.devices[0]?.udid ?? '', later.devices[7]?.udid ?? ''];
    // Heavy, so that MySQL picks ours.
    await other.beginTransaction();
    await other.query("UPDATE nano_commands SET request_type = 'x'");
    const crossings: Promise<unknown>[] = [];
    const met: string[] = [];
    const touch = 'SELECT id FROM nano_enrollments WHERE id = ? FOR UPDATE';
    await other.query(touch, [last]);
    const result = await bench.apply(refresh, later, {
      connect: async () => {
        const connection = await bench.connect('write');
        return new Proxy(connection, {
          get(target, name) {
            const value: unknown = Reflect.get(target, name);
            if (typeof value !== 'function') return value;
            if (name !== 'query') return value.bind(target) as unknown;
            return async (sql: string, params: []) => {
              // Ours holds the devices now and is about to ask for the enrollments, of which the other has one.
              if (crossings.length === 0 && sql.includes('FROM nano_enrollments') && sql.endsWith('FOR UPDATE')) {
                const asked = other.query('SELECT id FROM nano_devices WHERE id = ? FOR UPDATE', [first]).then(
                  () => met.push('ours'),
                  (error: unknown) => met.push((error as { code: string }).code),
                );
                crossings.push(asked.then(() => other.rollback()));
              }
              return target.query(sql, params);
            };
          },
        });
      },
      patience: { ...patience, retryMs: [1, 1, 1] },
      batchSize: 8,
      sessions: 1,
    });
    await Promise.all(crossings);
    expect(met).toHaveLength(1);
    expect(['ours', 'ER_LOCK_DEADLOCK']).toContain(met[0]);
    expect(result.counts).toMatchObject({ refreshed: 24, held: 0 });
    expect((await bench.verify(refresh, later)).counts).toMatchObject({ same: 24 });
  });

  it('the columns change in the middle: it stops at the next refusal, whole batches stand', async () => {
    try {
      const failure = await failureOf(
        bench.apply(plan, snapshot, {
          ...input,
          probePoint: async (point) => {
            if (point !== 'outcome-committed') return;
            await bench.sql('ALTER TABLE nano_devices ADD COLUMN later int NOT NULL');
          },
        }),
      );
      expect(failure).toMatchObject({ code: 'fleet/schema-unknown', kind: 'finding' });
      expect(failure.message).toContain('nothing is half written');
      expect(await there()).toBe(8);
    } finally {
      await bench.sql('ALTER TABLE nano_devices DROP COLUMN later');
    }
    expect((await bench.apply(plan, snapshot)).counts).toMatchObject({ inserted: 16, already: 8 });
    expect(await bench.dump()).toBe(calm);
  });

  it('a column with a default comes in the middle: all goes in, and the operator is told', async () => {
    try {
      const result = await bench.apply(plan, snapshot, {
        ...input,
        probePoint: async (point) => {
          if (point !== 'outcome-committed' || (await there()) !== 8) return;
          await bench.sql('ALTER TABLE nano_users ADD COLUMN later int NOT NULL DEFAULT 0');
        },
      });
      expect(result.counts).toMatchObject({ inserted: 24, held: 0 });
      expect(result.notes.join(' ')).toContain('it is being upgraded');
    } finally {
      await bench.sql('ALTER TABLE nano_users DROP COLUMN later');
    }
    expect(await bench.dump()).toBe(calm);
  });

  it('a table goes away in the middle: named, whole batches stand', async () => {
    try {
      const failure = await failureOf(
        bench.apply(plan, snapshot, {
          ...input,
          probePoint: async (point) => {
            if (point === 'outcome-committed') await bench.sql('RENAME TABLE nano_cert_auth_associations TO away');
          },
        }),
      );
      expect(failure).toMatchObject({ code: 'fleet/table-missing', detail: { table: 'nano_cert_auth_associations' } });
      expect(failure.message).toContain('nothing is half written');
    } finally {
      await bench.sql('RENAME TABLE away TO nano_cert_auth_associations');
    }
    expect(await there()).toBe(8);
    expect((await bench.apply(plan, snapshot)).counts).toMatchObject({ inserted: 16, already: 8 });
    expect(await bench.dump()).toBe(calm);
  });
});
