// Fleet's own script against our SQL: small.dump.sql was made by it from small.db. Where the tables differ is listed
// here one by one, and explained in docs/operations.md.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MIGRATION_TABLES, type MigrationTable } from '../../../src/core/fleet/schema';
import { deriveRows } from '../../../src/core/migration/rows';
import { writeMigrationSql } from '../../../src/core/migration/sql';
import { judge } from '../../../src/core/migration/verdict';
import { readMicroMdm } from '../../../src/core/sources/micromdm/index';
import type { Snapshot } from '../../../src/core/sources/snapshot';
import { createDatabase, hasSchema, loadSqlFile, noServer, type TestDatabase } from '../../servers/mysql';
import { expectRows, schemaOf, scratch } from './sql-support';

const data = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../../shared/data/micromdm');
const dump = path.join(data, 'small.dump.sql');
const AT = Date.parse('2026-11-24T03:00:00Z');

const NO_SERIAL = '511AC534-178C-4367-B9D8-C39F7F9D2E8D';
const BACKSLASHES = 'A3C18283-97DA-4D46-93B4-F67DB4C36D24';
const CHECKED_OUT = 'B615021D-F036-484E-A3A9-5905074E2419';
const USER_CHANNEL = '460D93A0-5D95-47AA-9BEA-38A0FEA7F4DC';
const NOT_IN_DEPOT = '163E1CF9-3EF6-44AC-9519-B6A9258BE2C0';
const WITH_TOKENS = ['0000803E-001E8E246AAED386', '4BE4064B-21B9-47F0-8195-1249D8877AB0'];

type Tables = Record<MigrationTable, Map<string, Record<string, unknown>>>;

async function tablesOf(database: TestDatabase): Promise<Tables> {
  const connection = await database.connect({ dateStrings: true });
  await connection.query("SET time_zone = '+00:00'");
  const tables = {} as Tables;
  for (const table of MIGRATION_TABLES) {
    const [rows] = await connection.query(`SELECT * FROM ${table}`);
    tables[table] = new Map((rows as Record<string, unknown>[]).map((row) => [String(row['id']), row]));
  }
  await connection.end();
  return tables;
}

describe.skipIf(noServer || !existsSync(dump) || !hasSchema('fleet-4.69'))('next to Fleet’s own script', () => {
  const databases: TestDatabase[] = [];
  let files: Awaited<ReturnType<typeof scratch>>;
  let snapshot: Snapshot;
  let theirs: Tables;
  /** The script's, read by a server that takes backslashes for what they are. */
  let literally: Tables;
  let ours: Tables;

  beforeAll(async () => {
    files = await scratch();
    snapshot = await readMicroMdm(path.join(data, 'small.db'), { at: AT });
    const judgement = judge(snapshot, AT);
    const going = judgement.devices.filter(({ verdict }) => verdict !== 'blocked');
    const schema = schemaOf('4.69');
    const rows = (judged: (typeof going)[number]) =>
      deriveRows(judged, { schema, instant: snapshot.instant, teamId: null });
    const file = path.join(files.folder, 'small.sql');
    await writeMigrationSql(file, {
      schema,
      devices: going,
      rows,
      facts: {
        sourceKind: 'micromdm',
        sourceSha256: snapshot.source.sha256,
        sourceTxid: snapshot.source.txid,
        instant: snapshot.instant,
        counts: judgement.counts,
        goingIn: going.length,
      },
    });
    const load = async (name: string, clientOptions: string[]): Promise<Tables> => {
      const database = await createDatabase('fleet-4.69');
      databases.push(database);
      await loadSqlFile(database, name, { characterSet: 'utf8mb4', clientOptions });
      if (name === file) await expectRows(database, going.map(rows));
      return tablesOf(database);
    };
    theirs = await load(dump, ['--force']);
    literally = await load(dump, [
      '--force',
      "--init-command=SET SESSION sql_mode='NO_BACKSLASH_ESCAPES,STRICT_TRANS_TABLES'",
    ]);
    ours = await load(file, []);
  });
  afterAll(async () => {
    for (const database of databases) await database.drop();
    await files.remove();
  });

  it('the devices differ by two', () => {
    const missing = (left: Tables, right: Tables): string[] =>
      [...left.nano_devices.keys()].filter((id) => !right.nano_devices.has(id));
    expect(missing(ours, theirs)).toEqual([NO_SERIAL]);
    expect(missing(theirs, ours)).toEqual([CHECKED_OUT]);
    expect(ours.nano_devices.size).toBe(17);
  });

  it('every check-in message has the very same bytes', () => {
    let compared = 0;
    for (const [id, row] of ours.nano_devices) {
      const other = literally.nano_devices.get(id);
      if (other === undefined) continue;
      compared += 1;
      expect({ a: row['authenticate'], t: row['token_update'] }, id).toEqual({
        a: other['authenticate'],
        t: other['token_update'],
      });
    }
    expect(compared).toBe(16);
  });

  it('the columns differ where the script is wrong, and nowhere else', () => {
    const seenAt = (id: string): string => {
      const device = snapshot.devices.find(({ udid }) => udid === id);
      return new Date(Number((device?.lastSeen ?? 0n) / 1_000_000n)).toISOString().slice(0, 19).replace('T', ' ');
    };
    const differences: Record<string, string[]> = {};
    for (const table of MIGRATION_TABLES) {
      for (const [id, row] of ours[table]) {
        const other = theirs[table].get(id);
        if (other === undefined) continue;
        for (const [column, value] of Object.entries(row)) {
          if (column === 'created_at') continue;
          const there = other[column];
          const same = Buffer.isBuffer(value) ? Buffer.isBuffer(there) && value.equals(there) : value === there;
          if (same) continue;
          (differences[`${table}.${column}`] ??= []).push(id);
          if (['authenticate_at', 'token_update_at', 'last_seen_at'].includes(column)) expect(value).toBe(seenAt(id));
        }
      }
    }
    const every = [...ours.nano_devices.keys()].filter((id) => id !== NO_SERIAL);
    for (const list of Object.values(differences)) list.sort();
    expect(differences).toEqual({
      'nano_devices.authenticate': [BACKSLASHES],
      'nano_devices.authenticate_at': every.sort(),
      'nano_devices.token_update_at': every,
      'nano_devices.bootstrap_token_at': every,
      'nano_devices.unlock_token': WITH_TOKENS,
      'nano_devices.unlock_token_at': WITH_TOKENS,
      'nano_devices.platform': every,
      'nano_enrollments.last_seen_at': every,
      'nano_cert_auth_associations.cert_not_valid_after': [NOT_IN_DEPOT],
    });
  });

  it('and the script knows no user channels', () => {
    expect([...theirs.nano_users.keys()]).toEqual([]);
    expect([...ours.nano_users.values()].map((row) => row['device_id'])).toEqual([USER_CHANNEL]);
    const extra = [...ours.nano_enrollments.keys()].filter((id) => !theirs.nano_enrollments.has(id));
    expect(extra.sort()).toEqual([...ours.nano_users.keys(), NO_SERIAL].sort());
  });
});
