import type { ByteSource } from './source';

/** Smallest page size a Bolt file can have, in bytes (spec 1.2). */
export const MIN_PAGE_SIZE = 1024;
/** Largest page size a Bolt file can have, in bytes: the end of bbolt's own probing range. */
export const MAX_PAGE_SIZE = 16 * 1024 * 1024;

/** A Bolt file never has fewer pages: two metas, a freelist and a root leaf (spec 1.4). */
export const MIN_PAGES = 4;

/** Bytes of a meta page that mean something: 16 of page header, 64 of meta (spec 1.3). */
const META_BYTES = 80;
const MAGIC = 0xed0cdaed;
const MAGIC_SWAPPED = 0xedda0ced;
const VERSION = 2;
/** Page id that bbolt writes when it does not keep the freelist in the file. */
const NO_FREELIST = 0xffff_ffff_ffff_ffffn;

/** Where the page id of the root bucket lies in a meta page: the "reference" by which the root page is reached. */
export const META_ROOT_OFFSET = 32;

/** A valid meta page: one snapshot of the whole database. */
export interface Meta {
  /** The page it was read from. */
  readonly page: 0 | 1;
  readonly pageSize: number;
  /** Page id of the root bucket's tree. Range-checked: 2 <= root < highWater. */
  readonly root: number;
  /** Page id of the freelist; null when the file has none. */
  readonly freelist: number | null;
  /** First page id never allocated. May exceed the file when that was cut short. */
  readonly highWater: number;
  readonly txid: bigint;
  /** True when the checksum is 0, which old boltdb versions wrote and accept. */
  readonly withoutChecksum: boolean;
  /** False when the page header before the meta does not say "meta page, with this number". */
  readonly headerFits: boolean;
  /** The 80 bytes as read; two metas are the same exactly when these are. */
  readonly bytes: Buffer;
}

/** Why a page holds no valid meta. */
export interface NoMeta {
  readonly page: 0 | 1;
  readonly reason: string;
  readonly magic: 'none' | 'little-endian' | 'big-endian';
}

export type MetaOrNot = Meta | NoMeta;

/** True for a valid meta. */
export function isMeta(candidate: MetaOrNot): candidate is Meta {
  return 'txid' in candidate;
}

/** Both meta pages of a file. */
export interface Metas {
  readonly pages: readonly [MetaOrNot, MetaOrNot];
  /** The valid ones, newest transaction first. */
  readonly valid: readonly Meta[];
}

/** FNV-1a 64 over raw bytes: the checksum of a meta (spec 1.3). */
function fnv1a64(bytes: Uint8Array): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}

/** Reads the meta that should lie at `position` bytes into the file. Never throws for what the bytes hold. */
function readMeta(source: ByteSource, page: 0 | 1, position: number): MetaOrNot {
  const bytes = Buffer.alloc(META_BYTES);
  if (source.read(bytes, position) < META_BYTES) return { page, reason: 'the file ends before it', magic: 'none' };
  const magic = bytes.readUInt32LE(16);
  if (magic === MAGIC_SWAPPED) return { page, reason: 'its byte order is big-endian', magic: 'big-endian' };
  if (magic !== MAGIC) return { page, reason: 'the magic number is missing', magic: 'none' };
  const not = (reason: string): NoMeta => ({ page, reason, magic: 'little-endian' });

  const version = bytes.readUInt32LE(20);
  if (version !== VERSION) return not(`its version is ${version}, not ${VERSION}`);
  const checksum = bytes.readBigUInt64LE(72);
  if (checksum !== 0n && checksum !== fnv1a64(bytes.subarray(16, 72))) return not('its checksum is wrong');

  const pageSize = bytes.readUInt32LE(24);
  if (pageSize < MIN_PAGE_SIZE || pageSize > MAX_PAGE_SIZE || (pageSize & (pageSize - 1)) !== 0) {
    return not(`its page size ${pageSize} is impossible`);
  }
  const highWater = bytes.readBigUInt64LE(56);
  if (highWater < BigInt(MIN_PAGES)) return not(`its page count ${highWater} is impossible`);
  // Positions are numbers from here on: beyond this no position would be exact (and no such file exists).
  if (highWater * BigInt(pageSize) > BigInt(Number.MAX_SAFE_INTEGER))
    return not(`its page count ${highWater} is absurd`);
  const root = bytes.readBigUInt64LE(META_ROOT_OFFSET);
  if (root < 2n || root >= highWater) return not(`its root page ${root} does not exist`);
  const freelist = bytes.readBigUInt64LE(48);
  if (freelist !== NO_FREELIST && (freelist < 2n || freelist >= highWater)) {
    return not(`its freelist page ${freelist} does not exist`);
  }
  return {
    page,
    pageSize,
    root: Number(root),
    freelist: freelist === NO_FREELIST ? null : Number(freelist),
    highWater: Number(highWater),
    txid: bytes.readBigUInt64LE(64),
    withoutChecksum: checksum === 0n,
    headerFits: bytes.readBigUInt64LE(0) === BigInt(page) && bytes.readUInt16LE(8) === 0x04,
    bytes,
  };
}

/**
 * Looks for page 1 when page 0 does not tell the page size: it lies at the offset that equals the page size it states.
 * Returns the valid one, else the one that came closest.
 */
function probeSecondMeta(source: ByteSource): MetaOrNot {
  let closest: NoMeta = { page: 1, reason: 'none was found at any page size', magic: 'none' };
  for (let offset = MIN_PAGE_SIZE; offset <= MAX_PAGE_SIZE; offset *= 2) {
    const candidate = readMeta(source, 1, offset);
    if (isMeta(candidate)) {
      if (candidate.pageSize === offset) return candidate;
    } else if (candidate.magic !== 'none' && closest.magic === 'none') {
      closest = candidate;
    }
  }
  return closest;
}

/**
 * Finds the page size and reads both metas (spec 1.4). Never throws for what the bytes hold.
 *
 * @param knownPageSize the page size when it is known already, as on a second look at the same file
 */
export function readMetas(source: ByteSource, knownPageSize?: number): Metas {
  const first = readMeta(source, 0, 0);
  const pageSize = knownPageSize ?? (isMeta(first) ? first.pageSize : undefined);
  const second = pageSize === undefined ? probeSecondMeta(source) : readMeta(source, 1, pageSize);
  const agreed = pageSize ?? (isMeta(second) ? second.pageSize : undefined);
  const pages = [first, second].map((meta): MetaOrNot =>
    isMeta(meta) && meta.pageSize !== agreed
      ? { page: meta.page, reason: `its page size ${meta.pageSize} does not fit its place`, magic: 'little-endian' }
      : meta,
  ) as [MetaOrNot, MetaOrNot];
  // The parity rule of a live file (txid % 2 = page) is not checked: a hot backup breaks it (spec 1.3).
  const valid = pages.filter(isMeta).sort((a, b) => (a.txid === b.txid ? a.page - b.page : a.txid < b.txid ? 1 : -1));
  return { pages, valid };
}
