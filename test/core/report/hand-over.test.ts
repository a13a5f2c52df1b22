/** The hand-over document: what holds, what is open, and what is written of it. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
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
