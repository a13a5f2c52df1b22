import { describe, expect, test } from 'vitest';
import { bufferSource, openBolt, type Bucket } from '../../../src/core/bolt';
import {
  boltBytes,
  branchPage,
  bucketHeader,
  checksum,
  freelistPage,
  inlineBucket,
  leafPage,
  metaPage,
  rawBolt,
} from '../../bolt-writer';
import { bucketOf, failureOf, openBytes } from './support';

/**
 * A file with bucket `good` (leaf 9) and bucket `b`: branch 4 with leaves 5 (a), 6 (c, two pages long with 7) and 8 (e).
 */
function sample(): Buffer {
  return rawBolt(3, [
    leafPage(3, [
      ['b', bucketHeader(4), true],
      ['good', bucketHeader(9), true],
    ]),
    branchPage(4, [
      ['a', 5],
      ['c', 6],
      ['e', 8],
    ]),
    leafPage(5, [
      ['a', '1'],
      ['b', '2'],
    ]),
    leafPage(6, [['c', Buffer.alloc(5000, 1)]]),
    leafPage(8, [
      ['e', '3'],
      ['f', '4'],
    ]),
    leafPage(9, [['g', 'fine']]),
  ]);
}

const PAGE = 4096;
const at = (page: number, offset = 0): number => page * PAGE + offset;
const keys = (bucket: Bucket): string => [...bucket.entries()].map(({ key }) => key.toString()).join('');

interface Case {
  readonly code: string;
  readonly why: string;
  readonly damage: (file: Buffer) => void;
  /** Keys of `b` that are still read. */
  readonly left: string;
  readonly page: number;
  /** A key in the way of which the damage lies. */
  readonly lost: string;
}

const CASES: Case[] = [
  {
    code: 'bolt/page-out-of-range',
    why: 'beyond the high water mark',
    damage: (f) => f.writeBigUInt64LE(77n, at(4, 24)),
    left: 'cef',
    page: 77,
    lost: 'a',
  },
  {
    code: 'bolt/page-out-of-range',
    why: 'a meta page',
    damage: (f) => f.writeBigUInt64LE(1n, at(4, 24)),
    left: 'cef',
    page: 1,
    lost: 'a',
  },
  {
    code: 'bolt/page-out-of-range',
    why: 'a 64-bit number',
    damage: (f) => f.writeBigUInt64LE(2n ** 64n - 1n, at(4, 24)),
    left: 'cef',
    page: NaN,
    lost: 'a',
  },
  {
    code: 'bolt/truncated',
    why: 'overflow beyond the end',
    damage: (f) => f.writeUInt32LE(4, at(6, 12)),
    left: 'abef',
    page: 6,
    lost: 'c',
  },
  {
    code: 'bolt/truncated',
    why: 'overflow of 16 TiB',
    damage: (f) => f.writeUInt32LE(0xffffffff, at(6, 12)),
    left: 'abef',
    page: 6,
    lost: 'c',
  },
  {
    code: 'bolt/page-id-mismatch',
    why: 'another id',
    damage: (f) => f.writeBigUInt64LE(6n, at(5)),
    left: 'cef',
    page: 5,
    lost: 'a',
  },
  {
    code: 'bolt/page-type',
    why: 'no type',
    damage: (f) => f.writeUInt16LE(0, at(5, 8)),
    left: 'cef',
    page: 5,
    lost: 'a',
  },
  {
    code: 'bolt/page-type',
    why: 'two types',
    damage: (f) => f.writeUInt16LE(3, at(8, 8)),
    left: 'abc',
    page: 8,
    lost: 'f',
  },
  {
    code: 'bolt/cycle-or-shared-page',
    why: 'itself',
    damage: (f) => f.writeBigUInt64LE(4n, at(4, 24)),
    left: 'cef',
    page: 4,
    lost: 'a',
  },
  {
    code: 'bolt/cycle-or-shared-page',
    why: 'a page of the root',
    damage: (f) => f.writeBigUInt64LE(3n, at(4, 24)),
    left: 'cef',
    page: 3,
    lost: 'a',
  },
  {
    code: 'bolt/cycle-or-shared-page',
    why: 'a sibling',
    damage: (f) => f.writeBigUInt64LE(5n, at(4, 56)),
    left: 'abc',
    page: 5,
    lost: 'e',
  },
  {
    code: 'bolt/cycle-or-shared-page',
    why: 'overflow into a sibling',
    damage: (f) => f.writeUInt32LE(2, at(6, 12)),
    left: 'abc',
    page: 8,
    lost: 'e',
  },
  {
    code: 'bolt/count-out-of-range',
    why: '65535 elements',
    damage: (f) => f.writeUInt16LE(0xffff, at(5, 10)),
    left: 'cef',
    page: 5,
    lost: 'a',
  },
  {
    code: 'bolt/element-out-of-range',
    why: 'value too long',
    damage: (f) => f.writeUInt32LE(0x7fffffff, at(5, 28)),
    left: 'cef',
    page: 5,
    lost: 'a',
  },
  {
    code: 'bolt/element-out-of-range',
    why: 'key far away',
    damage: (f) => f.writeUInt32LE(0xffffffff, at(5, 20)),
    left: 'cef',
    page: 5,
    lost: 'a',
  },
  {
    code: 'bolt/element-out-of-range',
    why: 'key within the element table',
    damage: (f) => f.writeUInt32LE(8, at(5, 20)),
    left: 'cef',
    page: 5,
    lost: 'a',
  },
  {
    code: 'bolt/element-out-of-range',
    why: 'empty key',
    damage: (f) => f.writeUInt32LE(0, at(5, 24)),
    left: 'cef',
    page: 5,
    lost: 'a',
  },
  {
    code: 'bolt/element-out-of-range',
    why: 'in a branch',
    damage: (f) => f.writeUInt32LE(0xffff, at(4, 20)),
    left: '',
    page: 4,
    lost: 'a',
  },
  {
    code: 'bolt/empty-branch',
    why: 'no children',
    damage: (f) => f.writeUInt16LE(0, at(4, 10)),
    left: '',
    page: 4,
    lost: 'a',
  },
];

describe('damage within a bucket', () => {
  test('the sample itself is sound', () => {
    const file = openBytes(sample());
    expect(keys(bucketOf(file, 'b'))).toBe('abcef');
    expect(bucketOf(file, 'b').damage).toEqual([]);
  });

  test.each(CASES)(
    '$code ($why): intact leaves are read, the damage is named, lookups fail',
    ({ code, damage, left, page, lost }) => {
      const bytes = sample();
      damage(bytes);
      const file = openBytes(bytes);
      const bucket = bucketOf(file, 'b');
      expect(keys(bucket)).toBe(left);
      expect(bucket.damage.map((issue) => issue.code)).toEqual([code]);
      expect(bucket.damage[0]).toMatchObject({ severity: 'error', bucket: 'b' });
      expect(bucket.damage[0]?.message).toMatch(/Reached from page \d+, in bucket b\.$/);
      if (!Number.isNaN(page)) expect(bucket.damage[0]?.page).toBe(page);

      // A second walk tells nothing new, and finds the same.
      expect(bucket.count()).toBe(left.length);
      expect(bucket.damage).toHaveLength(1);

      const failure = failureOf(() => bucket.get(lost));
      expect(failure).toMatchObject({ code, kind: 'unreadable', detail: { bucket: 'b' } });
      expect(failure.detail?.['referencedBy']).toBeTypeOf('number');
      expect(failure.remedy).toContain('/boltbackup');
      for (const key of left) expect(bucket.get(key)).not.toBeNull();

      // The neighbour is not affected.
      expect(bucketOf(file, 'good').get('g')?.toString()).toBe('fine');
      expect(keys(bucketOf(file, 'good'))).toBe('g');
      expect(bucketOf(file, 'good').damage).toEqual([]);
    },
  );

  test('bolt/too-deep: 64 levels are read, 65 are not', () => {
    const chain = (levels: number): Buffer => {
      const pages = [leafPage(3, [['b', bucketHeader(4), true]])];
      for (let i = 0; i < levels - 1; i += 1) pages.push(branchPage(4 + i, [['a', 5 + i]], 1024));
      pages.push(leafPage(3 + levels, [['a', 'v']], 1024));
      pages[0] = leafPage(3, [['b', bucketHeader(4), true]], 1024);
      return rawBolt(3, pages, { pageSize: 1024 });
    };
    expect(
      bucketOf(openBytes(chain(64)), 'b')
        .get('a')
        ?.toString(),
    ).toBe('v');
    const deep = bucketOf(openBytes(chain(65)), 'b');
    expect(keys(deep)).toBe('');
    expect(deep.damage).toMatchObject([{ code: 'bolt/too-deep', page: 68 }]);
    expect(failureOf(() => deep.get('a')).code).toBe('bolt/too-deep');
  });

  test('bolt/too-deep: buckets in one another, a thousand times', () => {
    let value = inlineBucket([['x', 'v']]);
    for (let i = 0; i < 1000; i += 1) value = inlineBucket([['n', value, true]]);
    const file = openBytes(rawBolt(3, [leafPage(3, [['n', value, true]])]));
    let bucket: Bucket | null = bucketOf(file, 'n');
    let levels = 0;
    while (bucket && bucket.damage.length === 0) {
      levels += 1;
      bucket = bucket.bucket('n');
    }
    expect(levels).toBe(64);
    expect(bucket?.damage).toMatchObject([{ code: 'bolt/too-deep' }]);
    expect([...file.reachablePages()].length).toBe(2);
  });

  test('a page shared by two buckets is damage of the one read later, whichever that is', () => {
    for (const order of [
      ['b', 'good'],
      ['good', 'b'],
    ]) {
      const bytes = sample();
      bytes.writeBigUInt64LE(9n, at(4, 56));
      const file = openBytes(bytes);
      const codes = order.map((name) => {
        bucketOf(file, name).count();
        return bucketOf(file, name)
          .damage.filter(({ severity }) => severity === 'error')
          .map(({ code }) => code);
      });
      expect(codes).toEqual([[], ['bolt/cycle-or-shared-page']]);
    }
  });

  test('two elements of an inline bucket that refer to one page are seen, too', () => {
    const value = inlineBucket([
      ['p', bucketHeader(4), true],
      ['q', bucketHeader(4), true],
    ]);
    const bucket = bucketOf(openBytes(rawBolt(3, [leafPage(3, [['b', value, true]]), leafPage(4, [['x', 'v']])])), 'b');
    expect(bucket.bucket('p')?.count()).toBe(1);
    expect(bucket.bucket('p')?.get('x')?.toString()).toBe('v');
    const second = bucket.bucket('q');
    expect(second?.count()).toBe(0);
    expect(second?.damage).toMatchObject([{ code: 'bolt/cycle-or-shared-page', page: 4, bucket: 'b / q' }]);
  });

  describe('bolt/key-order is a warning in scans and a failure in lookups', () => {
    const parent = branchPage(4, [
      ['a', 5],
      ['m', 6],
    ]);
    const build = (first: Buffer, second: Buffer, branch = parent): Bucket =>
      bucketOf(openBytes(rawBolt(3, [leafPage(3, [['b', bucketHeader(4), true]]), branch, first, second])), 'b');

    test.each([
      [
        'within a leaf',
        build(
          leafPage(5, [
            ['c', ''],
            ['b', ''],
          ]),
          leafPage(6, [['m', '']]),
        ),
        'cbm',
        'c',
      ],
      [
        'a key twice',
        build(
          leafPage(5, [
            ['c', ''],
            ['c', ''],
          ]),
          leafPage(6, [['m', '']]),
        ),
        'ccm',
        'c',
      ],
      [
        'within a branch',
        build(
          leafPage(5, [['a', '']]),
          leafPage(6, [['m', '']]),
          branchPage(4, [
            ['m', 6],
            ['a', 5],
          ]),
        ),
        'ma',
        'a',
      ],
      [
        'below its parent',
        build(
          leafPage(5, [['a', '']]),
          leafPage(6, [
            ['k', ''],
            ['n', ''],
          ]),
        ),
        'akn',
        'n',
      ],
      [
        'beyond the next parent key',
        build(
          leafPage(5, [
            ['a', ''],
            ['p', ''],
          ]),
          leafPage(6, [['m', '']]),
        ),
        'apm',
        'a',
      ],
    ])('%s', (_, bucket, read, lookup) => {
      expect(keys(bucket)).toBe(read);
      expect(bucket.damage.length).toBeGreaterThan(0);
      for (const issue of bucket.damage)
        expect(issue).toMatchObject({ code: 'bolt/key-order', severity: 'warning', bucket: 'b' });
      expect(failureOf(() => bucket.get(lookup)).code).toBe('bolt/key-order');
      // A scan from a key misses none of those at or above it.
      const from = [...bucket.seek('c')].map(({ key }) => key.toString()).sort();
      expect(from).toEqual(
        Array.from(read)
          .filter((key) => key >= 'c')
          .sort(),
      );
    });

    test('within an inline bucket', () => {
      const bucket = bucketOf(
        openBytes(
          rawBolt(3, [
            leafPage(3, [
              [
                'b',
                inlineBucket([
                  ['z', ''],
                  ['a', ''],
                ]),
                true,
              ],
            ]),
          ]),
        ),
        'b',
      );
      expect(bucket.damage).toMatchObject([{ code: 'bolt/key-order', severity: 'warning' }]);
      expect(keys(bucket)).toBe('za');
      expect(failureOf(() => bucket.get('a')).code).toBe('bolt/key-order');
    });
  });

  test.each([
    ['bolt/bad-bucket-header', 'empty', Buffer.alloc(0)],
    ['bolt/bad-bucket-header', '15 bytes', Buffer.alloc(15)],
    ['bolt/bad-bucket-header', 'inline without page header', Buffer.alloc(31)],
    ['bolt/page-type', 'inline with an unknown type', Buffer.alloc(32)],
    ['bolt/page-type', 'inline branch', inlineWith((v) => v.writeUInt16LE(1, 24))],
    ['bolt/page-id-mismatch', 'inline with an id', inlineWith((v) => v.writeUInt16LE(1, 16))],
    ['bolt/count-out-of-range', 'inline', inlineWith((v) => v.writeUInt16LE(999, 26))],
    ['bolt/element-out-of-range', 'inline', inlineWith((v) => v.writeUInt32LE(999, 44))],
    ['bolt/page-out-of-range', 'root', bucketHeader(9999)],
    ['bolt/page-out-of-range', 'root', bucketHeader(2n ** 63n)],
    ['bolt/cycle-or-shared-page', 'root', bucketHeader(3)],
  ])('%s (%s) as the value of a bucket', (code, _, value) => {
    const file = openBytes(
      rawBolt(3, [
        leafPage(3, [
          ['b', value, true],
          ['c', inlineBucket([['k', 'v']]), true],
        ]),
      ]),
    );
    const bucket = bucketOf(file, 'b');
    expect([...bucket.entries()]).toEqual([]);
    expect(bucket.damage).toMatchObject([{ code, severity: 'error', bucket: 'b' }]);
    expect(failureOf(() => bucket.get('k')).code).toBe(code);
    expect(failureOf(() => bucket.bucket('k')).code).toBe(code);
    expect(bucketOf(file, 'c').get('k')?.toString()).toBe('v');
  });

  function inlineWith(change: (value: Buffer) => void): Buffer {
    const value = inlineBucket([['k', 'v']]);
    change(value);
    return value;
  }

  test('damage reports stay bounded', () => {
    const children = Array.from({ length: 20000 }, (_, i): [string, number] => [String(i).padStart(6, '0'), 1e6 + i]);
    const bucket = bucketOf(
      openBytes(rawBolt(3, [leafPage(3, [['b', bucketHeader(4), true]]), branchPage(4, children)])),
      'b',
    );
    expect(bucket.count()).toBe(0);
    expect(bucket.damage).toHaveLength(1001);
    expect(bucket.damage.at(-1)?.code).toBe('bolt/more-issues');
  });
});

describe('damage of the root bucket is fatal', () => {
  test.each(CASES.filter((each) => each.page === 5 && !each.why.includes('sibling')))(
    '$code ($why)',
    ({ code, damage }) => {
      // The root bucket's tree is what bucket `b` was: the damaged page lies in the root now.
      const bytes = sample();
      damage(bytes);
      metaPage(0, { root: 4, highWater: 10, txid: 10n }).copy(bytes, 0);
      const failure = failureOf(() => openBytes(bytes));
      expect(failure).toMatchObject({ code, detail: { bucket: '(root)', page: 5 } });
      expect(failure.message).toContain('root bucket');
    },
  );

  test('a plain value in the root is left out, with a warning', () => {
    const file = openBytes(
      rawBolt(3, [
        leafPage(3, [
          ['b', inlineBucket([]), true],
          ['v', 'value'],
        ]),
      ]),
    );
    expect(file.bucketNames().map(String)).toEqual(['b']);
    expect(file.issues).toMatchObject([{ code: 'bolt/no-freelist' }, { code: 'bolt/root-entry', severity: 'warning' }]);
  });
});

describe('metas', () => {
  const bytes = (): Buffer => boltBytes([{ name: 'b', entries: [['k', 'v']] }], { pageSize: 4096, txid: 4n });

  function withMetas(change: (meta: Buffer) => void, sign = true): Buffer {
    const file = bytes();
    for (const page of [0, 1]) {
      const meta = file.subarray(page * PAGE, page * PAGE + 80);
      change(meta);
      if (sign) meta.writeBigUInt64LE(checksum(meta.subarray(16, 72)), 72);
    }
    return file;
  }

  test.each([
    ['version 3', withMetas((m) => m.writeUInt32LE(3, 20)), /version is 3/],
    ['page size 1000', withMetas((m) => m.writeUInt32LE(1000, 24)), /page size 1000/],
    ['page size 512', withMetas((m) => m.writeUInt32LE(512, 24)), /page size 512/],
    ['page size 32 MiB', withMetas((m) => m.writeUInt32LE(1 << 25, 24)), /page size/],
    ['page count 3', withMetas((m) => m.writeBigUInt64LE(3n, 56)), /page count 3/],
    ['page count 2^64 - 1', withMetas((m) => m.writeBigUInt64LE(2n ** 64n - 1n, 56)), /absurd/],
    ['root 1', withMetas((m) => m.writeBigUInt64LE(1n, 32)), /root page 1/],
    ['root beyond', withMetas((m) => m.writeBigUInt64LE(99n, 32)), /root page 99/],
    ['freelist beyond', withMetas((m) => m.writeBigUInt64LE(99n, 48)), /freelist page 99/],
    ['checksums', withMetas((m) => m.writeUInt8(1, 30), false), /checksum/],
  ])('bolt/no-valid-meta: %s in both', (_, file, reason) => {
    const failure = failureOf(() => openBytes(file));
    expect(failure.code).toBe('bolt/no-valid-meta');
    expect(failure.message).toMatch(reason);
  });

  test('bolt/truncated: the file is smaller than its pages, at whatever page it ends', () => {
    const whole = boltBytes([{ name: 'b', entries: [['k', Buffer.alloc(20000)]] }], { pageSize: 1024 });
    for (let size = 4096; size < whole.length; size += 512) {
      expect(failureOf(() => openBytes(whole.subarray(0, size)))).toMatchObject({
        code: 'bolt/truncated',
        detail: { fileSize: size, expected: whole.length },
      });
    }
  });

  test('bolt/truncated: the newest snapshot is not swapped for an older one that would fit', () => {
    const newer = [{ name: 'b', entries: [['k', Buffer.alloc(20000)] as const] }];
    const whole = boltBytes(newer, { older: [{ name: 'b' }], txid: 4n });
    metaPage(1, { root: 2, highWater: 4, txid: 3n }).copy(whole, PAGE);
    expect(failureOf(() => openBytes(whole.subarray(0, 5 * PAGE))).code).toBe('bolt/truncated');
    const salvaged = openBolt(bufferSource(whole.subarray(0, 5 * PAGE)), { salvage: true });
    expect([salvaged.txid, salvaged.bucketNames().map(String)]).toEqual([3n, ['b']]);
  });

  test('bolt/wrong-endianness', () => {
    const swapped = withMetas((m) => m.subarray(16, 20).reverse(), false);
    expect(failureOf(() => openBytes(swapped)).code).toBe('bolt/wrong-endianness');
  });

  test('a wrong header of a meta page is a warning', () => {
    const file = bytes();
    file.writeUInt16LE(2, 8);
    expect(openBytes(file).issues).toMatchObject([{ code: 'bolt/meta-page-header', severity: 'warning', page: 0 }]);
  });
});

describe('the freelist is checked on request, for warnings', () => {
  const build = (freelist: Buffer, id = 5): Buffer =>
    rawBolt(3, [leafPage(3, [['b', bucketHeader(4), true]]), leafPage(4, [['k', 'v']]), freelist], {
      freelist: id,
      highWater: 8,
    });

  test.each([
    ['sound', build(freelistPage(5, [2, 6, 7])), []],
    ['a page in use', build(freelistPage(5, [2, 4])), ['bolt/free-page-in-use']],
    ['a page that does not exist', build(freelistPage(5, [2, 99])), ['bolt/freelist-damaged']],
    ['not in order', build(freelistPage(5, [7, 2])), ['bolt/freelist-damaged']],
    ['more than fit', build(count(freelistPage(5, [2]), 9999)), ['bolt/freelist-damaged']],
    ['more than fit, long form', build(count(freelistPage(5, [9999]), 0xffff)), ['bolt/freelist-damaged']],
    ['no freelist page', build(leafPage(5, [])), ['bolt/freelist-damaged']],
    ['a page in use as the freelist', build(freelistPage(5, []), 4), ['bolt/freelist-damaged']],
  ])('%s', (_, bytes, codes) => {
    const file = openBytes(bytes);
    const issues = file.checkFreelist();
    expect(issues.map(({ code }) => code)).toEqual(codes);
    for (const issue of issues) expect(issue.severity).toBe('warning');
    expect(bucketOf(file, 'b').get('k')?.toString()).toBe('v');
  });

  test('a page in use that reaches over the freelist', () => {
    const leaf = leafPage(4, [['k', Buffer.alloc(5000)]]);
    const file = openBytes(
      rawBolt(3, [leafPage(3, [['b', bucketHeader(4), true]]), leaf, freelistPage(5, [])], { freelist: 5 }),
    );
    expect(file.checkFreelist()).toMatchObject([{ code: 'bolt/free-page-in-use', page: 5 }]);
  });

  function count(page: Buffer, value: number): Buffer {
    page.writeUInt16LE(value, 10);
    return page;
  }
});
