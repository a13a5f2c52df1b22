/** A plan's rows as a SQL file: the real one, and one in which every secret stands as its length and hash. */
import { SECRET_COLUMNS, type DeviceRows, type Row, type Value } from '../../core/migration/rows';
import { shownValue } from '../../core/migration/difference';
import { writeMigrationSql, type SqlOptions, type WrittenSql } from '../../core/migration/sql';
import { sqlInputOfPlan } from '../../core/migration/sql-input';
import { MIGRATION_TABLES, type MigrationTable } from '../../core/fleet/schema';
import type { Workbench } from './workbench';
import { writingMaterial } from './writing';

/** A masked value, on its way through the SQL writer: plain ASCII that no real value begins with. */
const MASK = /'<<(masked [^']*)>>'/g;

/** Writes the statements of the plan on the bench. With `masked` no secret is in them. */
export async function writePlanSql(
  bench: Workbench,
  path: string,
  masked: boolean,
  options: SqlOptions,
): Promise<WrittenSql> {
  const { plan } = bench.requirePlan();
  const { snapshot, judgement } = await writingMaterial(bench, plan, options.onProgress ?? (() => undefined));
  const input = sqlInputOfPlan(plan, snapshot, judgement);
  return writeMigrationSql(
    path,
    masked ? { ...input, rows: (judged) => maskedRows(input.rows(judged)) } : input,
    options,
  );
}

/** A line of the masked file as it is shown. */
export function shownLine(line: string): string {
  return line.replace(MASK, (_whole, text: string) => `‹${text.slice('masked '.length).replace('...', '…')}›`);
}

function maskedRows(rows: DeviceRows): DeviceRows {
  const masked = <T extends readonly Row[]>(table: MigrationTable, list: T): T =>
    list.map((row) => maskedRow(table, row)) as unknown as T;
  const [devices, users, enrollments, associations] = MIGRATION_TABLES;
  return {
    udid: rows.udid,
    [devices]: masked(devices, rows.nano_devices),
    [users]: masked(users, rows.nano_users),
    [enrollments]: masked(enrollments, rows.nano_enrollments),
    [associations]: masked(associations, rows.nano_cert_auth_associations),
  };
}

function maskedRow(table: MigrationTable, row: Row): Row {
  const secrets = SECRET_COLUMNS[table];
  if (secrets.length === 0) return row;
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      column,
      value === null || !secrets.includes(column) ? value : maskOf(table, column, value),
    ]),
  );
}

function maskOf(table: MigrationTable, column: string, value: Value): string {
  // `‹push magic, 36 bytes, sha256 ab12…›`, in ASCII.
  const shown = String(shownValue(table, column, value))
    .replace(/^‹|›$/g, '')
    .replace('…', '...');
  return `<<masked ${shown}>>`;
}
