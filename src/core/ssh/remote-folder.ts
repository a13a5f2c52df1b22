/** A folder on another machine, read over SFTP. */
import type { FileEntryWithStats, SFTPWrapper, Stats } from 'ssh2';
import { type FailureError, unreadable } from '../failure';
import {
  byName,
  isEntryName,
  MAX_ENTRIES,
  noPermission,
  notAFile,
  notAFolder,
  requireInside,
  tooBig,
  tooMany,
  type Folder,
  type FolderEntry,
} from '../folder/folder';
import { printSsh, type SshPlace } from './address';
import { SshConnection } from './connection';
import type { SshCredentials, SshLimits } from './credentials';
import { kindOf } from './remote-file';
import type { SshError } from './ssh-failure';
import { Turnstile } from './turnstile';

/** Entries worked on at once: each holds at most one open file there, of which a server allows some hundred. */
const AT_ONCE = 64;
const PIECE = 32_768;
const READ_ONLY = 1;
const NO_SUCH_FILE = 2;
const PERMISSION_DENIED = 3;
const END = 1;
const NO_SUDO =
  'Over SFTP there is no sudo: log in as an account that may read it (often root or the server’s own), or let this one read it (setfacl -R -m u:NAME:rX), or copy the folder there to a place of its own.';

/**
 * Opens a folder over a connection of its own, which ends with it.
 * @throws FailureError as {@link SshConnection.open}; `ssh/no-sftp`
 */
export async function remoteFolder(place: SshPlace, credentials: SshCredentials, limits?: SshLimits): Promise<Folder> {
  const connection = await SshConnection.open(place, credentials, limits);
  try {
    return new SftpFolder(connection, await connection.sftp(), place);
  } catch (error) {
    await connection.close();
    throw error;
  }
}

class SftpFolder implements Folder {
  readonly name: string;
  readonly #connection: SshConnection;
  readonly #sftp: SFTPWrapper;
  readonly #root: string;
  readonly #turnstile = new Turnstile(AT_ONCE);

  constructor(connection: SshConnection, sftp: SFTPWrapper, place: SshPlace) {
    this.#connection = connection;
    this.#sftp = sftp;
    this.#root = place.path === '/' ? '' : place.path;
    this.name = printSsh(place);
  }

  async list(inside = ''): Promise<FolderEntry[] | null> {
    const path = this.#absolute(inside);
    return this.#turnstile.run(async () => {
      const handle = await this.#ask<Buffer>(path, (done) => this.#sftp.opendir(path, done));
      if (handle === null) {
        // The server says the same of what is no folder.
        const found = await this.#ask<Stats>(path, (done) => this.#sftp.stat(path, done));
        return found === null ? null : notAFolder(this.#shown(inside));
      }
      try {
        return await this.#entries(handle, inside);
      } finally {
        await this.#forget(handle);
      }
    });
  }

  async #entries(handle: Buffer, inside: string): Promise<FolderEntry[]> {
    const path = this.#absolute(inside);
    const entries: FolderEntry[] = [];
    for (;;) {
      const some = await this.#connection.ask<FileEntryWithStats[] | null>(
        `listing ${path}`,
        (done) =>
          this.#sftp.readdir(handle, (error, list) =>
            (error as SshError | undefined)?.code === END ? done(null, null) : done(error, list),
          ),
        (error) => this.#failure(path, error),
      );
      if (some === null) return entries.sort(byName);
      for (const { filename, attrs } of some) {
        if (!isEntryName(filename)) continue;
        if (entries.length >= MAX_ENTRIES) tooMany(this.#shown(inside));
        entries.push(entryOf(filename, attrs));
      }
    }
  }

  async stat(inside: string): Promise<FolderEntry | null> {
    const path = this.#absolute(inside);
    const found = await this.#turnstile.run(() =>
      this.#ask<Stats>(path, (done) => (inside === '' ? this.#sftp.stat(path, done) : this.#sftp.lstat(path, done))),
    );
    return found === null ? null : entryOf(inside.split('/').at(-1) ?? '', found);
  }

  read(inside: string, limit: number): Promise<Buffer | null> {
    const path = this.#absolute(inside);
    const shown = this.#shown(inside);
    return this.#turnstile.run(async () => {
      const found = await this.#ask<Stats>(path, (done) => this.#sftp.lstat(path, done));
      if (found === null) return null;
      const kind = kindOf(found.mode);
      if (kind !== 'file') return notAFile(shown, kind);
      if (found.size > limit) return tooBig(shown, limit);
      const handle = await this.#ask<Buffer>(path, (done) => this.#sftp.open(path, READ_ONLY, done));
      if (handle === null) return null;
      try {
        return await this.#content(handle, path, shown, found.size, limit);
      } finally {
        await this.#forget(handle);
      }
    });
  }

  async #content(handle: Buffer, path: string, shown: string, size: number, limit: number): Promise<Buffer> {
    // One byte more than it has: it may be growing.
    const bytes = Buffer.alloc(size + 1);
    let length = 0;
    while (length < bytes.length) {
      const count = await this.#connection.ask<number>(
        `reading ${path}`,
        (done) => this.#sftp.read(handle, bytes, length, Math.min(PIECE, bytes.length - length), length, done),
        (error) => this.#failure(path, error),
      );
      length += count;
      // The very size it had: asking again would only cost a round trip.
      if (count === 0 || length === size) return bytes.subarray(0, length);
    }
    if (length > limit) tooBig(shown, limit);
    return unreadable(
      'folder/read-failed',
      `${shown} grew while it was read.`,
      'Try again; if it happens again, stop the server while its files are read.',
      { path: shown },
    );
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  #absolute(inside: string): string {
    return requireInside(inside) === '' ? this.#root || '/' : `${this.#root}/${inside}`;
  }

  #shown(inside: string): string {
    return inside === '' ? this.name : `${this.name.replace(/\/$/, '')}/${inside}`;
  }

  /** An answer, or null where there is no such entry. */
  async #ask<T>(
    path: string,
    start: (done: (error: Error | null | undefined, answer: T) => void) => void,
  ): Promise<T | null> {
    return this.#connection.ask<T | null>(
      `looking at ${path}`,
      (done) =>
        start((error, answer) => {
          if ((error as SshError | undefined)?.code === NO_SUCH_FILE) done(null, null);
          else done(error, answer);
        }),
      (error) => this.#failure(path, error),
    );
  }

  #failure(path: string, error: SshError): FailureError {
    const shown = printSsh({ ...this.#connection.address, path });
    try {
      if (error.code === PERMISSION_DENIED) return noPermission(shown, NO_SUDO);
      return unreadable(
        'folder/read-failed',
        `${shown} cannot be read (SFTP status ${String(error.code)}).`,
        'See to the disk or share it lies on.',
        { path: shown, status: String(error.code) },
      );
    } catch (failure) {
      return failure as FailureError;
    }
  }

  async #forget(handle: Buffer): Promise<void> {
    await this.#connection
      .ask<unknown>(
        'closing a file',
        (done) => this.#sftp.close(handle, (error) => done(error, null)),
        (error) => this.#failure('', error),
      )
      .catch(() => undefined);
  }
}

function entryOf(name: string, { mode, size, mtime }: Pick<Stats, 'mode' | 'size' | 'mtime'>): FolderEntry {
  return { name, kind: kindOf(mode), size, modified: mtime * 1000 };
}
