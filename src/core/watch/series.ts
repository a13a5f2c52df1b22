/**
 * How many devices had moved when: points in a file of the workspace, one JSON object a line, only ever added to. A
 * line that was cut short (a crash, a full disk) is left out; when the file grows long, old points are thinned.
 */
import { createReadStream } from 'node:fs';
import { open, stat, truncate } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { unreadable } from '../failure';
import { writePrivate } from '../private-file';
import type { Roster } from './roster';
import type { WatchProgress } from './status';

const count = z.number().int().nonnegative();
const at = z.number().int().positive();

const pointSchema = z.object({
  at,
  size: count,
  imported: count,
  agent: count,
  waiting: count,
  migrated: count,
  stale: count,
  lost: count,
  unknown: count,
  attention: count,
  importedAttention: count.default(0),
});
const markSchema = z.object({ at, mark: z.enum(['wave-switched', 'wave-done']), wave: z.string().max(200) });

/** Counts at one instant (milliseconds since the epoch). */
export type SeriesPoint = z.infer<typeof pointSchema>;
/** Something that happened to a wave. */
export type SeriesMark = z.infer<typeof markSchema>;

/** Points that are kept; when there are more, the older half is thinned to every other one. */
const MOST = 4_000;
const MOST_MARKS = 1_000;
/** A point in which nothing changed is written this seldom, milliseconds. */
const UNCHANGED = 10 * 60_000;
/** Bytes of a file that is read at all. */
const LARGEST = 64 * 1_048_576;

/** The series of one workspace. */
export class Series {
  readonly #path: string | null;
  #points: SeriesPoint[];
  readonly #marks: SeriesMark[];
  #linesInFile: number;

  private constructor(path: string | null, points: SeriesPoint[], marks: SeriesMark[], lines: number) {
    this.#path = path;
    this.#points = points;
    this.#marks = marks;
    this.#linesInFile = lines;
  }

  /** A series that is kept in memory alone. */
  static unsaved(): Series {
    return new Series(null, [], [], 0);
  }

  /**
   * Reads what there is; without a file it begins empty. What is no line of it is left out, a last line without its
   * end is cut off.
   * @throws watch/series-too-large, watch/series-unreadable
   */
  static async open(path: string): Promise<Series> {
    const points: SeriesPoint[] = [];
    const marks: SeriesMark[] = [];
    let lines = 0;
    try {
      const { size } = await stat(path);
      if (size > LARGEST) {
        unreadable(
          'watch/series-too-large',
          `The record of the progress, ${path}, is larger than it can be.`,
          'Move it away: a new one is begun.',
        );
      }
      await cutTornLine(path, size);
      for await (const line of createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Infinity })) {
        lines += 1;
        const value = parsed(line);
        if (value === null) continue;
        const point = pointSchema.safeParse(value);
        if (point.success) points.push(point.data);
        else {
          const mark = markSchema.safeParse(value);
          if (mark.success) marks.push(mark.data);
        }
      }
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      if (code !== 'ENOENT') {
        unreadable(
          'watch/series-unreadable',
          `The record of the progress, ${path}, cannot be read (${code}).`,
          'Check its permissions, or move it away: a new one is begun.',
        );
      }
    }
    // A clock that was set back leaves points out of order.
    points.sort((a, b) => a.at - b.at);
    const series = new Series(path, points, marks.slice(-MOST_MARKS), lines);
    await series.#thin();
    return series;
  }

  get points(): readonly SeriesPoint[] {
    return this.#points;
  }

  get marks(): readonly SeriesMark[] {
    return this.#marks;
  }

  /**
   * Adds a point when something changed, or when the last one is ten minutes old.
   * @returns whether it did
   * @throws file/cannot-write
   */
  async add(atMs: number, progress: WatchProgress): Promise<boolean> {
    const last = this.#points.at(-1);
    const point: SeriesPoint = { at: Math.round(atMs), ...progress };
    if (last !== undefined) {
      if (point.at <= last.at) return false;
      const same = (Object.keys(progress) as (keyof WatchProgress)[]).every((key) => last[key] === progress[key]);
      if (same && point.at - last.at < UNCHANGED) return false;
    }
    this.#points.push(point);
    await this.#append(point);
    await this.#thin();
    return true;
  }

  /** Adds a mark, once for each wave and kind. */
  async mark(mark: SeriesMark): Promise<void> {
    if (this.#marks.some((known) => known.mark === mark.mark && known.wave === mark.wave && known.at === mark.at))
      return;
    this.#marks.push(mark);
    await this.#append(mark);
  }

  async #append(line: object): Promise<void> {
    if (this.#path === null) return;
    try {
      const file = await open(this.#path, 'a', 0o600);
      try {
        await file.write(`${JSON.stringify(line)}\n`);
      } finally {
        await file.close();
      }
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      unreadable(
        'file/cannot-write',
        `${this.#path} cannot be written (${code}).`,
        'Check that its folder is there, that you may write to it, and that there is room on the disk.',
      );
    }
    this.#linesInFile += 1;
  }

  /** Halves the older half when there are too many. */
  async #thin(): Promise<void> {
    if (this.#points.length <= MOST && this.#linesInFile <= 2 * (MOST + MOST_MARKS)) return;
    const half = Math.floor(this.#points.length / 2);
    this.#points = this.#points.filter((_, index) => index === 0 || index >= half || index % 2 === 0);
    if (this.#path === null) return;
    const lines = [...this.#points, ...this.#marks].sort((a, b) => a.at - b.at);
    await writePrivate(this.#path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''), { overwrite: true });
    this.#linesInFile = lines.length;
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

/** A last line without a line feed was never finished: what is added next must not run into it. */
async function cutTornLine(path: string, size: number): Promise<void> {
  const file = await open(path, 'r');
  let end = size;
  try {
    const piece = Buffer.alloc(65_536);
    while (end > 0) {
      const start = Math.max(0, end - piece.length);
      const { bytesRead } = await file.read(piece, 0, end - start, start);
      const feed = piece.subarray(0, bytesRead).lastIndexOf(10);
      if (feed >= 0) {
        end = start + feed + 1;
        break;
      }
      end = start;
    }
  } finally {
    await file.close();
  }
  if (end < size) await truncate(path, end);
}

/** Marks when waves were led to Fleet, and which have become whole with this look. */
export async function markWaves(
  series: Series,
  roster: Roster,
  { at, changes }: { readonly at: number; readonly changes: { readonly wavesDone: readonly string[] } },
): Promise<void> {
  for (const [wave, udids] of roster.waves()) {
    const switched = roster.switchedAt(udids);
    if (switched !== null) await series.mark({ at: switched, mark: 'wave-switched', wave });
  }
  for (const wave of changes.wavesDone) await series.mark({ at, mark: 'wave-done', wave });
}

/** What the movement so far lets expect. */
export interface Outlook {
  /** Devices that have been imported and are not in contact with Fleet. */
  readonly remaining: number;
  /** Devices an hour over the last while; null: not enough was seen. */
  readonly perHour: number | null;
  /** Milliseconds since the epoch; null: cannot be told, `why` says why. */
  readonly expectedEnd: number | null;
  readonly why: string | null;
}

const LOOK_BACK = 60 * 60_000;
const LEAST = 5 * 60_000;
/** An end that far off is no forecast. */
const FARTHEST = 14 * 24 * 60 * 60_000;

/**
 * Rate and expected end from the movement of the last hour. Careful on purpose: the last devices of a wave are those that
 * lie in drawers, so an end is told only while devices keep coming, and never from a handful.
 */
export function outlookOf(points: readonly SeriesPoint[], now: number): Outlook {
  const last = points.at(-1);
  if (last === undefined) return { remaining: 0, perHour: null, expectedEnd: null, why: 'Nothing was seen yet.' };
  const arrived = (point: SeriesPoint): number => point.migrated + point.stale;
  const remaining = last.waiting;
  const since = now - LOOK_BACK;
  // The last point before the hour carries its counts into it.
  const before = points.findLast((point) => point.at <= since);
  const first = before ?? points[0] ?? last;
  const span = Math.min(LOOK_BACK, now - first.at);
  if (remaining === 0) return { remaining, perHour: null, expectedEnd: null, why: 'Nobody is waited for.' };
  if (span < LEAST) {
    return { remaining, perHour: null, expectedEnd: null, why: 'Watched for less than five minutes.' };
  }
  const moved = Math.max(0, arrived(last) - arrived(first));
  const perHour = (moved * 3_600_000) / span;
  if (moved === 0) return { remaining, perHour: 0, expectedEnd: null, why: 'No device came in the last hour.' };
  if (moved < 3) return { remaining, perHour, expectedEnd: null, why: 'Too few came in the last hour to tell.' };
  const recent = points.findLast((point) => point.at <= now - span / 4) ?? first;
  if (arrived(last) === arrived(recent)) {
    return { remaining, perHour, expectedEnd: null, why: 'It has come to a standstill; those left come one by one.' };
  }
  const end = now + (remaining / perHour) * 3_600_000;
  if (end - now > FARTHEST) return { remaining, perHour, expectedEnd: null, why: 'At this rate more than two weeks.' };
  return { remaining, perHour, expectedEnd: Math.round(end), why: null };
}
