import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyFacts, keyMatches, openPrivateKey, privateKeyPem, publicKeyOf } from '../../../src/core/certificates/key';
import { looksLikePem, readCertificateBytes, readPem, writePem } from '../../../src/core/certificates/pem';
import { Secret } from '../../../src/core/secret';
import { rsaKey, spkiOf } from '../../micromdm-writer';

const key = rsaKey('pem test');

describe('readPem', () => {
  it('reads several blocks after a preamble, with CRLF and odd line lengths', () => {
    const text = [
      'Bag Attributes',
      '    friendlyName: push',
      'subject=UID = x',
      writePem('CERTIFICATE', Buffer.from('first certificate')),
      'Bag Attributes',
      '-----BEGIN X-----',
      '-----BEGIN CERTIFICATE-----',
      Buffer.from('second').toString('base64').slice(0, 3),
      Buffer.from('second').toString('base64').slice(3),
      '-----END CERTIFICATE-----',
    ].join('\r\n');
    expect(looksLikePem(Buffer.from(text))).toBe(true);
    expect(readPem(text).map(({ label, der }) => [label, der.toString()])).toEqual([
      ['CERTIFICATE', 'first certificate'],
      ['CERTIFICATE', 'second'],
    ]);
    expect(readCertificateBytes(Buffer.from(text)).map(String)).toEqual(['first certificate', 'second']);
    expect(readCertificateBytes(Buffer.from('DER'))).toEqual([Buffer.from('DER')]);
  });

  it('sees encryption in both forms, and leaves out what is not base64', () => {
    const old =
      '-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES,00\n\nAAAA\n-----END RSA PRIVATE KEY-----';
    expect(readPem(old)).toMatchObject([{ encrypted: true, der: Buffer.from([0, 0, 0]) }]);
    expect(readPem(writePem('ENCRYPTED PRIVATE KEY', Buffer.from('x')))).toMatchObject([{ encrypted: true }]);
    expect(readPem('-----BEGIN A-----\n%%%\n-----END A-----')).toEqual([]);
  });

  it('gives back what writePem wrote', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (bytes) => {
        expect(readPem(writePem('DATA', Buffer.from(bytes)))[0]?.der).toEqual(Buffer.from(bytes));
      }),
    );
  });

  it('survives any text', () => {
    const piece = fc.constantFrom('-----BEGIN ', '-----END ', '-----', 'A', '\n', '=', 'Proc-Type: 4,ENCRYPTED\n');
    fc.assert(fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => void readPem(pieces.join(''))));
  });
});

describe('openPrivateKey', () => {
  const forms: [string, Buffer][] = [
    ['PKCS#1 DER', key.export({ type: 'pkcs1', format: 'der' })],
    ['PKCS#8 DER', key.export({ type: 'pkcs8', format: 'der' })],
    ['PKCS#1 PEM', Buffer.from(key.export({ type: 'pkcs1', format: 'pem' }))],
    ['PKCS#8 PEM', Buffer.from(key.export({ type: 'pkcs8', format: 'pem' }))],
    ['a wrong label', Buffer.from(writePem('PRIVATE KEY', key.export({ type: 'pkcs1', format: 'der' })))],
  ];
  it.each(forms)('opens %s', (_form, bytes) => {
    const opened = openPrivateKey(bytes, 'the test');
    expect(keyMatches(opened, spkiOf(key))).toBe(true);
    expect(keyFacts(opened)).toEqual({ type: 'RSA', bits: 2048 });
    expect(privateKeyPem(opened, 'test key').revealText()).toBe(key.export({ type: 'pkcs1', format: 'pem' }));
  });

  it('opens elliptic curves and writes them as PKCS#8', () => {
    const pair = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const opened = openPrivateKey(pair.privateKey.export({ type: 'sec1', format: 'der' }), 'the test');
    expect(keyFacts(opened)).toEqual({ type: 'EC', bits: 256 });
    expect(createPrivateKey(privateKeyPem(opened, 'k').revealText()).equals(opened)).toBe(true);
    expect(privateKeyPem(opened, 'k').revealText()).toContain('BEGIN PRIVATE KEY');
  });

  it('tells encrypted from unreadable, without quoting anything', () => {
    const pem = key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'right' });
    expect(() => openPrivateKey(Buffer.from(pem), 'the test')).toThrow('key/encrypted');
    expect(() => openPrivateKey(Buffer.from(pem), 'the test', new Secret('p', 'wrong'))).toThrow('key/encrypted');
    const opened = openPrivateKey(Buffer.from(pem), 'the test', new Secret('p', 'right'));
    expect(opened.equals(key)).toBe(true);
    expect(() => openPrivateKey(Buffer.from('sesame'), 'the test')).toThrow('key/unreadable');
    expect(() => openPrivateKey(Buffer.from(writePem('CERTIFICATE', Buffer.from('x'))), 'the test')).toThrow(
      'key/unreadable',
    );
  });

  it('knows foreign and broken public keys', () => {
    expect(keyMatches(key, spkiOf(rsaKey('push')))).toBe(false);
    expect(keyMatches(key, Buffer.from('nothing'))).toBe(false);
    expect(publicKeyOf(Buffer.from('nothing'))).toBeNull();
  });
});
