import { damaged, type Place } from './issue';
import { PAGE_HEADER_BYTES, pageHeader, readPageId } from './page';
import type { PageCache } from './page-cache';

const FREELIST = 0x10;
/** A count of this value means that the true count is the first id (spec 1.8). */
const COUNT_ELSEWHERE = 0xffff;

/** The freelist of a snapshot. */
export interface Freelist {
  readonly page: number;
  /** Physical pages it covers. */
  readonly pages: number;
  /** Page ids, ascending. Ids that are no page of this file are as they stand. */
  readonly ids: Float64Array;
  /** False when the ids were not ascending in the file. */
  readonly wasSorted: boolean;
}

/**
 * Reads the freelist page (spec 1.8).
 *
 * @throws `bolt/page-type`, `bolt/count-out-of-range`, and what any page can throw
 */
export function readFreelist(cache: PageCache, id: number, metaPage: 0 | 1): Freelist {
  const place: Place = { bucket: '(freelist)', referencedBy: metaPage };
  const { buffer, pages } = cache.readRaw(id, place);
  const { flags, count } = pageHeader(buffer, 0);
  if (flags !== FREELIST) {
    damaged('bolt/page-type', id, place, `Page ${id} has type 0x${flags.toString(16)} where the freelist is due.`, {
      flags,
    });
  }
  const available = Math.floor((buffer.length - PAGE_HEADER_BYTES) / 8);
  const elsewhere = count === COUNT_ELSEWHERE;
  const total = elsewhere ? readPageId(buffer, PAGE_HEADER_BYTES) : count;
  const start = elsewhere ? 1 : 0;
  if (typeof total === 'bigint' || total > available - start) {
    damaged(
      'bolt/count-out-of-range',
      id,
      place,
      `The freelist claims ${total} pages, more than fit into page ${id}.`,
      {
        count: String(total),
      },
    );
  }
  const ids = new Float64Array(total);
  let wasSorted = true;
  for (let i = 0; i < total; i += 1) {
    ids[i] = Number(readPageId(buffer, PAGE_HEADER_BYTES + 8 * (start + i)));
    if (i > 0 && (ids[i] as number) <= (ids[i - 1] as number)) wasSorted = false;
  }
  if (!wasSorted) ids.sort();
  return { page: id, pages, ids, wasSorted };
}

/** The first free page at or above `first` and below `first + count`, or null. */
export function freeAmong({ ids }: Freelist, first: number, count: number): number | null {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ids[middle] as number) < first) low = middle + 1;
    else high = middle;
  }
  const found = ids[low];
  return found !== undefined && found < first + count ? found : null;
}
