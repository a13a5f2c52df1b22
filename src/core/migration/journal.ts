/**
 * The journal: who wrote what to Fleet, when, and how it went: the intent before each commit, the outcome after. No
 * secrets: ids, hashes and counts only. How it lies on the disk is `chained-log.ts`.
 */
import { readdir } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { ChainedLog, logPath, readLog, type LogContent } from './chained-log';

export { nextBatch } from './chained-log';

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const columns = z.object({
  nano_devices: z.array(z.string()),
  nano_users: z.array(z.string()),
  nano_enrollments: z.array(z.string()),
  nano_cert_auth_associations: z.array(z.string()),
});

const target = z.object({ host: z.string(), port: z.number(), database: z.string(), serverUuid: z.string() });

/** One device of a batch: what was to be done, and the hash its rows have afterwards. */
const intended = z.object({ udid: z.string(), action: z.enum(['insert', 'refresh']), rowsSha256: hash });

const queued = z.object({ id: z.string(), commandUuid: z.string() });

const facts = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]));

const entrySchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('opened'),
    planId: hash,
    operator: z.string(),
    workstation: z.string(),
    tool: z.string(),
    target,
    written: columns,
    rehearsal: z.boolean(),
    counts: facts,
    accepted: z.array(z.string()),
    reason: z.string().nullable(),
    preflight: z.array(z.object({ code: z.string(), outcome: z.string() })),
    /** Whether the source was read again to look for drift. */
    driftChecked: z.boolean(),
  }),
  z.object({ kind: z.literal('resumed'), operator: z.string(), workstation: z.string(), tornBytes: z.number() }),
  z.object({
    kind: z.literal('intent'),
    batch: z.number(),
    devices: z.array(intended),
    /** Queue rows that are switched off in the same transaction. */
    queue: z.array(queued),
  }),
  z.object({
    kind: z.literal('outcome'),
    batch: z.number(),
    outcome: z.enum(['committed', 'rolled-back', 'rehearsed', 'unknown']),
  }),
  z.object({
    kind: z.literal('serial'),
    table: z.string(),
    serial: z.string(),
    outcome: z.enum(['intended', 'inserted', 'there']),
  }),
  z.object({ kind: z.literal('held'), devices: z.array(z.object({ udid: z.string(), code: z.string() })) }),
  z.object({ kind: z.literal('closed'), state: z.string(), counts: facts }),
  z.object({ kind: z.literal('verified'), counts: facts }),
  z.object({
    kind: z.literal('undo-opened'),
    operator: z.string(),
    workstation: z.string(),
    target,
    rehearsal: z.boolean(),
    reason: z.string().nullable(),
    devices: z.number(),
  }),
  z.object({ kind: z.literal('undo-intent'), batch: z.number(), udids: z.array(z.string()), queue: z.array(queued) }),
  z.object({
    kind: z.literal('undo-outcome'),
    batch: z.number(),
    outcome: z.enum(['committed', 'rolled-back', 'rehearsed', 'unknown']),
  }),
  z.object({
    kind: z.literal('undone'),
    counts: facts,
    left: z.array(z.object({ udid: z.string(), code: z.string() })),
  }),
]);

/** What one line says, without its place in the chain. */
export type JournalEntry = z.infer<typeof entrySchema>;
/** An entry with its instant (RFC 3339 UTC). */
export type JournalLine = JournalEntry & { readonly at: string };

/** Who is at the keyboard, for the journal. */
export interface Operator {
  readonly operator: string;
  readonly workstation: string;
}

/** The account and machine this process runs under. */
export function operatorHere(): Operator {
  // Where several people share an account (an admin workstation), they name themselves.
  let operator = process.env['SLIPWAY_OPERATOR'] ?? '';
  if (operator !== '') return { operator, workstation: hostname() };
  operator = 'unknown';
  try {
    operator = userInfo().username;
  } catch {
    // An account without an entry in the password file has no name.
  }
  return { operator, workstation: hostname() };
}

/** A journal as read: its entries in order, and what was wrong with its end. */
export type JournalContent = LogContent<JournalEntry>;

/** Where the journal of a plan and its target is, so that a second run finds it. A rehearsal has its own. */
export function journalPath(
  folder: string,
  planId: string,
  place: { readonly serverUuid: string; readonly database: string },
  rehearsal = false,
): string {
  return logPath(folder, planId, place, rehearsal, 'journal.jsonl');
}

/** The journals of applies in a folder, oldest first by what they say themselves; rehearsals left out. */
export async function findJournals(folder: string): Promise<{ path: string; content: JournalContent }[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch {
    return [];
  }
  const found: { path: string; content: JournalContent }[] = [];
  for (const name of names.sort()) {
    if (!name.endsWith('.journal.jsonl') || name.endsWith('.rehearsal.journal.jsonl')) continue;
    const path = join(folder, name);
    const content = await readJournal(path);
    if (content.lines.length > 0) found.push({ path, content });
  }
  return found.sort((left, right) => ((left.content.lines[0]?.at ?? '') < (right.content.lines[0]?.at ?? '') ? -1 : 1));
}

/** The codes that were accepted whenever this plan was applied, as its journals in a folder say. */
export async function acceptedWhenApplied(folder: string, planId: string): Promise<ReadonlySet<string>> {
  const codes = new Set<string>();
  for (const { content } of await findJournals(folder)) {
    for (const line of content.lines) {
      if (line.kind === 'opened' && line.planId === planId) for (const code of line.accepted) codes.add(code);
    }
  }
  return codes;
}

/**
 * Reads a journal and checks its chain. Throws `journal/unreadable`, and `journal/altered` when a line in the middle is
 * missing or not as it was written.
 */
export async function readJournal(path: string): Promise<JournalContent> {
  return readLog(path, entrySchema);
}

/** A journal that is being written. */
export type Journal = ChainedLog<JournalEntry>;
export const Journal = {
  /** Opens a journal for appending, or creates it; see {@link ChainedLog.open}. */
  open(path: string): Promise<Journal> {
    return ChainedLog.open(path, entrySchema, (tornBytes) => ({ kind: 'resumed', ...operatorHere(), tornBytes }));
  },
};

// Reading what happened -------------------------------------------------------------------------------------------

/** What a journal says was written for a device, as far as it can tell. */
export interface JournaledDevice {
  readonly udid: string;
  /** True when one of this journal's inserts made the device's rows; a refresh alone does not. */
  readonly inserted: boolean;
  /** Hash of the rows as last written; two or more where a crash left open which commit came through: the target tells. */
  readonly rowsSha256: readonly string[];
}

/**
 * The devices a journal's applies wrote and its undos have not taken back. An undo whose outcome is open does not take
 * a device out: the target tells whether its rows are gone.
 */
export function journaledDevices(lines: readonly JournalLine[]): ReadonlyMap<string, JournaledDevice> {
  const devices = new Map<string, JournaledDevice>();
  if (isRehearsal(lines)) return devices;
  for (const [index, line] of lines.entries()) {
    if (line.kind === 'intent') {
      const outcome = outcomeAfter(lines, index, 'outcome', line.batch);
      if (outcome === 'rolled-back' || outcome === 'rehearsed') continue;
      for (const { udid, action, rowsSha256 } of line.devices) {
        const before = devices.get(udid);
        devices.set(udid, {
          udid,
          inserted: action === 'insert' || (before?.inserted ?? false),
          rowsSha256: outcome === 'committed' ? [rowsSha256] : [...(before?.rowsSha256 ?? []), rowsSha256],
        });
      }
    } else if (line.kind === 'undo-intent') {
      if (outcomeAfter(lines, index, 'undo-outcome', line.batch) !== 'committed') continue;
      for (const udid of line.udids) devices.delete(udid);
    }
  }
  return devices;
}

/** Queue rows that were switched off and not switched on again, and serial rows that were inserted. */
export function journaledSteps(lines: readonly JournalLine[]): {
  queue: { id: string; commandUuid: string }[];
  serials: { table: string; serial: string }[];
} {
  const queue = new Map<string, { id: string; commandUuid: string }>();
  const serials: { table: string; serial: string }[] = [];
  if (isRehearsal(lines)) return { queue: [], serials };
  for (const [index, line] of lines.entries()) {
    if (line.kind === 'intent') {
      const outcome = outcomeAfter(lines, index, 'outcome', line.batch);
      if (outcome === 'rolled-back' || outcome === 'rehearsed') continue;
      for (const row of line.queue) queue.set(`${row.id}\u0000${row.commandUuid}`, row);
    } else if (line.kind === 'undo-intent') {
      if (outcomeAfter(lines, index, 'undo-outcome', line.batch) !== 'committed') continue;
      for (const row of line.queue) queue.delete(`${row.id}\u0000${row.commandUuid}`);
    } else if (line.kind === 'serial' && line.outcome === 'inserted') {
      serials.push({ table: line.table, serial: line.serial });
    }
  }
  return { queue: [...queue.values()], serials };
}

/** True for the journal of a rehearsal: nothing in it was committed. */
export function isRehearsal(lines: readonly JournalLine[]): boolean {
  return lines.some((line) => line.kind === 'opened' && line.rehearsal);
}

function outcomeAfter(
  lines: readonly JournalLine[],
  index: number,
  kind: 'outcome' | 'undo-outcome',
  batch: number,
): 'committed' | 'rolled-back' | 'rehearsed' | 'unknown' {
  for (let at = index + 1; at < lines.length; at += 1) {
    const line = lines[at];
    if (line?.kind === kind && line.batch === batch) return line.outcome;
  }
  return 'unknown';
}
