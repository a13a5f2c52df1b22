/** `slipway wave`, as the operator runs it: the real bundle against real HAProxy, real MySQL and servers that stand in. */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hangUp } from '../mdm-device';
import { ask, noHaproxy } from '../servers/haproxy';
import { noServer } from '../servers/mysql';
import { WaveBench } from '../core/cutover/wave-bench';
import { fleet, modeOf, Workstation } from './workstation';

const MOVED = '575424CB-09D7-4CAD-8A7A-D3511FE8A7E2';
const STAYING = 'E5C6DBBA-D5CC-4DB6-9560-995F17FB7A59';
const ACCEPTED = ['--accept', 'no-agent,target-identity-unproven', '--reason', 'a test'];

describe.skipIf(noHaproxy || noServer)('slipway wave', () => {
  const station = new Workstation();
  let bench: WaveBench;
  let access: ReturnType<typeof fleet>;
  let common: string[];
  beforeAll(async () => {
    bench = await WaveBench.open({ devices: 24, hostless: 2 });
    access = fleet(bench.database);
    common = ['--ladder', station.path('ladder.json')];
    station.file(
      'pilots.txt',
      bench.devices
        .slice(0, 3)
        .map(({ udid }) => udid)
        .join('\n'),
    );
    station.file('token', bench.fleet.token);
    station.file('key', bench.old.apiKey);
  });
  afterAll(async () => {
    hangUp();
    station.close();
    await bench.close();
  });

  const instance = (): string => `lb1=${bench.proxies[0]!.path('map')},${bench.proxies[0]!.socket}`;
  const env = (): { env: Record<string, string> } => ({ env: access.env });
  const moving = (): string[] => [...common, ...access.args, ...ACCEPTED];
  const waking = (): string[] => [
    '--fleet-url',
    `http://127.0.0.1:${bench.fleet.port}`,
    '--fleet-token-file',
    station.path('token'),
    '--push-url',
    `http://127.0.0.1:${bench.old.port}`,
    '--api-key-file',
    station.path('key'),
  ];

  it('says who is within a percentage', async () => {
    const { code, stdout } = await station.slipway(['wave', 'check', '--percentage', '50', MOVED, STAYING]);
    expect([code, stdout]).toEqual([0, `${MOVED} in\n${STAYING} out\n`]);
    expect(await station.data(['wave', 'check', '--percentage', '50', MOVED])).toEqual({
      schema: 1,
      percentage: 50,
      devices: [{ udid: MOVED, place: 42, in: true }],
    });
    await station.refused(['wave', 'check', '--percentage', '101', MOVED], 2, 'usage/percentage');
    await station.refused(['wave', 'check', MOVED], 2, 'usage/option-needed');
  });

  it('writes a configuration HAProxy takes', async () => {
    const out = station.path('haproxy.cfg');
    const args = [
      'wave',
      'config',
      '--source',
      `micromdm:${bench.sourcePath}`,
      '--old-host',
      'mdm.example.com',
      '--old-url',
      'http://127.0.0.1:9',
      '--fleet-url',
      'http://127.0.0.1:9',
      '--map',
      bench.proxies[0]!.path('map'),
      '--socket',
      '/tmp/s',
      '--tls-file',
      bench.proxies[0]!.path('tls.pem'),
    ];
    const document = await station.data([...args, '--out', out]);
    expect(document).toMatchObject({ schema: 1, for: 'haproxy', file: out, connections: 121 });
    expect(await bench.proxies[0]!.check(readFileSync(out, 'utf8'))).toBe('');
    await station.refused([...args, '--out', out], 2, 'file/exists');
    await station.refused([...args.slice(0, -2), '--memory', '10m'], 2, 'usage/haproxy-memory');
  });

  it('makes a ladder once everything about it is known', async () => {
    await station.refused(['wave', 'show', ...common], 1, 'wave/no-ladder');
    const source = ['--source', `micromdm:${bench.sourcePath}`];
    const ladder = ['wave', 'ladder', ...common, ...source, '--pilot', station.path('pilots.txt')];
    await station.refused([...ladder, '--instance', instance()], 2, 'usage/option-needed');
    await station.refused(
      [...ladder, '--ends', '2027-01-01', '--instance', 'lb1=/map,127.0.0.1:9999'],
      2,
      'usage/engine',
    );
    await station.refused(
      [...ladder, '--ends', '2027-01-01', '--instance', instance(), '--mdmproxy', 'p=https://x'],
      2,
      'usage/engine',
    );
    const ends = new Date(bench.at + 20 * 86_400_000).toISOString().slice(0, 10);
    const made = (await station.data([...ladder, '--ends', ends, '--instance', instance()])) as {
      ladder: { rungs: { name: string }[]; revision: number };
    };
    expect([made.ladder.revision, made.ladder.rungs.map(({ name }) => name)]).toEqual([
      1,
      ['pilot', '10 %', '50 %', 'all'],
    ]);
    expect(modeOf(station.path('ladder.json'))).toBe('600');
    const changed = (await station.data([
      'wave',
      'ladder',
      ...common,
      '--rung',
      `pilot=list:${station.path('pilots.txt')}`,
      'phones=platform:ios',
      'all=all',
      '--entry',
      '100:0',
    ])) as typeof made;
    expect([changed.ladder.revision, changed.ladder.rungs.map(({ name }) => name)]).toEqual([
      2,
      ['pilot', 'phones', 'all'],
    ]);
    await station.refused(['wave', 'ladder', ...common, '--rung', 'x=percentage:0'], 2, 'usage/choice');
    await station.refused(['wave', 'next', ...common, '--instance', instance()], 2, 'usage/option');
  });

  it('shows a wave, asks, moves and wakes it', async () => {
    const plan = (await station.data(['wave', 'plan', ...moving(), ...waking()], env())) as {
      moving: string[];
      obstacles: unknown[];
      wake: object;
    };
    expect(plan).toMatchObject({
      wave: 'pilot',
      obstacles: [],
      counts: { devices: 3, moving: 3, insert: 3, left: 0 },
      wake: { way: 'both', hostless: 0 },
    });
    expect(await bench.database.query('SELECT id FROM nano_devices')).toEqual([]);
    await station.refused(['wave', 'next', ...moving(), ...waking()], 2, 'usage/confirmation-needed', env());
    const moved = (await station.data(['wave', 'next', ...moving(), ...waking(), '--yes'], env())) as {
      moved: string[];
    };
    expect(moved).toMatchObject({
      wave: 'pilot',
      state: 'moved',
      left: [],
      counts: { moved: 3, inserted: 3 },
      woken: { sent: 3, failed: [] },
    });
    expect([...moved.moved].sort()).toEqual(
      bench.devices
        .slice(0, 3)
        .map(({ udid }) => udid)
        .sort(),
    );
    expect(
      (await ask(bench.proxies[0]!.socket, `show map ${bench.proxies[0]!.path('map')}`)).trim().split('\n'),
    ).toHaveLength(3);
  });

  it('holds the next one up, says why, and moves it once the first has arrived', async () => {
    const held = await station.slipway(['wave', 'next', ...moving(), '--yes'], env());
    expect([held.code, held.stderr.includes('wave/held-up')]).toEqual([1, true]);
    expect(held.stdout).toContain('entry-not-met');
    await bench.age();
    await bench.round();
    const moved = (await station.data(['wave', 'next', ...moving(), ...waking(), '--yes'], env())) as {
      moved: string[];
    };
    expect(moved).toMatchObject({ wave: 'phones', left: [] });
    expect(moved.moved.every((udid) => udid.startsWith('00008110-'))).toBe(true);
    await bench.age();
    const { fleet: arrived, refused } = await bench.round();
    expect([arrived.size, refused]).toEqual([3 + moved.moved.length, []]);
  });

  it('says where devices go', async () => {
    const [first, , , fourth] = bench.devices;
    const document = (await station.data(['wave', 'where', ...common, first!.udid, fourth!.udid])) as {
      devices: object[];
    };
    expect(document).toMatchObject({
      readBack: true,
      problems: [],
      devices: [
        { udid: first!.udid, to: 'fleet', wave: 'pilot', instances: [{ name: 'lb1', to: 'fleet' }] },
        { udid: fourth!.udid, to: 'old', wave: null },
      ],
    });
    const shown = (await station.data(['wave', 'show', ...common])) as {
      rungs: object[];
      routes: { traffic: { old: number; fleet: number } };
    };
    expect(shown.rungs).toMatchObject([
      { name: 'pilot', state: 'moved', moved: 3 },
      { name: 'phones', state: 'moved' },
      { name: 'all', state: 'waiting', moved: 0 },
    ]);
    const { traffic } = shown.routes;
    expect([traffic.old > 0, traffic.fleet > 0]).toEqual([true, true]);
  });

  it('takes back no rows of devices that go to Fleet, though nobody told it who they are', async () => {
    const [journal] = station.journals();
    const undo = await station.slipway(['undo', journal!, ...access.args, '--yes', '--json'], env());
    expect(undo.code).toBe(1);
    expect((undo.json as { counts: object; left: { code: string }[] }).counts).toMatchObject({ removed: 0 });
    expect((undo.json as { left: { code: string }[] }).left.every(({ code }) => code === 'route-at-fleet')).toBe(true);
  });

  it('wakes a wave again, and goes back with it', async () => {
    const woken = await station.data(
      ['wave', 'wake', ...common, ...access.args, ...waking(), '--wave', 'pilot', '--yes'],
      env(),
    );
    expect(woken).toMatchObject({ wave: 'pilot', sent: 3, failed: [] });
    const back = await station.data(['wave', 'back', ...common, ...access.args, '--wave', 'pilot', '--yes'], env());
    expect(back).toMatchObject({
      wave: 'pilot',
      counts: { devices: 3, returning: 3, certificatesRenewed: 0 },
      staying: [],
    });
    const { fleet: arrived } = await bench.round(bench.devices.slice(0, 3));
    expect(arrived.size).toBe(0);
    await station.refused(
      ['wave', 'back', ...common, ...access.args, '--wave', 'pilot', '--yes'],
      1,
      'wave/nothing-back',
      env(),
    );
  });

  it('goes nowhere while another hand was at the map, and sets the routes again', async () => {
    writeFileSync(bench.proxies[0]!.path('map'), '');
    await bench.proxies[0]!.restart();
    const where = await station.slipway(['wave', 'where', ...common]);
    expect([where.code, where.stdout.includes('routes-elsewhere')]).toEqual([1, true]);
    const error = await station.refused(['wave', 'next', ...moving(), '--yes'], 1, 'wave/routes-in-doubt', env());
    expect(error.detail).toEqual({ code: 'routes-elsewhere' });
    const set = (await station.data(['wave', 'set', ...common, '--yes'])) as { fleet: number };
    expect(set.fleet).toBeGreaterThan(0);
    expect((await station.slipway(['wave', 'where', ...common])).code).toBe(0);
  });

  it('keeps every secret to itself', () => {
    for (const { text } of station.said)
      for (const secret of [bench.fleet.token, bench.old.apiKey]) expect(text).not.toContain(secret);
    for (const name of station.files().filter((file) => /ladder|waves|journal|plan/.test(file))) {
      const text = readFileSync(station.path(name), 'utf8');
      for (const secret of [bench.fleet.token, bench.old.apiKey, bench.devices[0]!.magic])
        expect(text).not.toContain(secret);
    }
  });
});
