/** `slipway ca extend`: the real built bundle; openssl judges what it writes. */
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writePem } from '../../src/core/certificates/pem';
import { parseSource, readSource } from '../../src/core/sources';
import { OpensslBench } from '../core/inspector/openssl-bench';
import { writeMicroMdm } from '../micromdm-writer';
import { sharedData } from '../shared-data';
import { AT, modeOf, Workstation, type Outcome } from './workstation';

const bench = new OpensslBench();
const small = sharedData('micromdm', 'small.db');
let desk: Workstation;

const extend = (...args: string[]): Promise<Outcome> =>
  desk.slipway(['ca', 'extend', ...args.map((arg) => (arg.startsWith('@') ? bench.path(arg.slice(1)) : arg))]);
const files = ['--certificate', '@ca.pem', '--key-file', '@ca.key'];

beforeAll(() => {
  desk = new Workstation();
  for (const key of ['ca', 'other']) bench.sh(`genrsa -out ${key}.key 2048`);
  bench.selfSigned('ca', 'ca.key', '/O=MicroMDM/OU=MICROMDM SCEP CA', 700, [
    'basicConstraints=critical,CA:TRUE',
    'keyUsage=keyCertSign,cRLSign',
  ]);
  for (const name of ['mac', 'ipad'])
    bench.issue(name, 'other.key', `/O=MicroMDM/CN=${name}`, 'ca', 'ca.key', 'extendedKeyUsage=clientAuth');
  bench.issue('pinned', 'other.key', '/CN=pinned', 'ca', 'ca.key', 'authorityKeyIdentifier=keyid,issuer:always');
  bench.selfSigned('stranger', 'other.key', '/CN=stranger', 30);
});
afterAll(() => {
  desk.close();
  bench.close();
});

describe('slipway ca extend', () => {
  it('writes a certificate that verifies what the old one issued; 0600, never overwriting', async () => {
    const out = bench.path('extended.pem');
    const done = await extend(...files, '--years', '5', '--prove', '@mac.pem', '@ipad.pem', '--out', out, '--json');
    expect(done.code, done.text).toBe(0);
    expect(done.json).toMatchObject({
      schema: 1,
      file: out,
      proof: { proven: 2, lost: [], foreign: [] },
      notes: [{ code: 'serial-new' }],
    });
    const { old, extended } = done.json as Record<'old' | 'extended', { subjectKeyId: string; serial: string }>;
    expect(extended.subjectKeyId).toBe(old.subjectKeyId);
    expect(extended.serial).not.toBe(old.serial);
    // As openssl prints it, a leading zero too.
    for (const [path, told] of [
      [out, extended.serial],
      [bench.path('ca.pem'), old.serial],
    ] as const)
      expect(bench.run('x509', '-in', path, '-noout', '-serial').toString()).toBe(`serial=${told}\n`);
    expect(modeOf(out)).toBe('600');
    for (const name of ['mac', 'ipad'])
      expect(bench.run('verify', '-CAfile', out, `${name}.pem`).toString()).toBe(`${name}.pem: OK\n`);
    expect(bench.run('x509', '-in', out, '-noout', '-pubkey').toString()).toBe(
      bench.run('pkey', '-in', 'ca.key', '-pubout').toString(),
    );
    const again = await extend(...files, '--years', '5', '--out', out, '--json');
    expect([again.code, again.error.code]).toEqual([2, 'file/exists']);
  });

  it('says when nothing was proven', async () => {
    const done = await extend(...files, '--years', '5', '--keep-serial', '--out', desk.path('unproven.pem'));
    expect(done.code).toBe(0);
    expect(done.stdout).toContain('nothing-proven');
    expect(done.stdout).toContain('(kept)');
  });

  it.each<[string, string[], number, string]>([
    ['another key', ['--certificate', '@ca.pem', '--key-file', '@other.key'], 1, 'ca/key-differs'],
    ['no CA', ['--certificate', '@mac.pem', '--key-file', '@other.key'], 1, 'ca/not-a-ca'],
    ['a certificate that would be lost', [...files, '--prove', '@pinned.pem'], 1, 'ca/lost'],
    ['a stranger to prove it on', [...files, '--prove', '@stranger.pem'], 1, 'ca/foreign'],
    ['no later end', [...files, '--years', '1'], 1, 'ca/not-later'],
    ['too many years', [...files, '--years', '21'], 2, 'usage/years'],
    ['no files', [], 2, 'usage/no-files'],
    ['source and files', ['micromdm:x.db', ...files], 2, 'usage/two-origins'],
    ['a file that is not there', ['--certificate', '@none.pem', '--key-file', '@ca.key'], 3, 'usage/secret-file'],
    ['a key that is none', ['--certificate', '@ca.pem', '--key-file', '@mac.pem'], 3, 'key/unreadable'],
  ])('refuses %s, and writes nothing', async (_name, args, code, wanted) => {
    const out = desk.path('refused.pem');
    const years = args.includes('--years') ? [] : ['--years', '5'];
    const done = await extend(...args, ...years, '--out', out, '--json');
    expect([done.code, done.error.code]).toEqual([code, wanted]);
    expect(done.stdout).toBe('');
    expect(existsSync(out)).toBe(false);
  });

  it('with --keep-serial nothing is lost', async () => {
    const out = bench.path('kept.pem');
    const done = await extend(...files, '--years', '5', '--keep-serial', '--prove', '@pinned.pem', '--out', out);
    expect(done.code, done.text).toBe(0);
    expect(bench.run('verify', '-CAfile', out, 'pinned.pem').toString()).toBe('pinned.pem: OK\n');
  });

  it('takes the CA from a source and proves all its devices', async () => {
    const source = desk.path('written.db');
    writeMicroMdm(source, { sign: 'real', devices: 4 });
    const out = desk.path('from-source.pem');
    const done = await extend(`micromdm:${source}`, '--years', '19', '--at', AT, '--out', out, '--json');
    expect(done.code, done.text).toBe(0);
    expect(done.json).toMatchObject({ proof: { proven: 4, lost: [], foreign: [] } });
    expect(done.text).not.toContain('PRIVATE');
  });

  it.skipIf(small === null)('also a real one, whose device certificates openssl verifies', async () => {
    const out = desk.path('from-small.pem');
    const done = await extend(`micromdm:${small ?? ''}`, '--years', '10', '--at', AT, '--out', out, '--json');
    expect(done.code, done.text).toBe(0);
    const { proof } = done.json as { proof: { proven: number; lost: string[]; foreign: string[] } };
    expect(proof.lost).toEqual([]);
    const { devices } = await readSource(parseSource(`micromdm:${small ?? ''}`), {
      at: Date.parse(AT),
      folder: desk.copies,
      keepCertificates: true,
    });
    const ders = new Set(devices.flatMap(({ certificate }) => certificate?.der?.toString('base64') ?? []));
    expect(proof.proven + proof.foreign.length).toBe(ders.size);
    const verified = [...ders].filter((der) => {
      bench.write('device.pem', writePem('CERTIFICATE', Buffer.from(der, 'base64')));
      try {
        bench.run('verify', '-no_check_time', '-CAfile', out, 'device.pem');
        return true;
      } catch {
        return false;
      }
    });
    expect(verified).toHaveLength(proof.proven);
    expect(proof.proven).toBeGreaterThan(10);
  });
});
