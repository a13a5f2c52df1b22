import { damaged, type Place } from './issue';

/** Bytes of a page header (spec 1.2). */
export const PAGE_HEADER_BYTES = 16;
/** Bytes of one element, in leaf and branch pages alike. */
const ELEMENT_BYTES = 16;
const BRANCH = 0x01;
const LEAF = 0x02;
const BUCKET_FLAG = 0x01;

/** The header of a page as it stands in the file, unchecked. */
export interface PageHeader {
  readonly id: bigint;
  readonly flags: number;
  readonly count: number;
  readonly overflow: number;
}

/** Decodes a page header (spec 1.2). */
export function pageHeader(buffer: Buffer, at: number): PageHeader {
  return {
    id: buffer.readBigUInt64LE(at),
    flags: buffer.readUInt16LE(at + 8),
    count: buffer.readUInt16LE(at + 10),
    overflow: buffer.readUInt32LE(at + 12),
  };
}

/** One key of a bucket with its value. */
export interface BoltEntry {
  /** Never empty. */
  readonly key: Buffer;
  /** May be empty. For a nested bucket: its header and, when inline, its content. */
  readonly value: Buffer;
  /** The value is a nested bucket. */
  readonly isBucket: boolean;
  /** Byte offset in the file of the key, which the value follows at once. */
  readonly position: number;
}

/** Compares two byte ranges as Bolt orders keys: unsigned bytes, the shorter first. */
function compareRanges(a: Buffer, aStart: number, aEnd: number, b: Buffer, bStart: number, bEnd: number): number {
  // A loop beats Buffer.compare here: neighbouring keys differ early, and the call into C++ costs more than that.
  const length = Math.min(aEnd - aStart, bEnd - bStart);
  for (let i = 0; i < length; i += 1) {
    const difference = (a[aStart + i] as number) - (b[bStart + i] as number);
    if (difference !== 0) return difference;
  }
  return aEnd - aStart - (bEnd - bStart);
}

/**
 * One leaf or branch page whose every element has been checked to lie within it.
 *
 * An inline bucket's pseudo page is one too: then `base` points into the page that holds it.
 */
export class Page {
  /**
   * @param id page number; for an inline bucket, that of the page it lies in
   * @param buffer the logical page; the caller never writes to it again
   * @param base offset of the page header in `buffer`
   * @param end offset of the first byte in `buffer` that is not part of the page
   * @param filePosition offset in the file of the first byte of `buffer`
   * @param pages number of physical pages covered; 0 for an inline bucket
   * @param orderFault index of the first element whose key is not above the one before it, -1 when all is in order
   */
  private constructor(
    readonly id: number,
    readonly buffer: Buffer,
    readonly base: number,
    readonly end: number,
    readonly filePosition: number,
    readonly pages: number,
    readonly isLeaf: boolean,
    readonly count: number,
    readonly orderFault: number,
  ) {}

  /**
   * Checks and wraps a leaf or branch page. Its id and overflow are the caller's to check.
   *
   * @throws `bolt/page-type`, `bolt/empty-branch`, `bolt/count-out-of-range`, `bolt/element-out-of-range`
   */
  static parse(
    id: number,
    buffer: Buffer,
    base: number,
    end: number,
    filePosition: number,
    pages: number,
    place: Place,
  ): Page {
    const inline = pages === 0;
    const subject = inline ? `The inline bucket in page ${id}` : `Page ${id}`;
    const { flags, count } = pageHeader(buffer, base);
    if (flags !== LEAF && (flags !== BRANCH || inline)) {
      damaged(
        'bolt/page-type',
        id,
        place,
        `${subject} has type 0x${flags.toString(16)} where a ${inline ? '' : 'branch or '}leaf page is due.`,
        {
          flags,
        },
      );
    }
    const isLeaf = flags === LEAF;
    if (!isLeaf && count === 0) damaged('bolt/empty-branch', id, place, `${subject} is a branch without children.`);
    const dataStart = base + PAGE_HEADER_BYTES + ELEMENT_BYTES * count;
    if (dataStart > end) {
      damaged(
        'bolt/count-out-of-range',
        id,
        place,
        `${subject} claims ${count} elements, more than fit its ${end - base} bytes.`,
        { count },
      );
    }
    let orderFault = -1;
    let previousStart = 0;
    let previousEnd = 0;
    const sizes = isLeaf ? 4 : 0;
    for (let i = 0, at = base + PAGE_HEADER_BYTES; i < count; i += 1, at += ELEMENT_BYTES) {
      const keyStart = at + buffer.readUInt32LE(at + sizes);
      const keySize = buffer.readUInt32LE(at + sizes + 4);
      const keyEnd = keyStart + keySize;
      const valueEnd = isLeaf ? keyEnd + buffer.readUInt32LE(at + 12) : keyEnd;
      // Sums of three 32-bit numbers: far below 2^53, so no overflow can hide here.
      if (keySize === 0 || keyStart < dataStart || valueEnd > end) {
        damaged(
          'bolt/element-out-of-range',
          id,
          place,
          keySize === 0
            ? `Element ${i} of ${inline ? 'the inline bucket in page' : 'page'} ${id} has an empty key.`
            : `Element ${i} of ${inline ? 'the inline bucket in page' : 'page'} ${id} lies outside of it (bytes ${keyStart - base} to ${valueEnd - base} of ${end - base}).`,
          { element: i },
        );
      }
      if (i > 0 && orderFault < 0 && compareRanges(buffer, previousStart, previousEnd, buffer, keyStart, keyEnd) >= 0) {
        orderFault = i;
      }
      previousStart = keyStart;
      previousEnd = keyEnd;
    }
    return new Page(id, buffer, base, end, filePosition, pages, isLeaf, count, orderFault);
  }

  #element(index: number): number {
    return this.base + PAGE_HEADER_BYTES + ELEMENT_BYTES * index;
  }

  /** Offset in the file of an element: the reference by which its child page is reached. */
  referenceOf(index: number): number {
    return this.filePosition + this.#element(index);
  }

  key(index: number): Buffer {
    const at = this.#element(index) + (this.isLeaf ? 4 : 0);
    const start = this.#element(index) + this.buffer.readUInt32LE(at);
    return this.buffer.subarray(start, start + this.buffer.readUInt32LE(at + 4));
  }

  /** The entry at an index of a leaf page. */
  entry(index: number): BoltEntry {
    const { buffer } = this;
    const at = this.#element(index);
    const keyStart = at + buffer.readUInt32LE(at + 4);
    const keyEnd = keyStart + buffer.readUInt32LE(at + 8);
    return {
      key: buffer.subarray(keyStart, keyEnd),
      value: buffer.subarray(keyEnd, keyEnd + buffer.readUInt32LE(at + 12)),
      isBucket: (buffer.readUInt32LE(at) & BUCKET_FLAG) !== 0,
      position: this.filePosition + keyStart,
    };
  }

  /** True when the element of a leaf page is a nested bucket. */
  isBucket(index: number): boolean {
    return (this.buffer.readUInt32LE(this.#element(index)) & BUCKET_FLAG) !== 0;
  }

  /** Where the value at an index of a leaf page begins and ends in `buffer`. */
  valueRange(index: number): readonly [start: number, end: number] {
    const at = this.#element(index);
    const start = at + this.buffer.readUInt32LE(at + 4) + this.buffer.readUInt32LE(at + 8);
    return [start, start + this.buffer.readUInt32LE(at + 12)];
  }

  /** Page id of a branch page's child, exact and unchecked. */
  child(index: number): number | bigint {
    return readPageId(this.buffer, this.#element(index) + 8);
  }

  /** Compares the key at an index with another key: negative when the page's key is the smaller one. */
  compareKey(index: number, key: Buffer): number {
    const at = this.#element(index) + (this.isLeaf ? 4 : 0);
    const start = this.#element(index) + this.buffer.readUInt32LE(at);
    return compareRanges(this.buffer, start, start + this.buffer.readUInt32LE(at + 4), key, 0, key.length);
  }

  /** Index of the first key at or above the wanted one, `count` when there is none. Needs keys in order. */
  lowerBound(wanted: Buffer): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.compareKey(middle, wanted) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Index of the child to descend into: the last one whose key is not above the wanted one, else the first. */
  childFor(wanted: Buffer): number {
    const index = this.lowerBound(wanted);
    if (index < this.count && this.compareKey(index, wanted) === 0) return index;
    return Math.max(0, index - 1);
  }
}

/** Reads a page id: a number where that is exact, else a bigint (which is beyond any file). */
export function readPageId(buffer: Buffer, at: number): number | bigint {
  const high = buffer.readUInt32LE(at + 4);
  return high < 0x20_0000 ? high * 0x1_0000_0000 + buffer.readUInt32LE(at) : buffer.readBigUInt64LE(at);
}
