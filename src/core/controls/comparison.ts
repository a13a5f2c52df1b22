/**
 * The source's profiles beside Fleet's of one team: what is updated in place at the switch, what is new, and what stays
 * behind on the devices, because Fleet never removes a profile it does not know (spec/fleet.md 8.2).
 */
import type { FleetProfile } from '../fleet/profiles';
import type { ProfileCommands } from '../sources';
import type { Snapshot } from '../sources/snapshot';
import { FLEETS_IDENTIFIERS, fleetRefusals, scopeOf, type Refusal } from './acceptance';
import { findConflicts, type Conflict } from './conflict';
import { comparePayloads, compareRoots, type FieldChange, type PayloadDifference } from './fields';
import { isEnrollment, openControlProfile, type OpenedProfile } from './profile';

/** A profile as the source knows it. */
export interface SourceControl {
  readonly profile: OpenedProfile;
  /** Stored at the source (it can be handed out by a blueprint), or only sent by command. */
  readonly isStored: boolean;
  /** What is stored differs from what was sent last. */
  readonly differsFromSent: boolean;
  /** Names of the blueprints it is in. */
  readonly blueprints: readonly string[];
  /** In a blueprint that applies to every device that enrolls. */
  readonly atEnroll: boolean;
  /** Devices that have it, by the answered commands; null when the source keeps no history. */
  readonly installedOn: ReadonlySet<string> | null;
  /** Devices for which an installation, or a removal, waits at the old server. */
  readonly waitingFor: ReadonlySet<string>;
  readonly leaving: ReadonlySet<string>;
}

/**
 * `updated`: same identifier, other content. `same`: same identifier and content. `new`: Fleet’s only. `left-behind`: on devices,
 * or perhaps on them, and not in Fleet. `stored-only`: at the source, and by its history on no device. `enrollment`: by it devices
 * are enrolled. `fleets-own`: Fleet’s own identifier at the source.
 */
export type Standing = 'updated' | 'same' | 'new' | 'left-behind' | 'stored-only' | 'enrollment' | 'fleets-own';

/** One identifier. */
export interface ControlRow {
  readonly identifier: string;
  readonly name: string | null;
  readonly standing: Standing;
  readonly source: SourceControl | null;
  readonly fleet: { readonly listed: FleetProfile; readonly profile: OpenedProfile | null } | null;
  /** Channel before and after; null where there is none. */
  readonly scope: { readonly source: 'System' | 'User' | null; readonly fleet: 'System' | 'User' | null };
  readonly root: readonly FieldChange[];
  readonly payloads: readonly PayloadDifference[];
  /** Why Fleet would not take the source’s profile. */
  readonly refusals: readonly Refusal[];
}

/** The whole comparison. */
export interface ControlsComparison {
  /** Null: no team. */
  readonly team: { readonly id: number; readonly name: string } | null;
  readonly rows: readonly ControlRow[];
  readonly conflicts: readonly Conflict[];
  readonly counts: Readonly<Record<Standing, number>>;
  readonly notes: readonly string[];
}

/** The source's profiles: stored, and sent by command where the source tells (`null`: it was not asked). */
export function sourceControls(snapshot: Snapshot, commands: ProfileCommands | null): SourceControl[] {
  const found = new Map<string, SourceControl>();
  for (const { identifier, displayName, body } of snapshot.profiles) {
    const profile = openControlProfile(body.reveal(), { identifier, displayName });
    const blueprints = snapshot.blueprints.filter(({ profileIdentifiers }) => profileIdentifiers.includes(identifier));
    found.set(identifier, {
      // What it is stored under is what a blueprint and a removal call it by.
      profile: { ...profile, identifier },
      isStored: true,
      differsFromSent: false,
      blueprints: blueprints.map(({ name }) => name),
      atEnroll: blueprints.some(({ appliesAtEnroll }) => appliesAtEnroll),
      installedOn: commands?.hasHistory === true ? new Set() : null,
      waitingFor: new Set(),
      leaving: new Set(),
    });
  }
  for (const { identifier, displayName, body, installedOn, waitingFor, leaving } of commands?.profiles ?? []) {
    const stored = found.get(identifier);
    const sent = openControlProfile(body.reveal(), { identifier, displayName });
    found.set(identifier, {
      ...(stored ?? { isStored: false, blueprints: [], atEnroll: false }),
      // What devices have counts.
      profile: sent,
      differsFromSent: stored !== undefined && !stored.profile.xml.equals(sent.xml),
      installedOn: commands?.hasHistory === true ? installedOn : null,
      waitingFor,
      leaving,
    });
  }
  return [...found.values()].sort((a, b) => compareText(a.profile.identifier, b.profile.identifier));
}

/** Compares. */
export function compareControls(
  source: readonly SourceControl[],
  fleet: readonly FleetProfile[],
  team: ControlsComparison['team'],
): ControlsComparison {
  const rest = new Map(fleet.filter(({ kind }) => kind === 'profile').map((one) => [one.identifier, one]));
  const rows: ControlRow[] = [];
  for (const control of source) {
    const { profile } = control;
    const listed = rest.get(profile.identifier) ?? null;
    if (listed !== null) rest.delete(profile.identifier);
    rows.push(rowOf(control, listed));
  }
  for (const listed of rest.values()) rows.push(rowOf(null, listed));
  for (const listed of fleet.filter(({ kind }) => kind === 'declaration')) rows.push(rowOf(null, listed));
  const counts: Record<Standing, number> = {
    updated: 0,
    same: 0,
    new: 0,
    'left-behind': 0,
    'stored-only': 0,
    enrollment: 0,
    'fleets-own': 0,
  };
  for (const { standing } of rows) counts[standing] += 1;
  return { team, rows, conflicts: findConflicts(rows), counts, notes: notesOf(source, fleet) };
}

function rowOf(source: SourceControl | null, listed: FleetProfile | null): ControlRow {
  const opened =
    listed?.body == null
      ? null
      : openControlProfile(listed.body.reveal(), { identifier: listed.identifier, displayName: listed.name });
  const before = source?.profile ?? null;
  const comparable = before !== null && opened !== null && before.obstacle === null && opened.obstacle === null;
  const payloads = comparable ? comparePayloads(before, opened) : [];
  const root = comparable ? compareRoots(before, opened) : [];
  const isSame = comparable && root.length === 0 && payloads.every(({ standing }) => standing === 'same');
  return {
    identifier: before?.identifier ?? listed?.identifier ?? '',
    name: before?.displayName ?? listed?.name ?? null,
    standing: standingOf(source, listed, isSame),
    source,
    fleet: listed === null ? null : { listed, profile: opened },
    scope: {
      source: before === null ? null : scopeOf(before),
      fleet: listed === null ? null : (listed.scope ?? 'System'),
    },
    root,
    payloads,
    refusals: before === null ? [] : fleetRefusals(before),
  };
}

function standingOf(source: SourceControl | null, listed: FleetProfile | null, isSame: boolean): Standing {
  if (source === null) return 'new';
  if (isEnrollment(source.profile)) return 'enrollment';
  if (listed !== null) return isSame ? 'same' : 'updated';
  if (FLEETS_IDENTIFIERS.has(source.profile.identifier)) return 'fleets-own';
  const { atEnroll, installedOn, waitingFor } = source;
  if (atEnroll || waitingFor.size > 0 || installedOn === null) return 'left-behind';
  return installedOn.size > 0 ? 'left-behind' : 'stored-only';
}

function notesOf(source: readonly SourceControl[], fleet: readonly FleetProfile[]): string[] {
  const notes: string[] = [];
  if (source.some(({ installedOn }) => installedOn === null))
    notes.push(
      'The source’s commands were not read, or it keeps none: which device has which profile is not known, so every profile it stores counts as being on devices.',
    );
  if (source.some(({ blueprints }) => blueprints.length > 0))
    notes.push(
      'A blueprint’s profiles are put on a device when it enrolls; what was added to it later is not on older devices.',
    );
  const labelled = fleet.filter(({ labels }) => labels.length > 0).length;
  if (labelled > 0) notes.push(`Labels limit ${labelled} of Fleet’s profiles: not every device of the team gets them.`);
  if (fleet.some(({ kind }) => kind === 'declaration'))
    notes.push(
      'Declarations have no counterpart at the source; old declarations stay on a device until Fleet sends its own set.',
    );
  return notes;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
