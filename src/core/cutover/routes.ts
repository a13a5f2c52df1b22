/** Where devices go now: what the waves’ journal says they should, held against what leads them. */
import { refused } from '../failure';
import type { RouteEngine, RouteProblem, RouteReading } from './engines/engine';
import { standingOf, type WaveJournal, type WaveLine, type WaveStanding } from './wave-journal';

/** The routes as they are, and whether they are as they should be. */
export interface Routes {
  readonly reading: RouteReading;
  /** Devices led to Fleet: as read, else as last set. Null: instances differ or cannot be asked. */
  readonly fleet: ReadonlySet<string> | null;
  /** True when `fleet` was read from what leads them; false when it is only what Slipway set last. */
  readonly read: boolean;
  /** Led to Fleet although no wave moved them, and the reverse. */
  readonly unexpected: readonly string[];
  readonly missing: readonly string[];
  readonly problems: readonly RouteProblem[];
}

/** Reads the routes. */
export async function readRoutes(engine: RouteEngine, standing: WaveStanding): Promise<Routes> {
  const reading = await engine.read();
  const problems = [...reading.problems];
  if (!engine.readsBack) {
    return { reading, fleet: standing.fleet, read: false, unexpected: [], missing: [], problems };
  }
  // A change that was interrupted may have come to some instances and not to others: as long as they differ in its
  // devices only, whatever is done next leads all of them the same way again.
  const between =
    standing.undecided.size > 0 &&
    reading.instances.every(({ running }) => running !== null && fits(running, standing));
  const fleet = reading.fleet ?? (between ? standing.fleet : null);
  if (between) {
    const passing = problems.filter(({ code }) => code !== 'instance-differs' && code !== 'stored-differs');
    problems.splice(0, problems.length, ...passing);
  }
  const unexpected = fleet === null ? [] : [...fleet].filter((udid) => !expected(udid, standing));
  const missing =
    fleet === null ? [] : [...standing.fleet].filter((udid) => !fleet.has(udid) && !standing.undecided.has(udid));
  if (unexpected.length + missing.length > 0) {
    problems.push({
      code: 'routes-elsewhere',
      instance: reading.instances.map(({ name }) => name).join(', '),
      sentence: `Devices are not led as the waves left them: ${unexpected.length} to Fleet that no wave moved, ${missing.length} to the old server that were moved.`,
      remedy: 'Find out who changed the map, then set the routes again.',
    });
  }
  return { reading, fleet, read: true, unexpected, missing, problems };
}

function expected(udid: string, { fleet, undecided }: WaveStanding): boolean {
  return fleet.has(udid) || undecided.has(udid);
}

function fits(running: ReadonlySet<string>, standing: WaveStanding): boolean {
  return (
    [...running].every((udid) => expected(udid, standing)) &&
    [...standing.fleet].every((udid) => running.has(udid) || standing.undecided.has(udid))
  );
}

/**
 * Finds out where devices go whose change of route was interrupted, and puts it down. Nothing is done where what leads
 * them cannot be asked, or its instances differ: then it stays open until the change is repeated.
 */
export async function settleRoutes(
  journal: WaveJournal,
  lines: readonly WaveLine[],
  engine: RouteEngine,
): Promise<WaveLine[]> {
  const standing = standingOf(lines);
  if (standing.undecided.size === 0 || !engine.readsBack) return [...lines];
  const { fleet } = await engine.read();
  if (fleet === null) return [...lines];
  const open = [...standing.undecided];
  const entry = {
    kind: 'settled' as const,
    fleet: open.filter((udid) => fleet.has(udid)),
    old: open.filter((udid) => !fleet.has(udid)),
  };
  await journal.append(entry);
  return [...lines, { ...entry, at: new Date().toISOString() }];
}

/** The devices led to Fleet, where nothing about it is in doubt. Throws `wave/routes-in-doubt`. */
export function certainRoutes(routes: Routes): ReadonlySet<string> {
  const [problem] = routes.problems;
  if (routes.fleet !== null && problem === undefined) return routes.fleet;
  return refused(
    'wave/routes-in-doubt',
    `Where devices go is in doubt: ${problem?.sentence ?? 'what leads them could not be asked.'}`,
    problem?.remedy ?? 'Look at what leads devices, then try again.',
    { code: problem?.code ?? 'unknown' },
  );
}

/**
 * Devices whose rows must not be taken back: those led to Fleet, those that may be, and all when it is in doubt.
 * Throws `wave/routes-in-doubt`.
 */
export async function routedToFleet(engine: RouteEngine, standing: WaveStanding): Promise<ReadonlySet<string>> {
  const routes = await readRoutes(engine, standing);
  if (routes.fleet === null) certainRoutes(routes);
  return new Set([...(routes.fleet ?? []), ...standing.fleet, ...standing.undecided]);
}
