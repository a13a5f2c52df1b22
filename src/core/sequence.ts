/** Lists whose items need not all be in memory at once. */

/**
 * Items in order. An array is one; of a large source it is one whose items are made anew each time they are asked for, so
 * what is kept of it should be little.
 */
export interface Sequence<T> extends Iterable<T> {
  readonly length: number;
  at(index: number): T | undefined;
  slice(start?: number, end?: number): T[];
  map<U>(change: (item: T, index: number) => U): U[];
  filter(wanted: (item: T, index: number) => unknown): T[];
  flatMap<U>(change: (item: T, index: number) => U | readonly U[]): U[];
  some(wanted: (item: T, index: number) => unknown): boolean;
  every(wanted: (item: T, index: number) => unknown): boolean;
  find(wanted: (item: T, index: number) => unknown): T | undefined;
  forEach(look: (item: T, index: number) => void): void;
}

/** A sequence whose items are made when they are asked for. */
export class MadeSequence<T> implements Sequence<T> {
  readonly #make: (index: number) => T;

  /** @param make gives the item at an index from 0 to below `length` */
  constructor(
    readonly length: number,
    make: (index: number) => T,
  ) {
    this.#make = make;
  }

  at(index: number): T | undefined {
    const from = index < 0 ? index + this.length : index;
    return from >= 0 && from < this.length ? this.#make(from) : undefined;
  }

  slice(start = 0, end = this.length): T[] {
    const items: T[] = [];
    for (let index = Math.max(0, start); index < Math.min(end, this.length); index += 1) items.push(this.#make(index));
    return items;
  }

  *[Symbol.iterator](): Generator<T, void, undefined> {
    for (let index = 0; index < this.length; index += 1) yield this.#make(index);
  }

  map<U>(change: (item: T, index: number) => U): U[] {
    const made: U[] = [];
    for (let index = 0; index < this.length; index += 1) made.push(change(this.#make(index), index));
    return made;
  }

  filter(wanted: (item: T, index: number) => unknown): T[] {
    const found: T[] = [];
    this.forEach((item, index) => {
      if (wanted(item, index)) found.push(item);
    });
    return found;
  }

  flatMap<U>(change: (item: T, index: number) => U | readonly U[]): U[] {
    const made: U[] = [];
    this.forEach((item, index) => {
      const some = change(item, index);
      if (Array.isArray(some)) made.push(...(some as readonly U[]));
      else made.push(some as U);
    });
    return made;
  }

  some(wanted: (item: T, index: number) => unknown): boolean {
    for (let index = 0; index < this.length; index += 1) if (wanted(this.#make(index), index)) return true;
    return false;
  }

  every(wanted: (item: T, index: number) => unknown): boolean {
    return !this.some((item, index) => !wanted(item, index));
  }

  find(wanted: (item: T, index: number) => unknown): T | undefined {
    for (let index = 0; index < this.length; index += 1) {
      const item = this.#make(index);
      if (wanted(item, index)) return item;
    }
    return undefined;
  }

  forEach(look: (item: T, index: number) => void): void {
    for (let index = 0; index < this.length; index += 1) look(this.#make(index), index);
  }
}

/** True for a list that is in memory whole: walking it costs nothing, and its items may be kept. */
export function isHeld<T>(list: Sequence<T>): list is readonly T[] & Sequence<T> {
  return Array.isArray(list);
}

/** The items that are wanted, each looked at once. Of a list that is not in memory their indexes are kept. */
export function chosen<T>(list: Sequence<T>, wanted: (item: T, index: number) => unknown): Sequence<T> {
  if (isHeld(list)) return list.filter(wanted);
  const indexes = new Uint32Array(list.length);
  let count = 0;
  list.forEach((item, index) => {
    if (wanted(item, index)) indexes[count++] = index;
  });
  return picked(list, indexes.slice(0, count));
}

/** The items in the order of their keys, compared by code unit. Of a list that is not in memory the order is kept. */
export function inOrder<T>(list: Sequence<T>, keyOf: (item: T) => string): Sequence<T> {
  const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  if (isHeld(list)) return list.toSorted((a, b) => compare(keyOf(a), keyOf(b)));
  const keys = list.map(keyOf);
  const indexes = Uint32Array.from(keys.keys());
  indexes.sort((a, b) => compare(keys[a] as string, keys[b] as string) || a - b);
  return picked(list, indexes);
}

function picked<T>(list: Sequence<T>, indexes: Uint32Array): Sequence<T> {
  return new MadeSequence(indexes.length, (index) => list.at(indexes[index] as number) as T);
}
