/**
 * Watching Fleet's real tables, in every generation: rows written by our own apply, contacts written as Fleet writes
 * them. The truth is what was done here.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connectFleet, type FleetConnection } from '../../../src/core/fleet/connection';
import { probeSchema } from '../../../src/core/fleet/probe';
import { DatabaseReader } from '../../../src/core/watch/database-reader';
import { examineHealth } from '../../../src/core/watch/health';
import { Roster, writtenTimes } from '../../../src/core/watch/roster';
import type { DeviceStatus } from '../../../src/core/watch/status';
import { Watch } from '../../../src/core/watch/watch';
import { Watcher } from '../../../src/core/watch/watcher';
import { noServer, SCHEMAS } from '../../servers/mysql';
import { buildDevice, buildSnapshot, JUDGED_AT, renewed, snapshotOf, TOPIC } from '../../snapshot-builder';
import { targetOf } from '../fleet/target';
import { FleetBench } from '../migration/fleet-bench';
import { FleetLife } from './fleet-life';

/** Waits nowhere, and never by chance. */
const STILL = { sleep: () => Promise.resolve(), random: () => 0.5, now: Date.now };

describe.skipIf(noServer).each(SCHEMAS)('on %s', (schemaName) => {
  let bench: FleetBench;
  let life: FleetLife;
  let connection: FleetConnection;

  beforeAll(async () => {
    bench = await FleetBench.open(schemaName);
    life = await FleetLife.of(bench);
    connection = await bench.connect('read');
  });
  afterAll(() => bench.close());
  afterEach(async () => {
    await bench.sql('DELETE FROM host_mdm');
    await bench.reset();
  });

  async function watchOf(
    roster = new Roster({}),
  ): Promise<{ look: () => Promise<Map<string, DeviceStatus>>; watch: Watch }> {
    const database = new DatabaseReader(await probeSchema(connection), roster.udids);
    const watch = new Watch(roster, { database, api: null });
    return { watch, look: async () => watch.statuses((await database.read(connection)).at) };
  }

  it('sees each device turn migrated when it calls, and not before', async () => {
    const snapshot = buildSnapshot(6);
    const [polled, updated, answered, off, gone, silent] = snapshot.devices.map(({ udid }) => udid ?? '');
    const { look } = await watchOf(new Roster({ snapshot }));
    expect(new Set([...(await look()).values()].map(({ state }) => state))).toEqual(new Set(['not-imported']));

    await bench.bringIn(snapshot);
    // Agents come before the import: all that the API would show as enrolled is there already.
    for (const udid of [polled, updated, answered, off, gone, silent]) await life.host(udid!);
    await life.age(60);
    const imported = await look();
    for (const status of imported.values()) {
      expect(status).toMatchObject({ state: 'waiting', proof: null, lastContactFleet: null });
    }
    expect(imported.get(polled!)?.agent).toBe(true);

    await life.poll(polled!);
    await life.tokenUpdate(updated!);
    await bench.result(answered!, 'command-1', new Date().toISOString().slice(0, 19).replace('T', ' '));
    await life.disable(off!);
    await life.unenrolledSaysAgent(gone!);
    const after = await look();
    const stateOf = (udid: string | undefined): string | undefined => after.get(udid ?? '')?.state;
    expect([polled, updated, answered, off, gone, silent].map(stateOf)).toEqual([
      'migrated',
      'migrated',
      'migrated',
      'lost',
      'lost',
      'waiting',
    ]);
    expect(after.get(polled!)?.proof).toMatchObject({ kind: 'poll' });
    expect(after.get(answered!)?.proof).toMatchObject({ kind: 'command-result' });
    expect(after.get(off!)?.attention.map(({ code }) => code)).toEqual(['disabled']);
    expect(after.get(gone!)?.attention.map(({ code }) => code)).toEqual(['unenrolled']);
    // The evidence says where it stands.
    expect(after.get(polled!)?.proof?.sentence).toMatch(/last_seen_at|nano_seen_times/);
  });

  it('is not deceived by what a migration or a hand writes', async () => {
    // An old server whose clock is an hour fast: every time the importer writes lies after T.
    const ahead = { ...buildDevice(1), lastSeen: BigInt(Date.now() + 3_600_000) * 1_000_000n };
    const plain = buildDevice(2);
    const snapshot = { ...snapshotOf([ahead, plain]), instant: Date.now() + 3_600_000 };
    const { look } = await watchOf(new Roster({ snapshot }));
    await bench.bringIn(snapshot);
    await life.age(10);
    // A refresh writes newer times of the source.
    const newer = { ...snapshotOf([ahead, renewed(plain)]), instant: Date.now() + 3_600_000 };
    await bench.bringIn(newer);
    const states = async (): Promise<string[]> => [...(await look()).values()].map(({ state }) => state);
    expect(await states()).toEqual(['waiting', 'waiting']);
    // Hands: a flag cleared, a queue row switched off, a column of nano_devices changed, MDM off and on.
    const [first, second] = [ahead.udid, plain.udid];
    await bench.sql('UPDATE nano_enrollments SET enrolled_from_migration = 0 WHERE id = ?', [first]);
    await bench.sql('UPDATE nano_devices SET bootstrap_token_b64 = NULL WHERE id IN (?, ?)', [first, second]);
    await bench.queue(second!, 'stale-1');
    await bench.sql('UPDATE nano_enrollment_queue SET active = 0');
    await bench.sql('UPDATE nano_enrollments SET enabled = 0 WHERE id = ?', [second]);
    await bench.sql('UPDATE nano_enrollments SET enabled = 1 WHERE id = ?', [second]);
    expect(await states()).toEqual(['waiting', 'waiting']);
    await life.poll(second!);
    expect(await states()).toEqual(['waiting', 'migrated']);
  });

  it('notices imports, undone imports and new agents between two full readings', async () => {
    const snapshot = buildSnapshot(4);
    const [first, second] = snapshot.devices.map(({ udid }) => udid ?? '');
    const { look } = await watchOf(new Roster({ snapshot }));
    await look();
    const { result } = await bench.bringIn(snapshot);
    expect((await look()).get(first!)?.state).toBe('waiting');
    await life.host(second!);
    expect((await look()).get(second!)?.agent).toBe(true);
    await bench.undo(result.journal);
    expect([...(await look()).values()].every(({ state }) => state === 'not-imported')).toBe(true);
    // What was once proven does not outlive a second import.
    await bench.bringIn(snapshot);
    await life.age(5);
    await life.poll(first!);
    expect((await look()).get(first!)?.state).toBe('migrated');
    await bench.sql('DELETE FROM nano_cert_auth_associations WHERE id = ?', [first]);
    await bench.sql('DELETE FROM nano_devices WHERE id = ?', [first]);
    await look();
    await bench.bringIn(snapshot);
    expect((await look()).get(first!)?.state).toBe('waiting');
  });

  it('tells what needs attention', async () => {
    const snapshot = buildSnapshot(8);
    const udids = snapshot.devices.map(({ udid }) => udid ?? '');
    const [wrongTopic, noExpiry, stuck, twice, renewedElsewhere, back, noCertificate, fine] = udids;
    const { plan } = await bench.bringIn(snapshot);
    for (const udid of udids) await life.host(udid);
    await life.host(twice!);
    await life.age(3 * 24 * 60);
    await bench.sql(
      "UPDATE nano_enrollments SET topic = 'com.apple.mgmt.External.other', updated_at = '2000-01-01' WHERE id = ?",
      [wrongTopic],
    );
    await bench.sql(
      "UPDATE nano_cert_auth_associations SET cert_not_valid_after = NULL, updated_at = '2000-01-01' WHERE id = ?",
      [noExpiry],
    );
    await bench.command('renew-1');
    await bench.sql(
      "UPDATE nano_cert_auth_associations SET renew_command_uuid = 'renew-1', updated_at = NOW() - INTERVAL 3 DAY WHERE id = ?",
      [stuck],
    );
    await bench.sql('DELETE FROM nano_cert_auth_associations WHERE id = ?', [noCertificate]);
    for (const udid of [back, fine]) await life.poll(udid!);
    const later = snapshotOf(
      snapshot.devices.map((device) =>
        device.udid === renewedElsewhere
          ? renewed(device)
          : device.udid === back
            ? { ...device, lastSeen: BigInt(Date.now() + 3_600_000) * 1_000_000n }
            : device,
      ),
    );
    const written = await writtenTimes(bench.folder);
    expect(written.size).toBe(8);
    const roster = new Roster({
      snapshot: later,
      plan,
      planned: snapshot,
      written,
      switched: new Map([[fine!, { at: Date.now() - 60_000, wave: 'pilot' }]]),
    });
    const { watch, look } = await watchOf(roster);
    watch.options = { topic: TOPIC };
    const statuses = await look();
    const codes = (udid: string | undefined): string[] =>
      (statuses.get(udid ?? '')?.attention ?? []).map(({ code }) => code);
    expect(codes(wrongTopic)).toEqual(['wrong-topic']);
    expect(codes(noExpiry)).toEqual(['renewal-impossible']);
    expect(codes(stuck)).toEqual(['renewal-stuck']);
    expect(codes(twice)).toEqual(['duplicate-host']);
    expect(codes(renewedElsewhere)).toEqual(['certificate-refused']);
    expect(codes(back)).toEqual(['answered-old-server']);
    expect(codes(noCertificate)).toEqual(['certificate-refused']);
    expect(codes(fine)).toEqual([]);
  });

  it('examines what will bite later', async () => {
    const snapshot = buildSnapshot(6);
    const [wiped, noHost, noExpiry, stuck, ok] = snapshot.devices.map(({ udid }) => udid ?? '');
    await bench.bringIn(snapshot);
    for (const { udid } of snapshot.devices) if (udid !== noHost) await life.host(udid!);
    await life.age(4 * 24 * 60);
    // Wiped and enrolled natively: Authenticate, a new certificate, TokenUpdate.
    await bench.sql(
      'UPDATE nano_devices SET authenticate_at = CURRENT_TIMESTAMP, bootstrap_token_b64 = NULL WHERE id = ?',
      [wiped],
    );
    await bench.sql(
      'INSERT INTO nano_cert_auth_associations (id, sha256, cert_not_valid_after) VALUES (?, ?, NOW() + INTERVAL 1 YEAR)',
      [wiped, 'f'.repeat(64)],
    );
    await life.tokenUpdate(wiped!);
    await bench.sql(
      "UPDATE nano_cert_auth_associations SET cert_not_valid_after = NULL, updated_at = '2000-01-01' WHERE id = ?",
      [noExpiry],
    );
    await bench.command('renew-2');
    await bench.sql("UPDATE nano_cert_auth_associations SET renew_command_uuid = 'renew-2' WHERE id = ?", [stuck]);
    await bench.result(stuck!, 'renew-2', '2026-01-01 00:00:00');
    await bench.sql("UPDATE nano_command_results SET status = 'Error' WHERE command_uuid = 'renew-2'");
    await life.host('9D4C0000-0000-4000-8000-0000000000AA');
    await life.poll(ok!);
    const report = await examineHealth({ connection, schema: await probeSchema(connection) });
    const found = new Map(report.findings.map((finding) => [finding.code, finding]));
    expect(found.get('migration-flag-sticks')?.devices.map(({ udid }) => udid)).toEqual([wiped]);
    expect(found.get('no-host')?.devices.map(({ udid }) => udid)).toEqual([noHost]);
    expect(found.get('expiry-unknown')?.devices.map(({ udid }) => udid)).toEqual([noExpiry]);
    expect(found.get('renewal-stuck')?.devices).toMatchObject([{ udid: stuck, detail: 'answered Error' }]);
    expect(found.get('host-not-imported')?.count).toBe(1);
    expect(found.has('duplicate-hosts')).toBe(false);
    expect(report.notExamined.map(({ code }) => code)).toContain('disk-key-missing');

    // The remedies are statements that do what they say.
    for (const code of ['migration-flag-sticks', 'expiry-unknown', 'renewal-stuck'] as const) {
      for (const statement of found.get(code)?.commands ?? []) await bench.sql(statement);
    }
    const again = await examineHealth({ connection, schema: await probeSchema(connection) });
    const left = again.findings.map(({ code }) => code);
    expect(left).not.toContain('migration-flag-sticks');
    expect(left).not.toContain('expiry-unknown');
    expect(left).not.toContain('renewal-stuck');
  });
});

describe.skipIf(noServer)('a watcher', () => {
  let bench: FleetBench;
  let life: FleetLife;
  beforeAll(async () => {
    bench = await FleetBench.open('generation-469');
    life = await FleetLife.of(bench);
  });
  afterAll(() => bench.close());
  afterEach(() => bench.reset());

  it('tells changes and finished waves, survives a lost connection, and steps back while Fleet does not answer', async () => {
    const snapshot = buildSnapshot(10);
    const udids = snapshot.devices.map(({ udid }) => udid ?? '');
    const wave = udids.slice(0, 3);
    await bench.bringIn(snapshot);
    await life.age(30);
    let refuse = false;
    const open: FleetConnection[] = [];
    const roster = new Roster({
      snapshot,
      switched: new Map(wave.map((udid) => [udid, { at: Date.now(), wave: 'pilot' }])),
    });
    const watcher = new Watcher({
      roster,
      database: {
        connect: async () => {
          const target = targetOf(bench.database);
          const connection = await connectFleet(
            refuse ? { ...target, address: { ...target.address, port: 1 } } : target,
            'read',
          );
          open.push(connection);
          return connection;
        },
        probe: probeSchema,
      },
      api: null,
      pacing: STILL,
    });
    const first = await watcher.poll();
    expect(first).toMatchObject({ failures: [], changes: { states: [], wavesDone: [] } });
    expect(watcher.board.progress()).toMatchObject({ size: 10, imported: 10, waiting: 10, migrated: 0 });
    for (const udid of wave.slice(0, 2)) await life.poll(udid);
    const second = await watcher.poll();
    expect(second.changes.states.map(({ udid, from, to }) => [udid, from, to])).toEqual(
      wave.slice(0, 2).map((udid) => [udid, 'waiting', 'migrated']),
    );
    expect(watcher.board.progress(wave)).toMatchObject({ size: 3, migrated: 2, waiting: 1 });

    // The server goes away: nothing that was known is forgotten, and the pauses grow.
    open.at(-1)?.destroy();
    refuse = true;
    const pauses: number[] = [];
    for (let failed = 1; failed <= 6; failed += 1) {
      const poll = await watcher.poll();
      expect(poll.failures).toHaveLength(1);
      expect(watcher.board.progress()).toMatchObject({ migrated: 2 });
      pauses.push(watcher.pause(30_000, poll));
    }
    expect(pauses).toEqual([60_000, 120_000, 240_000, 480_000, 600_000, 600_000]);
    refuse = false;
    await life.poll(wave[2]!);
    const back = await watcher.poll();
    expect(back.failures).toEqual([]);
    expect(back.changes.wavesDone).toEqual(['pilot']);
    expect(watcher.pause(30_000, back)).toBe(30_000);
    expect((await watcher.poll()).changes.wavesDone).toEqual([]);
    await watcher.close();
  });

  it('watches what an account may see, and says what it may not', async () => {
    const snapshot = buildSnapshot(2);
    await bench.bringIn(snapshot);
    await life.host(snapshot.devices.at(0)?.udid ?? '');
    const account = await bench.database.createAccount(
      [
        'nano_devices',
        'nano_users',
        'nano_enrollments',
        'nano_cert_auth_associations',
        'hosts',
        'migration_status_tables',
      ].map((table) => `SELECT ON ${table}`),
    );
    const watcher = new Watcher({
      roster: new Roster({ snapshot }),
      database: { connect: () => connectFleet(targetOf(bench.database, account), 'read'), probe: probeSchema },
      api: null,
      pacing: STILL,
    });
    const poll = await watcher.poll();
    expect(poll.failures).toEqual([]);
    expect(poll.database?.missing.map(({ code }) => code)).toEqual(['fleet/permission', 'fleet/permission']);
    expect(watcher.board.progress()).toMatchObject({ size: 2, waiting: 2 });
    await watcher.close();
    // The same account examines what it may, and is told what it lacks for the rest.
    const connection = await connectFleet(targetOf(bench.database, account), 'read');
    const report = await examineHealth({ connection, schema: await probeSchema(connection) });
    await connection.close();
    expect(report.well).toContain('Devices that are several hosts');
    expect(report.notExamined.map(({ code }) => code)).toContain('profiles-pending');
    expect(report.grants).toContain(
      `GRANT SELECT ON \`${bench.database.name}\`.\`host_mdm_apple_profiles\` TO '${account.user}'@'%';`,
    );
  });

  it('is judged at the instant it was read, whatever this machine’s clock says', async () => {
    const snapshot = buildSnapshot(1);
    await bench.bringIn(snapshot);
    await life.age(10);
    await life.poll(snapshot.devices.at(0)?.udid ?? '');
    const watcher = new Watcher({
      roster: new Roster({ snapshot }),
      database: { connect: () => bench.connect('read'), probe: probeSchema },
      api: null,
      // Two years ahead.
      pacing: { ...STILL, now: () => JUDGED_AT + 2 * 365 * 86_400_000 },
    });
    await watcher.poll();
    expect(watcher.board.progress()).toMatchObject({ migrated: 1, stale: 0 });
    await watcher.close();
  });
});
