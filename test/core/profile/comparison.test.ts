/** The checker catches each single change, and every kept payload that is gone. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FailureError } from '../../../src/core/failure';
import {
  compareProfiles,
  makeRenewal,
  PROFILE_PROBLEM_CODES,
  type Comparison,
  type ProfileProblemCode,
} from '../../../src/core/profile';
import { writePropertyList } from '../../../src/core/profile/property-list-writer';
import { Secret } from '../../../src/core/secret';
import {
  asDictionary,
  type PropertyListDictionary,
  type PropertyListValue,
} from '../../../src/core/sources/property-list';
import {
  altered,
  anyProfile,
  enrollment,
  FLEETS_CHALLENGE,
  LISTING,
  MICROMDM,
  payloadsOf,
  structuredCloneOf,
  TOPIC,
} from './installed-profiles';

const challenge = new Secret('SCEP challenge', FLEETS_CHALLENGE);
const installed = enrollment(MICROMDM);
const candidate = makeRenewal({ base: installed, serverUrl: null, challenge }).enrollment;
const options = { challenge, topic: TOPIC };
const seen = new Set<ProfileProblemCode>();

function codes({ problems }: Comparison): ProfileProblemCode[] {
  for (const { code } of problems) seen.add(code);
  return problems.map(({ code }) => code);
}

/** What is found when one thing is done to the candidate. */
function after(change: (root: PropertyListDictionary) => void): ProfileProblemCode[] {
  return codes(compareProfiles(altered(candidate, change), [installed], options));
}

/** The same, for changes after which it may be no profile at all any more. */
function caught(change: (root: PropertyListDictionary) => void): boolean {
  try {
    return after(change).length > 0;
  } catch (error) {
    return error instanceof FailureError;
  }
}

const scepOf = (root: PropertyListDictionary): PropertyListDictionary => payloadsOf(root)[0]!;
const requestOf = (root: PropertyListDictionary): PropertyListDictionary =>
  asDictionary(scepOf(root)['PayloadContent'])!;
const mdmOf = (root: PropertyListDictionary): PropertyListDictionary => payloadsOf(root)[1]!;

type Part = (root: PropertyListDictionary) => PropertyListDictionary;
const root: Part = (dictionary) => dictionary;

/** One field, set to a value or (null) removed, and the code that must be among what is found. */
const CHANGES: readonly [ProfileProblemCode, Part, string, PropertyListValue | null][] = [
  ['root-identifier-differs', root, 'PayloadIdentifier', 'com.github.micromdm.micromdm.Enroll'],
  ['scope-differs', root, 'PayloadScope', 'User'],
  ['scope-unstated', root, 'PayloadScope', null],
  ['removal-differs', root, 'PayloadRemovalDisallowed', null],
  ['removal-differs', root, 'RemovalDate', new Date('2031-01-02T03:04:06Z')],
  ['removal-differs', root, 'HasRemovalPasscode', true],
  ['removal-differs', root, 'DurationUntilRemoval', 60],
  ['root-setting-differs', root, 'TargetDeviceType', 1],
  ['profile-malformed', root, 'PayloadType', 'configuration'],
  ['profile-malformed', root, 'PayloadVersion', 2],
  ['profile-malformed', root, 'PayloadUUID', null],
  ['placeholder-inside', root, 'PayloadDisplayName', 'for $FLEET_VAR_HOST_UUID'],
  ['server-url-differs', mdmOf, 'ServerURL', 'https://mdm.example.com/mdm/connect'],
  ['server-url-differs', mdmOf, 'ServerURL', 'https://MDM.example.com/mdm/connect?site=a'],
  ['server-url-malformed', mdmOf, 'ServerURL', 'mdm.example.com'],
  ['check-in-url-differs', mdmOf, 'CheckInURL', 'https://mdm.example.com/mdm/checkin?b=2&site=a'],
  ['check-in-url-differs', mdmOf, 'CheckInURL', null],
  ['server-url-malformed', mdmOf, 'CheckInURL', 'http://mdm.example.com/'],
  ['topic-differs', mdmOf, 'Topic', `${TOPIC}1`],
  ['topic-not-pushed', mdmOf, 'Topic', `${TOPIC}1`],
  ['topic-malformed', mdmOf, 'Topic', 'com.example'],
  ['access-rights-lowered', mdmOf, 'AccessRights', 8190],
  ['access-rights-increased', mdmOf, 'AccessRights', 16383],
  ['mdm-setting-differs', mdmOf, 'AccessRights', null],
  ['sign-message-off', mdmOf, 'SignMessage', false],
  ['sign-message-differs', mdmOf, 'SignMessage', null],
  ['check-out-differs', mdmOf, 'CheckOutWhenRemoved', false],
  ['capability-removed', mdmOf, 'ServerCapabilities', ['com.apple.mdm.bootstraptoken']],
  ['capability-removed', mdmOf, 'ServerCapabilities', null],
  [
    'capability-added',
    mdmOf,
    'ServerCapabilities',
    ['com.apple.mdm.per-user-connections', 'com.apple.mdm.bootstraptoken', 'com.apple.mdm.token'],
  ],
  ['mdm-setting-differs', mdmOf, 'ServerURLPinningCertificateUUIDs', null],
  ['mdm-setting-differs', mdmOf, 'UseDevelopmentAPNS', true],
  ['payload-identifier-differs', mdmOf, 'PayloadIdentifier', 'x'],
  ['mdm-setting-differs', mdmOf, 'PayloadVersion', 2],
  ['identity-unresolved', mdmOf, 'IdentityCertificateUUID', '6B1F7A52-29D5-4C11-9D3B-0C6A2A3A9D99'],
  ['identity-not-scep', mdmOf, 'IdentityCertificateUUID', '6B1F7A52-29D5-4C11-9D3B-0C6A2A3A9D03'],
  ['payload-uuid-twice', mdmOf, 'PayloadUUID', '6b1f7a52-29d5-4c11-9d3b-0c6a2a3a9d03'],
  ['mdm-payload-absent', mdmOf, 'PayloadType', 'com.apple.MDM'],
  ['mdm-payload-several', (from) => payloadsOf(from)[3]!, 'PayloadType', 'com.apple.mdm'],
  ['payload-incomplete', (from) => payloadsOf(from)[3]!, 'PayloadVersion', null],
  ['payload-identifier-differs', scepOf, 'PayloadIdentifier', 'x'],
  ['scep-setting-differs', requestOf, 'AllowAllAppsAccess', null],
  ['scep-setting-differs', requestOf, 'KeyIsExtractable', false],
  ['scep-url-wrong', requestOf, 'URL', 'https://mdm.example.com/scep'],
  ['scep-url-wrong', requestOf, 'URL', 'http://mdm.example.com/mdm/apple/scep'],
  ['scep-url-wrong', requestOf, 'URL', null],
  ['scep-url-elsewhere', requestOf, 'URL', 'https://fleet.example.com/mdm/apple/scep'],
  ['scep-key-type', requestOf, 'Key Type', 'ECSECPrimeRandom'],
  ['scep-key-size', requestOf, 'Keysize', 1024],
  ['scep-key-size', requestOf, 'Keysize', null],
  ['scep-key-usage', requestOf, 'Key Usage', 1],
  ['scep-subject', requestOf, 'Subject', []],
  ['challenge-absent', requestOf, 'Challenge', null],
  ['challenge-absent', requestOf, 'Challenge', ''],
  ['challenge-not-fleets', requestOf, 'Challenge', `${FLEETS_CHALLENGE} `],
  ['challenge-carried-over', requestOf, 'Challenge', 'micromdm'],
  ['challenge-public', requestOf, 'Challenge', 'nanomdm'],
];

describe('the checker', () => {
  it('passes the profile that was made', () => {
    const comparison = compareProfiles(candidate, [installed], options);
    expect(comparison).toMatchObject({ verdict: 'pass', renews: true, problems: [] });
    expect(comparison.groups).toMatchObject([{ accepted: true, differsIn: [] }]);
    expect(comparison.groups[0]?.fields.every(({ same }) => same)).toBe(true);
  });

  it.each(CHANGES)('finds %s', (code, part, key, value) => {
    const found = after((dictionary) => {
      const target = part(dictionary);
      if (value === null) Reflect.deleteProperty(target, key);
      else target[key] = value;
    });
    expect(found).toContain(code);
  });

  it('finds any single field of it removed or changed, but for names', () => {
    const free = new Set(['PayloadDisplayName', 'PayloadDescription', 'PayloadOrganization']);
    // A new identity may be asked for under another name.
    const freeInRequest = new Set(['Name', 'Subject', 'Keysize', 'Key Type']);
    const passed: string[] = [];
    let tried = 0;
    const parts: readonly (readonly [string, Part])[] = [
      ['root', root],
      ['scep', scepOf],
      ['request', requestOf],
      ...[1, 2, 3].map((index): readonly [string, Part] => [`payload ${index}`, (from) => payloadsOf(from)[index]!]),
    ];
    for (const [name, part] of parts) {
      for (const key of Object.keys(part(candidate.root))) {
        for (const kind of ['removed', 'changed', 'other kind'] as const) {
          const found = caught((dictionary) => {
            const target = part(dictionary);
            if (kind === 'removed') Reflect.deleteProperty(target, key);
            else target[key] = kind === 'changed' ? another(target[key]!) : 77;
          });
          tried += 1;
          if (!found) passed.push(`${name}.${key} ${kind}`);
        }
      }
    }
    expect(tried).toBeGreaterThan(120);
    const allowed = passed.filter((one) => {
      const [, part = '', key = '', kind = ''] =
        /^(root|scep|request|payload \d)\.(.*) (removed|changed|other kind)$/.exec(one)!;
      if (part === 'request') return freeInRequest.has(key) && (kind !== 'other kind' || key === 'Name');
      // UUIDs may be new; a kept payload stays as it is, its name included.
      return (free.has(key) && !/[23]$/.test(part)) || (key === 'PayloadUUID' && kind === 'changed');
    });
    expect(passed.filter((one) => !allowed.includes(one))).toEqual([]);
  });

  it('finds any kept payload gone, for any installed profile', () => {
    let removed = 0;
    fc.assert(
      fc.property(anyProfile, (dictionary) => {
        const base = enrollment(writePropertyList(dictionary));
        const made = makeRenewal({ base, serverUrl: null, challenge }).enrollment;
        for (const [index, payload] of made.payloads.entries()) {
          if (payload === made.mdm || payload === made.identity) continue;
          removed += 1;
          const less = altered(made, (from) => void payloadsOf(from).splice(index, 1));
          const { verdict, problems } = compareProfiles(less, [base], options);
          expect(verdict).toBe('fail');
          expect(problems.map(({ code }) => code)).toContain('payload-missing');
        }
      }),
      { numRuns: 120 },
    );
    expect(removed).toBeGreaterThan(100);
  });

  it('finds a changed and an added payload', () => {
    expect(after((from) => (payloadsOf(from)[3]!['SSID_STR'] = 'other'))).toEqual(['payload-changed']);
    expect(
      after((from) => {
        const more = structuredCloneOf(payloadsOf(from)[3]!) as PropertyListDictionary;
        payloadsOf(from).push({ ...more, PayloadIdentifier: 'more', PayloadUUID: 'MORE' });
      }),
    ).toEqual(['payload-added']);
    // A reference that leads elsewhere is a change, too.
    expect(
      after((from) => (payloadsOf(from)[3]!['PayloadCertificateUUID'] = payloadsOf(from)[2]!['PayloadUUID']!)),
    ).toEqual(['payload-changed']);
  });

  it('never passes without something to compare with', () => {
    const alone = compareProfiles(candidate, [], options);
    expect(alone).toMatchObject({ verdict: 'warning', renews: true, groups: [] });
    expect(codes(alone)).toEqual(['no-installed-sample']);
  });

  it('makes groups of devices whose profiles differ, and says for each whether it fits', () => {
    const older = altered(installed, (from) => {
      mdmOf(from)['ServerCapabilities'] = ['com.apple.mdm.per-user-connections'];
    });
    const elsewhere = altered(installed, (from) => (mdmOf(from)['ServerURL'] = 'https://old.example.com/mdm/connect'));
    const comparison = compareProfiles(candidate, [installed, older, elsewhere, installed], options);
    expect(comparison).toMatchObject({
      verdict: 'fail',
      renews: true,
      groups: [
        { names: ['installed.mobileconfig', 'installed.mobileconfig'], accepted: true, differsIn: [] },
        { accepted: true, differsIn: ['mdm.ServerCapabilities'] },
        { accepted: false, differsIn: ['mdm.ServerURL'] },
      ],
    });
    expect(comparison.problems.map(({ code, group }) => [code, group])).toEqual([
      ['capability-added', 1],
      ['server-url-differs', 2],
      ['installed-groups', null],
    ]);
    codes(comparison);
  });

  it('compares with what a Mac lists as far as that goes, and says so', () => {
    const listed = enrollment(LISTING, 'listing.plist');
    expect(listed.form).toBe('listing');
    const comparison = compareProfiles(candidate, [listed], options);
    expect(codes(comparison)).toEqual(['sample-partial']);
    expect(comparison.groups).toMatchObject([{ accepted: true }]);
    for (const [code, change] of [
      ['topic-differs', (from: PropertyListDictionary) => (mdmOf(from)['Topic'] = `${TOPIC}1`)],
      ['payload-missing', (from: PropertyListDictionary) => payloadsOf(from).splice(2, 1)],
      ['root-identifier-differs', (from: PropertyListDictionary) => (from['PayloadIdentifier'] = 'x')],
    ] as const)
      expect(codes(compareProfiles(altered(candidate, change), [listed]))).toContain(code);
    expect(codes(compareProfiles(listed, [installed]))).toContain('candidate-listing');
  });

  it('takes an old challenge with a warning only when told to', () => {
    const old = altered(candidate, (from) => (requestOf(from)['Challenge'] = 'micromdm'));
    expect(compareProfiles(old, [installed]).verdict).toBe('fail');
    expect(compareProfiles(old, [installed], { allowOldChallenge: true }).verdict).toBe('warning');
  });

  it('finds a profile that no process could be given', () => {
    const anchors = Buffer.alloc(100_000, 1);
    expect(after((from) => (from['ConsentText'] = { default: anchors.toString('base64') }))).toEqual(['too-large']);
  });

  it('shows no secret: neither the challenge nor what other payloads hold', () => {
    const secret = 'wifi-pass-0815';
    const withSecret = altered(installed, (from) => (payloadsOf(from)[3]!['Password'] = secret));
    const text = JSON.stringify(compareProfiles(candidate, [withSecret], options));
    expect(text).toContain('payload-changed');
    expect(text).not.toContain(secret);
    expect(text).not.toContain(FLEETS_CHALLENGE);
    expect(text).not.toContain('fl33t');
  });

  it('has said everything it can say', () => {
    // Signed candidates are in the tests of making.
    expect(PROFILE_PROBLEM_CODES.filter((code) => !seen.has(code))).toEqual(['candidate-signed']);
  });
});

/** A value of the same kind that is not the same. */
function another(value: PropertyListValue): PropertyListValue {
  if (typeof value === 'string') return `${value}x`;
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'boolean') return !value;
  if (value instanceof Date) return new Date(value.getTime() + 1000);
  if (Buffer.isBuffer(value)) return Buffer.concat([value, Buffer.from('x')]);
  if (Array.isArray(value)) return value.slice(0, -1);
  return { ...value, Another: 1 };
}
