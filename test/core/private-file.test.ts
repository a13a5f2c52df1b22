/** Private files: whole or not there, for their owner alone, and never over another one unless that was said. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PrivateFile, refuseExisting, temporaryName, writePrivate } from '../../src/core/private-file';
import { readGiven, readGivenSecret } from '../../src/core/given-file';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-private-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const failing = (code: string, kind: string): object => ({
  failure: expect.objectContaining({ code, kind }) as object,
});
const leftOvers = (): string[] => readdirSync(folder).filter((name) => name.endsWith('.part'));

describe('a private file', () => {
  it('is written once, and replaced only when that was said', async () => {
    const path = join(folder, 'one');
    await writePrivate(path, 'first');
    await expect(writePrivate(path, 'second')).rejects.toMatchObject(failing('file/exists', 'usage'));
    expect(readFileSync(path, 'utf8')).toBe('first');
    await writePrivate(path, Buffer.from('second'), { overwrite: true });
    expect(readFileSync(path, 'utf8')).toBe('second');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(() => {
      refuseExisting(path);
    }).toThrow('file/exists');
    refuseExisting(path, true);
    expect(leftOvers()).toEqual([]);
  });

  it('does not replace one that came up while it was written', async () => {
    const path = join(folder, 'race');
    const file = await PrivateFile.create(path);
    await file.write(Buffer.from('mine'));
    await file.finish();
    writeFileSync(path, 'theirs');
    await expect(file.publish()).rejects.toMatchObject(failing('file/exists', 'usage'));
    await file.discard();
    expect(readFileSync(path, 'utf8')).toBe('theirs');
    expect(leftOvers()).toEqual([]);
  });

  it('is not there before it is whole, and nothing is left of one that was given up', async () => {
    const path = join(folder, 'half');
    const file = await PrivateFile.create(path);
    await file.write(Buffer.alloc(3_000_000, 1));
    expect(readdirSync(folder)).not.toContain('half');
    await file.discard();
    expect([readdirSync(folder).includes('half'), leftOvers()]).toEqual([false, []]);
    await expect(writePrivate(join(folder, 'no', 'x'), 'x')).rejects.toMatchObject(
      failing('file/cannot-write', 'unreadable'),
    );
  });
});

describe('what a killed process left unfinished', () => {
  it('goes with the next file, and only that', async () => {
    const mine = basename(temporaryName(join(folder, 'x')));
    const dead = String(spawnSync(process.execPath, ['-e', '']).pid);
    const abandoned = mine.replace(`-${process.pid}-`, `-${dead}-`);
    const foreign = abandoned.replace(/^\.[0-9a-f]{8}/, '.00000000');
    const kept = [mine, foreign, '.notes.part', 'theirs.part'];
    for (const name of [abandoned, ...kept]) writeFileSync(join(folder, name), 'secret');
    await writePrivate(join(folder, 'next'), 'next');
    expect(leftOvers().sort()).toEqual([...kept].sort());
    for (const name of kept) rmSync(join(folder, name));
  });
});

describe('a file the operator names', () => {
  it('is read as it is, up to its limit', () => {
    const path = join(folder, 'given');
    writeFileSync(path, Buffer.alloc(1_048_576, 7));
    expect(readGiven('the profile', path, 1_048_576)).toHaveLength(1_048_576);
    writeFileSync(path, Buffer.alloc(1_048_577, 7));
    expect(() => readGiven('the profile', path, 1_048_576)).toThrow(
      expect.objectContaining(failing('usage/file', 'usage')) as Error,
    );
    for (const wrong of [join(folder, 'nowhere'), folder])
      expect(() => readGiven('the profile', wrong, 1_048_576)).toThrow(
        expect.objectContaining(failing('usage/file', 'unreadable')) as Error,
      );
  });

  it('may be a pipe, which is bounded too', () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const feed = (bytes: number): void => {
      execFileSync('sh', ['-c', `head -c ${bytes} /dev/zero > "$1" 2>/dev/null &`, 'sh', pipe], { stdio: 'ignore' });
    };
    feed(70_000);
    expect(readGiven('the key', pipe, 1_048_576)).toHaveLength(70_000);
    feed(3_000_000);
    expect(() => readGiven('the key', pipe, 1_048_576)).toThrow('larger than 1 MiB');
  });

  it('gives a secret without the line break an editor added, and an empty one not at all', () => {
    const path = join(folder, 'secret');
    mkdirSync(join(folder, 'x'), { recursive: true });
    writeFileSync(path, 'hunter2\r\n');
    expect(readGivenSecret('challenge', path).revealText()).toBe('hunter2');
    writeFileSync(path, '\n');
    expect(() => readGivenSecret('challenge', path)).toThrow('usage/secret-file');
  });
});
