/** The rows of a table put together to devices: further certificates and user channels joined by UDID. */
import type { Issuer } from '../../certificates/issuer';
import { Secret } from '../../secret';
import type { FindingLog } from '../finding-log';
import type { SerialMark } from '../scep-serial';
import { platformOf } from '../platform';
import type { DeviceCertificate, Platform, PushIdentity, Reason, SourceDevice, SourceUser } from '../snapshot';
import { readCell, type CellValue, type TableCertificate } from './cell';
import { COLUMN, COLUMNS, type Cells, type ColumnName } from './column';
import type { Place, ProblemLog } from './problem-log';
import { REASON } from './reasons';

/** macOS and iPadOS use it for whoever is logged in; such a channel comes back by itself. */
const SHARED_IPAD_USER = 'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF';
/** How the UDIDs of the template's example begin. */
export const EXAMPLE = 'EXAMPLE-';
const DAY_NS = 86_400_000_000_000n;

/** The values of one row, read; absent is empty. */
type Values = { [Name in ColumnName]?: CellValue };

/** A certificate as one row names it. */
interface NamedCertificate {
  readonly place: Place;
  readonly sha256: string;
  readonly held: TableCertificate | null;
  /** Nanoseconds. */
  readonly notAfter: bigint | null;
  readonly associatedAt: bigint | null;
}

interface Draft {
  readonly place: Place;
  readonly values: Values;
  readonly certificates: NamedCertificate[];
  readonly users: SourceUser[];
}

interface UserRow {
  readonly place: Place;
  readonly values: Values;
}

/** Columns a further row of a device may only repeat. */
const repeated: readonly ColumnName[] = COLUMNS.filter(({ part }) => part === 'device' || part === 'push').map(
  ({ name }) => name,
);
/** Columns a user channel's row may only repeat. */
const ofDevice: readonly ColumnName[] = COLUMNS.filter(({ part }) => part === 'device').map(({ name }) => name);
const pushColumns = ['topic', 'push_magic', 'token'] as const;

/** What devices are put together with. */
export interface AssemblyContext {
  readonly log: ProblemLog;
  readonly findings: FindingLog;
  /** The clock, milliseconds. */
  readonly at: number;
  readonly keepCertificates: boolean;
  /** The SCEP CA beside the table. */
  readonly issuer: Issuer | null;
  /** Takes the serial numbers of that CA’s certificates. */
  readonly serials: SerialMark;
  /** Certificates of the depot beside it, by hash: for rows that give no more than the hash. */
  readonly depot: ReadonlyMap<string, TableCertificate>;
}

/** Takes rows in the order of the table. */
export class Assembly {
  readonly #devices = new Map<string, Draft>();
  readonly #users: UserRow[] = [];
  readonly #texts = new Map<string, string>();

  constructor(private readonly context: AssemblyContext) {}

  /** Adds one row; what is wrong with it goes into the log. */
  add(cells: Cells, place: Place): void {
    const { log } = this.context;
    if (cells.udid?.startsWith(EXAMPLE)) {
      log.add(place, null, 'this is the example of the template; delete it');
      return;
    }
    const before = log.count;
    const values = this.#read(cells, place);
    if (log.count > before) return;
    const { udid } = values;
    if (typeof udid !== 'string') {
      log.add(place, 'udid', 'it is empty; every row names its device');
      return;
    }
    this.#requireWholePush(values, place);
    if (values.user_id !== undefined) {
      this.#users.push({ place, values });
      return;
    }
    if (values.user_short_name !== undefined || values.user_long_name !== undefined) {
      log.add(place, 'user_id', 'it is empty, but the row names a user');
      return;
    }
    const certificate = this.#certificateOf(values, place);
    const draft = this.#devices.get(udid);
    if (draft === undefined) {
      if (values.enrolled === undefined) log.add(place, 'enrolled', 'it is empty; write true or false');
      // What a certificate was made of is not needed twice.
      delete values.certificate;
      this.#devices.set(udid, { place, values, certificates: certificate === null ? [] : [certificate], users: [] });
      return;
    }
    this.#requireRepeated(repeated, values, draft, place);
    if (certificate === null || draft.certificates.some(({ sha256 }) => sha256 === certificate.sha256))
      log.add(
        place,
        null,
        `it repeats the device of ${draft.place.row}; a further row of a device brings another certificate`,
      );
    else draft.certificates.push(certificate);
  }

  /** The devices, in the order of their first rows. What is wrong with them together goes into the log. */
  finish(): SourceDevice[] {
    for (const row of this.#users) this.#addUser(row);
    const { findings } = this.context;
    findings.gather(
      'user-channel-off',
      'info',
      (count) => `User channels that the table says are not in force: ${count}. They stay out.`,
    );
    findings.gather(
      'shared-ipad-user',
      'info',
      (count) => `User channels of shared iPads: ${count}. They stay out and come back at the next login.`,
    );
    const devices: SourceDevice[] = [];
    for (const [udid, draft] of this.#devices) devices.push(this.#device(udid, draft));
    return devices;
  }

  #read(cells: Cells, place: Place): Values {
    const values: Values = {};
    for (const name in cells) {
      const column = COLUMN[name as ColumnName];
      const read = readCell(column, cells[column.name] ?? '');
      if (read.ok) values[column.name] = typeof read.value === 'string' ? this.#own(read.value) : read.value;
      else this.context.log.add(place, column.name, read.what);
    }
    return values;
  }

  /**
   * A copy of a text that does not keep the megabyte it was cut from; the same one for texts that thousands of devices
   * share.
   */
  #own(text: string): string {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    const own = Buffer.from(text, 'utf8').toString('utf8');
    if (this.#texts.size < 4096) this.#texts.set(own, own);
    return own;
  }

  #requireWholePush(values: Values, place: Place): void {
    const given = pushColumns.filter((name) => values[name] !== undefined);
    if (given.length === 0 || given.length === pushColumns.length) return;
    const missing = pushColumns.filter((name) => values[name] === undefined);
    this.context.log.add(
      place,
      missing[0] ?? null,
      `it is empty while ${given.join(' and ')} ${given.length === 1 ? 'is' : 'are'} not; give all three, or none of them where they are unknown`,
    );
  }

  #requireRepeated(names: readonly ColumnName[], values: Values, draft: Draft, place: Place): void {
    for (const name of names) {
      const value = values[name];
      if (value !== undefined && !same(value, draft.values[name]))
        this.context.log.add(place, name, `it is another value than in ${draft.place.row}, which is the same device`);
    }
  }

  #certificateOf(values: Values, place: Place): NamedCertificate | null {
    const { log } = this.context;
    const given = values.certificate_sha256 as string | undefined;
    const own = values.certificate as TableCertificate | undefined;
    const held = own ?? (given === undefined ? null : (this.context.depot.get(given) ?? null));
    const notAfter = (values.certificate_not_after as bigint | undefined) ?? null;
    const associatedAt = (values.certificate_associated_at as bigint | undefined) ?? null;
    const sha256 = held?.sha256 ?? given;
    if (sha256 === undefined) {
      const lone =
        notAfter !== null ? 'certificate_not_after' : associatedAt !== null ? 'certificate_associated_at' : null;
      if (lone !== null) log.add(place, lone, 'it has a value, but the row names no certificate');
      return null;
    }
    if (given !== undefined && given !== sha256)
      log.add(place, 'certificate_sha256', 'it is not the SHA-256 of the certificate in the same row');
    // A certificate's own end has whole seconds.
    if (
      held !== null &&
      notAfter !== null &&
      notAfter / 1_000_000_000n !== BigInt(Math.floor(held.parsed.notAfter / 1000))
    )
      log.add(place, 'certificate_not_after', 'it is not the end of the certificate in the same row; leave it empty');
    return { place, sha256, held, notAfter, associatedAt };
  }

  #addUser({ place, values }: UserRow): void {
    const { log, findings } = this.context;
    const draft = this.#devices.get(values.udid as string);
    if (draft === undefined) {
      log.add(place, 'udid', 'the table has no row for this device itself (one without user_id)');
      return;
    }
    this.#requireRepeated(ofDevice, values, draft, place);
    const certificate = this.#certificateOf(values, place);
    if (certificate !== null && !draft.certificates.some(({ sha256 }) => sha256 === certificate.sha256))
      log.add(place, 'certificate', 'a user channel has no certificate of its own; leave it empty');
    const id = values.user_id as string;
    if (draft.users.some((user) => user.id === id)) {
      log.add(place, 'user_id', 'the table has this user channel of the device already');
      return;
    }
    if (id === SHARED_IPAD_USER) findings.mark('shared-ipad-user', values.udid as string);
    else if (values.enrolled === false) findings.mark('user-channel-off', id);
    else
      draft.users.push({
        id,
        shortName: textOf(values.user_short_name),
        longName: textOf(values.user_long_name),
        push: pushOf(values),
        tokenMatches: null,
        superseded: false,
      });
  }

  #device(udid: string, { place, values, certificates, users }: Draft): SourceDevice {
    const reasons: Reason[] = [];
    const productName = textOf(values.product_name) ?? '';
    const models = [textOf(values.model_name) ?? '', textOf(values.model) ?? ''];
    const known = platformOf(productName, models, udid);
    const named = textOf(values.platform) as Platform | null;
    if (named !== null && !known.inferred && known.platform !== null && known.platform !== named)
      this.context.log.add(
        place,
        'platform',
        `«${named}» is not what ${productName} is (${known.platform}); leave it empty`,
      );
    const platform = named ?? known.platform;
    if (named === null && known.inferred) reasons.push(REASON.platformInferred);
    const enrolled = values.enrolled === true;
    if (!enrolled) reasons.push(REASON.notEnrolled);
    let lastSeen = (values.last_seen as bigint | undefined) ?? null;
    if (lastSeen !== null && lastSeen > BigInt(Math.trunc(this.context.at)) * 1_000_000n + DAY_NS) {
      lastSeen = null;
      reasons.push(REASON.lastSeenAbsurd);
    }
    const unlockToken = values.unlock_token as Buffer | undefined;
    if (enrolled && unlockToken === undefined && (platform === 'ios' || platform === 'ipados'))
      reasons.push(REASON.unlockTokenAbsent);
    const bootstrapToken = values.bootstrap_token as Buffer | undefined;
    if (bootstrapToken !== undefined && looksEncoded(bootstrapToken)) reasons.push(REASON.bootstrapTokenText);
    const { current, former } = this.#ordered(certificates);
    return {
      recordId: udid,
      udid,
      serial: textOf(values.serial),
      name: textOf(values.name),
      model: textOf(values.model),
      modelName: textOf(values.model_name),
      productName: textOf(values.product_name),
      osVersion: textOf(values.os_version),
      buildVersion: textOf(values.build_version),
      imei: textOf(values.imei),
      meid: textOf(values.meid),
      platform,
      enrolled,
      awaitingConfiguration: values.awaiting_configuration === true,
      lastSeen,
      push: pushOf(values),
      certificate: current,
      ...(former.length === 0 ? {} : { formerCertificates: former }),
      unlockToken: unlockToken === undefined ? null : new Secret('unlock token', unlockToken),
      bootstrapToken: bootstrapToken === undefined ? null : new Secret('bootstrap token', bootstrapToken),
      users: users.length === 0 ? noUsers : users,
      pending: null,
      blockedAtSource: false,
      reasons: reasons.length === 0 ? noReasons : reasons,
    };
  }

  /** Bound earliest first; which is current is never guessed. */
  #ordered(certificates: readonly NamedCertificate[]): {
    current: DeviceCertificate | null;
    former: DeviceCertificate[];
  } {
    if (certificates.length > 1) {
      const times = new Set<bigint>();
      for (const { place, associatedAt } of certificates) {
        if (associatedAt === null)
          this.context.log.add(
            place,
            'certificate_associated_at',
            'it is empty, but the device has several certificates; only this tells which one it uses',
          );
        else if (times.has(associatedAt))
          this.context.log.add(
            place,
            'certificate_associated_at',
            'another certificate of the device has the same time; which one it uses cannot be told',
          );
        else times.add(associatedAt);
      }
    }
    const sorted = certificates.toSorted((left, right) =>
      (left.associatedAt ?? 0n) < (right.associatedAt ?? 0n) ? -1 : 1,
    );
    const made = sorted.map((certificate) => this.#certificate(certificate));
    return { current: made.at(-1) ?? null, former: made.slice(0, -1) };
  }

  #certificate({ sha256, held, notAfter, associatedAt }: NamedCertificate): DeviceCertificate {
    const { issuer, keepCertificates, serials } = this.context;
    const issuedByCa = held === null || issuer === null ? null : issuer.claimedBy(held.parsed);
    if (held !== null && issuedByCa === true) serials.see(held.parsed);
    return {
      sha256,
      inDepot: held !== null,
      der: held !== null && keepCertificates ? held.parsed.der : null,
      notBefore: held?.parsed.notBefore ?? null,
      notAfter: held?.parsed.notAfter ?? (notAfter === null ? null : Number(notAfter / 1_000_000n)),
      commonName: held?.parsed.commonName ?? null,
      issuedByCa,
      ...(associatedAt === null ? {} : { associatedAt: Number(associatedAt / 1_000_000n) }),
    };
  }
}

const noReasons: readonly Reason[] = Object.freeze([]);
const noUsers: readonly SourceUser[] = Object.freeze([]);

function pushOf(values: Values): PushIdentity | null {
  const { topic, push_magic: magic, token } = values;
  if (typeof topic !== 'string' || typeof magic !== 'string' || typeof token !== 'string') return null;
  return { topic, magic: new Secret('push magic', magic), tokenHex: token, from: 'enrollment' };
}

function textOf(value: CellValue | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

function same(left: CellValue, right: CellValue | undefined): boolean {
  if (Buffer.isBuffer(left)) return Buffer.isBuffer(right) && left.equals(right);
  return left === right;
}

/** Raw tokens are binary; 24 characters and more of nothing but base64 are no accident: it was encoded twice. */
function looksEncoded(token: Buffer): boolean {
  return token.length >= 24 && token.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(token.toString('latin1'));
}
