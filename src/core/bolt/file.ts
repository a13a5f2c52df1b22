import { FailureError, unreadable } from '../failure';
import { TreeBucket, type Bucket } from './bucket';
import { freeAmong, readFreelist, type Freelist } from './freelist';
import { addIssue, FRESH_COPY_REMEDY, issueOf, type BoltIssue } from './issue';
import type { CursorEvents } from './leaf-cursor';
import { isMeta, META_ROOT_OFFSET, readMetas, type Meta, type Metas } from './meta';
import { PageCache } from './page-cache';
import { refuseForeign, refuseWithoutMeta } from './refusal';
import { fileSource, type ByteSource } from './source';

/** How to open a file. */
export interface OpenOptions {
  /**
   * Read the snapshot before the newest one, when the newest is broken. Some of its pages may have been reused
   * already, so look at every bucket's `damage`; a file cut short is accepted too, with an error in `issues`.
   */
  readonly salvage?: boolean;
  /** How many page sizes of memory to keep for lookups; 16 MiB worth unless given. */
  readonly cachePages?: number;
}

/** The name of the nameless root bucket in messages. */
const ROOT_LABEL = '(root)';

/**
 * Opens a Bolt database for reading. The file is never written, created or locked.
 *
 * Close it when done: `using` is not there in Node 20, so `try … finally { file.close() }`.
 *
 * @param source path of a file, or bytes to read from; closed by {@link BoltFile.close}, and when opening fails
 * @throws the refusals `bolt/not-found`, `bolt/no-permission`, `bolt/is-directory`, `bolt/not-a-file`,
 *   `bolt/empty-file`, `bolt/too-small`, `bolt/not-bolt`, `bolt/wrong-endianness`, `bolt/no-valid-meta`,
 *   `bolt/truncated`, `bolt/read-failed`; and any damage of the root bucket, which is fatal (spec 1.9)
 */
export function openBolt(source: string | ByteSource, options: OpenOptions = {}): BoltFile {
  const file = BoltFile.atSnapshot(source, options);
  try {
    file.bucketNames();
  } catch (error) {
    file.close();
    throw error;
  }
  return file;
}

/** One snapshot of a Bolt database: what the chosen meta page describes. */
export class BoltFile {
  /** Path or name of the source. */
  readonly path: string;
  /** Size in bytes when it was opened. */
  readonly fileSize: number;
  /** Bytes per page; a property of the file, not of this machine. */
  readonly pageSize: number;
  /** Transaction that wrote this snapshot. */
  readonly txid: bigint;
  /** First page id never allocated: the database is `highWater * pageSize` bytes, the rest of the file is nothing. */
  readonly highWater: number;
  /** The meta page in use. */
  readonly metaPage: 0 | 1;
  /** What was noticed on opening. Damage within a bucket is in that bucket's `damage`. */
  readonly issues: readonly BoltIssue[];

  readonly #source: ByteSource;
  readonly #meta: Meta;
  /** The newest meta, which is the one in use except when salvaging. */
  readonly #newest: Meta;
  readonly #cache: PageCache;
  readonly #root: TreeBucket;
  readonly #issues: BoltIssue[];
  #buckets: Map<string, TreeBucket> | null = null;

  private constructor(
    source: ByteSource,
    path: string,
    fileSize: number,
    meta: Meta,
    newest: Meta,
    issues: BoltIssue[],
    cachePages?: number,
  ) {
    this.#source = source;
    this.#meta = meta;
    this.#newest = newest;
    this.#issues = issues;
    this.#cache = new PageCache(source, meta, fileSize, cachePages);
    this.path = path;
    this.fileSize = fileSize;
    this.pageSize = meta.pageSize;
    this.txid = meta.txid;
    this.highWater = meta.highWater;
    this.metaPage = meta.page;
    this.issues = issues;
    const reference = meta.page * meta.pageSize + META_ROOT_OFFSET;
    const root = { id: meta.root, reference, referencedBy: meta.page };
    this.#root = new TreeBucket(this.#cache, Buffer.alloc(0), ROOT_LABEL, 0n, { kind: 'tree', root }, 0);
  }

  /**
   * Opens without looking at the root bucket yet. For the live protocol, which must be able to ask
   * {@link isUnchanged} when the root bucket proves torn; everyone else uses {@link openBolt}.
   */
  static atSnapshot(from: string | ByteSource, options: OpenOptions = {}): BoltFile {
    const source = typeof from === 'string' ? fileSource(from) : from;
    const path = source.name ?? '(memory)';
    try {
      refuseForeign(source, path);
      const metas = readMetas(source);
      const [newest, older] = metas.valid;
      if (!newest) return refuseWithoutMeta(metas, source, path);
      // Asked after the metas: a server grows its file before it writes the meta that needs the room.
      const fileSize = source.size;
      const meta = options.salvage === true && older ? older : newest;
      const issues = issuesOfMetas(metas, meta, options.salvage === true);
      if (meta.highWater * meta.pageSize > fileSize) {
        const message = `${path} is cut short: it has ${fileSize} bytes, its header page says ${meta.highWater * meta.pageSize}.`;
        if (options.salvage === true) addIssue(issues, { code: 'bolt/truncated', severity: 'error', message });
        else unreadable('bolt/truncated', message, FRESH_COPY_REMEDY, truncation(path, fileSize, meta));
      }
      return new BoltFile(source, path, fileSize, meta, newest, issues, options.cachePages);
    } catch (error) {
      source.close();
      throw error;
    }
  }

  /**
   * Names of the top-level buckets, in order of their bytes.
   *
   * @throws any damage of the root bucket
   */
  bucketNames(): Buffer[] {
    return [...this.#topLevel().values()].map((bucket) => bucket.name);
  }

  /** A top-level bucket, or null; the same object each time, so its `damage` accumulates. Text is taken as UTF-8. */
  bucket(name: string | Buffer): Bucket | null {
    const key = typeof name === 'string' ? Buffer.from(name, 'utf8') : name;
    return this.#topLevel().get(key.toString('latin1')) ?? null;
  }

  /**
   * Whether what was read so far is one consistent snapshot although a server may be writing (spec 1.10): the newest
   * valid meta is still the same one and the file has not become smaller. Bolt writes new pages only to places that
   * the newest snapshot does not use, so as long as it is the newest, none of its pages was touched.
   *
   * Another file that came to bear its name is a change, too: a whole state, but not what lies there now, which is what
   * its hash and the operator are told of.
   *
   * Reads both metas from the file again. True proves nothing on a network or shared file system without a coherent
   * cache, nor for a snapshot opened with `salvage`, which was not the newest to begin with.
   */
  isUnchanged(): boolean {
    const { valid } = readMetas(this.#source, this.pageSize);
    if (valid[0]?.bytes.equals(this.#newest.bytes) !== true) return false;
    return this.#source.size >= this.fileSize && this.#source.isNamed !== false;
  }

  /**
   * Checks the freelist against the pages in use: a page that is both is damage to come or come already. Reads every
   * page of every tree. Only warnings: boltdb itself has written slightly wrong freelists (spec 1.8).
   */
  checkFreelist(): BoltIssue[] {
    const issues: BoltIssue[] = [];
    const list = this.#freelist(issues);
    if (!list) return issues;
    const warn = (code: string, page: number, message: string): void =>
      addIssue(issues, { code, severity: 'warning', message, page });
    if (!list.wasSorted) warn('bolt/freelist-damaged', list.page, `The freelist (page ${list.page}) is not in order.`);
    const outside = list.ids.find((id) => id < 2 || id >= this.highWater);
    if (outside !== undefined) {
      warn(
        'bolt/freelist-damaged',
        list.page,
        `The freelist (page ${list.page}) lists page ${outside}, which does not exist.`,
      );
    }
    for (const [first, count] of this.#walk(new Set())) {
      const free = freeAmong(list, first, count);
      if (free !== null) warn('bolt/free-page-in-use', free, `Page ${free} is in use and listed as free.`);
      if (first < list.page + list.pages && list.page < first + count) {
        warn(
          'bolt/free-page-in-use',
          list.page,
          `Page ${first} is in use and lies over the freelist (page ${list.page}).`,
        );
      }
    }
    return issues;
  }

  /**
   * The pages that a copy of this snapshot needs, as `[first page, number of pages]` in the order of the trees: both
   * metas, the freelist, and every intact page of the root and of all buckets that are not skipped. A page that is
   * damaged is included as a single page, so that a copy shows the same damage.
   *
   * @param skipBuckets top-level buckets to leave out; the copy's root still names them, so reading them there fails
   */
  *reachablePages(skipBuckets: readonly (string | Buffer)[] = []): Generator<[page: number, count: number]> {
    yield [0, 2];
    const list = this.#freelist([]);
    if (list) yield [list.page, list.pages];
    const names = skipBuckets.map((name) => (typeof name === 'string' ? Buffer.from(name) : name).toString('latin1'));
    yield* this.#walk(new Set(names));
  }

  /** Closes the source. Buffers handed out stay valid. */
  close(): void {
    this.#source.close();
  }

  #freelist(issues: BoltIssue[]): Freelist | null {
    if (this.#meta.freelist === null) return null;
    try {
      return readFreelist(this.#cache, this.#meta.freelist, this.metaPage);
    } catch (error) {
      if (!(error instanceof FailureError)) throw error;
      addIssue(issues, { ...issueOf(error, 'warning'), code: 'bolt/freelist-damaged' });
      return null;
    }
  }

  /** Page ranges of the root tree and, depth first, of the buckets in it. */
  *#walk(skip: ReadonlySet<string>): Generator<[page: number, count: number]> {
    let reached: [number, number][] = [];
    const events: CursorEvents = {
      onPage: (page) => void reached.push([page.id, page.pages]),
      onIssue: ({ code, severity, page }) => {
        // A page reached twice is in the list already, by its first reference.
        const known = severity !== 'error' || code === 'bolt/cycle-or-shared-page';
        if (!known && page !== undefined && page >= 2 && page < this.highWater) reached.push([page, 1]);
      },
    };
    const stack = [{ bucket: this.#root, leaves: this.#root.leaves(null, events) }];
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const leaf = top.leaves.next();
      if (!leaf) stack.pop();
      yield* reached;
      reached = [];
      if (!leaf) continue;
      for (let i = 0; i < leaf.count; i += 1) {
        if (!leaf.isBucket(i)) continue;
        if (top.bucket === this.#root && skip.has(leaf.key(i).toString('latin1'))) continue;
        const bucket = top.bucket.nested(leaf, i);
        stack.push({ bucket, leaves: bucket.leaves(null, events) });
      }
    }
  }

  /** The top-level buckets by name as latin1 text (one character per byte). Read once; damage is fatal. */
  #topLevel(): Map<string, TreeBucket> {
    if (this.#buckets) return this.#buckets;
    const buckets = new Map<string, TreeBucket>();
    const leaves = this.#root.leaves(null, {
      onIssue: (issue) => {
        if (issue.severity !== 'error') {
          addIssue(this.#issues, issue);
          return;
        }
        unreadable(issue.code, `The root bucket is damaged: ${issue.message}`, FRESH_COPY_REMEDY, {
          page: issue.page ?? null,
          bucket: ROOT_LABEL,
          path: this.path,
        });
      },
    });
    for (let leaf = leaves.next(); leaf; leaf = leaves.next()) {
      for (let i = 0; i < leaf.count; i += 1) {
        if (leaf.isBucket(i)) {
          const bucket = this.#root.nested(leaf, i);
          const key = bucket.name.toString('latin1');
          // Twice the same name can only be where keys are out of order, which has been noted.
          if (!buckets.has(key)) buckets.set(key, bucket);
        } else {
          addIssue(this.#issues, {
            code: 'bolt/root-entry',
            severity: 'warning',
            message: 'The root bucket holds a plain value; Bolt allows only buckets there. It is not read.',
            page: leaf.id,
            bucket: ROOT_LABEL,
          });
        }
      }
    }
    this.#buckets = buckets;
    return buckets;
  }
}

/** What is worth saying about the choice of a meta, and about the one chosen. */
function issuesOfMetas({ pages, valid }: Metas, meta: Meta, salvage: boolean): BoltIssue[] {
  const issues: BoltIssue[] = [];
  const add = (severity: BoltIssue['severity'], code: string, page: number, message: string): void =>
    void issues.push({ code, severity, message, page });
  for (const other of pages) {
    if (isMeta(other)) continue;
    add(
      'info',
      'bolt/other-meta-invalid',
      other.page,
      `Header page ${other.page} is not valid (${other.reason}); page ${meta.page}, of transaction ${meta.txid}, is used. Normal after a crash while writing.`,
    );
  }
  if (meta.withoutChecksum) {
    const message = `Header page ${meta.page} has no checksum, as very old versions wrote it.`;
    add('warning', 'bolt/no-checksum', meta.page, message);
  }
  if (!meta.headerFits) {
    const message = `Header page ${meta.page} has a wrong page number or type, though its content is valid.`;
    add('warning', 'bolt/meta-page-header', meta.page, message);
  }
  if (meta.freelist === null) {
    const message = 'The file keeps no freelist, as bbolt writes it when told so; boltdb always keeps one.';
    add('info', 'bolt/no-freelist', meta.page, message);
  }
  if (salvage) {
    add(
      'warning',
      'bolt/salvage',
      meta.page,
      valid.length > 1
        ? `Salvage: the snapshot of transaction ${meta.txid} is read, not the newest one (${valid[0]?.txid}); parts of it may have been overwritten since.`
        : `Salvage was asked for, but there is no older snapshot; that of transaction ${meta.txid} is read.`,
    );
  }
  return issues;
}

function truncation(path: string, fileSize: number, meta: Meta): Record<string, string | number> {
  return {
    path,
    fileSize,
    expected: meta.highWater * meta.pageSize,
    page: Math.floor(fileSize / meta.pageSize),
    highWater: meta.highWater,
  };
}
