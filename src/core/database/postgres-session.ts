/** A reading session with PostgreSQL. */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { checkServerIdentity, TLSSocket, type ConnectionOptions } from 'node:tls';
import { Client } from 'pg';
import type { DatabaseAddress } from './address';
import type { ReadingLimits, ReadingSession, ReadingTarget, Row } from './reading-session';
import { OWN_ERROR, requirePrivacy, sessionFailure } from './session-failure';
import { isLoopback, readCaFile } from './trust';

/** Rows fetched at a time. */
const BATCH = 500;

/** Every value as the server writes it. */
const asText = { getTypeParser: () => (value: string) => value } as never;

/** @throws FailureError as `openReadingSession` says */
export async function openPostgres(target: ReadingTarget, limits: ReadingLimits): Promise<ReadingSession> {
  const { address, tls } = target;
  requirePrivacy(address, tls.mode, target.plaintextConfirmed);
  const ssl = tls.mode === 'disabled' ? false : await tlsOptions(target);
  const tunnel = target.open === undefined ? null : await target.open(address.host, address.port);
  const client = new Client({
    host: address.host,
    port: address.port,
    user: address.user,
    database: address.database,
    // A function, so that neither PGPASSWORD nor ~/.pgpass is asked for one.
    password: () => target.password?.revealText() ?? '',
    ssl,
    types: asText,
    application_name: 'slipway',
    connectionTimeoutMillis: limits.connect,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    ...(tunnel === null ? {} : { stream: () => asSocket(tunnel) }),
  });
  const session = new PostgresSession(address, client, limits);
  if (tls.mode === 'disabled' && !isLoopback(address.host)) refuseOpenPassword(client, session);
  try {
    await client.connect();
    requireProof(tls.mode !== 'disabled', client);
    await session.prepare();
    return session;
  } catch (error) {
    // Looked at before the session is ended, which would become the reason.
    const reason = session.ended ?? error;
    session.destroy();
    throw sessionFailure(reason, 'postgres', address);
  }
}

async function tlsOptions({ address, tls }: ReadingTarget): Promise<ConnectionOptions> {
  const example = 'the certificate of the CA that issued the PostgreSQL server’s certificate';
  return {
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    // Asked with our own name: the one Node would take depends on how the socket came about.
    checkServerIdentity: (_name, certificate) =>
      tls.mode === 'verify-identity' ? checkServerIdentity(address.host, certificate) : undefined,
    ...(tls.caFile === null ? {} : { ca: await readCaFile(tls.caFile, 'database/ca-file', example) }),
  };
}

/** What pg keeps and does not declare. */
interface Inside {
  readonly connection: { readonly stream: Duplex; prependListener(event: string, listener: () => void): void };
}

function streamOf(client: Client): Duplex {
  return (client as unknown as Inside).connection.stream;
}

/** Over an open line the password is proven without being said (SCRAM), or not at all. */
function refuseOpenPassword(client: Client, session: PostgresSession): void {
  const refuse = (): void => session.end(Object.assign(new Error('open password'), { code: OWN_ERROR.openPassword }));
  const { connection } = client as unknown as Inside;
  // pg adds its own listeners when it connects: these come first, and leave no stream to answer on.
  for (const event of ['authenticationCleartextPassword', 'authenticationMD5Password'])
    connection.prependListener(event, refuse);
}

function requireProof(encrypted: boolean, client: Client): void {
  const stream = streamOf(client);
  if (!encrypted || (stream instanceof TLSSocket && stream.authorized)) return;
  throw Object.assign(new Error('not authorized'), { code: 'HANDSHAKE_SSL_ERROR' });
}

/** A stream that is open already, with the few methods of a socket that pg calls. */
function asSocket(stream: Duplex): Duplex {
  const nothing = (): Duplex => stream;
  for (const name of ['setNoDelay', 'setKeepAlive', 'ref', 'unref'])
    if (!(name in stream)) Object.defineProperty(stream, name, { value: nothing });
  Object.defineProperty(stream, 'connect', {
    value: () => {
      setImmediate(() => stream.emit('connect'));
      return stream;
    },
  });
  return stream;
}

class PostgresSession implements ReadingSession {
  readonly engine = 'postgres';
  version = '';
  /** Why the session ended; null while it lives. */
  ended: Error | null = null;
  #activeSince: number | null = null;
  #moved = 0;
  #cursors = 0;
  readonly #watch: NodeJS.Timeout;

  constructor(
    private readonly address: DatabaseAddress,
    private readonly client: Client,
    private readonly limits: ReadingLimits,
  ) {
    client.on('error', (error) => (this.ended ??= error));
    this.#watch = setInterval(() => this.#look(), Math.max(20, limits.statement / 20));
    this.#watch.unref();
  }

  /** Sets the session up and begins the one transaction. */
  async prepare(): Promise<void> {
    const { limits } = this;
    await this.#query(`SET statement_timeout = ${limits.statement}`);
    await this.#query(`SET lock_timeout = ${limits.lock}`);
    await this.#query('SET default_transaction_read_only = on');
    await this.#query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const [row] = await this.#query(`SELECT current_setting('server_version') AS version`);
    this.version = String(row?.['version'] ?? '');
  }

  async columns(tables: readonly string[]): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
    const found = new Map<string, Set<string>>();
    // The table an unqualified name means, in whichever schema that is.
    const rows = await this.#query(
      'SELECT c.relname AS table_name, a.attname AS column_name FROM pg_catalog.pg_class c ' +
        'JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ' +
        `WHERE c.relname IN (${tables.map((table) => `'${table}'`).join(', ')}) AND pg_catalog.pg_table_is_visible(c.oid) ` +
        `AND pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')`,
    );
    for (const row of rows) {
      const table = String(row['table_name']);
      const known = found.get(table) ?? new Set();
      found.set(table, known.add(String(row['column_name'])));
    }
    return found;
  }

  async *rows(sql: string): AsyncGenerator<readonly Row[]> {
    this.#cursors += 1;
    const name = `slipway_${this.#cursors}`;
    await this.#query(`DECLARE ${name} NO SCROLL CURSOR FOR ${sql}`);
    for (;;) {
      const rows = await this.#query(`FETCH ${BATCH} FROM ${name}`);
      if (rows.length > 0) yield rows;
      if (rows.length < BATCH) break;
    }
    await this.#query(`CLOSE ${name}`);
  }

  async close(): Promise<void> {
    if (this.ended === null) {
      let patience: NodeJS.Timeout | undefined;
      const bored = new Promise<void>((resolve) => (patience = setTimeout(resolve, 2_000)));
      await Promise.race([this.client.end().catch(() => undefined), bored]);
      clearTimeout(patience);
    }
    this.destroy();
  }

  /** Ends the session for a reason that is told instead of what the driver sees of it. */
  end(reason: Error): void {
    this.ended ??= reason;
    streamOf(this.client).destroy(reason);
  }

  destroy(): void {
    clearInterval(this.#watch);
    this.ended ??= Object.assign(new Error('closed'), { code: 'ERR_STREAM_DESTROYED' });
    streamOf(this.client).destroy();
  }

  async #query(sql: string): Promise<Row[]> {
    this.#activeSince = performance.now();
    try {
      const { rows } = await this.client.query<Row>(sql);
      return rows;
    } catch (error) {
      throw sessionFailure(this.ended ?? error, 'postgres', this.address);
    } finally {
      this.#activeSince = null;
    }
  }

  /** Ends a session whose network has gone silent while an answer is awaited. */
  #look(): void {
    const stream = streamOf(this.client);
    const moved = stream instanceof Socket ? stream.bytesRead : 0;
    if (this.#activeSince === null || moved !== this.#moved) {
      this.#moved = moved;
      if (this.#activeSince !== null) this.#activeSince = performance.now();
      return;
    }
    // The server's own limit comes first, with the better message.
    if (performance.now() - this.#activeSince < this.limits.statement * 1.25) return;
    this.end(Object.assign(new Error('silence'), { code: OWN_ERROR.silence }));
  }
}
