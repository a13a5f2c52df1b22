/**
 * Where device records and what is joined to them are kept while a database is read, and after: in memory, or
 * (located-store.ts) in the file itself. Who reads and judges them need not know which.
 */
import type { Sequence } from '../../sequence';
import type { DeviceCertificate, PushIdentity, Reason, SourceDevice, SourceUser } from '../snapshot';
import { takeOtherPush, type Drafting } from './device';
import type { Entry } from './reading';
import { REASON } from './reasons';

/** A device while it is being put together; it becomes the snapshot's device without a copy. */
export type DeviceDraft = {
  -readonly [Name in keyof SourceDevice]: SourceDevice[Name];
};

/** The certificate of one or more devices, filled in when the depot is read. */
type CertificateDraft = { -readonly [Name in keyof DeviceCertificate]: DeviceCertificate[Name] };

/** Records by an id; a Map of them is one. */
export interface KeyedRecords<T> {
  readonly size: number;
  get(id: string): T | undefined;
  has(id: string): boolean;
  /** In the order in which they were set first. */
  keys(): Iterable<string>;
  /** @param entry where the record stands in the file */
  set(id: string, record: T, entry: Entry): unknown;
}

/** Ids; a Set of them is one. */
export interface Ids {
  has(id: string): boolean;
  add(id: string): unknown;
}

/** A user record. */
export interface UserRow {
  readonly recordId: string;
  readonly id: string;
  readonly shortName: string;
  readonly longName: string;
  readonly authToken: string;
}

/** User records by the UDID of their device. */
export interface UserRows {
  readonly isEmpty: boolean;
  add(udid: string, row: UserRow, entry: Entry): void;
  has(udid: string): boolean;
  /** The index entry of a UDID is the user that came last; it is the only age a user record has. */
  setLatest(udid: string, recordId: string): void;
  udids(): Iterable<string>;
  /** In the order they were added; `superseded` where another one of them is the latest. */
  of(udid: string): readonly { readonly row: UserRow; readonly superseded: boolean }[];
}

/** What a certificate says of itself. */
export type CertificateFacts = {
  readonly [Name in 'notBefore' | 'notAfter' | 'commonName' | 'issuedByCa']: DeviceCertificate[Name];
};

/** The certificates devices are bound to. */
export interface Certificates {
  /** By the hex of its hash. */
  get(sha256: string): DeviceCertificate | undefined;
  has(sha256: string): boolean;
  /** It is in the depot, there; `keep` makes its bytes part of it. */
  place(certificate: DeviceCertificate, entry: Entry, keep: boolean): void;
  /** What it says, where it can be read. */
  describe(certificate: DeviceCertificate, facts: CertificateFacts): void;
}

/** The devices of a source, by their ordinal: in the order of their record ids. */
export interface DeviceStore {
  readonly length: number;
  /** The ordinal of the first record with each UDID. */
  readonly byUdid: Pick<KeyedRecords<number>, 'get' | 'has' | 'keys'>;
  /** Ordinals of all records with a UDID that several have. */
  readonly duplicates: ReadonlyMap<string, readonly number[]>;
  readonly certificates: Certificates;

  /** Told before the first device how devices are made of their records. */
  begin(drafting: Drafting): void;
  /** Takes the next device. `sha256` of what it is bound to, when it is. */
  add(draft: DeviceDraft, sha256: string | null, entry: Entry): void;
  /** The device as it stands. Change it by what follows only. */
  at(ordinal: number): DeviceDraft;
  addReason(ordinal: number, reason: Reason): void;
  /** Gives it the push record of another id. */
  setPush(ordinal: number, id: string, push: PushIdentity): void;
  setCertificate(ordinal: number, sha256: string): void;
  /** Gives every device its user channels, and a reason where there are several. */
  setUsers(users: UserRows, usersOf: (rows: ReturnType<UserRows['of']>) => SourceUser[]): void;

  /** Ordinals by record id. Made for the caller: it costs. */
  records(): Pick<KeyedRecords<number>, 'get'>;
  /** The UDIDs of all devices in lower case. Made for the caller: it costs. */
  foldedUdids(): Pick<Ids, 'has'>;
  udidOf(ordinal: number): string | null;
  hasSerial(ordinal: number, serial: string): boolean;
  /** Nanoseconds since the epoch. */
  contactOf(ordinal: number): bigint | null;
  certificateOf(ordinal: number): DeviceCertificate | null;

  /** Forgets what only joining needs: UDIDs, duplicates, record ids. */
  endJoin(): void;
  /** All devices, complete. */
  list(): Sequence<SourceDevice>;
}

/** What makes the stores of one reading. */
export interface Stores {
  readonly push: KeyedRecords<PushIdentity>;
  /** UDID to lower-case hex SHA-256; null where what is stored is not 32 bytes long. */
  readonly hashes: KeyedRecords<string | null>;
  readonly userIds: Ids;
  readonly users: UserRows;
  readonly devices: DeviceStore;
}

/** Adds a reason to a device that has not got it yet. */
export function addReason(draft: DeviceDraft, reason: Reason): void {
  if (!draft.reasons.includes(reason)) draft.reasons = [...draft.reasons, reason];
}

/** Everything in memory. */
export function heldStores(): Stores {
  return {
    push: new Map(),
    hashes: new Map(),
    userIds: new Set(),
    users: new HeldUsers(),
    devices: new HeldDevices(),
  };
}

class HeldUsers implements UserRows {
  readonly #byUdid = new Map<string, UserRow[]>();
  readonly #latest = new Map<string, string>();

  get isEmpty(): boolean {
    return this.#byUdid.size === 0;
  }

  add(udid: string, row: UserRow): void {
    const known = this.#byUdid.get(udid);
    if (known) known.push(row);
    else this.#byUdid.set(udid, [row]);
  }

  has(udid: string): boolean {
    return this.#byUdid.has(udid);
  }

  setLatest(udid: string, recordId: string): void {
    this.#latest.set(udid, recordId);
  }

  udids(): Iterable<string> {
    return this.#byUdid.keys();
  }

  of(udid: string): { row: UserRow; superseded: boolean }[] {
    const rows = this.#byUdid.get(udid) ?? [];
    const latest = this.#latest.get(udid);
    const decided = rows.some(({ recordId }) => recordId === latest);
    return rows.map((row) => ({ row, superseded: decided && row.recordId !== latest }));
  }
}

class HeldDevices implements DeviceStore {
  readonly #list: DeviceDraft[] = [];
  readonly byUdid = new Map<string, number>();
  readonly duplicates = new Map<string, number[]>();
  readonly certificates = new HeldCertificates();

  get length(): number {
    return this.#list.length;
  }

  begin(): void {
    // What was made stays.
  }

  add(draft: DeviceDraft, sha256: string | null): void {
    const ordinal = this.#list.length;
    if (sha256 !== null) draft.certificate = this.certificates.for(sha256);
    this.#list.push(draft);
    if (draft.udid === null) return;
    const first = this.byUdid.get(draft.udid);
    if (first === undefined) this.byUdid.set(draft.udid, ordinal);
    else this.duplicates.set(draft.udid, [...(this.duplicates.get(draft.udid) ?? [first]), ordinal]);
  }

  at(ordinal: number): DeviceDraft {
    return this.#list[ordinal] as DeviceDraft;
  }

  addReason(ordinal: number, reason: Reason): void {
    addReason(this.at(ordinal), reason);
  }

  setPush(ordinal: number, _id: string, push: PushIdentity): void {
    takeOtherPush(this.at(ordinal), push);
  }

  setCertificate(ordinal: number, sha256: string): void {
    this.at(ordinal).certificate = this.certificates.for(sha256);
  }

  setUsers(users: UserRows, usersOf: (rows: ReturnType<UserRows['of']>) => SourceUser[]): void {
    for (const udid of users.udids()) {
      const rows = users.of(udid);
      const channels = usersOf(rows);
      const first = this.byUdid.get(udid);
      for (const ordinal of this.duplicates.get(udid) ?? (first === undefined ? [] : [first])) {
        const draft = this.at(ordinal);
        if (rows.length > 1) addReason(draft, REASON.severalUsers);
        draft.users = channels;
      }
    }
  }

  records(): ReadonlyMap<string, number> {
    const ordinals = new Map<string, number>();
    this.#list.forEach(({ recordId }, ordinal) => ordinals.set(recordId, ordinal));
    return ordinals;
  }

  foldedUdids(): ReadonlySet<string> {
    return new Set([...this.byUdid.keys()].map((udid) => udid.toLowerCase()));
  }

  udidOf(ordinal: number): string | null {
    return this.at(ordinal).udid;
  }

  hasSerial(ordinal: number, serial: string): boolean {
    return this.at(ordinal).serial === serial;
  }

  contactOf(ordinal: number): bigint | null {
    return this.at(ordinal).lastSeen;
  }

  certificateOf(ordinal: number): CertificateDraft | null {
    return this.at(ordinal).certificate;
  }

  endJoin(): void {
    this.byUdid.clear();
    this.duplicates.clear();
  }

  list(): readonly SourceDevice[] {
    return this.#list;
  }
}

class HeldCertificates implements Certificates {
  readonly #byHash = new Map<string, CertificateDraft>();
  readonly #arena = new Arena();

  describe(certificate: CertificateDraft, facts: CertificateFacts): void {
    Object.assign(certificate, facts);
  }

  for(sha256: string): CertificateDraft {
    let certificate = this.#byHash.get(sha256);
    if (!certificate) {
      certificate = {
        sha256,
        inDepot: false,
        der: null,
        notBefore: null,
        notAfter: null,
        commonName: null,
        issuedByCa: null,
      };
      this.#byHash.set(sha256, certificate);
    }
    return certificate;
  }

  get(sha256: string): CertificateDraft | undefined {
    return this.#byHash.get(sha256);
  }

  has(sha256: string): boolean {
    return this.#byHash.has(sha256);
  }

  place(certificate: CertificateDraft, { value }: Entry, keep: boolean): void {
    certificate.inDepot = true;
    if (keep) certificate.der = this.#arena.copy(value);
  }
}

/** Copies many small values into a few large buffers: tens of thousands of their own would cost twice the memory. */
class Arena {
  #chunk = Buffer.alloc(0);
  #used = 0;

  copy(value: Buffer): Buffer {
    if (value.length > 64 * 1024) return Buffer.from(value);
    if (this.#used + value.length > this.#chunk.length) {
      this.#chunk = Buffer.allocUnsafeSlow(1024 * 1024);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += value.copy(this.#chunk, start);
    return this.#chunk.subarray(start, this.#used);
  }
}
