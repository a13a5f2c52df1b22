/** How the devices of a wave stand, asked of Fleet’s database at this moment: what the next wave’s conditions are held against. */
import { FailureError } from '../failure';
import type { FleetConnection } from '../fleet/connection';
import { probeSchema } from '../fleet/probe';
import type { Snapshot } from '../sources/snapshot';
import { Roster, writtenTimes } from '../watch/roster';
import { progressOf, type WatchProgress } from '../watch/status';
import { Watcher } from '../watch/watcher';
import type { WaveStanding } from './wave-journal';

/**
 * Looks once, and counts.
 * @param journals folder of the journals, which say when rows were written
 * @throws the failure of asking
 */
export async function progressOfDevices(
  connect: () => Promise<FleetConnection>,
  known: { readonly snapshot: Snapshot; readonly standing: WaveStanding; readonly journals: string },
  udids: readonly string[],
): Promise<WatchProgress> {
  const { snapshot, standing, journals } = known;
  const switched = [...standing.switched].map(
    ([udid, { at, rung }]) => [udid, { at: Date.parse(at), wave: rung }] as const,
  );
  const roster = new Roster({ snapshot, written: await writtenTimes(journals), switched: new Map(switched) });
  const watcher = new Watcher({ roster, database: { connect, probe: probeSchema }, api: null });
  try {
    const poll = await watcher.poll(true);
    const [failure] = poll.failures;
    if (failure !== undefined) throw new FailureError(failure);
    return progressOf(watcher.watch.statuses(poll.at), udids);
  } finally {
    await watcher.close();
  }
}
