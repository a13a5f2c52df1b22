/** Apply, verify and undo, as the command line does them: the plan's own rows, fresh drift, checks just before, read back. */
import { dirname } from 'node:path';
import { existsSync } from 'node:fs';
import { refused } from '../../core/failure';
import { applyPlan } from '../../core/migration/apply';
import { blockingChecks, journaledChecks } from '../../core/migration/checks';
import { freshFingerprints, NOT_REREAD } from '../../core/migration/drift';
import { findJournals } from '../../core/migration/journal';
import { planInKeyOrder } from '../../core/migration/key-order';
import { isWritten, rowsOfPlan, type Plan } from '../../core/migration/plan';
import { undoJournal } from '../../core/migration/undo';
import { judge, type Judgement } from '../../core/migration/verdict';
import { expectedOfPlan, verifyRows, type VerifyResult } from '../../core/migration/verify';
import type { OnProgress } from '../../core/progress';
import { parseSource } from '../../core/sources';
import type { Snapshot } from '../../core/sources/snapshot';
import { planAt } from './planning';
import { checkRowsOf, preflight } from './preflight';
import type { EngineInput, EngineOutput, FleetAccess, JobControl } from './protocol';
import { applySummaryOf, undoSummaryOf, verifySummaryOf } from './run-summary';
import { noServer } from './sample-fleet';
import { atFleetBy } from './wave-work';
import { cancelled, readCopy, readOptions, type Task, type Workbench } from './workbench';

/** A pause ends, and a stop is heard, within this. */
const LOOK_MS = 100;

/** What a plan's rows are derived from: its private copy, judged at the plan's instant. */
export async function writingMaterial(
  bench: Workbench,
  plan: Plan,
  onProgress: OnProgress,
): Promise<{ readonly snapshot: Snapshot; readonly judgement: Judgement }> {
  const at = Date.parse(plan.at);
  const { source } = bench;
  if (source !== null && source.copy.sha256 === plan.copy.sha256 && source.at === at) return source;
  if (!existsSync(plan.copy.path)) {
    refused(
      'plan/copy-missing',
      'The private copy this plan was made from is gone.',
      'Read the source again and make the plan anew; copies may be deleted once their plans are applied.',
    );
  }
  // The copy is held against the plan row by row (rowsOfPlan), so its own hash need not be taken again. For the same
  // reason it may be read over damage: it was when the plan was made, or there is none.
  const reference = parseSource(plan.source.reference);
  const snapshot = await readCopy(reference, plan.copy.path, { at, salvage: true, onProgress });
  return { snapshot, judgement: judge(snapshot, at) };
}

export async function applied(
  bench: Workbench,
  input: EngineInput<'apply'>,
  task: Task,
): Promise<EngineOutput<'apply'>> {
  const { check, rehearse } = input;
  if (check.fleet.kind === 'sample') throw noServer();
  const plan = planInKeyOrder(await planAt(bench, input.planPath));
  const material = await writingMaterial(bench, plan, task.onProgress);
  const reading = {
    at: Date.now(),
    folder: input.source.copies,
    ...readOptions(input.source),
    onProgress: task.onProgress,
  };
  const fresh = await freshFingerprints(
    plan,
    parseSource(plan.source.reference),
    reading,
    check.accepted,
    `accept ${NOT_REREAD} to go on without`,
  );
  task.onProgress({ label: 'running the checks', done: 0, total: null });
  const results = await preflight(bench.link, check, { ...material, at: Date.now() });
  const checks = checkRowsOf(results);
  const accepted = [...new Set([...plan.accepted, ...check.accepted])];
  if (blockingChecks(results, accepted).length > 0) return { checks, applied: null, verified: null };
  if (task.control.cancelled) cancelled();

  const stop = stopping(task.control);
  try {
    const result = await applyPlan({
      plan,
      ...material,
      connect: () => bench.link.write(check.fleet),
      connectReader: () => bench.link.reader(check.fleet),
      probe: (connection) => bench.link.probe(check.fleet, connection),
      fresh,
      journalFolder: input.journals,
      rehearse,
      accepted,
      reason: input.reason,
      preflight: journaledChecks(results),
      tool: input.tool,
      signal: stop.signal,
      pause: () => whilePaused(task.control),
      onProgress: task.report,
    });
    const { verified: found } = result;
    return { checks, applied: applySummaryOf(result), verified: found === null ? null : verifySummaryOf(found) };
  } finally {
    stop.end();
  }
}

export async function verified(
  bench: Workbench,
  input: EngineInput<'verify'>,
  task: Task,
): Promise<EngineOutput<'verify'>> {
  if (input.fleet.kind === 'sample') throw noServer();
  const plan = planInKeyOrder(await planAt(bench, input.planPath));
  const material = await writingMaterial(bench, plan, task.onProgress);
  const result = await compare(bench, plan, material, input.fleet, plan.devices.filter(isWritten), task.onProgress);
  return verifySummaryOf(result);
}

export async function undone(bench: Workbench, input: EngineInput<'undo'>, task: Task): Promise<EngineOutput<'undo'>> {
  const { fleet, journal } = input;
  if (fleet.kind === 'sample') throw noServer();
  const atFleet = await atFleetBy(input.waves);
  const stop = stopping(task.control);
  try {
    const result = await undoJournal({
      journal,
      earlier: (await findJournals(dirname(journal))).map((found) => found.path),
      connect: () => bench.link.write(fleet),
      probe: (connection) => bench.link.probe(fleet, connection),
      atFleet,
      rehearse: input.rehearse,
      reason: input.reason,
      signal: stop.signal,
      onProgress: task.report,
    });
    return undoSummaryOf(result);
  } finally {
    stop.end();
  }
}

function compare(
  bench: Workbench,
  plan: Plan,
  { snapshot, judgement }: { readonly snapshot: Snapshot; readonly judgement: Judgement },
  fleet: FleetAccess,
  devices: Plan['devices'],
  onProgress: OnProgress,
): Promise<VerifyResult> {
  const rowsOf = rowsOfPlan(plan, snapshot, judgement);
  return bench.link.read(fleet, ({ connection, schema }) =>
    verifyRows({ connection, schema, expected: expectedOfPlan(devices, rowsOf), total: devices.length, onProgress }),
  );
}

/** The operator's stop as the signal the engine looks at between two transactions. */
export function stopping(control: JobControl): { readonly signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  const look = setInterval(() => {
    if (control.cancelled) controller.abort();
  }, LOOK_MS);
  return { signal: controller.signal, end: () => clearInterval(look) };
}

async function whilePaused(control: JobControl): Promise<void> {
  while (control.paused && !control.cancelled) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
}
