import { describe, expect, it } from 'vitest';
import type { FoundRow, TargetDevice } from '../../../src/core/fleet/device-rows';
import { CANARY } from '../../../src/core/migration/rows';
import { touchesOf } from '../../../src/core/migration/touched';

const T = '2026-09-02 10:00:00';

function device(
  more: Partial<TargetDevice> = {},
  rows: Partial<Record<keyof TargetDevice['rows'], FoundRow[]>> = {},
): TargetDevice {
  return {
    udid: 'A',
    seen: [],
    results: [],
    rows: {
      nano_devices: [{ id: 'A', created_at: T, updated_at: CANARY }],
      nano_users: [{ id: 'A:U', device_id: 'A', created_at: T, updated_at: CANARY }],
      nano_enrollments: [
        { id: 'A', device_id: 'A', enabled: 1, enrolled_from_migration: 1, updated_at: CANARY },
        { id: 'A:U', device_id: 'A', enabled: 1, enrolled_from_migration: 1, updated_at: CANARY },
      ],
      nano_cert_auth_associations: [{ id: 'A', sha256: 's', updated_at: CANARY, renew_command_uuid: null }],
      ...rows,
    },
    ...more,
  };
}

const codes = (one: TargetDevice): string[] => touchesOf(one).map((touch) => touch.code);

describe('touched', () => {
  it('is nothing of what a migration wrote, whole or in some tables only', () => {
    expect(codes(device())).toEqual([]);
    expect(codes(device({}, { nano_users: [], nano_enrollments: [], nano_cert_auth_associations: [] }))).toEqual([]);
    expect(codes(device({}, { nano_devices: [] }))).toEqual([]);
  });

  it.each(['nano_devices', 'nano_users', 'nano_enrollments', 'nano_cert_auth_associations'] as const)(
    'is a row of %s off the canary, by a second or by NULL',
    (table) => {
      for (const updated_at of ['2000-01-01 00:00:01', '1999-12-31 23:59:59', '2026-09-02 10:00:00', null]) {
        const rows = device().rows[table].map((row) => ({ ...row, updated_at }));
        expect(codes(device({}, { [table]: rows }))).toEqual(['row-updated']);
      }
    },
  );

  it('is an enrollment Fleet made or switched off, canary or not', () => {
    const [own = {}, user = {}] = device().rows.nano_enrollments;
    expect(codes(device({}, { nano_enrollments: [{ ...own, enrolled_from_migration: 0 }] }))).toEqual(['fleet-native']);
    expect(codes(device({}, { nano_enrollments: [own, { ...user, enabled: 0 }] }))).toEqual(['enrollment-disabled']);
    expect(codes(device({}, { nano_enrollments: [{ ...own, enabled: null }] }))).toEqual(['enrollment-disabled']);
  });

  it('is a renewal that has begun', () => {
    const rows = [{ id: 'A', sha256: 's', updated_at: CANARY, renew_command_uuid: 'r' }];
    expect(codes(device({}, { nano_cert_auth_associations: rows }))).toEqual(['renewal-pending']);
  });

  it.each([
    ['seen', 'seen-since'],
    ['results', 'result-since'],
  ] as const)('%s: counts from the second of the import on, on any channel', (list, code) => {
    const at = (id: string, time: string | null) => codes(device({ [list]: [{ id, at: time }] }));
    expect(at('A', '2026-09-02 09:59:59')).toEqual([]);
    expect(at('A', T)).toEqual([code]);
    expect(at('A', `${T}.000001`)).toEqual([code]);
    expect(at('A:U', '2026-09-03 00:00:00')).toEqual([code]);
    expect(at('A', null)).toEqual([code]);
  });

  it('takes any contact for one after the import when the instant of the import is unknown', () => {
    const old = [{ id: 'A', at: '1990-01-01 00:00:00' }];
    expect(codes(device({ seen: old }, { nano_devices: [] }))).toEqual(['seen-since']);
    expect(codes(device({ seen: old }, { nano_devices: [{ id: 'A', created_at: null, updated_at: CANARY }] }))).toEqual(
      ['seen-since'],
    );
  });
});
