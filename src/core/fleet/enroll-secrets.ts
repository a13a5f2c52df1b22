/** Fleet's enroll secrets (spec/fleet.md 1.16): whoever enrolls with one lands in its team. */
import { Secret } from '../secret';
import type { FleetConnection } from './connection';

/** One secret. */
export interface EnrollSecret {
  /** Null: the global one, for hosts without a team. */
  readonly teamId: number | null;
  readonly teamName: string | null;
  readonly secret: Secret;
}

/** All of them. The account needs SELECT on enroll_secrets and teams. */
export async function readEnrollSecrets(connection: FleetConnection): Promise<EnrollSecret[]> {
  const rows = await connection.query<{ secret: string; team_id: number | null; name: string | null }>(
    'SELECT s.secret AS secret, s.team_id AS team_id, t.name AS name FROM enroll_secrets s ' +
      'LEFT JOIN teams t ON t.id = s.team_id ORDER BY s.team_id, s.created_at LIMIT 10000',
  );
  return rows.map(({ secret, team_id: teamId, name }) => ({
    teamId,
    teamName: name,
    secret: new Secret('enroll secret', secret),
  }));
}

/** The one a text is; null when it is none of them. */
export function ownerOfSecret(secrets: readonly EnrollSecret[], secret: Secret): EnrollSecret | null {
  const wanted = secret.revealText().trim();
  return secrets.find((one) => one.secret.revealText() === wanted) ?? null;
}
