/**
 * Apply: a plan's rows into Fleet, in bounded transactions that can be killed at any point and run again.
 *
 * For each batch: lock the rows of its devices, look at them afresh, journal the intent, write, read everything back,
 * commit, journal the outcome. What Fleet or a device has touched is never overwritten; rows that already are the
 * plan's are recognised and left alone, so the same plan can be run again after any interruption.
 */
import { attempt, FailureError, refused } from '../failure';
import type { FleetConnection } from '../fleet/connection';
import {
  bytesOf,
  CountMismatch,
  deleteRows,
  foldId,
  insertRows,
  isAbsent,
  places,
  readDevices,
  targetHash,
  updateRows,
  type FoundRow,
  type TargetDevice,
} from '../fleet/device-rows';
import { readHosts } from '../fleet/hosts';
import { MIGRATION_TABLES, type MigrationTable, type TargetSchema } from '../fleet/schema';
import type { OnProgress } from '../progress';
import { certificatesOf, type Judgement } from './verdict';
import type { Snapshot } from '../sources/snapshot';
import { differenceOf, type Difference, type RowChange } from './difference';
import type { Fresh } from './drift';
import { Journal, journaledDevices, journalPath, nextBatch, operatorHere } from './journal';
import { checkSchema, isWritten, rowsOfPlan, type Plan, type PlanDevice } from './plan';
import { ReadBack } from './read-back';
import { ASSOCIATION_TIME, type DeviceRows, type Row } from './rows';
import { liftSerials, type SerialOutcome } from './serial-lift';
import { readAssociations, targetReasons, type TargetFacts } from './target-reasons';
import { touchesOf } from './touched';
import { expectedOfPlan, verifyRows, type VerifyResult } from './verify';
import {
  interruptedBy,
  isAboutRows,
  isBusy,
  isLost,
  MOST_BUSY,
  ReadBackDiffers,
  refuseOtherServer,
  WritingSession,
  type Connect,
  type Patience,
  type TransactionOutcome,
} from './writing-session';

/** Why a device that was planned was not written. */
export interface HeldDevice {
  readonly udid: string;
  /**
   * `source-drift`, `pending-command`, `target-drift`, `touched-since-plan`, `association-taken`, `case-conflict`, `no-agent`,
   * `refused-by-target`, `target-busy`, and other codes of a plan's reasons on another server than the plan's.
   */
  readonly code: string;
  readonly sentence: string;
  /** What stands in Fleet against what was to be written. */
  readonly changes: readonly RowChange[];
}

export interface ApplyResult {
  readonly planId: string;
  readonly journal: string;
  readonly rehearsal: boolean;
  /** `stopped`: the signal was given; run it again to go on. */
  readonly state: 'complete' | 'stopped';
  readonly counts: {
    /** Devices of the plan that were to be written. */
    readonly planned: number;
    readonly inserted: number;
    readonly refreshed: number;
    /** Refreshes that had nothing to change. */
    readonly unchanged: number;
    /** Found as the plan wants them although the plan saw them otherwise, or touched since: written by an earlier run. */
    readonly already: number;
    readonly held: number;
    /** Not reached because it was stopped. */
    readonly left: number;
    readonly queueSwitchedOff: number;
  };
  readonly held: readonly HeldDevice[];
  /** The serials step: null when the plan has none chosen. `not-rehearsed`: it would move the counter for good. */
  readonly serial: SerialOutcome | null;
  /** Things worth telling: another server than the plan's, connections that were lost, a torn journal line. */
  readonly notes: readonly string[];
  /** What reading back every planned device that was not held gave; null when it was stopped, rehearsed or not asked for. */
  readonly verified: VerifyResult | null;
}

export interface ApplyInput {
  readonly plan: Plan;
  /** Opens a connection for writing; called again when one is lost. */
  readonly connect: Connect;
  /** Opens a connection for reading: what was committed is read back over it. Without it nothing is. */
  readonly connectReader?: Connect;
  /** Asks a connection what the tables look like. */
  readonly probe: (connection: FleetConnection) => Promise<TargetSchema>;
  /** Read from the plan's private copy, and judged at the plan's instant. */
  readonly snapshot: Snapshot;
  readonly judgement: Judgement;
  /** Fingerprints of the source as it is now, by UDID; null when it was not read again (the journal says so). */
  readonly fresh: Fresh | null;
  /** Folder the journal goes to. */
  readonly journalFolder: string;
  readonly rehearse?: boolean;
  /** Devices a transaction. */
  readonly batchSize?: number;
  /** Sessions that write side by side, default 2. A rehearsal, and a server that gives out only one, has one. */
  readonly sessions?: 1 | 2;
  readonly signal?: AbortSignal;
  /** Awaited between batches; for pausing. */
  readonly pause?: () => Promise<void>;
  readonly onProgress?: OnProgress;
  /** Checks and cautions accepted by name for this apply, besides the plan's. */
  readonly accepted?: readonly string[];
  readonly reason?: string | null;
  /** Outcome of the preflight checks, for the journal. */
  readonly preflight?: readonly { readonly code: string; readonly outcome: string }[];
  /** Name and version of the program, for the journal. */
  readonly tool?: string;
  readonly patience?: Patience;
  /** Tests only: called at named points. */
  readonly probePoint?: (point: string) => Promise<void>;
}

/** Devices a transaction: measured, see ARCHITECTURE.md. Locks are held for about 100 ms. */
const BATCH_SIZE = 500;
/** Bytes a transaction. */
const BATCH_BYTES = 16 * 1_048_576;
/** After so many devices in a row were refused and none accepted, something is wrong with the target, not with them. */
const HOPELESS = 25;

/**
 * Applies a plan. With `rehearse` everything is done the same way and rolled back, batch by batch.
 *
 * Throws `plan/rows-differ`, `plan/schema-changed`, `fleet/locked-by-other-operator`, `apply/target-refuses`,
 * `journal/…` and the failures of the connection. What was committed before a failure stays, is in the journal, and is
 * recognised when the same plan is applied again.
 */
export async function applyPlan(input: ApplyInput): Promise<ApplyResult> {
  const { plan } = input;
  // Before the first connection: nothing may be written when the rows are not those that were shown.
  const rowsOf = rowsOfPlan(plan, input.snapshot, input.judgement);
  const session = await WritingSession.open(
    input.connect,
    input.patience,
    input.signal === undefined ? {} : { signal: input.signal },
  );
  try {
    const schema = await input.probe(session.connection);
    checkSchema(plan, schema);
    const rehearsal = input.rehearse ?? false;
    const { address, server } = session.connection;
    const place = { serverUuid: server.serverUuid, database: address.database };
    const journal = await Journal.open(journalPath(input.journalFolder, plan.id, place, rehearsal));
    const connectReader = rehearsal ? undefined : readerOf(input, server.serverUuid);
    const readBack = connectReader === undefined ? null : new ReadBack(connectReader, schema);
    try {
      const application = new Application(input, session, schema, journal, rowsOf, readBack);
      const result = await application.run().catch((error: unknown) => interrupted(error, application.undecided));
      if (connectReader === undefined || result.state === 'stopped') return result;
      const verified =
        (await readBack?.finish()) ??
        (await verifyAgain(input, session, connectReader, schema, rowsOf, result).catch((error: unknown) =>
          writtenButUnread(error, result),
        ));
      await journal.append({ kind: 'verified', counts: verified.counts });
      return { ...result, verified };
    } finally {
      await readBack?.finish();
      await journal.close();
    }
  } finally {
    await session.close();
  }
}

/** Opens the reader, on the server that is written to. */
function readerOf({ connectReader }: ApplyInput, serverUuid: string): Connect | undefined {
  if (connectReader === undefined) return undefined;
  return async () => {
    const connection = await connectReader();
    await refuseOtherServer(connection, serverUuid);
    return connection;
  };
}

/** A server that went away under an apply, or turned against it: what was committed is not lost. */
function interrupted(error: unknown, undecided: boolean): never {
  return interruptedBy(error, {
    what: 'Writing was interrupted:',
    stands: 'What was committed before stands in Fleet and in the journal; nothing is half written.',
    again: 'Then apply the same plan again: it recognises what is there and goes on with the rest.',
    undecided,
  });
}

/** All is written; only the second look could not be had. That must not read as if the writing had failed. */
function writtenButUnread(error: unknown, { counts }: ApplyResult): never {
  if (!(error instanceof FailureError)) throw error;
  const { failure } = error;
  const there = counts.inserted + counts.refreshed + counts.unchanged + counts.already;
  throw new FailureError(
    {
      ...failure,
      message: `Everything was written (${there.toLocaleString('en')} devices), but it could not be read back: ${failure.message}`,
      remedy: `${failure.remedy} Then run \`slipway verify\` with the same plan.`,
    },
    { cause: error },
  );
}

/** Reads back all that is to stand there, at one instant. */
async function verifyAgain(
  input: ApplyInput,
  session: WritingSession,
  connect: Connect,
  schema: TargetSchema,
  rowsOf: (udid: string) => DeviceRows,
  { held }: ApplyResult,
): Promise<VerifyResult> {
  const out = new Set(held.map(({ udid }) => udid));
  const devices = input.plan.devices.filter((device) => isWritten(device) && !out.has(device.udid));
  // There is nothing left to write: an account that may have one connection gets it back.
  await session.close();
  const connection = await connect();
  try {
    return await verifyRows({
      connection,
      schema,
      expected: expectedOfPlan(devices, rowsOf),
      total: devices.length,
      ...(input.onProgress === undefined ? {} : { onProgress: input.onProgress }),
    });
  } finally {
    await connection.close();
  }
}

interface Work {
  readonly device: PlanDevice;
  readonly rows: DeviceRows;
}

/** What a look under lock decided for one device. */
type Decision =
  | { readonly kind: 'write'; readonly work: Work; readonly difference: Difference }
  | { readonly kind: 'unchanged' | 'already'; readonly work: Work }
  | { readonly kind: 'held'; readonly work: Work; readonly held: HeldDevice };

interface QueueRow {
  readonly id: string;
  readonly commandUuid: string;
}

class Application {
  readonly #input: ApplyInput;
  readonly #session: WritingSession;
  readonly #schema: TargetSchema;
  readonly #journal: Journal;
  readonly #rowsOf: (udid: string) => DeviceRows;
  readonly #rehearsal: boolean;
  readonly #readBackLater: ReadBack | null;
  readonly #held = new Map<string, HeldDevice>();
  readonly #notes: string[] = [];
  /** Devices whose commit may have come through although its answer was lost. */
  readonly #perhaps = new Map<string, 'insert' | 'refresh'>();
  /** Devices that are counted. */
  readonly #settled = new WeakSet<Work>();
  /** Batches with such devices that were not looked at again. */
  readonly #undecided = new Set<readonly Work[]>();
  /** Devices an earlier run of this plan committed. */
  readonly #earlier: ReadonlySet<string>;
  readonly #queue: ReadonlyMap<string, readonly QueueRow[]>;
  readonly #counts = { inserted: 0, refreshed: 0, unchanged: 0, already: 0, queueSwitchedOff: 0 };
  /** Gives the next batch; the first call derives its rows. */
  #ahead: (() => Work[]) | null = null;
  /** Position in the devices to write of the first that no session has taken. */
  #next = 0;
  /** Batches the second session took and could not finish. */
  readonly #returned: Work[][] = [];
  /** One session has failed: the other takes nothing more. */
  #failed = false;
  #batch: number;
  #refusals = 0;
  /** Devices in a row whose rows stayed locked. */
  #busy = 0;
  #done = 0;

  constructor(
    input: ApplyInput,
    session: WritingSession,
    schema: TargetSchema,
    journal: Journal,
    rowsOf: (udid: string) => DeviceRows,
    readBack: ReadBack | null,
  ) {
    this.#input = input;
    this.#readBackLater = readBack;
    this.#session = session;
    this.#schema = schema;
    this.#journal = journal;
    this.#rowsOf = rowsOf;
    this.#rehearsal = input.rehearse ?? false;
    this.#batch = nextBatch(journal.found.lines);
    this.#earlier = new Set(journaledDevices(journal.found.lines).keys());
    const queue = new Map<string, QueueRow[]>();
    if (input.plan.steps.queue.chosen) {
      for (const { udid, id, commandUuid } of input.plan.steps.queue.rows) {
        const rows = queue.get(udid) ?? [];
        rows.push({ id, commandUuid });
        queue.set(udid, rows);
      }
    }
    this.#queue = queue;
  }

  async run(): Promise<ApplyResult> {
    const { plan } = this.#input;
    const planned = plan.devices.filter(isWritten);
    await this.#open(planned.length);

    const before = this.#held.size;
    this.#holdDrift(planned);
    await this.#holdByTarget(planned.filter((device) => !this.#held.has(device.udid)));
    this.#done = this.#held.size - before;
    const { serials } = this.#input.plan.steps;
    const serial =
      serials?.chosen === true ? await liftSerials(this.#session, this.#journal, serials, this.#rehearsal) : null;

    const todo = planned.filter((device) => !this.#held.has(device.udid));
    const second = todo.length > this.#batchSize ? await this.#openSecond() : null;
    try {
      // The first to fail says why; the other ends its transaction before anything is closed under it.
      const lanes = [this.#lane(this.#session, todo, planned.length)];
      if (second !== null) lanes.push(this.#lane(second, todo, planned.length));
      await Promise.allSettled(lanes);
      await Promise.all(lanes);
    } finally {
      await second?.close();
    }
    // What the second session left behind when it ended after the first had run out of work.
    await this.#lane(this.#session, todo, planned.length);
    await this.#lookForUpgrade();
    const left = todo.length - this.#next + this.#returned.reduce((sum, batch) => sum + batch.length, 0);
    return this.#finish(planned.length, left, serial);
  }

  get #batchSize(): number {
    return Math.max(1, this.#input.batchSize ?? BATCH_SIZE);
  }

  /**
   * A session beside the first. While MySQL works for one, the other's rows are encoded and read back, and their commits
   * share the disk. Null where that would not help or do harm: there is nothing that must not work with one alone.
   */
  async #openSecond(): Promise<WritingSession | null> {
    if (this.#rehearsal || this.#input.sessions === 1 || this.#session.connection.server.isMariaDb) return null;
    // Looking for rows that are not there locks the gap they would stand in under the other levels, and the two would
    // meet there for ever.
    const [row] = await this.#session.connection.query<{ level: string }>(
      'SELECT @@SESSION.transaction_isolation AS level',
    );
    if (row?.level !== 'READ-COMMITTED') return null;
    const { signal, patience } = this.#input;
    const { serverUuid } = this.#session.connection.server;
    const connect: Connect = async () => {
      const connection = await this.#input.connect();
      await refuseOtherServer(connection, serverUuid);
      return connection;
    };
    const opened = await attempt(() =>
      WritingSession.open(connect, patience, { number: 2, ...(signal === undefined ? {} : { signal }) }),
    );
    return opened.ok ? opened.value : null;
  }

  /** The operator wants it to end. */
  #isStopped(): boolean {
    return this.#input.signal?.aborted === true;
  }

  /** True when a commit may have come through of which neither answer nor rows were seen. */
  get undecided(): boolean {
    return this.#undecided.size > 0;
  }

  /** An upgrade of Fleet that began while this ran: nothing stopped on it, but a plan of before is of no use any more. */
  async #lookForUpgrade(): Promise<void> {
    const looked = await attempt(async () =>
      checkSchema(this.#input.plan, await this.#input.probe(this.#session.connection)),
    );
    if (looked.ok || looked.failure.code !== 'plan/schema-changed') return;
    this.#notes.push(
      'The columns of Fleet’s tables changed while this ran: it is being upgraded. Make a new plan once that is done; it shows whether every device is as it should be.',
    );
  }

  /** Writes batch after batch over one session, until none is left, the operator stops, or something fails. */
  async #lane(session: WritingSession, todo: readonly PlanDevice[], planned: number): Promise<void> {
    while (this.#returned.length > 0 || this.#next < todo.length) {
      // Looked at after the pause: who stops a paused apply wants nothing more written.
      await this.#input.pause?.();
      // The first session holds the lock that keeps other operators out: without it nobody writes.
      if (session !== this.#session) await this.#session.steady();
      if (this.#failed || this.#isStopped()) return;
      const batch = this.#nextBatch(todo);
      if (batch === null) return;
      try {
        await this.#apply(session, batch);
      } catch (error) {
        const stopped = this.#isStopped();
        if (isLost(error) && (stopped || session !== this.#session)) {
          // Of a batch that was taken apart some may be done.
          this.#returned.push(batch.filter((work) => !this.#settled.has(work)));
          if (stopped && error instanceof FailureError) this.#notes.push(error.failure.message);
          return;
        }
        this.#failed = true;
        throw error;
      }
      this.#done += batch.length;
      this.#input.onProgress?.({
        label: this.#rehearsal ? 'rehearsing' : 'applying',
        done: this.#done,
        total: planned,
      });
    }
  }

  #nextBatch(todo: readonly PlanDevice[]): Work[] | null {
    const returned = this.#returned.pop();
    if (returned !== undefined) return returned;
    if (this.#next >= todo.length) return null;
    const batch = this.#ahead?.() ?? this.#takeBatch(todo, this.#next);
    this.#next += batch.length;
    this.#prepare(todo, this.#next);
    return batch;
  }

  async #open(planned: number): Promise<void> {
    const { plan } = this.#input;
    const { address, server } = this.#session.connection;
    const { tornBytes } = this.#journal.found;
    if (tornBytes > 0) {
      this.#notes.push(`The journal’s last line was torn by a crash (${tornBytes} bytes); it was cut off.`);
    }
    if (server.serverUuid !== plan.target.serverUuid || address.database !== plan.target.database) {
      this.#notes.push(
        'This is not the database the plan was made with; every device was held against this one afresh.',
      );
    }
    if (this.#input.fresh === null) this.#notes.push('The source was not read again, so drift was not looked for.');
    await this.#journal.append({
      kind: 'opened',
      planId: plan.id,
      ...operatorHere(),
      tool: this.#input.tool ?? 'slipway',
      target: { host: address.host, port: address.port, database: address.database, serverUuid: server.serverUuid },
      written: plan.written,
      rehearsal: this.#rehearsal,
      counts: { ...plan.counts, planned },
      accepted: [...new Set([...plan.accepted, ...(this.#input.accepted ?? [])])].sort(),
      reason: this.#input.reason ?? plan.reason,
      preflight: [...(this.#input.preflight ?? [])],
      driftChecked: this.#input.fresh !== null,
    });
  }

  /** Devices that changed at the source since the plan was made. */
  #holdDrift(planned: readonly PlanDevice[]): void {
    const { fresh } = this.#input;
    if (fresh === null) return;
    const lossAccepted = [...this.#input.plan.accepted, ...(this.#input.accepted ?? [])].includes('pending-command');
    for (const device of planned) {
      const now = fresh.get(device.udid);
      if (now === device.fingerprint) {
        // Commands are no part of a fingerprint: one that came after the plan would vanish with the switch.
        if (fresh.waiting?.has(device.udid) === true && !lossAccepted)
          this.#hold({
            udid: device.udid,
            code: 'pending-command',
            sentence:
              'The old server holds a command for it that must not be lost: an erase, a lock, the end of its enrollment.',
            changes: [],
          });
        continue;
      }
      this.#hold({
        udid: device.udid,
        code: 'source-drift',
        sentence:
          now === undefined
            ? 'The source no longer holds this device.'
            : 'The source’s record of this device changed after the plan was made.',
        changes: [],
      });
    }
  }

  /** What only the whole target tells: certificates tied to other ids; on another server than the plan's, all of it. */
  async #holdByTarget(planned: readonly PlanDevice[]): Promise<void> {
    const { plan } = this.#input;
    const { connection } = this.#session;
    const elsewhere =
      connection.server.serverUuid !== plan.target.serverUuid || connection.address.database !== plan.target.database;
    // An id may have several records; the blocked ones have no rows.
    const going = this.#input.judgement.devices.filter(({ verdict }) => verdict !== 'blocked');
    const judged = new Map(going.map((one) => [one.device.udid, one]));
    const hashesOf = (udid: string): string[] => {
      const one = judged.get(udid);
      return one === undefined ? [] : certificatesOf(one).map(({ sha256 }) => sha256);
    };
    const wanted = new Set(planned.flatMap(({ udid }) => hashesOf(udid)));
    const associations = await readAssociations(connection, (sha256) => wanted.has(sha256));
    if (!elsewhere) {
      for (const device of planned) {
        const holders = hashesOf(device.udid).flatMap((sha256) => [...(associations.get(sha256) ?? [])]);
        if (holders.every((id) => id === foldId(device.udid))) continue;
        this.#hold({
          udid: device.udid,
          code: 'association-taken',
          sentence: 'Fleet has tied this device’s certificate to another id since the plan was made.',
          changes: [],
        });
      }
      return;
    }
    const accepted = new Set([...plan.accepted, ...(this.#input.accepted ?? [])]);
    const facts: TargetFacts = {
      schema: this.#schema,
      hosts: await readHosts(connection, planned),
      teamIds: new Set((await connection.query<{ id: number }>('SELECT id FROM teams')).map((team) => team.id)),
      associations,
    };
    for (let start = 0; start < planned.length; start += BATCH_SIZE) {
      const batch = planned.slice(start, start + BATCH_SIZE);
      const targets = await readDevices(
        connection,
        this.#schema,
        batch.map((device) => device.udid),
      );
      for (const device of batch) {
        const source = judged.get(device.udid)?.device;
        const target = targets.get(device.udid);
        if (source === undefined || target === undefined) continue;
        const reasons = targetReasons(source, device.udid, this.#rowsOf(device.udid), target, device.teamId, facts);
        const against = reasons.find(
          ({ severity, code }) => severity === 'block' || (severity === 'caution' && !accepted.has(code)),
        );
        if (against === undefined) continue;
        this.#hold({ udid: device.udid, code: against.code, sentence: against.sentence, changes: [] });
      }
    }
  }

  /** Makes ready for the next batch to be derived as soon as MySQL is busy with this one. */
  #prepare(todo: readonly PlanDevice[], next: number): void {
    let batch: Work[] | null = null;
    this.#ahead = () => (batch ??= this.#takeBatch(todo, next));
  }

  /** As many devices as fit the transaction's bounds, at least one. */
  #takeBatch(todo: readonly PlanDevice[], start: number): Work[] {
    const size = this.#batchSize;
    const batch: Work[] = [];
    let bytes = 0;
    for (let index = start; index < todo.length && batch.length < size; index += 1) {
      const device = todo[index];
      if (device === undefined) break;
      const rows = this.#rowsOf(device.udid);
      for (const table of MIGRATION_TABLES) bytes += bytesOf(rows[table]);
      if (batch.length > 0 && bytes > BATCH_BYTES) break;
      batch.push({ device, rows });
    }
    return batch;
  }

  /** Applies a batch; when the target refuses it, its halves, so that one device does not sink the others. */
  async #apply(session: WritingSession, batch: readonly Work[], again = true, hurried = false): Promise<void> {
    try {
      const decisions = await this.#transact(session, batch, hurried);
      if (decisions.some((decision) => decision.kind !== 'held')) this.#refusals = 0;
      this.#busy = 0;
      for (const decision of decisions) this.#count(decision);
      await this.#readBackLater?.add(
        decisions
          .filter((decision) => decision.kind !== 'held')
          .map(({ work: { rows } }) => ({ udid: rows.udid, rows })),
      );
    } catch (error) {
      if (!isAboutRows(error) && !isBusy(error)) throw error;
      // A row that came up between our look and our insert is a duplicate: a second look sees it.
      if (again && error instanceof FailureError && error.failure.detail?.['errno'] === 1062) {
        await this.#apply(session, batch, false, hurried);
        return;
      }
      if (this.#isStopped()) {
        this.#returned.push([...batch]);
        return;
      }
      if (!hurried) {
        // What is in the way of all devices is not looked for device by device.
        if (isBusy(error)) await session.refuseLockedTables();
        else checkSchema(this.#input.plan, await this.#input.probe(session.connection));
      }
      const [only] = batch;
      if (batch.length > 1 || only === undefined) {
        const middle = Math.ceil(batch.length / 2);
        await this.#apply(session, batch.slice(0, middle), true, true);
        await this.#apply(session, batch.slice(middle), true, true);
        return;
      }
      this.#refuse(only, error);
    }
  }

  #refuse(work: Work, error: unknown): void {
    this.#settled.add(work);
    if (isBusy(error)) {
      this.#hold({
        udid: work.device.udid,
        code: 'target-busy',
        sentence: 'Its rows stayed locked by another session of Fleet’s database; apply again at a quieter time.',
        changes: [],
      });
      this.#busy += 1;
      if (this.#busy >= MOST_BUSY) throw error;
      return;
    }
    const sentence = refusalOf(error);
    this.#hold({ udid: work.device.udid, code: 'refused-by-target', sentence, changes: [] });
    this.#refusals += 1;
    if (this.#refusals >= HOPELESS) {
      const written = this.#counts.inserted + this.#counts.refreshed;
      refused(
        'apply/target-refuses',
        `Fleet’s database refused ${this.#refusals} devices one after the other: ${sentence}`,
        `Look at what is named; ${written === 0 ? 'nothing was written' : 'what was written before stands'}. If it is a column Slipway does not know, a newer version is needed.`,
        { devices: this.#refusals, written },
      );
    }
  }

  /** One transaction over a batch. */
  async #transact(session: WritingSession, batch: readonly Work[], hurried: boolean): Promise<readonly Decision[]> {
    let intent: { readonly batch: number; readonly writes: readonly Decision[] } | null = null;
    let switched = 0;
    /** Of a commit whose answer was lost: where it came through, the next look finds none left to switch off. */
    let perhapsSwitched = 0;
    const onOutcome = async (outcome: TransactionOutcome): Promise<void> => {
      if (intent === null) return;
      const told = intent;
      intent = null;
      if (outcome === 'unknown') {
        this.#undecided.add(batch);
        perhapsSwitched = switched;
        for (const { work } of told.writes) {
          this.#perhaps.set(work.device.udid, work.device.action === 'insert' ? 'insert' : 'refresh');
        }
      }
      await this.#journal.append({ kind: 'outcome', batch: told.batch, outcome });
      await this.#input.probePoint?.(`outcome-${outcome}`);
    };

    const decisions = await session.transaction(
      async (connection) => {
        intent = null;
        switched = 0;
        const udids = batch.map((work) => work.device.udid);
        const found = await readDevices(connection, this.#schema, udids, { lock: true });
        const decided = batch.map((work) => this.#decide(work, found.get(work.device.udid)));
        const writes = decided.filter((decision) => decision.kind === 'write');
        const queue = await this.#lockQueue(connection, decided);
        await this.#input.probePoint?.('locked');
        if (writes.length === 0 && queue.length === 0) return decided;

        const number = this.#batch;
        this.#batch += 1;
        await this.#journal.append({
          kind: 'intent',
          batch: number,
          devices: writes.map(({ work }) => ({
            udid: work.device.udid,
            action: work.device.action === 'insert' ? 'insert' : 'refresh',
            rowsSha256: work.device.rowsSha256 ?? '',
          })),
          queue: [...queue],
        });
        intent = { batch: number, writes };
        await this.#input.probePoint?.('intent');
        const writing = writeDifferences(
          connection,
          writes.map((decision) => decision.difference),
        );
        await Promise.all([writing, this.#deriveMeanwhile()]);
        switched = await switchOff(connection, queue);
        await this.#input.probePoint?.('written');
        await this.#readBack(
          connection,
          writes.map(({ work }) => work),
        );
        await this.#input.probePoint?.('verified');
        return decided;
      },
      { commit: !this.#rehearsal, onOutcome, hurried },
    );
    this.#undecided.delete(batch);
    this.#counts.queueSwitchedOff += Math.max(switched, perhapsSwitched);
    return decisions;
  }

  /** Derives the next batch's rows once the statement just given has left for MySQL. */
  async #deriveMeanwhile(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    try {
      this.#ahead?.();
    } catch {
      // It is asked for again, and fails again, between the batches. Thrown here the transaction would be rolled back
      // while its own statements still follow, and those would then be committed one by one.
    }
  }

  #decide(work: Work, target: TargetDevice | undefined): Decision {
    const { device, rows } = work;
    if (target === undefined) throw new Error('a device that was asked for was not answered');
    const difference = differenceOf(target, rows);
    const absent = isAbsent(target);
    const hold = (code: string, sentence: string): Decision => ({
      kind: 'held',
      work,
      held: { udid: device.udid, code, sentence, changes: absent ? [] : difference.changes },
    });
    const touches = absent ? [] : touchesOf(target);
    if (touches.length > 0) {
      // An earlier run of this plan brought it in, and its life in Fleet has begun: done, not drifted.
      if (this.#earlier.has(device.udid)) return { kind: 'already', work };
      return hold('touched-since-plan', touches.map((touch) => touch.sentence).join(' '));
    }
    const now = targetHash(target);
    if (difference.changes.length === 0) return { kind: now === device.targetSha256 ? 'unchanged' : 'already', work };
    if (now !== device.targetSha256) {
      return hold(
        'target-drift',
        now === 'absent'
          ? 'The rows the plan wanted to refresh are gone from Fleet.'
          : device.targetSha256 === 'absent'
            ? 'Rows that were not there when the plan was made stand in Fleet.'
            : 'The rows in Fleet are not those the plan was made with.',
      );
    }
    return { kind: 'write', work, difference };
  }

  /** The planned queue rows of devices that go on, as far as they are still active. */
  async #lockQueue(connection: FleetConnection, decided: readonly Decision[]): Promise<QueueRow[]> {
    const wanted = decided.flatMap((decision) =>
      decision.kind === 'held' ? [] : [...(this.#queue.get(decision.work.device.udid) ?? [])],
    );
    const active: QueueRow[] = [];
    for (let start = 0; start < wanted.length; start += 1_000) {
      const part = wanted.slice(start, start + 1_000);
      const rows = await connection.query<{ id: string; command_uuid: string }>(
        'SELECT id, command_uuid FROM nano_enrollment_queue ' +
          `WHERE (id, command_uuid) IN (${part.map(() => '(?, ?)').join(', ')}) AND active = 1 FOR UPDATE`,
        part.flatMap((row) => [row.id, row.commandUuid]),
      );
      for (const row of rows) active.push({ id: row.id, commandUuid: row.command_uuid });
    }
    return active;
  }

  /** Every row of the written devices again, and every column: what a trigger or a lossy charset did shows here. */
  async #readBack(connection: FleetConnection, works: readonly Work[]): Promise<void> {
    const udids = works.map((work) => work.device.udid);
    const found = await readDevices(connection, this.#schema, udids, { contacts: false });
    const wrong = new Set<string>();
    for (const { rows } of works) {
      const target = found.get(rows.udid);
      if (target === undefined) throw new Error('a device that was asked for was not answered');
      for (const change of differenceOf(target, rows).changes) {
        if (change.columns.length === 0) wrong.add(`${change.table}: ${change.change}`);
        for (const [column] of change.columns) wrong.add(`${change.table}.${column}`);
      }
    }
    if (wrong.size > 0) throw new ReadBackDiffers([...wrong].sort());
  }

  #count(decision: Decision): void {
    this.#settled.add(decision.work);
    if (decision.kind === 'held') {
      this.#hold(decision.held);
      return;
    }
    const { udid, action } = decision.work.device;
    const perhaps = this.#perhaps.get(udid);
    if (decision.kind === 'write') this.#counts[action === 'insert' ? 'inserted' : 'refreshed'] += 1;
    else if (decision.kind === 'already' && perhaps !== undefined) {
      // It was this run that wrote it; only the answer to its commit was lost.
      this.#counts[perhaps === 'insert' ? 'inserted' : 'refreshed'] += 1;
    } else this.#counts[decision.kind] += 1;
  }

  #hold(held: HeldDevice): void {
    this.#held.set(held.udid, held);
  }

  async #finish(planned: number, left: number, serial: ApplyResult['serial']): Promise<ApplyResult> {
    const { reconnects } = this.#session;
    if (reconnects > 0) this.#notes.push(`The connection was lost and found again ${reconnects} times.`);
    // In the order of the plan, whichever session met them; other records of the same id were never to be written.
    const held = this.#input.plan.devices.filter(isWritten).flatMap(({ udid }) => this.#held.get(udid) ?? []);
    const counts = { planned, ...this.#counts, held: held.length, left };
    if (held.length > 0) {
      await this.#journal.append({ kind: 'held', devices: held.map(({ udid, code }) => ({ udid, code })) });
    }
    const state = left > 0 ? 'stopped' : 'complete';
    await this.#journal.append({ kind: 'closed', state, counts });
    return {
      planId: this.#input.plan.id,
      journal: this.#journal.path,
      rehearsal: this.#rehearsal,
      state,
      counts,
      held,
      serial,
      notes: this.#notes,
      verified: null,
    };
  }
}

/** Deletes first, children before parents; then the rest in the order foreign keys force. */
async function writeDifferences(connection: FleetConnection, differences: readonly Difference[]): Promise<void> {
  const limit = Math.floor(connection.server.maxAllowedPacket * 0.75) || 1_048_576;
  const all = <T extends FoundRow>(
    pick: (difference: Difference) => Readonly<Record<MigrationTable, readonly T[]>>,
    table: MigrationTable,
  ): T[] => differences.flatMap((difference) => pick(difference)[table]);
  for (const table of [...MIGRATION_TABLES].reverse()) {
    const rows = all((difference) => difference.deletes, table);
    // A device's own row is never deleted by an apply: everything of the device hangs on it.
    if (table === 'nano_devices' && rows.length > 0) throw new CountMismatch(table, 0, rows.length);
    await deleteRows(connection, table, rows);
  }
  for (const table of MIGRATION_TABLES) {
    for (const rows of alike(all((difference) => difference.inserts, table)))
      await insertRows(connection, table, rows, limit);
    for (const rows of alike(all((difference) => difference.updates, table)))
      await updateRows(connection, table, rows, limit);
  }
}

/** A statement writes rows of the same columns: associations of devices with several certificates have one more. */
function alike(rows: readonly Row[]): (readonly Row[])[] {
  const dated = rows.filter((row) => row[ASSOCIATION_TIME] !== undefined);
  return dated.length === 0 ? [rows] : [rows.filter((row) => row[ASSOCIATION_TIME] === undefined), dated];
}

async function switchOff(connection: FleetConnection, rows: readonly QueueRow[]): Promise<number> {
  for (let start = 0; start < rows.length; start += 200) {
    const part = rows.slice(start, start + 200);
    const { affectedRows } = await connection.execute(
      `UPDATE nano_enrollment_queue SET active = 0 WHERE active = 1 AND (id, command_uuid) IN (${part
        .map(() => `(${places(2)})`)
        .join(', ')})`,
      part.flatMap((row) => [row.id, row.commandUuid]),
    );
    if (affectedRows !== part.length) {
      throw new Error(`nano_enrollment_queue: ${part.length} expected, ${affectedRows} counted`);
    }
  }
  return rows.length;
}

function refusalOf(error: unknown): string {
  if (error instanceof ReadBackDiffers) {
    return `What was read back is not what was written (${error.columns.join(', ')}); a trigger may have changed it.`;
  }
  if (error instanceof CountMismatch) return `MySQL counted other rows than were written (${error.message}).`;
  if (error instanceof FailureError) return error.failure.message;
  return 'MySQL refused its rows.';
}
