import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvText, plainCell } from '../../src/core/csv-text';
import { HOSTILE_NAMES } from '../hostile/names';

const read = (text: string): string[][] => parse(text, { bom: true });

describe('tables for a spreadsheet', () => {
  it('hold every name in one cell, none of them a formula', () => {
    const cells = read(
      csvText(
        ['name'],
        HOSTILE_NAMES.map((name) => [name]),
      ),
    ).map(([cell]) => cell ?? '');
    expect(cells.slice(1).map(plainCell)).toEqual([...HOSTILE_NAMES]);
    expect(cells.filter((cell) => /^\s*[=+\-@|\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/.test(cell))).toEqual([]);
  });

  it('give back what went in, apostrophes of its own included', () => {
    const piece = fc.constantFrom("'", ' ', '=', '+', '-', '@', '|', '\uff1d', '"', ',', '\r', '\n', '\t', 'a', '💻');
    const text = fc.oneof(fc.string({ unit: piece }), fc.string({ unit: 'binary' }));
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), (texts) => {
        const [, cells] = read(csvText([...texts.keys()].map(String), [['.', ...texts].slice(1)]));
        expect((cells ?? ['']).map(plainCell)).toEqual(texts);
      }),
    );
  });
});
