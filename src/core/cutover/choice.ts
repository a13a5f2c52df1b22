/** Which devices a rung of the ladder is about: a list, a filter, a team of Fleet’s, a percentage, or all. */
import { z } from 'zod';
import { misused, refused } from '../failure';
import { findTeam, type Hosts, type Team } from '../fleet/hosts';
import { parseWave } from '../migration/wave';
import type { Snapshot, SourceDevice } from '../sources/snapshot';
import { isWithin } from './percentage';

const instant = z.iso.datetime();
const platforms = z.enum(['darwin', 'ios', 'ipados', 'tvos', 'watchos', 'visionos']);

export const choiceSchema = z.discriminatedUnion('kind', [
  /** UDIDs as the source has them. */
  z.strictObject({ kind: z.literal('list'), udids: z.array(z.string().min(1)).min(1) }),
  z.strictObject({
    kind: z.literal('filter'),
    /** All that are given must hold. */
    platform: platforms.nullable(),
    /** In the device’s name, whatever its case. */
    nameContains: z.string().min(1).max(200).nullable(),
    /** Devices whose certificate ends before; those whose end is not known are counted by what an import writes. */
    certificateEndsBefore: instant.nullable(),
  }),
  /** A team’s name or id in Fleet; needs the devices’ rows in Fleet’s hosts. */
  z.strictObject({ kind: z.literal('team'), team: z.string().min(1).max(255) }),
  /** As mdmproxy’s own percentage. */
  z.strictObject({ kind: z.literal('percentage'), percentage: z.number().int().min(1).max(100) }),
  z.strictObject({ kind: z.literal('all') }),
]);

export type Choice = z.infer<typeof choiceSchema>;

/** What a choice is resolved against. */
export interface ChoiceFacts {
  readonly snapshot: Snapshot;
  /** Fleet’s teams and hosts; needed for a team alone. */
  readonly fleet: { readonly teams: readonly Team[]; readonly hosts: Hosts } | null;
}

/** An unknown end is written into Fleet as this long after the source’s newest contact. */
const UNKNOWN_END_MS = 30 * 86_400_000;

/** When a device’s certificate ends, milliseconds: known, or as it is written into Fleet when it is not. */
export function certificateEnd(device: SourceDevice, instantOfSource: number): number {
  return device.certificate?.notAfter ?? instantOfSource + UNKNOWN_END_MS;
}

/**
 * UDIDs a choice means, as the source has them. Those of a list that the source does not have are left out: they may
 * have been removed there since.
 * @throws fleet/unknown-team, fleet/ambiguous-team, wave/fleet-needed
 */
export function resolveChoice(choice: Choice, facts: ChoiceFacts): Set<string> {
  const test = testOf(choice, facts);
  const found = new Set<string>();
  for (const device of facts.snapshot.devices) {
    if (device.udid !== null && test(device, device.udid)) found.add(device.udid);
  }
  return found;
}

function testOf(choice: Choice, { snapshot, fleet }: ChoiceFacts): (device: SourceDevice, udid: string) => boolean {
  switch (choice.kind) {
    case 'all':
      return () => true;
    case 'percentage':
      return (_device, udid) => isWithin(udid, choice.percentage);
    case 'list': {
      const udids = new Set(choice.udids);
      return (_device, udid) => udids.has(udid);
    }
    case 'team': {
      if (fleet === null)
        return refused(
          'wave/fleet-needed',
          'A team can only be found out from Fleet.',
          'Connect to Fleet’s database first.',
        );
      const { id } = findTeam(fleet.teams, choice.team);
      return (_device, udid) => fleet.hosts.withUdid(udid).some(({ teamId }) => teamId === id);
    }
    case 'filter': {
      const { platform, nameContains, certificateEndsBefore } = choice;
      const name = nameContains?.toLowerCase() ?? null;
      const end = certificateEndsBefore === null ? null : Date.parse(certificateEndsBefore);
      return (device) =>
        (platform === null || device.platform === platform) &&
        (name === null || (device.name?.toLowerCase().includes(name) ?? false)) &&
        (end === null || certificateEnd(device, snapshot.instant) < end);
    }
  }
}

/** Kinds of choices as they are typed: each with one value. */
export const CHOICE_KINDS = ['list', 'percentage', 'team', 'platform', 'name', 'ending', 'all'] as const;
export type ChoiceKind = (typeof CHOICE_KINDS)[number];

const NO_FILTER = { kind: 'filter', platform: null, nameContains: null, certificateEndsBefore: null } as const;

/**
 * A choice from what was typed.
 * @param value list: UDIDs or serial numbers, one a line; percentage: 1 to 100; team: its name; platform; name: part of
 *   the device's; ending: an instant (RFC 3339); all: nothing
 * @throws usage/choice, usage/wave
 */
export function choiceFrom(kind: ChoiceKind, value: string, snapshot: () => Snapshot): Choice {
  const text = value.trim();
  switch (kind) {
    case 'all':
      return { kind };
    case 'list':
      return { kind, udids: [...parseWave(value, snapshot())] };
    case 'percentage':
      if (/^[1-9]\d?$|^100$/.test(text)) return { kind, percentage: Number(text) };
      return misused('usage/choice', `«${text.slice(0, 40)}» is no percentage.`, 'Give a whole number from 1 to 100.');
    case 'team':
      if (text !== '' && text.length <= 255) return { kind, team: text };
      return misused('usage/choice', 'The team of Fleet is not named.', 'Give its name or id.');
    case 'name':
      if (text !== '' && text.length <= 200) return { ...NO_FILTER, nameContains: text };
      return misused('usage/choice', 'Nothing was said to look for in names.', 'Give part of the devices’ names.');
    case 'platform': {
      const platform = platforms.safeParse(text);
      if (platform.success) return { ...NO_FILTER, platform: platform.data };
      return misused(
        'usage/choice',
        `«${text.slice(0, 40)}» is no platform.`,
        `Take one of ${platforms.options.join(', ')}.`,
      );
    }
    case 'ending': {
      const at = Date.parse(text);
      if (!Number.isNaN(at)) return { ...NO_FILTER, certificateEndsBefore: new Date(at).toISOString() };
      return misused('usage/choice', `«${text.slice(0, 40)}» is no day.`, 'Write it like 2026-12-24.');
    }
  }
}

/** The reverse, as far as it was typed this way: a filter of several parts gives its first. */
export function typedChoice(choice: Choice): { readonly kind: ChoiceKind; readonly value: string } {
  switch (choice.kind) {
    case 'all':
      return { kind: 'all', value: '' };
    case 'list':
      return { kind: 'list', value: choice.udids.join('\n') };
    case 'percentage':
      return { kind: 'percentage', value: String(choice.percentage) };
    case 'team':
      return { kind: 'team', value: choice.team };
    case 'filter': {
      const { platform, nameContains, certificateEndsBefore } = choice;
      if (platform !== null) return { kind: 'platform', value: platform };
      if (nameContains !== null) return { kind: 'name', value: nameContains };
      return certificateEndsBefore === null
        ? { kind: 'all', value: '' }
        : { kind: 'ending', value: certificateEndsBefore.slice(0, 10) };
    }
  }
}

/** A choice in words: `10 % of all devices`. */
export function describeChoice(choice: Choice): string {
  switch (choice.kind) {
    case 'all':
      return 'all devices';
    case 'percentage':
      return `${choice.percentage} % of all devices`;
    case 'list':
      return choice.udids.length === 1
        ? 'one device by name'
        : `${choice.udids.length.toLocaleString('en')} devices by name`;
    case 'team':
      return `the team ${choice.team}`;
    case 'filter': {
      const parts = [
        choice.platform,
        choice.nameContains === null ? null : `called «${choice.nameContains}»`,
        choice.certificateEndsBefore === null
          ? null
          : `with a certificate that ends before ${choice.certificateEndsBefore.slice(0, 10)}`,
      ].filter((part) => part !== null);
      return parts.length === 0 ? 'all devices' : `devices: ${parts.join(', ')}`;
    }
  }
}
