/** The stand-in's structured clone does what Electron's IPC does, no more and no less. */
import { describe, expect, it } from 'vitest';
import { makeClone } from './clone';

const clone = makeClone();
const passed = (value: unknown): unknown => clone.unpack(clone.pack(value));

describe('structured clone', () => {
  it.each([
    null,
    undefined,
    true,
    'ü €',
    1.5,
    Number.NaN,
    -Infinity,
    12345678901234567890n,
    new Date(0),
    [1, [undefined, null]],
    { a: { b: new Set(['c']) } },
    new Map<unknown, unknown>([[{ key: 1 }, 'value']]),
    new Uint8Array([0, 127, 255]),
  ])('carries %s', (value) => {
    expect(passed(value)).toEqual(value);
  });

  it('carries an error as its name and message, and an instance without its class', () => {
    class Device {
      readonly udid = 'A';
      moved(): boolean {
        return true;
      }
    }
    expect(passed(new RangeError('too far'))).toMatchObject({ name: 'RangeError', message: 'too far' });
    expect(Object.getPrototypeOf(passed(new Device()))).toBe(Object.prototype);
  });

  it.each([
    ['a function', () => 1],
    ['a promise', Promise.resolve(1)],
    ['a symbol', Symbol('s')],
  ])('refuses %s', (_, value) => {
    expect(() => clone.pack({ value })).toThrow('could not be cloned');
  });

  it('keeps a key called __proto__ from becoming one', () => {
    const value = passed(JSON.parse('{"__proto__":{"admin":true}}')) as Record<string, unknown>;
    expect(value['admin']).toBeUndefined();
  });
});
