/** A table of texts is a Map from text to number, whatever the texts. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TextTable } from '../../src/core/text-table';

describe('a table of texts', () => {
  it('numbers texts as a Map would', () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 4 }),
      fc.constantFrom('', 'a', 'A', 'x'.repeat(1 << 20), 'y'.repeat((1 << 20) - 3), 'é'.repeat(500_000)),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(text, fc.boolean()), { maxLength: 60 }), (steps) => {
        const table = new TextTable();
        const known = new Map<string, number>();
        for (const [one, adds] of steps) {
          expect(table.find(one)).toBe(known.get(one) ?? -1);
          if (!adds) continue;
          if (!known.has(one)) known.set(one, known.size);
          expect(table.add(one)).toBe(known.get(one));
        }
        expect(table.size).toBe(known.size);
        expect([...table.texts()]).toEqual([...known.keys()]);
      }),
      { numRuns: 50 },
    );
  });

  it('finds each of many', () => {
    const table = new TextTable();
    for (let number = 0; number < 50_000; number += 1) expect(table.add(`id-${number}`)).toBe(number);
    for (let number = 0; number < 50_000; number += 1) expect(table.find(`id-${number}`)).toBe(number);
    expect(table.has('id-50000')).toBe(false);
  });
});
