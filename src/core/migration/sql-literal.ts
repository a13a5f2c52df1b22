/**
 * Values as SQL literals for a file that a plain `mysql` client loads.
 *
 * Such a file is read by two parsers, the client's and the server's, and neither's settings are ours: sql_mode
 * (NO_BACKSLASH_ESCAPES, ANSI_QUOTES), the client's character set, line endings rewritten on the way, NUL as the end
 * of a statement. So a literal here is printable ASCII on one line, with no backslash, and means the same under all of
 * them. Text stays readable where it can; the rest is hexadecimal.
 */
import type { Value } from './rows';

/** Printable ASCII without the backslash: the bytes no parser, character set or file transfer reads differently. */
const PLAIN = /^[ -[\]-~]*$/;

/** {@link PLAIN} and line feeds. */
const PLAIN_LINES = /^[\n -[\]-~]*$/;

/** The literal of any value a row can hold. */
export function literalOf(value: Value): string {
  if (value === null) return 'NULL';
  if (typeof value === 'string') return textLiteral(value);
  if (typeof value === 'number') return numberLiteral(value);
  return bytesLiteral(value);
}

/**
 * Text. What is stored are its UTF-8 bytes.
 *
 * A line feed must not stand in the file as it is (a transfer in text mode, or a checkout on Windows, would make it
 * two characters), so text of several lines is put together by the server from its lines.
 */
export function textLiteral(text: string): string {
  if (PLAIN.test(text)) return quoted(text);
  if (!text.includes('\n')) return hexText(text);
  const lines = PLAIN_LINES.test(text)
    ? quoted(text).replaceAll('\n', "','")
    : text
        .split('\n')
        .map((line) => (PLAIN.test(line) ? quoted(line) : hexText(line)))
        .join(',');
  return `CONCAT_WS(CHAR(10 USING utf8mb4),${lines})`;
}

/** Bytes. `X''` and not `0x`: the latter has no way to write none at all. */
export function bytesLiteral(bytes: Buffer): string {
  return `X'${bytes.toString('hex')}'`;
}

/** A whole number; rows hold no others. */
export function numberLiteral(value: number): string {
  if (!Number.isSafeInteger(value)) throw new Error(`not a whole number: ${value}`);
  return String(value);
}

function quoted(text: string): string {
  return text.includes("'") ? `'${text.replaceAll("'", "''")}'` : `'${text}'`;
}

function hexText(text: string): string {
  return `_utf8mb4 X'${Buffer.from(text, 'utf8').toString('hex')}'`;
}
