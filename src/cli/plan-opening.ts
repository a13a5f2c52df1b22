/** Opening a plan for a command: the plan, the private copy its rows are derived from, and their judgement. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { FailureError, refused } from '../core/failure';
import { parsePlan, type Plan } from '../core/migration/plan';
import { judge, type Judgement } from '../core/migration/verdict';
import type { OnProgress } from '../core/progress';
import { parseSource } from '../core/sources';
import type { Snapshot } from '../core/sources/snapshot';
import type { SourceOptions } from './input';
import { inKeyOrder } from './key-order';
import { readCopy } from './source-reading';
import { readText } from './text-file';

/** A plan with what its rows are derived from. */
export interface OpenedPlan {
  /** Its devices stand in the order of Fleet's keys. */
  readonly plan: Plan;
  readonly snapshot: Snapshot;
  readonly judgement: Judgement;
}

/**
 * Reads a plan and its private copy, judged at the plan's instant.
 * @throws plan/…; plan/copy-missing, plan/copy-changed when the copy is not the one the plan was made from
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
  if ((await hashOf(plan.copy.path)) !== plan.copy.sha256) {
    refused(
      'plan/copy-changed',
      'The private copy this plan was made from is not what it was.',
      'Make the plan anew.',
      { path: plan.copy.path },
    );
  }
  const at = Date.parse(plan.at);
  const snapshot = await readCopy(parseSource(plan.source.reference), plan.copy.path, options, at, onProgress);
  const devices = inKeyOrder(plan.devices, ({ udid }) => udid);
  return { plan: { ...plan, devices }, snapshot, judgement: judge(snapshot, at) };
}

async function hashOf(path: string): Promise<string> {
  const digest = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) digest.update(chunk as Buffer);
  } catch (error) {
    throw new FailureError({
      code: 'plan/copy-missing',
      message: `The private copy of the source cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}).`,
      remedy: 'Check its permissions, or make the plan anew.',
      kind: 'unreadable',
    });
  }
  return digest.digest('hex');
}
