/**
 * A writer's session with Fleet's database: one operator at a time, found again after a lost connection, and
 * transactions that are tried again when they meet Fleet's own.
 */
import { createHash } from 'node:crypto';
import { FailureError, refused, unreadable } from '../failure';
import type { FleetConnection } from '../fleet/connection';
import { CountMismatch, KEY_COLUMNS } from '../fleet/device-rows';
import { MIGRATION_TABLES } from '../fleet/schema';

/** Opens a connection for writing. */
export type Connect = () => Promise<FleetConnection>;

/** How long things are tried. */
export interface Patience {
  /** Seconds the operators' lock is waited for: a session of ours that was killed lets go only when MySQL notices. */
  readonly lockSeconds: number;
  /** Waits before each new attempt to connect, milliseconds. */
  readonly reconnectMs: readonly number[];
  /** How often one transaction may lose its connection before it is given up. */
  readonly losses: number;
  /** Waits before a transaction is tried again after a deadlock or lock timeout, milliseconds. */
  readonly retryMs: readonly number[];
}

const PATIENCE: Patience = {
  lockSeconds: 3,
  reconnectMs: [200, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000],
  losses: 5,
  retryMs: [50, 200, 800],
};

const LOST = new Set([
  'fleet/connection-lost',
  'fleet/timeout',
  'fleet/unreachable',
  'fleet/protocol',
  'fleet/connections-exhausted',
  // The way to it, where it leads through another machine.
  'ssh/connection-lost',
  'ssh/timeout',
  'ssh/unreachable',
  'ssh/tunnel-failed',
]);

/** True when the connection is gone rather than the statement wrong. */
export function isLost(error: unknown): boolean {
  return error instanceof FailureError && LOST.has(error.failure.code);
}

/** True when the same transaction may succeed a moment later. */
export function isBusy(error: unknown): boolean {
  return (
    error instanceof FailureError &&
    (error.failure.code === 'fleet/deadlock' || error.failure.code === 'fleet/lock-timeout')
  );
}

/** After so many devices in a row whose rows stayed locked, waiting for each of the rest would take hours. */
export const MOST_BUSY = 5;

/** What a statement was refused for that is about single rows: the batch is taken apart to find them. */
const ABOUT_ROWS = new Set([
  'fleet/constraint',
  'fleet/value-refused',
  'fleet/packet-too-large',
  'fleet/statement-failed',
  'fleet/ambiguous-id',
]);

/** True when the refusal may concern only some of the rows. */
export function isAboutRows(error: unknown): error is FailureError | CountMismatch | ReadBackDiffers {
  if (error instanceof CountMismatch || error instanceof ReadBackDiffers) return true;
  return error instanceof FailureError && ABOUT_ROWS.has(error.failure.code);
}

/** What was read back inside the transaction is not what was written: a trigger, or a defect. */
export class ReadBackDiffers extends Error {
  constructor(readonly columns: readonly string[]) {
    super(`read back differs: ${columns.join(', ')}`);
    this.name = 'ReadBackDiffers';
  }
}

/** How a session is opened. */
export interface SessionOptions {
  /** 2 for a session beside the first: it takes a lock of its own, by which it is known should it outlive its connection. */
  readonly number?: 1 | 2;
  /** Once given, nothing is waited for and nothing tried again. */
  readonly signal?: AbortSignal;
}

/** How a transaction is run. */
export interface TransactionOptions {
  readonly commit: boolean;
  /** Told what became of each attempt. */
  readonly onOutcome?: (outcome: TransactionOutcome) => Promise<void>;
  /** Rows that stay locked are waited for once only: what they are in the way of is being looked for. */
  readonly hurried?: boolean;
}

/** A session that holds the operators' lock. */
export class WritingSession {
  readonly #connect: Connect;
  readonly #patience: Patience;
  /** Which of the operator's sessions this is; 1 holds the lock that keeps other operators out. */
  readonly #number: number;
  readonly #signal: AbortSignal | undefined;
  #reconnecting: Promise<void> | null = null;
  #connection: FleetConnection;
  /** MySQL's number of the session, to end it by should it outlive its connection. */
  #sessionId: number;
  /** Times the connection was lost and found again. */
  reconnects = 0;

  private constructor(
    connect: Connect,
    connection: FleetConnection,
    sessionId: number,
    patience: Patience,
    options: SessionOptions,
  ) {
    this.#connect = connect;
    this.#number = options.number ?? 1;
    this.#signal = options.signal;
    this.#connection = connection;
    this.#sessionId = sessionId;
    this.#patience = patience;
  }

  /** Connects and takes the operators' lock. Throws `fleet/locked-by-other-operator`. */
  static async open(
    connect: Connect,
    patience: Patience = PATIENCE,
    options: SessionOptions = {},
  ): Promise<WritingSession> {
    const connection = await connect();
    try {
      await takeLock(connection, patience.lockSeconds, options.number ?? 1);
      return new WritingSession(connect, connection, await sessionIdOf(connection), patience, options);
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  get connection(): FleetConnection {
    return this.#connection;
  }

  /** Resolves once the session is not looking for a new connection; at once when it is not. Never throws. */
  async steady(): Promise<void> {
    await this.#reconnecting?.catch(() => undefined);
  }

  /** Lets go of the lock and says goodbye. */
  async close(): Promise<void> {
    await this.#connection
      .query('SELECT RELEASE_LOCK(?)', [lockName(this.#connection, this.#number)])
      .catch(() => undefined);
    await this.#connection.close();
  }

  /** Drops the connection at once; MySQL rolls back and frees the lock. */
  destroy(): void {
    this.#connection.destroy();
  }

  /**
   * Runs work in a transaction and commits it (or, with `commit: false`, rolls it back).
   *
   * The work may be run several times: after a deadlock, after a lock timeout, and on a new connection when the old one
   * was lost. It must look at the target afresh each time; a commit whose answer was lost may have come through.
   */
  async transaction<T>(work: (connection: FleetConnection) => Promise<T>, options: TransactionOptions): Promise<T> {
    let retries = 0;
    let losses = 0;
    for (;;) {
      let committing = false;
      let attempt: { readonly value: T } | { readonly error: unknown };
      try {
        await this.#connection.begin();
        const value = await work(this.#connection);
        if (options.commit) {
          committing = true;
          await this.#connection.commit();
        } else await this.#connection.rollback();
        attempt = { value };
      } catch (error) {
        attempt = { error };
      }
      // Told outside of the try: a journal that cannot be written must not be taken for a failed transaction.
      if ('value' in attempt) {
        await options.onOutcome?.(options.commit ? 'committed' : 'rehearsed');
        return attempt.value;
      }
      const { error } = attempt;
      if (isLost(error)) {
        await options.onOutcome?.(committing ? 'unknown' : 'rolled-back');
        losses += 1;
        if (losses > this.#patience.losses || this.#stopped) throw error;
        this.#reconnecting = this.#reconnect(error);
        await this.#reconnecting;
        continue;
      }
      await this.#rollBack();
      await options.onOutcome?.('rolled-back');
      const wait = this.#patience.retryMs[retries];
      if (!isBusy(error) || wait === undefined || this.#stopped) throw error;
      if (options.hurried === true && error instanceof FailureError && error.failure.code === 'fleet/lock-timeout') {
        throw error;
      }
      retries += 1;
      await sleep(wait, this.#signal);
    }
  }

  /**
   * Asks, after rows could not be had, whether it is whole tables that another session keeps for itself: LOCK TABLES, a
   * running ALTER TABLE, a backup with a global read lock. Then no device of any batch can be written.
   *
   * Throws `fleet/tables-locked`; does nothing when the tables are free.
   */
  async refuseLockedTables(): Promise<void> {
    for (const table of MIGRATION_TABLES) {
      try {
        await this.#connection.query('SET SESSION lock_wait_timeout = 1');
        // An id nobody has: what it waits for is the table, never a row.
        await this.#connection.query(`SELECT 1 FROM ${table} WHERE ${KEY_COLUMNS[table][0] ?? 'id'} = '' FOR UPDATE`);
      } catch (error) {
        if (!isBusy(error)) throw error;
        unreadable(
          'fleet/tables-locked',
          `Another session keeps Fleet’s table ${table} locked as a whole (a backup, LOCK TABLES, or an ALTER TABLE of an upgrade).`,
          'Wait until it has finished (SHOW PROCESSLIST names it).',
          { table },
        );
      } finally {
        await this.#connection.query('SET SESSION lock_wait_timeout = 30').catch(() => undefined);
      }
    }
  }

  /** The operator wants it to end. */
  get #stopped(): boolean {
    return this.#signal?.aborted === true;
  }

  async #rollBack(): Promise<void> {
    try {
      await this.#connection.rollback();
    } catch {
      // Nothing of it is committed either way; the next statement finds out whether the connection lives.
      this.#connection.destroy();
    }
  }

  async #reconnect(cause: unknown): Promise<void> {
    this.#connection.destroy();
    const before = this.#connection.server.serverUuid;
    let last = cause;
    for (const wait of this.#patience.reconnectMs) {
      await sleep(wait, this.#signal);
      if (this.#stopped) throw last;
      let connection: FleetConnection;
      try {
        connection = await this.#connect();
      } catch (error) {
        if (!isLost(error)) throw error;
        last = error;
        continue;
      }
      await refuseOtherServer(connection, before);
      try {
        // Where the network broke, MySQL may take our old session for alive, with its locks and its open transaction.
        if ((await lockHolder(connection, this.#number)) === this.#sessionId) {
          await connection.query(`KILL ${this.#sessionId}`).catch(() => undefined);
        }
        await takeLock(connection, this.#patience.lockSeconds, this.#number);
        this.#sessionId = await sessionIdOf(connection);
      } catch (error) {
        await connection.close();
        if (!isLost(error) && !isLocked(error)) throw error;
        last = error;
        continue;
      }
      this.#connection = connection;
      this.reconnects += 1;
      return;
    }
    throw last;
  }
}

/**
 * Closes a connection that came to another server than the one that is written to, and throws `fleet/server-changed`:
 * behind the address of a failover may stand a replica that lags behind.
 * @param serverUuid of the server that is written to
 */
export async function refuseOtherServer(connection: FleetConnection, serverUuid: string): Promise<void> {
  if (connection.server.serverUuid === serverUuid) return;
  await connection.close();
  refused(
    'fleet/server-changed',
    'Another MySQL server answers under the same address than before; it may lack what was just written.',
    'Check which server is Fleet’s primary now, and that it has what was committed.',
  );
}

/** What became of one attempt at a transaction. */
export type TransactionOutcome = 'committed' | 'rolled-back' | 'rehearsed' | 'unknown';

function isLocked(error: unknown): boolean {
  return error instanceof FailureError && error.failure.code === 'fleet/locked-by-other-operator';
}

async function takeLock(connection: FleetConnection, seconds: number, number: number): Promise<void> {
  const [row] = await connection.query<{ taken: number | null }>('SELECT GET_LOCK(?, ?) AS taken', [
    lockName(connection, number),
    seconds,
  ]);
  if (row?.taken === 1) return;
  refused(
    'fleet/locked-by-other-operator',
    'Another session of Slipway is writing to this Fleet database.',
    'Wait until it has finished. Where nobody knows of one, it may be your own of before a line broke: MySQL notices within five minutes, or at once with KILL and the number of the connection (detail, SHOW PROCESSLIST).',
    { connectionId: await lockHolder(connection, number) },
  );
}

/** The session that holds the operators' lock; null when nobody does. */
async function lockHolder(connection: FleetConnection, number: number): Promise<number | null> {
  const [holder] = await connection.query<{ id: number | null }>('SELECT IS_USED_LOCK(?) AS id', [
    lockName(connection, number),
  ]);
  return holder?.id ?? null;
}

async function sessionIdOf(connection: FleetConnection): Promise<number> {
  const [row] = await connection.query<{ id: number }>('SELECT CONNECTION_ID() AS id');
  return row?.id ?? -1;
}

/** MySQL takes 64 characters; a database may have that many itself. */
function lockName(connection: FleetConnection, number: number): string {
  const name = `slipway${number === 1 ? '' : `-${number}`}:${connection.address.database}`;
  return name.length <= 64 ? name : `slipway:${createHash('sha256').update(name).digest('hex').slice(0, 48)}`;
}

/** Waits without holding anything; not longer than until the signal is given. */
export async function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) return;
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal?.addEventListener('abort', end);
  });
}

/** Failures after which the same command goes on where it stopped, once what they name is set right. */
const GOES_ON = new Set([
  ...LOST,
  'fleet/access-denied',
  'fleet/deadlock',
  'fleet/full',
  'fleet/interrupted',
  'fleet/lock-timeout',
  'fleet/permission',
  'fleet/read-only',
  'fleet/server-changed',
  'fleet/server-exhausted',
  'fleet/tables-locked',
]);

/** What an operator is told of work that Fleet’s database ended in its midst. */
export interface Interruption {
  /** `Writing was interrupted:` */
  readonly what: string;
  /** What stands now. */
  readonly stands: string;
  /** How to go on. */
  readonly again: string;
  /** The answer to the last commit was lost, and nobody could be asked afterwards. */
  readonly undecided: boolean;
}

/** Throws a failure of Fleet's database again, with what it means for work under way; anything else as it is. */
export function interruptedBy(error: unknown, told: Interruption): never {
  if (!(error instanceof FailureError) || !/^fleet\/|^plan\/schema-changed$/.test(error.failure.code)) throw error;
  const { failure } = error;
  const open = told.undecided
    ? ' Whether the last batch was committed could not be learned; the next run finds out.'
    : '';
  const again = GOES_ON.has(failure.code) ? ` ${told.again}` : '';
  throw new FailureError(
    {
      ...failure,
      message: `${told.what} ${failure.message} ${told.stands}${open}`,
      remedy: `${failure.remedy}${again}`,
    },
    { cause: error },
  );
}
