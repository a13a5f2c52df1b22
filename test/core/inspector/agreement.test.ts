/** Every input that openssl makes is read as openssl reads it: subject, serial, dates, fingerprints, which key fits. */
import { readFileSync } from 'node:fs';
import forge from 'node-forge';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeDer } from '../../../src/core/certificates/der-writer';
import { inspectFiles, type Inspection, type InspectInput } from '../../../src/core/inspector';
import { Secret } from '../../../src/core/secret';
import { sharedData } from '../../shared-data';
import { LEGACY, OpensslBench, sha256, TOPIC } from './openssl-bench';

const bench = new OpensslBench();
beforeAll(() => bench.makeBasics());
afterAll(() => bench.close());

const PASSWORD = 'pässword 1';
const AT = Date.now();

function inspect(inputs: (string | InspectInput)[], password: string | null = null): Promise<Inspection> {
  return inspectFiles(
    inputs.map((input) => (typeof input === 'string' ? { path: bench.path(input) } : input)),
    {
      at: AT,
      passwordFor: (_file, { attempt }) =>
        Promise.resolve(password === null || attempt > 1 ? null : new Secret('password', password)),
    },
  );
}

interface Case {
  readonly name: string;
  /** Makes the file `input`. */
  readonly make: () => void;
  readonly password?: string;
  /** openssl's command that prints every certificate in it as PEM. */
  readonly certificates?: string[];
  /** openssl pkey's options that open its private key. */
  readonly key?: string[];
}

const pass = ['-passout', `pass:${PASSWORD}`];
const passIn = ['-passin', `pass:${PASSWORD}`];
const out = ['-out', 'input'];

const key = (name: string, args: string[], open: string[] = []): Case => ({
  name: `key: ${name}`,
  make: () => void bench.run(...args, ...out),
  key: ['-in', 'input', ...open],
});
const locked = (name: string, args: string[], open: string[] = []): Case => ({
  ...key(name, [...args, ...pass], [...open, ...passIn]),
  password: PASSWORD,
});
const topk8 = ['pkcs8', '-topk8', '-in', 'rsa.key'];
const pkcs12 = (
  name: string,
  args: string[],
  options: { legacy?: boolean; password?: string; noKey?: boolean; noCertificates?: boolean } = {},
): Case => {
  const { password = PASSWORD, legacy = false } = options;
  const open = ['pkcs12', '-in', 'input', '-passin', `pass:${password}`, ...(legacy ? LEGACY : [])];
  return {
    name: `PKCS#12: ${name}`,
    make: () => void bench.run('pkcs12', '-export', ...args, '-passout', `pass:${password}`, ...out),
    ...(password === '' ? {} : { password }),
    ...(options.noCertificates ? {} : { certificates: [...open, '-nokeys'] }),
    ...(options.noKey ? {} : { key: ['-in', 'input', '-passin', `pass:${password}`, ...(legacy ? LEGACY : [])] }),
  };
};
const certificate = (name: string, make: () => void, certificates = ['x509', '-in', 'input']): Case => ({
  name: `certificate: ${name}`,
  make,
  certificates,
});
/** `pkcs7 -print_certs` is openssl's way to print every certificate of a PEM file. */
const ALL = ['pkcs7', '-in', 'judge.p7', '-print_certs'];
const copyAll = (...names: string[]): void => {
  copy(...names);
  bench.run('crl2pkcs7', '-nocrl', '-certfile', 'input', '-out', 'judge.p7');
};
const copy = (...names: string[]): void =>
  void bench.write('input', Buffer.concat(names.map((name) => bench.read(name))));
const selfSigned =
  (subject: string, keyFile = 'rsa.key', more: string[] = []) =>
  (): void =>
    void bench.run('req', '-x509', '-utf8', '-key', keyFile, '-subj', subject, ...out, ...more);
const toDer = ['x509', '-inform', 'DER', '-in', 'input'];

const cases: Case[] = [
  key('PKCS#1 PEM', ['rsa', '-in', 'rsa.key', '-traditional']),
  key('PKCS#1 DER', ['rsa', '-in', 'rsa.key', '-traditional', '-outform', 'DER'], ['-inform', 'DER']),
  key('PKCS#8 PEM', [...topk8, '-nocrypt']),
  key('PKCS#8 DER', [...topk8, '-nocrypt', '-outform', 'DER'], ['-inform', 'DER']),
  key('RSA 3072', ['rsa', '-in', 'rsa3072.key', '-traditional']),
  ...['des3', 'aes128', 'aes192', 'aes256', 'camellia256'].map((cipher) =>
    locked(`old PEM, ${cipher}`, ['rsa', '-in', 'rsa.key', '-traditional', `-${cipher}`]),
  ),
  locked('old PEM, des', ['rsa', '-in', 'rsa.key', '-traditional', '-des', ...LEGACY], LEGACY),
  locked('PBES2 AES-256', [...topk8, '-v2', 'aes-256-cbc']),
  locked('PBES2 AES-256 DER', [...topk8, '-v2', 'aes-256-cbc', '-outform', 'DER'], ['-inform', 'DER']),
  locked('PBES2 AES-128, HMAC SHA-512', [...topk8, '-v2', 'aes-128-cbc', '-v2prf', 'hmacWithSHA512']),
  locked('PBES2 3DES, HMAC SHA-1', [...topk8, '-v2', 'des3', '-v2prf', 'hmacWithSHA1']),
  locked('PBES2 Camellia', [...topk8, '-v2', 'camellia-256-cbc']),
  locked('PBES2 RC2', [...topk8, '-v2', 'rc2-cbc', ...LEGACY], LEGACY),
  locked('PBES2 200,000 rounds', [...topk8, '-v2', 'aes-256-cbc', '-iter', '200000']),
  locked('PBES2 scrypt', [...topk8, '-scrypt']),
  locked('PBES1 SHA-1 3DES', [...topk8, '-v1', 'PBE-SHA1-3DES']),
  ...[
    'PBE-MD5-DES',
    'PBE-SHA1-DES',
    'PBE-SHA1-RC2-40',
    'PBE-SHA1-RC2-64',
    'PBE-SHA1-RC2-128',
    'PBE-SHA1-2DES',
    'PBE-MD5-RC2-64',
  ].map((scheme) => locked(`PBES1 ${scheme}`, [...topk8, '-v1', scheme, ...LEGACY], LEGACY)),
  { name: 'key: P-256 with its parameters in front', make: () => copy('p256.key'), key: ['-in', 'input'] },
  key('P-256 SEC 1 DER', ['ec', '-in', 'p256.key', '-outform', 'DER'], ['-inform', 'DER']),
  key('P-384 PKCS#8', ['pkcs8', '-topk8', '-nocrypt', '-in', 'p384.key']),
  key('P-521 SEC 1', ['ec', '-in', 'p521.key']),
  locked('P-384 old PEM', ['ec', '-in', 'p384.key', '-aes256']),
  locked('P-256 PBES2', ['pkcs8', '-topk8', '-in', 'p256.key']),
  { name: 'key: Ed25519', make: () => copy('ed25519.key'), key: ['-in', 'input'] },
  locked('Ed25519 PBES2', ['pkcs8', '-topk8', '-in', 'ed25519.key']),

  certificate('self-signed PEM', () => copy('root.pem')),
  certificate('DER', () => void bench.run('x509', '-in', 'leaf.pem', '-outform', 'DER', ...out), toDer),
  certificate('text in front', () => void bench.run('x509', '-in', 'leaf.pem', '-text', ...out)),
  certificate('CRLF', () => void bench.write('input', bench.read('push.pem').toString().replaceAll('\n', '\r\n'))),
  certificate(
    'TRUSTED',
    () => void bench.run('x509', '-in', 'leaf.pem', '-trustout', '-addtrust', 'serverAuth', ...out),
  ),
  certificate('chain of three', () => copyAll('leaf.pem', 'inter.pem', 'root.pem'), ALL),
  { ...certificate('with its key', () => copyAll('push.pem', 'rsa-push.key'), ALL), key: ['-in', 'input'] },
  certificate('Bag Attributes', () => {
    bench.run(
      'pkcs12',
      '-export',
      '-in',
      'push.pem',
      '-inkey',
      'rsa-push.key',
      '-name',
      'push me',
      '-passout',
      'pass:x',
      '-out',
      'bag.p12',
    );
    bench.run('pkcs12', '-in', 'bag.p12', '-passin', 'pass:x', '-nokeys', ...out);
  }),
  certificate('P-256', selfSigned('/CN=ec', 'p256.key')),
  certificate('P-384, SHA-384', selfSigned('/CN=ec', 'p384.key', ['-sha384'])),
  certificate('Ed25519', selfSigned('/CN=ed', 'ed25519.key')),
  certificate('RSA-PSS signature', selfSigned('/CN=pss', 'rsa.key', ['-sigopt', 'rsa_padding_mode:pss'])),
  certificate('SHA-1', selfSigned('/CN=sha1', 'rsa.key', ['-sha1'])),
  certificate('MD5', selfSigned('/CN=md5', 'rsa.key', ['-md5'])),
  certificate(
    'a serial of 20 octets',
    selfSigned('/CN=s', 'rsa.key', ['-set_serial', '0xffeeddccbbaa99887766554433221100ffeeddcc']),
  ),
  certificate('serial 0', selfSigned('/CN=s', 'rsa.key', ['-set_serial', '0'])),
  certificate('until 2090', selfSigned('/CN=far', 'rsa.key', ['-days', '23000'])),
  certificate(
    'names with everything',
    selfSigned('/DC=org/DC=example/O=a\\+b, c "q" <x>;/CN=Ünï 💻/emailAddress=a@example.com'),
  ),
  certificate(
    'base64 without its lines',
    () => {
      bench.write('input', bench.run('x509', '-in', 'leaf.pem', '-outform', 'DER').toString('base64'));
      bench.run('x509', '-in', 'leaf.pem', '-out', 'judge.pem');
    },
    ['x509', '-in', 'judge.pem'],
  ),

  pkcs12('as OpenSSL 3 writes it', ['-in', 'leaf.pem', '-inkey', 'rsa.key', '-name', 'léaf']),
  pkcs12('as OpenSSL 1 wrote it', ['-in', 'leaf.pem', '-inkey', 'rsa.key', '-legacy'], { legacy: true }),
  pkcs12('3DES throughout', [
    '-in',
    'leaf.pem',
    '-inkey',
    'rsa.key',
    '-descert',
    '-keypbe',
    'PBE-SHA1-3DES',
    '-certpbe',
    'PBE-SHA1-3DES',
    '-macalg',
    'sha1',
  ]),
  pkcs12(
    'RC2-128',
    ['-in', 'leaf.pem', '-inkey', 'rsa.key', '-certpbe', 'PBE-SHA1-RC2-128', '-keypbe', 'PBE-SHA1-RC2-128', ...LEGACY],
    { legacy: true },
  ),
  pkcs12('empty password', ['-in', 'leaf.pem', '-inkey', 'rsa.key'], { password: '' }),
  pkcs12('empty password, old', ['-in', 'leaf.pem', '-inkey', 'rsa.key', '-legacy'], { password: '', legacy: true }),
  pkcs12('SHA-512 MAC', ['-in', 'leaf.pem', '-inkey', 'rsa.key', '-macalg', 'sha512']),
  // `openssl pkey` cannot open it, though `openssl pkcs12` can.
  { ...pkcs12('no MAC', ['-in', 'leaf.pem', '-inkey', 'rsa.key', '-nomac']), key: ['-in', 'rsa.key'] },
  pkcs12('not encrypted', ['-in', 'leaf.pem', '-inkey', 'rsa.key', '-keypbe', 'NONE', '-certpbe', 'NONE']),
  pkcs12('P-256', ['-in', 'device.pem', '-inkey', 'p256.key']),
  pkcs12('with its chain', ['-in', 'leaf.pem', '-inkey', 'rsa.key', '-certfile', 'root.pem']),
  pkcs12('certificates only', ['-nokeys', '-in', 'leaf.pem', '-certfile', 'inter.pem'], { noKey: true }),
  pkcs12('key only', ['-nocerts', '-inkey', 'rsa.key'], { noCertificates: true }),
  pkcs12('AES-128, 100,000 rounds', [
    '-in',
    'push.pem',
    '-inkey',
    'rsa-push.key',
    '-keypbe',
    'aes-128-cbc',
    '-certpbe',
    'aes-128-cbc',
    '-iter',
    '100000',
  ]),
  {
    name: 'PKCS#12: as node-forge writes it',
    make: () => {
      const made = forge.pkcs12.toPkcs12Asn1(
        forge.pki.privateKeyFromPem(bench.run('rsa', '-in', 'rsa.key', '-traditional').toString()),
        [forge.pki.certificateFromPem(bench.read('leaf.pem').toString())],
        'forge',
        { algorithm: '3des' },
      );
      bench.write('input', Buffer.from(forge.asn1.toDer(made).getBytes(), 'binary'));
    },
    password: 'forge',
    certificates: ['pkcs12', '-in', 'input', '-passin', 'pass:forge', '-nokeys'],
    key: ['-in', 'input', '-passin', 'pass:forge'],
  },

  {
    name: 'PKCS#7: PEM',
    make: () => void bench.run('crl2pkcs7', '-nocrl', '-certfile', 'leaf.pem', '-certfile', 'inter.pem', ...out),
    certificates: ['pkcs7', '-in', 'input', '-print_certs'],
  },
  {
    name: 'PKCS#7: DER',
    make: () =>
      void bench.run(
        'crl2pkcs7',
        '-nocrl',
        '-certfile',
        'leaf.pem',
        '-certfile',
        'root.pem',
        '-outform',
        'DER',
        ...out,
      ),
    certificates: ['pkcs7', '-inform', 'DER', '-in', 'input', '-print_certs'],
  },
  {
    name: 'PKCS#7: signed, BER',
    make: () =>
      void bench.run(
        'cms',
        '-sign',
        '-stream',
        '-nodetach',
        '-binary',
        '-in',
        'plain.csr',
        '-signer',
        'leaf.pem',
        '-inkey',
        'rsa.key',
        '-outform',
        'DER',
        ...out,
      ),
    certificates: ['pkcs7', '-inform', 'DER', '-in', 'input', '-print_certs'],
  },
  {
    name: 'PKCS#7: detached',
    make: () => {
      bench.run(
        'cms',
        '-sign',
        '-binary',
        '-in',
        'plain.csr',
        '-signer',
        'leaf.pem',
        '-inkey',
        'rsa.key',
        '-outform',
        'PEM',
        ...out,
      );
      bench.run('cms', '-cmsout', '-inform', 'PEM', '-in', 'input', '-certsout', 'judge.pem', '-out', 'ignored');
    },
    certificates: ['x509', '-in', 'judge.pem'],
  },
];

describe('openssl and the inspector agree', () => {
  it('on enough inputs', () => {
    expect(cases.length).toBeGreaterThanOrEqual(60);
  });

  it.each(cases)('$name', async ({ make, password, certificates, key: open }) => {
    make();
    const { items } = await inspect(['input'], password ?? null);
    expect(
      items
        .flatMap(({ kind, problems }) => problems.map(({ code }) => [kind, code]))
        .filter(([kind]) => kind === 'unknown'),
    ).toEqual([]);
    expect(items.every(({ file }) => file === bench.path('input'))).toBe(true);
    const judged = certificates ? bench.certificates(bench.run(...certificates)) : [];
    const found = items.filter(({ kind }) => kind === 'certificate');
    const field = (item: (typeof judged)[number]): object => ({
      subject: item.subject,
      issuer: item.issuer,
      serial: item.serial,
      notBefore: item.notBefore,
      notAfter: item.notAfter,
      sha256: item.sha256,
      sha1: item.sha1,
      publicKeySha256: item.publicKeySha256,
    });
    const sorted = (list: readonly object[]): string[] =>
      list.map((one) => JSON.stringify(field(one as (typeof judged)[number]))).sort();
    expect(sorted(found)).toEqual(sorted(judged));
    if (certificates) expect(judged.length).toBeGreaterThan(0);
    const keys = items.filter(({ kind }) => kind === 'key').map(({ sha256: hash, locked: shut }) => [hash, shut]);
    expect(keys).toEqual(open ? [[bench.keyHash(...open), false]] : []);
  });

  it.each([
    ['PEM', ['-in', 'plain.csr']],
    ['DER', ['-in', 'plain.csr', '-outform', 'DER']],
    ['old heading', ['-in', 'plain.csr', '-newhdr']],
    [
      'names',
      [
        '-new',
        '-key',
        'rsa.key',
        '-subj',
        '/O=Example/CN=names',
        '-addext',
        'subjectAltName=DNS:a.example,DNS:b.example,IP:192.0.2.1',
      ],
    ],
    ['P-256', ['-new', '-key', 'p256.key', '-subj', '/CN=ec request']],
    ['Ed25519', ['-new', '-key', 'ed25519.key', '-subj', '/CN=ed request']],
  ])('request: %s', async (_name, args) => {
    bench.run('req', ...args, ...out);
    const { items } = await inspect(['input']);
    const form = args.includes('DER') ? ['-inform', 'DER'] : [];
    const subject = bench.run('req', ...form, '-in', 'input', '-noout', '-subject', '-nameopt', 'RFC2253').toString();
    const publicKey = bench.run('req', ...form, '-in', 'input', '-noout', '-pubkey');
    bench.write('public.pem', publicKey);
    const spki = bench.run('pkey', '-pubin', '-in', 'public.pem', '-pubout', '-outform', 'DER');
    expect(items).toMatchObject([{ kind: 'request', problems: [], publicKeySha256: sha256(spki) }]);
    expect(`subject=${items[0]?.subject ?? ''}\n`).toBe(subject);
    const text = bench.run('req', ...form, '-in', 'input', '-noout', '-text').toString();
    const names = /Subject Alternative Name: \n\s+(.*)/.exec(text)?.[1] ?? '';
    expect(items[0]?.sans.join(', ')).toBe(names);
  });

  it.each([
    ['SPKI PEM', ['pkey', '-in', 'rsa.key', '-pubout'], 'rsa.key'],
    ['SPKI DER', ['pkey', '-in', 'rsa.key', '-pubout', '-outform', 'DER'], 'rsa.key'],
    ['PKCS#1', ['rsa', '-in', 'rsa.key', '-RSAPublicKey_out'], 'rsa.key'],
    ['P-384', ['pkey', '-in', 'p384.key', '-pubout'], 'p384.key'],
    ['Ed25519', ['pkey', '-in', 'ed25519.key', '-pubout'], 'ed25519.key'],
  ])('public key: %s', async (_name, args, from) => {
    bench.run(...args, ...out);
    const { items } = await inspect(['input']);
    expect(items).toMatchObject([{ kind: 'public-key', problems: [], sha256: bench.keyHash('-in', from) }]);
  });

  it('alternative names and extensions, in openssl’s words', async () => {
    const { items } = await inspect(['leaf.pem', 'inter.pem']);
    const text = bench.run('x509', '-in', 'leaf.pem', '-noout', '-text').toString();
    expect(items[0]?.sans.join(', ')).toBe(/Subject Alternative Name: \n\s+(.*)/.exec(text)?.[1]);
    const authority = /Authority Key Identifier: \n\s+(.*)/.exec(
      bench.run('x509', '-in', 'inter.pem', '-noout', '-text').toString(),
    )?.[1];
    expect(items[1]?.authorityKeyId).toBe(authority?.replaceAll(':', '').toLowerCase());
    expect(items[1]?.facts['pathLength']).toBe(0);
  });

  it('a revocation list is named for what it is', async () => {
    bench.write('index.txt', '');
    bench.write('crl.cnf', '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ndefault_md=sha256\ndefault_crl_days=30\n');
    bench.run('ca', '-config', 'crl.cnf', '-gencrl', '-keyfile', 'rsa-ca.key', '-cert', 'root.pem', ...out);
    const { items } = await inspect(['input']);
    expect(items).toMatchObject([
      { kind: 'revocation-list', issuer: 'CN=Example SCEP CA,O=Example,C=US', problems: [] },
    ]);
  });
});

describe('messages and profiles', () => {
  const token = `Content-Type: text/plain;charset=UTF-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n-----BEGIN MESSAGE-----\n{"consumer_key":"CK_0123456789abcdef","consumer_secret":"CS_secret","access_token":"AT_secret","access_secret":"AS_secret","access_token_expiry":"2099-01-02T03:04:05Z"}\n-----END MESSAGE-----\n`;

  it.each([
    ['S/MIME, 3DES', ['-des3', '-outform', 'SMIME']],
    ['S/MIME, AES-256', ['-aes256', '-outform', 'SMIME']],
    ['DER', ['-aes128', '-outform', 'DER']],
    ['PEM', ['-aes128', '-outform', 'PEM']],
    ['BER', ['-aes128', '-stream', '-outform', 'DER']],
    ['RC2-40', ['-rc2-40', ...LEGACY, '-outform', 'DER']],
    [
      'OAEP',
      [
        '-aes256',
        '-outform',
        'DER',
        '-recip',
        'leaf.pem',
        '-keyopt',
        'rsa_padding_mode:oaep',
        '-keyopt',
        'rsa_oaep_md:sha256',
      ],
    ],
  ])('ABM token, %s: opened with its key, secrets kept', async (_name, options) => {
    bench.write('token.txt', token);
    const to = options.includes('-recip') ? [] : ['leaf.pem'];
    bench.run('cms', '-encrypt', '-binary', '-in', 'token.txt', ...options, '-out', 'token.p7m', ...to);
    const shut = await inspect(['token.p7m', 'leaf.pem', 'rsa-other.key']);
    expect(shut.items[0]).toMatchObject({ kind: 'abm-token', locked: true, problems: [{ code: 'envelope-locked' }] });
    const found = await inspect(['token.p7m', 'leaf.pem', 'rsa-other.key', 'rsa.key']);
    expect(found.items[0]).toMatchObject({
      kind: 'abm-token',
      role: 'abm',
      locked: false,
      notAfter: Date.UTC(2099, 0, 2, 3, 4, 5),
      facts: { consumerKeyPrefix: 'CK_01234' },
      problems: [],
    });
    expect(found.items[1]?.role).toBe('abm');
    expect(JSON.stringify(found.items)).not.toMatch(/_secret|CK_0123456/);
  });

  it('an EC recipient is told, not guessed', async () => {
    bench.write('token.txt', token);
    bench.run('cms', '-encrypt', '-in', 'token.txt', '-aes128', '-outform', 'DER', '-out', 'token.p7m', 'device.pem');
    const { items } = await inspect(['token.p7m', 'p256.key']);
    expect(items[0]?.problems).toMatchObject([{ code: 'envelope-locked' }]);
  });

  it('a signed profile: payloads, the certificates inside, who signed, and whether it was changed since', async () => {
    bench.run(
      'pkcs12',
      '-export',
      '-in',
      'device.pem',
      '-inkey',
      'p256.key',
      '-passout',
      'pass:inner',
      '-out',
      'inner.p12',
    );
    const profile = `<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict><key>PayloadType</key><string>Configuration</string>
<key>PayloadIdentifier</key><string>com.example.enroll</string><key>PayloadContent</key><array>
<dict><key>PayloadType</key><string>com.apple.security.root</string><key>PayloadContent</key><data>${bench.run('x509', '-in', 'root.pem', '-outform', 'DER').toString('base64')}</data></dict>
<dict><key>PayloadType</key><string>com.apple.security.pkcs12</string><key>Password</key><string>hidden</string><key>PayloadContent</key><data>${bench.read('inner.p12').toString('base64')}</data></dict>
<dict><key>PayloadType</key><string>com.apple.security.scep</string><key>PayloadContent</key><dict><key>URL</key><string>https://mdm.example.com/scep</string><key>Challenge</key><string>hidden</string></dict></dict>
<dict><key>PayloadType</key><string>com.apple.mdm</string><key>Topic</key><string>${TOPIC}</string><key>ServerURL</key><string>https://mdm.example.com/mdm</string><key>AccessRights</key><integer>8191</integer></dict>
</array></dict></plist>`;
    bench.write('plain.mobileconfig', profile);
    bench.run(
      'cms',
      '-sign',
      '-nodetach',
      '-binary',
      '-in',
      'plain.mobileconfig',
      '-signer',
      'leaf.pem',
      '-inkey',
      'rsa.key',
      '-certfile',
      'inter.pem',
      '-outform',
      'DER',
      '-out',
      'signed.mobileconfig',
    );
    const { items } = await inspect(['signed.mobileconfig', 'push.pem'], 'inner');
    expect(items[0]).toMatchObject({
      kind: 'profile',
      role: 'enrollment-profile',
      topic: TOPIC,
      sha256: sha256(bench.read('signed.mobileconfig')),
      problems: [],
      facts: {
        identifier: 'com.example.enroll',
        serverUrl: 'https://mdm.example.com/mdm',
        signed: true,
        signatureValid: true,
        signer: 'CN=mdm.example.com,O=Example',
        scepChallenge: true,
      },
    });
    expect(items.map(({ kind, role, parent }) => [kind, role, parent])).toEqual([
      ['profile', 'enrollment-profile', null],
      ['certificate', 'scep-ca', 0],
      ['bundle', 'unknown', 0],
      ['certificate', 'identity', 2],
      ['key', 'identity', 2],
      ['certificate', 'ca', 0],
      ['certificate', 'tls-server', 0],
      ['certificate', 'push-certificate', null],
    ]);
    expect(JSON.stringify(items)).not.toContain('hidden');
    const changed = bench.read('signed.mobileconfig');
    changed.write('0000', changed.indexOf('8191'));
    const after = await inspect([{ name: 'changed', bytes: changed }]);
    expect(after.items[0]?.problems.map(({ code }) => code)).toContain('profile-signature-wrong');
    const unsigned = await inspect(['plain.mobileconfig', 'signed.mobileconfig'], 'inner');
    expect(unsigned.items.filter(({ kind }) => kind === 'profile')).toHaveLength(2);
  });
});

describe('odd wrappings', () => {
  it('PKCS#12 in BER, as keychains write it', async () => {
    bench.run('pkcs12', '-export', '-in', 'leaf.pem', '-inkey', 'rsa.key', '-passout', 'pass:x', ...out);
    const der = bench.read('input');
    // The outer SEQUENCE with an indefinite length; its content stays what it was.
    const content = der.subarray(4);
    const ber = Buffer.concat([Buffer.from([0x30, 0x80]), content, Buffer.from([0, 0])]);
    const { items } = await inspect([{ name: 'ber.p12', bytes: ber }], 'x');
    expect(items.map(({ kind }) => kind)).toEqual(['bundle', 'certificate', 'key']);
  });

  it('hex and base64 of what we know, and PEM inside a database dump', async () => {
    const der = bench.run('x509', '-in', 'push.pem', '-outform', 'DER');
    const dump = `INSERT INTO push_certs VALUES ('${TOPIC}','${bench.read('push.pem').toString().replaceAll('\n', '\\n')}','${bench.read('rsa-push.key').toString().replaceAll('\n', '\\n')}',0);`;
    const { items, groups } = await inspect([
      { name: 'hex', bytes: Buffer.from(der.toString('hex')) },
      { name: 'dump.sql', bytes: Buffer.from(dump) },
    ]);
    expect(items.map(({ kind, file, alsoIn }) => [kind, file, alsoIn.map((place) => place.file)])).toEqual([
      ['certificate', 'hex', ['dump.sql']],
      ['key', 'dump.sql', []],
    ]);
    expect(groups).toEqual([[0, 1]]);
  });

  it('a sequence of nothing is not recognised, and says so', async () => {
    const { items } = await inspect([{ name: 'x', bytes: writeDer(0x30, writeDer(0x0c, Buffer.from('hello'))) }]);
    expect(items).toMatchObject([{ kind: 'unknown', problems: [{ code: 'not-recognised' }] }]);
  });
});

describe.skipIf(sharedData('nanomdm', 'keys') === null)('real files', () => {
  it('the old SCEP server’s encrypted key opens with its password and fits its CA', async () => {
    const files = ['scep-ca.pem', 'scep-ca-encrypted-key.pem'].map((name) => ({
      path: sharedData('nanomdm', 'keys', name)!,
    }));
    const ask =
      (text: string) =>
      (_file: string, { attempt }: { attempt: number }) =>
        Promise.resolve(attempt === 1 ? new Secret('password', text) : null);
    const { items, groups } = await inspectFiles(files, { at: AT, passwordFor: ask('nm-capass') });
    expect(items.map(({ kind, role, encrypted }) => [kind, role, encrypted])).toEqual([
      ['certificate', 'scep-ca', false],
      ['key', 'scep-ca', true],
    ]);
    expect(groups).toEqual([[0, 1]]);
    const wrong = await inspectFiles(files, { at: AT, passwordFor: ask('wrong') });
    expect(wrong.items[1]).toMatchObject({ kind: 'key', locked: true, problems: [{ code: 'password-wrong' }] });
    const none = await inspectFiles(files, { at: AT });
    expect(none.items[1]).toMatchObject({ kind: 'key', locked: true, problems: [{ code: 'password-needed' }] });
  });

  it('a MicroMDM database gives its CA, push and ABM material, tokens and profiles', async () => {
    const { items, groups } = await inspectFiles(
      [
        { path: sharedData('micromdm', 'small.db')! },
        { path: sharedData('micromdm', 'push.ca.pem')! },
        { path: sharedData('micromdm', 'small.scep.key.pem')! },
      ],
      { at: AT },
    );
    expect(items.map(({ kind, role }) => `${kind} ${role}`)).toEqual([
      'database unknown',
      'certificate scep-ca',
      'key scep-ca',
      'certificate push-certificate',
      'key push-certificate',
      'certificate abm',
      'key abm',
      'abm-token abm',
      'profile unknown',
      'profile unknown',
      'profile unknown',
      'certificate ca',
    ]);
    expect(groups).toEqual([[1, 2], [3, 4], [5, 6], [11]]);
    expect(items[0]?.sha256).toBe(sha256(readFileSync(sharedData('micromdm', 'small.db')!)));
    expect(items[2]?.alsoIn).toHaveLength(1);
    expect(items[3]?.chain).toEqual({ state: 'complete', path: [3, 11] });
  });

  it('a folder: the same thing twice is one', async () => {
    const { items, skipped } = await inspectFiles([{ path: sharedData('nanomdm', 'keys')! }], { at: AT });
    expect(items.length).toBe(10);
    expect(skipped).toEqual([]);
  });

  it('a NanoMDM dump gives its push certificates with their keys, in either form', async () => {
    for (const name of ['mysql.sql', 'postgres.sql', 'mysql-v0.2.0.sql']) {
      const { items, groups } = await inspectFiles([{ path: sharedData('nanomdm', name)! }], { at: AT });
      const pushes = items.filter(({ kind, role }) => kind === 'certificate' && role === 'push-certificate');
      expect([name, pushes.length]).toEqual([name, 2]);
      for (const { index } of pushes) expect(groups.find((group) => group.includes(index))).toHaveLength(2);
      expect(items.flatMap(({ problems }) => problems.map(({ code }) => code))).not.toContain('key-differs');
    }
  });
});
