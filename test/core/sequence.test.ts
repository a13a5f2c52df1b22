/** A sequence that makes its items answers everything as an array of the same items does. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chosen, inOrder, isHeld, MadeSequence } from '../../src/core/sequence';

describe('a sequence', () => {
  const texts = fc.array(fc.string({ unit: 'binary', maxLength: 3 }), { maxLength: 20 });

  it('is the array it stands for', () => {
    fc.assert(
      fc.property(texts, fc.integer({ min: -25, max: 25 }), (list, index) => {
        const made = new MadeSequence(list.length, (at) => list[at] as string);
        const long = (text: string): boolean => text.length > 1;
        expect(isHeld(made)).toBe(false);
        expect([...made]).toEqual(list);
        expect(made.at(index)).toBe(list.at(index));
        expect(made.slice(2, 5)).toEqual(list.slice(2, 5));
        expect(made.filter(long)).toEqual(list.filter(long));
        expect(made.find(long)).toBe(list.find(long));
        expect([made.some(long), made.every(long)]).toEqual([list.some(long), list.every(long)]);
        expect(made.map((text, at) => text + String(at))).toEqual(list.map((text, at) => text + String(at)));
        expect(made.flatMap((text) => [text, text])).toEqual(list.flatMap((text) => [text, text]));
        expect(made.flatMap((text) => text)).toEqual(list);
        expect([...chosen(made, long)]).toEqual(chosen(list, long));
        expect([...inOrder(made, (text) => text)]).toEqual(inOrder(list, (text) => text));
      }),
    );
  });
});
