/** Files the operator names to be read: bounded before they are read, and explained when they cannot be. */
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { misused, unreadable } from './failure';
import { Secret } from './secret';

const MEBIBYTE = 1_048_576;
/** A secret is a line, a key or a token; a certificate file holds a chain. Anything larger was named by mistake. */
export const SECRET_LIMIT = MEBIBYTE;
/** Enrollment profiles have a few kilobytes; with many anchors some hundred. */
export const PROFILE_LIMIT = 16 * MEBIBYTE;
const PIECE = 65_536;

/**
 * The bytes of a file (0: standard input), as they are.
 * @param what how to call it: `the SCEP challenge`
 * @param limit in bytes, whole mebibytes
 * @param code for what cannot be read (exit 3) or is too large (exit 2)
 */
export function readGiven(what: string, path: string | 0, limit: number, code = 'usage/file'): Buffer {
  let bytes: Buffer | null;
  try {
    bytes = path === 0 ? readAtMost(0, limit) : readFile(path, limit);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code;
    if (reason === undefined) throw error;
    return unreadable(
      code,
      `The file for ${what}${path === 0 ? '' : `, ${path},`} cannot be read (${reason}).`,
      'Check the path and its permissions.',
      { path: path === 0 ? '-' : path },
    );
  }
  if (bytes !== null) return bytes;
  return misused(code, `The file for ${what} is larger than ${limit / MEBIBYTE} MiB.`, 'Name the right file.');
}

/**
 * The secret a file holds (0: standard input). One trailing line break is cut off: editors and `echo` add it.
 * @throws FailureError `usage/secret-file`
 */
export function readGivenSecret(label: string, path: string | 0): Secret {
  const text = readGiven(`the ${label}`, path, SECRET_LIMIT, 'usage/secret-file').toString('utf8');
  const trimmed = text.replace(/\r?\n$/, '');
  if (trimmed === '') misused('usage/secret-file', `The file for the ${label} is empty.`, 'Put the secret into it.');
  return new Secret(label, trimmed);
}

function readFile(path: string, limit: number): Buffer | null {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    if (size > limit) return null;
    // A pipe has no size, so it is bounded while it is read.
    return size > 0 ? readFileSync(file) : readAtMost(file, limit);
  } finally {
    closeSync(file);
  }
}

/** Null when there is more. */
function readAtMost(file: number, limit: number): Buffer | null {
  const pieces: Buffer[] = [];
  let total = 0;
  for (;;) {
    const piece = Buffer.alloc(PIECE);
    const length = readSync(file, piece);
    if (length === 0) return Buffer.concat(pieces);
    total += length;
    if (total > limit) return null;
    pieces.push(piece.subarray(0, length));
  }
}
