import { damaged, type Place } from './issue';
import type { Meta } from './meta';
import { Page, pageHeader } from './page';
import { PageOwners } from './page-owners';
import type { ByteSource } from './source';

/** Bytes of pages kept for lookups unless told otherwise. */
const DEFAULT_CACHE_BYTES = 16 * 1024 * 1024;
/** Largest logical page read, in bytes (spec 1.9). */
const MAX_LOGICAL_PAGE = 1024 * 1024 * 1024;
/** No tree is deeper; 64 levels of two children each would already outnumber the pages of any disk. */
export const MAX_DEPTH = 64;

/** A logical page as read: header checked against the request, content not looked at. */
export interface RawPage {
  readonly buffer: Buffer;
  /** Number of physical pages. */
  readonly pages: number;
}

/**
 * Reads pages on demand, checks them (spec 1.9), and keeps the most recently used ones, bounded in bytes.
 *
 * A page's buffer is never reused for another page, so what was handed out of one stays valid.
 */
export class PageCache {
  readonly #source: ByteSource;
  readonly #pageSize: number;
  readonly #highWater: number;
  readonly #fileSize: number;
  readonly #owners = new PageOwners();
  readonly #pages = new Map<number, Page>();
  readonly #capacity: number;
  #bytes = 0;

  /**
   * @param fileSize size in bytes at the time of opening; nothing beyond is read even if the file grows
   * @param cachePages number of page sizes to keep; 0 keeps none
   */
  constructor(source: ByteSource, meta: Meta, fileSize: number, cachePages: number | undefined) {
    this.#source = source;
    this.#pageSize = meta.pageSize;
    this.#highWater = meta.highWater;
    this.#fileSize = fileSize;
    this.#capacity = (cachePages ?? Math.max(DEFAULT_CACHE_BYTES / meta.pageSize, 8)) * meta.pageSize;
  }

  /**
   * The leaf or branch page with this id, checked.
   *
   * @param reference byte offset in the file of what points to the page
   * @param depth 1 for the root of a tree
   * @param keep whether to cache the page: not worth it for the leaves of a scan, which come by once
   * @throws any `bolt/…` damage code of spec 1.9 that concerns pages; `bolt/page-too-large`; `bolt/read-failed`
   */
  load(id: number | bigint, reference: number, depth: number, place: Place, keep: boolean): Page {
    if (depth > MAX_DEPTH) {
      damaged('bolt/too-deep', id, place, `Page ${id} lies deeper than ${MAX_DEPTH} levels.`, { depth });
    }
    const page = this.#inRange(id, place);
    this.#claim(page, page, 1, reference, place);
    const cached = this.#pages.get(page);
    if (cached) {
      // Insertion order is age: putting it back makes it the youngest.
      this.#pages.delete(page);
      this.#pages.set(page, cached);
      return cached;
    }
    const raw = this.readRaw(page, place);
    if (raw.pages > 1) this.#claim(page, page + 1, raw.pages - 1, reference, place);
    const parsed = Page.parse(page, raw.buffer, 0, raw.buffer.length, page * this.#pageSize, raw.pages, place);
    if (keep || !parsed.isLeaf) this.#remember(parsed);
    return parsed;
  }

  /**
   * Reads one logical page; checks its place, its id and that all of it exists, but not its type.
   *
   * @throws `bolt/page-out-of-range`, `bolt/truncated`, `bolt/page-id-mismatch`, `bolt/page-too-large`
   */
  readRaw(id: number, place: Place): RawPage {
    const page = this.#inRange(id, place);
    const position = page * this.#pageSize;
    const first = this.#read(page, position, this.#pageSize, place);
    const header = pageHeader(first, 0);
    if (header.id !== BigInt(page)) {
      damaged('bolt/page-id-mismatch', page, place, `Page ${page} says it is page ${header.id}.`, {
        found: header.id.toString(),
      });
    }
    if (header.overflow === 0) return { buffer: first, pages: 1 };
    const pages = header.overflow + 1;
    const bytes = pages * this.#pageSize;
    // Before anything is allocated: the file must really have these bytes.
    if (page + header.overflow >= this.#highWater || position + bytes > this.#fileSize) {
      damaged(
        'bolt/truncated',
        page,
        place,
        `Page ${page} claims ${pages} pages, but the file ends before (${this.#highWater} pages in use, ${this.#fileSize} bytes).`,
        { overflow: header.overflow },
      );
    }
    if (bytes > MAX_LOGICAL_PAGE) {
      damaged('bolt/page-too-large', page, place, `Page ${page} claims ${bytes} bytes; more than 1 GiB is not read.`, {
        bytes,
      });
    }
    const buffer = Buffer.allocUnsafeSlow(bytes);
    first.copy(buffer);
    this.#fill(page, buffer.subarray(this.#pageSize), position + this.#pageSize, place);
    return { buffer, pages };
  }

  #inRange(id: number | bigint, place: Place): number {
    if (typeof id === 'bigint' || id < 2 || id >= this.#highWater) {
      damaged(
        'bolt/page-out-of-range',
        id,
        place,
        `Page ${id} does not exist: the file uses pages 2 to ${this.#highWater - 1} for data.`,
        { highWater: this.#highWater },
      );
    }
    return id;
  }

  #claim(page: number, first: number, count: number, reference: number, place: Place): void {
    const conflict = this.#owners.claim(first, count, reference);
    if (conflict === null) return;
    const owner = Math.floor(this.#owners.ownerOf(conflict) / this.#pageSize);
    damaged(
      'bolt/cycle-or-shared-page',
      page,
      place,
      conflict === page
        ? `Page ${page} is reached a second time; page ${owner} refers to it already.`
        : `Page ${page} reaches over page ${conflict}, to which page ${owner} refers already.`,
      { otherReference: owner },
    );
  }

  #read(page: number, position: number, bytes: number, place: Place): Buffer {
    if (position + bytes > this.#fileSize) {
      damaged('bolt/truncated', page, place, `Page ${page} lies beyond the end of the file (${this.#fileSize} bytes).`);
    }
    // Not pooled: a slice kept by the caller then pins this page and nothing else.
    const buffer = Buffer.allocUnsafeSlow(bytes);
    this.#fill(page, buffer, position, place);
    return buffer;
  }

  #fill(page: number, buffer: Buffer, position: number, place: Place): void {
    if (this.#source.read(buffer, position) < buffer.length) {
      damaged('bolt/truncated', page, place, `The file became shorter while page ${page} was read.`);
    }
  }

  #remember(page: Page): void {
    const size = page.buffer.length;
    // One huge value must not push out everything else.
    if (size > this.#capacity / 4) return;
    this.#pages.set(page.id, page);
    this.#bytes += size;
    for (const [id, oldest] of this.#pages) {
      if (this.#bytes <= this.#capacity) break;
      this.#pages.delete(id);
      this.#bytes -= oldest.buffer.length;
    }
  }
}
