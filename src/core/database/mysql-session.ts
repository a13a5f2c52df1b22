/** A reading session with MySQL. */
import { Socket } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import { createConnection, type Connection, type ConnectionOptions, type QueryError } from 'mysql2';
import type { DatabaseAddress } from './address';
import { handshakeCause, lineOptions, requireProof } from './mysql-line';
import type { ReadingLimits, ReadingSession, ReadingTarget, Row } from './reading-session';
import { OWN_ERROR, requirePrivacy, sessionFailure } from './session-failure';
import { namedFor, openSocket } from './socket';

/** Rows given on at a time. */
const BATCH = 500;

/** @throws FailureError as `openReadingSession` says */
export async function openMySql(target: ReadingTarget, limits: ReadingLimits): Promise<ReadingSession> {
  const { address } = target;
  requirePrivacy(address, target.tls.mode, target.plaintextConfirmed);
  const options = await optionsOf(target, limits);
  const session = await MySqlSession.open(address, options, limits);
  try {
    await session.prepare();
    return session;
  } catch (error) {
    session.destroy();
    throw sessionFailure(error, 'mysql', address);
  }
}

async function optionsOf(target: ReadingTarget, limits: ReadingLimits): Promise<ConnectionOptions> {
  const { address, tls, password } = target;
  const { host } = address;
  const line = await lineOptions({ host, tls, caFailure: 'database/ca-file', openPassword: OWN_ERROR.openPassword });
  const tunnel = target.open === undefined ? null : namedFor(host, await target.open(host, address.port));
  return {
    host,
    port: address.port,
    user: address.user,
    database: address.database,
    password: password?.revealText() ?? '',
    connectTimeout: limits.connect,
    charset: 'UTF8MB4_UNICODE_CI',
    timezone: 'Z',
    dateStrings: true,
    supportBigNumbers: true,
    jsonStrings: true,
    multipleStatements: false,
    flags: ['-LOCAL_FILES', '-ODBC', '-IGNORE_SPACE'],
    stream: () => tunnel ?? openSocket(address),
    ...line,
  };
}

class MySqlSession implements ReadingSession {
  readonly engine = 'mysql';
  version = '';
  /** Why the session ended; null while it lives. */
  #ended: Error | null = null;
  #activeSince: number | null = null;
  #moved = 0;
  readonly #watch: NodeJS.Timeout;

  private constructor(
    private readonly address: DatabaseAddress,
    private readonly connection: Connection,
    private readonly limits: ReadingLimits,
  ) {
    connection.on('error', (error: QueryError) => (this.#ended ??= error));
    this.#watch = setInterval(() => this.#look(), Math.max(20, limits.statement / 20));
    this.#watch.unref();
  }

  static async open(
    address: DatabaseAddress,
    options: ConnectionOptions,
    limits: ReadingLimits,
  ): Promise<MySqlSession> {
    const started = createConnection(options);
    try {
      await new Promise<void>((resolve, reject) => {
        started.once('connect', () => resolve());
        started.on('error', reject);
      });
      requireProof(address.host, options, streamOf(started));
    } catch (error) {
      const cause = handshakeCause(error, streamOf(started));
      started.destroy();
      throw sessionFailure(cause, 'mysql', address);
    }
    return new MySqlSession(address, started, limits);
  }

  /** Sets the session up and begins the one transaction. */
  async prepare(): Promise<void> {
    const [row] = await this.#query('SELECT VERSION() AS version');
    this.version = String(row?.['version'] ?? '');
    const isMariaDb = /mariadb/i.test(this.version);
    await this.#query('SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci');
    await this.#query(
      `SET SESSION sql_mode = 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES', SESSION time_zone = '+00:00', ` +
        `SESSION autocommit = 1, SESSION lock_wait_timeout = ${Math.max(1, Math.ceil(this.limits.lock / 1000))}`,
    );
    await this.#query(
      isMariaDb
        ? `SET SESSION max_statement_time = ${this.limits.statement / 1000}`
        : `SET SESSION max_execution_time = ${this.limits.statement}`,
    );
    await this.#query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
    await this.#query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
  }

  async columns(tables: readonly string[]): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
    const found = new Map<string, Set<string>>();
    for await (const rows of this.rows(
      'SELECT TABLE_NAME AS table_name, COLUMN_NAME AS column_name FROM information_schema.columns ' +
        `WHERE table_schema = DATABASE() AND table_name IN (${tables.map((table) => `'${table}'`).join(', ')})`,
    )) {
      for (const row of rows) {
        const table = String(row['table_name']).toLowerCase();
        const known = found.get(table) ?? new Set();
        found.set(table, known.add(String(row['column_name']).toLowerCase()));
      }
    }
    return found;
  }

  async *rows(sql: string): AsyncGenerator<readonly Row[]> {
    // mysql2 stops reading from the socket while this stream is full.
    const stream: Readable = this.connection.query(sql).stream({ highWaterMark: BATCH });
    let batch: Row[] = [];
    this.#begin();
    try {
      for await (const row of stream) {
        batch.push(row as Row);
        if (batch.length < BATCH) continue;
        this.#activeSince = null;
        yield batch;
        batch = [];
        this.#begin();
      }
    } catch (error) {
      throw this.#failure(error);
    } finally {
      this.#activeSince = null;
    }
    if (batch.length > 0) yield batch;
  }

  async close(): Promise<void> {
    if (this.#ended === null) {
      await new Promise<void>((resolve) => {
        const patience = setTimeout(resolve, 2_000);
        this.connection.end(() => {
          clearTimeout(patience);
          resolve();
        });
      });
    }
    this.destroy();
  }

  destroy(): void {
    clearInterval(this.#watch);
    this.connection.destroy();
    streamOf(this.connection).destroy();
  }

  async #query(sql: string): Promise<Row[]> {
    this.#begin();
    try {
      return await new Promise<Row[]>((resolve, reject) => {
        this.connection.query(sql, (error: QueryError | null, answer: unknown) => {
          // mysql2 says undefined as well as null for "no error".
          if (error) reject(error);
          else resolve(Array.isArray(answer) ? (answer as Row[]) : []);
        });
      });
    } catch (error) {
      throw this.#failure(error);
    } finally {
      this.#activeSince = null;
    }
  }

  /** What ended the session says more than what a statement saw of it. */
  #failure(error: unknown): Error {
    return sessionFailure(this.#ended ?? error, 'mysql', this.address);
  }

  #begin(): void {
    this.#activeSince = performance.now();
  }

  /** Ends a session whose network has gone silent while an answer is awaited. */
  #look(): void {
    const stream = streamOf(this.connection);
    const moved = stream instanceof Socket ? stream.bytesRead : 0;
    if (this.#activeSince === null || moved !== this.#moved) {
      this.#moved = moved;
      if (this.#activeSince !== null) this.#begin();
      return;
    }
    // The server's own limit comes first, with the better message.
    if (performance.now() - this.#activeSince < this.limits.statement * 1.25) return;
    const silence = Object.assign(new Error('silence'), { code: OWN_ERROR.silence });
    this.#ended ??= silence;
    stream.destroy(silence);
  }
}

/** The stream a connection speaks over: mysql2 replaces it when TLS starts, and does not declare it in its types. */
function streamOf(connection: Connection): Duplex {
  return (connection as unknown as { stream: Duplex }).stream;
}
