/**
 * The runbook: Fleet's guide to seamless migration as a list that knows what is done. What a check can see is bound to
 * it; what only a person can see is ticked, with name and time. Staging and production each have a column.
 */
import { z } from 'zod';
import { unreadable } from '../failure';

export const RUNBOOK_STEPS = [
  'requirements',
  'certificates',
  'redirects',
  'controls',
  'agent',
  'records',
  'switch',
] as const;
export type RunbookStep = (typeof RUNBOOK_STEPS)[number];

const STEP_TITLES: Readonly<Record<RunbookStep, string>> = {
  requirements: 'What must be true before anything else',
  certificates: '1 · Keys and certificates into Fleet',
  redirects: '2 · Redirects',
  controls: '3 · Controls',
  agent: '4 · Agent',
  records: '5 · Records of the devices',
  switch: '6 · The switch, and after',
};

/** What the program itself can know to be done. */
export type Milestone =
  'planned' | 'rehearsed' | 'applied' | 'verified' | 'waves-done' | 'all-migrated' | 'probed' | 'backup' | 'reported';

export interface RunbookItem {
  readonly id: string;
  readonly step: RunbookStep;
  readonly title: string;
  readonly why: string;
  /** Checks it stands and falls with, a milestone, or neither: then a person ticks it. */
  readonly checks?: readonly string[];
  readonly milestone?: Milestone;
}

const item = (
  step: RunbookStep,
  id: string,
  title: string,
  why: string,
  bound: Pick<RunbookItem, 'checks' | 'milestone'> = {},
): RunbookItem => ({ id, step, title, why, ...bound });

/** In the order of the evening. */
export const RUNBOOK: readonly RunbookItem[] = [
  item('requirements', 'own-name', 'The name devices call is ours', 'Devices keep it for ever.', {
    checks: ['server-url'],
  }),
  item('requirements', 'source-read', 'The old database reads without damage', 'What is not read is not moved.', {
    checks: ['source-whole'],
  }),
  item('requirements', 'signing', 'Devices sign what they say', 'Fleet takes no unsigned message.', {
    checks: ['sign-message'],
  }),
  item(
    'requirements',
    'staging-pass',
    'The whole evening was rehearsed on staging',
    'With a copy of the old database and a topic of its own: staging must not be able to push production’s devices.',
  ),
  item(
    'requirements',
    'window',
    'A maintenance window is agreed, and who decides to go back',
    'Afterwards nobody should have to ask.',
  ),
  item(
    'certificates',
    'ca-long',
    'The SCEP CA has five years left, or was extended',
    'It cannot be replaced once devices are on it.',
    { checks: ['scep-ca-validity'] },
  ),
  item(
    'certificates',
    'assets',
    'Fleet serves the old SCEP CA and has the old push topic',
    'Fleet refuses every device otherwise.',
    { checks: ['target-ca', 'target-topic'] },
  ),
  item('certificates', 'restarted', 'Every Fleet instance was restarted', 'One that was not still has the old keys.', {
    milestone: 'probed',
  }),
  item(
    'certificates',
    'renewal',
    'Fleet’s renewal is off for now, and its profile is ready',
    'A device that has renewed cannot go back.',
    { checks: ['renewal-switch'] },
  ),
  item(
    'redirects',
    'configured',
    'The load balancer leads the old paths to Fleet',
    'Method, body and signature untouched.',
    { milestone: 'probed' },
  ),
  item('redirects', 'certificate', 'It has a certificate for the old name that devices trust', 'Others they refuse.', {
    milestone: 'probed',
  }),
  item(
    'redirects',
    'ttl',
    'The time to live of the old record was lowered two days ago',
    'Old answers must be forgotten soon.',
  ),
  item(
    'controls',
    'profiles',
    'Fleet has the profiles devices should keep, with the same identifiers',
    'Same identifier means updated in place.',
  ),
  item(
    'controls',
    'leftovers',
    'What should go was removed at the old server',
    'Fleet never removes what it does not know.',
  ),
  item('controls', 'updates', 'No deadline for an update has passed', 'It would force a restart at first contact.'),
  item(
    'agent',
    'package',
    'fleetd was sent to Macs, or it is accepted that it follows',
    'Without a host Fleet does not renew a device.',
  ),
  item('records', 'backup', 'Fleet’s database was backed up', 'Undo takes back what was imported; it is no backup.', {
    checks: ['backup'],
  }),
  item('records', 'frozen', 'New enrollments at the old server are frozen', 'Nobody would bring them over.', {
    milestone: 'probed',
  }),
  item('records', 'drained', 'No erase or lock waits at the old server', 'It would be lost, or come twice.', {
    checks: ['pending-commands', 'blocked-at-source'],
  }),
  item(
    'records',
    'plan',
    'The plan was read, device by device where it is not plain',
    'It is exactly what will be written.',
    { milestone: 'planned' },
  ),
  item('records', 'rehearsed', 'It was rehearsed on the real server', 'The same work, rolled back.', {
    milestone: 'rehearsed',
  }),
  item('records', 'applied', 'It was applied', 'In transactions, journaled.', { milestone: 'applied' }),
  item('records', 'verified', 'Every row was read back', 'And is as derived from the source.', {
    milestone: 'verified',
  }),
  item('switch', 'dns', 'DNS leads the old name to the load balancer', 'Inside and outside, both address families.', {
    milestone: 'probed',
  }),
  item('switch', 'waves', 'Every wave has moved', 'Each on its conditions.', { milestone: 'waves-done' }),
  item('switch', 'migrated', 'Every device is proven at Fleet, or accounted for', 'Proof, not Fleet’s word for it.', {
    milestone: 'all-migrated',
  }),
  item('switch', 'renewal-on', 'Fleet renews certificates again', 'Or devices fall off as theirs end.'),
  item('switch', 'old-backup', 'The old database has a verified backup', 'It is the only record of the old tokens.', {
    milestone: 'backup',
  }),
  item(
    'switch',
    'report',
    'The hand-over is written, with owners',
    'Somebody must renew the push certificate next year.',
    { milestone: 'reported' },
  ),
];

const tickSchema = z.strictObject({ by: z.string().min(1).max(120), note: z.string().max(2000), at: z.number() });
export type Tick = z.infer<typeof tickSchema>;
export const COLUMNS = ['staging', 'production'] as const;
export type Column = (typeof COLUMNS)[number];

/** What stands in a line of one column. */
const cellSchema = z.strictObject({
  state: z.enum(['open', 'done', 'attention']),
  sentence: z.string().max(1000),
  tick: tickSchema.nullable(),
});
export type Cell = z.infer<typeof cellSchema>;

/** The file: what each column last knew, so that staging's stays readable beside production's. */
const fileSchema = z.strictObject({
  schema: z.literal(1),
  kind: z.literal('slipway-runbook'),
  columns: z.strictObject({
    staging: z.record(z.string(), cellSchema),
    production: z.record(z.string(), cellSchema),
  }),
});
export type RunbookFile = z.infer<typeof fileSchema>;

export const EMPTY_RUNBOOK: RunbookFile = {
  schema: 1,
  kind: 'slipway-runbook',
  columns: { staging: {}, production: {} },
};

/** What the program knows when the runbook is looked at. */
export interface RunbookFacts {
  /** Results by check; a check that was not run is not in it. */
  readonly checks: ReadonlyMap<
    string,
    { readonly status: 'pass' | 'warn' | 'fail' | 'skipped'; readonly sentence: string }
  >;
  /** Milestones with a sentence each; false: tried, and not as it should be. */
  readonly milestones: ReadonlyMap<Milestone, { readonly reached: boolean; readonly sentence: string }>;
}

/** One column as it stands now: what is bound is decided by the facts, the rest by who ticked it. */
export function runbookColumn(facts: RunbookFacts, before: Readonly<Record<string, Cell>>): Record<string, Cell> {
  return Object.fromEntries(RUNBOOK.map((one) => [one.id, cellOf(one, facts, before[one.id]?.tick ?? null)]));
}

function cellOf({ checks, milestone }: RunbookItem, facts: RunbookFacts, tick: Tick | null): Cell {
  if (checks !== undefined) {
    const results = checks.map((id) => facts.checks.get(id));
    const worst =
      results.find((result) => result?.status === 'fail') ??
      results.find((result) => result?.status === 'warn') ??
      results.find((result) => result === undefined || result.status === 'skipped');
    if (results.every((result) => result?.status === 'pass'))
      return { state: 'done', sentence: results[0]?.sentence ?? '', tick };
    if (worst === undefined || worst.status === 'skipped') return { state: 'open', sentence: 'Not checked yet.', tick };
    // A warning that somebody has put their name to is done; a failure is not.
    return { state: worst.status === 'warn' && tick !== null ? 'done' : 'attention', sentence: worst.sentence, tick };
  }
  if (milestone !== undefined) {
    const known = facts.milestones.get(milestone);
    if (known === undefined)
      return { state: tick === null ? 'open' : 'done', sentence: tick === null ? 'Not yet.' : ticked(tick), tick };
    return { state: known.reached ? 'done' : 'attention', sentence: known.sentence, tick };
  }
  return {
    state: tick === null ? 'open' : 'done',
    sentence: tick === null ? 'Nobody has confirmed it.' : ticked(tick),
    tick,
  };
}

/** Whether a name settles the line: what only people can tell, and warnings. A failure is mended, not signed. */
export function isForPeople({ checks, milestone }: RunbookItem, facts: RunbookFacts): boolean {
  if (checks === undefined) return milestone === undefined || !facts.milestones.has(milestone);
  const results = checks.map((id) => facts.checks.get(id)?.status);
  return results.includes('warn') && !results.includes('fail');
}

function ticked({ by, note }: Tick): string {
  return `Confirmed by ${by}${note === '' ? '' : `: ${note}`}.`;
}

/** Reads a runbook file. @throws report/runbook-damaged */
export function parseRunbook(text: string): RunbookFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = null;
  }
  const parsed = fileSchema.safeParse(value);
  return parsed.success
    ? parsed.data
    : unreadable(
        'report/runbook-damaged',
        'The runbook’s file is damaged or of a newer version.',
        'Move it away; what checks know comes back by itself, what people confirmed is in that file.',
      );
}

/** What one line says in both columns. */
export interface RunbookLine extends RunbookItem {
  readonly staging: Cell | null;
  readonly production: Cell | null;
}

/** The lines of both columns, by step. */
export function runbookLines(
  columns: RunbookFile['columns'],
): { readonly title: string; readonly lines: RunbookLine[] }[] {
  return RUNBOOK_STEPS.map((step) => ({
    title: STEP_TITLES[step],
    lines: RUNBOOK.filter((one) => one.step === step).map((one) => ({
      ...one,
      staging: columns.staging[one.id] ?? null,
      production: columns.production[one.id] ?? null,
    })),
  }));
}
