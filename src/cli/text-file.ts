/** Text files the operator names: team maps, waves, plans. */
import { readGiven } from '../core/given-file';

/** A plan of a million devices has about 600 MB; Node's strings end at 512 MiB. */
const LIMIT = 500 * 1_048_576;

/** Reads a text file. Throws `usage/file` when it cannot be read or is unreasonably large. */
export function readText(what: string, path: string): string {
  return readGiven(`the ${what}`, path, LIMIT).toString('utf8');
}
