/** Findings about devices after their migration: what Fleet's tables say that will bite later, and how it is put right. */
import type { Failure } from '../../failure';
import type { FleetConnection, Value } from '../../fleet/connection';
import type { ProbedSchema } from '../../fleet/probe';

/** One device a finding is about. */
export interface HealthSubject {
  readonly udid: string;
  /** Fleet's name for it; null: no host, or no name. */
  readonly host: string | null;
  /** What is the case with it, a few words. */
  readonly detail: string;
}

export interface HealthFinding {
  /** Stable. */
  readonly code: HealthCode;
  readonly title: string;
  /** `error`: devices will be lost or cut off. `warning`: something does not work for them. */
  readonly severity: 'error' | 'warning';
  readonly count: number;
  /** What it means here. */
  readonly sentence: string;
  readonly remedy: string;
  /** Statements or requests for somebody else to run, after a look: never run by this program. */
  readonly commands: readonly string[];
  /** At most {@link LISTED_SUBJECTS}. */
  readonly devices: readonly HealthSubject[];
}

export type HealthCode =
  | 'migration-flag-sticks'
  | 'expiry-unknown'
  | 'no-host'
  | 'renewal-stuck'
  | 'host-not-imported'
  | 'duplicate-hosts'
  | 'profiles-pending'
  | 'profiles-failed'
  | 'disk-key-missing'
  | 'bootstrap-token-missing'
  | 'awaiting-configuration';

/** A part of the examination that could not be made. */
export interface NotExamined {
  readonly code: HealthCode;
  readonly title: string;
  /** Why not: a right this account lacks, a table this Fleet does not have, or that nothing hangs on it here. */
  readonly sentence: string;
}

export interface HealthReport {
  /** Fleet's clock, milliseconds since the epoch. */
  readonly at: number;
  readonly findings: readonly HealthFinding[];
  /** Titles of what was looked at and found well. */
  readonly well: readonly string[];
  readonly notExamined: readonly NotExamined[];
  /** GRANT statements that would let this account examine the rest; empty when it lacks none. */
  readonly grants: readonly string[];
}

export const LISTED_SUBJECTS = 200;

/** What an examination has at hand. */
export interface HealthContext {
  readonly connection: FleetConnection;
  readonly schema: ProbedSchema;
  /** Fleet's clock, milliseconds since the epoch. */
  readonly now: number;
  /** Profiles that wait longer than this many hours are told. */
  readonly pendingHours: number;
  /** Runs one bounded SELECT. */
  readonly ask: <T extends object>(text: string, params?: readonly Value[]) => Promise<T[]>;
  /** When the certificate of a device ends by the source's word, milliseconds; null: not known. */
  readonly sourceNotAfter: (udid: string) => number | null;
}

/** One examination. Null: nothing found. A text: nothing to examine here, and why. */
export interface Examination {
  readonly code: HealthCode;
  readonly title: string;
  readonly needs: readonly string[];
  readonly examine: (context: HealthContext) => Promise<HealthFinding | string | null>;
}

/** Why an examination was not made. */
export function notExamined({ code, title }: Examination, failure: Failure): NotExamined {
  return { code, title, sentence: failure.message };
}

/** A text in SQL, quoted for a session with MySQL's own escapes. */
export function sqlText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}

/** `id IN ('…', …)` over the devices listed, cut where a terminal would be flooded. */
export function idList(devices: readonly HealthSubject[], most = 50): string {
  return devices
    .slice(0, most)
    .map(({ udid }) => sqlText(udid))
    .join(', ');
}
