/** The reader against databases of the real server: every field of every device, as their manifests tell it. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyIssuers } from '../../../../src/core/certificates/issuer';
import { readMicroMdm } from '../../../../src/core/sources/micromdm';
import type { Snapshot, SourceDevice } from '../../../../src/core/sources/snapshot';
import { sharedData, sharedJson } from '../../../shared-data';
import { asManifestDevice, asRead, devicesDigest, iso, modulusSha256, subjectsOf, type Manifest } from './manifest';

const at = Date.parse('2026-11-24T02:00:00Z');
const here = sharedData('micromdm', 'small.db') !== null;

function zstd(path: string): Buffer {
  return execFileSync('zstd', ['-dc', path], { maxBuffer: 1 << 30, stdio: ['ignore', 'pipe', 'ignore'] });
}

function compareWhole(snapshot: Snapshot, manifest: Manifest): void {
  const { devices, scepCa, push } = snapshot;
  const withUdid = devices.filter(({ udid }) => udid !== null);
  expect(snapshot.source).toMatchObject({
    kind: 'micromdm',
    sha256: manifest.file_sha256,
    size: manifest.file_size,
    pageSize: manifest.page_size,
    retries: 0,
  });
  expect({
    device_count: devices.length,
    enrolled_count: devices.filter(({ enrolled }) => enrolled).length,
    devices_with_udid: withUdid.length,
    devices_with_push_info: withUdid.filter(({ push: own }) => own?.from === 'push-info').length,
    devices_with_cert_in_depot: withUdid.filter(({ certificate }) => certificate?.inDepot).length,
    devices_with_unlock_token: withUdid.filter(({ unlockToken }) => unlockToken).length,
    devices_with_bootstrap_token: withUdid.filter(({ bootstrapToken }) => bootstrapToken).length,
    scep_ca_cert_sha256: scepCa?.sha256,
    scep_ca_subject: scepCa?.subject,
    scep_ca_not_after: iso(scepCa?.notAfter ?? 0),
    scep_ca_key_modulus_sha256: modulusSha256(scepCa),
    scep_next_serial: scepCa?.nextSerial?.toString(),
    push_cert_topic: push?.topic,
    push_cert_sha256: push?.sha256,
    push_cert_not_after: iso(push?.notAfter ?? 0),
    push_key_modulus_sha256: modulusSha256(push),
    dep_cert_sha256: snapshot.abmKeyPair?.sha256,
    dep_key_modulus_sha256: modulusSha256(snapshot.abmKeyPair),
    profile_identifiers: snapshot.profiles.map(({ identifier }) => identifier),
    profile_mobileconfig_sha256: snapshot.profiles.map(({ body }) => body.sha256()),
    blueprint_names: snapshot.blueprints.length === 0 ? null : snapshot.blueprints.map(({ name }) => name),
    devices_digest_sha256: devicesDigest([...devices]),
  }).toEqual({
    device_count: manifest.device_count,
    enrolled_count: manifest.enrolled_count,
    devices_with_udid: manifest.devices_with_udid,
    devices_with_push_info: manifest.devices_with_push_info,
    devices_with_cert_in_depot: manifest.devices_with_cert_in_depot,
    devices_with_unlock_token: manifest.devices_with_unlock_token,
    devices_with_bootstrap_token: manifest.devices_with_bootstrap_token,
    scep_ca_cert_sha256: manifest.scep_ca_cert_sha256,
    scep_ca_subject: manifest.scep_ca_subject,
    scep_ca_not_after: manifest.scep_ca_not_after,
    scep_ca_key_modulus_sha256: manifest.scep_ca_key_modulus_sha256,
    scep_next_serial: manifest.scep_next_serial,
    push_cert_topic: manifest.push_cert_topic,
    push_cert_sha256: manifest.push_cert_sha256,
    push_cert_not_after: manifest.push_cert_not_after,
    push_key_modulus_sha256: manifest.push_key_modulus_sha256,
    dep_cert_sha256: manifest.dep_cert_sha256,
    dep_key_modulus_sha256: manifest.dep_key_modulus_sha256,
    profile_identifiers: manifest.profile_identifiers,
    profile_mobileconfig_sha256: manifest.profile_mobileconfig_sha256,
    blueprint_names: manifest.blueprint_names,
    devices_digest_sha256: manifest.devices_digest_sha256,
  });
  expect([scepCa?.isCa, scepCa?.keyMatches, push?.keyMatches, snapshot.abmKeyPair?.keyMatches]).toEqual(
    Array(4).fill(true),
  );
  expect([scepCa?.keyType, scepCa?.keyBits]).toEqual(['RSA', 2048]);
  const orphans = ['push-info-orphan', 'deleted-but-connecting', 'superseded-udid'];
  const found = orphans.flatMap((code) => subjectsOf(snapshot, code));
  const users = devices.flatMap(({ users: own }) => own.map(({ id }) => id));
  expect([...found, ...users].sort()).toEqual(manifest.push_info_without_device.map(({ key }) => key).sort());
}

function compareDevices(snapshot: Snapshot, manifest: Manifest): void {
  const byId = new Map(snapshot.devices.map((device) => [device.recordId, device]));
  for (const wanted of manifest.devices) {
    const device = byId.get(wanted.uuid);
    expect(device && asManifestDevice(device, asRead(wanted) as never)).toEqual(asRead(wanted));
  }
}

describe.skipIf(!here)('small.db (skipped where ../shared is absent)', () => {
  let small: Snapshot;
  const manifest = sharedJson('micromdm', 'small.json') as Manifest;
  beforeAll(async () => {
    small = await readMicroMdm(sharedData('micromdm', 'small.db') as string, { at });
  });
  const of = (kind: string): SourceDevice =>
    small.devices.find(
      ({ recordId }) => recordId === manifest.devices.find((device) => device.kind === kind)?.uuid,
    ) as never;
  const codes = (kind: string): string[] => of(kind).reasons.map(({ severity, code }) => `${severity} ${code}`);

  it('agrees with the manifest as a whole', () => compareWhole(small, manifest));
  it('agrees with the manifest in every field of every device', () => {
    expect(manifest.devices.length).toBe(small.devices.length);
    compareDevices(small, manifest);
  });

  it('takes its instant from the newest contact', () => {
    const newest = manifest.devices
      .map(({ last_seen }) => last_seen ?? '')
      .sort()
      .at(-1) as string;
    expect(iso(small.instant)).toBe(`${newest.slice(0, 23)}Z`);
  });

  it('gives the user channel to its Mac', () => {
    const [user] = of('user-channel').users;
    expect(user).toMatchObject({ tokenMatches: true, superseded: false, push: { from: 'push-info' } });
    expect(`user:${user?.id}`).toBe(
      (manifest.devices.find(({ kind }) => kind === 'user-channel')?.['stale_identifiers'] as string[])[0],
    );
  });

  it('tells orphans apart', () => {
    expect(subjectsOf(small, 'superseded-udid')).toEqual(['BE116315-0C5B-4653-8C44-DE295071BB93']);
    expect(subjectsOf(small, 'deleted-but-connecting')).toEqual(['9A9701AC-FDC5-4904-A7D3-7718F543909F']);
    expect(subjectsOf(small, 'push-info-orphan')).toEqual(['e71857d8-812f-4b33-b43d-d5c84fb3a8fb']);
  });

  it('knows blocked devices, waiting commands and platforms', () => {
    expect(small.devices.filter(({ blockedAtSource }) => blockedAtSource).map(({ udid }) => udid)).toEqual(
      manifest.blocked_udids,
    );
    expect(of('tokens-normal').platform).toBe('ipados');
    expect(of('user-channel').platform).toBe('darwin');
    expect(of('mdmb').platform).toBe('darwin');
    const waiting = small.devices.filter(({ pending }) => (pending?.count ?? 0) > 0);
    expect(waiting.length).toBeGreaterThan(0);
    for (const { pending } of waiting) expect(pending?.requestTypes.every((type) => type !== 'unknown')).toBe(true);
    expect(of('dep-only').pending).toBeNull();
  });

  it('finds nothing wrong with devices of a sound server', () => {
    expect(codes('weird-name')).toEqual([]);
    // mdmb sends no product name.
    expect(codes('mdmb')).toEqual(['note platform-inferred']);
    expect(codes('cert-not-in-depot')).toEqual([]);
    expect(small.findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  });

  it('keeps every secret out of its JSON', () => {
    const text = JSON.stringify(small, (_key, value: unknown) =>
      typeof value === 'bigint' ? value.toString() : value,
    );
    for (const { push_magic, unlock_token_hex, bootstrap_token_b64 } of manifest.devices)
      for (const secret of [push_magic, unlock_token_hex, bootstrap_token_b64] as string[])
        if (secret) expect(text).not.toContain(secret);
    expect(text).not.toContain('PRIVATE KEY');
  });

  it('proves the issuer of every certificate', async () => {
    const proof = await verifyIssuers(small);
    expect(proof.proven).toBe(18);
    expect(proof.disproven).toEqual([]);
    expect(proof.unknown).toEqual([of('cert-not-in-depot').udid]);
    expect(small.devices.filter(({ certificate }) => certificate?.issuedByCa === true).length).toBe(18);
  });

  it('reads the tokens and profiles', () => {
    expect(small.abmTokens).toMatchObject([{ consumerKey: 'CK_test', active: true }]);
    expect(small.abmTokens[0]?.expiry).toMatch(/^\d{4}-/);
    expect(small.profiles.map(({ signed, payloadTypes }) => [signed, payloadTypes.length])).toEqual(
      small.profiles.map(() => [false, 1]),
    );
    expect(small.profiles.every(({ displayName }) => displayName !== null)).toBe(true);
    expect(small.enrollmentProfile).toBeNull();
    expect(small.blueprints[0]).toMatchObject({ name: 'exampleBlueprint' });
  });
});

describe.skipIf(!here)('variants of small.db (skipped where ../shared is absent)', () => {
  const file = (name: string): string => sharedData('micromdm', name) as string;
  const digest = (sharedJson('micromdm', 'small.json') as Manifest | null)?.devices_digest_sha256;
  const variants = (sharedJson('micromdm', 'variants.json') as { variants: Record<string, { sha256: string }> } | null)
    ?.variants;

  it.each(['badmeta.db', 'badmeta1.db', 'pagesize16k.db', 'nofreelist.db', 'boltbackup.db'])(
    'reads the same devices from %s',
    async (name) => {
      const snapshot = await readMicroMdm(file(name), { at });
      expect(devicesDigest([...snapshot.devices])).toBe(digest);
      expect(snapshot.source.sha256).toBe(variants?.[name]?.sha256);
      expect(snapshot.abmTokens.length).toBe(name === 'badmeta1.db' ? 0 : 1);
    },
  );

  it('says which header page was bad', async () => {
    const { findings } = await readMicroMdm(file('badmeta.db'), { at });
    expect(findings).toContainEqual(expect.objectContaining({ code: 'bolt/other-meta-invalid', severity: 'info' }));
  });

  it.each([
    ['bothmeta.db', 'bolt/no-valid-meta'],
    ['truncated.db', 'bolt/truncated'],
    ['notbolt.db', 'bolt/not-bolt'],
    ['empty.db', 'bolt/empty-file'],
    ['pagecycle.db', 'bolt/cycle-or-shared-page'],
    ['pageoutofrange.db', 'bolt/page-out-of-range'],
    ['badelement.db', 'bolt/element-out-of-range'],
    ['badpagetype.db', 'bolt/page-type'],
  ])('refuses %s', async (name, code) => {
    await expect(readMicroMdm(file(name), { at })).rejects.toMatchObject({ failure: { code, kind: 'unreadable' } });
  });

  it.each([
    ['pagecycle.db', 'mdm.Devices', 25],
    ['badelement.db', 'scep_certificates', 18],
  ])('names bucket and page of the damage in %s', async (name, bucket, page) => {
    await expect(readMicroMdm(file(name), { at })).rejects.toMatchObject({
      failure: { message: expect.stringContaining(bucket) as string, detail: { bucket, page } },
    });
  });

  it.each(['pagecycle.db', 'pageoutofrange.db', 'badelement.db', 'badpagetype.db', 'truncated.db'])(
    'reads what is left of %s in a salvage, and says what is not',
    async (name) => {
      const result = await readMicroMdm(file(name), { at, salvage: true }).catch((error: unknown) => error);
      if (result instanceof Error) expect(String(result)).toMatch(/bolt\/|micromdm\//);
      else {
        const { devices, findings } = result as Snapshot;
        expect(devices.length).toBeGreaterThan(0);
        expect(findings[0]).toMatchObject({ severity: 'error', code: expect.stringMatching(/^bolt\//) as string });
      }
    },
  );

  it('reads a server that was started once', async () => {
    const fresh = await readMicroMdm(file('fresh.db'), { at });
    expect(fresh.devices).toEqual([]);
    expect(fresh.push).toBeNull();
    expect(fresh.scepCa).toMatchObject({ isCa: true, keyMatches: true });
    expect(fresh.findings.map(({ code }) => code)).toContain('push-certificate-absent');
    expect(fresh.instant).toBeLessThanOrEqual(at);
  });
});

describe.skipIf(!here)('medium.db and large.db (skipped where ../shared is absent)', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'slipway-real-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('agrees with medium.db in every field of all 5,000 devices', async () => {
    const medium = await readMicroMdm(sharedData('micromdm', 'medium.db') as string, { at });
    const short = sharedJson('micromdm', 'medium.json') as Manifest;
    compareWhole(medium, short);
    compareDevices(medium, short);
    const packed = sharedData('micromdm', 'medium.full.json.zst');
    if (!packed) return;
    const full = JSON.parse(zstd(packed).toString()) as Manifest;
    expect(full.devices.length).toBe(5000);
    compareDevices(medium, full);
    expect(medium.devices.flatMap(({ reasons }) => reasons).map(({ code }) => code)).toEqual([]);
    const proof = await verifyIssuers(medium);
    expect([proof.proven, proof.disproven, proof.unknown]).toEqual([5000, [], []]);
  });

  it.skipIf(!process.env['SLIPWAY_TEST_LARGE'])('agrees with large.db (SLIPWAY_TEST_LARGE=1)', async () => {
    const path = join(folder, 'large.db');
    execFileSync('zstd', ['-dq', sharedData('micromdm', 'large.db.zst') as string, '-o', path]);
    const manifest = sharedJson('micromdm', 'large.json') as Manifest;
    const large = await readMicroMdm(path, { at });
    compareWhole(large, manifest);
    compareDevices(large, manifest);
    expect((await verifyIssuers(large)).proven).toBe(50_000);
  });
});

describe.skipIf(!here)('SHA-256 of a file', () => {
  it('is that of the bytes', async () => {
    const path = sharedData('micromdm', 'small.db') as string;
    expect(existsSync(path)).toBe(true);
    const { source } = await readMicroMdm(path, { at });
    expect(source.sha256).toBe(createHash('sha256').update(readFileSync(path)).digest('hex'));
  });
});
