/**
 * What main knows about the migration at this moment, and what follows from it: what is stale, what holds apply up.
 *
 * Pure: a step's state and the refusals before a write are both derived from here, so they cannot disagree.
 */
import type { ProbeRound } from '../contract/cutover';
import type { WatchSummary } from '../contract/watch';
import type { WavesSummary } from '../contract/waves';
import type {
  ApplySummary,
  AppState,
  CheckRow,
  FleetSummary,
  Job,
  PlanSummary,
  Settings,
  SourceSummary,
  StepFailure,
  StepName,
  UndoSummary,
  VerifySummary,
} from '../contract/state';

/** What the checks were run with. */
export interface ChecksBasis {
  readonly readAt: number | null;
  readonly fleet: string;
}

export interface KnownChecks {
  readonly at: number;
  readonly results: readonly CheckRow[];
  readonly basis: ChecksBasis;
}

export interface KnownPlan {
  readonly summary: PlanSummary;
  /** Of the source it was made from. */
  readonly fingerprint: string;
}

export interface Facts {
  readonly workspace: AppState['workspace'];
  readonly source: SourceSummary | null;
  readonly fleet: FleetSummary | null;
  readonly checks: KnownChecks | null;
  readonly plan: KnownPlan | null;
  /** The team map it was made with; empty for none. */
  readonly teamMap: string;
  readonly rehearsal: ApplySummary | null;
  readonly applied: ApplySummary | null;
  readonly verified: VerifySummary | null;
  readonly undone: UndoSummary | null;
  readonly probes: ProbeRound | null;
  /** When the report was last written. */
  readonly reportedAt: number | null;
  readonly watch: WatchSummary | null;
  readonly waves: WavesSummary;
  /** What the comparison of the profiles found. */
  readonly controls: { readonly at: number; readonly conflicts: number; readonly leftBehind: number } | null;
  readonly agent: { readonly at: number; readonly without: number } | null;
  readonly journals: number;
  readonly job: Job | null;
  readonly failures: Readonly<Partial<Record<StepName, StepFailure>>>;
}

export const NO_FACTS: Facts = {
  workspace: null,
  source: null,
  fleet: null,
  checks: null,
  plan: null,
  teamMap: '',
  rehearsal: null,
  applied: null,
  verified: null,
  undone: null,
  probes: null,
  reportedAt: null,
  watch: null,
  waves: { ladder: null, routes: null, preview: null, last: null },
  controls: null,
  agent: null,
  journals: 0,
  job: null,
  failures: {},
};

/** Which Fleet the settings name, as one text; empty when none. */
export function fleetNamed(settings: Settings | null): string {
  if (settings === null) return '';
  const { host, port, user, database, url } = settings.fleet;
  return host === '' && url === '' ? '' : JSON.stringify([host, port, user, database, url]);
}

export function checksAreStale({ checks, source, workspace }: Facts): boolean {
  if (checks === null) return false;
  return (
    checks.basis.readAt !== (source?.readAt ?? null) || checks.basis.fleet !== fleetNamed(workspace?.settings ?? null)
  );
}

/** The results as they count now: what was acknowledged since they were found is taken into account. */
export function checkRows({ checks, workspace }: Facts): CheckRow[] {
  const { accepted = [], answers = {} } = workspace?.settings ?? {};
  return (checks?.results ?? []).map((result) => {
    const by = answers[result.id]?.by ?? null;
    const allowed = result.overridable && (accepted.includes(result.code) || accepted.includes(result.id));
    const answered = by !== null && isAnswered(result);
    return {
      ...result,
      blocking: result.status === 'fail' && !allowed && !answered,
      acknowledgedBy: result.acknowledgedBy ?? by,
    };
  });
}

/** Checks that ask a person rather than a machine: the answer itself settles them. */
const ASKED_OF_PEOPLE: ReadonlySet<string> = new Set(['backup', 'renewal-switch']);

export function isAnswered(result: Pick<CheckRow, 'id'>): boolean {
  return ASKED_OF_PEOPLE.has(result.id);
}

/** Why the plan is stale, for people; null while it is fresh. */
export function planStaleness(facts: Facts): string | null {
  const { plan, source, workspace, undone } = facts;
  if (plan === null || workspace === null) return null;
  const { summary } = plan;
  const { fleet, accepted, planning } = workspace.settings;
  if (source !== null && source.fingerprint !== plan.fingerprint) {
    return 'The source was read again since, and devices had changed in it.';
  }
  if (fleet.host !== '' && (fleet.host !== summary.target.host || fleet.port !== summary.target.port)) {
    return `It was made for ${summary.target.host}:${summary.target.port}, and another server is named now.`;
  }
  if (fleet.host !== '' && fleet.database !== summary.target.database) {
    return `It was made for the database ${summary.target.database}, and another one is named now.`;
  }
  if (facts.fleet !== null && facts.fleet.generation !== summary.target.generation) {
    return 'Fleet’s tables have changed since: it was upgraded, or it is another Fleet.';
  }
  if (undone !== null && !undone.rehearsal && undone.finishedAt > summary.madeAt && undone.counts.removed > 0) {
    return 'What it wrote was taken back since.';
  }
  if (planning.teamMap !== facts.teamMap) {
    return planning.teamMap === '' ? 'It was made with a team map.' : 'Another team map is chosen now.';
  }
  if (summary.serials !== null && (summary.serials.lifted !== '') !== planning.serials) {
    return 'It was decided otherwise about Fleet’s certificate serials.';
  }
  if (summary.queueLeftovers > 0 && summary.queueChosen !== planning.queue) {
    return 'It was decided otherwise about the commands of an earlier import.';
  }
  const moved = changedCautions(facts, summary.accepted, accepted);
  return moved.length === 0 ? null : `Other cautions are accepted now than when it was made: ${moved.join(', ')}.`;
}

/**
 * Codes accepted or withdrawn since that may change which devices go in. A withdrawn one always may; a new one does
 * unless it is only a check's, and some (`no-agent`) are both a check's and a device's.
 */
function changedCautions({ checks, plan }: Facts, before: readonly string[], now: readonly string[]): string[] {
  const ofChecks = new Set((checks?.results ?? []).flatMap(({ id, code }) => [id, code]));
  const holding = new Set((plan?.summary.reasons ?? []).filter(({ held }) => held).map(({ code }) => code));
  const accepted = now.filter((code) => !before.includes(code) && (holding.has(code) || !ofChecks.has(code)));
  return [...accepted, ...before.filter((code) => !now.includes(code))];
}
