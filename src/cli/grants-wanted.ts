/**
 * For an account that sees too little of Fleet's database for its schema to be asked: the grants it lacks, as ready
 * statements. (Once it sees the schema, the check of its grants knows better.)
 */
import { attempt, type Failure } from '../core/failure';
import { connectFleet, type FleetConnection, type FleetTarget } from '../core/fleet/connection';
import { grantStatements, neededGrants, quoteAccount, readGrants } from '../core/fleet/grants';
import { KNOWN_SCHEMAS } from '../core/fleet/schema';

/** Failures behind which missing grants may stand. */
const BLIND = new Set(['fleet/access-denied', 'fleet/not-fleet', 'fleet/schema-too-old', 'fleet/schema-unknown']);

/** GRANT statements for an account whose session failed like this; empty when grants are not what it lacks. */
export async function grantsWanted(target: FleetTarget, failure: Failure): Promise<string[]> {
  if (!BLIND.has(failure.code)) return [];
  // Every account may enter this one.
  const address = { ...target.address, database: 'information_schema' };
  const opened = await attempt(() => connectFleet({ ...target, address }, 'read'));
  if (!opened.ok) return [];
  const connection = opened.value;
  try {
    return await missingFor(connection, target.address.database);
  } finally {
    await connection.close();
  }
}

async function missingFor(connection: FleetConnection, database: string): Promise<string[]> {
  const [who] = await connection.query<{ account: string }>('SELECT CURRENT_USER() AS account');
  const lines = await connection.query<Record<string, string>>('SHOW GRANTS');
  const grants = readGrants(lines.map((row) => Object.values(row)[0] ?? ''));
  const columns = await connection.query<{ name: string }>(
    "SELECT column_name AS name FROM columns WHERE table_schema = ? AND table_name = 'nano_enrollments'",
    [database],
  );
  const seenMoved = columns.length > 0 && !columns.some(({ name }) => name === 'last_seen_at');
  const [newest = [], ...others] = KNOWN_SCHEMAS.map((schema) => neededGrants('writer', schema)).reverse();
  // A GRANT on a table that is not there fails: only those every generation has, and the one that can be told by now.
  const everywhere = newest.filter(
    ({ table }) =>
      others.every((needs) => needs.some((need) => need.table === table)) || (seenMoved && table === 'nano_seen_times'),
  );
  const missing = everywhere.filter((need) => !grants.allow(database, need));
  return grantStatements(missing, database, quoteAccount(who?.account ?? ''));
}
