/**
 * Touched: has Fleet, or a device through Fleet, had its hands on what a migration wrote?
 *
 * Decided over all rows of a device, and closed in doubt: what is touched is never overwritten and never deleted.
 */
import type { Contact, FoundRow, TargetDevice } from '../fleet/device-rows';
import { MIGRATION_TABLES } from '../fleet/schema';
import { CANARY } from './rows';

/** One sign that a device's rows are no longer only ours. */
export interface Touch {
  readonly code:
    'fleet-native' | 'row-updated' | 'seen-since' | 'result-since' | 'renewal-pending' | 'enrollment-disabled';
  readonly sentence: string;
}

/**
 * The signs that a device's rows were touched; empty when nothing but a migration has written them. Rows of ours in
 * only some of the tables (another tool's half import) are untouched.
 *
 * T, the instant of the import, is `created_at` of the device's row in nano_devices: the server's own clock, in whole
 * seconds, so a contact in that same second counts as after it. Without that row, or without its time, T is unknown
 * and every contact counts. On schemas with nano_seen_times a poll moves no updated_at; the seen time alone tells.
 */
export function touchesOf(device: TargetDevice): Touch[] {
  const touches: Touch[] = [];
  for (const row of device.rows.nano_enrollments) {
    if (row['enrolled_from_migration'] !== 1) {
      touches.push({
        code: 'fleet-native',
        sentence: `The enrollment ${textOf(row['id'])} was made by Fleet itself, not by a migration.`,
      });
    }
    if (row['enabled'] !== 1) {
      touches.push({
        code: 'enrollment-disabled',
        sentence: `The enrollment ${textOf(row['id'])} is switched off in Fleet; no migration writes that.`,
      });
    }
  }
  for (const table of MIGRATION_TABLES) {
    const changed = device.rows[table].find((row) => row['updated_at'] !== CANARY);
    if (changed !== undefined) {
      touches.push({
        code: 'row-updated',
        sentence: `A row in ${table} was written at ${textOf(changed['updated_at'])}, after the import or not by one.`,
      });
    }
  }
  const renewing = device.rows.nano_cert_auth_associations.find((row) => row['renew_command_uuid'] !== null);
  if (renewing !== undefined) {
    touches.push({ code: 'renewal-pending', sentence: 'Fleet has begun to renew the device’s certificate.' });
  }

  const since = importedAt(device);
  const seen = device.seen.find((contact) => isSince(contact, since));
  if (seen !== undefined) {
    touches.push({ code: 'seen-since', sentence: `Fleet last saw ${seen.id} at ${textOf(seen.at)}.` });
  }
  const result = device.results.find((contact) => isSince(contact, since));
  if (result !== undefined) {
    touches.push({
      code: 'result-since',
      sentence: `Fleet holds a command result of ${result.id} from ${textOf(result.at)}.`,
    });
  }
  return touches;
}

/** T of a device, `YYYY-MM-DD hh:mm:ss` UTC; null when it cannot be told. */
export function importedAt(device: TargetDevice): string | null {
  const at = device.rows.nano_devices[0]?.['created_at'];
  return typeof at === 'string' && at !== '' ? at : null;
}

function isSince(contact: Contact, since: string | null): boolean {
  return since === null || contact.at === null || contact.at >= since;
}

function textOf(value: FoundRow[string] | undefined): string {
  return typeof value === 'string' ? value : 'an unknown time';
}
