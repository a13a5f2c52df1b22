/** What the target adds to the verdict on a device: reasons that only Fleet's database can tell. */
import type { FleetConnection } from '../fleet/connection';
import { foldId, order, type TargetDevice } from '../fleet/device-rows';
import type { Hosts } from '../fleet/hosts';
import { MIGRATION_TABLES, type TargetSchema } from '../fleet/schema';
import type { Reason, SourceDevice } from '../sources/snapshot';
import { overlongColumns, type DeviceRows } from './rows';

/** The instants a MySQL TIMESTAMP can hold. */
const TIMESTAMP_FIRST = '1970-01-01 00:00:01';
const TIMESTAMP_LAST = '2038-01-19 03:14:07';

/** Facts about the whole target that single devices are held against. */
export interface TargetFacts {
  readonly schema: TargetSchema;
  readonly hosts: Hosts;
  readonly teamIds: ReadonlySet<number>;
  /** Certificate hash to the folded ids it is associated with in Fleet. */
  readonly associations: ReadonlyMap<string, ReadonlySet<string>>;
}

/** The reasons Fleet's database gives for or against a device that would be written. */
export function targetReasons(
  device: SourceDevice,
  udid: string,
  rows: DeviceRows,
  target: TargetDevice,
  teamId: number | null,
  facts: TargetFacts,
): Reason[] {
  const reasons: Reason[] = [];
  const overlong = overlongColumns(rows);
  if (overlong.length > 0) {
    reasons.push({
      code: 'value-too-long',
      severity: 'block',
      sentence: `A value is longer than its column in Fleet holds: ${overlong.join(', ')}.`,
      remedy: 'Re-enrol this device with Fleet instead.',
    });
  }
  const outside = timesOutOfRange(rows);
  if (outside.length > 0) {
    reasons.push({
      code: 'value-out-of-range',
      severity: 'block',
      sentence: `A time lies outside what MySQL’s TIMESTAMP holds (1970 to 2038-01-19): ${outside.join(', ')}.`,
      remedy: 'Re-enrol this device with Fleet instead, or report it to Slipway.',
    });
  }

  const lookalike = caseConflict(udid, rows, target);
  if (lookalike !== null) {
    reasons.push({
      code: 'case-conflict',
      severity: 'block',
      sentence: `Fleet holds the id ‘${lookalike}’, which differs from this device’s in case only; Fleet’s tables take both for the same.`,
      remedy: 'Find out which one the device really sends, and remove the wrong rows in Fleet.',
    });
  }

  for (const association of rows.nano_cert_auth_associations) {
    const holders = facts.associations.get(String(association['sha256'])) ?? new Set<string>();
    const others = [...holders].filter((id) => id !== foldId(udid)).sort(order);
    if (others.length > 0) {
      reasons.push({
        code: 'association-taken',
        severity: 'block',
        sentence: `Fleet has this device’s certificate tied to another id (${others.slice(0, 3).join(', ')}) and refuses a certificate used twice.`,
        remedy: 'Find out which of the two devices holds the certificate, and remove the other’s rows in Fleet.',
      });
    }
  }

  if (teamId !== null && !facts.teamIds.has(teamId)) {
    reasons.push({
      code: 'team-unknown',
      severity: 'block',
      sentence: `Fleet has no team with the id ${teamId}.`,
      remedy: 'Create the team in Fleet first, or correct the team map.',
    });
  }
  reasons.push(...hostReasons(device, udid, facts));
  return reasons;
}

function hostReasons(device: SourceDevice, udid: string, facts: TargetFacts): Reason[] {
  const reasons: Reason[] = [];
  const own = facts.hosts.withUdid(udid);
  const exact = own.some((host) => host.uuid === udid);
  // Fleet makes the host of an iPhone or iPad itself at its first poll, where nano_devices knows the platform.
  const selfMade =
    (device.platform === 'ios' || device.platform === 'ipados') &&
    facts.schema.columns.nano_devices.includes('platform');
  if (own.length === 0 && !selfMade) {
    reasons.push({
      code: 'no-agent',
      severity: 'caution',
      sentence: 'Fleet has no host for this device, so it will not renew its certificate.',
      remedy: 'Install fleetd on it before the switch, or accept no-agent and install it afterwards.',
    });
  } else if (own.length > 0 && !exact) {
    reasons.push({
      code: 'host-uuid-case',
      severity: 'note',
      sentence: 'Fleet’s host carries this UDID in another case; Fleet takes both for the same.',
      remedy: 'Nothing needs to be done.',
    });
  }
  const serial = device.serial;
  if (serial !== null) {
    const strangers = facts.hosts
      .withSerial(serial)
      .filter((host) => host.uuid !== '' && foldId(host.uuid) !== foldId(udid));
    if (strangers.length > 0) {
      reasons.push({
        code: 'serial-in-hosts-under-other-udid',
        // A Mac without its own host is held by no-agent already; an iPhone would get a second host unnoticed.
        severity: own.length === 0 && selfMade ? 'caution' : 'note',
        sentence: `Fleet has a host with this serial number under another UDID (${strangers
          .slice(0, 3)
          .map((host) => host.uuid)
          .join(', ')}).`,
        remedy: 'Check which of the two is the device in use, and delete the other host in Fleet.',
      });
    }
  }
  return reasons;
}

/** An id in Fleet that equals one of this device's but for case; null when there is none. */
function caseConflict(udid: string, rows: DeviceRows, target: TargetDevice): string | null {
  const meant = new Map<string, string>([[foldId(udid), udid]]);
  for (const row of rows.nano_users) meant.set(foldId(String(row['id'])), String(row['id']));
  for (const table of MIGRATION_TABLES) {
    for (const row of target.rows[table]) {
      for (const column of ['id', 'device_id', 'user_id']) {
        const id = row[column];
        if (typeof id !== 'string') continue;
        const ours = meant.get(foldId(id));
        if (ours !== undefined && ours !== id) return id;
      }
    }
  }
  return null;
}

function timesOutOfRange(rows: DeviceRows): string[] {
  const found: string[] = [];
  for (const table of MIGRATION_TABLES) {
    for (const row of rows[table]) {
      for (const [column, value] of Object.entries(row)) {
        const isTime = column.endsWith('_at') || column === 'cert_not_valid_after';
        if (!isTime || typeof value !== 'string') continue;
        if (value < TIMESTAMP_FIRST || value > TIMESTAMP_LAST || value.length !== 19) found.push(`${table}.${column}`);
      }
    }
  }
  return [...new Set(found)];
}

/** Rows a page: the table has no index on the hash, so it is read through once instead of searched for each device. */
const PAGE = 20_000;

/**
 * Which ids hold which certificate hashes in Fleet, as far as they are wanted.
 * @param wanted whether it matters that a folded id holds a hash
 */
export async function readAssociations(
  connection: FleetConnection,
  wanted: (sha256: string, id: string) => boolean,
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const holders = new Map<string, Set<string>>();
  let after: string | null = null;
  for (;;) {
    const rows: { id: string; sha256: string }[] = await connection.query<{ id: string; sha256: string }>(
      `SELECT id, sha256 FROM nano_cert_auth_associations ${after === null ? '' : 'WHERE id >= ? '}ORDER BY id, sha256 LIMIT ${PAGE}`,
      after === null ? [] : [after],
    );
    for (const { id, sha256 } of rows) {
      const folded = foldId(id);
      if (!wanted(sha256, folded)) continue;
      const ids = holders.get(sha256) ?? new Set<string>();
      ids.add(folded);
      holders.set(sha256, ids);
    }
    // The last id's rows may go on on the next page, so that page begins with it again.
    const last: string | undefined = rows.at(-1)?.id;
    if (rows.length < PAGE || last === undefined || last === after) return holders;
    after = last;
  }
}
