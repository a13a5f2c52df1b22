import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  openCertificate,
  printName,
  readCertificate,
  readName,
  type Certificate,
} from '../../../src/core/certificates/der';
import { readPem } from '../../../src/core/certificates/pem';
import { certificate, CN, der, extension, name, oid, rsaKey, spkiOf, UID } from '../../micromdm-writer';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-der-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What OpenSSL says of a certificate. */
function openssl(bytes: Buffer, ...options: string[]): string {
  const file = join(folder, 'certificate.der');
  writeFileSync(file, bytes);
  return execFileSync('openssl', ['x509', '-inform', 'DER', '-in', file, '-noout', ...options], { encoding: 'utf8' });
}

const key = rsaKey('der test');
const base = {
  issuer: name([CN, 'Issuer']),
  subject: name([CN, 'Subject']),
  serial: 5n,
  notBefore: Date.UTC(2026, 0, 2, 3, 4, 5),
  notAfter: Date.UTC(2027, 0, 2, 3, 4, 5),
  spki: spkiOf(key),
};

function open(bytes: Buffer): Certificate {
  return openCertificate(bytes, 'the test certificate');
}

describe('readCertificate, judged by OpenSSL', () => {
  it.each([
    ['rsa:2048', '/C=US/O=MicroMDM/OU=MICROMDM SCEP CA', []],
    ['rsa:2048', '/UID=com.apple.mgmt.External.1580e552/CN=APSP:x/C=US', ['-addext', 'basicConstraints=CA:FALSE']],
    ['rsa:2048', '/CN=MicroMDM Identity (Ünï 💻)/O=a\\+b, c "q"', ['-sha512', '-days', '20000']],
    ['ed25519', '/DC=test/DC=example/CN= lead', ['-set_serial', '0x00ffeeddccbbaa99887766554433221100']],
  ])('%s %s', (algorithm, subject, extra) => {
    const pem = execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', algorithm, '-nodes', '-keyout', '/dev/null', '-utf8', '-subj', subject, ...extra],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
    );
    const bytes = readPem(pem)[0]?.der as Buffer;
    const found = open(bytes);
    expect(`subject=${found.subject}\n`).toBe(openssl(bytes, '-subject', '-nameopt', 'RFC2253,-esc_msb,utf8'));
    expect(`issuer=${found.issuer}\n`).toBe(openssl(bytes, '-issuer', '-nameopt', 'RFC2253,-esc_msb,utf8'));
    expect(BigInt(`0x${openssl(bytes, '-serial').trim().split('=')[1]}`)).toBe(found.serial);
    const dates = openssl(bytes, '-dates').split('\n');
    expect(found.notBefore).toBe(Date.parse(dates[0]?.split('=')[1] ?? ''));
    expect(found.notAfter).toBe(Date.parse(dates[1]?.split('=')[1] ?? ''));
    expect(openssl(bytes, '-pubkey')).toContain(found.spki.toString('base64').slice(0, 64));
    const text = openssl(bytes, '-text');
    expect(found.isCa).toBe(text.includes('CA:TRUE'));
    const keyId = /Subject Key Identifier: \n\s+([0-9A-F:]+)/.exec(text)?.[1]?.replaceAll(':', '').toLowerCase();
    expect(found.subjectKeyId?.toString('hex')).toBe(keyId);
  });
});

describe('readCertificate', () => {
  it('reads UTCTime and GeneralizedTime, and the two centuries of UTCTime', () => {
    const far = open(certificate({ ...base, notBefore: Date.UTC(1951, 5, 6), notAfter: Date.UTC(2051, 5, 6) }, key));
    expect([far.notBefore, far.notAfter]).toEqual([Date.UTC(1951, 5, 6), Date.UTC(2051, 5, 6)]);
  });

  it('finds the topic and the common name, the most specific one where there are several', () => {
    const found = open(certificate({ ...base, subject: name([CN, 'a'], [UID, 'com.apple.mgmt.x'], [CN, 'b']) }, key));
    expect(found.userId).toBe('com.apple.mgmt.x');
    expect(found.commonName).toBe('b');
    expect(found.subject).toBe('CN=b,UID=com.apple.mgmt.x,CN=a');
  });

  it('reads every kind of text, and prints what is none as hex', () => {
    const bmp = Buffer.from('Zoë', 'utf16le').swap16();
    expect(printName(name([CN, bmp, 0x1e]))).toBe('CN=Zoë');
    expect(printName(name([CN, Buffer.from('Zo\u00eb', 'latin1'), 0x14]))).toBe('CN=Zoë');
    expect(printName(name([CN, Buffer.from([1]), 0x03]))).toBe('CN=#030101');
    expect(printName(name(['1.2.3.4', 'x']))).toBe('1.2.3.4=#0C0178');
    expect(printName(name([CN, ' #a,b\n ']))).toBe('CN=\\ #a\\,b\\0A\\ ');
  });

  it('takes negative serials and ignores what follows the certificate', () => {
    const bytes = certificate({ ...base, serial: 0x7fn }, key);
    const negative = Buffer.from(bytes);
    negative[bytes.indexOf(Buffer.from([0x02, 0x01, 0x7f])) + 2] = 0xff;
    expect(open(negative).serial).toBe(-1n);
    expect(open(Buffer.concat([bytes, Buffer.from('tail')])).der).toEqual(bytes);
  });

  it('finds key ids and constraints whatever stands before them, critical or not', () => {
    const extensions = [
      extension('2.5.29.15', Buffer.from([3, 2, 7, 0x80]), true),
      extension('2.5.29.19', der(0x30, Buffer.from([1, 1, 255])), true),
      extension('2.5.29.14', der(0x04, Buffer.from('own'))),
      extension('2.5.29.35', der(0x30, der(0x80, Buffer.from('authority')))),
    ];
    const found = open(certificate({ ...base, extensions }, key));
    expect(found.isCa).toBe(true);
    expect(found.subjectKeyId?.toString()).toBe('own');
    expect(found.authorityKeyId?.toString()).toBe('authority');
    expect(found.signatureAlgorithm).toEqual({ oid: '1.2.840.113549.1.1.11', digest: 'sha256' });
    const plain = open(certificate(base, key));
    expect([plain.isCa, plain.subjectKeyId, plain.authorityKeyId]).toEqual([false, null, null]);
  });

  it('refuses with a stable code', () => {
    expect(() => open(Buffer.from('nonsense'))).toThrow('certificate/not-der');
    expect(readName(oid('1.2.3'))).toBeNull();
  });
});

describe('hostile input', () => {
  const good = certificate({ ...base, extensions: [extension('2.5.29.19', der(0x30))] }, key);
  const use = (found: Certificate | null): void => {
    if (!found) return;
    const { subject, issuer, serial, commonName, userId, isCa, subjectKeyId, authorityKeyId, signatureAlgorithm } =
      found;
    expect([
      subject,
      issuer,
      serial,
      commonName,
      userId,
      isCa,
      subjectKeyId,
      authorityKeyId,
      signatureAlgorithm,
    ]).toHaveLength(9);
    expect(found.spki.length).toBeLessThanOrEqual(found.der.length);
  };

  it('survives any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => use(readCertificate(Buffer.from(bytes)))));
  });

  it('survives any change of up to four bytes, and any cut', () => {
    const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), fc.nat(good.length), (changes, length) => {
        const bytes = Buffer.from(good);
        for (const [at, value] of changes) bytes[at] = value;
        use(readCertificate(bytes));
        use(readCertificate(good.subarray(0, length)));
      }),
      { numRuns: 2000 },
    );
    expect(readCertificate(good.subarray(0, good.length - 1))).toBeNull();
  });
});

it('opens fifty thousand in well under a second', () => {
  const bytes = certificate(base, key);
  const started = process.cpuUsage();
  let sum = 0;
  for (let i = 0; i < 50_000; i++) {
    const found = readCertificate(bytes);
    sum += (found?.notAfter ?? 0) > 0 && found?.commonName === 'Subject' ? 1 : 0;
  }
  expect(sum).toBe(50_000);
  // Tens of milliseconds on an idle machine; the bound only catches a change of order.
  expect(process.cpuUsage(started).user / 1000).toBeLessThan(1500);
});

it('agrees with the real push certificate', async () => {
  const { sharedData } = await import('../../shared-data');
  const path = sharedData('micromdm', 'push.cert.pem');
  if (!path) return;
  const found = open(readPem(readFileSync(path))[0]?.der as Buffer);
  expect(found.userId).toBe('com.apple.mgmt.External.1580e552-a3b9-43fb-9528-7ce2e4018c0a');
});
