/** NanoMDM on a real PostgreSQL, against what the makers of its databases wrote down. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Secret } from '../../../../src/core/secret';
import {
  parseSource,
  readCommandResults,
  readProfileCommands,
  readSource,
  withCompanions,
} from '../../../../src/core/sources';
import { ABSENT, plainFile, unpackStore } from '../../../nanomdm-stores';
import { createPostgresDatabase, postgresServer, type PostgresDatabase } from '../../../servers/postgres';
import { byUdid, contractOf, insideOf } from './as-read';
import { byDeviceAndUuid, commandTruth, DEVICES, installation, profilePayload } from './command-truth';
import { AT, devicesOf, readManifest, secretsOf, type Manifest } from './manifest';

const server = ABSENT === '' ? await postgresServer() : { missing: ABSENT };

describe.skipIf('missing' in server)(
  `NanoMDM on PostgreSQL${'missing' in server ? ` (skipped: ${server.missing})` : ''}`,
  () => {
    let folder: string;
    let depot: string;
    let database: PostgresDatabase;
    beforeAll(async () => {
      if ('missing' in server) return;
      folder = mkdtempSync(join(tmpdir(), 'slipway-nanomdm-postgres-'));
      depot = unpackStore('scep-depot');
      database = await createPostgresDatabase(server, plainFile('postgres.sql', folder));
    });
    afterAll(async () => {
      if ('missing' in server) return;
      await database.drop();
      await server.stop();
      for (const path of [folder, depot]) rmSync(path, { recursive: true });
    });
    const options = {
      at: AT,
      password: new Secret('password', 'missing' in server ? '' : server.password),
      keyPassphrase: new Secret('passphrase', 'nm-capass'),
    };

    it('agrees with its manifest in every field', async () => {
      const text = withCompanions(`nanomdm:${database.url}`, { 'scep-depot': join(depot, 'depot') });
      const snapshot = await readSource(parseSource(text), options);
      const manifest = readManifest('manifest.json');
      expect(Object.fromEntries(byUdid(snapshot, contractOf))).toEqual(
        Object.fromEntries(devicesOf(manifest, 'postgres', true)),
      );
      expect(Object.fromEntries(byUdid(snapshot, insideOf))).toEqual(
        Object.fromEntries(secretsOf(manifest, 'postgres')),
      );
      expect(snapshot.push).toMatchObject({ topic: manifest.topic_current, keyMatches: true });
      expect(snapshot.devices.map(({ lastSeen }) => lastSeen).filter((seen) => seen !== null).length).toBeGreaterThan(
        40,
      );
    });

    it('says of every command what the manifest says, and which profiles devices took', async () => {
      const reference = parseSource(`nanomdm:${database.url}`);
      const expected = commandTruth();
      expect(expected).toHaveLength(14);
      const asked = [...new Set(expected.map(({ uuid }) => uuid)), 'no uuid', "'; DROP TABLE x"];
      const found = await readCommandResults(reference, options, asked);
      expect([...(found ?? [])].sort(byDeviceAndUuid)).toEqual(expected);
      expect(await readProfileCommands(reference, options)).toEqual({ profiles: [], hasHistory: true, unreadable: 0 });
      const [first, second] = DEVICES;
      const uuid = 'A0000000-0000-4000-8000-000000000001';
      const sent = installation(uuid, profilePayload('com.example.dock', 'Dock')).replaceAll("'", "''");
      await database.query(
        `INSERT INTO commands (command_uuid, request_type, command) VALUES ('${uuid}', 'InstallProfile', '${sent}')`,
      );
      for (const id of [first, second])
        await database.query(`INSERT INTO enrollment_queue (id, command_uuid) VALUES ('${id}', '${uuid}')`);
      await database.query(
        `INSERT INTO command_results (id, command_uuid, status, result) VALUES ('${first}', '${uuid}', 'Acknowledged', '<?xml')`,
      );
      const told = await readProfileCommands(reference, options);
      expect(told?.profiles.map(({ body: _body, ...rest }) => rest)).toEqual([
        {
          identifier: 'com.example.dock',
          displayName: 'Dock',
          signed: false,
          payloadTypes: ['com.apple.dock'],
          installedOn: new Set([first]),
          waitingFor: new Set([second]),
          leaving: new Set(),
          versions: 1,
        },
      ]);
      expect(told?.profiles[0]?.body.revealText()).toContain('Dock');
    });

    it('agrees with the manifest of 5,000 devices in every field', async () => {
      if ('missing' in server) return;
      const crowd = await createPostgresDatabase(server, plainFile('postgres-5000.sql.zst', folder));
      try {
        const snapshot = await readSource(parseSource(`nanomdm:${crowd.url}`), options);
        const manifest = JSON.parse(readFileSync(plainFile('manifest-5000.json.zst', folder), 'utf8')) as Manifest;
        expect(Object.fromEntries(byUdid(snapshot, contractOf))).toEqual(
          Object.fromEntries(devicesOf(manifest, 'postgres', false)),
        );
        expect(Object.fromEntries(byUdid(snapshot, insideOf))).toEqual(
          Object.fromEntries(secretsOf(manifest, 'postgres')),
        );
      } finally {
        await crowd.drop();
      }
    });

    it('tells a wrong password from a wrong database', async () => {
      const reading = (url: string, password: string): Promise<unknown> =>
        readSource(parseSource(`nanomdm:${url}`), { ...options, password: new Secret('password', password) });
      await expect(reading(database.url, 'wrong')).rejects.toMatchObject({
        failure: { code: 'database/access-denied' },
      });
      const elsewhere = database.url.replace(/[^/]+$/, 'nowhere');
      await expect(reading(elsewhere, options.password.revealText())).rejects.toMatchObject({
        failure: { code: 'database/unknown-database' },
      });
      const other = database.url.replace(/[^/]+$/, 'postgres');
      await expect(reading(other, options.password.revealText())).rejects.toMatchObject({
        failure: { code: 'nanomdm/not-nanomdm' },
      });
    });
  },
);
