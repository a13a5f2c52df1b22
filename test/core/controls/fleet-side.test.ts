/** Fleet's side of the comparison, over real MySQL and all generations of its schema, and over its API. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { fleetSideOfApi, fleetSideOfDatabase, missingControlsGrants } from '../../../src/core/controls/fleet-side';
import { FleetApi } from '../../../src/core/fleet/api-client';
import { connectFleet } from '../../../src/core/fleet/connection';
import { ownerOfSecret, readEnrollSecrets } from '../../../src/core/fleet/enroll-secrets';
import { readEscrowedKeys } from '../../../src/core/fleet/profiles';
import { Secret } from '../../../src/core/secret';
import { createDatabase, hasSchema, noServer, type FleetSchema, type TestDatabase } from '../../servers/mysql';
import { failureOf, targetOf } from '../fleet/target';
import { mobileconfig, payload } from './profiles';

/** The oldest without scopes, the newest, and a whole schema of Fleet's own where it is at hand: only that has declarations. */
const SCHEMAS = (['generation-462', 'generation-newest', 'fleet-4.69'] as const satisfies FleetSchema[]).filter(
  hasSchema,
);
const body = (identifier: string): Buffer => mobileconfig(identifier, [payload('com.apple.dock', 'd')]);

describe.skipIf(noServer).each(SCHEMAS)('in the database %s', (schema) => {
  let database: TestDatabase;
  afterEach(() => database.drop());

  it('finds a team’s profiles, declarations, secrets and keys', async () => {
    database = await createDatabase(schema);
    await database.query("INSERT INTO teams (id, name, config) VALUES (7, 'Workstations', '{}')");
    const put = async (team: number, identifier: string, more: { scope?: string } = {}): Promise<void> => {
      const xml = body(identifier);
      await database.query(
        `INSERT INTO mdm_apple_configuration_profiles (team_id, identifier, name, mobileconfig, checksum, profile_uuid${more.scope === undefined ? '' : ', scope'}) VALUES (?, ?, ?, ?, ?, ?${more.scope === undefined ? '' : ', ?'})`,
        [
          team,
          identifier,
          `Name ${identifier}`,
          xml,
          createHash('md5').update(xml).digest(),
          `a${team}-${identifier}`,
          ...(more.scope === undefined ? [] : [more.scope]),
        ],
      );
    };
    const [scoped] = await database.query<{ n: number }>(
      "SELECT COUNT(*) AS n FROM information_schema.columns WHERE table_schema = ? AND table_name = 'mdm_apple_configuration_profiles' AND column_name = 'scope'",
      [database.name],
    );
    const hasScope = Number(scoped?.n) > 0;
    await put(0, 'no.team');
    await put(7, 'b.team', hasScope ? { scope: 'User' } : {});
    await put(7, 'a.team');
    const [declared] = await database.query<{ n: number }>(
      "SELECT COUNT(*) AS n FROM information_schema.tables WHERE table_schema = ? AND table_name = 'mdm_apple_declarations'",
      [database.name],
    );
    const hasDeclarations = Number(declared?.n) > 0;
    if (hasDeclarations && schema === 'fleet-4.69')
      await database.query(
        "INSERT INTO mdm_apple_declarations (declaration_uuid, team_id, identifier, name, raw_json) VALUES ('d1', 7, 'c.declaration', 'Declared', '{}')",
      );
    await database.query("INSERT INTO enroll_secrets (secret, team_id) VALUES ('of the team', 7), ('global', NULL)");
    await database.query(
      "INSERT INTO hosts (id, osquery_host_id, node_key, uuid, hardware_serial, platform) VALUES (1, 'o', 'n', 'UDID-1', 'SERIAL', 'darwin')",
    );
    await database.query(
      "INSERT INTO host_disk_encryption_keys (host_id, base64_encrypted, decryptable) VALUES (1, 'abc', 1)",
    );
    const account = await database.createAccount(['SELECT ON *']);
    const connection = await connectFleet(targetOf(database, account), 'read');
    try {
      const side = await fleetSideOfDatabase(connection, 'workstations');
      expect(side.team).toEqual({ id: 7, name: 'Workstations' });
      expect(side.profiles.map(({ identifier, kind, scope }) => [identifier, kind, scope])).toEqual([
        ['a.team', 'profile', hasScope ? 'System' : null],
        ['b.team', 'profile', hasScope ? 'User' : null],
        ...(schema === 'fleet-4.69' ? [['c.declaration', 'declaration', hasScope ? 'System' : null]] : []),
      ]);
      expect(side.profiles[0]?.body?.revealText()).toContain('<string>a.team</string>');
      const none = await fleetSideOfDatabase(connection, null);
      expect(none.profiles.map(({ identifier }) => identifier)).toEqual(['no.team']);
      expect((await failureOf(() => fleetSideOfDatabase(connection, 'nobody'))).code).toBe('fleet/unknown-team');
      const secrets = await readEnrollSecrets(connection);
      expect(ownerOfSecret(secrets, new Secret('s', 'of the team\n'))).toMatchObject({
        teamId: 7,
        teamName: 'Workstations',
      });
      expect(ownerOfSecret(secrets, new Secret('s', 'OF THE TEAM'))).toBeNull();
      expect(await readEscrowedKeys(connection)).toEqual([{ uuid: 'UDID-1', serial: 'SERIAL', decryptable: true }]);
      expect(await missingControlsGrants(connection)).toEqual([]);
    } finally {
      await connection.close();
    }
    const poor = await database.createAccount(['SELECT ON hosts']);
    const narrow = await connectFleet(targetOf(database, poor), 'read');
    try {
      const lacking = await missingControlsGrants(narrow);
      expect(lacking.some((one) => one.includes('`mdm_apple_configuration_profiles`'))).toBe(true);
      expect(lacking.some((one) => one.includes('.`hosts`'))).toBe(false);
    } finally {
      await narrow.close();
    }
  });
});

describe('by the API', () => {
  it('lists page by page, fetches each file, and says what is wrong', async () => {
    const names = Array.from({ length: 130 }, (_, at) => `profile.${String(at).padStart(3, '0')}`);
    let alone = false;
    const server = createServer((request, response) => {
      const url = new URL(request.url ?? '', 'http://x');
      const say = (status: number, value: unknown): void => {
        response.statusCode = status;
        response.end(Buffer.isBuffer(value) ? value : JSON.stringify(value));
      };
      if (request.headers.authorization !== 'Bearer token') {
        say(401, {});
        return;
      }
      if (url.pathname === '/api/v1/fleet/teams') {
        say(200, { teams: [{ id: 7, name: 'Workstations' }] });
        return;
      }
      // The name of older releases only.
      if (url.pathname === '/api/v1/fleet/configuration_profiles' && alone) {
        say(404, {});
        return;
      }
      const list = ['/api/v1/fleet/configuration_profiles', '/api/v1/fleet/mdm/profiles'].includes(url.pathname);
      if (list) {
        const page = Number(url.searchParams.get('page'));
        expect(url.searchParams.get('team_id')).toBe('7');
        const here = names.slice(page * 100, page * 100 + 100);
        say(200, {
          meta: { has_next_results: page === 0 },
          profiles: [
            ...here.map((identifier) => ({
              profile_uuid: `a${identifier}`,
              identifier,
              name: identifier,
              scope: 'User',
              labels_include_any: [{ name: 'some' }],
            })),
            ...(page === 1
              ? [
                  { profile_uuid: 'dx', identifier: 'declared', name: 'd' },
                  { profile_uuid: 'wx', name: 'windows' },
                ]
              : []),
          ],
        });
        return;
      }
      const uuid = /\/(?:configuration_profiles|mdm\/profiles)\/a(.+)$/.exec(url.pathname)?.[1];
      if (uuid !== undefined && url.searchParams.get('alt') === 'media') {
        say(200, body(uuid));
        return;
      }
      say(404, {});
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const place = { url: `http://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}`, caFile: null };
    const token = new Secret('token', 'token');
    try {
      for (const older of [false, true]) {
        alone = older;
        const side = await fleetSideOfApi(new FleetApi(place, token), token, 'Workstations');
        expect(side.profiles.filter(({ kind }) => kind === 'profile').map(({ identifier }) => identifier)).toEqual(
          names,
        );
        expect(side.profiles.find(({ kind }) => kind === 'declaration')?.identifier).toBe('declared');
        expect(side.profiles[0]).toMatchObject({ scope: 'User', labels: ['some'] });
        expect(side.profiles[129]?.body?.revealText()).toContain('profile.129');
      }
      const wrong = new Secret('token', 'wrong');
      expect((await failureOf(() => fleetSideOfApi(new FleetApi(place, wrong), wrong, null))).code).toBe(
        'fleet/api-unauthorized',
      );
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
