import { probeSchema } from '../../core/fleet/probe';
import { readTeams } from '../../core/fleet/hosts';
import { makePlan, writePlan, type Plan, type PlanStep } from '../../core/migration/plan';
import { writeMigrationSql } from '../../core/migration/sql';
import { sqlInputOfPlan } from '../../core/migration/sql-input';
import { parseTeamMap, teamResolver } from '../../core/migration/team-map';
import { judge } from '../../core/migration/verdict';
import { parseWave } from '../../core/migration/wave';
import { misused } from '../../core/failure';
import { refuseExisting } from '../../core/private-file';
import { copySource, printSource } from '../../core/sources';
import type { Finding } from '../../core/sources/snapshot';
import { EXIT } from '../exit-code';
import { fleetTarget, withFleetConnection } from '../fleet-opening';
import { clockFrom, copiesFolder, type AcceptOptions, type FleetOptions, type SourceOptions } from '../input';
import { readCopy, readOptions, sourceNamed } from '../source-reading';
import { counted, mark, plain, print, printJsonList, progressLine, styled, table } from '../terminal';
import { readText } from '../text-file';

interface PlanOptions extends SourceOptions, FleetOptions, AcceptOptions {
  readonly fleet: string;
  readonly out: string;
  readonly sql?: string;
  readonly teamMap?: string;
  readonly wave?: string;
  readonly steps?: string[];
  readonly overwrite?: boolean;
}

const STEPS: readonly string[] = ['queue', 'serials'] satisfies PlanStep[];

/** `slipway plan SOURCE --fleet … --out FILE`: compare with the live target and decide. */
export async function run(source: string, options: PlanOptions): Promise<number> {
  refuseExisting(options.out, options.overwrite);
  if (options.sql !== undefined) refuseExisting(options.sql, options.overwrite);
  const unknownStep = options.steps?.find((step) => !STEPS.includes(step));
  if (unknownStep !== undefined) {
    misused('usage/steps', `There is no step «${unknownStep}».`, 'Optional steps are queue and serials.');
  }
  const reference = sourceNamed(source, options);
  const target = fleetTarget(options.fleet, options);
  const at = clockFrom(options);
  const progress = progressLine(options.json === true);
  try {
    const copy = await copySource(reference, copiesFolder(options), {
      ...readOptions(options, at),
      onProgress: progress.onProgress,
    });
    const snapshot = await readCopy(reference, copy.path, options, at, progress.onProgress);
    const judgement = judge(snapshot, at);
    const wave = options.wave === undefined ? undefined : parseWave(readText('wave file', options.wave), snapshot);
    const rules = options.teamMap === undefined ? null : parseTeamMap(readText('team map', options.teamMap));

    const plan = await withFleetConnection(target, 'read', async (connection) => {
      const schema = await probeSchema(connection);
      const teamOf = rules === null ? null : teamResolver(rules, snapshot, await readTeams(connection));
      return makePlan({
        snapshot,
        judgement,
        at,
        sourceReference: printSource(reference),
        copy: { path: copy.path, sha256: copy.sha256 },
        connection,
        schema,
        accepted: new Set(options.accept ?? []),
        reason: options.reason ?? null,
        ...(teamOf === null ? {} : { teamOf }),
        ...(wave === undefined ? {} : { wave }),
        ...(options.steps === undefined ? {} : { steps: options.steps as PlanStep[] }),
        spool: copiesFolder(options),
        onProgress: progress.onProgress,
      });
    });
    await writePlan(options.out, plan, { overwrite: options.overwrite ?? false });
    if (options.sql !== undefined) {
      await writeMigrationSql(options.sql, sqlInputOfPlan(plan, snapshot, judgement), {
        overwrite: options.overwrite ?? false,
        onProgress: progress.onProgress,
      });
    }
    progress.end();
    // What the sources disagree on decides who goes in, so it is seen with the plan.
    const conflicts = snapshot.findings.filter(({ code }) => code.startsWith('several/'));
    if (options.json === true) await printPlanJson(plan, options.out, conflicts);
    else await printPlan(plan, options.out, conflicts);
    return EXIT.fine;
  } finally {
    progress.end();
  }
}

async function printPlanJson(plan: Plan, path: string, conflicts: readonly Finding[]): Promise<void> {
  const { devices, ...head } = plan;
  await printJsonList({ ...head, path, conflicts }, 'devices', shortly(devices), {}, '');
}

function* shortly(devices: Plan['devices']): Generator<Record<string, unknown>> {
  for (const { udid, serial, action, verdict, reasons, changes } of devices) {
    const codes = [...new Set(reasons.map(({ code }) => code))];
    yield { udid, serial, action, verdict, reasons: codes, changes: changes.length };
  }
}

const ACTIONS = [
  ['insert', 'nothing stands in Fleet yet'],
  ['refresh', 'only a migration has written what stands there'],
  ['keep', 'Fleet or the device has touched it: never overwritten'],
  ['held', 'a caution was not accepted'],
  ['blocked', 'it cannot go in'],
] as const;

async function printPlan(plan: Plan, path: string, conflicts: readonly Finding[]): Promise<void> {
  const { counts, target, steps } = plan;
  await print(
    `Plan ${styled(plan.id.slice(0, 12), 'bold')} for ${plain(target.database)} on ${plain(target.host)}:${target.port} (Fleet ${target.generation}, MySQL ${plain(target.version)})`,
    ...table(ACTIONS.map(([action, meaning]) => [counts[action].toLocaleString('en').padStart(8), action, meaning])),
  );
  const outside = [
    counts.withoutUdid > 0 ? `${counted(counts.withoutUdid, 'record')} without a UDID` : '',
    counts.outsideWave > 0 ? `${counted(counts.outsideWave, 'device')} outside the wave` : '',
  ].filter((part) => part !== '');
  if (outside.length > 0) await print(`  Not part of it: ${outside.join(', ')}.`);
  for (const { severity, detail, code } of conflicts)
    await print(`  ${mark(severity)} ${plain(detail)} ${styled(code, 'dim')}`);
  const why = new Map<string, number>();
  for (const device of plan.devices) {
    if (device.action !== 'held' && device.action !== 'blocked') continue;
    const weight = device.action === 'held' ? 'caution' : 'block';
    const codes = device.reasons.filter(({ severity, code }) => severity === weight && !plan.accepted.includes(code));
    for (const code of new Set(codes.map((reason) => reason.code))) why.set(code, (why.get(code) ?? 0) + 1);
  }
  for (const [code, count] of why) {
    await print(`  ${styled('!', 'yellow')} ${count} × ${code}: ${plain(plan.remedies[code] ?? '')}`);
  }
  if (steps.queue.count > 0) {
    await print(
      `  ${styled('!', 'yellow')} ${counted(steps.queue.count, 'command')} of an earlier import wait in Fleet’s queue and would run at first contact` +
        (steps.queue.chosen
          ? '; this plan switches them off.'
          : '; plan with --steps serials,queue to switch them off.'),
    );
  }
  if (steps.serials !== null) {
    await print(
      `  · Fleet’s next certificate serial is ${steps.serials.targetNext}, the old CA’s ${steps.serials.sourceNext}` +
        (steps.serials.chosen
          ? `; this plan lifts it to ${BigInt(steps.serials.serial) + 1n}.`
          : '; it is left as it is.'),
    );
  }
  await print(
    '',
    `Written to ${plain(path)}. It holds no secrets; review it, then:`,
    `  slipway apply ${plain(path)} --fleet … --rehearse`,
  );
}
