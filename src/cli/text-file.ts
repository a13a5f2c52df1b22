/** Small text files the operator names: team maps, waves, plans. */
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { unreadable } from '../core/failure';

/** A plan of a million devices has about 600 MB; Node's strings end at 512 MiB. */
const LIMIT = 500 * 1_048_576;

/** Reads a text file. Throws `usage/file` when it cannot be read or is unreasonably large. */
export function readText(what: string, path: string): string {
  try {
    if (statSync(path).size > LIMIT)
      unreadable('usage/file', `The ${what} ${path} is larger than 500 MiB.`, 'Name the right file.');
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined) throw error;
    return unreadable(
      'usage/file',
      `The ${what} ${path} cannot be read (${code}).`,
      'Check the path and its permissions.',
    );
  }
}

/** Writes a text file so that it is whole or not there: a new name, fsync, rename. Mode 0600. */
export function writeText(what: string, path: string, text: string): void {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.part`;
  try {
    const file = openSync(temporary, 'wx', 0o600);
    try {
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    unreadable(
      'file/cannot-write',
      `The ${what} cannot be written to ${path} (${code}).`,
      'Check the folder, its permissions and the space left.',
    );
  }
}
