/**
 * Undo: takes back what an apply inserted, device by device, as long as nothing but the migration has touched it.
 *
 * A device goes only when all of this holds: a journal says its rows were inserted by us; its route does not point to
 * Fleet; its rows still are, column by column, what was written; it is untouched, tested twice with a pause in between,
 * because Fleet writes the time of a contact up to two seconds after it.
 */
import { attempt, FailureError, refused } from '../failure';
import type { FleetConnection } from '../fleet/connection';
import { deleteRows, isAbsent, places, readDevices, type TargetDevice } from '../fleet/device-rows';
import { MIGRATION_TABLES, type TargetSchema } from '../fleet/schema';
import type { OnProgress } from '../progress';
import { writtenHash, type WrittenColumns } from './difference';
import {
  Journal,
  journaledDevices,
  journaledSteps,
  isRehearsal,
  nextBatch,
  operatorHere,
  readJournal,
  type JournaledDevice,
  type JournalLine,
} from './journal';
import { touchesOf } from './touched';
import {
  interruptedBy,
  isAboutRows,
  isBusy,
  isLost,
  MOST_BUSY,
  sleep,
  WritingSession,
  type Connect,
  type Patience,
} from './writing-session';

/** Why a device was left as it is. */
export interface LeftDevice {
  readonly udid: string;
  /**
   * `touched`, `route-at-fleet`, `not-as-written`, `refreshed-only` (no journal at hand inserted it),
   * `refused-by-target`, `target-busy`.
   */
  readonly code: string;
  readonly sentence: string;
}

export interface UndoResult {
  readonly journal: string;
  readonly rehearsal: boolean;
  readonly state: 'complete' | 'stopped';
  readonly counts: {
    /** Devices the journal wrote and did not take back yet. */
    readonly journaled: number;
    readonly removed: number;
    /** Their rows were gone already. */
    readonly gone: number;
    readonly left: number;
    readonly queueSwitchedOn: number;
  };
  readonly left: readonly LeftDevice[];
  /** Rows about the removed devices that stay in Fleet, by table. */
  readonly remaining: Readonly<Record<string, number>>;
  /** Queued commands that went with their enrollments. */
  readonly queueRemoved: number;
  /** What cannot be taken back, and what is left on purpose, in sentences. */
  readonly notes: readonly string[];
}

export interface UndoInput {
  /** The journal of the apply that is taken back. */
  readonly journal: string;
  /** Journals of earlier applies to the same Fleet: what they inserted and this one only refreshed may go too. */
  readonly earlier?: readonly string[];
  readonly connect: Connect;
  readonly probe: (connection: FleetConnection) => Promise<TargetSchema>;
  /** UDIDs whose route points to Fleet: they are never taken back. */
  readonly atFleet: ReadonlySet<string>;
  /** Only these devices. */
  readonly only?: ReadonlySet<string>;
  readonly rehearse?: boolean;
  readonly reason?: string | null;
  /** Accepted by name: `other-target`. */
  readonly accepted?: ReadonlySet<string>;
  readonly batchSize?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress;
  readonly patience?: Patience;
  /** Waits between the two tests; default: really. Tests inject their own. */
  readonly wait?: (milliseconds: number) => Promise<void>;
  readonly probePoint?: (point: string) => Promise<void>;
}

/** Between the two tests: Fleet flushes last-seen times within two seconds, and a little more. */
export const FLUSH_PAUSE_MS = 2_500;

const BATCH_SIZE = 500;

/**
 * Takes an apply back. Throws `undo/other-target` when the journal is another server's (accept `other-target` after a
 * failover), `undo/rehearsal`, `fleet/locked-by-other-operator`, `journal/…`. Can be killed and run again.
 */
export async function undoJournal(input: UndoInput): Promise<UndoResult> {
  const session = await WritingSession.open(
    input.connect,
    input.patience,
    input.signal === undefined ? {} : { signal: input.signal },
  );
  try {
    const schema = await input.probe(session.connection);
    const before = await readJournal(input.journal);
    if (before.lines.length === 0) {
      refused('undo/empty', `The journal ${input.journal} holds no entry.`, 'Name the journal apply wrote.');
    }
    checkTarget(before.lines, session.connection, input);
    const journal = await Journal.open(input.journal);
    try {
      const undoing = new Undoing(input, session, schema, journal, await inserters(input, session.connection));
      return await undoing.run().catch((error: unknown) => interrupted(error, undoing.undecided));
    } finally {
      await journal.close();
    }
  } finally {
    await session.close();
  }
}

function checkTarget(lines: readonly JournalLine[], connection: FleetConnection, input: UndoInput): void {
  if (isRehearsal(lines)) {
    refused(
      'undo/rehearsal',
      'This is the journal of a rehearsal: nothing of it was committed.',
      'Nothing needs to be done.',
    );
  }
  const opened = lines.find((line) => line.kind === 'opened');
  if (opened === undefined) {
    refused('undo/empty', 'The journal does not say which Fleet it belongs to.', 'Name the journal apply wrote.');
  }
  const same =
    opened.target.serverUuid === connection.server.serverUuid && opened.target.database === connection.address.database;
  if (same || input.accepted?.has('other-target') === true) return;
  refused(
    'undo/other-target',
    `The journal is about the database ‘${opened.target.database}’ on ${opened.target.host}:${opened.target.port}, and this is another server or database.`,
    'Connect to that one; after a failover, when you know it is the same Fleet, accept other-target by name.',
  );
}

function interrupted(error: unknown, undecided: boolean): never {
  return interruptedBy(error, {
    what: 'Taking back was interrupted:',
    stands: 'What was taken back before is gone from Fleet and in the journal; no device is half gone.',
    again: 'Then run the same undo again: it goes on with the rest.',
    undecided,
  });
}

/** Devices earlier journals of the same Fleet inserted and did not take back. */
async function inserters(input: UndoInput, connection: FleetConnection): Promise<ReadonlySet<string>> {
  const inserted = new Set<string>();
  for (const path of input.earlier ?? []) {
    if (path === input.journal) continue;
    const { lines } = await readJournal(path);
    const opened = lines.find((line) => line.kind === 'opened');
    if (opened?.target.database !== connection.address.database) continue;
    const same = opened.target.serverUuid === connection.server.serverUuid;
    if (!same && input.accepted?.has('other-target') !== true) continue;
    for (const device of journaledDevices(lines).values()) if (device.inserted) inserted.add(device.udid);
  }
  return inserted;
}

type Finding = { readonly kind: 'remove'; readonly target: TargetDevice } | { readonly kind: 'gone' } | LeftFinding;
interface LeftFinding {
  readonly kind: 'left';
  readonly left: LeftDevice;
}

class Undoing {
  readonly #input: UndoInput;
  readonly #session: WritingSession;
  readonly #schema: TargetSchema;
  readonly #journal: Journal;
  readonly #insertedEarlier: ReadonlySet<string>;
  readonly #written: WrittenColumns;
  readonly #rehearsal: boolean;
  readonly #left = new Map<string, LeftDevice>();
  readonly #removed: string[] = [];
  /** Devices whose removal may have been committed although the answer was lost. */
  readonly #perhaps = new Set<string>();
  /** Some of them have not been looked at again. */
  undecided = false;
  /** Devices in a row whose rows stayed locked. */
  #busy = 0;
  /** A batch was left because the operator stopped it while it was being tried again. */
  #cutShort = false;
  readonly #notes: string[] = [];
  #gone = 0;
  #queueRemoved = 0;
  #queueSwitchedOn = 0;
  #batch: number;

  constructor(
    input: UndoInput,
    session: WritingSession,
    schema: TargetSchema,
    journal: Journal,
    insertedEarlier: ReadonlySet<string>,
  ) {
    this.#input = input;
    this.#session = session;
    this.#schema = schema;
    this.#journal = journal;
    this.#insertedEarlier = insertedEarlier;
    this.#rehearsal = input.rehearse ?? false;
    this.#batch = nextBatch(journal.found.lines);
    const opened = journal.found.lines.filter((line) => line.kind === 'opened').at(-1);
    if (opened === undefined) throw new Error('a journal without its first entry');
    this.#written = opened.written;
  }

  async run(): Promise<UndoResult> {
    const { lines } = this.#journal.found;
    const journaled = [...journaledDevices(lines).values()].filter(
      (device) => this.#input.only === undefined || this.#input.only.has(device.udid),
    );
    const { address, server } = this.#session.connection;
    await this.#journal.append({
      kind: 'undo-opened',
      ...operatorHere(),
      target: { host: address.host, port: address.port, database: address.database, serverUuid: server.serverUuid },
      rehearsal: this.#rehearsal,
      reason: this.#input.reason ?? null,
      devices: journaled.length,
    });

    const candidates = await this.#firstTest(journaled);
    if (candidates.length > 0) await (this.#input.wait ?? sleep)(FLUSH_PAUSE_MS);
    await this.#input.probePoint?.('between');

    const size = Math.max(1, this.#input.batchSize ?? BATCH_SIZE);
    let stopped = false;
    for (let start = 0; start < candidates.length; start += size) {
      if (this.#isStopped()) {
        stopped = true;
        break;
      }
      try {
        await this.#remove(candidates.slice(start, start + size));
      } catch (error) {
        // Whoever stopped it does not want the server waited for.
        if (!isLost(error) || !(error instanceof FailureError) || !this.#isStopped()) throw error;
        this.#notes.push(error.failure.message);
        stopped = true;
        break;
      }
      this.#input.onProgress?.({
        label: 'taking back',
        done: Math.min(start + size, candidates.length),
        total: candidates.length,
      });
    }
    stopped ||= this.#cutShort;
    if (!stopped) {
      const { only } = this.#input;
      const rows = journaledSteps(lines).queue;
      await this.#switchQueueOn(
        only === undefined ? rows : rows.filter(({ id }) => only.has(id.split(':')[0] ?? '') || only.has(id)),
      );
    }
    return this.#finish(journaled.length, stopped);
  }

  /** The operator wants it to end. */
  #isStopped(): boolean {
    return this.#input.signal?.aborted === true;
  }

  /** The first test, without a lock: what fails it is left, what passes is tested again under lock after the pause. */
  async #firstTest(journaled: readonly JournaledDevice[]): Promise<JournaledDevice[]> {
    const candidates: JournaledDevice[] = [];
    for (let start = 0; start < journaled.length; start += BATCH_SIZE) {
      const batch = journaled.slice(start, start + BATCH_SIZE);
      const found = await this.#session.transaction(
        (connection) =>
          readDevices(
            connection,
            this.#schema,
            batch.map((device) => device.udid),
          ),
        { commit: false },
      );
      for (const device of batch) {
        const finding = this.#look(device, found.get(device.udid));
        if (finding.kind === 'remove') candidates.push(device);
        else this.#note(finding);
      }
    }
    return candidates;
  }

  #look(device: JournaledDevice, target: TargetDevice | undefined): Finding {
    if (target === undefined) throw new Error('a device that was asked for was not answered');
    const leave = (code: string, sentence: string): LeftFinding => ({
      kind: 'left',
      left: { udid: device.udid, code, sentence },
    });
    if (isAbsent(target)) return { kind: 'gone' };
    if (this.#input.atFleet.has(device.udid)) {
      return leave('route-at-fleet', 'Its wave points to Fleet: point it back to the old server first.');
    }
    const touches = touchesOf(target);
    if (touches.length > 0) return leave('touched', touches.map((touch) => touch.sentence).join(' '));
    if (!device.inserted && !this.#insertedEarlier.has(device.udid)) {
      return leave(
        'refreshed-only',
        'This apply only refreshed it, and no journal at hand says that Slipway inserted it; what stood there before is not known.',
      );
    }
    const now = writtenHash(target, this.#written);
    if (now === null || !device.rowsSha256.includes(now)) {
      return leave(
        'not-as-written',
        'Its rows are not what this apply wrote: a later import refreshed them, or somebody changed them.',
      );
    }
    return { kind: 'remove', target };
  }

  async #remove(batch: readonly JournaledDevice[], hurried = false): Promise<void> {
    try {
      await this.#removeAll(batch, hurried);
      this.#busy = 0;
    } catch (error) {
      if (!isAboutRows(error) && !isBusy(error)) throw error;
      if (this.#isStopped()) {
        this.#cutShort = true;
        return;
      }
      if (!hurried && isBusy(error)) await this.#session.refuseLockedTables();
      const [only] = batch;
      if (batch.length > 1 || only === undefined) {
        const middle = Math.ceil(batch.length / 2);
        await this.#remove(batch.slice(0, middle), true);
        await this.#remove(batch.slice(middle), true);
        return;
      }
      const sentence = isBusy(error)
        ? 'Its rows stayed locked by another session of Fleet’s database.'
        : `Fleet’s database refused to let its rows go (${error instanceof FailureError ? error.failure.message : 'MySQL counted other rows than were locked'}).`;
      const code = isBusy(error) ? 'target-busy' : 'refused-by-target';
      this.#left.set(only.udid, { udid: only.udid, code, sentence });
      if (!isBusy(error)) return;
      this.#busy += 1;
      if (this.#busy >= MOST_BUSY) throw error;
    }
  }

  async #removeAll(batch: readonly JournaledDevice[], hurried: boolean): Promise<void> {
    let intent: number | null = null;
    let going: readonly TargetDevice[] = [];
    let queueRemoved = 0;
    const findings = await this.#session.transaction(
      async (connection) => {
        intent = null;
        const found = await readDevices(
          connection,
          this.#schema,
          batch.map((device) => device.udid),
          { lock: true },
        );
        await this.#input.probePoint?.('locked');
        const looked = batch.map((device) => this.#look(device, found.get(device.udid)));
        going = looked.flatMap((finding) => (finding.kind === 'remove' ? [finding.target] : []));
        if (going.length === 0) return looked;
        const number = this.#batch;
        this.#batch += 1;
        await this.#journal.append({
          kind: 'undo-intent',
          batch: number,
          udids: going.map((target) => target.udid),
          queue: [],
        });
        intent = number;
        await this.#input.probePoint?.('intent');
        queueRemoved = await queueOf(connection, going);
        // Each table by itself, children first, counted. Nothing cascades to the associations; and MySQL 9.7 leaves
        // enrollments behind when a device with user channels goes, since two foreign keys lead to them.
        for (const table of [...MIGRATION_TABLES].reverse()) {
          await deleteRows(
            connection,
            table,
            going.flatMap((target) => target.rows[table]),
          );
        }
        await this.#input.probePoint?.('written');
        return looked;
      },
      {
        commit: !this.#rehearsal,
        hurried,
        onOutcome: async (outcome) => {
          if (intent === null) return;
          const number = intent;
          intent = null;
          if (outcome === 'unknown') {
            this.undecided = true;
            for (const { udid } of going) this.#perhaps.add(udid);
          }
          await this.#journal.append({ kind: 'undo-outcome', batch: number, outcome });
        },
      },
    );
    this.undecided = false;
    for (const [index, finding] of findings.entries()) this.#note(finding, batch[index]?.udid);
    this.#queueRemoved += queueRemoved;
  }

  #note(finding: Finding, udid = ''): void {
    // It was this run that took it back; only the answer to its commit was lost.
    if (finding.kind === 'gone' && this.#perhaps.has(udid)) this.#removed.push(udid);
    else if (finding.kind === 'gone') this.#gone += 1;
    else if (finding.kind === 'left') this.#left.set(finding.left.udid, finding.left);
    else this.#removed.push(finding.target.udid);
  }

  /** Commands this apply switched off, of devices that stay: on again, where they still are off and unanswered. */
  async #switchQueueOn(rows: readonly { readonly id: string; readonly commandUuid: string }[]): Promise<void> {
    for (let start = 0; start < rows.length; start += 200) {
      const part = rows.slice(start, start + 200);
      let intent: number | null = null;
      let switched = 0;
      /** Of a commit whose answer was lost: where it came through, none is left to switch on. */
      let perhaps = 0;
      await this.#session.transaction(
        async (connection) => {
          intent = null;
          const number = this.#batch;
          this.#batch += 1;
          await this.#journal.append({ kind: 'undo-intent', batch: number, udids: [], queue: [...part] });
          intent = number;
          const { affectedRows } = await connection.execute(
            `UPDATE nano_enrollment_queue SET active = 1 WHERE active = 0 AND (id, command_uuid) IN (${part
              .map(() => `(${places(2)})`)
              .join(', ')})`,
            part.flatMap((row) => [row.id, row.commandUuid]),
          );
          switched = affectedRows;
        },
        {
          commit: !this.#rehearsal,
          onOutcome: async (outcome) => {
            if (intent === null) return;
            const number = intent;
            intent = null;
            if (outcome === 'unknown') perhaps = switched;
            await this.#journal.append({ kind: 'undo-outcome', batch: number, outcome });
          },
        },
      );
      this.#queueSwitchedOn += Math.max(switched, perhaps);
    }
  }

  async #finish(journaled: number, stopped: boolean): Promise<UndoResult> {
    const counts = {
      journaled,
      removed: this.#removed.length,
      gone: this.#gone,
      left: this.#left.size,
      queueSwitchedOn: this.#queueSwitchedOn,
    };
    const left = [...this.#left.values()];
    await this.#journal.append({
      kind: 'undone',
      counts: { ...counts, rehearsal: this.#rehearsal },
      left: left.map(({ udid, code }) => ({ udid, code })),
    });
    const notes = [
      ...this.#notes,
      'Commands Fleet has sent, pushes and entries in its activity log cannot be taken back.',
      'A device whose rows were removed is refused by Fleet until it is imported or enrolled again.',
    ];
    for (const { table, serial } of journaledSteps(this.#journal.found.lines).serials) {
      notes.push(
        `The row ${serial} in ${table} is left on purpose: MySQL does not lower the counter again, and a higher one does no harm.`,
      );
    }
    if (this.#journal.found.tornBytes > 0) {
      notes.push(
        `The journal’s last line was torn by a crash (${this.#journal.found.tornBytes} bytes); it was cut off.`,
      );
    }
    return {
      journal: this.#journal.path,
      rehearsal: this.#rehearsal,
      state: stopped ? 'stopped' : 'complete',
      counts,
      left,
      remaining: await this.#remaining(notes),
      queueRemoved: this.#queueRemoved,
      notes,
    };
  }

  /** Fleet's own rows about the devices that were removed. */
  async #remaining(notes: string[]): Promise<Record<string, number>> {
    const remaining: Record<string, number> = {};
    const tables: [table: string, column: string][] = [
      ['host_mdm_apple_profiles', 'host_uuid'],
      ['hosts', 'uuid'],
    ];
    if (this.#schema.seenStorage === 'table') tables.push(['nano_seen_times', 'id']);
    for (const [table, column] of tables) {
      for (let start = 0; start < this.#removed.length; start += 1_000) {
        const part = this.#removed.slice(start, start + 1_000);
        const counted = await attempt(() =>
          this.#session.connection.query<{ number: number | string }>(
            `SELECT COUNT(*) AS number FROM ${table} WHERE ${column} IN (${places(part.length)})`,
            part,
          ),
        );
        if (!counted.ok) {
          // The undo itself is done and journaled; a report that cannot be had must not look like its failure.
          notes.push(`What stays in ${table} could not be counted: ${counted.failure.message}`);
          break;
        }
        const number = Number(counted.value[0]?.number ?? 0);
        if (number > 0) remaining[table] = (remaining[table] ?? 0) + number;
      }
    }
    return remaining;
  }
}

async function queueOf(connection: FleetConnection, devices: readonly TargetDevice[]): Promise<number> {
  const ids = devices.flatMap((device) => device.rows.nano_enrollments.map((row) => String(row['id'])));
  if (ids.length === 0) return 0;
  const [row] = await connection.query<{ number: number | string }>(
    `SELECT COUNT(*) AS number FROM nano_enrollment_queue WHERE id IN (${places(ids.length)})`,
    ids,
  );
  return Number(row?.number ?? 0);
}
