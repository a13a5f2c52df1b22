import { dirname } from 'node:path';
import { readTeams } from '../../core/fleet/hosts';
import { probeSchema } from '../../core/fleet/probe';
import { acceptedWhenApplied } from '../../core/migration/journal';
import { isWritten, rowsOfPlan, withAccepted } from '../../core/migration/plan';
import { parseTeamMap, teamResolver } from '../../core/migration/team-map';
import { expectedOfPlan, expectedOfSource, verifyRows, type VerifyResult } from '../../core/migration/verify';
import { EXIT } from '../exit-code';
import { fleetTarget, withFleetConnection } from '../fleet-opening';
import type { AcceptOptions, FleetOptions, SourceOptions } from '../input';
import { openPlan } from '../plan-opening';
import { namesPlan, readJudged } from '../source-reading';
import { plain, print, printJson, progressLine, styled } from '../terminal';
import { readText } from '../text-file';

interface VerifyOptions extends SourceOptions, FleetOptions, AcceptOptions {
  readonly fleet: string;
  readonly teamMap?: string;
  readonly journals?: string;
}

/** `slipway verify PLAN|SOURCE --fleet …`: every row read back and compared. Exit 1 when anything differs. */
export async function run(subject: string, options: VerifyOptions): Promise<number> {
  const target = fleetTarget(options.fleet, options);
  const progress = progressLine(options.json === true);
  try {
    const result = namesPlan(subject)
      ? await verifyPlan(subject, options, target, progress.onProgress)
      : await verifySource(subject, options, target, progress.onProgress);
    progress.end();
    if (options.json === true) await printJson({ schema: 1, ...verifyJson(result) });
    else await print(...verifyLines(result));
    const { counts } = result;
    return counts.differs + counts.missing + counts.extra === 0 ? EXIT.fine : EXIT.found;
  } finally {
    progress.end();
  }
}

type Target = ReturnType<typeof fleetTarget>;
type OnProgress = ReturnType<typeof progressLine>['onProgress'];

async function verifyPlan(
  path: string,
  options: VerifyOptions,
  target: Target,
  onProgress: OnProgress,
): Promise<VerifyResult> {
  const opened = await openPlan(path, options, onProgress);
  // What was let in when the plan was applied is verified too, without naming every code again.
  const journaled = await acceptedWhenApplied(options.journals ?? dirname(path), opened.plan.id);
  const plan = withAccepted(opened.plan, new Set([...opened.plan.accepted, ...journaled, ...(options.accept ?? [])]));
  const devices = plan.devices.filter(isWritten);
  const rowsOf = rowsOfPlan(plan, opened.snapshot, opened.judgement);
  return withFleetConnection(target, 'read', async (connection) =>
    verifyRows({
      connection,
      schema: await probeSchema(connection),
      expected: expectedOfPlan(devices, rowsOf),
      total: devices.length,
      onProgress,
    }),
  );
}

async function verifySource(
  source: string,
  options: VerifyOptions,
  target: Target,
  onProgress: OnProgress,
): Promise<VerifyResult> {
  const { snapshot, judgement } = await readJudged(source, options);
  const rules = options.teamMap === undefined ? null : parseTeamMap(readText('team map', options.teamMap));
  return withFleetConnection(target, 'read', async (connection) => {
    const schema = await probeSchema(connection);
    return verifyRows({
      connection,
      schema,
      expected: expectedOfSource({
        snapshot,
        judgement,
        schema,
        accepted: new Set(options.accept ?? []),
        ...(rules === null ? {} : { teamOf: teamResolver(rules, snapshot, await readTeams(connection)) }),
      }),
      total: null,
      onProgress,
    });
  });
}

/** The result as the JSON contract has it. */
export function verifyJson({ counts, devices, compared }: VerifyResult): Record<string, unknown> {
  return { counts, compared, devices };
}

/** The result as lines for people. */
export function verifyLines({ counts, devices, compared }: VerifyResult): string[] {
  const wrong = counts.differs + counts.missing + counts.extra;
  const lines = [
    wrong === 0
      ? `${styled('✓', 'green')} Read back: ${counts.same} of ${counts.devices} devices are exactly as derived from the source.`
      : `${styled('✗', 'red')} Read back: ${counts.differs} differ, ${counts.missing} are missing, ${counts.extra} have rows too many, ${counts.same} are the same.`,
    `  ${plain(compared)}`,
  ];
  if (counts['touched-since'] > 0)
    lines.push(`  ${counts['touched-since']} have been touched by Fleet or the device since; that is no error.`);
  for (const device of devices.filter((one) => one.state !== 'touched-since').slice(0, 20)) {
    lines.push(`  ${plain(device.udid)} ${device.state}`);
    for (const change of device.changes) {
      for (const [column, from, to] of change.columns) {
        lines.push(`      ${change.table}.${column}: ${plain(String(from))} → ${plain(String(to))}`);
      }
    }
  }
  return lines;
}
