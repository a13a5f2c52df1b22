/** Devices as a CSV file for a spreadsheet. */
import type { DeviceRow } from '../../contract/devices';
import { csvText } from '../../core/csv-text';

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
  ['state', (row) => row.watch?.state ?? null],
  ['proof', (row) => row.watch?.proof ?? null],
  ['last_contact_fleet', (row) => timeOf(row.watch?.contactFleet ?? null)],
  ['last_contact_old_server', (row) => timeOf(row.watch?.contactSource ?? null)],
  ['agent', (row) => (row.watch?.agent == null ? null : row.watch.agent ? 'yes' : 'no')],
  ['wave', (row) => row.watch?.wave ?? null],
  ['attention', (row) => row.watch?.attention.join(' ') ?? null],
];

export function csvOf(rows: Iterable<DeviceRow>): { readonly text: string; readonly devices: number } {
  const cells = Array.from(rows, (row) => COLUMNS.map(([, cell]) => cell(row)));
  return {
    text: csvText(
      COLUMNS.map(([heading]) => heading),
      cells,
    ),
    devices: cells.length,
  };
}

function timeOf(milliseconds: number | null): string | null {
  if (milliseconds === null) return null;
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? null : date.toISOString().replace(/\.\d+Z$/, 'Z');
}
