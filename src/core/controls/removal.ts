/**
 * Taking profiles off devices: before the move through the old server, after it through Fleet. Decided here, device by device,
 * shown first, sent by `commands/send`. What manages a device is never removed.
 */
import { commandBatches } from '../fleet/run-command';
import { shellQuoted } from '../shell-quoted';
import type { Hosts } from '../fleet/hosts';
import { ENROLLMENT_IDENTIFIER } from '../sources/micromdm/profile';
import type { Snapshot } from '../sources/snapshot';
import { writePropertyList } from '../profile/property-list-writer';
import { commandRunId, type CommandRunIdentity, type CommandWay } from '../commands/command-journal';
import type { OldServerTask } from '../commands/send';
import { FLEETS_IDENTIFIERS, scopeOf } from './acceptance';
import type { ControlRow } from './comparison';
import { networkOf, isIdentity } from './payload-kind';
import { isEnrollment } from './profile';

/** Why an identifier is not removed. With `overridable` it may be, when its code is accepted by name. */
export interface RemovalRefusal {
  readonly identifier: string;
  readonly code:
    | 'enrollment-profile'
    | 'fleets-own'
    | 'still-in-fleet'
    | 'unknown-profile'
    | 'carries-network'
    | 'carries-identity'
    | 'user-channel';
  readonly sentence: string;
  readonly remedy: string;
  readonly overridable: boolean;
}

/** One profile, and whom it is taken from. */
export interface RemovalSubject {
  readonly identifier: string;
  readonly name: string | null;
  /** Enrollment ids: UDIDs, or for the user channel the user’s id. */
  readonly targets: readonly string[];
}

/** Devices that get no command. */
export interface RemovalSkip {
  readonly code: 'not-installed' | 'not-enrolled' | 'no-host';
  readonly udids: readonly string[];
}

export interface RemovalPlan {
  /** SHA-256 over what would be sent, and where. */
  readonly id: string;
  readonly way: CommandWay;
  readonly place: string;
  readonly subjects: readonly RemovalSubject[];
  readonly refusals: readonly RemovalRefusal[];
  readonly skipped: readonly RemovalSkip[];
  readonly commands: number;
  readonly devices: number;
  readonly identity: CommandRunIdentity;
}

export interface RemovalInput {
  readonly snapshot: Snapshot;
  readonly rows: readonly ControlRow[];
  /** Whether Fleet’s profiles are among the rows. */
  readonly fleetKnown: boolean;
  readonly identifiers: readonly string[];
  /** UDIDs of the wave. */
  readonly wave: ReadonlySet<string>;
  readonly way: CommandWay;
  /** Host that is called. */
  readonly place: string;
  readonly accepted: ReadonlySet<string>;
  /** Through Fleet: its hosts. */
  readonly hosts: Hosts | null;
}

/** Decides. Nothing is sent. */
export function planRemoval(input: RemovalInput): RemovalPlan {
  const { snapshot, rows, identifiers, wave, way, place, accepted, hosts } = input;
  const refusals: RemovalRefusal[] = [];
  const subjects: RemovalSubject[] = [];
  const skipped = new Map<RemovalSkip['code'], Set<string>>();
  const skip = (code: RemovalSkip['code'], udid: string): void => {
    const known = skipped.get(code);
    if (known === undefined) skipped.set(code, new Set([udid]));
    else known.add(udid);
  };
  const enrolled = new Set<string>();
  const ownerOf = new Map<string, string>();
  for (const device of snapshot.devices) {
    if (device.udid === null || !wave.has(device.udid)) continue;
    if (device.enrolled || way === 'fleet') enrolled.add(device.udid);
    else skip('not-enrolled', device.udid);
    ownerOf.set(device.udid, device.udid);
    for (const { id } of device.users) ownerOf.set(id, device.udid);
  }
  for (const identifier of [...new Set(identifiers)]) {
    const row = rows.find((one) => one.identifier === identifier) ?? null;
    const held = refusalsOf(identifier, row, input).filter(
      ({ code, overridable }) => !overridable || !accepted.has(code),
    );
    refusals.push(...held);
    if (held.length > 0) continue;
    const known = row?.source?.installedOn ?? null;
    const targets: string[] = [];
    const candidates = known === null ? [...enrolled] : [...known, ...(row?.source?.waitingFor ?? [])];
    for (const id of new Set(candidates)) {
      const udid = ownerOf.get(id);
      if (udid === undefined || !enrolled.has(udid)) continue;
      if (way === 'fleet' && (hosts?.withUdid(udid) ?? []).length === 0) skip('no-host', udid);
      else targets.push(id);
    }
    if (known !== null || row?.source?.atEnroll === true) {
      // An enrollment blueprint puts it on every device without a command that is kept by this name.
      for (const udid of enrolled) {
        if (targets.some((id) => ownerOf.get(id) === udid) || skipped.get('no-host')?.has(udid) === true) continue;
        if (row?.source?.atEnroll === true) targets.push(udid);
        else skip('not-installed', udid);
      }
    }
    subjects.push({ identifier, name: row?.name ?? null, targets: [...new Set(targets)].sort() });
  }
  const all = new Set(subjects.flatMap(({ targets }) => targets));
  const identity: CommandRunIdentity = {
    purpose: 'remove-profile',
    way,
    place,
    subjects: subjects.map(({ identifier }) => identifier),
    // The wave, not who is left of it: a second run goes on with the first one's journal.
    udids: [...wave].sort(),
  };
  return {
    id: commandRunId(identity),
    way,
    place,
    subjects,
    refusals,
    skipped: [...skipped].map(([code, udids]) => ({ code, udids: [...udids].sort() })),
    commands: subjects.reduce((sum, { targets }) => sum + targets.length, 0),
    devices: new Set([...all].map((id) => ownerOf.get(id) ?? id)).size,
    identity,
  };
}

function refusalsOf(identifier: string, row: ControlRow | null, input: RemovalInput): RemovalRefusal[] {
  const { snapshot, way, fleetKnown } = input;
  const profile = row?.source?.profile ?? null;
  const refused = (
    code: RemovalRefusal['code'],
    sentence: string,
    remedy: string,
    overridable: boolean,
  ): RemovalRefusal => ({ identifier, code, sentence, remedy, overridable });
  const enrollment =
    identifier.toLowerCase().startsWith(ENROLLMENT_IDENTIFIER) ||
    identifier === snapshot.enrollmentProfile?.identifier ||
    (profile !== null && isEnrollment(profile)) ||
    (row?.fleet?.profile != null && isEnrollment(row.fleet.profile));
  if (enrollment)
    return [
      refused(
        'enrollment-profile',
        `${identifier} is the profile by which devices are enrolled, with their identity: without it they are lost.`,
        'Leave it; it is renewed in silence after the switch.',
        false,
      ),
    ];
  if (FLEETS_IDENTIFIERS.has(identifier) || identifier.startsWith('com.fleetdm.'))
    return [
      refused('fleets-own', `${identifier} is one of Fleet’s own profiles.`, 'Fleet looks after it by itself.', false),
    ];
  const found: RemovalRefusal[] = [];
  if (row === null)
    found.push(
      refused(
        'unknown-profile',
        `Neither the source nor Fleet knows ${identifier}: what is in it, and whether devices live on it, cannot be seen.`,
        'Look at a device first (System Settings, Device Management), then accept it by this code.',
        true,
      ),
    );
  else if (row.fleet !== null)
    found.push(
      refused(
        'still-in-fleet',
        `${identifier} is in Fleet as well: it is updated in place, and Fleet would put it back.`,
        'Delete it in Fleet if it shall go.',
        true,
      ),
    );
  if (profile !== null) {
    if (profile.payloads.some(({ type }) => networkOf(type) !== null))
      found.push(
        refused(
          'carries-network',
          `${identifier} carries a network: a device that is on it hears nothing more.`,
          'Give devices another way first; then accept it by this code.',
          true,
        ),
      );
    if (profile.payloads.some(({ type }) => isIdentity(type)))
      found.push(
        refused(
          'carries-identity',
          `${identifier} carries an identity: its key is deleted with it.`,
          'See what uses it; then accept it by this code.',
          true,
        ),
      );
    if (way === 'fleet' && scopeOf(profile) === 'User')
      found.push(
        refused(
          'user-channel',
          `${identifier} is for users, and Fleet’s API sends commands to the device only.`,
          'Remove it through the old server, before the switch.',
          false,
        ),
      );
  }
  if (
    !fleetKnown &&
    row !== null &&
    row.fleet === null &&
    row.standing !== 'left-behind' &&
    row.standing !== 'stored-only'
  )
    found.push(refused('still-in-fleet', `Whether ${identifier} is in Fleet is not known.`, 'Name Fleet.', true));
  return found;
}

/** The commands for the old server. */
export function removalTasks({ subjects }: Pick<RemovalPlan, 'subjects'>): OldServerTask[] {
  return subjects.flatMap(({ identifier, targets }) =>
    targets.map((udid) => ({
      udid,
      subject: identifier,
      requestType: 'RemoveProfile',
      fields: { Identifier: identifier },
    })),
  );
}

/** The command for Fleet, as an XML property list; Fleet adds the CommandUUID. */
export function removalCommand(identifier: string): string {
  return writePropertyList({ Command: { RequestType: 'RemoveProfile', Identifier: identifier } });
}

/** The hosts of a plan for Fleet, with their platforms. */
export function removalHosts(
  udids: Iterable<string>,
  hosts: Hosts,
): { readonly udid: string; readonly platform: string }[] {
  return [...udids].flatMap((udid) => {
    const [host] = hosts.withUdid(udid);
    return host === undefined ? [] : [{ udid: host.uuid, platform: host.platform }];
  });
}

/** fleetctl’s commands for it, for whoever sends them by hand: one a file and call. `files` names each payload’s file. */
export function fleetctlLines(
  { subjects }: Pick<RemovalPlan, 'subjects'>,
  hosts: Hosts,
  fileOf: (identifier: string) => string,
): string[] {
  return subjects.flatMap(({ identifier, targets }) =>
    commandBatches(removalHosts(targets, hosts)).map(
      ({ udids }) =>
        `fleetctl mdm run-command --payload=${shellQuoted(fileOf(identifier))} --hosts=${udids.map(shellQuoted).join(',')}`,
    ),
  );
}
