import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { build, parse, type PlistValue } from 'plist';
import { describe, expect, it } from 'vitest';
import { asDictionary, readPropertyList, textOf } from '../../../src/core/sources/property-list';
import { sharedData } from '../../shared-data';

const read = (text: string): unknown => readPropertyList(Buffer.from(text));
const plist = (inner: string): string => `<?xml version="1.0"?>\n<plist version="1.0">${inner}</plist>`;

/** Same value without prototypes and buffer classes, for comparing. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return `data:${Buffer.from(value).toString('hex')}`;
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

describe('readPropertyList', () => {
  it('reads every type', () => {
    const text = plist(
      '<dict><!-- c --><key>s</key><string>a &lt;&#x62;&#99;&gt; <![CDATA[<&>]]></string><key>i</key><integer>-7</integer>' +
        '<key>r</key><real>1.5</real><key>t</key><true/><key>f</key><false></false><key>d</key><data>\n AAEC\n</data>' +
        '<key>w</key><date>2026-11-24T01:02:03Z</date><key>a</key><array><string/><dict/><array/></array></dict>',
    );
    expect(plain(read(text))).toEqual({
      s: 'a <bc> <&>',
      i: -7,
      r: 1.5,
      t: true,
      f: false,
      d: 'data:000102',
      w: '2026-11-24T01:02:03.000Z',
      a: ['', {}, []],
    });
  });

  it('gives no access to prototypes', () => {
    const value = asDictionary(read(plist('<dict><key>__proto__</key><string>x</string></dict>')) as never);
    expect(Object.getPrototypeOf(value)).toBeNull();
    expect(textOf(value ?? {}, '__proto__')).toBe('x');
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  it.each([
    ['entities', '<!DOCTYPE plist [<!ENTITY a "b">]><plist><string>&a;</string></plist>'],
    ['an unknown entity', plist('<string>&nope;</string>')],
    ['a bare ampersand', plist('<string>a & b</string>')],
    ['an open end', '<plist><dict><key>a</key>'],
    ['a wrong closing tag', plist('<string>a</key>')],
    ['a key without value', plist('<dict><key>a</key></dict>')],
    ['a value without key', plist('<dict><string>a</string></dict>')],
    ['text between elements', plist('<dict>x</dict>')],
    ['no number', plist('<integer>x</integer>')],
    ['no date', plist('<date>x</date>')],
    ['something else', '<html></html>'],
    ['nothing', ''],
    ['depth', plist('<array>'.repeat(70) + '</array>'.repeat(70))],
  ])('answers null to %s', (_what, text) => expect(read(text)).toBeNull());

  it('answers null beyond 8 MiB', () => {
    expect(readPropertyList(Buffer.alloc(9 * 1024 * 1024, ' '))).toBeNull();
  });

  it('agrees with the plist package on what that one writes', () => {
    const leaf = fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer(), fc.boolean()) as fc.Arbitrary<PlistValue>;
    const { tree } = fc.letrec<{ tree: PlistValue }>((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        leaf,
        fc.array(tie('tree')),
        fc.dictionary(fc.stringMatching(/^[A-Za-z]+$/), tie('tree')),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        const text = build(value);
        // Control characters are no XML; the other parser complains about them on the console. It also turns U+2028
        // and U+2029 into a line feed.
        if (/[\p{Cc}\p{Cs}\u2028\u2029\ufffd\ufffe\uffff]/u.test(text.replace(/[\n\t]/g, ''))) return;
        expect(plain(readPropertyList(Buffer.from(text)))).toEqual(plain(parse(text)));
      }),
      { numRuns: 200 },
    );
  });

  it('survives any bytes and any change', () => {
    const text = plist('<dict><key>a</key><array><string>x&amp;y</string><data>AAEC</data></array></dict>');
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void readPropertyList(Buffer.from(bytes))));
    fc.assert(
      fc.property(
        fc.nat(text.length - 1),
        fc.constantFrom(...'<>/&;!?[]a"'.split('')),
        fc.nat(5),
        (at, letter, cut) => {
          read(text.slice(0, at) + letter + text.slice(at + cut));
        },
      ),
      { numRuns: 1000 },
    );
  });

  it.each(['enroll.mobileconfig', 'restrictions.mobileconfig', 'unicode.mobileconfig', 'wifi.mobileconfig'])(
    'agrees with the plist package on the real %s',
    (file) => {
      const path = sharedData('micromdm', file);
      if (!path) return;
      const bytes = readFileSync(path);
      expect(plain(readPropertyList(bytes))).toEqual(plain(parse(bytes.toString('utf8'))));
    },
  );
});
