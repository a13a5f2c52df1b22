/** What workspace.json holds: settings, and how far the migration came. Versioned, and never a secret. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { applySummary, settings, undoSummary, verifySummary, type Settings } from '../contract/state';
import { probeRound } from '../contract/cutover';
import { NO_CONTROLS } from '../contract/no-controls';
import { NO_CUTOVER } from '../contract/no-cutover';
import { NO_REPORT } from '../contract/no-report';
import { backupFacts } from '../contract/report';
import { refused } from '../core/failure';

const WORKSPACE_SCHEMA = 1;

export const DEFAULT_SETTINGS: Settings = {
  badge: 'unset',
  source: { reference: '', caFile: '', pinSha256: '', salvage: false, ways: [], hostKeys: {} },
  fleet: {
    host: '',
    port: 3306,
    user: '',
    database: '',
    tls: 'verify-identity',
    caFile: '',
    plaintextConfirmed: false,
    url: '',
    urlCaFile: '',
  },
  accepted: [],
  reason: '',
  answers: {},
  planning: { serials: true, queue: false, teamMap: '' },
  cutover: NO_CUTOVER,
  controls: NO_CONTROLS,
  watch: { interval: 30, staleDays: 7, silentDays: 3 },
  report: NO_REPORT,
  filters: [],
};

/** Where the migration stands, so that it can be taken up again. What does not parse is left out, not fatal. */
const progress = z.object({
  /** The private copy that was read last; it lies outside the workspace and may be gone. */
  copy: z.object({ reference: z.string(), path: z.string(), sha256: z.string() }).nullable().catch(null),
  /** File name of the current plan in `plans/`. */
  plan: z.string().nullable().catch(null),
  /** Path of the team map that plan was made with; empty for none. */
  teamMap: z.string().catch(''),
  rehearsal: applySummary.nullable().catch(null),
  applied: applySummary.nullable().catch(null),
  verified: verifySummary.nullable().catch(null),
  undone: undoSummary.nullable().catch(null),
  probes: probeRound.nullable().catch(null),
  /** A verified backup of the old database; it lies outside the workspace. */
  backup: backupFacts.nullable().catch(null),
  reportedAt: z.number().nullable().catch(null),
});

const file = z.object({
  kind: z.literal('slipway-workspace'),
  schema: z.literal(WORKSPACE_SCHEMA),
  id: z.uuid(),
  name: z.string().min(1).max(200),
  createdAt: z.string(),
  settings,
  progress,
});

export type WorkspaceFile = z.infer<typeof file>;
export type WorkspaceProgress = WorkspaceFile['progress'];

const NO_PROGRESS: WorkspaceProgress = {
  copy: null,
  plan: null,
  teamMap: '',
  rehearsal: null,
  applied: null,
  verified: null,
  undone: null,
  probes: null,
  backup: null,
  reportedAt: null,
};

export function newWorkspaceFile(name: string): WorkspaceFile {
  return {
    kind: 'slipway-workspace',
    schema: WORKSPACE_SCHEMA,
    id: randomUUID(),
    name,
    createdAt: new Date().toISOString(),
    settings: DEFAULT_SETTINGS,
    progress: NO_PROGRESS,
  };
}

/**
 * Reads the text of a workspace.json. Settings a newer version added are filled in with their defaults.
 * @returns null when it is damaged
 * @throws FailureError `workspace/newer` when a newer Slipway wrote it
 */
export function parseWorkspaceFile(text: string): WorkspaceFile | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isObject(value)) return null;
  if (typeof value['schema'] === 'number' && value['schema'] > WORKSPACE_SCHEMA) {
    refused(
      'workspace/newer',
      'This workspace was written by a newer version of Slipway.',
      'Open it with that version: an older one could lose what it does not know.',
    );
  }
  const parsed = file.safeParse({
    ...value,
    settings: withDefaults(DEFAULT_SETTINGS, value['settings']),
    progress: withDefaults(NO_PROGRESS, value['progress']),
  });
  return parsed.success ? parsed.data : null;
}

export function formatWorkspaceFile(content: WorkspaceFile): string {
  return `${JSON.stringify(content, null, 2)}\n`;
}

/** Settings that are records: values as a whole, like lists. */
const RECORDS: ReadonlySet<string> = new Set(['answers', 'hostKeys']);

/** What is given, and the default where nothing is. Only groups of settings are gone into; lists and records are values. */
function withDefaults(defaults: object, given: unknown): unknown {
  if (given === undefined) return defaults;
  if (!isObject(given)) return given;
  const merged: Record<string, unknown> = { ...given };
  for (const [key, value] of Object.entries(defaults)) {
    merged[key] = isObject(value) && !RECORDS.has(key) ? withDefaults(value, given[key]) : (given[key] ?? value);
  }
  return merged;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
