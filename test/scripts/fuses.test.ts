/** The fuses of a package, set in a file that has the fuse wire of an Electron binary, and read back byte by byte. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { setFuses } from '../../scripts/fuses.mjs';

/** Marks the wire in every Electron binary; then come version, length, and a digit a fuse. */
const SENTINEL = Buffer.from('dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX');

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'slipway-fuses-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function binary(wire: string): string {
  const path = join(folder, 'electron');
  const head = Buffer.concat([Buffer.alloc(5_000, 0x90), SENTINEL, Buffer.from([1, wire.length]), Buffer.from(wire)]);
  writeFileSync(path, Buffer.concat([head, Buffer.alloc(3_000, 0x90)]));
  return path;
}

it('sets every fuse but the one that is left as it is, and no other byte', async () => {
  const path = binary('101100110');
  const before = readFileSync(path);
  expect(await setFuses(path)).toEqual({
    RunAsNode: false,
    EnableCookieEncryption: true,
    EnableNodeOptionsEnvironmentVariable: false,
    EnableNodeCliInspectArguments: false,
    EnableEmbeddedAsarIntegrityValidation: true,
    OnlyLoadAppFromAsar: true,
    LoadBrowserProcessSpecificV8Snapshot: false,
    GrantFileProtocolExtraPrivileges: false,
  });
  const after = readFileSync(path);
  const at = before.indexOf(SENTINEL) + SENTINEL.length + 2;
  expect(after.subarray(at, at + 9).toString()).toBe('010011000');
  expect(after.subarray(0, at).equals(before.subarray(0, at))).toBe(true);
  expect(after.subarray(at + 9).equals(before.subarray(at + 9))).toBe(true);
});

it('refuses a binary with a fuse that nobody has decided about, and one that is no Electron', async () => {
  await expect(setFuses(binary('1011001100'))).rejects.toThrow();
  const path = join(folder, 'other');
  writeFileSync(path, Buffer.alloc(1_000));
  await expect(setFuses(path)).rejects.toThrow();
});
