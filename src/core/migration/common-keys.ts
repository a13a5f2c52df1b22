/** Which of a million things have a key in common with another: found by hashes of 8 bytes, without keeping the keys. */

import { Column } from '../text-table';

/** Takes keys of things by their ordinal; several kinds of keys, each compared with its own kind only. */
export class CommonKeys {
  readonly #kinds: number;
  /** By ordinal and kind; 0 for none. */
  readonly #hashes: Float64Array;
  readonly #more: { readonly ordinal: number; readonly hash: number }[] = [];

  constructor(things: number, kinds: number) {
    this.#kinds = kinds;
    this.#hashes = new Float64Array(things * kinds);
  }

  /** The key of a kind, from 0 to below `kinds`. */
  set(ordinal: number, kind: number, key: string): void {
    this.#hashes[ordinal * this.#kinds + kind] = hashOf(key, kind);
  }

  /** A further key of a kind, for the few that have several. */
  add(ordinal: number, kind: number, key: string): void {
    this.#more.push({ ordinal, hash: hashOf(key, kind) });
  }

  /** Ordinals, ascending, of all that have a key in common with another, and perhaps of some that have not. */
  related(): number[] {
    const sorted = new Float64Array(this.#hashes.length + this.#more.length);
    sorted.set(this.#hashes);
    this.#more.forEach(({ hash }, index) => (sorted[this.#hashes.length + index] = hash));
    sorted.sort();
    const common = new Set<number>();
    for (let index = 1; index < sorted.length; index += 1) {
      const hash = sorted[index] as number;
      if (hash !== 0 && hash === sorted[index - 1]) common.add(hash);
    }
    if (common.size === 0) return [];
    const ordinals = new Set<number>();
    this.#hashes.forEach((hash, index) => {
      if (common.has(hash)) ordinals.add(Math.floor(index / this.#kinds));
    });
    for (const { ordinal, hash } of this.#more) if (common.has(hash)) ordinals.add(ordinal);
    return [...ordinals].sort((a, b) => a - b);
  }
}

/** Finds the ordinals of things by keys of which each may have several and several may have one. */
export class KeyOwners {
  readonly #hashes = new Column(Float64Array);
  readonly #ordinals = new Column(Uint32Array);
  /** Indexes of both in the order of the hashes. */
  #order: Uint32Array | null = null;
  #size = 0;

  add(key: string, ordinal: number): void {
    this.#hashes.set(this.#size, hashOf(key, 0));
    this.#ordinals.set(this.#size, ordinal);
    this.#size += 1;
    this.#order = null;
  }

  /** Those that have the key, and perhaps one that has not. */
  of(key: string): number[] {
    const order = (this.#order ??= Uint32Array.from({ length: this.#size }, (_, index) => index).sort(
      (a, b) => this.#hashes.get(a) - this.#hashes.get(b),
    ));
    const hash = hashOf(key, 0);
    let low = 0;
    for (let high = order.length; low < high;) {
      const middle = (low + high) >>> 1;
      if (this.#hashes.get(order[middle] as number) < hash) low = middle + 1;
      else high = middle;
    }
    const found: number[] = [];
    for (; low < order.length && this.#hashes.get(order[low] as number) === hash; low += 1)
      found.push(this.#ordinals.get(order[low] as number));
    return found;
  }
}

/** 53 bits of a text, never 0: equal texts have equal ones, and of a million others hardly two. */
function hashOf(text: string, kind: number): number {
  let high = 0x811c_9dc5 ^ (kind + 1);
  let low = 0x9e37_79b9 ^ (kind + 1);
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    high = Math.imul(high ^ unit, 0x85eb_ca6b);
    low = Math.imul(low ^ unit, 0xc2b2_ae35);
  }
  high = Math.imul(high ^ (high >>> 16), 0x7feb_352d) ^ Math.imul(low ^ (low >>> 13), 0x846c_a68b);
  low = Math.imul(low ^ (low >>> 16), 0x7feb_352d) ^ Math.imul(high ^ (high >>> 13), 0x846c_a68b);
  return (high >>> 11) * 0x1_0000_0000 + (low >>> 0) + 1;
}
