import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, createPrivateKey } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { environmentText, VARIABLES } from '../../../src/core/assets/environment';
import { assetPair, gatherMaterial, type PairFiles, type PairName } from '../../../src/core/assets/material';
import { FailureError } from '../../../src/core/failure';
import { Secret } from '../../../src/core/secret';
import { snapshotOf } from '../../snapshot-builder';
import { makeCa, makeCertificate, makeIdentity, makePush, TOPIC, type TestCertificate } from '../fleet/certificate';
import { CA, material, NOW, PUSH } from './assets-bench';

function codeOf(work: () => unknown): string {
  try {
    work();
    return 'none';
  } catch (error) {
    return error instanceof FailureError ? error.failure.code : String(error);
  }
}

const code = (name: PairName, certificate: Buffer | string, key: Buffer | string): string =>
  codeOf(() => assetPair(name, { certificate: Buffer.from(certificate), key: Buffer.from(key) }, NOW));

const END = Date.UTC(2040, 0, 1);

describe('what may go in', () => {
  it('is a pair in PEM or DER, of which only the first certificate and the key as PKCS#1 are taken', () => {
    const key = createPrivateKey(PUSH.keyPem);
    for (const form of [
      Buffer.from(PUSH.keyPem),
      Buffer.from(key.export({ type: 'pkcs8', format: 'pem' })),
      key.export({ type: 'pkcs8', format: 'der' }),
      key.export({ type: 'pkcs1', format: 'der' }),
    ]) {
      for (const certificate of [
        PUSH.der,
        Buffer.from(PUSH.pem),
        Buffer.from(`Bag Attributes\n${PUSH.pem}${CA.pem}`),
      ]) {
        const pair = assetPair('push', { certificate, key: form }, NOW);
        expect(pair.key.revealText()).toBe(PUSH.keyPem);
        expect(pair.certificate.der).toEqual(PUSH.der);
        expect(pair.certPem.match(/BEGIN CERTIFICATE/g)).toHaveLength(1);
      }
    }
  });

  it('is refused by name when Fleet could not work with it', () => {
    const other = makeCa(END, 'other');
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
    const leaf = makeIdentity('device', 1, END);
    expect(code('ca', CA.pem, CA.keyPem)).toBe('none');
    expect(code('ca', 'nothing', CA.keyPem)).toBe('assets/certificate-unreadable');
    expect(code('ca', CA.pem, 'nothing')).toBe('key/unreadable');
    expect(code('ca', CA.pem, ec)).toBe('assets/key-not-rsa');
    expect(code('ca', CA.pem, other.keyPem)).toBe('assets/key-mismatch');
    expect(code('ca', leaf.pem, leaf.keyPem)).toBe('assets/not-a-ca');
    expect(code('push', CA.pem, CA.keyPem)).toBe('assets/topic-missing');
    const expired = makeCa(NOW - 1_000);
    const coming = makeCertificate({
      key: 'ca',
      subject: [{ shortName: 'CN', value: 'x' }],
      ca: true,
      notBefore: NOW + 1e9,
      notAfter: END,
    });
    expect(code('ca', expired.pem, expired.keyPem)).toBe('assets/expired');
    expect(code('ca', coming.pem, coming.keyPem)).toBe('assets/not-yet-valid');
    const encrypted = createPrivateKey(CA.keyPem).export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'p',
    });
    expect(code('ca', CA.pem, encrypted)).toBe('key/encrypted');
  });

  it('says what should be looked at', () => {
    const notes = (name: PairName, made: TestCertificate): readonly string[] =>
      assetPair(name, { certificate: made.der, key: Buffer.from(made.keyPem) }, NOW).notes;
    expect(notes('ca', CA)).toEqual([]);
    expect(notes('ca', makeCa(NOW + 4 * 365 * 86_400_000))).toMatchObject([/less than five years/]);
    expect(notes('push', makePush(TOPIC, NOW + 86_400_000))).toMatchObject([/same Apple account/]);
  });

  it('comes from the source, or from files in its place', () => {
    const bare = snapshotOf([], 9n);
    const keyed = { key: new Secret('k', CA.keyPem), keyMatches: true, der: CA.der };
    const ca = bare.scepCa === null ? null : { ...bare.scepCa, ...keyed };
    const files = { certificate: PUSH.der, key: Buffer.from(PUSH.keyPem) };
    expect(codeOf(() => gatherMaterial(bare, { ca: null, push: null }, NOW))).toBe('assets/source-lacks-ca');
    expect(codeOf(() => gatherMaterial({ ...bare, scepCa: ca }, { ca: null, push: null }, NOW))).toBe(
      'assets/source-lacks-push',
    );
    expect(codeOf(() => gatherMaterial(null, { ca: null, push: null }, NOW))).toBe('assets/nothing-given');
    const gathered = gatherMaterial({ ...bare, scepCa: ca }, { ca: null, push: files }, NOW);
    expect(gathered).toMatchObject({ nextSerial: 9n });
    expect(gathered.push?.certificate.userId).toBe(TOPIC);
    const given = gatherMaterial(bare, { ca: { certificate: CA.der, key: Buffer.from(CA.keyPem) }, push: files }, NOW);
    expect(given.nextSerial).toBeNull();
  });

  it('goes on counting where the source’s CA left off when that was extended, and only then', () => {
    const bare = snapshotOf([], 9n);
    const keyed = { key: new Secret('k', CA.keyPem), keyMatches: true, der: CA.der };
    const source = { ...bare, scepCa: bare.scepCa === null ? null : { ...bare.scepCa, ...keyed } };
    const folder = mkdtempSync(join(tmpdir(), 'slipway-ca-'));
    try {
      // openssl makes the same CA a later end, and another CA of the same name.
      writeFileSync(join(folder, 'ca.key'), CA.keyPem, { mode: 0o600 });
      writeFileSync(join(folder, 'ca.pem'), CA.pem);
      const openssl = (...args: string[]): string =>
        execFileSync('openssl', args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
      const again = openssl('x509', '-in', 'ca.pem', '-signkey', 'ca.key', '-days', '9000', '-set_serial', '77');
      const files = (pem: string, key: string): PairFiles => ({
        certificate: Buffer.from(pem),
        key: Buffer.from(key),
      });
      const next = (ca: PairFiles): bigint | null =>
        gatherMaterial(source, { ca, push: 'left-out' }, Date.now() + 60_000).nextSerial;
      expect(next(files(again, CA.keyPem))).toBe(9n);
      const namesake = makeCertificate({
        key: 'another CA of the same name',
        subject: [
          { shortName: 'C', value: 'US' },
          { shortName: 'O', value: 'MicroMDM' },
          { shortName: 'OU', value: 'MICROMDM SCEP CA' },
        ],
        ca: true,
        notAfter: END,
      });
      expect(next(files(namesake.pem, namesake.keyPem))).toBeNull();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('leaves a pair out although the source has it', () => {
    const bare = snapshotOf([], 9n);
    const keyed = { key: new Secret('k', CA.keyPem), keyMatches: true, der: CA.der };
    const source = { ...bare, scepCa: bare.scepCa === null ? null : { ...bare.scepCa, ...keyed } };
    const gathered = gatherMaterial(source, { ca: null, push: 'left-out' }, NOW);
    expect([gathered.ca === null, gathered.push]).toEqual([false, null]);
    expect(codeOf(() => gatherMaterial(source, { ca: 'left-out', push: 'left-out' }, NOW))).toBe(
      'assets/nothing-given',
    );
  });
});

describe('the environment file', () => {
  it('gives a shell what Fleet takes, and neither challenge nor more', () => {
    const key = new Secret('server private key', 'with $dollars, "quotes" and `ticks`, 32 or more');
    const text = environmentText(material(), key);
    const folder = mkdtempSync(join(tmpdir(), 'slipway-env-'));
    try {
      const file = join(folder, 'fleet.env');
      writeFileSync(file, text, { mode: 0o600 });
      const value = (name: string): string =>
        execFileSync('sh', ['-c', `set -a; . "$1"; printf %s "$${name}"`, 'sh', file], { encoding: 'utf8', env: {} });
      expect(value(VARIABLES.push.cert)).toBe(PUSH.pem.replaceAll('\r', '').trimEnd());
      expect(value(VARIABLES.push.key)).toBe(PUSH.keyPem.trimEnd());
      expect(value(VARIABLES.ca.cert)).toBe(CA.pem.replaceAll('\r', '').trimEnd());
      expect(value(VARIABLES.ca.key)).toBe(CA.keyPem.trimEnd());
      expect(value('FLEET_SERVER_PRIVATE_KEY')).toBe(key.revealText());
      expect(value('FLEET_MDM_APPLE_SCEP_CHALLENGE')).toBe('');
    } finally {
      rmSync(folder, { recursive: true });
    }
    expect(environmentText(material(), null)).not.toMatch(/^FLEET_SERVER_PRIVATE_KEY/m);
  });

  it('takes no private key that Fleet or a reader of the file would not', () => {
    expect(codeOf(() => environmentText(material(), new Secret('k', 'short')))).toBe('fleet/private-key-short');
    expect(codeOf(() => environmentText(material(), new Secret('k', `${'k'.repeat(32)}'; rm`)))).toBe(
      'assets/private-key-unquotable',
    );
  });
});
