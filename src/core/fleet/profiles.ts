/**
 * Configuration profiles and declarations of one team, from Fleet's database (spec/fleet.md 1.14) or from its API (5).
 * Team 0 is "no team". The bodies are secrets.
 */
import { unreadable } from '../failure';
import { Secret } from '../secret';
import { apiList, apiObject, apiText, type FleetApi } from './api-client';
import type { FleetConnection } from './connection';
import { getFromFleet } from './https-request';

/** One profile of Fleet's. */
export interface FleetProfile {
  /** `a…` a configuration profile, `d…` a declaration. */
  readonly uuid: string;
  readonly kind: 'profile' | 'declaration';
  readonly identifier: string;
  readonly name: string;
  /** Null where this Fleet does not know scopes: then everything goes to the device channel. */
  readonly scope: 'System' | 'User' | null;
  /** The .mobileconfig; null for a declaration. */
  readonly body: Secret | null;
  /** Labels that limit it, as the API names them; the database is not asked for them. */
  readonly labels: readonly string[];
}

/** A team has tens of profiles; more would be a strange answer. */
const MOST = 2_000;
const MOST_BODY = 8 * 1024 * 1024;

/** From the database: profiles, then declarations, each by identifier. */
export async function readFleetProfiles(connection: FleetConnection, teamId: number): Promise<FleetProfile[]> {
  const columns = await connection.query<{ t: string; c: string }>(
    'SELECT TABLE_NAME AS t, COLUMN_NAME AS c FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() ' +
      "AND TABLE_NAME IN ('mdm_apple_configuration_profiles', 'mdm_apple_declarations')",
  );
  const has = (table: string, column: string): boolean => columns.some(({ t, c }) => t === table && c === column);
  const scopeOf = (table: string): string => (has(table, 'scope') ? 'scope' : 'NULL');
  const profiles = await connection.query<{
    uuid: string;
    identifier: string;
    name: string;
    scope: string | null;
    body: Buffer | string;
  }>(
    `SELECT profile_uuid AS uuid, identifier, name, ${scopeOf('mdm_apple_configuration_profiles')} AS scope, mobileconfig AS body ` +
      `FROM mdm_apple_configuration_profiles WHERE team_id = ? AND LENGTH(mobileconfig) <= ${MOST_BODY} ORDER BY identifier LIMIT ${MOST}`,
    [teamId],
  );
  const declarations = has('mdm_apple_declarations', 'identifier')
    ? await connection.query<{ uuid: string; identifier: string; name: string; scope: string | null }>(
        `SELECT declaration_uuid AS uuid, identifier, name, ${scopeOf('mdm_apple_declarations')} AS scope ` +
          `FROM mdm_apple_declarations WHERE team_id = ? ORDER BY identifier LIMIT ${MOST}`,
        [teamId],
      )
    : [];
  return [
    ...profiles.map(({ uuid, identifier, name, scope, body }) => ({
      uuid,
      kind: 'profile' as const,
      identifier,
      name,
      scope: scopeFrom(scope),
      body: new Secret('profile', Buffer.from(body)),
      labels: [],
    })),
    ...declarations.map(({ uuid, identifier, name, scope }) => ({
      uuid,
      kind: 'declaration' as const,
      identifier,
      name,
      scope: scopeFrom(scope),
      body: null,
      labels: [],
    })),
  ];
}

/**
 * From the API: the list page by page, then each profile's file.
 *
 * Throws `fleet/api-…` as `FleetApi.get`, `fleet/api-no-profiles` when this Fleet has no such list (MDM is off, or the
 * release is too old), and what `getFromFleet` throws.
 */
export async function fetchFleetProfiles(api: FleetApi, token: Secret, teamId: number): Promise<FleetProfile[]> {
  const found: FleetProfile[] = [];
  for (let page = 0; found.length < MOST; page += 1) {
    const body = await api.get(
      ['/configuration_profiles', '/mdm/profiles'],
      { team_id: teamId, page, per_page: 100 },
      'list profiles',
    );
    if (body === null)
      unreadable(
        'fleet/api-no-profiles',
        'Fleet’s API has no list of configuration profiles: MDM is off in it, or it is too old.',
        'Turn MDM on in Fleet, or give --fleet to ask its database.',
      );
    for (const raw of apiList(body['profiles'])) {
      const uuid = apiText(raw['profile_uuid']);
      const kind = uuid?.startsWith('d') === true ? 'declaration' : 'profile';
      if (uuid === null || !/^[ad]/.test(uuid)) continue;
      found.push({
        uuid,
        kind,
        identifier: apiText(raw['identifier']) ?? '',
        name: apiText(raw['name']) ?? '',
        scope: scopeFrom(apiText(raw['scope'])),
        body: kind === 'profile' ? await bodyOf(api, token, uuid) : null,
        labels: ['labels_include_all', 'labels_include_any', 'labels_exclude_any'].flatMap((key) =>
          apiList(raw[key]).flatMap((label) => apiText(label['name']) ?? []),
        ),
      });
    }
    if (apiObject(body['meta'])?.['has_next_results'] !== true) return found;
  }
  return found;
}

async function bodyOf(api: FleetApi, token: Secret, uuid: string): Promise<Secret> {
  const path = encodeURIComponent(uuid);
  for (const base of ['/api/v1/fleet/configuration_profiles/', '/api/v1/fleet/mdm/profiles/']) {
    const limits = { size: MOST_BODY };
    const { status, body } = await getFromFleet(api.place, `${base}${path}?alt=media`, { token, limits });
    if (status === 200) return new Secret('profile', body);
    if (status !== 404 && status !== 405) break;
  }
  return unreadable(
    'fleet/api-profile-absent',
    'Fleet listed a profile and then did not hand it out.',
    'Try again; somebody may be changing the team’s profiles.',
    { profile: uuid.slice(0, 40) },
  );
}

function scopeFrom(text: string | null): FleetProfile['scope'] {
  return text === 'User' || text === 'System' ? text : null;
}

/** Which hosts have a disk encryption key in Fleet, and whether Fleet can open it (1.15). */
export interface EscrowedKey {
  readonly uuid: string;
  readonly serial: string;
  /** Null: Fleet has not tried yet. */
  readonly decryptable: boolean | null;
}

/** Keys that are escrowed for Macs, by UDID; without their content. */
export async function readEscrowedKeys(connection: FleetConnection): Promise<EscrowedKey[]> {
  const rows = await connection.query<{ uuid: string; serial: string; decryptable: number | null }>(
    'SELECT h.uuid AS uuid, h.hardware_serial AS serial, k.decryptable AS decryptable FROM host_disk_encryption_keys k ' +
      "JOIN hosts h ON h.id = k.host_id WHERE h.platform = 'darwin' AND k.base64_encrypted <> ''",
  );
  return rows.map(({ uuid, serial, decryptable }) => ({
    uuid,
    serial,
    decryptable: decryptable === null ? null : decryptable === 1,
  }));
}
