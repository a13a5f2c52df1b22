import { FailureError, misused } from '../../core/failure';
import { csvText } from '../../core/csv-text';
import {
  progressOf,
  WATCH_STATES,
  type DeviceStatus,
  type WatchProgress,
  type WatchState,
} from '../../core/watch/status';
import type { Roster } from '../../core/watch/roster';
import { Watcher, type Poll } from '../../core/watch/watcher';
import { EXIT } from '../exit-code';
import { counted, plain, print, printJsonList, progressLine, styled, table, write } from '../terminal';
import { rfc3339 } from '../time';
import { judgingFrom, openRoster, sidesFrom, type WatchOptions } from '../watch-opening';

interface StatusOptions extends WatchOptions {
  readonly csv?: boolean;
  readonly state?: string[];
  readonly devices?: boolean;
  readonly reread?: boolean;
}

/** `slipway status [PLAN|SOURCE]`: where every device stands, once. Exit 1 when one is lost or needs attention. */
export async function run(subject: string | undefined, options: StatusOptions): Promise<number> {
  if (options.csv === true && options.json === true)
    misused('usage/formats', '--csv and --json at once make no sense.', 'Choose one of them.');
  const sides = sidesFrom(options);
  const wanted = wantedStates(options.state);
  const { roster } = await openRoster(subject, options, options.reread === true);
  const watcher = new Watcher({
    roster,
    ...sides,
    judging: await judgingFrom(options),
    apiReading: { details: 5_000 },
  });
  const progress = progressLine(options.json === true || options.csv === true);
  try {
    progress.onProgress({ label: 'asking Fleet', done: 0, total: null });
    const poll = await watcher.poll(true);
    progress.end();
    const [failure] = poll.failures;
    // One of two sides may be silent; with none of them nothing is known.
    if (failure !== undefined && poll.database === null && poll.api === null) throw new FailureError(failure);
    const statuses = watcher.watch.statuses(poll.at);
    const counts = progressOf(statuses);
    const shown = [...statuses.values()].filter((status) => wanted === null || wanted(status));
    if (options.json === true) await printStatusJson(poll, counts, shown, roster);
    else if (options.csv === true) await write(process.stdout, csvOf(shown, roster));
    else await printStatus(poll, counts, shown, roster, options.devices === true || wanted !== null);
    return counts.lost + counts.importedAttention + poll.failures.length === 0 ? EXIT.fine : EXIT.found;
  } finally {
    progress.end();
    await watcher.close();
  }
}

/** Who is still waited for: imported and silent, silent for long, or gone. */
export function isStraggler({ state }: DeviceStatus): boolean {
  return state === 'waiting' || state === 'stale' || state === 'lost';
}

function wantedStates(names: string[] | undefined): ((status: DeviceStatus) => boolean) | null {
  if (names === undefined) return null;
  for (const name of names) {
    if (name !== 'stragglers' && name !== 'attention' && !WATCH_STATES.includes(name as WatchState)) {
      misused(
        'usage/state',
        `«${name.slice(0, 40)}» is no state.`,
        `Take some of ${WATCH_STATES.join(', ')}, stragglers, attention.`,
      );
    }
  }
  return (status) =>
    names.some((name) =>
      name === 'stragglers'
        ? isStraggler(status)
        : name === 'attention'
          ? status.attention.length > 0
          : status.state === name,
    );
}

const time = (at: number | null): string | null => (at === null ? null : rfc3339(Math.floor(at / 1000) * 1000));

/** One device as the JSON contract has it. */
export function statusJson(status: DeviceStatus, roster: Roster): Record<string, unknown> {
  return {
    udid: status.udid,
    serial: roster.serial(status.udid),
    name: roster.name(status.udid),
    state: status.state,
    since: time(status.since),
    importedAt: time(status.importedAt),
    proof:
      status.proof === null
        ? null
        : { kind: status.proof.kind, at: time(status.proof.at), evidence: status.proof.sentence },
    agent: status.agent,
    lastContactFleet: time(status.lastContactFleet),
    lastContactSource: time(status.lastContactSource),
    certificateNotAfter: time(status.certificateNotAfter),
    wave: roster.wave(status.udid),
    hostId: status.hostId,
    teamId: status.teamId,
    native: status.native,
    attention: status.attention,
  };
}

async function printStatusJson(
  poll: Poll,
  counts: WatchProgress,
  shown: readonly DeviceStatus[],
  roster: Roster,
): Promise<void> {
  function* devices(): Generator<Record<string, unknown>> {
    for (const status of shown) yield statusJson(status, roster);
  }
  await printJsonList(
    {
      schema: 1,
      at: time(poll.at),
      asked: { database: poll.database !== null, api: poll.api !== null },
      counts,
      failures: poll.failures.map(({ code, message, remedy }) => ({ code, message, remedy })),
      missing: missingOf(poll),
    },
    'devices',
    devices(),
  );
}

/** Parts of Fleet that could not be asked. */
export function missingOf(poll: Poll): { code: string; message: string }[] {
  return [...(poll.database?.missing ?? []), ...(poll.api?.missing ?? [])].map(({ code, message }) => ({
    code,
    message,
  }));
}

function csvOf(shown: readonly DeviceStatus[], roster: Roster): string {
  return csvText(
    [
      'udid',
      'serial',
      'name',
      'state',
      'since',
      'imported_at',
      'proof',
      'proof_at',
      'agent',
      'last_contact_fleet',
      'last_contact_source',
      'certificate_ends',
      'wave',
      'attention',
    ],
    shown.map((status) => [
      status.udid,
      roster.serial(status.udid),
      roster.name(status.udid),
      status.state,
      time(status.since),
      time(status.importedAt),
      status.proof?.kind ?? null,
      time(status.proof?.at ?? null),
      status.agent,
      time(status.lastContactFleet),
      time(status.lastContactSource),
      time(status.certificateNotAfter),
      roster.wave(status.udid),
      status.attention.map(({ code }) => code).join(' '),
    ]),
  );
}

/** The counts as lines for people. */
export function countLines(counts: WatchProgress): string[] {
  const { size, imported, waiting, migrated, stale, lost, unknown, importedAttention, agent } = counts;
  return [
    `${styled(`${migrated.toLocaleString('en')} of ${counted(size, 'device')} migrated`, 'bold')} (Fleet itself has heard from them since their import).`,
    ...table([
      [String(size - imported - unknown), 'not imported'],
      [String(waiting), 'waiting: imported, and silent since'],
      ...(stale > 0 ? [[String(stale), 'stale: migrated, and silent for long']] : []),
      ...(lost > 0 ? [[String(lost), 'lost: switched off or unenrolled']] : []),
      ...(unknown > 0 ? [[String(unknown), 'cannot be told from what was asked']] : []),
      [String(agent), 'with the agent'],
      ...(importedAttention > 0 ? [[String(importedAttention), 'of the imported need attention']] : []),
    ]),
  ];
}

const MOST_LINES = 40;

async function printStatus(
  poll: Poll,
  counts: WatchProgress,
  shown: readonly DeviceStatus[],
  roster: Roster,
  list: boolean,
): Promise<void> {
  for (const { message, code } of poll.failures)
    await print(`${styled('!', 'yellow')} ${plain(message)} ${styled(code, 'dim')}`);
  await print(...countLines(counts));
  for (const { message } of missingOf(poll)) await print(`  · ${plain(message)}`);
  const listed = list
    ? shown
    : shown.filter(({ attention, state }) => attention.length > 0 && state !== 'not-imported');
  if (listed.length > 0) await print('');
  for (const status of listed.slice(0, MOST_LINES)) await print(...deviceLines(status, roster));
  if (listed.length > MOST_LINES) {
    await print(`  and ${listed.length - MOST_LINES} more (--json or --csv lists all)`);
  }
}

function deviceLines(status: DeviceStatus, roster: Roster): string[] {
  const { udid, state, proof, attention } = status;
  const sign = state === 'migrated' ? styled('✓', 'green') : state === 'lost' ? styled('✗', 'red') : '·';
  const label = [roster.name(udid), roster.serial(udid)].filter((part) => part !== null).join(', ');
  return [
    `  ${sign} ${plain(udid)}${label === '' ? '' : ` (${plain(label)})`}: ${state}${proof === null ? '' : `. ${plain(proof.sentence)}`}`,
    ...attention.flatMap(({ code, sentence, remedy }) => [
      `      ${styled('!', 'yellow')} ${plain(sentence)} ${styled(code, 'dim')}`,
      `        ${plain(remedy)}`,
    ]),
  ];
}
