import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectFleet, type FleetConnection } from '../../../../src/core/fleet/connection';
import { encryptAsset } from '../../../../src/core/fleet/assets';
import { grantStatements, neededGrants } from '../../../../src/core/fleet/grants';
import { probeSchema } from '../../../../src/core/fleet/probe';
import { blockingChecks, runChecks, type CheckContext, type CheckResult } from '../../../../src/core/migration/checks';
import { Secret } from '../../../../src/core/secret';
import { createDatabase, noServer, SCHEMAS, testServer, type TestDatabase } from '../../../servers/mysql';
import { makeCa, makePush, TOPIC } from '../../fleet/certificate';
import { targetOf } from '../../fleet/target';
import { startFakeMysql } from '../../fleet/fake-mysql';
import { contextOf, DAY, deviceOf, FAR, NOW, resultOf, snapshotOf, SOURCE_CA, SOURCE_PUSH } from './sample';

const isMysql = !noServer && testServer().kind !== 'mariadb';
const privateKey = new Secret('server private key', 'the private key of the server, 32+');
const OTHER_TOPIC = 'com.apple.mgmt.External.99999999-2222-3333-4444-555555555555';

async function putAsset(database: TestDatabase, name: string, plain: string): Promise<void> {
  const { value, md5 } = encryptAsset(plain, privateKey);
  await database.query("DELETE FROM mdm_config_assets WHERE name = ? AND deletion_uuid = ''", [name]);
  await database.query('INSERT INTO mdm_config_assets (name, value, md5_checksum) VALUES (?, ?, ?)', [
    name,
    value,
    md5,
  ]);
}

/** A Fleet that is ready: assets, settings, hosts with agents. */
async function makeReady(database: TestDatabase): Promise<void> {
  await putAsset(database, 'ca_cert', SOURCE_CA.pem);
  await putAsset(database, 'ca_key', SOURCE_CA.keyPem);
  await putAsset(database, 'apns_cert', SOURCE_PUSH.pem);
  await putAsset(database, 'apns_key', SOURCE_PUSH.keyPem);
  await putAsset(database, 'scep_challenge', 'hunter2');
  await setSettings(database, {
    mdm: { enabled_and_configured: true, macos_migration: { enable: false } },
    host_expiry_settings: { host_expiry_enabled: false },
  });
  for (const index of [0, 1, 2]) {
    const { udid, serial } = deviceOf(index);
    await database.query(
      "INSERT INTO hosts (osquery_host_id, node_key, uuid, hardware_serial, platform, orbit_node_key) VALUES (?, ?, ?, ?, 'darwin', ?)",
      [udid, udid, udid, serial, `orbit-${index}`],
    );
  }
}

async function setSettings(database: TestDatabase, settings: unknown): Promise<void> {
  await database.query('DELETE FROM app_config_json');
  await database.query('INSERT INTO app_config_json (id, json_value) VALUES (1, ?)', [JSON.stringify(settings)]);
}

const servers: Server[] = [];
async function serveFleet(options: { ca?: Buffer; commonName?: string; healthy?: boolean }): Promise<string> {
  const server = createServer((request, response) => {
    if (request.url === '/healthz') response.statusCode = options.healthy === false ? 500 : 200;
    else if (request.url?.startsWith('/mdm/apple/scep') === true && options.ca !== undefined) {
      response.end(options.ca);
      return;
    } else if (request.url === '/api/v1/fleet/apns' && options.commonName !== undefined) {
      response.end(JSON.stringify({ common_name: options.commonName }));
      return;
    } else if (request.url !== '/healthz') response.statusCode = 404;
    response.end();
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

describe.skipIf(noServer).each(SCHEMAS)('a Fleet of %s', (name) => {
  it('in order passes everything, with the grants that are printed and no others', async () => {
    const database = await createDatabase(name);
    try {
      await makeReady(database);
      const root = await connectFleet(targetOf(database), 'read');
      const schema = await probeSchema(root);
      await root.close();
      const account = await database.createAccount([]);
      for (const sql of grantStatements(neededGrants('writer', schema), database.name, `'${account.user}'@'%'`))
        await database.query(sql);
      const connection = await connectFleet(targetOf(database, account), 'read');
      try {
        const probed = await probeSchema(connection);
        const results = await runChecks(
          contextOf(snapshotOf(), {
            fleet: { connection, schema: probed },
            privateKey,
            fleetUrl: await serveFleet({ ca: SOURCE_CA.der, commonName: `APSP:${TOPIC.slice(-36)}` }),
            fleetToken: new Secret('token', 't'),
            answers: { backup: { by: 'Ada', note: '/backups/fleet.sql' }, 'renewal-switch': { by: 'Ada', note: '' } },
          }),
        );
        const expected = isMysql ? [] : ['mysql-version'];
        expect(
          results
            .filter(({ status }) => status === 'fail' || status === 'warn')
            .map(({ id, code, sentence }) => ({ id, code, sentence }))
            .filter(({ id }) => !expected.includes(id)),
        ).toEqual([]);
        expect(results.filter(({ status }) => status === 'skipped').map(({ id }) => id)).toEqual(['staging-topic']);
        expect(JSON.stringify(results)).not.toMatch(/SECRET|PRIVATE KEY|hunter2|the private key of/);
      } finally {
        await connection.close();
      }
    } finally {
      await database.drop();
    }
  });
});

describe.skipIf(noServer)('checks of the target', () => {
  let database: TestDatabase;
  let connection: FleetConnection;

  beforeAll(async () => {
    database = await createDatabase('generation-newest');
    connection = await connectFleet(targetOf(database), 'read');
  });
  beforeEach(async () => {
    for (const table of [
      'nano_enrollment_queue',
      'nano_command_results',
      'nano_commands',
      'nano_enrollments',
      'nano_devices',
      'hosts',
      'teams',
      'mdm_config_assets',
    ]) {
      await database.query(`DELETE FROM ${table}`);
    }
    await makeReady(database);
  });
  afterAll(async () => {
    await connection.close();
    await database.drop();
  });

  const run = async (more: Partial<CheckContext> = {}, snapshot = snapshotOf()): Promise<CheckResult[]> =>
    runChecks(contextOf(snapshot, { fleet: { connection, schema: await probeSchema(connection) }, ...more }));

  it('hold apply up until Fleet is known to be the right one', async () => {
    const results = await run();
    const blocking = blockingChecks(results, []).map(({ code }) => code);
    expect(new Set(blocking)).toEqual(
      new Set(['target-identity-unproven', 'backup-unconfirmed', ...(isMysql ? [] : ['mariadb'])]),
    );
    expect(blockingChecks(results, ['target-identity-unproven', 'backup-unconfirmed', 'mariadb'])).toEqual([]);
    expect(resultOf(results, 'mysql-grants')).toMatchObject({ status: 'warn', code: 'grants-excessive' });
  });

  it('print a backup command without a password', async () => {
    const { commands } = resultOf(await run(), 'backup');
    expect(commands).toHaveLength(1);
    expect(commands?.[0]).toMatch(new RegExp(`--user=root --password ${database.name} > `));
  });

  describe('of its identity', () => {
    it.each(['private key', 'SCEP'])('prove the CA by %s', async (way) => {
      const more = way === 'SCEP' ? { fleetUrl: await serveFleet({ ca: SOURCE_CA.der }) } : { privateKey };
      const results = await run(more);
      expect(resultOf(results, 'target-ca')).toMatchObject({ status: 'pass' });
      expect(resultOf(results, 'target-topic').status).toBe(way === 'SCEP' ? 'fail' : 'pass');
    });

    it('take a CA that was re-issued with the same key', async () => {
      const reissued = makeCa(FAR + DAY);
      await putAsset(database, 'ca_cert', reissued.pem);
      const result = resultOf(await run({ privateKey, fleetUrl: await serveFleet({ ca: reissued.der }) }), 'target-ca');
      expect(result).toMatchObject({ status: 'pass' });
      expect(result.sentence).toContain('re-issued');
    });

    it('refuse another CA for good, whichever way it is seen', async () => {
      const another = makeCa(FAR, 'another');
      const byUrl = await run({ privateKey, fleetUrl: await serveFleet({ ca: another.der }) });
      expect(resultOf(byUrl, 'target-ca')).toMatchObject({
        status: 'fail',
        code: 'target-ca-differs',
        overridable: false,
      });
      expect(resultOf(byUrl, 'scep-served')).toMatchObject({ status: 'fail', code: 'scep-served-differs' });
      await putAsset(database, 'ca_cert', another.pem);
      const byKey = await run({ privateKey });
      expect(blockingChecks(byKey, ['target-ca-differs', 'target-ca']).map(({ id }) => id)).toContain('target-ca');
    });

    it('refuse another topic for good', async () => {
      await putAsset(database, 'apns_cert', makePush(OTHER_TOPIC, FAR).pem);
      expect(resultOf(await run({ privateKey }), 'target-topic')).toMatchObject({
        status: 'fail',
        code: 'target-topic-differs',
        overridable: false,
      });
      const byApi = await run({
        fleetUrl: await serveFleet({ commonName: `APSP:${OTHER_TOPIC.slice(-36)}` }),
        fleetToken: new Secret('token', 't'),
      });
      expect(resultOf(byApi, 'target-topic')).toMatchObject({ code: 'target-topic-differs' });
    });

    it('refuse a staging Fleet with production’s topic for good, and take one with its own', async () => {
      const production = await run({ privateKey, staging: true });
      expect(resultOf(production, 'staging-topic')).toMatchObject({
        status: 'fail',
        code: 'staging-topic-is-productions',
        overridable: false,
      });
      expect(resultOf(production, 'target-topic').status).toBe('skipped');
      expect(resultOf(await run({ staging: true }), 'staging-topic')).toMatchObject({
        status: 'fail',
        code: 'staging-topic-unproven',
        overridable: true,
      });
      await putAsset(database, 'apns_cert', makePush(OTHER_TOPIC, FAR).pem);
      expect(resultOf(await run({ privateKey, staging: true }), 'staging-topic').status).toBe('pass');
    });

    it('know a wrong private key', async () => {
      const results = await run({ privateKey: new Secret('k', 'another private key of 32 bytes!!') });
      expect(resultOf(results, 'private-key')).toMatchObject({
        status: 'fail',
        code: 'fleet/private-key-wrong',
        overridable: false,
      });
      expect(resultOf(results, 'target-ca')).toMatchObject({ status: 'fail', code: 'target-identity-unproven' });
      expect(resultOf(await run({ privateKey: new Secret('k', 'short') }), 'private-key').code).toBe(
        'fleet/private-key-short',
      );
    });

    it('say what a fresh Fleet needs', async () => {
      await database.query('DELETE FROM mdm_config_assets');
      const results = await run({ privateKey });
      const assets = resultOf(results, 'mdm-assets');
      expect(assets).toMatchObject({ status: 'warn', code: 'assets-absent' });
      expect(assets.remedy).toContain('FLEET_MDM_APPLE_SCEP_CERT');
      expect(resultOf(results, 'private-key').status).toBe('skipped');
      await putAsset(database, 'ca_cert', SOURCE_CA.pem);
      expect(resultOf(await run(), 'mdm-assets')).toMatchObject({
        code: 'assets-partial',
        subjects: ['ca_key', 'apns_cert', 'apns_key'],
      });
    });

    it('notice a checksum Fleet’s cache would trip over', async () => {
      await database.query("UPDATE mdm_config_assets SET md5_checksum = REPEAT(CHAR(0), 16) WHERE name = 'ca_cert'");
      expect(resultOf(await run(), 'mdm-assets')).toMatchObject({
        status: 'warn',
        code: 'assets-checksum',
        subjects: ['ca_cert'],
      });
    });

    it('go on when Fleet’s web side is out of reach', async () => {
      const results = await run({ fleetUrl: 'http://127.0.0.1:9', privateKey });
      expect(resultOf(results, 'fleet-health')).toMatchObject({
        status: 'fail',
        code: 'fleet-url/unreachable',
        overridable: true,
      });
      expect(resultOf(results, 'scep-served')).toMatchObject({ status: 'fail', code: 'fleet-url/unreachable' });
      expect(resultOf(results, 'target-ca').status).toBe('pass');
      const unhealthy = await run({ fleetUrl: await serveFleet({ healthy: false }) });
      expect(resultOf(unhealthy, 'fleet-health')).toMatchObject({ code: 'fleet-unhealthy' });
      expect(resultOf(unhealthy, 'scep-served')).toMatchObject({ code: 'fleet/scep-not-served' });
    });
  });

  describe('of its settings', () => {
    it.each([
      ['MDM off', { mdm: { enabled_and_configured: false } }, 'mdm-configured', 'warn', 'mdm-not-configured'],
      ['no MDM at all', {}, 'mdm-configured', 'warn', 'mdm-not-configured'],
      [
        'a word for a switch',
        { mdm: { enabled_and_configured: 'true' } },
        'mdm-configured',
        'warn',
        'mdm-not-configured',
      ],
      [
        'macos_migration',
        { mdm: { macos_migration: { enable: true } } },
        'macos-migration',
        'fail',
        'macos-migration-on',
      ],
      [
        'an odd macos_migration',
        { mdm: { macos_migration: { enable: { a: 1 } } } },
        'macos-migration',
        'fail',
        'macos-migration-on',
      ],
      ['null for a section', { mdm: null }, 'macos-migration', 'pass', 'macos-migration'],
      [
        'host expiry',
        { host_expiry_settings: { host_expiry_enabled: true, host_expiry_window: 30 } },
        'host-expiry',
        'warn',
        'host-expiry-on',
      ],
    ])('see %s', async (_, settings, id, status, code) => {
      await setSettings(database, settings);
      expect(resultOf(await run(), id)).toMatchObject({ status, code });
    });

    it('see a team’s host expiry', async () => {
      await database.query(
        "INSERT INTO teams (name, config) VALUES ('Sales', '{\"host_expiry_settings\": {\"host_expiry_enabled\": true}}'), ('Ops', '{\"host_expiry_settings\": {\"host_expiry_enabled\": false}}'), ('Odd', '[]'), ('None', NULL)",
      );
      expect(resultOf(await run(), 'host-expiry')).toMatchObject({ code: 'host-expiry-on', subjects: ['team Sales'] });
    });

    it.each([
      ['nothing', 'DELETE FROM app_config_json', 'fleet-settings-absent'],
      ['a list', "UPDATE app_config_json SET json_value = '[1]'", 'fleet-settings-unreadable'],
      ['a text', 'UPDATE app_config_json SET json_value = \'"x"\'', 'fleet-settings-unreadable'],
      ['null', "UPDATE app_config_json SET json_value = 'null'", 'fleet-settings-unreadable'],
      [
        'a huge one',
        "UPDATE app_config_json SET json_value = JSON_OBJECT('a', REPEAT('x', 5000000))",
        'fleet-settings-unreadable',
      ],
      [
        'a prototype',
        'UPDATE app_config_json SET json_value = \'{"__proto__": {"mdm": {"enabled_and_configured": true}}}\'',
        'mdm-not-configured',
      ],
    ])('survive %s', async (_, sql, code) => {
      await database.query(sql);
      const result = resultOf(await run(), 'mdm-configured');
      expect(result.code).toBe(code);
      expect(result.status).toBe(code === 'mdm-not-configured' ? 'warn' : 'fail');
    });

    it('survive a column that is no JSON', async () => {
      await database.query('ALTER TABLE app_config_json MODIFY json_value LONGTEXT');
      try {
        await database.query("UPDATE app_config_json SET json_value = '{broken \\\\ SECRET'");
        const result = resultOf(await run(), 'mdm-configured');
        expect(result.code).toBe('fleet-settings-unreadable');
        expect(JSON.stringify(result)).not.toContain('SECRET');
      } finally {
        await database.query("UPDATE app_config_json SET json_value = '{}'");
        await database.query('ALTER TABLE app_config_json MODIFY json_value JSON NOT NULL');
      }
    });
  });

  describe('of what Fleet holds', () => {
    const udid = (index: number): string => deviceOf(index).udid ?? '';
    const enroll = async (id: string, migrated: number): Promise<void> => {
      await database.query("INSERT INTO nano_devices (id, authenticate) VALUES (?, 'x')", [id]);
      await database.query(
        "INSERT INTO nano_enrollments (id, device_id, type, topic, push_magic, token_hex, enabled, enrolled_from_migration) VALUES (?, ?, 'Device', 't', 'm', 'aa', 1, ?)",
        [id, id, migrated],
      );
    };

    it('count devices that enrolled by themselves', async () => {
      await enroll('native', 0);
      await enroll('migrated', 1);
      const result = resultOf(await run(), 'native-enrollments');
      expect(result).toMatchObject({ status: 'warn', code: 'native-enrollments' });
      expect(result.sentence).toContain('1 enrolled device ');
    });

    it('find old commands for devices that go in, and for no others', async () => {
      await enroll(udid(0), 1);
      await enroll(udid(1), 1);
      await enroll('somebody else', 0);
      for (const [uuid, type] of [
        ['c1', 'RemoveProfile'],
        ['c2', 'ProfileList'],
        ['c3', 'DeviceLock'],
      ]) {
        await database.query(
          "INSERT INTO nano_commands (command_uuid, request_type, command) VALUES (?, ?, '<?xml ?>')",
          [uuid, type],
        );
      }
      const queue = (id: string, uuid: string, active = 1): Promise<unknown> =>
        database.query('INSERT INTO nano_enrollment_queue (id, command_uuid, active) VALUES (?, ?, ?)', [
          id,
          uuid,
          active,
        ]);
      const answer = (id: string, uuid: string, status: string): Promise<unknown> =>
        database.query(
          "INSERT INTO nano_command_results (id, command_uuid, status, result) VALUES (?, ?, ?, '<?xml ?>')",
          [id, uuid, status],
        );
      await queue('somebody else', 'c3');
      await queue(udid(0), 'c2');
      await answer(udid(0), 'c2', 'Acknowledged');
      await queue(udid(0), 'c3', 0);
      expect(resultOf(await run(), 'queue-leftovers').status).toBe('pass');
      await queue(udid(0), 'c1');
      await queue(udid(1), 'c2');
      await answer(udid(1), 'c2', 'NotNow');
      const result = resultOf(await run(), 'queue-leftovers');
      expect(result).toMatchObject({ status: 'warn', code: 'queue-leftovers', subjects: [udid(0), udid(1)] });
      expect(result.sentence).toMatch(/2 enrollments.*(RemoveProfile 1, ProfileList 1|ProfileList 1, RemoveProfile 1)/);
    });

    it('count Macs without an agent, and without a host', async () => {
      await database.query('UPDATE hosts SET orbit_node_key = NULL WHERE uuid = ?', [udid(1)]);
      await database.query('DELETE FROM hosts WHERE uuid = ?', [udid(2)]);
      const result = resultOf(await run(), 'no-agent');
      expect(result).toMatchObject({ status: 'warn', code: 'no-agent', subjects: [udid(1), udid(2)] });
      expect(result.sentence).toMatch(/^Of 3 Macs 2 have no agent in Fleet \(1 of them/);
    });

    it('find hosts that share a UDID, ours or others’', async () => {
      await database.query(
        "INSERT INTO hosts (osquery_host_id, node_key, uuid, hardware_serial, platform) VALUES ('d1', 'd1', 'D', 'E', 'darwin'), ('d2', 'd2', 'D', 'F', 'darwin')",
      );
      expect(resultOf(await run(), 'host-duplicates')).toMatchObject({
        status: 'warn',
        code: 'host-duplicates',
        subjects: ['UDID D: 2 hosts'],
      });
      await database.query(
        "INSERT INTO hosts (osquery_host_id, node_key, uuid, hardware_serial, platform) VALUES ('d3', 'd3', ?, 'G', 'darwin')",
        [udid(0)],
      );
      expect(resultOf(await run(), 'host-duplicates').subjects?.[0]).toBe(udid(0));
    });

    it('find a serial number under another UDID', async () => {
      await database.query("UPDATE hosts SET uuid = 'NEW-BOARD' WHERE uuid = ?", [udid(0)]);
      expect(resultOf(await run(), 'host-serials')).toMatchObject({
        status: 'warn',
        code: 'host-serial-elsewhere',
        subjects: [udid(0)],
      });
    });

    it('survive values as large and odd as a database can hold', async () => {
      const odd = '😀\'"\\\u0000'.repeat(50).slice(0, 250);
      await database.query(
        "INSERT INTO hosts (osquery_host_id, node_key, uuid, hardware_serial, platform) VALUES ('o1', 'o1', ?, ?, 'darwin'), ('o2', 'o2', ?, ?, 'darwin')",
        [odd, odd, odd, odd],
      );
      await database.query('INSERT INTO teams (name) VALUES (?)', [odd]);
      const results = await run();
      expect(resultOf(results, 'host-duplicates').subjects?.every((subject) => subject.length < 120)).toBe(true);
    });
  });

  describe('of the server', () => {
    it('see triggers', async () => {
      await database.query('CREATE TRIGGER spy AFTER INSERT ON nano_devices FOR EACH ROW SET @x = 1');
      try {
        expect(resultOf(await run(), 'triggers')).toMatchObject({
          status: 'fail',
          code: 'triggers-present',
          overridable: true,
          subjects: ['nano_devices.spy AFTER INSERT'],
        });
      } finally {
        await database.query('DROP TRIGGER spy');
      }
    });

    it('see columns that are new', async () => {
      await database.query('ALTER TABLE nano_users ADD COLUMN brand_new INT NULL');
      try {
        expect(resultOf(await run(), 'schema')).toMatchObject({
          status: 'warn',
          code: 'schema-unknown-columns',
          subjects: ['nano_users.brand_new'],
        });
      } finally {
        await database.query('ALTER TABLE nano_users DROP COLUMN brand_new');
      }
    });

    it.skipIf(!isMysql)('print the grants that are missing, and mind what cannot be asked', async () => {
      const account = await database.createAccount([
        'SELECT ON nano_devices',
        'SELECT ON nano_users',
        'SELECT ON nano_enrollments',
        'SELECT ON nano_cert_auth_associations',
        'SELECT ON nano_seen_times',
        'SELECT ON hosts',
      ]);
      const limited = await connectFleet(targetOf(database, account), 'read');
      try {
        const results = await run({ fleet: { connection: limited, schema: await probeSchema(limited) } });
        const grants = resultOf(results, 'mysql-grants');
        expect(grants).toMatchObject({ status: 'fail', code: 'grants-missing', overridable: true });
        expect(grants.commands).toContain(
          `GRANT INSERT, UPDATE, DELETE ON \`${database.name}\`.\`nano_devices\` TO '${account.user}'@'%';`,
        );
        expect(resultOf(results, 'mdm-configured')).toMatchObject({
          status: 'fail',
          code: 'fleet/permission',
          overridable: true,
        });
        expect(resultOf(results, 'mdm-assets')).toMatchObject({ code: 'assets-table-missing' });
        expect(resultOf(results, 'mysql-primary').status).toBe('pass');
        expect(resultOf(results, 'no-agent').status).toBe('pass');
      } finally {
        await limited.close();
      }
    });

    it('ask a reader’s account for less', async () => {
      const schema = await probeSchema(connection);
      const account = await database.createAccount([]);
      for (const sql of grantStatements(neededGrants('reader', schema), database.name, `'${account.user}'@'%'`))
        await database.query(sql);
      const reader = await connectFleet(targetOf(database, account), 'read');
      try {
        const fleet = { connection: reader, schema: await probeSchema(reader) };
        if (isMysql) {
          expect(resultOf(await run({ fleet, accountRole: 'reader' }), 'mysql-grants').status).toBe('pass');
          expect(resultOf(await run({ fleet }), 'mysql-grants').status).toBe('fail');
        }
      } finally {
        await reader.close();
      }
    });

    it('end with a failure when the session ends', async () => {
      const other = await connectFleet(targetOf(database), 'read');
      const schema = await probeSchema(other);
      other.destroy();
      await expect(run({ fleet: { connection: other, schema } })).rejects.toMatchObject({
        failure: { code: 'fleet/connection-lost' },
      });
    });
  });
});

describe.skipIf(noServer)('a server’s state', () => {
  it.each([
    ['a replica that takes writes', { version: '8.4.0' }, 'mysql-primary', 'warn', 'mysql-replica'],
    ['a read-only one', { version: '8.4.0', readOnly: true }, 'mysql-primary', 'fail', 'mysql-read-only'],
  ] as const)('is told of %s', async (_, options, id, status, code) => {
    const fake = await startFakeMysql({
      ...options,
      answer: (sql) =>
        sql.startsWith('SHOW REPLICA') || sql.startsWith('SHOW SLAVE') ? [{ Source_Host: 'primary' }] : undefined,
    });
    const real = await createDatabase('generation-469');
    const probing = await connectFleet(targetOf(real), 'read');
    const schema = await probeSchema(probing);
    await probing.close();
    await real.drop();
    const connection = await connectFleet(fake.target, 'read');
    try {
      const results = await runChecks(contextOf(snapshotOf(), { fleet: { connection, schema } }));
      expect(resultOf(results, id)).toMatchObject({ status, code });
      expect(NOW).toBeGreaterThan(0);
    } finally {
      await connection.close();
      await fake.close();
    }
  });
});
