/** What the commands that send something to devices have in common: the wave, the outcome, and its status later. */
import { readCommandJournal, commandStanding, type CommandStanding } from '../core/commands/command-journal';
import {
  askFleet,
  askOldServer,
  countFates,
  journaledFates,
  storedFates,
  type FollowedCommand,
} from '../core/commands/follow-up';
import { NOT_PUSHED, type SendResult } from '../core/commands/send';
import { misused, unreadable } from '../core/failure';
import { FleetApi } from '../core/fleet/api-client';
import { parseFleetUrl, type FleetUrl } from '../core/fleet/https-request';
import { parseWave } from '../core/migration/wave';
import type { Secret } from '../core/secret';
import { readCommandResults, type CommandResult } from '../core/sources';
import type { Snapshot } from '../core/sources/snapshot';
import { EXIT } from './exit-code';
import { clockFrom, copiesFolder, type FleetOptions, type SourceOptions } from './input';
import { oldServerFrom, type OldServerOptions } from './old-server-opening';
import { secretFrom } from './secret-input';
import { readOptions, sourceNamed } from './source-reading';
import { plain, print, printJson, progressLine, styled, table } from './terminal';
import { readText } from './text-file';

/** The devices that are meant: `--wave FILE`, or all of the source when that was said. */
export function chosenDevices(
  snapshot: Snapshot,
  { wave, allDevices }: { readonly wave?: string; readonly allDevices?: boolean },
): Set<string> {
  if (wave !== undefined) return parseWave(readText('wave file', wave), snapshot);
  if (allDevices === true) return new Set(snapshot.devices.flatMap(({ udid }) => udid ?? []));
  return misused(
    'usage/no-wave',
    'Which devices are meant is not said.',
    'Add --wave FILE with one UDID or serial number a line, or --all-devices.',
  );
}

/** Fleet's API by --fleet-url and its token; null when neither is given. */
export function fleetApiFrom(options: FleetOptions): { place: FleetUrl; token: Secret; api: FleetApi } | null {
  const token = secretFrom('Fleet API token', options.fleetTokenFile, 'SLIPWAY_FLEET_TOKEN');
  if (options.fleetUrl === undefined) return null;
  if (token === null)
    misused(
      'usage/fleet-token-missing',
      'Fleet’s API needs a token.',
      'Give it in a file (--fleet-token-file) or in SLIPWAY_FLEET_TOKEN.',
    );
  parseFleetUrl(options.fleetUrl);
  const place = { url: options.fleetUrl, caFile: options.fleetUrlCaFile ?? null };
  return { place, token, api: new FleetApi(place, token) };
}

/** Tells what came of a run. */
export async function printSending(result: SendResult, json: boolean, more: object): Promise<number> {
  const counts = { sent: 0, failed: 0, unknown: 0 };
  for (const { state } of result.commands) counts[state] += 1;
  const unpushed = result.commands.filter(({ code }) => code === NOT_PUSHED).length;
  if (json) {
    await printJson({ schema: 1, ...more, sent: { ...result, counts } });
  } else {
    await print(
      styled(result.state === 'complete' ? 'Sent.' : 'Stopped; the same command goes on.', 'bold'),
      ...table([
        [String(counts.sent), 'commands taken'],
        ...(unpushed === 0
          ? []
          : [[String(unpushed), 'of them queued without a push: the device gets them when it calls in']]),
        [String(counts.failed), 'refused'],
        [String(counts.unknown), 'without an answer'],
        [String(result.already), 'had been sent before'],
        [String(result.left), 'not begun'],
      ]),
    );
    for (const { udid, subject, code, sentence } of result.commands
      .filter(({ state }) => state !== 'sent')
      .slice(0, 20))
      await print(
        `  ${styled('!', 'yellow')} ${plain(udid)} ${plain(subject)}: ${plain(sentence ?? '')} ${styled(plain(code ?? ''), 'dim')}`,
      );
    if (result.why !== null) await print(`  ${plain(result.why.message)} ${plain(result.why.remedy)}`);
    await print(`Journal: ${plain(result.journal)}`);
  }
  if (result.why?.code === 'commands/stopped') return EXIT.interrupted;
  return counts.failed + counts.unknown + result.left === 0 ? EXIT.fine : EXIT.found;
}

export interface StatusOptions extends SourceOptions, FleetOptions, OldServerOptions {
  /** Where the old server’s own store is: NanoMDM keeps every answer in it. */
  readonly source?: string;
}

/** `… status JOURNAL`: what was sent, and what became of it as far as the server that took it can say. */
export async function printStatus(journal: string | undefined, options: StatusOptions): Promise<number> {
  if (journal === undefined)
    misused('usage/journal-missing', 'The journal is not named.', 'Name the file (….commands.jsonl) it told of.');
  const content = await readCommandJournal(journal);
  const standing = commandStanding(content);
  const { opened } = standing;
  if (opened === null)
    return unreadable(
      'journal/unreadable',
      `${journal} is no journal of commands to devices.`,
      'Name the file (….commands.jsonl) that was told of when they were sent.',
    );
  const progress = progressLine(options.json === true);
  let followed: FollowedCommand[];
  let asked = true;
  try {
    const fleet = opened.way === 'fleet' ? fleetApiFrom(options) : null;
    const stored =
      opened.way === 'old-server' && options.source !== undefined
        ? await storedResults(options.source, standing, options)
        : null;
    if (fleet !== null) followed = await askFleet(fleet.api, standing);
    else if (stored !== null) followed = storedFates(standing, stored);
    else if (opened.way === 'old-server' && options.oldUrl !== undefined) {
      const { server, host } = oldServerFrom(options, null, opened.server ?? null);
      requirePlace(opened.place, host);
      followed = await askOldServer(server, standing, progress.onProgress);
      asked = server.waiting !== undefined;
    } else {
      followed = journaledFates(standing);
      asked = false;
    }
  } finally {
    progress.end();
  }
  const counts = countFates(followed);
  if (options.json === true)
    await printJson({
      schema: 1,
      journal,
      planId: opened.planId,
      purpose: opened.purpose,
      way: opened.way,
      place: opened.place,
      openedAt: standing.openedAt,
      operator: opened.operator,
      state: standing.closed ?? 'stopped',
      asked,
      counts,
      commands: followed.map(({ udid, subject, uuid, state, code, at, fate }) => ({
        udid,
        subject,
        uuid,
        state,
        code,
        at,
        fate,
      })),
    });
  else {
    const words: Readonly<Record<keyof typeof counts, string>> = {
      done: 'done, says the device',
      fetched: 'taken by the device; its answer went to the old server’s webhook only',
      waiting: 'still waiting for the device',
      deferred: 'deferred by the device (NotNow)',
      refused: 'refused by the device',
      dropped: 'taken out of the old server’s queue before the device answered',
      failed: 'never taken by the server',
      unknown: 'without an answer: perhaps queued',
      unasked: 'sent; the server was not asked',
    };
    await print(
      `${opened.purpose} through ${opened.way === 'fleet' ? 'Fleet' : 'the old server'} at ${plain(opened.place)}, ${plain(standing.openedAt ?? '')}, by ${plain(opened.operator)}`,
      ...table(
        Object.entries(words)
          .filter(([fate]) => counts[fate as keyof typeof counts] > 0)
          .map(([fate, word]) => [String(counts[fate as keyof typeof counts]), word]),
      ),
    );
    for (const { udid, subject, fate } of followed
      .filter(({ fate: one }) => one === 'refused' || one === 'failed')
      .slice(0, 20))
      await print(`  ${styled('!', 'yellow')} ${plain(udid)} ${plain(subject)} ${styled(fate, 'dim')}`);
  }
  return counts.refused + counts.failed === 0 ? EXIT.fine : EXIT.found;
}

/** Null where the source keeps no answers: MicroMDM gives them to its webhook only. */
async function storedResults(
  source: string,
  { commands }: CommandStanding,
  options: StatusOptions,
): Promise<readonly CommandResult[] | null> {
  const reading = { ...readOptions(options, clockFrom(options)), folder: copiesFolder(options) };
  return readCommandResults(
    sourceNamed(source, options),
    reading,
    commands.flatMap(({ uuid }) => uuid ?? []),
  );
}

function requirePlace(journaled: string, host: string): void {
  if (journaled.toLowerCase() === host.toLowerCase()) return;
  misused(
    'usage/other-server',
    `These commands were sent through ${journaled}, not ${host}.`,
    'Name the server they were sent through.',
  );
}
