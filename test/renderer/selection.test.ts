import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  between,
  everything,
  isSelected,
  NOTHING,
  selectedCount,
  toggled,
  withoutRange,
  withRange,
  type Selection,
} from '../../src/renderer/features/devices/selection';

const MOST = 40;
const step = fc.tuple(fc.constantFrom('with', 'without', 'toggle'), fc.nat(MOST), fc.nat(MOST));

describe('selection', () => {
  it('does what a plain set of places would do', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        let selection: Selection = NOTHING;
        const set = new Set<number>();
        for (const [kind, one, other] of steps) {
          const range = between(one, other);
          if (kind === 'toggle') {
            selection = toggled(selection, one);
            if (!set.delete(one)) set.add(one);
          } else {
            selection = kind === 'with' ? withRange(selection, range) : withoutRange(selection, range);
            for (let place = range[0]; place < range[1]; place += 1) {
              if (kind === 'with') set.add(place);
              else set.delete(place);
            }
          }
        }
        expect(selectedCount(selection)).toBe(set.size);
        for (let place = 0; place <= MOST + 1; place += 1) expect(isSelected(selection, place)).toBe(set.has(place));
        // In order and apart from each other.
        for (let index = 1; index < selection.length; index += 1) {
          expect(selection[index]![0]).toBeGreaterThan(selection[index - 1]![1]);
        }
      }),
    );
  });

  it('holds 100,000 rows as one range', () => {
    expect(everything(100_000)).toEqual([[0, 100_000]]);
    expect(everything(0)).toEqual(NOTHING);
    expect(withoutRange(everything(100_000), [5, 6])).toEqual([
      [0, 5],
      [6, 100_000],
    ]);
  });
});
