/** Making renewal profiles: what is kept, what is new, and that others read what we write. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { FailureError } from '../../../src/core/failure';
import {
  base64Of,
  compareProfiles,
  environmentLine,
  makeRenewal,
  microMdmTemplate,
  readEnrollment,
  readInstalled,
} from '../../../src/core/profile';
import { writePropertyList } from '../../../src/core/profile/property-list-writer';
import { Secret } from '../../../src/core/secret';
import { asDictionary, readPropertyList } from '../../../src/core/sources/property-list';
import {
  altered,
  anyProfile,
  anyValue,
  enrollment,
  FLEETS_CHALLENGE,
  LISTING,
  MICROMDM,
  MICROMDM_ELSEWHERE,
  payloadsOf,
  TOPIC,
} from './installed-profiles';

const folder = mkdtempSync(join(tmpdir(), 'slipway-profile-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const challenge = new Secret('SCEP challenge', FLEETS_CHALLENGE);
const installed = enrollment(MICROMDM);
const python = spawnSync('python3', ['--version']).status === 0;

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof FailureError) return error.failure.code;
    throw error;
  }
  return 'no failure';
}

/** Property lists as Python's plistlib reads them, as JSON with kinds told apart. */
function byPython(documents: readonly string[]): unknown[] {
  const script = `
import json, plistlib, sys, base64, datetime
def plain(value):
    if isinstance(value, bytes): return {'data': base64.b64encode(value).decode()}
    if isinstance(value, datetime.datetime): return {'date': value.strftime('%Y-%m-%dT%H:%M:%SZ')}
    if isinstance(value, list): return [plain(entry) for entry in value]
    if isinstance(value, dict): return {'dict': [[key, plain(entry)] for key, entry in value.items()]}
    return value
for line in sys.stdin:
    print(json.dumps(plain(plistlib.loads(base64.b64decode(line)))))
`;
  const { stdout, stderr, status } = spawnSync('python3', ['-c', script], {
    input: documents.map((document) => `${Buffer.from(document).toString('base64')}\n`).join(''),
    encoding: 'utf8',
    maxBuffer: 1e9,
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

/** The same form of a value of ours. */
function plain(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return { data: value.toString('base64') };
  if (value instanceof Date) return { date: value.toISOString().replace('.000Z', 'Z') };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return { dict: Object.entries(value).map(([key, entry]) => [key, plain(entry)]) };
}

describe('writing property lists', () => {
  it('is read again as the same value, for any value', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const read = readPropertyList(Buffer.from(writePropertyList(value)));
        expect(plain(read)).toEqual(plain(value));
      }),
      { numRuns: 400 },
    );
  });

  it.skipIf(!python)('is read by Python’s plistlib as the same value', () => {
    const values = fc.sample(anyValue, { numRuns: 400, seed: 7 });
    expect(byPython(values.map(writePropertyList))).toEqual(values.map(plain));
  });

  it('refuses what XML cannot carry, instead of changing it', () => {
    const dates = [new Date('2031-01-02T03:04:05.5Z'), new Date(8.64e15)];
    for (const value of ['\u0000', 'a\u001bb', '\ud800', 2 ** 60, { '\u0007': 1 }, ...dates])
      expect(codeOf(() => writePropertyList(value))).toBe('profile/unwritable');
  });
});

describe('a renewal profile', () => {
  const made = makeRenewal({ base: installed, serverUrl: 'https://mdm.example.com/', challenge });
  const { root, mdm, identity, payloads } = made.enrollment;
  const scep = asDictionary(identity?.['PayloadContent'])!;

  it('asks Fleet for the new identity, at the old host', () => {
    expect(scep).toMatchObject({
      URL: 'https://mdm.example.com/mdm/apple/scep',
      Challenge: FLEETS_CHALLENGE,
      'Key Type': 'RSA',
      Keysize: 2048,
      'Key Usage': 5,
      Subject: [[['O', 'Fleet']], [['CN', 'FleetDM Identity']]],
      AllowAllAppsAccess: true,
    });
    expect('CAFingerprint' in scep).toBe(false);
    expect(identity).toMatchObject({ PayloadIdentifier: 'com.github.micromdm.micromdm.enroll.scep' });
    expect(mdm?.['IdentityCertificateUUID']).toBe(identity?.['PayloadUUID']);
  });

  it('keeps everything else, and what refers to the identity follows it', () => {
    const free = { PayloadUUID: 0, PayloadContent: 0 };
    expect({ ...root, ...free }).toEqual({ ...installed.root, ...free });
    const refers = { IdentityCertificateUUID: 0, PayloadUUID: 0 };
    expect({ ...mdm, ...refers }).toEqual({ ...installed.mdm, ...refers });
    expect(payloads[2]).toEqual(installed.payloads[2]);
    expect(payloads[3]).toEqual({ ...installed.payloads[3], PayloadCertificateUUID: identity?.['PayloadUUID'] });
    expect(made.xml.revealText()).not.toContain('>micromdm<');
  });

  it('has new UUIDs where there is something new, all of their form and different', () => {
    const uuids = [root, ...payloads].map((part) => part['PayloadUUID'] as string);
    expect(new Set(uuids).size).toBe(5);
    for (const uuid of uuids) expect(uuid).toMatch(/^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/);
    for (const part of [root, mdm!, identity!]) expect(MICROMDM).not.toContain(part['PayloadUUID'] as string);
  });

  it('is the same bytes each time, and shows itself as length and hash only', () => {
    expect(makeRenewal({ base: enrollment(MICROMDM), serverUrl: null, challenge }).xml.sha256()).toBe(
      made.xml.sha256(),
    );
    expect(JSON.stringify({ xml: made.xml, line: environmentLine(made.xml), base64: base64Of(made.xml) })).not.toMatch(
      /challenge|<|PD94/,
    );
  });

  it.skipIf(!python)('is accepted by Python’s plistlib', () => {
    expect(byPython([made.xml.revealText()])).toEqual([plain(root)]);
  });

  it('comes back out of base64 and environment line', () => {
    for (const [form, secret] of [
      ['base64', base64Of(made.xml)],
      ['environment', environmentLine(made.xml)],
    ] as const) {
      const read = readEnrollment(Buffer.from(`${secret.revealText()}\n`), 'env');
      expect([read.form, read.xml.equals(made.xml.reveal())]).toEqual([form, true]);
    }
    expect(environmentLine(made.xml).revealText()).toMatch(
      /^FLEET_SILENT_MIGRATION_ENROLLMENT_PROFILE=[A-Za-z0-9+/]+={0,2}$/,
    );
    expect(codeOf(() => readEnrollment(Buffer.from(`${base64Of(made.xml).revealText()}"`), 'env'))).toBe(
      'profile/base64',
    );
  });

  it('is made from a signed profile as from a plain one', () => {
    const at = (name: string): string => join(folder, name);
    writeFileSync(at('plain.mobileconfig'), MICROMDM);
    const run = (...args: string[]): void => {
      expect(spawnSync('openssl', args, { cwd: folder }).status).toBe(0);
    };
    run(...'req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -subj /CN=s -days 9'.split(' '));
    for (const extra of [[], ['-stream']]) {
      run(
        ...'smime -sign -signer c.pem -inkey k.pem -nodetach -binary -outform DER -in plain.mobileconfig -out'.split(
          ' ',
        ),
        'signed.mobileconfig',
        ...extra,
      );
      const signed = readInstalled(readFileSync(at('signed.mobileconfig')), 'signed');
      expect(signed.form).toBe('signed');
      expect(makeRenewal({ base: signed, serverUrl: null, challenge }).xml.sha256()).toBe(made.xml.sha256());
      expect(compareProfiles(signed, [installed]).problems.map(({ code }) => code)).toContain('candidate-signed');
    }
  });

  it('passes its own check for any installed profile, written and read again', () => {
    fc.assert(
      fc.property(anyProfile, (root) => {
        const base = enrollment(writePropertyList(root));
        const { xml } = makeRenewal({ base, serverUrl: null, challenge });
        const candidate = enrollment(xml.reveal(), 'candidate');
        const { verdict, problems } = compareProfiles(candidate, [base], { challenge, topic: TOPIC });
        expect({ verdict, problems: problems.map(({ code, field }) => [code, field]) }).toEqual({
          verdict: 'pass',
          problems: [],
        });
      }),
      { numRuns: 300 },
    );
  });

  it('from MicroMDM’s own template has what its devices have', () => {
    const anchor = Buffer.from('-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n');
    const template = microMdmTemplate({ serverUrl: 'https://mdm.example.com', topic: TOPIC, anchor });
    const { enrollment: candidate } = makeRenewal({ base: template, serverUrl: null, challenge });
    expect(candidate.mdm).toMatchObject({
      ServerURL: 'https://mdm.example.com/mdm/connect',
      CheckInURL: 'https://mdm.example.com/mdm/checkin',
      AccessRights: 8191,
      SignMessage: true,
      CheckOutWhenRemoved: true,
      Topic: TOPIC,
      PayloadIdentifier: 'com.github.micromdm.micromdm.enroll.mdm',
    });
    expect(candidate.payloads[2]).toMatchObject({
      PayloadType: 'com.apple.security.pkcs1',
      PayloadIdentifier: 'com.github.micromdm.micromdm.enroll.cert.selfsigned',
      PayloadContent: anchor,
    });
    expect(compareProfiles(candidate, [template]).verdict).toBe('pass');
    expect(
      microMdmTemplate({ serverUrl: 'https://mdm.example.com', topic: TOPIC, anchor: null }).payloads,
    ).toHaveLength(2);
  });

  it('is the same for two devices whose profiles differ in UUIDs and line ends only, but for those', () => {
    const { groups, verdict } = compareProfiles(made.enrollment, [installed, enrollment(MICROMDM_ELSEWHERE, 'b')]);
    expect({ verdict, groups: groups.map(({ names }) => names) }).toEqual({
      verdict: 'pass',
      groups: [['installed.mobileconfig', 'b']],
    });
  });

  it('is refused with a reason where it cannot be made', () => {
    const make = (base = installed, serverUrl: string | null = null): string =>
      codeOf(() => makeRenewal({ base, serverUrl, challenge }));
    expect(make(installed, 'https://other.example.com')).toBe('profile/server-url-differs');
    expect(make(installed, 'http://mdm.example.com')).toBe('usage/server-url');
    expect(make(installed, 'https://u:p@mdm.example.com')).toBe('usage/server-url');
    expect(make(enrollment(LISTING))).toBe('profile/listing-as-base');
    const without = (index: number) => altered(installed, (root) => void payloadsOf(root).splice(index, 1));
    expect(make(without(1))).toBe('profile/no-mdm-payload');
    expect(make(without(0))).toBe('profile/identity-not-scep');
    expect(make(altered(installed, (root) => (payloadsOf(root)[1]!['ServerURL'] = 'http://mdm.example.com')))).toBe(
      'profile/server-url',
    );
    expect(codeOf(() => makeRenewal({ base: installed, serverUrl: null, challenge: new Secret('c', '\u0001') }))).toBe(
      'profile/unwritable',
    );
  });

  it('gives a coded failure or an answer for damaged profiles, never anything else', () => {
    const outcomes = { answered: 0, refused: 0 };
    const plainBytes = Buffer.from(MICROMDM);
    const edit = fc.record({
      at: fc.nat({ max: plainBytes.length - 1 }),
      length: fc.constantFrom(0, 1, 1, 1, 2, 60),
      put: fc.oneof(
        fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
        fc.constantFrom('x', '7', 'Z', '').map((text) => Buffer.from(text)),
        fc
          .constantFrom(
            '<dict>',
            '</array>',
            '<key>PayloadType</key>',
            '<true/>',
            '<real>1e999</real>',
            '&#0;',
            '<data>',
          )
          .map((text) => Buffer.from(text)),
      ),
    });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 2 }), (edits) => {
        let bytes = plainBytes;
        for (const { at, length, put } of edits)
          bytes = Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + length)]);
        const code = codeOf(() => {
          const damaged = readInstalled(bytes, 'damaged');
          compareProfiles(damaged, [installed]);
          compareProfiles(makeRenewal({ base: damaged, serverUrl: null, challenge }).enrollment, [damaged]);
        });
        if (code === 'no failure') outcomes.answered += 1;
        else {
          expect(code).toMatch(/^profile\//);
          outcomes.refused += 1;
        }
      }),
      { numRuns: 1_000, seed: 11 },
    );
    expect(Math.min(outcomes.answered, outcomes.refused)).toBeGreaterThan(50);
  });

  it('is not made from what is none', () => {
    const read = (content: string | Buffer): string => codeOf(() => readInstalled(Buffer.from(content), 'file'));
    expect(read('hello')).toBe('profile/not-a-profile');
    expect(read('')).toBe('profile/not-a-profile');
    expect(read('bplist00\u0001')).toBe('profile/binary');
    expect(read(Buffer.from([0x30, 0x03, 0x06, 0x01, 0x00]))).toBe('profile/not-a-profile');
    expect(read('<plist version="1.0"><dict/></plist>')).toBe('profile/not-a-profile');
    expect(read(MICROMDM.replace('com.apple.mdm<', 'com.example<'))).toBe('profile/no-mdm-payload');
    expect(read(MICROMDM.replace('<plist', '<!DOCTYPE x [<!ENTITY e "f">]><plist'))).toBe('profile/not-a-profile');
    const encrypted = '<plist><dict><key>EncryptedPayloadContent</key><data>AAAA</data></dict></plist>';
    expect(read(encrypted)).toBe('profile/encrypted');
    expect(read('<plist><dict><key>_computerlevel</key><array/></dict></plist>')).toBe('profile/no-mdm-payload');
    for (let length = 0; length < MICROMDM.length; length += 97)
      expect(read(MICROMDM.slice(0, length))).toMatch(/^profile\//);
  });
});
