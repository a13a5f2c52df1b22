// A real dump of Fleet's own script, held against the database it was made from, and against what MySQL makes of it.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectFleet } from '../../../../src/core/fleet/connection';
import { checkScriptDump, type DumpCheck } from '../../../../src/core/migration/script-dump/check';
import { NotFromScript, readDumpedInsert } from '../../../../src/core/migration/script-dump/statement';
import { judge, type Judgement } from '../../../../src/core/migration/verdict';
import { readMicroMdm } from '../../../../src/core/sources/micromdm/index';
import type { Snapshot } from '../../../../src/core/sources/snapshot';
import { createDatabase, hasSchema, loadSqlFile, noServer, type TestDatabase } from '../../../servers/mysql';
import { sharedData } from '../../../shared-data';
import { targetOf } from '../../fleet/target';
import { schemaOf } from '../sql-support';

const AT = Date.parse('2026-11-24T03:00:00Z');
const DUMP = sharedData('micromdm', 'small.dump.sql') ?? '';
const NO_SERIAL = '511AC534-178C-4367-B9D8-C39F7F9D2E8D';
const BACKSLASHES = 'A3C18283-97DA-4D46-93B4-F67DB4C36D24';
const CHECKED_OUT = 'B615021D-F036-484E-A3A9-5905074E2419';
const USER_CHANNEL = '460D93A0-5D95-47AA-9BEA-38A0FEA7F4DC';
const NOT_IN_DEPOT = '163E1CF9-3EF6-44AC-9519-B6A9258BE2C0';
const WITH_TOKENS = ['0000803E-001E8E246AAED386', '4BE4064B-21B9-47F0-8195-1249D8877AB0'];

const skipped = existsSync(DUMP) ? '' : ' (skipped: ../shared/data is absent)';

describe.skipIf(skipped !== '')(`a dump of Fleet’s own script${skipped}`, () => {
  let folder: string;
  let snapshot: Snapshot;
  let judgement: Judgement;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'slipway-dump-'));
    snapshot = await readMicroMdm(sharedData('micromdm', 'small.db') ?? '', { at: AT });
    judgement = judge(snapshot, AT);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const check = (path = DUMP, generation = '4.69'): Promise<DumpCheck> =>
    checkScriptDump({ path, snapshot, judgement, schema: schemaOf(generation) });
  const written = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  /** `code table.column` to the devices it is said of. */
  const told = ({ devices }: DumpCheck): Record<string, string[]> => {
    const found: Record<string, string[]> = {};
    for (const { udid, problems } of devices)
      for (const { code, table, column } of problems)
        (found[`${code} ${table ?? ''}${column === null ? '' : `.${column}`}`.trim()] ??= []).push(udid);
    for (const list of Object.values(found)) list.sort();
    return found;
  };

  it('is wrong where the tables it fills differ from ours, and nowhere else', async () => {
    const result = await check();
    expect([result.dump.statements, result.counts.broken, result.counts.missing, result.counts.devices]).toEqual([
      54, 0, 0, 18,
    ]);
    const { 'time-of-loading nano_devices.authenticate_at': every = [], ...rest } = told(result);
    expect(every).toHaveLength(17);
    expect(rest).toEqual({
      'time-of-loading nano_devices.token_update_at': every,
      'time-of-loading nano_devices.bootstrap_token_at': every,
      'time-of-loading nano_enrollments.last_seen_at': every,
      'not-written nano_devices.platform': every,
      'not-written nano_devices.unlock_token': WITH_TOKENS,
      'not-written nano_devices.unlock_token_at': WITH_TOKENS,
      'value-differs nano_devices.authenticate': [BACKSLASHES],
      'value-differs nano_devices.serial_number': [NO_SERIAL],
      'refused-by-mysql nano_devices.serial_number': [NO_SERIAL],
      'value-differs nano_cert_auth_associations.cert_not_valid_after': [NOT_IN_DEPOT],
      'row-missing nano_users': [USER_CHANNEL],
      'should-stay-out': [CHECKED_OUT],
    });
    // Secrets are never shown.
    const text = JSON.stringify(result);
    for (const { push, unlockToken } of snapshot.devices) {
      expect(text).not.toContain(push?.magic.revealText() ?? 'no magic');
      expect(text).not.toContain(unlockToken?.reveal().toString('base64') ?? 'no token');
    }
  });

  it('on the newest schema every enrollment is refused', async () => {
    const found = told(await check(DUMP, 'newest'));
    expect(found['refused-by-mysql nano_enrollments.last_seen_at']).toHaveLength(18);
  });

  it('names what is missing, foreign, twice or changed', async () => {
    const statements = readFileSync(DUMP, 'utf8').split(/(?=^INSERT INTO nano_)/m);
    const [blank = '', device = '', enrollment = '', association = ''] = statements;
    const udid = /'([0-9A-F-]{36})'/.exec(device)?.[1] ?? '';
    const foreign = [device, enrollment, association].map((one) => one.replaceAll(udid, 'FOREIGN')).join('');
    const changed = enrollment.replace('fakePushMagic', 'another secret magic');
    const path = written('changed.sql', [blank, device, changed, foreign, ...statements.slice(6)].join(''));
    const result = await check(path);
    const found = told(result);
    expect(found['row-missing nano_cert_auth_associations']).toContain(udid);
    expect(found['value-differs nano_enrollments.push_magic']).toEqual([udid]);
    expect(found['not-in-source']).toEqual(['FOREIGN']);
    expect(JSON.stringify(result)).not.toContain('another secret magic');
    const empty = await check(written('one.sql', device));
    expect(empty.counts.missing).toBe(16);
    expect(told(await check(written('twice.sql', device + device)))['row-twice nano_devices']).toEqual([udid]);
  });

  it('says in which line an apostrophe breaks it', async () => {
    const text = readFileSync(DUMP, 'utf8');
    const line = text.split('\n').findIndex((one) => one.includes("'C02DEPENROLL'")) + 1;
    const result = await check(written('apostrophe.sql', text.replace("'C02DEPENROLL'", "'C02'ROLL'")));
    expect(result.counts.broken).toBe(1);
    expect(result.broken[0]?.line).toBe(line);
    expect(told(result)['row-missing nano_devices']).toHaveLength(1);
  });

  it('refuses what is no dump', async () => {
    await expect(check(written('empty.sql', '\n\n'))).rejects.toThrow('dump/not-a-dump');
    await expect(check(join(folder, 'absent.sql'))).rejects.toThrow('dump/cannot-read');
    const other = await check(written('other.sql', 'DROP TABLE nano_devices;\n'));
    expect([other.counts.broken, other.broken[0]?.line]).toEqual([1, 1]);
  });

  it('that was changed anywhere is read or named as broken', () => {
    const statement = readFileSync(DUMP, 'utf8').split(/(?=^INSERT INTO nano_)/m)[2] ?? '';
    expect(readDumpedInsert(statement).table).toBe('nano_enrollments');
    fc.assert(
      fc.property(fc.nat(statement.length), fc.string({ maxLength: 3 }), fc.nat(3), (at, put, drop) => {
        try {
          readDumpedInsert(statement.slice(0, at) + put + statement.slice(at + drop));
        } catch (error) {
          expect(error).toBeInstanceOf(NotFromScript);
        }
      }),
      { numRuns: 500 },
    );
  });

  describe.skipIf(noServer || !hasSchema('fleet-4.69'))('at a real Fleet database', () => {
    let database: TestDatabase;
    beforeAll(async () => (database = await createDatabase('fleet-4.69')));
    afterAll(() => database.drop());

    const predicted = async (): Promise<Map<string, string | null>> => {
      const connection = await connectFleet(targetOf(database), 'read');
      try {
        const result = await checkScriptDump({ path: DUMP, snapshot, judgement, schema: schemaOf('4.69'), connection });
        return new Map(result.devices.map(({ udid, action }) => [udid, action]));
      } finally {
        await connection.close();
      }
    };

    it('what it would do is what loading it does', async () => {
      const load = (): Promise<unknown> =>
        loadSqlFile(database, DUMP, { characterSet: 'utf8mb4', clientOptions: ['--force'] });
      const before = await predicted();
      expect([...before].filter(([, action]) => action !== 'insert')).toEqual([[NO_SERIAL, 'refused']]);
      await load();
      const there = await database.query<{ id: string }>('SELECT id FROM nano_devices');
      expect(there.map(({ id }) => id).sort()).toEqual([...before.keys()].filter((id) => id !== NO_SERIAL).sort());

      // The device polls: only its enrollment is touched, and the script decides table by table.
      await database.query('UPDATE nano_enrollments SET last_seen_at = NOW(), updated_at = NOW() WHERE id = ?', [
        USER_CHANNEL,
      ]);
      await database.query(
        "UPDATE nano_devices SET authenticate_at = '2001-01-01', updated_at = '2000-01-01 00:00:00'",
      );
      const again = await predicted();
      expect([...again].filter(([, action]) => action !== 'refresh').sort()).toEqual(
        [
          [NO_SERIAL, 'refused'],
          [USER_CHANNEL, 'overwrite-touched'],
        ].sort(),
      );
      await load();
      const tallies = await database.query<{ id: string }>(
        'SELECT id FROM nano_enrollments WHERE token_update_tally = 1',
      );
      expect(tallies.map(({ id }) => id)).toEqual([USER_CHANNEL]);
      expect(await database.query("SELECT id FROM nano_devices WHERE authenticate_at < '2002-01-01'")).toEqual([]);
    });
  });
});
