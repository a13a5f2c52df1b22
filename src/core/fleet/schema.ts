/**
 * What a Fleet database looks like, as far as the migration touches it.
 *
 * Decisions hang on columns and tables that exist, never on a version string (Fleet does not keep its version in
 * MySQL; `migration_status_tables` tells the schema's newest migration, for display).
 */

/** The tables rows are written to, in the order foreign keys force. */
export const MIGRATION_TABLES = [
  'nano_devices',
  'nano_users',
  'nano_enrollments',
  'nano_cert_auth_associations',
] as const;

export type MigrationTable = (typeof MIGRATION_TABLES)[number];

/**
 * Where Fleet keeps the time of a device's last contact.
 * `column`: `nano_enrollments.last_seen_at` (to Fleet 4.92); `table`: `nano_seen_times` (migration 20260904125235 on).
 */
export type SeenStorage = 'column' | 'table';

/** The schema of one target, from information_schema or from a known generation. */
export interface TargetSchema {
  /** `4.62`, `4.69`, `newest`: the nearest generation we know, for people. */
  readonly generation: string;
  /** Newest `version_id` of migration_status_tables; null when unknown (offline SQL). */
  readonly migrationId: string | null;
  /** Columns that exist in each table, in ordinal order. */
  readonly columns: Readonly<Record<MigrationTable, readonly string[]>>;
  readonly seenStorage: SeenStorage;
  /** `scep_serials` or, from 20260401153000 on, `identity_serials`; null when neither exists. */
  readonly serialsTable: 'scep_serials' | 'identity_serials' | null;
}

const DEVICE_COLUMNS = [
  'id',
  'identity_cert',
  'serial_number',
  'unlock_token',
  'unlock_token_at',
  'authenticate',
  'authenticate_at',
  'token_update',
  'token_update_at',
  'bootstrap_token_b64',
  'bootstrap_token_at',
  'created_at',
  'updated_at',
] as const;

const USER_COLUMNS = [
  'id',
  'device_id',
  'user_short_name',
  'user_long_name',
  'token_update',
  'token_update_at',
  'user_authenticate',
  'user_authenticate_at',
  'user_authenticate_digest',
  'user_authenticate_digest_at',
  'created_at',
  'updated_at',
] as const;

const ENROLLMENT_COLUMNS = [
  'id',
  'device_id',
  'user_id',
  'type',
  'topic',
  'push_magic',
  'token_hex',
  'enabled',
  'token_update_tally',
  'last_seen_at',
  'created_at',
  'updated_at',
  'enrolled_from_migration',
] as const;

const ASSOCIATION_COLUMNS = [
  'id',
  'sha256',
  'created_at',
  'updated_at',
  'cert_not_valid_after',
  'renew_command_uuid',
] as const;

/**
 * The schema generations an offline SQL file can be written for.
 * 4.62 (January 2025) and 4.69 (June 2025) are Fleet's own dumps; newest is September 2026 (about 4.93).
 */
export const KNOWN_SCHEMAS: readonly TargetSchema[] = [
  {
    generation: '4.62',
    migrationId: null,
    seenStorage: 'column',
    serialsTable: 'scep_serials',
    columns: {
      nano_devices: DEVICE_COLUMNS,
      nano_users: USER_COLUMNS,
      nano_enrollments: ENROLLMENT_COLUMNS,
      nano_cert_auth_associations: ASSOCIATION_COLUMNS,
    },
  },
  {
    generation: '4.69',
    migrationId: null,
    seenStorage: 'column',
    serialsTable: 'scep_serials',
    columns: {
      nano_devices: [...DEVICE_COLUMNS, 'platform', 'enroll_team_id'],
      nano_users: USER_COLUMNS,
      nano_enrollments: ENROLLMENT_COLUMNS,
      nano_cert_auth_associations: ASSOCIATION_COLUMNS,
    },
  },
  {
    generation: 'newest',
    migrationId: null,
    seenStorage: 'table',
    serialsTable: 'identity_serials',
    columns: {
      nano_devices: [...DEVICE_COLUMNS, 'platform', 'enroll_team_id'],
      nano_users: USER_COLUMNS,
      nano_enrollments: [...ENROLLMENT_COLUMNS.filter((column) => column !== 'last_seen_at'), 'hardware_attested'],
      nano_cert_auth_associations: ASSOCIATION_COLUMNS,
    },
  },
];
