import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { outlookOf, Series, type SeriesPoint } from '../../../src/core/watch/series';
import type { WatchProgress } from '../../../src/core/watch/status';

const AT = Date.UTC(2026, 10, 24, 20);
const MINUTE = 60_000;

const progress = (migrated: number, size = 100): WatchProgress => ({
  size,
  imported: size,
  agent: size,
  waiting: size - migrated,
  migrated,
  stale: 0,
  lost: 0,
  unknown: 0,
  attention: 0,
  importedAttention: 0,
});

describe('a series', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'slipway-series-'));
    path = join(folder, 'watch.jsonl');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is there again after it was closed, and is for its owner alone', async () => {
    const series = await Series.open(path);
    expect(await series.add(AT, progress(0))).toBe(true);
    expect(await series.add(AT + MINUTE, progress(0))).toBe(false);
    expect(await series.add(AT + 2 * MINUTE, progress(5))).toBe(true);
    expect(await series.add(AT + 20 * MINUTE, progress(5))).toBe(true);
    await series.mark({ at: AT, mark: 'wave-switched', wave: 'pilot' });
    await series.mark({ at: AT, mark: 'wave-switched', wave: 'pilot' });
    const again = await Series.open(path);
    expect(again.points.map(({ migrated }) => migrated)).toEqual([0, 5, 5]);
    expect(again.marks).toEqual([{ at: AT, mark: 'wave-switched', wave: 'pilot' }]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('leaves a torn last line out, and goes on after it', async () => {
    const series = await Series.open(path);
    await series.add(AT, progress(1));
    await series.add(AT + MINUTE, progress(2));
    appendFileSync(path, '{"at":17,"size":1');
    const again = await Series.open(path);
    expect(again.points).toHaveLength(2);
    await again.add(AT + 2 * MINUTE, progress(3));
    expect((await Series.open(path)).points.map(({ migrated }) => migrated)).toEqual([1, 2, 3]);
    for (const line of readFileSync(path, 'utf8').trimEnd().split('\n'))
      expect(() => JSON.parse(line) as unknown).not.toThrow();
  });

  it('reads around what is no line of it', async () => {
    writeFileSync(path, `\u0000\u0000\n{"at":-1}\n"x"\n[]\n${JSON.stringify({ at: AT, ...progress(4) })}\n`);
    expect((await Series.open(path)).points.map(({ migrated }) => migrated)).toEqual([4]);
  });

  it('stays bounded', async () => {
    const lines = Array.from({ length: 4_001 }, (_, number) =>
      JSON.stringify({ at: AT + number * MINUTE, ...progress(0) }),
    );
    writeFileSync(path, `${lines.join('\n')}\n`);
    const series = await Series.open(path);
    expect(series.points.length).toBeLessThan(3_100);
    expect(series.points[0]?.at).toBe(AT);
    expect(series.points.at(-1)?.at).toBe(AT + 4_000 * MINUTE);
    expect(readFileSync(path, 'utf8').trimEnd().split('\n')).toHaveLength(series.points.length);
  });
});

describe('the outlook', () => {
  const points = (...migrated: (readonly [minute: number, count: number])[]): SeriesPoint[] =>
    migrated.map(([minute, count]) => ({ at: AT + minute * MINUTE, ...progress(count) }));

  it('tells a rate and an end while devices keep coming', () => {
    const outlook = outlookOf(points([0, 0], [10, 10], [20, 20], [30, 30]), AT + 30 * MINUTE);
    expect(outlook).toMatchObject({ remaining: 70, perHour: 60, why: null });
    expect(outlook.expectedEnd).toBe(AT + 100 * MINUTE);
  });

  it.each([
    ['nothing', points(), AT],
    ['five minutes', points([0, 0], [4, 9]), AT + 4 * MINUTE],
    ['nobody coming', points([0, 5], [40, 5]), AT + 40 * MINUTE],
    ['a handful', points([0, 0], [30, 2]), AT + 30 * MINUTE],
    ['a standstill', points([0, 0], [5, 50], [59, 50]), AT + 59 * MINUTE],
    ['all there', points([0, 0], [30, 100]), AT + 30 * MINUTE],
    ['weeks', points([0, 0], [55, 3]).map((point) => ({ ...point, waiting: 1_000_000 })), AT + 56 * MINUTE],
  ])('tells no end from %s, and says why', (_name, given, now) => {
    const outlook = outlookOf(given, now);
    expect(outlook.expectedEnd).toBeNull();
    expect(outlook.why).toMatch(/\.$/);
  });
});
