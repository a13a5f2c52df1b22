/**
 * What every store of a NanoMDM gives, in one shape (spec 6): whatever the back end, one record per device, enrollment,
 * user, association, push certificate and waiting command. Joining them is `join`'s work, so all stores agree.
 */
import type { FindingLog } from '../finding-log';

/** Ids of enrollment types as NanoMDM writes them. */
export const TYPE = {
  device: 'Device',
  user: 'User',
  userEnrollmentDevice: 'User Enrollment (Device)',
  userEnrollment: 'User Enrollment',
  sharedIpad: 'Shared iPad',
} as const;

/** What is kept of a device channel. */
export interface DeviceRecord {
  /** The enrollment id: the UDID, or the EnrollmentID of a User Enrollment. */
  readonly id: string;
  /** As text; null when none, never empty. */
  readonly serial: string | null;
  /** DER of the certificate of its last Authenticate. */
  readonly identityCertificate: Buffer | null;
  /** Raw messages. */
  readonly authenticate: Buffer | null;
  readonly tokenUpdate: Buffer | null;
  /** Raw bytes; null when none. */
  readonly unlockToken: Buffer | null;
  readonly bootstrapToken: Buffer | null;
  /** When they came, milliseconds since the epoch; null when the store does not say. */
  readonly authenticatedAt: number | null;
  readonly tokenUpdatedAt: number | null;
  readonly unlockTokenAt: number | null;
  /** The newest contact the record itself tells of; null when it tells of none. */
  readonly contactAt: number | null;
  /** Values that were left out because they are larger than any device sends. */
  readonly oversized: readonly string[];
  /** Values that are there and cannot be read as what they are: a certificate, base64. */
  readonly unreadable: readonly string[];
}

/** What is kept of an enrollment, of either channel: it exists once a TokenUpdate came. */
export interface EnrollmentRecord {
  readonly id: string;
  /** Its device channel's id; its own where it is one. */
  readonly deviceId: string;
  /** One of {@link TYPE}, or what else the store holds. */
  readonly type: string;
  readonly topic: string;
  readonly pushMagic: string;
  readonly tokenHex: string;
  readonly enabled: boolean;
  /** Last contact, nanoseconds since the epoch; null when the store does not say. */
  readonly lastSeen: bigint | null;
}

/** What is kept of a user channel, with or without an enrollment. */
export interface UserRecord {
  /** The enrollment id: `UDID:UserID`. */
  readonly id: string;
  readonly deviceId: string;
  readonly shortName: string | null;
  readonly longName: string | null;
}

/** A certificate a device channel may sign with. */
export interface AssociationRecord {
  readonly id: string;
  /** Lower-case hex. */
  readonly sha256: string;
  /** Milliseconds since the epoch; null when the store does not say. */
  readonly createdAt: number | null;
}

export interface PushCertificateRecord {
  readonly topic: string;
  /** PEM. */
  readonly certificate: Buffer;
  readonly key: Buffer | null;
}

/** A command that waits for an enrollment. */
export interface WaitingRecord {
  readonly id: string;
  readonly requestType: string;
  /** It installs a profile with a com.apple.mdm payload. */
  readonly enrollmentProfile: boolean;
}

/** One read of one store. Everything is asked for once, in the order below; devices come last, one by one. */
export interface Store {
  /** For people: `NanoMDM on MySQL 9.7.4`. */
  readonly description: string;
  /** Ids that differ in case only are one enrollment (MySQL's collation). */
  readonly foldsCase: boolean;
  readonly findings: FindingLog;
  pushCertificates(): Promise<readonly PushCertificateRecord[]>;
  enrollments(): Promise<readonly EnrollmentRecord[]>;
  users(): Promise<readonly UserRecord[]>;
  /** All that are accepted: a file store accepts the last of each id only. */
  associations(): Promise<readonly AssociationRecord[]>;
  devices(): AsyncIterable<DeviceRecord>;
  /** Null when the queue could not be read; the store says why in its findings. */
  waiting(): Promise<readonly WaitingRecord[] | null>;
}

/** More than any device sends; MySQL's own column ends at 64 KiB. */
export const LARGEST_VALUE = 262_144;
/** Profiles in commands may carry fonts and certificates. */
export const LARGEST_COMMAND = 16_777_216;
