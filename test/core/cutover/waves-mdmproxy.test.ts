/** Waves led by mdmproxy: nothing can be read back, and a restart forgets everything. And waking, where Fleet refuses a host. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openEngine, type EngineSettings } from '../../../src/core/cutover/engines';
import type { RouteEngine } from '../../../src/core/cutover/engines/engine';
import { readRoutes } from '../../../src/core/cutover/routes';
import { setRoutesAgain } from '../../../src/core/cutover/wave-back';
import { moveWave } from '../../../src/core/cutover/wave-move';
import { Secret } from '../../../src/core/secret';
import { hangUp } from '../../mdm-device';
import { noHaproxy } from '../../servers/haproxy';
import { MdmProxy } from '../../servers/mdmproxy';
import { noServer } from '../../servers/mysql';
import { failureOf } from '../fleet/target';
import { WaveBench } from './wave-bench';

const ENTRY = { migrated: 1, attention: 0 };
const TOKEN = 'token-of-mdmproxy';

describe.skipIf(noHaproxy || noServer)('waves led by two mdmproxies', () => {
  let bench: WaveBench;
  let proxies: MdmProxy[];
  let settings: EngineSettings;
  let engine: RouteEngine;
  beforeAll(async () => {
    bench = await WaveBench.open({ devices: 12, proxies: 0 });
    proxies = [0, 1].map(
      () => new MdmProxy({ token: TOKEN, old: () => bench.old.port, fleet: () => bench.fleet.port }),
    );
    await Promise.all(proxies.map((proxy) => proxy.listen()));
    settings = {
      kind: 'mdmproxy',
      instances: proxies.map(({ port }, number) => ({
        name: `p${number}`,
        url: `http://127.0.0.1:${port}`,
        caFile: null,
        plainConfirmed: false,
      })),
    };
    engine = openEngine(settings, { token: new Secret('token', TOKEN) });
  });
  afterAll(async () => {
    hangUp();
    await Promise.all(proxies.map((proxy) => proxy.close()));
    await bench.close();
  });
  const ladder = () => ({
    ...bench.ladder([
      { name: 'tenth', choice: { kind: 'percentage' as const, percentage: 60 }, entry: ENTRY },
      { name: 'all', choice: { kind: 'all' as const }, entry: ENTRY },
    ]),
    engine: settings,
  });
  const round = async (): Promise<{ fleet: Set<string>; old: Set<string>; refused: string[] }> => {
    bench.fleet.heard.length = 0;
    bench.old.heard.length = 0;
    for (const [number, device] of bench.devices.entries())
      await device.poll({
        host: '127.0.0.1',
        port: proxies[number % 2]!.port,
        ca: null,
        servername: 'mdm.example.test',
      });
    return {
      fleet: new Set(bench.fleet.heard.map(({ udid }) => udid)),
      old: new Set(bench.old.heard.map(({ udid }) => udid)),
      refused: [...bench.fleet.heard, ...bench.old.heard].flatMap(({ refused }) => refused ?? []),
    };
  };

  it('moves whom its percentage would, and one host that Fleet refuses stops nobody else from being woken', async () => {
    const within = bench.devices.filter(({ udid }) => {
      // The stand-in computes it by itself.
      proxies[0]!.percentage = 60;
      return proxies[0]!.leads(udid);
    });
    proxies[0]!.restarted();
    expect(within.length).toBeGreaterThan(3);
    bench.fleet.mdmOff.add(within[1]!.udid);
    const { preview, source } = await bench.prepare(ladder(), { engine });
    expect([...preview.devices].sort()).toEqual(within.map(({ udid }) => udid).sort());
    const result = await moveWave(bench.moveInput({ preview, source }, { engine, engineName: 'mdmproxy' }));
    expect([result.moved.length, result.left]).toEqual([within.length, []]);
    expect(result.woken).toMatchObject({
      sent: within.length - 1,
      failed: [{ udid: within[1]!.udid, code: 'fleet-refused' }],
    });
    await bench.age();
    const { fleet, refused } = await round();
    expect([[...fleet].sort(), refused]).toEqual([within.map(({ udid }) => udid).sort(), []]);
    const routes = await readRoutes(engine, await bench.standing());
    expect([routes.read, routes.fleet?.size]).toEqual([false, within.length]);
  });

  it('is told again after a restart, which it forgets everything in', async () => {
    const { fleet: before } = await bench.standing();
    proxies[0]!.restarted();
    expect((await round()).fleet.size).toBeLessThan(before.size);
    await setRoutesAgain({ waves: bench.waves, engine });
    expect((await round()).fleet).toEqual(new Set(before));
  });

  it('goes no further while a replica does not run', async () => {
    const away = openEngine(
      {
        ...settings,
        instances: [
          ...(settings as Extract<EngineSettings, { kind: 'mdmproxy' }>).instances,
          { name: 'p2', url: 'http://127.0.0.1:9', caFile: null, plainConfirmed: false },
        ],
      } as EngineSettings,
      { token: new Secret('token', TOKEN) },
    );
    expect((await failureOf(() => bench.prepare(ladder(), { engine: away }))).code).toBe('wave/routes-in-doubt');
  });
});
