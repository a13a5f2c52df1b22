import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ACTIONS } from '../../src/contract/state';
import { DEVICE_SORTS, VERDICTS, type DeviceFilter } from '../../src/contract/devices';
import { EVERY_DEVICE, filterOf, narrows, queryOf } from '../../src/renderer/features/devices/device-filter';

const code = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/);
const filters: fc.Arbitrary<DeviceFilter> = fc.record({
  search: fc.string({ maxLength: 60 }),
  verdicts: fc.subarray([...VERDICTS]),
  actions: fc.subarray([...ACTIONS]),
  platforms: fc.uniqueArray(code, { maxLength: 3 }),
  reasons: fc.uniqueArray(code, { maxLength: 3 }),
  sources: fc.uniqueArray(code, { maxLength: 3 }),
  states: fc.subarray(['waiting', 'migrated', 'lost'] as const).map((list) => [...list]),
  attention: fc.uniqueArray(code, { maxLength: 3 }),
  sort: fc.constantFrom(...DEVICE_SORTS),
  descending: fc.boolean(),
});

describe('the filter in the address', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(filters, (filter) => {
        expect(filterOf(queryOf(filter))).toEqual(filter);
      }),
    );
  });

  it('says nothing about what is as usual', () => {
    expect(queryOf(EVERY_DEVICE)).toBe('');
    expect(filterOf('')).toEqual(EVERY_DEVICE);
    expect(narrows(EVERY_DEVICE)).toBe(false);
    expect(narrows({ ...EVERY_DEVICE, sort: 'udid', descending: true })).toBe(false);
    expect(narrows({ ...EVERY_DEVICE, reasons: ['no-agent'] })).toBe(true);
  });

  it('leaves out what it does not know', () => {
    const filter = filterOf('verdict=ready,wrong&action=drop&sort=-password&q=a');
    expect(filter).toEqual({ ...EVERY_DEVICE, search: 'a', verdicts: ['ready'], descending: true });
  });
});
