/** `slipway report`: after a real apply and contacts as Fleet writes them; the folder is judged by sha256sum. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase, noServer, type TestDatabase } from '../servers/mysql';
import { sharedData } from '../shared-data';
import { ABSENT, ACCEPT, fleet, Workstation, type Outcome } from './workstation';

const here = ABSENT === '' && !noServer;
const path = sharedData('micromdm', 'small.db') ?? '';
const small = `micromdm:${path}`;

interface ReportJson {
  readonly schema: number;
  readonly files: readonly { readonly name: string; readonly sha256: string }[];
  readonly counts: Record<string, number>;
  readonly conditions: readonly { readonly id: string; readonly holds: boolean }[];
}

describe.skipIf(!here)(`after an apply${ABSENT}`, () => {
  let desk: Workstation;
  let database: TestDatabase;
  let side: ReturnType<typeof fleet>;
  let imported: string[];

  beforeAll(async () => {
    desk = new Workstation();
    database = await createDatabase('generation-newest');
    side = fleet(database);
    for (const args of [
      ['plan', small, '--out', 'plan.json'],
      ['apply', 'plan.json', '--yes'],
    ]) {
      const outcome = await desk.slipway([...args, ...side.args, '--accept', ACCEPT, '--reason', 'a test'], {
        env: side.env,
      });
      expect(outcome.code, outcome.text).toBe(0);
    }
    imported = (await database.query<{ id: string }>('SELECT id FROM nano_devices ORDER BY id')).map(({ id }) => id);
    for (const table of ['nano_devices', 'nano_enrollments'])
      await database.query(`UPDATE ${table} SET created_at = created_at - INTERVAL 1 HOUR, updated_at = '2000-01-01'`);
    for (const udid of imported.slice(0, -1))
      await database.query('REPLACE INTO nano_seen_times (id, seen_time) VALUES (?, CURRENT_TIMESTAMP)', [udid]);
  });
  afterAll(async () => {
    desk.close();
    await database.drop();
  });

  const report = (...args: string[]): Promise<Outcome> => desk.slipway(['report', ...args], { env: side.env });

  it('makes a backup that is proven, and proves one that is there', async () => {
    const made = await report('backup', small, '--out', desk.path('backup'), '--json');
    expect(made.code, made.text).toBe(0);
    const facts = made.json as { path: string; sha256: string; devices: number; equal: boolean };
    expect(facts).toMatchObject({ equal: true, devices: 19 });
    expect(execFileSync('sha256sum', [facts.path]).toString().slice(0, 64)).toBe(facts.sha256);
    expect(execFileSync('sha256sum', [path]).toString().slice(0, 64)).toBe(facts.sha256);
    const proven = await report('backup', small, '--backup', facts.path, '--json');
    expect(proven.json).toMatchObject({ sha256: facts.sha256, equal: true });
    const other = sharedData('micromdm', 'medium.db');
    if (other === null) return;
    const wrong = await report('backup', small, '--backup', other, '--json');
    expect([wrong.code, (wrong.json as { equal: boolean }).equal]).toEqual([1, false]);
  });

  it('says that the old server must stay while devices are open, with the proof of each of the others', async () => {
    const done = await report('write', 'plan.json', ...side.args, '--out', 'first', '--title', 'Harbour', '--json');
    expect(done.code, done.text).toBe(1);
    const { counts, conditions, files } = done.json as ReportJson;
    expect(counts).toMatchObject({ devices: 19, migrated: imported.length - 1, waiting: 1 });
    expect(conditions.find(({ id }) => id === 'devices')).toMatchObject({ holds: false });
    expect(conditions.find(({ id }) => id === 'callers')).toMatchObject({ holds: true });
    expect(files.map(({ name }) => name)).toEqual([
      'report.html',
      'report.json',
      'devices.csv',
      expect.stringMatching(/\.journal\.jsonl$/),
    ]);
    const folder = desk.path('first');
    expect(execFileSync('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: folder }).toString()).not.toContain(
      'FAILED',
    );
    const html = readFileSync(join(folder, 'report.html'), 'utf8');
    expect(html).toContain('<h1>Harbour</h1>');
    for (const udid of imported) expect(html).toContain(udid);
    expect(html).toContain('began an apply');
    // Nothing secret is in any of it.
    const rows = await database.query<{ push_magic: string; token: string | null }>(
      'SELECT e.push_magic, d.bootstrap_token_b64 AS token FROM nano_enrollments e JOIN nano_devices d ON d.id = e.device_id',
    );
    const all = readdirSync(folder)
      .map((name) => readFileSync(join(folder, name), 'utf8'))
      .join('\n');
    for (const { push_magic: magic, token } of rows) {
      expect(all).not.toContain(magic);
      if (token !== null) expect(all).not.toContain(token);
    }
  });

  it('lets it go when every condition holds, each by name', async () => {
    const rest = (await database.query<{ id: string }>('SELECT id FROM nano_devices')).map(({ id }) => id);
    const first = JSON.parse(readFileSync(desk.path('first/report.json'), 'utf8')) as {
      devices: { udid: string; state: string }[];
    };
    const behind = first.devices.filter(({ state }) => state !== 'migrated').map(({ udid }) => udid);
    expect(behind.length).toBe(19 - rest.length + 1);
    const accounts = desk.file(
      'accounts.csv',
      `device,by,note\n${behind.map((udid) => `${udid},Ann,"wiped, in the drawer"`).join('\n')}\n`,
    );
    const probes = desk.file(
      'probes.json',
      JSON.stringify({ schema: 1, at: new Date().toISOString(), probes: [{ id: 'tls', status: 'pass' }] }),
    );
    const done = await report(
      'write',
      'plan.json',
      ...side.args,
      '--out',
      'second',
      '--accounts',
      accounts,
      '--backup',
      path,
      '--probes',
      probes,
      '--redirects-by',
      'Ann: retired configuration is live',
      '--renewal-by',
      'Bob',
      '--owner',
      'apns=Bob',
      'name=IT',
      '--production',
      '--json',
    );
    const { conditions } = done.json as ReportJson;
    expect(conditions.filter(({ holds }) => !holds).map(({ id }) => id)).toEqual(
      // small.db has commands waiting; they are the one thing left.
      ['commands'],
    );
    expect(done.code).toBe(1);
    const json = JSON.parse(readFileSync(desk.path('second/report.json'), 'utf8')) as {
      obligations: { id: string; owner: string | null }[];
      badge: string;
    };
    expect(json.badge).toBe('production');
    expect(json.obligations.find(({ id }) => id === 'apns')?.owner).toBe('Bob');
    expect((await report('check', 'second')).code).toBe(0);
    writeFileSync(desk.path('second/devices.csv'), 'x');
    const checked = await report('check', 'second', '--json');
    expect([checked.code, checked.json]).toEqual([1, { schema: 1, folder: 'second', changed: ['devices.csv'] }]);
  });

  it.each([
    [['write', 'plan.json'], 'usage/missing-option'],
    [['write', 'plan.json', '--out', 'x'], 'usage/nothing-to-ask'],
    [['write', 'plan.json', '--out', 'x', '--owner', 'nobody=Ann', '--fleet', 'mysql://a@127.0.0.1/b'], 'usage/owner'],
    [['backup', small], 'usage/backup'],
    [['check', 'x', '--out', 'y'], 'usage/option'],
  ])('%j is refused', async (args, code) => {
    const done = await desk.slipway(['report', ...args, '--json']);
    expect([done.code, done.error.code]).toEqual([2, code]);
  });

  it('names the line of a list that cannot be used', async () => {
    const accounts = desk.file('wrong.csv', 'device,by,note\nNOBODY,Ann,gone\n');
    const done = await report('write', 'plan.json', ...side.args, '--out', 'third', '--accounts', accounts, '--json');
    expect(done.error.code).toBe('report/accounts');
    expect(done.error.message).toContain('Line 2');
  });
});
