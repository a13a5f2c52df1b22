/**
 * Writes XML property lists, the same bytes for the same value: keys in the dictionary's own order, one element a line,
 * indented with tabs as Apple's tools do, data as unbroken base64.
 */
import { refused } from '../failure';
import type { PropertyListValue } from '../sources/property-list';

const HEAD =
  '<?xml version="1.0" encoding="UTF-8"?>\n' +
  '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n' +
  '<plist version="1.0">\n';

/**
 * An XML property list.
 * @throws FailureError `profile/unwritable` for what XML or its reader cannot carry unchanged: control characters,
 *   lone surrogates, whole numbers beyond 2^53
 */
export function writePropertyList(value: PropertyListValue): string {
  return `${HEAD}${elementOf(value, '')}</plist>\n`;
}

function elementOf(value: PropertyListValue, indent: string): string {
  if (typeof value === 'string') return `${indent}<string>${escape(value)}</string>\n`;
  if (typeof value === 'boolean') return `${indent}<${value}/>\n`;
  if (typeof value === 'number') return `${indent}${numberOf(value)}\n`;
  if (value instanceof Date) return `${indent}<date>${dateOf(value)}</date>\n`;
  if (Buffer.isBuffer(value)) return `${indent}<data>${value.toString('base64')}</data>\n`;
  const inner = `${indent}\t`;
  if (Array.isArray(value)) {
    if (value.length === 0) return `${indent}<array/>\n`;
    return `${indent}<array>\n${value.map((entry) => elementOf(entry, inner)).join('')}${indent}</array>\n`;
  }
  const entries = Object.entries(value);
  if (entries.length === 0) return `${indent}<dict/>\n`;
  const body = entries.map(([key, entry]) => `${inner}<key>${escape(key)}</key>\n${elementOf(entry, inner)}`).join('');
  return `${indent}<dict>\n${body}${indent}</dict>\n`;
}

function numberOf(value: number): string {
  if (Number.isSafeInteger(value)) return `<integer>${value}</integer>`;
  if (!Number.isFinite(value) || Number.isInteger(value)) unwritable('a number that is too large');
  return `<real>${value}</real>`;
}

/** Whole seconds of the years 0 to 9999: a property list has no others. */
function dateOf(value: Date): string {
  const text = value.toISOString();
  if (!/^\d{4}-.*\.000Z$/.test(text)) unwritable('a date that property lists do not have');
  return text.replace('.000Z', 'Z');
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  // A carriage return as it is would be read as a line feed (XML 1.0, 2.11).
  '\r': '&#13;',
};

const NOT_XML =
  // eslint-disable-next-line no-control-regex -- control characters are what it looks for
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

function escape(text: string): string {
  if (NOT_XML.test(text)) unwritable('a character that XML does not have');
  return text.replace(/[&<>\r]/g, (character) => ESCAPES[character] ?? character);
}

function unwritable(what: string): never {
  return refused(
    'profile/unwritable',
    `The profile holds ${what}; it could not be written unchanged.`,
    'Remove it from the profile, or from the challenge, and try again.',
  );
}
