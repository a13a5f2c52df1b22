/** How far a SCEP CA has counted, by what is said and what is seen. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FindingLog } from '../../../src/core/sources/finding-log';
import { countedCa, lastSerial, SerialMark } from '../../../src/core/sources/scep-serial';
import { parseSource, printSource, withCompanions } from '../../../src/core/sources';
import { scepCaOf, SOURCE_CA } from '../migration/checks/sample';

const LARGEST = 0x7fff_ffff_ffffn;
const ca = (nextSerial: bigint | null) => scepCaOf(SOURCE_CA, { nextSerial });
const serial = fc.bigInt(1n, LARGEST - 1n);

describe('the last serial number', () => {
  it('is decimal, or hexadecimal with 0x, and kept in decimal', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, LARGEST), (number) => {
        for (const text of [number.toString(), `0x${number.toString(16)}`, `0X${number.toString(16).toUpperCase()}`])
          expect(lastSerial(text)).toBe(number.toString());
        const written = withCompanions('nanomdm:/var/lib/x', { 'scep-last-serial': `0x${number.toString(16)}` });
        expect(parseSource(written).companions).toEqual({ 'scep-last-serial': number.toString() });
        expect(printSource(parseSource(written))).toBe(written);
      }),
    );
  });

  it.each(['', ' 1', '4D2', '-1', '1.5', '1e3', '0x', '12;--', (LARGEST + 1n).toString(), `0x${'f'.repeat(40)}`])(
    'is not «%s»',
    (text) => {
      expect(() => lastSerial(text)).toThrow('usage/scep-last-serial');
      expect(() => withCompanions('csv:/x.csv', { 'scep-last-serial': text })).toThrow('usage/scep-last-serial');
    },
  );
});

describe('the number a CA would give next', () => {
  it('is beyond all that is known, whatever was said', () => {
    const maybe = fc.option(serial, { nil: null });
    fc.assert(
      fc.property(maybe, maybe, maybe, (counter, said, greatest) => {
        const found = countedCa(ca(counter), said?.toString(), greatest, new FindingLog());
        const known = [counter === null ? [] : [counter], said === null ? [] : [said + 1n]].flat();
        // A depot counts what it issued; certificates only count where there is none.
        if (counter === null && greatest !== null) known.push(greatest + 1n);
        if (known.length === 0) expect(found?.nextSerial).toBeNull();
        else expect(found?.nextSerial).toBe(known.reduce((a, b) => (a > b ? a : b)));
        // Only a counter, or the operator’s word that no certificate contradicts, is more than a lower bound.
        const isBound = counter === null && greatest !== null && (said === null || said < greatest);
        expect(found?.serialFrom === 'certificates').toBe(isBound);
      }),
    );
    expect(countedCa(null, '5', 7n, new FindingLog())).toBeNull();
  });

  it('is not led astray by numbers drawn at random', () => {
    const mark = new SerialMark();
    for (const number of [3n, 2n ** 150n, LARGEST + 1n, -5n, 0n, 9n, 4n]) mark.see({ serial: number } as never);
    expect(mark.greatest).toBe(9n);
  });
});
