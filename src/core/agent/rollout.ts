/** Who gets the agent through the old server, and who has it according to Fleet. Decided here; sent by `commands/send`. */
import { commandRunId, type CommandRunIdentity } from '../commands/command-journal';
import type { OldServerTask } from '../commands/send';
import type { Hosts } from '../fleet/hosts';
import type { Snapshot, SourceDevice } from '../sources/snapshot';

export type AgentState = 'has-agent' | 'no-agent' | 'no-host' | 'not-a-mac' | 'not-enrolled' | 'blocked-at-source';

/** One device of the source. */
export interface AgentStanding {
  readonly udid: string;
  readonly serial: string | null;
  readonly name: string | null;
  readonly state: AgentState;
  /** Fleet's team of its host; null without host or team. */
  readonly teamId: number | null;
}

/** Every device with a UDID. `hosts` null: Fleet was not asked, then a Mac counts as one without. */
export function agentStandings(snapshot: Snapshot, hosts: Hosts | null): AgentStanding[] {
  return snapshot.devices.flatMap((device) => {
    const { udid, serial, name } = device;
    if (udid === null) return [];
    const [host] = hosts?.withUdid(udid) ?? [];
    return [{ udid, serial, name, state: stateOf(device, udid, hosts), teamId: host?.teamId ?? null }];
  });
}

function stateOf(device: SourceDevice, udid: string, hosts: Hosts | null): AgentState {
  // What Fleet has heard of the agent comes first: it counts whatever the old server thinks of the device.
  if (hosts?.hasAgent(udid) === true) return 'has-agent';
  if (device.platform !== 'darwin') return 'not-a-mac';
  if (device.blockedAtSource) return 'blocked-at-source';
  if (!device.enrolled) return 'not-enrolled';
  return (hosts?.withUdid(udid) ?? []).length > 0 ? 'no-agent' : 'no-host';
}

export interface RolloutPlan {
  readonly id: string;
  readonly place: string;
  readonly manifestUrl: string;
  readonly targets: readonly string[];
  readonly skipped: Readonly<Record<'has-agent' | 'not-a-mac' | 'not-enrolled' | 'blocked-at-source', number>>;
  readonly identity: CommandRunIdentity;
}

/** Decides. Nothing is sent. */
export function planRollout({
  standings,
  wave,
  place,
  manifestUrl,
}: {
  readonly standings: readonly AgentStanding[];
  readonly wave: ReadonlySet<string>;
  readonly place: string;
  readonly manifestUrl: string;
}): RolloutPlan {
  const skipped = { 'has-agent': 0, 'not-a-mac': 0, 'not-enrolled': 0, 'blocked-at-source': 0 };
  const targets: string[] = [];
  for (const { udid, state } of standings) {
    if (!wave.has(udid)) continue;
    if (state === 'no-agent' || state === 'no-host') targets.push(udid);
    else skipped[state] += 1;
  }
  targets.sort();
  const identity: CommandRunIdentity = {
    purpose: 'install-agent',
    way: 'old-server',
    place,
    subjects: [manifestUrl],
    // All Macs of the wave, whether they have it by now or not: a second run goes on with the first one's journal.
    udids: standings.filter(({ udid, state }) => wave.has(udid) && state !== 'not-a-mac').map(({ udid }) => udid),
  };
  return { id: commandRunId(identity), place, manifestUrl, targets, skipped, identity };
}

/** The commands for the old server. */
export function rolloutTasks({ targets, manifestUrl }: Pick<RolloutPlan, 'targets' | 'manifestUrl'>): OldServerTask[] {
  return targets.map((udid) => ({
    udid,
    subject: manifestUrl,
    requestType: 'InstallEnterpriseApplication',
    fields: { ManifestURL: manifestUrl },
  }));
}
