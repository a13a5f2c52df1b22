/** `slipway export`: the files it writes, as openssl sees them. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Manifest } from '../core/sources/micromdm/manifest';
import { sharedData, sharedJson } from '../shared-data';
import { ABSENT, modeOf, sha256Of, Workstation } from './workstation';

const small = `micromdm:${sharedData('micromdm', 'small.db') ?? ''}`;
const here = ABSENT === '';

function openssl(...args: string[]): Buffer {
  return execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] });
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe.skipIf(!here)(`slipway export${ABSENT}`, () => {
  let desk: Workstation;
  let written: { schema: number; folder: string; files: { name: string; sha256: string; size: number }[] };
  const manifest = sharedJson('micromdm', 'small.json') as Manifest;
  beforeAll(async () => {
    desk = new Workstation();
    written = (await desk.data(['export', small, '--out', desk.path('out')])) as typeof written;
  });
  afterAll(() => desk.close());

  it('writes private files in private folders, and tells exactly what it wrote', () => {
    for (const folder of ['out', 'out/profiles']) expect([folder, modeOf(desk.path(folder))]).toEqual([folder, '700']);
    for (const name of desk.files('out')) expect([name, modeOf(desk.path(name))]).toEqual([name, '600']);
    expect(written.schema).toBe(1);
    expect(written.files.map(({ name }) => `out/${name}`).sort()).toEqual(desk.files('out'));
    for (const { name, sha256: told, size } of written.files) {
      const bytes = readFileSync(desk.path('out', name));
      expect([name, told, size]).toEqual([name, sha256(bytes), bytes.length]);
    }
    expect(desk.files()).toEqual(desk.files('out'));
  });

  it.each([
    ['scep-ca', 'scep_ca_cert_sha256', 'scep_ca_key_modulus_sha256'],
    ['push', 'push_cert_sha256', 'push_key_modulus_sha256'],
    ['abm', 'dep_cert_sha256', 'dep_key_modulus_sha256'],
  ] as const)(
    '%s: openssl takes certificate and key, finds that they match, and that they are the right ones',
    (name, certificate, modulus) => {
      const [pem, key] = [desk.path('out', `${name}.pem`), desk.path('out', `${name}.key`)];
      const publicKey = openssl('pkey', '-in', key, '-pubout').toString();
      expect(openssl('x509', '-in', pem, '-noout', '-pubkey').toString()).toBe(publicKey);
      expect(sha256(openssl('x509', '-in', pem, '-outform', 'DER'))).toBe(manifest[certificate]);
      expect(sha256(openssl('rsa', '-in', key, '-noout', '-modulus'))).toBe(manifest[modulus]);
      openssl('rsa', '-in', key, '-noout', '-check');
    },
  );

  it('gives the SCEP CA as its owner knows it, good for checking a device’s certificate', () => {
    const known = (name: string): Buffer => openssl('x509', '-in', name, '-outform', 'DER');
    const ca = desk.path('out', 'scep-ca.pem');
    expect(known(ca)).toEqual(known(sharedData('micromdm', 'small.scep.cert.pem')!));
    const key = (name: string): Buffer => openssl('rsa', '-in', name, '-outform', 'DER');
    expect(key(desk.path('out', 'scep-ca.key'))).toEqual(key(sharedData('micromdm', 'small.scep.key.pem')!));
    expect(openssl('verify', '-CAfile', ca, ca).toString()).toMatch(/: OK/);
  });

  it('gives profiles byte for byte, and the ABM token whole', () => {
    const profiles = desk.files('out/profiles').map((name) => sha256Of(desk.path(name)));
    expect(profiles.sort()).toEqual([...manifest.profile_mobileconfig_sha256].sort());
    const token = JSON.parse(readFileSync(desk.path('out', 'abm-token-CK_test.json'), 'utf8')) as Record<
      string,
      string
    >;
    expect(token['consumer_key']).toBe('CK_test');
    expect(Object.keys(token)).toEqual(expect.arrayContaining(['consumer_secret', 'access_token', 'access_secret']));
  });

  it('never overwrites: nothing changes, and nothing is left half written', async () => {
    const before = desk.files().map((name) => [name, sha256Of(desk.path(name))]);
    await desk.refused(['export', small, '--out', desk.path('out')], 2, 'file/exists');
    expect(desk.files().map((name) => [name, sha256Of(desk.path(name))])).toEqual(before);
  });

  it('does not put secrets where others can look', async () => {
    const open = desk.subfolder('open');
    desk.file('open/some.txt', 'of others');
    chmodSync(open, 0o755);
    await desk.refused(['export', small, '--out', open], 1, 'folder/not-private');
    expect(desk.files('open')).toEqual(['open/some.txt']);
    await desk.refused(['export', small, '--out', desk.path('open/some.txt/in-a-file')], 3, 'folder/cannot-make');
  });

  it('tells people what it wrote, and no secret of it', async () => {
    const { code, stdout, stderr } = await desk.slipway(['export', small, '--out', desk.path('again')]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('scep-ca.key');
    expect(stdout).not.toContain('PRIVATE');
    expect(desk.files('again').map((name) => sha256Of(desk.path(name)))).toEqual(
      desk.files('out').map((name) => sha256Of(desk.path(name))),
    );
  });

  it('writes what there is of a server that was only started once', async () => {
    const fresh = `micromdm:${sharedData('micromdm', 'fresh.db')!}`;
    await desk.data(['export', fresh, '--out', desk.path('fresh')]);
    expect(desk.files('fresh')).toEqual(['fresh/scep-ca.key', 'fresh/scep-ca.pem']);
  });
});
