import { createHash } from 'node:crypto';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { FailureError, unreadable } from '../failure';
import type { OnProgress } from '../progress';
import { BoltFile, openBolt } from './file';
import { FRESH_COPY_REMEDY } from './issue';
import { fileSource, type ByteSource } from './source';

/** How to read a file that a server may be writing at the same time. */
export interface StableOptions {
  /** How many further tries after the first; 10 unless given. */
  readonly retries?: number;
  /** Pause before the first retry in milliseconds, doubled with each up to 16 times; 50 unless given. */
  readonly backoffMs?: number;
  /** See OpenOptions. The txid test is made all the same, but proves less for an older snapshot. */
  readonly salvage?: boolean;
  /** Waits between tries; for tests. */
  readonly wait?: (milliseconds: number) => Promise<void>;
}

/** Options of {@link copyStable}. */
export interface CopyOptions extends StableOptions {
  /**
   * Copy only the pages in use outside of these top-level buckets: fewer bytes, so better odds on a busy server. The
   * copy has holes then; its root still names the buckets, but reading them there gives damage.
   */
  readonly skipBuckets?: readonly (string | Buffer)[];
  /** Told in bytes: first `copying database` (from 0 again with each retry), then `checking copy`. */
  readonly onProgress?: OnProgress;
}

/** A finished private copy. */
export interface StableCopy {
  /** Lower-case hex SHA-256 of the copy; the same as of the source when that is quiet and no bucket was skipped. */
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
  readonly txid: bigint;
  readonly retries: number;
}

/** A path, or a way to open the same bytes again for each try. */
export type Reopenable = string | (() => ByteSource);

const DEFAULT_RETRIES = 10;
const DEFAULT_BACKOFF_MS = 50;
/** Bytes copied at a time. */
const CHUNK = 1024 * 1024;
/** Bytes between two reports of progress. */
const REPORT_EVERY = 8 * CHUNK;
const COPY_FAILED = 'bolt/copy-failed';

/**
 * Reads one consistent snapshot of a file that a server may be writing, without locking it (spec 1.10): opens, works,
 * and accepts the outcome only when no commit came in between; else discards it, waits and tries again.
 *
 * Only for local file systems. Whatever `work` throws while the file changed is taken for a consequence of a torn
 * read and discarded with the rest, so `work` must have no effects that outlast it.
 *
 * @param work gets a file that is closed when it returns; what it took out of it stays valid
 * @throws `bolt/changed-while-reading` when the tries are used up; what `openBolt` throws; what `work` throws while
 *   the file did not change
 */
export function readStable<T>(
  source: Reopenable,
  options: StableOptions,
  work: (file: BoltFile) => T | Promise<T>,
): Promise<{ value: T; retries: number }> {
  return stable(source, options, work);
}

async function stable<T>(
  source: Reopenable,
  options: StableOptions,
  work: (file: BoltFile, source: ByteSource) => T | Promise<T>,
): Promise<{ value: T; retries: number }> {
  const { retries: limit = DEFAULT_RETRIES, backoffMs = DEFAULT_BACKOFF_MS, wait = delay } = options;
  for (let retries = 0; ; retries += 1) {
    const bytes = typeof source === 'string' ? fileSource(source) : source();
    // A failure here is no torn read: of two metas, a server never writes both at once.
    const file = BoltFile.atSnapshot(bytes, options.salvage === true ? { salvage: true } : {});
    let consequence: unknown;
    try {
      file.bucketNames();
      const value = await work(file, bytes);
      if (file.isUnchanged()) return { value, retries };
    } catch (error) {
      const ours = error instanceof FailureError && error.failure.code === COPY_FAILED;
      if (ours || file.isUnchanged()) throw error;
      consequence = error;
    } finally {
      file.close();
    }
    if (retries >= limit) {
      throw changedWhileReading(file.path, retries, consequence);
    }
    await wait(backoffMs * 2 ** Math.min(retries, 4));
  }
}

/** The failure when all tries are used up. */
export function changedWhileReading(path: string, retries: number, cause: unknown): FailureError {
  return new FailureError(
    {
      code: 'bolt/changed-while-reading',
      message: `${path} was changed by its server during each of ${retries + 1} attempts to read it.`,
      remedy: 'Download it with GET /boltbackup, or stop the server while it is read.',
      kind: 'unreadable',
      detail: { path, retries },
    },
    { cause },
  );
}

/**
 * Makes a private copy of a file that a server may be writing: mode 0600, never over an existing file, on disk
 * (fsync) when it returns, consistent by the protocol of {@link readStable}, and opened once to prove it. On failure
 * nothing is left behind.
 *
 * Without `skipBuckets` it is a copy byte for byte, trailing bytes included.
 *
 * @throws `bolt/copy-failed` when the target exists or cannot be written; else as {@link readStable}
 */
export async function copyStable(
  source: Reopenable,
  targetPath: string,
  options: CopyOptions = {},
): Promise<StableCopy> {
  const target = new CopyTarget(targetPath);
  try {
    const { value: copied, retries } = await stable(source, options, async (file, bytes) => {
      // Not before the source has proved to be a Bolt file. A retry overwrites what the last try left.
      await target.begin();
      return copyTo(target, file, bytes, options);
    });
    // Only now: while hashing, the server could commit, and the copying would have been for nothing.
    const sha256 = await target.hash(copied.size, options.onProgress);
    await target.finish();
    prove(targetPath, copied.txid, options);
    return { sha256, ...copied, retries };
  } catch (error) {
    await target.discard();
    throw error;
  }
}

/** The file a copy goes to. Whatever fails here is `bolt/copy-failed`. */
export class CopyTarget {
  readonly #path: string;
  #handle: FileHandle | null = null;
  /** The file is ours to delete: it was created here. */
  #created = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** Creates the file, or empties it when it was created before. */
  begin(): Promise<void> {
    return this.#attempt(async () => {
      this.#handle ??= await open(this.#path, 'wx+', 0o600);
      this.#created = true;
      await this.#handle.truncate(0);
    });
  }

  /** Writes bytes at a position; what is never written reads as zeros. */
  write(bytes: Buffer, position: number): Promise<void> {
    return this.#attempt(async () => {
      for (let done = 0; done < bytes.length;) {
        done += (await this.#open.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
      }
    });
  }

  setSize(size: number): Promise<void> {
    return this.#attempt(() => this.#open.truncate(size));
  }

  /** Lower-case hex SHA-256 of what the file now holds, read back from it. */
  hash(size: number, onProgress: OnProgress | undefined): Promise<string> {
    return this.#attempt(async () => {
      const hash = createHash('sha256');
      const chunk = Buffer.allocUnsafe(CHUNK);
      let reported = 0;
      for (let done = 0; done < size;) {
        const { bytesRead } = await this.#open.read(chunk, 0, CHUNK, done);
        if (bytesRead === 0) cannotWrite(this.#path, 'it became shorter while it was read back');
        hash.update(chunk.subarray(0, bytesRead));
        done += bytesRead;
        if (done - reported >= REPORT_EVERY || done >= size) {
          onProgress?.({ label: 'checking copy', done, total: size });
          reported = done;
        }
      }
      return hash.digest('hex');
    });
  }

  /** Makes content and name durable, and closes. */
  async finish(): Promise<void> {
    await this.#attempt(async () => {
      await this.#open.sync();
      await this.#open.close();
    });
    this.#handle = null;
    await syncFolder(dirname(this.#path));
  }

  /** Deletes the file if it was created here. */
  async discard(): Promise<void> {
    await this.#handle?.close().catch(() => undefined);
    if (this.#created) await unlink(this.#path).catch(() => undefined);
  }

  get #open(): FileHandle {
    if (!this.#handle) throw new Error('the copy is not open');
    return this.#handle;
  }

  async #attempt<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      // Only what the operating system says; anything else is a failure already, or a defect.
      if (typeof code !== 'string') throw error;
      return cannotWrite(this.#path, code === 'EEXIST' ? 'a file of this name exists already' : code);
    }
  }
}

async function copyTo(
  target: CopyTarget,
  file: BoltFile,
  source: ByteSource,
  { skipBuckets, onProgress }: CopyOptions,
): Promise<{ size: number; txid: bigint }> {
  const size = skipBuckets ? file.highWater * file.pageSize : file.fileSize;
  const ranges = skipBuckets ? byteRanges(file, skipBuckets) : [[0, size] as const];
  const total = ranges.reduce((sum, [start, end]) => sum + end - start, 0);
  const chunk = Buffer.allocUnsafe(CHUNK);
  const label = 'copying database';
  let done = 0;
  let reported = 0;
  onProgress?.({ label, done, total });
  for (const [start, end] of ranges) {
    for (let at = start; at < end; at += CHUNK) {
      const part = chunk.subarray(0, Math.min(CHUNK, end - at));
      if (source.read(part, at) < part.length) {
        unreadable('bolt/truncated', `${file.path} became shorter while it was copied.`, FRESH_COPY_REMEDY, {
          path: file.path,
          position: at,
        });
      }
      await target.write(part, at);
      done += part.length;
      if (done - reported >= REPORT_EVERY && done < total) {
        onProgress?.({ label, done, total });
        reported = done;
      }
    }
  }
  await target.setSize(size);
  onProgress?.({ label, done, total });
  return { size, txid: file.txid };
}

/** Byte ranges of the pages needed, ascending, neighbours joined, cut to the file. */
function byteRanges(file: BoltFile, skip: readonly (string | Buffer)[]): (readonly [number, number])[] {
  const pages = [...file.reachablePages(skip)].sort((a, b) => a[0] - b[0]);
  const ranges: [number, number][] = [];
  for (const [first, count] of pages) {
    const start = first * file.pageSize;
    const end = Math.min((first + count) * file.pageSize, file.fileSize);
    const last = ranges.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else if (start < end) ranges.push([start, end]);
  }
  return ranges;
}

/** Opens the copy: its newest snapshot must be the one that was copied. */
export function prove(path: string, txid: bigint, { salvage }: StableOptions): void {
  const copy = openBolt(path, salvage === true ? { salvage } : {});
  const found = copy.txid;
  copy.close();
  if (found !== txid) cannotWrite(path, `it holds transaction ${found} instead of ${txid}`);
}

function cannotWrite(path: string, reason: string): never {
  return unreadable(
    COPY_FAILED,
    `The private copy ${path} cannot be made: ${reason}.`,
    'See that its folder exists, can be written and has room.',
    { path, reason },
  );
}

/** Makes the new name itself durable. Not every platform can open a folder; the copy is complete without. */
async function syncFolder(folder: string): Promise<void> {
  let handle: FileHandle | null = null;
  try {
    handle = await open(folder, 'r');
    await handle.sync();
  } catch {
    // Windows: nothing to be done.
  } finally {
    await handle?.close();
  }
}
