/** Fleet's profiles of one team, from its database or from its API, and what the account must be allowed for it. */
import { apiList, apiNumber, apiText, type FleetApi } from '../fleet/api-client';
import type { FleetConnection } from '../fleet/connection';
import { missingGrants, type GrantNeed } from '../fleet/grants';
import { findTeam, readTeams, type Team } from '../fleet/hosts';
import { fetchFleetProfiles, readFleetProfiles, type FleetProfile } from '../fleet/profiles';
import type { Secret } from '../secret';

/** Null team: hosts without one. */
export interface FleetSide {
  readonly team: Team | null;
  readonly profiles: readonly FleetProfile[];
}

/**
 * From the database.
 * @param team name or id; null: no team
 * @throws FailureError `fleet/unknown-team`, `fleet/ambiguous-team`, `fleet/…` of the connection
 */
export async function fleetSideOfDatabase(connection: FleetConnection, team: string | null): Promise<FleetSide> {
  const found = team === null ? null : findTeam(await readTeams(connection), team);
  return { team: found, profiles: await readFleetProfiles(connection, found?.id ?? 0) };
}

/** From the API. Throws as `fetchFleetProfiles`; `fleet/unknown-team`, `fleet/ambiguous-team`. */
export async function fleetSideOfApi(api: FleetApi, token: Secret, team: string | null): Promise<FleetSide> {
  const found = team === null ? null : findTeam(await teamsOfApi(api), team);
  return { team: found, profiles: await fetchFleetProfiles(api, token, found?.id ?? 0) };
}

/** Teams by the API; none where this Fleet has none (they are Premium). */
async function teamsOfApi(api: FleetApi): Promise<Team[]> {
  const body = await api.get(['/teams', '/fleets'], { per_page: 1000 }, 'list teams');
  return apiList(body?.['teams'] ?? body?.['fleets']).flatMap((raw) => {
    const id = apiNumber(raw['id']);
    const name = apiText(raw['name']);
    return id === null || name === null ? [] : [{ id, name }];
  });
}

const NEEDS: readonly GrantNeed[] = [
  ['mdm_apple_configuration_profiles', 'compare profiles', false] as const,
  ['mdm_apple_declarations', 'compare declarations', true] as const,
  ['host_disk_encryption_keys', 'tell whose recovery key Fleet has', true] as const,
  ['hosts', 'match devices with hosts', false] as const,
  ['teams', 'find the team', false] as const,
].map(([table, purpose, optional]) => ({ table, privilege: 'SELECT', columns: null, purpose, optional }));

/** GRANT statements for what this account lacks to compare; empty when it lacks nothing. */
export function missingControlsGrants(connection: FleetConnection): Promise<string[]> {
  return missingGrants(connection, NEEDS);
}
