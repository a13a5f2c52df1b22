import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openBolt, type BoltFile } from '../../../src/core/bolt';
import { sharedData, sharedJson } from '../../shared-data';
import { bucketOf, damageCodes, dumpFile, failureOf } from './support';

interface Manifest {
  readonly page_size: number;
  readonly file_sha256: string;
  readonly bucket_key_counts: Readonly<Record<string, number>>;
  readonly bucket_stats: Readonly<Record<string, string>>;
}

const present = sharedData('micromdm', 'variants.json') !== null;
if (!present) console.warn('skipped: ../shared/data/micromdm is not there, so no real MicroMDM database to read');

function real(name: string): string {
  return sharedData('micromdm', name) as string;
}

function withFile<T>(name: string, work: (file: BoltFile) => T, options = {}): T {
  const file = openBolt(real(name), options);
  try {
    return work(file);
  } finally {
    file.close();
  }
}

/** Digest of all buckets, keys and values. */
function contents(name: string, options = {}): string {
  return withFile(
    name,
    (file) => {
      const hash = createHash('sha256');
      for (const [bucket, entries] of dumpFile(file)) hash.update(`${bucket}\n${JSON.stringify(entries)}\n`);
      expect(damageCodes(file)).toEqual([]);
      return hash.digest('hex');
    },
    options,
  );
}

/** The page counts that real bbolt printed for a bucket. */
function stats(text: string): { inline: boolean; pages: number } {
  const field = (name: string): number => Number(new RegExp(`\\b${name}=(\\d+)`).exec(text)?.[1]);
  const pages = field('branch') + field('branch_overflow') + field('leaf') + field('leaf_overflow');
  return { inline: field('inline') === 1, pages };
}

describe.skipIf(!present)('databases of real MicroMDM servers', () => {
  for (const name of ['small', 'medium']) {
    test(`${name}.db: every bucket has the keys and pages that bbolt counts`, () => {
      const manifest = sharedJson('micromdm', `${name}.json`) as Manifest;
      withFile(`${name}.db`, (file) => {
        expect(file.pageSize).toBe(manifest.page_size);
        expect(file.issues).toEqual([]);
        const counts: Record<string, number> = {};
        for (const bucketName of file.bucketNames()) {
          const bucket = bucketOf(file, bucketName);
          const scanned = [...bucket.entries()];
          counts[bucket.label] = scanned.length;
          expect(bucket.count()).toBe(scanned.length);
          expect(bucket.damage).toEqual([]);
          expect(scanned.some((entry) => entry.isBucket)).toBe(false);
          expect(bucket.inline).toBe(stats(manifest.bucket_stats[bucket.label] as string).inline);
        }
        expect(counts).toEqual(manifest.bucket_key_counts);
        expect(file.checkFreelist()).toEqual([]);
        expect(file.isUnchanged()).toBe(true);

        const sum = (skip: string[]): number => [...file.reachablePages(skip)].reduce((pages, [, n]) => pages + n, 0);
        for (const [bucket, text] of Object.entries(manifest.bucket_stats)) {
          expect(sum([]) - sum([bucket])).toBe(stats(text).pages);
        }
      });
    });

    test(`${name}.db: every key is found, none beside it`, () => {
      withFile(`${name}.db`, (file) => {
        for (const bucketName of file.bucketNames()) {
          const bucket = bucketOf(file, bucketName);
          let step = 0;
          for (const { key, value } of bucket.entries()) {
            // All of small, every 7th of medium: enough to cross every leaf.
            if (name === 'medium' && (step += 1) % 7 !== 0) continue;
            expect(bucket.get(key)?.equals(value)).toBe(true);
            expect(bucket.get(Buffer.concat([key, Buffer.from([0])]))).toBeNull();
          }
          expect(bucket.get('')).toBeNull();
          expect(bucket.get(Buffer.alloc(4, 0xff))).toBeNull();
        }
      });
    });
  }

  test('the source file is not changed by reading', () => {
    const manifest = sharedJson('micromdm', 'small.json') as Manifest;
    contents('small.db');
    expect(
      createHash('sha256')
        .update(readFileSync(real('small.db')))
        .digest('hex'),
    ).toBe(manifest.file_sha256);
  });

  test('both metas sound: the newer one is read', () => {
    withFile('small.db', (file) => {
      expect([file.txid, file.metaPage, file.highWater]).toEqual([281n, 1, 93]);
    });
  });

  test('salvage reads the snapshot before, which lacks the DEP token', () => {
    withFile(
      'small.db',
      (file) => {
        expect([file.txid, file.metaPage]).toEqual([280n, 0]);
        expect(file.issues.map(({ code, severity }) => [code, severity])).toEqual([['bolt/salvage', 'warning']]);
        expect(bucketOf(file, 'mdm.DEPToken').get('CK_test')).toBeNull();
        expect(bucketOf(file, 'mdm.Devices').count()).toBe(21);
      },
      { salvage: true },
    );
    expect(contents('small.db', { salvage: true })).toBe(contents('badmeta1.db'));
  });

  test.each([
    ['badmeta.db', 281n, 1, ['bolt/other-meta-invalid']],
    ['badmeta1.db', 280n, 0, ['bolt/other-meta-invalid']],
    ['boltbackup.db', 281n, 0, []],
    ['pagesize16k.db', 2n, 0, []],
    ['nofreelist.db', 5n, 1, ['bolt/no-freelist']],
  ] as const)('%s opens from the right meta', (name, txid, metaPage, codes) => {
    withFile(name, (file) => {
      expect([file.txid, file.metaPage]).toEqual([txid, metaPage]);
      expect(file.issues.map((issue) => issue.code)).toEqual(codes);
      expect(file.checkFreelist()).toEqual([]);
    });
    if (name === 'badmeta1.db') {
      withFile(name, (file) => expect(bucketOf(file, 'mdm.DEPToken').get('CK_test')).toBeNull());
    } else {
      expect(contents(name)).toBe(contents('small.db'));
    }
  });

  test('fresh.db: a server that never saw a device', () => {
    withFile('fresh.db', (file) => {
      expect(file.bucketNames().map(String)).toContain('mdm.Devices');
      expect(bucketOf(file, 'mdm.Devices').count()).toBe(0);
      expect(bucketOf(file, 'scep_certificates').count()).toBeGreaterThan(0);
      expect(file.bucket('mdm.Nothing')).toBeNull();
      expect(file.fileSize).toBeGreaterThan(file.highWater * file.pageSize);
    });
  });

  test.each([
    ['bothmeta.db', 'bolt/no-valid-meta'],
    ['truncated.db', 'bolt/truncated'],
    ['notbolt.db', 'bolt/not-bolt'],
    ['empty.db', 'bolt/empty-file'],
  ])('%s is refused with %s', (name, code) => {
    expect(failureOf(() => openBolt(real(name)))).toMatchObject({ code, kind: 'unreadable' });
  });

  test('truncated.db can be salvaged as far as its pages go', () => {
    withFile(
      'truncated.db',
      (file) => {
        expect(file.issues.map((issue) => issue.code)).toEqual(['bolt/salvage', 'bolt/truncated']);
        expect(damageCodes(file)).toEqual(['bolt/truncated']);
      },
      { salvage: true },
    );
  });

  test.each([
    ['pagecycle.db', 'mdm.Devices', 'bolt/cycle-or-shared-page', 25],
    ['pageoutofrange.db', 'mdm.Devices', 'bolt/page-out-of-range', 16777215],
    ['badelement.db', 'scep_certificates', 'bolt/element-out-of-range', 18],
    ['badpagetype.db', 'scep_certificates', 'bolt/page-type', 18],
  ])('%s: %s is damaged, the rest is read', (name, damagedBucket, code, page) => {
    const whole = sharedJson('micromdm', 'small.json') as Manifest;
    withFile(name, (file) => {
      for (const bucketName of file.bucketNames()) {
        const bucket = bucketOf(file, bucketName);
        const count = bucket.count();
        const expected = whole.bucket_key_counts[bucket.label] as number;
        if (bucket.label === damagedBucket) {
          expect(bucket.damage).toMatchObject([{ code, page, bucket: damagedBucket, severity: 'error' }]);
          expect(count).toBeLessThan(expected);
          expect(count).toBeGreaterThan(0);
          expect(failureOf(() => bucket.get(Buffer.from([1])))).toMatchObject({
            code,
            detail: { page, bucket: damagedBucket },
          });
          // Keys in the intact leaves are still found.
          for (const { key, value } of bucket.entries()) expect(bucket.get(key)?.equals(value)).toBe(true);
          expect(bucket.damage).toHaveLength(1);
        } else {
          expect([bucket.label, count, bucket.damage]).toEqual([bucket.label, expected, []]);
        }
      }
    });
  });
});
