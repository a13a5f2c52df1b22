/** What a Fleet says on connecting, as the window shows it. */
import type { FleetSummary } from '../../contract/state';
import { inspectGrants } from '../../core/fleet/grants';
import type { OpenFleet } from './fleet-link';
import type { SampleFleet } from './sample-fleet';

export async function fleetSummaryOf({ connection, schema }: OpenFleet): Promise<FleetSummary> {
  const { address, server } = connection;
  const grants = await inspectGrants(connection, schema, 'writer');
  const [enrollments] = await connection.query<{ everything: number | string; migrated: number | string | null }>(
    'SELECT COUNT(*) AS everything, SUM(enrolled_from_migration = 1) AS migrated FROM nano_enrollments',
  );
  const [hosts] = await connection.query<{ everything: number | string }>(
    "SELECT COUNT(*) AS everything FROM hosts WHERE platform IN ('darwin', 'ios', 'ipados')",
  );
  const all = Number(enrollments?.everything ?? 0);
  const migrated = Number(enrollments?.migrated ?? 0);
  return {
    ...address,
    connectedAt: Date.now(),
    version: server.version,
    serverUuid: server.serverUuid,
    tlsCipher: server.tlsCipher,
    readOnly: server.readOnly,
    generation: schema.generation,
    migrationId: schema.migrationId,
    unknownColumns: [...schema.unknownColumns],
    triggers: schema.triggers.map(({ name, table, when }) => `${when} ${table}: ${name}`),
    grants: {
      account: grants.account,
      missing: grants.missing.map(({ privilege, table, purpose }) => ({ privilege, table, purpose })),
      statements: [...grants.statements],
      excessive: [...grants.excessive],
    },
    enrollments: { all, migrated, native: all - migrated },
    hosts: Number(hosts?.everything ?? 0),
  };
}

/** The pretend Fleet, told in the same words; its names say what it is. */
export function sampleFleetSummary(fleet: SampleFleet): FleetSummary {
  const { address, server, schema } = fleet;
  return {
    ...address,
    connectedAt: Date.now(),
    version: server.version,
    serverUuid: server.serverUuid,
    tlsCipher: null,
    readOnly: false,
    generation: schema.generation,
    migrationId: schema.migrationId,
    unknownColumns: [],
    triggers: [],
    grants: { account: "'nobody'@'sample'", missing: [], statements: [], excessive: [] },
    enrollments: { all: fleet.enrollments, migrated: fleet.enrollments, native: 0 },
    hosts: fleet.hosts,
  };
}
