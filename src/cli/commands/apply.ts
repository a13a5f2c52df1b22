import { dirname, resolve } from 'node:path';
import { version } from '../../../package.json';
import { refused } from '../../core/failure';
import { connectFleet } from '../../core/fleet/connection';
import { probeSchema } from '../../core/fleet/probe';
import { applyPlan, type ApplyResult } from '../../core/migration/apply';
import { blockingChecks, journaledChecks, runChecks, type CheckResult } from '../../core/migration/checks';
import { freshFingerprints, NOT_REREAD } from '../../core/migration/drift';
import { isWritten, withAccepted, type Plan } from '../../core/migration/plan';
import type { VerifyResult } from '../../core/migration/verify';
import { EXIT } from '../exit-code';
import { fleetTarget, withFleetConnection } from '../fleet-opening';
import {
  clockFrom,
  confirm,
  operatorName,
  requireAnswer,
  type AcceptOptions,
  type FleetOptions,
  type SourceOptions,
} from '../input';
import { stopOnSignal } from '../interrupt';
import { openPlan } from '../plan-opening';
import { readOptions, sourceNamed } from '../source-reading';
import { counted, plain, print, printJson, progressLine, styled, table, tell } from '../terminal';
import { answersFrom, checkLines, fleetSide } from './check';
import { verifyJson, verifyLines } from './verify';

interface ApplyOptions extends SourceOptions, FleetOptions, AcceptOptions {
  readonly fleet: string;
  readonly rehearse?: boolean;
  readonly source?: string;
  readonly journals?: string;
  readonly staging?: boolean;
  readonly backupBy?: string;
  readonly renewalSetBy?: string;
  readonly batch?: number;
  readonly sessions?: 1 | 2;
  readonly yes?: boolean;
}

/** `slipway apply PLAN --fleet …`: write the planned rows, read them back. */
export async function run(planPath: string, options: ApplyOptions): Promise<number> {
  requireAnswer(options.yes);
  const target = fleetTarget(options.fleet, options);
  const progress = progressLine(options.json === true);
  try {
    const opened = await openPlan(planPath, options, progress.onProgress);
    const accepted = [...new Set([...opened.plan.accepted, ...(options.accept ?? [])])];
    const plan = withAccepted(opened.plan, new Set(accepted));
    const going = plan.devices.filter(isWritten).length;
    const fresh = await freshFingerprints(
      plan,
      sourceNamed(options.source ?? plan.source.reference, options),
      { ...readOptions(options, clockFrom(options)), onProgress: progress.onProgress },
      accepted,
      `name where it is now with --source, or accept that it is not read with --accept ${NOT_REREAD}`,
    );

    const preflight = await withFleetConnection(target, 'read', async (connection) =>
      runChecks({
        snapshot: opened.snapshot,
        judgement: opened.judgement,
        at: clockFrom(options),
        fleet: { connection, schema: await probeSchema(connection) },
        ...fleetSide(options),
        staging: options.staging ?? false,
        answers: { ...(options.yes === true ? answeredByYes() : {}), ...answersFrom(options) },
      }),
    );
    progress.end();
    await stopOnChecks(preflight, accepted, options);
    if (!(await confirm(question(plan, going, options), plan.target.database, options.yes))) {
      tell('Nothing was written.');
      return EXIT.found;
    }

    const stop = stopOnSignal();
    const result = await applyPlan({
      plan,
      connect: () => connectFleet(target, 'write'),
      connectReader: () => connectFleet(target, 'read'),
      probe: probeSchema,
      snapshot: opened.snapshot,
      judgement: opened.judgement,
      fresh,
      journalFolder: resolve(options.journals ?? dirname(planPath)),
      rehearse: options.rehearse ?? false,
      accepted,
      reason: options.reason ?? null,
      preflight: journaledChecks(preflight),
      tool: `slipway ${version}`,
      signal: stop.signal,
      onProgress: progress.onProgress,
      ...(options.batch === undefined ? {} : { batchSize: options.batch }),
      ...(options.sessions === undefined ? {} : { sessions: options.sessions }),
    }).finally(stop.end);
    const { verified } = result;
    progress.end();
    if (options.json === true) await printJson(applyJson(result));
    else await printApply(result, planPath);
    if (result.state === 'stopped') return EXIT.interrupted;
    return result.held.length === 0 && (verified === null || isClean(verified)) ? EXIT.fine : EXIT.found;
  } finally {
    progress.end();
  }
}

/** `--yes` stands in for every question the command would have asked. */
export function answeredByYes(): Record<string, { by: string; note: string }> {
  return { backup: { by: operatorName(), note: 'answered by --yes' } };
}

/** Throws `apply/checks-failed` when a check holds writing up. */
export async function stopOnChecks(
  preflight: readonly CheckResult[],
  accepted: readonly string[],
  options: { readonly json?: boolean },
): Promise<void> {
  const blocking = blockingChecks(preflight, accepted);
  if (blocking.length === 0) return;
  if (options.json !== true) {
    for (const result of blocking) await print(...checkLines(result, false));
  }
  refused(
    'apply/checks-failed',
    `${blocking.length} preflight check${blocking.length === 1 ? '' : 's'} failed: ${blocking.map((result) => result.code).join(', ')}. Nothing was written.`,
    'Set right what is named, or acknowledge with --accept CODE and --reason what may be acknowledged.',
    Object.fromEntries(blocking.map((result) => [result.code, result.sentence])),
  );
}

function question(plan: Plan, going: number, options: ApplyOptions): string {
  const { target } = plan;
  const count = (action: string): number => plan.devices.filter((device) => device.action === action).length;
  const what = `${count('insert')} inserted, ${count('refresh')} refreshed, ${count('keep')} kept as they are, ${count('held') + count('blocked')} left out`;
  return options.rehearse === true
    ? `Rehearse with ${counted(going, 'device')} on ${plain(target.database)} at ${plain(target.host)}:${target.port} (${what}). Everything is rolled back.`
    : `Write the rows of ${counted(going, 'device')} to ${plain(target.database)} at ${plain(target.host)}:${target.port} (${what}). ` +
        'A backup of that database exists. What Fleet or a device touches afterwards cannot be taken back.';
}

/** True when nothing read back is other than it should be. Touched since is life, not an error. */
export function isClean({ counts }: VerifyResult): boolean {
  return counts.differs === 0 && counts.missing === 0 && counts.extra === 0;
}

function applyJson({ verified, ...rest }: ApplyResult): Record<string, unknown> {
  return { schema: 1, ...rest, verify: verified === null ? null : verifyJson(verified) };
}

async function printApply(result: ApplyResult, planPath: string): Promise<void> {
  const { counts, verified } = result;
  await print(
    result.rehearsal
      ? styled('Rehearsed; everything was rolled back.', 'bold')
      : styled(`Applied (${result.state}).`, 'bold'),
    ...table([
      [String(counts.inserted), 'inserted'],
      [String(counts.refreshed), 'refreshed'],
      [String(counts.unchanged), 'needed no change'],
      [String(counts.already), 'were written by an earlier run'],
      [String(counts.held), 'held back'],
      ...(counts.left > 0 ? [[String(counts.left), 'not reached']] : []),
      ...(counts.queueSwitchedOff > 0 ? [[String(counts.queueSwitchedOff), 'stale commands switched off']] : []),
    ]),
  );
  for (const device of result.held.slice(0, 20)) {
    await print(
      `  ${styled('!', 'yellow')} ${plain(device.udid)}: ${plain(device.sentence)} ${styled(device.code, 'dim')}`,
    );
    for (const change of device.changes) {
      for (const [column, from, to] of change.columns) {
        await print(`        ${change.table}.${column}: ${plain(String(from))} → ${plain(String(to))}`);
      }
    }
  }
  if (result.held.length > 20) await print(`  and ${result.held.length - 20} more (--json lists all)`);
  for (const note of result.notes) await print(`  · ${plain(note)}`);
  if (verified !== null) await print(...verifyLines(verified));
  await print(`Journal: ${plain(result.journal)}`);
  if (result.state === 'stopped') await print(`Go on with: slipway apply ${plain(planPath)} --fleet …`);
}
