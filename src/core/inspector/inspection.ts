/** The outcome of an inspection. Only its plain fields may leave the engine; the material stays here. */
import type { KeyObject } from 'node:crypto';
import type { Certificate } from '../certificates/der';
import type { Draft } from './draft';
import type { IssuerLink, Item, SkippedFile } from './item';

/** What an item is made of. */
export interface Material {
  /** The DER, or the bytes; null for a database, which is not kept. */
  readonly bytes: Buffer | null;
  readonly certificate: Certificate | null;
  readonly key: KeyObject | null;
}

/** Everything that was found, and what belongs together. */
export class Inspection {
  readonly #drafts: readonly Draft[];

  constructor(
    /** The instant it was judged at, milliseconds since the epoch. */
    readonly at: number,
    readonly items: readonly Item[],
    /** Indexes of what has the same public key; everything with a public key is in exactly one group. */
    readonly groups: readonly (readonly number[])[],
    readonly links: readonly IssuerLink[],
    /** Files below folders that are nothing we know. */
    readonly skipped: readonly SkippedFile[],
    drafts: readonly Draft[],
  ) {
    this.#drafts = drafts;
  }

  /** What an item is made of; private keys are secrets. */
  material(index: number): Material {
    const draft = this.#drafts[index];
    return {
      bytes: draft && draft.kind !== 'database' ? draft.bytes : null,
      certificate: draft?.certificate ?? null,
      key: draft?.key ?? null,
    };
  }

  /** The SubjectPublicKeyInfo of an item; null when it has no public key. */
  publicKeyOf(index: number): Buffer | null {
    return this.#drafts[index]?.spki ?? null;
  }

  /** The private key that belongs to an item; null when it is not at hand. */
  keyOf(index: number): KeyObject | null {
    const group = this.groups.find((members) => members.includes(index)) ?? [index];
    for (const member of group) {
      const key = this.#drafts[member]?.key;
      if (key) return key;
    }
    return null;
  }
}
