// The MySQL server of this test run, and databases on it. Importing this module starts the server.
//
//   import { createDatabase, noServer } from '../servers/mysql';
//   describe.skipIf(noServer)('…', () => {
//     let database: TestDatabase;
//     beforeEach(async () => void (database = await createDatabase('generation-469')));
//     afterEach(() => database.drop());
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import mysql, { type Connection, type ConnectionOptions, type RowDataPacket } from 'mysql2/promise';
import type { MysqlAddress } from '../../scripts/mysql.mjs';
import { SERVER_VARIABLE, type ServerAnswer } from './global-setup';

export { startMysql, type MysqlAddress, type MysqlServer } from '../../scripts/mysql.mjs';

const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const fixtures = path.join(repository, 'test', 'fixtures', 'fleet');
const dumps = path.join(repository, '..', 'shared', 'data', 'fleet');

const FILES = {
  'fleet-4.62': path.join(dumps, 'fleet-4.62.sql'),
  'fleet-4.69': path.join(dumps, 'fleet-4.69.sql'),
  'generation-462': path.join(fixtures, 'generation-462.sql'),
  'generation-469': path.join(fixtures, 'generation-469.sql'),
  'generation-newest': path.join(fixtures, 'generation-newest.sql'),
} as const;

/** The whole schemas of two Fleet versions (where ../shared is), and the project's own cut of three. */
export type FleetSchema = keyof typeof FILES;
export const GENERATIONS = ['generation-462', 'generation-469', 'generation-newest'] as const satisfies FleetSchema[];

export function hasSchema(schema: FleetSchema): boolean {
  return fs.existsSync(FILES[schema]);
}

/** What a cut of ours is a cut of. */
const WHOLE: Partial<Record<FleetSchema, FleetSchema>> = {
  'generation-462': 'fleet-4.62',
  'generation-469': 'fleet-4.69',
};

/**
 * The schemas a test goes over: Fleet's own two where they are at hand, else our cuts of the same two, and our newest. All of
 * them with SLIPWAY_SOAK=1.
 */
export const SCHEMAS: readonly FleetSchema[] = (Object.keys(FILES) as FleetSchema[]).filter((schema) => {
  if (!hasSchema(schema)) return false;
  const whole = WHOLE[schema];
  return whole === undefined || !hasSchema(whole) || process.env['SLIPWAY_SOAK'] === '1';
});

async function askForServer(): Promise<ServerAnswer> {
  const port = Number(process.env[SERVER_VARIABLE]);
  if (!port) return { missing: 'test/servers/global-setup.ts is not among vitest’s global setups' };
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = net.connect(port, '127.0.0.1');
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => (text += chunk));
    socket.on('error', reject);
    socket.on('close', () => {
      try {
        resolve(JSON.parse(text) as ServerAnswer);
      } catch {
        reject(new Error('the test run’s server desk hung up'));
      }
    });
  });
}

const answer = await askForServer();

/** Why there is no server, or false: for `describe.skipIf(noServer)`. With CI=true a missing server is an error. */
export const noServer: string | false = 'missing' in answer ? answer.missing : false;
if (noServer && process.env.CI === 'true') throw new Error(`database tests cannot run: ${noServer}`);

/** The one server of this vitest run. */
export function testServer(): MysqlAddress {
  if ('missing' in answer) throw new Error(answer.missing);
  return answer.server;
}

export interface Account {
  user: string;
  password: string;
}

export interface TestDatabase {
  readonly name: string;
  readonly server: MysqlAddress;
  /** mysql://user@host:port/name, without a password. */
  readonly url: string;
  /** For mysql2's createConnection or createPool; times are UTC. */
  options(more?: ConnectionOptions): ConnectionOptions;
  /** A connection of its own, closed by drop() at the latest. */
  connect(more?: ConnectionOptions): Promise<Connection>;
  /** Runs a statement on the database's own connection (UTC, as root) and gives its rows. */
  query<Row = Record<string, unknown>>(sql: string, values?: unknown[]): Promise<Row[]>;
  /** A user who may log in and do just this here: createAccount(['SELECT ON nano_devices']). Gone with drop(). */
  createAccount(grants: string[], password?: string): Promise<Account>;
  drop(): Promise<void>;
}

/** A fresh database, utf8mb4_unicode_ci as Fleet's, with this schema in it ('empty': nothing). */
export async function createDatabase(
  schema: FleetSchema | 'empty',
  server: MysqlAddress = testServer(),
): Promise<TestDatabase> {
  const name = `slipway_${process.pid}_${randomBytes(5).toString('hex')}`;
  const base: ConnectionOptions = {
    host: server.host,
    port: server.port,
    user: server.user,
    password: server.password,
    charset: 'utf8mb4_unicode_ci',
    timezone: 'Z',
    supportBigNumbers: true,
  };
  const root = await mysql.createConnection(base);
  const open = new Set<Connection>([root]);
  const accounts: string[] = [];
  let dropped = false;

  const database: TestDatabase = {
    name,
    server,
    url: `mysql://${server.user}@${server.host}:${server.port}/${name}`,
    options: (more = {}) => ({ ...base, database: name, ...more }),
    async connect(more = {}) {
      const connection = await mysql.createConnection({ ...base, database: name, ...more });
      open.add(connection);
      return connection;
    },
    async query<Row>(sql: string, values: unknown[] = []) {
      const [rows] = await root.query<RowDataPacket[]>(sql, values);
      return (Array.isArray(rows) ? rows : []) as Row[];
    },
    async createAccount(grants, password = randomBytes(12).toString('base64url')) {
      const user = `slipway_${randomBytes(6).toString('hex')}`;
      await root.query('CREATE USER ?@? IDENTIFIED BY ?', [user, '%', password]);
      accounts.push(user);
      for (const grant of grants) {
        const [, privileges, object] = /^(.+) ON (.+)$/i.exec(grant) ?? [];
        if (!privileges || !object) throw new Error(`not a grant: ${grant}`);
        const target = object.includes('.') ? object : `\`${name}\`.${object}`;
        await root.query(`GRANT ${privileges} ON ${target} TO ?@?`, [user, '%']);
      }
      return { user, password };
    },
    async drop() {
      if (dropped) return;
      dropped = true;
      for (const connection of open) {
        if (connection !== root) connection.destroy();
      }
      try {
        // A connection that a test left in a transaction would hold the drop up for as long as it lives.
        // Not information_schema.processlist: it copies every session's statement, and fails on bytes that are no text.
        const [sessions] = await root.query<RowDataPacket[]>('SHOW PROCESSLIST');
        const others = sessions.filter((session) => session['db'] === name && session['Id'] !== root.threadId);
        for (const { Id } of others) await root.query(`KILL ${Number(Id)}`).catch(() => undefined);
        await root.query(`DROP DATABASE IF EXISTS \`${name}\``);
        for (const user of accounts) await root.query('DROP USER IF EXISTS ?@?', [user, '%']);
      } finally {
        await root.end().catch(() => root.destroy());
      }
    },
  };

  try {
    await root.query("SET time_zone = '+00:00'");
    await root.query(`CREATE DATABASE \`${name}\` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`);
    await root.changeUser({ database: name });
    await root.query("SET time_zone = '+00:00'");
    if (schema !== 'empty') await loadSqlFile(database, FILES[schema]);
  } catch (error) {
    await database.drop();
    throw error;
  }
  return database;
}

export interface LoadOptions {
  /** --default-character-set; without it the client's own default, as an operator would have it. */
  characterSet?: string;
  /** More options of the mysql client, such as ['--force'] or ['--init-command=SET sql_mode=…']. */
  clientOptions?: string[];
  account?: Account;
}

/** Loads a file as an operator does: `mysql … < file`. Rejects with what the client said. */
export async function loadSqlFile(
  database: TestDatabase,
  file: string,
  options: LoadOptions = {},
): Promise<{ stdout: string; stderr: string }> {
  const { clientCommand, clientArgs, clientEnv } = database.server;
  const [command, ...first] = clientCommand ?? [];
  if (!command) throw new Error('no mysql command line client here');
  const args = [...first, ...clientArgs];
  if (options.characterSet) args.push(`--default-character-set=${options.characterSet}`);
  if (options.account) args.push(`--user=${options.account.user}`);
  args.push(...(options.clientOptions ?? []), database.name);
  const input = await fs.promises.open(file, 'r');
  try {
    return await new Promise((resolve, reject) => {
      const child = spawn(command, args, {
        stdio: [input.fd, 'pipe', 'pipe'],
        env: { ...process.env, ...clientEnv, ...(options.account ? { MYSQL_PWD: options.account.password } : {}) },
      });
      let stdout = '';
      let stderr = '';
      child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
      child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
      child.on('error', reject);
      child.on('close', (code, signal) => {
        if (code === 0) resolve({ stdout, stderr });
        else reject(new Error(`mysql ended with ${signal ?? code}: ${stderr.trim() || stdout.trim()}`));
      });
    });
  } finally {
    await input.close();
  }
}

export interface DumpOptions {
  /** Columns to leave out, in every table ('created_at') or in one ('nano_devices.created_at'). */
  without?: readonly string[];
}

/**
 * All rows of these tables as text, for comparing byte by byte: columns in their order, rows by primary key, bytes of
 * binary columns as hex, times in UTC. Tables that the schema does not have are named as absent.
 */
export async function dumpTables(
  database: TestDatabase,
  tables: readonly string[],
  options: DumpOptions = {},
): Promise<string> {
  const without = new Set(options.without);
  const lines: string[] = [];
  const connection = await database.connect({ dateStrings: true });
  try {
    await connection.query("SET time_zone = '+00:00'");
    for (const table of tables) {
      const columns = (
        await database.query<{ name: string; type: string }>(
          `SELECT column_name AS name, data_type AS type FROM information_schema.columns
           WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position`,
          [database.name, table],
        )
      ).filter(({ name }) => !without.has(name) && !without.has(`${table}.${name}`));
      if (columns.length === 0) {
        lines.push(`# ${table}: absent`);
        continue;
      }
      const key = await database.query<{ name: string }>(
        `SELECT column_name AS name FROM information_schema.statistics
         WHERE table_schema = ? AND table_name = ? AND index_name = 'PRIMARY' ORDER BY seq_in_index`,
        [database.name, table],
      );
      const order = (key.length > 0 ? key : columns).map(({ name }) => `\`${name}\``).join(', ');
      const list = columns.map(({ name, type }) => (isBinary(type) ? `HEX(\`${name}\`)` : `CAST(\`${name}\` AS CHAR)`));
      const [rows] = await connection.query<RowDataPacket[][]>({
        sql: `SELECT ${list.join(', ')} FROM \`${table}\` ORDER BY ${order}`,
        rowsAsArray: true,
      });
      lines.push(`# ${table}: ${rows.length} rows`);
      for (const row of rows) {
        const fields = columns.map(({ name, type }, at) => {
          const value = row[at] as unknown as string | null;
          return `${name}=${value === null ? 'NULL' : isBinary(type) ? `0x${value.toLowerCase()}` : JSON.stringify(value)}`;
        });
        lines.push(fields.join(' '));
      }
    }
  } finally {
    await connection.end();
  }
  return `${lines.join('\n')}\n`;
}

function isBinary(type: string): boolean {
  return /blob|binary|bit|geometry/i.test(type);
}
