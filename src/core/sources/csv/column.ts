/**
 * The columns of a table of devices: the one schema that CSV, JSON, the template and docs/source-table.md share.
 *
 * One row is one enrollment: of a device, or (with `user_id`) of a user channel of a device. That is how servers keep
 * them, so one SELECT writes it, and any number of users needs no further columns.
 */

/** What may stand in a cell. */
export type CellForm =
  'id' | 'text' | 'exact' | 'yes-no' | 'time' | 'token' | 'base64' | 'certificate' | 'sha256' | 'platform';

/** Which rows may have a value in the column. `certificate`: further rows of a device bring only these. */
export type ColumnPart = 'key' | 'device' | 'push' | 'certificate' | 'user';

export interface Column {
  readonly name: ColumnName;
  readonly form: CellForm;
  readonly part: ColumnPart;
  /** The header must name it. */
  readonly required: boolean;
  /** Its values may be shown in messages. */
  readonly shown: boolean;
  /** What it is, for the documentation; one sentence. */
  readonly meaning: string;
  /** Where its value goes in Fleet, for the documentation. */
  readonly target: string;
}

const column = (
  name: ColumnName,
  form: CellForm,
  part: ColumnPart,
  meaning: string,
  target: string,
  { required = false, shown = true } = {},
): Column => ({ name, form, part, required, shown, meaning, target });

/** In the order the template has them. */
export const COLUMNS: readonly Column[] = [
  column('udid', 'id', 'key', 'UDID exactly as the device sends it', '`nano_devices.id`', { required: true }),
  column('serial', 'exact', 'device', 'serial number', '`nano_devices.serial_number`, `authenticate`'),
  column('name', 'text', 'device', 'device name', '`authenticate`'),
  column('model', 'exact', 'device', 'model number, as in MGPK3LL/A', '`authenticate`'),
  column('model_name', 'exact', 'device', 'model in words, as in MacBook Pro', '`authenticate`'),
  column(
    'product_name',
    'exact',
    'device',
    'product, as in MacBookPro18,1 or iPhone14,2',
    '`authenticate`; tells the platform',
  ),
  column('os_version', 'exact', 'device', 'version of the operating system', '`authenticate`'),
  column('build_version', 'exact', 'device', 'build of the operating system', '`authenticate`'),
  column('imei', 'exact', 'device', 'IMEI', '`authenticate`'),
  column('meid', 'exact', 'device', 'MEID', '`authenticate`'),
  column('platform', 'platform', 'device', 'only where product_name is unknown', '`nano_devices.platform`'),
  column(
    'enrolled',
    'yes-no',
    'push',
    'whether the enrollment is in force; false stays out',
    'decides whether it goes in',
    {
      required: true,
    },
  ),
  column('topic', 'exact', 'push', 'APNs topic, com.apple.mgmt.External.…', '`nano_enrollments.topic`', {
    required: true,
  }),
  column('push_magic', 'exact', 'push', 'PushMagic of the newest TokenUpdate', '`nano_enrollments.push_magic`', {
    required: true,
    shown: false,
  }),
  column('token', 'token', 'push', 'APNs device token of the newest TokenUpdate', '`nano_enrollments.token_hex`', {
    required: true,
  }),
  column(
    'certificate',
    'certificate',
    'certificate',
    'identity certificate the server accepts',
    '`identity_cert`, `sha256`, `cert_not_valid_after`',
    {
      shown: false,
    },
  ),
  column(
    'certificate_sha256',
    'sha256',
    'certificate',
    'its SHA-256, where the certificate itself is not at hand',
    '`nano_cert_auth_associations.sha256`',
  ),
  column(
    'certificate_not_after',
    'time',
    'certificate',
    'when it ends, with certificate_sha256 only',
    '`cert_not_valid_after`',
  ),
  column(
    'certificate_associated_at',
    'time',
    'certificate',
    'when the server bound it; needed where a device has several',
    'tells which one is current',
  ),
  column('unlock_token', 'base64', 'device', 'UnlockToken (iOS, iPadOS)', '`nano_devices.unlock_token`', {
    shown: false,
  }),
  column('bootstrap_token', 'base64', 'device', 'bootstrap token (macOS)', '`nano_devices.bootstrap_token_b64`', {
    shown: false,
  }),
  column('last_seen', 'time', 'push', 'last contact with the old server', '`last_seen_at` and the other times'),
  column(
    'awaiting_configuration',
    'yes-no',
    'device',
    'waits in Setup Assistant; empty is false',
    'holds the device back',
  ),
  column(
    'user_id',
    'id',
    'user',
    'makes the row a user channel: the GUID macOS reports',
    '`nano_users.id`, after `UDID:`',
  ),
  column('user_short_name', 'text', 'user', 'account name of that user', '`nano_users.user_short_name`'),
  column('user_long_name', 'text', 'user', 'full name of that user', '`nano_users.user_long_name`'),
];

export type ColumnName =
  | 'udid'
  | 'serial'
  | 'name'
  | 'model'
  | 'model_name'
  | 'product_name'
  | 'os_version'
  | 'build_version'
  | 'imei'
  | 'meid'
  | 'platform'
  | 'enrolled'
  | 'topic'
  | 'push_magic'
  | 'token'
  | 'certificate'
  | 'certificate_sha256'
  | 'certificate_not_after'
  | 'certificate_associated_at'
  | 'unlock_token'
  | 'bootstrap_token'
  | 'last_seen'
  | 'awaiting_configuration'
  | 'user_id'
  | 'user_short_name'
  | 'user_long_name';

/** Columns by name. */
export const COLUMN = Object.fromEntries(COLUMNS.map((entry) => [entry.name, entry])) as Record<ColumnName, Column>;

/** A row as text, by column; absent and empty are the same. */
export type Cells = Partial<Record<ColumnName, string>>;

/** True for the name of a column. */
export function isColumn(name: string): name is ColumnName {
  return Object.hasOwn(COLUMN, name);
}

/** What other servers call these values; only for naming the right column. */
const OTHER_NAMES: Readonly<Record<string, ColumnName>> = {
  id: 'udid',
  uuid: 'udid',
  device_id: 'udid',
  serial_number: 'serial',
  device_name: 'name',
  enabled: 'enrolled',
  magic: 'push_magic',
  token_hex: 'token',
  device_token: 'token',
  identity_cert: 'certificate',
  cert: 'certificate',
  sha256: 'certificate_sha256',
  cert_hash: 'certificate_sha256',
  not_after: 'certificate_not_after',
  created_at: 'certificate_associated_at',
  bootstrap_token_b64: 'bootstrap_token',
  last_seen_at: 'last_seen',
  os: 'os_version',
};

/** The known column a name is nearest to. */
export function nearestColumn(name: string): ColumnName {
  const wanted = name
    .trim()
    .toLowerCase()
    .replace(/[\s-]+/g, '_')
    .slice(0, 64);
  const known = Object.hasOwn(OTHER_NAMES, wanted) ? OTHER_NAMES[wanted] : undefined;
  if (known !== undefined) return known;
  let nearest: ColumnName = 'udid';
  let least = Infinity;
  for (const { name: candidate } of COLUMNS) {
    const steps = distance(wanted, candidate);
    if (steps < least) [nearest, least] = [candidate, steps];
  }
  return nearest;
}

/** Single characters to insert, delete or replace. */
function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, at) => at);
  for (let i = 1; i <= left.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= right.length; j += 1)
      next.push(
        Math.min((next[j - 1] ?? 0) + 1, (row[j] ?? 0) + 1, (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1)),
      );
    row = next;
  }
  return row[right.length] ?? Infinity;
}
