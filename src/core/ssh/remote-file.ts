/** A file on another machine, read at any position over SFTP. It is opened for reading only, and never locked. */
import type { SFTPWrapper, Stats } from 'ssh2';
import { unreadable } from '../failure';
import { printSsh } from './address';
import type { SshConnection } from './connection';
import { fileFailure } from './ssh-failure';
import { Turnstile } from './turnstile';

/** An open file. */
export interface RemoteFile {
  /** `ssh://user@host/path`. */
  readonly name: string;
  /** Bytes now: the file of a running server may grow. */
  size(): Promise<number>;
  /** The bytes from a position on; fewer than asked for only at the end of the file. */
  read(position: number, length: number): Promise<Buffer>;
  /** Never throws. */
  close(): Promise<void>;
}

/** Bytes a question asks for: what every server answers in one piece. */
const PIECE = 32_768;
/** Questions under way at once: 2 MiB, which is ssh2's window. */
const AT_ONCE = 64;
const S_IFMT = 0o170_000;
const S_IFREG = 0o100_000;
const S_IFDIR = 0o040_000;
const S_IFLNK = 0o120_000;
/** pflags of SSH_FXP_OPEN: SSH_FXF_READ and nothing else. */
const READ_ONLY = 1;

/** What an entry is, by its mode; undefined where the server does not say. */
export function kindOf(mode: number | undefined): 'file' | 'folder' | 'link' | 'other' {
  const type = (mode ?? 0) & S_IFMT;
  return type === S_IFREG ? 'file' : type === S_IFDIR ? 'folder' : type === S_IFLNK ? 'link' : 'other';
}

/** What lies at a path, links followed. Throws `ssh/no-such-file`, `ssh/no-permission`, `ssh/read-failed`. */
export async function remoteKind(connection: SshConnection, path: string): Promise<'file' | 'folder' | 'other'> {
  const sftp = await connection.sftp();
  const about = await connection.ask<Stats>(
    `looking at ${path}`,
    (done) => sftp.stat(path, done),
    (error) => fileFailure(connection.address, path, error),
  );
  const kind = kindOf(about.mode);
  return kind === 'link' ? 'other' : kind;
}

/**
 * Opens a file by its absolute path.
 * @throws FailureError `ssh/no-such-file`, `ssh/no-permission`, `ssh/not-a-file`, `ssh/read-failed`,
 *   `ssh/connection-lost`, `ssh/timeout`; so do its methods
 */
export async function openRemoteFile(connection: SshConnection, path: string): Promise<RemoteFile> {
  const sftp = await connection.sftp();
  const name = printSsh({ ...connection.address, path });
  // Before it is opened: opening a pipe would wait for its writer.
  if ((await remoteKind(connection, path)) !== 'file')
    unreadable('ssh/not-a-file', `${name} is a folder, a pipe or a device, not a file.`, 'Name the file itself.', {
      path,
    });
  const handle = await connection.ask<Buffer>(
    `opening ${path}`,
    (done) => sftp.open(path, READ_ONLY, done),
    (error) => fileFailure(connection.address, path, error),
  );
  return new SftpFile(connection, sftp, handle, path, name);
}

class SftpFile implements RemoteFile {
  readonly name: string;
  readonly #connection: SshConnection;
  readonly #sftp: SFTPWrapper;
  readonly #handle: Buffer;
  readonly #path: string;
  readonly #turnstile = new Turnstile(AT_ONCE);

  constructor(connection: SshConnection, sftp: SFTPWrapper, handle: Buffer, path: string, name: string) {
    this.#connection = connection;
    this.#sftp = sftp;
    this.#handle = handle;
    this.#path = path;
    this.name = name;
  }

  async size(): Promise<number> {
    const { size } = await this.#connection.ask<Stats>(
      `looking at ${this.#path}`,
      (done) => this.#sftp.fstat(this.#handle, done),
      (error) => fileFailure(this.#connection.address, this.#path, error),
    );
    if (Number.isSafeInteger(size) && size >= 0) return size;
    return unreadable('ssh/read-failed', `${this.name} has a size that cannot be.`, 'Look at what that file is.', {
      path: this.#path,
    });
  }

  async read(position: number, length: number): Promise<Buffer> {
    const target = Buffer.allocUnsafe(length);
    const pieces: Promise<number>[] = [];
    for (let at = 0; at < length; at += PIECE)
      pieces.push(this.#piece(target.subarray(at, Math.min(length, at + PIECE)), position + at));
    const counts = await Promise.all(pieces);
    // Whole up to the first piece that was not filled: there the file ended when it was asked.
    const short = counts.findIndex((count, index) => count < Math.min(PIECE, length - index * PIECE));
    return short < 0 ? target : target.subarray(0, short * PIECE + (counts[short] ?? 0));
  }

  /** Fills a piece; fewer bytes only at the end of the file. */
  #piece(target: Buffer, position: number): Promise<number> {
    return this.#turnstile.run(async () => {
      let done = 0;
      while (done < target.length) {
        const count = await this.#connection.ask<number>(
          `reading ${this.#path}`,
          (answer) =>
            // Answers are short at the end only, but need not be.
            this.#sftp.read(this.#handle, target, done, target.length - done, position + done, answer),
          (error) => fileFailure(this.#connection.address, this.#path, error),
        );
        if (count === 0) break;
        done += count;
      }
      return done;
    });
  }

  async close(): Promise<void> {
    await this.#connection
      .ask<unknown>(
        `closing ${this.#path}`,
        (done) => this.#sftp.close(this.#handle, (error) => done(error, null)),
        (error) => fileFailure(this.#connection.address, this.#path, error),
      )
      .catch(() => undefined);
  }
}
