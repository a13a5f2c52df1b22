/** Checks of Fleet's own state: its settings, assets, and what it already manages. */
import { attempt } from '../../failure';
import { MDM_ASSETS } from '../../fleet/assets';
import { counted, hold, pass, warn, type Check } from './check';

/** Rows asked for at once. */
const BATCH = 1_000;

const FRESH_SERVER_WAY =
  'On a fresh server set FLEET_MDM_APPLE_SCEP_CERT, FLEET_MDM_APPLE_SCEP_KEY, FLEET_MDM_APPLE_APNS_CERT and FLEET_MDM_APPLE_APNS_KEY to the files of `slipway export`, beside FLEET_SERVER_PRIVATE_KEY, and start Fleet once: it takes them over. Do not ask Fleet for a CSR before.';

export const FLEET_CHECKS: readonly Check[] = [
  {
    id: 'mdm-assets',
    phase: 'target',
    title: 'MDM assets in Fleet',
    needs: ['fleet'],
    async run(facts) {
      if (!facts.schema.tables.has('mdm_config_assets')) {
        return hold(
          'assets-table-missing',
          'There is no table mdm_config_assets (or the account may not see it), so it is not known which CA and push certificate Fleet uses.',
          'Grant SELECT on it, or upgrade Fleet.',
        );
      }
      const assets = await facts.assets();
      const missing = MDM_ASSETS.filter((name) => !assets.has(name));
      if (missing.length === MDM_ASSETS.length) {
        // No failure of its own: without assets the target's identity cannot be proven, and that holds apply up.
        return warn(
          'assets-absent',
          'Fleet has neither SCEP CA nor push certificate yet: it could not answer a single device.',
          FRESH_SERVER_WAY,
        );
      }
      if (missing.length > 0) {
        return hold(
          'assets-partial',
          `Fleet lacks ${missing.join(', ')}; it needs all four before it turns MDM on.`,
          'Replace the whole set (`slipway assets plan`), then restart all Fleet instances.',
          {
            subjects: missing,
          },
        );
      }
      const wrong = [...assets.values()].filter((asset) => !asset.checksumMatches).map((asset) => asset.name);
      if (wrong.length > 0) {
        return warn(
          'assets-checksum',
          `The checksum beside ${wrong.join(', ')} is not that of the value: Fleet may go on serving an older one from memory.`,
          'Restart all Fleet instances, and find out what wrote these rows.',
          {
            subjects: wrong,
          },
        );
      }
      return pass('SCEP CA and push certificate are there, each with its key.');
    },
  },
  {
    id: 'mdm-configured',
    phase: 'target',
    title: 'MDM is turned on in Fleet',
    needs: ['fleet'],
    async run(facts) {
      const settings = await facts.settings();
      if (settings.at('mdm.enabled_and_configured') === true)
        return pass('Fleet says that Apple MDM is on and configured.');
      return warn(
        'mdm-not-configured',
        'Fleet says that Apple MDM is not configured: its MDM endpoints, profiles and renewals are off.',
        'Restart Fleet after its assets are complete; it works this out at every start.',
      );
    },
  },
  {
    id: 'macos-migration',
    phase: 'target',
    title: 'Fleet’s own migration for Macs is off',
    needs: ['fleet'],
    async run(facts) {
      const settings = await facts.settings();
      const enabled = settings.at('mdm.macos_migration.enable');
      if (enabled === undefined || enabled === null || enabled === false) return pass('macos_migration is off.');
      return hold(
        'macos-migration-on',
        'macos_migration is on: users of Macs that run Fleet’s agent and are not imported yet would be asked to migrate by hand.',
        'Turn it off in Fleet (Settings, Integrations, MDM, end user migration) until all waves are done.',
      );
    },
  },
  {
    id: 'native-enrollments',
    phase: 'target',
    title: 'Devices Fleet already manages',
    needs: ['fleet'],
    async run({ connection }) {
      const [row] = await connection.query<{ number: number | string }>(
        "SELECT COUNT(*) AS number FROM nano_enrollments WHERE enabled = 1 AND enrolled_from_migration = 0 AND type = 'Device'",
      );
      const count = Number(row?.number ?? 0);
      if (count === 0) return pass('Fleet manages no device that enrolled by itself.');
      return warn(
        'native-enrollments',
        `Fleet has ${counted(count, 'enrolled device')} of its own, under the CA and topic it has now. Replacing either would cut all of them off.`,
        'Leave Fleet’s CA and push certificate as they are if they are the source’s own; else use a Fleet that manages no device yet.',
      );
    },
  },
  {
    id: 'queue-leftovers',
    phase: 'target',
    title: 'Old commands queued in Fleet',
    needs: ['fleet'],
    async run({ connection, enrollmentIds }) {
      const ids = enrollmentIds();
      const types = new Map<string, number>();
      const subjects = new Set<string>();
      for (let start = 0; start < ids.length; start += BATCH) {
        const batch = ids.slice(start, start + BATCH);
        const rows = await connection.query<{ id: string; type: string | null }>(
          'SELECT q.id AS id, c.request_type AS type FROM nano_enrollment_queue q ' +
            'LEFT JOIN nano_commands c ON c.command_uuid = q.command_uuid ' +
            'LEFT JOIN nano_command_results r ON r.id = q.id AND r.command_uuid = q.command_uuid ' +
            // NotNow is no answer: Fleet sends such a command again.
            "WHERE q.active = 1 AND (r.status IS NULL OR r.status = 'NotNow') " +
            `AND q.id IN (${batch.map(() => '?').join(', ')})`,
          batch,
        );
        for (const row of rows) {
          const type = (row.type ?? 'unknown').slice(0, 63);
          types.set(type, (types.get(type) ?? 0) + 1);
          subjects.add(row.id);
        }
      }
      if (subjects.size === 0) return pass('No old command waits in Fleet for a device that goes in.');
      const list = [...types]
        .sort((a, b) => b[1] - a[1])
        .map(([type, count]) => `${type} ${count.toLocaleString('en-US')}`);
      return warn(
        'queue-leftovers',
        `For ${counted(subjects.size, 'enrollment that goes in', 'enrollments that go in')} Fleet still holds queued commands (${list.slice(0, 5).join(', ')}${list.length > 5 ? ', …' : ''}); each would run at the device’s first contact.`,
        'Look at them in the plan and choose its step that switches them off (active = 0), unless they are wanted.',
        { subjects: [...subjects] },
      );
    },
  },
  {
    id: 'host-expiry',
    phase: 'after',
    title: 'Fleet’s host expiry',
    needs: ['fleet'],
    async run(facts) {
      const settings = await facts.settings();
      const teams = await attempt(() =>
        facts.connection.query<{ name: string }>(
          "SELECT name FROM teams WHERE JSON_EXTRACT(config, '$.host_expiry_settings.host_expiry_enabled') = TRUE ORDER BY name LIMIT 20",
        ),
      );
      const where = [
        ...(settings.at('host_expiry_settings.host_expiry_enabled') === true ? ['all hosts without a team'] : []),
        ...(teams.ok ? teams.value.map(({ name }) => `team ${name.slice(0, 100)}`) : []),
      ];
      if (where.length === 0) {
        return pass(
          teams.ok ? 'Host expiry is off.' : 'Host expiry is off globally; the teams’ own settings could not be read.',
        );
      }
      const window = settings.at('host_expiry_settings.host_expiry_window');
      return warn(
        'host-expiry-on',
        `Host expiry is on for ${where.slice(0, 5).join(', ')}${typeof window === 'number' ? ` (globally ${counted(window, 'day')})` : ''}: a host its agent does not report for is deleted, and without a host Fleet never renews the device’s certificate.`,
        'Turn host expiry off, or set it longer than your longest absence, until the migration is over.',
        { subjects: where },
      );
    },
  },
];
