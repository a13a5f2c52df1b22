/** Enrollments and hosts that do not fit together. */
import { findHostDuplicates } from '../../fleet/hosts';
import { idList, LISTED_SUBJECTS, type Examination, type HealthSubject } from './finding';

interface Row {
  readonly udid: string;
  readonly host: string | null;
  readonly detail: string | number | null;
}

const PLATFORMS = "('darwin', 'ios', 'ipados')";

/**
 * A migrated Mac that was wiped and enrolled with Fleet anew still counts as migrated on Fleet before about 4.83, and
 * would be sent the old server's enrollment profile (spec/fleet.md 8.5). Told by a certificate that was tied to it after
 * its import, together with an Authenticate of that time; Fleet's own renewal leaves no Authenticate.
 */
export const migrationFlagSticks: Examination = {
  code: 'migration-flag-sticks',
  title: 'Wiped devices that still count as migrated',
  needs: ['nano_enrollments', 'nano_devices', 'nano_cert_auth_associations'],
  async examine({ ask }) {
    const rows = await ask<Row>(
      'e.id AS udid, MIN(h.hostname) AS host, MAX(d.authenticate_at) AS detail ' +
        'FROM nano_cert_auth_associations a ' +
        "JOIN nano_enrollments e ON e.id = a.id AND e.type = 'Device' AND e.enrolled_from_migration = 1 " +
        'JOIN nano_devices d ON d.id = a.id LEFT JOIN hosts h ON h.uuid = a.id ' +
        'WHERE a.created_at > d.created_at AND d.updated_at > d.created_at AND d.authenticate_at > d.created_at ' +
        'AND d.authenticate_at <= d.updated_at ' +
        'AND ABS(TIMESTAMPDIFF(SECOND, a.created_at, d.authenticate_at)) <= 3600 ' +
        'GROUP BY e.id ORDER BY e.id LIMIT 20000',
    );
    if (rows.length === 0) return null;
    const devices = subjects(rows, (at) => `enrolled anew at ${String(at)} UTC`);
    return {
      code: 'migration-flag-sticks',
      title: this.title,
      severity: 'error',
      count: rows.length,
      sentence:
        'These devices were wiped and enrolled with Fleet itself after their migration, and Fleet still takes them for migrated: their certificates would be renewed with the old server’s enrollment profile, and that fails.',
      remedy: 'Clear the mark for these devices. Fleet from about 4.83 does so by itself at a new enrollment.',
      commands: [`UPDATE nano_enrollments SET enrolled_from_migration = 0 WHERE id IN (${idList(devices)});`],
      devices,
    };
  },
};

export const noHost: Examination = {
  code: 'no-host',
  title: 'Enrollments without a host',
  needs: ['nano_enrollments', 'hosts'],
  async examine({ ask }) {
    const rows = await ask<Row>(
      'e.id AS udid, NULL AS host, d.serial_number AS detail FROM nano_enrollments e ' +
        'JOIN nano_devices d ON d.id = e.id LEFT JOIN hosts h ON h.uuid = e.id ' +
        "WHERE e.type = 'Device' AND e.enabled = 1 AND e.enrolled_from_migration = 1 AND h.id IS NULL ORDER BY e.id LIMIT 20000",
    );
    if (rows.length === 0) return null;
    return {
      code: 'no-host',
      title: this.title,
      severity: 'error',
      count: rows.length,
      sentence:
        'Fleet has an enrollment for these devices and no host: it never renews their certificates and sends them no profiles. An iPhone or iPad gets its host at its first contact.',
      remedy: 'Install the agent on the Macs among them before their certificates end; wake the others.',
      commands: [],
      devices: subjects(rows, (serial) => (serial === null ? 'no serial number' : `serial number ${String(serial)}`)),
    };
  },
};

/** The agent says a device is enrolled, and Fleet holds no enrollment: it was not imported, or at another UDID. */
export const hostNotImported: Examination = {
  code: 'host-not-imported',
  title: 'Hosts that are enrolled elsewhere and not imported',
  needs: ['hosts', 'host_mdm', 'nano_enrollments'],
  async examine({ ask }) {
    const rows = await ask<Row>(
      'h.uuid AS udid, h.hostname AS host, m.server_url AS detail FROM hosts h ' +
        'JOIN host_mdm m ON m.host_id = h.id LEFT JOIN nano_enrollments e ON e.id = h.uuid ' +
        `WHERE h.platform IN ${PLATFORMS} AND m.enrolled = 1 AND e.id IS NULL ORDER BY h.id LIMIT 20000`,
    );
    if (rows.length === 0) return null;
    return {
      code: 'host-not-imported',
      title: this.title,
      severity: 'warning',
      count: rows.length,
      sentence:
        'The agent says these devices are enrolled in an MDM, and Fleet has no enrollment of them: they are still with the old server, or with another one.',
      remedy:
        'Read the source again and import those that are the old server’s. Leave Fleet’s own end user migration off: it would ask their users to enrol anew.',
      commands: [],
      devices: subjects(rows, (url) => (typeof url === 'string' && url !== '' ? `enrolled at ${url}` : 'enrolled')),
    };
  },
};

export const duplicateHosts: Examination = {
  code: 'duplicate-hosts',
  title: 'Devices that are several hosts',
  needs: ['hosts'],
  async examine({ connection }) {
    const found = (await findHostDuplicates(connection, LISTED_SUBJECTS)).filter(({ column }) => column === 'uuid');
    if (found.length === 0) return null;
    return {
      code: 'duplicate-hosts',
      title: this.title,
      severity: 'error',
      count: found.length,
      sentence:
        'Fleet has several hosts with the same UDID. That has stopped its whole renewal of certificates before.',
      remedy: 'Delete the hosts that are left over in Fleet; the one seen last is the real one.',
      commands: [],
      devices: found.map(({ value, count }) => ({ udid: value, host: null, detail: `${count} hosts` })),
    };
  },
};

/** Fleet waits to release a device from Setup Assistant; a migrated one is never released (spec/fleet.md 8.16). */
export const awaitingConfiguration: Examination = {
  code: 'awaiting-configuration',
  title: 'Devices held in Setup Assistant',
  needs: ['host_mdm_apple_awaiting_configuration', 'nano_enrollments', 'hosts'],
  async examine({ ask }) {
    const rows = await ask<Row>(
      'w.host_uuid AS udid, MIN(h.hostname) AS host, NULL AS detail FROM host_mdm_apple_awaiting_configuration w ' +
        'JOIN nano_enrollments e ON e.id = w.host_uuid AND e.enrolled_from_migration = 1 LEFT JOIN hosts h ON h.uuid = w.host_uuid ' +
        'WHERE w.awaiting_configuration = 1 GROUP BY w.host_uuid ORDER BY w.host_uuid LIMIT 20000',
    );
    if (rows.length === 0) return null;
    return {
      code: 'awaiting-configuration',
      title: this.title,
      severity: 'warning',
      count: rows.length,
      sentence: 'These devices wait in Setup Assistant for a command that Fleet does not send to a migrated device.',
      remedy: 'Send DeviceConfigured to them from Fleet, or from the old server while they are still there.',
      commands: [],
      devices: subjects(rows, () => 'waits in Setup Assistant'),
    };
  },
};

/** The first rows as devices. */
export function subjects(rows: readonly Row[], detail: (value: Row['detail']) => string): HealthSubject[] {
  return rows.slice(0, LISTED_SUBJECTS).map((row) => ({
    udid: row.udid,
    host: row.host === null || row.host === '' ? null : row.host.slice(0, 200),
    detail: detail(row.detail).slice(0, 300),
  }));
}
