/** The hand-over document: what holds, what is open, and what is written of it. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
  copyFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FailureError } from '../../../src/core/failure';
import { backUp, proveBackup } from '../../../src/core/report/backup';
import { needsOwnBackup, ownBackupCommands } from '../../../src/core/report/own-backup';
import type { DecommissionFacts } from '../../../src/core/report/decommission';
import { addToReport, checkReport, writeReport } from '../../../src/core/report/folder';
import { handOver, type ReportedDevice, type ReportFacts } from '../../../src/core/report/hand-over';
import { htmlOf } from '../../../src/core/report/html';
import { parseSource } from '../../../src/core/sources';
import { sharedData } from '../../shared-data';

const AT = Date.parse('2026-12-05T08:00:00Z');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-report-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const device = (more: Partial<ReportedDevice> = {}): ReportedDevice => ({
  udid: '575424CB-09D7-4CAD-8A7A-D3511FE8A7E2',
  serial: 'C02ABC',
  name: 'Ann’s Mac',
  platform: 'darwin',
  state: 'migrated',
  provenAt: AT - 3_600_000,
  proof: 'Fleet heard from it.',
  importedAt: AT - 7_200_000,
  lastContactSource: AT - 9_000_000,
  certificateNotAfter: AT + 90 * 86_400_000,
  wave: 'pilot',
  reasons: [],
  accounted: null,
  ...more,
});

const settled: DecommissionFacts = {
  backup: { path: '/b/micromdm.db', sha256: 'ab'.repeat(32), size: 10, at: AT, devices: 1, sourceDevices: 1 },
  ownBackup: null,
  callers: null,
  redirects: { by: 'Ann', note: 'retired configuration is live' },
  renewal: { by: 'Ann', note: '' },
  probes: { at: AT - 60_000, failed: [] },
  callingOldServer: 0,
  pendingCommands: 0,
};

const facts = (more: Partial<ReportFacts> = {}): ReportFacts => ({
  at: AT,
  title: 'Example & Sons',
  preparedBy: 'Ann',
  tool: 'Slipway 0.1.0',
  badge: 'production',
  source: {
    reference: 'micromdm:/var/db/micromdm.db',
    sha256: 'cd'.repeat(32),
    txid: 77,
    instant: AT - 86_400_000,
    devices: 1,
  },
  target: { place: 'fleet at db:3306', generation: '4.69', migrationId: '20250609112613', fleetUrl: null },
  host: 'mdm.example.com',
  topic: 'com.apple.mgmt.External.0f8cbbd1',
  push: { subject: 'CN=APSP', sha256: 'ef'.repeat(32), notAfter: Date.parse('2027-06-01T00:00:00Z') },
  scepCa: { subject: 'CN=SCEP CA', sha256: '12'.repeat(32), notAfter: Date.parse('2031-01-01T00:00:00Z') },
  abm: null,
  devices: [device()],
  journals: [],
  acknowledged: [],
  decommission: settled,
  owners: { apns: 'Bob' },
  ...more,
});

describe('may the old server be switched off', () => {
  const open = (more: Partial<ReportFacts>): string[] =>
    handOver(facts(more))
      .conditions.filter(({ holds }) => !holds)
      .map(({ id }) => id);
  const decommission = (more: Partial<DecommissionFacts>): string[] => open({ decommission: { ...settled, ...more } });

  it('yes, when everything holds', () => {
    expect(open({})).toEqual([]);
    expect(handOver(facts()).conditions.every(({ remedy }) => remedy === '')).toBe(true);
  });

  it.each(['waiting', 'lost', 'unknown', 'stale', 'not-imported'] as const)('not while a device is %s', (state) => {
    expect(open({ devices: [device(), device({ state })] })).toEqual(['devices']);
    // Unless somebody has put their name to it.
    expect(open({ devices: [device(), device({ state, accounted: { by: 'Ann', note: 'in a drawer' } })] })).toEqual([]);
  });

  it('not by a capture alone, where no server starts from it', () => {
    const own = { commands: ['mysqldump … nanomdm'], confirmation: null, file: null };
    expect(decommission({ ownBackup: own })).toEqual(['own-backup']);
    const named = handOver(facts({ decommission: { ...settled, ownBackup: own } })).conditions;
    expect(named.find(({ id }) => id === 'own-backup')?.remedy).toContain('mysqldump … nanomdm');
    expect(decommission({ ownBackup: { ...own, confirmation: { by: 'Ann', note: '' } } })).toEqual([]);
  });

  it('who calls is taken from a person only where the store does not say', () => {
    const callers = { by: 'Ann', note: 'access log of a week' };
    expect(decommission({ callingOldServer: null, callers })).toEqual([]);
    expect(decommission({ callingOldServer: 1, callers })).toEqual(['callers']);
  });

  it('not with what is not known', () => {
    expect(open({ devices: [] })).toEqual(['devices']);
    expect(decommission({ callingOldServer: null })).toEqual(['callers']);
    expect(decommission({ callingOldServer: 2 })).toEqual(['callers']);
    expect(decommission({ pendingCommands: null })).toEqual(['commands']);
    expect(decommission({ pendingCommands: 1 })).toEqual(['commands']);
    expect(decommission({ backup: null })).toEqual(['backup']);
    expect(decommission({ backup: settled.backup === null ? null : { ...settled.backup, devices: 0 } })).toEqual([
      'backup',
    ]);
    expect(decommission({ redirects: null })).toEqual(['redirects']);
    expect(decommission({ renewal: null })).toEqual(['renewal']);
    expect(decommission({ probes: null })).toEqual(['probes']);
    expect(decommission({ probes: { at: AT, failed: ['tls'] } })).toEqual(['probes']);
    expect(decommission({ probes: { at: AT - 25 * 3_600_000, failed: [] } })).toEqual(['probes']);
  });
});

describe('what must be kept alive', () => {
  it('with dates and owners', () => {
    const { obligations } = handOver(facts());
    const of = (id: string): { due: string | null; owner: string | null } => {
      const found = obligations.find((one) => one.id === id);
      return {
        due: found?.due == null ? null : new Date(found.due).toISOString().slice(0, 10),
        owner: found?.owner ?? null,
      };
    };
    expect(of('apns')).toEqual({ due: '2027-05-02', owner: 'Bob' });
    expect(of('scep-ca')).toEqual({ due: '2026-01-02', owner: null });
    expect(of('name')).toEqual({ due: null, owner: null });
    expect(obligations.map(({ id }) => id)).toEqual([
      'name',
      'tls',
      'redirects',
      'apns',
      'scep-ca',
      'renewal',
      'private-key',
      'abm',
      'backup',
    ]);
  });
});

describe('the folder', () => {
  const hostile = '<script>alert(1)</script>"\'&\u202e=HYPERLINK("x")';

  it('holds what sha256sum says it holds, for its owner alone', async () => {
    const out = join(folder, 'out');
    const files = await writeReport(handOver(facts()), out, [{ name: 'a.journal.jsonl', bytes: Buffer.from('{}\n') }]);
    expect(files.map(({ name }) => name)).toEqual(['report.html', 'report.json', 'devices.csv', 'a.journal.jsonl']);
    await addToReport(out, { name: 'report.pdf', bytes: Buffer.from('%PDF-') });
    const checked = execFileSync('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: out }).toString();
    expect(checked.trim().split('\n')).toHaveLength(5);
    expect(readdirSync(out)).toHaveLength(6);
    for (const name of readdirSync(out)) expect((statSync(join(out, name)).mode & 0o777).toString(8), name).toBe('600');
    expect(await checkReport(out)).toEqual([]);
  });

  it('shows what was changed, removed or added', async () => {
    const out = join(folder, 'out');
    await writeReport(handOver(facts()), out);
    writeFileSync(join(out, 'devices.csv'), 'changed');
    rmSync(join(out, 'report.json'));
    writeFileSync(join(out, 'more.txt'), 'x');
    expect(await checkReport(out)).toEqual(['devices.csv', 'more.txt', 'report.json']);
    await expect(checkReport(folder)).rejects.toThrow('report/no-manifest');
  });

  it('is not mixed with another', async () => {
    writeFileSync(join(folder, 'x'), '');
    await expect(writeReport(handOver(facts()), folder)).rejects.toThrow('report/folder-taken');
  });

  it('keeps hostile names harmless, in each form', async () => {
    const out = join(folder, 'out');
    const devices = [
      device({ name: hostile, serial: '=1+1', reasons: ['x'], accounted: { by: hostile, note: '@SUM(1)' } }),
    ];
    const report = handOver(facts({ title: hostile, preparedBy: hostile, devices }));
    await writeReport(report, out);
    const html = readFileSync(join(out, 'report.html'), 'utf8');
    expect(html).not.toMatch(/<script|<img|javascript:|\u202e/i);
    expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;');
    expect(html).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
    const rows = parse<Record<string, string>>(readFileSync(join(out, 'devices.csv'), 'utf8'), {
      bom: true,
      columns: true,
    });
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ name: hostile, serial: "'=1+1", accounted_note: "'@SUM(1)", state: 'migrated' });
    const json = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as {
      schema: number;
      devices: { name: string; provenAt: string }[];
    };
    expect(json.schema).toBe(1);
    expect(json.devices[0]).toMatchObject({ name: hostile, provenAt: '2026-12-05T07:00:00Z' });
  });

  it('cuts a long list in the HTML and says so', () => {
    const devices = Array.from({ length: 20_001 }, (_, index) => device({ udid: `U${index}` }));
    expect(htmlOf(handOver(facts({ devices })))).toContain('The first 20,000 of 20,001');
  });
});

describe('the old server’s own backup', () => {
  it.each([
    [
      'nanomdm:mysql://nano@db.example.com/nanomdm',
      'mysqldump --single-transaction --routines --triggers --set-gtid-purged=OFF --no-tablespaces --host=db.example.com --port=3306 --user=nano --password --ssl-mode=VERIFY_IDENTITY nanomdm > old-server-before-switch-off.sql',
    ],
    [
      'nanomdm:postgres://n%27o@127.0.0.1:5433/nano%20mdm',
      "pg_dump --format=custom --file=old-server-before-switch-off.dump --host=127.0.0.1 --port=5433 --username='n'\\''o' --password 'nano mdm'",
    ],
    [
      'nanomdm:mysql://root@[::1]/.',
      'mysqldump --single-transaction --routines --triggers --set-gtid-purged=OFF --no-tablespaces --host=::1 --port=3306 --user=root --password . > old-server-before-switch-off.sql',
    ],
  ])('of %s', (text, command) => {
    const reference = parseSource(text);
    expect(needsOwnBackup(reference)).toBe(true);
    expect(ownBackupCommands(reference)).toEqual([`(umask 077; ${command})`]);
  });

  it('of folders is an archive that can be unpacked, and the SCEP depot is one of its own', () => {
    const at = join(folder, 'old server');
    for (const name of ['dbkv', 'depot']) {
      mkdirSync(join(at, name), { recursive: true });
      writeFileSync(join(at, name, 'a'), name);
    }
    const reference = parseSource(`nanomdm:${at}/dbkv#scep-depot=${encodeURIComponent(`${at}/depot`)}`);
    const commands = ownBackupCommands(reference);
    expect(commands).toHaveLength(2);
    for (const command of commands) execFileSync('sh', ['-c', command], { cwd: folder });
    const archive = join(folder, 'old-server-before-switch-off.tar.gz');
    expect(statSync(archive).mode & 0o077).toBe(0);
    expect(execFileSync('tar', ['-xzOf', archive, 'dbkv/a']).toString()).toBe('dbkv');
    expect(needsOwnBackup(parseSource('micromdm:/x.db'))).toBe(false);
  });
});

const small = sharedData('micromdm', 'small.db');
describe.skipIf(small === null)('a verified backup of the old database', () => {
  const path = small ?? '';
  const at = Date.parse('2026-11-01T00:00:00Z');

  it('is copied, hashed, opened and counted', async () => {
    const backup = await backUp(parseSource(`micromdm:${path}`), folder, { at });
    expect(backup).toMatchObject({ devices: backup.sourceDevices, size: statSync(path).size });
    expect(backup.devices).toBeGreaterThan(10);
    expect(execFileSync('sha256sum', [backup.path]).toString().slice(0, 64)).toBe(backup.sha256);
  });

  it('made by somebody else is proven, or refused', async () => {
    const copy = join(folder, 'copy.db');
    copyFileSync(path, copy);
    expect((await proveBackup(parseSource(`micromdm:${path}`), copy, { at })).devices).toBeGreaterThan(10);
    chmodSync(copy, 0o600);
    writeFileSync(copy, readFileSync(copy).subarray(0, 8192));
    await expect(proveBackup(parseSource(`micromdm:${path}`), copy, { at })).rejects.toBeInstanceOf(FailureError);
  });
});
