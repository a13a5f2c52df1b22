/** An empty table to fill in, with an example that is refused until it is deleted. */
import { csvText } from '../../csv-text';
import { EXAMPLE } from './assembly';
import { COLUMNS, type Cells, type ColumnName } from './column';

export type TemplateForm = 'csv' | 'json';

const NOTES = [
  '# A table of devices for Slipway. Lines like this one before the header are passed over; docs/source-table.md describes every column.',
  '# One row is one enrollment: a device, or (with user_id) a user channel of the device. A device with several certificates has a further row for each.',
  '# Text is UTF-8. Open this file in a spreadsheet with every column as text. Delete the two example rows. The filled table holds secrets.',
];

const device: Cells = {
  udid: `${EXAMPLE}4DCA6C23-A793-42C7-8808-C3DD9B45BD83`,
  serial: 'C02XL0GYJGH5',
  name: 'Example MacBook',
  model: 'MGPK3LL/A',
  model_name: 'MacBook Pro',
  product_name: 'MacBookPro18,1',
  os_version: '26.0',
  build_version: '25A354',
  enrolled: 'true',
  topic: 'com.apple.mgmt.External.1580e552-a3b9-43fb-9528-7ce2e4018c0a',
  push_magic: 'C2D1A7E6-3C1B-4B8F-9A43-0F6B6E0F7A55',
  token: '740f4707bebcf74f9b7c25d48e3358945f6aa01da5ddb387462c7eaf61bb78ad',
  certificate_sha256: '9ab077642578fe704a688321c46b6baf1b3a7dbdf3af9555f446da86fd5b6db8',
  certificate_not_after: '2027-11-24T01:41:09Z',
  last_seen: '2026-11-24T01:45:00Z',
  awaiting_configuration: 'false',
};
const user: Cells = {
  enrolled: 'true',
  topic: 'com.apple.mgmt.External.1580e552-a3b9-43fb-9528-7ce2e4018c0a',
  push_magic: '6C0C2F5E-58D2-4A6E-8A0C-1C7B0A2E9F10',
  token: 'b0adde07bebcf74f9b7c25d48e3358945f6aa01da5ddb387462c7eaf61bb78ad',
  user_id: 'D0B4A2F1-7E65-4C53-8B1E-3A2F9C4D5E60',
  user_short_name: 'ann',
  user_long_name: 'Ann Example',
};

/** The template as text; it holds no secret yet. */
export function tableTemplate(form: TemplateForm): string {
  if (form === 'json') return `${JSON.stringify([{ ...device, users: [user] }], null, 2)}\n`;
  const names = COLUMNS.map(({ name }) => name);
  const line = (cells: Cells): string[] => names.map((name: ColumnName) => cells[name] ?? '');
  const text = csvText(names, [line(device), line({ udid: device.udid ?? '', ...user })], { mark: false });
  return `\ufeff${NOTES.join('\r\n')}\r\n${text}`;
}
