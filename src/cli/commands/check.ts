import { attempt } from '../../core/failure';
import { connectFleet, type FleetConnection } from '../../core/fleet/connection';
import { probeSchema } from '../../core/fleet/probe';
import { blockingChecks, runChecks, type CheckContext, type CheckResult } from '../../core/migration/checks';
import { EXIT } from '../exit-code';
import { fleetTarget } from '../fleet-opening';
import { grantsWanted } from '../grants-wanted';
import { operatorName, type AcceptOptions, type FleetOptions, type SourceOptions } from '../input';
import { secretFrom } from '../secret-input';
import { readJudged } from '../source-reading';
import { plain, print, printJson, styled } from '../terminal';
import { rfc3339 } from '../time';

interface CheckOptions extends SourceOptions, FleetOptions, AcceptOptions {
  readonly staging?: boolean;
  readonly backupBy?: string;
  readonly renewalSetBy?: string;
}

/** `slipway check SOURCE`: the preflight. Exit 1 when a failed check holds apply up. */
export async function run(source: string, options: CheckOptions): Promise<number> {
  const judged = await readJudged(source, options);
  let connection: FleetConnection | null = null;
  let grants: string[] = [];
  try {
    let context: CheckContext = {
      ...judged,
      ...fleetSide(options),
      staging: options.staging ?? false,
      answers: answersFrom(options),
    };
    if (options.fleet !== undefined) {
      const target = fleetTarget(options.fleet, options);
      const opened = await attempt(async () => {
        connection = await connectFleet(target, 'read');
        return { connection, schema: await probeSchema(connection) };
      });
      context = opened.ok ? { ...context, fleet: opened.value } : { ...context, fleetFailure: opened.failure };
      if (!opened.ok) grants = await grantsWanted(target, opened.failure);
    }
    const results = (await runChecks(context)).map((result) => withGrants(result, grants));
    const blocking = blockingChecks(results, options.accept ?? []);
    if (options.json === true) await printChecksJson(results, blocking, judged.at);
    else await printChecks(results, blocking);
    return blocking.length === 0 ? EXIT.fine : EXIT.found;
  } finally {
    await (connection as FleetConnection | null)?.close();
  }
}

/** The failed check of the connection, with the grants the account lacks. */
function withGrants(result: CheckResult, statements: readonly string[]): CheckResult {
  if (statements.length === 0 || result.id !== 'fleet-database') return result;
  const remedy = `${result.remedy} These grants the account lacks: have an administrator run them, then check again.`;
  return { ...result, remedy, commands: statements };
}

/** What the options say about Fleet's HTTPS side and its private key. */
export function fleetSide(
  options: FleetOptions,
): Pick<CheckContext, 'fleetUrl' | 'fleetCaFile' | 'fleetToken' | 'privateKey'> {
  return {
    fleetUrl: options.fleetUrl,
    fleetCaFile: options.fleetUrlCaFile,
    fleetToken: secretFrom('Fleet API token', options.fleetTokenFile, 'SLIPWAY_FLEET_TOKEN') ?? undefined,
    privateKey: secretFrom('server private key', options.privateKeyFile, 'SLIPWAY_PRIVATE_KEY') ?? undefined,
  };
}

/** Who confirmed what no program can see. */
export function answersFrom(options: CheckOptions): CheckContext['answers'] {
  const note = `confirmed to ${operatorName()}`;
  return {
    ...(options.backupBy === undefined ? {} : { backup: { by: options.backupBy, note } }),
    ...(options.renewalSetBy === undefined ? {} : { 'renewal-switch': { by: options.renewalSetBy, note } }),
  };
}

async function printChecksJson(
  results: readonly CheckResult[],
  blocking: readonly CheckResult[],
  at: number,
): Promise<void> {
  await printJson({
    schema: 1,
    at: rfc3339(at),
    counts: tally(results),
    blocking: blocking.map((result) => result.code),
    checks: results.map(
      ({ id, phase, title, status, code, sentence, remedy, overridable, subjects, commands, acknowledgedBy }) => ({
        id,
        phase,
        title,
        status,
        code,
        sentence,
        remedy,
        overridable,
        subjects: subjects ?? [],
        commands: commands ?? [],
        acknowledgedBy: acknowledgedBy ?? null,
      }),
    ),
  });
}

function tally(results: readonly CheckResult[]): Record<CheckResult['status'], number> {
  const counts = { pass: 0, warn: 0, fail: 0, skipped: 0 };
  for (const result of results) counts[result.status] += 1;
  return counts;
}

/** One check as lines for people: a pass is one quiet line, anything else says why and what to do. */
export function checkLines(result: CheckResult, accepted: boolean): string[] {
  const mark = {
    pass: styled('✓', 'green'),
    warn: styled('!', 'yellow'),
    fail: accepted ? styled('!', 'yellow') : styled('✗', 'red'),
    skipped: '–',
  }[result.status];
  const head = `  ${mark} ${result.title}: ${plain(result.sentence)}`;
  if (result.status === 'pass' || result.status === 'skipped') return [head];
  const lines = [`${head} ${styled(result.code, 'dim')}`];
  if (accepted) lines.push('      accepted');
  if (result.remedy !== '') lines.push(`      ${plain(result.remedy)}`);
  for (const subject of (result.subjects ?? []).slice(0, 5)) lines.push(`        ${plain(subject)}`);
  const more = (result.subjects?.length ?? 0) - 5;
  if (more > 0) lines.push(`        and ${more} more (--json lists up to 50)`);
  for (const command of result.commands ?? []) lines.push(`        ${plain(command)}`);
  if (result.status === 'fail' && result.overridable && !accepted)
    lines.push(`      or accept it: --accept ${result.code}`);
  return lines;
}

async function printChecks(results: readonly CheckResult[], blocking: readonly CheckResult[]): Promise<void> {
  let phase = '';
  for (const result of results) {
    if (result.phase !== phase) {
      phase = result.phase;
      await print(styled(phase, 'bold'));
    }
    await print(...checkLines(result, result.status === 'fail' && !blocking.includes(result)));
  }
  const { pass, warn, fail, skipped } = tally(results);
  await print('', `${pass} passed, ${warn} warnings, ${fail} failed, ${skipped} not asked.`);
  if (blocking.length > 0) await print(`Apply would be refused: ${blocking.map((result) => result.code).join(', ')}`);
}
