/** Wrong passwords of what openssl encrypted: padding alone lets one in 256 pass, and none may. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decryptPem, WorkBudget, type Opened } from '../../../src/core/certificates/password-encryption';
import { readPem } from '../../../src/core/certificates/pem';
import { readPkcs12 } from '../../../src/core/certificates/pkcs12';
import { readEncryptedKey } from '../../../src/core/certificates/private-key';

/** Some eight of so many would pass for right by their padding. */
const TRIES = 2000;

let folder: string;
const path = (name: string): string => join(folder, name);
const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-wrong-password-'));
  openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'key', '-out', 'certificate', '-subj', '/CN=x');
  const few = ['-iter', '1', '-passout', 'pass:right'];
  // -iter gives it a MAC again, so what takes the MAC away comes last.
  openssl('pkcs12', '-export', '-in', 'certificate', '-inkey', 'key', '-out', 'bag', ...few, '-nomac');
  openssl('pkcs8', '-topk8', '-in', 'key', '-outform', 'DER', '-out', 'pkcs8', ...few);
  openssl('rsa', '-in', 'key', '-traditional', '-aes128', '-passout', 'pass:right', '-out', 'old');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('a wrong password', () => {
  const kinds: Record<string, () => (password: Buffer) => Promise<Opened<unknown>> | Opened<unknown>> = {
    'PKCS#12 without a MAC': () => {
      const bag = readPkcs12(readFileSync(path('bag')));
      expect(bag?.mac).toBeNull();
      if (bag === null) throw new Error('no PKCS#12');
      return (password) => bag.open(password, new WorkBudget());
    },
    'PKCS#8': () => {
      const key = readEncryptedKey(readFileSync(path('pkcs8')));
      if (key === null) throw new Error('no encrypted key');
      return (password) => key.open(password, new WorkBudget());
    },
    'an old PEM block': () => {
      const [block] = readPem(readFileSync(path('old'), 'utf8'));
      if (block === undefined) throw new Error('no PEM block');
      return (password) => decryptPem(block.headers, block.der, password);
    },
  };

  it.each(Object.keys(kinds))('of %s is told as that, and the right one opens', async (kind) => {
    const open = kinds[kind]?.();
    if (open === undefined) throw new Error('unknown kind');
    for (let number = 0; number < TRIES; number += 1)
      expect(await open(Buffer.from(`wrong ${number}`))).toEqual({ ok: false, problem: 'password' });
    expect((await open(Buffer.from('right'))).ok).toBe(true);
  });
});
