/** Waves, as the command line does them: look at the next one, move it, go back, wake, and the ladder itself. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type {
  BackPreviewShown,
  EngineDraft,
  LadderDraft,
  LadderView,
  RoutesView,
  WaveMoved,
  WavePreviewShown,
} from '../../contract/waves';
import { MOST_LEFT } from '../../contract/waves';
import { choiceFrom, describeChoice, typedChoice } from '../../core/cutover/choice';
import { deviceView, knownPaths } from '../../core/cutover/device-view';
import { engineSettings, engineTitle, openEngine, type EngineSettings } from '../../core/cutover/engines';
import type { RouteEngine } from '../../core/cutover/engines/engine';
import { haproxyWaves, memoryFrom } from '../../core/cutover/haproxy-waves';
import {
  changed,
  findLadder,
  makeLadder,
  readLadder,
  saveLadder,
  wavesJournalOf,
  type Ladder,
  type Rung,
} from '../../core/cutover/ladder';
import { outlasted } from '../../core/cutover/obstacle';
import { hostFrom } from '../../core/cutover/probe/subject';
import { readRoutes, routedToFleet } from '../../core/cutover/routes';
import type { WakeResult } from '../../core/cutover/wake';
import { oldServerKindOf, openOldServer } from '../../core/commands/old-server';
import { makeWaker, type Waker } from '../../core/cutover/waker';
import { goBack, prepareBack, setRoutesAgain, STRAND_ANYWAY, type BackPreview } from '../../core/cutover/wave-back';
import { readWaves, standingOf, type WaveStanding } from '../../core/cutover/wave-journal';
import {
  heldUp,
  moveWave,
  prepareWave,
  rungsOf,
  type FreshSource,
  type WavePreview,
} from '../../core/cutover/wave-move';
import { progressOfDevices } from '../../core/cutover/wave-progress';
import { prepareWaking, wakeAgain } from '../../core/cutover/wave-wake';
import { misused, refused } from '../../core/failure';
import { readHosts, readTeams } from '../../core/fleet/hosts';
import { blockingChecks, journaledChecks } from '../../core/migration/checks';
import { freshFingerprints, NOT_REREAD } from '../../core/migration/drift';
import { operatorHere } from '../../core/migration/journal';
import { formatPlan } from '../../core/migration/plan';
import { parseTeamMap, teamResolver } from '../../core/migration/team-map';
import { judge } from '../../core/migration/verdict';
import type { OnProgress } from '../../core/progress';
import { Secret } from '../../core/secret';
import { copySource, parseSource, printSource } from '../../core/sources';
import type { Snapshot } from '../../core/sources/snapshot';
import { replacePrivate } from '../private-file';
import { teamMapAt } from './planning';
import { checkRowsOf, preflight } from './preflight';
import type { EngineInput, EngineOutput, SourceAccess, WaveAccess } from './protocol';
import { noServer } from './sample-fleet';
import { cancelled, readCopy, readOptions, type Task, type Workbench } from './workbench';
import { stopping } from './writing';

/** What was looked at last: only that may be done. */
interface Looked {
  readonly wave: { readonly preview: WavePreview; readonly source: FreshSource } | null;
  readonly back: BackPreview | null;
}

const NOTHING: Looked = { wave: null, back: null };

export class WaveWork {
  readonly #bench: Workbench;
  #looked: Looked = NOTHING;

  constructor(bench: Workbench) {
    this.#bench = bench;
  }

  forget(): void {
    this.#looked = NOTHING;
  }

  async view({ ladder: path }: WaveAccess): Promise<EngineOutput<'wavesView'>> {
    const ladder = await findLadder(path);
    return ladder === null ? null : viewOf(ladder, await standingAt(path));
  }

  async routes(access: WaveAccess): Promise<EngineOutput<'waveRoutes'>> {
    const { ladder: path } = access;
    const ladder = await findLadder(path);
    return ladder === null ? null : this.#read(openedEngine(ladder, access), await standingAt(path));
  }

  async #read(engine: RouteEngine, standing: WaveStanding): Promise<RoutesView> {
    const routes = await readRoutes(engine, standing);
    return {
      at: Date.now(),
      fleet: routes.fleet?.size ?? null,
      read: routes.read,
      instances: routes.reading.instances.map(({ name, running, stored }) => ({
        name,
        running: running?.size ?? null,
        stored: stored?.size ?? null,
      })),
      traffic: routes.reading.traffic,
      problems: routes.problems.map((problem) => ({ ...problem })),
    };
  }

  async save({ access, draft, source, certificatesFirst }: EngineInput<'saveLadder'>): Promise<LadderView> {
    const { ladder: path } = access;
    const there = await findLadder(path);
    const { snapshot, judgement } = this.#bench.requireSource();
    let rungs = rungsFrom(draft, snapshot);
    if (certificatesFirst) {
      const udids = outlasted(snapshot, judgement, draft.ends);
      const others = rungs.filter(({ name }) => name !== FIRST);
      const [first] = others;
      if (udids.length > 0 && first !== undefined)
        rungs = [{ name: FIRST, choice: { kind: 'list', udids }, entry: first.entry }, ...others];
    }
    const what = {
      source: printSource(parseSource(source)),
      engine: engineFrom(draft.engine),
      ends: new Date(draft.ends).toISOString(),
      rungs,
    };
    const words = rungs.map(({ name, choice }) => `${name}: ${describeChoice(choice)}`).join('; ');
    const change = { at: Date.now(), ...operatorHere(), change: there === null ? `made; ${words}` : words };
    const ladder = there === null ? makeLadder({ ...what, ends: draft.ends }, change) : changed(there, what, change);
    await saveLadder(path, ladder);
    this.#looked = NOTHING;
    return viewOf(ladder, await standingAt(path));
  }

  async prepare(input: EngineInput<'prepareWave'>, task: Task): Promise<WavePreviewShown> {
    const { access, fleet } = input;
    if (fleet.kind === 'sample') throw noServer();
    const ladder = await readLadder(access.ladder);
    const engine = openedEngine(ladder, access);
    const standing = await standingAt(access.ladder);
    const waker = wakerOf(ladder, access);
    const source = await freshSource(ladder, input.source, task.onProgress);
    if (task.control.cancelled) cancelled();
    const rules = input.teamMap === null ? null : parseTeamMap(await teamMapAt(input.teamMap));
    const preview = await this.#bench.link.read(fleet, async ({ connection, schema }) =>
      prepareWave({
        ladder,
        waves: wavesJournalOf(access.ladder),
        engine,
        source,
        connection,
        schema,
        accepted: new Set(input.accepted),
        reason: input.reason,
        ...(input.rung === null ? {} : { rung: input.rung }),
        ...(rules === null ? {} : { teamOf: teamResolver(rules, source.snapshot, await readTeams(connection)) }),
        progress: (udids) =>
          progressOfDevices(
            () => this.#bench.link.reader(fleet),
            { snapshot: source.snapshot, standing, journals: access.journals },
            udids,
          ),
        onProgress: task.onProgress,
      }),
    );
    this.#looked = { ...this.#looked, wave: { preview, source } };
    return previewOf(preview, waker);
  }

  /** `moved` is null when the checks, which are run again just before, hold it up. */
  async move(input: EngineInput<'moveWave'>, task: Task): Promise<EngineOutput<'moveWave'>> {
    const { access, check } = input;
    const { fleet } = check;
    if (fleet.kind === 'sample') throw noServer();
    const looked = this.#looked.wave;
    if (looked === null || looked.preview.plan.id !== input.planId)
      refused('wave/preview-gone', 'What was looked at is not at hand any more.', 'Look at the wave again.');
    const { preview, source } = looked;
    if (preview.obstacles.length > 0) heldUp(preview.obstacles);
    const ladder = await readLadder(access.ladder);
    const waker = wakerOf(ladder, access, task.report);
    task.onProgress({ label: 'running the checks', done: 0, total: null });
    const results = await preflight(this.#bench.link, check, { ...source, at: Date.now() });
    const checks = checkRowsOf(results);
    const accepted = [...new Set([...preview.plan.accepted, ...check.accepted])];
    if (blockingChecks(results, accepted).length > 0) return { checks, moved: null, applied: null };
    if (task.control.cancelled) cancelled();
    const stop = stopping(task.control);
    try {
      const result = await moveWave({
        preview,
        waves: wavesJournalOf(access.ladder),
        engine: openedEngine(ladder, access),
        hands: handsOf(access),
        source,
        async savePlan(plan) {
          const path = join(access.plans, `${plan.id.slice(0, 16)}.json`);
          await replacePrivate(path, formatPlan(plan));
          return path;
        },
        apply: {
          connect: () => this.#bench.link.write(fleet),
          connectReader: () => this.#bench.link.reader(fleet),
          probe: (connection) => this.#bench.link.probe(fleet, connection),
          journalFolder: access.journals,
          accepted,
          reason: input.reason,
          preflight: journaledChecks(results),
          tool: input.tool,
          signal: stop.signal,
          onProgress: task.report,
        },
        fresh: (plan) =>
          freshFingerprints(
            plan,
            parseSource(ladder.source),
            { at: Date.now(), folder: input.source.copies, ...readOptions(input.source), onProgress: task.report },
            accepted,
            `accept ${NOT_REREAD} to go on without`,
          ),
        accepted: new Set(accepted),
        reason: input.reason,
        tool: input.tool,
        engineName: ladder.engine.kind,
        wake: waker,
        hosts: () => this.#bench.link.read(fleet, ({ connection }) => readHosts(connection, source.snapshot.devices)),
        connectReader: () => this.#bench.link.reader(fleet),
      });
      this.#looked = NOTHING;
      const moved: WaveMoved = {
        at: Date.now(),
        rung: result.rung,
        state: result.state,
        moved: result.moved.length,
        leftCount: result.left.length,
        left: result.left.slice(0, MOST_LEFT).map((one) => ({ ...one })),
        woken: wokenOf(result.woken),
      };
      return { checks, moved, applied: result.applied.journal };
    } finally {
      stop.end();
    }
  }

  async prepareBack(input: EngineInput<'prepareBack'>, task: Task): Promise<BackPreviewShown> {
    const { access, fleet, rung, strand } = input;
    if (fleet.kind === 'sample') throw noServer();
    const ladder = await readLadder(access.ladder);
    const { snapshot } = await freshSource(ladder, input.source, task.onProgress);
    const preview = await this.#bench.link.read(fleet, ({ connection, schema }) =>
      prepareBack({
        waves: wavesJournalOf(access.ladder),
        engine: openedEngine(ladder, access),
        snapshot,
        connection,
        schema,
        accepted: new Set(strand ? [STRAND_ANYWAY] : []),
        rung,
      }),
    );
    this.#looked = { ...this.#looked, back: preview };
    return {
      rung,
      returning: preview.returning.length,
      counts: { ...preview.counts },
      commandTypes: Object.entries(preview.commandTypes)
        .map(([type, count]) => ({ type, count }))
        .sort((left, right) => right.count - left.count),
      staying: preview.staying.slice(0, MOST_LEFT).map((one) => ({ ...one })),
      stayingCount: preview.staying.length,
      losses: preview.losses.slice(0, MOST_LEFT).map((one) => ({ ...one })),
    };
  }

  async back({ access, rung, reason }: EngineInput<'goBack'>): Promise<EngineOutput<'goBack'>> {
    const preview = this.#looked.back;
    if (preview?.rung !== rung)
      refused('wave/preview-gone', 'What was looked at is not at hand any more.', 'Look at the way back again.');
    const ladder = await readLadder(access.ladder);
    const stranded = preview.staying.length === 0 && preview.counts.certificatesRenewed > 0;
    const result = await goBack({
      preview,
      waves: wavesJournalOf(access.ladder),
      engine: openedEngine(ladder, access),
      hands: handsOf(access),
      accepted: new Set(stranded ? [STRAND_ANYWAY] : []),
      reason,
    });
    this.#looked = NOTHING;
    return { returned: result.returned.length, staying: result.staying.length };
  }

  async setRoutes(access: WaveAccess): Promise<EngineOutput<'setRoutes'>> {
    const ladder = await readLadder(access.ladder);
    const { total } = await setRoutesAgain({
      waves: wavesJournalOf(access.ladder),
      engine: openedEngine(ladder, access),
      hands: handsOf(access),
    });
    this.#looked = NOTHING;
    return { total };
  }

  async wake({ access, fleet, rung }: EngineInput<'wakeWave'>, task: Task): Promise<EngineOutput<'wakeWave'>> {
    if (fleet.kind === 'sample') throw noServer();
    const waker =
      wakerOf(await readLadder(access.ladder), access, task.report) ??
      refused(
        'wave/no-waker',
        'Nobody can wake devices: Fleet’s address and API token are not given.',
        'Give both at Fleet; and the old server’s API key at Source for Macs Fleet has no host of.',
      );
    const preview = await prepareWaking(wavesJournalOf(access.ladder), { rung });
    const hosts = await this.#bench.link.read(fleet, ({ connection }) =>
      readHosts(
        connection,
        preview.udids.map((udid) => ({ udid, serial: null })),
      ),
    );
    const woken = await wakeAgain(wavesJournalOf(access.ladder), preview, waker, hosts);
    return { rung, ...(wokenOf(woken) ?? { sent: 0, failed: [] }) };
  }

  async config({
    path,
    typed,
    fleetUrl,
    draft,
  }: EngineInput<'saveWaveConfig'>): Promise<EngineOutput<'saveWaveConfig'>> {
    const view = deviceView(this.#bench.source?.snapshot ?? null, null);
    const { certificateFile, trustFile } = typed;
    const { text, connections } = haproxyWaves({
      oldServer: view.oldServer,
      oldHost: hostFrom(typed.host === '' ? null : typed.host, view),
      oldUrl: typed.oldUrl === '' ? missing('The old server’s inner address is not given at Cutover.') : typed.oldUrl,
      fleetUrl: fleetUrl ?? missing('Fleet’s own address is not given at Fleet.'),
      paths: knownPaths(view),
      port: /^\d{1,5}$/.test(typed.port) ? Number(typed.port) : (view.port ?? 443),
      files: {
        ...(certificateFile === '' ? {} : { certificate: certificateFile }),
        ...(trustFile === '' ? {} : { trust: trustFile }),
      },
      map: draft.map,
      socket: draft.socket,
      memory: memoryFrom(draft.memory),
    });
    if (path !== null) await replacePrivate(path, text);
    return { text, connections };
  }
}

/** The wave of devices whose certificate ends too early. */
const FIRST = 'certificates';

/** Devices whose rows must not be taken back, since they go to Fleet or may; none without a ladder. */
export async function atFleetBy(access: WaveAccess): Promise<ReadonlySet<string>> {
  const ladder = await findLadder(access.ladder);
  return ladder === null ? new Set() : routedToFleet(openedEngine(ladder, access), await standingAt(access.ladder));
}

/** When each device was switched, and by which wave: for the watch. */
async function standingAt(ladderPath: string): Promise<WaveStanding> {
  return standingOf((await readWaves(wavesJournalOf(ladderPath))).lines);
}

function openedEngine(ladder: Ladder, { proxyToken }: WaveAccess): RouteEngine {
  return openEngine(ladder.engine, proxyToken === null ? {} : { token: new Secret('mdmproxy token', proxyToken) });
}

function handsOf({ copied }: WaveAccess): { copied: (file: { instance: string }) => Promise<string | null> } {
  return { copied: ({ instance }) => Promise.resolve(copied[instance] ?? null) };
}

function wakerOf({ source }: Ladder, { wake }: WaveAccess, onProgress?: OnProgress): Waker | null {
  const { fleetUrl, fleetCaFile, token, oldUrl, oldCaFile, apiKey } = wake;
  return makeWaker(
    {
      fleet:
        fleetUrl === null || token === null
          ? null
          : { url: { url: fleetUrl, caFile: fleetCaFile }, token: new Secret('Fleet API token', token) },
      oldServer:
        oldUrl === null || apiKey === null
          ? null
          : openOldServer(
              oldServerKindOf(null, parseSource(source).kind),
              { who: 'The old server', url: oldUrl, caFile: oldCaFile, plainConfirmed: false },
              new Secret('API key', apiKey),
            ),
    },
    null,
    onProgress,
  );
}

async function freshSource(ladder: Ladder, access: SourceAccess, onProgress: OnProgress): Promise<FreshSource> {
  const reference = parseSource(ladder.source);
  const at = Date.now();
  const copy = await copySource(reference, access.copies, { ...readOptions(access), onProgress });
  if (!existsSync(copy.path)) refused('source/copy-missing', 'The private copy of the source is gone.', 'Try again.');
  const snapshot = await readCopy(reference, copy.path, { at, salvage: access.salvage, onProgress });
  return { snapshot, judgement: judge(snapshot, at), at, reference: printSource(reference), copy };
}

function viewOf(ladder: Ladder, standing: WaveStanding): LadderView {
  const rungs = rungsOf(ladder, standing);
  const last = ladder.history.at(-1);
  return {
    revision: ladder.revision,
    engine: draftOf(ladder.engine),
    engineTitle: engineTitle(ladder.engine),
    ends: Date.parse(ladder.ends),
    rungs: rungs.map(({ rung, state, moved, last: move }) => ({
      name: rung.name,
      ...typedChoice(rung.choice),
      migrated: Math.round(rung.entry.migrated * 100),
      attention: rung.entry.attention,
      words: describeChoice(rung.choice),
      state,
      moved: moved.length,
      left: move?.left.length ?? 0,
      movedAt: move?.routedAt == null ? null : Date.parse(move.routedAt),
      by: move?.operator ?? null,
    })),
    changedAt: last === undefined ? 0 : Date.parse(last.at),
    changedBy: last?.operator ?? '',
    next: standing.open?.rung ?? rungs.find(({ state }) => state !== 'moved')?.rung.name ?? null,
    open: standing.open === null ? null : { rung: standing.open.rung, step: standing.open.step },
    atFleet: standing.fleet.size,
  };
}

function rungsFrom(draft: LadderDraft, snapshot: Snapshot): Rung[] {
  return draft.rungs.map(({ name, kind, value, migrated, attention }) => ({
    name: /^[A-Za-z0-9][A-Za-z0-9 ._%-]{0,59}$/.test(name)
      ? name
      : misused(
          'wave/ladder-rungs',
          `«${name.slice(0, 60)}» cannot be the name of a wave.`,
          'Letters, digits, blanks and - _ . % can be in it.',
        ),
    choice: choiceFrom(kind, value, () => snapshot),
    entry: { migrated: migrated / 100, attention },
  }));
}

function engineFrom({ kind, instances }: EngineDraft): EngineSettings {
  const parsed = engineSettings.safeParse({
    kind,
    instances: instances.map(({ name, map, socket, byHand, file, url, caFile, plainConfirmed }) =>
      kind === 'haproxy'
        ? { name, map, socket, file: file === '' ? null : file, byHand }
        : { name, url, caFile: caFile === '' ? null : caFile, plainConfirmed },
    ),
  });
  if (parsed.success) return parsed.data;
  return misused(
    'usage/engine',
    'What leads devices is named in a way that cannot be used.',
    kind === 'haproxy'
      ? 'Each instance has a name, its map file and its socket, both by absolute paths.'
      : 'Each instance has a name and an address.',
  );
}

function draftOf(settings: EngineSettings): EngineDraft {
  const blank = { map: '', socket: '', byHand: false, file: '', url: '', caFile: '', plainConfirmed: false };
  return {
    kind: settings.kind,
    instances:
      settings.kind === 'haproxy'
        ? settings.instances.map((one) => ({ ...blank, ...one, file: one.file ?? '' }))
        : settings.instances.map((one) => ({ ...blank, ...one, caFile: one.caFile ?? '' })),
  };
}

function previewOf(preview: WavePreview, waker: Waker | null): WavePreviewShown {
  const { counts } = preview.plan;
  const asked = preview.wake.batches.reduce((sum, { udids }) => sum + udids.length, 0);
  const hostless = preview.wake.hostless.length;
  return {
    at: Date.now(),
    rung: preview.rung,
    planId: preview.plan.id,
    resumes: preview.resumes?.step ?? null,
    counts: {
      devices: preview.devices.size,
      atFleet: preview.atFleet.size,
      moving: preview.moving.length,
      left: preview.left.length,
      insert: counts.insert,
      refresh: counts.refresh,
      keep: counts.keep,
    },
    left: preview.left.slice(0, MOST_LEFT).map((one) => ({ ...one })),
    obstacles: preview.obstacles.map(({ devices, ...rest }) => ({
      ...rest,
      devices: devices.length,
      udids: devices.slice(0, MOST_LEFT),
    })),
    wake:
      waker === null
        ? null
        : {
            way: waker.way,
            command: waker.command,
            byFleet: waker.way === 'old-server' ? 0 : asked,
            pushed: waker.way === 'fleet' ? 0 : waker.way === 'both' ? hostless : asked + hostless,
            unreached: waker.way === 'fleet' ? hostless : 0,
          },
  };
}

function wokenOf(
  woken: WakeResult | null,
): { sent: number; failed: { udid: string; code: string; sentence: string }[] } | null {
  if (woken === null) return null;
  return {
    sent: woken.sent,
    failed: woken.failed.slice(0, MOST_LEFT).map(({ udid, code, sentence }) => ({ udid, code, sentence })),
  };
}

function missing(sentence: string): never {
  return misused('usage/missing', sentence, 'Fill it in.');
}
