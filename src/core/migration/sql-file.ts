/** A file that is written in pieces and appears under its name only when it is whole. */
import { randomBytes } from 'node:crypto';
import { open, rename, stat, unlink, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { FailureError, misused } from '../failure';

/** Text is gathered to this many bytes: fewer, larger writes. */
const PIECE = 1 << 20;

/** What a finished file is. */
export interface WrittenFile {
  readonly path: string;
  readonly bytes: number;
}

/**
 * Writes ASCII text under a temporary name beside its place, 0600; {@link finish} makes it durable and
 * {@link publish} gives it its name. Whatever goes wrong before leaves nothing behind ({@link discard}).
 */
export class SqlFile {
  readonly #path: string;
  readonly #temporary: string;
  readonly #overwrite: boolean;
  readonly #buffer = Buffer.allocUnsafe(PIECE);
  #handle: FileHandle | null = null;
  #filled = 0;
  #bytes = 0;

  private constructor(file: string, overwrite: boolean) {
    this.#path = path.resolve(file);
    this.#overwrite = overwrite;
    this.#temporary = path.join(
      path.dirname(this.#path),
      `.${path.basename(this.#path)}.${randomBytes(6).toString('hex')}.part`,
    );
  }

  /**
   * @throws sql/exists (exit 2) when there is such a file and it may not be overwritten
   * @throws sql/not-written (exit 3) when the folder cannot be written to
   */
  static async create(file: string, overwrite: boolean): Promise<SqlFile> {
    const created = new SqlFile(file, overwrite);
    await created.#refuseToOverwrite();
    // 0600 from the first byte on: the rows hold unlock tokens and push magic.
    created.#handle = await guarded(created.#path, () => open(created.#temporary, 'wx', 0o600));
    return created;
  }

  /** Adds text, which must be ASCII. Where a promise comes back, wait for it before adding more: the disk is busy. */
  add(text: string): Promise<void> | undefined {
    if (text.length <= PIECE - this.#filled) {
      this.#filled += this.#buffer.write(text, this.#filled, 'latin1');
      return undefined;
    }
    return this.#addLarge(text);
  }

  /** Adds pieces, one after the other. */
  async addAll(pieces: Iterable<string>): Promise<void> {
    for (const piece of pieces) {
      const busy = this.add(piece);
      if (busy !== undefined) await busy;
    }
  }

  async #addLarge(text: string): Promise<void> {
    await this.#flush();
    if (text.length <= PIECE) this.#filled = this.#buffer.write(text, 'latin1');
    else await this.#write(Buffer.from(text, 'latin1'));
  }

  /** Writes what is left and makes it durable. */
  async finish(): Promise<void> {
    await this.#flush();
    await guarded(this.#path, async () => {
      await this.#handle?.sync();
      await this.#handle?.close();
    });
    this.#handle = null;
  }

  /** Gives the finished file its name. */
  async publish(): Promise<WrittenFile> {
    await this.#refuseToOverwrite();
    await guarded(this.#path, () => rename(this.#temporary, this.#path));
    await syncFolder(path.dirname(this.#path));
    return { path: this.#path, bytes: this.#bytes };
  }

  /** Removes the temporary file. Safe at any time, also after {@link publish}. */
  async discard(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    await handle?.close().catch(() => undefined);
    await unlink(this.#temporary).catch(() => undefined);
  }

  async #flush(): Promise<void> {
    const piece = this.#buffer.subarray(0, this.#filled);
    this.#filled = 0;
    if (piece.length > 0) await this.#write(piece);
  }

  async #write(piece: Buffer): Promise<void> {
    await guarded(this.#path, async () => {
      for (let start = 0; start < piece.length;) {
        const written = await this.#handle?.write(piece, start);
        if (!written?.bytesWritten) throw new Error('nothing was written');
        start += written.bytesWritten;
      }
    });
    this.#bytes += piece.length;
  }

  async #refuseToOverwrite(): Promise<void> {
    if (this.#overwrite) return;
    const found = await stat(this.#path).catch(() => null);
    if (found === null) return;
    misused(
      'sql/exists',
      `${this.#path} is already there.`,
      'Name another file, move that one away, or say that it may be overwritten.',
      { path: this.#path },
    );
  }
}

/** Turns an error of the file system into an expected failure. */
async function guarded<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof FailureError) throw error;
    const reason = error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error);
    throw new FailureError(
      {
        code: 'sql/not-written',
        message: `${file} could not be written (${reason}).`,
        remedy: 'Check that the folder is there, that you may write to it, and that there is room.',
        kind: 'unreadable',
        detail: { path: file, reason },
      },
      { cause: error },
    );
  }
}

/** Makes the rename durable. Not every platform can open a folder for that; the file itself is durable already. */
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
