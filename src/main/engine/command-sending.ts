/** Sending commands to devices for the window: the old server's API or Fleet's, and what came of it. */
import { commandStanding, readCommandJournal } from '../../core/commands/command-journal';
import { askFleet, askOldServer, countFates, journaledFates, storedFates } from '../../core/commands/follow-up';
import { oldServerKindOf, openOldServer, type OldServer } from '../../core/commands/old-server';
import type { SendResult } from '../../core/commands/send';
import { parsePlace } from '../../core/commands/web-call';
import { misused, refused } from '../../core/failure';
import { FleetApi } from '../../core/fleet/api-client';
import { parseFleetUrl, type FleetUrl } from '../../core/fleet/https-request';
import { parseWave } from '../../core/migration/wave';
import { Secret } from '../../core/secret';
import { parseSource, readCommandResults } from '../../core/sources';
import type { CommandsSent, DeviceChoice } from '../../contract/controls';
import type { EngineInput, EngineOutput, SendAccess } from './protocol';
import { readOptions, type Workbench } from './workbench';

const MOST_FAILURES = 50;

/**
 * The old server’s API.
 * @param kind what kind of source, or of server, it is
 * @throws FailureError `controls/no-old-server`, `controls/no-api-key`, `usage/old-server-kind`
 */
export function oldServerOf(
  { oldUrl, oldCaFile, apiKey }: SendAccess,
  kind: string | null,
): { server: OldServer; host: string } {
  if (oldUrl === null)
    return refused('controls/no-old-server', 'Where the old server’s API is, is not said.', 'Write its address.');
  if (apiKey === null)
    return refused('controls/no-api-key', 'The old server’s API key is not given.', 'Type it, or choose its file.');
  const place = { who: 'The old server', url: oldUrl, caFile: oldCaFile, plainConfirmed: false };
  const { host } = parsePlace(place);
  return { server: openOldServer(oldServerKindOf(null, kind), place, new Secret('API key', apiKey)), host };
}

/** Throws `controls/no-fleet-url`, `controls/no-token`. */
export function fleetApiOf({ fleetUrl, fleetCaFile, token }: SendAccess): {
  place: FleetUrl;
  token: Secret;
  api: FleetApi;
  host: string;
} {
  if (fleetUrl === null)
    return refused('controls/no-fleet-url', 'Fleet’s own address is not given.', 'Write it at Fleet.');
  if (token === null) return refused('controls/no-token', 'Fleet’s API token is not given.', 'Give it at Fleet.');
  const { host } = parseFleetUrl(fleetUrl);
  const place = { url: fleetUrl, caFile: fleetCaFile };
  const secret = new Secret('Fleet API token', token);
  return { place, token: secret, api: new FleetApi(place, secret), host };
}

/** The devices that are meant. */
export function devicesOf(bench: Workbench, choice: DeviceChoice, list: string | null): Set<string> {
  const { snapshot } = bench.requireSource();
  if (choice === 'all') return new Set(snapshot.devices.flatMap(({ udid }) => udid ?? []));
  if (list === null) return misused('usage/no-wave', 'No list of devices was chosen.', 'Choose one, or mean all.');
  return parseWave(list, snapshot);
}

/** A result as the window shows it. */
export function sentOf({ journal, state, why, commands, already, left }: SendResult): CommandsSent {
  const counts = { sent: 0, failed: 0, unknown: 0 };
  for (const command of commands) counts[command.state] += 1;
  return {
    journal,
    state,
    why: why === null ? null : why.message,
    counts,
    already,
    left,
    failures: commands
      .filter((command) => command.state !== 'sent')
      .slice(0, MOST_FAILURES)
      .map(({ udid, subject, sentence }) => ({ udid, subject, sentence: sentence ?? 'It was not sent.' })),
  };
}

/** What became of the commands of a journal, as far as the server that took them can be asked. */
export async function followed({
  access,
  journal,
  source,
}: EngineInput<'followCommands'>): Promise<EngineOutput<'followCommands'>> {
  const standing = commandStanding(await readCommandJournal(journal));
  const { opened } = standing;
  if (opened === null)
    return refused('journal/unreadable', 'This journal tells of no commands.', 'Choose another journal.');
  const at = Date.now();
  const tell = (asked: boolean, counts: ReturnType<typeof countFates>): EngineOutput<'followCommands'> => ({
    at,
    asked,
    place: opened.place,
    counts,
  });
  if (opened.way === 'fleet' && access.fleetUrl !== null && access.token !== null)
    return tell(true, countFates(await askFleet(fleetApiOf(access).api, standing)));
  if (opened.way === 'old-server' && source.reference !== '' && opened.server !== undefined) {
    const reference = parseSource(source.reference);
    const uuids = standing.commands.flatMap(({ uuid }) => uuid ?? []);
    // Another source by now would know nothing of these commands, and be taken for one that dropped them.
    const stored =
      reference.kind === opened.server
        ? await readCommandResults(reference, { ...readOptions(source), at, folder: source.copies }, uuids)
        : null;
    if (stored !== null) return tell(true, countFates(storedFates(standing, stored)));
  }
  if (opened.way === 'old-server' && access.oldUrl !== null && access.apiKey !== null) {
    const { server, host } = oldServerOf(access, opened.server ?? null);
    if (host === opened.place)
      return tell(server.waiting !== undefined, countFates(await askOldServer(server, standing)));
  }
  return tell(false, countFates(journaledFates(standing)));
}
