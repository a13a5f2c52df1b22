import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isSignedData, unwrapSignedData } from '../../../src/core/certificates/cms';
import { openCertificate } from '../../../src/core/certificates/der';
import { Issuer, verifyIssuers } from '../../../src/core/certificates/issuer';
import { certificate, CN, der, extension, name, rsaKey, spkiOf } from '../../micromdm-writer';

const caKey = rsaKey('scep ca');
const otherKey = rsaKey('push');
const caName = name([CN, 'CA']);
const validity = { notBefore: Date.UTC(2026, 0, 1), notAfter: Date.UTC(2027, 0, 1) };
const ca = certificate(
  {
    ...validity,
    subject: caName,
    issuer: caName,
    serial: 1n,
    spki: spkiOf(caKey),
    extensions: [extension('2.5.29.14', der(0x04, Buffer.from('ca key id')))],
  },
  caKey,
);
const leaf = (issuer: Buffer, signer: typeof caKey, keyId: string | null): Buffer =>
  certificate(
    {
      ...validity,
      subject: name([CN, 'device']),
      issuer,
      serial: 2n,
      spki: spkiOf(otherKey),
      ...(keyId === null ? {} : { extensions: [extension('2.5.29.35', der(0x30, der(0x80, Buffer.from(keyId))))] }),
    },
    signer,
  );

describe('Issuer', () => {
  const issuer = new Issuer(openCertificate(ca, 'CA'));
  it.each([
    ['its own', leaf(caName, caKey, 'ca key id'), true, true],
    ['one without key id', leaf(caName, caKey, null), true, true],
    ['one of another key id', leaf(caName, caKey, 'other'), false, true],
    ['one of another name', leaf(name([CN, 'Other']), caKey, null), false, true],
    ['a forged one', leaf(caName, otherKey, 'ca key id'), true, false],
  ])('judges %s', (_what, bytes, claimed, signed) => {
    const found = openCertificate(bytes, 'leaf');
    expect([issuer.claimedBy(found), issuer.signed(found)]).toEqual([claimed, signed]);
  });

  it('proves a whole snapshot, verifying shared certificates once', async () => {
    const device = (udid: string | null, bytes: Buffer | null, sha256: string): object => ({
      udid,
      certificate: bytes || sha256 ? { sha256, der: bytes } : null,
    });
    const good = leaf(caName, caKey, null);
    const devices = [
      device('A', good, 'a'),
      device('B', good, 'a'),
      device('C', leaf(caName, otherKey, null), 'c'),
      device('D', null, 'd'),
      device('E', null, ''),
      device(null, good, 'a'),
    ] as never;
    expect(await verifyIssuers({ scepCa: { der: ca }, devices })).toEqual({
      proven: 2,
      disproven: ['C'],
      unknown: ['D'],
    });
    expect(await verifyIssuers({ scepCa: null, devices })).toEqual({
      proven: 0,
      disproven: [],
      unknown: ['A', 'B', 'C', 'D'],
    });
  });

  it('proves earlier certificates that claim the CA along with the present one', async () => {
    const good = leaf(caName, caKey, 'ca key id');
    const forged = leaf(caName, otherKey, 'ca key id');
    const of = (bytes: Buffer | null, sha256: string, issuedByCa: boolean | null = true): object => ({
      sha256,
      der: bytes,
      issuedByCa,
    });
    const device = (udid: string, present: object, ...formerCertificates: object[]): object => ({
      udid,
      certificate: present,
      formerCertificates,
    });
    const devices = [
      device('A', of(good, 'a'), of(good, 'b')),
      device('B', of(good, 'a'), of(forged, 'c'), of(good, 'b')),
      device('C', of(good, 'a'), of(forged, 'd', false), of(null, 'e', null)),
      device('D', of(forged, 'c'), of(good, 'b')),
      device('E', of(null, 'f', null), of(good, 'b')),
      device('F', of(null, 'f', null), of(forged, 'c')),
    ] as never;
    expect(await verifyIssuers({ scepCa: { der: ca }, devices })).toEqual({
      proven: 2,
      disproven: ['B', 'D', 'F'],
      unknown: ['E'],
    });
  });
});

describe('unwrapSignedData', () => {
  let folder: string;
  const content = Buffer.from(`<?xml version="1.0"?><plist>${'x'.repeat(9000)}</plist>`);
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'slipway-cms-'));
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-keyout',
        'key.pem',
        '-out',
        'cert.pem',
        '-subj',
        '/CN=signer',
      ],
      { cwd: folder, stdio: 'ignore' },
    );
    writeFileSync(join(folder, 'content'), content);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const sign = (...options: string[]): Buffer => {
    const args = ['-sign', '-binary', '-in', 'content', '-signer', 'cert.pem', '-inkey', 'key.pem', '-outform', 'DER'];
    execFileSync('openssl', ['cms', ...args, '-out', 'signed', ...options], { cwd: folder, stdio: 'ignore' });
    return readFileSync(join(folder, 'signed'));
  };

  it.each([
    ['DER', ['-nodetach']],
    ['BER with indefinite lengths', ['-nodetach', '-stream']],
  ])('takes the content out of %s', (_form, options) => {
    const signed = sign(...options);
    expect(isSignedData(signed)).toBe(true);
    expect(unwrapSignedData(signed)).toEqual(content);
    // Cut or changed anywhere: an answer, or null; never a crash.
    fc.assert(
      fc.property(fc.nat(signed.length), fc.nat(signed.length - 1), fc.nat(255), (length, at, value) => {
        unwrapSignedData(signed.subarray(0, length));
        const changed = Buffer.from(signed);
        changed[at] = value;
        unwrapSignedData(changed);
      }),
    );
  });

  it('answers null to a detached signature and to anything else', () => {
    expect(unwrapSignedData(sign())).toBeNull();
    expect(unwrapSignedData(content)).toBeNull();
    expect(isSignedData(content)).toBe(false);
    expect(unwrapSignedData(Buffer.alloc(2_000_000, Buffer.from([0x30, 0x80])))).toBeNull();
  });
});
