/**
 * Files for their owner alone (0600), whole or not there at all: written under a temporary name beside their place, made
 * durable, then given their name. The one way this program writes a file that matters.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, open, readdir, rename, rm, stat, unlink, type FileHandle } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { FailureError, misused } from './failure';
import { isRunning } from './process-life';

/** Whether a file that is there already may be replaced. */
export interface WriteOptions {
  readonly overwrite?: boolean;
}

/** A file that is being written in pieces. Whatever goes wrong before {@link publish} leaves nothing behind ({@link discard}). */
export class PrivateFile {
  readonly path: string;
  readonly #temporary: string;
  readonly #overwrite: boolean;
  #handle: FileHandle | null = null;

  private constructor(path: string, overwrite: boolean) {
    this.path = resolve(path);
    this.#temporary = temporaryName(this.path);
    this.#overwrite = overwrite;
  }

  /** Throws `file/exists` when there is such a file and it may not be replaced; `file/cannot-write`. */
  static async create(path: string, { overwrite = false }: WriteOptions = {}): Promise<PrivateFile> {
    const file = new PrivateFile(path, overwrite);
    refuseExisting(file.path, overwrite);
    await removeAbandoned(dirname(file.path));
    // 0600 from the first byte on.
    file.#handle = await guarded(file.path, () => open(file.#temporary, 'wx', 0o600));
    return file;
  }

  /** Adds bytes. Throws `file/cannot-write`. */
  async write(bytes: Buffer): Promise<void> {
    await guarded(this.path, async () => {
      for (let start = 0; start < bytes.length;) {
        const written = await this.#handle?.write(bytes, start);
        if (!written?.bytesWritten) throw new Error('nothing was written');
        start += written.bytesWritten;
      }
    });
  }

  /** Makes what was written durable; after it nothing is added. */
  async finish(): Promise<void> {
    await guarded(this.path, async () => {
      await this.#handle?.sync();
      await this.#handle?.close();
    });
    this.#handle = null;
  }

  /**
   * Gives the finished file its name. Throws `file/exists` when one came up meanwhile; `file/cannot-write`.
   * @param path another name in the same folder, where it depends on what was written
   */
  async publish(path = this.path): Promise<void> {
    await guarded(path, () => (this.#overwrite ? rename(this.#temporary, path) : intoPlace(this.#temporary, path)));
    await syncFolder(dirname(path));
  }

  /** Removes what is unfinished. Safe at any time, also after {@link publish}. */
  async discard(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    await handle?.close().catch(() => undefined);
    await unlink(this.#temporary).catch(() => undefined);
  }
}

/**
 * Writes a whole private file.
 * @throws FailureError `file/exists` when there is one of this name and it may not be replaced; `file/cannot-write`
 */
export async function writePrivate(path: string, content: Buffer | string, options: WriteOptions = {}): Promise<void> {
  const file = await PrivateFile.create(path, options);
  try {
    await file.write(typeof content === 'string' ? Buffer.from(content) : content);
    await file.finish();
    await file.publish();
  } finally {
    await file.discard();
  }
}

/** Throws `file/exists` (exit 2) when there is a file of this name and it may not be replaced. */
export function refuseExisting(path: string, overwrite = false): void {
  if (!overwrite && existsSync(path)) exists(path);
}

/** A name beside `target` for writing under until it is complete. It tells whose it is: see {@link removeAbandoned}. */
export function temporaryName(target: string): string {
  return join(dirname(target), `.${machine()}-${process.pid}-${randomBytes(6).toString('hex')}.part`);
}

/**
 * Removes what processes of this machine left unfinished in a folder when they were killed: it may hold secrets, and nothing
 * reads it again. What a living process or another machine is writing stays. Never throws: it is no reason not to write.
 */
export async function removeAbandoned(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    const [, where, pid] = /^\.([0-9a-f]{8})-(\d{1,10})-[0-9a-f]{12}\.part$/.exec(name) ?? [];
    if (where !== machine() || isRunning(Number(pid))) continue;
    await rm(join(folder, name), { recursive: true, force: true }).catch(() => undefined);
  }
}

/** Which machine this is, as far as its name tells. */
function machine(): string {
  return createHash('sha256').update(hostname()).digest('hex').slice(0, 8);
}

function exists(path: string): never {
  return misused(
    'file/exists',
    `${path} exists already and is not overwritten.`,
    'Name another file, move that one away, or say that it may be overwritten.',
    { path },
  );
}

/** Gives a finished file its name without ever replacing another. */
async function intoPlace(temporary: string, target: string): Promise<void> {
  try {
    await link(temporary, target);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return exists(target);
    // FAT and some network shares have no hard links.
    if (!['EPERM', 'ENOTSUP', 'ENOSYS', 'EOPNOTSUPP'].includes(codeOf(error))) throw error;
    if (await stat(target).catch(() => null)) return exists(target);
    return rename(temporary, target);
  }
  await unlink(temporary);
}

/** Turns an error of the file system into an expected failure. */
async function guarded<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof FailureError) throw error;
    const reason = codeOf(error);
    throw new FailureError(
      {
        code: 'file/cannot-write',
        message: `${path} cannot be written${isFull(reason) ? ': there is no room left for it' : ''} (${reason}).`,
        remedy: isFull(reason)
          ? 'Make room on that disk, or name a place on another, and do the same again.'
          : 'Check that its folder is there, that you may write to it, and that there is room on the disk.',
        kind: 'unreadable',
        detail: { path, reason },
      },
      { cause: error },
    );
  }
}

/** Whether a disk, or what one account may use of it, is full. */
export function isFull(code: string): boolean {
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** Makes a rename durable. Not every platform can open a folder for that; the file itself is durable already. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch {
    // Windows, some network file systems
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? (error instanceof Error ? error.message : 'unknown error');
}
