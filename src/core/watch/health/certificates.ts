/** Certificates that Fleet will not renew. */
import { timestampText } from '../../utc-text';
import { subjects } from './enrollments';
import { idList, sqlText, type Examination } from './finding';

/** The newest row of each id is the present certificate's. */
const PRESENT =
  'NOT EXISTS (SELECT 1 FROM nano_cert_auth_associations n WHERE n.id = a.id AND n.created_at > a.created_at)';

export const expiryUnknown: Examination = {
  code: 'expiry-unknown',
  title: 'Certificates whose end Fleet does not know',
  needs: ['nano_cert_auth_associations', 'nano_enrollments', 'hosts'],
  async examine({ ask, sourceNotAfter }) {
    const rows = await ask<{ udid: string; host: string | null; detail: string }>(
      'a.id AS udid, MIN(h.hostname) AS host, MIN(a.sha256) AS detail FROM nano_cert_auth_associations a ' +
        "JOIN nano_enrollments e ON e.id = a.id AND e.enabled = 1 AND e.type = 'Device' LEFT JOIN hosts h ON h.uuid = a.id " +
        `WHERE a.cert_not_valid_after IS NULL AND ${PRESENT} GROUP BY a.id ORDER BY a.id LIMIT 20000`,
    );
    if (rows.length === 0) return null;
    const commands = rows.slice(0, 50).map(({ udid, detail }) => {
      const end = sourceNotAfter(udid);
      const value = end === null ? 'NOW() + INTERVAL 30 DAY' : sqlText(timestampText(end));
      return `UPDATE nano_cert_auth_associations SET cert_not_valid_after = ${value} WHERE id = ${sqlText(udid)} AND sha256 = ${sqlText(detail)};`;
    });
    return {
      code: 'expiry-unknown',
      title: this.title,
      severity: 'error',
      count: rows.length,
      sentence:
        'Fleet renews only certificates whose end it knows. These devices fall off for good when theirs ends, without a warning.',
      remedy:
        'Write the end of each certificate; where it is not known, an end in 30 days makes Fleet renew it at once. The times are UTC.',
      commands,
      devices: subjects(rows, () => 'cert_not_valid_after is NULL'),
    };
  },
};

export const renewalStuck: Examination = {
  code: 'renewal-stuck',
  title: 'Renewals that did not come to their end',
  needs: ['nano_cert_auth_associations', 'nano_enrollments', 'nano_command_results', 'hosts'],
  async examine({ ask, now }) {
    const rows = await ask<{
      udid: string;
      host: string | null;
      detail: string | null;
      since: string | null;
    }>(
      'a.id AS udid, MIN(h.hostname) AS host, MIN(r.status) AS detail, MIN(a.updated_at) AS since FROM nano_cert_auth_associations a ' +
        'JOIN nano_enrollments e ON e.id = a.id AND e.enabled = 1 LEFT JOIN hosts h ON h.uuid = a.id ' +
        'LEFT JOIN nano_command_results r ON r.id = a.id AND r.command_uuid = a.renew_command_uuid ' +
        "WHERE a.renew_command_uuid IS NOT NULL AND (r.status IN ('Error', 'CommandFormatError') OR a.updated_at < FROM_UNIXTIME(?)) " +
        'GROUP BY a.id ORDER BY a.id LIMIT 20000',
      [Math.floor(now / 1000) - 2 * 86_400],
    );
    if (rows.length === 0) return null;
    const devices = subjects(rows, (status) => (status === null ? 'not answered' : `answered ${String(status)}`));
    const failed = rows.filter(({ detail }) => detail === 'Error' || detail === 'CommandFormatError').length;
    return {
      code: 'renewal-stuck',
      title: this.title,
      severity: 'error',
      count: rows.length,
      sentence: `Fleet sent these devices a renewal and waits for it: while it does, it sends no other. ${failed === 0 ? 'None has refused it; they may just have been asleep for two days.' : `${failed} answered with an error.`}`,
      remedy:
        'Look at the answers of those InstallProfile commands; if it says that the server’s URL differs, correct the profile for renewal first. Then clear the mark, and Fleet tries again within the hour.',
      commands: [`UPDATE nano_cert_auth_associations SET renew_command_uuid = NULL WHERE id IN (${idList(devices)});`],
      devices,
    };
  },
};
