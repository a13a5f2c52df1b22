/** Values of a list too long for memory, as lines of JSON in a file without a name. */
import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { unreadable } from './failure';
import { temporaryName } from './private-file';
import { MadeSequence, type Sequence } from './sequence';
import { Column } from './text-table';

const PIECE = 256 * 1024;
const unused = new FinalizationRegistry<number>((descriptor) => closeSync(descriptor));

/** Takes values one after the other, then gives them back in any order, each made anew each time. */
export class LineStore<T> {
  readonly #file: number;
  readonly #folder: string;
  readonly #starts = new Column(Float64Array);
  #length = 0;
  #end = 0;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #window = Buffer.alloc(0);
  #from = 0;

  /**
   * @param folder where the file is; private, and on a disk with room
   * @throws FailureError `file/cannot-write`
   */
  constructor(folder: string) {
    this.#folder = folder;
    const path = temporaryName(join(folder, 'lines'));
    try {
      this.#file = openSync(path, 'wx+', 0o600);
      // It goes with the last who has it open, however this process ends.
      unlinkSync(path);
    } catch (error) {
      this.#cannotWrite(error);
    }
    unused.register(this, this.#file);
  }

  /** @throws FailureError `file/cannot-write` */
  append(value: T): void {
    const bytes = Buffer.from(`${JSON.stringify(value)}\n`);
    this.#starts.set(this.#length, this.#end + this.#pendingBytes);
    this.#length += 1;
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    if (this.#pendingBytes > PIECE) this.#flush();
  }

  /** Everything that was appended; nothing more is. */
  finish(): Sequence<T> {
    this.#flush();
    this.#starts.set(this.#length, this.#end);
    return new MadeSequence(this.#length, (index) => this.#at(index));
  }

  #at(index: number): T {
    const start = this.#starts.get(index);
    const end = this.#starts.get(index + 1);
    if (start < this.#from || end > this.#from + this.#window.length) {
      const goesOn = start >= this.#from && start <= this.#from + this.#window.length;
      const wanted = Math.min(goesOn ? Math.max(PIECE, end - start) : end - start, this.#end - start);
      this.#window = Buffer.allocUnsafeSlow(wanted);
      this.#from = start;
      for (let done = 0; done < wanted;) {
        const count = readSync(this.#file, this.#window, done, wanted - done, start + done);
        if (count === 0) throw new Error('a file of lines became shorter');
        done += count;
      }
    }
    return JSON.parse(this.#window.toString('utf8', start - this.#from, end - this.#from)) as T;
  }

  #flush(): void {
    const bytes = Buffer.concat(this.#pending);
    try {
      for (let done = 0; done < bytes.length;) {
        done += writeSync(this.#file, bytes, done, bytes.length - done, this.#end + done);
      }
    } catch (error) {
      this.#cannotWrite(error);
    }
    this.#end += bytes.length;
    this.#pending = [];
    this.#pendingBytes = 0;
  }

  #cannotWrite(error: unknown): never {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown';
    return unreadable(
      'file/cannot-write',
      `In ${this.#folder} no file can be written (${reason}).`,
      'See that the folder can be written and has room.',
      { path: this.#folder, reason },
    );
  }
}
