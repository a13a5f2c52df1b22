/** Devices that stay behind, accounted for by name: a CSV file `device,by,note`; a device is a UDID or a serial number. */
import { csvRecords, csvText, plainCell } from '../csv-text';
import { misused } from '../failure';
import { devicesByName } from '../migration/wave';
import type { Snapshot } from '../sources/snapshot';
import type { Confirmation } from './decommission';

/** More than this is no such list, bytes. */
export const ACCOUNTS_LIMIT = 64 * 1_048_576;

/** An entry as written, with its line. */
export interface Account extends Confirmation {
  readonly line: number;
}

/** By device as written. @throws report/accounts with the line that cannot be understood */
export function readAccounts(text: string): Map<string, Account> {
  if (Buffer.byteLength(text) > ACCOUNTS_LIMIT) wrong('It is larger than 64 MiB.');
  if (text.replace(/^\ufeff/, '').trim() === '') return new Map();
  const records = csvRecords(text, (why) => wrong(`It is not a CSV file: ${why}.`));
  return new Map(
    records.map(({ record, line }) => {
      const cell = (name: string): string => plainCell(record[name] ?? '');
      const [device, by, note] = [cell('device'), cell('by'), cell('note')];
      if (device === '' || by === '' || note === '')
        wrong(`Line ${line} needs a device, who says so, and why it stays behind.`);
      return [device, { by: by.slice(0, 200), note: note.slice(0, 2000), line }];
    }),
  );
}

/** By UDID as the source has it. @throws report/accounts when an entry names nothing in the source */
export function resolveAccounts(accounts: ReadonlyMap<string, Account>, snapshot: Snapshot): Map<string, Confirmation> {
  const byName = devicesByName(snapshot);
  const resolved = new Map<string, Confirmation>();
  for (const [device, { by, note, line }] of accounts) {
    const udids = byName.get(device.toLowerCase()) ?? wrong(`Line ${line} names no device of the source.`);
    for (const udid of udids) resolved.set(udid, { by, note });
  }
  return resolved;
}

/** The file {@link readAccounts} reads. */
export function accountsText(accounts: ReadonlyMap<string, Confirmation>): string {
  return csvText(
    ['device', 'by', 'note'],
    [...accounts].map(([device, { by, note }]) => [device, by, note]),
  );
}

function wrong(message: string): never {
  return misused(
    'report/accounts',
    `The list of devices that stay behind cannot be used. ${message}`,
    'It is a CSV file with the header device,by,note.',
  );
}
