import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connectFleet } from '../../../src/core/fleet/connection';
import {
  grantStatements,
  inspectGrants,
  neededGrants,
  quoteAccount,
  readGrants,
  type GrantReport,
} from '../../../src/core/fleet/grants';
import { probeSchema, type ProbedSchema } from '../../../src/core/fleet/probe';
import { KNOWN_SCHEMAS, type TargetSchema } from '../../../src/core/fleet/schema';
import { createDatabase, noServer, testServer, type Account, type TestDatabase } from '../../servers/mysql';
import { targetOf } from './target';

const isMysql = !noServer && testServer().kind !== 'mariadb';
const schema = KNOWN_SCHEMAS[0] as TargetSchema;

describe('readGrants', () => {
  const insert = { table: 'nano_devices', privilege: 'INSERT', columns: null } as const;
  it.each([
    ['GRANT INSERT ON *.* TO `u`@`%`', true],
    ['GRANT ALL PRIVILEGES ON *.* TO `u`@`%` WITH GRANT OPTION', true],
    ['GRANT USAGE ON *.* TO `u`@`%`', false],
    ['GRANT SELECT, INSERT, UPDATE ON `fleet`.* TO `u`@`%`', true],
    ['GRANT ALL PRIVILEGES ON `fleet`.* TO `u`@`%`', true],
    ['GRANT INSERT ON `other`.* TO `u`@`%`', false],
    ['GRANT INSERT ON `fl%`.* TO `u`@`%`', true],
    ['GRANT INSERT ON `%`.* TO `u`@`%`', true],
    ['GRANT INSERT ON `fle_t`.* TO `u`@`%`', true],
    ['GRANT INSERT ON `fle\\_t`.* TO `u`@`%`', false],
    ['GRANT INSERT ON `f%e%t%`.* TO `u`@`%`', true],
    ['GRANT INSERT ON `f%x`.* TO `u`@`%`', false],
    ['GRANT INSERT ON `fleet`.`nano_devices` TO `u`@`%`', true],
    ['GRANT INSERT ON TABLE `fleet`.`nano_devices` TO `u`@`%`', true],
    ['GRANT INSERT ON "fleet"."nano_devices" TO "u"@"%"', true],
    ['GRANT INSERT ON `fleet`.`nano_users` TO `u`@`%`', false],
    ['GRANT INSERT (`id`) ON `fleet`.`nano_devices` TO `u`@`%`', false],
    ['GRANT EXECUTE ON PROCEDURE `fleet`.`nano_devices` TO `u`@`%`', false],
    ['GRANT PROXY ON `a`@`b` TO `u`@`%`', false],
    ['GRANT `INSERT`@`%` TO `u`@`%`', false],
    ['GRANT SELECT ON `fleet`.`INSERT, ON *.*` TO `u`@`%`', false],
    ['GRANT SELECT (`INSERT`), DELETE ON `fleet`.* TO `u`@`%`', false],
  ])('%s', (line, allowed) => {
    const grants = readGrants([line]);
    expect(grants.allow('fleet', insert)).toBe(allowed);
    expect(grants.notUnderstood).toBe(0);
  });

  it('reads escaped database names literally', () => {
    const grants = readGrants(['GRANT INSERT ON `fleet\\_a\\%`.* TO `u`@`%`']);
    expect(grants.allow('fleet_a%', insert)).toBe(true);
    expect(grants.allow('fleetXa%', insert)).toBe(false);
    // With partial_revokes patterns are names.
    const literal = readGrants(['GRANT INSERT ON `fl%`.* TO `u`@`%`'], { wildcards: false });
    expect(literal.allow('fleet', insert)).toBe(false);
    expect(literal.allow('fl%', insert)).toBe(true);
  });

  it('takes grants on columns for enough when they cover what is used', () => {
    const grants = readGrants(['GRANT SELECT (`uuid`, `id`, `od``d`), INSERT (`id`) ON `fleet`.`hosts` TO `u`@`%`']);
    const need = (columns: string[] | null): Parameters<typeof grants.allow>[1] => ({
      table: 'hosts',
      privilege: 'SELECT',
      columns,
    });
    expect(grants.allow('fleet', need(['id', 'uuid']))).toBe(true);
    expect(grants.allow('fleet', need(['id', 'od`d']))).toBe(true);
    expect(grants.allow('fleet', need(['id', 'platform']))).toBe(false);
    expect(grants.allow('fleet', need(null))).toBe(false);
  });

  it('takes partial revokes away', () => {
    const lines = ['GRANT SELECT, INSERT ON *.* TO `u`@`%`', 'REVOKE INSERT ON `fleet`.* FROM `u`@`%`'];
    expect(readGrants(lines).allow('fleet', insert)).toBe(false);
    expect(readGrants(lines).allow('other', insert)).toBe(true);
  });

  it('lets the most specific database pattern alone count, as MySQL does', () => {
    const lines = ['GRANT INSERT ON `fl%`.* TO `u`@`%`', 'GRANT SELECT ON `fleet`.* TO `u`@`%`'];
    expect(readGrants(lines).allow('fleet', insert)).toBe(false);
    expect(readGrants(lines).allow('flood', insert)).toBe(true);
  });

  it('counts what it does not understand and shows none of it', () => {
    const odd = [
      '',
      'GRANT',
      'GRANT INSERT',
      'nonsense',
      'GRANT INSERT ON',
      'GRANT INSERT ON `fleet',
      'GRANT `r` TO `u`',
      'GRANT INSERT (`a` ON `x`.* TO',
    ];
    expect(readGrants(odd).notUnderstood).toBe(odd.length);
    const long = `GRANT INSERT ON \`${'%a'.repeat(30_000)}\`.* TO u`;
    const started = performance.now();
    readGrants([long]).allow('a'.repeat(64), insert);
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it('warns of powers an import does not need', () => {
    const lines = [
      'GRANT SELECT, SUPER, FILE ON *.* TO `u`@`%`',
      'GRANT ALL PRIVILEGES ON `fleet`.* TO `u`@`%` WITH GRANT OPTION',
      'GRANT ALL PRIVILEGES ON `other`.* TO `u`@`%`',
    ];
    expect(readGrants(lines).excessive('fleet')).toEqual([
      'SUPER on *.*',
      'FILE on *.*',
      'ALL PRIVILEGES on `fleet`.*',
      'GRANT OPTION on `fleet`.*',
    ]);
  });
});

describe('grantStatements', () => {
  it('quotes what it names', () => {
    const statements = grantStatements(
      [{ table: 'nano_`x', privilege: 'SELECT', columns: null, purpose: '', optional: false }],
      'my`db',
      quoteAccount("o'ne@evil\\@10.0.%"),
    );
    expect(statements).toEqual(["GRANT SELECT ON `my``db`.`nano_``x` TO 'o''ne@evil\\\\'@'10.0.%';"]);
  });

  it('gives one statement per table', () => {
    const statements = grantStatements(neededGrants('writer', schema), 'fleet', "'u'@'%'");
    expect(statements).toContain("GRANT SELECT, INSERT, UPDATE, DELETE ON `fleet`.`nano_devices` TO 'u'@'%';");
    expect(statements).toContain("GRANT SELECT, UPDATE ON `fleet`.`nano_enrollment_queue` TO 'u'@'%';");
    expect(statements).toContain("GRANT SELECT, INSERT ON `fleet`.`scep_serials` TO 'u'@'%';");
    expect(new Set(statements).size).toBe(statements.length);
    expect(
      grantStatements(neededGrants('reader', schema), 'fleet', "'u'@'%'").every((one) =>
        one.startsWith('GRANT SELECT ON'),
      ),
    ).toBe(true);
  });
});

describe.skipIf(!isMysql)('inspectGrants', () => {
  let database: TestDatabase;
  let probed: ProbedSchema;
  const cleanup: string[] = [];

  beforeAll(async () => {
    database = await createDatabase('generation-newest');
    const root = await connectFleet(targetOf(database), 'read');
    probed = await probeSchema(root);
    await root.close();
  });
  afterEach(async () => {
    for (const sql of cleanup.splice(0)) await database.query(sql);
  });
  afterAll(() => database.drop());

  const inspect = async (account: Account, role: 'reader' | 'writer' = 'writer'): Promise<GrantReport> => {
    const connection = await connectFleet(targetOf(database, account), 'read');
    try {
      return await inspectGrants(connection, probed, role);
    } finally {
      await connection.close();
    }
  };

  it('names every missing grant, and its statements mend it', async () => {
    const account = await database.createAccount([]);
    // An account needs some privilege to enter the database at all.
    await database.query(`GRANT SELECT ON \`${database.name}\`.\`enroll_secrets\` TO '${account.user}'@'%'`);
    for (const role of ['reader', 'writer'] as const) {
      const before = await inspect(account, role);
      expect(before.missing.length).toBeGreaterThan(5);
      for (const sql of before.statements) await database.query(sql);
      const after = await inspect(account, role);
      expect(after).toMatchObject({
        missing: [],
        statements: [],
        excessive: [],
        notUnderstood: 0,
        account: `'${account.user}'@'%'`,
      });
    }
  });

  it('misses each grant that is taken away, and MySQL agrees', async () => {
    const account = await database.createAccount([]);
    const needs = neededGrants('writer', probed);
    for (const sql of grantStatements(needs, database.name, `'${account.user}'@'%'`)) await database.query(sql);
    for (const need of needs) {
      const where = `\`${database.name}\`.\`${need.table}\``;
      await database.query(`REVOKE ${need.privilege} ON ${where} FROM '${account.user}'@'%'`);
      const report = await inspect(account);
      expect(report.missing.map(({ table, privilege }) => `${privilege} ${table}`)).toEqual([
        `${need.privilege} ${need.table}`,
      ]);
      expect(report.statements).toEqual([`GRANT ${need.privilege} ON ${where} TO '${account.user}'@'%';`]);
      await database.query(report.statements[0] ?? '');
    }
  });

  it('sees roles that are active, and says which are not', async () => {
    const account = await database.createAccount(['SELECT ON enroll_secrets']);
    const role = `role_${account.user}`;
    await database.query(`CREATE ROLE '${role}'`);
    cleanup.push(`DROP ROLE '${role}'`);
    await database.query(`GRANT ALL PRIVILEGES ON \`${database.name.replaceAll('_', '\\_')}\`.* TO '${role}'`);
    await database.query(`GRANT '${role}' TO '${account.user}'@'%'`);
    const inactive = await inspect(account);
    expect(inactive.missing.length).toBeGreaterThan(5);
    expect(inactive.inactiveRoles).toEqual([`\`${role}\`@\`%\``]);
    await database.query(`SET DEFAULT ROLE ALL TO '${account.user}'@'%'`);
    const active = await inspect(account);
    expect(active).toMatchObject({ missing: [], inactiveRoles: [] });
    expect(active.excessive[0]).toMatch(/^ALL PRIVILEGES on/);
  });

  it('agrees with MySQL on database patterns', async () => {
    const pattern = `${database.name.slice(0, -3).replaceAll('_', '\\_')}%`;
    const account = await database.createAccount([]);
    await database.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON \`${pattern}\`.* TO '${account.user}'@'%'`);
    expect((await inspect(account)).missing).toEqual([]);
  });

  it('takes grants on columns', async () => {
    const account = await database.createAccount([
      'SELECT (id, uuid, hardware_serial, team_id, platform, orbit_node_key) ON hosts',
      'SELECT (id) ON teams',
    ]);
    const missing = (await inspect(account, 'reader')).missing.map(({ table }) => table);
    expect(missing).not.toContain('hosts');
    expect(missing).toContain('teams');
  });

  it('warns of root', async () => {
    const connection = await connectFleet(targetOf(database), 'read');
    const report = await inspectGrants(connection, probed, 'writer');
    expect(report.missing).toEqual([]);
    expect(report.excessive).toContain('SUPER on *.*');
    expect(report.notUnderstood).toBe(0);
    await connection.close();
  });
});
