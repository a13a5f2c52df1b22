import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bufferSource,
  copyStable,
  openBolt,
  readStable,
  type ByteSource,
  type StableOptions,
} from '../../../src/core/bolt';
import { FailureError } from '../../../src/core/failure';
import type { Progress } from '../../../src/core/progress';
import { boltBytes, writeBolt } from '../../bolt-writer';
import { sharedData } from '../../shared-data';
import { generation, LEAVES, LiveServer, SLOT, values } from './live-server';
import { bucketOf, failureOfAsync, temporaryFolder } from './support';

const folder = temporaryFolder();
function waits(): { options: StableOptions; list: number[] } {
  const list: number[] = [];
  const wait = (milliseconds: number): Promise<void> => {
    list.push(milliseconds);
    return Promise.resolve();
  };
  return { options: { wait, retries: 5, backoffMs: 10 }, list };
}

describe('reading while a server writes', () => {
  test('a quiet file is read at the first try', async () => {
    const server = new LiveServer();
    const { options, list } = waits();
    expect(await readStable(server.open, options, values)).toEqual({ value: generation(1n), retries: 0 });
    expect(list).toEqual([]);
  });

  test('a commit at any moment of the first try is noticed, unless it came too early or too late to matter', async () => {
    // Reads of one try: 1 the beginning, 2 and 3 the metas, then the pages, then both metas again.
    const pages = 3 + LEAVES;
    for (let moment = 1; moment <= 3 + pages + 2; moment += 1) {
      const server = new LiveServer();
      server.beforeRead = (read) => {
        if (server.opened === 1 && read === moment) server.commit();
      };
      const outcome = await readStable(server.open, waits().options, values);
      const early = moment <= 2;
      // Meta 0, where the commit goes, was looked at before: by then all pages had been read, too.
      const late = moment > 3 + pages;
      expect([moment, outcome]).toEqual([
        moment,
        { value: generation(late ? 1n : 2n), retries: early || late ? 0 : 1 },
      ]);
    }
  });

  test('pages of a commit under way do no harm while its meta is not written', async () => {
    const server = new LiveServer();
    server.beforeRead = (read) => {
      if (server.opened === 1 && read === 4) server.step();
    };
    expect(await readStable(server.open, waits().options, values)).toEqual({ value: generation(1n), retries: 0 });
  });

  test('a torn read, whose damage shows or whose generations mix, is discarded', async () => {
    const server = new LiveServer();
    const seen: string[] = [];
    server.beforeRead = (read) => {
      // After the root and the branch: two commits overwrite the leaves still to come.
      if (server.opened === 1 && read === 8) {
        server.commit();
        server.commit();
      }
    };
    const { value, retries } = await readStable(server.open, waits().options, (file) => {
      seen.push(values(file));
      return seen.at(-1);
    });
    expect([value, retries]).toEqual([generation(3n), 1]);
    expect(seen[0]).not.toBe(generation(1n));
    expect(seen[0]).not.toBe(generation(3n));
  });

  test('damage met while the file changed is retried; damage of a quiet file is thrown at once', async () => {
    const server = new LiveServer();
    server.bytes.fill(0, 4096 * (2 + SLOT + 3), 4096 * (2 + SLOT + 4));
    expect(await failureOfAsync(() => readStable(server.open, waits().options, values))).toMatchObject({
      code: 'bolt/page-id-mismatch',
    });
    expect(server.opened).toBe(1);
    server.beforeRead = (read) => {
      if (server.opened === 2 && read === 5) server.commit();
    };
    expect(await readStable(server.open, waits().options, values)).toEqual({ value: generation(2n), retries: 1 });
  });

  test('a root bucket torn between header page and root page is retried', async () => {
    const server = new LiveServer();
    const root = 4096 * (2 + SLOT);
    server.beforeRead = (read) => {
      if (server.opened === 1 && read === 4) {
        server.commit();
        server.step();
        server.bytes.fill(0, root, root + 4096);
      } else if (server.opened === 2 && read === 1) {
        server.bytes.writeUInt8(0, root);
      }
    };
    const { value, retries } = await readStable(server.open, waits().options, values);
    expect([value, retries]).toEqual([generation(2n), 1]);
  });

  test('any error of the work is thrown when the file is quiet, retried when it changed', async () => {
    const server = new LiveServer();
    const fail = (): never => {
      throw new RangeError('a defect');
    };
    await expect(readStable(server.open, waits().options, fail)).rejects.toThrow(RangeError);
    let calls = 0;
    const { value, retries } = await readStable(server.open, waits().options, () => {
      if ((calls += 1) > 1) return 'done';
      server.commit();
      return fail();
    });
    expect([value, retries]).toEqual(['done', 1]);
  });

  test('bolt/changed-while-reading when the server never rests, after pauses that grow', async () => {
    const server = new LiveServer();
    const { options, list } = waits();
    server.beforeRead = (read) => {
      if (read === 6) server.commit();
    };
    const error = await readStable(server.open, options, values).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(FailureError);
    expect((error as FailureError).failure).toMatchObject({
      code: 'bolt/changed-while-reading',
      kind: 'unreadable',
      detail: { path: 'live.db', retries: 5 },
    });
    expect((error as FailureError).failure.remedy).toMatch(/boltbackup.*stop/);
    expect(server.opened).toBe(6);
    expect(list).toEqual([10, 20, 40, 80, 160]);
  });

  test('a file that became smaller is changed', () => {
    const server = new LiveServer();
    const file = openBolt(server.open());
    server.size += 4096;
    expect(file.isUnchanged()).toBe(true);
    server.size -= 4097;
    expect(file.isUnchanged()).toBe(false);
  });

  test('another file under its name is read instead, also one of the same transaction', async () => {
    const path = join(folder, 'replaced.db');
    const write = (to: string, value: string): void => {
      writeBolt(to, [{ name: 'b', entries: [['key', value]] }]);
    };
    write(path, 'first');
    const { value, retries } = await readStable(path, waits().options, (file) => {
      const found = bucketOf(file, 'b').get('key')?.toString();
      if (found === 'first') {
        write(`${path}.new`, 'other');
        renameSync(`${path}.new`, path);
      }
      return found;
    });
    expect([value, retries]).toEqual(['other', 1]);
  });

  test('what is accepted is one generation, whatever the server does and when', async () => {
    const schedule = fc.array(fc.tuple(fc.nat({ max: 30 }), fc.integer({ min: 1, max: 5 })), { maxLength: 25 });
    await fc.assert(
      fc.asyncProperty(schedule, async (plan) => {
        const server = new LiveServer();
        const steps = plan.map(([pause, count]) => ({ pause, count }));
        server.beforeRead = () => {
          const next = steps[0];
          if (!next) return;
          if (next.pause > 0) next.pause -= 1;
          else for (steps.shift(); next.count > 0; next.count -= 1) server.step();
        };
        const { value } = await readStable(server.open, { ...waits().options, retries: 100 }, (file) => ({
          read: values(file),
          txid: file.txid,
        }));
        expect(value.read).toBe(generation(value.txid));
      }),
      { numRuns: 200, seed: 11 },
    );
  });

  test('opening failures are not retried', async () => {
    const path = join(folder, 'none.db');
    const { options, list } = waits();
    expect((await failureOfAsync(() => readStable(path, options, values))).code).toBe('bolt/not-found');
    expect(list).toEqual([]);
  });
});

describe('private copies', () => {
  const entries = Array.from({ length: 40 }, (_, i): [string, Buffer] => [
    `key ${String(i).padStart(3, '0')}`,
    Buffer.alloc(60_000, i),
  ]);
  const buckets = [
    {
      name: 'wanted',
      entries: [
        ['a', '1'],
        ['b', '2'],
      ] as const,
    },
    { name: 'history', entries },
  ];
  let serial = 0;
  const target = (): string => join(folder, `copy-${(serial += 1)}.db`);
  const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

  test('byte for byte, 0600, hash and size told, progress up to the end', async () => {
    const source = join(folder, 'source.db');
    const { size } = writeBolt(source, buckets, { trailing: 12345, txid: 77n, freePages: 3 });
    const copy = target();
    const told: Progress[] = [];
    expect(await copyStable(source, copy, { onProgress: (progress) => told.push(progress) })).toEqual({
      sha256: sha256(source),
      size,
      txid: 77n,
      retries: 0,
    });
    expect(readFileSync(copy).equals(readFileSync(source))).toBe(true);
    if (process.platform !== 'win32') expect(statSync(copy).mode & 0o777).toBe(0o600);
    expect(told[0]).toEqual({ label: 'copying database', done: 0, total: size });
    expect(told).toContainEqual({ label: 'copying database', done: size, total: size });
    expect(told.at(-1)).toEqual({ label: 'checking copy', done: size, total: size });
  });

  test('without a bucket: smaller, the others are whole, the hash is that of the copy', async () => {
    const source = join(folder, 'source-2.db');
    writeBolt(source, buckets, { pageSize: 1024, freePages: 100 });
    const copy = target();
    let total = 0;
    const result = await copyStable(source, copy, {
      skipBuckets: ['history'],
      onProgress: ({ label, total: bytes }) => (total = label === 'copying database' ? (bytes ?? 0) : total),
    });
    expect(total).toBeLessThan(20_000);
    expect(result.sha256).toBe(sha256(copy));
    expect(result.size).toBe(statSync(copy).size);
    const file = openBolt(copy);
    expect(bucketOf(file, 'wanted').get('b')?.toString()).toBe('2');
    expect(bucketOf(file, 'wanted').damage).toEqual([]);
    expect(bucketOf(file, 'history').count()).toBe(0);
    expect(bucketOf(file, 'history').damage).toMatchObject([{ code: 'bolt/page-id-mismatch' }]);
    file.close();
  });

  test('a commit while copying makes it begin again; the copy is one generation', async () => {
    for (const skipBuckets of [undefined, []]) {
      const server = new LiveServer();
      server.beforeRead = (read) => {
        if (server.opened === 1 && read === 5) server.commit();
      };
      const copy = target();
      const { txid, retries } = await copyStable(server.open, copy, {
        ...waits().options,
        ...(skipBuckets ? { skipBuckets } : {}),
      });
      expect([txid, retries]).toEqual([2n, 1]);
      const file = openBolt(copy);
      expect(values(file)).toBe(generation(2n));
      file.close();
    }
  });

  test('giving up, or a source that is no database, leaves nothing behind', async () => {
    const before = readdirSync(folder).length;
    const server = new LiveServer();
    server.beforeRead = (read) => {
      if (read === 5) server.commit();
    };
    const copy = target();
    expect((await failureOfAsync(() => copyStable(server.open, copy, waits().options))).code).toBe(
      'bolt/changed-while-reading',
    );
    expect((await failureOfAsync(() => copyStable(() => bufferSource(Buffer.alloc(9000)), copy))).code).toBe(
      'bolt/not-bolt',
    );
    expect(readdirSync(folder).length).toBe(before);
  });

  test('bolt/copy-failed: never over an existing file, never into nowhere', async () => {
    const existing = target();
    writeFileSync(existing, 'precious');
    const source = (): ByteSource => bufferSource(boltBytes(buckets));
    expect((await failureOfAsync(() => copyStable(source, existing))).code).toBe('bolt/copy-failed');
    expect(readFileSync(existing, 'utf8')).toBe('precious');
    const nowhere = join(folder, 'no folder', 'copy.db');
    expect((await failureOfAsync(() => copyStable(source, nowhere))).code).toBe('bolt/copy-failed');
    expect(existsSync(nowhere)).toBe(false);
  });

  const small = sharedData('micromdm', 'small.db');
  test.skipIf(small === null)('a real database, without its command history', async () => {
    const copy = target();
    await copyStable(small as string, copy, { skipBuckets: ['mdm.DeviceCommands'] });
    const [whole, part] = [openBolt(small as string), openBolt(copy)];
    for (const name of whole.bucketNames()) {
      if (name.toString() === 'mdm.DeviceCommands') continue;
      expect([...bucketOf(part, name).entries()]).toEqual([...bucketOf(whole, name).entries()]);
      expect(bucketOf(part, name).damage).toEqual([]);
    }
    whole.close();
    part.close();
  });
});
