/** Where a plan is on its way: rehearsed, written, read back, taken back. Pure, so that all of Apply agrees. */
import type { AppState, ApplySummary, PlanSummary, UndoSummary, VerifySummary } from '../../../contract/state';

export interface Standing {
  readonly plan: PlanSummary;
  /** Of this plan, or null. */
  readonly rehearsal: ApplySummary | null;
  readonly applied: ApplySummary | null;
  readonly verified: VerifySummary | null;
  readonly undone: UndoSummary | null;
  /** Why nothing can be written now. */
  readonly cannot: string | null;
}

/** Null without a plan. */
export function standingOf(state: AppState): Standing | null {
  const { plan, rehearsal, applied, verified, undone } = state;
  if (plan === null) return null;
  // What was done before this plan was made belongs to an earlier one.
  const later = <T>(one: T | null, at: number | undefined): T | null =>
    one !== null && at !== undefined && at >= plan.madeAt ? one : null;
  const written = later(applied, applied?.finishedAt);
  const back = undone !== null && undone.finishedAt >= (written?.finishedAt ?? 0) ? undone : null;
  return {
    plan,
    rehearsal: later(rehearsal, rehearsal?.finishedAt),
    applied: written,
    // What was read before it was taken back is no longer so.
    verified: written === null || (verified?.at ?? 0) < takenBackAt(back) ? null : later(verified, verified?.at),
    undone: back,
    cannot: cannotWrite(state, plan),
  };
}

function takenBackAt(undone: UndoSummary | null): number {
  return isTakenBack(undone) ? (undone?.finishedAt ?? 0) : 0;
}

/** True when something was really taken out again. */
export function isTakenBack(undone: UndoSummary | null): boolean {
  return undone !== null && !undone.rehearsal && undone.counts.removed > 0;
}

function cannotWrite(state: AppState, plan: PlanSummary): string | null {
  if (isPretend(state)) return 'The sample has no server to write to.';
  if (state.job !== null) return 'Something else is under way.';
  if (plan.stale !== null) return 'The plan is out of date; make it anew first.';
  if (state.fleet === null) return 'Connect to Fleet first.';
  if (state.workspace?.settings.badge === 'unset') return 'Say at Fleet whether this is staging or production.';
  if (plan.counts.insert + plan.counts.refresh === 0) return 'The plan writes nothing.';
  const blocking = blockingChecks(state);
  if (blocking > 0) return blocking === 1 ? '1 check holds it up.' : `${blocking} checks hold it up.`;
  return null;
}

/** The sample with its pretend Fleet: everything can be looked at, nothing can be written. */
export function isPretend({ source, workspace }: AppState): boolean {
  return source?.sample === true && workspace?.settings.fleet.host === '';
}

export function blockingChecks({ checks }: AppState): number {
  return (checks?.results ?? []).filter(({ blocking }) => blocking).length;
}

/** How many devices the plan writes. */
export function goingIn({ counts }: PlanSummary): number {
  return counts.insert + counts.refresh;
}

/** True when what was read back is as it should be; touched since is life, not an error. */
export function isClean({ counts }: VerifySummary): boolean {
  return counts.differs === 0 && counts.missing === 0 && counts.extra === 0;
}
