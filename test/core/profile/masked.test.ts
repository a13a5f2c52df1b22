/** A profile as it is shown: its structure is readable, and of what may be a secret there is length and hash. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskedLines } from '../../../src/core/profile';
import { writePropertyList } from '../../../src/core/profile/property-list-writer';
import type { PropertyListValue } from '../../../src/core/sources/property-list';
import { altered, anyProfile, enrollment, MICROMDM, payloadsOf, TOPIC } from './installed-profiles';

const shown = (xml: string): string =>
  maskedLines(enrollment(xml))
    .map(({ key, value }) => `${key ?? ''}=${value}`)
    .join('\n');

describe('a profile to look at', () => {
  it('says how devices are managed, and not by which secret', () => {
    const text = shown(MICROMDM);
    for (const readable of [
      'ServerURL=https://mdm.example.com/mdm/connect?site=a',
      `Topic=${TOPIC}`,
      'AccessRights=8191',
      'ServerCapabilities=com.apple.mdm.per-user-connections, com.apple.mdm.bootstraptoken',
      'URL=https://mdm.example.com/scep',
      'Subject=O MicroMDM, CN MicroMDM Identity (%ComputerName%)',
      'PayloadIdentifier=com.example.wifi',
      '=com.apple.mdm',
    ])
      expect(text.split('\n')).toContain(readable);
    const hash = createHash('sha256').update('micromdm').digest('hex').slice(0, 12);
    expect(text).toContain(`Challenge=‹Challenge, 8 bytes, sha256 ${hash}…›`);
    expect(text).not.toMatch(/Challenge=micromdm|SSID_STR=corp|WPA2/);
  });

  it('masks what no payload is known by: passwords, numbers, keys inside lists', () => {
    const secret = 'Tr0ub4dor&3-canary';
    const from = altered(enrollment(MICROMDM), (root) => {
      const [scep, mdm, , wifi] = payloadsOf(root);
      for (const payload of [scep, mdm, wifi]) {
        if (payload === undefined) throw new Error('four payloads');
        payload['Password'] = secret;
        payload['Nested'] = { list: [secret, { deep: secret, PayloadType: 'com.example' }], Topic: [[secret]] };
      }
      if (wifi !== undefined) wifi['PIN'] = 493_817;
      root['AnythingElse'] = secret;
    });
    const lines = maskedLines(from).filter(({ key }) => key !== 'Topic');
    expect(lines.filter(({ value }) => value.includes('493817') || value.includes(secret))).toEqual([]);
    expect(lines.filter(({ masked }) => masked).length).toBeGreaterThan(8);
  });

  it('shows no text of an unknown key, whatever the profile', () => {
    const known = new Set(
      'PayloadIdentifier PayloadType PayloadUUID PayloadDisplayName PayloadDescription PayloadOrganization PayloadScope PayloadCertificateFileName ServerURL CheckInURL Topic IdentityCertificateUUID ServerCapabilities EnrollmentMode AssignedManagedAppleID URL Name Subject CACaps'.split(
        ' ',
      ),
    );
    fc.assert(
      fc.property(anyProfile, (root) => {
        const profile = enrollment(writePropertyList(root));
        for (const { key, value, masked } of maskedLines(profile)) {
          const plain = /^(?:yes|no|-?[\d.e+-]+|\d{4}-\d\d-\d\dT[\d:.]+Z|)$/.test(value);
          if (!masked && !plain && key !== null) expect([...known, 'Key Type']).toContain(key);
          if (masked) expect(value).toMatch(/^‹(?:number|[^]*, \d+ bytes, sha256 [0-9a-f]{12}…)›$/);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('is bounded', () => {
    const many: PropertyListValue = Array.from({ length: 5_000 }, (_, index) => ({ a: index }));
    const profile = altered(enrollment(MICROMDM), (root) => {
      root['Many'] = many;
      root['PayloadDescription'] = 'x'.repeat(100_000);
    });
    const lines = maskedLines(profile);
    expect(lines.length).toBeLessThanOrEqual(2_001);
    expect(Math.max(...lines.map(({ value }) => value.length))).toBeLessThan(1_000);
  });
});
