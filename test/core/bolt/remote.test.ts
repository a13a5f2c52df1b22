/** Copies of files that are far away and written meanwhile: each copy is one state, or there is none. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { copyRemote, openBolt, type RemoteBytes, type RemoteCopyOptions } from '../../../src/core/bolt';
import { boltBytes } from '../../bolt-writer';
import { generation, LiveServer, values } from './live-server';
import { failureOfAsync, temporaryFolder } from './support';

const folder = temporaryFolder();
let made = 0;
const newPath = (): string => join(folder, `copy-${(made += 1)}`);

/** Bytes in memory, told before each read. */
function remote(bytes: () => Buffer, beforeRead: (read: number) => void = () => undefined): RemoteBytes {
  let reads = 0;
  return {
    name: 'ssh://me@host/live.db',
    size: () => Promise.resolve(bytes().length),
    read(position, length) {
      beforeRead((reads += 1));
      return Promise.resolve(Buffer.from(bytes().subarray(position, position + length)));
    },
  };
}

const wait = (): Promise<void> => Promise.resolve();
const copyOf = async (source: RemoteBytes, options: RemoteCopyOptions = {}): Promise<string> => {
  const path = newPath();
  await copyRemote(source, path, { wait, ...options });
  const file = openBolt(path);
  try {
    return values(file);
  } finally {
    file.close();
  }
};

describe('copying a file that is far away', () => {
  test('a quiet one is copied byte for byte, once', async () => {
    const bytes = boltBytes([
      { name: 'b', entries: Array.from({ length: 9_000 }, (_, i) => [`${i + 10_000}`, 'x'.repeat(900)] as const) },
    ]);
    const path = newPath();
    const seen: number[] = [];
    const onProgress = ({ label, done }: { label: string; done: number }): void => {
      if (label === 'copying database') seen.push(done);
    };
    const copy = await copyRemote(
      remote(() => bytes),
      path,
      { wait, onProgress },
    );
    expect(readFileSync(path).equals(bytes)).toBe(true);
    expect(copy).toMatchObject({ size: bytes.length, retries: 0 });
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.at(-1)).toBe(bytes.length);
  });

  test.each([65_536, 131_072])('the second header page is found at a page size of %i', async (pageSize) => {
    const bytes = boltBytes([{ name: 'b', entries: [['k', 'v']] }], { pageSize, broken: [0], newestPage: 1 });
    const path = newPath();
    await copyRemote(
      remote(() => bytes),
      path,
      { wait },
    );
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  test('whenever the server commits, the copy is one state', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(60), { maxLength: 12 }),
        fc.array(fc.nat(60), { maxLength: 12 }),
        async (halves, wholes) => {
          const server = new LiveServer();
          const before = (read: number): void => {
            if (halves.includes(read)) server.step();
            if (wholes.includes(read)) server.commit();
          };
          const copied = await copyOf(
            remote(() => server.bytes, before),
            { retries: 60 },
          );
          expect(copied).toBe(generation(BigInt(copied.split(',')[0] ?? '')));
          expect(BigInt(copied.split(',')[0] ?? '')).toBeLessThanOrEqual(server.txid);
        },
      ),
    );
  });

  test('one that never rests gives no copy, and leaves nothing', async () => {
    const server = new LiveServer();
    const path = newPath();
    const source = remote(
      () => server.bytes,
      () => server.commit(),
    );
    const failure = await failureOfAsync(() => copyRemote(source, path, { wait, retries: 3 }));
    expect(failure).toMatchObject({ code: 'bolt/changed-while-reading', detail: { retries: 3 } });
    expect(existsSync(path)).toBe(false);
  });

  test.each([
    ['nothing', Buffer.alloc(0), 'bolt/empty-file'],
    ['zeros', Buffer.alloc(100_000), 'bolt/not-bolt'],
    ['text', Buffer.from('Authorization Required\n'), 'bolt/not-bolt'],
    ['a part', boltBytes([{ name: 'b', entries: [['k', 'x'.repeat(100_000)]] }]).subarray(0, 50_000), 'bolt/truncated'],
  ])('%s is refused before anything is written', async (_name, bytes, code) => {
    const path = newPath();
    expect(
      await failureOfAsync(() =>
        copyRemote(
          remote(() => bytes),
          path,
          { wait },
        ),
      ),
    ).toMatchObject({ code });
    expect(existsSync(path)).toBe(false);
  });

  test('what stops it leaves nothing, and what lies there is never overwritten', async () => {
    const server = new LiveServer();
    const path = newPath();
    const stop = (): never => {
      throw new Error('stopped');
    };
    await expect(
      copyRemote(
        remote(() => server.bytes),
        path,
        { wait, onProgress: stop },
      ),
    ).rejects.toThrow('stopped');
    await expect(
      copyRemote(
        remote(() => server.bytes),
        path,
        { wait, admit: stop },
      ),
    ).rejects.toThrow('stopped');
    expect(existsSync(path)).toBe(false);
    writeFileSync(path, 'mine');
    await expect(
      copyRemote(
        remote(() => server.bytes),
        path,
        { wait },
      ),
    ).rejects.toThrow('bolt/copy-failed');
    expect(readFileSync(path, 'utf8')).toBe('mine');
  });
});
