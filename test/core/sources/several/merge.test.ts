/** Several snapshots as one: every record is told of, no device goes on twice, and nothing that differs is hidden. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judge, type JudgedDevice } from '../../../../src/core/migration/verdict';
import { Secret } from '../../../../src/core/secret';
import { mergeSnapshots } from '../../../../src/core/sources/several/merge';
import type { Snapshot, SourceDevice } from '../../../../src/core/sources/snapshot';
import { certificate, CN, der, extension, name, rsaKey, spkiOf } from '../../../micromdm-writer';
import { buildDevice, buildSnapshot, INSTANT, JUDGED_AT, snapshotOf, TOPIC } from '../../../snapshot-builder';

const DAY = 86_400_000;

function seen(device: SourceDevice, days: number): SourceDevice {
  return { ...device, lastSeen: BigInt(INSTANT - days * DAY) * 1_000_000n };
}

function codes(snapshot: Snapshot): Record<string, string[]> {
  return Object.fromEntries(
    judge(snapshot, JUDGED_AT).devices.map(({ device, verdict, reasons }) => [
      device.recordId,
      [verdict, ...reasons.map(({ code }) => code)],
    ]),
  );
}

describe('the same device in several sources', () => {
  const one = buildDevice(0);
  const { recordId } = one;

  it('goes on from the one source where it is alive', () => {
    const merged = mergeSnapshots([snapshotOf([seen(one, 120)]), snapshotOf([seen(one, 2), buildDevice(5)])]);
    expect(codes(merged)).toEqual({
      [`1/${recordId}`]: ['blocked', 'superseded-by-source', 'silent'],
      [`2/${recordId}`]: ['ready', 'also-in-source'],
      [`2/${buildDevice(5).recordId}`]: ['ready'],
    });
    expect(merged.findings).toMatchObject([{ code: 'several/same-device', severity: 'info', subjects: [one.udid] }]);
  });

  it.each([
    ['not enrolled', { enrolled: false }],
    ['without push information', { push: null }],
    ['without a certificate', { certificate: null }],
    ['blocked at its source', { blockedAtSource: true }],
  ] as const)('goes on from the other where it is %s', (_what, change) => {
    const merged = mergeSnapshots([snapshotOf([seen({ ...one, ...change }, 0)]), snapshotOf([seen(one, 1)])]);
    const { [`1/${recordId}`]: first, [`2/${recordId}`]: second } = codes(merged);
    expect(first).toContain('superseded-by-source');
    expect(second).toEqual(['ready', 'also-in-source']);
  });

  it('goes on also where the other spells it otherwise', () => {
    const lower = seen({ ...one, udid: one.udid!.toLowerCase() }, 200);
    const merged = mergeSnapshots([snapshotOf([seen(one, 1)]), snapshotOf([lower])]);
    expect(codes(merged)[`1/${recordId}`]).toEqual(['ready', 'also-in-source']);
  });

  it('is blocked in all of them where more than one looks alive, or none does', () => {
    for (const days of [1, 120]) {
      const merged = mergeSnapshots([
        snapshotOf([seen(one, days)]),
        snapshotOf([seen(one, days), seen(buildDevice(5), 0)]),
      ]);
      expect(merged.devices.filter(({ udid }) => udid === one.udid)).toHaveLength(2);
      for (const { device, verdict, reasons } of judge(merged, JUDGED_AT).devices) {
        if (device.udid !== one.udid) continue;
        expect(verdict).toBe('blocked');
        expect(reasons.map(({ code }) => code)).toContain('in-several-sources');
      }
      expect(merged.findings).toMatchObject([{ code: 'several/same-device', severity: 'warning' }]);
    }
  });

  const record = fc.record({
    number: fc.integer({ min: 0, max: 5 }),
    days: fc.constantFrom(0, 1, 89, 91, 400),
    enrolled: fc.boolean(),
    pushed: fc.boolean(),
    lower: fc.boolean(),
  });
  const sources = fc.array(fc.uniqueArray(record, { selector: ({ number }) => number, maxLength: 6 }), {
    minLength: 2,
    maxLength: 4,
  });

  it('never goes on twice, and goes on exactly where a second reckoning says', () => {
    fc.assert(
      fc.property(sources, (all) => {
        const snapshots = all.map((records) =>
          snapshotOf(
            records.map(({ number, days, enrolled, pushed, lower }) => {
              const device = seen(buildDevice(number), days);
              const udid = lower ? device.udid!.toLowerCase() : device.udid;
              return { ...device, udid, enrolled, push: pushed ? device.push : null };
            }),
          ),
        );
        const merged = mergeSnapshots(snapshots);
        const judged = new Map(judge(merged, JUDGED_AT).devices.map((found) => [found.device.recordId, found]));
        const ids = all.flatMap((records, at) =>
          records.map(({ number }) => `${at + 1}/${buildDevice(number).recordId}`),
        );
        expect([...judged.keys()].sort()).toEqual(ids.sort());

        for (let number = 0; number < 6; number += 1) {
          const held = all.flatMap((records, at) =>
            records.filter((found) => found.number === number).map((found) => ({ ...found, source: at + 1 })),
          );
          const judgedOf = (source: number): JudgedDevice => judged.get(`${source}/${buildDevice(number).recordId}`)!;
          const blockers = held.map(
            ({ source }) => judgedOf(source).reasons.find(({ code }) => /in-several|superseded-by/.test(code))?.code,
          );
          if (held.length < 2) {
            expect(blockers.filter((code) => code !== undefined)).toEqual([]);
            continue;
          }
          const able = held.filter(({ enrolled, pushed }) => enrolled && pushed);
          const fresh = able.filter(({ days }) => days <= 90);
          const winners = fresh.length === 0 ? able : fresh;
          const winner = winners.length === 1 ? winners[0]!.source : null;
          expect(blockers).toEqual(
            held.map(({ source }) =>
              winner === null ? 'in-several-sources' : source === winner ? undefined : 'superseded-by-source',
            ),
          );
          const going = held.filter(({ source }) => judgedOf(source).verdict !== 'blocked');
          expect(going.map(({ source }) => source)).toEqual(winner === null ? [] : [winner]);
          // Looked up by UDID, the last record is the one that goes on.
          if (winner !== null) {
            const last = [...merged.devices].findLast(({ recordId: id }) => id.endsWith(buildDevice(number).recordId));
            expect(last?.recordId.startsWith(`${winner}/`)).toBe(true);
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});

it('leaves devices that one source alone holds as they are, with their verdicts', () => {
  const parts = [buildSnapshot(40, 1), buildSnapshot(40, 2), buildSnapshot(40, 3)];
  // Serials of the builder go by number: only the first hundred of each source are told apart here.
  const own = parts.map((part, at) => ({
    ...part,
    scepCa: parts[0]!.scepCa,
    devices: part.devices.map((device) => ({ ...device, serial: device.serial && `${at}${device.serial}` })),
  }));
  const merged = mergeSnapshots(own);
  expect(merged.findings).toEqual([]);
  expect(merged.devices.map((device) => ({ ...device, recordId: device.recordId.slice(2) }))).toEqual(
    own.flatMap(({ devices }) => devices),
  );
  const verdicts = own.flatMap((part) => judge(part, JUDGED_AT).devices.map(({ verdict }) => verdict));
  expect(judge(merged, JUDGED_AT).devices.map(({ verdict }) => verdict)).toEqual(verdicts);
  expect(mergeSnapshots(own)).toEqual(merged);
});

describe('what Fleet holds one of', () => {
  const validity = { notBefore: Date.UTC(2026, 0, 1), notAfter: Date.UTC(2036, 0, 1) };
  const caOf = (label: string): { der: Buffer; leaf: Buffer } => {
    const key = rsaKey(label);
    const subject = name([CN, label]);
    const made = (serial: bigint, of: Buffer, extensions: Buffer[]): Buffer =>
      certificate({ ...validity, subject: of, issuer: subject, serial, spki: spkiOf(key), extensions }, key);
    return {
      der: made(1n, subject, [extension('2.5.29.14', der(0x04, Buffer.from(label)))]),
      leaf: made(2n, name([CN, 'device']), []),
    };
  };
  const [ours, theirs] = [caOf('scep ca'), caOf('push')];
  const withCa = (ca: typeof ours, devices: SourceDevice[], nextSerial: bigint | null, keyMatches = true): Snapshot => {
    const snapshot = snapshotOf(devices, nextSerial);
    const sha256 = ca === ours ? 'aa'.repeat(32) : 'bb'.repeat(32);
    const subject = ca === ours ? 'CN=ours' : 'CN=theirs';
    return { ...snapshot, scepCa: { ...snapshot.scepCa!, der: ca.der, sha256, subject, keyMatches } };
  };
  const issued = (number: number, ca: typeof ours, issuedByCa: boolean | null = true): SourceDevice => {
    const device = buildDevice(number);
    return { ...device, certificate: { ...device.certificate!, der: ca.leaf, issuedByCa } };
  };

  it('is the first CA with its key; devices of another stay out, and the finding counts them', () => {
    const unknown = {
      ...issued(10, theirs),
      certificate: { ...issued(10, theirs).certificate!, inDepot: false, der: null },
    };
    const merged = mergeSnapshots([
      withCa(ours, [issued(0, ours)], 7n),
      withCa(theirs, [issued(5, theirs), issued(2, ours, false), unknown], 900n),
    ]);
    expect(merged.scepCa).toMatchObject({ subject: 'CN=ours', nextSerial: 7n });
    expect(merged.devices.map(({ certificate: own }) => own?.issuedByCa)).toEqual([true, false, true, false]);
    expect(Object.values(codes(merged)).map(([verdict]) => verdict)).toEqual(['ready', 'blocked', 'ready', 'blocked']);
    const [finding] = merged.findings;
    expect(finding).toMatchObject({ code: 'several/ca-differs', severity: 'error' });
    for (const fact of ['CN=ours', 'CN=theirs', 'aaaaaaaaaaaa', 'bbbbbbbbbbbb', '3 devices', 'source 2'])
      expect(finding?.detail).toContain(fact);
  });

  it('is the CA of whoever has the key, and takes the higher of two serials', () => {
    const merged = mergeSnapshots([
      withCa(theirs, [issued(5, theirs)], 900n, false),
      withCa(ours, [issued(0, ours)], 7n),
      withCa(ours, [issued(2, ours)], 12n, false),
    ]);
    expect(merged.scepCa).toMatchObject({ subject: 'CN=ours', keyMatches: true, nextSerial: 12n });
    expect(merged.devices.map(({ certificate: own }) => own?.issuedByCa)).toEqual([false, true, true]);
  });

  it('proves the devices of a source without a CA by the other’s, also where certificates are not kept', () => {
    const none = { ...snapshotOf([issued(5, ours, null), issued(2, theirs, null)]), scepCa: null };
    for (const keepCertificates of [true, false]) {
      const merged = mergeSnapshots([none, withCa(ours, [issued(0, ours)], 7n)], { keepCertificates });
      expect(merged.devices.map(({ certificate: own }) => [own?.issuedByCa, own?.der !== null])).toEqual([
        [true, keepCertificates],
        [false, keepCertificates],
        [true, keepCertificates],
      ]);
    }
  });

  it('is the first topic; devices of another are told and blocked', () => {
    const first = withCa(ours, [issued(0, ours)], null);
    const device = issued(5, ours);
    const topic = 'com.apple.mgmt.External.another';
    const second = withCa(ours, [{ ...device, push: { ...device.push!, topic }, users: [] }], null);
    const merged = mergeSnapshots([first, { ...second, push: { ...second.push!, topic } }]);
    expect(merged.push?.topic).toBe(TOPIC);
    expect(merged.findings).toMatchObject([{ code: 'several/topic-differs' }]);
    expect(merged.findings[0]?.detail).toContain(`${topic} (source 2: 1)`);
    expect(codes(merged)[`2/${device.recordId}`]).toEqual(['blocked', 'topic-differs']);
  });

  it('is one profile an identifier and one enrollment profile, and says where sources differ', () => {
    const profile = (identifier: string, body: string): Snapshot['profiles'][number] => ({
      identifier,
      displayName: null,
      signed: false,
      body: new Secret('profile', body),
      payloadTypes: [],
    });
    const enrollmentProfile = (serverUrl: string): Snapshot['enrollmentProfile'] => ({
      identifier: 'enroll',
      serverUrl,
      checkInUrl: null,
      topic: TOPIC,
      signMessage: true,
      accessRights: 8191,
      scepUrl: null,
    });
    const base = withCa(ours, [], null);
    const merged = mergeSnapshots([
      {
        ...base,
        profiles: [profile('a', '1'), profile('b', '1')],
        enrollmentProfile: enrollmentProfile('https://one'),
      },
      {
        ...base,
        profiles: [profile('b', '2'), profile('c', '1')],
        enrollmentProfile: enrollmentProfile('https://two'),
      },
      { ...base, profiles: [profile('a', '1')], findings: [{ code: 'own', severity: 'info', detail: 'Its own.' }] },
    ]);
    expect(merged.profiles.map(({ identifier, body }) => `${identifier}${body.revealText()}`)).toEqual([
      'a1',
      'b1',
      'c1',
    ]);
    expect(merged.enrollmentProfile?.serverUrl).toBe('https://one');
    expect(merged.findings).toMatchObject([
      { code: 'several/enrollment-profile-differs' },
      { code: 'several/profile-differs', subjects: ['b'] },
      { code: 'own', detail: 'Source 3: Its own.' },
    ]);
  });
});
