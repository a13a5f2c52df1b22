import { closeSync, constants, existsSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { unreadable } from '../failure';

/**
 * Bytes at positions: a file, or anything that can stand in for one.
 *
 * Reads are synchronous: the page cache of the operating system answers most of them in microseconds, and the
 * engine runs in a worker thread.
 */
export interface ByteSource {
  /** For messages: the path of a file. */
  readonly name?: string;
  /** Size in bytes now. The file of a running server may grow between two calls. */
  readonly size: number;
  /**
   * Fills `target` with the bytes from `position` (in bytes) on.
   *
   * @returns the number of bytes read; fewer than asked for only at the end of the file
   */
  read(target: Buffer, position: number): number;
  /** Whether its name still leads to these very bytes; not there where nothing else can come to bear it. */
  readonly isNamed?: boolean;
  close(): void;
}

/** A source over bytes in memory. */
export function bufferSource(bytes: Buffer, name = '(memory)'): ByteSource {
  return {
    name,
    size: bytes.length,
    read: (target, position) => bytes.copy(target, 0, Math.min(position, bytes.length)),
    close: () => undefined,
  };
}

/**
 * Opens a file as a source: read-only, never created, never locked.
 *
 * A MicroMDM server holds an advisory flock on its file for as long as it runs. A reader that takes no lock is not
 * held up by it and cannot hold the server up; taking one could keep the server from starting (spec 1.10).
 *
 * @throws `bolt/not-found`, `bolt/no-permission`, `bolt/is-directory`, `bolt/not-a-file`, `bolt/read-failed`
 */
export function fileSource(path: string): ByteSource {
  refuseUnlessFile(path);
  let descriptor: number;
  try {
    // O_NONBLOCK: should the path have become a FIFO since the check above, the open must not wait for its writer.
    // Windows has no such flag; there it is undefined, which counts as 0.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    return cannotOpen(error, path);
  }
  let open = true;
  const size = (): number => {
    try {
      return fstatSync(descriptor).size;
    } catch (error) {
      return cannotRead(error, path, 0);
    }
  };
  const opened = fstatSync(descriptor, { bigint: true });
  if (!opened.isFile()) {
    closeSync(descriptor);
    return notAFile(path);
  }
  return {
    name: path,
    get size() {
      return size();
    },
    get isNamed() {
      try {
        const found = statSync(path, { bigint: true });
        return found.ino === opened.ino && found.dev === opened.dev;
      } catch {
        return false;
      }
    },
    read(target, position) {
      let done = 0;
      try {
        while (done < target.length) {
          const count = readSync(descriptor, target, done, target.length - done, position + done);
          if (count === 0) break;
          done += count;
        }
      } catch (error) {
        return cannotRead(error, path, position + done);
      }
      return done;
    },
    close() {
      if (open) closeSync(descriptor);
      open = false;
    },
  };
}

function refuseUnlessFile(path: string): void {
  // A descriptor handed over by a shell (`<(zcat …)`) can be read once and forwards only, or not be reopened at all.
  if (/^\/(dev|proc\/[^/]+)\/(fd\/|stdin|stdout|stderr)/.test(path)) notAFile(path);
  let stats;
  try {
    stats = statSync(path);
  } catch (error) {
    return cannotOpen(error, path);
  }
  if (stats.isDirectory()) {
    const candidate = join(path, 'micromdm.db');
    const holdsDatabase = existsSync(candidate);
    unreadable(
      'bolt/is-directory',
      holdsDatabase
        ? `${path} is a folder; the database micromdm.db lies in it.`
        : `${path} is a folder, and no micromdm.db lies in it.`,
      holdsDatabase ? `Give the file itself: ${candidate}.` : 'Give the path of the database file itself.',
      { path, holdsDatabase, ...(holdsDatabase ? { candidate } : {}) },
    );
  }
  if (!stats.isFile()) notAFile(path);
}

function notAFile(path: string): never {
  return unreadable(
    'bolt/not-a-file',
    `${path} is a pipe or a device, not a file: a Bolt database must be read at any position, and more than once.`,
    'Save the data to a file first and give its path.',
    { path },
  );
}

function codeOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return typeof code === 'string' ? code : 'unknown';
}

/** Turns what the operating system says about opening a file into a failure. Exported for its test only. */
export function cannotOpen(error: unknown, path: string): never {
  const reason = codeOf(error);
  if (reason === 'ENOENT' || reason === 'ENOTDIR') {
    return unreadable('bolt/not-found', `There is no file ${path}.`, 'Check the path.', { path, reason });
  }
  if (reason === 'EACCES' || reason === 'EPERM') {
    return unreadable(
      'bolt/no-permission',
      `This account may not read ${path}.`,
      'Run as an account that may read it, or copy the file to a place of your own (the copy holds every secret of the server).',
      { path, reason },
    );
  }
  return unreadable(
    'bolt/read-failed',
    `${path} cannot be opened (${reason}).`,
    'See to the disk or share it lies on.',
    {
      path,
      reason,
    },
  );
}

function cannotRead(error: unknown, path: string, position: number): never {
  const reason = codeOf(error);
  return unreadable(
    'bolt/read-failed',
    `Reading ${path} at byte ${position} failed (${reason}).`,
    'See to the disk or share it lies on; copy the file to a local disk and try again.',
    { path, position, reason },
  );
}
