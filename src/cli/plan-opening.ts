/** Opening a plan for a command: the plan, the private copy its rows are derived from, and their judgement. */
import { existsSync } from 'node:fs';
import { attempt, FailureError, refused } from '../core/failure';
import { planInKeyOrder } from '../core/migration/key-order';
import { parsePlan, type Plan } from '../core/migration/plan';
import { judge, type Judgement } from '../core/migration/verdict';
import type { OnProgress } from '../core/progress';
import { parseSource } from '../core/sources';
import { hashFile } from '../core/sources/file-hash';
import type { Snapshot } from '../core/sources/snapshot';
import type { SourceOptions } from './input';
import { readCopy } from './source-reading';
import { readText } from './text-file';

/** A plan with what its rows are derived from. */
export interface OpenedPlan {
  /** Its devices stand in the order of Fleet’s keys. */
  readonly plan: Plan;
  readonly snapshot: Snapshot;
  readonly judgement: Judgement;
}

/**
 * Reads a plan and its private copy, judged at the plan's instant.
 * @throws plan/…; file/cannot-read; plan/copy-missing, plan/copy-changed when the copy is not the one the plan was made from
 */
export async function openPlan(path: string, options: SourceOptions, onProgress: OnProgress): Promise<OpenedPlan> {
  const plan = parsePlan(readText('plan', path));
  if (!existsSync(plan.copy.path)) {
    refused(
      'plan/copy-missing',
      `The private copy this plan was made from is gone (${plan.copy.path}).`,
      'Make the plan anew; copies may be deleted once their plans are applied.',
    );
  }
  const at = Date.parse(plan.at);
  const read = await attempt(() =>
    readCopy(parseSource(plan.source.reference), plan.copy.path, options, at, onProgress),
  );
  // A copy that was damaged or replaced is that first of all, whatever reading it came upon.
  if ((read.ok ? read.value.source.sha256 : await hashFile(plan.copy.path)) !== plan.copy.sha256) {
    refused(
      'plan/copy-changed',
      'The private copy this plan was made from is not what it was.',
      'Make the plan anew.',
      { path: plan.copy.path },
    );
  }
  if (!read.ok) throw new FailureError(read.failure);
  return { plan: planInKeyOrder(plan), snapshot: read.value, judgement: judge(read.value, at) };
}
