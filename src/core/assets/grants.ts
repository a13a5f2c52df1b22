/** What the account needs besides an import's rights to write assets. */
import type { FleetConnection } from '../fleet/connection';
import { missingGrants, type GrantNeed } from '../fleet/grants';

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
export function missingAssetGrants(connection: FleetConnection): Promise<string[]> {
  return missingGrants(connection, NEEDS);
}
