/** Entries per chunk: 8 KiB each, so that sparse use of a huge file costs at most twice what it reads. */
const CHUNK = 1024;

/**
 * Remembers by which reference each page was reached: the byte offset, in the file, of the element that points to it.
 *
 * In a sound file every page has exactly one such reference. A second one means a cycle or a page shared by two
 * trees; the same one again is just a second walk (a scan repeated, a lookup after a scan) and no alarm. One table
 * serves all buckets of a file, so sharing across buckets is found too. Memory: 8 bytes for each page reached.
 */
export class PageOwners {
  readonly #chunks = new Map<number, Float64Array>();

  /** Byte offset of the reference that owns the page, 0 when none does. */
  ownerOf(page: number): number {
    return this.#chunks.get(Math.floor(page / CHUNK))?.[page % CHUNK] ?? 0;
  }

  /**
   * Makes a reference the owner of `count` pages from `first` on.
   *
   * @param reference byte offset of the referring element; never 0, as no reference lies in a page header
   * @returns the first page that belongs to another reference, after which nothing is claimed; or null
   */
  claim(first: number, count: number, reference: number): number | null {
    for (let page = first; page < first + count; page += 1) {
      const key = Math.floor(page / CHUNK);
      let chunk = this.#chunks.get(key);
      if (!chunk) {
        chunk = new Float64Array(CHUNK);
        this.#chunks.set(key, chunk);
      }
      const owner = chunk[page % CHUNK];
      if (owner !== 0 && owner !== reference) return page;
      chunk[page % CHUNK] = reference;
    }
    return null;
  }
}
