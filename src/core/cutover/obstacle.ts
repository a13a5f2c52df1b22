/** What holds a wave up: conditions of the ladder, certificates that would end on the way, commands that would be lost. */
import { counted, dateOf } from '../migration/checks/check';
import type { Judgement } from '../migration/verdict';
import type { Snapshot } from '../sources/snapshot';
import { certificateEnd } from './choice';
import type { EntryConditions, Ladder } from './ladder';

/** One thing that holds a wave up. */
export interface Obstacle {
  /** `entry-not-met`, `ladder-outlasts-certificates`, `commands-waiting`, … */
  readonly code: string;
  readonly sentence: string;
  readonly remedy: string;
  /** It can be accepted by its code. */
  readonly overridable: boolean;
  readonly devices: readonly string[];
}

/** Counts of the wave before, as the watch has them. */
export interface EntryFacts {
  readonly size: number;
  readonly migrated: number;
  readonly attention: number;
}

/** Devices whose certificate ends within this after the ladder are in danger: renewal is off until then. */
const CERTIFICATE_MARGIN_MS = 14 * 86_400_000;

/**
 * The wave before has not arrived yet.
 * @param facts null when nobody could say how it stands: then nothing is known of it
 */
export function entryObstacle(before: string, entry: EntryConditions, facts: EntryFacts | null): Obstacle | null {
  const usual = {
    code: 'entry-not-met',
    overridable: true,
    devices: [],
    remedy: 'Wait, wake its devices, and look at those that stay behind; or accept it by name.',
  };
  const asked = `${Math.round(entry.migrated * 100)} % migrated and at most ${entry.attention} needing attention`;
  if (facts === null)
    return {
      ...usual,
      sentence: `How the wave «${before}» stands is not known; this one asks for ${asked}.`,
      remedy: 'Ask Fleet how its devices stand, then try again; or accept it by name.',
    };
  if (facts.size === 0) return null;
  const share = facts.migrated / facts.size;
  if (share >= entry.migrated && facts.attention <= entry.attention) return null;
  return {
    ...usual,
    sentence: `Of the wave «${before}» ${facts.migrated.toLocaleString('en')} of ${counted(facts.size, 'device')} (${Math.floor(share * 100)} %) have migrated and ${facts.attention.toLocaleString('en')} need attention; this one asks for ${asked}.`,
  };
}

/** Devices that go in and whose certificate the ladder would outlast. */
export function outlasted(snapshot: Snapshot, judgement: Judgement, ends: number): string[] {
  return judgement.devices.flatMap(({ device, verdict }) =>
    device.udid !== null &&
    verdict !== 'blocked' &&
    certificateEnd(device, snapshot.instant) - CERTIFICATE_MARGIN_MS < ends
      ? [device.udid]
      : [],
  );
}

/**
 * Certificates would end while Fleet’s renewal is off.
 * @param gone devices that are at Fleet already, or move with this wave
 */
export function certificateObstacle(
  ladder: Pick<Ladder, 'ends'>,
  snapshot: Snapshot,
  judgement: Judgement,
  gone: ReadonlySet<string>,
): Obstacle | null {
  const ends = Date.parse(ladder.ends);
  const devices = outlasted(snapshot, judgement, ends).filter((udid) => !gone.has(udid));
  if (devices.length === 0) return null;
  return {
    code: 'ladder-outlasts-certificates',
    sentence: `The ladder ends on ${dateOf(ends)}, and ${counted(devices.length, 'device has', 'devices have')} a certificate that ends within 14 days of that or before: nobody renews it meanwhile.`,
    remedy: 'Let these devices go first, or end the ladder earlier.',
    overridable: false,
    devices,
  };
}

/** Commands at the old server that must not be lost: an erase, a lock, the removal of the enrollment. */
export function dangerObstacle(judgement: Judgement, wave: ReadonlySet<string>): Obstacle | null {
  const devices = judgement.devices.flatMap(({ device, reasons }) =>
    device.udid !== null && wave.has(device.udid) && reasons.some(({ code }) => code === 'pending-command')
      ? [device.udid]
      : [],
  );
  if (devices.length === 0) return null;
  return {
    code: 'commands-waiting',
    sentence: `For ${counted(devices.length, 'device')} of this wave the old server still holds an erase, a lock, lost mode, the removal of a profile or the enrollment profile; at the switch these would silently vanish.`,
    remedy:
      'Let the old server deliver them, or clear them there. Accepted by name, these devices stay behind and the others move.',
    overridable: true,
    devices,
  };
}
