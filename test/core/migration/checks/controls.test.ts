/** Checks of enforced updates and of disk encryption, against real MySQL. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectFleet } from '../../../../src/core/fleet/connection';
import { probeSchema } from '../../../../src/core/fleet/probe';
import { runChecks, type CheckResult } from '../../../../src/core/migration/checks';
import { Secret } from '../../../../src/core/secret';
import { createDatabase, noServer, type TestDatabase } from '../../../servers/mysql';
import { targetOf } from '../../fleet/target';
import { contextOf, deviceOf, NOW, resultOf, snapshotOf } from './sample';

const escrow = {
  identifier: 'com.example.vault',
  displayName: 'Vault',
  signed: false,
  body: new Secret('profile', 'x'),
  payloadTypes: ['com.apple.security.FDERecoveryKeyEscrow'],
};

describe.skipIf(noServer)('what Fleet does at the first contact', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase('generation-469');
    await database.query(
      "INSERT INTO hosts (id, osquery_host_id, node_key, uuid, hardware_serial, platform) VALUES (1, 'o', 'n', ?, 'S', 'darwin')",
      [deviceOf(0).udid],
    );
    await database.query(
      "INSERT INTO host_disk_encryption_keys (host_id, base64_encrypted, decryptable) VALUES (1, 'k', 1)",
    );
  });
  afterAll(() => database.drop());

  async function checked(settings: unknown, teams: Record<string, unknown> = {}): Promise<CheckResult[]> {
    await database.query('DELETE FROM app_config_json');
    await database.query('INSERT INTO app_config_json (id, json_value) VALUES (1, ?)', [JSON.stringify(settings)]);
    await database.query('DELETE FROM teams');
    for (const [name, config] of Object.entries(teams))
      await database.query('INSERT INTO teams (name, config) VALUES (?, ?)', [name, JSON.stringify(config)]);
    const connection = await connectFleet(targetOf(database), 'read');
    try {
      const fleet = { connection, schema: await probeSchema(connection) };
      return await runChecks({
        ...contextOf(snapshotOf({ devices: [0, 1, 2].map((at) => deviceOf(at, { osVersion: `14.${at}` })) })),
        fleet,
      });
    } finally {
      await connection.close();
    }
  }
  const updates = (version: string, deadline: string): object => ({
    mdm: { macos_updates: { minimum_version: version, deadline } },
  });
  const day = (offset: number): string => new Date(NOW + offset * 86_400_000).toISOString().slice(0, 10);

  it('passes without enforced updates, and with a deadline to come', async () => {
    expect(resultOf(await checked({}), 'os-updates').status).toBe('pass');
    expect(resultOf(await checked(updates('15.1', day(10))), 'os-updates').status).toBe('pass');
    expect(resultOf(await checked(updates('', day(-10))), 'os-updates').status).toBe('pass');
  });

  it('warns of a deadline that is past, globally or in a team, and counts who may be below', async () => {
    const found = resultOf(await checked(updates('14.2', day(-3))), 'os-updates');
    expect(found).toMatchObject({ status: 'warn', code: 'os-update-overdue' });
    expect(found.subjects).toEqual([deviceOf(0).udid, deviceOf(1).udid]);
    const team = resultOf(
      await checked({}, { Workstations: updates('99.0', day(-1)), Others: updates('1.0', day(9)) }),
      'os-updates',
    );
    expect(team.sentence).toContain('team Workstations');
    expect(team.sentence).not.toContain('Others');
    expect(team.subjects).toHaveLength(3);
    // A deadline that is no date is taken for one that is past.
    expect(resultOf(await checked(updates('99', 'soon')), 'os-updates').status).toBe('warn');
  });

  it('tells of escrow at the source, and of keys in Fleet', async () => {
    expect(resultOf(await checked({}), 'disk-encryption')).toMatchObject({ status: 'pass' });
    expect(resultOf(await checked({}), 'disk-encryption').sentence).toContain('the recovery key of 1 of 3 Macs');
  });
});

describe('disk encryption without Fleet', () => {
  it('is warned of by the profiles of the source', async () => {
    const results = await runChecks(contextOf(snapshotOf({ devices: [deviceOf(0)], profiles: [escrow] })));
    expect(resultOf(results, 'disk-encryption')).toMatchObject({
      status: 'warn',
      code: 'disk-encryption-profile',
      subjects: ['com.example.vault'],
    });
  });
});
