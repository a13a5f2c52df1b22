/** Devices as text to paste elsewhere: tab-separated, with a heading, safe for spreadsheets. */
import type { DeviceRow } from '../../../contract/devices';
import { platformName } from '../../format/words';
import { attentionWords } from './watch-words';

const HEADING = [
  'Verdict',
  'Plan',
  'Name',
  'Serial number',
  'UDID',
  'Platform',
  'Model',
  'Reasons',
  'Last seen',
  'Certificate ends',
  'State',
  'Last seen by Fleet',
  'Attention',
];

export function tableText(rows: readonly DeviceRow[]): string {
  const lines = rows.map((row) =>
    [
      row.verdict,
      row.action ?? '',
      row.name ?? '',
      row.serial ?? '',
      row.udid ?? '',
      platformName(row.platform),
      row.model ?? '',
      row.reasons.join(', '),
      instant(row.lastSeen),
      instant(row.certificateNotAfter),
      row.watch?.state ?? '',
      instant(row.watch?.contactFleet ?? null),
      (row.watch?.attention ?? []).map(attentionWords).join(', '),
    ]
      .map(cell)
      .join('\t'),
  );
  return [HEADING.join('\t'), ...lines].join('\n');
}

function instant(at: number | null): string {
  return at === null ? '' : new Date(at).toISOString();
}

/** One cell: on one line, and nothing a spreadsheet would take for a formula (the rule is src/core/csv-text.ts’s). */
function cell(text: string): string {
  const flat = oneLine(text);
  return /^'*\s*[=+\-@|\uff1d\uff0b\uff0d\uff20]/.test(flat) ? `'${flat}` : flat;
}

/** Without the tabs and line ends that would make several cells or lines of one. */
export function oneLine(text: string): string {
  return text.replace(/[\t\r\n]+/g, ' ');
}
