/**
 * Secrets on the command line come from files, standard input or environment variables: never from an argument's
 * value, which every user of the machine can read in the process list.
 */
import { readFileSync } from 'node:fs';
import { misused, unreadable } from '../core/failure';
import { Secret } from '../core/secret';

/** A secret file is a line, a key or a token; anything larger was named by mistake. */
const LIMIT = 1_048_576;

/**
 * Reads a secret from the file an option names (`-` is standard input), else from an environment variable.
 * One trailing line break is cut off: editors and `echo` add it.
 * @returns null when neither is given
 */
export function secretFrom(label: string, file: string | undefined, variable: string): Secret | null {
  if (file !== undefined) return new Secret(label, readSecretFile(label, file));
  const value = process.env[variable];
  return value === undefined || value === '' ? null : new Secret(label, value);
}

/** The bytes of a file an option names (`-` is standard input), as they are: a key or certificate in PEM or DER. */
export function fileBytes(label: string, file: string): Buffer {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file === '-' ? 0 : file);
  } catch (error) {
    return unreadable(
      'usage/secret-file',
      `The file for the ${label} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}).`,
      'Check the path and its permissions.',
      { path: file },
    );
  }
  if (bytes.length > LIMIT)
    misused('usage/secret-file', `The file for the ${label} is larger than 1 MiB.`, 'Name the right file.');
  return bytes;
}

function readSecretFile(label: string, file: string): string {
  const text = fileBytes(label, file).toString('utf8');
  const trimmed = text.replace(/\r?\n$/, '');
  if (trimmed === '') misused('usage/secret-file', `The file for the ${label} is empty.`, 'Put the secret into it.');
  return trimmed;
}
