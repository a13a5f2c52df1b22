/** What is exported is what openssl (and node-forge, for RSA) read back. */
import { createPrivateKey } from 'node:crypto';
import forge from 'node-forge';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportPart, inspectFiles, type Inspection } from '../../../src/core/inspector';
import { Secret } from '../../../src/core/secret';
import { LEGACY, OpensslBench } from './openssl-bench';

const bench = new OpensslBench();
const password = new Secret('password', 'pässword 1');
let found: Inspection;
beforeAll(async () => {
  bench.makeBasics();
  bench.run('crl2pkcs7', '-nocrl', '-certfile', 'leaf.pem', '-certfile', 'inter.pem', '-out', 'chain.p7b');
  const names = [
    'leaf.pem',
    'rsa.key',
    'inter.pem',
    'root.pem',
    'device.pem',
    'p256.key',
    'plain.csr',
    'chain.p7b',
    'ed25519.key',
  ];
  found = await inspectFiles(
    names.map((name) => ({ path: bench.path(name) })),
    { at: Date.now() },
  );
});
afterAll(() => bench.close());

const item = (index: number): Inspection['items'][number] => found.items[index]!;

describe('exporting', () => {
  it('certificates and requests come out byte for byte', async () => {
    for (const [index, file, command] of [
      [0, 'leaf.pem', 'x509'],
      [6, 'plain.csr', 'req'],
    ] as const) {
      const der = await exportPart(found, item(index), 'der');
      expect(der.reveal()).toEqual(bench.run(command, '-in', file, '-outform', 'DER'));
      const pem = await exportPart(found, item(index), 'pem');
      expect(pem.revealText()).toBe(bench.run(command, '-in', file).toString());
    }
  });

  it('RSA keys as PKCS#1, others as PKCS#8', async () => {
    expect((await exportPart(found, item(1), 'pem')).revealText()).toBe(
      bench.run('rsa', '-in', 'rsa.key', '-traditional').toString(),
    );
    expect((await exportPart(found, item(1), 'der')).reveal()).toEqual(
      bench.run('rsa', '-in', 'rsa.key', '-traditional', '-outform', 'DER'),
    );
    const ec = await exportPart(found, item(5), 'pem');
    expect(ec.revealText()).toContain('BEGIN PRIVATE KEY');
    bench.write('ec.pem', ec.revealText());
    expect(bench.keyHash('-in', 'ec.pem')).toBe(bench.keyHash('-in', 'p256.key'));
    expect(String(ec)).not.toContain('PRIVATE');
  });

  it('with the chain, and a bundle with all that is in it', async () => {
    const pem = await exportPart(found, item(0), 'pem', { withChain: true });
    expect(bench.certificates(pem.reveal()).map(({ subject }) => subject)).toEqual([
      'CN=mdm.example.com,O=Example',
      'CN=Example Issuing CA,O=Example',
      'CN=Example SCEP CA,O=Example,C=US',
    ]);
    const bundle = await exportPart(found, item(7), 'pem');
    expect(bench.certificates(bundle.reveal())).toHaveLength(2);
  });

  it.each([
    ['RSA', 0, 'rsa.key', 3, false],
    ['RSA, for old keychains', 0, 'rsa.key', 3, true],
    ['P-256', 4, 'p256.key', 2, false],
    ['a key chosen', 1, 'rsa.key', 3, false],
    ['a key without a certificate', 8, 'ed25519.key', 0, false],
  ] as const)('PKCS#12, %s', async (_name, index, key, certificates, legacy) => {
    const made = await exportPart(found, item(index), 'pkcs12', { password, withChain: true, legacy });
    bench.write('made.p12', made.reveal());
    const open = ['-in', 'made.p12', '-passin', `pass:${password.revealText()}`, ...(legacy ? LEGACY : [])];
    const printed = bench.run('pkcs12', ...open, '-nodes');
    expect(bench.certificates(printed)).toHaveLength(certificates);
    bench.write('printed.pem', printed);
    expect(bench.keyHash('-in', 'printed.pem')).toBe(bench.keyHash('-in', key));
    expect(() => bench.run('pkcs12', '-in', 'made.p12', '-passin', 'pass:wrong', '-nodes')).toThrow(/invalid password/);
    const again = await inspectFiles([{ name: 'made', bytes: made.reveal() }], {
      at: 0,
      passwordFor: (_f, { attempt }) => Promise.resolve(attempt === 1 ? password : null),
    });
    expect(again.items.filter(({ kind }) => kind === 'certificate')).toHaveLength(certificates);
    expect(again.items.filter(({ kind }) => kind === 'key')).toHaveLength(1);
  });

  it('node-forge opens our PKCS#12 for RSA', async () => {
    const made = await exportPart(found, item(0), 'pkcs12', { password: new Secret('p', 'plain'), legacy: true });
    const opened = forge.pkcs12.pkcs12FromAsn1(forge.asn1.fromDer(made.reveal().toString('binary')), 'plain');
    const bags = opened.getBags({ bagType: forge.pki.oids['pkcs8ShroudedKeyBag']! })[
      forge.pki.oids['pkcs8ShroudedKeyBag']!
    ]!;
    const pem = forge.pki.privateKeyToPem(bags[0]!.key!);
    expect(createPrivateKey(pem).export({ type: 'pkcs1', format: 'der' })).toEqual(
      bench.run('rsa', '-in', 'rsa.key', '-traditional', '-outform', 'DER'),
    );
  });

  it('refuses what makes no sense, by code', async () => {
    await expect(exportPart(found, item(0), 'pkcs12')).rejects.toThrow('inspect/password-needed');
    await expect(exportPart(found, item(6), 'pkcs12', { password })).rejects.toThrow('inspect/no-such-form');
    bench.run('rsa', '-in', 'rsa.key', '-aes256', '-passout', 'pass:x', '-out', 'locked.pem');
    const locked = await inspectFiles([{ path: bench.path('locked.pem') }], { at: 0 });
    await expect(exportPart(locked, locked.items[0]!, 'pem')).rejects.toThrow('inspect/locked');
  });
});
