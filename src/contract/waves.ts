/** Waves as the window shows them: the ladder, where devices go, what the next wave would do, and what going back would not undo. */
import { z } from 'zod';

const instant = z.number();

const WAVE_CHOICES = ['list', 'percentage', 'team', 'platform', 'name', 'ending', 'all'] as const;

/** A wave as it is typed. */
const waveDraft = z.object({
  name: z.string().max(60),
  kind: z.enum(WAVE_CHOICES),
  /** UDIDs or serial numbers, one a line; a percentage; a team; a platform; part of a name; a day. */
  value: z.string().max(8_000_000),
  /** Percent of the wave before that must be migrated. */
  migrated: z.number().int().min(0).max(100),
  attention: z.number().int().min(0).max(1_000_000),
});

/** What leads devices, as it is typed. */
const engineDraft = z.object({
  kind: z.enum(['haproxy', 'mdmproxy']),
  instances: z
    .array(
      z.object({
        name: z.string().max(60),
        /** HAProxy: its map file and its socket, by their paths here. */
        map: z.string().max(400),
        socket: z.string().max(400),
        /** The map is written here and carried to the instance by hand. */
        byHand: z.boolean(),
        file: z.string().max(400),
        /** mdmproxy. */
        url: z.string().max(500),
        caFile: z.string().max(4096),
        plainConfirmed: z.boolean(),
      }),
    )
    .max(20),
});

export const ladderDraft = z.object({
  engine: engineDraft,
  /** Until when the last wave has moved and Fleet renews certificates again. */
  ends: instant,
  rungs: z.array(waveDraft).min(1).max(50),
});

/** What is typed for HAProxy’s configuration besides what Cutover knows. */
export const haproxyDraft = z.object({
  map: z.string().max(400),
  socket: z.string().max(400),
  /** As in 2g. */
  memory: z.string().max(20),
});

const rungView = waveDraft.extend({
  /** The choice in words. */
  words: z.string(),
  state: z.enum(['waiting', 'moving', 'moved', 'back']),
  /** Devices it led to Fleet that still go there. */
  moved: z.number(),
  left: z.number(),
  movedAt: instant.nullable(),
  by: z.string().nullable(),
});

export const ladderView = z.object({
  revision: z.number(),
  engine: engineDraft,
  engineTitle: z.string(),
  ends: instant,
  rungs: z.array(rungView),
  changedAt: instant,
  changedBy: z.string(),
  /** The wave whose turn it is; null when all have moved. */
  next: z.string().nullable(),
  /** A move that was begun and is not at its end. */
  open: z.object({ rung: z.string(), step: z.string() }).nullable(),
  /** Devices that shall go to Fleet. */
  atFleet: z.number(),
});

export const routesView = z.object({
  at: instant,
  /** Null: in doubt. */
  fleet: z.number().nullable(),
  /** False: only what was set last is known. */
  read: z.boolean(),
  instances: z.array(z.object({ name: z.string(), running: z.number().nullable(), stored: z.number().nullable() })),
  /** Requests since the instances started. */
  traffic: z.object({ old: z.number(), fleet: z.number() }).nullable(),
  problems: z.array(z.object({ code: z.string(), instance: z.string(), sentence: z.string(), remedy: z.string() })),
});

const leftBehind = z.object({ udid: z.string(), code: z.string(), sentence: z.string() });
export const MOST_LEFT = 200;

export const wavePreview = z.object({
  at: instant,
  rung: z.string(),
  planId: z.string(),
  /** The step after which an interrupted move is taken up again. */
  resumes: z.string().nullable(),
  counts: z.object({
    devices: z.number(),
    atFleet: z.number(),
    moving: z.number(),
    left: z.number(),
    insert: z.number(),
    refresh: z.number(),
    keep: z.number(),
  }),
  /** Bounded. */
  left: z.array(leftBehind),
  obstacles: z.array(
    z.object({
      code: z.string(),
      sentence: z.string(),
      remedy: z.string(),
      overridable: z.boolean(),
      devices: z.number(),
      /** Bounded. */
      udids: z.array(z.string()),
    }),
  ),
  wake: z
    .object({
      way: z.enum(['fleet', 'old-server', 'both']),
      command: z.string(),
      byFleet: z.number(),
      pushed: z.number(),
      unreached: z.number(),
    })
    .nullable(),
});

const wakeOutcome = z.object({ sent: z.number(), failed: z.array(leftBehind) });

export const waveMoved = z.object({
  at: instant,
  rung: z.string(),
  state: z.enum(['moved', 'stopped']),
  moved: z.number(),
  leftCount: z.number(),
  left: z.array(leftBehind),
  woken: wakeOutcome.nullable(),
});

export const waveWoken = wakeOutcome.extend({ rung: z.string() });

export const backPreview = z.object({
  rung: z.string(),
  returning: z.number(),
  counts: z.object({
    devices: z.number(),
    certificatesRenewed: z.number(),
    tokensChanged: z.number(),
    devicesWithCommands: z.number(),
    commands: z.number(),
    queued: z.number(),
  }),
  commandTypes: z.array(z.object({ type: z.string(), count: z.number() })),
  /** They stay at Fleet: the old server would refuse them. Bounded. */
  staying: z.array(leftBehind),
  stayingCount: z.number(),
  /** Bounded. */
  losses: z.array(leftBehind),
});

/** What the window knows of the waves. */
export const wavesSummary = z.object({
  ladder: ladderView.nullable(),
  routes: routesView.nullable(),
  preview: wavePreview.nullable(),
  last: waveMoved.nullable(),
});

export type WaveDraft = z.infer<typeof waveDraft>;
export type LadderDraft = z.infer<typeof ladderDraft>;
export type EngineDraft = z.infer<typeof engineDraft>;
export type HaproxyDraft = z.infer<typeof haproxyDraft>;
export type LadderView = z.infer<typeof ladderView>;
export type RungView = z.infer<typeof rungView>;
export type RoutesView = z.infer<typeof routesView>;
export type WavePreviewShown = z.infer<typeof wavePreview>;
export type WaveMoved = z.infer<typeof waveMoved>;
export type BackPreviewShown = z.infer<typeof backPreview>;
export type WavesSummary = z.infer<typeof wavesSummary>;
