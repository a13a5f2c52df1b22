/**
 * Watching, on the engine's side: one look at a time, asked for by main. What is known stays here and is laid over the
 * list of devices; main gets the counts.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeviceStory, WatchSeries } from '../../contract/watch';
import { readWaves, standingOf } from '../../core/cutover/wave-journal';
import { attempt, refused } from '../../core/failure';
import { fetchPushCertificate } from '../../core/fleet/api';
import { FleetApi } from '../../core/fleet/api-client';
import { readAssets, readIdentity } from '../../core/fleet/assets';
import type { Plan } from '../../core/migration/plan';
import { Secret } from '../../core/secret';
import type { Snapshot } from '../../core/sources/snapshot';
import { examineHealth } from '../../core/watch/health';
import { Roster, writtenTimes, type Switched } from '../../core/watch/roster';
import { markWaves, outlookOf, Series, type SeriesPoint } from '../../core/watch/series';
import type { DeviceStatus } from '../../core/watch/status';
import { Watcher } from '../../core/watch/watcher';
import { watchedRow, type WatchView } from './device-index';
import { storyOf } from './device-story';
import type { EngineInput, EngineOutput, FleetAccess } from './protocol';
import type { Workbench } from './workbench';

const DAY = 86_400_000;
/** Points a chart shows. */
const CHARTED = 300;

type PollInput = EngineInput<'poll'>;

/** What a roster was made of: another one is made when any of it is another. */
interface Basis {
  readonly snapshot: Snapshot;
  readonly plan: Plan | null;
  readonly journals: string;
  readonly waves: string;
}

export class Watching {
  readonly #bench: Workbench;
  #watcher: Watcher | null = null;
  /** Which Fleet the watcher asks, as text to compare. */
  #key = '';
  #basis: Basis | null = null;
  /** The reading the plan was made from, once a later one lies on the bench. */
  #planned: Snapshot | null = null;
  #series: { readonly path: string; readonly series: Series } | null = null;
  /** Undefined: not asked yet. */
  #topic: string | null | undefined = undefined;
  #version = 0;
  #looking: Promise<unknown> = Promise.resolve();

  constructor(bench: Workbench) {
    this.#bench = bench;
  }

  /** One look at Fleet, after the one under way. A side that does not answer is told, not thrown. */
  poll(input: PollInput): Promise<EngineOutput<'poll'>> {
    const turn = this.#looking.then(() => this.#look(input));
    this.#looking = turn.catch(() => undefined);
    return turn;
  }

  async #look(input: PollInput): Promise<EngineOutput<'poll'>> {
    const source = this.#bench.requireSource();
    if (source.sample) {
      refused('watch/sample', 'The sample has no Fleet to be watched.', 'Watch the devices of a real migration.');
    }
    const watcher = await this.#watcherFor(input);
    await this.#setRoster(watcher, input);
    this.#topic ??= await this.#topicOf(input);
    watcher.setJudging({
      staleAfter: input.staleDays * DAY,
      silentAfter: input.silentDays * DAY,
      topic: this.#topic ?? null,
    });
    if (input.full) watcher.startOver();
    const poll = await watcher.poll();
    this.#version += 1;
    this.#show();

    const { board } = watcher;
    const counts = board.progress();
    const series = await this.#seriesAt(input.series);
    const answered = poll.database !== null || poll.api !== null;
    if (answered) {
      await series.add(poll.at, counts);
      await markWaves(series, watcher.watch.roster, poll);
    }
    const { roster } = watcher.watch;
    return {
      at: poll.at,
      took: poll.took,
      database: poll.database !== null,
      api: poll.api !== null,
      counts,
      outlook: outlookOf(series.points, poll.at),
      waves: [...roster.waves()].map(([name, udids]) => {
        const { size, migrated, attention } = board.progress(udids);
        return { name, size, migrated, attention, switchedAt: roster.switchedAt(udids) };
      }),
      missing: [...(poll.database?.missing ?? []), ...(poll.api?.missing ?? [])].map(({ code, message }) => ({
        code,
        message,
      })),
      failures: poll.failures.map(({ code, message, remedy }) => ({ code, message, remedy })),
      version: this.#version,
      changed: poll.changes.count,
      wavesDone: [...poll.changes.wavesDone],
      pause: watcher.pause(input.interval * 1_000, poll),
    };
  }

  /** Who is watched and what each was last known to be; null before the first look. */
  standing(): { readonly roster: Roster; readonly statuses: ReadonlyMap<string, DeviceStatus> } | null {
    const watcher = this.#watcher;
    if (watcher === null) return null;
    return { roster: watcher.watch.roster, statuses: watcher.watch.statuses(watcher.now()) };
  }

  /** Says goodbye to Fleet. What is known stays to be looked at. */
  async stop(): Promise<null> {
    await this.#watcher?.close();
    return null;
  }

  /** Lets go of everything. */
  async forget(): Promise<void> {
    const watcher = this.#watcher;
    this.#watcher = null;
    this.#key = '';
    this.#basis = null;
    this.#planned = null;
    this.#series = null;
    this.#topic = undefined;
    this.#bench.setWatch(null);
    await watcher?.close();
  }

  /** The progress over time, from the workspace's file. */
  async series({ path }: EngineInput<'watchSeries'>): Promise<WatchSeries> {
    const { points, marks } = await this.#seriesAt(path);
    return {
      points: thinned(points).map(({ at, imported, migrated, stale, lost, attention }) => ({
        at,
        imported,
        migrated: migrated + stale,
        lost,
        attention,
      })),
      marks: marks.map((mark) => ({ ...mark })),
    };
  }

  async health({ fleet }: EngineInput<'health'>): Promise<EngineOutput<'health'>> {
    const { link, source } = this.#bench;
    if (fleet.kind === 'sample') {
      refused('watch/sample', 'The sample has no Fleet to be examined.', 'Examine the Fleet of a real migration.');
    }
    const ends = new Map(
      source?.snapshot.devices.map(({ udid, certificate }) => [udid, certificate?.notAfter ?? null]),
    );
    const connection = await link.reader(fleet);
    try {
      const report = await examineHealth({
        connection,
        schema: await link.probe(fleet, connection),
        sourceNotAfter: (udid) => ends.get(udid) ?? null,
      });
      return {
        at: report.at,
        findings: report.findings.map((finding) => ({
          ...finding,
          commands: [...finding.commands],
          devices: finding.devices.map((device) => ({ ...device })),
        })),
        well: [...report.well],
        notExamined: report.notExamined.map((one) => ({ ...one })),
        grants: [...report.grants],
      };
    } finally {
      await connection.close();
    }
  }

  /** One device's story, with its own rows read afresh where Fleet can be asked. */
  async story(udid: string | null, fleet: FleetAccess | null): Promise<DeviceStory | null> {
    const watcher = this.#watcher;
    if (watcher === null || udid === null) return null;
    const { watch, board } = watcher;
    const row = board.row(udid);
    if (row < 0) return null;
    const reader = watch.database;
    if (reader !== null && fleet !== null && fleet.kind === 'mysql') {
      // Without an answer the drawer shows what the last look gave; that Fleet is silent is told where it is watched.
      await attempt(() => this.#bench.link.read(fleet, ({ connection }) => reader.readFew(connection, [udid])));
    }
    const now = watcher.now();
    const evidence = watch.evidence(udid);
    const status = watch.status(udid, now);
    return storyOf(evidence, status, watchedRow(this.#view(watcher), row, udid), this.#bench.source?.at ?? null, now);
  }

  // ------------------------------------------------------------------------------------------------- small parts

  #view(watcher: Watcher): WatchView {
    return {
      board: watcher.board,
      version: this.#version,
      waveOf: (udid) => watcher.watch.roster.wave(udid),
    };
  }

  #show(): void {
    this.#bench.setWatch(this.#watcher === null ? null : this.#view(this.#watcher));
  }

  async #watcherFor(input: PollInput): Promise<Watcher> {
    const { fleet, url, urlCaFile, token } = input;
    const key = JSON.stringify([fleet, url, urlCaFile, token]);
    if (this.#watcher !== null && this.#key === key) return this.#watcher;
    await this.#watcher?.close();
    this.#basis = null;
    this.#topic = undefined;
    const { link } = this.#bench;
    const database =
      fleet === null
        ? null
        : {
            connect: () => link.reader(fleet),
            probe: (connection: Awaited<ReturnType<typeof link.reader>>) => link.probe(fleet, connection),
          };
    // Fleet's database says all its API says, and at less cost to Fleet.
    const api =
      database !== null || url === null || token === null
        ? null
        : new FleetApi({ url, caFile: urlCaFile }, new Secret('Fleet API token', token));
    if (database === null && api === null) {
      refused(
        'watch/nothing-to-ask',
        'Nothing says whom to ask about the devices.',
        'Name Fleet’s database at Fleet, or Fleet’s own address with an API token.',
      );
    }
    const roster = await this.#rosterOf(await this.#basisOf(input), input);
    this.#watcher = new Watcher({ roster, database, api });
    this.#key = key;
    return this.#watcher;
  }

  async #setRoster(watcher: Watcher, input: PollInput): Promise<void> {
    const basis = await this.#basisOf(input);
    const known = this.#basis;
    const same =
      known !== null &&
      known.snapshot === basis.snapshot &&
      known.plan === basis.plan &&
      known.journals === basis.journals &&
      known.waves === basis.waves;
    if (same) return;
    if (known !== null && known.snapshot !== basis.snapshot && this.#planned === null) this.#planned = known.snapshot;
    watcher.setRoster(await this.#rosterOf(basis, input));
    this.#basis = basis;
  }

  async #basisOf({ journals, waves }: PollInput): Promise<Basis> {
    const { snapshot } = this.#bench.requireSource();
    return {
      snapshot,
      plan: this.#bench.plan?.plan ?? null,
      journals: await stampOf(journals),
      waves: await stampOf(waves),
    };
  }

  async #rosterOf({ snapshot, plan }: Basis, { journals, waves }: PollInput): Promise<Roster> {
    const switched = new Map<string, Switched>();
    for (const [udid, { at, rung }] of standingOf((await readWaves(waves)).lines).switched) {
      switched.set(udid, { at: Date.parse(at), wave: rung });
    }
    return new Roster({ snapshot, plan, planned: this.#planned, written: await writtenTimes(journals), switched });
  }

  async #seriesAt(path: string): Promise<Series> {
    if (this.#series?.path !== path) this.#series = { path, series: await Series.open(path) };
    return this.#series.series;
  }

  /** Fleet's push topic, from its assets with the private key or from its API; null when neither tells. */
  async #topicOf({ fleet, privateKey, url, urlCaFile, token }: PollInput): Promise<string | null> {
    if (fleet !== null && privateKey !== null) {
      const stored = await attempt(() =>
        this.#bench.link.read(fleet, async ({ connection }) =>
          readIdentity(await readAssets(connection), new Secret('server private key', privateKey)),
        ),
      );
      if (stored.ok && stored.value.push?.topic != null) return stored.value.push.topic;
    }
    if (url === null || token === null) return null;
    const told = await attempt(() =>
      fetchPushCertificate({ url, caFile: urlCaFile }, new Secret('Fleet API token', token)),
    );
    return told.ok ? (told.value?.topic ?? null) : null;
  }
}

/** Names, sizes and times of a file, or of the journals in a folder: another text when anything was written. */
async function stampOf(path: string): Promise<string> {
  const found = await stat(path).catch(() => null);
  if (found === null) return '';
  if (!found.isDirectory()) return `${found.size} ${found.mtimeMs}`;
  const names = (await readdir(path)).filter((name) => name.endsWith('.journal.jsonl')).sort();
  const stamps: string[] = [];
  for (const name of names) {
    const file = await stat(join(path, name)).catch(() => null);
    stamps.push(`${name} ${file?.size ?? 0} ${file?.mtimeMs ?? 0}`);
  }
  return stamps.join('\n');
}

/** So many points at most, the first and the last among them. */
function thinned(points: readonly SeriesPoint[]): SeriesPoint[] {
  if (points.length <= CHARTED) return [...points];
  const step = (points.length - 1) / (CHARTED - 1);
  return Array.from({ length: CHARTED }, (_, number) => points[Math.round(number * step)]).filter(
    (point) => point !== undefined,
  );
}
