import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { bufferSource, openBolt, type Bucket, type ByteSource } from '../../../src/core/bolt';
import { FailureError } from '../../../src/core/failure';
import { boltBytes, checksum, type BucketSpec } from '../../bolt-writer';
import { sharedData } from '../../shared-data';

const RUNS = 500;

/** Numbers that are the same in every run: mulberry32. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** About as large and as varied as small.db: overflow, nested and inline buckets, three levels. */
function written(): Buffer {
  const many = (count: number, size: number): [string, Buffer][] =>
    Array.from({ length: count }, (_, i) => [`key ${String(i).padStart(5, '0')}`, Buffer.alloc((i * 31) % size, i)]);
  const buckets: BucketSpec[] = [
    { name: 'empty' },
    { name: 'inline', entries: many(3, 20) },
    { name: 'many', entries: many(1500, 60) },
    { name: 'large values', entries: many(12, 20000) },
    {
      name: 'nested',
      entries: many(50, 30),
      nested: [
        { name: 'inner', entries: many(400, 50) },
        { name: 'tiny', inline: true, entries: many(2, 9) },
      ],
    },
  ];
  return boltBytes(buckets, { pageSize: 1024, freePages: 6, older: buckets });
}

type Mutation = (file: Buffer, below: (limit: number) => number, pageSize: number) => Buffer;

const LENGTHS = [0n, 1n, 2n, 0xffffn, 0x7fffffffn, 0xffffffffn, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];

/** Makes both metas' checksums right again, so that damage goes deeper than the door. */
function sign(file: Buffer, pageSize: number): void {
  for (const at of [0, pageSize]) {
    if (at + 80 <= file.length) file.writeBigUInt64LE(checksum(file.subarray(at + 16, at + 72)), at + 72);
  }
}

const MUTATIONS: Record<string, Mutation> = {
  'flip bits anywhere': (file, below) => {
    for (let i = below(20); i >= 0; i -= 1) {
      const at = below(file.length);
      file.writeUInt8(file.readUInt8(at) ^ (1 << below(8)), at);
    }
    return file;
  },
  'flip bits in page headers and first elements': (file, below, pageSize) => {
    for (let i = below(8); i >= 0; i -= 1) {
      const at = below(file.length / pageSize) * pageSize + below(80);
      file.writeUInt8(file.readUInt8(at) ^ (1 << below(8)), at);
    }
    return file;
  },
  'swap pages': (file, below, pageSize) => {
    const pages = file.length / pageSize;
    const [a, b] = [(2 + below(pages - 2)) * pageSize, (2 + below(pages - 2)) * pageSize];
    const kept = Buffer.from(file.subarray(a, a + pageSize));
    file.copy(file, a, b, b + pageSize);
    kept.copy(file, b);
    return file;
  },
  'copy a page over another, with its number put right': (file, below, pageSize) => {
    const pages = file.length / pageSize;
    const [from, to] = [2 + below(pages - 2), 2 + below(pages - 2)];
    file.copy(file, to * pageSize, from * pageSize, (from + 1) * pageSize);
    file.writeBigUInt64LE(BigInt(to), to * pageSize);
    return file;
  },
  'cut anywhere': (file, below) => file.subarray(0, below(file.length)),
  'zero a stretch': (file, below) => {
    const at = below(file.length);
    return file.fill(0, at, Math.min(file.length, at + below(20000)));
  },
  'numbers into aligned 8 bytes of a page': (file, below, pageSize) => {
    for (let i = below(6); i >= 0; i -= 1) {
      const at = (2 + below(file.length / pageSize - 2)) * pageSize + 8 * below(16);
      const pages = BigInt(file.length / pageSize);
      const value = below(2) === 0 ? BigInt(below(Number(pages) + 2)) : (LENGTHS[below(LENGTHS.length)] as bigint);
      file.writeBigUInt64LE(value, at);
    }
    return file;
  },
  'numbers into a meta, signed': (file, below, pageSize) => {
    const at = below(2) * pageSize + 24 + 8 * below(6);
    file.writeBigUInt64LE(below(2) === 0 ? BigInt(below(400)) : (LENGTHS[below(LENGTHS.length)] as bigint), at);
    sign(file, pageSize);
    return file;
  },
  'noise over a page': (file, below, pageSize) => {
    const at = (2 + below(file.length / pageSize - 2)) * pageSize;
    for (let i = 16; i < pageSize; i += 1) file.writeUInt8(below(256), at + i);
    return file;
  },
};

/** Does everything a reader can do; returns the codes met. Any error but a named failure is thrown on. */
function exercise(source: ByteSource, salvage: boolean): Set<string> {
  const codes = new Set<string>();
  const guarded = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      if (!(error instanceof FailureError)) throw error;
      codes.add(error.failure.code);
    }
  };
  const visit = (bucket: Bucket, level: number): void => {
    const some: Buffer[] = [];
    let seen = 0;
    for (const { key, value, isBucket } of bucket.entries()) {
      if (key.length === 0 || value.length > 2 ** 31) throw new Error('an impossible entry');
      if (isBucket && level < 4) {
        guarded(() => {
          const nested = bucket.bucket(key);
          if (nested) visit(nested, level + 1);
        });
      }
      if ((seen += 1) % 50 === 1) some.push(key);
    }
    if (bucket.count() !== seen) throw new Error('count and entries disagree');
    for (const key of some) {
      guarded(() => void bucket.get(key));
      guarded(() => void bucket.seek(key).next());
    }
    for (const issue of bucket.damage) codes.add(issue.code);
  };
  guarded(() => {
    const file = openBolt(source, { salvage });
    for (const issue of [...file.issues, ...file.checkFreelist()]) codes.add(issue.code);
    for (const name of file.bucketNames()) {
      const bucket = file.bucket(name);
      if (!bucket) throw new Error('a listed bucket is not there');
      visit(bucket, 0);
    }
    for (const [page, count] of file.reachablePages()) {
      if (page < 0 || count < 1 || page + count > file.highWater) throw new Error('a page that does not exist');
    }
    file.isUnchanged();
    file.close();
  });
  return codes;
}

/** Counts what is read, which bounds what is allocated: buffers are made for reading only. */
function counted(bytes: Buffer): { source: ByteSource; read: () => number } {
  const inner = bufferSource(bytes);
  let total = 0;
  return {
    source: {
      ...inner,
      read(target, position) {
        total += target.length;
        return inner.read(target, position);
      },
    },
    read: () => total,
  };
}

const small = sharedData('micromdm', 'small.db');
const files: [name: string, bytes: Buffer, pageSize: number][] = [['a written file', written(), 1024]];
if (small) files.push(['small.db', readFileSync(small), 4096]);
else console.warn('skipped: ../shared/data/micromdm/small.db is not there; fuzzing a written file only');

describe.each(files)('%s, damaged at random', (_, original, pageSize) => {
  test('the original is sound', () => {
    expect([...exercise(bufferSource(original), false)]).toEqual([]);
  });

  test.each(Object.entries(MUTATIONS))('%s: data or a named failure, never anything else', (_name, mutate) => {
    const below = random(20261124);
    const codes = new Set<string>();
    for (let run = 0; run < Math.ceil(RUNS / Object.keys(MUTATIONS).length); run += 1) {
      const mutated = mutate(Buffer.from(original), below, pageSize);
      const { source, read } = counted(mutated);
      for (const code of exercise(source, run % 5 === 4)) codes.add(code);
      // A few walks and some dozens of lookups: a loop, or a size believed, would be far beyond.
      expect(read()).toBeLessThan(40 * original.length + 1_000_000);
    }
    for (const code of codes) expect(code).toMatch(/^bolt\/[a-z-]+$/);
    expect(codes.size).toBeGreaterThan(0);
  });
});
