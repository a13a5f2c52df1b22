import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageType } from '../../../../src/core/sources/micromdm/protobuf';
import { protobuf } from '../../../micromdm-writer';

const type = new MessageType({
  text: [1, 'text'],
  flag: [2, 'flag'],
  number: [3, 'number'],
  bytes: [4, 'bytes'],
  texts: [5, 'texts'],
  messages: [6, 'messages'],
});
const nothing = { text: '', flag: false, number: 0n, bytes: null, texts: [], messages: [] };
const decode = (...octets: number[]): ReturnType<typeof type.decode> => type.decode(Buffer.from(octets));

describe('MessageType', () => {
  it('gives back what was written, whatever else is in between', () => {
    const fields = fc.record({
      text: fc.string({ unit: 'grapheme' }),
      flag: fc.boolean(),
      number: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 300 }),
      texts: fc.array(fc.string({ unit: 'grapheme' })),
      messages: fc.array(fc.uint8Array({ maxLength: 20 })),
    });
    fc.assert(
      fc.property(fields, fc.string({ unit: 'grapheme' }), (value, unknown) => {
        const messages = value.messages.map((bytes) => Buffer.from(bytes));
        const bytes = protobuf({
          1: value.text,
          2: value.flag,
          3: value.number,
          4: Buffer.from(value.bytes),
          5: value.texts,
          6: messages,
          7: unknown,
          99: 5n,
        });
        const result = type.decode(bytes);
        expect(result).toMatchObject({
          ok: true,
          message: {
            text: value.text,
            flag: value.flag,
            number: value.number,
            bytes: Buffer.from(value.bytes),
            texts: value.texts,
            messages,
          },
        });
      }),
    );
  });

  it('takes the last of several, and leaves defaults', () => {
    expect(decode()).toEqual({ ok: true, message: nothing, badText: [] });
    expect(decode(0x10, 1, 0x10, 0, 0x0a, 1, 65, 0x0a, 1, 66)).toMatchObject({ message: { ...nothing, text: 'B' } });
  });

  it('skips unknown fields of every wire type, and known ones of another', () => {
    const fixed = [0x49, 1, 2, 3, 4, 5, 6, 7, 8, 0x4d, 1, 2, 3, 4];
    const group = [0x53, 0x08, 1, 0x54];
    expect(decode(...fixed, ...group, 0x08, 7, 0x12, 1, 65, 0x10, 1)).toMatchObject({
      ok: true,
      message: { ...nothing, flag: true },
    });
  });

  it('reads a long varint as true and as a negative number', () => {
    const minus = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    expect(decode(0x10, ...minus, 0x18, ...minus)).toMatchObject({ message: { flag: true, number: -1n } });
    // 2^32, whose low half is 0.
    expect(decode(0x10, 0x80, 0x80, 0x80, 0x80, 0x10)).toMatchObject({ message: { flag: true } });
  });

  it('names text that is not UTF-8, and keeps a real replacement character', () => {
    expect(decode(0x0a, 2, 65, 0xff)).toMatchObject({ message: { text: 'A\ufffd' }, badText: ['text'] });
    expect(decode(0x0a, 3, 0xef, 0xbf, 0xbd)).toMatchObject({ message: { text: '\ufffd' }, badText: [] });
  });

  it.each([
    ['a length past the end', [0x0a, 5, 65], 'value reaches past the end'],
    ['an end within a number', [0x18, 0x80], 'ends inside a number'],
    ['an eleven-octet number', [0x18, ...Array<number>(10).fill(0x80), 1], 'number longer than ten octets'],
    ['field number 0', [0x00, 1], 'field number 0'],
    ['wire type 7', [0x4f], 'wire type 7'],
    ['an open group', [0x53, 0x08, 1], 'ends inside a number'],
    ['a group closed by another', [0x53, 0x5c], 'group ends with another number'],
    ['a fixed value cut short', [0x49, 1], 'value reaches past the end'],
  ])('refuses %s', (_what, octets, reason) => {
    expect(decode(...octets)).toEqual({ ok: false, error: { reason, offset: 0 } });
  });

  it('survives any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void type.decode(Buffer.from(bytes))));
    expect(decode(...Array<number>(5000).fill(0x53))).toMatchObject({ ok: false });
  });
});
