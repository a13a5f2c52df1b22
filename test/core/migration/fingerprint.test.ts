import { describe, expect, it } from 'vitest';
import { fingerprintOf, fingerprintsOf, sourceFingerprint } from '../../../src/core/migration/fingerprint';
import { Secret } from '../../../src/core/secret';
import type { SourceDevice } from '../../../src/core/sources/snapshot';
import { buildDevice, buildSnapshot, snapshotOf } from '../../snapshot-builder';

const device = buildDevice(2);
const { push, certificate } = device;
if (push === null || certificate === null || device.users[0] === undefined) throw new Error('the builder changed');
const [user] = device.users;

describe('the fingerprint of a device', () => {
  it('does not move with its last contact, its waiting commands, or how it was read', () => {
    const later: SourceDevice = {
      ...device,
      lastSeen: 1n,
      pending: { count: 9, requestTypes: ['EraseDevice'], enrollmentProfile: true },
      push: { ...push, from: 'device-record' },
      certificate: { ...certificate, issuedByCa: null },
      users: [...device.users].reverse(),
    };
    expect(fingerprintOf(later)).toBe(fingerprintOf(device));
  });

  const changes: Record<string, Partial<SourceDevice>> = {
    udid: { udid: 'X' },
    serial: { serial: null },
    name: { name: 'other' },
    model: { model: 'other' },
    modelName: { modelName: 'other' },
    productName: { productName: 'other' },
    osVersion: { osVersion: '27' },
    buildVersion: { buildVersion: '26A' },
    imei: { imei: '1' },
    meid: { meid: '1' },
    platform: { platform: 'ios' },
    enrolled: { enrolled: false },
    awaitingConfiguration: { awaitingConfiguration: true },
    blockedAtSource: { blockedAtSource: true },
    'no push': { push: null },
    topic: { push: { ...push, topic: 't' } },
    magic: { push: { ...push, magic: new Secret('m', 'm') } },
    token: { push: { ...push, tokenHex: 'ab' } },
    'no certificate': { certificate: null },
    'certificate hash': { certificate: { ...certificate, sha256: 'ab'.repeat(32) } },
    'certificate expiry': { certificate: { ...certificate, notAfter: 1 } },
    'certificate in depot': { certificate: { ...certificate, inDepot: false } },
    'unlock token': { unlockToken: new Secret('u', 'u') },
    'bootstrap token': { bootstrapToken: new Secret('b', 'b') },
    'no users': { users: [] },
    'user name': { users: [{ ...user, longName: 'other' }, ...device.users.slice(1)] },
    'user superseded': { users: [{ ...user, superseded: true }, ...device.users.slice(1)] },
  };
  it.each(Object.entries(changes))('moves with %s', (_, change) => {
    expect(fingerprintOf({ ...device, ...change })).not.toBe(fingerprintOf(device));
  });

  it('holds no secret in a form it could be guessed from field by field: it is one digest', () => {
    expect(fingerprintOf(device)).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('the fingerprint of a source', () => {
  it('does not hang on the order of the records', () => {
    const snapshot = buildSnapshot(20);
    const reversed = snapshotOf([...snapshot.devices].reverse());
    expect(sourceFingerprint(fingerprintsOf(reversed))).toBe(sourceFingerprint(fingerprintsOf(snapshot)));
  });

  it('leaves records without a UDID out and covers both records of one UDID', () => {
    const twin = { ...device, name: 'twin' };
    const nameless = { ...device, udid: null };
    const one = fingerprintsOf(snapshotOf([device, nameless]));
    const both = fingerprintsOf(snapshotOf([device, twin]));
    expect([...one.keys()]).toEqual([device.udid]);
    expect(both.get(device.udid ?? '')).not.toBe(one.get(device.udid ?? ''));
    expect(both).toEqual(fingerprintsOf(snapshotOf([twin, device])));
  });
});
