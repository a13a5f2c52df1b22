import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectFleet, type FleetConnection } from '../../../src/core/fleet/connection';
import { findHostDuplicates, findTeam, readHosts, readTeams } from '../../../src/core/fleet/hosts';
import { createDatabase, noServer, type TestDatabase } from '../../servers/mysql';
import { failureOf, targetOf } from './target';

describe.skipIf(noServer)('hosts', () => {
  let database: TestDatabase;
  let connection: FleetConnection;

  beforeAll(async () => {
    database = await createDatabase('generation-newest');
    await database.query("INSERT INTO teams (id, name) VALUES (3, 'Sales')");
    const long = 'X'.repeat(255);
    await database.query(
      `INSERT INTO hosts (id, uuid, hardware_serial, team_id, platform, orbit_node_key) VALUES
       (1, 'AAAA', 'S1', 3, 'darwin', 'k1'), (2, 'aaaa', 'S2', NULL, 'darwin', NULL), (3, 'BBBB', 's1', NULL, 'ios', NULL),
       (4, 'CCCC', '', NULL, 'ubuntu', 'k4'), (5, '', 'S5', NULL, 'darwin', NULL), (6, '', 'S6', NULL, 'darwin', NULL),
       (7, ?, ?, NULL, 'darwin', NULL), (8, 'DDDD', 'S8', NULL, 'ubuntu', NULL), (9, 'DDDD', 'S8', NULL, 'ubuntu', NULL)`,
      [long, long],
    );
    connection = await connectFleet(targetOf(database), 'read');
  });
  afterAll(async () => {
    await connection.close();
    await database.drop();
  });

  it('are found by UDID and by serial, every one of them', async () => {
    const hosts = await readHosts(connection, [
      { udid: 'aaaa', serial: 'S1' },
      { udid: 'CCCC', serial: null },
      { udid: null, serial: 'S5' },
      { udid: 'ZZZZ', serial: '' },
      { udid: "'; --", serial: '\\' },
    ]);
    expect(hosts.size).toBe(5);
    expect(hosts.withUdid('AAAA').map(({ id }) => id)).toEqual([1, 2]);
    expect(hosts.withSerial('S1').map(({ id }) => id)).toEqual([1, 3]);
    expect(hosts.withUdid('AAAA')[0]).toEqual({
      id: 1,
      uuid: 'AAAA',
      serial: 'S1',
      teamId: 3,
      platform: 'darwin',
      hasAgent: true,
    });
    expect(hosts.hasAgent('aaaa')).toBe(true);
    expect(hosts.hasAgent('BBBB')).toBe(false);
    expect(hosts.hasAgent('ZZZZ')).toBe(false);
    // Empty values match nothing, though many hosts have them.
    expect(hosts.withUdid('')).toEqual([]);
    expect(hosts.withSerial('')).toEqual([]);
  });

  it('are read in batches', async () => {
    const many = Array.from({ length: 4_999 }, (_, index) => ({ udid: `U${index}`, serial: `N${index}` }));
    const hosts = await readHosts(connection, [...many, { udid: 'X'.repeat(255), serial: null }]);
    expect(hosts.size).toBe(1);
    expect((await readHosts(connection, [])).size).toBe(0);
  });

  it('that share a UDID or serial are found, Apple’s alone', async () => {
    expect(await findHostDuplicates(connection)).toEqual([
      { column: 'uuid', value: expect.stringMatching(/^aaaa$/i) as string, count: 2 },
      { column: 'hardware_serial', value: expect.stringMatching(/^s1$/i) as string, count: 2 },
    ]);
    expect(await findHostDuplicates(connection, 0)).toEqual([]);
  });

  it('have teams', async () => {
    const teams = await readTeams(connection);
    expect(teams).toEqual([{ id: 3, name: 'Sales' }]);
    expect(findTeam(teams, 'Sales').id).toBe(3);
    expect(findTeam(teams, ' sales ').id).toBe(3);
    expect(findTeam(teams, '3').id).toBe(3);
    expect(findTeam([{ id: 1, name: '3' }, ...teams], '3').id).toBe(1);
    expect(await failureOf(() => findTeam(teams, 'x'))).toMatchObject({ code: 'fleet/unknown-team' });
    expect(
      await failureOf(() =>
        findTeam(
          [
            { id: 1, name: 'A' },
            { id: 2, name: 'a' },
          ],
          'ａ',
        ),
      ),
    ).toMatchObject({ code: 'fleet/unknown-team' });
    expect(
      findTeam(
        [
          { id: 1, name: 'A' },
          { id: 2, name: 'a' },
        ],
        'a',
      ).id,
    ).toBe(2);
    expect(
      await failureOf(() =>
        findTeam(
          [
            { id: 1, name: 'AB' },
            { id: 2, name: 'ab' },
          ],
          'Ab',
        ),
      ),
    ).toMatchObject({ code: 'fleet/ambiguous-team' });
  });
});
