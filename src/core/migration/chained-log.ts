/**
 * A file that tells what was done, line by line.
 *
 * One JSON object a line, appended and on disk (fsync) before the next step is taken. Each line carries the SHA-256 of
 * the line before it, so a line cannot be changed or left out unnoticed.
 *
 * A crash may leave the last line torn. It is then cut off and reported: what it told of had not happened yet (an
 * intent), or shows in the target itself (an outcome).
 */
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { z } from 'zod';
import { FailureError, refused, unreadable } from '../failure';
import { isFull } from '../private-file';

const FIRST = '0'.repeat(64);

/** What a file says: its entries in order, each with its instant (RFC 3339 UTC), and what was wrong with its end. */
export interface LogContent<E extends object> {
  readonly lines: readonly (E & { readonly at: string })[];
  /** Bytes after the last whole line; 0 when the file ends as it should. */
  readonly tornBytes: number;
}

/**
 * Reads such a file and checks its chain. Throws `journal/unreadable`, and `journal/altered` when a line in the middle
 * is missing or not as it was written.
 */
export async function readLog<E extends object>(path: string, entry: z.ZodType<E>): Promise<LogContent<E>> {
  return parse(await bytesOf(path), path, entry).content;
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

interface Parsed<E extends object> {
  readonly content: LogContent<E>;
  readonly goodBytes: number;
  readonly sequence: number;
  readonly last: string;
}

function parse<E extends object>(bytes: Buffer, path: string, entry: z.ZodType<E>): Parsed<E> {
  const lines: (E & { readonly at: string })[] = [];
  let last = FIRST;
  let start = 0;
  while (start < bytes.length) {
    const end = bytes.indexOf(0x0a, start);
    const text = end < 0 ? null : bytes.subarray(start, end);
    const line = text === null ? null : chained(text, lines.length, last, entry);
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
function chained<E extends object>(
  text: Buffer,
  sequence: number,
  previous: string,
  schema: z.ZodType<E>,
): (E & { readonly at: string }) | null {
  const value = objectOf(text);
  if (value === null || value['seq'] !== sequence || value['previous'] !== previous) return null;
  const { seq: _sequence, previous: _previous, at, ...body } = value;
  const entry = schema.safeParse(body);
  return entry.success && typeof at === 'string' && !Number.isNaN(Date.parse(at)) ? { ...entry.data, at } : null;
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

/** The number of the next batch: batches are numbered through a whole file, resumes included. */
export function nextBatch(lines: readonly object[]): number {
  let next = 1;
  for (const line of lines) if ('batch' in line && Number(line.batch) >= next) next = Number(line.batch) + 1;
  return next;
}

/**
 * Where the file of a plan and its target is, so that a second run finds it; a rehearsal has its own.
 * @param ending tells kinds of files apart: `journal.jsonl`
 */
export function logPath(
  folder: string,
  planId: string,
  place: { readonly serverUuid: string; readonly database: string },
  rehearsal: boolean,
  ending: string,
): string {
  const where = createHash('sha256').update(`${place.serverUuid}\n${place.database}`).digest('hex').slice(0, 8);
  return join(folder, `${planId.slice(0, 16)}-${where}${rehearsal ? '.rehearsal' : ''}.${ending}`);
}

/** Such a file, open for writing. */
export class ChainedLog<E extends object> {
  readonly path: string;
  readonly #file: FileHandle;
  #sequence: number;
  #last: string;
  /** Why it takes no further entries: after a half-written line another one would only hide the damage. */
  #broken: FailureError | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  /** What stood in it when it was opened. */
  readonly found: LogContent<E>;

  private constructor(path: string, file: FileHandle, parsed: Parsed<E>) {
    this.path = path;
    this.#file = file;
    this.found = parsed.content;
    this.#sequence = parsed.sequence;
    this.#last = parsed.last;
  }

  /**
   * Opens a journal for appending, or creates it (0600, folder 0700). A torn last line is cut off; in one that has lines
   * already, what `resumed` makes is the first entry. Throws `journal/altered`, `journal/unwritable`.
   */
  static async open<E extends object>(
    path: string,
    entry: z.ZodType<E>,
    resumed: (tornBytes: number) => E,
  ): Promise<ChainedLog<E>> {
    let file: FileHandle;
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      file = await open(path, 'a+', 0o600);
    } catch (error) {
      unreadable(
        'journal/unwritable',
        `The journal ${path} could not be opened for writing (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}).`,
        'Nothing is written to Fleet without a journal: choose a folder on a local disk that has room and that you may write to.',
      );
    }
    try {
      await file.chmod(0o600);
      const parsed = parse(await bytesOf(path), path, entry);
      if (parsed.content.tornBytes > 0) await file.truncate(parsed.goodBytes);
      await file.sync();
      await syncFolder(dirname(path));
      const journal = new ChainedLog<E>(path, file, parsed);
      if (parsed.sequence > 0) await journal.append(resumed(parsed.content.tornBytes));
      return journal;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Appends one entry after those given before it; when this returns it is on disk. Throws `journal/unwritable`. */
  append(entry: E): Promise<void> {
    const turn = this.#turn.then(() => this.#write(entry));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #write(entry: E): Promise<void> {
    if (this.#broken !== null) throw this.#broken;
    const line = JSON.stringify({ seq: this.#sequence, previous: this.#last, at: new Date().toISOString(), ...entry });
    const bytes = Buffer.from(`${line}\n`, 'utf8');
    try {
      await this.#file.writeFile(bytes);
      await this.#file.datasync();
    } catch (error) {
      const reason = (error as NodeJS.ErrnoException).code ?? 'unknown error';
      this.#broken = new FailureError({
        kind: 'unreadable',
        code: 'journal/unwritable',
        message: `The journal ${this.path} could not be written${isFull(reason) ? ': there is no room left for it' : ''} (${reason}).`,
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
