/** What the account needs besides an import's rights to write assets. */
import type { FleetConnection } from '../fleet/connection';
import { grantStatements, quoteAccount, readGrants, type GrantNeed } from '../fleet/grants';

const NEEDS: readonly GrantNeed[] = [
  ...(['SELECT', 'INSERT', 'UPDATE', 'DELETE'] as const).map((privilege) => ({
    table: 'mdm_config_assets',
    privilege,
    columns: null,
    purpose: 'put the SCEP CA and the push certificate in, and take them back',
    optional: false,
  })),
  {
    table: 'host_disk_encryption_keys',
    privilege: 'SELECT',
    columns: ['host_id', 'base64_encrypted'],
    purpose: 'count the disk encryption keys escrowed to the CA',
    optional: true,
  },
];

/** GRANT statements for what this account lacks, to be run by an administrator; empty when it lacks nothing. */
export async function missingAssetGrants(connection: FleetConnection): Promise<string[]> {
  const [who] = await connection.query<{ account: string }>('SELECT CURRENT_USER() AS account');
  const lines = await connection.query<Record<string, string>>('SHOW GRANTS');
  const grants = readGrants(lines.map((row) => Object.values(row)[0] ?? ''));
  const { database } = connection.address;
  return grantStatements(
    NEEDS.filter((need) => !grants.allow(database, need)),
    database,
    quoteAccount(who?.account ?? ''),
  );
}
