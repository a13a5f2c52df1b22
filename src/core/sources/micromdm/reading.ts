/** What every part of the MicroMDM reader shares: the file, the clock, the findings, and how damage is met. */
import { displayName, type BoltFile, type BoltIssue } from '../../bolt';
import { FailureError } from '../../failure';
import type { OnProgress } from '../../progress';
import { FindingLog } from '../finding-log';
import type { Finding } from '../snapshot';

/** MicroMDM's buckets (spec 2). */
export const BUCKET = {
  devices: 'mdm.Devices',
  deviceIndex: 'mdm.DeviceIdx',
  certAuth: 'mdm.UDIDCertAuth',
  pushInfo: 'mdm.PushInfo',
  serverConfig: 'mdm.ServerConfig',
  depToken: 'mdm.DEPToken',
  profile: 'mdm.Profile',
  blueprint: 'mdm.Blueprint',
  users: 'mdm.Users',
  userIndex: 'mdm.UserIdx',
  removeDevice: 'mdm.RemoveDevice',
  commands: 'mdm.DeviceCommands',
  depot: 'scep_certificates',
} as const;

/** Buckets that exist and carry nothing a migration needs, some of them since 2017 (spec 2). */
const OTHER_BUCKETS: ReadonlySet<string> = new Set([
  'mdm.DEPConfig',
  'mdm.DEPAutoAssign',
  'mdm.BlueprintIdx',
  'scep_challenges',
  'mdm.Checkin.ARCHIVE',
  'mdm.Command.ARCHIVE',
]);

/** Up to this size the freelist is cross-checked as part of reading. */
const FREELIST_CHECK_BYTES = 64 * 1024 * 1024;

/** Records of one bucket named one by one; beyond that only counted. */
const NAMED_RECORDS = 50;

/** One entry of a bucket. Key and value are views that live as long as the reader's page: copy what is kept. */
export interface Entry {
  readonly key: Buffer;
  readonly value: Buffer;
  /** Byte offset in the file of the key, which the value follows at once. */
  readonly position: number;
}

/** One pass over a MicroMDM database. */
export class Reading {
  readonly findings = new FindingLog();
  readonly #undecodable = new Map<string, number>();
  readonly #known = new Set<string>();

  constructor(
    readonly bolt: BoltFile,
    /** The clock, milliseconds since the epoch. */
    readonly at: number,
    readonly salvage: boolean,
    private readonly onProgress: OnProgress | undefined,
  ) {
    for (const issue of bolt.issues) this.#issue(issue);
    const known = new Set<string>(Object.values(BUCKET));
    const others = bolt
      .bucketNames()
      .map(displayName)
      .filter((name) => !known.has(name) && !OTHER_BUCKETS.has(name));
    if (others.length > 0)
      this.findings.add(
        'unknown-bucket',
        'info',
        `The file has buckets that MicroMDM does not make: ${others.slice(0, 20).join(', ')}. They are not read.`,
        others,
      );
  }

  has(bucket: string): boolean {
    return this.bolt.bucket(bucket) !== null;
  }

  /**
   * Calls `visit` for every entry of a bucket in key order; nothing when the bucket is absent.
   * @returns how many entries there were.
   * @throws FailureError with the reader's own code when the bucket is damaged, unless this is a salvage or the
   *   bucket is the command queue, which a migration does not need
   */
  entries(name: string, visit: (entry: Entry) => void): number {
    const bucket = this.bolt.bucket(name);
    if (!bucket) return 0;
    const expendable = this.salvage || name === BUCKET.commands;
    let count = 0;
    for (const entry of bucket.entries()) {
      if (entry.isBucket) {
        this.findings.add(
          'nested-bucket',
          'warning',
          `Bucket ${name} holds a bucket of its own, which MicroMDM never makes; it was skipped.`,
        );
        continue;
      }
      visit(entry);
      if (++count % 10_000 === 0) this.onProgress?.({ label: `reading ${name}`, done: count, total: null });
    }
    for (const issue of bucket.damage) {
      // Keys out of order are readable, but come of a pointer into another tree: what should be there instead is lost.
      const lossy = issue.severity === 'error' || issue.code === 'bolt/key-order';
      if (!expendable && lossy) throw damaged(name, issue);
      this.#issue(issue);
    }
    return count;
  }

  /** Calls `visit` for the entries whose key begins so. What is damaged has been met by {@link entries} before. */
  entriesWithPrefix(name: string, prefix: string, visit: (entry: Entry) => void): void {
    const wanted = Buffer.from(prefix);
    for (const entry of this.bolt.bucket(name)?.seek(wanted) ?? []) {
      if (entry.key.compare(wanted, 0, wanted.length, 0, Math.min(wanted.length, entry.key.length)) !== 0) return;
      if (!entry.isBucket) visit(entry);
    }
  }

  /**
   * One value by its key; null when bucket or key is absent. Where the bucket's order is broken or parts of it are
   * gone a look-up cannot be trusted, so the whole bucket is searched and damage is met as in {@link entries}.
   */
  value(name: string, key: string): Buffer | null {
    const bucket = this.bolt.bucket(name);
    if (!bucket) return null;
    try {
      return bucket.get(key);
    } catch (error) {
      if (!(error instanceof FailureError)) throw error;
      let found: Buffer | null = null;
      const wanted = Buffer.from(key);
      this.entries(name, (entry) => {
        if (entry.key.equals(wanted)) found ??= entry.value;
      });
      return found;
    }
  }

  /** Notes a record that could not be decoded: bucket, key and offset, never content (spec 8 #40). */
  undecodable(bucket: string, key: Buffer, error: { reason: string; offset: number }): void {
    const count = (this.#undecodable.get(bucket) ?? 0) + 1;
    this.#undecodable.set(bucket, count);
    if (count > NAMED_RECORDS) return;
    const name = displayName(key);
    this.findings.add(
      'undecodable-record',
      'error',
      `Record ${name} of bucket ${bucket} cannot be decoded (offset ${error.offset}: ${error.reason}); it was skipped.`,
      [name],
    );
  }

  /** Everything found, once reading is over. */
  finish(): readonly Finding[] {
    for (const [bucket, count] of this.#undecodable) {
      if (count > NAMED_RECORDS)
        this.findings.add('undecodable-record', 'error', `${count} records of bucket ${bucket} cannot be decoded.`);
    }
    // Reads every page a second time; on large files that is for `check`.
    if (this.bolt.highWater * this.bolt.pageSize <= FREELIST_CHECK_BYTES)
      for (const issue of this.bolt.checkFreelist()) this.#issue(issue);
    return this.findings.all();
  }

  #issue(issue: BoltIssue): void {
    // A bucket read twice reports its damage twice.
    const key = `${issue.code} ${issue.page} ${issue.message}`;
    if (this.#known.has(key)) return;
    this.#known.add(key);
    this.findings.add(issue.code, issue.severity, issue.message);
  }
}

function damaged(bucket: string, issue: BoltIssue): FailureError {
  return new FailureError({
    code: issue.code,
    message: `Bucket ${bucket} is damaged at page ${issue.page ?? '?'}: ${issue.message}`,
    remedy:
      'Make a new copy (best through the server itself, micromdm:https://…) or, if there is none, read what is left with --salvage.',
    kind: 'unreadable',
    detail: { bucket, page: issue.page ?? null },
  });
}
