/** A move or a way back that is killed between any two steps is taken up again, and nothing of it is skipped. */
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRoutes } from '../../../src/core/cutover/routes';
import { goBack, setRoutesAgain } from '../../../src/core/cutover/wave-back';
import { openWaves } from '../../../src/core/cutover/wave-journal';
import { moveWave } from '../../../src/core/cutover/wave-move';
import { hangUp } from '../../mdm-device';
import { noHaproxy } from '../../servers/haproxy';
import { noServer } from '../../servers/mysql';
import { failureOf } from '../fleet/target';
import { formatMap } from '../../../src/core/cutover/route-map';
import { ask } from '../../servers/haproxy';
import { WaveBench } from './wave-bench';

const POINTS = ['opened', 'planned', 'imported', 'verified', 'route-intent', 'led', 'routed', 'wake-intent'];

class Killed extends Error {}

describe.skipIf(noHaproxy || noServer)('a wave that was killed', () => {
  let bench: WaveBench;
  beforeAll(async () => {
    bench = await WaveBench.open({ devices: POINTS.length * 2 + 6, schema: 'generation-newest', proxies: 2 });
  });
  afterAll(async () => {
    hangUp();
    await bench.close();
  });
  const ladder = () =>
    bench.ladder(
      [...POINTS, 'changed', 'free'].map((name, number) => ({
        name,
        choice: { kind: 'list' as const, udids: devicesOf(number) },
        entry: { migrated: 0, attention: 1_000 },
      })),
    );
  const devicesOf = (number: number): string[] =>
    bench.devices.slice(number * 2, number * 2 + 2).map(({ udid }) => udid);

  it.each(POINTS.map((point, number) => [point, number] as const))(
    'after «%s» goes on with the same devices',
    async (point, number) => {
      const woken: string[] = [];
      bench.fleet.onPush = (udid) => void woken.push(udid);
      const prepared = await bench.prepare(ladder());
      expect(prepared.preview.rung).toBe(point);
      const input = bench.moveInput(prepared, {
        probePoint: (reached) => (reached === point ? Promise.reject(new Killed(reached)) : Promise.resolve()),
      });
      await expect(moveWave(input)).rejects.toThrow(Killed);
      expect((await bench.standing()).open?.rung).toBe(point);
      // Nobody gets past it.
      expect((await failureOf(() => bench.prepare(ladder(), { rung: 'free' }))).code).toBe('wave/move-open');

      const result = await bench.next(ladder());
      expect([result.rung, result.state, result.left]).toEqual([point, 'moved', []]);
      const standing = await bench.standing();
      expect(standing.open).toBeNull();
      expect([...standing.undecided]).toEqual([]);
      expect([...standing.moves.at(-1)!.routed].sort()).toEqual([...devicesOf(number)].sort());
      expect([...new Set(woken)].sort()).toEqual([...devicesOf(number)].sort());
      const routes = await readRoutes(bench.engine, standing);
      expect(routes.problems).toEqual([]);
      expect([...(routes.fleet ?? [])].sort()).toEqual(
        bench.devices
          .slice(0, number * 2 + 2)
          .map(({ udid }) => udid)
          .sort(),
      );
      const { fleet, refused } = await bench.round();
      expect([fleet.size, refused]).toEqual([number * 2 + 2, []]);
    },
  );

  it.each([['back-intent'], ['led-back']])(
    'on its way back after «%s» can be led back, and moved again',
    async (point) => {
      const before = (await bench.standing()).fleet.size;
      const preview = await bench.prepareBack({ rung: 'wake-intent' });
      const probePoint = (reached: string): Promise<void> =>
        reached === point ? Promise.reject(new Killed(reached)) : Promise.resolve();
      const input = { preview, waves: bench.waves, engine: bench.engine, accepted: new Set<string>(), reason: null };
      await expect(goBack({ ...input, probePoint })).rejects.toThrow(Killed);
      expect((await bench.standing()).undecided.size).toBe(2);
      if (point === 'back-intent') await bench.back({ rung: 'wake-intent' });
      else await setRoutesAgain({ waves: bench.waves, engine: bench.engine });
      const standing = await bench.standing();
      expect([standing.undecided.size, standing.fleet.size]).toEqual([0, before - 2]);
      expect((await readRoutes(bench.engine, standing)).problems).toEqual([]);
      expect((await bench.next(ladder(), { prepare: { rung: 'wake-intent' } })).moved).toHaveLength(2);
    },
  );

  it('goes no further while somebody else has changed a map, and sets the routes again', async () => {
    const stranger = bench.devices.at(-1)!.udid;
    await ask(bench.proxies[1]!.socket, `add map ${bench.proxies[1]!.path('map')} ${stranger} fleet`);
    const failure = await failureOf(() => bench.prepare(ladder()));
    expect([failure.code, failure.detail]).toEqual(['wave/routes-in-doubt', { code: 'stored-differs' }]);
    const { total } = await setRoutesAgain({ waves: bench.waves, engine: bench.engine });
    const routes = await readRoutes(bench.engine, await bench.standing());
    expect([routes.problems, routes.fleet?.size]).toEqual([[], total]);
    // On both, file and all: it looks whole, and yet no wave did it.
    for (const proxy of bench.proxies) {
      await ask(proxy.socket, `add map ${proxy.path('map')} ${stranger} fleet`);
      writeFileSync(proxy.path('map'), formatMap([...(routes.fleet ?? []), stranger]));
    }
    expect((await failureOf(() => bench.prepare(ladder()))).detail).toEqual({ code: 'routes-elsewhere' });
    await setRoutesAgain({ waves: bench.waves, engine: bench.engine });
  });

  it('moves for one at a time, and takes over from the dead', async () => {
    const journal = await openWaves(bench.waves);
    expect((await failureOf(() => openWaves(bench.waves))).code).toBe('wave/busy');
    await journal.close();
    const dead = spawnSync('true').pid;
    writeFileSync(`${bench.waves}.lock`, `${dead}\n${hostname()}\n`);
    await (await openWaves(bench.waves)).close();
    // Another machine’s is not ours to judge.
    writeFileSync(`${bench.waves}.lock`, `${dead}\nelsewhere\n`);
    expect((await failureOf(() => openWaves(bench.waves))).code).toBe('wave/busy');
    rmSync(`${bench.waves}.lock`);
  });

  it('holds back a device an erase came for between the look and the writing', async () => {
    const prepared = await bench.prepare(ladder());
    const [first, second] = devicesOf(POINTS.length);
    bench.oddities.set(first!, { commands: [{ requestType: 'EraseDevice' }] });
    bench.writeSource();
    const result = await moveWave(bench.moveInput(prepared, { fresh: (plan) => bench.fresh(plan) }));
    expect(result.left).toMatchObject([{ udid: first, code: 'pending-command' }]);
    expect(result.moved).toEqual([second]);
    bench.oddities.clear();
    bench.writeSource();
    await bench.back({ rung: 'changed' });
    await bench.age();
  });

  it('holds back a device that changed between the look and the writing', async () => {
    const prepared = await bench.prepare(ladder());
    expect(prepared.preview.rung).toBe('changed');
    const [first, second] = devicesOf(POINTS.length);
    bench.renewAtOldServer(bench.device(first!));
    const result = await moveWave(bench.moveInput(prepared));
    expect(result.moved).toEqual([second]);
    expect(result.left).toMatchObject([{ udid: first, code: 'source-drift' }]);
    await bench.age();
    // It stays where it was; named once more, it moves with its new certificate.
    expect((await bench.next(ladder(), { prepare: { rung: 'changed' } })).moved).toEqual([first]);
    expect((await bench.round([bench.device(first!)])).fleet).toEqual(new Set([first]));
  });
});
