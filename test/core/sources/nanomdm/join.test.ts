/** Joining any store: nothing is lost, nothing is there twice, and who is disabled is blocked. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FindingLog } from '../../../../src/core/sources/finding-log';
import { joinDevices } from '../../../../src/core/sources/nanomdm/join';
import {
  TYPE,
  type AssociationRecord,
  type EnrollmentRecord,
  type Store,
} from '../../../../src/core/sources/nanomdm/store';
import { AT } from './manifest';

/** Few of everything, so that records meet. */
const id: fc.Arbitrary<string> = fc.constantFrom('A', 'B', 'C', 'D', 'E');
const sha256 = fc.constantFrom(...'0123456789'.split('')).map((digit) => digit.repeat(64));
const seconds = fc.integer({ min: 1_700_000_000, max: 1_700_000_004 }).map((at) => at * 1000);

const association: fc.Arbitrary<AssociationRecord> = fc.record({ id, sha256, createdAt: seconds });
const enrollment: fc.Arbitrary<EnrollmentRecord> = fc
  .record({
    deviceId: id,
    user: fc.option(fc.constantFrom('1', '2', '3'), { nil: null }),
    topic: fc.constantFrom('com.apple.mgmt.a', 'com.apple.mgmt.b'),
    enabled: fc.boolean(),
    lastSeen: fc.option(fc.bigInt({ min: -1n, max: 1n << 63n }), { nil: null }),
  })
  .map(({ user, ...rest }) => ({
    ...rest,
    id: user === null ? rest.deviceId : `${rest.deviceId}:${user}`,
    type: user === null ? TYPE.device : TYPE.user,
    pushMagic: 'magic',
    tokenHex: 'aa',
  }));
const store = fc.record({
  devices: fc.uniqueArray(id),
  enrollments: fc.uniqueArray(enrollment, { selector: ({ id: key }) => key, maxLength: 12 }),
  associations: fc.uniqueArray(association, {
    selector: ({ id: key, sha256: value }) => key + value,
    maxLength: 20,
  }),
});

function storeOf(given: typeof store extends fc.Arbitrary<infer Given> ? Given : never): Store {
  return {
    description: 'NanoMDM of a test',
    foldsCase: false,
    findings: new FindingLog(),
    pushCertificates: () => Promise.resolve([]),
    enrollments: () => Promise.resolve(given.enrollments),
    users: () => Promise.resolve([]),
    associations: () => Promise.resolve(given.associations),
    // eslint-disable-next-line @typescript-eslint/require-await -- the store's are read as they come
    async *devices() {
      for (const name of given.devices)
        yield {
          id: name,
          serial: null,
          identityCertificate: null,
          authenticate: null,
          tokenUpdate: null,
          unlockToken: null,
          bootstrapToken: null,
          authenticatedAt: null,
          tokenUpdatedAt: null,
          unlockTokenAt: null,
          contactAt: null,
          oversized: [],
          unreadable: [],
        };
    },
    waiting: () => Promise.resolve([]),
  };
}

describe('joining a store', () => {
  it('has every device once, with all its certificates in order and its own users', async () => {
    await fc.assert(
      fc.asyncProperty(store, async (given) => {
        const { devices } = await joinDevices(storeOf(given), AT);
        expect(devices.map(({ udid }) => udid)).toEqual(given.devices);
        for (const device of devices) {
          const bound = given.associations.filter((one) => one.id === device.udid);
          const all = [
            ...(device.formerCertificates ?? []),
            ...(device.certificate === null ? [] : [device.certificate]),
          ];
          expect(all.map((one) => one.sha256).sort()).toEqual(bound.map((one) => one.sha256).sort());
          const times = all.map(({ associatedAt }) => associatedAt ?? NaN);
          times.slice(1).forEach((time, index) => expect(time).toBeGreaterThan(times[index] ?? NaN));
          const newest = Math.max(...bound.map(({ createdAt }) => createdAt ?? NaN));
          if (bound.length > 0) expect(device.certificate?.associatedAt).toBe(newest);
          const current = bound.find((one) => one.sha256 === device.certificate?.sha256);
          if (bound.length > 0) expect(current?.createdAt).toBe(newest);

          const own = given.enrollments.find((one) => one.id === device.udid);
          expect(device.enrolled).toBe(own?.enabled ?? false);
          expect(device.reasons.some(({ code }) => code === 'not-enrolled')).toBe(!device.enrolled);
          const users = given.enrollments.filter((one) => one.deviceId === device.udid && one.type === TYPE.user);
          expect(device.users.map((user) => `${device.udid}:${user.id}`).sort()).toEqual(
            users.map((one) => one.id).sort(),
          );
        }
      }),
    );
  });

  it('names what belongs to no device', async () => {
    await fc.assert(
      fc.asyncProperty(store, async (given) => {
        const from = storeOf(given);
        await joinDevices(from, AT);
        const subjects = (code: string): string[] =>
          [...(from.findings.all().find((finding) => finding.code === code)?.subjects ?? [])].sort();
        const stored = new Set(given.devices);
        expect(subjects('enrollment-without-device')).toEqual(
          given.enrollments
            .filter(({ deviceId }) => !stored.has(deviceId))
            .map((one) => one.id)
            .sort(),
        );
        expect(subjects('association-without-device')).toEqual(
          [...new Set(given.associations.map((one) => one.id))].filter((one) => !stored.has(one)).sort(),
        );
      }),
    );
  });
});
