/** Secrets that would be noticed anywhere: each is looked for in every form it may take on its way out. */
import type { KeyObject } from 'node:crypto';

/** A secret with the texts that would give it away. */
export interface Canary {
  readonly name: string;
  readonly forms: readonly string[];
}

/** A secret as it is, in hex, and in base64 wherever in a longer text it begins. */
export function canary(name: string, value: Buffer | string): Canary {
  const bytes = Buffer.from(value as string);
  const forms = new Set([bytes.toString('latin1'), bytes.toString('utf8')]);
  for (const encoded of [bytes.toString('hex'), encodeURIComponent(bytes.toString('latin1'))]) {
    forms.add(encoded.toLowerCase()).add(encoded.toUpperCase());
  }
  for (const before of [0, 1, 2]) {
    // Only the characters that hang on nothing around it; and not so many that a line break would fall into them.
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    const own = text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6)).slice(0, 40);
    forms.add(own).add(own.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return { name, forms: [...forms].filter((form) => form.length >= 8) };
}

/** A private key: the lines of its PEM forms, and its primes as numbers. */
export function keyCanary(name: string, key: KeyObject): Canary {
  const lines = (['pkcs1', 'pkcs8'] as const).flatMap((type) => {
    const pem = key.export({ type, format: 'pem' }).toString().trim().split('\n');
    // The first lines hold the modulus, which is no secret; the last may be short.
    return pem.slice(10, -2);
  });
  const { d = '', p = '', q = '' } = key.export({ format: 'jwk' });
  const numbers = [d, p, q].flatMap((number) => canary(name, Buffer.from(number, 'base64url')).forms);
  return { name, forms: [...lines, ...numbers, key.export({ type: 'pkcs1', format: 'der' }).toString('latin1')] };
}

/** Names of the canaries that a text gives away. */
export function givenAway(text: string, canaries: readonly Canary[]): string[] {
  return canaries.filter(({ forms }) => forms.some((form) => text.includes(form))).map(({ name }) => name);
}
