import { execFileSync } from 'node:child_process';
import { chmodSync, closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { bufferSource, openBolt } from '../../../src/core/bolt';
import { cannotOpen } from '../../../src/core/bolt/source';
import { boltBytes, bucketHeader, leafPage, metaPage } from '../../bolt-writer';
import { bucketOf, failureOf, openBytes, temporaryFolder } from './support';

const folder = temporaryFolder();
const good = boltBytes([{ name: 'b', entries: [['k', 'v']] }]);

describe('what is no Bolt file is refused by name', () => {
  test.each([
    ['gzip', gzipSync(good)],
    ['zip', Buffer.from('PK\x03\x04 rest of a zip', 'latin1')],
    ['zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 4, 0, 1])],
    ['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 4])],
    ['SQLite', Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(8192)])],
    ['JSON error body "Unauthorized"', Buffer.from('{"error":"Unauthorized"}\n')],
    ['JSON', Buffer.from('{"consumer_secret":"CS_secret"}')],
    ['HTML', Buffer.from('\n<!DOCTYPE html><html><body>502</body></html>')],
    ['XML', Buffer.from('<?xml version="1.0"?><plist/>')],
    ['plain text "Authorization Required"', Buffer.from('Authorization Required\n')],
    ['plain text', Buffer.from('404 page not found\n')],
    ['unknown', Buffer.alloc(10000, 0xa5)],
    ['zeros', Buffer.alloc(10000)],
  ])('%s', (what, bytes) => {
    const failure = failureOf(() => openBytes(bytes));
    expect(failure).toMatchObject({ code: 'bolt/not-bolt', kind: 'unreadable', detail: { what } });
    expect(`${failure.message} ${failure.remedy}`).not.toContain('CS_secret');
  });

  test.each([
    ['bolt/empty-file', Buffer.alloc(0)],
    ['bolt/too-small', good.subarray(0, 4000)],
    ['bolt/too-small', Buffer.alloc(1)],
  ])('%s', (code, bytes) => {
    expect(failureOf(() => openBytes(bytes))).toMatchObject({ code, detail: { size: bytes.length } });
  });
});

describe('what is no file at all', () => {
  test('bolt/not-found', () => {
    expect(failureOf(() => openBolt(join(folder, 'nothing.db'))).code).toBe('bolt/not-found');
    writeFileSync(join(folder, 'plain'), 'x');
    expect(failureOf(() => openBolt(join(folder, 'plain', 'below.db'))).code).toBe('bolt/not-found');
  });

  test('bolt/is-directory says whether the database lies inside', () => {
    const without = join(folder, 'without');
    const within = join(folder, 'within');
    mkdirSync(without);
    mkdirSync(within);
    writeFileSync(join(within, 'micromdm.db'), good);
    expect(failureOf(() => openBolt(without))).toMatchObject({
      code: 'bolt/is-directory',
      detail: { holdsDatabase: false },
    });
    const failure = failureOf(() => openBolt(within));
    expect(failure).toMatchObject({ code: 'bolt/is-directory', detail: { holdsDatabase: true } });
    expect(failure.remedy).toContain(join(within, 'micromdm.db'));
  });

  test.skipIf(process.platform === 'win32')('bolt/not-a-file: a FIFO is refused without waiting for its writer', () => {
    const fifo = join(folder, 'fifo');
    execFileSync('mkfifo', [fifo]);
    for (const path of [fifo, '/dev/null', '/dev/fd/0', '/dev/stdin', '/proc/self/fd/0']) {
      expect(failureOf(() => openBolt(path)).code).toBe('bolt/not-a-file');
    }
  });

  test('bolt/no-permission and whatever else the system says', () => {
    const code = (errno: string): string =>
      failureOf(() => cannotOpen(Object.assign(new Error(), { code: errno }), 'x')).code;
    expect([code('EACCES'), code('EPERM'), code('ELOOP')]).toEqual([
      'bolt/no-permission',
      'bolt/no-permission',
      'bolt/read-failed',
    ]);
  });

  // The superuser may read anything, so as root there is nothing to refuse.
  test.skipIf(process.platform === 'win32' || process.getuid?.() === 0)(
    'bolt/no-permission, from the system itself',
    () => {
      const path = join(folder, 'locked.db');
      writeFileSync(path, good);
      chmodSync(path, 0);
      expect(failureOf(() => openBolt(path)).code).toBe('bolt/no-permission');
    },
  );

  test('a source that fails to open is closed', () => {
    let closed = 0;
    const source = { ...bufferSource(Buffer.alloc(5000, 1)), close: () => (closed += 1) };
    failureOf(() => openBolt(source));
    expect(closed).toBe(1);
  });
});

test('pages beyond 2 and 4 GiB are read; a file of 5 GiB costs no more than its pages in use', () => {
  const path = join(folder, 'sparse.db');
  const descriptor = openSync(path, 'w');
  const far = [600_000, 1_200_000];
  const meta = { root: 3, highWater: 1_200_001, txid: 6n };
  const put = (page: number, bytes: Buffer): number => writeSync(descriptor, bytes, 0, bytes.length, page * 4096);
  put(0, metaPage(0, meta));
  put(1, metaPage(1, { ...meta, txid: 5n }));
  put(
    3,
    leafPage(
      3,
      far.map((page) => [`bucket ${page}`, bucketHeader(page), true]),
    ),
  );
  for (const page of far) put(page, leafPage(page, [['k', `value ${page}`]]));
  closeSync(descriptor);

  const file = openBolt(path);
  expect(file.fileSize).toBe(1_200_001 * 4096);
  for (const page of far) expect(bucketOf(file, `bucket ${page}`).get('k')?.toString()).toBe(`value ${page}`);
  expect([...file.reachablePages()]).toEqual([
    [0, 2],
    [3, 1],
    [far[1], 1],
    [far[0], 1],
  ]);
  file.close();
});
