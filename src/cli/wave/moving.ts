/** `slipway wave plan`, `next` and `wake`. */
import { join } from 'node:path';
import { version } from '../../../package.json';
import { type WakeResult, planWake } from '../../core/cutover/wake';
import type { Waker } from '../../core/cutover/waker';
import { type MoveResult, type WavePreview, heldUp, moveWave, prepareWave } from '../../core/cutover/wave-move';
import { progressOfDevices } from '../../core/cutover/wave-progress';
import { prepareWaking, wakeAgain } from '../../core/cutover/wave-wake';
import { connectFleet } from '../../core/fleet/connection';
import { readHosts, readTeams } from '../../core/fleet/hosts';
import { probeSchema } from '../../core/fleet/probe';
import { journaledChecks, runChecks } from '../../core/migration/checks';
import { NOT_REREAD, freshFingerprints } from '../../core/migration/drift';
import { formatPlan } from '../../core/migration/plan';
import { parseTeamMap, teamResolver } from '../../core/migration/team-map';
import { writePrivate } from '../../core/private-file';
import { answeredByYes, stopOnChecks } from '../commands/apply';
import { answersFrom, fleetSide } from '../commands/check';
import { EXIT } from '../exit-code';
import { fleetTarget, withFleetConnection } from '../fleet-opening';
import { clockFrom, confirm, requireAnswer } from '../input';
import { stopOnSignal } from '../interrupt';
import { readOptions, sourceNamed } from '../source-reading';
import { counted, plain, print, printJson, progressLine, styled, table, tell } from '../terminal';
import { readText } from '../text-file';
import { freshSource, wakerFrom } from './fleet';
import { type WaveOptions, handsFrom, missing, open, udidsOf } from './opening';
import { reasonLines } from './reasons';

export async function plan(options: WaveOptions): Promise<number> {
  const progress = progressLine(options.json === true);
  try {
    const { preview, waker } = await prepared(options, progress.onProgress);
    progress.end();
    if (options.json === true) await printJson({ schema: 1, ...previewJson(preview, waker) });
    else await print(...previewLines(preview, waker));
    return preview.obstacles.length === 0 ? EXIT.fine : EXIT.found;
  } finally {
    progress.end();
  }
}

async function prepared(options: WaveOptions, onProgress: ReturnType<typeof progressLine>['onProgress']) {
  const opened = await open(options);
  const target = fleetTarget(options.fleet ?? missing('--fleet', 'Fleet’s database'), options);
  const waker = wakerFrom(opened.ladder.source, options, onProgress);
  const source = await freshSource(options.source ?? opened.ladder.source, options, onProgress);
  const accepted = new Set(options.accept ?? []);
  const rules = options.teamMap === undefined ? null : parseTeamMap(readText('team map', options.teamMap));
  const preview = await withFleetConnection(target, 'read', async (connection) =>
    prepareWave({
      ...(rules === null ? {} : { teamOf: teamResolver(rules, source.snapshot, await readTeams(connection)) }),
      ladder: opened.ladder,
      waves: opened.waves,
      engine: opened.engine,
      source,
      connection,
      schema: await probeSchema(connection),
      accepted,
      reason: options.reason ?? null,
      ...(options.wave === undefined ? {} : { rung: options.wave }),
      progress: (udids) =>
        progressOfDevices(
          () => connectFleet(target, 'read'),
          { snapshot: source.snapshot, standing: opened.standing, journals: opened.journals },
          udids,
        ),
      onProgress,
    }),
  );
  return { ...opened, target, waker, source, accepted, preview };
}

export async function next(options: WaveOptions): Promise<number> {
  requireAnswer(options.yes);
  const progress = progressLine(options.json === true);
  try {
    const all = await prepared(options, progress.onProgress);
    const { preview, source, target, waker, accepted } = all;
    progress.end();
    if (preview.obstacles.length > 0) {
      if (options.json !== true) await print(...previewLines(preview, waker));
      heldUp(preview.obstacles);
    }
    const preflight = await withFleetConnection(target, 'read', async (connection) =>
      runChecks({
        snapshot: source.snapshot,
        judgement: source.judgement,
        at: source.at,
        fleet: { connection, schema: await probeSchema(connection) },
        ...fleetSide(options),
        staging: options.staging ?? false,
        answers: { ...(options.yes === true ? answeredByYes() : {}), ...answersFrom(options) },
      }),
    );
    await stopOnChecks(preflight, [...accepted], options);
    const question = [
      ...(options.json === true ? [] : previewLines(preview, waker)),
      'Routes are switched as soon as the rows stand in Fleet. Going back later does not undo what Fleet does to a device meanwhile.',
    ];
    if (!(await confirm(question.join('\n'), preview.rung, options.yes))) {
      tell('Nothing was changed.');
      return EXIT.found;
    }
    const stop = stopOnSignal();
    const result = await moveWave({
      preview,
      waves: all.waves,
      engine: all.engine,
      hands: handsFrom(options),
      source,
      async savePlan(made) {
        const path = join(all.plans, `${made.id.slice(0, 16)}.json`);
        await writePrivate(path, formatPlan(made), { overwrite: true });
        return path;
      },
      apply: {
        connect: () => connectFleet(target, 'write'),
        connectReader: () => connectFleet(target, 'read'),
        probe: probeSchema,
        journalFolder: all.journals,
        accepted: [...accepted],
        reason: options.reason ?? null,
        preflight: journaledChecks(preflight),
        tool: `slipway ${version}`,
        signal: stop.signal,
        onProgress: progress.onProgress,
      },
      fresh: (made) =>
        freshFingerprints(
          made,
          sourceNamed(options.source ?? all.ladder.source, options),
          { ...readOptions(options, clockFrom(options)), onProgress: progress.onProgress },
          [...accepted],
          `name where it is now with --source, or accept that it is not read with --accept ${NOT_REREAD}`,
        ),
      accepted,
      reason: options.reason ?? null,
      tool: `slipway ${version}`,
      engineName: all.ladder.engine.kind,
      wake: waker,
      hosts: () => withFleetConnection(target, 'read', (connection) => readHosts(connection, source.snapshot.devices)),
      connectReader: () => connectFleet(target, 'read'),
    }).finally(stop.end);
    progress.end();
    if (options.json === true) await printJson({ schema: 1, ...moveJson(result) });
    else await printMove(result);
    if (result.state === 'stopped') return EXIT.interrupted;
    return result.left.length === 0 && (result.woken?.failed.length ?? 0) === 0 ? EXIT.fine : EXIT.found;
  } finally {
    progress.end();
  }
}

function previewJson(preview: WavePreview, waker: Waker | null): Record<string, unknown> {
  return {
    wave: preview.rung,
    resumes: preview.resumes?.step ?? null,
    counts: {
      devices: preview.devices.size,
      atFleet: preview.atFleet.size,
      moving: preview.moving.length,
      left: preview.left.length,
      insert: preview.plan.counts.insert,
      refresh: preview.plan.counts.refresh,
      keep: preview.plan.counts.keep,
    },
    planId: preview.plan.id,
    moving: preview.moving,
    left: preview.left,
    obstacles: preview.obstacles,
    wake: waker === null ? null : wakeJson(preview, waker),
  };
}

function wakeJson({ wake: planned }: WavePreview, waker: Waker): Record<string, unknown> {
  return {
    way: waker.way,
    command: waker.command,
    calls: planned.batches.map(({ platform, udids }) => ({ platform, devices: udids.length })),
    hostless: planned.hostless.length,
  };
}

function previewLines(preview: WavePreview, waker: Waker | null): string[] {
  const { counts } = preview.plan;
  const lines = [
    `${styled(`Wave «${preview.rung}»`, 'bold')}${preview.resumes === null ? '' : `, taken up again after «${preview.resumes.step}»`}: ${counted(preview.moving.length, 'device')} to Fleet, where ${preview.atFleet.size.toLocaleString('en')} go already.`,
    ...table([
      [String(counts.insert), 'rows to be inserted'],
      [String(counts.refresh), 'to be refreshed'],
      [String(counts.keep), 'kept as they are'],
      [String(preview.left.length), 'stay behind'],
    ]),
  ];
  lines.push(...reasonLines(preview.left));
  for (const { code, sentence, remedy, overridable } of preview.obstacles) {
    lines.push(`  ${styled('✗', 'red')} ${plain(sentence)} ${styled(code, 'dim')}`, `      ${plain(remedy)}`);
    if (overridable) lines.push(`      or accept it: --accept ${code}`);
  }
  if (waker === null) lines.push('  · Nobody is woken: devices come when they call in by themselves.');
  else {
    const { batches, hostless } = preview.wake;
    const asked = batches.reduce((sum, { udids }) => sum + udids.length, 0);
    if (waker.way !== 'old-server')
      lines.push(
        `  · ${counted(asked, 'device')} get a DeviceInformation command of Fleet (asks for UDID and serial number, changes nothing).`,
      );
    const pushed = waker.way === 'old-server' ? asked + hostless.length : hostless.length;
    if (waker.way !== 'fleet') lines.push(`  · ${counted(pushed, 'device')} are pushed by the old server.`);
    else if (pushed > 0)
      lines.push(
        `  ${styled('!', 'yellow')} ${counted(pushed, 'device')} Fleet has no host of are not woken (--push-url pushes them).`,
      );
  }
  return lines;
}

function moveJson(result: MoveResult): Record<string, unknown> {
  return {
    wave: result.rung,
    state: result.state,
    counts: { moved: result.moved.length, left: result.left.length, ...pick(result.applied.counts) },
    moved: result.moved,
    left: result.left,
    plan: result.plan,
    journal: result.applied.journal,
    woken: wokenJson(result.woken),
  };
}

function pick({
  inserted,
  refreshed,
  unchanged,
  already,
  held,
}: MoveResult['applied']['counts']): Record<string, number> {
  return { inserted, refreshed, unchanged, already, held };
}

function wokenJson(woken: WakeResult | null): Record<string, unknown> | null {
  return woken === null ? null : { sent: woken.sent, commands: woken.commands, failed: woken.failed };
}

async function printMove(result: MoveResult): Promise<void> {
  if (result.state === 'stopped') {
    await print('Stopped before any route was switched. The same command goes on.');
    return;
  }
  await print(
    styled(`Moved «${result.rung}»: ${counted(result.moved.length, 'device')} now go to Fleet.`, 'bold'),
    ...(result.left.length === 0 ? [] : ['Stayed behind:']),
    ...reasonLines(result.left),
    ...wokenLines(result.woken),
    `Plan: ${plain(result.plan)}`,
    `Journal: ${plain(result.applied.journal)}`,
    'Look how they arrive with `slipway status`; go back with `slipway wave back`.',
  );
}

function wokenLines(woken: WakeResult | null): string[] {
  if (woken === null) return [];
  return [
    `  · ${counted(woken.sent, 'device')} woken.`,
    ...(woken.failed.length === 0 ? [] : ['Not woken:']),
    ...reasonLines(woken.failed),
  ];
}

export async function wake(options: WaveOptions): Promise<number> {
  requireAnswer(options.yes);
  const progress = progressLine(options.json === true);
  try {
    const { ladder: made, waves } = await open(options, false);
    const waker =
      wakerFrom(made.source, options, progress.onProgress) ?? missing('--fleet-url or --push-url', 'who wakes them');
    const preview = await prepareWaking(waves, {
      ...(options.wave === undefined ? {} : { rung: options.wave }),
      ...(options.only === undefined ? {} : { udids: udidsOf(options.only) }),
    });
    const { udids } = preview;
    const target = fleetTarget(options.fleet ?? missing('--fleet', 'Fleet’s database'), options);
    const hosts = await withFleetConnection(target, 'read', (connection) =>
      readHosts(
        connection,
        udids.map((udid) => ({ udid, serial: null })),
      ),
    );
    const planned = planWake(udids, hosts);
    const asked = planned.batches.reduce((sum, one) => sum + one.udids.length, 0);
    const question = `Wake ${counted(udids.length, 'device')} (${asked} with a host in Fleet, ${planned.hostless.length} without) through ${waker.way}: ${waker.way === 'old-server' ? 'a push of the old server' : 'a DeviceInformation command that asks for UDID and serial number'}.`;
    if (!(await confirm(question, 'wake', options.yes))) {
      tell('Nothing was sent.');
      return EXIT.found;
    }
    const woken = await wakeAgain(waves, preview, waker, hosts);
    progress.end();
    if (options.json === true)
      await printJson({ schema: 1, wave: preview.rung, source: made.source, ...wokenJson(woken) });
    else await print(...wokenLines(woken));
    return woken.failed.length === 0 ? EXIT.fine : EXIT.found;
  } finally {
    progress.end();
  }
}
