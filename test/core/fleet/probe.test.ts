import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connectFleet, type FleetConnection } from '../../../src/core/fleet/connection';
import { knownSchema, probeSchema } from '../../../src/core/fleet/probe';
import { KNOWN_SCHEMAS, MIGRATION_TABLES } from '../../../src/core/fleet/schema';
import { createDatabase, hasSchema, noServer, type FleetSchema, type TestDatabase } from '../../servers/mysql';
import { failureOf, targetOf } from './target';

const LIVE: [schema: FleetSchema, generation: string, migration: RegExp][] = [
  ['fleet-4.62', '4.62', /^20250121094045$/],
  ['fleet-4.69', '4.69', /^20250616193950$/],
  ['generation-462', '4.62', /^2025/],
  ['generation-469', '4.69', /^2025/],
  ['generation-newest', 'newest', /^20260904125235$/],
];

describe.skipIf(noServer)('probeSchema', () => {
  it.each(LIVE.filter(([schema]) => hasSchema(schema)))('knows %s', async (name, generation, migration) => {
    const database = await createDatabase(name);
    const connection = await connectFleet(targetOf(database), 'read');
    try {
      const schema = await probeSchema(connection);
      const known = KNOWN_SCHEMAS.find((one) => one.generation === generation);
      expect(schema.generation).toBe(generation);
      expect(schema.migrationId).toMatch(migration);
      expect(schema.seenStorage).toBe(known?.seenStorage);
      expect(schema.serialsTable).toBe(known?.serialsTable);
      expect(schema.unknownColumns).toEqual([]);
      expect(schema.triggers).toEqual([]);
      for (const table of MIGRATION_TABLES) {
        expect([...schema.columns[table]].sort()).toEqual([...(known?.columns[table] ?? [])].sort());
      }
    } finally {
      await connection.close();
      await database.drop();
    }
  });

  it('refuses what is not Fleet’s', async () => {
    const database = await createDatabase('empty');
    await database.query('CREATE TABLE enrollments (id INT PRIMARY KEY)');
    const connection = await connectFleet(targetOf(database), 'read');
    expect(await failureOf(() => probeSchema(connection))).toMatchObject({ code: 'fleet/not-fleet', kind: 'finding' });
    await connection.close();
    await database.drop();
  });

  describe('of a changed schema', () => {
    let database: TestDatabase;
    let connection: FleetConnection;
    const undo: string[] = [];

    beforeAll(async () => {
      database = await createDatabase('generation-newest');
      connection = await connectFleet(targetOf(database), 'read');
    });
    afterEach(async () => {
      for (const sql of undo.splice(0)) await database.query(sql);
    });
    afterAll(async () => {
      await connection.close();
      await database.drop();
    });

    it.each([
      [
        'fleet/schema-too-old',
        'ALTER TABLE nano_enrollments RENAME COLUMN enrolled_from_migration TO x',
        'ALTER TABLE nano_enrollments RENAME COLUMN x TO enrolled_from_migration',
      ],
      [
        'fleet/schema-too-old',
        'RENAME TABLE nano_cert_auth_associations TO x',
        'RENAME TABLE x TO nano_cert_auth_associations',
      ],
      [
        'fleet/schema-unknown',
        'ALTER TABLE nano_devices ADD COLUMN new_thing INT NOT NULL',
        'ALTER TABLE nano_devices DROP COLUMN new_thing',
      ],
      [
        'fleet/schema-unknown',
        'ALTER TABLE nano_users RENAME COLUMN token_update_at TO x',
        'ALTER TABLE nano_users RENAME COLUMN x TO token_update_at',
      ],
      [
        'fleet/schema-unknown',
        'ALTER TABLE nano_enrollments MODIFY updated_at timestamp NULL DEFAULT CURRENT_TIMESTAMP',
        'ALTER TABLE nano_enrollments MODIFY updated_at timestamp NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP',
      ],
      ['fleet/schema-unknown', 'RENAME TABLE nano_seen_times TO x', 'RENAME TABLE x TO nano_seen_times'],
      [
        'fleet/schema-unknown',
        'ALTER TABLE nano_cert_auth_associations ENGINE=MEMORY',
        'ALTER TABLE nano_cert_auth_associations ENGINE=InnoDB',
      ],
    ])('fails closed with %s after %s', async (code, change, back) => {
      if (change.includes('MEMORY'))
        await database
          .query('ALTER TABLE nano_cert_auth_associations DROP FOREIGN KEY renew_command_uuid_fk')
          .catch(() => undefined);
      await database.query(change);
      undo.push(back);
      const failure = await failureOf(() => probeSchema(connection));
      expect(failure).toMatchObject({ code, kind: 'finding' });
      expect(failure.remedy).not.toBe('');
    });

    it('leaves new columns with a default to it, and ignores computed ones', async () => {
      await database.query(
        "ALTER TABLE nano_devices ADD COLUMN a INT NOT NULL DEFAULT 7, ADD COLUMN b TEXT NULL, ADD COLUMN `c\n'x` INT GENERATED ALWAYS AS (a + 1) STORED, ADD COLUMN `d\nd` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP",
      );
      undo.push("ALTER TABLE nano_devices DROP COLUMN `c\n'x`, DROP COLUMN a, DROP COLUMN b, DROP COLUMN `d\nd`");
      const schema = await probeSchema(connection);
      expect(schema.unknownColumns).toEqual(['nano_devices.a', 'nano_devices.b', 'nano_devices.d?d']);
      expect(schema.columns.nano_devices).not.toContain("c\n'x");
    });

    it('reports triggers', async () => {
      await database.query('CREATE TRIGGER spy AFTER INSERT ON nano_devices FOR EACH ROW SET @x = 1');
      undo.push('DROP TRIGGER spy');
      expect((await probeSchema(connection)).triggers).toEqual([
        { name: 'spy', table: 'nano_devices', when: 'AFTER INSERT' },
      ]);
    });

    it('takes the serials table as it is called, or its absence', async () => {
      await database.query('RENAME TABLE identity_serials TO x');
      undo.push('RENAME TABLE x TO identity_serials');
      expect((await probeSchema(connection)).serialsTable).toBeNull();
    });

    it('says of an account that sees nothing that it may be the account', async () => {
      const account = await database.createAccount(['SELECT ON hosts']);
      const limited = await connectFleet(targetOf(database, account), 'read');
      const failure = await failureOf(() => probeSchema(limited));
      expect(failure.code).toBe('fleet/schema-too-old');
      expect(`${failure.message} ${failure.remedy}`).toMatch(/account/);
      await limited.close();
    });
  });
});

describe('knownSchema', () => {
  it.each([
    ['4.55', '4.62', 'scep_serials'],
    ['4.62', '4.62', 'scep_serials'],
    ['v4.62.3', '4.62', 'scep_serials'],
    ['4.63.0', '4.69', 'scep_serials'],
    ['v4.69.1', '4.69', 'scep_serials'],
    ['fleet-v4.70.0', '4.69', 'scep_serials'],
    ['4.83.2', '4.69', 'scep_serials'],
    ['4.84', '4.69', 'identity_serials'],
    ['4.92.9', '4.69', 'identity_serials'],
    ['4.93.0', 'newest', 'identity_serials'],
    ['4.93.0-rc.1', 'newest', 'identity_serials'],
    ['4.120', 'newest', 'identity_serials'],
    ['newest', 'newest', 'identity_serials'],
    [' Newest ', 'newest', 'identity_serials'],
    ['20240702123921', '4.62', 'scep_serials'],
    ['20250121094045', '4.62', 'scep_serials'],
    ['20250616193950', '4.69', 'scep_serials'],
    ['20260401153000', '4.69', 'identity_serials'],
    ['20260904125234', '4.69', 'identity_serials'],
    ['20260904125235', 'newest', 'identity_serials'],
  ])('takes %j for %s with %s', (version, generation, serials) => {
    const schema = knownSchema(version);
    expect(schema.generation).toBe(generation);
    expect(schema.serialsTable).toBe(serials);
    expect(schema.migrationId).toBe(/^\d{14}$/.test(version) ? version : null);
  });

  it.each(['4.54', '4.54.2', '4.0', '3.13.0', '1.0', '20240702123920', '20161118193812'])(
    'finds %s too old',
    async (version) => {
      expect(await failureOf(() => knownSchema(version))).toMatchObject({
        code: 'fleet/schema-too-old',
        kind: 'finding',
      });
    },
  );

  it.each([
    '',
    'latest',
    '4',
    '4.',
    '4.x',
    '5.0',
    '4.69.1.2',
    '4.69; DROP TABLE hosts',
    '20251399000000',
    '2025061619395',
    '99999999999999',
    '٤.٦٩',
  ])('refuses %j and says what it takes', async (version) => {
    const failure = await failureOf(() => knownSchema(version));
    expect(failure).toMatchObject({ code: 'usage/fleet-version', kind: 'usage' });
    expect(failure.remedy).toMatch(/4\.62.*newest/);
  });
});
