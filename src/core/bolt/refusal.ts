import { unreadable } from '../failure';
import { MAX_PAGE_SIZE, MIN_PAGE_SIZE, MIN_PAGES, type Metas } from './meta';
import type { ByteSource } from './source';

/** Something that is not a Bolt file, recognised by how it begins. */
interface Kind {
  readonly what: string;
  readonly remedy: string;
}

const UNPACK = 'Unpack it first and give the database file from inside.';
const DOWNLOAD_AGAIN =
  'This is the answer of a failed backup download, not the database: download again with the right API key and check the HTTP status.';

const SIGNATURES: readonly { readonly bytes: Buffer; readonly at?: number; readonly kind: Kind }[] = [
  { bytes: Buffer.from([0x1f, 0x8b]), kind: { what: 'gzip', remedy: UNPACK } },
  { bytes: Buffer.from('PK\x03\x04', 'latin1'), kind: { what: 'zip', remedy: UNPACK } },
  { bytes: Buffer.from('PK\x05\x06', 'latin1'), kind: { what: 'zip', remedy: UNPACK } },
  { bytes: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), kind: { what: 'zstd', remedy: UNPACK } },
  { bytes: Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]), kind: { what: 'xz', remedy: UNPACK } },
  { bytes: Buffer.from('BZh', 'latin1'), kind: { what: 'bzip2', remedy: UNPACK } },
  { bytes: Buffer.from('ustar', 'latin1'), at: 257, kind: { what: 'tar', remedy: UNPACK } },
  {
    bytes: Buffer.from('SQLite format 3', 'latin1'),
    kind: { what: 'SQLite', remedy: 'This is the database of another program; give the Bolt file.' },
  },
];

/** Recognises what a file is from its first bytes, or null when they tell nothing. */
function recognise(head: Buffer, size: number): Kind | null {
  for (const { bytes, at = 0, kind } of SIGNATURES) {
    if (head.subarray(at, at + bytes.length).equals(bytes)) return kind;
  }
  const text = head.toString('utf8').replace(/^\uFEFF/, '');
  // A Bolt file has control characters within its first 16 bytes (its page header is mostly zeros), text has none.
  // eslint-disable-next-line no-control-regex
  if (head.length === 0 || /[\x00-\x08\x0e-\x1f]/.test(text)) return null;
  const start = text.trimStart().slice(0, 200).toLowerCase();
  if (start.startsWith('authorization required')) {
    return { what: 'plain text "Authorization Required"', remedy: DOWNLOAD_AGAIN };
  }
  if (start.startsWith('{') || start.startsWith('[')) return json(text, size);
  if (/^<(!doctype html|html|head|body)/.test(start)) return { what: 'HTML', remedy: DOWNLOAD_AGAIN };
  if (start.startsWith('<?xml') || start.startsWith('<!doctype')) {
    return { what: 'XML', remedy: 'Give the Bolt database file.' };
  }
  // Replacement characters mean binary data that happens to hold no control character: nothing to go by.
  if (text.includes('\uFFFD')) return null;
  return { what: 'plain text', remedy: 'Give the Bolt database file; if this was a download, it failed: do it again.' };
}

/** A JSON body; a lone `error` is quoted, anything else is not, because it could be a secret. */
function json(text: string, size: number): Kind {
  const error = size <= 4096 ? /^\s*\{\s*"error"\s*:\s*"([^"\\]{1,120})"\s*\}\s*$/.exec(text)?.[1] : undefined;
  return error === undefined
    ? { what: 'JSON', remedy: 'Give the Bolt database file; if this was a download, it failed: do it again.' }
    : { what: `JSON error body "${error}"`, remedy: DOWNLOAD_AGAIN };
}

/**
 * Refuses what is recognisably no Bolt file, before anything else is tried (spec 1.9).
 *
 * @throws `bolt/empty-file`, `bolt/not-bolt`, `bolt/too-small`
 */
export function refuseForeign(source: ByteSource, path: string): void {
  const size = source.size;
  if (size === 0) {
    unreadable('bolt/empty-file', `${path} is empty (0 bytes).`, 'Copy or download the database again.', {
      path,
      size,
    });
  }
  const head = Buffer.alloc(Math.min(size, 4096));
  source.read(head, 0);
  const kind = recognise(head, size);
  if (kind) {
    unreadable('bolt/not-bolt', `${path} is not a Bolt database but ${kind.what}.`, kind.remedy, {
      path,
      size,
      what: kind.what,
    });
  }
  if (size < MIN_PAGES * MIN_PAGE_SIZE) {
    unreadable(
      'bolt/too-small',
      `${path} has ${size} bytes; even an empty Bolt database has ${MIN_PAGES * MIN_PAGE_SIZE}.`,
      'Copy or download the database again, in full.',
      { path, size },
    );
  }
}

/**
 * Throws the failure for a file without any valid meta.
 *
 * @throws `bolt/wrong-endianness`, `bolt/not-bolt`, `bolt/no-valid-meta`
 */
export function refuseWithoutMeta(metas: Metas, source: ByteSource, path: string): never {
  const size = source.size;
  const magics = metas.pages.map((page) => ('magic' in page ? page.magic : 'little-endian'));
  if (magics.includes('big-endian') && !magics.includes('little-endian')) {
    unreadable(
      'bolt/wrong-endianness',
      `${path} was written by a big-endian machine; Slipway reads the files of little-endian ones (x86, arm64), on which MicroMDM runs.`,
      'Check where this file comes from; MicroMDM is released for little-endian machines only.',
      { path, size },
    );
  }
  if (!magics.includes('little-endian')) {
    const head = Buffer.alloc(Math.min(size, 2 * MAX_PAGE_SIZE, 65536));
    source.read(head, 0);
    const zeros = head.every((byte) => byte === 0);
    unreadable(
      'bolt/not-bolt',
      zeros
        ? `${path} is not a Bolt database: it holds only zeros where one begins, as after an unfinished copy.`
        : `${path} is not a Bolt database: the mark that begins one is nowhere in it, and it is no other kind of file known here.`,
      zeros ? 'Copy or download the database again.' : 'Give the Bolt database file.',
      { path, size, what: zeros ? 'zeros' : 'unknown' },
    );
  }
  const [first, second] = metas.pages.map((page) => ('reason' in page ? page.reason : 'valid'));
  return unreadable(
    'bolt/no-valid-meta',
    `${path} is a Bolt database, but neither of its two header pages is valid: page 0: ${first}; page 1: ${second}.`,
    'Take a new copy: download it with GET /boltbackup, or stop the server and copy the file again.',
    { path, size, page0: first ?? '', page1: second ?? '' },
  );
}
