/**
 * The rows one device becomes in Fleet's tables (spec/fleet.md 1.17 to 1.19).
 *
 * Pure: the same device, team and schema give the same values for ever. No value is ever the clock of the import;
 * times come from the source or are the canary.
 */
import { hash } from 'node:crypto';
import type { MigrationTable, TargetSchema } from '../fleet/schema';
import type { DeviceCertificate, SourceUser } from '../sources/snapshot';
import { timestampText } from '../utc-text';
import type { JudgedDevice } from './verdict';

/** `updated_at` of a row nothing has touched since a migration wrote it: the mark Fleet's own script uses. */
export const CANARY = '2000-01-01 00:00:00';

/** A value as it is bound: timestamps are UTC `YYYY-MM-DD hh:mm:ss`, booleans 0 or 1, blobs buffers. */
export type Value = string | number | Buffer | null;

/** One row: column to value, in the order the columns are written. */
export type Row = Readonly<Record<string, Value>>;

/** All rows of one device. `users` and the user enrollments pair up by id. */
export interface DeviceRows {
  readonly udid: string;
  readonly nano_devices: readonly [Row];
  readonly nano_users: readonly Row[];
  /** The device's own enrollment first. */
  readonly nano_enrollments: readonly Row[];
  readonly nano_cert_auth_associations: readonly Row[];
}

/** Columns whose values are secrets: shown as length and hash, never as they are. */
export const SECRET_COLUMNS: Readonly<Record<MigrationTable, readonly string[]>> = {
  nano_devices: ['unlock_token', 'token_update', 'bootstrap_token_b64'],
  nano_users: ['token_update'],
  nano_enrollments: ['push_magic'],
  nano_cert_auth_associations: [],
};

/** MySQL `text` holds 65,535 bytes. */
const TEXT_LIMIT = 65_535;

/** Widths in characters of the varchar columns rows are written to. */
const WIDTHS: Readonly<Record<string, number>> = {
  'nano_devices.id': 255,
  'nano_devices.serial_number': 127,
  'nano_users.id': 255,
  'nano_users.user_short_name': 255,
  'nano_users.user_long_name': 255,
  'nano_enrollments.id': 255,
  'nano_enrollments.topic': 255,
  'nano_enrollments.push_magic': 127,
  'nano_enrollments.token_hex': 255,
};

const TEXTS: readonly string[] = [
  'nano_devices.identity_cert',
  'nano_devices.authenticate',
  'nano_devices.token_update',
  'nano_devices.bootstrap_token_b64',
  'nano_users.token_update',
];

const DAY_MS = 86_400_000;

/** What rows depend on besides the device. */
export interface RowContext {
  readonly schema: TargetSchema;
  /** The snapshot's instant, milliseconds: an expiry that is unknown becomes this + 30 days. */
  readonly instant: number;
  /** Team of Fleet the device shall be placed in (`enroll_team_id`); written only where that column exists. */
  readonly teamId: number | null;
}

/**
 * The rows of a device that may be written. Call it only for devices whose verdict is ready or caution.
 * Columns the schema lacks are left out. `created_at` is left to the server (of nano_devices it is T of spec 3.6), but
 * for the associations of a device with several certificates, whose order it tells.
 */
export function deriveRows(judged: JudgedDevice, context: RowContext): DeviceRows {
  const { device } = judged;
  const { push, certificate } = device;
  if (device.udid === null || push === null || certificate === null) {
    throw new Error(`no rows for a device without UDID, push identity or certificate (${device.recordId})`);
  }
  const udid = device.udid;
  const seen = device.lastSeen === null ? CANARY : timestampOf(clampToInstant(device.lastSeen, context.instant));
  const bootstrap = device.bootstrapToken?.reveal().toString('base64') ?? null;

  const deviceRow = chosen(context.schema, 'nano_devices', {
    id: udid,
    identity_cert: certificate.der === null ? null : pemOf(certificate.der),
    serial_number: visibleOf(device.serial),
    unlock_token: device.unlockToken?.reveal() ?? null,
    unlock_token_at: device.unlockToken === null ? null : seen,
    authenticate: plistOf({
      BuildVersion: device.buildVersion,
      DeviceName: device.name,
      IMEI: device.imei,
      MEID: device.meid,
      MessageType: 'Authenticate',
      Model: device.model,
      ModelName: device.modelName,
      OSVersion: device.osVersion,
      ProductName: device.productName,
      SerialNumber: device.serial,
      Topic: push.topic,
      UDID: udid,
    }),
    authenticate_at: seen,
    token_update: plistOf({
      MessageType: 'TokenUpdate',
      PushMagic: push.magic.revealText(),
      Token: Buffer.from(push.tokenHex, 'hex'),
      Topic: push.topic,
      UDID: udid,
      UnlockToken: device.unlockToken?.reveal() ?? null,
    }),
    token_update_at: seen,
    bootstrap_token_b64: bootstrap,
    bootstrap_token_at: bootstrap === null ? null : seen,
    updated_at: CANARY,
    platform: device.platform ?? '',
    enroll_team_id: context.teamId,
  });

  const users: Row[] = [];
  const enrollments: Row[] = [
    enrollmentRow(context.schema, {
      id: udid,
      udid,
      userId: null,
      type: 'Device',
      topic: push.topic,
      magic: push.magic.revealText(),
      tokenHex: push.tokenHex,
      seen,
    }),
  ];
  for (const user of judged.users) {
    if (user.push === null) continue;
    const id = userChannelId(udid, user);
    users.push(
      chosen(context.schema, 'nano_users', {
        id,
        device_id: udid,
        user_short_name: visibleOf(user.shortName),
        user_long_name: visibleOf(user.longName),
        token_update: plistOf({
          MessageType: 'TokenUpdate',
          PushMagic: user.push.magic.revealText(),
          Token: Buffer.from(user.push.tokenHex, 'hex'),
          Topic: user.push.topic,
          UDID: udid,
          UserID: user.id,
          UserLongName: user.longName,
          UserShortName: user.shortName,
        }),
        token_update_at: seen,
        updated_at: CANARY,
      }),
    );
    enrollments.push(
      enrollmentRow(context.schema, {
        id,
        udid,
        userId: id,
        type: 'User',
        topic: user.push.topic,
        magic: user.push.magic.revealText(),
        tokenHex: user.push.tokenHex,
        seen,
      }),
    );
  }

  return {
    udid,
    nano_devices: [deviceRow],
    nano_users: users,
    nano_enrollments: enrollments,
    nano_cert_auth_associations: associationRows(udid, certificate, judged.formerCertificates, context),
  };
}

/**
 * One row for each certificate that goes along. Fleet takes the one with the newest `created_at` for the present one
 * (spec/fleet.md 1.4): where there are several each says when, up to the snapshot's instant, and the present one last.
 */
function associationRows(
  udid: string,
  certificate: DeviceCertificate,
  formers: readonly DeviceCertificate[],
  { schema, instant }: RowContext,
): Row[] {
  const all = [...formers, certificate];
  const times = all.length === 1 ? null : associationTimes(all, instant);
  return all.map(({ sha256, notAfter }, at) => {
    const end = notAfter ?? instant + 30 * DAY_MS;
    const row = { id: udid, sha256, updated_at: CANARY, cert_not_valid_after: timestampText(end) };
    const time = times?.[at];
    return chosen(
      schema,
      'nano_cert_auth_associations',
      time === undefined ? row : { ...row, [ASSOCIATION_TIME]: timestampText(time) },
    );
  });
}

/** Written to associations where a device has several, after all other columns. */
export const ASSOCIATION_TIME = 'created_at';

/** Times in the order given, milliseconds, at least a second apart, none after the instant. */
function associationTimes(certificates: readonly DeviceCertificate[], instant: number): number[] {
  // A source that knows no contact has no instant to speak of; the canary lies before any enrollment.
  const first = Date.parse(`${CANARY}Z`);
  const last = Math.max(first, instant);
  let next = Infinity;
  return certificates
    .toReversed()
    .map(({ associatedAt, notBefore }) => {
      const own = Math.min(Math.max(associatedAt ?? notBefore ?? instant, first), last);
      return (next = Math.floor(Math.min(own, next - 1000) / 1000) * 1000);
    })
    .reverse();
}

/** The id of a user channel: nanomdm's convention `<UDID>:<UserID>`. */
export function userChannelId(udid: string, user: SourceUser): string {
  return `${udid}:${user.id}`;
}

/** Values that would not fit their column, as `table.column`; empty when all fit. MySQL would refuse or cut them. */
export function overlongColumns(rows: DeviceRows): string[] {
  const found: string[] = [];
  const look = (table: MigrationTable, row: Row): void => {
    for (const [column, value] of Object.entries(row)) {
      if (typeof value !== 'string') continue;
      const name = `${table}.${column}`;
      const width = WIDTHS[name];
      if (width !== undefined && value.length > width && charactersOf(value) > width) found.push(name);
      // A UTF-16 unit is at most three bytes of UTF-8: short texts need no exact count.
      else if (TEXTS.includes(name) && value.length * 3 > TEXT_LIMIT && Buffer.byteLength(value) > TEXT_LIMIT) {
        found.push(name);
      }
    }
  };
  for (const row of rows.nano_devices) look('nano_devices', row);
  for (const row of rows.nano_users) look('nano_users', row);
  for (const row of rows.nano_enrollments) look('nano_enrollments', row);
  return found;
}

/** Length as MySQL counts it: in code points, not in UTF-16 units. */
function charactersOf(text: string): number {
  let count = 0;
  for (let index = 0; index < text.length; index += (text.codePointAt(index) ?? 0) > 0xffff ? 2 : 1) count += 1;
  return count;
}

/**
 * Lower-case hex SHA-256 over every value of a device's rows, in a canonical encoding (column, type, length, bytes).
 * Equal hashes mean equal rows; a plan carries this instead of the rows, which hold secrets.
 */
export function hashRows(rows: DeviceRows): string {
  let text = '';
  const add = (table: MigrationTable, list: readonly Row[]): void => {
    for (const row of list) {
      text += text === '' ? table : `\u0000${table}`;
      for (const column in row) {
        const value = row[column] as Value;
        if (value === null) text += `\u0000${column}=n`;
        else if (typeof value === 'number') text += `\u0000${column}=i${value}`;
        else if (typeof value === 'string') text += `\u0000${column}=s${value.length}:${value}`;
        else text += `\u0000${column}=b${value.length * 2}:${value.toString('hex')}`;
      }
    }
  };
  add('nano_devices', rows.nano_devices);
  add('nano_users', rows.nano_users);
  add('nano_enrollments', rows.nano_enrollments);
  add('nano_cert_auth_associations', rows.nano_cert_auth_associations);
  return hash('sha256', text, 'hex');
}

/** Nanoseconds as a TIMESTAMP; a certificate that outlives 2038 is then renewed before that. */
export function timestampOf(nanoseconds: bigint): string {
  return timestampText(Number(nanoseconds / 1_000_000n));
}

function clampToInstant(nanoseconds: bigint, instant: number): bigint {
  const limit = BigInt(instant) * 1_000_000n + 999_999n;
  return nanoseconds > limit ? limit : nanoseconds;
}

interface EnrollmentValues {
  id: string;
  udid: string;
  userId: string | null;
  type: 'Device' | 'User';
  topic: string;
  magic: string;
  tokenHex: string;
  seen: string;
}

function enrollmentRow(schema: TargetSchema, values: EnrollmentValues): Row {
  return chosen(schema, 'nano_enrollments', {
    id: values.id,
    device_id: values.udid,
    user_id: values.userId,
    type: values.type,
    topic: values.topic,
    push_magic: values.magic,
    token_hex: values.tokenHex,
    enabled: 1,
    // 0 would make Fleet take the next TokenUpdate for a new enrollment (spec 3.3).
    token_update_tally: 1,
    last_seen_at: values.seen,
    updated_at: CANARY,
    enrolled_from_migration: 1,
  });
}

type Absent = Partial<Record<MigrationTable, ReadonlySet<string>>>;

/** Columns written here that a schema lacks: found out once, not for each row. */
const absentOf = new WeakMap<TargetSchema, Absent>();

/** Only the columns the target has, in the order given here. */
function chosen(schema: TargetSchema, table: MigrationTable, values: Row): Row {
  let known = absentOf.get(schema);
  if (known === undefined) absentOf.set(schema, (known = {}));
  const absent = (known[table] ??= absentColumns(schema.columns[table], values));
  if (absent.size === 0) return values;
  const row: Record<string, Value> = {};
  for (const column in values) if (!absent.has(column)) row[column] = values[column] as Value;
  return row;
}

function absentColumns(present: readonly string[], values: Row): ReadonlySet<string> {
  return new Set(Object.keys(values).filter((column) => !present.includes(column)));
}

/**
 * A check-in message as an XML property list, keys in alphabetical order, empty values left out.
 * The layout and escaping are those of the Go library Fleet and its script use, so that both write the same bytes.
 */
function plistOf(values: Readonly<Record<string, string | Buffer | null>>): string {
  let body = '';
  for (const key in values) {
    const value = values[key] as string | Buffer | null;
    if (value === null || value.length === 0) continue;
    body +=
      typeof value === 'string'
        ? `<key>${key}</key><string>${escapeXml(value)}</string>`
        : `<key>${key}</key><data>${value.toString('base64')}</data>`;
  }
  return (
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n' +
    `<plist version="1.0"><dict>${body}</dict></plist>\n`
  );
}

const XML_ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
  '\t': '&#x9;',
  '\r': '&#xD;',
};

// Everything that must not stand as it is in XML 1.0 text: markup, tab and carriage return (a line feed stays, as the
// Go library leaves it), control characters, lone surrogates and the two non-characters at the end of the plane.
const XML_SPECIAL =
  // eslint-disable-next-line no-control-regex -- control characters are what it looks for
  /[\u0000-\u0009\u000b-\u001f&<>"'\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Printable ASCII that stands in XML as it is: nearly every text. */
const XML_PLAIN = /^[ !#-%(-;=?-~]*$/;

function escapeXml(text: string): string {
  return XML_PLAIN.test(text) ? text : text.replace(XML_SPECIAL, (character) => XML_ESCAPES[character] ?? '\ufffd');
}

function pemOf(der: Buffer): string {
  const base64 = der.toString('base64');
  let lines = '';
  for (let start = 0; start < base64.length; start += 64) lines += `${base64.slice(start, start + 64)}\n`;
  return `-----BEGIN CERTIFICATE-----\n${lines}-----END CERTIFICATE-----\n`;
}

/**
 * Null for what cannot be seen: Fleet's rule that a serial number or a name must not be empty takes blanks and characters
 * without width for empty too, and one such row would stop a whole file.
 */
function visibleOf(text: string | null): string | null {
  return text !== null && /[^\p{Cc}\p{Cf}\p{M}\s]/u.test(text) ? text : null;
}
