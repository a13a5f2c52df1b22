/**
 * What main and the engine's thread say to each other: one table of methods, and the messages that carry them.
 *
 * Inputs may hold secrets (a password, an API key): they go one way only. Outputs are parsed by these schemas on
 * arrival, which strips whatever they do not name, so that nothing else ever reaches main, and through it the window.
 */
import { z } from 'zod';
import { calls } from '../../contract/calls';
import { assetsPlan, assetsResult, assetsUndone } from '../../contract/assets';
import { inspection, itemDifference, type PartFormat } from '../../contract/inspection';
import type { DeviceFilter, DeviceQuery } from '../../contract/devices';
import {
  applySummary,
  checkResult,
  fleetSummary,
  planSummary,
  sourceSummary,
  undoSummary,
  verifySummary,
} from '../../contract/state';
import type { Failure } from '../../core/failure';
import type { Progress } from '../../core/progress';

/** How a source is read. With `copy` that private copy is read again instead of the source itself. */
export interface SourceAccess {
  readonly reference: string;
  /** Folder for private copies. */
  readonly copies: string;
  readonly copy: { readonly path: string; readonly sha256: string } | null;
  readonly apiKey: string | null;
  readonly caFile: string | null;
  readonly pinSha256: string | null;
  readonly salvage: boolean;
  readonly sample: boolean;
}

/** How Fleet's database is reached. `sample`: a pretend Fleet for the bundled sample, no server anywhere. */
export type FleetAccess =
  | {
      readonly kind: 'mysql';
      readonly host: string;
      readonly port: number;
      readonly user: string;
      readonly database: string;
      readonly password: string | null;
      readonly tls: 'verify-identity' | 'verify-ca' | 'disabled';
      readonly caFile: string | null;
      readonly plaintextConfirmed: boolean;
    }
  | { readonly kind: 'sample' };

/** What the checks are given besides the source. */
export interface CheckAccess {
  readonly fleet: FleetAccess | null;
  readonly url: string | null;
  readonly urlCaFile: string | null;
  readonly token: string | null;
  readonly privateKey: string | null;
  readonly staging: boolean;
  readonly answers: Readonly<Record<string, { readonly by: string; readonly note: string }>>;
  readonly accepted: readonly string[];
}

export interface EngineInputs {
  readonly read: SourceAccess;
  /** Lets go of everything: source, plan, connection. */
  readonly forget: null;
  readonly query: DeviceQuery;
  readonly detail: { readonly id: string; readonly accepted: readonly string[]; readonly fleet: FleetAccess | null };
  readonly udids: DeviceFilter;
  /** `ids`: of the matching only these; null for all. */
  readonly exportCsv: {
    readonly filter: DeviceFilter;
    readonly ids: readonly string[] | null;
    readonly path: string;
  };
  /** Lays out more files and tries one more password; with neither, all is inspected anew. */
  readonly inspect: { readonly add: readonly string[]; readonly password: string | null };
  readonly inspected: null;
  readonly clearInspection: null;
  readonly compareItems: { readonly a: number; readonly b: number };
  readonly exportItem: {
    readonly item: number;
    readonly format: PartFormat;
    readonly password: string | null;
    readonly withChain: boolean;
    readonly path: string;
  };
  readonly exportItems: { readonly format: 'csv' | 'json'; readonly path: string };
  readonly planAssets: {
    readonly fleet: FleetAccess;
    readonly privateKey: string | null;
    readonly accepted: readonly string[];
  };
  readonly applyAssets: {
    readonly fleet: FleetAccess;
    readonly privateKey: string | null;
    readonly accepted: readonly string[];
    readonly planId: string;
    readonly rehearse: boolean;
    readonly reason: string | null;
    readonly journals: string;
    readonly tool: string;
  };
  readonly undoAssets: {
    readonly fleet: FleetAccess;
    readonly journal: string;
    readonly rehearse: boolean;
    readonly reason: string | null;
  };
  readonly certificate: { readonly host: string; readonly port: number; readonly caFile: string | null };
  readonly connect: { readonly fleet: FleetAccess };
  readonly disconnect: null;
  readonly check: CheckAccess;
  readonly plan: {
    readonly fleet: FleetAccess;
    readonly accepted: readonly string[];
    readonly reason: string | null;
    /** Folder the plan is written to. */
    readonly folder: string;
    readonly steps: readonly ('serials' | 'queue')[];
    /** Path of a team map. */
    readonly teamMap: string | null;
  };
  readonly openPlan: { readonly path: string };
  readonly sqlPage: {
    readonly offset: number;
    readonly limit: number;
    readonly search: string;
    readonly folder: string;
  };
  readonly saveSql: { readonly path: string; readonly undoPath: string | null };
  readonly apply: {
    readonly planPath: string;
    readonly rehearse: boolean;
    readonly source: SourceAccess;
    readonly check: CheckAccess & { readonly fleet: FleetAccess };
    readonly reason: string | null;
    readonly journals: string;
    readonly tool: string;
  };
  readonly verify: { readonly planPath: string; readonly fleet: FleetAccess; readonly accepted: readonly string[] };
  readonly undo: {
    readonly journal: string;
    readonly rehearse: boolean;
    readonly fleet: FleetAccess;
    readonly reason: string | null;
  };
  readonly journals: { readonly folder: string };
  readonly journalPage: { readonly path: string; readonly offset: number; readonly limit: number };
}

const copy = z.object({ path: z.string(), sha256: z.string() });
const checks = z.array(checkResult);
const nothing = z.null();
/** A plan, and the fingerprint of the source it was made from: by it main tells whether it is stale. */
const plan = z.object({ summary: planSummary, fingerprint: z.string() });

/** What each method gives back. */
export const engineOutputs = {
  read: z.object({ summary: sourceSummary, copy }),
  forget: nothing,
  query: calls['devices.query'].output,
  detail: calls['devices.detail'].output,
  udids: calls['devices.udids'].output,
  exportCsv: z.object({ devices: z.number() }),
  inspect: inspection.nullable(),
  inspected: inspection.nullable(),
  clearInspection: nothing,
  compareItems: z.array(itemDifference),
  exportItem: nothing,
  exportItems: z.object({ items: z.number() }),
  planAssets: assetsPlan,
  applyAssets: assetsResult,
  undoAssets: assetsUndone,
  certificate: calls['fleet.certificate'].output,
  connect: fleetSummary,
  disconnect: nothing,
  check: checks,
  plan,
  openPlan: plan,
  sqlPage: calls['plan.sql'].output,
  saveSql: z.object({ devices: z.number() }),
  /** `applied` is null when the checks, which are run again just before, hold it up. */
  apply: z.object({ checks, applied: applySummary.nullable(), verified: verifySummary.nullable() }),
  verify: verifySummary,
  undo: undoSummary,
  journals: calls['journal.list'].output,
  journalPage: calls['journal.read'].output,
} as const satisfies Record<keyof EngineInputs, z.ZodType>;

export type EngineMethod = keyof EngineInputs;
export type EngineInput<M extends EngineMethod> = EngineInputs[M];
export type EngineOutput<M extends EngineMethod> = z.infer<(typeof engineOutputs)[M]>;

/** To the engine's thread. */
export interface EngineRequest {
  readonly id: number;
  readonly method: EngineMethod;
  readonly input: unknown;
  /** See {@link JobControl}. */
  readonly control: SharedArrayBuffer;
}

/** From the engine's thread. `defect` carries where it happened, never a message that might quote a value. */
export type EngineReply =
  | { readonly id: number; readonly kind: 'progress'; readonly progress: Progress }
  | { readonly id: number; readonly kind: 'done'; readonly value: unknown }
  | { readonly id: number; readonly kind: 'failed'; readonly failure: Failure }
  | { readonly id: number; readonly kind: 'defect'; readonly trace: string };

const CANCEL = 0;
const PAUSE = 1;

/**
 * Pause and cancel in shared memory. Reading a file is synchronous for seconds: a message would only be heard once
 * it is over, a flag is seen at the next report of progress.
 */
export class JobControl {
  readonly #flags: Int32Array;

  constructor(readonly memory: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.#flags = new Int32Array(memory);
  }

  get cancelled(): boolean {
    return Atomics.load(this.#flags, CANCEL) !== 0;
  }

  get paused(): boolean {
    return Atomics.load(this.#flags, PAUSE) !== 0;
  }

  cancel(): void {
    Atomics.store(this.#flags, CANCEL, 1);
  }

  pause(paused: boolean): void {
    Atomics.store(this.#flags, PAUSE, paused ? 1 : 0);
  }
}
