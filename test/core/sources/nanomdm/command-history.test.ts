/** What NanoMDM's database tells of commands: against the manifest, and with profiles sent as NanoMDM stores them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Secret } from '../../../../src/core/secret';
import { parseSource, readCommandResults, readProfileCommands } from '../../../../src/core/sources';
import { ABSENT, loadMySqlStore, plainFile, unpackStore } from '../../../nanomdm-stores';
import { createDatabase, noServer, testServer, type TestDatabase } from '../../../servers/mysql';
import { sharedJson } from '../../../shared-data';
import { AT } from './manifest';

interface Truth {
  readonly enrollment_id: string;
  readonly commands?: readonly { command_uuid: string; request_type: string; status: string; active: boolean }[];
}

const DEVICES = [
  '2FBF3BB1-0BDD-4933-92FB-EC9531ABB0B2',
  '7E0B0394-9B53-4B00-89EF-B894884C1DF4',
  '0F911D7A-9633-4FC0-91E1-69DD3C26A892',
] as const;

/** A command as NanoMDM stores it. */
function command(uuid: string, inner: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<plist version="1.0"><dict><key>Command</key><dict>${inner}</dict><key>CommandUUID</key><string>${uuid}</string></dict></plist>`;
}
function profile(identifier: string, name: string): string {
  const body = `<?xml version="1.0"?><plist version="1.0"><dict><key>PayloadType</key><string>Configuration</string><key>PayloadIdentifier</key><string>${identifier}</string><key>PayloadDisplayName</key><string>${name}</string><key>PayloadContent</key><array><dict><key>PayloadType</key><string>com.apple.dock</string></dict></array></dict></plist>`;
  return `<key>Payload</key><data>${Buffer.from(body).toString('base64')}</data><key>RequestType</key><string>InstallProfile</string>`;
}
const removal = (identifier: string): string =>
  `<key>Identifier</key><string>${identifier}</string><key>RequestType</key><string>RemoveProfile</string>`;

const byIds = (a: { udid: string; uuid: string }, b: { udid: string; uuid: string }): number =>
  a.udid + a.uuid < b.udid + b.uuid ? -1 : 1;

/** What the manifest says of every command; the file stores forget those that were dropped, or only they do. */
function truth(): { udid: string; uuid: string; state: string }[] {
  const { enrollments } = sharedJson('nanomdm', 'manifest.json') as { enrollments: readonly Truth[] };
  return enrollments
    .flatMap(({ enrollment_id: udid, commands = [] }) =>
      commands.map(({ command_uuid: uuid, status, active }) => ({
        udid,
        uuid,
        state: !active ? 'dropped' : ({ '': 'waiting', NotNow: 'deferred', Acknowledged: 'done' }[status] ?? 'refused'),
      })),
    )
    .sort(byIds);
}

describe.skipIf(ABSENT !== '')(`NanoMDM’s commands in folders${ABSENT}`, () => {
  it.each([
    ['file', 'db'],
    ['filekv', 'dbkv'],
  ] as const)('%s says of every command what the manifest says', async (name, inside) => {
    const folder = unpackStore(name);
    try {
      const reference = parseSource(`nanomdm:${join(folder, inside)}`);
      const expected = truth().filter(({ state }) => name === 'file' || state !== 'dropped');
      const found = await readCommandResults(
        reference,
        { at: AT },
        truth().map(({ uuid }) => uuid),
      );
      expect([...(found ?? [])].sort(byIds)).toEqual(expected);
      // A profile that a device took: put there as the store itself would.
      const [first] = DEVICES;
      const uuid = 'b0000000-0000-4000-8000-000000000001';
      const write = (path: string, content: string): void => {
        mkdirSync(dirname(join(folder, inside, path)), { recursive: true });
        writeFileSync(join(folder, inside, path), content);
      };
      const sent = command(uuid, profile('com.example.dock', 'Dock'));
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
    const expected = truth();
    expect(expected).toHaveLength(14);
    const asked = [...new Set(expected.map(({ uuid }) => uuid)), 'no uuid', "'; DROP TABLE x"];
    const found = await readCommandResults(reference(), options(), asked);
    expect([...(found ?? [])].sort(byIds)).toEqual(expected);
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
        command(uuid, inner),
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
    await queue(profile('com.example.dock', 'Dock'), 'InstallProfile', [
      [first, 'Acknowledged'],
      // MySQL takes ids that differ in case for the same.
      [second.toLowerCase(), 'Acknowledged'],
      [third, 'Error'],
    ]);
    await queue(profile('com.example.dock', 'Dock 2'), 'InstallProfile', [
      [second, 'NotNow'],
      [third, null],
    ]);
    await queue(profile('com.example.gone', 'Gone'), 'InstallProfile', [[first, 'Acknowledged']]);
    await queue(removal('com.example.gone'), 'RemoveProfile', [[first, 'Acknowledged']]);
    await queue(removal('com.example.dock'), 'RemoveProfile', [[first, null]]);
    await queue(profile('com.example.cleared', 'Cleared'), 'InstallProfile', [[first, null, 0]]);
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
