/** Tables as CSV (RFC 4180) for a spreadsheet. No cell can become a formula, whatever a device is called. */
import { parse } from 'csv-parse/sync';

export interface CsvOptions {
  /** Begin with a byte order mark, without which Excel does not read UTF-8. */
  readonly mark?: boolean;
}

/** Lines of cells under their headings, each line ended with CRLF. */
export function csvText(
  headings: readonly string[],
  rows: Iterable<readonly (string | number | boolean | null)[]>,
  { mark = true }: CsvOptions = {},
): string {
  const lines = [headings.join(',')];
  for (const cells of rows) lines.push(cells.map(cellOf).join(','));
  return `${mark ? '\ufeff' : ''}${lines.join('\r\n')}\r\n`;
}

/**
 * How a formula begins, the wide signs of East Asian keyboards included. An apostrophe before it makes it text, and is not
 * shown; what has one already gets another, so that {@link plainCell} knows whose it is.
 */
const FORMULA = /^'*(\s*[=+\-@|\uff1d\uff0b\uff0d\uff20]|[\t\r\n])/;

/** A cell as it was before {@link csvText} made it harmless. */
export function plainCell(text: string): string {
  return text.startsWith("'") && FORMULA.test(text) ? text.slice(1) : text;
}

function cellOf(value: string | number | boolean | null): string {
  if (value === null) return '';
  if (typeof value !== 'string') return String(value);
  const safe = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** A line under its headings, which are in lower case and without blanks around them. */
export interface CsvRecord {
  readonly record: Readonly<Record<string, string>>;
  /** In the file, for messages. */
  readonly line: number;
}

/** Reads a table with headings. @param refuse told why it is none; must throw */
export function csvRecords(text: string, refuse: (why: string) => never): CsvRecord[] {
  try {
    const records: { record: Record<string, string>; info: { lines: number } }[] = parse(text, {
      bom: true,
      columns: (header: string[]) => header.map((name) => name.trim().toLowerCase()),
      info: true,
      skip_empty_lines: true,
      trim: true,
    });
    return records.map(({ record, info }) => ({ record, line: info.lines }));
  } catch (error) {
    // The parser repeats what it stumbled over, whole.
    return refuse(error instanceof Error ? error.message.slice(0, 200) : 'unreadable');
  }
}
