/** mdm.Devices: one record per device MicroMDM ever knew (spec 2.1), joined with its push and certificate records. */
import { Secret } from '../../secret';
import { platformOf } from '../platform';
import type { PendingCommands, PushIdentity, Reason } from '../snapshot';
import type { DeviceDraft, DeviceStore, KeyedRecords } from './device-store';
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

/** What the device records are joined with. */
export interface DeviceJoin {
  readonly push: PushRecords;
  /** Certificate hashes by UDID. */
  readonly hashes: KeyedRecords<string | null>;
  /** UDIDs that the server refuses on their next contact. */
  readonly blocked: ReadonlySet<string>;
  /** Commands waiting, by UDID; null when the source keeps no queue on disk. */
  readonly pending: ReadonlyMap<string, PendingCommands> | null;
  /** Topic of the push certificate: all that is left when a device has no push record. Empty when unknown. */
  readonly certificateTopic: string;
}

const DAY_NS = 86_400_000_000_000n;
const noReasons: readonly Reason[] = Object.freeze([]);
const noUsers: DeviceDraft['users'] = Object.freeze([]);
const nothingPending: PendingCommands = Object.freeze({ count: 0, requestTypes: [], enrollmentProfile: false });

/** Reads every device record into the store. */
export function readDevices(reading: Reading, join: DeviceJoin, devices: DeviceStore): void {
  const drafting = new Drafting(join, reading.at);
  devices.begin(drafting);
  const unmatched: number[] = [];
  reading.entries(BUCKET.devices, (entry) => {
    const { key, value } = entry;
    const decoded = deviceMessage.decode(value);
    if (!decoded.ok) {
      reading.undecodable(BUCKET.devices, key, decoded.error);
      return;
    }
    const draft = drafting.draft(key, decoded);
    const { udid, push } = draft;
    const hash = udid === null ? undefined : join.hashes.get(udid);
    devices.add(draft, typeof hash === 'string' ? hash : null, entry);
    if (udid !== null && (push?.from !== 'push-info' || hash === undefined)) unmatched.push(devices.length - 1);
  });
  matchOtherCase(unmatched, devices, join);
}

/** Makes devices of records: as often as it is asked, of the same record the same device. */
export class Drafting {
  readonly #join: DeviceJoin;
  readonly #shared = new SharedText();
  /** A contact after this is absurd, nanoseconds. */
  readonly #latest: bigint;

  /** @param at the clock, milliseconds since the epoch */
  constructor(join: DeviceJoin, at: number) {
    this.#join = join;
    this.#latest = BigInt(Math.trunc(at)) * 1_000_000n + DAY_NS;
  }

  /** A device record that was read before, read again; null when it cannot be decoded any more. */
  again(key: Buffer, value: Buffer): DeviceDraft | null {
    const decoded = deviceMessage.decode(value);
    return decoded.ok ? this.draft(key, decoded) : null;
  }

  /** The device without certificate and users, and without what only all records together tell. */
  draft(key: Buffer, { message, badText }: Decoding): DeviceDraft {
    const join = this.#join;
    const shared = this.#shared;
    const { udid } = message;
    const reasons: Reason[] = [];
    const recordId = key.toString('utf8');
    if (message.uuid !== recordId || join.push.mismatched.has(udid)) reasons.push(REASON.recordKeyMismatch);
    if (badText.length > 0 || join.push.badText.has(udid)) reasons.push(REASON.invalidUtf8);
    if (udid !== '' && join.hashes.get(udid) === null) reasons.push(REASON.certHashMalformed);
    const push = udid === '' ? null : pushOf(message, join, reasons);
    const { platform, inferred } = platformOf(message.productName, [message.modelName, message.model], udid);
    if (inferred && udid !== '') reasons.push(REASON.platformInferred);
    const lastSeen = message.lastSeen > 0n && message.lastSeen <= this.#latest ? message.lastSeen : null;
    if (lastSeen === null && message.lastSeen !== 0n) reasons.push(REASON.lastSeenAbsurd);
    const unlockToken = unlockTokenOf(message, reasons);
    if (message.enrolled && unlockToken === null && (platform === 'ios' || platform === 'ipados'))
      reasons.push(REASON.unlockTokenAbsent);

    return {
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
      certificate: null,
      unlockToken,
      bootstrapToken: bootstrapTokenOf(message, reasons),
      users: noUsers,
      pending: udid === '' || join.pending === null ? null : (join.pending.get(udid) ?? nothingPending),
      blockedAtSource: udid !== '' && join.blocked.has(udid),
      reasons: reasons.length === 0 ? noReasons : reasons,
    };
  }
}

type Decoding = Extract<ReturnType<typeof deviceMessage.decode>, { readonly ok: true }>;

/** Gives a device the push record of its UDID in other case. */
export function takeOtherPush(draft: DeviceDraft, push: PushIdentity): void {
  draft.push = push;
  draft.reasons = draft.reasons.filter((reason) => reason !== REASON.pushFromDeviceRecord);
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
function matchOtherCase(unmatched: readonly number[], devices: DeviceStore, join: DeviceJoin): void {
  if (unmatched.length === 0) return;
  /** Ids of records that no device has, by the same in lower case. */
  const free = (records: Pick<KeyedRecords<unknown>, 'keys'>): Map<string, string> => {
    const left = new Map<string, string>();
    for (const id of records.keys()) if (!devices.byUdid.has(id)) left.set(id.toLowerCase(), id);
    return left;
  };
  const pushIds = free(join.push.byKey);
  const hashIds = free(join.hashes);
  if (pushIds.size === 0 && hashIds.size === 0) return;
  for (const ordinal of unmatched) {
    const udid = devices.udidOf(ordinal)?.toLowerCase() ?? '';
    const pushId = pushIds.get(udid);
    const other = pushId === undefined ? undefined : join.push.byKey.get(pushId);
    if (pushId !== undefined && other !== undefined && devices.at(ordinal).push?.from !== 'push-info') {
      devices.setPush(ordinal, pushId, other);
      devices.addReason(ordinal, REASON.udidCaseDiffers);
    }
    const hash = join.hashes.get(hashIds.get(udid) ?? '');
    if (typeof hash === 'string' && hashIds.has(udid) && devices.certificateOf(ordinal) === null) {
      devices.setCertificate(ordinal, hash);
      devices.addReason(ordinal, REASON.udidCaseDiffers);
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
