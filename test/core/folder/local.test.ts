/** A folder of this machine, read within bounds: truth is what the file system was made to hold. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { localFolder } from '../../../src/core/folder';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'slipway-folder-'));
  mkdirSync(join(root, 'store', 'b'), { recursive: true });
  writeFileSync(join(root, 'store', 'a.txt'), 'hello');
  utimesSync(join(root, 'store', 'a.txt'), 1_700_000_000, 1_700_000_000);
  writeFileSync(join(root, 'store', 'b', 'empty'), '');
  symlinkSync(join(root, 'store', 'a.txt'), join(root, 'store', 'link'));
  symlinkSync(join(root, 'store'), join(root, 'way-in'));
  spawnSync('mkfifo', [join(root, 'store', 'pipe')]);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('a local folder', () => {
  it('lists what lies in it, in order, links told as such', async () => {
    const folder = localFolder(join(root, 'way-in'));
    const entries = (await folder.list()) ?? [];
    expect(entries.map(({ name, kind }) => [name, kind])).toEqual([
      ['a.txt', 'file'],
      ['b', 'folder'],
      ['link', 'link'],
      ['pipe', 'other'],
    ]);
    expect(entries[0]).toMatchObject({ size: 5, modified: 1_700_000_000_000 });
    expect(await folder.list('nothing')).toBeNull();
    await expect(folder.list('a.txt')).rejects.toThrow('folder/not-a-folder');
  });

  it('reads files within a bound, and nothing else', async () => {
    const folder = localFolder(join(root, 'store'));
    expect(await folder.read('a.txt', 5)).toEqual(Buffer.from('hello'));
    expect(await folder.read('b/empty', 0)).toEqual(Buffer.alloc(0));
    expect(await folder.read('b/none', 10)).toBeNull();
    expect(await folder.read('a.txt/none', 10)).toBeNull();
    await expect(folder.read('a.txt', 4)).rejects.toThrow('folder/too-big');
    for (const name of ['link', 'pipe', 'b']) await expect(folder.read(name, 10)).rejects.toThrow('folder/not-a-file');
  });

  it('tells one entry, and the folder itself also through a link', async () => {
    const folder = localFolder(join(root, 'way-in'));
    expect(await folder.stat('link')).toMatchObject({ name: 'link', kind: 'link' });
    expect(await folder.stat('')).toMatchObject({ kind: 'folder' });
    expect(await folder.stat('b/empty')).toMatchObject({ name: 'empty', kind: 'file', size: 0 });
    expect(await folder.stat('none')).toBeNull();
  });

  it.each(['../a', '/etc/passwd', 'b/../../x', 'b//c', './a', 'a\0b'])('never leaves it: %j', async (path) => {
    const folder = localFolder(join(root, 'store'));
    await expect((async () => folder.read(path, 10))()).rejects.toThrow(TypeError);
  });
});
