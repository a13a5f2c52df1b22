/** What NanoMDM's database tells of commands: against the manifest, and with profiles sent as NanoMDM stores them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Secret } from '../../../../src/core/secret';
import { parseSource, readCommandResults, readProfileCommands } from '../../../../src/core/sources';
import { ABSENT, loadMySqlStore, plainFile, unpackStore } from '../../../nanomdm-stores';
import { createDatabase, noServer, testServer, type TestDatabase } from '../../../servers/mysql';
import { byDeviceAndUuid, commandTruth, DEVICES, installation, profilePayload, removalPayload } from './command-truth';
import { AT } from './manifest';

describe.skipIf(ABSENT !== '')(`NanoMDM’s commands in folders${ABSENT}`, () => {
  it.each([
    ['file', 'db'],
    ['filekv', 'dbkv'],
  ] as const)('%s says of every command what the manifest says', async (name, inside) => {
    const folder = unpackStore(name);
    try {
      const reference = parseSource(`nanomdm:${join(folder, inside)}`);
      const expected = commandTruth().filter(({ state }) => name === 'file' || state !== 'dropped');
      const found = await readCommandResults(
        reference,
        { at: AT },
        commandTruth().map(({ uuid }) => uuid),
      );
      expect([...(found ?? [])].sort(byDeviceAndUuid)).toEqual(expected);
      // A profile that a device took: put there as the store itself would.
      const [first] = DEVICES;
      const uuid = 'b0000000-0000-4000-8000-000000000001';
      const write = (path: string, content: string): void => {
        mkdirSync(dirname(join(folder, inside, path)), { recursive: true });
        writeFileSync(join(folder, inside, path), content);
      };
      const sent = installation(uuid, profilePayload('com.example.dock', 'Dock'));
      const answer =
        '<?xml version="1.0"?><plist version="1.0"><dict><key>Status</key><string>Acknowledged</string></dict></plist>';
      if (name === 'file') {
        write(`${first}/QueueDone/${uuid}.plist`, sent);
        write(`${first}/QueueDone/${uuid}.result.plist`, answer);
      } else {
        write(`queue/b0/00/${uuid}.raw`, sent);
        write(`queue/b0/00/${uuid}.req_type`, 'InstallProfile');
        write(`queue/2F/BF/${first}.${uuid}.queueitem.status`, 'Acknowledged');
        // A list that leads in circles.
        write(`queue/2F/BF/${first}.queuekey.queue.first`, uuid);
        write(`queue/2F/BF/${first}.${uuid}.queueitem.next`, uuid);
      }
      const { profiles = [] } = (await readProfileCommands(reference, { at: AT })) ?? {};
      expect(profiles.map(({ identifier, installedOn }) => [identifier, [...installedOn]])).toEqual([
        ['com.example.dock', [first]],
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe.skipIf(noServer || ABSENT !== '')(`NanoMDM’s commands on MySQL${ABSENT}`, () => {
  let folder: string;
  let database: TestDatabase;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'slipway-nanomdm-commands-'));
    database = await createDatabase('empty');
    await loadMySqlStore(database, plainFile('mysql.sql', folder));
  });
  afterAll(async () => {
    await database.drop();
    rmSync(folder, { recursive: true });
  });
  const reference = () => parseSource(`nanomdm:${database.url}`);
  const options = () => ({ at: AT, password: new Secret('password', testServer().password) });

  it('says of every command what the manifest says', async () => {
    const expected = commandTruth();
    expect(expected).toHaveLength(14);
    const asked = [...new Set(expected.map(({ uuid }) => uuid)), 'no uuid', "'; DROP TABLE x"];
    const found = await readCommandResults(reference(), options(), asked);
    expect([...(found ?? [])].sort(byDeviceAndUuid)).toEqual(expected);
    expect(await readProfileCommands(reference(), options())).toEqual({
      profiles: [],
      hasHistory: true,
      unreadable: 0,
    });
  });

  it('knows which profiles devices took, refused, still wait for, and gave back', async () => {
    const [first, second, third] = DEVICES;
    let count = 0;
    const queue = async (
      inner: string,
      type: string,
      to: readonly (readonly [id: string, status: string | null, active?: 0 | 1])[],
    ): Promise<void> => {
      count += 1;
      const uuid = `A0000000-0000-4000-8000-${String(count).padStart(12, '0')}`;
      const at = `2026-11-24 03:00:${String(count).padStart(2, '0')}`;
      await database.query('INSERT INTO commands (command_uuid, request_type, command) VALUES (?, ?, ?)', [
        uuid,
        type,
        installation(uuid, inner),
      ]);
      for (const [id, status, active = 1] of to) {
        await database.query(
          'INSERT INTO enrollment_queue (id, command_uuid, active, created_at) VALUES (?, ?, ?, ?)',
          [id, uuid, active, at],
        );
        if (status !== null)
          await database.query(
            "INSERT INTO command_results (id, command_uuid, status, result, updated_at) VALUES (?, ?, ?, '<?xml', ?)",
            [id, uuid, status, at],
          );
      }
    };
    await queue(profilePayload('com.example.dock', 'Dock'), 'InstallProfile', [
      [first, 'Acknowledged'],
      // MySQL takes ids that differ in case for the same.
      [second.toLowerCase(), 'Acknowledged'],
      [third, 'Error'],
    ]);
    await queue(profilePayload('com.example.dock', 'Dock 2'), 'InstallProfile', [
      [second, 'NotNow'],
      [third, null],
    ]);
    await queue(profilePayload('com.example.gone', 'Gone'), 'InstallProfile', [[first, 'Acknowledged']]);
    await queue(removalPayload('com.example.gone'), 'RemoveProfile', [[first, 'Acknowledged']]);
    await queue(removalPayload('com.example.dock'), 'RemoveProfile', [[first, null]]);
    await queue(profilePayload('com.example.cleared', 'Cleared'), 'InstallProfile', [[first, null, 0]]);
    await queue('<key>RequestType</key><string>InstallProfile</string>', 'InstallProfile', [[first, 'Error']]);
    const found = await readProfileCommands(reference(), options());
    expect(found).toMatchObject({ hasHistory: true, unreadable: 1 });
    expect(found?.profiles.map(({ body: _body, ...rest }) => rest)).toEqual([
      {
        identifier: 'com.example.dock',
        displayName: 'Dock 2',
        signed: false,
        payloadTypes: ['com.apple.dock'],
        installedOn: new Set([first, second]),
        waitingFor: new Set([second, third]),
        leaving: new Set([first]),
        versions: 2,
      },
      {
        identifier: 'com.example.gone',
        displayName: 'Gone',
        signed: false,
        payloadTypes: ['com.apple.dock'],
        installedOn: new Set(),
        waitingFor: new Set(),
        leaving: new Set(),
        versions: 1,
      },
    ]);
    expect(found?.profiles[0]?.body.revealText()).toContain('Dock 2');
  });
});
