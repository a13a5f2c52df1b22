/**
 * The journal: who wrote what to Fleet, when, and how it went.
 *
 * One JSON object a line, appended and on disk (fsync) before the next step is taken: the intent before each commit,
 * the outcome after. Each line carries the SHA-256 of the line before it, so a line cannot be changed or left out
 * unnoticed. No secrets: ids, hashes and counts only.
 *
 * A crash may leave the last line torn. It is then cut off and reported: what it told of had not happened yet (an
 * intent), or shows in the target itself (an outcome).
 */
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, type FileHandle } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { FailureError, refused, unreadable } from '../failure';
import { z } from 'zod';

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

const FIRST = '0'.repeat(64);

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
export interface JournalContent {
  readonly lines: readonly JournalLine[];
  /** Bytes after the last whole line; 0 when the file ends as it should. */
  readonly tornBytes: number;
}

/** Where the journal of a plan and its target is, so that a second run finds it. A rehearsal has its own. */
export function journalPath(
  folder: string,
  planId: string,
  place: { readonly serverUuid: string; readonly database: string },
  rehearsal = false,
): string {
  const target = createHash('sha256').update(`${place.serverUuid}\n${place.database}`).digest('hex').slice(0, 8);
  return join(folder, `${planId.slice(0, 16)}-${target}${rehearsal ? '.rehearsal' : ''}.journal.jsonl`);
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
  return parse(await bytesOf(path), path).content;
}

async function bytesOf(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    unreadable(
      'journal/unreadable',
      `The journal ${path} could not be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}).`,
      'Name the journal that apply wrote; it stands in the workspace beside the plan.',
    );
  }
}

interface Parsed {
  readonly content: JournalContent;
  readonly goodBytes: number;
  readonly sequence: number;
  readonly last: string;
}

function parse(bytes: Buffer, path: string): Parsed {
  const lines: JournalLine[] = [];
  let last = FIRST;
  let start = 0;
  while (start < bytes.length) {
    const end = bytes.indexOf(0x0a, start);
    const text = end < 0 ? null : bytes.subarray(start, end);
    const line = text === null ? null : chained(text, lines.length, last);
    if (text === null || line === null) {
      // A crash tears the end of the file only. A whole line after the bad one was written after it: then the bad one
      // was changed by somebody.
      if (end >= 0 && hasWholeLine(bytes.subarray(end + 1))) altered(path, lines.length + 1);
      if (end >= 0 && text !== null && isWhole(text)) altered(path, lines.length + 1);
      break;
    }
    lines.push(line);
    last = sha256(text);
    start = end + 1;
  }
  return {
    content: { lines, tornBytes: bytes.length - start },
    goodBytes: start,
    sequence: lines.length,
    last,
  };
}

/** The line when it is whole and the next of the chain; else null. */
function chained(text: Buffer, sequence: number, previous: string): JournalLine | null {
  const value = objectOf(text);
  if (value === null || value['seq'] !== sequence || value['previous'] !== previous) return null;
  const { seq: _sequence, previous: _previous, at, ...body } = value;
  const entry = entrySchema.safeParse(body);
  return entry.success && typeof at === 'string' ? { ...entry.data, at } : null;
}

function objectOf(text: Buffer): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text.toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function isWhole(text: Buffer): boolean {
  return typeof objectOf(text)?.['seq'] === 'number';
}

function hasWholeLine(rest: Buffer): boolean {
  let start = 0;
  for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a, start)) {
    if (isWhole(rest.subarray(start, end))) return true;
    start = end + 1;
  }
  return false;
}

function altered(path: string, line: number): never {
  refused(
    'journal/altered',
    `Line ${line} of the journal ${path} is not as it was written, or a line before it is missing.`,
    'Restore the journal from a copy; without it only Fleet’s tables tell what was imported (updated_at 2000-01-01).',
    { line },
  );
}

/** A journal that is being written. */
export class Journal {
  readonly path: string;
  readonly #file: FileHandle;
  #sequence: number;
  #last: string;
  /** Why it takes no further entries: after a half-written line another one would only hide the damage. */
  #broken: FailureError | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  /** What stood in it when it was opened. */
  readonly found: JournalContent;

  private constructor(path: string, file: FileHandle, parsed: Parsed) {
    this.path = path;
    this.#file = file;
    this.found = parsed.content;
    this.#sequence = parsed.sequence;
    this.#last = parsed.last;
  }

  /**
   * Opens a journal for appending, or creates it (0600, folder 0700). A torn last line is cut off and noted in a
   * `resumed` entry. Throws `journal/altered`, `journal/unwritable`.
   */
  static async open(path: string): Promise<Journal> {
    let file: FileHandle;
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      file = await open(path, 'a+', 0o600);
    } catch (error) {
      unreadable(
        'journal/unwritable',
        `The journal ${path} could not be opened for writing (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}).`,
        'Nothing is written to Fleet without a journal: choose a folder on a local disk that you may write to.',
      );
    }
    try {
      await file.chmod(0o600);
      const parsed = parse(await bytesOf(path), path);
      if (parsed.content.tornBytes > 0) await file.truncate(parsed.goodBytes);
      await file.sync();
      await syncFolder(dirname(path));
      const journal = new Journal(path, file, parsed);
      if (parsed.sequence > 0) {
        await journal.append({ kind: 'resumed', ...operatorHere(), tornBytes: parsed.content.tornBytes });
      }
      return journal;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Appends one entry after those given before it; when this returns it is on disk. Throws `journal/unwritable`. */
  append(entry: JournalEntry): Promise<void> {
    const turn = this.#turn.then(() => this.#write(entry));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #write(entry: JournalEntry): Promise<void> {
    if (this.#broken !== null) throw this.#broken;
    const line = JSON.stringify({ seq: this.#sequence, previous: this.#last, at: new Date().toISOString(), ...entry });
    const bytes = Buffer.from(`${line}\n`, 'utf8');
    try {
      await this.#file.writeFile(bytes);
      await this.#file.datasync();
    } catch (error) {
      this.#broken = new FailureError({
        kind: 'unreadable',
        code: 'journal/unwritable',
        message: `The journal ${this.path} could not be written (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}).`,
        remedy: 'Make room on the disk and run the same command again; Fleet holds only what was committed before.',
      });
      throw this.#broken;
    }
    this.#sequence += 1;
    this.#last = sha256(bytes.subarray(0, -1));
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** Without this a new file's name may be gone after a power cut although its bytes are on disk. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

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

/** The number of the next batch: batches are numbered through a whole journal, resumes included. */
export function nextBatch(lines: readonly JournalLine[]): number {
  let next = 1;
  for (const line of lines) if ('batch' in line && line.batch >= next) next = line.batch + 1;
  return next;
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
