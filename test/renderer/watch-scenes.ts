/** Devices being watched: what the window is told, and the answers to what it asks. */
import type { CallOutput } from '../../src/contract/calls';
import type { WatchSummary } from '../../src/contract/watch';
import { NOW, type DeviceCrowd } from './device-crowd';

const MINUTE = 60_000;
const SWITCHED = NOW - 90 * MINUTE;

export function watchOf(crowd: DeviceCrowd, failing: boolean): WatchSummary {
  const counts = crowd.counts();
  return {
    on: true,
    asking: false,
    nextAt: NOW + (failing ? 118_000 : 18_000),
    failed: failing ? 3 : 0,
    failure: failing
      ? {
          code: 'fleet/unreachable',
          message: 'Fleet’s MySQL server db.fleet.example.org:3306 could not be reached: nothing listens on that port.',
          remedy: 'Check host name and port, that MySQL listens there, and that a firewall lets this machine through.',
        }
      : null,
    lookedAt: NOW - (failing ? 7 * MINUTE : 12_000),
    look: {
      at: NOW - 12_000,
      took: 640,
      database: true,
      api: false,
      counts,
      outlook: { remaining: counts.waiting, perHour: 9_840, expectedEnd: NOW + 160 * MINUTE, why: null },
      waves: [
        { name: 'pilot', size: 40, migrated: 40, attention: 0, switchedAt: SWITCHED },
        {
          name: '50 %',
          size: counts.imported - 40,
          migrated: counts.migrated - 40,
          attention: 12,
          switchedAt: SWITCHED,
        },
      ],
      missing: [],
      failures: [],
      version: 7,
      changed: 214,
      wavesDone: [],
      pause: 30_000,
    },
    notices: [],
  };
}

/** A wave that comes at once and thins out. */
export function seriesOf(crowd: DeviceCrowd): CallOutput<'watch.series'> {
  const { imported, migrated } = crowd.counts();
  const points = Array.from({ length: 90 }, (_, minute) => ({
    at: SWITCHED + minute * MINUTE,
    imported,
    migrated: Math.round(migrated * (1 - Math.exp(-Math.max(0, minute - 4) / 22)) * 1.02),
    lost: 0,
    attention: 0,
  }));
  return {
    points,
    marks: [
      { at: SWITCHED + 3 * MINUTE, mark: 'wave-switched', wave: 'pilot' },
      { at: SWITCHED + 30 * MINUTE, mark: 'wave-done', wave: 'pilot' },
      { at: SWITCHED + 34 * MINUTE, mark: 'wave-switched', wave: '50 %' },
    ],
  };
}

export function healthOf(crowd: DeviceCrowd): CallOutput<'watch.health'> {
  const devices = crowd.rows
    .filter(({ udid }) => udid !== null)
    .slice(0, 40)
    .map(({ udid, name }) => ({ udid: udid ?? '', host: name, detail: 'cert_not_valid_after is NULL' }));
  return {
    at: NOW,
    findings: [
      {
        code: 'expiry-unknown',
        title: 'Certificates whose end Fleet does not know',
        severity: 'error',
        count: 512,
        sentence:
          'Fleet renews only certificates whose end it knows. These devices fall off for good when theirs ends, without a warning.',
        remedy:
          'Write the end of each certificate; where it is not known, an end in 30 days makes Fleet renew it at once. The times are UTC.',
        commands: devices
          .slice(0, 3)
          .map(
            ({ udid }) =>
              `UPDATE nano_cert_auth_associations SET cert_not_valid_after = '2026-08-14 09:12:44' WHERE id = '${udid}';`,
          ),
        devices,
      },
      {
        code: 'bootstrap-token-missing',
        title: 'Macs without a bootstrap token',
        severity: 'warning',
        count: 3,
        sentence:
          'Fleet holds no bootstrap token of these Macs: unattended updates on Apple silicon and secure tokens for new users do not work.',
        remedy: 'Wait for that login, or have it handed over on the Mac by an administrator.',
        commands: ['sudo profiles install -type bootstraptoken'],
        devices: devices.slice(0, 3).map((device) => ({ ...device, detail: 'no bootstrap token' })),
      },
    ],
    well: ['Devices that are several hosts', 'Renewals that did not come to their end'],
    notExamined: [
      {
        code: 'disk-key-missing',
        title: 'Disk encryption keys Fleet does not have',
        sentence: 'Fleet enforces disk encryption for nobody.',
      },
    ],
    grants: [],
  };
}
