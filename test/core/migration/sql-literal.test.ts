// What a literal stores, asked of the real server through the plain client, under settings that are not ours.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bytesLiteral, literalOf, numberLiteral, textLiteral } from '../../../src/core/migration/sql-literal';
import { createDatabase, loadSqlFile, noServer, type TestDatabase } from '../../servers/mysql';
import { scratch } from './sql-support';

describe('a literal', () => {
  it('stays readable where it can', () => {
    expect(textLiteral('Mac 1')).toBe("'Mac 1'");
    expect(textLiteral('Zoe\'s; -- /*! "x"')).toBe("'Zoe''s; -- /*! \"x\"'");
    expect(textLiteral('')).toBe("''");
    expect(textLiteral("a'\nb\n")).toBe("CONCAT_WS(CHAR(10 USING utf8mb4),'a''','b','')");
  });

  it('is hexadecimal where a parser could read it differently', () => {
    expect(textLiteral('a\\b')).toBe("_utf8mb4 X'615c62'");
    expect(textLiteral('é')).toBe("_utf8mb4 X'c3a9'");
    expect(textLiteral('a\r\nb')).toBe("CONCAT_WS(CHAR(10 USING utf8mb4),_utf8mb4 X'610d','b')");
    expect(bytesLiteral(Buffer.from([0, 39, 92]))).toBe("X'00275c'");
    expect(bytesLiteral(Buffer.alloc(0))).toBe("X''");
  });

  it('knows NULL and whole numbers only', () => {
    expect(literalOf(null)).toBe('NULL');
    expect(numberLiteral(-1)).toBe('-1');
    expect(() => numberLiteral(0.5)).toThrow();
    expect(() => numberLiteral(Number.NaN)).toThrow();
  });

  it('is printable ASCII on one line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(textLiteral(text)).toMatch(/^[ -[\]-~]*$/);
      }),
    );
  });
});

const fragment = fc.constantFrom(
  "'",
  "''",
  '"',
  '`',
  '\\',
  "\\'",
  '\\n',
  '\n',
  '\r\n',
  '\r',
  '\t',
  '\u0000',
  '\u001a',
  '-- ',
  '#',
  '/*',
  '*/',
  '/*!80000 ',
  ';',
  '\n\\q\n',
  '\nDELIMITER //\n',
  '\nsource /etc/passwd\n',
  '\\. /etc/passwd',
  '%',
  '_',
  'é',
  '東',
  '💻',
  '\ufeff',
  '\u2028',
  'text ',
);
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.array(fc.oneof(fragment, fc.string({ maxLength: 6 })), { maxLength: 12 }).map((parts) => parts.join('')),
);
const bytes = fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array));

const MODES: readonly (readonly [name: string, mode: string])[] = [
  ['the default mode', 'STRICT_TRANS_TABLES'],
  ['NO_BACKSLASH_ESCAPES', 'STRICT_TRANS_TABLES,NO_BACKSLASH_ESCAPES'],
  ['ANSI and all that goes with it', 'ANSI,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,IGNORE_SPACE,STRICT_TRANS_TABLES'],
];

const CLIENTS: readonly (readonly [name: string, options: readonly string[]])[] = [
  ['as it is', []],
  ['in latin1', ['--default-character-set=latin1']],
  ['in gbk, whose second bytes may be backslashes', ['--default-character-set=gbk']],
  ['in binary mode', ['--default-character-set=utf8mb4', '--binary-mode']],
];

describe.skipIf(noServer)('a value through the plain client', () => {
  let database: TestDatabase;
  let files: Awaited<ReturnType<typeof scratch>>;
  beforeAll(async () => {
    files = await scratch();
    database = await createDatabase('empty');
    await database.query('CREATE TABLE kept (id int PRIMARY KEY, words longtext, raw longblob) ENGINE=InnoDB');
  });
  afterAll(async () => {
    await database.drop();
    await files.remove();
  });

  const cases = MODES.flatMap(([mode, value]) =>
    CLIENTS.map(([client, options]) => ({ mode, value, client, options })),
  );
  it.each(cases)('is stored to the byte: $mode, client $client', async ({ value, options }) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(text, bytes), { minLength: 30, maxLength: 60 }),
        fc.boolean(),
        async (values, windows) => {
          const rows = values.map(([words, raw], at) => `(${at},${literalOf(words)},${literalOf(raw)})`);
          const lines = [
            'SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci;',
            `SET SESSION sql_mode = '${value}';`,
            'DELETE FROM kept;',
            `INSERT INTO kept VALUES\n${rows.join(',\n')};`,
            // The same as rows of a derived table, as the migration's file has them.
            `INSERT INTO kept SELECT fresh.id + 1000, fresh.words, fresh.raw FROM (VALUES`,
            rows.map((row) => `ROW${row}`).join(',\n'),
            ') AS fresh (id, words, raw);',
            '',
          ];
          const file = path.join(files.folder, 'values.sql');
          // A transfer in text mode to Windows.
          await writeFile(file, lines.join('\n').replaceAll('\n', windows ? '\r\n' : '\n'));
          await loadSqlFile(database, file, { clientOptions: [...options] });
          const found = await database.query<{ id: number; words: string; raw: string }>(
            'SELECT id, HEX(words) AS words, HEX(raw) AS raw FROM kept ORDER BY id',
          );
          const wanted = values.map(([words, raw], at) => ({
            id: at,
            words: Buffer.from(words, 'utf8').toString('hex').toUpperCase(),
            raw: raw.toString('hex').toUpperCase(),
          }));
          expect(found).toEqual([...wanted, ...wanted.map((row) => ({ ...row, id: row.id + 1000 }))]);
        },
      ),
      { numRuns: 6 },
    );
  });
});
