/** The renewal profile for devices of NanoMDM, made from the real profile that was given with the source. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { chooseBase, readInstalled } from '../../../src/core/profile';
import { checkedRenewal } from '../../../src/core/profile/checked';
import { scepContentOf } from '../../../src/core/profile/enrollment';
import { Secret } from '../../../src/core/secret';
import type { Snapshot } from '../../../src/core/sources/snapshot';
import { sharedData } from '../../shared-data';
import { failureOf } from '../fleet/target';

const plain = sharedData('nanomdm', 'enroll.mobileconfig');
const signed = sharedData('nanomdm', 'enroll-signed.mobileconfig');
const FLEETS = new Secret('SCEP challenge', 'fleets-own-challenge-of-32-bytes');

/** What matters of a snapshot here. */
function from(kind: string, path: string | null): Snapshot {
  return {
    source: { kind, path: '', sha256: null, txid: null, pageSize: null, size: null, retries: 0 },
    ...(path === null ? {} : { enrollmentBody: new Secret('enrollment profile', readFileSync(path)) }),
    push: null,
  } as unknown as Snapshot;
}

const base = (kind: string, path: string | null, more: Partial<Parameters<typeof chooseBase>[0]> = {}) =>
  chooseBase({ from: null, installed: [], snapshot: from(kind, path), serverUrl: null, anchor: null, ...more });

describe.skipIf(plain === null || signed === null)('a renewal profile for NanoMDM', () => {
  it.each([
    ['plain', plain],
    ['signed', signed],
  ])('from the %s file fits what is installed, and carries nothing of the old challenge', (_name, path) => {
    const installed = [plain, signed].map((one) => readInstalled(readFileSync(one ?? ''), one ?? ''));
    const made = checkedRenewal({
      base: base('nanomdm', path),
      serverUrl: 'https://mdm.example.com',
      challenge: FLEETS,
      installed,
      topic: 'com.apple.mgmt.External.29921a13-d9f3-447c-b9bf-95f17419fa23',
      allowOldChallenge: false,
    });
    expect(made.comparison.verdict, JSON.stringify(made.comparison.problems)).toBe('pass');
    const { mdm, identity, root } = made.enrollment;
    expect(root['PayloadIdentifier']).toBe('com.github.micromdm.nanomdm');
    expect(mdm).toMatchObject({
      ServerURL: 'https://mdm.example.com/mdm',
      ServerCapabilities: ['com.apple.mdm.per-user-connections', 'com.apple.mdm.bootstraptoken', 'com.apple.mdm.token'],
    });
    // It had none: one that came now would be another address to the device.
    expect(mdm).not.toHaveProperty('CheckInURL');
    expect(scepContentOf(identity)).toMatchObject({
      URL: 'https://mdm.example.com/mdm/apple/scep',
      Challenge: FLEETS.revealText(),
    });
    expect(made.xml.revealText()).not.toContain('nm-challenge');
  });

  it('is refused with the challenge every such profile shows', async () => {
    const failure = await failureOf(() =>
      Promise.resolve(
        checkedRenewal({
          base: base('nanomdm', plain),
          serverUrl: null,
          challenge: new Secret('SCEP challenge', 'nm-challenge'),
          installed: [],
          topic: null,
          allowOldChallenge: false,
        }),
      ),
    );
    expect(failure.code).toBe('profile/old-challenge');
    expect(JSON.stringify(failure)).not.toContain('nm-challenge');
  });

  it('is never made from a guess: neither for NanoMDM and a table without their profile, nor for several servers', async () => {
    for (const [kind, path] of [
      ['nanomdm', null],
      ['csv', null],
      ['several', plain],
    ] as const)
      expect((await failureOf(() => Promise.resolve(base(kind, path)))).code).toBe('usage/no-base');
    const named = readInstalled(readFileSync(plain ?? ''), 'named');
    expect(base('several', null, { from: named })).toBe(named);
    expect(base('csv', plain).name).toBe('the profile given with the source');
  });
});
