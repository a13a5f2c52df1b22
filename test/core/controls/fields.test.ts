/** Differences between payloads, held against a second reader (npm `plist`) and a plain comparison of its values. */
import fc from 'fast-check';
import * as plist from 'plist';
import { describe, expect, it } from 'vitest';
import { comparePayloads, type PayloadDifference } from '../../../src/core/controls/fields';
import { mobileconfig, opened, payload, type Payload } from './profiles';
import { canary, givenAway } from '../../cli/canary';

const compare = (before: readonly Payload[], after: readonly Payload[]): PayloadDifference[] =>
  comparePayloads(opened(mobileconfig('p', before)), opened(mobileconfig('p', after)));

/** Values a property list can hold, in the shapes payloads have. */
const key = fc.stringMatching(/^[A-Za-z][A-Za-z0-9]{0,8}$/);
const leaf = fc.oneof(
  fc.stringMatching(/^[ -;=?-~]{0,12}$/),
  fc.integer({ min: -1_000_000, max: 1_000_000 }),
  fc.boolean(),
  fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
);
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.array(tie('any'), { maxLength: 3 }),
    fc.dictionary(key, tie('any'), { maxKeys: 4 }),
  ),
})).any;
const settings = fc.dictionary(
  key.filter((name) => !name.startsWith('Payload')),
  value,
  { maxKeys: 6 },
) as fc.Arbitrary<Payload>;

/** What the other reader makes of a payload, without what means nothing. */
function meaning(one: Payload): unknown {
  const {
    PayloadUUID: _uuid,
    PayloadVersion: _version,
    ...rest
  } = plist.parse(plist.build(one)) as Record<string, unknown>;
  return JSON.parse(JSON.stringify(emptied(rest)), (_key, entry: unknown) => entry) as unknown;
}

/** Bytes as text, so that they can be compared. */
function emptied(one: unknown): unknown {
  if (one instanceof Uint8Array) return `bytes ${Buffer.from(one).toString('hex')}`;
  if (Array.isArray(one)) return one.map(emptied);
  if (typeof one === 'object' && one !== null)
    return Object.fromEntries(
      Object.entries(one)
        .map(([name, entry]) => [name, emptied(entry)] as const)
        .sort(),
    );
  return typeof one === 'string' ? `text ${one}` : one;
}

describe('differences', () => {
  it('are found exactly where another reader finds the values to differ', () => {
    fc.assert(
      fc.property(settings, settings, (left, right) => {
        const before = payload('com.example.type', 'one', left);
        const after = payload('com.example.type', 'one', right);
        const [difference] = compare([before], [after]);
        const same = JSON.stringify(meaning(before)) === JSON.stringify(meaning(after));
        expect(difference?.standing).toBe(same ? 'same' : 'changed');
        expect(difference?.changes.length === 0).toBe(same);
      }),
      { numRuns: 300 },
    );
  });

  it('are none between a payload and itself in another order, with other UUIDs', () => {
    fc.assert(
      fc.property(settings, (one) => {
        const turned = Object.fromEntries(Object.entries(one).reverse());
        const found = compare([payload('t', 'i', one)], [payload('t', 'i', turned)]);
        expect(found.map(({ standing }) => standing)).toEqual(['same']);
      }),
      { numRuns: 100 },
    );
  });

  it('name the field, and say before and after', () => {
    const [found] = compare(
      [
        payload('com.apple.wifi.managed', 'w', {
          SSID_STR: 'Office',
          AutoJoin: true,
          EAPClientConfiguration: { AcceptEAPTypes: [13] },
        }),
      ],
      [
        payload('com.apple.wifi.managed', 'w', {
          SSID_STR: 'Guests',
          AutoJoin: true,
          EAPClientConfiguration: { AcceptEAPTypes: [25, 13] },
        }),
      ],
    );
    expect(found?.changes).toEqual([
      { path: 'SSID_STR', source: { text: 'Office', masked: false }, fleet: { text: 'Guests', masked: false } },
      {
        path: 'EAPClientConfiguration.AcceptEAPTypes',
        source: { text: '13', masked: false },
        fleet: { text: '25, 13', masked: false },
      },
    ]);
  });

  it('pair payloads by identifier, then by type, and name what comes and goes', () => {
    const found = compare(
      [payload('a', 'a1'), payload('b', 'b1'), payload('c', 'c1')],
      [payload('b', 'b2'), payload('a', 'a1'), payload('d', 'd1')],
    );
    expect(found.map(({ type, standing }) => [type, standing])).toEqual([
      // Its identifier changed.
      ['b', 'changed'],
      ['a', 'same'],
      ['d', 'only-fleet'],
      ['c', 'only-source'],
    ]);
  });

  it('take a reference to a payload for the same whatever its UUID', () => {
    const make = (id: string): Payload[] => [
      { ...payload('com.apple.security.pkcs12', 'cert'), PayloadUUID: id },
      payload('com.apple.wifi.managed', 'wifi', { PayloadCertificateUUID: id }),
    ];
    expect(compare(make('AAAA'), make('BBBB')).map(({ standing }) => standing)).toEqual(['same', 'same']);
  });

  it('never give a secret away', () => {
    const secrets = [
      canary('password', 'Correct-Horse-Battery-9'),
      canary('token', 'tok-0123456789abcdef'),
      canary('url token', 'https://user:Hunter2222@example.com/x'),
      canary('query token', 'https://example.com/x?token=QueryToken99'),
      canary('pkcs12', Buffer.from('a PKCS#12 with a key inside')),
      canary('license of somebody', 'LICENSE-AAAA-BBBB'),
      canary('unknown text', 'nobody thought of this text'),
      canary('a PIN', '48151623'),
    ];
    const [found] = compare(
      [
        payload('com.vendor.app', 'x', {
          Password: 'Correct-Horse-Battery-9',
          AuthToken: 'tok-0123456789abcdef',
          URL: 'https://user:Hunter2222@example.com/x',
          ServerURL: 'https://example.com/x?token=QueryToken99',
          PayloadContent: Buffer.from('a PKCS#12 with a key inside'),
          LicenseKey: 'LICENSE-AAAA-BBBB',
          Whatever: ['nobody thought of this text'],
          UnlockPIN: 48151623,
        }),
      ],
      [payload('com.vendor.app', 'x', {})],
    );
    expect(found?.changes).toHaveLength(8);
    expect(givenAway(JSON.stringify(found), secrets)).toEqual([]);
    expect(found?.changes.every(({ source }) => source?.masked === true)).toBe(true);
  });

  it('stay bounded', () => {
    const many = Object.fromEntries(Array.from({ length: 6_000 }, (_, at) => [`k${at}`, at]));
    const [found] = compare([payload('t', 'i', many)], [payload('t', 'i', { ...many, k5999: -1, k0: -1 })]);
    expect(found?.changes.map(({ path }) => path).sort()).toEqual(['k0', '…']);
    const [all] = compare([payload('t', 'i', many)], [payload('t', 'i')]);
    expect(all?.changes).toHaveLength(200);
    expect(all?.more).toBeGreaterThan(3_000);
  });
});
