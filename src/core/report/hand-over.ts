/**
 * The hand-over: what was moved, with proof for each device, what was not, who did what, and what must be kept alive.
 *
 * Pure: facts in, one document out, from which HTML, JSON and CSV are written. It holds no secret: nothing that is one
 * is among what it is made from.
 */
import type { DeviceStatus, WatchState } from '../watch/status';
import { conditionsOf, type Condition, type DecommissionFacts } from './decommission';
import { obligationsOf, type Obligation, type Owners } from './obligation';

/** What the report says of one device. */
export interface ReportedDevice {
  readonly udid: string;
  readonly serial: string | null;
  readonly name: string | null;
  readonly platform: string | null;
  readonly state: WatchState;
  /** Milliseconds since the epoch; null when there is none. */
  readonly provenAt: number | null;
  readonly proof: string | null;
  readonly importedAt: number | null;
  readonly lastContactSource: number | null;
  readonly certificateNotAfter: number | null;
  readonly wave: string | null;
  /** Why it did not move, or what has to be looked at: codes. */
  readonly reasons: readonly string[];
  /** Its row in the account of exceptions: who accepted that it stays behind, and why. */
  readonly accounted: { readonly by: string; readonly note: string } | null;
}

/** Facts about a certificate that matter for years. */
export interface KeptCertificate {
  readonly subject: string;
  readonly sha256: string;
  readonly notAfter: number;
}

/** One journal, told in a few lines. */
export interface JournalAccount {
  /** File name. */
  readonly name: string;
  /** SHA-256 of the file, lower-case hex. */
  readonly sha256: string;
  /** `devices`, `assets`, `waves`, `commands`. */
  readonly kind: string;
  readonly openedAt: number;
  readonly operator: string;
  readonly planId: string | null;
  readonly rehearsal: boolean;
  /** Sentences, oldest first; bounded by whoever gives them. */
  readonly sentences: readonly string[];
}

export interface ReportFacts {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly title: string;
  readonly preparedBy: string;
  readonly tool: string;
  readonly badge: 'unset' | 'staging' | 'production';
  readonly source: {
    readonly reference: string;
    readonly sha256: string | null;
    readonly txid: number | null;
    readonly instant: number;
    readonly devices: number;
  };
  readonly target: {
    readonly place: string;
    readonly generation: string;
    readonly migrationId: string | null;
    readonly fleetUrl: string | null;
  } | null;
  readonly host: string | null;
  readonly topic: string | null;
  readonly push: KeptCertificate | null;
  readonly scepCa: KeptCertificate | null;
  readonly abm: { readonly tokens: number; readonly expiry: string | null } | null;
  readonly devices: readonly ReportedDevice[];
  readonly journals: readonly JournalAccount[];
  /** Cautions and checks that were accepted or answered. */
  readonly acknowledged: readonly {
    readonly code: string;
    readonly by: string;
    readonly note: string;
  }[];
  readonly decommission: DecommissionFacts;
  readonly owners: Owners;
}

export interface HandOver {
  readonly schema: 1;
  readonly kind: 'slipway-report';
  readonly facts: ReportFacts;
  readonly counts: Readonly<Record<WatchState, number>> & {
    readonly devices: number;
    /** Neither migrated nor accounted for. */
    readonly open: number;
  };
  readonly conditions: readonly Condition[];
  readonly obligations: readonly Obligation[];
}

/** Puts the document together. */
export function handOver(facts: ReportFacts): HandOver {
  const counts = {
    'not-imported': 0,
    waiting: 0,
    migrated: 0,
    stale: 0,
    lost: 0,
    unknown: 0,
    devices: facts.devices.length,
    open: 0,
  };
  for (const device of facts.devices) {
    counts[device.state] += 1;
    if (!isSettled(device)) counts.open += 1;
  }
  return {
    schema: 1,
    kind: 'slipway-report',
    facts,
    counts,
    conditions: conditionsOf(facts, counts.open),
    obligations: obligationsOf(facts),
  };
}

/** Proven at Fleet, or somebody has put their name to its staying behind. */
export function isSettled({ state, accounted }: ReportedDevice): boolean {
  return state === 'migrated' || accounted !== null;
}

/** A device of the source with what was found out about it. */
export function reportedDevice(
  device: {
    readonly udid: string;
    readonly serial: string | null;
    readonly name: string | null;
    readonly platform: string | null;
  },
  status: DeviceStatus | null,
  more: {
    readonly wave: string | null;
    readonly reasons: readonly string[];
    readonly accounted: ReportedDevice['accounted'];
  },
): ReportedDevice {
  return {
    udid: device.udid,
    serial: device.serial,
    name: device.name,
    platform: device.platform,
    state: status?.state ?? 'unknown',
    provenAt: status?.proof?.at ?? null,
    proof: status?.proof?.sentence ?? null,
    importedAt: status?.importedAt ?? null,
    lastContactSource: status?.lastContactSource ?? null,
    certificateNotAfter: status?.certificateNotAfter ?? null,
    wave: more.wave,
    reasons: [...new Set([...more.reasons, ...(status?.attention.map(({ code }) => code) ?? [])])],
    accounted: more.accounted,
  };
}
