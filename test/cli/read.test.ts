/** `slipway read`: what it prints, against what the makers of the databases wrote down. */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, readFileSync, statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Manifest, ManifestDevice } from '../core/sources/micromdm/manifest';
import { writeMicroMdm } from '../micromdm-writer';
import { sharedData, sharedJson } from '../shared-data';
import { ABSENT, modeOf, sha256Of, Workstation } from './workstation';

interface Device {
  readonly udid: string | null;
  readonly serial: string | null;
  readonly name: string | null;
  readonly verdict: 'ready' | 'caution' | 'blocked';
  readonly reasons: readonly string[];
  readonly users: readonly { readonly id: string; readonly shortName: string | null }[];
  readonly [field: string]: unknown;
}

interface Reading {
  readonly schema: number;
  readonly source: Record<string, unknown>;
  readonly instant: string;
  readonly scepCa: unknown;
  readonly push: unknown;
  readonly profiles: unknown;
  readonly counts: Record<string, number>;
  readonly devices: readonly Device[];
  readonly findings: readonly { readonly code: string; readonly severity: string; readonly detail: string }[];
}

const here = ABSENT === '';
const micromdm = (name: string): string => sharedData('micromdm', name) ?? '';
const or = (text: unknown): unknown => (text === '' || text === undefined ? null : text);

/** Product names, or what DEP calls the model; those that tell neither are simulated Macs. */
function platformOf({ product_name: product, model }: ManifestDevice): string {
  const text = [product, model].join(' ');
  if (/iPad/.test(text)) return 'ipados';
  return /iPhone/.test(text) ? 'ios' : 'darwin';
}

/** A device of the manifest as the contract has it, without the judgement. */
function asContract(device: ManifestDevice): Record<string, unknown> {
  return {
    udid: or(device.udid),
    serial: or(device.serial),
    name: or(device['device_name']),
    platform: platformOf(device),
    enrolled: device['enrolled'],
    topic: or(device['push_topic']),
    tokenHex: or(device['token_hex']),
    certificateSha256: or(device['cert_sha256']),
    certificateNotAfter: or(device['cert_not_after']),
    certificateInDepot: device['cert_in_depot'],
    hasUnlockToken: device['unlock_token_hex'] !== '',
    hasBootstrapToken: device['bootstrap_token_b64'] !== '',
    lastSeen: or(device.last_seen),
  };
}

/** The verdict the design gives a device, from the manifest alone. */
function verdictOf(device: ManifestDevice, manifest: Manifest): Device['verdict'] {
  const { udid } = device;
  if (udid === '' || device['has_push_info'] !== true || manifest.blocked_udids?.includes(udid)) return 'blocked';
  const twice = manifest.devices.filter(({ serial }) => serial !== '' && serial === device.serial).length > 1;
  const short = String(device['token_hex']).length < 64;
  return device['enrolled'] !== true || device['cert_in_depot'] !== true || twice || short ? 'caution' : 'ready';
}

function compare(read: Reading, manifest: Manifest, path: string): void {
  expect(Object.keys(read)).toEqual([
    'schema',
    'source',
    'instant',
    'scepCa',
    'push',
    'profiles',
    'counts',
    'devices',
    'findings',
  ]);
  expect(read.schema).toBe(1);
  expect(read.source).toEqual({
    kind: 'micromdm',
    path,
    sha256: manifest.file_sha256,
    txid: newestTransaction(path),
    pageSize: manifest.page_size,
    size: manifest.file_size,
    retries: 0,
  });
  expect(read.scepCa).toEqual({
    subject: manifest.scep_ca_subject,
    sha256: manifest.scep_ca_cert_sha256,
    notAfter: manifest.scep_ca_not_after,
    keyMatches: true,
  });
  expect(read.push).toEqual({
    topic: manifest.push_cert_topic,
    sha256: manifest.push_cert_sha256,
    notAfter: manifest.push_cert_not_after,
    keyMatches: true,
  });
  expect(read.profiles).toEqual(
    manifest.profile_identifiers.map((identifier) => ({
      identifier,
      displayName: displayNames()[identifier],
      signed: false,
    })),
  );
  expect(read.devices).toHaveLength(manifest.device_count);
  expect(read.counts['devices']).toBe(manifest.devices_with_udid);
  const withUdid = read.devices.filter(({ udid }) => udid !== null);
  for (const verdict of ['ready', 'caution', 'blocked'] as const) {
    expect(read.counts[verdict]).toBe(withUdid.filter((device) => device.verdict === verdict).length);
  }
}

function compareDevices(read: Reading, manifest: Manifest): void {
  // A record's own id is not in the contract; UDID, or for DEP records the serial number, tells them apart.
  const byName = new Map(read.devices.map((device) => [device.udid ?? device.serial, device]));
  for (const wanted of manifest.devices) {
    const device = byName.get(wanted.udid === '' ? wanted.serial : wanted.udid);
    const { verdict, reasons, users, ...facts } = device!;
    expect(facts).toEqual(asContract(wanted));
    expect({ udid: wanted.udid, verdict }).toEqual({ udid: wanted.udid, verdict: verdictOf(wanted, manifest) });
    expect(Array.isArray(reasons) && Array.isArray(users)).toBe(true);
  }
}

/** The higher transaction id of the two header pages. */
function newestTransaction(path: string): number {
  const head = readFileSync(path).subarray(0, 8192);
  return Math.max(Number(head.readBigUInt64LE(16 + 48)), Number(head.readBigUInt64LE(4096 + 16 + 48)));
}

/** Display names by identifier, out of the profiles beside the databases. */
function displayNames(): Record<string, string> {
  const value = (text: string, key: string): string =>
    // The outermost dictionary's own keys come last.
    [...text.matchAll(new RegExp(`<key>${key}</key><string>([^<]*)</string>`, 'g'))].at(-1)?.[1] ?? '';
  return Object.fromEntries(
    ['restrictions', 'wifi', 'unicode'].map((name) => {
      const text = readFileSync(micromdm(`${name}.mobileconfig`), 'utf8').replaceAll('&#39;', "'");
      return [value(text, 'PayloadIdentifier'), value(text, 'PayloadDisplayName')];
    }),
  );
}

let desk: Workstation;
beforeAll(() => void (desk = new Workstation()));
afterAll(() => desk.close());

describe.skipIf(!here)(`read --json of the real databases${ABSENT}`, () => {
  it('agrees with small.db’s manifest in every field, and leaves the source as it was', async () => {
    const folder = desk.subfolder('at-rest');
    const path = `${folder}/micromdm.db`;
    cpSync(micromdm('small.db'), path);
    const before = statSync(path);
    const read = (await desk.data(['read', `micromdm:${path}`])) as Reading;
    const manifest = sharedJson('micromdm', 'small.json') as Manifest;
    compare(read, manifest, path);
    compareDevices(read, manifest);
    const newest = manifest.devices.map(({ last_seen: seen }) => seen ?? '').sort();
    expect(read.instant).toBe(`${newest.at(-1)!.slice(0, 23)}Z`);

    const after = statSync(path);
    expect([after.mtimeMs, after.ctimeMs, after.size]).toEqual([before.mtimeMs, before.ctimeMs, before.size]);
    expect(sha256Of(path)).toBe(manifest.file_sha256);
    expect(desk.files()).toEqual(['at-rest/micromdm.db']);
  });

  it('gives every oddity of small.db its reason, and nothing to the others', async () => {
    const { devices, findings } = (await desk.data(['read', `micromdm:${micromdm('small.db')}`])) as Reading;
    const manifest = sharedJson('micromdm', 'small.json') as Manifest;
    const of = (kind: string): Device[] =>
      manifest.devices
        .filter((device) => device.kind === kind)
        .map((wanted) => devices.find(({ udid, serial }) => (udid ?? serial) === (wanted.udid || wanted.serial))!);
    const reasons = (kind: string): readonly string[] => of(kind).flatMap((device) => device.reasons);
    expect(of('dep-only').map((device) => device.reasons)).toEqual([['no-udid'], ['no-udid']]);
    expect(reasons('no-push-info')).toEqual(['no-push-info', 'not-enrolled']);
    expect(reasons('checked-out')).toEqual(expect.arrayContaining(['blocked-at-source', 'not-enrolled']));
    expect(reasons('shared-serial-a')).toContain('duplicate-serial');
    expect(reasons('shared-serial-b')).toContain('duplicate-serial');
    expect(reasons('cert-not-in-depot')).toContain('certificate-not-in-depot');
    expect(reasons('no-serial')).toContain('no-serial');
    expect(reasons('mdmb')).toContain('push-token-short');
    for (const kind of ['weird-name', 'newline-name', 'long-name', 'tokens-huge', 'tokens-normal', 'udid-changed']) {
      expect({ kind, verdicts: of(kind).map(({ verdict }) => verdict) }).toEqual({ kind, verdicts: ['ready'] });
    }
    const [stale] = manifest.devices.find(({ kind }) => kind === 'user-channel')?.['stale_identifiers'] as string[];
    expect(of('user-channel')[0]!.users.map(({ id }) => `user:${id}`)).toEqual([stale]);
    expect(findings.map(({ code }) => code).sort()).toEqual([
      'deleted-but-connecting',
      'push-info-orphan',
      'superseded-udid',
    ]);
  });

  it('agrees with medium.db in every field of all 5,000 devices', async () => {
    const path = micromdm('medium.db');
    const read = (await desk.data(['read', `micromdm:${path}`])) as Reading;
    const listed = sharedJson('micromdm', 'medium.json') as Manifest;
    compare(read, listed, path);
    const packed = sharedData('micromdm', 'medium.full.json.zst');
    const full = packed === null ? null : unpacked(packed);
    compareDevices(read, full === null ? listed : (JSON.parse(full) as Manifest));
    expect(read.counts).toEqual({ devices: 5000, ready: 4700, caution: 200, blocked: 100 });
  });

  it.skipIf(!process.env['SLIPWAY_TEST_LARGE'])('agrees with large.db (SLIPWAY_TEST_LARGE=1)', async () => {
    const path = desk.path('large.db');
    execFileSync('zstd', ['-dq', micromdm('large.db.zst'), '-o', path]);
    const read = (await desk.data(['read', `micromdm:${path}`])) as Reading;
    const manifest = sharedJson('micromdm', 'large.json') as Manifest;
    compare(read, manifest, path);
    compareDevices(read, manifest);
  });

  it('reads a server that was started once: no devices, no push certificate', async () => {
    const read = (await desk.data(['read', `micromdm:${micromdm('fresh.db')}`])) as Reading;
    expect(read.devices).toEqual([]);
    expect(read.counts).toEqual({ devices: 0, ready: 0, caution: 0, blocked: 0 });
    expect(read.push).toBeNull();
    expect(read.scepCa).toMatchObject({ keyMatches: true });
    expect(read.findings.map(({ code }) => code)).toContain('push-certificate-absent');
  });
});

/** Null where zstd is not installed. */
function unpacked(path: string): string | null {
  try {
    return execFileSync('zstd', ['-dc', path], { maxBuffer: 1 << 30, stdio: ['ignore', 'pipe', 'ignore'] }).toString();
  } catch {
    return null;
  }
}

describe.skipIf(!here)(`read of damaged and strange files${ABSENT}`, () => {
  const variants = sharedJson('micromdm', 'variants.json') as { variants: Record<string, { sha256: string }> } | null;

  /** How each variant ends: what is refused by its code, what is read by what it must be found to have. */
  const expected: Record<string, { code: string } | { finding: string | null }> = {
    'badmeta.db': { finding: 'bolt/other-meta-invalid' },
    'badmeta1.db': { finding: 'bolt/other-meta-invalid' },
    'pagesize16k.db': { finding: null },
    'nofreelist.db': { finding: 'bolt/no-freelist' },
    'boltbackup.db': { finding: null },
    'fresh.db': { finding: 'push-certificate-absent' },
    'bothmeta.db': { code: 'bolt/no-valid-meta' },
    'truncated.db': { code: 'bolt/truncated' },
    'notbolt.db': { code: 'bolt/not-bolt' },
    'empty.db': { code: 'bolt/empty-file' },
    'pagecycle.db': { code: 'bolt/cycle-or-shared-page' },
    'pageoutofrange.db': { code: 'bolt/page-out-of-range' },
    'badelement.db': { code: 'bolt/element-out-of-range' },
    'badpagetype.db': { code: 'bolt/page-type' },
  };

  it('knows every variant there is', () => {
    expect(Object.keys(variants!.variants).sort()).toEqual(Object.keys(expected).sort());
  });

  it.each(Object.entries(expected))('%s', async (name, wanted) => {
    const source = `micromdm:${micromdm(name)}`;
    if ('code' in wanted) {
      const error = await desk.refused(['read', source], 3, wanted.code);
      // Which file, or which part of it.
      expect(error.message).toMatch(new RegExp(`${name}|bucket (mdm\\.Devices|scep_certificates)`, 'i'));
      return;
    }
    const read = (await desk.data(['read', source])) as Reading;
    expect(read.source['sha256']).toBe(variants!.variants[name]!.sha256);
    const codes = read.findings.map(({ code }) => code);
    if (wanted.finding !== null) expect(codes).toContain(wanted.finding);
    else expect(codes.filter((code) => code.startsWith('bolt/'))).toEqual([]);
    if (name === 'fresh.db') return;
    const manifest = sharedJson('micromdm', 'small.json') as Manifest;
    compareDevices(read, manifest);
  });

  it.each([
    ['a folder', (): string => desk.subfolder('some-folder'), 'bolt/is-directory'],
    ['nothing', (): string => desk.path('nowhere.db'), 'bolt/not-found'],
    ['an SQL dump', (): string => micromdm('small.dump.sql'), 'bolt/not-bolt'],
    [
      'a ZIP archive',
      (): string => desk.file('copy.zip', Buffer.from('PK\x03\x04rest of it, and so on')),
      'bolt/not-bolt',
    ],
    [
      'a failed download',
      (): string => desk.file('page.db', '<html><body>502 Bad Gateway</body></html>'),
      'bolt/not-bolt',
    ],
  ])('says what it is when it is %s', async (_, make, code) => {
    await desk.refused(['read', `micromdm:${make()}`], 3, code);
  });

  /** small.db with the type of every leaf page broken whose bytes hold a word. */
  function broken(name: string, word: string): string {
    const bytes = readFileSync(micromdm('small.db'));
    let count = 0;
    for (let page = 2 * 4096; page < bytes.length; page += 4096) {
      const end = page + 4096 * (1 + bytes.readUInt32LE(page + 12));
      if (bytes.readUInt16LE(page + 8) !== 2 || !bytes.subarray(page, end).includes(word)) continue;
      bytes.writeUInt16LE(16, page + 8);
      count += 1;
    }
    expect(count).toBeGreaterThan(0);
    return desk.file(name, bytes);
  }

  it('takes damage among the waiting commands alone for a finding', async () => {
    const read = (await desk.data(['read', `micromdm:${broken('commands.db', 'RequestType')}`])) as Reading;
    compareDevices(read, sharedJson('micromdm', 'small.json') as Manifest);
    const codes = read.findings.map(({ code }) => code);
    expect(codes.filter((code) => /^bolt\/|commands/.test(code))).not.toEqual([]);
  });

  it('takes damage among the push records for what it is, and reads past it with --salvage', async () => {
    const path = broken('push.db', 'fakePushMagic');
    const error = await desk.refused(['read', `micromdm:${path}`], 3, 'bolt/page-type');
    expect(JSON.stringify(error)).not.toContain('fakePushMagic');
    const read = (await desk.data(['read', `micromdm:${path}`, '--salvage'])) as Reading;
    expect(read.findings[0]).toMatchObject({ severity: 'error', code: 'bolt/page-type' });
    expect(read.counts['ready']).toBeLessThan(10);
  });

  it.skipIf(process.getuid?.() === 0)('says so when it may not be read (skipped as root)', async () => {
    const path = desk.file('closed.db', 'x');
    chmodSync(path, 0);
    await desk.refused(['read', `micromdm:${path}`], 3, 'bolt/cannot-read');
  });
});

describe('read for people', () => {
  const hostile = 'a\u001b[2J\u001b]0;owned\u0007b\nc\td\r\u0085\u009b31m\u202egnp.exe\u2066x\ufeffy\u007f';
  let source: string;
  beforeAll(() => {
    source = writeMicroMdm(desk.path('hostile.db'), {
      seed: 'hostile',
      extra: [
        { name: hostile, serial: 'SERIAL\u001b[5m', users: [{ id: 'U\u001b[1mU', shortName: hostile }] },
        { name: 'ordinary', certificate: { commonName: hostile } },
        { name: 'O’Brien 💻 "q" \\ <b>' },
      ],
      topic: 'com.apple.mgmt.External.\u001b[31mred',
      profiles: [{ identifier: `id\u001b[0m`, body: '<plist/>' }],
      blueprints: [{ name: hostile }],
      orphans: 1,
    }).path;
  });

  it('makes escape sequences, line breaks and direction marks in names harmless', async () => {
    const { code, stdout, stderr } = await desk.slipway(['read', `micromdm:${source}`, '--devices']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    // eslint-disable-next-line no-control-regex -- control characters are what it looks for
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/);
    expect(stdout).toContain('\\u{1b}[2J');
    expect(stdout).toContain('O’Brien 💻 "q" \\ <b>');
    // The device is on one line still.
    const line = stdout.split('\n').find((text) => text.includes('owned'));
    expect(line).toContain('\\u{a}c\\u{9}d');
  });

  it('keeps them as they are in JSON, where they are data', async () => {
    const read = (await desk.data(['read', `micromdm:${source}`])) as Reading;
    expect(read.devices.map(({ name }) => name)).toContain(hostile);
    expect(desk.said.at(-1)!.stdout).not.toContain('\u001b');
  });

  it('makes a hostile path harmless in an error', async () => {
    const { code, stderr } = await desk.slipway(['read', 'micromdm:/no/\u001b[2Jsuch']);
    expect(code).toBe(3);
    expect(stderr).toContain('/no/\\u{1b}[2Jsuch');
    expect(stderr).not.toContain('\u001b');
  });

  it('shows no colour and no progress when piped', async () => {
    const { stdout, stderr } = await desk.slipway(['read', `micromdm:${source}`], { env: { FORCE_COLOR: '1' } });
    expect(stdout + stderr).not.toContain('\u001b');
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^3 devices: /m);
  });

  it('writes nothing but what it prints', () => {
    expect(desk.files().filter((name) => name.startsWith('copies'))).toEqual([]);
    expect(modeOf(desk.folder)).toBe('700');
  });
});
