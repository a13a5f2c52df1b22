/** Making a plan, keeping it as a file, opening it again, and telling the window what it says. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { PlanSummary } from '../../contract/state';
import { unreadable } from '../../core/failure';
import { readTeams } from '../../core/fleet/hosts';
import { formatPlan, isWritten, makePlan, parsePlan, type Plan } from '../../core/migration/plan';
import { parseTeamMap, teamResolver } from '../../core/migration/team-map';
import type { OnProgress } from '../../core/progress';
import { printSource } from '../../core/sources';
import { replacePrivate } from '../private-file';
import type { EngineInput, EngineOutput } from './protocol';
import type { OpenPlan, Workbench } from './workbench';

/** Compares the source on the bench with Fleet, and writes the plan into its folder. */
export async function planOf(
  bench: Workbench,
  { fleet, accepted, reason, folder, steps, teamMap }: EngineInput<'plan'>,
  onProgress: OnProgress,
): Promise<EngineOutput<'plan'>> {
  const { snapshot, judgement, at, reference, copy } = bench.requireSource();
  const rules = teamMap === null ? null : parseTeamMap(await teamMapAt(teamMap));
  const plan = await bench.link.read(fleet, async ({ connection, schema }) =>
    makePlan({
      snapshot,
      judgement,
      at,
      sourceReference: printSource(reference),
      copy,
      connection,
      schema,
      accepted: new Set(accepted),
      reason,
      steps,
      ...(rules === null ? {} : { teamOf: teamResolver(rules, snapshot, await readTeams(connection)) }),
      onProgress,
    }),
  );
  const path = join(folder, `${plan.id.slice(0, 16)}.json`);
  await replacePrivate(path, formatPlan(plan));
  bench.plan = { path, plan };
  // The list shows what the plan does with each device: better made now than at the next keystroke.
  bench.index();
  return { summary: planSummaryOf(bench.plan, Date.now()), fingerprint: plan.source.fingerprint };
}

/** Opens a plan from its file. */
export async function openedPlan(bench: Workbench, path: string): Promise<EngineOutput<'openPlan'>> {
  const plan = await readPlan(path);
  bench.plan = { path, plan };
  const { mtimeMs } = await stat(path);
  return { summary: planSummaryOf(bench.plan, Math.trunc(mtimeMs)), fingerprint: plan.source.fingerprint };
}

/** The plan of a file; the one on the bench when it is that one. */
export async function planAt(bench: Workbench, path: string): Promise<Plan> {
  return bench.plan?.path === path ? bench.plan.plan : readPlan(path);
}

async function readPlan(path: string): Promise<Plan> {
  return parsePlan(await readBounded(path, PLAN_FILE));
}

/** The text of a team map. */
export function teamMapAt(path: string): Promise<string> {
  return readBounded(path, TEAM_MAP_FILE);
}

/** How a file is called when it cannot be taken. */
interface BoundedFile {
  /** Begins its codes: `plan/too-large`, `plan/unreadable`. */
  readonly code: string;
  readonly name: string;
  readonly mebibytes: number;
  readonly whenTooLarge: string;
  readonly whenUnreadable: string;
}

const PLAN_FILE: BoundedFile = {
  code: 'plan',
  name: 'plan',
  // Node's strings end at 512 MiB.
  mebibytes: 500,
  whenTooLarge: 'Make the plan anew.',
  whenUnreadable: 'Make the plan anew.',
};

const TEAM_MAP_FILE: BoundedFile = {
  code: 'team-map',
  name: 'team map',
  mebibytes: 64,
  whenTooLarge: 'Choose a CSV file of serials and teams.',
  whenUnreadable: 'Choose it again at Plan, or plan without one.',
};

async function readBounded(path: string, file: BoundedFile): Promise<string> {
  const { code, name, mebibytes } = file;
  try {
    const { size } = await stat(path);
    if (size > mebibytes * 1_048_576) {
      unreadable(`${code}/too-large`, `The ${name} is larger than ${mebibytes} MiB.`, file.whenTooLarge);
    }
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code: reason } = error as NodeJS.ErrnoException;
    if (reason === undefined) throw error;
    return unreadable(`${code}/unreadable`, `The ${name} ${path} cannot be read (${reason}).`, file.whenUnreadable);
  }
}

function planSummaryOf({ plan, path }: OpenPlan, madeAt: number): PlanSummary {
  // The devices outside a wave are no part of this plan, and the window makes plans without waves.
  const { outsideWave: _outside, ...counts } = plan.counts;
  const { serials, queue } = plan.steps;
  return {
    id: plan.id,
    path,
    madeAt,
    at: Date.parse(plan.at),
    counts,
    target: {
      host: plan.target.host,
      port: plan.target.port,
      database: plan.target.database,
      generation: plan.target.generation,
    },
    accepted: [...plan.accepted],
    reason: plan.reason,
    reasons: whyLeftOut(plan),
    queueLeftovers: queue.count,
    queueChosen: queue.chosen,
    placed: plan.devices.filter((device) => isWritten(device) && device.teamId !== null).length,
    serials:
      serials === null
        ? null
        : {
            sourceNext: serials.sourceNext,
            targetNext: serials.targetNext,
            lifted: serials.chosen ? serials.serial : '',
          },
    stale: null,
  };
}

/** Why devices are held or blocked, the most frequent first; a caution that is accepted holds nothing. */
function whyLeftOut(plan: Plan): PlanSummary['reasons'] {
  const byCode = new Map<string, PlanSummary['reasons'][number]>();
  for (const device of plan.devices) {
    if (device.action !== 'held' && device.action !== 'blocked') continue;
    const held = device.action === 'held';
    const seen = new Set<string>();
    for (const { code, severity, sentence } of device.reasons) {
      if (severity !== (held ? 'caution' : 'block') || (held && plan.accepted.includes(code)) || seen.has(code))
        continue;
      seen.add(code);
      const key = `${held} ${code}`;
      const known = byCode.get(key);
      if (known === undefined) byCode.set(key, { code, sentence, remedy: plan.remedies[code] ?? '', count: 1, held });
      else known.count += 1;
    }
  }
  return [...byCode.values()].sort((left, right) => right.count - left.count);
}
