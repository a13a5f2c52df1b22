/**
 * A session with somebody's database for reading alone: one transaction that shows one state of it and cannot write,
 * whichever engine is at the other end.
 */
import type { Secret } from '../secret';
import type { DatabaseAddress } from './address';
import type { OpenStream } from './socket';
import type { TlsMode } from './trust';

/** A row as it is asked for: everything in it is a text, a number or nothing. */
export type Row = Readonly<Record<string, string | number | null>>;

export type Engine = 'mysql' | 'postgres';

/** Where to, who, and how the server proves itself. */
export interface ReadingTarget {
  readonly address: DatabaseAddress;
  readonly password: Secret | null;
  readonly tls: {
    readonly mode: TlsMode;
    /** PEM file; null: the roots Node brings. */
    readonly caFile: string | null;
  };
  /** The operator confirmed by name that this connection may be unencrypted although it leaves the machine. */
  readonly plaintextConfirmed: boolean;
  /** Where the server is reached through a tunnel: opens a stream to it. */
  readonly open?: OpenStream;
}

/** Limits in milliseconds; tests shorten them. */
export interface ReadingLimits {
  /** From the first packet to a session that is set up. */
  readonly connect: number;
  /** How long the server works on one statement, and how long it may be silent meanwhile. */
  readonly statement: number;
  /** How long a statement waits for a lock somebody else holds on the table's definition. */
  readonly lock: number;
}

const READING_LIMITS: ReadingLimits = { connect: 10_000, statement: 120_000, lock: 10_000 };

/**
 * One read-only transaction. Nothing is locked: both engines keep the rows this state needs beside what is written
 * meanwhile. One statement at a time.
 *
 * All methods throw FailureError with the codes of `sessionFailure`.
 */
export interface ReadingSession {
  readonly engine: Engine;
  /** As the server says it: `9.7.4`, `15.18 (Debian …)`. */
  readonly version: string;
  /** The names of the columns of each of these tables that this account may see; none for a table that is not there. */
  columns(tables: readonly string[]): Promise<ReadonlyMap<string, ReadonlySet<string>>>;
  /** The rows of a SELECT, some hundred at a time, so that memory stays bounded. */
  rows(sql: string): AsyncIterable<readonly Row[]>;
  /** Says goodbye to the server. Never throws. */
  close(): Promise<void>;
}

/**
 * Opens a session; the state it shows is that of this moment.
 * @throws FailureError `database/plaintext-refused`, `database/ca-file`, `database/unreachable`, `database/timeout`,
 *   `database/access-denied`, `database/unknown-database`, `database/tls-…`, `database/protocol`. None holds the password.
 */
export async function openReadingSession(
  engine: Engine,
  target: ReadingTarget,
  limits: ReadingLimits = READING_LIMITS,
): Promise<ReadingSession> {
  // A driver is loaded when it is asked for: reading a file must not pay for it.
  if (engine === 'mysql') {
    const { openMySql } = await import('./mysql-session');
    return openMySql(target, limits);
  }
  const { openPostgres } = await import('./postgres-session');
  return openPostgres(target, limits);
}
