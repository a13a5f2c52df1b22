/** SQL as a private file: text gathered to large pieces, counted. */
import { PrivateFile } from '../private-file';

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
  readonly #file: PrivateFile;
  readonly #buffer = Buffer.allocUnsafe(PIECE);
  #filled = 0;
  #bytes = 0;

  private constructor(file: PrivateFile) {
    this.#file = file;
  }

  /** Throws `file/exists` (exit 2) when there is such a file and it may not be overwritten; `file/cannot-write` (exit 3). */
  static async create(path: string, overwrite: boolean): Promise<SqlFile> {
    return new SqlFile(await PrivateFile.create(path, { overwrite }));
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
    await this.#file.finish();
  }

  /** Gives the finished file its name. */
  async publish(): Promise<WrittenFile> {
    await this.#file.publish();
    return { path: this.#file.path, bytes: this.#bytes };
  }

  /** Removes the temporary file. Safe at any time, also after {@link publish}. */
  discard(): Promise<void> {
    return this.#file.discard();
  }

  async #flush(): Promise<void> {
    const piece = this.#buffer.subarray(0, this.#filled);
    this.#filled = 0;
    if (piece.length > 0) await this.#write(piece);
  }

  async #write(piece: Buffer): Promise<void> {
    await this.#file.write(piece);
    this.#bytes += piece.length;
  }
}
