// The SQL file on a real MySQL: what stands in the tables after a plain client has loaded it.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, open, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MIGRATION_TABLES } from '../../../src/core/fleet/schema';
import type { DeviceRows } from '../../../src/core/migration/rows';
import { writeMigrationSql } from '../../../src/core/migration/sql';
import type { JudgedDevice } from '../../../src/core/migration/verdict';
import { Secret } from '../../../src/core/secret';
import { createDatabase, dumpTables, hasSchema, loadSqlFile, noServer, startMysql } from '../../servers/mysql';
import type { TestDatabase } from '../../servers/mysql';
import {
  FITTING,
  INSTANT,
  awkwardDevices,
  deviceOf,
  expectRows,
  judged,
  printed,
  rowsFor,
  schemaOf,
  scratch,
  udidOf,
  userOf,
  withoutPauses,
  writeFor,
} from './sql-support';

let files: Awaited<ReturnType<typeof scratch>>;
let file: string;
beforeAll(async () => {
  files = await scratch();
  file = path.join(files.folder, 'fleet.sql');
});
afterAll(() => files.remove());

const sha256 = async (name: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(name))
    .digest('hex');

describe('the file', () => {
  it('is plain ASCII without a backslash, whatever the devices are called', async () => {
    await writeFor(file, '4.69', awkwardDevices());
    expect(await readFile(file, 'latin1')).toMatch(/^[\n -[\]-~]*$/);
  });

  it('has the same bytes every time, and says nothing of this machine', async () => {
    await writeFor(file, 'newest', awkwardDevices());
    const other = path.join(files.folder, 'elsewhere.sql');
    await writeFor(other, 'newest', awkwardDevices(), { undoPath: `${other}.undo` });
    expect(await sha256(other)).toBe(await sha256(file));
    expect(await readFile(other, 'utf8')).not.toContain(files.folder);
  });

  it('is readable for its owner alone, also in place of another', async () => {
    await writeFor(file, '4.69', []);
    await chmod(file, 0o644);
    const undoPath = `${file}.undo`;
    const written = await writeFor(file, '4.69', awkwardDevices(), { undoPath });
    for (const name of [file, undoPath]) expect((await stat(name)).mode & 0o777).toBe(0o600);
    expect(written.bytes).toBe((await stat(file)).size);
    expect(written.devices).toBe(11);
    expect(written.userChannels).toBe(2);
  });

  it('does not replace another unless told', async () => {
    await writeFile(file, 'precious');
    await expect(writeFor(file, '4.69', [], { overwrite: false })).rejects.toMatchObject({
      failure: { code: 'file/exists', kind: 'usage' },
    });
    expect(await readFile(file, 'utf8')).toBe('precious');
    await expect(writeFor(file, '4.69', [], { undoPath: file })).rejects.toMatchObject({
      failure: { code: 'sql/same-path' },
    });
  });

  it('is not there at all when something goes wrong on the way', async () => {
    const { folder, remove } = await scratch();
    const out = path.join(folder, 'fleet.sql');
    const devices = [...awkwardDevices(), judged(deviceOf(99, { push: null }))];
    await expect(writeFor(out, '4.69', devices, { undoPath: `${out}.undo` })).rejects.toThrow('no rows for a device');
    expect(await readdir(folder)).toEqual([]);
    await remove();
    await expect(writeFor(out, '4.69', [])).rejects.toMatchObject({ failure: { code: 'file/cannot-write' } });
  });

  it('never lets a time through that MySQL would refuse half-way through', async () => {
    const device = deviceOf(1);
    const certificate = { ...device.certificate!, notAfter: Date.parse('2039-01-01T00:00:00Z') };
    await writeFor(file, '4.69', [judged({ ...device, certificate })], { overwrite: true });
    expect(await readFile(file, 'utf8')).toContain("'2038-01-19 03:14:07'");

    const facts = { sourceKind: 'micromdm', sourceSha256: null, sourceTxid: null, instant: INSTANT, goingIn: 1 };
    const counts = { devices: 1, ready: 1, caution: 0, blocked: 0 };
    const rows = (one: JudgedDevice): DeviceRows => {
      const right = rowsFor('4.69')(one);
      const [association] = right.nano_cert_auth_associations;
      return {
        ...right,
        nano_cert_auth_associations: [{ ...association, cert_not_valid_after: '2038-01-19 03:14:08' }],
      };
    };
    const input = { schema: schemaOf('4.69'), devices: [judged(device)], rows, facts: { ...facts, counts } };
    await expect(writeMigrationSql(file, input, { overwrite: true })).rejects.toMatchObject({
      failure: { code: 'sql/value-out-of-range', kind: 'finding' },
    });
  });

  it('notices when the announced number of devices is another', async () => {
    const facts = { sourceKind: 'micromdm', sourceSha256: null, sourceTxid: null, instant: INSTANT, goingIn: 2 };
    const counts = { devices: 1, ready: 1, caution: 0, blocked: 0 };
    const input = { schema: schemaOf('4.69'), devices: [judged(deviceOf(1))], rows: rowsFor('4.69') };
    await expect(
      writeMigrationSql(file, { ...input, facts: { ...facts, counts } }, { overwrite: true }),
    ).rejects.toThrow('2 devices were to be written');
  });

  it('tells how far it has come', async () => {
    const told: number[] = [];
    const devices = Array.from({ length: 600 }, (_, at) => judged(deviceOf(at)));
    await writeFor(file, '4.69', devices, {
      onProgress: ({ done, total }) => told.push(done) && expect(total).toBe(600),
    });
    expect(told).toEqual([250, 500, 600]);
  });
});

describe.skipIf(noServer)('loaded by a plain client', () => {
  let database: TestDatabase | undefined;
  const fresh = async (schema: Parameters<typeof createDatabase>[0]): Promise<TestDatabase> =>
    (database = await createDatabase(schema));
  afterEach(async () => {
    await database?.drop();
    database = undefined;
  });

  const schemas = FITTING.flatMap(([generation, names]) => names.map((schema) => ({ generation, schema })));

  it.each(schemas)('gives the rows, and twice the same: $generation into $schema', async ({ generation, schema }) => {
    if (!hasSchema(schema)) return;
    const fleet = await fresh(schema);
    const devices = awkwardDevices();
    await writeFor(file, generation, devices);
    const first = printed((await loadSqlFile(fleet, file)).stdout);
    expect(first.summary).toMatchObject({
      in_file: '11',
      inserted: '11',
      refreshed: '0',
      left_alone: '0',
      failed: '0',
    });
    await expectRows(fleet, devices.map(rowsFor(generation)));
    const once = await dumpTables(fleet, MIGRATION_TABLES);
    const second = printed((await loadSqlFile(fleet, file)).stdout);
    expect(second.summary).toMatchObject({ inserted: '0', refreshed: '11', left_alone: '0', failed: '0' });
    expect(await dumpTables(fleet, MIGRATION_TABLES)).toBe(once);
  });

  it('gives the same tables whatever the session and the client are set to', async () => {
    const devices = awkwardDevices();
    await writeFor(file, '4.69', devices);
    const swift = await withoutPauses(file);
    const settings = [
      ['--default-character-set=utf8mb4', '--binary-mode'],
      ['--default-character-set=latin1'],
      ["--init-command=SET SESSION sql_mode='NO_BACKSLASH_ESCAPES', SESSION time_zone='+09:00'"],
      [
        "--init-command=SET SESSION sql_mode='ANSI,PIPES_AS_CONCAT,PAD_CHAR_TO_FULL_LENGTH', SESSION time_zone='-05:00'",
      ],
      ["--init-command=SET autocommit=0, foreign_key_checks=0, SESSION transaction_isolation='READ-UNCOMMITTED'"],
      ['--safe-updates', '--skip-comments'],
    ];
    let expected: string | undefined;
    for (const clientOptions of settings) {
      const fleet = await fresh('generation-469');
      await loadSqlFile(fleet, swift, { clientOptions });
      await expectRows(fleet, devices.map(rowsFor('4.69')));
      const dump = await dumpTables(fleet, MIGRATION_TABLES, { without: ['created_at'] });
      expect(dump).toBe((expected ??= dump));
      await fleet.drop();
    }
  });

  it('puts the session’s settings back', async () => {
    const fleet = await fresh('generation-469');
    const ask =
      'SELECT @@sql_mode, @@time_zone, @@character_set_client, @@character_set_results, @@collation_connection, ' +
      '@@foreign_key_checks, @@sql_safe_updates, @@sql_select_limit;\n';
    await writeFor(file, '4.69', awkwardDevices());
    await writeFile(`${file}.asked`, ask + (await readFile(file, 'latin1')) + ask);
    const { stdout } = await loadSqlFile(fleet, `${file}.asked`, {
      clientOptions: ["--init-command=SET SESSION sql_mode='ANSI_QUOTES', time_zone='+09:00', sql_select_limit=7"],
      characterSet: 'latin1',
    });
    const lines = stdout.trimEnd().split('\n');
    expect(lines.at(-1)).toContain('ANSI_QUOTES');
    expect(lines.at(-1)).toBe(lines[1]);
  });

  it('survives a transfer that makes every line end CRLF', async () => {
    const fleet = await fresh('generation-469');
    const devices = awkwardDevices();
    await writeFor(file, '4.69', devices);
    await writeFile(`${file}.crlf`, (await readFile(file, 'latin1')).replaceAll('\n', '\r\n'));
    await loadSqlFile(fleet, `${file}.crlf`, { clientOptions: ['--binary-mode'] });
    await expectRows(fleet, devices.map(rowsFor('4.69')));
  });

  it('needs no more than the grants its head names', async () => {
    const fleet = await fresh('generation-newest');
    const four = MIGRATION_TABLES.map((table) => `SELECT, INSERT, UPDATE, DELETE ON ${table}`);
    const account = await fleet.createAccount([...four, 'SELECT ON nano_command_results', 'SELECT ON nano_seen_times']);
    const devices = awkwardDevices();
    await writeFor(file, 'newest', devices, { undoPath: `${file}.undo` });
    await loadSqlFile(fleet, file, { account });
    await loadSqlFile(fleet, file, { account });
    await expectRows(fleet, devices.map(rowsFor('newest')));
    const undoer = await fleet.createAccount([
      ...MIGRATION_TABLES.map((table) => `SELECT, DELETE ON ${table}`),
      'SELECT ON nano_command_results',
      'SELECT ON nano_seen_times',
    ]);
    await loadSqlFile(fleet, `${file}.undo`, { account: undoer });
    await expectRows(fleet, []);
  });

  it('refreshes what nothing has touched, and removes what the source no longer has', async () => {
    const fleet = await fresh('generation-newest');
    const before = [
      judged(deviceOf(1, { users: [userOf('old'), userOf('kept')] })),
      judged(deviceOf(2, { bootstrapToken: new Secret('bootstrap token', 'boot') })),
      judged(deviceOf(3)),
    ];
    await writeFor(file, 'newest', before);
    await loadSqlFile(fleet, file);
    const created = await dumpTables(fleet, ['nano_devices'], { without: ['authenticate', 'token_update'] });
    const certificate = { ...deviceOf(1).certificate!, sha256: 'ef'.repeat(32) };
    const after = [
      judged(deviceOf(1, { certificate, users: [userOf('kept', { shortName: 'renamed' }), userOf('new')] })),
      judged(deviceOf(2, { unlockToken: new Secret('unlock token', Buffer.from([1, 0, 2])) })),
      judged(deviceOf(4)),
    ];
    await writeFor(file, 'newest', after);
    const { summary } = printed((await loadSqlFile(fleet, file)).stdout);
    expect(summary).toMatchObject({ inserted: '1', refreshed: '2', left_alone: '0', failed: '0' });
    // Device 3 is in no file any more; a file only speaks of its own devices.
    await expectRows(fleet, [...after, before[2]!].map(rowsFor('newest')));
    expect(created).toContain(udidOf(1));
  });

  it('takes orphans of a deleted device for what they are', async () => {
    const fleet = await fresh('generation-469');
    await writeFor(file, '4.69', [judged(deviceOf(1))]);
    await loadSqlFile(fleet, file);
    // Fleet’s associations have no foreign key.
    await fleet.query('DELETE FROM nano_devices');
    await loadSqlFile(fleet, file);
    await expectRows(fleet, [rowsFor('4.69')(judged(deviceOf(1)))]);
  });
});

describe.skipIf(noServer)('interrupted', () => {
  let database: TestDatabase;
  const devices = Array.from({ length: 700 }, (_, at) => judged(deviceOf(at, { users: [userOf(`user-${at}`)] })));
  beforeEach(async () => {
    database = await createDatabase('generation-469');
    await writeFor(file, '4.69', devices);
    file = await withoutPauses(file);
  });
  afterEach(async () => {
    file = path.join(files.folder, 'fleet.sql');
    await database.drop();
  });

  const expectWhole = async (): Promise<void> => {
    const [half] = await database.query<{ devices: number; others: number }>(
      `SELECT COUNT(*) AS devices, (SELECT COUNT(*) FROM nano_users) + (SELECT COUNT(*) FROM nano_enrollments) +
        (SELECT COUNT(*) FROM nano_cert_auth_associations) AS others FROM nano_devices`,
    );
    expect(Number(half?.others)).toBe(Number(half?.devices) * 4);
    expect(Number(half?.devices) % 250 === 0 || Number(half?.devices) === 700).toBe(true);
    await loadSqlFile(database, file);
    await expectRows(database, devices.map(rowsFor('4.69')));
  };

  it.each([0.1, 0.35, 0.5, 0.62, 0.9])('at %f of the file, then loaded again: the same as at once', async (part) => {
    const text = await readFile(file, 'latin1');
    await writeFile(`${file}.cut`, text.slice(0, Math.floor(text.length * part)));
    await loadSqlFile(database, `${file}.cut`).catch(() => undefined);
    await expectWhole();
  });

  it('by killing the client, then loaded again: the same as at once', async () => {
    const { clientCommand, clientArgs, clientEnv } = database.server;
    const [command = '', ...first] = clientCommand ?? [];
    const input = await open(file, 'r');
    const client = spawn(command, [...first, ...clientArgs, database.name], {
      stdio: [input.fd, 'ignore', 'ignore'],
      env: { ...process.env, ...clientEnv },
    });
    const ended = new Promise((resolve) => client.on('close', resolve));
    for (;;) {
      const [row] = await database.query<{ n: number }>('SELECT COUNT(*) AS n FROM nano_devices');
      if (Number(row?.n) >= 250 || client.exitCode !== null) break;
    }
    client.kill('SIGKILL');
    await ended;
    await input.close();
    await expectWhole();
  });
});

describe.skipIf(noServer)('the checks at the top', () => {
  let database: TestDatabase | undefined;
  afterEach(async () => {
    await database?.drop();
    database = undefined;
  });

  const misfits = [
    {
      generation: '4.62',
      schema: 'generation-469',
      says: 'there is nano_devices.enroll_team_id here; this file is for Fleet schema 4.62',
    },
    { generation: '4.62', schema: 'generation-newest', says: 'no nano_enrollments.last_seen_at here (or not granted)' },
    { generation: '4.69', schema: 'generation-462', says: 'no nano_devices.enroll_team_id here (or not granted)' },
    { generation: '4.69', schema: 'generation-newest', says: 'no nano_enrollments.last_seen_at here (or not granted)' },
    { generation: 'newest', schema: 'generation-462', says: 'no nano_devices.enroll_team_id here' },
    { generation: 'newest', schema: 'generation-469', says: 'no nano_seen_times.id here (or not granted)' },
    { generation: '4.69', schema: 'empty', says: 'this database has no table nano_enrollments: not Fleet' },
  ] as const;

  it.each(misfits)('stop $generation for $schema, also a client that goes on', async ({ generation, schema, says }) => {
    database = await createDatabase(schema);
    await writeFor(file, generation, awkwardDevices(), { undoPath: `${file}.undo` });
    for (const name of [file, `${file}.undo`]) {
      await expect(loadSqlFile(database, name)).rejects.toThrow(`Slipway stops: ${says}`);
    }
    const { stdout } = await loadSqlFile(database, file, { clientOptions: ['--force'] });
    if (schema === 'empty') return;
    expect(printed(stdout).summary).toMatchObject({ inserted: '0', refreshed: '0' });
    await expectRows(database, []);
  });

  it('stop for a column nobody knows a value for, and for another table engine', async () => {
    database = await createDatabase('generation-469');
    await writeFor(file, '4.69', awkwardDevices());
    await database.query('ALTER TABLE nano_users ADD COLUMN novelty int NOT NULL');
    await expect(loadSqlFile(database, file)).rejects.toThrow('Slipway stops: nano_users.novelty needs a value');
    await database.query('ALTER TABLE nano_users DROP COLUMN novelty, ADD COLUMN novelty int NOT NULL DEFAULT 3');
    await loadSqlFile(database, file);
  });

  it('stop while another Slipway is at work', async () => {
    database = await createDatabase('generation-469');
    await writeFor(file, '4.69', awkwardDevices());
    const other = await database.connect();
    await other.query('SELECT GET_LOCK(?, 0)', [`slipway:${database.name}`]);
    await expect(loadSqlFile(database, file)).rejects.toThrow('Slipway stops: another Slipway is at work');
    await other.end();
    await loadSqlFile(database, file);
  });

  it('stop for an account that may not see a table', async () => {
    database = await createDatabase('generation-newest');
    await writeFor(file, 'newest', awkwardDevices());
    const four = MIGRATION_TABLES.map((table) => `SELECT, INSERT, UPDATE, DELETE ON ${table}`);
    const account = await database.createAccount([...four, 'SELECT ON nano_command_results']);
    await expect(loadSqlFile(database, file, { account })).rejects.toThrow(
      'Slipway stops: no nano_seen_times.id here (or not granted)',
    );
  });

  it('stop on a read-only server', async () => {
    await writeFor(file, '4.69', awkwardDevices());
    const server = await startMysql({ fast: true });
    try {
      const fleet = await createDatabase('generation-469', server);
      await fleet.query('SET GLOBAL read_only = 1');
      await expect(loadSqlFile(fleet, file)).rejects.toThrow('Slipway stops: this server is read-only');
      await fleet.query('SET GLOBAL read_only = 0');
      await fleet.drop();
    } finally {
      await server.stop();
    }
  });
});

describe.skipIf(noServer)('a client that goes on after an error', () => {
  it('writes all rows of a batch or none', async () => {
    const database = await createDatabase('generation-469');
    try {
      await writeFor(file, '4.69', awkwardDevices());
      // An error in the middle of the batch, after the devices and users were written.
      await database.query("ALTER TABLE nano_enrollments ADD CONSTRAINT odd CHECK (topic NOT LIKE 'com.apple.mgmt%')");
      await expect(loadSqlFile(database, file)).rejects.toThrow("Check constraint 'odd' is violated");
      await expectRows(database, []);
      const { stdout, stderr } = await loadSqlFile(database, file, { clientOptions: ['--force'] });
      expect(stderr).toContain("Check constraint 'odd' is violated");
      expect(printed(stdout).summary).toMatchObject({ inserted: '0', refreshed: '0', left_alone: '0', failed: '11' });
      await expectRows(database, []);
    } finally {
      await database.drop();
    }
  });
});
