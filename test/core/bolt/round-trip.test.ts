import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bufferSource, openBolt } from '../../../src/core/bolt';
import {
  boltBytes,
  branchPage,
  leafPage,
  rawBolt,
  bucketHeader,
  inlineBucket,
  type BucketSpec,
  type WriteOptions,
} from '../../bolt-writer';
import { bucketOf, dump, dumpFile, openBytes, type Dump } from './support';

/** A bucket as the property tests make it: keys with a value or a bucket. */
interface Model {
  readonly sequence: bigint;
  readonly inline: boolean | 'auto';
  readonly content: Map<string, Buffer | Model>;
}

const keyHex = fc
  .oneof(
    fc.uint8Array({ minLength: 1, maxLength: 3 }),
    fc.uint8Array({ minLength: 1, maxLength: 40 }),
    fc.uint8Array({ minLength: 200, maxLength: 300 }),
  )
  .map((bytes) => Buffer.from(bytes).toString('hex'));

const value = fc.oneof(
  { weight: 8, arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: fc.integer({ min: 1000, max: 20000 }).map((length) => Buffer.alloc(length, length % 251)) },
);

const inlineMode = fc.constantFrom<boolean | 'auto'>('auto', 'auto', false, true);

function model(depth: number): fc.Arbitrary<Model> {
  const member =
    depth === 0 ? value : fc.oneof({ weight: 12, arbitrary: value }, { weight: 1, arbitrary: model(depth - 1) });
  return fc
    .tuple(
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      inlineMode,
      fc.array(fc.tuple(keyHex, member), { maxLength: 60 }),
    )
    .map(([sequence, inline, pairs]) => ({ sequence, inline, content: new Map<string, Buffer | Model>(pairs) }));
}

const database = fc.array(fc.tuple(keyHex, model(2)), { maxLength: 8 }).map((pairs) => new Map(pairs));

const layout = fc.record({
  pageSize: fc.constantFrom(1024, 2048, 4096, 16384, 65536),
  txid: fc.bigInt({ min: 1n, max: 2n ** 63n }),
  newestPage: fc.constantFrom<0 | 1>(0, 1),
  freelist: fc.boolean(),
  fill: fc.constantFrom(0.3, 0.7, 1),
  freePages: fc.integer({ min: 0, max: 5 }),
  trailing: fc.constantFrom(0, 1, 4096),
}) satisfies fc.Arbitrary<WriteOptions>;

function spec(name: string, { sequence, inline, content }: Model): BucketSpec {
  const sorted = [...content].sort(([a], [b]) => Buffer.compare(Buffer.from(a, 'hex'), Buffer.from(b, 'hex')));
  const entries: [Buffer, Buffer][] = [];
  const nested: BucketSpec[] = [];
  for (const [key, member] of sorted) {
    if (Buffer.isBuffer(member)) entries.push([Buffer.from(key, 'hex'), member]);
    else nested.push(spec(key, member));
  }
  return { name: Buffer.from(name, 'hex'), sequence, entries, nested, inline };
}

function expected({ content }: Model): Dump {
  return [...content]
    .sort(([a], [b]) => Buffer.compare(Buffer.from(a, 'hex'), Buffer.from(b, 'hex')))
    .map(([key, member]) =>
      Buffer.isBuffer(member)
        ? [key, member.toString('hex')]
        : [key, { sequence: member.sequence, content: expected(member) }],
    );
}

describe('what is written is what is read', () => {
  test('any buckets, keys, values, nesting, page size and layout', () => {
    fc.assert(
      fc.property(database, layout, (buckets, options) => {
        const bytes = boltBytes(
          [...buckets].map(([name, content]) => spec(name, content)),
          options,
        );
        const file = openBytes(bytes);
        expect([file.pageSize, file.txid, file.metaPage]).toEqual([options.pageSize, options.txid, options.newestPage]);
        const names = [...buckets.keys()].sort((a, b) => Buffer.compare(Buffer.from(a, 'hex'), Buffer.from(b, 'hex')));
        expect(dumpFile(file)).toEqual(names.map((name) => [name, expected(buckets.get(name) as Model)]));
        for (const [name, content] of buckets) {
          const bucket = bucketOf(file, Buffer.from(name, 'hex'));
          expect(bucket.sequence).toBe(content.sequence);
          expect(bucket.count()).toBe(content.content.size);
          expect(bucket.damage).toEqual([]);
        }
        expect(file.issues.filter((issue) => issue.severity !== 'info')).toEqual([]);
        expect(file.checkFreelist()).toEqual([]);
        expect(file.isUnchanged()).toBe(true);
      }),
      { numRuns: 150, seed: 20261124 },
    );
  });

  test('get, bucket and seek agree with the model for keys that are there and keys that are not', () => {
    fc.assert(
      fc.property(model(1), layout, fc.array(keyHex, { maxLength: 10 }), (content, options, strangers) => {
        const file = openBolt(bufferSource(boltBytes([spec('aa', content)], options)), { cachePages: 2 });
        const bucket = bucketOf(file, Buffer.from('aa', 'hex'));
        const all = dump(bucket);
        for (const key of [...content.content.keys(), ...strangers]) {
          const bytes = Buffer.from(key, 'hex');
          const member = content.content.get(key);
          expect(bucket.get(bytes)?.toString('hex')).toBe(Buffer.isBuffer(member) ? member.toString('hex') : undefined);
          expect(bucket.bucket(bytes)?.sequence).toBe(Buffer.isBuffer(member) ? undefined : member?.sequence);
          const rest = all.filter(([other]) => Buffer.compare(Buffer.from(other, 'hex'), bytes) >= 0);
          expect([...bucket.seek(bytes)].map((entry) => entry.key.toString('hex'))).toEqual(
            rest.map(([other]) => other),
          );
        }
        expect(bucket.damage).toEqual([]);
      }),
      { numRuns: 80, seed: 7 },
    );
  });
});

describe('particular layouts', () => {
  test('the older snapshot is there for salvage; a broken newest meta falls back to it', () => {
    const older = [{ name: 'b', entries: [['k', 'old']] as const }];
    const newer = [{ name: 'b', entries: [['k', 'new']] as const }];
    const read = (options: WriteOptions, salvage = false): string | undefined =>
      bucketOf(openBolt(bufferSource(boltBytes(newer, { older, txid: 8n, ...options })), { salvage }), 'b')
        .get('k')
        ?.toString();
    expect(read({})).toBe('new');
    expect(read({}, true)).toBe('old');
    expect(read({ broken: [0] })).toBe('old');
    expect(read({ broken: [1] })).toBe('new');
    expect(read({ broken: [1] }, true)).toBe('new');
  });

  test.each([1024, 2048, 4096, 8192, 65536, 1 << 20])(
    'without meta 0, page size %i is found by probing page 1',
    (pageSize) => {
      const bytes = boltBytes([{ name: 'b', entries: [['k', 'v']] }], { pageSize, broken: [0] });
      const file = openBytes(bytes);
      expect([file.pageSize, file.metaPage]).toEqual([pageSize, 1]);
      expect(file.issues.map(({ code, severity }) => [code, severity])).toEqual([['bolt/other-meta-invalid', 'info']]);
      expect(bucketOf(file, 'b').get('k')?.toString()).toBe('v');
    },
  );

  test('a meta without checksum is taken with a warning', () => {
    const file = openBytes(boltBytes([{ name: 'b' }], { zeroChecksum: true }));
    expect(file.issues.map(({ code, severity }) => [code, severity])).toEqual([['bolt/no-checksum', 'warning']]);
  });

  test('an empty database has no buckets', () => {
    expect(openBytes(boltBytes([])).bucketNames()).toEqual([]);
  });

  test('empty leaves are passed over, branches may lead to leaves at different depths', () => {
    const file = openBytes(
      rawBolt(3, [
        leafPage(3, [['b', bucketHeader(4), true]]),
        branchPage(4, [
          ['a', 5],
          ['c', 6],
          ['e', 7],
          ['g', 8],
        ]),
        leafPage(5, []),
        leafPage(6, [
          ['c', '1'],
          ['d', '2'],
        ]),
        leafPage(7, []),
        branchPage(8, [['g', 9]]),
        leafPage(9, [['h', '3']]),
      ]),
    );
    const bucket = bucketOf(file, 'b');
    expect([...bucket.entries()].map(({ key }) => key.toString())).toEqual(['c', 'd', 'h']);
    expect([...bucket.seek('d')].map(({ key }) => key.toString())).toEqual(['d', 'h']);
    expect([...bucket.seek('f')].map(({ key }) => key.toString())).toEqual(['h']);
    expect(['a', 'b', 'c', 'd', 'e', 'g', 'h', 'z'].map((key) => bucket.get(key)?.toString())).toEqual([
      undefined,
      undefined,
      '1',
      '2',
      undefined,
      undefined,
      '3',
      undefined,
    ]);
    expect(bucket.damage).toEqual([]);
  });

  test('an inline bucket may hold inline buckets and buckets with pages of their own', () => {
    const inner = inlineBucket([['x', 'deep']], 5n);
    const outer = inlineBucket([
      ['in', inner, true],
      ['out', bucketHeader(4, 6n), true],
      ['plain', 'p'],
    ]);
    const file = openBytes(rawBolt(3, [leafPage(3, [['b', outer, true]]), leafPage(4, [['y', 'page']])]));
    const bucket = bucketOf(file, 'b');
    expect(bucket.inline).toBe(true);
    expect(bucket.bucket('in')?.get('x')?.toString()).toBe('deep');
    expect(bucket.bucket('out')?.get('y')?.toString()).toBe('page');
    expect(bucket.bucket('out')?.label).toBe('b / out');
    expect(bucket.get('plain')?.toString()).toBe('p');
    expect(bucket.get('in')).toBeNull();
    expect([...file.reachablePages()]).toEqual([
      [0, 2],
      [3, 1],
      [4, 1],
    ]);
  });

  test('a value of many pages, next to small ones', () => {
    const big = Buffer.alloc(5_000_000, 7);
    const file = openBytes(
      boltBytes([
        {
          name: 'b',
          entries: [
            ['a', '1'],
            ['b', big],
            ['c', '3'],
          ],
        },
      ]),
    );
    const bucket = bucketOf(file, 'b');
    expect(bucket.get('b')?.equals(big)).toBe(true);
    expect([...bucket.entries()].map(({ value }) => value.length)).toEqual([1, 5_000_000, 1]);
    expect(file.checkFreelist()).toEqual([]);
  });

  test('a freelist of more than 65534 pages uses the long form', () => {
    const file = openBytes(boltBytes([{ name: 'b', entries: [['k', 'v']] }], { pageSize: 1024, freePages: 70000 }));
    expect(file.checkFreelist()).toEqual([]);
    expect(bucketOf(file, 'b').get('k')?.toString()).toBe('v');
  });

  test('what was read stays as it was after more reading and after closing', () => {
    const entries = Array.from({ length: 3000 }, (_, i): [string, string] => [
      `key-${String(i).padStart(6, '0')}`,
      `value ${i}`,
    ]);
    const file = openBolt(bufferSource(boltBytes([{ name: 'b', entries }])), { cachePages: 1 });
    const kept = [...bucketOf(file, 'b').entries()];
    for (const { key, value } of kept) expect(bucketOf(file, 'b').get(key)?.equals(value)).toBe(true);
    file.close();
    expect(kept.map(({ key, value }) => [key.toString(), value.toString()])).toEqual(entries);
  });
});
