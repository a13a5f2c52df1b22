/**
 * The SQL of the plan as the window shows it: in pages, searchable, secrets masked.
 *
 * The masked statements are written to a file once and its lines are indexed: for 100,000 devices that is hundreds of
 * megabytes, of which memory holds where each line begins.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { EngineInput, EngineOutput } from './protocol';
import { shownLine, writePlanSql } from './migration-sql';
import type { Workbench } from './workbench';

const MOST_MATCHES = 10_000;
/** A line holds a whole row, certificate and all; what is shown of it is bounded. */
const MOST_OF_A_LINE = 8_192;

interface Preview {
  readonly planId: string;
  readonly path: string;
  readonly file: FileHandle;
  /** Where each line begins, and where the last one ends. */
  readonly begins: Float64Array;
}

export class SqlPreview {
  readonly #bench: Workbench;
  #open: Promise<Preview> | null = null;
  #planId = '';
  #found: { readonly search: string; readonly matches: number[] } = { search: '', matches: [] };

  constructor(bench: Workbench) {
    this.#bench = bench;
  }

  async page({ offset, limit, search, folder }: EngineInput<'sqlPage'>): Promise<EngineOutput<'sqlPage'>> {
    const preview = await this.#preview(folder);
    const total = preview.begins.length - 1;
    const lines: string[] = [];
    for (let line = offset; line < Math.min(total, offset + limit); line += 1) lines.push(await lineAt(preview, line));
    return { total, offset, lines, matches: await this.#search(preview, search.trim().toLowerCase()) };
  }

  /** Closes and removes the file; a new plan gets a new one. */
  async close(): Promise<void> {
    const opened = this.#open;
    this.#open = null;
    this.#planId = '';
    const preview = await opened?.catch(() => null);
    await preview?.file.close();
    if (preview != null) await rm(preview.path, { force: true });
  }

  async #preview(folder: string): Promise<Preview> {
    const { id } = this.#bench.requirePlan().plan;
    if (this.#planId !== id) {
      await this.close();
      this.#planId = id;
      this.#found = { search: '', matches: [] };
      this.#open = this.#make(id, folder);
      this.#open.catch(() => {
        this.#planId = '';
      });
    }
    if (this.#open === null) throw new Error('a preview that was begun is not there');
    return this.#open;
  }

  async #make(planId: string, folder: string): Promise<Preview> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, `${createHash('sha256').update(planId).digest('hex').slice(0, 16)}.sql`);
    await writePlanSql(this.#bench, path, true, { overwrite: true });
    const begins = await lineBeginnings(path);
    return { planId, path, file: await open(path, 'r'), begins };
  }

  async #search(preview: Preview, search: string): Promise<number[]> {
    if (search === '') return [];
    if (this.#found.search !== search) this.#found = { search, matches: await linesWith(preview.path, search) };
    return this.#found.matches;
  }
}

async function lineAt({ file, begins }: Preview, line: number): Promise<string> {
  const [begin = 0, end = 0] = [begins[line], begins[line + 1]];
  const length = Math.max(0, end - begin - 1);
  const buffer = Buffer.alloc(Math.min(length, MOST_OF_A_LINE));
  await file.read(buffer, 0, buffer.length, begin);
  const text = shownLine(buffer.toString('latin1'));
  return length > MOST_OF_A_LINE ? `${text}…` : text;
}

async function lineBeginnings(path: string): Promise<Float64Array> {
  const begins: number[] = [0];
  let at = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    const bytes = chunk as Buffer;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, end + 1)) begins.push(at + end + 1);
    at += bytes.length;
  }
  if (begins.at(-1) !== at) begins.push(at + 1);
  return Float64Array.from(begins);
}

/** Numbers of the lines that hold a text, whatever its case. */
async function linesWith(path: string, search: string): Promise<number[]> {
  const matches: number[] = [];
  let line = 0;
  let rest = '';
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, encoding: 'latin1' })) {
    const lines = (rest + (chunk as string)).split('\n');
    rest = lines.pop() ?? '';
    for (const text of lines) {
      if (holds(text, search)) matches.push(line);
      line += 1;
      if (matches.length >= MOST_MATCHES) return matches;
    }
  }
  if (holds(rest, search)) matches.push(line);
  return matches;
}

/** Looked for in the line as it is shown: what is masked in the file only is nobody's to find. */
function holds(line: string, search: string): boolean {
  return (line.includes('<<masked') ? shownLine(line) : line).toLowerCase().includes(search);
}
