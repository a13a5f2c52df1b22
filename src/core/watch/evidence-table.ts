/**
 * What Fleet's MySQL says about every device, in columns: 100,000 devices as objects would take some 80 MB, as columns
 * they take about 25 MB. One device's evidence is put together when it is judged.
 */
import { foldId } from '../fleet/device-rows';
import type { CertificateEvidence, DatabaseEvidence, HostEvidence } from './status';

/** The numbers that are kept of a device; times are milliseconds since the epoch, NaN is NULL or not there. */
const NUMBERS = [
  'enrollmentCreatedAt',
  'enrollmentUpdatedAt',
  'lastSeenAt',
  'deviceCreatedAt',
  'deviceUpdatedAt',
  'authenticateAt',
  'tokenUpdateAt',
  'seenTime',
  'resultAt',
  'certificateNotAfter',
  'renewalSince',
  'hostId',
  'hostTeamId',
  'mdmUpdatedAt',
] as const;

export type EvidenceNumber = (typeof NUMBERS)[number];

/** Yes or no about a device, one bit each. */
const FLAG = {
  enrollment: 1,
  enabled: 2,
  fromMigration: 4,
  deviceRead: 8,
  device: 16,
  certificateRead: 32,
  certificate: 64,
  renewalPending: 128,
  hostRead: 256,
  agent: 512,
  mdmKnown: 1024,
  mdmEnrolled: 2048,
} as const;

export type EvidenceFlag = keyof typeof FLAG;

const NONE: readonly string[] = [];

/** The columns. A device is a row number, given out once and kept. */
export class EvidenceTable {
  readonly #rows = new Map<string, number>();
  readonly #udids: string[] = [];
  readonly #numbers: Record<EvidenceNumber, Float64Array>;
  #flags: Uint16Array;
  #topics: Uint16Array;
  /** Which stretch of ids a row was found in, so that a row that is gone can be noticed. */
  #ranges: Uint16Array;
  /** The reading that last saw a row. */
  #marks: Uint32Array;
  readonly #topicNames: string[] = [''];
  readonly #topicOf = new Map<string, number>([['', 0]]);
  /** Hashes as 32 bytes each; of devices with more than one certificate all but the newest. */
  #hashes: Buffer;
  readonly #olderHashes = new Map<number, readonly string[]>();
  readonly #rowOfHost = new Map<number, number>();
  /** Hosts of a device that has several. */
  readonly #moreHosts = new Map<number, Set<number>>();
  #capacity: number;

  constructor(expected = 1_024) {
    this.#capacity = Math.max(16, expected);
    const numbers = {} as Record<EvidenceNumber, Float64Array>;
    for (const name of NUMBERS) numbers[name] = new Float64Array(this.#capacity).fill(Number.NaN);
    this.#numbers = numbers;
    this.#flags = new Uint16Array(this.#capacity);
    this.#topics = new Uint16Array(this.#capacity);
    this.#ranges = new Uint16Array(this.#capacity);
    this.#marks = new Uint32Array(this.#capacity);
    this.#hashes = Buffer.alloc(this.#capacity * 32);
  }

  get size(): number {
    return this.#udids.length;
  }

  /** The row of a device; -1 when it has none. Case does not count, as in Fleet's collation. */
  find(udid: string): number {
    // Most ids come back exactly as they were given.
    return this.#rows.get(udid) ?? this.#rows.get(foldId(udid)) ?? -1;
  }

  /** The row of a device, made when it has none. The first spelling stays. */
  add(udid: string): number {
    const known = this.find(udid);
    if (known >= 0) return known;
    const row = this.#udids.length;
    if (row === this.#capacity) this.#grow();
    this.#udids.push(udid);
    const folded = foldId(udid);
    this.#rows.set(udid, row);
    // A second key only where somebody may write it otherwise: macOS sends capitals, and so do sources and Fleet.
    if (folded !== udid) this.#rows.set(folded, row);
    return row;
  }

  udid(row: number): string {
    return this.#udids[row] ?? '';
  }

  get(row: number, name: EvidenceNumber): number | null {
    const value = this.#numbers[name][row];
    return value === undefined || Number.isNaN(value) ? null : value;
  }

  set(row: number, name: EvidenceNumber, value: number | null): void {
    this.#numbers[name][row] = value ?? Number.NaN;
  }

  is(row: number, flag: EvidenceFlag): boolean {
    return ((this.#flags[row] ?? 0) & FLAG[flag]) !== 0;
  }

  mark(row: number, flag: EvidenceFlag, on: boolean): void {
    const flags = this.#flags[row] ?? 0;
    this.#flags[row] = on ? flags | FLAG[flag] : flags & ~FLAG[flag];
  }

  setTopic(row: number, topic: string): void {
    let at = this.#topicOf.get(topic);
    if (at === undefined) {
      // A Fleet has one topic, or two; a hostile database may have one for each device.
      if (this.#topicNames.length >= 60_000) at = 0;
      else {
        at = this.#topicNames.push(topic) - 1;
        this.#topicOf.set(topic, at);
      }
    }
    this.#topics[row] = at;
  }

  /** Newest first. */
  setHashes(row: number, hashes: readonly string[]): void {
    this.#hashes.write((hashes[0] ?? '').padEnd(64, '0').slice(0, 64), row * 32, 'hex');
    if (hashes.length > 1) this.#olderHashes.set(row, hashes.slice(1));
    else this.#olderHashes.delete(row);
  }

  /** Notes that a reading found a device in this stretch. */
  seenIn(row: number, range: number, reading: number): void {
    this.#ranges[row] = range;
    this.#marks[row] = reading;
  }

  /** Devices of a stretch (null: all) that this reading did not find: their enrollment is gone. Counts them. */
  forgetMissing(range: number | null, reading: number): number {
    let gone = 0;
    for (let row = 0; row < this.size; row += 1) {
      if (
        (range !== null && this.#ranges[row] !== range) ||
        this.#marks[row] === reading ||
        !this.is(row, 'enrollment')
      )
        continue;
      this.#flags[row] = (this.#flags[row] ?? 0) & (FLAG.hostRead | FLAG.agent | FLAG.mdmKnown | FLAG.mdmEnrolled);
      for (const name of NUMBERS) {
        if (name !== 'hostId' && name !== 'hostTeamId' && name !== 'mdmUpdatedAt') this.set(row, name, null);
      }
      gone += 1;
    }
    return gone;
  }

  /** Ties a row of hosts to a device. */
  setHost(row: number, id: number, agent: boolean, teamId: number | null): void {
    const now = this.get(row, 'hostId');
    if (now !== null && now !== id) {
      const ids = this.#moreHosts.get(row) ?? new Set([now]);
      ids.add(id);
      this.#moreHosts.set(row, ids);
      // Of several the lowest id is shown, and an agent on any of them counts.
      this.mark(row, 'agent', this.is(row, 'agent') || agent);
      if (id < now) this.set(row, 'hostId', id);
    } else {
      this.set(row, 'hostId', id);
      this.set(row, 'hostTeamId', teamId);
      this.mark(row, 'agent', agent);
    }
    this.#rowOfHost.set(id, row);
  }

  rowOfHost(id: number): number {
    return this.#rowOfHost.get(id) ?? -1;
  }

  /** Hosts with ids in (from, to] that a reading did not find are gone. */
  forgetHosts(from: number, to: number, found: ReadonlySet<number>): void {
    for (const [id, row] of this.#rowOfHost) {
      if (id <= from || id > to || found.has(id)) continue;
      this.#rowOfHost.delete(id);
      const ids = this.#moreHosts.get(row);
      ids?.delete(id);
      const left = ids === undefined ? [] : [...ids].sort((a, b) => a - b);
      if (left.length <= 1) this.#moreHosts.delete(row);
      this.set(row, 'hostId', left[0] ?? null);
      if (left.length === 0) {
        this.mark(row, 'agent', false);
        this.mark(row, 'mdmKnown', false);
        this.set(row, 'hostTeamId', null);
      }
    }
  }

  /** Every host known so far, for marking all devices without one as asked. */
  hostsRead(): void {
    for (let row = 0; row < this.size; row += 1) this.mark(row, 'hostRead', true);
  }

  /** Every certificate known so far. */
  certificatesRead(): void {
    for (let row = 0; row < this.size; row += 1) this.mark(row, 'certificateRead', true);
  }

  /** The evidence of one device, as the judge takes it. */
  evidence(row: number, seenCopiedAt: number | null): DatabaseEvidence {
    return {
      enrollment: this.is(row, 'enrollment')
        ? {
            createdAt: this.get(row, 'enrollmentCreatedAt'),
            updatedAt: this.get(row, 'enrollmentUpdatedAt'),
            enabled: this.is(row, 'enabled'),
            topic: this.#topicNames[this.#topics[row] ?? 0] ?? '',
            fromMigration: this.is(row, 'fromMigration'),
            lastSeenAt: this.get(row, 'lastSeenAt'),
          }
        : null,
      device: this.is(row, 'device')
        ? {
            createdAt: this.get(row, 'deviceCreatedAt'),
            updatedAt: this.get(row, 'deviceUpdatedAt'),
            authenticateAt: this.get(row, 'authenticateAt'),
            tokenUpdateAt: this.get(row, 'tokenUpdateAt'),
          }
        : null,
      deviceRead: this.is(row, 'deviceRead'),
      seenTime: this.get(row, 'seenTime'),
      seenCopiedAt,
      resultAt: this.get(row, 'resultAt'),
      certificate: this.#certificate(row),
      host: this.#host(row),
    };
  }

  #certificate(row: number): CertificateEvidence | null | undefined {
    if (!this.is(row, 'certificate')) return this.is(row, 'certificateRead') ? null : undefined;
    return {
      notAfter: this.get(row, 'certificateNotAfter'),
      renewalPending: this.is(row, 'renewalPending'),
      renewalSince: this.get(row, 'renewalSince'),
      sha256: [this.#hashes.toString('hex', row * 32, row * 32 + 32), ...(this.#olderHashes.get(row) ?? NONE)],
    };
  }

  #host(row: number): HostEvidence | null | undefined {
    const id = this.get(row, 'hostId');
    if (id === null) return this.is(row, 'hostRead') ? null : undefined;
    return {
      id,
      count: this.#moreHosts.get(row)?.size ?? 1,
      hasAgent: this.is(row, 'agent'),
      teamId: this.get(row, 'hostTeamId'),
      mdmEnrolled: this.is(row, 'mdmKnown') ? this.is(row, 'mdmEnrolled') : null,
      mdmUpdatedAt: this.get(row, 'mdmUpdatedAt'),
    };
  }

  #grow(): void {
    const capacity = this.#capacity * 2;
    for (const name of NUMBERS) {
      const longer = new Float64Array(capacity).fill(Number.NaN, this.#capacity);
      longer.set(this.#numbers[name]);
      this.#numbers[name] = longer;
    }
    const flags = new Uint16Array(capacity);
    flags.set(this.#flags);
    this.#flags = flags;
    const topics = new Uint16Array(capacity);
    topics.set(this.#topics);
    this.#topics = topics;
    const ranges = new Uint16Array(capacity);
    ranges.set(this.#ranges);
    this.#ranges = ranges;
    const marks = new Uint32Array(capacity);
    marks.set(this.#marks);
    this.#marks = marks;
    const hashes = Buffer.alloc(capacity * 32);
    this.#hashes.copy(hashes);
    this.#hashes = hashes;
    this.#capacity = capacity;
  }
}
