/** The rows of mdm_config_assets as they lie there: read, soft-deleted, inserted, restored (spec/fleet.md 1.9, 2.3). */
import { createHash } from 'node:crypto';
import { refused } from '../failure';
import type { Asset, Assets } from '../fleet/assets';
import type { FleetConnection, Value } from '../fleet/connection';
import { places } from '../fleet/device-rows';

/** One row, deleted or not. */
export interface AssetRow {
  readonly id: number;
  readonly name: string;
  /** Encrypted, at most 1 MiB of it; with `size` the whole length. */
  readonly value: Buffer;
  readonly size: number;
  /** Lower-case hex of md5_checksum as it stands there. */
  readonly md5: string;
  /** Empty while it is active. */
  readonly deletionUuid: string;
  /** UTC, `YYYY-MM-DD hh:mm:ss`. */
  readonly deletedAt: string | null;
  readonly createdAt: string;
}

/** What is read of a value at most: the largest asset is a bundle of a few certificates. */
const MAX_BYTES = 1_048_576;

const COLUMNS =
  `id, name, LEFT(value, ${MAX_BYTES}) AS value, LENGTH(value) AS size, HEX(md5_checksum) AS md5, ` +
  'deletion_uuid, deleted_at, created_at';

interface Found {
  id: number;
  name: string;
  value: Buffer;
  size: number;
  md5: string;
  deletion_uuid: string;
  deleted_at: string | null;
  created_at: string;
}

/** Active rows (empty deletion_uuid) of these names; with `lock` they stay locked until the transaction ends. */
export async function readActiveRows(
  connection: FleetConnection,
  names: readonly string[],
  lock: boolean,
): Promise<AssetRow[]> {
  return read(
    connection,
    `deletion_uuid = '' AND name IN (${places(names.length)}) ORDER BY id${lock ? ' FOR UPDATE' : ''}`,
    names,
  );
}

/** Rows by id, whatever became of them, locked until the transaction ends. */
export async function lockRows(connection: FleetConnection, ids: readonly number[]): Promise<Map<number, AssetRow>> {
  if (ids.length === 0) return new Map();
  const rows = await read(connection, `id IN (${places(ids.length)}) ORDER BY id FOR UPDATE`, ids);
  return new Map(rows.map((row) => [row.id, row]));
}

async function read(connection: FleetConnection, where: string, values: readonly Value[]): Promise<AssetRow[]> {
  const rows = await connection.query<Found>(`SELECT ${COLUMNS} FROM mdm_config_assets WHERE ${where}`, values);
  return rows.map(({ deletion_uuid: deletionUuid, deleted_at: deletedAt, created_at: createdAt, md5, ...row }) => ({
    ...row,
    md5: md5.toLowerCase(),
    deletionUuid,
    deletedAt,
    createdAt,
  }));
}

/** True when md5_checksum is that of the value. Worked out here: MySQL 9.6 took its MD5() away. */
export function checksumMatches(row: AssetRow): boolean {
  return row.value.length === row.size && createHash('md5').update(row.value).digest('hex') === row.md5;
}

/** Lower-case hex SHA-256 of what was read of the stored, encrypted bytes. */
export function storedSha256(row: AssetRow): string {
  return createHash('sha256').update(row.value).digest('hex');
}

/** The rows the way the private key is tried on them. */
export function assetsOf(rows: readonly AssetRow[]): Assets {
  return new Map(
    rows.map((row): [string, Asset] => [
      row.name,
      { name: row.name, encrypted: row.value, checksumMatches: checksumMatches(row), createdAt: row.createdAt },
    ]),
  );
}

/** Soft-deletes active rows as Fleet does. Throws `assets/rows-moved` when one of them is not active any more. */
export async function softDelete(
  connection: FleetConnection,
  ids: readonly number[],
  deletionUuid: string,
): Promise<void> {
  for (const id of ids) {
    const { affectedRows } = await connection.execute(
      "UPDATE mdm_config_assets SET deleted_at = CURRENT_TIMESTAMP, deletion_uuid = ? WHERE id = ? AND deletion_uuid = ''",
      [deletionUuid, id],
    );
    counted(1, affectedRows);
  }
}

/** An encrypted value to insert. */
export interface NewAsset {
  readonly name: string;
  readonly value: Buffer;
  readonly md5: Buffer;
  /** Only where the column exists: the end of a certificate's validity, UTC; null for keys. */
  readonly renewAt?: string | null;
}

/** Inserts an active row. */
export async function insertAsset(connection: FleetConnection, asset: NewAsset): Promise<void> {
  const { affectedRows } =
    asset.renewAt === undefined
      ? await connection.execute('INSERT INTO mdm_config_assets (name, value, md5_checksum) VALUES (?, ?, ?)', [
          asset.name,
          asset.value,
          asset.md5,
        ])
      : await connection.execute(
          'INSERT INTO mdm_config_assets (name, value, md5_checksum, renew_at) VALUES (?, ?, ?, ?)',
          [asset.name, asset.value, asset.md5, asset.renewAt],
        );
  counted(1, affectedRows);
}

/** Removes an active row by id, and only with this checksum. */
export async function deleteAsset(connection: FleetConnection, id: number, md5: string): Promise<void> {
  const { affectedRows } = await connection.execute(
    "DELETE FROM mdm_config_assets WHERE id = ? AND md5_checksum = ? AND deletion_uuid = ''",
    [id, Buffer.from(md5, 'hex')],
  );
  counted(1, affectedRows);
}

/** Makes a soft-deleted row active again, by id, checksum and the mark it was deleted with. */
export async function restoreAsset(
  connection: FleetConnection,
  row: { readonly id: number; readonly md5: string; readonly deletedAt: string | null },
  deletionUuid: string,
): Promise<void> {
  const { affectedRows } = await connection.execute(
    "UPDATE mdm_config_assets SET deleted_at = ?, deletion_uuid = '' WHERE id = ? AND md5_checksum = ? AND deletion_uuid = ?",
    [row.deletedAt, row.id, Buffer.from(row.md5, 'hex'), deletionUuid],
  );
  counted(1, affectedRows);
}

function counted(expected: number, found: number): void {
  if (found === expected) return;
  refused(
    'assets/rows-moved',
    `A row of mdm_config_assets moved while it was being changed (${expected} expected, ${found} counted). Nothing was changed.`,
    'Find out what else writes Fleet’s assets, then try again.',
  );
}
