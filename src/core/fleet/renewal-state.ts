/** What Fleet's renewal of identities looks at, as it stands in its tables (spec/fleet.md 3.5). */
import type { FleetConnection } from './connection';
import { places } from './device-rows';

/** One enrolled device as Fleet's renewal sees it. */
export interface RenewalState {
  /** `nano_enrollments.enabled`. */
  readonly enabled: boolean;
  /** When its newest certificate ends, milliseconds since the epoch; null: Fleet does not know, and never renews. */
  readonly notAfter: number | null;
  /** A renewal was sent and has not come to its end (`renew_command_uuid`). */
  readonly pending: boolean;
}

/** Numbers come as numbers or as text, by their type in MySQL. */
interface RenewalRow {
  readonly id: string;
  readonly enabled: number | string;
  readonly ends: number | string | null;
  readonly pending: number | string;
}

const BATCH = 1_000;

/** The states of those of these devices that Fleet has rows of, by upper-case UDID. */
export async function readRenewalStates(
  connection: FleetConnection,
  udids: readonly string[],
): Promise<ReadonlyMap<string, RenewalState>> {
  const states = new Map<string, RenewalState>();
  for (let start = 0; start < udids.length; start += BATCH) {
    const batch = udids.slice(start, start + BATCH);
    // The newest row by created_at is the present certificate's.
    const rows = await connection.query<RenewalRow>(
      'SELECT a.id, e.enabled, UNIX_TIMESTAMP(a.cert_not_valid_after) AS ends, ' +
        'a.renew_command_uuid IS NOT NULL AS pending FROM nano_cert_auth_associations a ' +
        `JOIN nano_enrollments e ON e.id = a.id WHERE a.id IN (${places(batch.length)}) ` +
        'ORDER BY a.created_at',
      batch,
    );
    for (const { id, enabled, ends, pending } of rows) {
      states.set(id.toUpperCase(), {
        enabled: Number(enabled) === 1,
        notAfter: ends === null ? null : Number(ends) * 1000,
        pending: Number(pending) === 1,
      });
    }
  }
  return states;
}
