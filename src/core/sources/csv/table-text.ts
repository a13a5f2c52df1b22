/** The bytes of a table as text: UTF-8, or UTF-16 as Excel writes it; anything else is refused by name. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { unreadable } from '../../failure';
import type { OnProgress } from '../../progress';

/** Larger ones are refused before they are read. */
const MAX_FILE_BYTES = 512 * 1024 * 1024;
const PIECE = 1 << 20;

/** What a table's text was read from. */
export interface TableFile {
  /** Lower-case hex SHA-256 of the bytes that were read. */
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly modified: number;
}

/** Beginnings of files that are taken for tables, and what to do about them. */
const OTHERS: readonly (readonly [magic: string, what: string])[] = [
  ['504b0304', 'an Excel workbook (or another zip archive)'],
  ['d0cf11e0', 'an old Excel workbook'],
  ['1f8b', 'compressed with gzip'],
  ['28b52ffd', 'compressed with zstd'],
  ['53514c69746520666f726d6174', 'an SQLite database'],
  ['62706c697374', 'a binary property list'],
];

/**
 * Reads a table's text piece by piece. What it was read from is known when it is over.
 * @param take given each piece; returns false to read no further text
 * @throws FailureError `csv/cannot-read`, `csv/too-large`, `csv/not-a-table`, `csv/encoding`, what `take` throws
 */
export async function readTableText(
  path: string,
  take: (text: string) => void,
  onProgress?: OnProgress,
): Promise<TableFile> {
  const file = await open(path, 'r').catch((error: unknown) => cannotRead(path, error));
  try {
    const status = await file.stat();
    if (!status.isFile()) return notATable(path, status.isDirectory() ? 'a folder' : 'no regular file');
    if (status.size > MAX_FILE_BYTES) return tooLarge(path);
    const digest = createHash('sha256');
    const buffer = Buffer.allocUnsafeSlow(PIECE);
    let decoder: TextDecoder | null = null;
    let size = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, PIECE, null).catch((error: unknown) => cannotRead(path, error));
      const bytes = buffer.subarray(0, bytesRead);
      decoder ??= decoderFor(path, bytes);
      if (bytesRead === 0) break;
      size += bytesRead;
      // A pipe, or a file that grows while it is read.
      if (size > MAX_FILE_BYTES) return tooLarge(path);
      digest.update(bytes);
      take(decoded(decoder, bytes, path, size - bytesRead));
      onProgress?.({ label: 'reading the table', done: size, total: Math.max(size, status.size) });
    }
    take(decoded(decoder, null, path, size));
    return { sha256: digest.digest('hex'), size, modified: status.mtimeMs };
  } finally {
    await file.close();
  }
}

function decoderFor(path: string, head: Buffer): TextDecoder {
  const hex = head.subarray(0, 16).toString('hex');
  const other = OTHERS.find(([magic]) => hex.startsWith(magic));
  if (other) return notATable(path, other[1]);
  if (hex.startsWith('fffe')) return new TextDecoder('utf-16le', { fatal: true });
  if (hex.startsWith('feff')) return new TextDecoder('utf-16be', { fatal: true });
  // Latin letters in UTF-16 have every other byte empty.
  if (head.subarray(0, 64).includes(0))
    return unreadable(
      'csv/encoding',
      `${path} is UTF-16 without a byte order mark, or no text at all.`,
      'Save it as «CSV UTF-8», then read it again.',
      { path },
    );
  return new TextDecoder('utf-8', { fatal: true });
}

function decoded(decoder: TextDecoder, bytes: Buffer | null, path: string, offset: number): string {
  try {
    return bytes === null ? decoder.decode() : decoder.decode(bytes, { stream: true });
  } catch {
    return unreadable(
      'csv/encoding',
      `${path} holds bytes that are not ${decoder.encoding === 'utf-8' ? 'UTF-8' : 'UTF-16'} (after byte ${offset}); letters with accents would be misread.`,
      'Save it as «CSV UTF-8» (Excel: Save As, that file type), then read it again.',
      { path, offset },
    );
  }
}

function cannotRead(path: string, error: unknown): never {
  const reason = (error as NodeJS.ErrnoException).code;
  if (reason === undefined) throw error;
  return unreadable('csv/cannot-read', `${path} cannot be read (${reason}).`, 'Check the path and its permissions.', {
    path,
    reason,
  });
}

function notATable(path: string, what: string): never {
  return unreadable(
    'csv/not-a-table',
    `${path} is ${what}, not a table in CSV or JSON.`,
    'Export the table as «CSV UTF-8» or as JSON; `slipway template` writes an empty one.',
    { path },
  );
}

function tooLarge(path: string): never {
  return unreadable(
    'csv/too-large',
    `${path} is larger than ${MAX_FILE_BYTES / (1024 * 1024)} MiB; no fleet needs that much.`,
    'Name the right file, or split it and move the parts one after the other.',
    { path },
  );
}
