/** Journals as people read them: what happened, in sentences. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CallOutput } from '../../contract/calls';
import { FailureError } from '../../core/failure';
import {
  isRehearsal,
  journaledDevices,
  readJournal,
  type JournalContent,
  type JournalLine,
} from '../../core/migration/journal';

type Summary = CallOutput<'journal.list'>[number];
type Entry = CallOutput<'journal.read'>['entries'][number];

const SUFFIX = '.journal.jsonl';
/** Ids named in an entry's detail. */
const MOST_IDS = 200;

export class JournalShelf {
  /** Journals only grow: one of the same size and time is the same. */
  readonly #read = new Map<string, { readonly key: string; readonly content: JournalContent }>();

  /** The journals of a folder, newest first. One that cannot be read is left out here; opening it says why. */
  async list(folder: string): Promise<Summary[]> {
    const names = await readdir(folder).catch(() => [] as string[]);
    const found: Summary[] = [];
    for (const name of names.filter((one) => one.endsWith(SUFFIX))) {
      const path = join(folder, name);
      try {
        const summary = summaryOf(path, await this.#content(path));
        if (summary !== null) found.push(summary);
      } catch (error) {
        if (!(error instanceof FailureError)) throw error;
      }
    }
    return found.sort((left, right) => right.openedAt - left.openedAt);
  }

  async page(path: string, offset: number, limit: number): Promise<CallOutput<'journal.read'>> {
    const { lines, tornBytes } = await this.#content(path);
    const entries = lines.slice(offset, offset + limit).map((line, index) => entryOf(line, offset + index));
    if (tornBytes > 0 && offset + limit > lines.length && offset <= lines.length) {
      entries.push({
        seq: lines.length,
        at: Date.parse(lines.at(-1)?.at ?? '') || 0,
        kind: 'torn',
        sentence: `The last line was torn by a crash (${tornBytes} bytes); the target tells how that ended.`,
        detail: '',
      });
    }
    return { total: lines.length + (tornBytes > 0 ? 1 : 0), entries: entries.slice(0, Math.max(limit, 0)) };
  }

  async #content(path: string): Promise<JournalContent> {
    const { size, mtimeMs } = await stat(path).catch(() => ({ size: -1, mtimeMs: 0 }));
    const key = `${size} ${mtimeMs}`;
    const known = this.#read.get(path);
    if (known?.key === key) return known.content;
    const content = await readJournal(path);
    this.#read.set(path, { key, content });
    return content;
  }
}

function summaryOf(path: string, { lines, tornBytes }: JournalContent): Summary | null {
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
    planId: opened.planId,
    openedAt: Date.parse(opened.at),
    operator: opened.operator,
    rehearsal: isRehearsal(lines),
    target: `${opened.target.database} at ${opened.target.host}:${opened.target.port}`,
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

function entryOf(line: JournalLine, seq: number): Entry {
  return { seq, at: Date.parse(line.at), kind: line.kind, ...storyOf(line) };
}

const OUTCOMES = {
  committed: 'was committed',
  'rolled-back': 'was rolled back',
  rehearsed: 'was rehearsed and rolled back',
  unknown: 'ended without an answer; the target tells',
} as const;

function storyOf(line: JournalLine): Pick<Entry, 'sentence' | 'detail'> {
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
