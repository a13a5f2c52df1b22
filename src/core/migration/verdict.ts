/**
 * The verdict on each device of a snapshot: ready, caution or blocked, with reasons.
 *
 * Judged from the source alone, at an instant that is given; what the target adds (no agent, touched rows, drift) is
 * added by the plan. When in doubt a device is held, never guessed in.
 */
import type {
  DeviceCertificate,
  Finding,
  PendingCommands,
  PushIdentity,
  Reason,
  Severity,
  Snapshot,
  SourceDevice,
  SourceUser,
} from '../sources/snapshot';
import { isHeld, MadeSequence, type Sequence } from '../sequence';
import { CommonKeys } from './common-keys';
import { SUPERSEDED } from '../sources/several/same-device';
import { TIMESTAMP_LAST } from '../utc-text';

export type Verdict = 'ready' | 'caution' | 'blocked';

/** A device with its verdict. */
export interface JudgedDevice {
  readonly device: SourceDevice;
  readonly verdict: Verdict;
  /** The source's own reasons first, then the judge's; blocks before cautions before notes. */
  readonly reasons: readonly Reason[];
  /** The user channels that go along. */
  readonly users: readonly SourceUser[];
  /** The certificates besides the present one that go along, bound earliest first; hardly any device has one. */
  readonly formerCertificates: readonly DeviceCertificate[];
}

export interface Judgement {
  /** In the snapshot's order; records without a UDID are blocked (`no-udid`). */
  readonly devices: Sequence<JudgedDevice>;
  /** Over the devices that have a UDID. */
  readonly counts: {
    readonly devices: number;
    readonly ready: number;
    readonly caution: number;
    readonly blocked: number;
  };
  /** What the judging found besides devices. */
  readonly findings: readonly Finding[];
}

const DAY_MS = 86_400_000;
/** Contact within this many days makes a device that the source holds for not enrolled "probably enrolled". */
const RECENT_DAYS = 30;
/** A device silent for longer is flagged. */
const SILENT_DAYS = 90;
/** A certificate that ends sooner needs its renewal right after the move. */
const EXPIRING_DAYS = 30;

/** Commands that would silently vanish at the switch although somebody relies on them. */
const PRECIOUS_COMMANDS: ReadonlySet<string> = new Set([
  'EraseDevice',
  'DeviceLock',
  'EnableLostMode',
  'RemoveProfile',
]);

/** Commands waiting at the source that must not vanish with the switch: an erase, a lock, the end of the enrollment. */
export function preciousCommands({ requestTypes, enrollmentProfile }: PendingCommands): string[] {
  const precious = requestTypes.filter((type) => PRECIOUS_COMMANDS.has(type));
  return enrollmentProfile ? [...precious, 'InstallProfile of the enrollment profile'] : precious;
}

/** Apple's UDIDs are hex and dashes; anything else could collide in Fleet's collation or imitate a user channel. */
const PLAIN_ID = /^[0-9A-Za-z-]{1,191}$/;
const HEX = /^[0-9a-f]+$/;

const ORDER: Readonly<Record<Severity, number>> = { block: 0, caution: 1, note: 2 };

/**
 * Judges every device of a snapshot.
 * @param at the clock, milliseconds since the epoch
 */
export function judge(snapshot: Snapshot, at: number): Judgement {
  const { devices } = snapshot;
  let survey = isHeld(devices) ? surveyOf(devices) : surveyOf([]);
  const counts = { devices: 0, ready: 0, caution: 0, blocked: 0 };
  // One list and one function for all devices: of most there is nothing to say.
  const said: Reason[] = [];
  const say: Say = (severity, code, sentence, remedy) => void said.push({ code, severity, sentence, remedy });
  const judgeOne = (device: SourceDevice): JudgedDevice => {
    said.length = 0;
    const along = judgeDevice(device, snapshot, survey, at, said, say);
    return conclude(device, said, along);
  };
  const count = (judged: JudgedDevice, by = 1): JudgedDevice => {
    if (judged.device.udid !== null) {
      counts.devices += by;
      counts[judged.verdict] += by;
    }
    return judged;
  };
  const findings = findingsOf(snapshot, at);
  if (isHeld(devices)) return { devices: devices.map((device) => count(judgeOne(device))), counts, findings };

  // One walk: first every device is judged as if it had nothing in common with another, then those that may have again.
  const keys = new CommonKeys(devices.length, 3);
  devices.forEach((device, ordinal) => {
    noteKeys(keys, device, ordinal);
    count(judgeOne(device));
  });
  const related = keys.related().map((ordinal) => devices.at(ordinal) as SourceDevice);
  for (const device of related) count(judgeOne(device), -1);
  survey = surveyOf(related);
  for (const device of related) count(judgeOne(device));
  const again = (ordinal: number): JudgedDevice => judgeOne(devices.at(ordinal) as SourceDevice);
  return { devices: new MadeSequence(devices.length, again), counts, findings };
}

/** Every certificate of a device that goes along, the present one last. */
export function certificatesOf({ device, formerCertificates }: JudgedDevice): readonly DeviceCertificate[] {
  return device.certificate === null ? formerCertificates : [...formerCertificates, device.certificate];
}

/** The codes of a device's cautions: what must be acknowledged by name before it goes in. */
export function cautionsOf(judged: Pick<JudgedDevice, 'reasons'>): string[] {
  return [...new Set(judged.reasons.filter((reason) => reason.severity === 'caution').map((reason) => reason.code))];
}

/** True when a device goes in: ready, or caution with every one of its cautions accepted. */
export function goesIn(judged: JudgedDevice, accepted: ReadonlySet<string>): boolean {
  if (judged.verdict === 'blocked') return false;
  return cautionsOf(judged).every((code) => accepted.has(code));
}

/**
 * What can only be seen over all devices at once, by keys folded as Fleet's collation folds them. It holds only what is
 * there several times, which hardly anything is.
 */
interface Survey {
  readonly byUdid: ReadonlyMap<string, readonly SourceDevice[]>;
  readonly bySerial: ReadonlyMap<string, readonly SourceDevice[]>;
  /** Hashes of certificates that devices of different UDIDs present. */
  readonly sharedCertificates: ReadonlySet<string>;
}

function surveyOf(devices: readonly SourceDevice[]): Survey {
  const udids = new Several();
  const serials = new Several();
  const holders = new Map<string, string>();
  const sharedCertificates = new Set<string>();
  for (const device of devices) {
    const { udid, serial, certificate, formerCertificates } = device;
    if (udid === null || device.reasons.some(({ code }) => code === SUPERSEDED)) continue;
    udids.add(udid.toLowerCase(), device);
    if (serial !== null) serials.add(serial.trim().toLowerCase(), device);
    const hold = ({ sha256 }: DeviceCertificate): void => {
      const holder = holders.get(sha256);
      if (holder === undefined) holders.set(sha256, udid);
      else if (holder !== udid) sharedCertificates.add(sha256);
    };
    if (certificate !== null) hold(certificate);
    formerCertificates?.forEach(hold);
  }
  return { byUdid: udids.groups, bySerial: serials.groups, sharedCertificates };
}

/** Notes what {@link surveyOf} compares: what it finds among all it finds among those that have a key in common. */
function noteKeys(keys: CommonKeys, device: SourceDevice, ordinal: number): void {
  const { udid, serial, certificate, formerCertificates = [] } = device;
  if (udid === null) return;
  keys.set(ordinal, 0, udid.toLowerCase());
  if (serial !== null) keys.set(ordinal, 1, serial.trim().toLowerCase());
  if (certificate !== null) keys.set(ordinal, 2, certificate.sha256);
  for (const { sha256 } of formerCertificates) keys.add(ordinal, 2, sha256);
}

/** Gathers the devices that have a key in common. */
class Several {
  readonly #first = new Map<string, SourceDevice>();
  readonly groups = new Map<string, SourceDevice[]>();

  add(key: string, device: SourceDevice): void {
    const first = this.#first.get(key);
    if (first === undefined) {
      this.#first.set(key, device);
      return;
    }
    const group = this.groups.get(key);
    if (group === undefined) this.groups.set(key, [first, device]);
    else group.push(device);
  }
}

const alone: readonly SourceDevice[] = [];

/** All that have the key, where there are several. */
function namesakesOf(groups: ReadonlyMap<string, readonly SourceDevice[]>, text: string): readonly SourceDevice[] {
  return groups.size === 0 ? alone : (groups.get(text.toLowerCase()) ?? alone);
}

/** What goes along with a device besides what it always has. */
type Along = Pick<JudgedDevice, 'users' | 'formerCertificates'>;

/** Says what is to be said of a device, and returns what goes along. */
function judgeDevice(
  device: SourceDevice,
  snapshot: Snapshot,
  survey: Survey,
  at: number,
  said: readonly Reason[],
  say: Say,
): Along {
  if (device.udid === null) {
    say(
      'block',
      'no-udid',
      'Known from Apple’s device list only; it never enrolled here.',
      'Reassign the serial number to Fleet in Apple Business Manager; it enrols there when it is set up.',
    );
    return nothing;
  }

  const lastSeenMs = device.lastSeen === null ? null : Number(device.lastSeen / 1_000_000n);
  const silentDays = lastSeenMs === null ? null : Math.max(0, (at - lastSeenMs) / DAY_MS);

  judgeIdentity(device, device.udid, survey, at, say);
  judgePush(device, snapshot, say);
  judgeCertificate(device, survey, lastSeenMs, at, say);
  judgeEnrollment(device, silentDays, at, said, say);
  judgeWaiting(device, silentDays, say);
  const users = device.users.length === 0 ? noUsers : judgeUsers(device, snapshot, say);
  judgeLengths(device, users, say);
  const formerCertificates =
    device.formerCertificates === undefined ? nothing.formerCertificates : judgeFormer(device, survey, at, say);
  return users.length === 0 && formerCertificates.length === 0 ? nothing : { users, formerCertificates };
}

const noUsers: readonly SourceUser[] = [];
const nothing: Along = { users: noUsers, formerCertificates: [] };

type Say = (severity: Severity, code: string, sentence: string, remedy: string) => void;

function judgeIdentity(device: SourceDevice, udid: string, survey: Survey, at: number, say: Say): void {
  if (!PLAIN_ID.test(udid)) {
    say(
      'block',
      'udid-malformed',
      'The UDID holds characters no Apple device sends.',
      'Look at this record at the old server; the device needs re-enrollment if it is real.',
    );
  }
  if (namesakesOf(survey.byUdid, udid).some((other) => other.udid !== udid)) {
    say(
      'block',
      'udid-case-conflict',
      'Another record has the same UDID in different case; Fleet’s database would take both for one device.',
      'Delete the record that is not the device’s own spelling at the old server, then read again.',
    );
  }
  if (device.serial === null) {
    const mobile = device.platform !== 'darwin';
    say(
      mobile ? 'caution' : 'note',
      'no-serial',
      mobile
        ? 'No serial number: Fleet cannot create this device’s host from its first contact.'
        : 'No serial number: Fleet can match this Mac by its UDID only.',
      mobile ? 'Add the host in Fleet by hand afterwards, or re-enrol the device.' : 'Nothing to do.',
    );
  } else {
    judgeSerial(device, namesakesOf(survey.bySerial, device.serial.trim()), at, say);
  }
  if (device.platform === null) {
    say(
      'caution',
      'platform-unknown',
      'Neither product name nor UDID tells what kind of device this is; Fleet would not create a missing host for it.',
      'Accept it if it is a Mac that has Fleet’s agent.',
    );
  }
  if (device.blockedAtSource) {
    say(
      'block',
      'blocked-at-source',
      'Blocked at the old server: it is to lose its enrollment at its next contact.',
      'Let the old server finish that, or unblock the device there and read again.',
    );
  }
}

/** Newest contact wins; several that look alive are clones (virtual machines) or a mistake only a person can tell. */
function judgeSerial(device: SourceDevice, twins: readonly SourceDevice[], at: number, say: Say): void {
  if (twins.length === 0) return;
  const others = twins.filter((other) => other.udid?.toLowerCase() !== device.udid?.toLowerCase());
  if (others.length === 0) return;
  const list = others.map((other) => other.udid ?? '').join(', ');
  if (!looksAlive(device, at) && others.some((other) => looksAlive(other, at))) {
    say(
      'block',
      'superseded-serial',
      `The same serial number is alive under another UDID (${list}).`,
      'Nothing to do if the logic board was replaced or the machine restored; else re-enrol this device.',
    );
    return;
  }
  say(
    'caution',
    'duplicate-serial',
    `Another device has the same serial number (${list}).`,
    'Find out which of them is real (cloned virtual machines share a serial number); accept if both are.',
  );
}

function looksAlive(device: SourceDevice, at: number): boolean {
  if (!device.enrolled || device.push === null || device.certificate === null || device.lastSeen === null) return false;
  return at - Number(device.lastSeen / 1_000_000n) <= SILENT_DAYS * DAY_MS;
}

function judgePush(device: SourceDevice, snapshot: Snapshot, say: Say): void {
  const { push } = device;
  if (push === null) {
    say(
      'block',
      'no-push-info',
      'No push token and magic: Fleet could never wake this device.',
      'Let the device finish its enrollment at the old server, then read again.',
    );
    return;
  }
  const fault = pushFault(push);
  if (fault !== null) {
    say(
      'block',
      'push-info-unusable',
      `Its push information cannot be used: ${fault}.`,
      'Let the device send a new TokenUpdate to the old server (re-enrol it if it does not), then read again.',
    );
  } else if (push.tokenHex.length < 64) {
    say(
      'caution',
      'push-token-short',
      `Its push token has ${push.tokenHex.length / 2} bytes; Apple’s have 32 or more, so pushes will likely be refused.`,
      'Accept it if this is a simulator; else let the device send a new TokenUpdate first.',
    );
  }
  const topic = snapshot.push?.topic ?? null;
  if (topic !== null && push.topic !== '' && push.topic !== topic) {
    say(
      'block',
      'topic-differs',
      `It listens on ${push.topic}, but the push certificate is for ${topic}: it cannot be pushed.`,
      'Re-enrol it, or find the push certificate of that topic and move these devices with it.',
    );
  }
}

/** What makes push information useless, or null. */
function pushFault(push: PushIdentity): string | null {
  if (push.topic === '') return 'the topic is empty';
  if (push.magic.length === 0) return 'the push magic is empty';
  if (push.tokenHex === '') return 'the token is empty';
  if (push.tokenHex.length % 2 !== 0 || !HEX.test(push.tokenHex))
    return 'the token is not lower-case hex of whole bytes';
  if (push.tokenHex.length > 255) return 'the token is longer than 255 characters';
  // Bytes are never fewer than characters: most magics need not be decoded.
  const longMagic = push.magic.length > 127 && push.magic.revealText().length > 127;
  if (push.topic.length > 255 || longMagic) return 'topic or magic is too long for Fleet';
  return null;
}

function judgeCertificate(device: SourceDevice, survey: Survey, lastSeenMs: number | null, at: number, say: Say): void {
  const { certificate } = device;
  if (certificate === null) {
    say(
      'block',
      'no-certificate-hash',
      'The source knows no identity certificate for it; Fleet would refuse every message.',
      'Let the device contact the old server once (MicroMDM 1.5 or later, and NanoMDM with -retro, store the hash then), or re-enrol it.',
    );
    return;
  }
  if (survey.sharedCertificates.has(certificate.sha256)) {
    say(
      'block',
      'certificate-shared',
      'Several devices present the same identity certificate; Fleet binds a certificate to one device only.',
      'Re-enrol these devices so that each gets its own identity.',
    );
  }
  if (!certificate.inDepot) {
    say(
      'caution',
      'certificate-not-in-depot',
      'Only the hash of its identity certificate is known, so neither issuer nor expiry can be proven.',
      'Accept it if its certificate was issued with this same SCEP CA; Fleet then renews it soon after the move.',
    );
  }
  if (certificate.issuedByCa === false) {
    say(
      'block',
      'certificate-foreign-issuer',
      'Its identity certificate was not issued by this SCEP CA; Fleet would refuse it.',
      'Re-enrol the device, or move the CA that issued its certificate.',
    );
  }
  if (certificate.notAfter === null) return;
  const days = (certificate.notAfter - at) / DAY_MS;
  if (days < 0) {
    if (lastSeenMs !== null && lastSeenMs > certificate.notAfter) {
      say(
        'block',
        'certificate-binding-stale',
        'It was in contact after the certificate the source holds for it had expired, so it uses another one.',
        'Re-send it the enrollment profile at the old server (MicroMDM: without -udid-cert-auth-warn-only), then read again.',
      );
    } else {
      say(
        'block',
        'certificate-expired',
        'Its identity certificate has expired; no server can reach it in silence any more.',
        'Re-enrol the device.',
      );
    }
  } else if (days < EXPIRING_DAYS) {
    say(
      'caution',
      'certificate-expiring',
      `Its identity certificate expires in ${Math.floor(days)} days.`,
      'Renew it at the old server by re-sending the enrollment profile, or accept and let Fleet renew right after the move.',
    );
  }
  if (certificate.notAfter > TIMESTAMP_LAST) {
    say(
      'note',
      'certificate-end-capped',
      'Its certificate ends after 2038-01-19, which MySQL cannot hold; Fleet is told that day.',
      'Nothing to do: Fleet renews it earlier than it must.',
    );
  }
  if (certificate.notBefore !== null && certificate.notBefore > at + DAY_MS) {
    say(
      'caution',
      'certificate-not-yet-valid',
      'Its identity certificate is not valid yet.',
      'Check the clock of this workstation and of the old server.',
    );
  }
}

/**
 * The certificates besides the present one that Fleet could accept. A source that accepts any of them (NanoMDM on SQL)
 * does not tell which one the device uses: all of them go along, and one that cannot is told.
 */
function judgeFormer(device: SourceDevice, survey: Survey, at: number, say: Say): readonly DeviceCertificate[] {
  const { certificate, formerCertificates = [] } = device;
  if (certificate === null) return nothing.formerCertificates;
  const taken: DeviceCertificate[] = [];
  const faults = new Map<string, number>();
  let expired = 0;
  const met = new Set([certificate.sha256]);
  for (const former of formerCertificates) {
    if (met.has(former.sha256)) continue;
    met.add(former.sha256);
    const fault = formerFault(former, survey);
    if (former.notAfter !== null && former.notAfter < at) expired += 1;
    else if (fault === null) taken.push(former);
    else faults.set(fault, (faults.get(fault) ?? 0) + 1);
  }
  if (faults.size > 0) {
    say(
      'caution',
      'former-certificate-left',
      `The old server also accepts earlier certificates of it that stay behind: ${[...faults].map(([fault, count]) => `${count} ${fault}`).join(', ')}.`,
      'Accept it if the device uses the certificate of its last enrollment, as devices do; with an earlier one Fleet would refuse it. Where they are only not at hand, name the SCEP depot and read again.',
    );
  }
  if (expired > 0) {
    say(
      'note',
      'former-certificate-expired',
      `${expired} earlier certificate${expired === 1 ? '' : 's'} of it ended and stay${expired === 1 ? 's' : ''} behind.`,
      'Nothing to do: no server accepts an expired certificate.',
    );
  }
  return taken;
}

/** Why Fleet could not accept a former certificate, or it must not be tied to this device; null when it can. */
function formerFault({ sha256, inDepot, issuedByCa }: DeviceCertificate, survey: Survey): string | null {
  if (survey.sharedCertificates.has(sha256)) return 'shared with another device';
  if (!inDepot) return 'of which only the hash is known';
  if (issuedByCa === false) return 'of another CA';
  return issuedByCa === null ? 'whose issuer is not known' : null;
}

function judgeEnrollment(
  device: SourceDevice,
  silentDays: number | null,
  at: number,
  said: readonly Reason[],
  say: Say,
): void {
  if (!device.enrolled) {
    // A source that is sure of it has said so, and why.
    if (device.reasons.some(({ code, severity }) => code === 'not-enrolled' && severity === 'block')) return;
    const { certificate } = device;
    const provable =
      device.push !== null &&
      pushFault(device.push) === null &&
      certificate?.inDepot === true &&
      certificate.notAfter !== null &&
      certificate.notAfter > at &&
      silentDays !== null &&
      silentDays <= RECENT_DAYS;
    const blocked = (reason: Reason): boolean => reason.code === 'blocked-at-source';
    if (provable && !device.reasons.some(blocked) && !said.some(blocked)) {
      say(
        'caution',
        'probably-enrolled',
        'The source holds it for not enrolled, yet it has push information, a valid certificate and recent contact.',
        'A user’s sign-out or a race at the old server causes this. Check the device, then accept it.',
      );
    } else {
      say(
        'block',
        'not-enrolled',
        'The source holds it for not enrolled.',
        'Nothing to do if it was checked out; else re-enrol it.',
      );
    }
    return;
  }
  if (silentDays === null) {
    say('caution', 'never-seen', 'The source knows no contact with it.', 'Accept it if you know that it is in use.');
  } else if (silentDays > SILENT_DAYS) {
    say(
      'caution',
      'silent',
      `No contact for ${Math.floor(silentDays)} days.`,
      'Harmless to move; accept it, and expect it among the stragglers.',
    );
  }
}

function judgeWaiting(device: SourceDevice, silentDays: number | null, say: Say): void {
  if (device.awaitingConfiguration && silentDays !== null && silentDays <= 1) {
    say(
      'caution',
      'in-setup-assistant',
      'It waits in Setup Assistant for the old server to release it; Fleet would not.',
      'Release it at the old server (DeviceConfigured), or wait until it is set up.',
    );
  }
  const { pending } = device;
  if (pending === null || pending.count === 0) return;
  const precious = preciousCommands(pending);
  if (precious.length > 0) {
    say(
      'caution',
      'pending-command',
      `The old server still holds for it: ${precious.join(', ')}. At the switch this would silently vanish.`,
      'Let the old server deliver it, or clear it there, then read again.',
    );
  } else {
    say(
      'note',
      'pending-lost',
      `${pending.count} command${pending.count === 1 ? '' : 's'} waiting at the old server will not be delivered.`,
      'Drain the queue before the switch if they matter.',
    );
  }
}

/** User channels that go along; each that stays behind is a caution of the device. */
function judgeUsers(device: SourceDevice, snapshot: Snapshot, say: Say): SourceUser[] {
  const taken: SourceUser[] = [];
  const seen = new Set<string>();
  for (const user of device.users) {
    const fault = userFault(user, device, snapshot, seen);
    if (fault === null) {
      taken.push(user);
      seen.add(user.id.toLowerCase());
    } else {
      say(
        'caution',
        'user-left-out',
        `The user channel of ${user.shortName ?? user.id} is left out: ${fault}.`,
        'Accept it; macOS brings the channel back at that user’s next login.',
      );
    }
  }
  return taken;
}

function userFault(
  user: SourceUser,
  device: SourceDevice,
  snapshot: Snapshot,
  seen: ReadonlySet<string>,
): string | null {
  if (!PLAIN_ID.test(user.id)) return 'its id is malformed';
  if (seen.has(user.id.toLowerCase())) return 'another channel has the same id but for case';
  if (user.superseded) return 'a newer user has taken its place';
  if (user.enabled === false) return 'the source has switched it off';
  if (user.push === null) return 'the source holds no push information for it';
  if (user.tokenMatches === false) return 'its push token is out of date';
  const fault = pushFault(user.push);
  if (fault !== null) return fault;
  const topic = snapshot.push?.topic ?? device.push?.topic ?? null;
  if (topic !== null && user.push.topic !== topic) return 'it listens on another push topic';
  return null;
}

function judgeLengths(device: SourceDevice, users: readonly SourceUser[], say: Say): void {
  const tooLong: string[] = [];
  if (longer(device.serial, 127)) tooLong.push('serial number');
  if (users.some((user) => longer(user.shortName, 255) || longer(user.longName, 255))) tooLong.push('user name');
  // MySQL text holds 65,535 bytes; both tokens are stored as base64, the unlock token inside a property list.
  if ((device.bootstrapToken?.length ?? 0) * 4 > 65_000 * 3) tooLong.push('bootstrap token');
  if ((device.unlockToken?.length ?? 0) * 4 > 64_000 * 3) tooLong.push('unlock token');
  // The longest escape takes six bytes a character.
  const { name, model, modelName, productName, osVersion } = device;
  const names = longer(name, 9_000) || longer(model, 9_000) || longer(modelName, 9_000);
  if (names || longer(productName, 9_000) || longer(osVersion, 9_000)) tooLong.push('name');
  if (tooLong.length > 0) {
    say(
      'block',
      'value-too-long',
      `Fleet’s columns cannot hold its ${tooLong.join(', ')}.`,
      'Look at this record at the old server; re-enrol the device.',
    );
  }
}

function longer(text: string | null, limit: number): boolean {
  return text !== null && text.length > limit;
}

function conclude(device: SourceDevice, said: readonly Reason[], along: Along): JudgedDevice {
  let { reasons } = device;
  if (said.length > 0) reasons = reasons.length === 0 ? said.slice() : [...reasons, ...said];
  if (reasons.length > 1) reasons = reasons.toSorted((a, b) => ORDER[a.severity] - ORDER[b.severity]);
  const worst = reasons[0]?.severity;
  const verdict: Verdict = worst === 'block' ? 'blocked' : worst === 'caution' ? 'caution' : 'ready';
  return { device, verdict, reasons, users: along.users, formerCertificates: along.formerCertificates };
}

/** What the clock adds to the snapshot's own findings. */
function findingsOf(snapshot: Snapshot, at: number): Finding[] {
  const findings: Finding[] = [];
  if (snapshot.instant > 0 && at - snapshot.instant > 7 * DAY_MS) {
    findings.push({
      code: 'source-old',
      severity: 'warning',
      detail: `The newest contact in this source is ${Math.floor((at - snapshot.instant) / DAY_MS)} days old: it may be an old copy.`,
    });
  }
  if (snapshot.push !== null && snapshot.push.notAfter < at) {
    findings.push({
      code: 'push-certificate-expired',
      severity: 'error',
      detail: 'The push certificate has expired: renew it with the same Apple account before the move.',
    });
  }
  if (snapshot.scepCa !== null && snapshot.scepCa.notAfter < at) {
    findings.push({
      code: 'scep-ca-expired',
      severity: 'error',
      detail: 'The SCEP CA certificate has expired: re-issue it with the same key and subject before the move.',
    });
  }
  return findings;
}
