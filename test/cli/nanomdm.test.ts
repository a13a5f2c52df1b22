/** The steps after reading, for a real NanoMDM database on a real MySQL: commands, their answers, paths, checks, backup. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BALANCERS } from '../../src/core/cutover/redirects';
import { ABSENT, loadMySqlStore, plainFile, unpackStore } from '../nanomdm-stores';
import { NanoMdmApi } from '../servers/nanomdm-api';
import { createDatabase, noServer, type Account, type TestDatabase } from '../servers/mysql';
import { sharedData } from '../shared-data';
import { Workstation, type Outcome } from './workstation';

const AT = '2026-11-24T02:15:00Z';
const DEVICE = '2FBF3BB1-0BDD-4933-92FB-EC9531ABB0B2';
const OTHER = '7E0B0394-9B53-4B00-89EF-B894884C1DF4';

describe.skipIf(noServer || ABSENT !== '')(`after reading NanoMDM${ABSENT}`, () => {
  let desk: Workstation;
  let api: NanoMdmApi;
  let database: TestDatabase;
  let account: Account;
  let folder: string;
  let depot: string;
  let source: string;
  let beside: string[];

  beforeAll(async () => {
    desk = new Workstation();
    api = await new NanoMdmApi().listen();
    folder = mkdtempSync(join(tmpdir(), 'slipway-nanomdm-cli-'));
    depot = unpackStore('scep-depot');
    database = await createDatabase('empty');
    await loadMySqlStore(database, plainFile('mysql.sql', folder));
    // Reading is all it may do.
    account = await database.createAccount(['SELECT ON *']);
    source = `nanomdm:${database.url.replace(/\/\/[^@]+@/, `//${account.user}@`)}`;
    beside = [
      ...['--source-password-file', desk.file('pw', account.password)],
      ...['--scep-depot', join(depot, 'depot'), '--scep-ca-passphrase-file', desk.file('ca-pw', 'nm-capass')],
      ...['--enrollment-profile', sharedData('nanomdm', 'enroll-signed.mobileconfig') ?? ''],
      ...['--at', AT, '--copies', desk.path('copies')],
    ];
  });
  afterAll(async () => {
    await api.close();
    await database.drop();
    desk.close();
    rmSync(folder, { recursive: true });
    rmSync(depot, { recursive: true });
  });

  const run = (args: readonly string[]): Promise<Outcome> => desk.slipway([...args, ...beside]);

  it('writes the paths of the profile for every balancer', async () => {
    const made = await Promise.all(
      ['haproxy', 'aws-alb', 'cloudflare-worker'].map((name) =>
        run([
          ...['cutover', 'config', '--for', name, '--source', source, '--json'],
          ...['--old-url', 'https://10.0.0.5:9000', '--fleet-url', 'https://fleet.example.com'],
        ]),
      ),
    );
    expect(BALANCERS.length).toBeGreaterThan(made.length);
    for (const outcome of made) {
      expect(outcome.code, outcome.text).toBe(0);
      const { host, routes } = outcome.json as { host: string; routes: { path: string; to: string }[] };
      expect(host).toBe('mdm.example.com');
      expect(routes.filter(({ to }) => to === 'fleet').map(({ path }) => path)).toEqual([
        '/mdm',
        '/scep',
        '/mdm/apple/mdm',
        '/mdm/apple/scep',
      ]);
      expect(outcome.stderr).toContain('user enrollment');
    }
  });

  it('checks what is true of it', async () => {
    const outcome = await run(['check', source, '--json']);
    const { checks } = outcome.json as { checks: { id: string; status: string; sentence: string; remedy: string }[] };
    const of = (id: string) => checks.find((check) => check.id === id);
    expect(of('server-url')?.sentence).toContain('mdm.example.com');
    for (const id of ['sign-message', 'scep-ca', 'scep-depot', 'push-certificate'])
      expect(of(id), id).toMatchObject({ status: 'pass' });
    for (const id of ['ca-pool', 'user-enrollments', 'enrollments-frozen'])
      expect(of(id), id).toMatchObject({ status: 'warn' });
  });

  it('takes a profile off through its API, and reads the answer in its store', async () => {
    const body = Buffer.from(
      '<?xml version="1.0"?><plist version="1.0"><dict><key>PayloadType</key><string>Configuration</string><key>PayloadIdentifier</key><string>com.example.dock</string><key>PayloadDisplayName</key><string>Dock</string><key>PayloadContent</key><array/></dict></plist>',
    ).toString('base64');
    const uuid = 'C0000000-0000-4000-8000-000000000001';
    await database.query("INSERT INTO commands (command_uuid, request_type, command) VALUES (?, 'InstallProfile', ?)", [
      uuid,
      `<?xml version="1.0"?><plist version="1.0"><dict><key>Command</key><dict><key>Payload</key><data>${body}</data><key>RequestType</key><string>InstallProfile</string></dict><key>CommandUUID</key><string>${uuid}</string></dict></plist>`,
    ]);
    const queue = async (id: string, command: string, status: string): Promise<void> => {
      await database.query('INSERT INTO enrollment_queue (id, command_uuid) VALUES (?, ?)', [id, command]);
      await database.query("INSERT INTO command_results (id, command_uuid, status, result) VALUES (?, ?, ?, '<?xml')", [
        id,
        command,
        status,
      ]);
    };
    await queue(DEVICE, uuid, 'Acknowledged');
    await queue(OTHER, uuid, 'Error');
    writeFileSync(desk.path('wave'), `${DEVICE}\n${OTHER}\n`);
    const sent = await run([
      ...['controls', 'remove', source, '--identifier', 'com.example.dock', '--wave', desk.path('wave')],
      ...['--old-url', api.url, '--api-key-file', desk.file('key', api.apiKey)],
      ...['--accept', 'still-in-fleet', '--send', '--yes', '--json', '--journals', desk.path('')],
    ]);
    expect(sent.code, sent.text).toBe(0);
    expect(api.taken.map(({ udid, command }) => [udid, command])).toEqual([
      [DEVICE, { RequestType: 'RemoveProfile', Identifier: 'com.example.dock' }],
    ]);
    const { journal } = (sent.json as { sent: { journal: string } }).sent;
    const [taken] = api.taken;
    await database.query(
      "INSERT INTO commands (command_uuid, request_type, command) VALUES (?, 'RemoveProfile', '<?xml')",
      [taken?.uuid],
    );
    await queue(DEVICE, taken?.uuid ?? '', 'Acknowledged');
    const status = await run(['controls', 'status', journal, '--source', source, '--json']);
    expect(status.json).toMatchObject({ asked: true, counts: { done: 1 } });
  });

  it('captures, proves the capture, and says that it is no backup', async () => {
    const outcome = await run(['report', 'backup', source, '--out', desk.path('backup'), '--json']);
    expect(outcome.code, outcome.text).toBe(0);
    const facts = outcome.json as { form: string; equal: boolean; devices: number; ownBackupCommands: string[] };
    expect(facts).toMatchObject({ form: 'capture', equal: true });
    expect(facts.devices).toBeGreaterThanOrEqual(49);
    expect(facts.ownBackupCommands.map((line) => /mysqldump|tar /.exec(line)?.[0])).toEqual(['mysqldump', 'tar ']);
    for (const secret of ['nm-capass', account.password]) expect(outcome.text).not.toContain(secret);
  });
});
