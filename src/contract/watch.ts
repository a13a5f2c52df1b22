/** Watching devices after the switch: what the window is told, and what it may ask for. */
import { z } from 'zod';

/** As the engine judges them (core/watch/status). */
const WATCH_STATES = ['not-imported', 'waiting', 'migrated', 'stale', 'lost', 'unknown'] as const;
export const watchState = z.enum(WATCH_STATES);

const PROOF_KINDS = ['poll', 'token-update', 'authenticate', 'command-result', 'api-contact', 'api-answer'] as const;
const proofKind = z.enum(PROOF_KINDS);

/** A filter that stands for every attention. */
export const ANY_ATTENTION = 'any';

const instant = z.number();
const failure = z.object({ code: z.string(), message: z.string(), remedy: z.string() });

/** How the window watches; saved in the workspace. */
export const watchSettings = z.object({
  /** Seconds between two looks. */
  interval: z.number().int().min(5).max(3_600),
  /** Days after which a silent migrated device is stale. */
  staleDays: z.number().min(1).max(365),
  /** Days after which a switched device that has not been heard of needs attention. */
  silentDays: z.number().min(1).max(365),
});

/** One device of the list, as it is watched. */
export const deviceWatch = z.object({
  state: watchState,
  since: instant.nullable(),
  proof: proofKind.nullable(),
  /** Null: not known, or it has none. */
  agent: z.boolean().nullable(),
  contactFleet: instant.nullable(),
  contactSource: instant.nullable(),
  /** Of the certificate Fleet holds. */
  certificateNotAfter: instant.nullable(),
  wave: z.string().nullable(),
  /** Codes. */
  attention: z.array(z.string()),
});

/** One thing that happened to a device, with what tells of it. */
const watchEvent = z.object({
  at: instant,
  /** `old`: the old server; `slipway`: this program; `fleet`: Fleet; `ahead`: it has not happened yet. */
  side: z.enum(['old', 'slipway', 'fleet', 'ahead']),
  title: z.string(),
  evidence: z.string(),
  tone: z.enum(['good', 'info', 'caution', 'bad', 'quiet']),
});

/** One device in full. */
export const deviceStory = z.object({
  watch: deviceWatch,
  proof: z.object({ kind: proofKind, at: instant, sentence: z.string() }).nullable(),
  importedAt: instant.nullable(),
  attention: z.array(z.object({ code: z.string(), sentence: z.string(), remedy: z.string() })),
  /** Oldest first. */
  events: z.array(watchEvent),
});

const watchCounts = z.object({
  size: z.number(),
  imported: z.number(),
  agent: z.number(),
  waiting: z.number(),
  migrated: z.number(),
  stale: z.number(),
  lost: z.number(),
  unknown: z.number(),
  attention: z.number(),
  /** Of them those that are imported: what the plan leaves out is no news. */
  importedAttention: z.number(),
});

const watchOutlook = z.object({
  remaining: z.number(),
  perHour: z.number().nullable(),
  expectedEnd: instant.nullable(),
  /** Why no end can be told. */
  why: z.string().nullable(),
});

/** What one look at Fleet gave. */
export const watchLook = z.object({
  /** Fleet's clock. */
  at: instant,
  /** Milliseconds. */
  took: z.number(),
  database: z.boolean(),
  api: z.boolean(),
  counts: watchCounts,
  outlook: watchOutlook,
  waves: z.array(
    z.object({
      name: z.string(),
      size: z.number(),
      migrated: z.number(),
      attention: z.number(),
      switchedAt: instant.nullable(),
    }),
  ),
  /** Parts that could not be asked: a right that is missing, a table this Fleet does not have. */
  missing: z.array(z.object({ code: z.string(), message: z.string() })),
  /** A side that did not answer. */
  failures: z.array(failure),
  /** Raised when a row of the list may have become another. */
  version: z.number(),
  changed: z.number(),
  wavesDone: z.array(z.string()),
  /** Milliseconds until the next look. */
  pause: z.number(),
});

/** What the window knows about watching. */
export const watchSummary = z.object({
  on: z.boolean(),
  /** A look is under way. */
  asking: z.boolean(),
  /** When the next look is due, by this machine's clock; null while none is. */
  nextAt: instant.nullable(),
  /** Looks in a row that failed. */
  failed: z.number(),
  /** Why the last look failed, or why it was stopped; null when it went well. */
  failure: failure.nullable(),
  /** The last look that went well; null before the first. */
  look: watchLook.nullable(),
  /** When that was, by this machine's clock. */
  lookedAt: instant.nullable(),
  /** Newest last, at most 20. */
  notices: z.array(z.object({ id: z.number(), at: instant, sentence: z.string() })),
});

/** The progress over time, thinned to what a chart can show. */
export const watchSeries = z.object({
  points: z.array(
    z.object({ at: instant, imported: z.number(), migrated: z.number(), lost: z.number(), attention: z.number() }),
  ),
  marks: z.array(z.object({ at: instant, mark: z.enum(['wave-switched', 'wave-done']), wave: z.string() })),
});

export const healthReport = z.object({
  at: instant,
  findings: z.array(
    z.object({
      code: z.string(),
      title: z.string(),
      severity: z.enum(['error', 'warning']),
      count: z.number(),
      sentence: z.string(),
      remedy: z.string(),
      commands: z.array(z.string()),
      devices: z.array(z.object({ udid: z.string(), host: z.string().nullable(), detail: z.string() })),
    }),
  ),
  well: z.array(z.string()),
  notExamined: z.array(z.object({ code: z.string(), title: z.string(), sentence: z.string() })),
  /** Statements that would let this account examine the rest. */
  grants: z.array(z.string()),
});

export type WatchState = z.infer<typeof watchState>;
export type DeviceWatch = z.infer<typeof deviceWatch>;
export type DeviceStory = z.infer<typeof deviceStory>;
export type WatchEvent = z.infer<typeof watchEvent>;
export type WatchCounts = z.infer<typeof watchCounts>;
export type WatchLook = z.infer<typeof watchLook>;
export type WatchSummary = z.infer<typeof watchSummary>;
export type WatchSeries = z.infer<typeof watchSeries>;
export type HealthReport = z.infer<typeof healthReport>;
