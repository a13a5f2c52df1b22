/**
 * The status of one device on its way to Fleet, judged from evidence. Pure: the same evidence at the same instant
 * gives the same status.
 *
 * `migrated` is said only with proof that Fleet itself has heard from the device after T, the creation of its row by
 * Fleet's own clock (spec/fleet.md 3.6). What looks like life but is none: enrollment_status, connected_to_fleet,
 * hosts.seen_time, an updated_at on the canary, and every time a migration wrote itself from the source (last_seen_at,
 * token_update_at and authenticate_at; a refresh, or an old server whose clock is fast, puts those after T).
 */
import { utcText } from '../utc-text';

/**
 * `not-imported`: Fleet has no enrollment row. `waiting`: imported, and silent since. `migrated`: proof after T.
 * `stale`: migrated, but silent for long. `lost`: switched off or unenrolled after T. `unknown`: cannot be told from
 * what was asked (Fleet's API alone, or a row without its time).
 */
export type WatchState = 'not-imported' | 'waiting' | 'migrated' | 'stale' | 'lost' | 'unknown';

export const WATCH_STATES: readonly WatchState[] = ['not-imported', 'waiting', 'migrated', 'stale', 'lost', 'unknown'];

/**
 * How Fleet's contact was proven. `poll`: last_seen_at or nano_seen_times; `token-update`, `authenticate`: a check-in
 * message; `command-result`: an answer to a command, in MySQL; `api-contact`: last_mdm_checked_in_at of Fleet's API;
 * `api-answer`: an answered command in Fleet's API.
 */
export type ProofKind = 'poll' | 'token-update' | 'authenticate' | 'command-result' | 'api-contact' | 'api-answer';

export const PROOF_KINDS: readonly ProofKind[] = [
  'poll',
  'token-update',
  'authenticate',
  'command-result',
  'api-contact',
  'api-answer',
];

/** Evidence that Fleet itself has heard from a device after T. */
export interface Proof {
  readonly kind: ProofKind;
  /** Milliseconds since the epoch, on Fleet's clock. */
  readonly at: number;
  /** Where it stands and what it says, as a sentence. */
  readonly sentence: string;
}

/** Something about a device that somebody has to look at. */
export interface Attention {
  /** Stable: `unenrolled`, `wrong-topic`, `certificate-refused`, `answered-old-server`, `blocked`, … */
  readonly code: AttentionCode;
  readonly sentence: string;
  readonly remedy: string;
}

/** Every code there is, at most 32 of them. */
export const ATTENTION_CODES = [
  'blocked',
  'half-imported',
  'disabled',
  'unenrolled',
  'import-time-unknown',
  'wrong-topic',
  'certificate-refused',
  'certificate-expired',
  'renewal-impossible',
  'renewal-stuck',
  'no-host',
  'duplicate-host',
  'answered-old-server',
  'silent-since-switch',
] as const;

export type AttentionCode = (typeof ATTENTION_CODES)[number];

/** The status of one device. All instants are milliseconds since the epoch; null: never, or not known. */
export interface DeviceStatus {
  /** As the source has it, or as Fleet has it where no source was given. */
  readonly udid: string;
  readonly state: WatchState;
  /** Since when the state holds: the proof of a migrated device, the last contact of a stale one, T of a waiting one. */
  readonly since: number | null;
  /** T. */
  readonly importedAt: number | null;
  readonly proof: Proof | null;
  /** fleetd runs on it; null: not known, or a device that has none (iPhone, iPad). */
  readonly agent: boolean | null;
  /** Its last contact with Fleet's MDM after T. */
  readonly lastContactFleet: number | null;
  /** Its last contact with the old server. */
  readonly lastContactSource: number | null;
  /** When the certificate Fleet holds for it ends. */
  readonly certificateNotAfter: number | null;
  /** Id of its row in Fleet's hosts; null: none, or not known. */
  readonly hostId: number | null;
  readonly teamId: number | null;
  /** It was enrolled by Fleet itself, or again since (enrolled_from_migration is 0). */
  readonly native: boolean;
  readonly attention: readonly Attention[];
}

/** `nano_enrollments`, the device channel's row (its id is the UDID). */
export interface EnrollmentEvidence {
  readonly createdAt: number | null;
  readonly updatedAt: number | null;
  readonly enabled: boolean;
  readonly topic: string;
  readonly fromMigration: boolean;
  /** last_seen_at, on schemas that have it; else null. */
  readonly lastSeenAt: number | null;
}

/** `nano_devices`. */
export interface DeviceRowEvidence {
  readonly createdAt: number | null;
  readonly updatedAt: number | null;
  readonly authenticateAt: number | null;
  readonly tokenUpdateAt: number | null;
}

/** The newest row in `nano_cert_auth_associations`, and all hashes. */
export interface CertificateEvidence {
  readonly notAfter: number | null;
  readonly renewalPending: boolean;
  /** Since when (updated_at of that row); null where not pending. */
  readonly renewalSince: number | null;
  /** Lower-case hex of every associated certificate. */
  readonly sha256: readonly string[];
}

/** Its rows in `hosts` and `host_mdm`. */
export interface HostEvidence {
  /** The lowest id. */
  readonly id: number;
  /** Rows with this UDID: more than one is trouble. */
  readonly count: number;
  readonly hasAgent: boolean;
  readonly teamId: number | null;
  /** host_mdm.enrolled: what fleetd says; null when there is no row. */
  readonly mdmEnrolled: boolean | null;
  readonly mdmUpdatedAt: number | null;
}

/** What Fleet's MySQL says about one device. */
export interface DatabaseEvidence {
  /** Null: no such row. */
  readonly enrollment: EnrollmentEvidence | null;
  /** Null: no such row, or not read because nothing hangs on it. */
  readonly device: DeviceRowEvidence | null;
  /** Whether nano_devices was read for it. */
  readonly deviceRead: boolean;
  /** nano_seen_times, on schemas that have it; null: no row. */
  readonly seenTime: number | null;
  /** When Fleet's upgrade copied last_seen_at into nano_seen_times; null: not known, or no such table. */
  readonly seenCopiedAt: number | null;
  /** Newest created_at in nano_command_results; null: none, or not read. */
  readonly resultAt: number | null;
  /** Undefined: not read. Null: no row. */
  readonly certificate: CertificateEvidence | null | undefined;
  readonly host: HostEvidence | null | undefined;
}

/** What Fleet's API says about one device. */
export interface ApiEvidence {
  /** Null: the API lists no such host. Undefined: the list was not read to its end. */
  readonly host: ApiHostEvidence | null | undefined;
  /** last_mdm_checked_in_at; null: the API gave none; undefined: details not asked. */
  readonly checkedInAt: number | null | undefined;
  /** Newest updated_at of a command with status Acknowledged, Error or NotNow; null: none; undefined: not asked. */
  readonly answeredAt: number | null | undefined;
}

export interface ApiHostEvidence {
  readonly id: number;
  readonly count: number;
  /** Null where the answer does not tell. */
  readonly hasAgent: boolean | null;
  readonly teamId: number | null;
  /** mdm.enrollment_status as sent. Never proof. */
  readonly enrollmentStatus: string | null;
  /** When fleetd last reported details. */
  readonly detailAt: number | null;
}

/** What the old server says: the newest reading of the source. */
export interface SourceEvidence {
  /** Last contact with the old server, by its clock. */
  readonly lastSeen: number | null;
  /** Lower-case hex SHA-256 of the identity certificate it holds. */
  readonly certificateSha256: string | null;
  readonly platform: string | null;
}

/** What Slipway itself decided and did. */
export interface OwnEvidence {
  /** What the plan does with it; null: not in the plan, or no plan. */
  readonly action: 'insert' | 'refresh' | 'keep' | 'held' | 'blocked' | null;
  /** Why it stays out, from the plan. */
  readonly reasons: readonly { readonly code: string; readonly sentence: string; readonly remedy: string }[];
  /** The last time rows of it were written, by the workstation's clock, from the journals; null: never. */
  readonly writtenAt: number | null;
  /** When its route was switched to Fleet; null: not yet, or not known. */
  readonly switchedAt: number | null;
  /** Contacts Slipway wrote into Fleet's columns from the source: never proof. */
  readonly writtenContacts: readonly number[];
}

/** All that is known about one device. A part is null when that side was not asked. */
export interface DeviceEvidence {
  readonly udid: string;
  readonly platform: string | null;
  readonly database: DatabaseEvidence | null;
  readonly api: ApiEvidence | null;
  readonly source: SourceEvidence | null;
  readonly own: OwnEvidence | null;
}

export interface JudgeOptions {
  /** A migrated device that was silent for longer is stale, milliseconds. Default 7 days. */
  readonly staleAfter?: number;
  /** A device that was switched (or imported) and silent for longer needs attention, milliseconds. Default 3 days. */
  readonly silentAfter?: number;
  /** A renewal that has not come back for longer needs attention, milliseconds. Default 2 days. */
  readonly renewalAfter?: number;
  /** Topic of Fleet's push certificate; null: not known, so not compared. */
  readonly topic?: string | null;
}

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STALE_AFTER = 7 * DAY;
const SILENT_AFTER = 3 * DAY;
const RENEWAL_AFTER = 2 * DAY;

/** `updated_at` of a row only a migration has written. */
const CANARY_AT = Date.UTC(2000, 0, 1);

/** Two clocks (old server and Fleet, or workstation and Fleet) are trusted to agree this far. */
const CLOCK_SLACK = 5 * MINUTE;

/** A check-in finishes its enrollment (Authenticate, then TokenUpdate) within this. */
const ENROLLING = HOUR;

/** Judges one device at an instant (milliseconds since the epoch, the workstation's clock). */
export function judgeStatus(evidence: DeviceEvidence, now: number, options: JudgeOptions = {}): DeviceStatus {
  const { database, api } = evidence;
  const importedAt = importedOf(evidence);
  const contacts = proofsOf(evidence, importedAt);
  const proof = newest(contacts);
  const attention = attentionOf(evidence, importedAt, proof, now, options);
  const { state, since } = stateOf(evidence, importedAt, proof, now, options);
  const host = database?.host ?? api?.host ?? null;
  return {
    udid: evidence.udid,
    state,
    since,
    importedAt,
    proof,
    agent: agentOf(evidence),
    lastContactFleet: proof?.at ?? null,
    lastContactSource: evidence.source?.lastSeen ?? null,
    certificateNotAfter: database?.certificate?.notAfter ?? null,
    hostId: host?.id ?? null,
    teamId: host?.teamId ?? null,
    native: database?.enrollment?.fromMigration === false,
    attention: attention.length === 0 ? NO_ATTENTION : attention,
  };
}

const NO_ATTENTION: readonly Attention[] = [];

/**
 * T. From MySQL: the later of the two rows' created_at, since a device cannot have come before both stood. From the
 * API alone: when Slipway last wrote the device's rows, since the API does not know when they were created.
 */
function importedOf({ database, own }: DeviceEvidence): number | null {
  if (database === null) return own?.writtenAt ?? null;
  const { enrollment, device } = database;
  if (enrollment === null || enrollment.createdAt === null) return null;
  return Math.max(enrollment.createdAt, device?.createdAt ?? 0);
}

/** Everything that proves contact after T, newest of each kind. */
export function provenContacts(evidence: DeviceEvidence): Proof[] {
  return proofsOf(evidence, importedOf(evidence));
}

/** Empty without T: nothing comes after an instant that is not known. */
function proofsOf(evidence: DeviceEvidence, since: number | null): Proof[] {
  if (since === null) return [];
  const { database, api } = evidence;
  const proofs = database === null ? [] : databaseProofs(evidence, database, since);
  // Without MySQL T is the workstation's clock; only what is clearly later counts.
  const after = database === null ? since + CLOCK_SLACK : since;
  if (api !== null && (database === null || database.enrollment !== null)) {
    const { answeredAt, checkedInAt } = api;
    if (typeof answeredAt === 'number' && answeredAt > after) {
      proofs.push({
        kind: 'api-answer',
        at: answeredAt,
        sentence: `Fleet’s API lists a command this device answered at ${textOf(answeredAt)}.`,
      });
    }
    // Before Fleet 4.93 this is the very column a migration fills: with MySQL at hand the column itself says more.
    if (database === null && typeof checkedInAt === 'number' && checkedInAt > after && !isOurs(evidence, checkedInAt)) {
      proofs.push({
        kind: 'api-contact',
        at: checkedInAt,
        sentence: `Fleet’s API gives ${textOf(checkedInAt)} as its last MDM contact (last_mdm_checked_in_at).`,
      });
    }
  }
  return proofs;
}

/** The contact that Slipway wrote into Fleet itself, to the second. */
function isOurs({ own, source }: DeviceEvidence, at: number): boolean {
  const ours = [...(own?.writtenContacts ?? []), ...(source?.lastSeen == null ? [] : [source.lastSeen])];
  return ours.some((contact) => Math.abs(contact - at) < MINUTE);
}

function databaseProofs(evidence: DeviceEvidence, database: DatabaseEvidence, since: number): Proof[] {
  const proofs: Proof[] = [];
  const { enrollment, device } = database;
  if (enrollment === null) return proofs;

  // Schemas with last_seen_at. A poll sets it to the present, and ON UPDATE sets updated_at to the same instant: where
  // the two agree, Fleet wrote both. Where they do not, something else has moved updated_at (MDM switched off, a flag
  // cleared by hand), and last_seen_at may still be what the importer took from the source.
  const { lastSeenAt, updatedAt } = enrollment;
  if (lastSeenAt !== null && lastSeenAt > since && isFleets(updatedAt, since) && lastSeenAt <= updatedAt + SECOND) {
    const together = updatedAt - lastSeenAt <= SECOND && device !== null && device.authenticateAt !== lastSeenAt;
    if (together || isNotImporters(evidence, database, lastSeenAt)) {
      proofs.push({
        kind: 'poll',
        at: lastSeenAt,
        sentence: `nano_enrollments.last_seen_at is ${textOf(lastSeenAt)}, and the row was written by Fleet itself.`,
      });
    }
  }

  // Schemas with nano_seen_times. No importer writes there, but the upgrade that made the table filled it from
  // last_seen_at, which an importer had written.
  const { seenTime, seenCopiedAt } = database;
  if (seenTime !== null && seenTime > since) {
    const clean = seenCopiedAt !== null && (seenCopiedAt < since || seenTime > seenCopiedAt);
    if (clean || isNotImporters(evidence, database, seenTime)) {
      proofs.push({ kind: 'poll', at: seenTime, sentence: `nano_seen_times.seen_time is ${textOf(seenTime)}.` });
    }
  }

  if (database.resultAt !== null && database.resultAt > since) {
    proofs.push({
      kind: 'command-result',
      at: database.resultAt,
      sentence: `nano_command_results holds an answer of this device from ${textOf(database.resultAt)}.`,
    });
  }

  // Check-in messages. The importer writes both times equal (the source's last contact); Fleet writes one at a time,
  // and both messages write the enrollment's row after the device's.
  if (device !== null && isFleets(device.updatedAt, since) && isFleets(updatedAt, since)) {
    for (const [kind, at, column] of [
      ['token-update', device.tokenUpdateAt, 'token_update_at'],
      ['authenticate', device.authenticateAt, 'authenticate_at'],
    ] as const) {
      if (at === null || at <= since || at > device.updatedAt || at > updatedAt) continue;
      const apart = kind === 'token-update' && device.authenticateAt !== at && !isOurs(evidence, at);
      if (at === device.updatedAt || apart)
        proofs.push({ kind, at, sentence: `nano_devices.${column} is ${textOf(at)}.` });
    }
  }
  return proofs;
}

/** A row's updated_at says that Fleet wrote it after T: it is off the canary and later than T. */
function isFleets(updatedAt: number | null, since: number): updatedAt is number {
  return updatedAt !== null && updatedAt !== CANARY_AT && updatedAt > since;
}

/**
 * A contact time that cannot be the importer's. The importer writes the same instant into the device's row
 * (authenticate_at); a minute either way covers a script that ran for a while. Without that row it cannot be told.
 */
function isNotImporters(evidence: DeviceEvidence, { device }: DatabaseEvidence, at: number): boolean {
  if (device?.authenticateAt == null) return false;
  return Math.abs(device.authenticateAt - at) > MINUTE && !isOurs(evidence, at);
}

function newest(proofs: readonly Proof[]): Proof | null {
  let found: Proof | null = null;
  for (const proof of proofs) if (found === null || proof.at > found.at) found = proof;
  return found;
}

interface Standing {
  readonly state: WatchState;
  readonly since: number | null;
}

function stateOf(
  evidence: DeviceEvidence,
  importedAt: number | null,
  proof: Proof | null,
  now: number,
  options: JudgeOptions,
): Standing {
  const { database, api, own } = evidence;
  if (database !== null) {
    if (database.enrollment === null) return { state: 'not-imported', since: null };
  } else if (api === null || importedAt === null) {
    // Fleet's API shows neither the enrollment's row nor when it was made.
    const never = own !== null && own.action !== null && own.writtenAt === null && own.action !== 'keep';
    return { state: never && api !== null ? 'not-imported' : 'unknown', since: null };
  }
  const gone = lossOf(evidence, importedAt, proof, now);
  if (gone !== null) return { state: 'lost', since: gone.at };
  if (importedAt === null) return { state: 'unknown', since: null };
  if (proof === null) {
    // Silence can be told from MySQL, and from an API that gives the last contact. Else it is only not knowing.
    const told = database !== null || typeof api?.checkedInAt === 'number';
    return told ? { state: 'waiting', since: importedAt } : { state: 'unknown', since: null };
  }
  const silent = now - proof.at > (options.staleAfter ?? STALE_AFTER);
  return { state: silent ? 'stale' : 'migrated', since: proof.at };
}

interface Loss {
  readonly code: 'disabled' | 'unenrolled';
  readonly at: number | null;
  readonly sentence: string;
}

/** Switched off at Fleet, or no longer enrolled anywhere by the agent's word, with nothing heard since. */
function lossOf(evidence: DeviceEvidence, importedAt: number | null, proof: Proof | null, now: number): Loss | null {
  const { database, api } = evidence;
  const enrollment = database?.enrollment;
  if (enrollment != null && !enrollment.enabled && !isEnrolling(proof, now)) {
    const at = enrollment.updatedAt === null || enrollment.updatedAt === CANARY_AT ? null : enrollment.updatedAt;
    return {
      code: 'disabled',
      at,
      sentence: `Fleet has this enrollment switched off${at === null ? '' : ` since ${textOf(at)}`} (nano_enrollments.enabled is 0).`,
    };
  }
  const heard = Math.max(importedAt ?? 0, proof?.at ?? 0);
  const host = database?.host;
  if (host?.mdmEnrolled === false && host.mdmUpdatedAt !== null && importedAt !== null && host.mdmUpdatedAt > heard) {
    return {
      code: 'unenrolled',
      at: host.mdmUpdatedAt,
      sentence: `fleetd said at ${textOf(host.mdmUpdatedAt)} that this device is enrolled in no MDM (host_mdm.enrolled is 0).`,
    };
  }
  const told = database === null ? (api?.host ?? null) : null;
  if (told?.enrollmentStatus === 'Off' && told.detailAt !== null && importedAt !== null) {
    if (told.detailAt > heard + CLOCK_SLACK) {
      return {
        code: 'unenrolled',
        at: told.detailAt,
        sentence: `fleetd said by ${textOf(told.detailAt)} that this device is enrolled in no MDM (enrollment status Off).`,
      };
    }
  }
  return null;
}

/** Between Authenticate and TokenUpdate Fleet holds an enrollment switched off. */
function isEnrolling(proof: Proof | null, now: number): boolean {
  return proof?.kind === 'authenticate' && now - proof.at < ENROLLING;
}

function agentOf({ udid, database, api, platform, source }: DeviceEvidence): boolean | null {
  if (!isMac(udid, platform ?? source?.platform ?? null)) return null;
  if (database !== null && database.host !== undefined) return database.host?.hasAgent ?? false;
  if (api !== null && api.host !== undefined) return api.host === null ? false : api.host.hasAgent;
  return null;
}

/** Where the platform is not known the id tells: Macs have UUIDs, iPhones and iPads have not. */
function isMac(udid: string, platform: string | null): boolean {
  return platform === null ? /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(udid) : platform === 'darwin';
}

function attentionOf(
  evidence: DeviceEvidence,
  importedAt: number | null,
  proof: Proof | null,
  now: number,
  options: JudgeOptions,
): Attention[] {
  const { database, api, source, own } = evidence;
  const found: Attention[] = [];
  const add = (code: AttentionCode, sentence: string, remedy: string): void => {
    found.push({ code, sentence, remedy });
  };
  const enrollment = database?.enrollment ?? null;
  const imported = enrollment !== null || (database === null && importedAt !== null);

  if (!imported) {
    if (own?.action === 'blocked' || own?.action === 'held') {
      const [reason] = own.reasons;
      add(
        'blocked',
        reason === undefined
          ? 'The plan leaves this device out.'
          : `The plan leaves this device out: ${reason.sentence}`,
        reason?.remedy ?? 'Look at its reasons in the plan.',
      );
    }
    if (database?.device != null && database.enrollment === null) {
      add(
        'half-imported',
        'Fleet has a row for this device in nano_devices and none in nano_enrollments, so it cannot talk to it.',
        'Make a plan again: rows a migration left untouched are completed.',
      );
    }
    return found;
  }

  const loss = lossOf(evidence, importedAt, proof, now);
  if (loss?.code === 'disabled') {
    add(
      'disabled',
      loss.sentence,
      'Find out who switched it off (the activity list in Fleet, or a CheckOut of the device). Fleet pushes and renews it again only after a TokenUpdate; else enrol it anew.',
    );
  }
  if (loss?.code === 'unenrolled') {
    add('unenrolled', loss.sentence, 'Look at the device: the enrollment profile was removed. Enrol it with Fleet.');
  }
  if (enrollment !== null && enrollment.createdAt === null) {
    add(
      'import-time-unknown',
      'Fleet’s row for this device has no created_at, so it cannot be told whether a contact came after the import.',
      'Send it a command from Fleet and look for the answer.',
    );
  }
  if (enrollment !== null && options.topic != null && differ(enrollment.topic, options.topic)) {
    add(
      'wrong-topic',
      `Fleet’s row has the APNs topic ${enrollment.topic.slice(0, 100)}; Fleet’s push certificate is for ${options.topic}. Fleet can never push to this device.`,
      'Put the push certificate of the old server into Fleet, or enrol the device anew.',
    );
  }

  const certificate = database?.certificate;
  if (certificate === null) {
    add(
      'certificate-refused',
      'Fleet has no certificate tied to this device, so it refuses every request of it.',
      'Read the source again, make a plan and apply it for this device.',
    );
  } else if (certificate !== undefined) {
    const held = source?.certificateSha256 ?? null;
    if (held !== null && proof === null && certificate.sha256.length > 0 && !certificate.sha256.includes(held)) {
      add(
        'certificate-refused',
        'The old server now holds another certificate for this device than the one tied to it in Fleet: it was renewed or enrolled again after the import, and Fleet refuses it.',
        'Read the source again, make a plan and apply it for this device before it is switched.',
      );
    }
    if (certificate.notAfter === null) {
      add(
        'renewal-impossible',
        'Fleet does not know when this device’s certificate ends, and never renews it (cert_not_valid_after is NULL).',
        'Set cert_not_valid_after in nano_cert_auth_associations to the certificate’s end.',
      );
    } else if (certificate.notAfter < now) {
      add(
        'certificate-expired',
        `The certificate Fleet holds for this device ended at ${textOf(certificate.notAfter)}.`,
        'Enrol the device anew if it does not answer any more.',
      );
    }
    const since = certificate.renewalSince ?? null;
    if (certificate.renewalPending && since !== null && now - since > (options.renewalAfter ?? RENEWAL_AFTER)) {
      add(
        'renewal-stuck',
        `Fleet sent a renewal at ${textOf(since)} that has not come to its end, and sends no other while it stands (renew_command_uuid).`,
        'Look at the answer of that InstallProfile command; correct the enrollment profile, then set renew_command_uuid to NULL.',
      );
    }
  }
  const host = database === null ? api?.host : database.host;
  const appears = !isMac(evidence.udid, evidence.platform ?? source?.platform ?? null) && proof === null;
  if (host === null && !appears) {
    add(
      'no-host',
      'Fleet has no host with this UDID, so it never renews its certificate, and sends it no profiles.',
      'Install the agent on a Mac; an iPhone or iPad gets its host at its first contact with Fleet.',
    );
  } else if (host != null && host.count > 1) {
    add(
      'duplicate-host',
      `Fleet has ${host.count} hosts with this UDID; that has stopped its whole renewal before.`,
      'Delete the hosts that are left over in Fleet.',
    );
  }

  const seen = source?.lastSeen ?? null;
  const switchedAt = own?.switchedAt ?? null;
  if (seen !== null && switchedAt !== null && seen > switchedAt + CLOCK_SLACK) {
    add(
      'answered-old-server',
      `It called the old server at ${textOf(seen)}, after it was switched to Fleet at ${textOf(switchedAt)}.`,
      'Look at where its requests go: a DNS entry, a proxy or a redirect still leads to the old server.',
    );
  } else if (seen !== null && proof !== null && seen > proof.at + CLOCK_SLACK) {
    add(
      'answered-old-server',
      `It called the old server at ${textOf(seen)}, after its last contact with Fleet at ${textOf(proof.at)}.`,
      'Look at where its requests go: it may have been switched back, or only some of its requests reach Fleet.',
    );
  }
  const waitingSince = switchedAt ?? null;
  const silentAfter = options.silentAfter ?? SILENT_AFTER;
  if (proof === null && loss === null && waitingSince !== null && now - waitingSince > silentAfter) {
    add(
      'silent-since-switch',
      `It was switched to Fleet at ${textOf(waitingSince)} and has not been heard of there since.`,
      'Wake it with a harmless command from Fleet; then look whether it is switched on and reaches the network.',
    );
  }
  return found;
}

function differ(one: string, other: string): boolean {
  return one !== other && one.toLowerCase() !== other.toLowerCase();
}

/** Counts over a set of devices, as the progress header and a wave's conditions read them. */
export interface WatchProgress {
  /** Devices asked for. */
  readonly size: number;
  /** Of them: Fleet has a row (all states but `not-imported` and `unknown`). */
  readonly imported: number;
  readonly agent: number;
  readonly waiting: number;
  /** With proof and lately in contact. */
  readonly migrated: number;
  readonly stale: number;
  readonly lost: number;
  /** Also devices there is no status of. */
  readonly unknown: number;
  /** Devices with at least one attention. */
  readonly attention: number;
  /** Of them those that are imported: what the plan leaves out is no news. */
  readonly importedAttention: number;
}

/** Counts devices one by one, wherever their states are kept. */
export class ProgressTally {
  readonly counts = {
    size: 0,
    imported: 0,
    agent: 0,
    waiting: 0,
    migrated: 0,
    stale: 0,
    lost: 0,
    unknown: 0,
    attention: 0,
    importedAttention: 0,
  } satisfies WatchProgress;

  /** One device; one there is no status of is `unknown`. */
  add(state: WatchState, agent: boolean, attention: boolean): void {
    const { counts } = this;
    counts.size += 1;
    if (state !== 'not-imported') counts[state] += 1;
    const imported = state !== 'not-imported' && state !== 'unknown';
    if (imported) counts.imported += 1;
    if (agent) counts.agent += 1;
    if (attention) counts.attention += 1;
    if (attention && imported) counts.importedAttention += 1;
  }
}

/** Counts the states of the devices with these UDIDs; without them of all. UDIDs are compared as they are written. */
export function progressOf(
  statuses: ReadonlyMap<string, DeviceStatus>,
  udids: Iterable<string> = statuses.keys(),
): WatchProgress {
  const tally = new ProgressTally();
  for (const udid of udids) {
    const status = statuses.get(udid);
    if (status === undefined) tally.add('unknown', false, false);
    else tally.add(status.state, status.agent === true, status.attention.length > 0);
  }
  return tally.counts;
}

/** An instant in a sentence: `2026-09-30 18:04:11 UTC`. */
function textOf(at: number): string {
  return `${utcText(Math.floor(at / SECOND), ' ')} UTC`;
}
