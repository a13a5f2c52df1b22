import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utcText } from '../../src/core/utc-text';

const byDate = (seconds: number): string => new Date(seconds * 1000).toISOString().replace('.000Z', '');

describe('utcText', () => {
  it('says what Date says, for every second there is', () => {
    fc.assert(
      fc.property(fc.integer({ min: -8_640_000_000_000, max: 8_640_000_000_000 }), (seconds) => {
        expect(utcText(seconds, 'T')).toBe(byDate(seconds));
      }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_102_444_800 }), (seconds) => {
        expect(utcText(seconds, ' ')).toBe(byDate(seconds).replace('T', ' '));
      }),
    );
  });

  it.each([0, 59, 86_399, 86_400, 951_782_400, 4_107_542_399, 253_402_300_799, 253_402_300_800, -1])(
    '%i',
    (seconds) => {
      expect(utcText(seconds, 'T')).toBe(byDate(seconds));
    },
  );

  it('forgets days rather than grow for ever', () => {
    for (let day = 0; day < 10_000; day += 1) expect(utcText(day * 86_400, 'T')).toBe(byDate(day * 86_400));
  });
});
