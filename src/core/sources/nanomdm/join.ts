/** One NanoMDM store as a snapshot: its records joined by enrollment id (spec 6.1, 6.2), whatever the back end. */
import { isUtf8 } from 'node:buffer';
import { Secret } from '../../secret';
import { platformOf } from '../platform';
import type { PendingCommands, PushIdentity, Reason, SourceDevice, SourceUser } from '../snapshot';
import { CertificateShelf, inOrder, type CertificateDraft } from './certificates';
import { readAuthenticate, readTokenUpdate, type AuthenticateFacts, type TokenUpdateFacts } from './check-in';
import { oversized, REASON } from './reasons';
import {
  TYPE,
  type AssociationRecord,
  type DeviceRecord,
  type EnrollmentRecord,
  type Store,
  type UserRecord,
  type WaitingRecord,
} from './store';

/** A device while it is being put together; it becomes the snapshot's device without a copy. */
export type DeviceDraft = {
  -readonly [Name in keyof SourceDevice]: Name extends 'certificate'
    ? CertificateDraft | null
    : Name extends 'formerCertificates'
      ? readonly CertificateDraft[]
      : SourceDevice[Name];
};

/** The devices of a store. */
export interface JoinedDevices {
  /** By enrollment id, in the store's order. */
  readonly devices: readonly DeviceDraft[];
  readonly shelf: CertificateShelf;
  /** UDIDs of enabled device channels by the topic they listen on. */
  readonly byTopic: ReadonlyMap<string, readonly string[]>;
  /** The newest time any record tells of, milliseconds since the epoch; null when none tells one. */
  readonly newest: number | null;
}

const DAY_MS = 86_400_000;
const noReasons: readonly Reason[] = Object.freeze([]);
const noUsers: readonly SourceUser[] = Object.freeze([]);
const nothingPending: PendingCommands = Object.freeze({ count: 0, requestTypes: [], enrollmentProfile: false });

/**
 * Reads everything of a store but its push certificates, and joins it.
 * @param at the clock, milliseconds since the epoch
 * @throws FailureError what the store's reading throws
 */
export async function joinDevices(store: Store, at: number): Promise<JoinedDevices> {
  const fold = (id: string): string => (store.foldsCase ? id.toLowerCase() : id);
  const enrollments = await store.enrollments();
  const own = new Map<string, EnrollmentRecord>();
  const channels = new Map<string, EnrollmentRecord[]>();
  for (const enrollment of enrollments) {
    if (fold(enrollment.id) === fold(enrollment.deviceId)) own.set(fold(enrollment.id), enrollment);
    else group(channels, fold(enrollment.deviceId), enrollment);
  }
  const names = new Map<string, UserRecord>();
  for (const user of await store.users()) {
    names.set(fold(user.id), user);
    if (!(channels.get(fold(user.deviceId)) ?? []).some(({ id }) => fold(id) === fold(user.id)))
      store.findings.mark('user-unfinished', user.id);
  }
  store.findings.gather(
    'user-unfinished',
    'info',
    (count) => `Users who began to sign in and never finished: ${count}. They have no channel yet, so none is moved.`,
  );
  const associations = new Map<string, AssociationRecord[]>();
  for (const association of await store.associations()) group(associations, fold(association.id), association);

  const join: Join = { store, at, fold, own, channels, names, associations, shelf: new CertificateShelf() };
  const devices: DeviceDraft[] = [];
  const byTopic = new Map<string, string[]>();
  let newest: number | null = null;
  for await (const record of store.devices()) {
    const device = deviceOf(record, join);
    devices.push(device);
    const seen = own.get(fold(record.id));
    if (seen?.enabled === true) group(byTopic, seen.topic, record.id);
    if (record.contactAt !== null && record.contactAt <= at && record.contactAt > (newest ?? 0))
      newest = record.contactAt;
    own.delete(fold(record.id));
    channels.delete(fold(record.id));
    associations.delete(fold(record.id));
  }
  tellLeftovers(join);
  await addPending(store, devices, fold);
  return { devices, shelf: join.shelf, byTopic, newest };
}

interface Join {
  readonly store: Store;
  readonly at: number;
  readonly fold: (id: string) => string;
  readonly own: Map<string, EnrollmentRecord>;
  readonly channels: Map<string, EnrollmentRecord[]>;
  readonly names: ReadonlyMap<string, UserRecord>;
  readonly associations: Map<string, AssociationRecord[]>;
  readonly shelf: CertificateShelf;
}

function deviceOf(record: DeviceRecord, join: Join): DeviceDraft {
  const reasons: Reason[] = [];
  const facts = record.authenticate === null ? null : readAuthenticate(record.authenticate);
  const update = record.tokenUpdate === null ? null : readTokenUpdate(record.tokenUpdate);
  tellMessages(record, facts, update, reasons);
  const enrollment = join.own.get(join.fold(record.id)) ?? null;
  const type =
    enrollment?.type ?? (facts?.udid === null && facts.enrollmentId !== null ? TYPE.userEnrollmentDevice : TYPE.device);
  if (type === TYPE.userEnrollmentDevice) reasons.push(REASON.userEnrollment);
  else if (type !== TYPE.device) reasons.push(REASON.typeUnknown);
  const spelled = type === TYPE.userEnrollmentDevice ? facts?.enrollmentId : facts?.udid;
  const ids = [spelled, update?.udid, enrollment?.id].filter((id) => typeof id === 'string');
  tellSpelling(record.id, ids, reasons);
  tellEnrollment(record, enrollment, reasons);

  const udid = record.id;
  const productName = facts?.productName ?? null;
  const { platform, inferred } = platformOf(productName ?? '', [facts?.modelName ?? '', facts?.model ?? ''], udid);
  if (inferred) reasons.push(REASON.platformInferred);
  const lastSeen = lastSeenOf(record, enrollment, join.at, reasons);
  const users = usersOf(record.id, join, reasons);
  const unlockToken = record.unlockToken === null ? null : new Secret('unlock token', record.unlockToken);
  if (
    enrollment?.enabled === true &&
    unlockToken === null &&
    (platform === 'ios' || platform === 'ipados') &&
    type === TYPE.device
  )
    reasons.push(REASON.unlockTokenAbsent);
  const certificates = certificatesOf(record, join, reasons);
  const current = certificates.pop() ?? null;
  return {
    recordId: record.id,
    udid,
    serial: record.serial ?? facts?.serial ?? null,
    name: facts?.name ?? null,
    model: facts?.model ?? null,
    modelName: facts?.modelName ?? null,
    productName,
    osVersion: facts?.osVersion ?? null,
    buildVersion: facts?.buildVersion ?? null,
    imei: facts?.imei ?? null,
    meid: facts?.meid ?? null,
    platform,
    enrolled: enrollment?.enabled ?? false,
    awaitingConfiguration: update?.awaitingConfiguration ?? false,
    lastSeen,
    push: enrollment === null ? null : pushOf(enrollment),
    certificate: current,
    ...(certificates.length === 0 ? {} : { formerCertificates: certificates }),
    unlockToken,
    bootstrapToken: record.bootstrapToken === null ? null : new Secret('bootstrap token', record.bootstrapToken),
    users,
    pending: null,
    blockedAtSource: false,
    reasons: reasons.length === 0 ? noReasons : reasons,
  };
}

/** What is odd about the messages themselves. */
function tellMessages(
  record: DeviceRecord,
  facts: AuthenticateFacts | null,
  update: TokenUpdateFacts | null,
  reasons: Reason[],
): void {
  const { authenticate, tokenUpdate, authenticatedAt, unlockTokenAt } = record;
  if (record.oversized.length > 0) reasons.push(oversized(record.oversized));
  if (facts === null) reasons.push(REASON.authenticateUnreadable);
  if (tokenUpdate !== null && update === null) reasons.push(REASON.tokenUpdateUnreadable);
  if ((authenticate !== null && !isUtf8(authenticate)) || (tokenUpdate !== null && !isUtf8(tokenUpdate)))
    reasons.push(REASON.invalidUtf8);
  if (record.unreadable.includes('identity_cert')) reasons.push(REASON.identityUnreadable);
  if (record.unreadable.includes('bootstrap_token_b64')) reasons.push(REASON.bootstrapTokenUnreadable);
  if (
    record.unlockToken !== null &&
    unlockTokenAt !== null &&
    authenticatedAt !== null &&
    unlockTokenAt < authenticatedAt
  )
    reasons.push(REASON.unlockTokenOlder);
}

/** A server on MySQL takes ids that differ in case for one; which one the device sends now cannot be known (spec 6.1). */
function tellSpelling(id: string, others: readonly string[], reasons: Reason[]): void {
  const different = others.filter((other) => other !== id);
  if (different.some((other) => other.toLowerCase() === id.toLowerCase())) add(reasons, REASON.udidCaseDiffers);
  if (different.some((other) => other.toLowerCase() !== id.toLowerCase())) add(reasons, REASON.idDiffers);
}

function tellEnrollment(record: DeviceRecord, enrollment: EnrollmentRecord | null, reasons: Reason[]): void {
  if (enrollment === null) reasons.push(REASON.neverFinished);
  else if (!enrollment.enabled) {
    const { authenticatedAt, tokenUpdatedAt } = record;
    const again = authenticatedAt !== null && tokenUpdatedAt !== null && authenticatedAt > tokenUpdatedAt;
    reasons.push(again ? REASON.enrolsAgain : REASON.disabled);
  }
}

function lastSeenOf(
  record: DeviceRecord,
  enrollment: EnrollmentRecord | null,
  at: number,
  reasons: Reason[],
): bigint | null {
  const { contactAt } = record;
  const lastSeen = enrollment?.lastSeen ?? (contactAt === null ? null : BigInt(Math.trunc(contactAt)) * 1_000_000n);
  if (lastSeen === null || lastSeen <= 0n) return null;
  if (lastSeen <= BigInt(Math.trunc(at) + DAY_MS) * 1_000_000n) return lastSeen;
  reasons.push(REASON.lastSeenAbsurd);
  return null;
}

function pushOf({ topic, pushMagic, tokenHex }: EnrollmentRecord): PushIdentity {
  return { topic, magic: new Secret('push magic', pushMagic), tokenHex, from: 'enrollment' };
}

function usersOf(deviceId: string, join: Join, reasons: Reason[]): readonly SourceUser[] {
  const { findings } = join.store;
  const users: SourceUser[] = [];
  for (const channel of join.channels.get(join.fold(deviceId)) ?? []) {
    if (channel.type === TYPE.sharedIpad) {
      findings.mark('shared-ipad-users', channel.id);
      add(reasons, REASON.sharedUsers);
    } else if (channel.type === TYPE.userEnrollment) findings.mark('user-enrollment-users', channel.id);
    else {
      const name = join.names.get(join.fold(channel.id));
      // `UDID:UserID`; an id without its device's in front is taken as it stands.
      const prefix = `${join.fold(deviceId)}:`;
      const id = join.fold(channel.id).startsWith(prefix) ? channel.id.slice(prefix.length) : channel.id;
      users.push({
        id,
        shortName: name?.shortName ?? null,
        longName: name?.longName ?? null,
        push: pushOf(channel),
        tokenMatches: null,
        superseded: false,
        ...(channel.enabled ? {} : { enabled: false }),
      });
    }
  }
  return users.length === 0 ? noUsers : users;
}

/** The accepted certificates, the current one last. */
function certificatesOf(record: DeviceRecord, join: Join, reasons: Reason[]): CertificateDraft[] {
  const { identityCertificate } = record;
  const identity = identityCertificate === null ? null : join.shelf.keep(identityCertificate);
  const all = join.associations.get(join.fold(record.id)) ?? [];
  tellSpelling(
    record.id,
    all.map(({ id }) => id),
    reasons,
  );
  const sound = all.filter(({ sha256 }) => /^[0-9a-f]{64}$/.test(sha256));
  if (sound.length < all.length) reasons.push(REASON.hashMalformed);
  return inOrder(sound, identity).map(({ sha256, at }) => join.shelf.draft(sha256, at));
}

function tellLeftovers({ store, own, channels, associations }: Join): void {
  const { findings } = store;
  findings.gather(
    'shared-ipad-users',
    'info',
    (count) => `Users of Shared iPads: ${count}. They stay here; each comes back at the next login.`,
  );
  findings.gather(
    'user-enrollment-users',
    'info',
    (count) => `User channels of User Enrollments: ${count}. They cannot be moved.`,
  );
  const orphans = [...own.values(), ...[...channels.values()].flat()].map(({ id }) => id);
  if (orphans.length > 0)
    findings.add(
      'enrollment-without-device',
      'warning',
      `Enrollments whose device is not stored: ${orphans.length}. They stay out.`,
      orphans,
    );
  if (associations.size > 0)
    findings.add(
      'association-without-device',
      'info',
      `Certificates bound to devices that are not stored: ${associations.size}. They stay out.`,
      [...associations.keys()],
    );
}

/** What still waits, for a device and its user channels together. */
async function addPending(store: Store, devices: readonly DeviceDraft[], fold: (id: string) => string): Promise<void> {
  const waiting = await store.waiting();
  if (waiting === null) return;
  const byDevice = new Map<string, WaitingRecord[]>();
  // A user channel's id begins with its device's; neither UDIDs nor enrollment ids hold a colon.
  for (const record of waiting) group(byDevice, fold(record.id.split(':', 1)[0] ?? ''), record);
  for (const device of devices) {
    const records = byDevice.get(fold(device.recordId));
    device.pending =
      records === undefined
        ? nothingPending
        : {
            count: records.length,
            requestTypes: [...new Set(records.map(({ requestType }) => requestType))].sort(),
            enrollmentProfile: records.some(({ enrollmentProfile }) => enrollmentProfile),
          };
  }
}

function add(reasons: Reason[], reason: Reason): void {
  if (!reasons.includes(reason)) reasons.push(reason);
}

function group<T>(groups: Map<string, T[]>, key: string, value: T): void {
  const known = groups.get(key);
  if (known === undefined) groups.set(key, [value]);
  else known.push(value);
}
