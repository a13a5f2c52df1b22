/**
 * A preflight check: one question about source, certificates, target or network, answered with a sentence and a remedy.
 *
 * A new check is one object in the file of its phase (or in a file of its own) and one line in the table of `index`.
 */
import type { Failure } from '../../failure';
import type { FleetConnection } from '../../fleet/connection';
import type { AccountRole } from '../../fleet/grants';
import type { ProbedSchema } from '../../fleet/probe';
import type { Secret } from '../../secret';
import type { Snapshot } from '../../sources/snapshot';
import type { Judgement } from '../verdict';
import type { Facts } from './facts';

/** When a check matters, in the order checks are shown. */
export type Phase = 'source' | 'certificates' | 'target' | 'network' | 'after';

export const PHASES: readonly Phase[] = ['source', 'certificates', 'target', 'network', 'after'];

export type CheckStatus = 'pass' | 'warn' | 'fail' | 'skipped';

/** Who confirmed what no program can see. Keyed by the id of the check. */
export type Acknowledgements = Readonly<Record<string, Acknowledgement | undefined>>;

export interface Acknowledgement {
  /** Name of the person. */
  readonly by: string;
  /** What they say: where the backup is, which value was set. May be empty. */
  readonly note: string;
}

/** What checks look at. Without `fleet`, `fleetUrl` and so on the checks that need them are skipped and say so. */
export interface CheckContext {
  readonly snapshot: Snapshot;
  readonly judgement: Judgement;
  /** The clock, milliseconds since the epoch. */
  readonly at: number;
  readonly fleet?: { readonly connection: FleetConnection; readonly schema: ProbedSchema } | undefined;
  /** Why there is no `fleet` although an address was given: connecting or probing failed. */
  readonly fleetFailure?: Failure | undefined;
  /** FLEET_SERVER_PRIVATE_KEY. */
  readonly privateKey?: Secret | undefined;
  /** Fleet's HTTPS side. */
  readonly fleetUrl?: string | undefined;
  readonly fleetCaFile?: string | undefined;
  readonly fleetToken?: Secret | undefined;
  /** The target is a staging server: it must not be able to push production's devices. */
  readonly staging: boolean;
  readonly answers: Acknowledgements;
  /** What the account is meant for. Default `writer`. */
  readonly accountRole?: AccountRole | undefined;
}

/** The answer of one check. */
export interface CheckResult {
  readonly id: string;
  readonly phase: Phase;
  readonly title: string;
  readonly status: CheckStatus;
  /** Stable. Equal to the id when passed or skipped; else what was found, and what `--accept` takes. */
  readonly code: string;
  /** What is the case and why it matters. */
  readonly sentence: string;
  /** What to do; empty when there is nothing. */
  readonly remedy: string;
  /** A failed check that may be accepted by its code, with a reason. */
  readonly overridable: boolean;
  /** UDIDs, tables or names it is about: at most {@link MOST_SUBJECTS}, the sentence has the count. */
  readonly subjects?: readonly string[];
  /** Statements or commands to run, one per line, to be copied as they are. Never a secret. */
  readonly commands?: readonly string[];
  /** Who acknowledged it. */
  readonly acknowledgedBy?: string;
}

export const MOST_SUBJECTS = 50;

/** What a check needs besides the snapshot. */
export type Need = 'fleet' | 'private-key' | 'fleet-url' | 'fleet-token';

export interface Check {
  readonly id: string;
  readonly phase: Phase;
  readonly title: string;
  readonly needs: readonly Need[];
  run(facts: Facts): Outcome | Promise<Outcome>;
}

/** What a check found, before id, phase and title are added. */
export interface Outcome {
  readonly status: CheckStatus;
  readonly code?: string;
  readonly sentence: string;
  readonly remedy: string;
  readonly overridable: boolean;
  readonly subjects?: readonly string[];
  readonly commands?: readonly string[];
  readonly acknowledgedBy?: string;
}

/** Things an outcome may carry besides its sentence. */
export type Attachment = Pick<Outcome, 'subjects' | 'commands' | 'acknowledgedBy'>;

export function pass(sentence: string, attachment: Attachment = {}): Outcome {
  return { status: 'pass', sentence, remedy: '', overridable: false, ...attachment };
}

/** Worth a look, does not hold anything up. */
export function warn(code: string, sentence: string, remedy: string, attachment: Attachment = {}): Outcome {
  return { status: 'warn', code, sentence, remedy, overridable: false, ...attachment };
}

/** Holds apply up, for good: nothing that can be accepted. */
export function fail(code: string, sentence: string, remedy: string, attachment: Attachment = {}): Outcome {
  return { status: 'fail', code, sentence, remedy, overridable: false, ...attachment };
}

/** Holds apply up until it is accepted by its code. */
export function hold(code: string, sentence: string, remedy: string, attachment: Attachment = {}): Outcome {
  return { status: 'fail', code, sentence, remedy, overridable: true, ...attachment };
}

export function skip(sentence: string, remedy = ''): Outcome {
  return { status: 'skipped', sentence, remedy, overridable: false };
}

/** `1 device`, `5,000 devices`; the plural is given where it is not the singular with an s. */
export function counted(count: number, singular: string, plural = `${singular}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? singular : plural}`;
}

export const DAY_MS = 86_400_000;

/** `2026-10-04`, UTC. */
export function dateOf(milliseconds: number): string {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? 'an impossible date' : date.toISOString().slice(0, 10);
}
