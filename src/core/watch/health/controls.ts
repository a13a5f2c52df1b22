/** What Fleet controls on migrated devices: profiles, disk encryption, bootstrap tokens. */
import { subjects } from './enrollments';
import type { Examination, HealthContext } from './finding';

const MIGRATED =
  "JOIN nano_enrollments e ON e.id = p.host_uuid AND e.enrolled_from_migration = 1 AND e.type = 'Device'";

interface Row {
  readonly udid: string;
  readonly host: string | null;
  readonly detail: string | number | null;
}

export const profilesPending: Examination = {
  code: 'profiles-pending',
  title: 'Profiles that wait too long',
  needs: ['host_mdm_apple_profiles', 'nano_enrollments', 'hosts'],
  async examine({ ask, now, pendingHours }) {
    const rows = await ask<Row>(
      `p.host_uuid AS udid, MIN(h.hostname) AS host, COUNT(DISTINCT p.profile_uuid) AS detail FROM host_mdm_apple_profiles p ${MIGRATED} ` +
        "LEFT JOIN hosts h ON h.uuid = p.host_uuid WHERE (p.status = 'pending' OR p.status IS NULL) AND p.updated_at < FROM_UNIXTIME(?) " +
        'GROUP BY p.host_uuid ORDER BY p.host_uuid LIMIT 20000',
      [Math.floor(now / 1000) - pendingHours * 3_600],
    );
    if (rows.length === 0) return null;
    return {
      code: 'profiles-pending',
      title: this.title,
      severity: 'warning',
      count: rows.length,
      sentence: `Profiles for these devices have been on their way for more than ${pendingHours} hours. Before a device is switched that is as it should be; after it the device has not called, or its queue is stuck.`,
      remedy:
        'Wake the devices; Fleet stops pushing for commands older than seven days. Where a device calls and profiles still wait, look at its command list in Fleet.',
      commands: ['POST /api/v1/fleet/hosts/:id/refetch'],
      devices: subjects(rows, (count) => `${String(count)} waiting`),
    };
  },
};

export const profilesFailed: Examination = {
  code: 'profiles-failed',
  title: 'Profiles that failed',
  needs: ['host_mdm_apple_profiles', 'nano_enrollments', 'hosts'],
  async examine({ ask }) {
    const rows = await ask<Row>(
      `p.host_uuid AS udid, MIN(h.hostname) AS host, GROUP_CONCAT(DISTINCT LEFT(p.profile_name, 60) ORDER BY p.profile_name SEPARATOR ', ') AS detail FROM host_mdm_apple_profiles p ${MIGRATED} ` +
        "LEFT JOIN hosts h ON h.uuid = p.host_uuid WHERE p.status = 'failed' GROUP BY p.host_uuid ORDER BY p.host_uuid LIMIT 20000",
    );
    if (rows.length === 0) return null;
    return {
      code: 'profiles-failed',
      title: this.title,
      severity: 'warning',
      count: rows.length,
      sentence:
        'These devices refused a profile of Fleet’s. Often one of the old server with the same content stands in its way.',
      remedy: 'Look at the detail of the profile at the host in Fleet; remove the old server’s profile, then resend.',
      commands: ['POST /api/v1/fleet/hosts/:id/configuration_profiles/:uuid/resend'],
      devices: subjects(rows, (names) => String(names)),
    };
  },
};

export const diskKeyMissing: Examination = {
  code: 'disk-key-missing',
  title: 'Disk encryption keys Fleet does not have',
  needs: ['host_disk_encryption_keys', 'nano_enrollments', 'hosts', 'app_config_json', 'teams'],
  async examine(context) {
    const { ask } = context;
    const teams = await enforcingTeams(context);
    if (teams.length === 0) return 'Fleet enforces disk encryption for nobody.';
    const [none] = teams.filter((team) => team === null);
    const ids = teams.filter((team) => team !== null);
    const where = [
      ...(none === undefined ? [] : ['h.team_id IS NULL']),
      ...(ids.length === 0 ? [] : [`h.team_id IN (${ids.map(() => '?').join(', ')})`]),
    ].join(' OR ');
    const rows = await ask<Row>(
      "h.uuid AS udid, h.hostname AS host, CASE WHEN k.host_id IS NULL OR k.base64_encrypted = '' THEN 0 WHEN k.decryptable = 0 THEN 1 ELSE 2 END AS detail " +
        "FROM hosts h JOIN nano_enrollments e ON e.id = h.uuid AND e.enrolled_from_migration = 1 AND e.type = 'Device' AND e.enabled = 1 " +
        'LEFT JOIN host_disk_encryption_keys k ON k.host_id = h.id ' +
        `WHERE h.platform = 'darwin' AND (${where}) AND (k.host_id IS NULL OR k.base64_encrypted = '' OR k.decryptable = 0) ORDER BY h.id LIMIT 20000`,
      ids,
    );
    if (rows.length === 0) return null;
    const unreadable = rows.filter(({ detail }) => Number(detail) === 1).length;
    return {
      code: 'disk-key-missing',
      title: this.title,
      severity: 'warning',
      count: rows.length,
      sentence: `Fleet enforces disk encryption for these Macs and holds no recovery key it can open${unreadable === 0 ? '' : ` (of ${unreadable} a key it cannot decrypt: the CA was another when it was made)`}. The key is handed over at the user’s next login.`,
      remedy:
        'Export the recovery keys from where they are now and keep them until each Mac has handed over a new one; an old escrow profile of the old server stands in the way, remove it.',
      commands: ['GET /api/v1/fleet/hosts/:id/encryption_key'],
      devices: subjects(rows, (kind) => (Number(kind) === 1 ? 'a key that cannot be decrypted' : 'no key')),
    };
  },
};

/** Teams that enforce disk encryption; null among them: hosts without a team. */
async function enforcingTeams({ ask }: HealthContext): Promise<(number | null)[]> {
  const [config] = await ask<{ on: string | number | null }>(
    "JSON_UNQUOTE(JSON_EXTRACT(json_value, '$.mdm.enable_disk_encryption')) AS `on` FROM app_config_json LIMIT 1",
  );
  const teams = await ask<{ id: number; on: string | null }>(
    "id, COALESCE(JSON_UNQUOTE(JSON_EXTRACT(config, '$.mdm.enable_disk_encryption')), JSON_UNQUOTE(JSON_EXTRACT(config, '$.mdm.macos_settings.enable_disk_encryption'))) AS `on` FROM teams LIMIT 10000",
  );
  return [
    ...(config?.on === 'true' || config?.on === 1 ? [null] : []),
    ...teams.filter(({ on }) => on === 'true').map(({ id }) => id),
  ];
}

export const bootstrapTokenMissing: Examination = {
  code: 'bootstrap-token-missing',
  title: 'Macs without a bootstrap token',
  needs: ['nano_devices', 'nano_enrollments', 'hosts'],
  async examine({ ask }) {
    const rows = await ask<Row>(
      'd.id AS udid, MIN(h.hostname) AS host, NULL AS detail FROM nano_enrollments e ' +
        'JOIN nano_devices d ON d.id = e.id JOIN hosts h ON h.uuid = e.id ' +
        "WHERE e.type = 'Device' AND e.enabled = 1 AND e.enrolled_from_migration = 1 AND h.platform = 'darwin' " +
        'AND d.bootstrap_token_b64 IS NULL GROUP BY d.id ORDER BY d.id LIMIT 20000',
    );
    if (rows.length === 0) return null;
    return {
      code: 'bootstrap-token-missing',
      title: this.title,
      severity: 'warning',
      count: rows.length,
      sentence:
        'Fleet holds no bootstrap token of these Macs: unattended updates on Apple silicon and secure tokens for new users do not work. The Mac hands one over at the next login of a user with a secure token.',
      remedy: 'Wait for that login, or have it handed over on the Mac by an administrator.',
      commands: ['sudo profiles install -type bootstraptoken'],
      devices: subjects(rows, () => 'no bootstrap token'),
    };
  },
};
