/**
 * Which devices depend on the CA and topic Fleet has now: those that enrolled with it by themselves, and imported ones
 * it has really heard from.
 */
import type { FleetConnection } from '../fleet/connection';
import type { TargetSchema } from '../fleet/schema';
import { CANARY } from '../migration/rows';

/** Devices by how they hang on Fleet's CA and topic. */
export interface DependentDevices {
  /** Devices with an enabled enrollment Fleet made itself, BYOD included. */
  readonly native: number;
  /** Devices with an enabled enrollment of an import. */
  readonly imported: number;
  /** Of the imported: those with a sign of life since the import (the signs of `migration/touched.ts`, spec 3.6). */
  readonly importedInContact: number;
}

/** Counts them. In doubt an imported device counts as in contact. */
export async function readDependents(connection: FleetConnection, schema: TargetSchema): Promise<DependentDevices> {
  const devices = (condition: string): string => `COUNT(DISTINCT CASE WHEN ${condition} THEN e.device_id END)`;
  const [row] = await connection.query<Record<'native' | 'imported' | 'contact', number | string>>(
    // A user's channel that Fleet made on an imported Mac is no device of its own.
    `SELECT ${devices('e.enrolled_from_migration = 0 AND e.user_id IS NULL')} AS native, ` +
      `${devices('e.enrolled_from_migration <> 0 AND e.user_id IS NULL')} AS imported, ` +
      `${devices(`e.enrolled_from_migration <> 0 AND (${touchedSql(schema)})`)} AS contact ` +
      'FROM nano_enrollments e LEFT JOIN nano_devices d ON d.id = e.device_id WHERE e.enabled = 1',
  );
  return {
    native: Number(row?.native ?? 0),
    imported: Number(row?.imported ?? 0),
    importedInContact: Number(row?.contact ?? 0),
  };
}

/**
 * Devices with proof since an instant: imported ones with a sign of life, whatever their state now, and Fleet's own
 * that enrolled or were heard from at or after it. They may hold to the assets written at that instant.
 * @param since UTC by the server's clock, `YYYY-MM-DD hh:mm:ss`
 */
export async function countProven(connection: FleetConnection, schema: TargetSchema, since: string): Promise<number> {
  const seen =
    schema.seenStorage === 'table'
      ? 'EXISTS (SELECT 1 FROM nano_seen_times s WHERE s.id = e.id AND s.seen_time >= ?)'
      : 'e.last_seen_at >= ?';
  const [row] = await connection.query<{ number: number | string }>(
    'SELECT COUNT(*) AS number FROM nano_enrollments e LEFT JOIN nano_devices d ON d.id = e.device_id WHERE ' +
      `(e.enrolled_from_migration <> 0 AND (${touchedSql(schema)})) OR (e.enrolled_from_migration = 0 AND ` +
      `(e.created_at IS NULL OR e.created_at >= ? OR e.updated_at >= ? OR ${seen} OR ` +
      'EXISTS (SELECT 1 FROM nano_command_results r WHERE r.id = e.id AND r.created_at >= ?)))',
    [since, since, since, since],
  );
  return Number(row?.number ?? 0);
}

/** The signs `touchesOf` looks for, as a condition over `e` (nano_enrollments) and `d` (nano_devices, or NULL). */
function touchedSql(schema: TargetSchema): string {
  const seen =
    schema.seenStorage === 'table'
      ? 'EXISTS (SELECT 1 FROM nano_seen_times s WHERE s.id = e.id AND (d.created_at IS NULL OR s.seen_time >= d.created_at))'
      : '(d.created_at IS NULL OR e.last_seen_at >= d.created_at)';
  return [
    'e.enabled <> 1',
    `e.updated_at <> '${CANARY}'`,
    'e.updated_at IS NULL',
    'd.id IS NULL',
    `d.updated_at <> '${CANARY}'`,
    'd.updated_at IS NULL',
    seen,
    'EXISTS (SELECT 1 FROM nano_command_results r WHERE r.id = e.id AND (d.created_at IS NULL OR r.created_at >= d.created_at))',
    'EXISTS (SELECT 1 FROM nano_cert_auth_associations a WHERE a.id = e.device_id AND ' +
      `(a.updated_at <> '${CANARY}' OR a.updated_at IS NULL OR a.renew_command_uuid IS NOT NULL))`,
  ].join(' OR ');
}

/**
 * Disk encryption keys of Macs that are escrowed to the CA certificate Fleet has now (spec/fleet.md 1.15).
 * @returns null when the account may not look.
 */
export async function countEscrowedKeys(
  connection: FleetConnection,
  tables: ReadonlySet<string>,
): Promise<number | null> {
  if (!tables.has('host_disk_encryption_keys')) return null;
  const [row] = await connection.query<{ number: number | string }>(
    'SELECT COUNT(*) AS number FROM host_disk_encryption_keys k LEFT JOIN hosts h ON h.id = k.host_id ' +
      // Those of other platforms are encrypted otherwise; a key without a host may be a Mac's.
      "WHERE k.base64_encrypted <> '' AND (h.platform IS NULL OR h.platform = 'darwin')",
  );
  return Number(row?.number ?? 0);
}
