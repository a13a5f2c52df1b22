/** What the checks say of a source that is not MicroMDM. */
import { describe, expect, it } from 'vitest';
import { runChecks, type CheckResult } from '../../../../src/core/migration/checks';
import type { Snapshot, SourceDevice } from '../../../../src/core/sources/snapshot';
import { contextOf, deviceOf, resultOf, scepCaOf, snapshotOf, SOURCE_CA } from './sample';

const of = (kind: string, more: Partial<Snapshot> = {}): Promise<CheckResult[]> =>
  runChecks(contextOf(snapshotOf({ source: { ...snapshotOf().source, kind, txid: null }, ...more })));
const told = (result: CheckResult): string => `${result.sentence} ${result.remedy}`;
const waiting = (more: Partial<SourceDevice> = {}): SourceDevice =>
  deviceOf(0, { pending: { count: 0, requestTypes: [], enrollmentProfile: false }, ...more });

describe.each(['nanomdm', 'csv', 'several'])('checks of a %s source', (kind) => {
  it('speak of nothing only MicroMDM has', async () => {
    const bare = { scepCa: null, push: null, enrollmentProfile: null };
    const unproven = deviceOf(1, {
      lastSeen: null,
      certificate: { ...deviceOf(1).certificate!, der: null, inDepot: false },
    });
    for (const more of [
      {},
      bare,
      { ...bare, devices: [unproven] },
      { scepCa: scepCaOf(SOURCE_CA, { nextSerial: null }) },
    ]) {
      const results = (await of(kind, more)).filter(({ phase }) => phase === 'source' || phase === 'certificates');
      for (const result of results) {
        expect(told(result), result.id).not.toMatch(/(?<!O=)MicroMDM|boltbackup|-server-url|\/mdm\/enroll/);
        if (result.status === 'fail' || result.status === 'warn') expect(result.remedy, result.id).not.toBe('');
      }
    }
  });

  it('ask for what is kept elsewhere, and hold without the CA', async () => {
    const results = await of(kind, { scepCa: null, enrollmentProfile: null });
    expect(resultOf(results, 'scep-ca')).toMatchObject({ status: 'fail', code: 'scep-ca-missing' });
    expect(told(resultOf(results, 'scep-ca'))).toMatch(
      kind === 'several' ? /own CA/ : /--scep-depot.*--scep-ca-key-file/,
    );
    expect(told(resultOf(results, 'server-url'))).toContain('--enrollment-profile');
    expect(told(resultOf(results, 'sign-message'))).toContain('--enrollment-profile');
    expect(resultOf(results, 'enrollments-frozen').status).toBe('warn');
  });

  it('do not claim that nothing waits where no queue is known', async () => {
    const unknown = await of(kind, { devices: [deviceOf(0, { pending: null })] });
    expect(resultOf(unknown, 'pending-commands').status).toBe('skipped');
    expect(resultOf(await of(kind, { devices: [waiting()] }), 'pending-commands').status).toBe('pass');
  });
});

describe('checks of what the field demands', () => {
  it('say what NanoMDM’s freeze is: SCEP server, -migration, -retro', async () => {
    expect(told(resultOf(await of('nanomdm'), 'enrollments-frozen'))).toMatch(/SCEP server.*-migration.*-retro/s);
    expect(resultOf(await of('micromdm'), 'enrollments-frozen').status).toBe('pass');
    // What can be known is said: the newest enrollment, by its binding or else by its certificate.
    const bound = deviceOf(0, {
      certificate: { ...deviceOf(0).certificate!, associatedAt: Date.UTC(2026, 10, 24, 1) },
    });
    const frozen = async (...devices: ReturnType<typeof deviceOf>[]) =>
      resultOf(await of('nanomdm', { devices }), 'enrollments-frozen');
    expect((await frozen(bound)).sentence).toContain('2026-11-24T01:00:00.000Z');
    const issued = deviceOf(1).certificate?.notBefore ?? 0;
    expect((await frozen(deviceOf(1))).sentence).toContain(new Date(issued).toISOString());
    expect((await frozen(deviceOf(1, { certificate: null }))).sentence).toContain('does not keep when');
  });

  it('warn when the numbers of the CA are not known', async () => {
    const found = await of('nanomdm', { scepCa: scepCaOf(SOURCE_CA, { nextSerial: null }) });
    expect(resultOf(found, 'scep-depot')).toMatchObject({ status: 'warn', code: 'scep-depot-not-given' });
    expect(resultOf(await of('nanomdm'), 'scep-depot').sentence).toContain('100');
    const said = { nextSerial: 42n, serialFrom: 'operator' } as const;
    expect(resultOf(await of('nanomdm', { scepCa: scepCaOf(SOURCE_CA, said) }), 'scep-depot')).toMatchObject({
      status: 'pass',
      sentence: expect.stringContaining('given as 41') as string,
    });
    // At least so far is not surely so far.
    const seen = { nextSerial: 42n, serialFrom: 'certificates' } as const;
    const bound = resultOf(await of('nanomdm', { scepCa: scepCaOf(SOURCE_CA, seen) }), 'scep-depot');
    expect(bound).toMatchObject({ status: 'warn', code: 'scep-serial-from-certificates' });
    expect(told(bound)).toMatch(/is 41.*--scep-depot.*--scep-last-serial/s);
  });

  it('count devices of other CAs, and name those', async () => {
    const foreign = deviceOf(1, {}, undefined, 'another');
    const certificate = { ...foreign.certificate!, issuedByCa: false };
    const found = resultOf(await of('nanomdm', { devices: [deviceOf(0), { ...foreign, certificate }] }), 'ca-pool');
    expect(found).toMatchObject({ status: 'warn', code: 'several-cas', subjects: [foreign.udid] });
    expect(found.sentence).toContain('the same name with another key');
    expect(resultOf(await of('nanomdm'), 'ca-pool').status).toBe('pass');
  });

  it('count user enrollments, and say where they end', async () => {
    const byod = deviceOf(4, {
      reasons: [{ code: 'user-enrollment', severity: 'block', sentence: 'A user enrollment.', remedy: 'Re-enrol it.' }],
    });
    const found = resultOf(await of('nanomdm', { devices: [deviceOf(0), byod] }), 'user-enrollments');
    expect(found).toMatchObject({ status: 'warn', subjects: [byod.udid] });
    expect(resultOf(await of('nanomdm'), 'user-enrollments').status).toBe('pass');
  });

  it('say that the age cannot be seen where no contact is kept', async () => {
    const silent = [0, 1].map((at) => deviceOf(at, { lastSeen: null }));
    expect(resultOf(await of('nanomdm', { devices: silent }), 'source-fresh')).toMatchObject({
      status: 'warn',
      code: 'source-age-unknown',
    });
    expect(resultOf(await of('nanomdm', { devices: [silent[0]!, deviceOf(1)] }), 'source-fresh').status).toBe('pass');
  });
});
