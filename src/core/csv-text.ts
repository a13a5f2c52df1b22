/** Tables as CSV (RFC 4180) for a spreadsheet. No cell can become a formula, whatever a device is called. */

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

function cellOf(value: string | number | boolean | null): string {
  if (value === null) return '';
  if (typeof value !== 'string') return String(value);
  // A spreadsheet runs what begins like this; the apostrophe makes it text, and is not shown.
  const risky = /^[=+\-@|]/.test(value.trimStart()) || /^[\t\r\n]/.test(value);
  const safe = risky ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
