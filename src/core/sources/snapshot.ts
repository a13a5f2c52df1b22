/**
 * The snapshot: what was read from a source, in one shape whatever the source is.
 *
 * Shapes only. A source (one folder each) fills it; checks, plan and everything after read it and never reach back.
 */
import type { Secret } from '../secret';
import type { Sequence } from '../sequence';

/** What Fleet calls the platform of an Apple device (`hosts.platform`, `nano_devices.platform`). */
export type Platform = 'darwin' | 'ios' | 'ipados' | 'tvos' | 'watchos' | 'visionos';

/** `note`: worth knowing. `caution`: goes in only when acknowledged by name. `block`: stays out. */
export type Severity = 'note' | 'caution' | 'block';

/** One reason for a device's verdict. */
export interface Reason {
  /** Stable code, lower-case with dashes: `not-enrolled`, `certificate-expired`. */
  readonly code: string;
  readonly severity: Severity;
  /** What is the case, as a sentence. */
  readonly sentence: string;
  /** What to do about it, as a sentence. */
  readonly remedy: string;
}

/** An oddity of the source as a whole, or of something in it that is not a device record. */
export interface Finding {
  /** Stable code: `bolt/meta-invalid`, `push-info-orphan`. */
  readonly code: string;
  readonly severity: 'info' | 'warning' | 'error';
  /** One sentence with the facts; never a secret. */
  readonly detail: string;
  /** UDIDs or other ids it is about. */
  readonly subjects?: readonly string[];
}

/** What one enrollment needs to be pushed. */
export interface PushIdentity {
  /** APNs topic, `com.apple.mgmt.External.<uuid>`. May be empty in a broken source. */
  readonly topic: string;
  readonly magic: Secret;
  /** APNs device token, lower-case hex as stored. May be malformed in a broken source. */
  readonly tokenHex: string;
  /** Where it was found: MicroMDM keeps a second, older copy in the device record; other sources keep one. */
  readonly from: 'push-info' | 'device-record' | 'enrollment';
}

/** The identity certificate a device is bound to. */
export interface DeviceCertificate {
  /** Lower-case hex SHA-256 of the DER. */
  readonly sha256: string;
  /** True when the certificate itself is at hand (MicroMDM: in its SCEP depot; NanoMDM: stored with the device, or in the depot). */
  readonly inDepot: boolean;
  /** The certificate; null when only its hash is known, or when it was read without keeping it. Not a secret. */
  readonly der: Buffer | null;
  /** Validity, milliseconds since the epoch; null when unknown. */
  readonly notBefore: number | null;
  readonly notAfter: number | null;
  /** Common name of the subject, for people. */
  readonly commonName: string | null;
  /** True when it claims the SCEP CA: same issuer name, same key id where both carry one. The cheap test; signatures
   *  are proven by `verifyIssuers`. Null when it could not be tried (no CA, or certificate not at hand). */
  readonly issuedByCa: boolean | null;
  /** When the source bound the device to it, milliseconds since the epoch; absent or null where the source does not say. */
  readonly associatedAt?: number | null;
}

/** A user channel of a Mac. */
export interface SourceUser {
  /** The GUID macOS reports. */
  readonly id: string;
  readonly shortName: string | null;
  readonly longName: string | null;
  readonly push: PushIdentity | null;
  /** Whether the token in the user's own record is the pushed one; null when the record holds none. */
  readonly tokenMatches: boolean | null;
  /** True when a newer user of the same device has taken its place. */
  readonly superseded: boolean;
  /** False when the source has switched this channel off; absent where it does not say. */
  readonly enabled?: boolean;
}

/** Commands that wait for a device at the source. Their content is never read further than the request type. */
export interface PendingCommands {
  readonly count: number;
  /** Distinct RequestTypes among them, sorted. */
  readonly requestTypes: readonly string[];
  /** True when an InstallProfile among them carries an enrollment profile (a com.apple.mdm payload). */
  readonly enrollmentProfile: boolean;
}

/** One device record of the source. */
export interface SourceDevice {
  /** The source's own id of the record. */
  readonly recordId: string;
  /** Exactly as the device sends it; null for a device known from Apple's device list (DEP) only. */
  readonly udid: string | null;
  /** Null when empty. */
  readonly serial: string | null;
  readonly name: string | null;
  readonly model: string | null;
  readonly modelName: string | null;
  readonly productName: string | null;
  readonly osVersion: string | null;
  readonly buildVersion: string | null;
  readonly imei: string | null;
  readonly meid: string | null;
  readonly platform: Platform | null;
  /** What the source says; no proof either way. */
  readonly enrolled: boolean;
  readonly awaitingConfiguration: boolean;
  /** Last contact, nanoseconds since the epoch; null when never or absurd (negative, or more than a day ahead). */
  readonly lastSeen: bigint | null;
  readonly push: PushIdentity | null;
  /** The one it is bound to; where a source accepts several, the one bound last. */
  readonly certificate: DeviceCertificate | null;
  /** The others the source still accepts from it, bound earliest first; absent where a source knows one only. */
  readonly formerCertificates?: readonly DeviceCertificate[];
  /** Raw bytes; null when none. */
  readonly unlockToken: Secret | null;
  /** Raw bytes; null when none. */
  readonly bootstrapToken: Secret | null;
  readonly users: readonly SourceUser[];
  /** Null when the source keeps no queue on disk, and for a device without UDID. */
  readonly pending: PendingCommands | null;
  /** True when the source refuses the device on its next contact (MicroMDM: mdm.RemoveDevice). */
  readonly blockedAtSource: boolean;
  /** Oddities met while reading this record, each with its weight; the verdict starts from these. */
  readonly reasons: readonly Reason[];
}

/** A certificate with its private key, as PEM and DER. */
export interface KeyedCertificate {
  readonly der: Buffer;
  /** Lower-case hex SHA-256 of the DER. */
  readonly sha256: string;
  /** RFC 2253-like, most specific first: `OU=MICROMDM SCEP CA,O=MicroMDM,C=US`. */
  readonly subject: string;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly keyType: string;
  readonly keyBits: number | null;
  /** PEM, unencrypted, PKCS#1 where RSA; null when the source holds none. */
  readonly key: Secret | null;
  /** True when the key is the certificate's. False also when there is none. */
  readonly keyMatches: boolean;
}

/** The SCEP CA of the source. */
export interface ScepCa extends KeyedCertificate {
  /** Basic constraints say it is a CA. */
  readonly isCa: boolean;
  /** The next serial the source would issue; null when unknown. */
  readonly nextSerial: bigint | null;
  /** How that is known where no counter says it: said by the operator, or at least so far by certificates of devices. */
  readonly serialFrom?: 'operator' | 'certificates';
}

/** The APNs push certificate of the source. */
export interface PushCertificate extends KeyedCertificate {
  /** UID of the subject (OID 0.9.2342.19200300.100.1.1); null when it has none. */
  readonly topic: string | null;
}

/** A configuration profile held by the source. Its body is a secret (it may hold passwords). */
export interface SourceProfile {
  readonly identifier: string;
  readonly displayName: string | null;
  /** True when it is CMS-signed. */
  readonly signed: boolean;
  readonly body: Secret;
  /** PayloadTypes in it, in order; empty when it could not be parsed. */
  readonly payloadTypes: readonly string[];
}

/** What the installed enrollment profile says, as far as the source tells. */
export interface EnrollmentProfile {
  readonly identifier: string;
  readonly serverUrl: string | null;
  readonly checkInUrl: string | null;
  readonly topic: string | null;
  readonly signMessage: boolean | null;
  readonly accessRights: number | null;
  readonly scepUrl: string | null;
}

export interface Blueprint {
  readonly uuid: string;
  readonly name: string;
  readonly profileIdentifiers: readonly string[];
  readonly manifestUrls: readonly string[];
  /** MicroMDM knows `Enroll` only: such a blueprint applies to every device that enrolls. */
  readonly appliesAtEnroll: boolean;
}

/** Apple Business Manager's server token and the key pair made for it. */
export interface AbmToken {
  readonly consumerKey: string;
  /** RFC 3339, as Apple wrote it; null when absent. */
  readonly expiry: string | null;
  readonly active: boolean;
  /** The whole JSON as stored. */
  readonly body: Secret;
}

/** Where a snapshot came from. */
export interface SourceIdentity {
  /** `micromdm`, `nanomdm`, `csv`, `several`. */
  readonly kind: string;
  /** The path or URL without any secret. */
  readonly path: string;
  /** Lower-case hex SHA-256 of the bytes that were read; null for a database and for a folder. */
  readonly sha256: string | null;
  /** Bolt's transaction id. */
  readonly txid: number | null;
  readonly pageSize: number | null;
  readonly size: number | null;
  /** How often the read was repeated because the source moved under it. */
  readonly retries: number;
}

/** Everything that was read from a source. */
export interface Snapshot {
  readonly source: SourceIdentity;
  /**
   * The instant the snapshot speaks of, milliseconds since the epoch: the newest contact any device had with the
   * source (never later than the reading). Taken from the content, so the same source gives the same rows for ever.
   */
  readonly instant: number;
  readonly scepCa: ScepCa | null;
  readonly push: PushCertificate | null;
  /** Apple Business Manager key pair; null when never created. */
  readonly abmKeyPair: KeyedCertificate | null;
  readonly abmTokens: readonly AbmToken[];
  readonly profiles: readonly SourceProfile[];
  readonly enrollmentProfile: EnrollmentProfile | null;
  /** That profile as the old server hands it out, signed or not, readable or not; absent where the source keeps none. */
  readonly enrollmentBody?: Secret;
  readonly blueprints: readonly Blueprint[];
  /** In the source's own order (MicroMDM: by record id). */
  readonly devices: Sequence<SourceDevice>;
  readonly findings: readonly Finding[];
}
