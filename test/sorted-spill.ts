/**
 * Sorts any number of entries in bounded memory: sorted runs go to a file without a name, and are merged when they are
 * read. For writing test databases of a million devices (test/micromdm-writer.ts).
 */
import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

type Entry = readonly [key: Buffer, value: Buffer];

/** Bytes of entries held before they are written out as a run; overhead of the objects not counted. */
const RUN_BYTES = 48 * 1024 * 1024;
const READ_BYTES = 512 * 1024;

/** Entries in; the same entries in key order out, of two with the same key the later one. */
export class SortedSpill {
  readonly #folder: string;
  #held: Entry[] = [];
  #bytes = 0;
  #file: number | null = null;
  #end = 0;
  readonly #runs: { readonly start: number; readonly end: number }[] = [];

  /** @param folder where runs are written when there is more than one */
  constructor(folder = tmpdir()) {
    this.#folder = folder;
  }

  add(key: Buffer, value: Buffer): void {
    this.#held.push([key, value]);
    this.#bytes += key.length + value.length + 100;
    if (this.#bytes > RUN_BYTES) this.#writeRun();
  }

  /** All entries in key order. To be read once, to its end. */
  *entries(): Generator<Entry> {
    if (this.#file === null) {
      yield* sorted(this.#held);
      return;
    }
    this.#writeRun();
    const runs = this.#runs.map((run, age) => new Run(this.#file as number, run.start, run.end, age));
    let open = runs.filter((run) => run.next());
    while (open.length > 0) {
      let least = open[0] as Run;
      for (const run of open) {
        const order = Buffer.compare(run.key, least.key);
        if (order < 0 || (order === 0 && run.age > least.age)) least = run;
      }
      const { key, value } = least;
      yield [key, value];
      let ended = false;
      // Older entries of the same key are what a database would have overwritten.
      for (const run of open) if (run.key.equals(key) && !run.next()) ended = true;
      if (ended) open = open.filter((run) => !run.ended);
    }
    closeSync(this.#file);
  }

  #writeRun(): void {
    if (this.#file === null) {
      const path = join(this.#folder, `sorted-spill-${process.pid}-${Math.random().toString(36).slice(2)}`);
      this.#file = openSync(path, 'wx+', 0o600);
      unlinkSync(path);
    }
    const start = this.#end;
    let pieces: Buffer[] = [];
    let bytes = 0;
    const flush = (): void => {
      writeSync(this.#file as number, Buffer.concat(pieces), 0, bytes, this.#end);
      this.#end += bytes;
      pieces = [];
      bytes = 0;
    };
    for (const [key, value] of sorted(this.#held)) {
      const head = Buffer.alloc(8);
      head.writeUInt32LE(key.length, 0);
      head.writeUInt32LE(value.length, 4);
      pieces.push(head, key, value);
      bytes += 8 + key.length + value.length;
      if (bytes > READ_BYTES) flush();
    }
    flush();
    this.#runs.push({ start, end: this.#end });
    this.#held = [];
    this.#bytes = 0;
  }
}

/** One sorted run, read from front to back. */
class Run {
  key: Buffer = Buffer.alloc(0);
  value: Buffer = Buffer.alloc(0);
  ended = false;
  #buffer = Buffer.alloc(0);
  #at = 0;

  constructor(
    private readonly file: number,
    private position: number,
    private readonly end: number,
    readonly age: number,
  ) {}

  /** Goes on to the next entry; false at the end. */
  next(): boolean {
    if (this.position === this.end && this.#at === this.#buffer.length) {
      this.ended = true;
      return false;
    }
    const head = this.#take(8);
    const [keyLength, valueLength] = [head.readUInt32LE(0), head.readUInt32LE(4)];
    const both = this.#take(keyLength + valueLength);
    this.key = both.subarray(0, keyLength);
    this.value = both.subarray(keyLength);
    return true;
  }

  #take(count: number): Buffer {
    if (this.#buffer.length - this.#at < count) {
      const left = this.#buffer.subarray(this.#at);
      // A buffer of its own each time: what was handed out stays as it is.
      const buffer = Buffer.allocUnsafe(left.length + Math.min(Math.max(READ_BYTES, count), this.end - this.position));
      left.copy(buffer);
      for (let filled = left.length; filled < buffer.length;) {
        const read = readSync(this.file, buffer, filled, buffer.length - filled, this.position);
        if (read === 0) throw new Error('sorted-spill: the file of runs became shorter');
        filled += read;
        this.position += read;
      }
      this.#buffer = buffer;
      this.#at = 0;
    }
    this.#at += count;
    return this.#buffer.subarray(this.#at - count, this.#at);
  }
}

/** In key order; of two with the same key the later one, as a database would have it. */
function sorted(entries: readonly Entry[]): Entry[] {
  const order = entries.map((entry, at) => ({ entry, at }));
  order.sort((a, b) => Buffer.compare(a.entry[0], b.entry[0]) || a.at - b.at);
  return order.filter(({ entry }, i) => order[i + 1]?.entry[0].equals(entry[0]) !== true).map(({ entry }) => entry);
}
