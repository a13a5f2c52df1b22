/**
 * Looks for a few small files in a package's Payload: a cpio archive in gzip, read as a stream and never unpacked. Bounded in
 * bytes, entries and name lengths; what was found before a bound is kept.
 */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createInflate } from 'node:zlib';
import type { Archive } from './archive';
import type { ArchivedFile } from './table-of-contents';

/** What was found. */
export interface PayloadSearch {
  /** By path, without `./` before it. Files beyond the limit are left out. */
  readonly files: ReadonlyMap<string, Buffer>;
  /** Why the search ended early: then a file that was not found may be there all the same. Null: all was seen. */
  readonly unfinished: 'format' | 'damaged' | 'too-large' | null;
}

const MAX_BYTES = 4 * 1024 * 1024 * 1024;
const MAX_ENTRIES = 500_000;
const MAX_NAME = 4_096;
const MAX_FILE = 256 * 1024;

/** Searches for `wanted`; ends as soon as all of them are found. */
export async function searchPayload(
  archive: Archive,
  file: ArchivedFile,
  wanted: ReadonlySet<string>,
): Promise<PayloadSearch> {
  const reader = new CpioReader(wanted);
  const pieces = archive.pieces(file);
  const first = await pieces.next();
  if (first.done === true) return { files: reader.files, unfinished: 'damaged' };
  const outer = file.data?.encoding === 'application/x-gzip' ? createInflate() : null;
  // In a package the archive itself does not compress the payload again; where it does, what is inside shows later.
  const magic = outer === null ? first.value.subarray(0, 6) : null;
  const isGzip = magic === null || (magic[0] === 0x1f && magic[1] === 0x8b);
  if (!isGzip && !magic.toString('latin1').startsWith('0707')) return { files: reader.files, unfinished: 'format' };
  const source = async function* (): AsyncGenerator<Buffer> {
    yield first.value;
    yield* pieces;
  };
  let total = 0;
  const sink = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of chunks) {
      total += chunk.length;
      if (total > MAX_BYTES) reader.unfinished = 'too-large';
      else reader.push(chunk);
      if (reader.isDone) return;
    }
    if (!reader.isDone) reader.unfinished ??= 'damaged';
  };
  try {
    const raw = Readable.from(source());
    if (outer !== null && isGzip) await pipeline(raw, outer, createGunzip(), sink);
    else if (isGzip) await pipeline(raw, createGunzip(), sink);
    else await pipeline(raw, sink);
  } catch (error) {
    // Ended by us, or damaged on its way; which of them, the reader knows.
    if (!(error instanceof Error)) throw error;
    if (!reader.isDone) reader.unfinished ??= 'damaged';
  }
  return { files: reader.files, unfinished: reader.isComplete ? null : reader.unfinished };
}

/** Walks a cpio archive (odc and newc), piece by piece. */
export class CpioReader {
  readonly files = new Map<string, Buffer>();
  unfinished: PayloadSearch['unfinished'] = null;
  readonly #wanted: ReadonlySet<string>;
  #pending: Buffer = Buffer.alloc(0);
  /** Bytes to be passed over. */
  #skip = 0;
  #taking: { name: string; left: number; parts: Buffer[]; padding: number } | null = null;
  #entries = 0;
  #ended = false;

  constructor(wanted: ReadonlySet<string>) {
    this.#wanted = wanted;
  }

  /** True when nothing more is to be read. */
  get isDone(): boolean {
    return this.isComplete || this.unfinished !== null;
  }

  /** True when the answer is final: all were found, or the archive was read to its end. */
  get isComplete(): boolean {
    return this.#ended || [...this.#wanted].every((name) => this.files.has(name));
  }

  push(chunk: Buffer): void {
    let rest: Buffer = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    this.#pending = Buffer.alloc(0);
    while (!this.isDone) {
      if (this.#skip > 0) {
        const passed = Math.min(this.#skip, rest.length);
        rest = rest.subarray(passed);
        this.#skip -= passed;
        if (this.#skip > 0) return;
      }
      if (this.#taking !== null) {
        const { name, parts, padding } = this.#taking;
        const part = rest.subarray(0, this.#taking.left);
        parts.push(Buffer.from(part));
        this.#taking.left -= part.length;
        rest = rest.subarray(part.length);
        if (this.#taking.left > 0) return;
        this.files.set(name, Buffer.concat(parts));
        this.#taking = null;
        this.#skip = padding;
        continue;
      }
      const read = this.#header(rest);
      if (read === null) {
        this.#pending = Buffer.from(rest);
        return;
      }
      rest = rest.subarray(read);
    }
  }

  /** One header with its name; null when more bytes are needed, or when there is nothing more to read. */
  #header(bytes: Buffer): number | null {
    if (bytes.length < 110 && !(bytes.length >= 76 && bytes.toString('latin1', 0, 6) === '070707')) return null;
    const magic = bytes.toString('latin1', 0, 6);
    const isOld = magic === '070707';
    if (!isOld && magic !== '070701' && magic !== '070702') return this.#fail('damaged');
    const length = isOld ? 76 : 110;
    const field = (at: number, size: number): number => {
      const text = bytes.toString('latin1', at, at + size);
      const fits = isOld ? /^[0-7]+$/.test(text) : /^[0-9a-fA-F]+$/.test(text);
      return fits ? parseInt(text, isOld ? 8 : 16) : Number.NaN;
    };
    const nameSize = isOld ? field(59, 6) : field(94, 8);
    const fileSize = isOld ? field(65, 11) : field(54, 8);
    const mode = isOld ? field(18, 6) : field(14, 8);
    if (!Number.isSafeInteger(nameSize) || !Number.isSafeInteger(fileSize) || nameSize < 1 || nameSize > MAX_NAME)
      return this.#fail('damaged');
    const padded = (size: number): number => (isOld ? size : Math.ceil(size / 4) * 4);
    const begin = isOld ? length + nameSize : padded(length + nameSize);
    if (bytes.length < begin) return null;
    if ((this.#entries += 1) > MAX_ENTRIES) return this.#fail('too-large');
    const name = bytes.toString('utf8', length, length + nameSize - 1).replace(/^(?:\.?\/)+/, '');
    if (name === 'TRAILER!!!') {
      this.#ended = true;
      return null;
    }
    const isFile = (mode & 0o170000) === 0o100000;
    if (isFile && this.#wanted.has(name) && fileSize <= MAX_FILE)
      this.#taking = { name, left: fileSize, parts: [], padding: padded(fileSize) - fileSize };
    else this.#skip = padded(fileSize);
    return begin;
  }

  #fail(why: 'damaged' | 'too-large'): null {
    this.unfinished = why;
    return null;
  }
}
