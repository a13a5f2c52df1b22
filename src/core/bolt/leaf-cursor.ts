import { FailureError } from '../failure';
import { issueOf, type BoltIssue } from './issue';
import type { Page } from './page';
import type { PageCache } from './page-cache';

/** How a tree is reached: the id of its root page, and what points to it. */
export interface TreeRoot {
  readonly id: number | bigint;
  /** Byte offset in the file of the pointer. */
  readonly reference: number;
  /** The page that holds the pointer. */
  readonly referencedBy: number;
}

/** A branch page on the way down, and what keys its parent says it may hold. */
interface Frame {
  readonly page: Page;
  next: number;
  /** First key above the subtree; null at the right edge of the tree. */
  readonly upper: Buffer | null;
}

/** What a cursor tells while it walks. */
export interface CursorEvents {
  /** Damage: the walk goes on with what is intact. Key order is a warning here, all else an error (spec 1.9). */
  readonly onIssue: (issue: BoltIssue) => void;
  /** Every page reached, branch or leaf. */
  readonly onPage?: (page: Page) => void;
}

/** Walks the intact leaves of one tree from left to right, around damaged parts. */
export class LeafCursor {
  readonly #cache: PageCache;
  readonly #root: TreeRoot;
  readonly #bucket: string;
  readonly #from: Buffer | null;
  readonly #events: CursorEvents;
  readonly #stack: Frame[] = [];
  #started = false;

  /**
   * @param bucket display name, for messages
   * @param from leaves that only hold smaller keys are passed over without being read; null for all
   */
  constructor(cache: PageCache, root: TreeRoot, bucket: string, from: Buffer | null, events: CursorEvents) {
    this.#cache = cache;
    this.#root = root;
    this.#bucket = bucket;
    this.#from = from;
    this.#events = events;
  }

  /** The next intact leaf page (which may be empty), or null at the end. */
  next(): Page | null {
    if (!this.#started) {
      this.#started = true;
      const { id, reference, referencedBy } = this.#root;
      const leaf = this.#visit(id, reference, referencedBy, null, null);
      if (leaf) return leaf;
    }
    for (;;) {
      const frame = this.#stack[this.#stack.length - 1];
      if (!frame) return null;
      const { page } = frame;
      if (frame.next >= page.count) {
        this.#stack.pop();
        continue;
      }
      const index = frame.next;
      frame.next += 1;
      const upper = frame.next < page.count ? page.key(frame.next) : frame.upper;
      const leaf = this.#visit(page.child(index), page.referenceOf(index), page.id, page.key(index), upper);
      if (leaf) return leaf;
    }
  }

  /** Loads one page: a branch goes onto the stack, a leaf is returned, a damaged page is reported. */
  #visit(
    id: number | bigint,
    reference: number,
    referencedBy: number,
    lower: Buffer | null,
    upper: Buffer | null,
  ): Page | null {
    let page: Page;
    try {
      page = this.#cache.load(id, reference, this.#stack.length + 1, { bucket: this.#bucket, referencedBy }, false);
    } catch (error) {
      if (!(error instanceof FailureError)) throw error;
      this.#events.onIssue(issueOf(error));
      return null;
    }
    this.#events.onPage?.(page);
    const fault = orderFault(page, lower, upper);
    if (fault !== null) {
      this.#events.onIssue({
        code: 'bolt/key-order',
        severity: 'warning',
        message: `${fault} Reached from page ${referencedBy}, in bucket ${this.#bucket}.`,
        page: page.id,
        bucket: this.#bucket,
      });
    }
    if (page.isLeaf) return page;
    // Keys out of order are nothing to search by: then all children are visited.
    const next = this.#from !== null && page.orderFault < 0 ? page.childFor(this.#from) : 0;
    this.#stack.push({ page, next, upper });
    return null;
  }
}

/** What is wrong with the order of a page's keys, among themselves or against its parent's; null when nothing is. */
export function orderFault(page: Page, lower: Buffer | null, upper: Buffer | null): string | null {
  if (page.count === 0) return null;
  if (page.orderFault >= 0) return `Key ${page.orderFault} of page ${page.id} is not above the one before it.`;
  if (lower !== null && page.compareKey(0, lower) < 0) {
    return `The first key of page ${page.id} is below the key by which its parent refers to it.`;
  }
  if (upper !== null && page.compareKey(page.count - 1, upper) >= 0) {
    return `The last key of page ${page.id} is not below the next key of its parent.`;
  }
  return null;
}
