/**
 * Device records left where they are: in a file that nobody writes. In memory stay their ids and places, and what only all
 * records together tell; a device is read and joined again each time it is asked for. For sources of hundreds of thousands
 * of devices: some 250 bytes for each, where the device itself takes 2,000 and more.
 */
import { readCertificate } from '../../certificates/der';
import { fileSource, type ByteSource } from '../../bolt';
import { unreadable } from '../../failure';
import { Column, TextColumn, TextTable } from '../../text-table';
import { MadeSequence, type Sequence } from '../../sequence';
import type { DeviceCertificate, PushIdentity, Reason, SourceDevice, SourceUser } from '../snapshot';
import { takeOtherPush, type Drafting } from './device';
import {
  addReason,
  type CertificateFacts,
  type Certificates,
  type DeviceDraft,
  type DeviceStore,
  type Ids,
  type KeyedRecords,
  type Stores,
  type UserRow,
  type UserRows,
} from './device-store';
import { decodePush } from './push-info';
import type { Entry } from './reading';
import { REASON } from './reasons';
import { decodeUser } from './user';

/** Closes files whose snapshots are gone. */
const unused = new FinalizationRegistry<ByteSource>((source) => source.close());

/** A private copy, opened once more: it stays open for as long as something reads from it. */
export class LocatedFile {
  readonly #source: ByteSource;

  /** @throws FailureError as `fileSource` */
  constructor(path: string) {
    this.#source = fileSource(path);
    unused.register(this, this.#source);
  }

  /**
   * Fills `target` as far as the file goes, and returns how far that is.
   * @throws FailureError `source/copy-changed` when `least` bytes are not there
   */
  read(target: Buffer, position: number, least: number): number {
    const count = this.#source.read(target, position);
    return count < least ? this.changed() : count;
  }

  changed(): never {
    return changed(this.#source.name);
  }
}

function changed(path = ''): never {
  return unreadable(
    'source/copy-changed',
    `The private copy ${path} was changed while it was in use.`,
    'Nothing but Slipway may write there. Read the source again.',
    { path },
  );
}

/** The stores of one reading of a file. */
export function locatedStores(file: LocatedFile): Stores {
  const ids = new TextTable();
  const hashes = new TextTable();
  const certificates = new LocatedCertificates(file, hashes);
  return {
    push: new LocatedPush(file, ids),
    hashes: new LocatedHashes(ids, hashes),
    userIds: new IdSet(),
    users: new LocatedUsers(file, ids),
    devices: new LocatedDevices(file, ids, certificates),
  };
}

/** Bytes read ahead. */
const WINDOW = 32 * 1024;

/** Where entries stand in the file. */
class Places {
  readonly #positions = new Column(Float64Array);
  readonly #keys = new Column(Uint16Array);
  readonly #values = new Column(Uint32Array);
  readonly #file: LocatedFile;
  /** What was read last, and what follows it in the file where entries are asked for one behind the other. */
  #window = Buffer.allocUnsafeSlow(WINDOW);
  #from = 0;
  #filled = 0;

  constructor(file: LocatedFile) {
    this.#file = file;
  }

  set(index: number, { key, value, position }: Entry): void {
    this.#positions.set(index, position);
    this.#keys.set(index, key.length);
    this.#values.set(index, value.length);
  }

  /** No entry lies at 0: there is a header. */
  has(index: number): boolean {
    return this.#positions.get(index) > 0;
  }

  /** Key and value as they stand there. Valid until the next call. */
  read(index: number): { readonly key: Buffer; readonly value: Buffer } {
    const position = this.#positions.get(index);
    const keyLength = this.#keys.get(index);
    const length = keyLength + this.#values.get(index);
    let at = position - this.#from;
    if (at < 0 || at + length > this.#filled) {
      if (length > this.#window.length) this.#window = Buffer.allocUnsafeSlow(length);
      const goesOn = at >= 0 && at < WINDOW;
      this.#from = position;
      this.#filled = 0;
      this.#filled = this.#file.read(goesOn ? this.#window : this.#window.subarray(0, length), position, length);
      at = 0;
    }
    return {
      key: this.#window.subarray(at, at + keyLength),
      value: this.#window.subarray(at + keyLength, at + length),
    };
  }
}

class IdSet implements Ids {
  readonly #ids = new TextTable();

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  add(id: string): void {
    this.#ids.add(id);
  }
}

/** Numbers of ids in the order in which they came. */
class Order {
  readonly #numbers = new Column(Uint32Array);
  size = 0;

  add(number: number): void {
    this.#numbers.set(this.size, number);
    this.size += 1;
  }

  *texts(ids: TextTable): Generator<string, void, undefined> {
    for (let index = 0; index < this.size; index += 1) yield ids.text(this.#numbers.get(index));
  }
}

class LocatedPush implements KeyedRecords<PushIdentity> {
  readonly #file: LocatedFile;
  readonly #ids: TextTable;
  readonly #places: Places;
  readonly #order = new Order();

  constructor(file: LocatedFile, ids: TextTable) {
    this.#file = file;
    this.#ids = ids;
    this.#places = new Places(file);
  }

  get size(): number {
    return this.#order.size;
  }

  has(id: string): boolean {
    const number = this.#ids.find(id);
    return number >= 0 && this.#places.has(number);
  }

  get(id: string): PushIdentity | undefined {
    const number = this.#ids.find(id);
    if (number < 0 || !this.#places.has(number)) return undefined;
    return decodePush(this.#places.read(number).value) ?? this.#file.changed();
  }

  keys(): Iterable<string> {
    return this.#order.texts(this.#ids);
  }

  set(id: string, _record: PushIdentity, entry: Entry): void {
    const number = this.#ids.add(id);
    if (!this.#places.has(number)) this.#order.add(number);
    this.#places.set(number, entry);
  }
}

/** What a hash column says besides a number of the table of hashes, which is stored with 2 added. */
const NO_HASH = 0;
const MALFORMED = 1;

class LocatedHashes implements KeyedRecords<string | null> {
  readonly #ids: TextTable;
  readonly #hashes: TextTable;
  readonly #byId = new Column(Uint32Array);
  readonly #order = new Order();

  constructor(ids: TextTable, hashes: TextTable) {
    this.#ids = ids;
    this.#hashes = hashes;
  }

  get size(): number {
    return this.#order.size;
  }

  has(id: string): boolean {
    return this.#of(id) !== NO_HASH;
  }

  get(id: string): string | null | undefined {
    const stored = this.#of(id);
    if (stored === NO_HASH) return undefined;
    return stored === MALFORMED ? null : this.#hashes.text(stored - 2, 'hex');
  }

  keys(): Iterable<string> {
    return this.#order.texts(this.#ids);
  }

  set(id: string, sha256: string | null, { value }: Entry): void {
    const number = this.#ids.add(id);
    if (this.#byId.get(number) === NO_HASH) this.#order.add(number);
    this.#byId.set(number, sha256 === null ? MALFORMED : this.#hashes.addBytes(value) + 2);
  }

  #of(id: string): number {
    const number = this.#ids.find(id);
    return number < 0 ? NO_HASH : this.#byId.get(number);
  }
}

class LocatedUsers implements UserRows {
  readonly #file: LocatedFile;
  readonly #ids: TextTable;
  readonly #places: Places;
  /** By id: the row that was added last, + 1. */
  readonly #last = new Column(Uint32Array);
  /** By row: the one before of the same device, + 1. */
  readonly #before = new Column(Uint32Array);
  readonly #isLatest = new Column(Uint8Array);
  #rows = 0;

  constructor(file: LocatedFile, ids: TextTable) {
    this.#file = file;
    this.#ids = ids;
    this.#places = new Places(file);
  }

  get isEmpty(): boolean {
    return this.#rows === 0;
  }

  add(udid: string, _row: UserRow, entry: Entry): void {
    const number = this.#ids.add(udid);
    this.#places.set(this.#rows, entry);
    this.#before.set(this.#rows, this.#last.get(number));
    this.#rows += 1;
    this.#last.set(number, this.#rows);
  }

  has(udid: string): boolean {
    const number = this.#ids.find(udid);
    return number >= 0 && this.#last.get(number) > 0;
  }

  setLatest(udid: string, recordId: string): void {
    for (const row of this.#rowsOf(udid))
      if (this.#places.read(row).key.toString('utf8') === recordId) this.#isLatest.set(row, 1);
  }

  *udids(): Generator<string, void, undefined> {
    for (let number = 0; number < this.#ids.size; number += 1)
      if (this.#last.get(number) > 0) yield this.#ids.text(number);
  }

  of(udid: string): { row: UserRow; superseded: boolean }[] {
    const rows = this.#rowsOf(udid);
    const decided = rows.some((row) => this.#isLatest.get(row) === 1);
    return rows.map((row) => {
      const { key, value } = this.#places.read(row);
      return {
        row: decodeUser(key, value) ?? this.#file.changed(),
        superseded: decided && this.#isLatest.get(row) === 0,
      };
    });
  }

  /** In the order in which they were added. */
  #rowsOf(udid: string): number[] {
    const number = this.#ids.find(udid);
    const rows: number[] = [];
    if (number < 0) return rows;
    for (let row = this.#last.get(number); row > 0; row = this.#before.get(row - 1)) rows.push(row - 1);
    return rows.reverse();
  }
}

/** Bits of what is known of a certificate. */
const BOUND = 1;
const IN_DEPOT = 2;
const READABLE = 4;
const ISSUER_TRIED = 8;
const ISSUED = 16;
const KEPT = 32;

class LocatedCertificates implements Certificates {
  /** Hashes of all certificates that anything is bound to, and their numbers. */
  readonly hashes: TextTable;
  readonly file: LocatedFile;
  readonly places: Places;
  readonly notBefore = new Column(Float64Array);
  readonly notAfter = new Column(Float64Array);
  readonly #bits = new Column(Uint8Array);

  constructor(file: LocatedFile, hashes: TextTable) {
    this.file = file;
    this.hashes = hashes;
    this.places = new Places(file);
  }

  /** Its number. */
  bind(sha256: string): number {
    const number = this.hashes.find(sha256, 'hex');
    this.setBit(number, BOUND, true);
    return number;
  }

  get(sha256: string): LocatedCertificate | undefined {
    const number = this.hashes.find(sha256, 'hex');
    return number >= 0 && this.bit(number, BOUND) ? new LocatedCertificate(this, number) : undefined;
  }

  has(sha256: string): boolean {
    return this.get(sha256) !== undefined;
  }

  place(certificate: LocatedCertificate, entry: Entry, keep: boolean): void {
    const { number } = certificate;
    this.places.set(number, entry);
    this.setBit(number, IN_DEPOT, true);
    this.setBit(number, KEPT, keep);
  }

  describe(certificate: LocatedCertificate, { notBefore, notAfter, issuedByCa }: CertificateFacts): void {
    const { number } = certificate;
    this.notBefore.set(number, notBefore ?? 0);
    this.notAfter.set(number, notAfter ?? 0);
    this.setBit(number, READABLE, notBefore !== null && notAfter !== null);
    this.setBit(number, ISSUER_TRIED, issuedByCa !== null);
    this.setBit(number, ISSUED, issuedByCa === true);
  }

  bit(number: number, bit: number): boolean {
    return (this.#bits.get(number) & bit) !== 0;
  }

  setBit(number: number, bit: number, value: boolean): void {
    const bits = this.#bits.get(number);
    this.#bits.set(number, value ? bits | bit : bits & ~bit);
  }
}

/** A certificate whose facts are in columns and whose bytes are in the file. */
class LocatedCertificate implements DeviceCertificate {
  readonly number: number;
  readonly #all: LocatedCertificates;

  constructor(all: LocatedCertificates, number: number) {
    this.#all = all;
    this.number = number;
  }

  get sha256(): string {
    return this.#all.hashes.text(this.number, 'hex');
  }

  get inDepot(): boolean {
    return this.#all.bit(this.number, IN_DEPOT);
  }

  /** Read from the file each time. */
  get der(): Buffer | null {
    return this.#all.bit(this.number, KEPT) ? Buffer.from(this.#all.places.read(this.number).value) : null;
  }

  get notBefore(): number | null {
    return this.#all.bit(this.number, READABLE) ? this.#all.notBefore.get(this.number) : null;
  }

  get notAfter(): number | null {
    return this.#all.bit(this.number, READABLE) ? this.#all.notAfter.get(this.number) : null;
  }

  get commonName(): string | null {
    if (!this.#all.bit(this.number, READABLE)) return null;
    return readCertificate(this.#all.places.read(this.number).value)?.commonName ?? null;
  }

  get issuedByCa(): boolean | null {
    return this.#all.bit(this.number, ISSUER_TRIED) ? this.#all.bit(this.number, ISSUED) : null;
  }
}

/** Reasons that are given after a device was read, in the order in which they are: a bit for each. */
const GIVEN_LATER: readonly Reason[] = [
  REASON.udidCaseDiffers,
  REASON.severalUsers,
  REASON.udidIndexMissing,
  REASON.udidIndexElsewhere,
  REASON.duplicateSuperseded,
  REASON.duplicateKept,
  REASON.duplicateGuessed,
  REASON.certificateUnreadable,
];

class LocatedDevices implements DeviceStore {
  readonly certificates: LocatedCertificates;
  readonly byUdid: Pick<KeyedRecords<number>, 'get' | 'has' | 'keys'>;
  readonly duplicates = new Map<string, number[]>();
  readonly #file: LocatedFile;
  readonly #ids: TextTable;
  readonly #places: Places;
  /** By ordinal: the number of its UDID, and of its certificate's hash, + 1. */
  readonly #udids = new Column(Uint32Array);
  readonly #bound = new Column(Uint32Array);
  /** Last contact, nanoseconds: high and low 32 bits. */
  readonly #contactHigh = new Column(Uint32Array);
  readonly #contactLow = new Column(Uint32Array);
  readonly #reasons = new Column(Uint8Array);
  /** Reasons of their own words, which few devices have. */
  readonly #ownReasons = new Map<number, Reason[]>();
  readonly #otherPush = new Map<number, PushIdentity>();
  #drafting: Drafting | null = null;
  #usersOf: (udid: string) => SourceUser[] = () => [];
  /** What only joining needs. */
  #first = new Column(Uint32Array);
  #records = new TextTable();
  #serials = new TextColumn();
  #length = 0;

  constructor(file: LocatedFile, ids: TextTable, certificates: LocatedCertificates) {
    this.#file = file;
    this.#ids = ids;
    this.certificates = certificates;
    this.#places = new Places(file);
    const first = (udid: string): number => {
      const number = ids.find(udid);
      return number < 0 ? 0 : this.#first.get(number);
    };
    this.byUdid = {
      has: (udid) => first(udid) > 0,
      get: (udid) => (first(udid) > 0 ? first(udid) - 1 : undefined),
      keys: () => this.#distinctUdids(),
    };
  }

  get length(): number {
    return this.#length;
  }

  begin(drafting: Drafting): void {
    this.#drafting = drafting;
  }

  add({ udid, lastSeen, serial }: DeviceDraft, sha256: string | null, entry: Entry): void {
    const ordinal = this.#length;
    this.#length += 1;
    this.#places.set(ordinal, entry);
    this.#records.addBytes(entry.key);
    this.#serials.add(Buffer.from(serial ?? ''));
    this.#contactHigh.set(ordinal, Number((lastSeen ?? 0n) >> 32n));
    this.#contactLow.set(ordinal, Number((lastSeen ?? 0n) & 0xffff_ffffn));
    this.#bound.set(ordinal, sha256 === null ? 0 : this.certificates.bind(sha256) + 1);
    this.#reasons.set(ordinal, 0);
    if (udid === null) return;
    const number = this.#ids.add(udid);
    this.#udids.set(ordinal, number + 1);
    const first = this.#first.get(number);
    if (first === 0) this.#first.set(number, ordinal + 1);
    else this.duplicates.set(udid, [...(this.duplicates.get(udid) ?? [first - 1]), ordinal]);
  }

  at(ordinal: number): DeviceDraft {
    const { key, value } = this.#places.read(ordinal);
    const draft = this.#drafting?.again(key, value) ?? this.#file.changed();
    draft.certificate = this.certificateOf(ordinal);
    const push = this.#otherPush.get(ordinal);
    if (push !== undefined) takeOtherPush(draft, push);
    if (draft.udid !== null) {
      const users = this.#usersOf(draft.udid);
      if (users.length > 0) draft.users = users;
    }
    const given = this.#reasons.get(ordinal);
    if (given !== 0)
      GIVEN_LATER.forEach((reason, bit) => {
        if ((given & (1 << bit)) !== 0) addReason(draft, reason);
      });
    for (const reason of this.#ownReasons.get(ordinal) ?? []) addReason(draft, reason);
    return draft;
  }

  addReason(ordinal: number, reason: Reason): void {
    const bit = GIVEN_LATER.indexOf(reason);
    if (bit >= 0) this.#reasons.set(ordinal, this.#reasons.get(ordinal) | (1 << bit));
    else this.#ownReasons.set(ordinal, [...(this.#ownReasons.get(ordinal) ?? []), reason]);
  }

  setPush(ordinal: number, _id: string, push: PushIdentity): void {
    this.#otherPush.set(ordinal, push);
  }

  setCertificate(ordinal: number, sha256: string): void {
    this.#bound.set(ordinal, this.certificates.bind(sha256) + 1);
  }

  setUsers(users: UserRows, usersOf: (rows: ReturnType<UserRows['of']>) => SourceUser[]): void {
    for (const udid of users.udids()) {
      if (users.of(udid).length < 2) continue;
      const first = this.byUdid.get(udid);
      for (const ordinal of this.duplicates.get(udid) ?? (first === undefined ? [] : [first]))
        this.addReason(ordinal, REASON.severalUsers);
    }
    if (!users.isEmpty) this.#usersOf = (udid) => (users.has(udid) ? usersOf(users.of(udid)) : []);
  }

  records(): Pick<KeyedRecords<number>, 'get'> {
    return {
      get: (recordId) => {
        const ordinal = this.#records.find(recordId);
        return ordinal < 0 ? undefined : ordinal;
      },
    };
  }

  foldedUdids(): Pick<Ids, 'has'> {
    const folded = new IdSet();
    for (const udid of this.#distinctUdids()) folded.add(udid.toLowerCase());
    return folded;
  }

  udidOf(ordinal: number): string | null {
    const number = this.#udids.get(ordinal);
    return number === 0 ? null : this.#ids.text(number - 1);
  }

  hasSerial(ordinal: number, serial: string): boolean {
    return serial !== '' && this.#serials.text(ordinal) === serial;
  }

  contactOf(ordinal: number): bigint | null {
    const contact = (BigInt(this.#contactHigh.get(ordinal)) << 32n) | BigInt(this.#contactLow.get(ordinal));
    return contact === 0n ? null : contact;
  }

  certificateOf(ordinal: number): DeviceCertificate | null {
    const number = this.#bound.get(ordinal);
    return number === 0 ? null : new LocatedCertificate(this.certificates, number - 1);
  }

  endJoin(): void {
    this.duplicates.clear();
    this.#first = new Column(Uint32Array);
    this.#records = new TextTable();
    this.#serials = new TextColumn();
  }

  list(): Sequence<SourceDevice> {
    return new MadeSequence<SourceDevice>(this.#length, (ordinal) => this.at(ordinal));
  }

  *#distinctUdids(): Generator<string, void, undefined> {
    for (let number = 0; number < this.#ids.size; number += 1)
      if (this.#first.get(number) > 0) yield this.#ids.text(number);
  }
}
