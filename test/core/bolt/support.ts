import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { bufferSource, openBolt, type BoltFile, type Bucket } from '../../../src/core/bolt';
import { FailureError, type Failure } from '../../../src/core/failure';

/** A folder that is gone when the test file is done. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-bolt-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The expected failure of some work; any other outcome fails the test. */
export function failureOf(work: () => unknown): Failure {
  try {
    work();
  } catch (error) {
    if (error instanceof FailureError) return error.failure;
    throw error;
  }
  throw new Error('no failure');
}

export async function failureOfAsync(work: () => Promise<unknown>): Promise<Failure> {
  try {
    await work();
  } catch (error) {
    if (error instanceof FailureError) return error.failure;
    throw error;
  }
  throw new Error('no failure');
}

export function openBytes(bytes: Buffer): BoltFile {
  return openBolt(bufferSource(bytes));
}

/** A bucket that must be there. */
export function bucketOf(file: BoltFile, name: string | Buffer): Bucket {
  const bucket = file.bucket(name);
  if (!bucket) throw new Error(`no bucket ${name.toString()}`);
  return bucket;
}

/** Everything in a bucket, nested ones included, as comparable data. */
export type Dump = [key: string, value: string | { sequence: bigint; content: Dump }][];

export function dump(bucket: Bucket): Dump {
  return [...bucket.entries()].map(({ key, value, isBucket }) => {
    const name = key.toString('hex');
    if (!isBucket) return [name, value.toString('hex')];
    const nested = bucket.bucket(key);
    if (!nested) throw new Error('a nested bucket cannot be opened');
    return [name, { sequence: nested.sequence, content: dump(nested) }];
  });
}

export function dumpFile(file: BoltFile): [name: string, content: Dump][] {
  return file.bucketNames().map((name) => [name.toString('hex'), dump(bucketOf(file, name))]);
}

/** Codes of all damage in all top-level buckets after a full scan, without repetition. */
export function damageCodes(file: BoltFile): string[] {
  const codes = new Set<string>();
  for (const name of file.bucketNames()) {
    const bucket = bucketOf(file, name);
    bucket.count();
    for (const { code } of bucket.damage) codes.add(code);
  }
  return [...codes];
}
