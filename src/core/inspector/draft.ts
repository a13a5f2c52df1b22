/** A thing as it was read, with its material; becomes an {@link Item} once everything is known. */
import { hash, type KeyObject } from 'node:crypto';
import type { Certificate } from '../certificates/der';
import { spkiOf, type KeyForm } from '../certificates/private-key';
import type { CertificateRequest } from '../certificates/request';
import type { Facts, Kind, Place, Problem, Role } from './item';

/** Never leaves the engine: it holds private keys. */
export class Draft {
  readonly alsoIn: Place[] = [];
  readonly problems: Problem[] = [];
  facts: Facts = {};
  /** What its surroundings say it is for: a database knows its own SCEP CA. */
  roleHint: Role | null = null;
  certificate: Certificate | null = null;
  request: CertificateRequest | null = null;
  key: KeyObject | null = null;
  keyForms = new Set<KeyForm>();
  publicKey: KeyObject | null = null;
  encrypted = false;
  locked = false;
  topic: string | null = null;
  notAfter: number | null = null;
  /** SHA-256 of what is not kept in memory: a database. */
  fileSha256: string | null = null;
  #spki: Buffer | null | undefined;

  constructor(
    public kind: Kind,
    readonly place: Place,
    readonly parent: Draft | null,
    /** The DER, or the bytes of what has none. Of a private key this is a secret. */
    readonly bytes: Buffer,
  ) {}

  /** SubjectPublicKeyInfo; null when it has no public key. */
  get spki(): Buffer | null {
    if (this.#spki === undefined) {
      const key = this.key ?? this.publicKey;
      this.#spki = this.certificate?.spki ?? this.request?.spki ?? (key ? spkiOf(key) : null);
    }
    return this.#spki;
  }

  /** What stands for it in fingerprints: never the private half of a key. */
  get fingerprinted(): Buffer {
    return this.kind === 'key' || this.kind === 'public-key' ? (this.spki ?? this.bytes) : this.bytes;
  }

  /** Equal for two drafts that are the same thing. */
  get identity(): string {
    return `${this.kind} ${this.locked ? 'locked ' : ''}${hash('sha256', this.fingerprinted, 'hex')}`;
  }

  /** Takes in that the same thing was found once more. */
  merge(other: Draft): void {
    this.alsoIn.push(other.place);
    for (const form of other.keyForms) this.keyForms.add(form);
    this.encrypted &&= other.encrypted;
    this.roleHint ??= other.roleHint;
    for (const found of other.problems)
      if (!this.problems.some(({ code }) => code === found.code)) this.problems.push(found);
  }
}
