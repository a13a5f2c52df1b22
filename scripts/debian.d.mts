export class Unavailable extends Error {}

export interface DebianPrograms {
  /** The folder the packages were unpacked into. */
  readonly root: string;
  readonly name: string;
  /** Of the first package. */
  readonly version: string;
  readonly suite: string;
  readonly packages: readonly string[];
  /** Program and first arguments that run a file of the folder (`usr/sbin/haproxy`) with its own libraries. */
  commandOf(file: string): string[];
}

/** Fetched once into `.cache/<name>`, then found there. Throws {@link Unavailable} with a sentence. */
export function debianPrograms(wish: {
  name: string;
  packages: string[];
  /** A file that must be there: `usr/sbin/haproxy`. */
  program: string;
  /** `bookworm`. */
  suite: string;
}): Promise<DebianPrograms>;
