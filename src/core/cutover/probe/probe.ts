/** What a probe is: one question to the network, asked when the operator says so and never otherwise. */
import type { DnsServer } from '../dns/dns-client';
import type { DevicePaths, OldServer } from '../redirects/route';

export type ProbeStatus = 'pass' | 'warn' | 'fail' | 'skipped';

export interface ProbeResult {
  readonly id: string;
  readonly title: string;
  readonly status: ProbeStatus;
  /** Stable, `area/what`; the probe's id when it passed. */
  readonly code: string;
  readonly sentence: string;
  /** Empty when there is nothing to do. */
  readonly remedy: string;
  /** What was seen, line by line. */
  readonly facts: readonly string[];
}

/** Where something listens. */
export interface Place {
  readonly address: string;
  readonly port: number;
}

/** What is probed, and what is expected there. */
export interface ProbeSubject {
  /** The name devices call, and the port. */
  readonly host: string;
  readonly port: number;
  /**
   * The new place, by address: asked instead of what DNS says now, so that it can be looked at before the switch.
   * Null: whatever the name leads to.
   */
  readonly places: readonly Place[] | null;
  readonly oldServer: OldServer;
  readonly paths: DevicePaths;
  /** Fleet's own address; null when it was not given. */
  readonly fleetUrl: string | null;
  /** Fleet's instances one by one, past their load balancer. */
  readonly instances: readonly string[];
  /** PEM of a CA for Fleet's own address. */
  readonly fleetCaFile: string | null;
  /** SHA-256 of the SCEP CA that was carried over, lower-case hex; null when it is not known. */
  readonly caSha256: string | null;
  /** DER of the anchors the enrollment profile carries; null when no profile was given, empty when it has none. */
  readonly anchors: readonly Buffer[] | null;
  /** Resolvers to ask, in the order given; empty: those of this machine. */
  readonly resolvers: readonly DnsServer[];
  /** Port of authoritative servers; 53 everywhere but in tests. */
  readonly authoritativePort: number;
  /** Milliseconds for one question. */
  readonly timeout: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export interface Probe {
  readonly id: string;
  readonly title: string;
  /** Answers, or throws a FailureError, which becomes a failed result. */
  run(subject: ProbeSubject): Promise<ProbeAnswer>;
}

export type ProbeAnswer = Omit<ProbeResult, 'id' | 'title'>;

export function pass(id: string, sentence: string, facts: readonly string[] = []): ProbeAnswer {
  return { status: 'pass', code: id, sentence, remedy: '', facts };
}

export function warn(code: string, sentence: string, remedy: string, facts: readonly string[] = []): ProbeAnswer {
  return { status: 'warn', code, sentence, remedy, facts };
}

export function fail(code: string, sentence: string, remedy: string, facts: readonly string[] = []): ProbeAnswer {
  return { status: 'fail', code, sentence, remedy, facts };
}

export function skipped(sentence: string, remedy: string): ProbeAnswer {
  return { status: 'skipped', code: 'probe/skipped', sentence, remedy, facts: [] };
}
