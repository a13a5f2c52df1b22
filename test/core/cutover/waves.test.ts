/**
 * Waves from end to end, on loopback with real HAProxy and real MySQL: 200 devices with keys of their own call in, three
 * waves move, one goes back. What each server heard is the truth that everything Slipway says is held against.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isWithin } from '../../../src/core/cutover/percentage';
import { readRoutes, routedToFleet } from '../../../src/core/cutover/routes';
import type { Rung } from '../../../src/core/cutover/ladder';
import { undoJournal } from '../../../src/core/migration/undo';
import { probeSchema } from '../../../src/core/fleet/probe';
import { hangUp, signatureOf } from '../../mdm-device';
import { noHaproxy } from '../../servers/haproxy';
import { noServer } from '../../servers/mysql';
import { failureOf } from '../fleet/target';
import { SHORT } from '../migration/fleet-bench';
import { moveWave } from '../../../src/core/cutover/wave-move';
import { WaveBench } from './wave-bench';

// Devices Fleet has no host of need attention: it never renews them.
const ENTRY = { migrated: 0.95, attention: 10 };

describe.skipIf(noHaproxy || noServer)('three waves of 200 devices', () => {
  let bench: WaveBench;
  let rungs: Rung[];
  let pilots: string[];
  beforeAll(async () => {
    bench = await WaveBench.open({ devices: 200, proxies: 2, hostless: 7 });
    // The last ones have no host: one of them goes with the pilots.
    pilots = [...bench.devices.slice(0, 5), bench.devices[199]!].map(({ udid }) => udid);
    rungs = [
      { name: 'pilot', choice: { kind: 'list', udids: pilots }, entry: ENTRY },
      { name: '10 %', choice: { kind: 'percentage', percentage: 10 }, entry: ENTRY },
      { name: 'all', choice: { kind: 'all' }, entry: ENTRY },
    ];
  });
  afterAll(async () => {
    hangUp();
    await bench.close();
  });

  /** Everybody calls in: exactly these arrive at Fleet, nobody anywhere else, and Slipway counts the same. */
  async function agrees(atFleet: ReadonlySet<string>): Promise<void> {
    const { fleet, old, refused } = await bench.round();
    expect(refused).toEqual([]);
    expect([...fleet].sort()).toEqual([...atFleet].sort());
    expect([...old].sort()).toEqual(
      bench.devices
        .map(({ udid }) => udid)
        .filter((udid) => !atFleet.has(udid))
        .sort(),
    );
    const statuses = await bench.statuses();
    const migrated = [...statuses].filter(([, { state }]) => state === 'migrated').map(([udid]) => udid);
    for (const udid of atFleet) expect(migrated).toContain(udid);
    const routes = await readRoutes(bench.engine, await bench.standing());
    expect(routes.problems).toEqual([]);
    expect([...(routes.fleet ?? [])].sort()).toEqual([...atFleet].sort());
  }

  it('signs as openssl understands it', () => {
    const [device] = bench.devices;
    const body = Buffer.from('a body');
    writeFileSync(join(bench.folder, 'body'), body);
    writeFileSync(join(bench.folder, 'sig'), Buffer.from(signatureOf(body, device!.identity), 'base64'));
    execFileSync(
      'openssl',
      ['cms', '-verify', '-binary', '-inform', 'DER', '-in', 'sig', '-content', 'body', '-noverify', '-out', 'out'],
      {
        cwd: bench.folder,
        stdio: 'pipe',
      },
    );
  });

  it('begins with everybody at the old server, and nothing imported', async () => {
    await agrees(new Set());
    expect(await bench.progress(bench.devices.map(({ udid }) => udid))).toMatchObject({
      size: 200,
      imported: 0,
      migrated: 0,
    });
  });

  it('holds a wave while an erase waits at the old server', async () => {
    bench.oddities.set(pilots[2]!, { commands: [{ requestType: 'EraseDevice' }] });
    bench.writeSource();
    const { preview, source } = await bench.prepare(bench.ladder(rungs));
    expect(preview.obstacles.map(({ code, devices }) => [code, devices])).toEqual([['commands-waiting', [pilots[2]]]]);
    expect((await failureOf(() => moveWave(bench.moveInput({ preview, source })))).code).toBe('wave/held-up');
    expect(await bench.database.query('SELECT id FROM nano_devices')).toEqual([]);
    bench.oddities.clear();
    bench.writeSource();
  });

  it('lets those go first whose certificate the ladder would outlast', async () => {
    const { preview } = await bench.prepare(bench.ladder(rungs, bench.at + 190 * 86_400_000));
    const [obstacle] = preview.obstacles;
    expect(obstacle).toMatchObject({ code: 'ladder-outlasts-certificates', overridable: false });
    // All but the pilots end 200 days from now, 14 of which are needed.
    expect(obstacle?.devices).toHaveLength(194);
  });

  it('moves the pilots: imported, read back, switched on both proxies, woken', async () => {
    const woken: string[] = [];
    bench.fleet.onPush = (udid) => void woken.push(udid);
    bench.old.onPush = (udid) => void woken.push(udid);
    const result = await bench.next(bench.ladder(rungs));
    expect(result).toMatchObject({ rung: 'pilot', state: 'moved', left: [] });
    expect([...result.moved].sort()).toEqual([...pilots].sort());
    expect(result.woken).toMatchObject({ sent: 6, failed: [] });
    expect(woken.sort()).toEqual([...pilots].sort());
    // One call a platform, and the one without a host through the old server.
    expect(bench.fleet.calls.map(({ hosts, status }) => `${hosts} ${status}`).sort()).toEqual(['1 202', '4 202']);
    expect(bench.old.pushed).toEqual([bench.devices[199]!.udid]);
    // Imported and silent: never shown as migrated.
    expect(await bench.progress(pilots)).toMatchObject({ size: 6, imported: 6, waiting: 6, migrated: 0 });
    const rows = await bench.database.query<{ id: string }>('SELECT id FROM nano_devices');
    expect(rows.map(({ id }) => id).sort()).toEqual([...pilots].sort());
  });

  it('does not let the next wave go before this one has arrived', async () => {
    const { preview } = await bench.prepare(bench.ladder(rungs));
    expect(preview.rung).toBe('10 %');
    expect(preview.obstacles.map(({ code, sentence }) => [code, sentence])).toEqual([
      ['entry-not-met', expect.stringContaining('0 of 6 devices (0 %)')],
    ]);
    await agrees(new Set(pilots));
    expect(await bench.progress(pilots)).toMatchObject({ migrated: 6, waiting: 0 });
    for (const udid of pilots.slice(0, 5)) expect(bench.device(udid).carriedOut).toEqual(['DeviceInformation']);
    expect((await bench.prepare(bench.ladder(rungs))).preview.obstacles).toEqual([]);
  });

  it('moves 10 % as mdmproxy would choose them, with one that changed its certificate since', async () => {
    const tenth = bench.devices.filter(({ udid }) => isWithin(udid, 10) && !pilots.includes(udid));
    expect(tenth.length).toBeGreaterThan(8);
    bench.renewAtOldServer(tenth[3]!);
    const result = await bench.next(bench.ladder(rungs));
    expect([...result.moved].sort()).toEqual(tenth.map(({ udid }) => udid).sort());
    await agrees(new Set([...pilots, ...result.moved]));
  });

  it('keeps every wave over a restart of HAProxy', async () => {
    const { fleet } = await bench.standing();
    for (const proxy of bench.proxies) await proxy.restart();
    hangUp();
    await agrees(fleet);
  });

  it('refuses to take back rows of devices whose route leads to Fleet', async () => {
    const standing = await bench.standing();
    const move = standing.moves.at(-1)!;
    const result = await undoJournal({
      journal: move.journal!,
      connect: () => bench.connect(),
      probe: probeSchema,
      atFleet: await routedToFleet(bench.engine, standing),
      patience: SHORT,
      wait: () => Promise.resolve(),
    });
    expect(result.counts).toMatchObject({ removed: 0, left: move.routed.length });
    expect(new Set(result.left.map(({ code }) => code))).toEqual(new Set(['route-at-fleet']));
  });

  it('goes back a wave, says what does not go back, and keeps those the old server would refuse', async () => {
    const standing = await bench.standing();
    const second = standing.moves.at(-1)!.routed;
    const [renewed, retold, installed] = [bench.device(second[0]!), bench.device(second[1]!), bench.device(second[2]!)];
    await bench.renewAtFleet(renewed);
    await retold.tokenUpdate(bench.home(), 'ab'.repeat(32));
    await bench.fleet.queue(
      [installed.udid],
      '<?xml version="1.0"?><plist><dict>\n<key>Command</key><dict><key>RequestType</key><string>InstallProfile</string></dict></dict></plist>',
    );
    await bench.fleet.queue(
      [second[3]!],
      '<?xml version="1.0"?><plist><dict>\n<key>Command</key><dict><key>RequestType</key><string>RestartDevice</string></dict></dict></plist>',
    );
    await installed.poll(bench.home());

    const preview = await bench.prepareBack();
    expect(preview).toMatchObject({
      rung: '10 %',
      counts: {
        devices: second.length,
        certificatesRenewed: 1,
        tokensChanged: 1,
        devicesWithCommands: 1,
        commands: 1,
        queued: 1,
      },
      commandTypes: { InstallProfile: 1 },
    });
    expect(preview.staying.map(({ udid, code }) => [udid, code])).toEqual([[renewed.udid, 'certificate-renewed']]);
    expect(preview.losses.map(({ udid, code }) => [udid, code]).sort()).toEqual(
      [
        [renewed.udid, 'certificate-renewed'],
        [retold.udid, 'tokens-changed'],
        [installed.udid, 'commands-run'],
      ].sort(),
    );
    const result = await bench.back();
    expect(result.returned).toHaveLength(second.length - 1);
    const left = new Set([...pilots, renewed.udid]);
    const { fleet, old, refused } = await bench.round();
    expect([[...fleet].sort(), refused]).toEqual([[...left].sort(), []]);
    expect(old.size).toBe(bench.devices.length - left.size);
  });

  it('moves the same wave again, and then all', async () => {
    const ladder = bench.ladder(rungs);
    const again = await bench.next(ladder);
    expect(again.rung).toBe('10 %');
    expect(again.left).toEqual([]);
    await agrees((await bench.standing()).fleet);
    const all = await bench.next(ladder);
    expect(all.rung).toBe('all');
    await agrees(new Set(bench.devices.map(({ udid }) => udid)));
    expect(await bench.progress(bench.devices.map(({ udid }) => udid))).toMatchObject({ size: 200, migrated: 200 });
    expect((await failureOf(() => bench.prepare(ladder))).code).toBe('wave/ladder-done');
  });

  it('leaves a device where it is that was at Fleet, went back, and has another certificate by now', async () => {
    const device = bench.devices[20]!;
    await bench.back({ rung: 'all' });
    bench.renewAtOldServer(device);
    const result = await bench.next(bench.ladder(rungs));
    expect(result.left).toMatchObject([{ udid: device.udid, code: 'kept-certificate-differs' }]);
    const { fleet, old, refused } = await bench.round();
    expect([fleet.size, [...old], refused]).toEqual([199, [device.udid], []]);
  });

  it('reaches nothing but devices’ paths at Fleet, and pushes alone at the old server', () => {
    expect(bench.old.other.every((line) => line.startsWith('GET /push/'))).toBe(true);
  });
});
