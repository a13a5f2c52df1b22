/**
 * Tables of a million short texts that cost little more than their bytes: a Map of as many strings takes five times as
 * much, and most of it on the heap, where the collector walks it again and again.
 */
import { randomBytes } from 'node:crypto';

const CHUNK = 1 << 20;

/** Values of a fixed size that grow as needed; what was never set is 0. */
export class Column<A extends Int32Array | Uint32Array | Uint16Array | Uint8Array | Float64Array> {
  #values: A;
  readonly #make: new (length: number) => A;

  constructor(make: new (length: number) => A, room = 1024) {
    this.#make = make;
    this.#values = new make(room);
  }

  get(index: number): number {
    return this.#values[index] ?? 0;
  }

  set(index: number, value: number): void {
    if (index >= this.#values.length) {
      // By half: doubling would leave a third of the memory unused on average.
      const grown = new this.#make(Math.max(index + 1, Math.ceil(this.#values.length * 1.5)));
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[index] = value;
  }
}

/** Texts by the number in which they were added, as UTF-8 in large buffers. */
export class TextColumn {
  readonly #chunks: Buffer[] = [];
  #used = CHUNK;
  readonly #starts = new Column(Uint32Array);
  readonly #lengths = new Column(Uint32Array);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @returns its number */
  add(bytes: Buffer): number {
    // Not filled to the last byte, so that every start, of an empty text too, lies within its chunk.
    if (this.#used + bytes.length >= CHUNK) {
      // A text longer than a chunk gets one of its own.
      this.#chunks.push(Buffer.allocUnsafeSlow(Math.max(CHUNK, bytes.length)));
      this.#used = 0;
    }
    const chunk = this.#chunks.length - 1;
    bytes.copy(this.#chunks[chunk] as Buffer, this.#used);
    this.#starts.set(this.#size, chunk * CHUNK + this.#used);
    this.#lengths.set(this.#size, bytes.length);
    this.#used += bytes.length;
    this.#size += 1;
    return this.#size - 1;
  }

  text(index: number, encoding: 'utf8' | 'hex' = 'utf8'): string {
    const start = this.#starts.get(index);
    const from = start % CHUNK;
    const chunk = this.#chunks[Math.floor(start / CHUNK)] as Buffer;
    return chunk.toString(encoding, from, from + this.#lengths.get(index));
  }

  equals(index: number, bytes: Buffer): boolean {
    const length = this.#lengths.get(index);
    if (length !== bytes.length) return false;
    const start = this.#starts.get(index);
    const from = start % CHUNK;
    return bytes.compare(this.#chunks[Math.floor(start / CHUNK)] as Buffer, from, from + length) === 0;
  }
}

/** Distinct texts, numbered from 0 in the order in which they were added first. */
export class TextTable {
  readonly #texts = new TextColumn();
  readonly #hashes = new Column(Uint32Array);
  /** Number + 1 by hash, 0 where free; searched onwards from the hash's place. */
  #slots = new Uint32Array(4096);
  /** Unknown to whoever writes a source, so that nobody can choose texts that all fall into one place. */
  readonly #seed = randomBytes(4).readUInt32LE(0);
  #asked: string | null = null;
  #answered = -1;
  #scratch = Buffer.allocUnsafeSlow(256);

  get size(): number {
    return this.#texts.size;
  }

  /** Its number; -1 when it was never added. */
  find(text: string, encoding: 'utf8' | 'hex' = 'utf8'): number {
    // What belongs to one id is asked for at once, table by table.
    if (text === this.#asked && encoding === 'utf8') return this.#answered;
    const found = this.findBytes(this.#bytesOf(text, encoding));
    if (encoding === 'utf8') {
      this.#asked = text;
      this.#answered = found;
    }
    return found;
  }

  findBytes(bytes: Buffer): number {
    return (this.#slots[this.#place(bytes, this.#hash(bytes))] as number) - 1;
  }

  has(text: string): boolean {
    return this.find(text) >= 0;
  }

  /** @returns its number, the old one where it was there */
  add(text: string): number {
    return this.addBytes(this.#bytesOf(text, 'utf8'));
  }

  addBytes(bytes: Buffer): number {
    const hash = this.#hash(bytes);
    const place = this.#place(bytes, hash);
    const known = this.#slots[place] as number;
    if (known > 0) return known - 1;
    const number = this.#texts.add(bytes);
    this.#asked = null;
    this.#hashes.set(number, hash);
    this.#slots[place] = number + 1;
    if (this.size * 2 > this.#slots.length) this.#grow();
    return number;
  }

  text(number: number, encoding: 'utf8' | 'hex' = 'utf8'): string {
    return this.#texts.text(number, encoding);
  }

  *texts(): Generator<string, void, undefined> {
    for (let number = 0; number < this.size; number += 1) yield this.#texts.text(number);
  }

  #bytesOf(text: string, encoding: 'utf8' | 'hex'): Buffer {
    if (text.length * 3 > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(text.length * 3);
    return this.#scratch.subarray(0, this.#scratch.write(text, encoding));
  }

  #hash(bytes: Buffer): number {
    let hash = this.#seed;
    for (let at = 0; at < bytes.length; at += 1) hash = Math.imul(hash ^ (bytes[at] as number), 0x0100_0193);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b_3c6d);
    return (hash ^ (hash >>> 13)) >>> 0;
  }

  #place(bytes: Buffer, hash: number): number {
    const last = this.#slots.length - 1;
    for (let place = hash & last; ; place = (place + 1) & last) {
      const known = this.#slots[place] as number;
      if (known === 0) return place;
      if (this.#hashes.get(known - 1) === hash && this.#texts.equals(known - 1, bytes)) return place;
    }
  }

  #grow(): void {
    const slots = new Uint32Array(this.#slots.length * 2);
    const last = slots.length - 1;
    for (let number = 0; number < this.size; number += 1) {
      let place = this.#hashes.get(number) & last;
      while (slots[place] !== 0) place = (place + 1) & last;
      slots[place] = number + 1;
    }
    this.#slots = slots;
  }
}
