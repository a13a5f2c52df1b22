/** Watching through Fleet's REST API, against the stand-in over real tables: old and new shapes, limits, faults. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FleetApi, retryAfterOf } from '../../../src/core/fleet/api-client';
import { listCommands } from '../../../src/core/fleet/api-commands';
import { fetchHost, listHosts, type ApiHost } from '../../../src/core/fleet/api-hosts';
import { probeSchema } from '../../../src/core/fleet/probe';
import { Secret } from '../../../src/core/secret';
import { Roster, writtenTimes } from '../../../src/core/watch/roster';
import { Watcher } from '../../../src/core/watch/watcher';
import { FleetApiStandIn, NEW_SHAPE, OLD_SHAPE, type FleetShape } from '../../servers/fleet-api';
import { noServer } from '../../servers/mysql';
import { buildSnapshot } from '../../snapshot-builder';
import { failureOf } from '../fleet/target';
import { FleetBench } from '../migration/fleet-bench';
import { FleetLife } from './fleet-life';

const waits: number[] = [];
const PACING = {
  sleep: (milliseconds: number) => {
    waits.push(milliseconds);
    return Promise.resolve();
  },
  random: () => 0,
  now: Date.now,
};

describe.skipIf(noServer)('Fleet’s API', () => {
  let bench: FleetBench;
  let life: FleetLife;
  let fleet: FleetApiStandIn;

  beforeAll(async () => {
    bench = await FleetBench.open('generation-469');
    life = await FleetLife.of(bench);
    fleet = await FleetApiStandIn.start({ database: bench.database, prefix: '/behind' });
  });
  afterAll(async () => {
    await fleet.stop();
    await bench.close();
  });
  afterEach(async () => {
    fleet.shape = NEW_SHAPE;
    fleet.faults.length = 0;
    fleet.requests.length = 0;
    waits.length = 0;
    await bench.sql('DELETE FROM host_mdm');
    await bench.reset();
  });

  const api = (token = fleet.token): FleetApi =>
    new FleetApi({ url: fleet.url, caFile: null }, new Secret('token', token), { pacing: PACING });
  const all = async (perPage: number): Promise<ApiHost[]> => {
    const hosts: ApiHost[] = [];
    for await (const page of listHosts(api(), perPage)) hosts.push(...page);
    return hosts;
  };

  it.each<[string, FleetShape]>([
    ['new', NEW_SHAPE],
    ['old', OLD_SHAPE],
    ['of a time without teams', { ...NEW_SHAPE, naming: 'fleet' }],
  ])('lists every Apple host once, page by page, in the %s shape', async (_name, shape) => {
    fleet.shape = shape;
    await bench.sql("INSERT INTO teams (id, name, config) VALUES (3, 'Workstations', '{}')");
    for (let number = 0; number < 7; number += 1) await life.host(`UDID-${number}`, number % 2 === 0);
    await life.host('A-WINDOWS-PC', false, 'windows');
    await bench.sql("UPDATE hosts SET team_id = 3 WHERE uuid = 'UDID-2'");
    for (const perPage of [1, 3, 7, 8, 100]) {
      const hosts = await all(perPage);
      expect(hosts.map(({ uuid }) => uuid)).toEqual([0, 1, 2, 3, 4, 5, 6].map((number) => `UDID-${number}`));
      expect(hosts[2]).toMatchObject({ teamId: 3, teamName: 'Workstations' });
      expect(hosts[1]).toMatchObject({ teamId: null, hasAgent: null });
      expect(hosts[0]?.hasAgent).toBe(shape.orbitInLists ? true : null);
    }
    expect(await fetchHost(api(), (await all(100))[1]?.id ?? 0)).toMatchObject({
      hasAgent: false,
      checkedInAt: shape.checkedIn ? null : undefined,
    });
  });

  it('waits as long as it is told when it asked too often, and gives up in the end', async () => {
    await life.host('UDID-1');
    fleet.faults.push(
      { path: /hosts$/, status: 429, headers: { 'Retry-After': '7' } },
      { path: /hosts$/, status: 503 },
    );
    expect(await all(10)).toHaveLength(1);
    expect(waits).toEqual([7_000, 4_000]);
    for (let time = 0; time < 4; time += 1) {
      fleet.faults.push({ path: /hosts$/, status: 429, headers: { 'Retry-After': '30' } });
    }
    expect(await failureOf(() => all(10))).toMatchObject({
      code: 'fleet/api-busy',
      detail: { status: 429, retryAfter: 30 },
    });
    fleet.faults.push({ path: /hosts$/, status: 429, headers: { 'Retry-After': '86400' } });
    expect(await failureOf(() => all(10))).toMatchObject({ code: 'fleet/api-busy', detail: { retryAfter: 86_400 } });
    expect(retryAfterOf('Wed, 21 Oct 2026 07:28:00 GMT', Date.UTC(2026, 9, 21, 7, 27))).toBe(60_000);
    expect(retryAfterOf('soon', 0)).toBeNull();
  });

  it.each([
    ['rubbish', { body: '<html>' }, 'fleet/api-unreadable'],
    ['a list', { body: '[]' }, 'fleet/api-unreadable'],
    ['an error', { status: 500 }, 'fleet/api-unreadable'],
    ['a wrong token', { status: 401 }, 'fleet/api-unauthorized'],
    ['no right', { status: 403 }, 'fleet/api-forbidden'],
    ['a dropped connection', { drop: true }, 'fleet-url/unreachable'],
    ['too much', { body: `{"hosts":["${'x'.repeat(17 * 1_048_576)}"]}` }, 'fleet-url/too-large'],
  ])('says what is wrong with %s, and never the token', async (_name, fault, code) => {
    fleet.faults.push({ path: /hosts$/, ...fault });
    const failure = await failureOf(() => all(10));
    expect(failure.code).toBe(code);
    expect(JSON.stringify(failure)).not.toContain(fleet.token);
  });

  it('is lenient with what it does not know', async () => {
    for (const body of [
      '{}',
      '{"hosts":null}',
      '{"hosts":[null,4,{"id":"x"},{"id":1,"uuid":null},{"id":2,"uuid":"U","platform":"darwin","mdm":7,"team_id":"5"}]}',
    ]) {
      fleet.faults.push({ path: /hosts$/, body });
      for (const host of await all(100)) expect(host).toMatchObject({ id: 2, teamId: 5, enrollmentStatus: null });
    }
    fleet.shape = { ...NEW_SHAPE, commands: null };
    expect(await listCommands(api(), { page: 0 })).toBeNull();
  });

  describe('alone', () => {
    const watcherOf = (roster: Roster): Watcher =>
      new Watcher({ roster, database: null, api: api(), pacing: PACING, apiReading: { details: 100 } });

    it('cannot tell without knowing when a device was imported, however enrolled it looks', async () => {
      const snapshot = buildSnapshot(2);
      await bench.bringIn(snapshot);
      for (const { udid } of snapshot.devices) await life.host(udid!);
      await life.age(60);
      await life.poll(snapshot.devices.at(0)?.udid ?? '');
      const watcher = watcherOf(new Roster({ snapshot }));
      await watcher.poll();
      expect(watcher.board.progress()).toMatchObject({ size: 2, unknown: 2, migrated: 0, agent: 2 });
    });

    it.each<[string, FleetShape]>([
      ['host details', NEW_SHAPE],
      ['command results', OLD_SHAPE],
    ])('proves by %s', async (_name, shape) => {
      fleet.shape = shape;
      const snapshot = buildSnapshot(3);
      const [called, silent, pending] = snapshot.devices.map(({ udid }) => udid ?? '');
      await bench.bringIn(snapshot);
      const written = new Map(
        [...(await writtenTimes(bench.folder)).keys()].map((udid) => [udid, Date.now() - 3_600_000]),
      );
      for (const udid of [called, silent, pending]) await life.host(udid!);
      await life.age(60);
      const watcher = watcherOf(new Roster({ snapshot, written }));
      await watcher.poll();
      // An old Fleet does not say when a device called last: silence cannot be told from not knowing.
      expect(watcher.board.progress()).toMatchObject(shape.checkedIn ? { waiting: 3 } : { unknown: 3 });
      expect(watcher.board.progress().migrated).toBe(0);

      await bench.queue(pending!, 'waiting-1');
      await bench.queue(called!, 'answered-1');
      await bench.result(called!, 'answered-1', new Date().toISOString().slice(0, 19).replace('T', ' '));
      await life.poll(called!);
      await watcher.poll();
      const stateOf = (udid: string | undefined): string => watcher.board.state(watcher.board.row(udid ?? ''));
      expect(stateOf(called)).toBe('migrated');
      expect(stateOf(silent)).toBe(shape.checkedIn ? 'waiting' : 'unknown');
      expect(stateOf(pending)).toBe(shape.checkedIn ? 'waiting' : 'unknown');
    });

    it('asks for details of silent devices only, some at a time, and lists hosts seldom', async () => {
      const snapshot = buildSnapshot(12);
      for (const { udid } of snapshot.devices) await life.host(udid!);
      const written = new Map(snapshot.devices.map(({ udid }) => [udid ?? '', Date.now() - 3_600_000]));
      const watcher = new Watcher({
        roster: new Roster({ snapshot, written }),
        database: null,
        api: api(),
        pacing: PACING,
        apiReading: { details: 5, listEvery: 3 },
      });
      const count = (pattern: RegExp): number => fleet.requests.splice(0).filter((line) => pattern.test(line)).length;
      await watcher.poll();
      expect(fleet.requests.filter((line) => /hosts\?/.test(line))).toHaveLength(1);
      expect(count(/hosts\/\d+/)).toBe(5);
      await watcher.poll();
      expect(count(/hosts\?/)).toBe(0);
    });

    it('goes on without what its token may not see', async () => {
      await life.host('UDID-1');
      fleet.faults.push({ path: /commands$/, status: 403 });
      const watcher = watcherOf(new Roster({ snapshot: buildSnapshot(1) }));
      const poll = await watcher.poll();
      expect(poll.failures).toEqual([]);
      expect(poll.api?.missing.map(({ code }) => code)).toEqual(['fleet/api-forbidden']);
    });
  });

  it('works together with the database, each saying what it can', async () => {
    const snapshot = buildSnapshot(3);
    const [answered, polled, silent] = snapshot.devices.map(({ udid }) => udid ?? '');
    await bench.bringIn(snapshot);
    for (const udid of [answered, polled, silent]) await life.host(udid!);
    await life.age(60);
    await bench.queue(answered!, 'c-1');
    await bench.result(answered!, 'c-1', new Date().toISOString().slice(0, 19).replace('T', ' '));
    await life.poll(polled!);
    const watcher = new Watcher({
      roster: new Roster({ snapshot }),
      database: { connect: () => bench.connect('read'), probe: probeSchema },
      api: api(),
      pacing: PACING,
    });
    await watcher.poll();
    expect(watcher.board.progress()).toMatchObject({ migrated: 2, waiting: 1, unknown: 0 });
    // No request for single hosts: the database says it all.
    expect(fleet.requests.some((line) => /hosts\/\d+/.test(line))).toBe(false);
    await watcher.close();
  });
});
