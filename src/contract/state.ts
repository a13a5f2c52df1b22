/**
 * What the window knows: one state, pushed whole by the main process whenever it changes.
 *
 * It is small on purpose. Everything that may be long (devices, rows, SQL, journal entries) is asked for in portions
 * by a call. Nothing here is a secret; what was typed once never comes back.
 */
import { z } from 'zod';
import { controlsSettings } from './controls';
import { cutoverSettings, probeRound } from './cutover';
import { reportSettings } from './report';
import { SOURCE_SECRET_KINDS } from './source-secrets';
import { MOST_WAYS, sourceWay } from './source-ways';
import { watchSettings, watchSummary } from './watch';
import { wavesSummary } from './waves';
import { STEPS } from './step-names';

export { STEPS, type StepName } from './step-names';

/** A time: milliseconds since the epoch. */
const instant = z.number();

const failure = z.object({ code: z.string(), message: z.string(), remedy: z.string() });

/** What went wrong at a step. */
const stepFailure = failure.extend({
  /** Facts the window shows beside it: a host key’s fingerprint, the wrong cells of a table. Never a secret. */
  detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).optional(),
});

const stepName = z.enum(STEPS);

/** `stale`: its input changed since. `attention`: something must be looked at; `count` says how much. */
const stepState = z.object({
  state: z.enum(['empty', 'done', 'attention', 'running', 'stale']),
  count: z.number().nullable(),
  /** One short sentence for the rail's tooltip and for screen readers. */
  sentence: z.string(),
});

/** Secrets an operator may type. They go to main and never come back. */
export const SECRET_KINDS = [
  ...SOURCE_SECRET_KINDS,
  'fleet-password',
  'fleet-token',
  'server-private-key',
  'scep-challenge',
  'proxy-token',
] as const;
export const secretKind = z.enum(SECRET_KINDS);

/** What is saved in a workspace: no secret, ever. */
export const settings = z.object({
  /** What the target is; unset until the operator says so. */
  badge: z.enum(['unset', 'staging', 'production']),
  source: z.object({
    /** `micromdm:PATH`, `nanomdm:mysql://…`, `several:[…]`; empty until chosen. */
    reference: z.string(),
    /** Of the first source. */
    caFile: z.string(),
    pinSha256: z.string(),
    /** Reads on over damage, and from the older meta page if need be. */
    salvage: z.boolean(),
    /** How each of its sources is reached, in the order they were added; empty until one was read. */
    ways: z.array(sourceWay).max(MOST_WAYS),
    /** SSH host keys that were compared and trusted here: `SHA256:…` by `host` or `[host]:port`. Changed by main alone. */
    hostKeys: z.record(z.string(), z.string()),
  }),
  fleet: z.object({
    host: z.string(),
    port: z.number().int().min(1).max(65_535),
    user: z.string(),
    database: z.string(),
    tls: z.enum(['verify-identity', 'verify-ca', 'disabled']),
    caFile: z.string(),
    /** Typed confirmation that a connection to another machine may be unencrypted. */
    plaintextConfirmed: z.boolean(),
    url: z.string(),
    urlCaFile: z.string(),
  }),
  /** Cautions and checks accepted by code, and why. */
  accepted: z.array(z.string()),
  reason: z.string(),
  /** Checks a person answered for. */
  answers: z.record(z.string(), z.object({ by: z.string(), note: z.string() })),
  /** What a plan does besides the devices’ rows. */
  planning: z.object({
    /** Lifts Fleet’s certificate serials above the old CA’s. */
    serials: z.boolean(),
    /** Switches commands of an earlier import off. */
    queue: z.boolean(),
    /** Path of a team map; empty for none. */
    teamMap: z.string().max(4096),
  }),
  /** What is typed for the switch. */
  cutover: cutoverSettings,
  /** What is typed for profiles and agent. */
  controls: controlsSettings,
  watch: watchSettings,
  /** What is typed for the report. */
  report: reportSettings,
  /** Saved filters of the device table. */
  filters: z.array(z.object({ name: z.string(), query: z.string() })),
});

const verdictCounts = z.object({ ready: z.number(), caution: z.number(), blocked: z.number() });

const finding = z.object({
  code: z.string(),
  severity: z.enum(['info', 'warning', 'error']),
  detail: z.string(),
  subjects: z.array(z.string()),
});

/** A certificate's facts, for people. */
const certificateFacts = z.object({
  subject: z.string(),
  sha256: z.string(),
  notBefore: instant,
  notAfter: instant,
  keyMatches: z.boolean(),
});

/** What was read from the source. */
export const sourceSummary = z.object({
  reference: z.string(),
  kind: z.string(),
  /** Where it lies, for people. */
  path: z.string(),
  /** Each of several sources, with its devices; empty for a single one. */
  parts: z.array(z.object({ number: z.number(), reference: z.string(), kind: z.string(), devices: z.number() })),
  sha256: z.string().nullable(),
  txid: z.number().nullable(),
  size: z.number().nullable(),
  retries: z.number(),
  readAt: instant,
  /** The newest contact in the source. */
  instant,
  fingerprint: z.string(),
  counts: verdictCounts.extend({ devices: z.number(), withoutUdid: z.number() }),
  /** Devices by platform and verdict: the stacked bar. */
  platforms: z.array(verdictCounts.extend({ platform: z.string() })),
  scepCa: certificateFacts.nullable(),
  push: certificateFacts.extend({ topic: z.string().nullable() }).nullable(),
  profiles: z.array(z.object({ identifier: z.string(), displayName: z.string().nullable(), signed: z.boolean() })),
  /** Certificates ending per month, soonest first: `2026-12`. */
  expiries: z.array(z.object({ month: z.string(), count: z.number() })),
  /** Every reason code with its count, weight and sentence, worst first. */
  reasons: z.array(
    z.object({
      code: z.string(),
      severity: z.enum(['note', 'caution', 'block']),
      sentence: z.string(),
      remedy: z.string(),
      count: z.number(),
    }),
  ),
  findings: z.array(finding),
  /** True for the bundled sample. */
  sample: z.boolean(),
});

/** What the target said on connecting. */
export const fleetSummary = z.object({
  host: z.string(),
  port: z.number(),
  database: z.string(),
  user: z.string(),
  connectedAt: instant,
  version: z.string(),
  serverUuid: z.string(),
  /** Null: unencrypted. */
  tlsCipher: z.string().nullable(),
  readOnly: z.boolean(),
  generation: z.string(),
  migrationId: z.string().nullable(),
  unknownColumns: z.array(z.string()),
  triggers: z.array(z.string()),
  grants: z.object({
    account: z.string(),
    /** `INSERT on nano_devices`, with what it is for. */
    missing: z.array(z.object({ privilege: z.string(), table: z.string(), purpose: z.string() })),
    statements: z.array(z.string()),
    excessive: z.array(z.string()),
  }),
  /** Rows that stand there now. */
  enrollments: z.object({ all: z.number(), migrated: z.number(), native: z.number() }),
  hosts: z.number(),
});

export const checkResult = z.object({
  id: z.string(),
  phase: z.enum(['source', 'certificates', 'target', 'network', 'after']),
  title: z.string(),
  status: z.enum(['pass', 'warn', 'fail', 'skipped']),
  code: z.string(),
  sentence: z.string(),
  remedy: z.string(),
  overridable: z.boolean(),
  subjects: z.array(z.string()),
  commands: z.array(z.string()),
  /** Holds apply up now. */
  blocking: z.boolean(),
  acknowledgedBy: z.string().nullable(),
});

export const ACTIONS = ['insert', 'refresh', 'keep', 'held', 'blocked'] as const;
const actionCounts = z.object({
  insert: z.number(),
  refresh: z.number(),
  keep: z.number(),
  held: z.number(),
  blocked: z.number(),
});

export const planSummary = z.object({
  id: z.string(),
  path: z.string(),
  madeAt: instant,
  /** The instant its source was judged at. */
  at: instant,
  counts: actionCounts.extend({ devices: z.number(), unchanged: z.number(), withoutUdid: z.number() }),
  target: z.object({ host: z.string(), port: z.number(), database: z.string(), generation: z.string() }),
  accepted: z.array(z.string()),
  reason: z.string().nullable(),
  /** Why devices are held or blocked: code, sentence, count. */
  reasons: z.array(
    z.object({ code: z.string(), sentence: z.string(), remedy: z.string(), count: z.number(), held: z.boolean() }),
  ),
  queueLeftovers: z.number(),
  /** The plan switches them off. */
  queueChosen: z.boolean(),
  /** Devices it places in a team of Fleet. */
  placed: z.number(),
  serials: z.object({ sourceNext: z.string(), targetNext: z.string(), lifted: z.string() }).nullable(),
  /** Why it is stale: the source or the target was read anew since; null while it is fresh. */
  stale: z.string().nullable(),
});

const heldDevice = z.object({ udid: z.string(), code: z.string(), sentence: z.string() });

export const verifySummary = z.object({
  at: instant,
  counts: z.object({
    devices: z.number(),
    rows: z.number(),
    same: z.number(),
    differs: z.number(),
    missing: z.number(),
    extra: z.number(),
    touchedSince: z.number(),
  }),
  compared: z.string(),
  /** Bounded. */
  devices: z.array(z.object({ udid: z.string(), state: z.string(), columns: z.array(z.string()) })),
});

export const applySummary = z.object({
  rehearsal: z.boolean(),
  state: z.enum(['complete', 'stopped']),
  finishedAt: instant,
  journal: z.string(),
  counts: z.object({
    planned: z.number(),
    inserted: z.number(),
    refreshed: z.number(),
    unchanged: z.number(),
    already: z.number(),
    held: z.number(),
    left: z.number(),
  }),
  /** Bounded to 200. */
  held: z.array(heldDevice),
  notes: z.array(z.string()),
});

export const undoSummary = z.object({
  rehearsal: z.boolean(),
  state: z.enum(['complete', 'stopped']),
  finishedAt: instant,
  journal: z.string(),
  counts: z.object({ journaled: z.number(), removed: z.number(), gone: z.number(), left: z.number() }),
  left: z.array(heldDevice),
  notes: z.array(z.string()),
});

const JOB_KINDS = [
  'read',
  'connect',
  'check',
  'plan',
  'rehearse',
  'apply',
  'verify',
  'undo',
  'save',
  'assets',
  'keys',
  'backup',
  'controls',
  'agent',
  'wave',
  'move',
] as const;

/** The one long piece of work under way. */
const job = z.object({
  kind: z.enum(JOB_KINDS),
  label: z.string(),
  done: z.number(),
  total: z.number().nullable(),
  startedAt: instant,
  /** Units a second, once it can be told. */
  rate: z.number().nullable(),
  secondsLeft: z.number().nullable(),
  paused: z.boolean(),
  canPause: z.boolean(),
  canCancel: z.boolean(),
});

export const appState = z.object({
  /** Raised by one with each push: the window ignores an older one that arrives late. */
  revision: z.number(),
  workspace: z.object({ name: z.string(), path: z.string(), settings }).nullable(),
  steps: z.record(stepName, stepState),
  /** Which secrets main holds, and whether they may be remembered on this machine. */
  secrets: z.object({
    held: z.array(secretKind),
    remembered: z.array(secretKind),
    /** Null when this machine can keep secrets; else why it cannot. */
    cannotRemember: z.string().nullable(),
  }),
  source: sourceSummary.nullable(),
  fleet: fleetSummary.nullable(),
  checks: z.object({ at: instant, results: z.array(checkResult), stale: z.boolean() }).nullable(),
  plan: planSummary.nullable(),
  rehearsal: applySummary.nullable(),
  applied: applySummary.nullable(),
  verified: verifySummary.nullable(),
  undone: undoSummary.nullable(),
  /** When the report was last written; null: never. */
  reportedAt: instant.nullable(),
  /** The last round of probes. */
  probes: probeRound.nullable(),
  waves: wavesSummary,
  /** When profiles were compared, and when Fleet was asked for its agents; null: not in this session. */
  controlsAt: instant.nullable(),
  agentAt: instant.nullable(),
  /** Null until devices are watched for the first time. */
  watch: watchSummary.nullable(),
  job: job.nullable(),
  /** What went wrong last, by step: it stays until that step is tried again. */
  failures: z.partialRecord(stepName, stepFailure),
});

export type AppState = z.infer<typeof appState>;
export type StepState = z.infer<typeof stepState>;
export type SecretKind = z.infer<typeof secretKind>;
export type Settings = z.infer<typeof settings>;
export type SourceSummary = z.infer<typeof sourceSummary>;
export type FleetSummary = z.infer<typeof fleetSummary>;
export type CheckRow = z.infer<typeof checkResult>;
export type PlanSummary = z.infer<typeof planSummary>;
export type ApplySummary = z.infer<typeof applySummary>;
export type VerifySummary = z.infer<typeof verifySummary>;
export type UndoSummary = z.infer<typeof undoSummary>;
export type Job = z.infer<typeof job>;
export type FailureShown = z.infer<typeof failure>;
export type StepFailure = z.infer<typeof stepFailure>;
