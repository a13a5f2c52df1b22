/** A dump of Fleet's script read statement by statement, however large it is. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { unreadable } from '../../failure';
import type { OnProgress } from '../../progress';
import { NotFromScript, readDumpedInsert, type DumpedRow } from './statement';

/** Bytes without a line break, beyond any value a device has. */
const MAX_LINE = 64 << 20;

class EndlessLine extends Error {}

/** Any device's statement fits many times over. */
const MAX_STATEMENT = 4 << 20;

export interface DumpFile {
  readonly path: string;
  /** Lower-case hex. */
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
  readonly statements: number;
}

/** A statement that is not what the script writes; MySQL would refuse it, or do something else. */
export interface BrokenStatement {
  /** Where it goes wrong, counted from 1. */
  readonly line: number;
  readonly what: string;
}

/**
 * Reads a dump. Nothing of it is run.
 * @throws FailureError `dump/cannot-read`, `dump/not-a-dump`
 */
export async function readScriptDump(
  path: string,
  take: (row: DumpedRow, line: number) => void,
  broken: (statement: BrokenStatement) => void,
  onProgress?: OnProgress,
): Promise<DumpFile> {
  const digest = createHash('sha256');
  const stream = createReadStream(path, { highWaterMark: 1 << 20 });
  let size = 0;
  let sinceBreak = 0;
  stream.on('data', (chunk) => {
    digest.update(chunk);
    size += chunk.length;
    const last = chunk.lastIndexOf('\n');
    sinceBreak = last < 0 ? sinceBreak + chunk.length : chunk.length - 1 - last;
    // A line is held whole; what the script writes has short ones.
    if (sinceBreak > MAX_LINE) stream.destroy(new EndlessLine());
  });
  let statements = 0;
  let lines: string[] = [];
  let length = 0;
  let first = 1;
  let line = 0;
  const finish = (): void => {
    const text = lines.join('\n');
    lines = [];
    const tooLong = length > MAX_STATEMENT;
    length = 0;
    if (text.trim() === '') return;
    statements += 1;
    if (statements % 10_000 === 0) onProgress?.({ label: 'reading the dump', done: statements, total: null });
    if (tooLong) {
      broken({ line: first, what: `it is longer than ${MAX_STATEMENT} characters` });
      return;
    }
    let row: DumpedRow;
    try {
      row = readDumpedInsert(text);
    } catch (error) {
      if (!(error instanceof NotFromScript)) throw error;
      broken({ line: first + text.slice(0, error.at).split('\n').length - 1, what: error.what });
      return;
    }
    take(row, first);
  };
  try {
    for await (const next of createInterface({ input: stream, crlfDelay: Infinity })) {
      line += 1;
      // Every statement of the script begins a line so; one that is broken ends there at the latest.
      if (next.startsWith('INSERT INTO nano_')) {
        finish();
        first = line;
      } else if (lines.length === 0) {
        if (next.trim() === '') continue;
        first = line;
      }
      length += next.length + 1;
      // What is too long is not kept, only counted.
      if (length <= MAX_STATEMENT) lines.push(next);
      else if (lines.length === 0) lines.push('too long');
    }
    finish();
  } catch (error) {
    if (error instanceof EndlessLine)
      return unreadable(
        'dump/not-a-dump',
        `${path} has a line of more than ${MAX_LINE >> 20} MiB; no dump of the script has.`,
        'Give the dump.sql that Fleet’s migration script wrote.',
        { path },
      );
    const reason = (error as NodeJS.ErrnoException).code;
    if (reason === undefined || !/^E[A-Z]+$/.test(reason)) throw error;
    return unreadable(
      'dump/cannot-read',
      `${path} cannot be read (${reason}).`,
      'Check the path and its permissions.',
      {
        path,
      },
    );
  }
  if (statements === 0)
    unreadable(
      'dump/not-a-dump',
      `${path} holds no statement.`,
      'Give the dump.sql that Fleet’s migration script wrote.',
      {
        path,
      },
    );
  return { path, sha256: digest.digest('hex'), size, statements };
}
