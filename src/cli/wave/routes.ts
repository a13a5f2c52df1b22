/** `slipway wave where` and `set`, and how routes are shown. */
import { type Routes, readRoutes } from '../../core/cutover/routes';
import { setRoutesAgain } from '../../core/cutover/wave-back';
import { EXIT } from '../exit-code';
import { confirm, requireAnswer } from '../input';
import { counted, plain, print, printJson, styled, table, tell } from '../terminal';
import { type WaveOptions, handsFrom, open } from './opening';

export async function where(names: readonly string[], options: WaveOptions): Promise<number> {
  const { standing, engine } = await open(options);
  const routes = await readRoutes(engine, standing);
  const fleet = routes.fleet ?? new Set<string>();
  const asked = names.length > 0 ? names : [...new Set([...fleet, ...standing.fleet])].sort();
  const devices = asked.map((udid) => ({
    udid,
    to: routes.fleet === null ? 'unknown' : fleet.has(udid) ? 'fleet' : 'old',
    wave: standing.switched.get(udid)?.rung ?? null,
    since: standing.switched.get(udid)?.at ?? null,
    instances: routes.reading.instances.map(({ name, running }) => ({
      name,
      to: running === null ? null : running.has(udid) ? 'fleet' : 'old',
    })),
  }));
  if (options.json === true) await printJson({ schema: 1, ...routesJson(routes), devices });
  else {
    await print(...routeLines(routes));
    await print(
      ...table(
        devices
          .slice(0, 200)
          .map(({ udid, to, wave, since }) => [
            udid,
            to,
            wave ?? '',
            since == null ? '' : `${since.slice(0, 16).replace('T', ' ')} UTC`,
          ]),
      ),
    );
    if (devices.length > 200) await print(`  and ${devices.length - 200} more (--json lists all)`);
  }
  return routes.problems.length === 0 ? EXIT.fine : EXIT.found;
}

export function routesJson(routes: Routes): Record<string, unknown> {
  const { reading } = routes;
  return {
    fleet: routes.fleet?.size ?? null,
    readBack: routes.read,
    traffic: reading.traffic,
    instances: reading.instances.map(({ name, running, stored }) => ({
      name,
      running: running?.size ?? null,
      stored: stored?.size ?? null,
    })),
    problems: routes.problems,
  };
}

export function routeLines(routes: Routes): string[] {
  const { reading } = routes;
  return [
    routes.fleet === null
      ? 'Where devices go is in doubt.'
      : `${counted(routes.fleet.size, 'device')} go to Fleet, all others to the old server${routes.read ? '' : ' (as set last: it cannot be asked)'}.`,
    ...table(
      reading.instances.map(({ name, running, stored }) => [
        name,
        running === null ? 'cannot be asked' : `${running.size.toLocaleString('en')} to Fleet`,
        stored === null ? '' : `${stored.size.toLocaleString('en')} in its file`,
      ]),
    ),
    ...(reading.traffic === null
      ? []
      : [
          `  requests since start: ${reading.traffic.old.toLocaleString('en')} to the old server, ${reading.traffic.fleet.toLocaleString('en')} to Fleet`,
        ]),
    ...routes.problems.flatMap(({ code, sentence, remedy }) => [
      `  ${styled('✗', 'red')} ${plain(sentence)} ${styled(code, 'dim')}`,
      `      ${plain(remedy)}`,
    ]),
  ];
}

export async function setAgain(options: WaveOptions): Promise<number> {
  requireAnswer(options.yes);
  const { standing, engine, waves } = await open(options);
  if (
    !(await confirm(
      `Lead ${counted(standing.fleet.size, 'device')} to Fleet and all others to the old server, on every instance.`,
      'set',
      options.yes,
    ))
  ) {
    tell('Nothing was changed.');
    return EXIT.found;
  }
  const { total, routes } = await setRoutesAgain({ waves, engine, hands: handsFrom(options) });
  if (options.json === true)
    await printJson({
      schema: 1,
      fleet: total,
      instances: routes.instances.map(({ name }) => name),
      problems: routes.problems,
    });
  else await print(`${counted(total, 'device')} go to Fleet, all others to the old server.`);
  return routes.problems.length === 0 ? EXIT.fine : EXIT.found;
}
