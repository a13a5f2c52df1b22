/** A private copy of a Bolt file that another machine's server may be writing, read there at any position. */
import { setTimeout as delay } from 'node:timers/promises';
import { unreadable } from '../failure';
import type { OnProgress } from '../progress';
import { BoltFile } from './file';
import { FRESH_COPY_REMEDY } from './issue';
import { MAX_PAGE_SIZE, MIN_PAGE_SIZE, readMetas } from './meta';
import type { ByteSource } from './source';
import { changedWhileReading, CopyTarget, prove, type StableCopy, type StableOptions } from './stable';

/** A file that is far away: each question takes its time, many may be asked at once. */
export interface RemoteBytes {
  /** For messages. */
  readonly name: string;
  /** Bytes now. */
  size(): Promise<number>;
  /** The bytes from a position on; fewer than asked for only at the end. */
  read(position: number, length: number): Promise<Buffer>;
}

/** Options of {@link copyRemote}. */
export interface RemoteCopyOptions extends StableOptions {
  /** Told in bytes: `copying database` (from 0 again with each retry), then `checking copy`. */
  readonly onProgress?: OnProgress;
  /** Asked with the size in bytes before a byte is written: may refuse it. */
  readonly admit?: (size: number) => void | Promise<void>;
}

const RETRIES = 20;
const BACKOFF_MS = 100;
const CHUNK = 1024 * 1024;
/** Chunks under way at once, so that the line is never idle between two. */
const AHEAD = 3;
/** Bytes between two looks at the header pages: a copy that has become worthless is given up early. */
const LOOK_EVERY = 8 * CHUNK;
/** What the first look takes: the header pages of every small page size, and enough to tell what else a file is. */
const HEAD = 65_536;
const META_BYTES = 80;

/**
 * Copies a whole file by the protocol of `copyStable`: the header pages are read before and after, and all that was read
 * in between counts only when no transaction was committed meanwhile; else it is read again, all of it. Which pages a
 * commit wrote cannot be told from the file once two have happened, so nothing of an earlier try is kept.
 *
 * Mode 0600, never over an existing file, on disk when it returns, opened once to prove it. On failure nothing is left.
 *
 * @throws FailureError `bolt/changed-while-reading` when the tries are used up; what `openBolt` throws;
 *   `bolt/copy-failed`; what the source and `admit` throw
 */
export async function copyRemote(
  source: RemoteBytes,
  targetPath: string,
  options: RemoteCopyOptions = {},
): Promise<StableCopy> {
  const { retries: limit = RETRIES, backoffMs = BACKOFF_MS, wait = delay, salvage = false, admit } = options;
  const target = new CopyTarget(targetPath);
  try {
    for (let retries = 0; ; retries += 1) {
      const head = await headOf(source);
      const file = BoltFile.atSnapshot(head, salvage ? { salvage } : {});
      await admit?.(file.fileSize);
      await target.begin();
      const isUnchanged = await copyWhileUnchanged(source, target, head, file, options.onProgress);
      if (isUnchanged) {
        const sha256 = await target.hash(file.fileSize, options.onProgress);
        await target.finish();
        prove(targetPath, file.txid, options);
        return { sha256, size: file.fileSize, txid: file.txid, retries };
      }
      if (retries >= limit) throw changedWhileReading(source.name, retries, null);
      await wait(backoffMs * 2 ** Math.min(retries, 4));
    }
  } catch (error) {
    await target.discard();
    throw error;
  }
}

/** True when all was copied and no commit came in between. */
async function copyWhileUnchanged(
  source: RemoteBytes,
  target: CopyTarget,
  head: ByteSource,
  { fileSize: size, pageSize }: BoltFile,
  onProgress: OnProgress | undefined,
): Promise<boolean> {
  const newest = newestOf(head, pageSize);
  const isUnchanged = async (): Promise<boolean> => {
    const now = await metasOf(source, pageSize);
    return newestOf(now, pageSize)?.equals(newest ?? Buffer.alloc(0)) === true && now.size >= size;
  };
  const label = 'copying database';
  const asked: Promise<Buffer>[] = [];
  let next = 0;
  let looked = 0;
  onProgress?.({ label, done: 0, total: size });
  for (let done = 0; done < size;) {
    while (asked.length < AHEAD && next < size) {
      const part = source.read(next, Math.min(CHUNK, size - next));
      // Should an earlier one fail, nobody waits for this one any more.
      part.catch(() => undefined);
      asked.push(part);
      next += Math.min(CHUNK, size - next);
    }
    const part = (await asked.shift()) ?? Buffer.alloc(0);
    if (part.length < Math.min(CHUNK, size - done)) {
      if (!(await isUnchanged())) return false;
      unreadable('bolt/truncated', `${source.name} became shorter while it was copied.`, FRESH_COPY_REMEDY, {
        path: source.name,
        position: done + part.length,
      });
    }
    await target.write(part, done);
    done += part.length;
    if (done - looked < LOOK_EVERY && done < size) continue;
    looked = done;
    onProgress?.({ label, done, total: size });
    // At the end this is the proof; before, it spares reading on for nothing.
    if (!(await isUnchanged())) return false;
  }
  return true;
}

function newestOf(source: ByteSource, pageSize: number): Buffer | undefined {
  return readMetas(source, pageSize).valid[0]?.bytes;
}

/** Everything that opening a snapshot looks at. */
async function headOf(source: RemoteBytes): Promise<ByteSource> {
  const positions: number[] = [];
  for (let at = HEAD; at <= MAX_PAGE_SIZE; at *= 2) positions.push(at);
  return fetched(source, [[0, HEAD], ...positions.map((at) => [at, META_BYTES] as const)]);
}

/** The header pages alone. */
function metasOf(source: RemoteBytes, pageSize: number): Promise<ByteSource> {
  return fetched(source, [
    [0, META_BYTES],
    [Math.max(pageSize, MIN_PAGE_SIZE), META_BYTES],
  ]);
}

/** Parts of a file, fetched at once, to be read as if they were all of it. */
async function fetched(
  source: RemoteBytes,
  wanted: readonly (readonly [position: number, length: number])[],
): Promise<ByteSource> {
  const parts = await Promise.all(
    wanted.map(async ([position, length]) => ({ position, bytes: await source.read(position, length) })),
  );
  // Asked after the header pages: a server grows its file before it writes the one that needs the room.
  const size = await source.size();
  return {
    name: source.name,
    size,
    read(target, position) {
      const part = parts.find((one) => position >= one.position && position < one.position + one.bytes.length);
      return part === undefined ? 0 : part.bytes.copy(target, 0, position - part.position);
    },
    close: () => undefined,
  };
}
