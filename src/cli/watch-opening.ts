/** What watching needs from the command line: who is watched, and which sides of Fleet are asked. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { wavesJournalOf } from '../core/cutover/ladder';
import { readWaves, standingOf } from '../core/cutover/wave-journal';
import { attempt, misused } from '../core/failure';
import { fetchPushCertificate } from '../core/fleet/api';
import { FleetApi } from '../core/fleet/api-client';
import { readAssets, readIdentity } from '../core/fleet/assets';
import { connectFleet } from '../core/fleet/connection';
import { parseFleetUrl } from '../core/fleet/https-request';
import { probeSchema } from '../core/fleet/probe';
import type { Plan } from '../core/migration/plan';
import { readSource } from '../core/sources';
import type { Snapshot } from '../core/sources/snapshot';
import { Roster, writtenTimes, type Switched } from '../core/watch/roster';
import type { JudgeOptions } from '../core/watch/status';
import type { WatcherInput } from '../core/watch/watcher';
import { fleetTarget, withFleetConnection } from './fleet-opening';
import { clockFrom, type FleetOptions, type SourceOptions } from './input';
import { openPlan } from './plan-opening';
import { secretFrom } from './secret-input';
import { namesPlan, readOptions, sourceNamed } from './source-reading';
import { progressLine } from './terminal';

export interface WatchOptions extends SourceOptions, FleetOptions {
  readonly source?: string;
  readonly journals?: string;
  readonly ladder?: string;
  readonly staleDays?: number;
  readonly silentDays?: number;
}

const DAY = 86_400_000;

/** Who is watched, and how the list is made again when the source is read again. */
export interface OpenedRoster {
  readonly roster: Roster;
  /** Reads the source once more (and the journals and waves); null without a source. */
  readonly again: (() => Promise<Roster>) | null;
}

/**
 * The devices of a plan or a source, with what journals and waves say of them; without a subject whatever Fleet has.
 * With `reread` the source is read as it is now, not only the plan's copy.
 */
export async function openRoster(
  subject: string | undefined,
  options: WatchOptions,
  reread: boolean,
): Promise<OpenedRoster> {
  const progress = progressLine(options.json === true);
  try {
    if (subject === undefined) {
      if (options.source !== undefined) return await openRoster(options.source, options, reread);
      return { roster: new Roster({ switched: await switchedBy(options) }), again: null };
    }
    let plan: Plan | null = null;
    let planned: Snapshot | null = null;
    let source = subject;
    let journals = options.journals;
    if (namesPlan(subject)) {
      const opened = await openPlan(subject, options, progress.onProgress);
      plan = opened.plan;
      planned = opened.snapshot;
      source = options.source ?? plan.source.reference;
      journals ??= dirname(subject);
    }
    const read = (): Promise<Snapshot> =>
      readSource(sourceNamed(source, options), {
        ...readOptions(options, clockFrom(options)),
        keepCertificates: false,
        onProgress: progress.onProgress,
      });
    const rosterOf = async (snapshot: Snapshot | null): Promise<Roster> =>
      new Roster({
        plan,
        planned,
        snapshot,
        written: journals === undefined ? null : await writtenTimes(journals),
        switched: await switchedBy(options),
      });
    return {
      roster: await rosterOf(plan === null || reread ? await read() : null),
      again: async () => rosterOf(await read()),
    };
  } finally {
    progress.end();
  }
}

/** When each device was switched, by the journal beside the ladder. */
async function switchedBy({ ladder }: WatchOptions): Promise<Map<string, Switched>> {
  const switched = new Map<string, Switched>();
  if (ladder === undefined) return switched;
  const path = wavesJournalOf(ladder);
  if (!existsSync(path)) {
    misused('usage/ladder', `There is no journal of waves at ${path}.`, 'Name the ladder the waves were moved with.');
  }
  for (const [udid, { at, rung }] of standingOf((await readWaves(path)).lines).switched) {
    switched.set(udid, { at: Date.parse(at), wave: rung });
  }
  return switched;
}

/** The sides of Fleet that are asked. Throws `usage/nothing-to-ask` when there is none. */
export function sidesFrom(options: WatchOptions): Pick<WatcherInput, 'database' | 'api'> {
  const token = secretFrom('Fleet API token', options.fleetTokenFile, 'SLIPWAY_FLEET_TOKEN');
  const { fleet, fleetUrl } = options;
  if (fleetUrl !== undefined) parseFleetUrl(fleetUrl);
  if (fleet === undefined && (fleetUrl === undefined || token === null)) {
    misused(
      'usage/nothing-to-ask',
      'Nothing says whom to ask about the devices.',
      'Give --fleet with Fleet’s database, or --fleet-url and --fleet-token-file for its API, or both.',
    );
  }
  const target = fleet === undefined ? null : fleetTarget(fleet, options);
  return {
    database: target === null ? null : { connect: () => connectFleet(target, 'read'), probe: probeSchema },
    api:
      fleetUrl === undefined || token === null
        ? null
        : new FleetApi({ url: fleetUrl, caFile: options.fleetUrlCaFile ?? null }, token),
  };
}

/** How devices are judged: limits as typed, and Fleet's push topic where it can be learnt. */
export async function judgingFrom(options: WatchOptions): Promise<JudgeOptions> {
  return {
    ...(options.staleDays === undefined ? {} : { staleAfter: options.staleDays * DAY }),
    ...(options.silentDays === undefined ? {} : { silentAfter: options.silentDays * DAY }),
    topic: await topicFrom(options),
  };
}

/** Fleet's push topic: from its assets with the private key, else from its API; null when neither tells. */
async function topicFrom(options: WatchOptions): Promise<string | null> {
  const key = secretFrom('server private key', options.privateKeyFile, 'SLIPWAY_PRIVATE_KEY');
  if (options.fleet !== undefined && key !== null) {
    const target = fleetTarget(options.fleet, options);
    const topic = await attempt(() =>
      withFleetConnection(target, 'read', async (connection) => readIdentity(await readAssets(connection), key)),
    );
    if (topic.ok && topic.value.push?.topic != null) return topic.value.push.topic;
  }
  const token = secretFrom('Fleet API token', options.fleetTokenFile, 'SLIPWAY_FLEET_TOKEN');
  if (options.fleetUrl === undefined || token === null) return null;
  const place = { url: options.fleetUrl, caFile: options.fleetUrlCaFile ?? null };
  const answer = await attempt(() => fetchPushCertificate(place, token));
  // Not knowing the topic only leaves one comparison out; what is wrong with the API shows when it is asked for devices.
  return answer.ok ? (answer.value?.topic ?? null) : null;
}
