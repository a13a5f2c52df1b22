import { FailureError } from '../failure';
import { addIssue, damaged, displayName, issueOf, type BoltIssue, type Place } from './issue';
import { LeafCursor, orderFault, type CursorEvents, type TreeRoot } from './leaf-cursor';
import { Page, PAGE_HEADER_BYTES, pageHeader, readPageId, type BoltEntry } from './page';
import { MAX_DEPTH, type PageCache } from './page-cache';

/** Bytes of a bucket header: root page id and sequence (spec 1.7). */
const BUCKET_HEADER_BYTES = 16;

/**
 * A bucket: keys in ascending order of their bytes, each with a value or a nested bucket.
 *
 * Buffers handed out are slices of page buffers. They stay valid for ever, even after the file was closed, because a
 * page's buffer is never reused; but each keeps its whole page in memory (4 KiB and more for a value of a few
 * bytes). Copy (`Buffer.from(value)`) what is small and kept for long.
 */
export interface Bucket {
  readonly name: Buffer;
  /** Name for people, with those of the buckets it lies in: `outer / inner`. */
  readonly label: string;
  readonly sequence: bigint;
  /** Its content lies within the page of the bucket that holds it. */
  readonly inline: boolean;
  /**
   * Damage met so far by `entries`, `seek` and `count` (they go on with the intact leaves), or when the bucket was
   * opened. Empty after a whole scan means: everything was read. Severity `error`: entries are missing. Severity
   * `warning` (`bolt/key-order`): entries are all there, but lookups may miss them.
   */
  readonly damage: readonly BoltIssue[];
  /** All entries in order. Damaged parts are left out and noted in `damage`. */
  entries(): Generator<BoltEntry, void, undefined>;
  /** The entries with this key and above. Damaged parts are left out and noted in `damage`. */
  seek(key: Buffer | string): Generator<BoltEntry, void, undefined>;
  /** The number of entries that `entries` yields, without making them. */
  count(): number;
  /**
   * The value of a key, or null when there is none or it is a nested bucket.
   *
   * @throws any `bolt/…` damage code met on the way to the key, `bolt/key-order` included
   */
  get(key: Buffer | string): Buffer | null;
  /**
   * A nested bucket, or null. One whose header is broken is returned too, with `damage` and no entries.
   *
   * @throws as `get`
   */
  bucket(name: Buffer | string): Bucket | null;
}

/** What a bucket's content is: a tree of pages, a pseudo page within another one, or unreadable. */
type Content =
  | { readonly kind: 'tree'; readonly root: TreeRoot }
  | { readonly kind: 'inline'; readonly page: Page }
  | { readonly kind: 'damaged'; readonly failure: FailureError };

/** {@link Bucket}, as read from a file. */
export class TreeBucket implements Bucket {
  readonly #cache: PageCache;
  readonly #content: Content;
  readonly #damage: BoltIssue[] = [];
  /** How many buckets this one lies in. */
  readonly #level: number;

  constructor(
    cache: PageCache,
    readonly name: Buffer,
    readonly label: string,
    readonly sequence: bigint,
    content: Content,
    level: number,
  ) {
    this.#cache = cache;
    this.#content = content;
    this.#level = level;
    if (content.kind === 'damaged') addIssue(this.#damage, issueOf(content.failure));
    else if (content.kind === 'inline') this.#checkInlineOrder(content.page);
  }

  get inline(): boolean {
    return this.#content.kind === 'inline';
  }

  get damage(): readonly BoltIssue[] {
    return this.#damage;
  }

  entries(): Generator<BoltEntry, void, undefined> {
    return this.#scan(null);
  }

  seek(key: Buffer | string): Generator<BoltEntry, void, undefined> {
    return this.#scan(bytesOf(key));
  }

  count(): number {
    let count = 0;
    for (let leaf, leaves = this.leaves(); (leaf = leaves.next());) count += leaf.count;
    return count;
  }

  get(key: Buffer | string): Buffer | null {
    const found = this.#find(bytesOf(key));
    if (!found) return null;
    const entry = found.page.entry(found.index);
    return entry.isBucket ? null : entry.value;
  }

  bucket(name: Buffer | string): TreeBucket | null {
    const found = this.#find(bytesOf(name));
    return found?.page.isBucket(found.index) ? this.nested(found.page, found.index) : null;
  }

  /** The nested bucket at an index of one of this bucket's leaf pages. */
  nested(page: Page, index: number): TreeBucket {
    return openBucket(this.#cache, page, index, this.#level === 0 ? '' : `${this.label} / `, this.#level + 1);
  }

  /**
   * The intact leaves in order; damage goes to `damage`.
   *
   * @param events told of every page of the tree reached (an inline bucket has none) and of every issue
   */
  leaves(from: Buffer | null = null, events: Partial<CursorEvents> = {}): { next(): Page | null } {
    const content = this.#content;
    if (content.kind === 'tree') {
      return new LeafCursor(this.#cache, content.root, this.label, from, {
        ...events,
        onIssue: (issue) => {
          addIssue(this.#damage, issue);
          events.onIssue?.(issue);
        },
      });
    }
    let page = content.kind === 'inline' ? content.page : null;
    return {
      next: () => {
        const leaf = page;
        page = null;
        return leaf;
      },
    };
  }

  *#scan(from: Buffer | null): Generator<BoltEntry, void, undefined> {
    const leaves = this.leaves(from);
    for (let leaf = leaves.next(); leaf; leaf = leaves.next()) {
      const sorted = leaf.orderFault < 0;
      const { count } = leaf;
      for (let i = from !== null && sorted ? leaf.lowerBound(from) : 0; i < count; i += 1) {
        if (from !== null && !sorted && leaf.compareKey(i, from) < 0) continue;
        yield leaf.entry(i);
      }
    }
  }

  /** The leaf and index of a key. Throws on any damage in the way, because "not found" must be certain. */
  #find(key: Buffer): { page: Page; index: number } | null {
    const content = this.#content;
    if (content.kind === 'damaged') throw content.failure;
    let page: Page;
    let referencedBy: number;
    let lower: Buffer | null = null;
    let upper: Buffer | null = null;
    if (content.kind === 'inline') {
      page = content.page;
      referencedBy = page.id;
    } else {
      ({ referencedBy } = content.root);
      const place: Place = { bucket: this.label, referencedBy };
      page = this.#cache.load(content.root.id, content.root.reference, 1, place, true);
    }
    for (let depth = 1; ; depth += 1) {
      const fault = orderFault(page, lower, upper);
      if (fault !== null) damaged('bolt/key-order', page.id, { bucket: this.label, referencedBy }, fault);
      if (page.isLeaf) break;
      const index = page.childFor(key);
      lower = page.key(index);
      if (index + 1 < page.count) upper = page.key(index + 1);
      referencedBy = page.id;
      const place: Place = { bucket: this.label, referencedBy };
      page = this.#cache.load(page.child(index), page.referenceOf(index), depth + 1, place, true);
    }
    const index = page.lowerBound(key);
    return index < page.count && page.compareKey(index, key) === 0 ? { page, index } : null;
  }

  #checkInlineOrder(page: Page): void {
    const fault = orderFault(page, null, null);
    if (fault === null) return;
    addIssue(this.#damage, {
      code: 'bolt/key-order',
      severity: 'warning',
      message: `${fault} In the inline bucket ${this.label}.`,
      page: page.id,
      bucket: this.label,
    });
  }
}

/**
 * Opens the bucket whose header is the value at an index of a leaf page (spec 1.7). Damage of the header does not
 * throw: it makes a bucket with `damage` and no entries.
 *
 * @param prefix display names of the buckets around it
 * @param level how many buckets it lies in, the nameless root included
 */
function openBucket(cache: PageCache, page: Page, index: number, prefix: string, level: number): TreeBucket {
  const name = page.key(index);
  const label = prefix + displayName(name);
  const place: Place = { bucket: label, referencedBy: page.id };
  const [start, end] = page.valueRange(index);
  const size = end - start;
  let sequence = 0n;
  let content: Content;
  try {
    if (level > MAX_DEPTH) {
      damaged('bolt/too-deep', page.id, place, `More than ${MAX_DEPTH} buckets lie in one another.`, { level });
    }
    if (size < BUCKET_HEADER_BYTES) {
      damaged(
        'bolt/bad-bucket-header',
        page.id,
        place,
        `The bucket header in page ${page.id} has ${size} bytes, not 16.`,
        {
          size,
        },
      );
    }
    sequence = page.buffer.readBigUInt64LE(start + 8);
    const root = readPageId(page.buffer, start);
    if (root === 0) {
      content = { kind: 'inline', page: inlinePage(page, start + BUCKET_HEADER_BYTES, end, place) };
    } else {
      content = {
        kind: 'tree',
        root: { id: root, reference: page.filePosition + start, referencedBy: page.id },
      };
    }
  } catch (error) {
    if (!(error instanceof FailureError)) throw error;
    content = { kind: 'damaged', failure: error };
  }
  return new TreeBucket(cache, name, label, sequence, content, level);
}

/** The pseudo page of an inline bucket. It may lie at any alignment; its id is 0 (spec 1.7). */
function inlinePage(page: Page, base: number, end: number, place: Place): Page {
  if (end - base < PAGE_HEADER_BYTES) {
    damaged(
      'bolt/bad-bucket-header',
      page.id,
      place,
      `The inline bucket in page ${page.id} has ${end - base} bytes, too few for its page header.`,
      { size: end - base },
    );
  }
  const { id } = pageHeader(page.buffer, base);
  if (id !== 0n) {
    damaged(
      'bolt/page-id-mismatch',
      page.id,
      place,
      `The inline bucket in page ${page.id} says it is page ${id}, not 0.`,
      {
        found: id.toString(),
      },
    );
  }
  return Page.parse(page.id, page.buffer, base, end, page.filePosition, 0, place);
}

function bytesOf(key: Buffer | string): Buffer {
  return typeof key === 'string' ? Buffer.from(key, 'utf8') : key;
}
