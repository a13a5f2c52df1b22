import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import mysql from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createDatabase,
  dumpTables,
  GENERATIONS,
  hasSchema,
  loadSqlFile,
  noServer,
  startMysql,
  testServer,
  type FleetSchema,
  type MysqlServer,
  type TestDatabase,
} from './mysql';

const onMariadb = !noServer && testServer().kind === 'mariadb'; // whole dumps and exact definitions are MySQL's
const ownServer = !noServer && testServer().kind === 'mysql';

async function withDatabase<T>(
  schema: FleetSchema | 'empty',
  work: (database: TestDatabase) => Promise<T>,
): Promise<T> {
  const database = await createDatabase(schema);
  try {
    return await work(database);
  } finally {
    await database.drop();
  }
}

/** Everything information_schema knows of a database's tables, as lines that name what they describe. */
async function describeSchema(database: TestDatabase): Promise<Map<string, string[]>> {
  const tables = new Map<string, string[]>();
  const collect = async (what: string, sql: string): Promise<void> => {
    for (const row of await database.query(sql, [database.name])) {
      const { table_name: table, ...rest } = Object.fromEntries(
        Object.entries(row).map(([k, v]) => [k.toLowerCase(), v]),
      );
      const lines = tables.get(String(table)) ?? [];
      lines.push(`${what} ${JSON.stringify(rest)}`);
      tables.set(String(table), lines);
    }
  };
  await collect(
    'column',
    `SELECT table_name, ordinal_position, column_name, column_type, is_nullable, column_default, extra, collation_name,
            generation_expression
     FROM information_schema.columns WHERE table_schema = ? ORDER BY table_name, ordinal_position`,
  );
  await collect(
    'index',
    `SELECT table_name, index_name, seq_in_index, column_name, non_unique, collation, sub_part
     FROM information_schema.statistics WHERE table_schema = ? ORDER BY table_name, index_name, seq_in_index`,
  );
  await collect(
    'foreign key',
    `SELECT k.table_name, k.constraint_name, k.ordinal_position, k.column_name, k.referenced_table_name,
            k.referenced_column_name, r.delete_rule, r.update_rule
     FROM information_schema.key_column_usage k
       JOIN information_schema.referential_constraints r USING (constraint_schema, constraint_name)
     WHERE k.table_schema = ? AND k.referenced_table_name IS NOT NULL
     ORDER BY k.table_name, k.constraint_name, k.ordinal_position`,
  );
  await collect(
    'check',
    `SELECT t.table_name, c.constraint_name, c.check_clause, t.enforced
     FROM information_schema.check_constraints c
       JOIN information_schema.table_constraints t USING (constraint_schema, constraint_name)
     WHERE c.constraint_schema = ? ORDER BY t.table_name, c.constraint_name`,
  );
  await collect(
    'table',
    `SELECT table_name, engine, table_collation, table_type FROM information_schema.tables WHERE table_schema = ?`,
  );
  return tables;
}

describe.skipIf(noServer)('the test server', () => {
  it('is a MySQL that Fleet could run on, with its default strictness', async () => {
    await withDatabase('empty', async (database) => {
      const [row] = await database.query<{ version: string; mode: string; zone: string; collation: string }>(
        'SELECT VERSION() AS version, @@sql_mode AS mode, @@time_zone AS zone, @@collation_database AS collation',
      );
      expect(row?.version).toBe(testServer().version);
      expect(row?.mode).toContain('STRICT_TRANS_TABLES');
      expect(row?.zone).toBe('+00:00');
      expect(row?.collation).toBe('utf8mb4_unicode_ci');
    });
  });

  it('drops a database with its accounts, even while somebody holds a transaction open', async () => {
    const database = await createDatabase('generation-newest');
    const account = await database.createAccount(['SELECT ON nano_devices']);
    const limited = await mysql.createConnection(database.options(account));
    limited.on('error', () => undefined);
    await limited.query('BEGIN');
    await limited.query('SELECT * FROM nano_devices');
    await expect(limited.query('SELECT * FROM nano_users')).rejects.toThrow(/denied/);
    await database.drop();
    limited.destroy();
    await withDatabase('empty', async (other) => {
      expect(await other.query('SHOW DATABASES LIKE ?', [database.name])).toEqual([]);
      expect(await other.query('SELECT user FROM mysql.user WHERE user = ?', [account.user])).toEqual([]);
    });
  });
});

describe.skipIf(noServer)('Fleet schemas', () => {
  it.each(GENERATIONS)('%s loads with the plain client', async (schema) => {
    await withDatabase(schema, async (database) => {
      const tables = (await database.query<Record<string, string>>('SHOW TABLES')).flatMap((row) => Object.values(row));
      expect(tables).toEqual(
        expect.arrayContaining(['nano_devices', 'nano_enrollments', 'mdm_config_assets', 'hosts', 'nano_view_queue']),
      );
      expect(await database.query('SELECT * FROM nano_view_queue')).toEqual([]);
    });
  });

  it.skipIf(onMariadb)('the newest generation differs from 4.69 in what section 0 of the facts names', async () => {
    const [old, newest] = await Promise.all(
      (['generation-469', 'generation-newest'] as const).map((schema) => withDatabase(schema, describeSchema)),
    );
    const names = (tables: Map<string, string[]> | undefined): string[] =>
      [...(tables ?? [])].flatMap(([table, lines]) =>
        lines
          .filter((line) => line.startsWith('column '))
          .map((line) => `${table}.${(JSON.parse(line.slice(7)) as { column_name: string }).column_name}`),
      );
    const before = new Set(names(old));
    const after = new Set(names(newest));
    expect([...before].filter((name) => !after.has(name) && !name.startsWith('scep_'))).toEqual([
      'nano_enrollments.last_seen_at',
    ]);
    expect([...after].filter((name) => !before.has(name) && !name.startsWith('identity_')).sort()).toEqual([
      'host_dep_assignments.mdm_migration_completed',
      'host_dep_assignments.mdm_migration_deadline',
      'host_mdm.is_personal_enrollment',
      'mdm_config_assets.renew_at',
      'nano_commands.name',
      'nano_enrollments.hardware_attested',
      'nano_seen_times.id',
      'nano_seen_times.seen_time',
      'nano_view_queue.name',
    ]);
  });

  it.skipIf(onMariadb || !hasSchema('fleet-4.69')).each([
    ['generation-462', 'fleet-4.62'],
    ['generation-469', 'fleet-4.69'],
  ] as const)(
    '%s is what %s has: columns, types, defaults, keys and checks',
    async (own, real) => {
      const [ours, theirs] = await Promise.all([withDatabase(own, describeSchema), withDatabase(real, describeSchema)]);
      for (const [table, lines] of ours) expect({ table, lines }).toEqual({ table, lines: theirs.get(table) });
      expect(ours.size).toBeGreaterThan(25);
    },
    60_000,
  );

  it.skipIf(onMariadb || !hasSchema('fleet-4.69')).each([
    ['fleet-4.62', 130],
    ['fleet-4.69', 160],
  ] as const)(
    '%s loads whole, and its queue view can be read',
    async (schema, atLeast) => {
      await withDatabase(schema, async (database) => {
        expect((await database.query('SHOW TABLES')).length).toBeGreaterThan(atLeast);
        expect(await database.query('SELECT * FROM nano_view_queue')).toEqual([]);
      });
    },
    60_000,
  );
});

describe.skipIf(noServer)('helpers', () => {
  it('dumps tables for comparison: by key, bytes as hex, nothing lost, columns left out by name', async () => {
    await withDatabase('generation-469', async (database) => {
      await database.query(
        "INSERT INTO nano_devices (id, authenticate, authenticate_at, serial_number) VALUES ('B', '<a/>', '2024-01-02 03:04:05', 'it''s \\\\ 😀')",
      );
      await database.query(
        "INSERT INTO nano_devices (id, authenticate, authenticate_at, unlock_token) VALUES ('A', '<b/>', '1999-12-31 23:59:59', 0x00FF)",
      );
      const dump = await dumpTables(database, ['nano_devices', 'nano_seen_times'], {
        without: ['created_at', 'nano_devices.updated_at', 'platform'],
      });
      expect(dump.split('\n')).toEqual([
        '# nano_devices: 2 rows',
        'id="A" identity_cert=NULL serial_number=NULL unlock_token=0x00ff unlock_token_at=NULL authenticate="<b/>" authenticate_at="1999-12-31 23:59:59" token_update=NULL token_update_at=NULL bootstrap_token_b64=NULL bootstrap_token_at=NULL enroll_team_id=NULL',
        'id="B" identity_cert=NULL serial_number="it\'s \\\\ 😀" unlock_token=NULL unlock_token_at=NULL authenticate="<a/>" authenticate_at="2024-01-02 03:04:05" token_update=NULL token_update_at=NULL bootstrap_token_b64=NULL bootstrap_token_at=NULL enroll_team_id=NULL',
        '# nano_seen_times: absent',
        '',
      ]);
      expect(await dumpTables(database, ['nano_devices'])).toBe(await dumpTables(database, ['nano_devices']));
    });
  });

  it('loads a file with the client’s charset as asked, and says what the client said when it fails', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'slipway-test-'));
    const file = path.join(folder, 'a.sql');
    try {
      await withDatabase('generation-469', async (database) => {
        fs.writeFileSync(file, "INSERT INTO teams (name) VALUES ('é 😀');\nSELECT HEX(name) FROM teams;\n");
        const loaded = await loadSqlFile(database, file, { characterSet: 'utf8mb4' });
        expect(loaded.stdout).toContain('C3A920F09F9880');
        await database.query('DELETE FROM teams');
        const latin = await loadSqlFile(database, file, { characterSet: 'latin1' });
        expect(latin.stdout).not.toContain('F09F9880');
        fs.writeFileSync(file, "INSERT INTO nano_users (id, device_id) VALUES ('u', 'nobody');\n");
        await expect(loadSqlFile(database, file)).rejects.toThrow(/ERROR 1452.*line 1/);
        const account = await database.createAccount(['SELECT ON *']);
        await expect(loadSqlFile(database, file, { account })).rejects.toThrow(/denied/);
      });
    } finally {
      fs.rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe.skipIf(!ownServer)('a server of one’s own', () => {
  let server: MysqlServer;
  beforeAll(async () => {
    server = await startMysql({ unsynced: true, ssl: true, binlog: true, extraArgs: ['--max-connections=7'] });
  }, 60_000);
  afterAll(() => server.stop());

  it('proves its name by a CA of its own', async () => {
    const ca = fs.readFileSync(server.tls?.caFile ?? '');
    const other = fs.readFileSync(server.tls?.otherCaFile ?? '');
    const connect = (host: string, authority: Buffer): Promise<mysql.Connection> =>
      mysql.createConnection({ host, port: server.port, user: 'root', ssl: { ca: authority, verifyIdentity: true } });
    for (const host of ['127.0.0.1', 'localhost']) {
      const connection = await connect(host, ca);
      const [rows] = await connection.query<mysql.RowDataPacket[]>("SHOW STATUS LIKE 'Ssl_version'");
      expect(rows[0]?.Value).toMatch(/^TLSv1\.[23]$/);
      await connection.end();
    }
    await expect(connect('localhost', other)).rejects.toThrow(/certificate/);
  });

  it('can have another host’s certificate', async () => {
    const wrong = await startMysql({ ssl: 'wrong-host', fast: true });
    try {
      const ca = fs.readFileSync(wrong.tls?.caFile ?? '');
      const at = { host: 'localhost', port: wrong.port, user: 'root' };
      await expect(mysql.createConnection({ ...at, ssl: { ca, verifyIdentity: true } })).rejects.toThrow(
        /altname|match/,
      );
    } finally {
      await wrong.stop();
    }
  });

  it('comes back after a kill with what was committed, and takes options', async () => {
    const first = await createDatabase('generation-469', server);
    await first.query("INSERT INTO teams (name) VALUES ('kept')");
    const before = server.pid;
    await server.kill('SIGKILL');
    await expect(first.query('SELECT 1')).rejects.toThrow();
    await server.restart();
    expect(server.pid).not.toBe(before);
    const connection = await mysql.createConnection({
      host: server.host,
      port: server.port,
      user: 'root',
      database: first.name,
    });
    const [teams] = await connection.query<mysql.RowDataPacket[]>('SELECT name FROM teams');
    expect(teams).toEqual([{ name: 'kept' }]);
    const [options] = await connection.query<mysql.RowDataPacket[]>('SELECT @@max_connections AS m, @@log_bin AS b');
    expect(options[0]).toEqual({ m: 7, b: 1 });
    await connection.end();
    await first.drop().catch(() => undefined);
  });

  it('goes with its process, also when that is killed, and leaves no folder', async () => {
    const script = path.resolve('scripts/mysql.mjs');
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const child = spawn(process.execPath, [script, '--start', '--fast'], { stdio: ['ignore', 'pipe', 'inherit'] });
      const line = await new Promise<string>((resolve, reject) => {
        child.stdout.once('data', (chunk: Buffer) => resolve(String(chunk)));
        child.once('exit', () => reject(new Error('the server did not start')));
      });
      const { pid, socket } = JSON.parse(line) as { pid: number; socket: string };
      expect(fs.existsSync(path.dirname(socket))).toBe(true);
      child.kill(signal);
      await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
      await expect.poll(() => fs.existsSync(path.dirname(socket)), { timeout: 10_000 }).toBe(false);
    }
  }, 60_000);

  it('says in a line what is missing', () => {
    const script = path.resolve('scripts/mysql.mjs');
    const tried = spawnSync(process.execPath, [script, '--start'], {
      encoding: 'utf8',
      env: { ...process.env, SLIPWAY_TEST_MYSQL_URL: 'mysql://127.0.0.1:1' },
    });
    expect(tried.status).toBe(3);
    expect(tried.stderr).toMatch(/^mysql: nothing answers at SLIPWAY_TEST_MYSQL_URL \(127\.0\.0\.1:1\).*\n$/);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
