/** mdm.Devices: one record per device MicroMDM ever knew (spec 2.1), joined with its push and certificate records. */
import { Secret } from '../../secret';
import type { DeviceCertificate, PendingCommands, PushIdentity, Reason, SourceDevice } from '../snapshot';
import type { CertificateHashes } from './cert-auth';
import { platformOf } from '../platform';
import { MessageType, type Decoded } from './protobuf';
import type { PushRecords } from './push-info';
import { BUCKET, type Reading } from './reading';
import { REASON } from './reasons';

/** The fields of a Device that a migration needs; the DEP ones, never-written ones and so on are skipped. */
const deviceFields = {
  uuid: [1, 'text'],
  udid: [2, 'text'],
  serial: [3, 'text'],
  osVersion: [4, 'text'],
  buildVersion: [5, 'text'],
  productName: [6, 'text'],
  imei: [7, 'text'],
  meid: [8, 'text'],
  token: [9, 'text'],
  pushMagic: [10, 'text'],
  unlockToken: [12, 'text'],
  enrolled: [13, 'flag'],
  awaitingConfiguration: [14, 'flag'],
  name: [15, 'text'],
  model: [16, 'text'],
  modelName: [17, 'text'],
  lastSeen: [28, 'number'],
  bootstrapToken: [30, 'bytes'],
} as const;
const deviceMessage = new MessageType(deviceFields);
type DeviceMessage = Decoded<typeof deviceFields>;

/** A device while it is being put together; it becomes the snapshot's device without a copy. */
export type DeviceDraft = {
  -readonly [Name in keyof SourceDevice]: Name extends 'certificate'
    ? CertificateDraft | null
    : Name extends 'users'
      ? SourceDevice['users'][number][]
      : SourceDevice[Name];
};

/** The certificate of one or more devices, filled in when the depot is read. */
export type CertificateDraft = { -readonly [Name in keyof DeviceCertificate]: DeviceCertificate[Name] };

/** What the device records are joined with. */
export interface DeviceJoin {
  readonly push: PushRecords;
  readonly hashes: CertificateHashes;
  /** UDIDs that the server refuses on their next contact. */
  readonly blocked: ReadonlySet<string>;
  /** Commands waiting, by UDID; null when the source keeps no queue on disk. */
  readonly pending: ReadonlyMap<string, PendingCommands> | null;
  /** Topic of the push certificate: all that is left when a device has no push record. Empty when unknown. */
  readonly certificateTopic: string;
}

/** The devices of a source, and ways to find them. */
export interface DeviceRecords {
  /** In record id order. */
  readonly list: DeviceDraft[];
  /** The first record with each UDID. */
  readonly byUdid: ReadonlyMap<string, DeviceDraft>;
  /** All records with a UDID that several have. */
  readonly duplicates: ReadonlyMap<string, readonly DeviceDraft[]>;
  /** Every certificate some device is bound to, by hash. */
  readonly certificates: ReadonlyMap<string, CertificateDraft>;
}

const DAY_NS = 86_400_000_000_000n;
const noReasons: readonly Reason[] = Object.freeze([]);
const noUsers: DeviceDraft['users'] = Object.freeze([]) as unknown as DeviceDraft['users'];
const nothingPending: PendingCommands = Object.freeze({ count: 0, requestTypes: [], enrollmentProfile: false });

export function readDevices(reading: Reading, join: DeviceJoin): DeviceRecords {
  const list: DeviceDraft[] = [];
  const byUdid = new Map<string, DeviceDraft>();
  const duplicates = new Map<string, DeviceDraft[]>();
  const certificates = new Map<string, CertificateDraft>();
  const shared = new SharedText();
  const latest = BigInt(Math.trunc(reading.at)) * 1_000_000n + DAY_NS;
  const unmatched: DeviceDraft[] = [];

  const certificateFor = (hash: string): CertificateDraft => {
    let certificate = certificates.get(hash);
    if (!certificate) {
      certificate = {
        sha256: hash,
        inDepot: false,
        der: null,
        notBefore: null,
        notAfter: null,
        commonName: null,
        issuedByCa: null,
      };
      certificates.set(hash, certificate);
    }
    return certificate;
  };

  reading.entries(BUCKET.devices, ({ key, value }) => {
    const decoded = deviceMessage.decode(value);
    if (!decoded.ok) {
      reading.undecodable(BUCKET.devices, key, decoded.error);
      return;
    }
    const { message } = decoded;
    const { udid } = message;
    const reasons: Reason[] = [];
    const recordId = key.toString('utf8');
    const hash = udid === '' ? undefined : join.hashes.get(udid);
    if (message.uuid !== recordId || join.push.mismatched.has(udid)) reasons.push(REASON.recordKeyMismatch);
    if (decoded.badText.length > 0 || join.push.badText.has(udid)) reasons.push(REASON.invalidUtf8);
    if (hash === null) reasons.push(REASON.certHashMalformed);
    const push = udid === '' ? null : pushOf(message, join, reasons);
    const { platform, inferred } = platformOf(message.productName, [message.modelName, message.model], udid);
    if (inferred && udid !== '') reasons.push(REASON.platformInferred);
    const lastSeen = message.lastSeen > 0n && message.lastSeen <= latest ? message.lastSeen : null;
    if (lastSeen === null && message.lastSeen !== 0n) reasons.push(REASON.lastSeenAbsurd);
    const unlockToken = unlockTokenOf(message, reasons);
    if (message.enrolled && unlockToken === null && (platform === 'ios' || platform === 'ipados'))
      reasons.push(REASON.unlockTokenAbsent);

    const draft: DeviceDraft = {
      recordId,
      udid: udid === '' ? null : udid,
      serial: orNull(message.serial),
      name: orNull(message.name),
      model: shared.orNull(message.model),
      modelName: shared.orNull(message.modelName),
      productName: shared.orNull(message.productName),
      osVersion: shared.orNull(message.osVersion),
      buildVersion: shared.orNull(message.buildVersion),
      imei: orNull(message.imei),
      meid: orNull(message.meid),
      platform,
      enrolled: message.enrolled,
      awaitingConfiguration: message.awaitingConfiguration,
      lastSeen,
      push,
      certificate: typeof hash === 'string' ? certificateFor(hash) : null,
      unlockToken,
      bootstrapToken: bootstrapTokenOf(message, reasons),
      users: noUsers,
      pending: udid === '' || join.pending === null ? null : (join.pending.get(udid) ?? nothingPending),
      blockedAtSource: udid !== '' && join.blocked.has(udid),
      reasons: reasons.length === 0 ? noReasons : reasons,
    };
    list.push(draft);
    if (udid === '') return;
    const first = byUdid.get(udid);
    if (first) duplicates.set(udid, [...(duplicates.get(udid) ?? [first]), draft]);
    else byUdid.set(udid, draft);
    if (push?.from !== 'push-info' || hash === undefined) unmatched.push(draft);
  });

  matchOtherCase(unmatched, byUdid, join, certificateFor);
  return { list, byUdid, duplicates, certificates };
}

/** Adds a reason to a device. */
export function addReason(draft: DeviceDraft, reason: Reason): void {
  if (!draft.reasons.includes(reason)) draft.reasons = [...draft.reasons, reason];
}

/** Adds a user channel to a device. */
export function addUser(draft: DeviceDraft, user: DeviceDraft['users'][number]): void {
  draft.users = [...draft.users, user];
}

/** The push record wins over the device record's copy (spec 8 #10, #11). */
function pushOf(message: DeviceMessage, join: DeviceJoin, reasons: Reason[]): PushIdentity | null {
  const { token, pushMagic } = message;
  const push = join.push.byKey.get(message.udid);
  if (push) {
    const differs =
      (token !== '' && token !== push.tokenHex) || (pushMagic !== '' && pushMagic !== push.magic.revealText());
    if (differs) reasons.push(REASON.pushInfoDiffers);
    return push;
  }
  if (token === '' || pushMagic === '') return null;
  reasons.push(REASON.pushFromDeviceRecord);
  return {
    topic: join.certificateTopic,
    magic: new Secret('push magic', pushMagic),
    tokenHex: token,
    from: 'device-record',
  };
}

function unlockTokenOf(message: DeviceMessage, reasons: Reason[]): Secret | null {
  const { unlockToken } = message;
  if (unlockToken === '') return null;
  if (unlockToken.length % 2 === 0) {
    // Decoding stops at the first character that is not hex, so the length tells.
    const bytes = Buffer.from(unlockToken, 'hex');
    if (bytes.length * 2 === unlockToken.length) return new Secret('unlock token', bytes);
  }
  reasons.push(REASON.unlockTokenNotHex);
  return null;
}

function bootstrapTokenOf(message: DeviceMessage, reasons: Reason[]): Secret | null {
  const { bootstrapToken } = message;
  if (bootstrapToken === null || bootstrapToken.length === 0) return null;
  // Raw tokens are binary; 24 characters and more of nothing but base64 are no accident (spec 8 #30).
  if (bootstrapToken.length >= 24 && bootstrapToken.length % 4 === 0) {
    const text = bootstrapToken.toString('latin1');
    if (/^[A-Za-z0-9+/]+={0,2}$/.test(text)) reasons.push(REASON.bootstrapTokenText);
  }
  return new Secret('bootstrap token', Buffer.from(bootstrapToken));
}

/** Finds push and certificate records that differ from the device's UDID in case only (spec 8 #23). */
function matchOtherCase(
  unmatched: readonly DeviceDraft[],
  byUdid: ReadonlyMap<string, unknown>,
  join: DeviceJoin,
  certificateFor: (hash: string) => CertificateDraft,
): void {
  if (unmatched.length === 0) return;
  const free = <T>(records: ReadonlyMap<string, T>): Map<string, T> => {
    const left = new Map<string, T>();
    for (const [key, value] of records) if (!byUdid.has(key)) left.set(key.toLowerCase(), value);
    return left;
  };
  const push = free(join.push.byKey);
  const hashes = free(join.hashes);
  if (push.size === 0 && hashes.size === 0) return;
  for (const draft of unmatched) {
    const udid = draft.udid?.toLowerCase() ?? '';
    if (draft.push?.from !== 'push-info') {
      const other = push.get(udid);
      if (other) {
        draft.push = other;
        draft.reasons = draft.reasons.filter((reason) => reason !== REASON.pushFromDeviceRecord);
        addReason(draft, REASON.udidCaseDiffers);
      }
    }
    if (draft.certificate === null) {
      const hash = hashes.get(udid);
      if (typeof hash === 'string') {
        draft.certificate = certificateFor(hash);
        addReason(draft, REASON.udidCaseDiffers);
      }
    }
  }
}

/** Keeps one copy of texts that thousands of devices share. */
class SharedText {
  readonly #known = new Map<string, string>();

  orNull(text: string): string | null {
    if (text === '') return null;
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    // A source where these are all different (or hostile) must not make this grow for ever.
    if (this.#known.size < 4096) this.#known.set(text, text);
    return text;
  }
}

function orNull(text: string): string | null {
  return text === '' ? null : text;
}
