/** What stands in a cell, read strictly: one form each, nothing repaired, and what a spreadsheet destroyed named as such. */
import { hash } from 'node:crypto';
import { readCertificate, type Certificate } from '../../certificates/der';
import { readPem } from '../../certificates/pem';
import type { Platform } from '../snapshot';
import type { CellForm, Column } from './column';

/** A certificate that stands in the table. */
export interface TableCertificate {
  readonly sha256: string;
  readonly parsed: Certificate;
}

/** What a cell can mean: times are nanoseconds since the epoch. */
export type CellValue = string | boolean | bigint | Buffer | TableCertificate;

/** A value, or why there is none: a clause without a full stop, never with a secret in it. */
export type ReadCell = { readonly ok: true; readonly value: CellValue } | { readonly ok: false; readonly what: string };

const PLATFORMS: readonly Platform[] = ['darwin', 'ios', 'ipados', 'tvos', 'watchos', 'visionos'];

/** What Excel leaves of a number longer than eleven digits. */
const SCIENTIFIC = /^[+-]?\d+(?:[.,]\d+)?E[+-]\d+$/i;
/** What it leaves of text that looks like a day, in the languages of most of Europe: `14. Jul`, `Mar-01`. */
const MONTH =
  /^(?:\d{1,2}[-. /]{1,2}(?:jan|feb|mar|mär|mrz|apr|may|mai|maj|jun|jul|aug|sep|oct|okt|nov|dec|dez|déc|fév|avr|ago|set|dic|ene|abr|gen|mag|giu|lug|ott)\p{L}{0,7}\.?(?:[-. /]\d{2,4})?|(?:jan|feb|mar|mär|mrz|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)\p{L}{0,7}[-. ]\d{2,4})$/iu;
const DAY = /^(?:\d{1,2}\/\d{1,2}\/\d{2,4}|\d{1,2}\.\d{1,2}\.\d{4}|\d{4}-\d\d-\d\d)(?:[ T]\d{1,2}:\d\d(?::\d\d)?)?$/;
const SHEET_ERROR = /^#(?:NAME\?|REF!|VALUE!|N\/A|DIV\/0!|NUM!|NULL!|SPILL!|CALC!|WERT!|BEZUG!|NV|#{3,})$/i;
/** More than this many characters Excel cuts off without a word. */
const EXCEL_CELL = 32_767;

const TRUE: ReadonlySet<string> = new Set(['true', '1', 'yes', 't']);
const FALSE: ReadonlySet<string> = new Set(['false', '0', 'no', 'f']);

/** Reads a cell that is not empty. */
export function readCell({ form, shown }: Pick<Column, 'form' | 'shown'>, text: string): ReadCell {
  const damage = text.includes('\u0000') ? 'it holds a NUL character' : form === 'text' ? null : damageOf(text, form);
  const read = damage === null ? readers[form](text) : new Fault(damage);
  if (!(read instanceof Fault)) return { ok: true, value: read };
  const quoted = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  return { ok: false, what: shown ? `«${quoted}»: ${read.what}` : read.what };
}

/** A reader's complaint. */
class Fault {
  constructor(readonly what: string) {}
}

const readers: Readonly<Record<CellForm, (text: string) => CellValue | Fault>> = {
  text: (text) => text,
  exact: (text) =>
    text.trim() === text ? text : new Fault('blanks stand around the value, which then is another value'),
  id: (text) => {
    if (/^[0-9A-Za-z-]{1,191}$/.test(text)) return text;
    return text.includes(':')
      ? new Fault(
          'it holds a colon: of an enrollment id UDID:USER the part before it belongs into udid, the part after it into user_id',
        )
      : new Fault('an id holds letters, digits and dashes only, at most 191');
  },
  'yes-no': (text) => {
    const word = text.trim().toLowerCase();
    return TRUE.has(word) || (FALSE.has(word) ? false : new Fault('write true or false'));
  },
  time: readTime,
  token: readToken,
  base64: (text) =>
    base64(text) ?? new Fault('this is not base64 (letters, digits, + and /, padded with = to a multiple of four)'),
  certificate: readTableCertificate,
  sha256: (text) => {
    const hex = text.trim().replaceAll(':', '').toLowerCase();
    return /^[0-9a-f]{64}$/.test(hex) ? hex : new Fault('a SHA-256 has 64 hexadecimal digits');
  },
  platform: (text) => {
    const platform = text.trim();
    return PLATFORMS.some((known) => known === platform)
      ? platform
      : new Fault(`write one of ${PLATFORMS.join(', ')} (macOS is darwin), or leave it empty`);
  },
};

/** What a spreadsheet or an export made of a value that was something else; null when it looks whole. */
function damageOf(text: string, form: CellForm): string | null {
  const word = text.trim();
  if (word === '') return 'it holds nothing but blanks; leave it empty';
  if (word === 'NULL' || word === '\\N' || word === '(null)' || word === 'None')
    return "it is the export’s word for «no value»; leave the cell empty (in SQL: COALESCE(column, ''))";
  if (SHEET_ERROR.test(word)) return 'a spreadsheet put its error here instead of the value; export it again, as text';
  if (text.length === EXCEL_CELL)
    return `it is exactly as long as a spreadsheet’s cell can be (${EXCEL_CELL} characters), so its end is lost; export it without a spreadsheet`;
  if (form === 'yes-no' || form === 'base64' || form === 'certificate') return null;
  if (SCIENTIFIC.test(word))
    return 'a spreadsheet made a rounded number of it; export it again and open the column as text';
  if (form !== 'time' && (MONTH.test(word) || DAY.test(word)))
    return 'a spreadsheet made a date of it; export it again and open the column as text';
  return null;
}

/** RFC 3339 to the nanosecond. */
function readTime(text: string): CellValue | Fault {
  const match = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?$/i.exec(text.trim());
  if (match === null) return new Fault('write a time like 2026-11-24T18:30:00Z (RFC 3339)');
  const [, day = '', clock = '', fraction = '', zone] = match;
  if (zone === undefined) return new Fault('the time has no zone; write Z for UTC or an offset like +02:00 after it');
  const milliseconds = Date.parse(`${day}T${clock}Z`);
  // Date takes 30 February for 2 March.
  if (Number.isNaN(milliseconds) || new Date(milliseconds).toISOString().slice(0, 19) !== `${day}T${clock}`)
    return new Fault('there is no such day or hour');
  const offset = zone.toUpperCase() === 'Z' ? 0 : offsetMinutes(zone);
  if (offset === null) return new Fault('there is no such time zone');
  const at = BigInt(milliseconds - offset * 60_000) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
  return at > 0n ? at : new Fault('a time before 1970 is none; leave the cell empty');
}

function offsetMinutes(zone: string): number | null {
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(4, 6));
  if (hours > 14 || minutes > 59) return null;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
}

/**
 * An APNs token as lower-case hex. What consists of hexadecimal digits alone is hex; everything else must be base64.
 * The two cannot be confused: 32 bytes in base64 end with `=`, and longer tokens would have to hold no letter after F.
 */
function readToken(text: string): CellValue | Fault {
  const word = text.trim();
  if (/^[0-9A-Fa-f]+$/.test(word)) {
    if (word.length % 2 !== 0) return new Fault('hexadecimal digits come in pairs; one is missing');
    return word.length <= 254 ? word.toLowerCase() : new Fault('a token has at most 127 bytes');
  }
  // Blanks stand in no export of a token: such a text is a remark.
  const bytes = /\s/.test(word) ? null : base64(word);
  if (bytes === null)
    return new Fault('write the token as hexadecimal digits (without blanks or brackets) or as base64');
  return bytes.length <= 127 ? bytes.toString('hex') : new Fault('a token has at most 127 bytes');
}

/** Canonical base64; blanks and line breaks in it are passed over. Null when it is none, or empty. */
function base64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  // Node passes over what does not belong there and over lost bits; writing it again shows whether there was any.
  if (bytes.length > 0 && bytes.toString('base64') === text) return bytes;
  const packed = text.replace(/\s+/g, '');
  return packed === text ? null : base64(packed);
}

/** PEM (its line breaks may be written `\n`) or base64 of DER; one certificate, whole. */
function readTableCertificate(text: string): CellValue | Fault {
  let der: Buffer | null;
  if (text.includes('-----BEGIN')) {
    const blocks = readPem(text.replaceAll('\\r', '').replaceAll('\\n', '\n'));
    if (blocks.length > 1)
      return new Fault(`it holds ${blocks.length} PEM blocks; one certificate belongs into a cell`);
    const [block] = blocks;
    if (block?.label !== 'CERTIFICATE') return new Fault('the PEM text is no whole certificate');
    der = block.der;
  } else der = base64(text);
  const parsed = der === null ? null : readCertificate(der);
  if (der === null || parsed?.der.length !== der.length)
    return new Fault('this is no certificate in PEM or base64 of DER');
  return { sha256: hash('sha256', der, 'hex'), parsed };
}
