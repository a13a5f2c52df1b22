/**
 * Writes Bolt files for tests: whole ones in one stream and bounded memory (`writeBolt`), and odd ones page by page
 * (`rawBolt` with `leafPage`, `branchPage`, `freelistPage`, `metaPage`). Shares no code with the reader under test.
 */
import { closeSync, ftruncateSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type Bytes = Buffer | string;

/** A bucket to write. */
export interface BucketSpec {
  readonly name: Bytes;
  readonly sequence?: bigint;
  /** In strictly ascending order of the keys' bytes. May be a generator: it is consumed once, as a stream. */
  readonly entries?: Iterable<readonly [key: Bytes, value: Bytes]>;
  /** Nested buckets; any order. Their names must differ from the keys of the entries. */
  readonly nested?: readonly BucketSpec[];
  /** `auto` as Bolt does: inline when the content is at most a quarter page and holds no bucket. */
  readonly inline?: boolean | 'auto';
}

export interface WriteOptions {
  /** Bytes per page; 4096 unless given. */
  readonly pageSize?: number;
  /** Transaction of the newest meta; 2 unless given. */
  readonly txid?: bigint;
  /** Which page holds the newest meta; `txid % 2` unless given, as a live server does it. */
  readonly newestPage?: 0 | 1;
  /** Write a freelist page (default) or the marker for none. */
  readonly freelist?: boolean;
  /** How full pages become, 0 to 1; 0.9 unless given. */
  readonly fill?: number;
  /** Free pages full of stale data before everything else. */
  readonly freePages?: number;
  /** What the other, older meta (`txid - 1`) describes; the same tree unless given. */
  readonly older?: Iterable<BucketSpec>;
  /** Metas whose checksum is made wrong. */
  readonly broken?: readonly (0 | 1)[];
  /** Write the checksum as 0, as very old versions did. */
  readonly zeroChecksum?: boolean;
  /** Bytes of nothing after the last page, as in a live file. */
  readonly trailing?: number;
}

export interface WrittenBolt {
  readonly path: string;
  readonly size: number;
  readonly pageSize: number;
  readonly pages: number;
  readonly root: number;
}

const HEADER = 16;
const ELEMENT = 16;
const MAGIC = 0xed0cdaed;
export const NO_FREELIST = 0xffff_ffff_ffff_ffffn;

export type LeafElement = readonly [key: Bytes, value: Bytes, isBucket?: boolean];

function bytes(value: Bytes): Buffer {
  return typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
}

/** FNV-1a 64. */
export function checksum(data: Buffer): bigint {
  let hash = 14695981039346656037n;
  for (const byte of data) hash = ((hash ^ BigInt(byte)) * 1099511628211n) & 0xffff_ffff_ffff_ffffn;
  return hash;
}

function header(page: Buffer, id: number, flags: number, count: number, overflow: number): void {
  page.writeBigUInt64LE(BigInt(id), 0);
  page.writeUInt16LE(flags, 8);
  page.writeUInt16LE(count, 10);
  page.writeUInt32LE(overflow, 12);
}

/** A leaf page, with overflow as needed; `pageSize` 0 makes the exact bytes of an inline bucket. */
export function leafPage(id: number, elements: readonly LeafElement[], pageSize = 4096): Buffer {
  let used = HEADER + ELEMENT * elements.length;
  for (const [key, value] of elements) used += Buffer.byteLength(key) + Buffer.byteLength(value);
  const pages = pageSize === 0 ? 1 : Math.ceil(used / pageSize);
  const page = Buffer.alloc(pageSize === 0 ? used : pages * pageSize);
  header(page, id, 0x02, elements.length, pages - 1);
  let data = HEADER + ELEMENT * elements.length;
  elements.forEach(([key, value, isBucket], index) => {
    const at = HEADER + ELEMENT * index;
    const k = bytes(key);
    const v = bytes(value);
    page.writeUInt32LE(isBucket === true ? 1 : 0, at);
    page.writeUInt32LE(data - at, at + 4);
    page.writeUInt32LE(k.length, at + 8);
    page.writeUInt32LE(v.length, at + 12);
    k.copy(page, data);
    v.copy(page, data + k.length);
    data += k.length + v.length;
  });
  return page;
}

/** A branch page, with overflow as needed. */
export function branchPage(
  id: number,
  children: readonly (readonly [key: Bytes, page: number | bigint])[],
  pageSize = 4096,
): Buffer {
  let used = HEADER + ELEMENT * children.length;
  for (const [key] of children) used += Buffer.byteLength(key);
  const pages = Math.ceil(used / pageSize);
  const page = Buffer.alloc(pages * pageSize);
  header(page, id, 0x01, children.length, pages - 1);
  let data = HEADER + ELEMENT * children.length;
  children.forEach(([key, child], index) => {
    const at = HEADER + ELEMENT * index;
    const k = bytes(key);
    page.writeUInt32LE(data - at, at);
    page.writeUInt32LE(k.length, at + 4);
    page.writeBigUInt64LE(BigInt(child), at + 8);
    k.copy(page, data);
    data += k.length;
  });
  return page;
}

/** A freelist page; 65535 ids and more take the long form. */
export function freelistPage(id: number, free: readonly number[], pageSize = 4096): Buffer {
  const long = free.length >= 0xffff;
  const pages = Math.ceil((HEADER + 8 * (free.length + (long ? 1 : 0))) / pageSize);
  const page = Buffer.alloc(pages * pageSize);
  header(page, id, 0x10, long ? 0xffff : free.length, pages - 1);
  if (long) page.writeBigUInt64LE(BigInt(free.length), HEADER);
  free.forEach((value, index) => page.writeBigUInt64LE(BigInt(value), HEADER + 8 * (index + (long ? 1 : 0))));
  return page;
}

export interface MetaSpec {
  readonly root: number;
  readonly highWater: number;
  readonly txid: bigint;
  readonly pageSize?: number;
  readonly freelist?: number | null;
  readonly zeroChecksum?: boolean;
  readonly version?: number;
}

/** A meta page. */
export function metaPage(id: 0 | 1, meta: MetaSpec): Buffer {
  const pageSize = meta.pageSize ?? 4096;
  const page = Buffer.alloc(pageSize);
  header(page, id, 0x04, 0, 0);
  page.writeUInt32LE(MAGIC, 16);
  page.writeUInt32LE(meta.version ?? 2, 20);
  page.writeUInt32LE(pageSize, 24);
  page.writeBigUInt64LE(BigInt(meta.root), 32);
  page.writeBigUInt64LE(meta.freelist == null ? NO_FREELIST : BigInt(meta.freelist), 48);
  page.writeBigUInt64LE(BigInt(meta.highWater), 56);
  page.writeBigUInt64LE(meta.txid, 64);
  page.writeBigUInt64LE(meta.zeroChecksum === true ? 0n : checksum(page.subarray(16, 72)), 72);
  return page;
}

/** Value of a bucket element whose tree has its own pages. */
export function bucketHeader(root: number | bigint, sequence = 0n): Buffer {
  const value = Buffer.alloc(16);
  value.writeBigUInt64LE(BigInt(root), 0);
  value.writeBigUInt64LE(sequence, 8);
  return value;
}

/** Value of an inline bucket. */
export function inlineBucket(elements: readonly LeafElement[], sequence = 0n): Buffer {
  return Buffer.concat([bucketHeader(0, sequence), leafPage(0, elements, 0)]);
}

/**
 * A file made of given pages, with two metas (page 0 newest, both of the same tree). Page numbers are those in the
 * pages' own headers; gaps are zeros.
 */
export function rawBolt(
  root: number,
  pages: readonly Buffer[],
  options: { pageSize?: number; highWater?: number; freelist?: number | null; txid?: bigint } = {},
): Buffer {
  const pageSize = options.pageSize ?? 4096;
  let end = 4;
  for (const page of pages) end = Math.max(end, Number(page.readBigUInt64LE(0)) + page.length / pageSize);
  const highWater = options.highWater ?? end;
  const txid = options.txid ?? 10n;
  const file = Buffer.alloc(Math.max(end, highWater) * pageSize);
  const meta = { root, highWater, pageSize, freelist: options.freelist ?? null };
  metaPage(0, { ...meta, txid }).copy(file, 0);
  metaPage(1, { ...meta, txid: txid - 1n }).copy(file, pageSize);
  for (const page of pages) page.copy(file, Number(page.readBigUInt64LE(0)) * pageSize);
  return file;
}

/** Appends pages to a file through one buffer. */
class PageFile {
  readonly #fd: number;
  #pending: Buffer[] = [];
  #bytes = 0;
  #position: number;
  next: number;

  constructor(
    path: string,
    readonly pageSize: number,
  ) {
    this.#fd = openSync(path, 'w', 0o600);
    this.next = 2;
    this.#position = 2 * pageSize;
  }

  /** Takes a page whose id is still to be set; returns that id. */
  append(page: Buffer): number {
    const id = this.next;
    page.writeBigUInt64LE(BigInt(id), 0);
    this.#pending.push(page);
    this.#bytes += page.length;
    this.next += page.length / this.pageSize;
    if (this.#bytes >= 4 * 1024 * 1024) this.flush();
    return id;
  }

  flush(): void {
    if (this.#bytes === 0) return;
    const all = Buffer.concat(this.#pending);
    writeSync(this.#fd, all, 0, all.length, this.#position);
    this.#position += all.length;
    this.#pending = [];
    this.#bytes = 0;
  }

  writeAt(page: number, data: Buffer): void {
    writeSync(this.#fd, data, 0, data.length, page * this.pageSize);
  }

  finish(size: number): void {
    this.flush();
    ftruncateSync(this.#fd, size);
    closeSync(this.#fd);
  }
}

/** Builds one bucket's tree from a sorted stream, level by level, keeping one open page per level. */
class TreeBuilder {
  readonly #file: PageFile;
  readonly #room: number;
  #leaf: LeafElement[] = [];
  #leafBytes = HEADER;
  #hasBuckets = false;
  readonly #branches: { children: [Buffer, number][]; bytes: number }[] = [];
  #last: Buffer | null = null;

  constructor(file: PageFile, fill: number) {
    this.#file = file;
    this.#room = Math.floor(file.pageSize * fill);
  }

  add(key: Buffer, value: Buffer, isBucket: boolean): void {
    if (key.length === 0) throw new Error('bolt-writer: a key is empty');
    if (this.#last && Buffer.compare(this.#last, key) >= 0) {
      throw new Error(
        `bolt-writer: keys are not ascending: ${this.#last.toString('latin1')}, ${key.toString('latin1')}`,
      );
    }
    this.#last = key;
    const size = ELEMENT + key.length + value.length;
    if (this.#leaf.length > 0 && this.#leafBytes + size > this.#room) this.#flushLeaf();
    this.#leaf.push([key, value, isBucket]);
    this.#leafBytes += size;
    if (isBucket) this.#hasBuckets = true;
  }

  /** The content as an inline bucket's value, or null when that may not be. */
  inline(mode: boolean | 'auto', sequence: bigint): Buffer | null {
    if (mode === false || this.#branches.length > 0) return null;
    if (mode === 'auto' && (this.#hasBuckets || this.#leafBytes > this.#file.pageSize / 4)) return null;
    return inlineBucket(this.#leaf, sequence);
  }

  finish(): number {
    if (this.#leaf.length > 0 || this.#branches.length === 0) {
      if (this.#branches.length === 0) return this.#file.append(leafPage(0, this.#leaf, this.#file.pageSize));
      this.#flushLeaf();
    }
    for (let level = 0; ; level += 1) {
      const branch = this.#branches[level] as { children: [Buffer, number][]; bytes: number };
      const isTop = level === this.#branches.length - 1;
      if (isTop && branch.children.length === 1) return (branch.children[0] as [Buffer, number])[1];
      if (branch.children.length > 0) this.#flushBranch(level);
    }
  }

  #flushLeaf(): void {
    const first = bytes((this.#leaf[0] as LeafElement)[0]);
    const id = this.#file.append(leafPage(0, this.#leaf, this.#file.pageSize));
    this.#leaf = [];
    this.#leafBytes = HEADER;
    this.#toParent(0, first, id);
  }

  #toParent(level: number, key: Buffer, id: number): void {
    const branch = (this.#branches[level] ??= { children: [], bytes: HEADER });
    const size = ELEMENT + key.length;
    // Bolt puts at least two children into a branch, even where that overflows the page.
    if (branch.children.length >= 2 && branch.bytes + size > this.#room) this.#flushBranch(level);
    branch.children.push([key, id]);
    branch.bytes += size;
  }

  #flushBranch(level: number): void {
    const branch = this.#branches[level] as { children: [Buffer, number][]; bytes: number };
    const first = (branch.children[0] as [Buffer, number])[0];
    const id = this.#file.append(branchPage(0, branch.children, this.#file.pageSize));
    branch.children = [];
    branch.bytes = HEADER;
    this.#toParent(level + 1, first, id);
  }
}

/** Writes a bucket's pages; returns the value of its element. */
function writeBucket(file: PageFile, spec: BucketSpec, fill: number): Buffer {
  const tree = new TreeBuilder(file, fill);
  fillTree(file, tree, spec.entries ?? [], spec.nested ?? [], fill);
  return tree.inline(spec.inline ?? 'auto', spec.sequence ?? 0n) ?? bucketHeader(tree.finish(), spec.sequence ?? 0n);
}

function fillTree(
  file: PageFile,
  tree: TreeBuilder,
  entries: Iterable<readonly [Bytes, Bytes]>,
  nested: readonly BucketSpec[],
  fill: number,
): void {
  const buckets = [...nested].sort((a, b) => Buffer.compare(bytes(a.name), bytes(b.name)));
  let next = 0;
  const bucketsBelow = (key: Buffer | null): void => {
    for (let spec = buckets[next]; spec; spec = buckets[next]) {
      if (key && Buffer.compare(bytes(spec.name), key) > 0) return;
      next += 1;
      tree.add(bytes(spec.name), writeBucket(file, spec, fill), true);
    }
  };
  for (const [key, value] of entries) {
    const k = bytes(key);
    if (next < buckets.length) bucketsBelow(k);
    tree.add(k, bytes(value), false);
  }
  bucketsBelow(null);
}

function writeRoot(file: PageFile, specs: Iterable<BucketSpec>, fill: number): number {
  const root = new TreeBuilder(file, fill);
  fillTree(file, root, [], [...specs], fill);
  return root.finish();
}

/**
 * Writes a Bolt file. Entries are streamed: memory stays bounded however large the file becomes.
 *
 * @param buckets top-level buckets in any order, or a map from name to sorted entries
 */
export function writeBolt(
  path: string,
  buckets: Iterable<BucketSpec> | ReadonlyMap<string, Iterable<readonly [Bytes, Bytes]>>,
  options: WriteOptions = {},
): WrittenBolt {
  const { pageSize = 4096, txid = 2n, fill = 0.9, freePages = 0 } = options;
  const newestPage = options.newestPage ?? (Number(txid % 2n) as 0 | 1);
  const specs: Iterable<BucketSpec> =
    buckets instanceof Map
      ? [...(buckets as ReadonlyMap<string, Iterable<readonly [Bytes, Bytes]>>)].map(([name, entries]) => ({
          name,
          entries,
        }))
      : (buckets as Iterable<BucketSpec>);
  const file = new PageFile(path, pageSize);
  const free: number[] = [];
  for (let i = 0; i < freePages; i += 1) {
    // Stale pages look like leaves, so a reader that strays onto one notices only by its number.
    free.push(file.append(leafPage(0, [['stale', 'stale']], pageSize)));
  }
  const olderRoot = options.older ? writeRoot(file, options.older, fill) : null;
  const root = writeRoot(file, specs, fill);
  const freelist = options.freelist === false ? null : file.append(freelistPage(0, free, pageSize));
  const pages = Math.max(file.next, 4);
  const meta = { pageSize, highWater: pages, freelist, zeroChecksum: options.zeroChecksum === true };
  const metas: Buffer[] = [];
  metas[newestPage] = metaPage(newestPage, { ...meta, root, txid });
  const otherPage = newestPage === 0 ? 1 : 0;
  metas[otherPage] = metaPage(otherPage, { ...meta, root: olderRoot ?? root, txid: txid - 1n });
  for (const page of options.broken ?? [])
    (metas[page] as Buffer).writeUInt8((metas[page] as Buffer).readUInt8(72) ^ 0xff, 72);
  metas.forEach((page, index) => file.writeAt(index, page));
  const size = pages * pageSize + (options.trailing ?? 0);
  file.finish(size);
  return { path, size, pageSize, pages, root };
}

let serial = 0;

/** As {@link writeBolt}, into memory. */
export function boltBytes(buckets: Parameters<typeof writeBolt>[1], options: WriteOptions = {}): Buffer {
  const path = join(tmpdir(), `slipway-bolt-${process.pid}-${(serial += 1)}.db`);
  try {
    writeBolt(path, buckets, options);
    return readFileSync(path);
  } finally {
    rmSync(path, { force: true });
  }
}
