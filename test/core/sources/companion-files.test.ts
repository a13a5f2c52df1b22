/** Keys and certificates beside a source, against files that openssl and the SCEP server of MicroMDM's makers wrote. */
import { X509Certificate } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Secret } from '../../../src/core/secret';
import { readProfileFile, readPushFiles, readScepCaFiles } from '../../../src/core/sources/companion-files';
import { FindingLog } from '../../../src/core/sources/finding-log';
import type { Companions } from '../../../src/core/sources/source-kind';
import { sharedData } from '../../shared-data';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'slipway-companions-'))));
afterAll(() => rmSync(folder, { recursive: true }));

const codes = (findings: FindingLog): string[] => findings.all().map(({ code }) => code);

describe.skipIf(sharedData('nanomdm') === null)(
  `files of a real SCEP server and push portal${sharedData('nanomdm') === null ? ' (skipped: ../shared/data is absent)' : ''}`,
  () => {
    const key = (name: string): string => sharedData('nanomdm', 'keys', name) ?? '';

    it.each([
      ['plain', 'old-scep-ca.pem', 'old-scep-ca-key.pem', undefined],
      ['encrypted by the server', 'scep-ca.pem', 'scep-ca-encrypted-key.pem', 'nm-capass'],
    ])('a CA with its key, %s', (_how, certificate, keyFile, passphrase) => {
      const findings = new FindingLog();
      const ca = readScepCaFiles({
        companions: { 'scep-ca': key(certificate), 'scep-ca-key': key(keyFile) },
        findings,
        ...(passphrase === undefined ? {} : { keyPassphrase: new Secret('passphrase', passphrase) }),
      });
      const truth = new X509Certificate(readFileSync(key(certificate)));
      expect([codes(findings), ca?.keyMatches, ca?.isCa, ca?.der.equals(truth.raw)]).toEqual([[], true, true, true]);
      expect(ca?.key?.revealText()).toMatch(/^-----BEGIN RSA PRIVATE KEY-----/);
    });

    it('says what is wrong with a CA, and never quotes a key', () => {
      const read = (companions: Companions): string[] => {
        const findings = new FindingLog();
        readScepCaFiles({ companions, findings });
        expect(JSON.stringify(findings.all())).not.toContain('MII');
        return codes(findings);
      };
      const ca = key('scep-ca.pem');
      expect(read({})).toEqual(['scep-ca-absent']);
      expect(read({ 'scep-ca-key': ca })).toEqual(['scep-ca-absent']);
      expect(read({ 'scep-ca': ca })).toEqual(['scep-ca-key-mismatch']);
      expect(read({ 'scep-ca': ca, 'scep-ca-key': key('scep-ca-encrypted-key.pem') })).toEqual([
        'scep-ca-key-unreadable',
      ]);
      expect(read({ 'scep-ca': ca, 'scep-ca-key': key('old-scep-ca-key.pem') })).toEqual(['scep-ca-key-mismatch']);
      expect(read({ 'scep-ca': key('old-scep-ca-key.pem') })).toEqual(['scep-ca-unreadable']);
      expect(() => read({ 'scep-ca': join(folder, 'absent') })).toThrow('usage/file');
    });

    it('a push certificate, its key in the same file, and its topic', () => {
      const both = join(folder, 'push.pem');
      writeFileSync(both, readFileSync(key('push-new-key.pem'), 'utf8') + readFileSync(key('push-new.pem'), 'utf8'));
      const findings = new FindingLog();
      const push = readPushFiles({ companions: { 'push-certificate': both }, findings });
      const subject = execFileSync('openssl', ['x509', '-in', key('push-new.pem'), '-noout', '-subject'], {
        encoding: 'utf8',
      });
      expect([codes(findings), push?.keyMatches]).toEqual([[], true]);
      expect(subject).toContain(push?.topic ?? 'no topic');
    });

    it.each(['enroll.mobileconfig', 'enroll-signed.mobileconfig'])('the enrollment profile %s', (name) => {
      const findings = new FindingLog();
      const profile = sharedData('nanomdm', name) ?? '';
      const read = readProfileFile({ companions: { profile }, findings });
      expect([codes(findings), read.signed]).toEqual([[], name.includes('signed')]);
      expect(read.enrollmentProfile?.serverUrl).toMatch(/^https:\/\/.*\/mdm$/);
      expect(read.enrollmentBody?.reveal().equals(readFileSync(profile))).toBe(true);
      const other = readProfileFile({ companions: { profile: key('scep-ca.pem') }, findings });
      expect([codes(findings), other.enrollmentProfile]).toEqual([['enrollment-profile-unreadable'], null]);
    });
  },
);
