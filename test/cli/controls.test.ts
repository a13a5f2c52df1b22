/** `slipway controls`: the real built bundle, a stand-in for the old server's API, a real MySQL for Fleet. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { writeMicroMdm, type CommandSpec } from '../micromdm-writer';
import { mobileconfig, payload } from '../core/controls/profiles';
import { MicroMdmApi } from '../servers/micromdm-api';
import { createDatabase, noServer, type TestDatabase } from '../servers/mysql';
import { canary, givenAway } from './canary';
import { fleet, journalLines, modeOf, Workstation } from './workstation';

const PASSWORD = 'W1fi-Passw0rd-of-the-test';
const OFFICE = mobileconfig('com.example.wifi', [
  payload('com.apple.wifi.managed', 'w', { SSID_STR: 'Office', Password: PASSWORD }),
]);
const LOCKED = mobileconfig('com.example.restrictions', [
  payload('com.apple.applicationaccess', 'r', { allowCamera: false }),
]);
const OPEN = mobileconfig('com.example.restrictions', [
  payload('com.apple.applicationaccess', 'r', { allowCamera: true }),
]);
const OLD = mobileconfig('com.example.old', [payload('com.apple.dock', 'd')]);
const installed = (profile: Buffer): CommandSpec => ({ requestType: 'InstallProfile', profile, state: 'completed' });
const UDIDS = ['AA', 'BB', 'CC'].map((two) => `${two}AAAAAA-0000-4000-8000-000000000000`);

let desk: Workstation;
let old: MicroMdmApi;
let source = '';
let key = '';
let wave = '';
beforeAll(async () => {
  desk = new Workstation();
  old = await new MicroMdmApi().listen();
  const path = desk.path('micromdm.db');
  writeMicroMdm(path, {
    profiles: [
      { identifier: 'com.example.wifi', body: OFFICE },
      { identifier: 'com.example.restrictions', body: LOCKED },
      { identifier: 'com.example.enroll', body: mobileconfig('com.example.enroll', [payload('com.apple.mdm', 'm')]) },
    ],
    extra: [
      { udid: UDIDS[0] ?? '', commands: [installed(OFFICE), installed(OLD)] },
      { udid: UDIDS[1] ?? '', commands: [installed(OLD)] },
      { udid: UDIDS[2] ?? '' },
    ],
  });
  source = `micromdm:${path}`;
  key = desk.file('api-key', old.apiKey);
  wave = desk.file('wave', `${UDIDS.join('\n')}\n`);
});
afterAll(async () => {
  desk.close();
  await old.close();
});

interface Told {
  readonly counts: Readonly<Record<string, number>>;
  readonly profiles: readonly {
    readonly identifier: string;
    readonly standing: string;
    readonly payloads: unknown[];
  }[];
  readonly conflicts: readonly { readonly code: string }[];
}

describe.skipIf(noServer)('compared with Fleet', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase('generation-469');
    await database.query("INSERT INTO teams (id, name, config) VALUES (7, 'Workstations', '{}')");
    for (const [identifier, xml] of [
      ['com.example.restrictions', OPEN],
      ['com.example.fresh', mobileconfig('com.example.fresh', [])],
    ] as const)
      await database.query(
        'INSERT INTO mdm_apple_configuration_profiles (team_id, identifier, name, mobileconfig, checksum, profile_uuid) VALUES (7, ?, ?, ?, ?, ?)',
        [identifier, identifier, xml, createHash('md5').update(xml).digest(), `a${identifier}`],
      );
    for (const [at, udid] of UDIDS.entries())
      await database.query(
        "INSERT INTO hosts (osquery_host_id, node_key, uuid, hardware_serial, platform) VALUES (?, ?, ?, ?, 'darwin')",
        [`o${at}`, `n${at}`, udid, `SERIAL${at}`],
      );
  });
  afterAll(() => database.drop());

  it('shows what is updated, new and left behind, and no secret', async () => {
    const { args, env } = fleet(database);
    const command = ['controls', source, ...args, '--team', 'Workstations'];
    const machine = await desk.slipway([...command, '--json'], { env });
    expect(machine.code, machine.text).toBe(1);
    const told = machine.json as Told;
    expect(Object.fromEntries(told.profiles.map(({ identifier, standing }) => [identifier, standing]))).toEqual({
      'com.example.enroll': 'enrollment',
      'com.example.fresh': 'new',
      'com.example.old': 'left-behind',
      'com.example.restrictions': 'updated',
      'com.example.wifi': 'left-behind',
    });
    expect(told.conflicts.map(({ code }) => code)).toEqual(['network-left']);
    expect(told.profiles.find(({ identifier }) => identifier === 'com.example.restrictions')?.payloads).toMatchObject([
      { standing: 'changed', changes: [{ path: 'allowCamera', source: { text: 'no' }, fleet: { text: 'yes' } }] },
    ]);
    const people = await desk.slipway(command, { env });
    expect(people.code).toBe(1);
    expect(people.stdout).toContain('allowCamera: no → yes');
    expect(givenAway(machine.text + people.text, [canary('password', PASSWORD)])).toEqual([]);
  });

  it('prints fleetctl’s commands for after the switch', async () => {
    const { args, env } = fleet(database);
    const out = desk.subfolder('fleetctl');
    const done = await desk.slipway(
      [
        'controls',
        'remove',
        source,
        ...args,
        '--identifier',
        'com.example.old',
        '--wave',
        wave,
        '--through',
        'fleetctl',
        '--out',
        out,
        '--json',
      ],
      { env },
    );
    expect(done.code, done.text).toBe(0);
    const { fleetctl } = done.json as { fleetctl: string[] };
    expect(fleetctl).toEqual([
      `fleetctl mdm run-command --payload=${out}/remove-com.example.old.xml --hosts=${[...UDIDS.slice(0, 2)].sort().join(',')}`,
    ]);
    expect(readFileSync(`${out}/remove-com.example.old.xml`, 'utf8')).toContain('<string>com.example.old</string>');
  });
});

describe('exported', () => {
  it('as files for Fleet and a part of a team file', async () => {
    const out = desk.path('for-fleet');
    const done = await desk.slipway(['controls', 'export', source, '--team', 'Workstations', '--out', out, '--json']);
    expect(done.code, done.text).toBe(0);
    const told = done.json as {
      gitops: string;
      profiles: { file: string; sha256: string; secretFields: string[] }[];
      leftOut: unknown[];
    };
    for (const { file, sha256 } of told.profiles)
      expect(
        createHash('sha256')
          .update(readFileSync(`${out}/${file}`))
          .digest('hex'),
      ).toBe(sha256);
    expect(told.profiles.find(({ file }) => file.includes('wifi'))?.secretFields).toEqual([
      'com.apple.wifi.managed: Password',
    ]);
    expect(told.leftOut).toMatchObject([{ identifier: 'com.example.enroll', code: 'enrollment-profile' }]);
    expect(parse(readFileSync(`${out}/${told.gitops}`, 'utf8'))).toMatchObject({ name: 'Workstations' });
    expect([modeOf(out), modeOf(`${out}/lib/profiles/com.example.wifi.mobileconfig`)]).toEqual(['700', '600']);
    expect(givenAway(done.text, [canary('password', PASSWORD)])).toEqual([]);
    await desk.refused(['controls', 'export', source, '--team', 'Workstations', '--out', out], 2, 'file/exists');
  });
});

describe('taken off devices', () => {
  const remove = (...more: string[]): string[] => [
    'controls',
    'remove',
    source,
    '--identifier',
    'com.example.old',
    '--wave',
    wave,
    '--old-url',
    old.url,
    '--journals',
    desk.folder,
    ...more,
  ];

  it('shows first, sends when told, goes on, and tells what became of it', async () => {
    const shown = (await desk.data(remove())) as {
      sent: null;
      plan: { id: string; commands: number; subjects: unknown[] };
    };
    expect(shown).toMatchObject({
      sent: null,
      plan: { commands: 2, devices: 2, subjects: [{ identifier: 'com.example.old' }] },
    });
    expect(old.asked).toEqual([]);
    await desk.refused(remove('--send', '--api-key-file', key), 2, 'usage/confirmation-needed');
    const sent = await desk.slipway(remove('--send', '--yes', '--api-key-file', key, '--json'));
    expect(sent.code, sent.text).toBe(0);
    const { sent: result } = sent.json as { sent: { journal: string; counts: Record<string, number> } };
    expect(result.counts).toEqual({ sent: 2, failed: 0, unknown: 0 });
    expect(old.taken.map(({ udid, body }) => [udid, body['request_type'], body['identifier']]).sort()).toEqual(
      UDIDS.slice(0, 2).map((udid) => [udid, 'RemoveProfile', 'com.example.old']),
    );
    const kinds = journalLines(result.journal).map(({ kind }) => kind);
    expect([kinds[0], kinds.at(-1)]).toEqual(['opened', 'closed']);
    expect(modeOf(result.journal)).toBe('600');
    const again = await desk.slipway(remove('--send', '--yes', '--api-key-file', key, '--json'));
    expect(again.json).toMatchObject({ sent: { already: 2, counts: { sent: 0 } } });
    expect(old.taken).toHaveLength(2);
    old.drain(UDIDS[0] ?? '');
    const status = ['controls', 'status', result.journal];
    expect(await desk.data(status)).toMatchObject({ asked: false, state: 'complete', counts: { unasked: 2 } });
    expect(await desk.data([...status, '--old-url', old.url, '--api-key-file', key])).toMatchObject({
      asked: true,
      counts: { fetched: 1, waiting: 1 },
    });
    const said = desk.said.map(({ text }) => text).join('\n') + readFileSync(result.journal, 'utf8');
    expect(givenAway(said, [canary('API key', old.apiKey), canary('password', PASSWORD)])).toEqual([]);
  });

  it.each([
    [['--identifier', 'com.example.enroll'], 'controls/enrollment-profile'],
    [['--identifier', 'com.github.micromdm.micromdm.enroll'], 'controls/enrollment-profile'],
    [['--identifier', 'com.example.wifi'], 'controls/carries-network'],
    [['--identifier', 'com.example.nobody'], 'controls/unknown-profile'],
  ])('never without need: %j', async (identifier, code) => {
    const before = old.asked.length;
    await desk.refused(
      [
        'controls',
        'remove',
        source,
        ...identifier,
        '--wave',
        wave,
        '--old-url',
        old.url,
        '--api-key-file',
        key,
        '--send',
        '--yes',
      ],
      1,
      code,
    );
    expect(old.asked).toHaveLength(before);
  });

  it.each([
    [['controls', 'remove', 'X'], 'usage/no-identifier'],
    [['controls', 'remove', 'X', '--identifier', 'a', '--through', 'magic'], 'usage/choice'],
    [['controls', 'remove', 'X', '--identifier', 'a', '--send', '--yes'], 'usage/old-url-missing'],
    [['controls', 'X', '--wave', 'w'], 'usage/option'],
    [['controls', 'export', 'X'], 'usage/out-missing'],
    [['controls', 'status'], 'usage/journal-missing'],
    [['controls', 'X', '--team', 'a'], 'usage/fleet-missing'],
  ])('wrong usage: %j', async (args, code) => {
    const done = await desk.slipway([...args.map((one) => (one === 'X' ? source : one)), '--json']);
    expect([done.code, done.error.code], done.text).toEqual([2, code]);
    expect(existsSync(desk.path('for-nothing'))).toBe(false);
  });
});
