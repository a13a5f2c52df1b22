/**
 * Moving a wave: the source is read again, exactly the wave’s rows are imported, they are read back, and only then are
 * its routes switched and its devices woken. Each step is in the journal; a move that was interrupted is taken up again
 * with the same devices, and what is done already is recognised.
 */
import { FailureError, refused } from '../failure';
import type { FleetConnection } from '../fleet/connection';
import { readHosts, readTeams, type Hosts } from '../fleet/hosts';
import { applyPlan, type ApplyInput, type ApplyResult } from '../migration/apply';
import type { Fresh } from '../migration/drift';
import { operatorHere } from '../migration/journal';
import { planInKeyOrder } from '../migration/key-order';
import { isWritten, makePlan, type Plan, type PlanInput } from '../migration/plan';
import type { Judgement } from '../migration/verdict';
import type { TargetSchema } from '../fleet/schema';
import type { OnProgress } from '../progress';
import type { Snapshot } from '../sources/snapshot';
import { resolveChoice } from './choice';
import type { Hands, RouteEngine, RouteReading } from './engines/engine';
import { unfitDevices } from './fitness';
import type { Ladder, Rung } from './ladder';
import { certificateObstacle, dangerObstacle, entryObstacle, type EntryFacts, type Obstacle } from './obstacle';
import { isRoutable } from './route-map';
import { certainRoutes, readRoutes, settleRoutes } from './routes';
import { planWake, type WakePlan, type WakeResult } from './wake';
import { openWaves, readWaves, standingOf, type WaveJournal, type WaveMove, type WaveStanding } from './wave-journal';

/** The source as it was just read, with the private copy it was read from. */
export interface FreshSource {
  readonly snapshot: Snapshot;
  readonly judgement: Judgement;
  readonly at: number;
  readonly reference: string;
  readonly copy: { readonly path: string; readonly sha256: string };
}

/** A device that does not move, and why. */
export interface LeftBehind {
  readonly udid: string;
  readonly code: string;
  readonly sentence: string;
}

/** What a wave would do. Nothing has been written yet. */
export interface WavePreview {
  readonly rung: string;
  /** The move that was interrupted and is taken up again; null for a new one. */
  readonly resumes: WaveMove | null;
  /** Devices at Fleet before it. */
  readonly atFleet: ReadonlySet<string>;
  /** Devices of the wave that are not at Fleet yet. */
  readonly devices: ReadonlySet<string>;
  readonly plan: Plan;
  /** Those that will move unless something comes up while their rows are written. */
  readonly moving: readonly string[];
  readonly left: readonly LeftBehind[];
  /** What holds it up; those that may be accepted and were are left out. */
  readonly obstacles: readonly Obstacle[];
  readonly wake: WakePlan;
}

/** What a preview is made from. */
export interface PrepareInput {
  readonly ladder: Ladder;
  /** Path of the waves’ journal. */
  readonly waves: string;
  readonly engine: RouteEngine;
  readonly source: FreshSource;
  readonly connection: FleetConnection;
  readonly schema: TargetSchema;
  readonly accepted: ReadonlySet<string>;
  readonly reason: string | null;
  /** Which rung; the next one unless given. */
  readonly rung?: string;
  /** How devices stand, from the watch; null: not known. */
  readonly progress: (udids: readonly string[]) => EntryFacts | null | Promise<EntryFacts | null>;
  readonly teamOf?: PlanInput['teamOf'];
  readonly onProgress?: OnProgress;
}

/** How each rung stands. */
export interface RungStanding {
  readonly rung: Rung;
  /** `moved`: its move came to its end and was not taken back. */
  readonly state: 'waiting' | 'moving' | 'moved' | 'back';
  /** Devices it has led to Fleet and that still go there. */
  readonly moved: readonly string[];
  readonly last: WaveMove | null;
}

/** How the ladder stands, by its journal. */
export function rungsOf(ladder: Ladder, standing: WaveStanding): RungStanding[] {
  return ladder.rungs.map((rung) => {
    const last = standing.moves.findLast((move) => move.rung === rung.name) ?? null;
    const back = standing.backs.findLast((one) => one.rung === rung.name);
    const moved = [...standing.switched].flatMap(([udid, by]) => (by.rung === rung.name ? [udid] : []));
    const state =
      last === null
        ? 'waiting'
        : back !== undefined && back.move > last.number
          ? 'back'
          : last.step === 'closed'
            ? 'moved'
            : 'moving';
    return { rung, state, moved, last };
  });
}

/**
 * Looks at what the next wave would do. Reads only.
 * @throws wave/ladder-done, wave/no-such-rung, wave/move-open, wave/routes-in-doubt, and what planning throws
 */
export async function prepareWave(input: PrepareInput): Promise<WavePreview> {
  const { ladder, source, connection, schema, accepted } = input;
  const standing = standingOf((await readWaves(input.waves)).lines);
  const atFleet = certainRoutes(await readRoutes(input.engine, standing));
  const rungs = rungsOf(ladder, standing);
  const index = rungIndex(rungs, standing, input.rung);
  const { rung } = rungs[index] ?? absent();
  const resumes = standing.open?.rung === rung.name ? standing.open : null;

  const hosts = await readHosts(connection, source.snapshot.devices);
  const facts = { snapshot: source.snapshot, fleet: { teams: await readTeams(connection), hosts } };
  const wanted = new Set<string>(resumes?.devices ?? []);
  if (resumes === null) {
    for (const { rung: each } of rungs.slice(0, index + 1))
      for (const udid of resolveChoice(each.choice, facts)) wanted.add(udid);
  }
  const devices = new Set([...wanted].filter((udid) => !atFleet.has(udid)));

  const plan = planInKeyOrder(
    await makePlan({
      snapshot: source.snapshot,
      judgement: source.judgement,
      at: source.at,
      sourceReference: source.reference,
      copy: source.copy,
      connection,
      schema,
      accepted,
      reason: input.reason,
      wave: devices,
      ...(input.teamOf === undefined ? {} : { teamOf: input.teamOf }),
      ...(input.onProgress === undefined ? {} : { onProgress: input.onProgress }),
    }),
  );
  const { moving, left } = await fate(plan, devices, source, connection, schema);

  const before = rungs.slice(0, index).findLast(({ moved }) => moved.length > 0);
  const found = [
    before === undefined || resumes !== null
      ? null
      : entryObstacle(before.rung.name, rung.entry, await input.progress(before.moved)),
    certificateObstacle(ladder, source.snapshot, source.judgement, new Set([...atFleet, ...devices])),
    dangerObstacle(source.judgement, devices),
  ];
  return {
    rung: rung.name,
    resumes,
    atFleet,
    devices,
    plan,
    moving,
    left,
    obstacles: found
      .filter((one) => one !== null)
      .filter(({ code, overridable }) => !overridable || !accepted.has(code)),
    wake: planWake(moving, hosts),
  };
}

function rungIndex(rungs: readonly RungStanding[], standing: WaveStanding, wish: string | undefined): number {
  const open = standing.open?.rung;
  const isOpen = open !== undefined && rungs.some(({ rung, state }) => rung.name === open && state === 'moving');
  if (isOpen && wish !== undefined && wish !== open)
    refused(
      'wave/move-open',
      `The wave «${open}» was begun and is not at its end.`,
      'Take that one to its end first, or go back with it.',
    );
  const name = isOpen ? open : wish;
  if (name === undefined) {
    const next = rungs.findIndex(({ state }) => state !== 'moved');
    if (next >= 0) return next;
    refused(
      'wave/ladder-done',
      'All waves of the ladder have moved.',
      'Name one to move devices that stayed behind, or add another.',
    );
  }
  const found = rungs.findIndex(({ rung }) => rung.name === name);
  if (found >= 0) return found;
  return refused(
    'wave/no-such-rung',
    `The ladder has no wave «${name}».`,
    `It has: ${rungs.map(({ rung }) => rung.name).join(', ')}.`,
  );
}

/** Who moves and who does not, as the plan has it. */
async function fate(
  plan: Plan,
  devices: ReadonlySet<string>,
  source: FreshSource,
  connection: FleetConnection,
  schema: TargetSchema,
): Promise<{ moving: string[]; left: LeftBehind[] }> {
  const moving: string[] = [];
  const left: LeftBehind[] = [];
  const kept = new Set(plan.devices.filter(({ action }) => action === 'keep').map(({ udid }) => udid));
  // Of several records of an id the blocked ones say nothing about the one that goes on.
  const going = new Set(plan.devices.filter(({ verdict }) => verdict !== 'blocked').map(({ udid }) => udid));
  const unfit = await unfitDevices(
    connection,
    schema,
    source.judgement.devices.filter(
      ({ device: { udid }, verdict }) => udid !== null && kept.has(udid) && (verdict !== 'blocked' || !going.has(udid)),
    ),
  );
  const planned = new Set<string>();
  for (const device of plan.devices) {
    const { udid, action, reasons } = device;
    if (device.verdict === 'blocked' && going.has(udid)) continue;
    planned.add(udid);
    const against =
      action === 'keep'
        ? // What must not go in must not be led there either, whatever Fleet still holds of it.
          (unfit.get(udid) ?? reasons.find(({ severity }) => severity === 'block'))
        : action === 'held' || action === 'blocked'
          ? reasons.find(
              ({ severity, code }) =>
                severity === (action === 'held' ? 'caution' : 'block') && !plan.accepted.includes(code),
            )
          : undefined;
    if (!isRoutable(udid))
      left.push({ udid, code: 'udid-not-routable', sentence: 'Its UDID is in no form a load balancer can look for.' });
    else if (against !== undefined) left.push({ udid, code: against.code, sentence: against.sentence });
    else if (isWritten(device) || action === 'keep') moving.push(udid);
    else left.push({ udid, code: action, sentence: 'The plan leaves it out.' });
  }
  for (const udid of devices) {
    if (!planned.has(udid))
      left.push({ udid, code: 'not-in-source', sentence: 'The source does not have it any more.' });
  }
  return { moving, left };
}

/** What moving a wave needs besides its preview. */
export interface MoveInput {
  readonly preview: WavePreview;
  readonly waves: string;
  readonly engine: RouteEngine;
  readonly hands?: Hands;
  readonly source: FreshSource;
  /** Where the plan is written, so that it can be looked at and verified later. */
  readonly savePlan: (plan: Plan) => Promise<string>;
  /** Everything of apply but what comes from the preview. */
  readonly apply: Omit<ApplyInput, 'plan' | 'snapshot' | 'judgement' | 'rehearse' | 'fresh'>;
  /** The source read once more, just before writing: devices that changed since are held back. */
  readonly fresh: (plan: Plan) => Promise<Fresh | null>;
  readonly accepted: ReadonlySet<string>;
  readonly reason: string | null;
  readonly tool: string;
  readonly engineName: string;
  /** Wakes devices; null: nobody is woken. What it sends was shown before. */
  readonly wake: {
    readonly way: string;
    readonly command: string;
    readonly send: (plan: WakePlan) => Promise<WakeResult>;
  } | null;
  /** Fleet’s hosts, for waking. */
  readonly hosts: () => Promise<Hosts>;
  readonly connectReader: () => Promise<FleetConnection>;
  /** Tests only: called at named points. */
  readonly probePoint?: (point: string) => Promise<void>;
}

/** What became of a wave. */
export interface MoveResult {
  readonly move: number;
  readonly rung: string;
  /** `stopped`: the operator stopped it; run it again to go on. */
  readonly state: 'moved' | 'stopped';
  /** Devices whose route now leads to Fleet because of this move. */
  readonly moved: readonly string[];
  readonly left: readonly LeftBehind[];
  readonly applied: ApplyResult;
  readonly plan: string;
  readonly routes: RouteReading | null;
  readonly woken: WakeResult | null;
}

/**
 * Moves a wave. Throws `wave/held-up` when something stands in its way that was not accepted, and the failures of
 * applying and of the engine; what was done before stands in the journal, and the same call goes on from there.
 */
export async function moveWave(input: MoveInput): Promise<MoveResult> {
  const { preview, engine, source } = input;
  const [obstacle] = preview.obstacles;
  if (obstacle !== undefined) heldUp(preview.obstacles);
  const journal = await openWaves(input.waves);
  try {
    const before = standingOf(await settleRoutes(journal, journal.found.lines, engine));
    const move = preview.resumes?.number ?? before.nextMove;
    if (preview.resumes === null) {
      await journal.append({
        kind: 'opened',
        move,
        rung: preview.rung,
        ...operatorHere(),
        tool: input.tool,
        engine: input.engineName,
        devices: [...preview.devices],
        accepted: [...input.accepted].sort(),
        reason: input.reason,
      });
    }
    await input.probePoint?.('opened');
    const plan = await input.savePlan(preview.plan);
    await journal.append({ kind: 'planned', move, planId: preview.plan.id, plan, counts: { ...preview.plan.counts } });
    await input.probePoint?.('planned');

    const fresh = await input.fresh(preview.plan);
    const applied = await applyPlan({
      ...input.apply,
      plan: preview.plan,
      snapshot: source.snapshot,
      judgement: source.judgement,
      fresh,
    });
    await journal.append({ kind: 'imported', move, journal: applied.journal, counts: { ...applied.counts } });
    const done = { move, rung: preview.rung, applied, plan };
    if (applied.state === 'stopped')
      return { ...done, state: 'stopped', moved: [], left: preview.left, routes: null, woken: null };
    await input.probePoint?.('imported');

    const left = [...preview.left];
    const moved = await provenDevices(input, applied, fresh, left);
    await journal.append({
      kind: 'verified',
      move,
      devices: moved.length,
      left: left.map(({ udid, code }) => ({ udid, code })),
    });
    await input.probePoint?.('verified');

    // Read again: between preview and now another hand may have changed the routes.
    const now = certainRoutes(await readRoutes(engine, standingOf((await readWaves(input.waves)).lines)));
    let routes: RouteReading | null = null;
    if (moved.length > 0) {
      await journal.append({ kind: 'route-intent', move, devices: [...moved] });
      await input.probePoint?.('route-intent');
      routes = await engine.lead(new Set([...now, ...moved]), now, input.hands);
      await input.probePoint?.('led');
      await journal.append({
        kind: 'routed',
        move,
        total: now.size + moved.length,
        instances: routes.instances.map(({ name }) => name),
      });
      await input.probePoint?.('routed');
    }
    const woken = await wakeMoved(input, before, move, moved, (entry) => journal.append(entry));
    await journal.append({ kind: 'closed', move, moved: moved.length, left: left.length });
    return { ...done, state: 'moved', moved, left, routes, woken };
  } finally {
    await journal.close();
  }
}

/** Throws `wave/held-up`. */
export function heldUp(obstacles: readonly Obstacle[]): never {
  const [first] = obstacles;
  return refused(
    'wave/held-up',
    `The wave is held up: ${obstacles.map(({ sentence }) => sentence).join(' ')}`,
    first?.remedy ?? '',
    Object.fromEntries(obstacles.map(({ code, devices }) => [code, devices.length])),
  );
}

/** The devices whose rows stand in Fleet as they must; the others are added to those left behind. */
async function provenDevices(
  input: MoveInput,
  applied: ApplyResult,
  fresh: Fresh | null,
  left: LeftBehind[],
): Promise<string[]> {
  const { preview, source } = input;
  const { verified } = applied;
  if (verified === null) {
    return refused(
      'wave/not-verified',
      'The wave’s rows were not read back, so none of its routes was switched.',
      'Run it again.',
    );
  }
  const against = new Map<string, LeftBehind>();
  for (const { udid, code, sentence } of applied.held) against.set(udid, { udid, code, sentence });
  const touched = new Set<string>();
  for (const { udid, state } of verified.devices) {
    if (state === 'touched-since') touched.add(udid);
    else against.set(udid, { udid, code: 'not-as-written', sentence: 'What was read back is not what was written.' });
  }
  // Rows that are no longer only ours are looked at as Fleet would.
  const kept = new Set<string>();
  for (const { udid, action, fingerprint } of preview.plan.devices) {
    if (action !== 'keep') continue;
    kept.add(udid);
    // Apply looks for drift among what it writes; these it does not write.
    if (fresh !== null && fresh.get(udid) !== fingerprint)
      against.set(udid, {
        udid,
        code: 'source-drift',
        sentence: 'It changed at the old server after the wave was looked at.',
      });
    else if (fresh?.waiting?.has(udid) === true && !input.accepted.has('pending-command'))
      against.set(udid, {
        udid,
        code: 'pending-command',
        sentence: 'The old server holds a command for it that must not be lost.',
      });
  }
  const doubtful = source.judgement.devices.filter(
    // What is blocked does not move anyway, and may be a second record of an id that does.
    ({ device: { udid }, verdict }) => udid !== null && verdict !== 'blocked' && (kept.has(udid) || touched.has(udid)),
  );
  if (doubtful.length > 0) {
    const connection = await input.connectReader();
    try {
      for (const [udid, found] of await unfitDevices(connection, await input.apply.probe(connection), doubtful))
        against.set(udid, found);
    } finally {
      await connection.close();
    }
  }
  const moved: string[] = [];
  for (const udid of preview.moving) {
    const found = against.get(udid);
    if (found === undefined) moved.push(udid);
    else left.push({ udid: found.udid, code: found.code, sentence: found.sentence });
  }
  return moved;
}

async function wakeMoved(
  input: MoveInput,
  before: WaveStanding,
  move: number,
  moved: readonly string[],
  append: WaveJournal['append'],
): Promise<WakeResult | null> {
  const { wake } = input;
  // A move that was interrupted after its switch has nobody left to lead, but they were perhaps never woken.
  const earlier = before.moves.find(({ number }) => number === move)?.routed ?? [];
  const asleep = [...new Set([...earlier, ...moved])];
  if (wake === null || asleep.length === 0) return null;
  const plan = planWake(asleep, await input.hosts());
  const command = wake.command;
  await append({ kind: 'wake-intent', move, way: wake.way, devices: asleep.length, command });
  await input.probePoint?.('wake-intent');
  let result: WakeResult;
  try {
    result = await wake.send(plan);
  } catch (error) {
    // The wave has moved all the same: a device calls in by itself sooner or later. Who was not woken is told.
    if (!(error instanceof FailureError)) throw error;
    const { code, message } = error.failure;
    result = { sent: 0, commands: [], failed: asleep.map((udid) => ({ udid, code, sentence: message })) };
  }
  await append({
    kind: 'woken',
    move,
    sent: result.sent,
    commands: [...result.commands],
    failed: result.failed.map(({ udid, code }) => ({ udid, code })),
  });
  return result;
}

function absent(): never {
  throw new Error('a rung that was found is gone');
}
