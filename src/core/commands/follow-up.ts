/** What became of commands after they were sent, as far as the server that took them can say. */
import { FailureError } from '../failure';
import { apiList, apiText, type FleetApi } from '../fleet/api-client';
import type { OnProgress } from '../progress';
import type { CommandResult } from '../sources';
import type { CommandStanding, JournaledCommand } from './command-journal';
import type { OldServer } from './old-server';

/**
 * `waiting`: still in the queue. `fetched`: the old server has it no longer; the device took it, and what it said only the
 * webhook of that server knows. `done`, `refused`: the device’s own word. `deferred`: NotNow, asked again. `dropped`: taken
 * out of the queue before it was answered. `unasked`: nobody could be asked.
 */
export type CommandFate =
  'waiting' | 'fetched' | 'done' | 'refused' | 'deferred' | 'dropped' | 'failed' | 'unknown' | 'unasked';

export interface FollowedCommand extends JournaledCommand {
  readonly fate: CommandFate;
}

const AT_ONCE = 4;

/** Without asking anybody: what the journal alone tells. */
export function journaledFates({ commands }: CommandStanding): FollowedCommand[] {
  return commands.map((command) => ({ ...command, fate: command.state === 'sent' ? 'unasked' : command.state }));
}

/**
 * Asks the old server what still waits for each device; one question a device. Where its API cannot be asked for that,
 * what the journal alone tells.
 * @throws FailureError `old-server/key-refused`, and the failure of the first question
 */
export async function askOldServer(
  server: OldServer,
  standing: CommandStanding,
  onProgress?: OnProgress,
): Promise<FollowedCommand[]> {
  if (server.waiting === undefined) return journaledFates(standing);
  const waitingAt = server.waiting.bind(server);
  const udids = [...new Set(standing.commands.filter(({ state }) => state !== 'failed').map(({ udid }) => udid))];
  const queues = new Map<string, ReadonlySet<string> | null>();
  let asked = 0;
  const ask = async (udid: string): Promise<void> => {
    try {
      queues.set(udid, await waitingAt(udid));
    } catch (error) {
      if (!(error instanceof FailureError) || error.failure.code === 'old-server/key-refused' || asked === 0)
        throw error;
      queues.set(udid, null);
    }
    asked += 1;
    onProgress?.({ label: 'asking the old server', done: asked, total: udids.length });
  };
  const [first, ...rest] = udids;
  if (first !== undefined) await ask(first);
  const lane = async (): Promise<void> => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) await ask(next);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return standing.commands.map((command) => {
    const queue = queues.get(command.udid) ?? null;
    if (command.state === 'failed') return { ...command, fate: 'failed' };
    if (queue === null || command.uuid === null) return { ...command, fate: 'unasked' };
    if (queue.has(command.uuid)) return { ...command, fate: 'waiting' };
    // A command whose answer was lost and that does not wait may never have come there.
    return { ...command, fate: command.state === 'unknown' ? 'unknown' : 'fetched' };
  });
}

/** What the old server’s own store tells of commands sent through it: NanoMDM keeps every answer. */
export function storedFates({ commands }: CommandStanding, results: readonly CommandResult[]): FollowedCommand[] {
  const keyOf = (udid: string, uuid: string): string => `${uuid.toUpperCase()} ${udid.toUpperCase()}`;
  const states = new Map(results.map(({ udid, uuid, state }) => [keyOf(udid, uuid), state]));
  return commands.map((command) => {
    if (command.uuid === null) return { ...command, fate: command.state === 'failed' ? 'failed' : 'unasked' };
    const state = states.get(keyOf(command.udid, command.uuid));
    if (state !== undefined) return { ...command, fate: state };
    // What is not in the store was not taken, whatever became of the answer; what was taken has been removed since.
    return { ...command, fate: command.state === 'sent' ? 'dropped' : 'failed' };
  });
}

/** Asks Fleet for the results of each command it gave. Throws as `FleetApi.get`. */
export async function askFleet(api: FleetApi, standing: CommandStanding): Promise<FollowedCommand[]> {
  const uuids = [...new Set(standing.commands.flatMap(({ uuid }) => uuid ?? []))];
  const statuses = new Map<string, string>();
  for (const uuid of uuids) {
    const body = await api.get(
      ['/commands/results', '/mdm/commandresults', '/mdm/apple/commandresults'],
      { command_uuid: uuid },
      'see the results of commands',
    );
    for (const raw of apiList(body?.['results'])) {
      const udid = apiText(raw['host_uuid']) ?? apiText(raw['device_id']);
      if (udid !== null) statuses.set(`${uuid} ${udid.toUpperCase()}`, (apiText(raw['status']) ?? '').toLowerCase());
    }
  }
  return standing.commands.map((command) => {
    if (command.state === 'failed' || command.uuid === null)
      return { ...command, fate: command.state === 'failed' ? 'failed' : 'unknown' };
    const status = statuses.get(`${command.uuid} ${command.udid.toUpperCase()}`);
    return { ...command, fate: fateOf(status) };
  });
}

function fateOf(status: string | undefined): CommandFate {
  switch (status) {
    case undefined:
    case '':
    case 'pending':
      return 'waiting';
    case 'acknowledged':
      return 'done';
    case 'notnow':
      return 'deferred';
    default:
      return 'refused';
  }
}

/** How many of each. */
export function countFates(commands: readonly FollowedCommand[]): Record<CommandFate, number> {
  const counts: Record<CommandFate, number> = {
    waiting: 0,
    fetched: 0,
    done: 0,
    refused: 0,
    deferred: 0,
    dropped: 0,
    failed: 0,
    unknown: 0,
    unasked: 0,
  };
  for (const { fate } of commands) counts[fate] += 1;
  return counts;
}
