/**
 * The connection to Fleet's MySQL: who may connect how, what the session promises, how errors become failures.
 *
 * Everything above works with {@link FleetConnection}; mysql2 is known to this file, its neighbour
 * `database-failure` and `database/` alone.
 */
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { createConnection, type Connection, type ConnectionOptions, type QueryError } from 'mysql2';
import { hostAndPort, parseDatabaseAddress, type DatabaseAddress } from '../database/address';
import { handshakeCause, lineOptions, requireProof } from '../database/mysql-line';
import { openSocket } from '../database/socket';
import { isLoopback, type TlsMode } from '../database/trust';
import { FailureError, refused } from '../failure';
import type { Secret } from '../secret';
import { databaseFailure, PUBLIC_KEY_REFUSED, type Detail, type Place } from './database-failure';
import { nameOfVia, openFleetTunnel, type FleetTunnel, type FleetVia } from './tunnel';

export { defaultTlsMode, isLoopback, type TlsMode } from '../database/trust';
export type { FleetVia } from './tunnel';

/** Where Fleet’s MySQL is and who asks. Holds no password, so it may be shown and written down. */
export type FleetAddress = DatabaseAddress;

export interface FleetTarget {
  readonly address: FleetAddress;
  readonly password: Secret | null;
  readonly tls: {
    readonly mode: TlsMode;
    /** PEM file; null: the roots Node brings. */ readonly caFile: string | null;
  };
  /** The operator confirmed by name that this connection may be unencrypted although it leaves the machine. */
  readonly plaintextConfirmed: boolean;
  /** Tests only. */
  readonly mariaDbAllowed: boolean;
  /**
   * The machine through which it is reached; the address is then as that machine knows it. What TLS has to prove stays
   * the same: the name is the database's, not that machine's.
   */
  readonly via?: FleetVia;
}

/** A value as it is bound. */
export type Value = string | number | Buffer | null;

/** What the server says about itself, asked once on connecting. */
export interface FleetServer {
  readonly version: string;
  readonly versionNumber: readonly [number, number, number];
  readonly isMariaDb: boolean;
  /** Empty on MariaDB, which has none. */
  readonly serverUuid: string;
  readonly hostname: string;
  /** read_only or super_read_only is set: a replica, or a primary that was fenced. */
  readonly readOnly: boolean;
  /** The server's own sql_mode (global); this session has its own. */
  readonly sqlMode: string;
  /** Bytes. A statement with its values must stay below. */
  readonly maxAllowedPacket: number;
  /** The server's own time zone (global), `SYSTEM` resolved; this session runs in UTC. */
  readonly timeZone: string;
  /** Cipher of this connection; null when it is not encrypted. */
  readonly tlsCipher: string | null;
}

/**
 * One session with Fleet's database: UTC, utf8mb4, strict, short lock waits. Statements run one after the other in
 * the order they were given.
 *
 * All methods throw FailureError with the codes of `databaseFailure`; `fleet/deadlock` and `fleet/lock-timeout` may
 * be tried again (MySQL has rolled the whole transaction back after a deadlock, only the statement after a lock
 * timeout). After `fleet/connection-lost` or `fleet/timeout` the session is gone.
 */
export interface FleetConnection {
  readonly address: FleetAddress;
  readonly server: FleetServer;
  /**
   * Reads rows (text protocol; `?` placeholders are filled in here). Dates and times come as `YYYY-MM-DD hh:mm:ss`,
   * JSON as its text, binary columns as Buffer, integers as number or, beyond 2^53, as string; DECIMAL (so also
   * SUM()) as string.
   */
  query<T extends object>(sql: string, params?: readonly Value[]): Promise<T[]>;
  /**
   * Writes (server-side prepared statement, kept by its text: use few texts). `affectedRows` counts rows changed, as
   * the mysql client does: an INSERT … ON DUPLICATE KEY UPDATE counts 1 for a new row, 2 for a changed one, 0 for one
   * that had these values already. `info` is MySQL's own line, `Records: 3  Duplicates: 0  Warnings: 0`.
   */
  execute(sql: string, params?: readonly Value[]): Promise<{ affectedRows: number; info: string }>;
  /** Starts a transaction; a reader's is one consistent snapshot of the database. */
  begin(): Promise<void>;
  /** A failure here with `detail.outcome` = `unknown` may have happened after the server committed. */
  commit(): Promise<void>;
  rollback(): Promise<void>;
  /** Says goodbye to the server. Never throws. */
  close(): Promise<void>;
  /** Drops the socket at once, without a word; the server rolls back what was open. */
  destroy(): void;
}

/** Limits in milliseconds; tests shorten them. */
export interface ConnectionLimits {
  /** From the first packet to a session that is set up. */
  readonly connect: number;
  /** How long a running statement may go without a single byte moving. */
  readonly silence: number;
  /** How often an idle session is asked whether it still lives. */
  readonly ping: number;
}

const LIMITS: ConnectionLimits = { connect: 10_000, silence: 120_000, ping: 60_000 };

/**
 * What the session promises instead of the server's own mode. No NO_BACKSLASH_ESCAPES: mysql2 escapes with
 * backslashes when it fills placeholders in, and would be open to injection under that mode.
 */
const SQL_MODE =
  'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION';

const OLDEST = [8, 0, 16] as const;

const ADDRESS_WORDS = {
  what: 'Fleet’s database',
  code: 'usage/fleet-address',
  form: 'Write it as mysql://user@host:3306/database.',
  beginning: 'mysql://',
  password: 'Leave it out and give it by --fleet-password-file or in SLIPWAY_FLEET_PASSWORD.',
  options: 'Leave them out; TLS is chosen by the options --fleet-tls and --fleet-ca-file.',
};

/**
 * Reads `mysql://user@host[:3306]/database`. User and database are percent-decoded, IPv6 stands in brackets.
 *
 * Throws `usage/secret-in-url` for a password in it and `usage/fleet-address` for anything else. No message repeats
 * the address: what does not parse may still hold a password.
 */
export function parseFleetAddress(url: string): FleetAddress {
  return parseDatabaseAddress(url, { mysql: 3306 }, ADDRESS_WORDS);
}

/**
 * Opens a session with Fleet's database, for reading (the server refuses any write) or for writing.
 *
 * Throws `fleet/plaintext-refused`, `fleet/ca-file`, `fleet/unreachable`, `fleet/timeout`, `fleet/access-denied`,
 * `fleet/unknown-database`, `fleet/tls-untrusted`, `fleet/tls-wrong-name`, `fleet/tls-not-offered`, `fleet/tls-required`,
 * `fleet/tls-failed`, `fleet/mariadb`, `fleet/mysql-too-old`, and for writing `fleet/read-only`; through another machine
 * also `ssh/…` as `SshConnection.open` and `openStream`. No message holds the password.
 */
export async function connectFleet(
  target: FleetTarget,
  purpose: 'read' | 'write',
  limits: ConnectionLimits = LIMITS,
): Promise<FleetConnection> {
  const options = await optionsOf(target, limits);
  const tunnel = target.via === undefined ? null : await openFleetTunnel(target.via, target.address);
  const session = await Session.open(target, options, limits, tunnel);
  try {
    const server = await describeServer(session, target);
    await prepareSession(session, server, purpose);
    if (purpose === 'write' && server.readOnly) {
      refused(
        'fleet/read-only',
        `The MySQL server ${nameOf(target.address)} is read-only, so it is a replica or a primary that was fenced off.`,
        'Connect to the primary: Fleet reads from replicas, but rows are written to the primary only.',
      );
    }
    session.settle(server);
    return session;
  } catch (error) {
    session.destroy();
    throw error;
  }
}

/** `host:port`, for people. */
export const nameOf = hostAndPort;

async function optionsOf(target: FleetTarget, limits: ConnectionLimits): Promise<ConnectionOptions> {
  const { address, tls } = target;
  const plain = tls.mode === 'disabled';
  if (plain && !isLoopback(address.host) && !target.plaintextConfirmed) {
    refused(
      'fleet/plaintext-refused',
      `The connection to ${nameOf(address)} would be unencrypted and leave this machine; unlock tokens and push magic would travel in the open.`,
      'Use TLS (--fleet-tls verify-identity), or confirm the unencrypted connection by name if the network in between is yours.',
    );
  }
  const options: ConnectionOptions = {
    host: address.host,
    port: address.port,
    user: address.user,
    database: address.database,
    connectTimeout: limits.connect,
    charset: 'UTF8MB4_UNICODE_CI',
    timezone: 'Z',
    dateStrings: true,
    supportBigNumbers: true,
    // Fleet's JSON is not ours to trust: parsing it is a step of its own, with its own failure.
    jsonStrings: true,
    multipleStatements: false,
    stringifyObjects: true,
    maxPreparedStatements: 64,
    // FOUND_ROWS off: affectedRows are rows changed. LOCAL_FILES off: the server shall not ask for files of ours.
    flags: ['-FOUND_ROWS', '-LOCAL_FILES', '-ODBC', '-IGNORE_SPACE'],
    keepAliveInitialDelay: 10_000,
  };
  if (target.password !== null) options.password = target.password.revealText();
  const line = { host: address.host, tls, caFailure: 'fleet/ca-file', openPassword: PUBLIC_KEY_REFUSED };
  return { ...options, ...(await lineOptions(line)) };
}

/** What a server answers is not ours to trust: a proxy in between may say `NULL`, or 1 as a text. */
type Told = string | number | null;

interface ServerRow {
  version: Told;
  hostname: Told;
  read_only: Told;
  sql_mode: Told;
  max_allowed_packet: Told;
  time_zone: Told;
  system_time_zone: Told;
}

async function describeServer(session: Session, target: FleetTarget): Promise<FleetServer> {
  const [row] = await session.query<ServerRow>(
    'SELECT VERSION() AS version, @@hostname AS hostname, @@GLOBAL.read_only AS read_only, @@GLOBAL.sql_mode AS sql_mode, ' +
      '@@SESSION.max_allowed_packet AS max_allowed_packet, @@GLOBAL.time_zone AS time_zone, @@system_time_zone AS system_time_zone',
  );
  const version = String(row?.version ?? '');
  const isMariaDb = /mariadb/i.test(version);
  const numbers = /^(\d+)\.(\d+)\.(\d+)/.exec(version);
  const versionNumber = [Number(numbers?.[1] ?? 0), Number(numbers?.[2] ?? 0), Number(numbers?.[3] ?? 0)] as const;
  if (isMariaDb && !target.mariaDbAllowed) {
    refused(
      'fleet/mariadb',
      `The server ${nameOf(target.address)} is MariaDB (${shortened(version)}); Fleet does not support it, so this cannot be Fleet’s own database.`,
      'Connect to the MySQL server Fleet itself uses.',
    );
  }
  if (!isMariaDb && isOlder(versionNumber, OLDEST)) {
    refused(
      'fleet/mysql-too-old',
      `The server ${nameOf(target.address)} is MySQL ${shortened(version)}; before 8.0.16 it does not enforce the CHECK constraints of Fleet’s tables.`,
      'Upgrade MySQL to 8.0.16 or newer (Fleet asks for a recent 8.0 or 8.4) and try again.',
    );
  }
  let serverUuid = '';
  let superReadOnly = false;
  if (!isMariaDb) {
    const [more] = await session.query<{ server_uuid: Told; super_read_only: Told }>(
      'SELECT @@server_uuid AS server_uuid, @@GLOBAL.super_read_only AS super_read_only',
    );
    serverUuid = String(more?.server_uuid ?? '');
    superReadOnly = Number(more?.super_read_only ?? 0) !== 0;
  }
  return {
    version,
    versionNumber,
    isMariaDb,
    serverUuid,
    hostname: String(row?.hostname ?? ''),
    readOnly: superReadOnly || isOn(row?.read_only ?? null),
    sqlMode: String(row?.sql_mode ?? ''),
    maxAllowedPacket: Number(row?.max_allowed_packet ?? 0),
    timeZone: row?.time_zone === 'SYSTEM' ? String(row.system_time_zone) : String(row?.time_zone ?? ''),
    tlsCipher: session.cipher(),
  };
}

/** MySQL answers 0 or 1; newer MariaDB names its levels (`OFF`, `READ_ONLY`, …). */
function isOn(value: Told): boolean {
  return !(value === null || value === 0 || value === '0' || value === 'OFF');
}

function shortened(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 60)}…`;
}

function isOlder(version: readonly number[], than: readonly number[]): boolean {
  for (let index = 0; index < than.length; index += 1) {
    const difference = (version[index] ?? 0) - (than[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

async function prepareSession(session: Session, server: FleetServer, purpose: 'read' | 'write'): Promise<void> {
  await session.query('SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci');
  await session.query(
    `SET SESSION sql_mode = '${SQL_MODE}', SESSION time_zone = '+00:00', SESSION autocommit = 1, ` +
      'SESSION foreign_key_checks = 1, SESSION unique_checks = 1, ' +
      // Short: Fleet's own requests wait behind our locks, so we would rather give way.
      'SESSION innodb_lock_wait_timeout = 10, SESSION lock_wait_timeout = 30, ' +
      // A session whose client vanished keeps its locks until the server notices; pings keep a living one alive.
      'SESSION wait_timeout = 300',
  );
  if (purpose === 'read') {
    await session.query('SET SESSION TRANSACTION READ ONLY');
    if (!server.isMariaDb) await session.query('SET SESSION max_execution_time = 120000');
    return;
  }
  const [log] = await session.query<{ Value: string }>("SHOW SESSION VARIABLES LIKE 'binlog_format'");
  // Fewer gap locks to stand in Fleet's way, and each statement sees what Fleet committed before it. Impossible where
  // the binary log is written by statement.
  if (log?.Value !== 'STATEMENT') await session.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
}

class Session implements FleetConnection {
  readonly address: FleetAddress;
  readonly #connection: Connection;
  readonly #limits: ConnectionLimits;
  /** The address, and through which machine, for messages. */
  readonly #place: Place;
  readonly #tunnel: FleetTunnel | null;
  #server: FleetServer | null = null;
  readonly #socket: Line;
  /** What bytes are counted of: the line itself, below TLS where it is not a socket. */
  readonly #line: Line;
  #silence: number;
  /** Why the session ended; null while it lives. */
  #ended: Error | null = null;
  #running = 0;
  #closed = false;
  readonly #watch: NodeJS.Timeout;
  #mark = '';
  #markedAt = 0;

  private constructor(
    address: FleetAddress,
    place: Place,
    connection: Connection,
    limits: ConnectionLimits,
    tunnel: FleetTunnel | null,
  ) {
    this.address = address;
    this.#place = place;
    this.#connection = connection;
    this.#limits = limits;
    this.#tunnel = tunnel;
    this.#socket = streamOf(connection);
    this.#line = tunnel?.stream ?? this.#socket;
    // Until the session is set up the shorter limit holds: nothing in the set-up takes long.
    this.#silence = limits.connect;
    connection.on('error', (error: QueryError) => {
      this.#ended ??= error;
    });
    this.#watch = setInterval(() => this.#look(), Math.max(20, Math.min(limits.connect, limits.ping) / 10));
    this.#watch.unref();
  }

  static async open(
    { address, via }: FleetTarget,
    options: ConnectionOptions,
    limits: ConnectionLimits,
    tunnel: FleetTunnel | null,
  ): Promise<Session> {
    const place = via === undefined ? address : { ...address, via: nameOfVia(via) };
    const started = createConnection({ ...options, stream: () => tunnel?.stream ?? openSocket(address) });
    try {
      await new Promise<void>((resolve, reject) => {
        started.once('connect', () => resolve());
        started.on('error', reject);
      });
      requireProof(address.host, options, streamOf(started));
    } catch (error) {
      const cause = handshakeCause(error, streamOf(started));
      started.destroy();
      await tunnel?.close();
      throw databaseFailure(cause, place);
    }
    return new Session(address, place, started, limits, tunnel);
  }

  get server(): FleetServer {
    if (this.#server === null) throw new Error('the server has not been asked yet');
    return this.#server;
  }

  /** Called once, when the session is as it shall be. */
  settle(server: FleetServer): void {
    this.#server = server;
    this.#silence = this.#limits.silence;
  }

  cipher(): string | null {
    return this.#socket instanceof TLSSocket ? this.#socket.getCipher().name : null;
  }

  async query<T extends object>(sql: string, params: readonly Value[] = []): Promise<T[]> {
    // As text a byte takes two digits.
    this.#admit(sql, params, 2);
    const answer = await this.#run<unknown>((done) => this.#connection.query(sql, [...params], done));
    return Array.isArray(answer) ? (answer as T[]) : [];
  }

  async execute(sql: string, params: readonly Value[] = []): Promise<{ affectedRows: number; info: string }> {
    this.#admit(sql, params, 1);
    const answer = await this.#run<unknown>((done) => this.#connection.execute(sql, [...params], done));
    const header = answer as { affectedRows?: number; info?: string };
    return { affectedRows: header.affectedRows ?? 0, info: (header.info ?? '').replace(/^[^A-Z]+/, '') };
  }

  async begin(): Promise<void> {
    // A reader's transaction is read-only already; the snapshot makes its answers belong together.
    await this.query('START TRANSACTION WITH CONSISTENT SNAPSHOT');
  }

  async commit(): Promise<void> {
    try {
      await this.#run((done) => this.#connection.query('COMMIT', done));
    } catch (error) {
      throw this.#failure(error, { outcome: 'unknown' });
    }
  }

  async rollback(): Promise<void> {
    await this.query('ROLLBACK');
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#watch);
    if (this.#ended === null) {
      await new Promise<void>((resolve) => {
        const patience = setTimeout(resolve, 2_000);
        this.#connection.end(() => {
          clearTimeout(patience);
          resolve();
        });
      });
    }
    this.destroy();
    await this.#tunnel?.close();
  }

  destroy(): void {
    this.#closed = true;
    clearInterval(this.#watch);
    this.#connection.destroy();
    this.#socket.destroy();
    void this.#tunnel?.close();
  }

  /** What went wrong with a session that stood. When the line it ran over broke, it is the connection that is lost. */
  #failure(error: unknown, detail: Detail = {}): FailureError {
    if (this.#tunnel === null || !(error instanceof FailureError) || !error.failure.code.startsWith('ssh/'))
      return databaseFailure(error, this.#place, detail);
    const lost = { code: 'PROTOCOL_CONNECTION_LOST', message: '' };
    return databaseFailure(lost, this.#place, { ...detail, line: error.failure.code });
  }

  /** Refuses what would not arrive as it is meant. Such a value is a defect of ours, not an expected failure. */
  #admit(sql: string, params: readonly Value[], perByte: 1 | 2): void {
    let bytes = Buffer.byteLength(sql);
    for (const value of params) {
      if (typeof value === 'string') bytes += Buffer.byteLength(value);
      else if (typeof value === 'number') {
        if (!Number.isFinite(value)) throw new TypeError('a number that is not finite cannot be bound');
      } else if (value === null) bytes += 1;
      else if (Buffer.isBuffer(value)) bytes += value.length * perByte;
      else throw new TypeError(`a value of type ${typeof value} cannot be bound`);
    }
    const limit = this.#server?.maxAllowedPacket ?? 0;
    // MySQL drops the connection on a packet that is too large; better not to send it.
    if (limit > 0 && bytes >= limit) {
      throw databaseFailure({ code: 'ER_NET_PACKET_TOO_LARGE', errno: 1153, message: '' }, this.#place, {
        bytes,
        limit,
      });
    }
  }

  async #run<T>(start: (done: (error: QueryError | null, answer: T) => void) => void): Promise<T> {
    const ended = this.#end();
    if (ended !== null) throw this.#failure(ended);
    if (this.#running === 0) this.#touch();
    this.#running += 1;
    try {
      return await new Promise<T>((resolve, reject) => {
        start((error, answer) => {
          // mysql2 says undefined as well as null for "no error".
          if (error) reject(error);
          else resolve(answer);
        });
      });
    } catch (error) {
      // What ended the session says more than what the statement saw of it.
      throw this.#failure(this.#ended ?? error);
    } finally {
      this.#running -= 1;
      if (this.#running === 0) this.#touch();
    }
  }

  /** Why nothing can be asked any more; null while the session lives. */
  #end(): { code?: string; message: string } | null {
    return this.#ended ?? (this.#closed ? { code: 'PROTOCOL_CONNECTION_LOST', message: '' } : null);
  }

  #touch(): void {
    this.#mark = `${this.#line.bytesRead}:${this.#line.writableLength}`;
    this.#markedAt = performance.now();
  }

  /** Ends a session whose network has gone silent, and asks an idle one whether it still lives. */
  #look(): void {
    const mark = `${this.#line.bytesRead}:${this.#line.writableLength}`;
    if (mark !== this.#mark) {
      this.#touch();
      return;
    }
    const silent = performance.now() - this.#markedAt;
    if (this.#running > 0) {
      if (silent < this.#silence) return;
      this.#ended = Object.assign(new Error('silence'), { code: 'PROTOCOL_SEQUENCE_TIMEOUT', fatal: true });
      this.#connection.destroy();
      // mysql2 tells the waiting statements when the stream fails.
      this.#socket.destroy(this.#ended);
    } else if (silent >= this.#limits.ping && this.#ended === null && this.#server !== null) {
      this.#run((done) => this.#connection.ping((error) => done(error, null))).catch(() => undefined);
    }
  }
}

/** The socket a connection speaks over: mysql2 replaces it when TLS starts, and does not declare it in its types. */
function streamOf(connection: Connection): Line {
  return (connection as unknown as { stream: Line }).stream;
}

/** A socket, or what behaves like one. */
type Line = Duplex & { readonly bytesRead: number };
