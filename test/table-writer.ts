/** Writes tables of devices from snapshots, as an admin's export would. Shares no code with the reader under test. */
import type { DeviceCertificate, PushIdentity, Snapshot, SourceDevice } from '../src/core/sources/snapshot';

export type TableRow = Record<string, string>;

export const TABLE_COLUMNS = [
  'udid',
  'serial',
  'name',
  'model',
  'model_name',
  'product_name',
  'os_version',
  'build_version',
  'imei',
  'meid',
  'enrolled',
  'topic',
  'push_magic',
  'token',
  'certificate',
  'certificate_sha256',
  'certificate_not_after',
  'certificate_associated_at',
  'unlock_token',
  'bootstrap_token',
  'last_seen',
  'awaiting_configuration',
  'user_id',
  'user_short_name',
  'user_long_name',
] as const;

/** The rows of a device: itself, its former certificates, its users that are in use. */
export function rowsOfDevice(device: SourceDevice): TableRow[] {
  const udid = device.udid ?? '';
  const own: TableRow = {
    udid,
    serial: device.serial ?? '',
    name: device.name ?? '',
    model: device.model ?? '',
    model_name: device.modelName ?? '',
    product_name: device.productName ?? '',
    os_version: device.osVersion ?? '',
    build_version: device.buildVersion ?? '',
    imei: device.imei ?? '',
    meid: device.meid ?? '',
    enrolled: String(device.enrolled),
    ...pushCells(device.push),
    ...certificateCells(device.certificate),
    unlock_token: device.unlockToken?.reveal().toString('base64') ?? '',
    bootstrap_token: device.bootstrapToken?.reveal().toString('base64') ?? '',
    last_seen: device.lastSeen === null ? '' : timeText(device.lastSeen),
    awaiting_configuration: String(device.awaitingConfiguration),
  };
  const further = (device.formerCertificates ?? []).map((former) => ({ udid, ...certificateCells(former) }));
  const users = device.users
    .filter(({ superseded, tokenMatches }) => !superseded && tokenMatches !== false)
    .map((user) => ({
      udid,
      user_id: user.id,
      user_short_name: user.shortName ?? '',
      user_long_name: user.longName ?? '',
      enrolled: 'true',
      ...pushCells(user.push),
    }));
  return [own, ...further, ...users];
}

export function rowsOf(snapshot: Pick<Snapshot, 'devices'>): TableRow[] {
  return snapshot.devices.filter(({ udid }) => udid !== null).flatMap(rowsOfDevice);
}

function pushCells(push: PushIdentity | null): TableRow {
  return push === null ? {} : { topic: push.topic, push_magic: push.magic.revealText(), token: push.tokenHex };
}

function certificateCells(certificate: DeviceCertificate | null): TableRow {
  if (certificate === null) return {};
  const at = certificate.associatedAt == null ? {} : { certificate_associated_at: iso(certificate.associatedAt) };
  if (certificate.der !== null) return { certificate: certificate.der.toString('base64'), ...at };
  return {
    certificate_sha256: certificate.sha256,
    ...(certificate.notAfter === null ? {} : { certificate_not_after: iso(certificate.notAfter) }),
    ...at,
  };
}

const iso = (milliseconds: number): string => new Date(milliseconds).toISOString();

/** RFC 3339 to the nanosecond. */
function timeText(nanoseconds: bigint): string {
  const seconds = nanoseconds / 1_000_000_000n;
  const fraction = String(nanoseconds % 1_000_000_000n).padStart(9, '0');
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}.${fraction}Z`;
}

export interface TableStyle {
  readonly delimiter?: string;
  readonly newline?: string;
  readonly mark?: boolean;
  /** Quote every cell, not only those that need it. */
  readonly quoteAll?: boolean;
  readonly columns?: readonly string[];
}

/** A CSV table. */
export function writeTable(rows: readonly TableRow[], style: TableStyle = {}): string {
  const { delimiter = ',', newline = '\r\n', mark = false, quoteAll = false, columns = TABLE_COLUMNS } = style;
  const cell = (text: string): string =>
    quoteAll || /["\r\n]/.test(text) || text.includes(delimiter) ? `"${text.split('"').join('""')}"` : text;
  const lines = [columns, ...rows.map((row) => columns.map((name) => row[name] ?? ''))];
  return (mark ? '\ufeff' : '') + lines.map((cells) => cells.map(cell).join(delimiter) + newline).join('');
}
