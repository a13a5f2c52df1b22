/**
 * Who is watched, and what Slipway itself knows of each: the source's devices, what the plan does with them, when their
 * rows were written, when their route was switched. Looked up when asked, so that nothing is kept twice.
 */
import { foldId } from '../fleet/device-rows';
import { findJournals, type JournalLine } from '../migration/journal';
import type { Plan, PlanDevice } from '../migration/plan';
import type { Snapshot, SourceDevice } from '../sources/snapshot';
import type { OwnEvidence, SourceEvidence } from './status';

/** When a device's route was switched, and with which wave. */
export interface Switched {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly wave: string;
}

export interface RosterInput {
  /** The newest reading of the source; null: none. */
  readonly snapshot?: Snapshot | null;
  readonly plan?: Plan | null;
  /** What the plan's rows were derived from, where that is another reading than `snapshot`. */
  readonly planned?: Snapshot | null;
  /** From {@link writtenTimes}. Null: no journal was looked at. */
  readonly written?: ReadonlyMap<string, number> | null;
  readonly switched?: ReadonlyMap<string, Switched>;
}

const NOTHING: ReadonlyMap<string, Switched> = new Map();
const NO_CONTACTS: readonly number[] = [];
const NO_REASONS: OwnEvidence['reasons'] = [];

/** The devices that are watched. Without source, plan and waves it has no list: whatever Fleet has is watched. */
export class Roster {
  readonly #source = new Map<string, SourceDevice>();
  readonly #planned = new Map<string, SourceDevice>();
  readonly #plan: ReadonlyMap<string, PlanDevice>;
  readonly #remedies: Readonly<Record<string, string>>;
  readonly #written: ReadonlyMap<string, number> | null;
  readonly #switched: ReadonlyMap<string, Switched>;
  readonly #udids: readonly string[] | null;

  constructor({ snapshot, plan, planned, written, switched }: RosterInput) {
    for (const device of snapshot?.devices ?? []) if (device.udid !== null) this.#source.set(device.udid, device);
    for (const device of planned?.devices ?? []) if (device.udid !== null) this.#planned.set(device.udid, device);
    this.#plan = new Map(plan?.devices.map((device) => [device.udid, device]));
    this.#remedies = plan?.remedies ?? {};
    this.#written = written ?? null;
    this.#switched = switched ?? NOTHING;
    const lists = snapshot != null || plan != null || planned != null;
    // Two records of one id, differing in case only, are one device to Fleet.
    const seen = new Map<string, string>();
    for (const udid of [...this.#source.keys(), ...this.#plan.keys(), ...this.#planned.keys()]) {
      if (!seen.has(foldId(udid))) seen.set(foldId(udid), udid);
    }
    this.#udids = lists ? [...seen.values()] : null;
  }

  /** Null: no list. */
  get udids(): readonly string[] | null {
    return this.#udids;
  }

  /** The record of the source; null for a device that is known from elsewhere. */
  device(udid: string): SourceDevice | null {
    return this.#source.get(udid) ?? this.#planned.get(udid) ?? null;
  }

  serial(udid: string): string | null {
    return this.device(udid)?.serial ?? this.#plan.get(udid)?.serial ?? null;
  }

  name(udid: string): string | null {
    return this.device(udid)?.name ?? this.#plan.get(udid)?.name ?? null;
  }

  wave(udid: string): string | null {
    return this.#switched.get(udid)?.wave ?? null;
  }

  /** When the first of these was switched; null: none of them. */
  switchedAt(udids: readonly string[]): number | null {
    let first: number | null = null;
    for (const udid of udids) {
      const at = this.#switched.get(udid)?.at;
      if (at !== undefined && (first === null || at < first)) first = at;
    }
    return first;
  }

  /** The switched devices of each wave, in the order of their switch. */
  waves(): Map<string, string[]> {
    const waves = new Map<string, string[]>();
    for (const [udid, { wave }] of this.#switched) {
      const list = waves.get(wave);
      if (list === undefined) waves.set(wave, [udid]);
      else list.push(udid);
    }
    return waves;
  }

  source(udid: string): SourceEvidence | null {
    const device = this.#source.get(udid) ?? this.#planned.get(udid);
    if (device === undefined) return null;
    return {
      lastSeen: millisecondsOf(device),
      certificateSha256: device.certificate?.sha256 ?? null,
      platform: device.platform,
    };
  }

  own(udid: string): OwnEvidence | null {
    const planned = this.#plan.get(udid);
    const switched = this.#switched.get(udid);
    if (planned === undefined && switched === undefined && this.#written === null) return null;
    const contact = this.#planned.get(udid) ?? this.#source.get(udid);
    const seen = contact === undefined ? null : millisecondsOf(contact);
    return {
      action: planned?.action ?? null,
      reasons:
        planned === undefined || planned.reasons.length === 0
          ? NO_REASONS
          : planned.reasons
              .filter(({ severity }) => severity !== 'note')
              .map(({ code, sentence }) => ({ code, sentence, remedy: this.#remedies[code] ?? '' })),
      writtenAt: this.#written?.get(udid) ?? null,
      switchedAt: switched?.at ?? null,
      writtenContacts: seen === null ? NO_CONTACTS : [seen],
    };
  }
}

function millisecondsOf({ lastSeen }: SourceDevice): number | null {
  return lastSeen === null ? null : Number(lastSeen / 1_000_000n);
}

/** When each device's rows were last written, by what the journals of applies in a folder say; what was undone is out. */
export async function writtenTimes(folder: string): Promise<ReadonlyMap<string, number>> {
  const written = new Map<string, number>();
  for (const { content } of await findJournals(folder)) takeJournal(content.lines, written);
  return written;
}

function takeJournal(lines: readonly JournalLine[], written: Map<string, number>): void {
  const intents = new Map<number, readonly string[]>();
  const undoing = new Map<number, readonly string[]>();
  for (const line of lines) {
    if (line.kind === 'intent') {
      intents.set(
        line.batch,
        line.devices.map(({ udid }) => udid),
      );
    } else if (line.kind === 'undo-intent') undoing.set(line.batch, line.udids);
    // A commit whose outcome is unknown may have happened: later is the safer T.
    else if (line.kind === 'outcome' && (line.outcome === 'committed' || line.outcome === 'unknown')) {
      for (const udid of intents.get(line.batch) ?? []) written.set(udid, Date.parse(line.at));
    } else if (line.kind === 'undo-outcome' && line.outcome === 'committed') {
      for (const udid of undoing.get(line.batch) ?? []) written.delete(udid);
    }
  }
}
