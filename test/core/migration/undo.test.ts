import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findJournals, readJournal } from '../../../src/core/migration/journal';
import type { Snapshot } from '../../../src/core/sources/snapshot';
import { noServer, SCHEMAS } from '../../servers/mysql';
import { buildSnapshot, renewed, snapshotOf } from '../../snapshot-builder';
import { FleetBench } from './fleet-bench';

const udidOf = (snapshot: Snapshot, at: number): string => snapshot.devices.at(at)?.udid ?? '';

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'none',
    (error: unknown) => (error as { failure?: { code: string } }).failure?.code ?? String(error),
  );
}

describe.skipIf(noServer).each(SCHEMAS)('undo on %s', (schema) => {
  let bench: FleetBench;
  beforeAll(async () => void (bench = await FleetBench.open(schema)));
  afterAll(() => bench.close());
  beforeEach(() => bench.reset());
  const snapshot = buildSnapshot(40);

  it('takes back every row it inserted, and leaves everybody else’s', async () => {
    await bench.sql("INSERT INTO nano_devices (id, authenticate) VALUES ('NATIVE', 'x')");
    await bench.sql('INSERT INTO nano_cert_auth_associations (id, sha256) VALUES (?, ?)', ['NATIVE', 'ab'.repeat(32)]);
    const empty = await bench.dump(true);
    const { plan, result } = await bench.bringIn(snapshot);
    await bench.queue(udidOf(snapshot, 0), 'profile');
    await bench.sql(
      "INSERT INTO host_mdm_apple_profiles (profile_identifier, host_uuid, command_uuid, checksum, profile_uuid) VALUES ('p', ?, 'profile', UNHEX(REPEAT('00', 16)), 'a1')",
      [udidOf(snapshot, 0)],
    );
    const rehearsed = await bench.undo(result.journal, { rehearse: true });
    expect(rehearsed).toMatchObject({ rehearsal: true, counts: { removed: 40 } });
    expect((await bench.plan(snapshot)).counts).toMatchObject({ refresh: 40 });

    const undone = await bench.undo(result.journal);
    expect(undone.counts).toMatchObject({ journaled: 40, removed: 40, gone: 0, left: 0 });
    expect(undone.queueRemoved).toBe(1);
    expect(undone.remaining).toEqual({ host_mdm_apple_profiles: 1 });
    expect(await bench.dump(true)).toBe(empty);
    expect((await bench.undo(result.journal)).counts).toMatchObject({ journaled: 0, removed: 0 });

    // The same plan may go in again, and be taken back again.
    expect((await bench.apply(plan, snapshot)).counts).toMatchObject({ inserted: 40 });
    expect((await bench.undo(result.journal)).counts).toMatchObject({ journaled: 40, removed: 40 });
    expect(await bench.dump(true)).toBe(empty);
  });

  it('finds a contact that Fleet wrote down only between its two looks', async () => {
    const { result } = await bench.bringIn(snapshot);
    const udid = udidOf(snapshot, 2);
    const waits: number[] = [];
    const undone = await bench.undo(result.journal, {
      wait: async (milliseconds) => {
        waits.push(milliseconds);
        await bench.sql(
          schema === 'generation-newest'
            ? 'INSERT INTO nano_seen_times (id, seen_time) VALUES (?, NOW() + INTERVAL 1 SECOND)'
            : 'UPDATE nano_enrollments SET last_seen_at = NOW() WHERE id = ?',
          [udid],
        );
      },
    });
    expect(waits).toHaveLength(1);
    expect(waits[0]).toBeGreaterThanOrEqual(2_000);
    expect(undone.counts).toMatchObject({ removed: 39, left: 1 });
    expect(undone.left).toMatchObject([{ udid, code: 'touched' }]);
  });

  it('refuses: route at Fleet, rows that are not as written, added rows, refreshed only', async () => {
    const few = snapshotOf(snapshot.devices.slice(0, 6));
    const { result } = await bench.bringIn(few);
    const id = (at: number): string => udidOf(few, at);
    await bench.sql("UPDATE nano_enrollments SET topic = 'other', updated_at = '2000-01-01 00:00:00' WHERE id = ?", [
      id(1),
    ]);
    await bench.sql(
      "INSERT INTO nano_cert_auth_associations (id, sha256, updated_at) VALUES (?, ?, '2000-01-01 00:00:00')",
      [id(2), 'ef'.repeat(32)],
    );
    const later = snapshotOf(few.devices.map((device, at) => (at === 3 ? renewed(device) : device)).slice(3));
    const second = await bench.bringIn(later);
    const undone = await bench.undo(result.journal, { atFleet: new Set([id(0)]) });
    expect(undone.left.map(({ udid, code }) => [udid, code])).toEqual([
      [id(0), 'route-at-fleet'],
      [id(1), 'not-as-written'],
      [id(2), 'not-as-written'],
      [id(3), 'not-as-written'],
    ]);
    expect(undone.counts).toMatchObject({ removed: 2, left: 4 });
    expect((await bench.undo(second.result.journal)).left).toMatchObject([{ udid: id(3), code: 'refreshed-only' }]);
    const found = (await findJournals(bench.folder)).map(({ path }) => path);
    expect(found).toEqual([result.journal, second.result.journal]);
    expect((await bench.undo(second.result.journal, { earlier: found })).counts).toMatchObject({ removed: 1 });
    expect((await bench.sql('SELECT id FROM nano_devices')).length).toBe(3);
  });

  it('takes back only what was asked for', async () => {
    const { result } = await bench.bringIn(snapshot);
    const undone = await bench.undo(result.journal, { only: new Set([udidOf(snapshot, 0), 'unknown']) });
    expect(undone.counts).toMatchObject({ journaled: 1, removed: 1 });
    expect((await bench.plan(snapshot)).counts).toMatchObject({ insert: 1, refresh: 39 });
  });

  it('goes on where a crash stopped it, on either side of a commit', async () => {
    for (const point of ['intent', 'written'] as const) {
      await bench.reset();
      const empty = await bench.dump();
      const { result } = await bench.bringIn(snapshot);
      let passed = 0;
      const crash = bench.undo(result.journal, {
        batchSize: 10,
        probePoint: (at) => {
          passed += at === point ? 1 : 0;
          return passed === 3 ? Promise.reject(new Error('crash')) : Promise.resolve();
        },
      });
      await expect(crash).rejects.toThrow('crash');
      const undone = await bench.undo(result.journal);
      expect(undone.counts).toMatchObject({ journaled: 20, removed: 20 });
      expect(await bench.dump()).toBe(empty);
    }
  });

  it('leaves a device whose rows something else holds on to, and names it', async () => {
    const { result } = await bench.bringIn(snapshot);
    const udid = udidOf(snapshot, 5);
    await bench.sql(
      'CREATE TABLE holder (id varchar(255) COLLATE utf8mb4_unicode_ci, CONSTRAINT holds FOREIGN KEY (id) REFERENCES nano_enrollments (id))',
    );
    try {
      await bench.sql('INSERT INTO holder VALUES (?)', [udid]);
      const undone = await bench.undo(result.journal);
      expect(undone.counts).toMatchObject({ removed: 39, left: 1 });
      expect(undone.left).toMatchObject([{ udid, code: 'refused-by-target' }]);
    } finally {
      await bench.sql('DROP TABLE holder');
    }
  });
});

describe.skipIf(noServer)('undo', () => {
  let bench: FleetBench;
  let other: FleetBench;
  beforeAll(async () => {
    bench = await FleetBench.open('generation-newest');
    other = await FleetBench.open('generation-newest');
  });
  afterAll(async () => {
    await bench.close();
    await other.close();
  });
  const snapshot = buildSnapshot(4);

  it('refuses another database unless that is accepted by name, and removes there only what equals what was written', async () => {
    const { plan, result } = await bench.bringIn(snapshot);
    const there = await other.apply(plan, snapshot);
    expect(there.counts).toMatchObject({ inserted: 4 });
    expect(there.notes.join()).toContain('not the database');
    expect(await other.dump()).toBe(await bench.dump());
    expect(await codeOf(other.undo(result.journal))).toBe('undo/other-target');
    const accepted = await other.undo(result.journal, { accepted: new Set(['other-target']) });
    expect(accepted.counts).toMatchObject({ removed: 4 });
    expect((await readJournal(result.journal)).lines.at(-1)).toMatchObject({ kind: 'undone' });
  });

  it('shuts out and is shut out by another operator', async () => {
    const more = buildSnapshot(6, 9);
    const { result } = await other.bringIn(more);
    const codes: string[] = [];
    await other.undo(result.journal, {
      wait: async () => void codes.push(await codeOf(other.undo(result.journal))),
    });
    expect(codes).toEqual(['fleet/locked-by-other-operator']);
  });
});
