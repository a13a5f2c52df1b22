/** What devices know of their old server, from real enrollment profiles of NanoMDM. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { deviceView, knownPaths } from '../../../src/core/cutover/device-view';
import { readInstalled } from '../../../src/core/profile';
import { Secret } from '../../../src/core/secret';
import type { Snapshot } from '../../../src/core/sources/snapshot';
import { failureOf } from '../fleet/target';
import { sharedData } from '../../shared-data';

const real = ['enroll.mobileconfig', 'enroll-signed.mobileconfig'].map(
  (name) => [name, sharedData('nanomdm', name)] as const,
);
const PROFILE = {
  identifier: 'a',
  serverUrl: null,
  checkInUrl: null,
  topic: null,
  signMessage: null,
  accessRights: null,
  scepUrl: null,
};
const EMPTY = {
  instant: 0,
  scepCa: null,
  push: null,
  abmKeyPair: null,
  abmTokens: [],
  profiles: [],
  enrollmentProfile: null,
  blueprints: [],
  devices: [],
  findings: [],
};
const from = (kind: string, body?: Buffer): Snapshot => ({
  ...EMPTY,
  source: { kind, path: '', sha256: null, txid: null, pageSize: null, size: null, retries: 0 },
  ...(body === undefined ? {} : { enrollmentBody: new Secret('enrollment profile', body), enrollmentProfile: PROFILE }),
});

/** A minimal profile with these addresses. */
function profile(serverUrl: string, checkInUrl: string | null, scepUrl: string): Buffer {
  const checkIn = checkInUrl === null ? '' : `<key>CheckInURL</key><string>${checkInUrl}</string>`;
  return Buffer.from(`<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict>
    <key>PayloadType</key><string>Configuration</string><key>PayloadIdentifier</key><string>a</string>
    <key>PayloadContent</key><array>
      <dict><key>PayloadType</key><string>com.apple.security.scep</string><key>PayloadUUID</key><string>S</string>
        <key>PayloadContent</key><dict><key>URL</key><string>${scepUrl}</string></dict></dict>
      <dict><key>PayloadType</key><string>com.apple.mdm</string><key>PayloadUUID</key><string>M</string>
        <key>IdentityCertificateUUID</key><string>S</string>
        <key>ServerURL</key><string>${serverUrl}</string>${checkIn}</dict>
    </array></dict></plist>`);
}
const HOST = 'https://mdm.example.com';

describe.skipIf(real.some(([, path]) => path === null))('NanoMDM’s real profiles', () => {
  it.each(real)('%s: one path for both, and SCEP beside it', (_name, path) => {
    const view = deviceView(from('nanomdm', readFileSync(path ?? '')), null);
    expect(view).toMatchObject({
      host: 'mdm.example.com',
      port: 443,
      oldServer: 'nanomdm',
      secondHost: null,
      anchors: [],
    });
    expect(knownPaths(view)).toEqual({ connect: '/mdm', checkIn: '/mdm', scep: '/scep' });
  });
});

describe('paths', () => {
  const pathsOf = (...args: Parameters<typeof profile>): unknown =>
    knownPaths(deviceView(from('nanomdm', profile(...args)), null));

  it('are those of the profile, behind a proxy too', () => {
    expect(pathsOf(`${HOST}/nano/mdm`, `${HOST}/nano/checkin`, `${HOST}/nano/scep`)).toEqual({
      connect: '/nano/mdm',
      checkIn: '/nano/checkin',
      scep: '/nano/scep',
    });
  });

  it('leave a SCEP server alone that is under another name, port or scheme', () => {
    for (const scep of ['https://scep.example.com/scep', `${HOST}:8443/scep`, 'http://mdm.example.com/scep'])
      expect(pathsOf(`${HOST}/mdm`, null, scep)).toEqual({ connect: '/mdm', checkIn: '/mdm', scep: null });
    expect(pathsOf(`${HOST}:443/mdm`, null, `${HOST}/scep`)).toMatchObject({ scep: '/scep' });
  });

  it('of a table or of several sources are never guessed', async () => {
    expect(knownPaths(deviceView(from('nanomdm'), null))).toEqual({
      connect: '/mdm',
      checkIn: '/checkin',
      scep: '/scep',
    });
    const given = profile(`${HOST}/x`, null, `${HOST}/y`);
    expect(knownPaths(deviceView(from('csv', given), null))).toEqual({ connect: '/x', checkIn: '/x', scep: '/y' });
    for (const [kind, body] of [
      ['csv', undefined],
      ['several', given],
    ] as const)
      expect((await failureOf(() => Promise.resolve(knownPaths(deviceView(from(kind, body), null))))).code).toBe(
        'cutover/paths-unknown',
      );
    const broken = { ...from('nanomdm', Buffer.from('no profile')), enrollmentProfile: null };
    expect((await failureOf(() => Promise.resolve(knownPaths(deviceView(broken, null))))).code).toBe(
      'cutover/paths-unknown',
    );
    const named = readInstalled(given, 'p');
    expect(knownPaths(deviceView(from('several'), named))).toMatchObject({ connect: '/x' });
  });
});
