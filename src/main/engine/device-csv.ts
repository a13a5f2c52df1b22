/** Devices as a CSV file for a spreadsheet. No cell can become a formula, whatever a device is called. */
import type { DeviceRow } from '../../contract/devices';

const COLUMNS: readonly (readonly [heading: string, cell: (row: DeviceRow) => string | number | null])[] = [
  ['udid', (row) => row.udid],
  ['serial', (row) => row.serial],
  ['name', (row) => row.name],
  ['platform', (row) => row.platform],
  ['model', (row) => row.model],
  ['verdict', (row) => row.verdict],
  ['action', (row) => row.action],
  ['reasons', (row) => row.reasons.join(' ')],
  ['last_seen', (row) => timeOf(row.lastSeen)],
  ['certificate_ends', (row) => timeOf(row.certificateNotAfter)],
  ['user_channels', (row) => row.users],
];

export function csvOf(rows: Iterable<DeviceRow>): { readonly text: string; readonly devices: number } {
  const lines = [COLUMNS.map(([heading]) => heading).join(',')];
  for (const row of rows) lines.push(COLUMNS.map(([, cell]) => cellOf(cell(row))).join(','));
  // With a byte order mark Excel reads it as UTF-8.
  return { text: `\ufeff${lines.join('\r\n')}\r\n`, devices: lines.length - 1 };
}

function cellOf(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  // A spreadsheet runs what begins like this; the apostrophe makes it text, and is not shown.
  const safe = /^[=+\-@\t\r\n|]/.test(value.trimStart()) || /^[\t\r\n]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function timeOf(milliseconds: number | null): string | null {
  if (milliseconds === null) return null;
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? null : date.toISOString().replace(/\.\d+Z$/, 'Z');
}
