/** The SCEP server's depot: the real folder, changed folders, and the Bolt form; certificates and keys by openssl. */
import { execFileSync } from 'node:child_process';
import { createPublicKey, hash, X509Certificate } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Secret } from '../../../../src/core/secret';
import { FindingLog } from '../../../../src/core/sources/finding-log';
import { readScepDepot, type ScepDepot } from '../../../../src/core/sources/nanomdm/scep-depot';
import type { Finding } from '../../../../src/core/sources/snapshot';
import { writeBolt } from '../../../bolt-writer';
import { ABSENT, unpackStore } from '../../../nanomdm-stores';
import { AT, readManifest } from './manifest';

const PASSPHRASE = 'nm-capass';

const openssl = (input: Buffer | string, ...args: string[]): Buffer =>
  execFileSync('openssl', args, { input, stdio: ['pipe', 'pipe', 'ignore'] });

async function read(
  path: string,
  { passphrase, wanted = [] }: { passphrase?: string; wanted?: readonly string[] } = {},
): Promise<ScepDepot & { readonly told: readonly Finding[] }> {
  const findings = new FindingLog();
  const depot = await readScepDepot(path, {
    at: AT,
    wanted: new Set(wanted),
    findings,
    ...(passphrase === undefined ? {} : { keyPassphrase: new Secret('passphrase', passphrase) }),
  });
  return { ...depot, told: findings.all() };
}

describe.skipIf(ABSENT !== '')(`the SCEP depot${ABSENT}`, () => {
  const folders: string[] = [];
  let real: string;
  /** DER of the CA and its key, and of everything issued by serial number, all by openssl. */
  let ca: { readonly pem: string; readonly der: Buffer; readonly key: Buffer };
  let issued: { readonly name: string; readonly der: Buffer; readonly serial: bigint }[];

  beforeAll(() => {
    const folder = unpackStore('scep-depot');
    folders.push(folder);
    real = join(folder, 'depot');
    const pem = readFileSync(join(real, 'ca.pem'), 'utf8');
    ca = {
      pem,
      der: openssl(pem, 'x509', '-outform', 'DER'),
      key: openssl(
        readFileSync(join(real, 'ca.key')),
        'rsa',
        '-passin',
        `pass:${PASSPHRASE}`,
        '-outform',
        'DER',
        '-traditional',
      ),
    };
    issued = readdirSync(real)
      .filter((name) => name.endsWith('.pem') && name !== 'ca.pem')
      .map((name) => {
        const certificate = new X509Certificate(readFileSync(join(real, name)));
        return { name, der: certificate.raw, serial: BigInt(`0x${certificate.serialNumber}`) };
      });
  });
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true });
  });

  const changed = (change: (folder: string) => void): string => {
    const folder = join(mkdtempSync(join(tmpdir(), 'slipway-depot-')), 'depot');
    folders.push(join(folder, '..'));
    cpSync(real, folder, { recursive: true });
    change(folder);
    return folder;
  };
  const highest = (): bigint => issued.reduce((most, { serial }) => (serial > most ? serial : most), 0n);
  const codes = (told: readonly Finding[]): string[] => told.map(({ code }) => code);

  it('gives the CA, its key and the next number, as openssl and the manifest say', async () => {
    const { ca: found, told } = await read(real, { passphrase: PASSPHRASE });
    expect(told).toEqual([]);
    expect(found).toMatchObject({
      sha256: readManifest('manifest.json').scep_ca.sha256,
      isCa: true,
      keyMatches: true,
      nextSerial: highest() + 1n,
    });
    expect(found?.der.equals(ca.der)).toBe(true);
    const opened = createPublicKey(found?.key?.reveal() ?? '').export({ type: 'spki', format: 'pem' });
    expect(opened).toBe(openssl(ca.pem, 'x509', '-pubkey', '-noout').toString());
  });

  it('gives the certificates that are asked for, and no others', async () => {
    const some = issued.slice(3, 8).map(({ der }) => hash('sha256', der, 'hex'));
    const { found } = await read(real, { passphrase: PASSPHRASE, wanted: [...some, 'f'.repeat(64)] });
    expect(found.map((der) => hash('sha256', der, 'hex')).sort()).toEqual([...some].sort());
  });

  it.each([
    ['wrong', { passphrase: 'not-the-passphrase' }],
    ['missing', {}],
  ])('has the CA without its key, and says so, when the passphrase is %s', async (_, given) => {
    const { ca: found, told } = await read(real, given);
    expect(codes(told)).toEqual(['scep-ca-key-unreadable']);
    expect(told[0]?.severity).toBe('error');
    expect(told[0]?.detail).toContain('--scep-ca-passphrase-file');
    expect(told[0]?.detail).not.toContain('not-the-passphrase');
    expect(found).toMatchObject({ key: null, keyMatches: false, nextSerial: highest() + 1n });
  });

  it('says that a key is absent or another CA’s', async () => {
    const absent = changed((folder) => rmSync(join(folder, 'ca.key')));
    expect(codes((await read(absent)).told)).toEqual(['scep-ca-key-mismatch']);
    const other = changed((folder) => writeFileSync(join(folder, 'ca.key'), openssl('', 'genrsa', '2048')));
    const { ca: found, told } = await read(other);
    expect(codes(told)).toEqual(['scep-ca-key-mismatch']);
    expect(found?.keyMatches).toBe(false);
  });

  it.each([
    ['behind', (folder: string) => writeFileSync(join(folder, 'serial'), '05\n')],
    ['missing', (folder: string) => rmSync(join(folder, 'serial'))],
    ['nonsense', (folder: string) => writeFileSync(join(folder, 'serial'), 'many\n')],
  ])('counts on from what was issued when the file serial is %s', async (_, change) => {
    const { ca: found, told } = await read(changed(change), { passphrase: PASSPHRASE });
    expect(codes(told)).toEqual(['scep-serial-behind']);
    expect(found?.nextSerial).toBe(highest() + 1n);
  });

  it('takes the highest of serial, index.txt and the names of the files', async () => {
    const serial = changed((folder) => writeFileSync(join(folder, 'serial'), '0100\n'));
    expect((await read(serial, { passphrase: PASSPHRASE })).ca?.nextSerial).toBe(257n);
    const index = changed((folder) =>
      writeFileSync(join(folder, 'index.txt'), 'V\t271124020939Z\t\t0200\tgone.512.pem\t/CN=gone\n', { flag: 'a' }),
    );
    expect((await read(index, { passphrase: PASSPHRASE })).ca?.nextSerial).toBe(513n);
    const name = changed((folder) => cpSync(join(folder, issued[0]?.name ?? ''), join(folder, 'again.1000.pem')));
    expect((await read(name, { passphrase: PASSPHRASE })).ca?.nextSerial).toBe(1001n);
  });

  it('skips what is no certificate, with its name, and has no CA when ca.pem is none', async () => {
    const folder = changed((inside) => {
      writeFileSync(join(inside, 'odd.7.pem'), 'no certificate');
      writeFileSync(join(inside, 'ca.pem'), '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    });
    const { ca: found, told } = await read(folder, { passphrase: PASSPHRASE });
    expect(found).toBeNull();
    expect(codes(told)).toEqual(['scep-ca-unreadable', 'depot-entry-unreadable']);
    expect(told[1]?.subjects).toEqual(['odd.7.pem']);
  });

  it('refuses a place that is no depot, and names the depot inside', async () => {
    await expect(read(join(real, 'nowhere'))).rejects.toMatchObject({ failure: { code: 'nanomdm/no-depot' } });
    await expect(read(join(real, '..'))).rejects.toMatchObject({
      failure: { code: 'nanomdm/no-depot', remedy: `Name ${real}.` },
    });
  });

  it('reads the Bolt form', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'slipway-depot-bolt-'));
    folders.push(folder);
    const path = join(folder, 'depot.bolt');
    const entries = [
      ...issued.map(({ name, der }) => [name.replace(/\.pem$/, ''), der] as const),
      ['ca_certificate', ca.der] as const,
      ['ca_key', ca.key] as const,
      ['serial', Buffer.from([0x01, 0x2c])] as const,
    ].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    writeBolt(path, [{ name: 'scep_certificates', entries }]);
    const wanted = issued.slice(0, 4).map(({ der }) => hash('sha256', der, 'hex'));
    const { ca: read300, found, told } = await read(path, { wanted });
    expect(told).toEqual([]);
    expect(read300).toMatchObject({
      sha256: readManifest('manifest.json').scep_ca.sha256,
      isCa: true,
      keyMatches: true,
      nextSerial: 300n,
    });
    expect(found.map((der) => hash('sha256', der, 'hex')).sort()).toEqual([...wanted].sort());
    const without = join(folder, 'other.bolt');
    writeBolt(without, [{ name: 'other', entries: [['a', 'b']] }]);
    await expect(read(without)).rejects.toMatchObject({ failure: { code: 'nanomdm/no-depot' } });
  });
});
