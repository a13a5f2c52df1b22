/** Stores that are more than one file, as one input: a folder, and a database's answers, each written down as JSON. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Engine, ReadingSession, Row } from '../../src/core/database/reading-session';
import type { Surroundings } from './parsers';

function objectOf(bytes: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** Lays out `{"path/of/a/file": "its content"}` in a new folder, whatever can lie in one; gives it to `read`. */
export function inFolder(read: (path: string) => unknown): (bytes: Buffer, surroundings: Surroundings) => unknown {
  return (bytes, { folder }) => {
    const root = join(folder, 'store');
    rmSync(root, { recursive: true, force: true });
    mkdirSync(root);
    for (const [name, content] of Object.entries(objectOf(bytes)).slice(0, 500)) {
      const steps = name.split('/');
      // No folder of any system holds such a name.
      if (steps.some((step) => /^\.{0,2}$|\0/.test(step) || Buffer.byteLength(step) > 200) || steps.length > 8)
        continue;
      try {
        const path = join(root, ...steps);
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
      } catch {
        // A file where another has a folder.
      }
    }
    return read(root);
  };
}

/** A session whose answers are `{"table": [{"column": value}]}`: every SELECT gets what stands under its first table. */
export function answering(bytes: Buffer, engine: Engine): ReadingSession {
  const tables = objectOf(bytes);
  const rowsOf = (name: string): Row[] => {
    const rows = Object.hasOwn(tables, name) ? tables[name] : null;
    if (!Array.isArray(rows)) return [];
    return rows
      .filter((row) => typeof row === 'object' && row !== null)
      .map((row: Record<string, unknown>) => plain(row));
  };
  return {
    engine,
    version: typeof tables['version'] === 'string' ? tables['version'] : '9.7.4',
    columns: (names) =>
      Promise.resolve(
        new Map(
          names.flatMap((name) => (rowsOf(name)[0] ? [[name, new Set(Object.keys(rowsOf(name)[0] ?? {}))]] : [])),
        ),
      ),
    async *rows(sql) {
      const [, name = ''] = /FROM [`"]?(\w+)/.exec(sql) ?? [];
      yield await Promise.resolve(rowsOf(name));
    },
    close: () => Promise.resolve(),
  };
}

/** A driver gives texts, numbers and nothing, and nothing else. */
function plain(row: Record<string, unknown>): Row {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      typeof value === 'string' || typeof value === 'number' || value === null ? value : JSON.stringify(value),
    ]),
  );
}
