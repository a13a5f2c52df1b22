/**
 * Files the operator gave for a purpose: opened as the inspector opens them, so any form and any password will do, and
 * asked for what the purpose needs. What was made here (an extended CA) may take the place of files.
 */
import type { KeyObject } from 'node:crypto';
import { GIVEN_SLOTS, type GivenFilesShown, type GivenPile, type GivenSlot } from '../../contract/given-files';
import { readRequest, type CertificateRequest } from '../../core/certificates/request';
import type { Certificate } from '../../core/certificates/der';
import { keyMatches, privateKeyPem } from '../../core/certificates/key';
import type { PairFiles, PairName } from '../../core/assets/material';
import { misused, refused } from '../../core/failure';
import { inspectFiles, type Inspection, type Item } from '../../core/inspector';
import { Secret } from '../../core/secret';
import type { EngineInput } from './protocol';

const MOST_PATHS = 200;
const MOST_PASSWORDS = 20;
/** Things shown of one pile. */
const MOST_THINGS = 200;

const TITLES: Readonly<Record<GivenSlot, string>> = {
  ca: 'the SCEP CA',
  push: 'the push certificate',
  proof: 'certificates of devices',
  reply: 'what Apple gave back',
  vendor: 'the MDM vendor',
};

interface Pile {
  readonly paths: readonly string[];
  readonly found: Inspection;
}

/** A certificate with its key that was made here, to take the place of files. */
export interface MadePair {
  /** `the extended SCEP CA` */
  readonly name: string;
  readonly certificate: Certificate;
  readonly key: KeyObject;
}

export class GivenFiles {
  readonly #piles = new Map<GivenSlot, Pile>();
  readonly #made = new Map<PairName, MadePair>();
  /** Kept until everything is let go: what is given later is often locked by the same ones. */
  #passwords: readonly Secret[] = [];

  /** Adds files or folders to a pile; what was made in its place goes. */
  async add({ slot, add }: EngineInput<'giveFiles'>): Promise<GivenFilesShown> {
    const paths = [...new Set([...(this.#piles.get(slot)?.paths ?? []), ...add])];
    if (paths.length > MOST_PATHS)
      misused('given/too-many-files', `More than ${MOST_PATHS} files were given.`, 'Give their folder instead.');
    if (slot === 'ca' || slot === 'push') this.#made.delete(slot);
    await this.#open(slot, paths);
    return this.shown();
  }

  /** Tries one more password on everything that is locked. */
  async unlock({ password }: EngineInput<'unlockGiven'>): Promise<GivenFilesShown> {
    this.#passwords = [...this.#passwords, new Secret('password', password)].slice(-MOST_PASSWORDS);
    for (const [slot, { paths, found }] of this.#piles) if (lockedIn(found) > 0) await this.#open(slot, paths);
    return this.shown();
  }

  /** Lets one pile go. */
  clear({ slot }: EngineInput<'clearGiven'>): GivenFilesShown {
    this.#piles.delete(slot);
    if (slot === 'ca' || slot === 'push') this.#made.delete(slot);
    return this.shown();
  }

  /** Lets everything go, passwords too. */
  forget(): void {
    this.#piles.clear();
    this.#made.clear();
    this.#passwords = [];
  }

  shown(): GivenFilesShown {
    return GIVEN_SLOTS.flatMap((slot): GivenPile[] => {
      const found = this.#piles.get(slot)?.found;
      const made = slot === 'ca' || slot === 'push' ? this.#made.get(slot) : undefined;
      if (found === undefined && made === undefined) return [];
      // What only wraps others says nothing by itself, unless it is what has to be opened.
      const items = (found?.items ?? []).filter(({ kind, locked }) => locked || kind !== 'bundle');
      const things = items.slice(0, MOST_THINGS).map(thingOf);
      return [{ slot, things, locked: found === undefined ? 0 : lockedIn(found), made: made?.name ?? null }];
    });
  }

  /** Puts a pair that was made here in the place of files. */
  put(name: PairName, made: MadePair): void {
    this.#made.set(name, made);
  }

  /** Drops what was made from a CA that is not the source's any more. */
  dropMade(name: PairName): void {
    this.#made.delete(name);
  }

  /**
   * The one certificate with its key that was given as this pair.
   * @throws FailureError `given/nothing`, `given/locked`, `given/no-pair`, `given/several`
   */
  pair(name: PairName): { readonly certificate: Certificate; readonly key: KeyObject; readonly made: string | null } {
    const made = this.#made.get(name);
    if (made !== undefined) return { certificate: made.certificate, key: made.key, made: made.name };
    const found = this.#require(name);
    const pairs = certificatesIn(found).flatMap(({ index }) => {
      const { certificate } = found.material(index);
      const key = found.keyOf(index);
      return certificate === null || key === null ? [] : [{ certificate, key, made: null }];
    });
    // A file often holds more than is asked for: what can be meant comes first, what is wrong with the rest is told after.
    const fit = pairs.filter(({ certificate }) =>
      name === 'ca' ? certificate.isCa : certificate.userId?.startsWith('com.apple.mgmt.') === true,
    );
    const [pair, other] = fit.length > 0 ? fit : pairs;
    if (pair === undefined) {
      if (lockedIn(found) > 0)
        refused('given/locked', `Something given as ${TITLES[name]} is locked by a password.`, 'Give its password.');
      return refused(
        'given/no-pair',
        `What was given as ${TITLES[name]} holds no certificate with its key.`,
        'Add the file with the key, or the one with the certificate.',
      );
    }
    if (other !== undefined)
      refused(
        'given/several',
        `Several certificates with their keys were given as ${TITLES[name]}.`,
        'Give only the files of the one that is meant.',
      );
    return pair;
  }

  /** The same as files for Fleet. */
  pairFiles(name: PairName): PairFiles {
    const { certificate, key } = this.pair(name);
    return { certificate: certificate.der, key: privateKeyPem(key, `${TITLES[name]}, key`).reveal() };
  }

  /** Whether anything was given for this. */
  has(slot: GivenSlot): boolean {
    return this.#piles.has(slot) || (slot !== 'proof' && slot !== 'reply' && slot !== 'vendor' && this.#made.has(slot));
  }

  /** The certificates of a pile, each with where it is from. */
  certificates(slot: GivenSlot): { readonly name: string; readonly certificate: Certificate }[] {
    const found = this.#piles.get(slot)?.found;
    if (found === undefined) return [];
    return certificatesIn(found).flatMap(({ index, file, path }) => {
      const { certificate } = found.material(index);
      return certificate === null ? [] : [{ name: path === '' ? file : `${file}, ${path}`, certificate }];
    });
  }

  /** A certificate of a pile with those above it, each proven to have issued the one before. */
  chainOf(slot: GivenSlot, certificate: Certificate): [Certificate, ...Certificate[]] {
    const found = this.#piles.get(slot)?.found;
    const item = found?.items.find(({ index }) => found.material(index).certificate?.der.equals(certificate.der));
    const above = (item?.chain?.path ?? []).slice(1).flatMap((index) => found?.material(index).certificate ?? []);
    return [certificate, ...above];
  }

  /** The keys of a pile. */
  keys(slot: GivenSlot): KeyObject[] {
    const found = this.#piles.get(slot)?.found;
    if (found === undefined) return [];
    return found.items.flatMap(({ index, kind }) => (kind === 'key' ? (found.material(index).key ?? []) : []));
  }

  /** The requests of a pile. */
  requests(slot: GivenSlot): CertificateRequest[] {
    const found = this.#piles.get(slot)?.found;
    if (found === undefined) return [];
    return found.items.flatMap(({ index, kind }) => {
      const { bytes } = found.material(index);
      return kind === 'request' && bytes !== null ? (readRequest(bytes) ?? []) : [];
    });
  }

  async #open(slot: GivenSlot, paths: readonly string[]): Promise<void> {
    const passwords = this.#passwords;
    const found = await inspectFiles(
      paths.map((path) => ({ path })),
      { at: Date.now(), passwordFor: (_file, { attempt }) => Promise.resolve(passwords[attempt - 1] ?? null) },
    );
    this.#piles.set(slot, { paths, found });
  }

  #require(slot: GivenSlot): Inspection {
    return (
      this.#piles.get(slot)?.found ??
      refused('given/nothing', `No files were given as ${TITLES[slot]}.`, 'Choose its certificate and key.')
    );
  }
}

/** Of several keys the one that belongs to the first of these that has one; else the first there is. */
export function keyFor(keys: readonly KeyObject[], spkis: readonly Buffer[]): KeyObject | null {
  for (const spki of spkis) {
    const own = keys.find((key) => keyMatches(key, spki));
    if (own !== undefined) return own;
  }
  return keys[0] ?? null;
}

function certificatesIn({ items }: Inspection): Item[] {
  return items.filter(({ kind }) => kind === 'certificate');
}

function lockedIn({ items }: Inspection): number {
  return items.filter(({ locked, problems }) => locked && problems.some(({ code }) => code.startsWith('password-')))
    .length;
}

function thingOf(item: Item): GivenPile['things'][number] {
  const { kind, role, file, path, subject, serial, notAfter, keyType, keyBits, topic, locked } = item;
  return { kind, role, file, path, subject, serial, notAfter, keyType, keyBits, topic, locked };
}
