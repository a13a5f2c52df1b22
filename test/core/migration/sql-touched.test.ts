// The SQL file never overwrites, and its undo file never deletes, what Fleet or the device has touched.
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MIGRATION_TABLES } from '../../../src/core/fleet/schema';
import { createDatabase, dumpTables, loadSqlFile, noServer, type TestDatabase } from '../../servers/mysql';
import {
  INSTANT,
  deviceOf,
  expectRows,
  judged,
  printed,
  rowsFor,
  scratch,
  udidOf,
  userOf,
  withoutPauses,
  writeFor,
} from './sql-support';

const ALL_TABLES = [...MIGRATION_TABLES, 'nano_seen_times', 'nano_command_results'];

const A = udidOf(1);
const B = udidOf(2);
const USER = `${A}:guid-1`;
const before = [judged(deviceOf(1, { users: [userOf('guid-1')] })), judged(deviceOf(2, { users: [userOf('guid-2')] }))];
/** The same devices, both changed at the source. */
const after = [
  judged(deviceOf(1, { serial: 'NEWSERIAL1', users: [userOf('guid-1', { shortName: 'renamed' })] })),
  judged(deviceOf(2, { serial: 'NEWSERIAL2', users: [userOf('guid-2', { shortName: 'renamed' })] })),
];

const command = (uuid: string): string =>
  `INSERT INTO nano_commands (command_uuid, request_type, command) VALUES ('${uuid}', 'DeviceInformation', '<?xml version="1.0"?>')`;
const canary = "updated_at = '2000-01-01 00:00:00'";

interface Signal {
  readonly name: string;
  readonly statements: readonly string[];
  readonly why: string;
  /** Which generations have it; default all. */
  readonly only?: 'newest' | 'column';
}

const SIGNALS: readonly Signal[] = [
  {
    name: 'a write to nano_devices',
    statements: [`UPDATE nano_devices SET token_update_at = NOW() WHERE id = '${A}'`],
    why: 'touched: row in nano_devices changed',
  },
  {
    name: 'a write to nano_users',
    statements: [`UPDATE nano_users SET user_long_name = 'x' WHERE id = '${USER}'`],
    why: 'touched: row in nano_users changed',
  },
  {
    name: 'a write to nano_enrollments',
    statements: [`UPDATE nano_enrollments SET token_update_tally = 2 WHERE id = '${A}'`],
    why: 'touched: row in nano_enrollments changed',
  },
  {
    name: 'a write to the user channel’s enrollment',
    statements: [`UPDATE nano_enrollments SET push_magic = 'x' WHERE id = '${USER}'`],
    why: 'touched: row in nano_enrollments changed',
  },
  {
    name: 'a write to nano_cert_auth_associations',
    statements: [`UPDATE nano_cert_auth_associations SET cert_not_valid_after = NOW() WHERE id = '${A}'`],
    why: 'touched: row in nano_cert_auth_associations changed',
  },
  {
    name: 'a second certificate',
    statements: [`INSERT INTO nano_cert_auth_associations (id, sha256) VALUES ('${A}', REPEAT('9', 64))`],
    why: 'touched: row in nano_cert_auth_associations changed',
  },
  {
    name: 'no updated_at at all',
    statements: [`UPDATE nano_enrollments SET updated_at = NULL WHERE id = '${A}'`],
    why: 'touched: row in nano_enrollments changed',
  },
  {
    name: 'an enrollment of Fleet’s own',
    statements: [`UPDATE nano_enrollments SET enrolled_from_migration = 0, ${canary} WHERE id = '${A}'`],
    why: 'touched: enrolled in Fleet itself',
  },
  {
    name: 'an enrollment switched off',
    statements: [`UPDATE nano_enrollments SET enabled = 0, ${canary} WHERE id = '${A}'`],
    why: 'touched: enrollment switched off in Fleet',
  },
  {
    name: 'a renewal',
    statements: [
      command('renew'),
      `UPDATE nano_cert_auth_associations SET renew_command_uuid = 'renew', ${canary} WHERE id = '${A}'`,
    ],
    why: 'touched: certificate renewal begun',
  },
  {
    name: 'a command result',
    statements: [
      command('c'),
      `INSERT INTO nano_command_results (id, command_uuid, status, result) VALUES ('${A}', 'c', 'NotNow', '<?xml')`,
    ],
    why: 'touched: command result since the import',
  },
  {
    name: 'a command result of the user channel',
    statements: [
      command('c'),
      `INSERT INTO nano_command_results (id, command_uuid, status, result) VALUES ('${USER}', 'c', 'NotNow', '<?xml')`,
    ],
    why: 'touched: command result since the import',
  },
  {
    name: 'a command result of unknown time',
    statements: [
      command('c'),
      `INSERT INTO nano_command_results (id, command_uuid, status, result, created_at) VALUES ('${A}', 'c', 'NotNow', '<?xml', NULL)`,
    ],
    why: 'touched: command result since the import',
  },
  {
    name: 'seen',
    only: 'newest',
    statements: [
      `INSERT INTO nano_seen_times (id, seen_time) SELECT id, created_at FROM nano_devices WHERE id = '${A}'`,
    ],
    why: 'touched: seen by Fleet since the import',
  },
  {
    name: 'the user channel seen',
    only: 'newest',
    statements: [`INSERT INTO nano_seen_times (id, seen_time) VALUES ('${USER}', NOW())`],
    why: 'touched: seen by Fleet since the import',
  },
  {
    name: 'a user channel seen whose enrollment is gone',
    only: 'newest',
    statements: [`INSERT INTO nano_seen_times (id, seen_time) VALUES ('${A}:another', NOW())`],
    why: 'touched: seen by Fleet since the import',
  },
  {
    name: 'seen, and the time of the import is unknown',
    only: 'newest',
    statements: [
      `UPDATE nano_devices SET created_at = NULL, ${canary} WHERE id = '${A}'`,
      `INSERT INTO nano_seen_times (id, seen_time) VALUES ('${A}', '2001-01-01')`,
    ],
    why: 'touched: seen by Fleet since the import',
  },
  {
    name: 'a poll, on the older schemas',
    only: 'column',
    statements: [`UPDATE nano_enrollments SET last_seen_at = NOW() WHERE id = '${A}'`],
    why: 'touched: row in nano_enrollments changed',
  },
];

/** Not touched, but none of this file's business either. */
const TAKEN: readonly Signal[] = [
  {
    name: 'the certificate under another id',
    statements: [
      `INSERT INTO nano_cert_auth_associations (id, sha256, updated_at) SELECT 'someone', sha256, updated_at FROM nano_cert_auth_associations WHERE id = '${A}'`,
    ],
    why: 'certificate belongs to another device in Fleet',
  },
  {
    name: 'the id in another case',
    statements: [
      `UPDATE nano_devices SET id = LOWER(id), ${canary} WHERE id = '${A}'`,
      `UPDATE nano_enrollments SET ${canary}`,
      `UPDATE nano_users SET ${canary}`,
    ],
    why: 'id is written differently in Fleet',
  },
];

describe.skipIf(noServer).each([
  { generation: '4.62', schema: 'generation-462' },
  { generation: '4.69', schema: 'generation-469' },
  { generation: 'newest', schema: 'generation-newest' },
] as const)('on $generation', ({ generation, schema }) => {
  let database: TestDatabase;
  let files: Awaited<ReturnType<typeof scratch>>;
  let first: string;
  let second: string;
  let secondUndo: string;
  beforeAll(async () => {
    files = await scratch();
    first = path.join(files.folder, 'first.sql');
    second = path.join(files.folder, 'second.sql');
    await writeFor(first, generation, before, { undoPath: `${first}.undo` });
    await writeFor(second, generation, after, { undoPath: `${second}.undo` });
    first = await withoutPauses(first);
    secondUndo = await withoutPauses(`${second}.undo`);
    second = await withoutPauses(second);
    database = await createDatabase(schema);
  });
  afterAll(async () => {
    await database.drop();
    await files.remove();
  });
  beforeEach(async () => {
    for (const table of ['nano_devices', 'nano_cert_auth_associations', 'nano_commands']) {
      await database.query(`DELETE FROM ${table}`);
    }
    if (generation === 'newest') await database.query('DELETE FROM nano_seen_times');
    await loadSqlFile(database, first);
  });

  const newest = generation === 'newest';
  const fitting = [...SIGNALS, ...TAKEN].filter(({ only }) => only === undefined || (only === 'newest') === newest);

  it.each(fitting)('$name holds a device back, whole', async ({ statements, why }) => {
    for (const statement of statements) await database.query(statement);
    const there = await dumpTables(database, ALL_TABLES);
    const mine = (dump: string): string[] => dump.split('\n').filter((line) => line.toUpperCase().includes(A));

    const { summary, left } = printed((await loadSqlFile(database, second)).stdout);
    expect(left).toEqual({ [A]: why });
    expect(summary).toMatchObject({ inserted: '0', refreshed: '1', left_alone: '1', failed: '0' });
    const then = await dumpTables(database, ALL_TABLES);
    expect(mine(then)).toEqual(mine(there));
    expect(then).toContain('NEWSERIAL2');

    const undone = printed((await loadSqlFile(database, secondUndo)).stdout);
    expect(undone.summary).toMatchObject({ deleted: '1', left_alone: '1', failed: '0' });
    expect(Object.keys(undone.left)).toEqual([A]);
    const last = await dumpTables(database, ALL_TABLES);
    expect(mine(last)).toEqual(mine(there));
    expect(last).not.toContain(B);
  });

  it('an older sign of life does not', async () => {
    if (newest) {
      await database.query(
        `INSERT INTO nano_seen_times (id, seen_time) SELECT id, created_at - INTERVAL 1 SECOND FROM nano_devices`,
      );
    } else {
      await database.query(command('c'));
      await database.query(
        `INSERT INTO nano_command_results (id, command_uuid, status, result, created_at, updated_at)
         SELECT id, 'c', 'Acknowledged', '<?xml', created_at - INTERVAL 1 SECOND, created_at FROM nano_devices`,
      );
    }
    const { summary } = printed((await loadSqlFile(database, second)).stdout);
    expect(summary).toMatchObject({ refreshed: '2', left_alone: '0' });
  });

  it('a check-in between the test and the write is not lost', async () => {
    // Fleet's own transaction is under way when the file comes to the device: it waits, and then sees what Fleet wrote.
    const fleet = await database.connect();
    await fleet.beginTransaction();
    await fleet.query('UPDATE nano_enrollments SET token_update_tally = 2 WHERE id = ?', [A]);
    if (newest) await fleet.query('INSERT INTO nano_seen_times (id, seen_time) VALUES (?, NOW())', [B]);
    const loading = loadSqlFile(database, second);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await fleet.commit();
    const { left } = printed((await loading).stdout);
    expect(Object.keys(left)).toEqual(newest ? [A, B] : [A]);
    await fleet.end();
  });

  it('a device that enrolls at the same moment is not overwritten', async () => {
    for (const table of ['nano_devices', 'nano_cert_auth_associations']) await database.query(`DELETE FROM ${table}`);
    const fleet = await database.connect();
    await fleet.beginTransaction();
    await fleet.query("INSERT INTO nano_devices (id, authenticate) VALUES (?, 'real')", [A]);
    const loading = loadSqlFile(database, second);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await fleet.commit();
    expect(printed((await loading).stdout).left).toEqual({ [A]: 'touched: row in nano_devices changed' });
    expect(await dumpTables(database, ['nano_devices'])).toContain('"real"');
    await fleet.end();
  });
});

describe.skipIf(noServer)('ids that are taken', () => {
  let database: TestDatabase;
  let files: Awaited<ReturnType<typeof scratch>>;
  beforeAll(async () => {
    files = await scratch();
    database = await createDatabase('generation-469');
  });
  afterEach(async () => {
    await database.query('DELETE FROM nano_devices');
    await database.query('DELETE FROM nano_cert_auth_associations');
  });
  afterAll(async () => {
    await database.drop();
    await files.remove();
  });

  it.each([
    {
      name: 'a user channel under another device',
      statements: [
        `INSERT INTO nano_devices (id, authenticate, updated_at) VALUES ('other', 'x', '2000-01-01')`,
        `INSERT INTO nano_users (id, device_id, updated_at) VALUES ('${USER}', 'other', '2000-01-01')`,
      ],
      why: 'user channel is taken by another device in Fleet',
    },
    {
      name: 'an enrollment under another device',
      statements: [
        `INSERT INTO nano_devices (id, authenticate, updated_at) VALUES ('other', 'x', '2000-01-01')`,
        `INSERT INTO nano_enrollments (id, device_id, type, topic, push_magic, token_hex, last_seen_at, enrolled_from_migration, updated_at)
         VALUES ('${A}', 'other', 'Device', 't', 'm', 'h', NOW(), 1, '2000-01-01')`,
      ],
      why: 'id is taken by another enrollment in Fleet',
    },
    {
      name: 'a user channel of another enrollment',
      statements: [
        `INSERT INTO nano_devices (id, authenticate, updated_at) VALUES ('${A}', 'x', '2000-01-01')`,
        `INSERT INTO nano_users (id, device_id, updated_at) VALUES ('${USER}', '${A}', '2000-01-01')`,
        `INSERT INTO nano_enrollments (id, device_id, user_id, type, topic, push_magic, token_hex, last_seen_at, enrolled_from_migration, updated_at)
         VALUES ('odd', '${A}', '${USER}', 'User', 't', 'm', 'h', NOW(), 1, '2000-01-01')`,
      ],
      why: 'user channel is taken by another enrollment in Fleet',
    },
  ])('$name', async ({ statements, why }) => {
    for (const statement of statements) await database.query(statement);
    const there = await dumpTables(database, MIGRATION_TABLES);
    const file = path.join(files.folder, 'taken.sql');
    await writeFor(file, '4.69', [before[0]!]);
    const { left, summary } = printed((await loadSqlFile(database, await withoutPauses(file))).stdout);
    expect(left).toEqual({ [A]: why });
    expect(summary).toMatchObject({ inserted: '0', refreshed: '0', failed: '0' });
    expect(await dumpTables(database, MIGRATION_TABLES)).toBe(there);
  });
});

describe.skipIf(noServer)('the undo file', () => {
  let database: TestDatabase;
  let files: Awaited<ReturnType<typeof scratch>>;
  let file: string;
  beforeAll(async () => {
    files = await scratch();
    file = path.join(files.folder, 'fleet.sql');
  });
  beforeEach(async () => void (database = await createDatabase('generation-newest')));
  afterEach(() => database.drop());
  afterAll(() => files.remove());

  it('deletes all rows of what the load inserted, associations too; a second time there is nothing', async () => {
    await writeFor(file, 'newest', before, { undoPath: `${file}.undo` });
    await loadSqlFile(database, file);
    const first = printed((await loadSqlFile(database, `${file}.undo`)).stdout);
    expect(first.summary).toMatchObject({ in_file: '2', deleted: '2', not_there: '0', left_alone: '0', failed: '0' });
    await expectRows(database, []);
    const second = printed((await loadSqlFile(database, `${file}.undo`)).stdout);
    expect(second.summary).toMatchObject({ deleted: '0', not_there: '2', left_alone: '0', failed: '0' });
  });

  it('leaves what is no longer what the file wrote, even if it looks untouched', async () => {
    await writeFor(file, 'newest', before, { undoPath: `${file}.undo` });
    await loadSqlFile(database, file);
    await database.query(`UPDATE nano_devices SET bootstrap_token_b64 = 'x', ${canary} WHERE id = ?`, [A]);
    await database.query(`DELETE FROM nano_users WHERE device_id = ?`, [B]);
    const { left, summary } = printed((await loadSqlFile(database, `${file}.undo`)).stdout);
    expect(summary).toMatchObject({ deleted: '0', left_alone: '2', failed: '0' });
    expect(left).toEqual({
      [A]: 'row in nano_devices is not the one this file wrote',
      [B]: 'row in nano_enrollments is gone',
    });
  });

  it('leaves what an earlier import inserted: by the source’s newest contact', async () => {
    await writeFor(file, 'newest', before, { undoPath: `${file}.undo` });
    await loadSqlFile(database, file);
    const old = new Date(INSTANT).toISOString().slice(0, 19);
    await database.query(`UPDATE nano_devices SET created_at = ?, ${canary} WHERE id = ?`, [old, A]);
    const { left } = printed((await loadSqlFile(database, `${file}.undo`)).stdout);
    expect(left).toEqual({ [A]: 'was there before this file was loaded' });
    await expectRows(database, [rowsFor('newest')(before[0]!)]);
  });

  it('and to the second by the time the load printed', async () => {
    const early = path.join(files.folder, 'early.sql');
    await writeFor(early, 'newest', [before[0]!]);
    await loadSqlFile(database, early);
    await writeFor(file, 'newest', before, { undoPath: `${file}.undo` });
    const { summary } = printed((await loadSqlFile(database, file)).stdout);
    expect(summary).toMatchObject({ inserted: '1', refreshed: '1' });
    const undone = printed(
      (
        await loadSqlFile(database, `${file}.undo`, {
          clientOptions: [`--init-command=SET @slipway_since = '${summary['loaded_from']}'`],
        })
      ).stdout,
    );
    expect(undone.summary).toMatchObject({ deleted: '1', left_alone: '1' });
    expect(undone.left).toEqual({ [A]: 'was there before this file was loaded' });
  });
});
