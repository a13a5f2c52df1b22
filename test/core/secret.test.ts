import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/core/secret';

describe('Secret', () => {
  const value = 'canary-7f3e';
  const secret = new Secret('push magic', value);

  it('gives its value only when asked by name', () => {
    expect(secret.revealText()).toBe(value);
    expect(secret.reveal().toString()).toBe(value);
    expect(secret.length).toBe(value.length);
  });

  it.each([
    ['text', String(secret)],
    ['JSON', JSON.stringify({ secret })],
    ['inspection', inspect({ deep: { secret } }, { depth: 9, showHidden: true })],
    ['concatenation', `x${String(secret)}`],
    ['its own keys', JSON.stringify(Object.entries(secret))],
    ['a structured clone', inspect(structuredClone(Object.fromEntries(Object.entries(secret))))],
  ])('does not show it as %s', (_, shown) => {
    expect(shown).not.toContain(value);
    expect(shown).not.toContain(Buffer.from(value).toString('hex'));
    expect(shown).not.toContain(Buffer.from(value).toString('base64'));
  });

  it('shows label, length and the start of its hash', () => {
    expect(String(secret)).toMatch(/^‹push magic, 11 bytes, sha256 [0-9a-f]{12}…›$/);
  });
});
