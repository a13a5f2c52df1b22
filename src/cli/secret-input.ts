/**
 * Secrets on the command line come from files, standard input or environment variables: never from an argument's
 * value, which every user of the machine can read in the process list.
 */
import { readGiven, readGivenSecret, SECRET_LIMIT } from '../core/given-file';
import { Secret } from '../core/secret';

/**
 * Reads a secret from the file an option names (`-` is standard input), else from an environment variable.
 * One trailing line break is cut off: editors and `echo` add it.
 * @returns null when neither is given
 */
export function secretFrom(label: string, file: string | undefined, variable: string): Secret | null {
  if (file !== undefined) return readGivenSecret(label, file === '-' ? 0 : file);
  const value = process.env[variable];
  return value === undefined || value === '' ? null : new Secret(label, value);
}

/**
 * The bytes of a file an option names (`-` is standard input), as they are: a key, a certificate, a profile.
 * @param what how to call it: `the old push certificate`
 */
export function fileBytes(what: string, file: string, limit = SECRET_LIMIT): Buffer {
  return readGiven(what, file === '-' ? 0 : file, limit, 'usage/secret-file');
}
