// A PostgreSQL server for one test file, and databases on it. Starting one takes two seconds, and one file needs it.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Client } from 'pg';
import { startPostgres, type PostgresServer } from '../../scripts/postgres.mjs';

/** A started server, or why there is none. With CI=true a missing server is an error. */
export async function postgresServer(): Promise<PostgresServer | { readonly missing: string }> {
  try {
    const server = await startPostgres();
    process.stderr.write(
      `PostgreSQL tests run on: ${server.version} (${server.origin}) at ${server.host}:${server.port}\n`,
    );
    return server;
  } catch (error) {
    const missing = error instanceof Error ? error.message : String(error);
    if (process.env.CI === 'true') throw error;
    process.stderr.write(`PostgreSQL tests are skipped: ${missing}\n`);
    return { missing };
  }
}

export interface PostgresDatabase {
  readonly name: string;
  /** postgres://user@host:port/name, without a password. */
  readonly url: string;
  query(sql: string): Promise<void>;
  drop(): Promise<void>;
}

/** A fresh database with a plain dump loaded into it. */
export async function createPostgresDatabase(server: PostgresServer, dump: string): Promise<PostgresDatabase> {
  const name = `slipway_${process.pid}_${randomBytes(5).toString('hex')}`;
  const { host, port, user, password } = server;
  const root = new Client({ host, port, user, password, database: 'postgres' });
  await root.connect();
  await root.query(`CREATE DATABASE ${name}`);
  const own = new Client({ host, port, user, password, database: name });
  await own.connect();
  await load(own, readFileSync(dump, 'utf8'));
  await own.query('RESET ALL');
  return {
    name,
    url: `postgres://${user}@${host}:${port}/${name}`,
    async query(sql) {
      await own.query(sql);
    },
    async drop() {
      await own.end();
      await root.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await root.end();
    },
  };
}

/** A dump is statements, and rows after `COPY … FROM stdin`, which become inserts here: pg has no COPY of its own. */
async function load(client: Client, dump: string): Promise<void> {
  let at = 0;
  const copy = /^COPY (\S+) \(([^)]*)\) FROM stdin;\n/gm;
  for (let found = copy.exec(dump); found !== null; found = copy.exec(dump)) {
    await client.query(dump.slice(at, found.index));
    const begin = found.index + found[0].length;
    const end = dump.startsWith('\\.\n', begin) ? begin : dump.indexOf('\n\\.\n', begin) + 1;
    const rows = dump.slice(begin, end).split('\n').slice(0, -1);
    const [, table = '', columns = ''] = found;
    for (let row = 0; row < rows.length; row += 500) {
      const values = rows.slice(row, row + 500).map((line) => `(${line.split('\t').map(literal).join(',')})`);
      await client.query(`INSERT INTO ${table} (${columns}) VALUES ${values.join(',')}`);
    }
    at = end + '\\.\n'.length;
    copy.lastIndex = at;
  }
  await client.query(dump.slice(at));
}

function literal(field: string): string {
  if (field === '\\N') return 'NULL';
  const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', v: '\v' };
  const value = field.replace(/\\(.)/gs, (_all, one: string) => escapes[one] ?? one);
  return `'${value.replaceAll("'", "''")}'`;
}
