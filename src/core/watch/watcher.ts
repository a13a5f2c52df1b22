/**
 * Watches: asks Fleet at an interval, steps back when it does not answer, and tells what changed. It only reads, from
 * what it was given and from nothing else.
 */
import { attempt, type Failure } from '../failure';
import { REAL_PACING, type FleetApi, type Pacing } from '../fleet/api-client';
import type { FleetConnection } from '../fleet/connection';
import { ApiReader, type ApiReaderOptions, type ApiReading } from './api-reader';
import { Board, type BoardChanges } from './board';
import { DatabaseReader, type DatabaseReading, type WatchSchema } from './database-reader';
import type { Roster } from './roster';
import type { JudgeOptions } from './status';
import { Watch } from './watch';

export interface WatcherInput {
  readonly roster: Roster;
  /** Fleet's MySQL; null: not asked. */
  readonly database: {
    readonly connect: () => Promise<FleetConnection>;
    readonly probe: (connection: FleetConnection) => Promise<WatchSchema>;
  } | null;
  /** Fleet's API; null: not asked. */
  readonly api: FleetApi | null;
  readonly judging?: JudgeOptions;
  readonly apiReading?: ApiReaderOptions;
  readonly pacing?: Pacing;
}

/** One look at Fleet. */
export interface Poll {
  /** Fleet's clock where its database was read, else this machine's; milliseconds since the epoch. */
  readonly at: number;
  /** How long it took, milliseconds. */
  readonly took: number;
  readonly database: DatabaseReading | null;
  readonly api: ApiReading | null;
  /** A side that did not answer. The board then stands as it was known before. */
  readonly failures: readonly Failure[];
  readonly changes: BoardChanges;
}

/** The longest pause between two looks at a Fleet that does not answer, milliseconds. */
const LONGEST_PAUSE = 10 * 60_000;
/** The shortest interval that can be asked for: Fleet has other things to do. */
const SHORTEST_INTERVAL = 5_000;

export class Watcher {
  readonly board = new Board();
  #watch: Watch;
  readonly #input: WatcherInput;
  readonly #pacing: Pacing;
  #connection: FleetConnection | null = null;
  #reader: DatabaseReader | null = null;
  readonly #apiReader: ApiReader | null;
  #failed = 0;
  /** Fleet's clock minus this machine's, milliseconds. */
  #ahead = 0;

  constructor(input: WatcherInput) {
    this.#input = input;
    this.#pacing = input.pacing ?? REAL_PACING;
    this.#apiReader = input.api === null ? null : new ApiReader(input.api, input.apiReading);
    this.#watch = new Watch(input.roster, { database: null, api: this.#apiReader }, input.judging);
  }

  get watch(): Watch {
    return this.#watch;
  }

  /** Looks in a row that failed on some side. */
  get failed(): number {
    return this.#failed;
  }

  /** Fleet's clock now, as far as it is known. */
  now(): number {
    return this.#pacing.now() + this.#ahead;
  }

  /** The source was read again, a plan was made, a wave was switched. New devices make the next look a full one. */
  setRoster(roster: Roster): void {
    const { udids } = roster;
    this.#watch.roster = roster;
    if (this.#reader === null || udids === null) return;
    const unknown = udids.filter((udid) => (this.#reader?.table.find(udid) ?? -1) < 0);
    if (unknown.length > 0) this.#reader.include(unknown);
  }

  setJudging(options: JudgeOptions): void {
    this.#watch.options = options;
  }

  /** The next look reads everything. */
  startOver(): void {
    this.#reader?.startOver();
  }

  /**
   * One look at every side, and everybody judged. With `complete` it goes on until nothing is left for the next look.
   * A side that fails is told in `failures`; only a defect throws.
   */
  async poll(complete = false): Promise<Poll> {
    const started = this.#pacing.now();
    const failures: Failure[] = [];
    let database: DatabaseReading | null = null;
    if (this.#input.database !== null) {
      const read = await attempt(() => this.#readDatabase(complete));
      if (read.ok) {
        database = read.value;
        if (database !== null) this.#ahead = database.at - started;
      } else {
        failures.push(asWatched(read.failure));
        this.#drop();
      }
    }
    const now = this.now();
    let api: ApiReading | null = null;
    if (this.#apiReader !== null) {
      const reader = this.#apiReader;
      const read = await attempt(() => reader.read(this.#silent(now)));
      if (read.ok) api = read.value;
      else failures.push(read.failure);
    }
    this.#failed = failures.length === 0 ? 0 : this.#failed + 1;
    const changes = await this.board.judge(this.#watch, now);
    return { at: now, took: this.#pacing.now() - started, database, api, failures, changes };
  }

  /**
   * How long to wait before the next look: the interval, twice as long after each failure, a tenth more or less by
   * chance so that several watchers do not fall into step. Short when rows were left for the next look.
   */
  pause(interval: number, poll: Poll): number {
    const base = Math.max(SHORTEST_INTERVAL, interval);
    if (this.#failed === 0 && (poll.database?.left ?? 0) > 0) return 1_000;
    const told = Math.max(0, ...poll.failures.map(({ detail }) => Number(detail?.['retryAfter'] ?? 0) * 1_000));
    const longer = Math.min(LONGEST_PAUSE, base * 2 ** Math.min(this.#failed, 16));
    return Math.round(Math.max(this.#failed === 0 ? base : longer, told) * (0.9 + this.#pacing.random() * 0.2));
  }

  /** Looks again and again until `onPoll` says stop (false) or the signal is given. */
  async run(
    interval: number,
    signal: AbortSignal,
    onPoll: (poll: Poll, pause: number) => boolean | Promise<boolean>,
  ): Promise<void> {
    try {
      while (!signal.aborted) {
        const poll = await this.poll();
        const pause = this.pause(interval, poll);
        if (!(await onPoll(poll, pause))) return;
        await this.#pacing.sleep(pause, signal).catch(() => undefined);
      }
    } finally {
      await this.close();
    }
  }

  /** Ends the session with Fleet. The board stays. */
  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = null;
    await connection?.close();
  }

  #drop(): void {
    this.#connection?.destroy();
    this.#connection = null;
  }

  async #readDatabase(complete: boolean): Promise<DatabaseReading | null> {
    const { database } = this.#input;
    if (database === null) return null;
    this.#connection ??= await database.connect();
    if (this.#reader === null) {
      this.#reader = new DatabaseReader(await database.probe(this.#connection), this.#watch.roster.udids);
      const { roster, options } = this.#watch;
      this.#watch = new Watch(roster, { database: this.#reader, api: this.#apiReader }, options);
    }
    let reading = await this.#reader.read(this.#connection);
    while (complete && reading.left > 0) reading = await this.#reader.read(this.#connection);
    return reading;
  }

  /** Devices whose details are worth a request of their own: those that have not been heard of. */
  *#silentOnes(now: number): Generator<string> {
    for (const udid of this.#watch.udids()) {
      const { state } = this.#watch.status(udid, now);
      if (state === 'waiting' || state === 'unknown' || state === 'stale') yield udid;
    }
  }

  #silent(now: number): string[] {
    // With MySQL at hand a host's details tell nothing more.
    return this.#watch.database === null ? [...this.#silentOnes(now)] : [];
  }
}

/** What a lost connection means here: nothing was being written, and it is opened again without anybody. */
function asWatched(failure: Failure): Failure {
  const remedy = 'It is asked again by itself; look at the network and at that server if it stays so.';
  if (failure.code === 'fleet/connection-lost') {
    return { ...failure, message: 'The connection to Fleet’s MySQL server was lost.', remedy };
  }
  if (failure.code === 'fleet/timeout' || failure.code === 'fleet/interrupted') {
    return { ...failure, message: 'Fleet’s MySQL server took too long to answer, or stopped a question.', remedy };
  }
  return failure;
}
