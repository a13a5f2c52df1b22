/** Profiles and Fleet's agent as the window shows them. Values of profiles are shown or stood for by length and hash. */
import { z } from 'zod';

/** What is typed for both steps. No secret among it. */
export const controlsSettings = z.object({
  /** Fleet’s team, by name or id; empty: hosts without a team. */
  team: z.string().max(300),
  /** Where the old server’s API is; empty: the inner address given at Cutover. */
  oldUrl: z.string().max(500),
  /** Where the agent’s package and its manifest are served. */
  packageUrl: z.string().max(2000),
  manifestUrl: z.string().max(2000),
});

const shownValue = z.object({ text: z.string(), masked: z.boolean() }).nullable();
const change = z.object({ path: z.string(), source: shownValue, fleet: shownValue });

const STANDINGS = ['left-behind', 'updated', 'new', 'same', 'stored-only', 'enrollment', 'fleets-own'] as const;
const standing = z.enum(STANDINGS);

const controlRow = z.object({
  identifier: z.string(),
  name: z.string().nullable(),
  standing,
  scope: z.enum(['System', 'User']),
  payloadTypes: z.array(z.string()),
  signed: z.boolean(),
  atEnroll: z.boolean(),
  /** Devices that have it; null: not known. */
  installedOn: z.number().nullable(),
  waitingFor: z.number(),
  root: z.array(change),
  payloads: z.array(
    z.object({
      type: z.string(),
      identifier: z.string(),
      standing: z.enum(['same', 'changed', 'only-source', 'only-fleet']),
      changes: z.array(change),
      more: z.number(),
    }),
  ),
  /** Why Fleet would not take it. */
  refusals: z.array(z.object({ code: z.string(), sentence: z.string(), remedy: z.string() })),
});

export const controlsView = z.object({
  at: z.number(),
  /** Where Fleet’s profiles came from; `none`: they were not asked for. */
  fleet: z.enum(['database', 'api', 'none']),
  team: z.object({ id: z.number(), name: z.string() }).nullable(),
  teams: z.array(z.string()),
  history: z.boolean(),
  counts: z.record(standing, z.number()),
  rows: z.array(controlRow),
  conflicts: z.array(
    z.object({
      code: z.string(),
      severity: z.enum(['error', 'warning', 'info']),
      identifiers: z.array(z.string()).readonly(),
      sentence: z.string(),
      remedy: z.string(),
    }),
  ),
  notes: z.array(z.string()).readonly(),
  grants: z.array(z.string()).readonly(),
});

export const controlsExported = z.object({
  folder: z.string(),
  gitops: z.string(),
  profiles: z.number(),
  /** Identifiers of those that hold secrets. */
  withSecrets: z.array(z.string()),
  leftOut: z.array(z.object({ identifier: z.string(), code: z.string(), sentence: z.string(), remedy: z.string() })),
});

/** Whom something is sent to: every device of the source, or those of a list that was chosen. */
export const deviceChoice = z.enum(['all', 'list']);

export const removalShown = z.object({
  id: z.string(),
  way: z.enum(['old-server', 'fleet']),
  place: z.string(),
  commands: z.number(),
  devices: z.number(),
  subjects: z.array(z.object({ identifier: z.string(), name: z.string().nullable(), devices: z.number() })),
  refusals: z.array(
    z.object({
      identifier: z.string(),
      code: z.string(),
      sentence: z.string(),
      remedy: z.string(),
      overridable: z.boolean(),
    }),
  ),
  skipped: z.array(z.object({ code: z.string(), devices: z.number() })),
});

/** What came of sending. */
export const commandsSent = z.object({
  journal: z.string(),
  state: z.enum(['complete', 'stopped']),
  why: z.string().nullable(),
  counts: z.object({ sent: z.number(), failed: z.number(), unknown: z.number() }),
  already: z.number(),
  left: z.number(),
  /** Bounded to 50. */
  failures: z.array(z.object({ udid: z.string(), subject: z.string(), sentence: z.string() })),
});

const FATES = ['waiting', 'fetched', 'done', 'refused', 'deferred', 'dropped', 'failed', 'unknown', 'unasked'] as const;
export const commandsFollowed = z.object({
  at: z.number(),
  /** The server that took them was asked. */
  asked: z.boolean(),
  place: z.string(),
  counts: z.record(z.enum(FATES), z.number()),
});

export const deviceList = z.object({ file: z.string(), devices: z.number() });

export const AGENT_STATES = [
  'has-agent',
  'no-agent',
  'no-host',
  'not-a-mac',
  'not-enrolled',
  'blocked-at-source',
] as const;

const agentPackage = z.object({
  path: z.string(),
  size: z.number(),
  sha256: z.string(),
  identifier: z.string().nullable(),
  version: z.string().nullable(),
  signer: z.object({ name: z.string(), notAfter: z.number(), isValid: z.boolean() }).nullable(),
  fleetUrl: z.string().nullable(),
  usesProfile: z.boolean(),
  hasSecret: z.boolean(),
  team: z.string().nullable(),
  updates: z.string(),
  problems: z.array(
    z.object({
      code: z.string(),
      severity: z.enum(['error', 'warning', 'info']),
      sentence: z.string(),
      remedy: z.string(),
    }),
  ),
});

export const agentView = z.object({
  /** When Fleet was asked who has it; null: not yet. */
  at: z.number().nullable(),
  counts: z.record(z.enum(AGENT_STATES), z.number()),
  /** Macs without it, bounded to 200. */
  without: z.array(z.object({ udid: z.string(), serial: z.string().nullable(), name: z.string().nullable() })),
  package: agentPackage.nullable(),
  /** File that holds the enroll secret, as it was chosen. */
  secretFile: z.string().nullable(),
});

export const agentWish = z.object({
  desktop: z.boolean(),
  scripts: z.boolean(),
  disableUpdates: z.boolean(),
  updateUrl: z.string().max(2000),
  signIdentity: z.string().max(300),
});

export const agentWays = z.object({
  /** The team the secret is of, as Fleet says; null: Fleet was not asked. */
  team: z.string().nullable(),
  ways: z.array(
    z.object({
      way: z.enum(['secret-in-package', 'secret-in-profile']),
      title: z.string(),
      lines: z.array(z.string()).readonly(),
      notes: z.array(z.string()).readonly(),
    }),
  ),
});

export const rolloutShown = z.object({
  id: z.string(),
  place: z.string(),
  manifestUrl: z.string(),
  devices: z.number(),
  skipped: z.array(z.object({ code: z.string(), devices: z.number() })),
  /** Fleet was asked who has it already. */
  fleetAsked: z.boolean(),
});

export type ControlsSettings = z.infer<typeof controlsSettings>;
export type ControlsView = z.infer<typeof controlsView>;
export type ControlRowShown = z.infer<typeof controlRow>;
export type ControlsExported = z.infer<typeof controlsExported>;
export type RemovalShown = z.infer<typeof removalShown>;
export type CommandsSent = z.infer<typeof commandsSent>;
export type CommandsFollowed = z.infer<typeof commandsFollowed>;
export type DeviceChoice = z.infer<typeof deviceChoice>;
export type AgentView = z.infer<typeof agentView>;
export type AgentWish = z.infer<typeof agentWish>;
export type AgentWaysShown = z.infer<typeof agentWays>;
export type AgentPackageShown = z.infer<typeof agentPackage>;
export type RolloutShown = z.infer<typeof rolloutShown>;
