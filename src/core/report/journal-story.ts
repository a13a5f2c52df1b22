/** Journals as people read them: what happened, in sentences. One table of kinds, by how their files are called. */
import { readAssetsJournal, standingWrites, type AssetsEntry, type AssetsJournalContent } from '../assets/journal';
import {
  commandStanding,
  readCommandJournal,
  type CommandEntry,
  type CommandJournalContent,
} from '../commands/command-journal';
import { readWaves, standingOf, type WaveEntry } from '../cutover/wave-journal';
import { misused } from '../failure';
import type { LogContent } from '../migration/chained-log';
import {
  isRehearsal,
  journaledDevices,
  readJournal,
  type JournalContent,
  type JournalLine,
} from '../migration/journal';

export type JournalKind = 'devices' | 'assets' | 'waves' | 'commands';

/** A journal in one line. */
export interface JournalSummary {
  readonly path: string;
  readonly kind: JournalKind;
  /** Empty for one that follows no plan. */
  readonly planId: string;
  /** Milliseconds since the epoch. */
  readonly openedAt: number;
  readonly operator: string;
  readonly rehearsal: boolean;
  /** Where it wrote: a database, a host, a load balancer. */
  readonly target: string;
  /** Devices, rows or commands that stand by it. */
  readonly committed: number;
  readonly undone: number;
  /** Bytes of a last line that a crash tore. */
  readonly tornBytes: number;
}

export interface ToldEntry {
  readonly seq: number;
  readonly at: number;
  readonly kind: string;
  readonly sentence: string;
  readonly detail: string;
}

/** A journal, told. */
export interface JournalTold {
  /** Null for one that was never opened for work. */
  readonly summary: JournalSummary | null;
  readonly entries: readonly ToldEntry[];
  readonly tornBytes: number;
}

type Story = Pick<ToldEntry, 'sentence' | 'detail'>;

/** Ids named in an entry's detail. */
const MOST_IDS = 200;

const KINDS: readonly {
  readonly ending: string;
  readonly kind: JournalKind;
  readonly tell: (path: string) => Promise<JournalTold>;
}[] = [
  { ending: '.journal.jsonl', kind: 'devices', tell: async (path) => devicesTold(path, await readJournal(path)) },
  { ending: '.assets.jsonl', kind: 'assets', tell: async (path) => assetsTold(path, await readAssetsJournal(path)) },
  { ending: '.waves.jsonl', kind: 'waves', tell: async (path) => wavesTold(path, await readWaves(path)) },
  {
    ending: '.commands.jsonl',
    kind: 'commands',
    tell: async (path) => commandsTold(path, await readCommandJournal(path)),
  },
];

/** Which kind of journal a file's name says it is; null for none. */
export function journalKindOf(name: string): JournalKind | null {
  return KINDS.find(({ ending }) => name.endsWith(ending))?.kind ?? null;
}

/** Reads a journal and tells it. @throws journal/unreadable, journal/altered, journal/unknown-kind */
export function tellJournal(path: string): Promise<JournalTold> {
  const kind = KINDS.find(({ ending }) => path.endsWith(ending));
  if (kind === undefined)
    return misused(
      'journal/unknown-kind',
      `${path} is not called like a journal of this program.`,
      `Journals end in ${KINDS.map(({ ending }) => ending).join(', ')}.`,
    );
  return kind.tell(path);
}

function told<Line extends { readonly at: string; readonly kind: string }>(
  content: { readonly lines: readonly Line[]; readonly tornBytes: number },
  summary: JournalSummary | null,
  story: (line: Line) => Story,
): JournalTold {
  const entries = content.lines.map((line, seq) => ({ seq, at: Date.parse(line.at), kind: line.kind, ...story(line) }));
  return { summary, entries, tornBytes: content.tornBytes };
}

function devicesTold(path: string, content: JournalContent): JournalTold {
  return told(content, summaryOf(path, content), storyOf);
}

function assetsTold(path: string, content: AssetsJournalContent): JournalTold {
  const { lines, tornBytes } = content;
  const opened = lines.find((line) => line.kind === 'opened');
  if (opened === undefined) return told(content, null, assetStoryOf);
  const rolledBack = new Set(
    lines.flatMap((line) =>
      line.kind === 'outcome' && (line.outcome === 'rolled-back' || line.outcome === 'rehearsed') ? [line.batch] : [],
    ),
  );
  const written = lines.flatMap((line) =>
    line.kind === 'intent' && !rolledBack.has(line.batch) ? [line.inserted.length] : [],
  );
  const committed = sum(written);
  const summary: JournalSummary = {
    path,
    kind: 'assets',
    planId: opened.planId,
    openedAt: Date.parse(opened.at),
    operator: opened.operator,
    rehearsal: opened.rehearsal,
    target: placeOf(opened.target),
    committed,
    undone: committed - sum(standingWrites(content).map(({ inserted }) => inserted.length)),
    tornBytes,
  };
  return told(content, summary, assetStoryOf);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function placeOf({ database, host, port }: { database: string; host: string; port: number }): string {
  return `${database} at ${host}:${port}`;
}

function assetStoryOf(line: AssetsEntry): Story {
  switch (line.kind) {
    case 'opened': {
      const what = line.rehearsal ? 'rehearsing' : 'writing';
      return {
        sentence: `${line.operator} on ${line.workstation} began ${what} keys and certificates to ${placeOf(line.target)}.`,
        detail: [
          `plan ${line.planId}`,
          `from ${line.origin}`,
          line.tool,
          line.accepted.length === 0 ? 'nothing accepted' : `accepted: ${line.accepted.join(', ')}`,
          ...(line.reason === null ? [] : [`reason: ${line.reason}`]),
        ].join('\n'),
      };
    }
    case 'resumed':
      return {
        sentence: `${line.operator} on ${line.workstation} took it up again.`,
        detail: tornText(line.tornBytes),
      };
    case 'serial':
      return { sentence: `Certificate serials: ${line.serial} in ${line.table} ${line.outcome}.`, detail: '' };
    case 'intent':
      return {
        sentence: `Write ${line.batch} is to insert ${counted(line.inserted.length, 'row')} and soft-delete ${line.replaced.length}.`,
        detail: [
          ...line.inserted.map(
            ({ name, id, sha256, length }) => `${name} row ${id}, ${length} bytes, sha256 ${sha256}`,
          ),
          ...line.replaced.map(({ name, id, md5 }) => `replaces ${name} row ${id}, md5 ${md5}`),
        ].join('\n'),
      };
    case 'outcome':
      return { sentence: `Write ${line.batch} ${OUTCOMES[line.outcome]}.`, detail: '' };
    case 'undo-opened':
      return {
        sentence: `${line.operator} on ${line.workstation} began ${line.rehearsal ? 'to rehearse taking them back' : 'to take them back'}.`,
        detail: line.reason === null ? '' : `reason: ${line.reason}`,
      };
    case 'undo-intent':
      return { sentence: `Write ${line.of} is to be taken back.`, detail: '' };
    case 'undo-outcome':
      return { sentence: `Taking it back ${OUTCOMES[line.outcome]}.`, detail: '' };
  }
}

function summaryOf(path: string, { lines, tornBytes }: JournalContent): JournalSummary | null {
  const opened = lines.find((line) => line.kind === 'opened');
  if (opened === undefined) return null;
  let [committed, undone] = [0, 0];
  for (const [index, line] of lines.entries()) {
    if (line.kind === 'intent' && outcomeOf(lines, index, 'outcome', line.batch) === 'committed') {
      committed += line.devices.length;
    }
    if (line.kind === 'undo-intent' && outcomeOf(lines, index, 'undo-outcome', line.batch) === 'committed') {
      undone += line.udids.length;
    }
  }
  return {
    path,
    kind: 'devices',
    planId: opened.planId,
    openedAt: Date.parse(opened.at),
    operator: opened.operator,
    rehearsal: isRehearsal(lines),
    target: placeOf(opened.target),
    // What a commit without an answer brought in counts as well: the devices still named there.
    committed: Math.max(committed, journaledDevices(lines).size),
    undone,
    tornBytes,
  };
}

function outcomeOf(
  lines: readonly JournalLine[],
  from: number,
  kind: 'outcome' | 'undo-outcome',
  batch: number,
): string | null {
  for (let index = from + 1; index < lines.length; index += 1) {
    const line = lines[index];
    if (line?.kind === kind && line.batch === batch) return line.outcome;
  }
  return null;
}

const OUTCOMES = {
  committed: 'was committed',
  'rolled-back': 'was rolled back',
  rehearsed: 'was rehearsed and rolled back',
  unknown: 'ended without an answer; the target tells',
} as const;

function storyOf(line: JournalLine): Story {
  switch (line.kind) {
    case 'opened': {
      const what = line.rehearsal ? 'a rehearsal' : 'an apply';
      return {
        sentence: `${line.operator} on ${line.workstation} began ${what} to ${line.target.database} at ${line.target.host}:${line.target.port}.`,
        detail: [
          `plan ${line.planId}`,
          line.tool,
          line.accepted.length === 0 ? 'nothing accepted' : `accepted: ${line.accepted.join(', ')}`,
          line.reason === null ? '' : `reason: ${line.reason}`,
          line.driftChecked ? 'the source was read again' : 'the source was not read again',
          `checks: ${line.preflight.map(({ code, outcome }) => `${code} ${outcome}`).join(', ')}`,
        ]
          .filter((part) => part !== '')
          .join('\n'),
      };
    }
    case 'resumed':
      return {
        sentence: `${line.operator} on ${line.workstation} took it up again.`,
        detail: tornText(line.tornBytes),
      };
    case 'intent': {
      const inserts = line.devices.filter(({ action }) => action === 'insert').length;
      const queue = line.queue.length === 0 ? '' : `, and switch off ${counted(line.queue.length, 'stale command')}`;
      return {
        sentence: `Batch ${line.batch} is to insert ${counted(inserts, 'device')} and refresh ${line.devices.length - inserts}${queue}.`,
        detail: idsOf(line.devices.map(({ udid, action }) => `${udid} ${action}`)),
      };
    }
    case 'outcome':
      return { sentence: `Batch ${line.batch} ${OUTCOMES[line.outcome]}.`, detail: '' };
    case 'serial':
      return { sentence: `Certificate serials: ${line.serial} in ${line.table} ${line.outcome}.`, detail: '' };
    case 'held':
      return {
        sentence: `${counted(line.devices.length, 'device')} held back.`,
        detail: idsOf(line.devices.map(({ udid, code }) => `${udid} ${code}`)),
      };
    case 'closed':
      return { sentence: `Ended, ${line.state}.`, detail: factsOf(line.counts) };
    case 'verified':
      return { sentence: 'Read back.', detail: factsOf(line.counts) };
    case 'undo-opened':
      return {
        sentence: `${line.operator} on ${line.workstation} began ${line.rehearsal ? 'to rehearse taking back' : 'to take back'} ${counted(line.devices, 'device')}.`,
        detail: line.reason === null ? '' : `reason: ${line.reason}`,
      };
    case 'undo-intent':
      return {
        sentence: `Batch ${line.batch} is to take back ${counted(line.udids.length, 'device')}.`,
        detail: idsOf(line.udids),
      };
    case 'undo-outcome':
      return { sentence: `Taking back batch ${line.batch} ${OUTCOMES[line.outcome]}.`, detail: '' };
    case 'undone':
      return {
        sentence: `Taking back ended; ${counted(line.left.length, 'device')} left.`,
        detail: [factsOf(line.counts), idsOf(line.left.map(({ udid, code }) => `${udid} ${code}`))]
          .filter(Boolean)
          .join('\n'),
      };
  }
}

function tornText(bytes: number): string {
  return bytes === 0 ? '' : `A last line torn by a crash was cut off (${bytes} bytes).`;
}

function idsOf(ids: readonly string[]): string {
  const more = ids.length - MOST_IDS;
  return [...ids.slice(0, MOST_IDS), ...(more > 0 ? [`and ${more} more`] : [])].join('\n');
}

function factsOf(facts: Readonly<Record<string, string | number | boolean | null>>): string {
  return Object.entries(facts)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(', ');
}

function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}

// Waves and commands ------------------------------------------------------------------------------------------------

function wavesTold(path: string, content: LogContent<WaveEntry>): JournalTold {
  const { lines, tornBytes } = content;
  const opened = lines.find((line) => line.kind === 'opened');
  if (opened === undefined) return told(content, null, waveStoryOf);
  const { fleet, backs } = standingOf(lines);
  const summary: JournalSummary = {
    path,
    kind: 'waves',
    planId: '',
    openedAt: Date.parse(opened.at),
    operator: opened.operator,
    rehearsal: false,
    target: opened.engine,
    committed: fleet.size,
    undone: sum(backs.map(({ devices }) => devices)),
    tornBytes,
  };
  return told(content, summary, waveStoryOf);
}

function waveStoryOf(line: WaveEntry): Story {
  const say = (sentence: string, detail = ''): Story => ({ sentence, detail });
  switch (line.kind) {
    case 'opened':
      return say(
        `${line.operator} on ${line.workstation} began the wave «${line.rung}» with ${counted(line.devices.length, 'device')}.`,
        [line.tool, reasonsOf(line), idsOf(line.devices)].filter(Boolean).join('\n'),
      );
    case 'resumed':
      return say(`${line.operator} on ${line.workstation} took it up again.`, tornText(line.tornBytes));
    case 'planned':
      return say(`Move ${line.move} was planned.`, [`plan ${line.planId}`, factsOf(line.counts)].join('\n'));
    case 'imported':
      return say(`The rows of move ${line.move} were written.`, factsOf(line.counts));
    case 'verified':
      return say(
        `${counted(line.devices, 'device')} read back; ${line.left.length} left.`,
        idsOf(line.left.map(({ udid, code }) => `${udid} ${code}`)),
      );
    case 'route-intent':
      return say(`The routes of ${counted(line.devices.length, 'device')} are to lead to Fleet.`, idsOf(line.devices));
    case 'routed':
      return say(`They do: ${counted(line.total, 'device')} in all lead to Fleet.`, line.instances.join('\n'));
    case 'wake-intent':
      return say(`${counted(line.devices, 'device')} are to be woken (${line.way}).`, line.command);
    case 'woken':
      return say(
        `Woken: ${line.sent} sent, ${line.failed.length} failed.`,
        idsOf(line.failed.map(({ udid, code }) => `${udid} ${code}`)),
      );
    case 'closed':
      return say(`Move ${line.move} ended: ${counted(line.moved, 'device')} moved, ${line.left} left.`);
    case 'back-intent':
      return say(
        `${line.operator} on ${line.workstation} began to lead ${counted(line.devices.length, 'device')} back to the old server.`,
        [reasonsOf(line), idsOf(line.devices), idsOf(line.staying.map(({ udid, code }) => `${udid} stays: ${code}`))]
          .filter(Boolean)
          .join('\n'),
      );
    case 'back-routed':
      return say(`They are back; ${counted(line.total, 'device')} lead to Fleet now.`);
    case 'settled':
      return say('A change of routes that was interrupted was looked at again.');
    case 'set-again':
      return say(
        `${line.operator} on ${line.workstation} set the routes again; ${counted(line.total, 'device')} lead to Fleet.`,
      );
  }
}

function commandsTold(path: string, content: CommandJournalContent): JournalTold {
  const { opened, openedAt, commands } = commandStanding(content);
  if (opened === null || openedAt === null) return told(content, null, commandStoryOf);
  const summary: JournalSummary = {
    path,
    kind: 'commands',
    planId: opened.planId,
    openedAt: Date.parse(openedAt),
    operator: opened.operator,
    rehearsal: false,
    target: opened.place,
    committed: commands.filter(({ state }) => state === 'sent').length,
    undone: 0,
    tornBytes: content.tornBytes,
  };
  return told(content, summary, commandStoryOf);
}

const PURPOSES = { 'remove-profile': 'to remove profiles', 'install-agent': 'to install the agent' } as const;

function commandStoryOf(line: CommandEntry): Story {
  switch (line.kind) {
    case 'opened':
      return {
        sentence: `${line.operator} on ${line.workstation} began ${PURPOSES[line.purpose]} on ${counted(line.devices, 'device')} through ${line.place}.`,
        detail: [line.tool, reasonsOf(line), idsOf(line.subjects)].filter(Boolean).join('\n'),
      };
    case 'resumed':
      return {
        sentence: `${line.operator} on ${line.workstation} took it up again.`,
        detail: tornText(line.tornBytes),
      };
    case 'intent':
      return {
        sentence: `Batch ${line.batch} is to send ${counted(line.commands.length, 'command')}.`,
        detail: idsOf(line.commands.map(({ udid, subject }) => `${udid} ${subject}`)),
      };
    case 'outcome': {
      const sent = line.results.filter(({ state }) => state === 'sent').length;
      return {
        sentence: `Batch ${line.batch}: ${sent} sent, ${line.results.length - sent} not.`,
        detail: idsOf(
          line.results.map(({ udid, state, code }) => `${udid} ${state}${code === null ? '' : ` ${code}`}`),
        ),
      };
    }
    case 'closed':
      return { sentence: `Ended, ${line.state}.`, detail: line.why ?? '' };
  }
}

function reasonsOf({
  accepted,
  reason,
}: {
  readonly accepted: readonly string[];
  readonly reason: string | null;
}): string {
  return [
    ...(accepted.length === 0 ? [] : [`accepted: ${accepted.join(', ')}`]),
    ...(reason === null ? [] : [`reason: ${reason}`]),
  ].join('\n');
}
