/** Fleet's own view of computers and phones: the rows of `hosts` that belong to devices, and the teams. */
import { refused } from '../failure';
import type { FleetConnection } from './connection';

/** One row of `hosts`. */
export interface Host {
  readonly id: number;
  /** Hardware UUID: for Apple devices the UDID. */
  readonly uuid: string;
  readonly serial: string;
  /** Null: no team. */
  readonly teamId: number | null;
  readonly platform: string;
  /** fleetd has enrolled (orbit_node_key is set): without it Fleet does not know this Mac beyond MDM. */
  readonly hasAgent: boolean;
}

/** A value that several rows of `hosts` share although each device should have one row. */
export interface HostDuplicate {
  readonly column: 'uuid' | 'hardware_serial';
  readonly value: string;
  readonly count: number;
}

interface HostRow {
  id: number;
  uuid: string;
  hardware_serial: string;
  team_id: number | null;
  platform: string;
  has_agent: number;
}

/** Hosts found for a set of devices. Neither uuid nor serial is unique in Fleet, so every answer is a list. */
export class Hosts {
  readonly #byUuid = new Map<string, Host[]>();
  readonly #bySerial = new Map<string, Host[]>();
  readonly #ids = new Set<number>();

  /** Adds a row; one that is there already is not added twice. */
  add(host: Host): void {
    if (this.#ids.has(host.id)) return;
    this.#ids.add(host.id);
    append(this.#byUuid, host.uuid, host);
    append(this.#bySerial, host.serial, host);
  }

  get size(): number {
    return this.#ids.size;
  }

  /** Rows with this UDID, compared as Fleet's collation does: case does not count. */
  withUdid(udid: string): readonly Host[] {
    return this.#byUuid.get(keyOf(udid)) ?? [];
  }

  /** Rows with this serial number. */
  withSerial(serial: string): readonly Host[] {
    return this.#bySerial.get(keyOf(serial)) ?? [];
  }

  /** True when fleetd runs on the device with this UDID. */
  hasAgent(udid: string): boolean {
    return this.withUdid(udid).some((host) => host.hasAgent);
  }
}

function append(map: Map<string, Host[]>, value: string, host: Host): void {
  const key = keyOf(value);
  if (key === '') return;
  const list = map.get(key);
  if (list === undefined) map.set(key, [host]);
  else list.push(host);
}

/** utf8mb4_unicode_ci ignores case and trailing spaces. */
function keyOf(value: string): string {
  return value.toUpperCase().trimEnd();
}

const BATCH = 1_000;

/**
 * The rows of `hosts` that carry one of these UDIDs or serials, in batches of 1,000 (two indexed queries each, about
 * 10 ms). Empty values are left out.
 */
export async function readHosts(
  connection: FleetConnection,
  devices: Iterable<{ readonly udid: string | null; readonly serial: string | null }>,
): Promise<Hosts> {
  const hosts = new Hosts();
  const udids = new Map<string, string>();
  const serials = new Map<string, string>();
  for (const { udid, serial } of devices) {
    note(udids, udid);
    note(serials, serial);
  }
  for (const [column, distinct] of [
    ['uuid', udids],
    ['hardware_serial', serials],
  ] as const) {
    const values = [...distinct.values()];
    for (let start = 0; start < values.length; start += BATCH) {
      const batch = values.slice(start, start + BATCH);
      const rows = await connection.query<HostRow>(
        'SELECT id, uuid, hardware_serial, team_id, platform, orbit_node_key IS NOT NULL AS has_agent FROM hosts ' +
          `WHERE ${column} IN (${batch.map(() => '?').join(', ')}) ORDER BY id`,
        batch,
      );
      for (const row of rows) hosts.add(hostOf(row));
    }
  }
  return hosts;
}

function hostOf(row: HostRow): Host {
  return {
    id: row.id,
    uuid: row.uuid,
    serial: row.hardware_serial,
    teamId: row.team_id,
    platform: row.platform,
    hasAgent: row.has_agent === 1,
  };
}

/** Notes a value, once of those that Fleet's collation takes for the same. */
function note(distinct: Map<string, string>, value: string | null): void {
  if (value === null) return;
  const key = keyOf(value);
  if (key !== '' && !distinct.has(key)) distinct.set(key, value);
}

/**
 * UDIDs and serials that several Apple hosts share, anywhere in Fleet: duplicate UDIDs have stopped Fleet's whole
 * renewal run before (issue 19311). At most `limit` of each.
 */
export async function findHostDuplicates(connection: FleetConnection, limit = 20): Promise<HostDuplicate[]> {
  const found: HostDuplicate[] = [];
  for (const column of ['uuid', 'hardware_serial'] as const) {
    const rows = await connection.query<{ value: string; number: number | string }>(
      `SELECT ${column} AS value, COUNT(*) AS number FROM hosts WHERE ${column} <> '' AND platform IN ('darwin', 'ios', 'ipados') ` +
        `GROUP BY ${column} HAVING COUNT(*) > 1 ORDER BY ${column} LIMIT ${Math.trunc(limit)}`,
    );
    for (const row of rows) found.push({ column, value: row.value, count: Number(row.number) });
  }
  return found;
}

/** A team (in newer Fleet: a fleet). */
export interface Team {
  readonly id: number;
  readonly name: string;
}

/** All teams, by name. */
export async function readTeams(connection: FleetConnection): Promise<Team[]> {
  return connection.query<Team>('SELECT id, name FROM teams ORDER BY name, id');
}

/**
 * The team meant by a name or an id. An exact name wins over an id (a team may be called "3"), and over a name that
 * differs in case only. Throws `fleet/unknown-team`, and `fleet/ambiguous-team` when several names differ in case only.
 */
export function findTeam(teams: readonly Team[], nameOrId: string): Team {
  const wanted = nameOrId.trim();
  const exact = teams.find((team) => team.name === wanted);
  if (exact !== undefined) return exact;
  const loose = teams.filter((team) => team.name.toLowerCase() === wanted.toLowerCase());
  if (loose.length > 1) {
    refused(
      'fleet/ambiguous-team',
      `Several teams of Fleet are called ${wanted}, differing in case only.`,
      'Write the name exactly as Fleet shows it, or give the team’s id.',
    );
  }
  const byId = /^\d{1,10}$/.test(wanted) ? teams.find((team) => team.id === Number(wanted)) : undefined;
  const team = loose[0] ?? byId;
  if (team !== undefined) return team;
  const names = teams.map((one) => one.name);
  refused(
    'fleet/unknown-team',
    `Fleet has no team ‘${wanted.slice(0, 100)}’.`,
    names.length === 0
      ? 'This Fleet has no teams: leave the team out, or make it in Fleet first.'
      : `Choose one of: ${names.slice(0, 12).join(', ')}${names.length > 12 ? ', …' : ''}.`,
  );
}
