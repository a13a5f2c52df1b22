/** `slipway agent`: the real built bundle, packages by bsdtar and openssl, a stand-in for the old server's API. */
import { readFileSync } from 'node:fs';
import * as plist from 'plist';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeMicroMdm } from '../micromdm-writer';
import { noBsdtar, PackageBench } from '../core/agent/package-bench';
import { MicroMdmApi } from '../servers/micromdm-api';
import { createDatabase, noServer, type TestDatabase } from '../servers/mysql';
import { canary, givenAway } from './canary';
import { fleet, modeOf, Workstation } from './workstation';

const FLEET = 'https://fleet.example.com';
const ENROLL = 'Enroll-Secret-Of-The-Team-0123456789';
const SECRETS = [canary('enroll secret', ENROLL)];
const UDIDS = ['AA', 'BB', 'CC', 'DD'].map((two) => `${two}AAAAAA-0000-4000-8000-000000000000`);

let desk: Workstation;
let secret = '';
beforeAll(() => {
  desk = new Workstation();
  secret = desk.file('enroll secret', `${ENROLL}\n`);
});
afterAll(() => desk.close());

describe('agent command', () => {
  it('names the secret’s file, never the secret; the profile of the second way holds it', async () => {
    const out = desk.path('agent.mobileconfig');
    const args = ['agent', 'command', '--fleet-url', FLEET, '--enroll-secret-file', secret, '--fleet-desktop'];
    const people = await desk.slipway([...args, '--profile-out', out]);
    expect(people.code, people.text).toBe(0);
    expect(people.stdout).toContain(`--enroll-secret "$(cat '${secret}')"`);
    expect(givenAway(people.text, SECRETS)).toEqual([]);
    expect(modeOf(out)).toBe('600');
    expect(plist.parse(readFileSync(out, 'utf8'))).toMatchObject({ PayloadContent: [{ EnrollSecret: ENROLL }] });
    const ways = (await desk.data(args)) as { ways: { way: string; lines: string[] }[] };
    expect(ways.ways.map(({ way }) => way)).toEqual(['secret-in-package', 'secret-in-profile']);
    // What is printed is what a shell runs.
    const { outcome } = desk.run(
      'sh',
      ['-c', `fleetctl() { printf '%s\\n' "$@"; }\n${ways.ways[0]?.lines.join('\n') ?? ''}`],
      {},
    );
    expect((await outcome).stdout.split('\n')).toEqual(
      expect.arrayContaining([
        'package',
        '--type=pkg',
        '--fleet-url',
        FLEET,
        '--enroll-secret',
        ENROLL,
        '--fleet-desktop',
      ]),
    );
  });

  it.each([
    [['--enroll-secret-file', 'x'], 'usage/fleet-url-missing'],
    [['--fleet-url', FLEET], 'usage/secret-file'],
    [['--fleet-url', FLEET, '--url', 'x'], 'usage/option'],
  ])('%j', async (args, code) => {
    const done = await desk.slipway(['agent', 'command', ...args, '--json']);
    expect([done.code, done.error.code]).toEqual([2, code]);
  });
});

describe.skipIf(noServer || noBsdtar)('with Fleet', () => {
  let database: TestDatabase;
  let bench: PackageBench;
  let old: MicroMdmApi;
  let source = '';
  beforeAll(async () => {
    database = await createDatabase('generation-469');
    bench = new PackageBench();
    old = await new MicroMdmApi().listen();
    await database.query("INSERT INTO teams (id, name, config) VALUES (7, 'Workstations', '{}'), (8, 'Servers', '{}')");
    await database.query('INSERT INTO enroll_secrets (secret, team_id) VALUES (?, 7)', [ENROLL]);
    for (const [at, udid] of UDIDS.slice(0, 2).entries())
      await database.query(
        "INSERT INTO hosts (osquery_host_id, node_key, uuid, hardware_serial, platform, orbit_node_key) VALUES (?, ?, ?, ?, 'darwin', ?)",
        [`o${at}`, `n${at}`, udid, `SERIAL${at}`, at === 0 ? 'orbit' : null],
      );
    const path = desk.path('micromdm.db');
    writeMicroMdm(path, {
      extra: [
        { udid: UDIDS[0] ?? '' },
        { udid: UDIDS[1] ?? '' },
        { udid: UDIDS[2] ?? '' },
        { udid: UDIDS[3] ?? '', productName: 'iPhone15,2' },
      ],
    });
    source = `micromdm:${path}`;
  });
  afterAll(async () => {
    bench.close();
    await old.close();
    await database.drop();
  });

  it('looks into a package, and refuses the wrong team', async () => {
    const { args, env } = fleet(database);
    const pkg = bench.fleetd('fleetd.pkg', { ORBIT_FLEET_URL: FLEET }, ENROLL);
    const right = await desk.slipway(
      ['agent', 'inspect', pkg, '--fleet-url', FLEET, ...args, '--team', 'Workstations', '--json'],
      { env },
    );
    expect(right.code, right.text).toBe(0);
    expect(right.json).toMatchObject({
      package: { team: { id: 7, name: 'Workstations' }, problems: [], enrollSecret: { length: ENROLL.length } },
    });
    const wrong = await desk.slipway(
      ['agent', 'inspect', pkg, '--fleet-url', 'https://other.example.com', ...args, '--team', 'Servers'],
      { env },
    );
    expect(wrong.code).toBe(1);
    expect(wrong.stdout).toContain('other-fleet');
    expect(wrong.stdout).toContain('other-team');
    const manifest = desk.path('manifest.plist');
    const made = await desk.slipway(
      ['agent', 'manifest', pkg, '--url', 'https://files.example.com/fleetd.pkg', '--out', manifest, '--json'],
      { env },
    );
    expect(made.code, made.text).toBe(0);
    expect(plist.parse(readFileSync(manifest, 'utf8'))).toMatchObject({
      items: [{ assets: [{ kind: 'software-package' }] }],
    });
    const other = await desk.slipway(
      [
        'agent',
        'command',
        '--fleet-url',
        FLEET,
        '--enroll-secret-file',
        secret,
        ...args,
        '--team',
        'Servers',
        '--json',
      ],
      { env },
    );
    expect([other.code, other.error.code]).toEqual([1, 'agent/other-team']);
    expect(givenAway([right, wrong, made, other].map(({ text }) => text).join('\n'), SECRETS)).toEqual([]);
  });

  it('tells who has it, and sends it to those who do not', async () => {
    const { args, env } = fleet(database);
    const who = await desk.slipway(['agent', 'who', source, ...args, '--json'], { env });
    expect(who.code, who.text).toBe(1);
    expect((who.json as { counts: object }).counts).toEqual({
      'has-agent': 1,
      'no-agent': 1,
      'no-host': 1,
      'not-a-mac': 1,
      'not-enrolled': 0,
      'blocked-at-source': 0,
    });
    const url = 'https://files.example.com/manifest.plist';
    const install = ['agent', 'install', source, ...args, '--manifest-url', url, '--all-devices', '--old-url', old.url];
    const shown = (await desk.data(install, { env })) as { sent: null; plan: { targets: string[] } };
    expect(shown).toMatchObject({
      sent: null,
      plan: { targets: UDIDS.slice(1, 3), skipped: { 'has-agent': 1, 'not-a-mac': 1 } },
    });
    expect(old.asked).toEqual([]);
    const key = desk.file('api-key', old.apiKey);
    const sent = await desk.slipway(
      [
        ...install,
        '--send',
        '--yes',
        '--api-key-file',
        key,
        '--per-second',
        '100',
        '--journals',
        desk.folder,
        '--json',
      ],
      { env },
    );
    expect(sent.code, sent.text).toBe(0);
    expect(old.taken.map(({ udid, body }) => [udid, body['request_type'], body['manifest_url']]).sort()).toEqual(
      UDIDS.slice(1, 3).map((udid) => [udid, 'InstallEnterpriseApplication', url]),
    );
    const { journal } = (sent.json as { sent: { journal: string } }).sent;
    old.drain(UDIDS[1] ?? '');
    expect(await desk.data(['agent', 'status', journal, '--old-url', old.url, '--api-key-file', key])).toMatchObject({
      purpose: 'install-agent',
      counts: { fetched: 1, waiting: 1 },
    });
    await desk.refused(
      ['agent', 'status', journal, '--old-url', 'http://127.0.0.1:1', '--api-key-file', key],
      2,
      'usage/other-server',
    );
    const wrong = await desk.slipway(
      [
        ...install,
        '--send',
        '--yes',
        '--api-key-file',
        desk.file('wrong', 'no key'),
        '--journals',
        desk.subfolder('other'),
        '--json',
      ],
      { env },
    );
    expect([wrong.code, wrong.error.code]).toEqual([1, 'old-server/key-refused']);
    expect(givenAway(readFileSync(journal, 'utf8') + sent.text, [canary('API key', old.apiKey)])).toEqual([]);
  });
});
