/** Checks of the MySQL server, the account and the schema. */
import { attempt } from '../../failure';
import { nameOf as nameOfServer } from '../../fleet/connection';
import { inspectGrants, type GrantNeed } from '../../fleet/grants';
import { counted, fail, hold, pass, skip, warn, type Check, type Outcome } from './check';
import type { Facts } from './facts';

export const MYSQL_CHECKS: readonly Check[] = [
  {
    id: 'fleet-database',
    phase: 'target',
    title: 'Connection to Fleet’s database',
    needs: [],
    run({ context }) {
      if (context.fleetFailure !== undefined) {
        const { code, message, remedy } = context.fleetFailure;
        return fail(code, message, remedy);
      }
      if (context.fleet === undefined)
        return skip('Not asked: no --fleet was given.', 'Run again with --fleet mysql://user@host/database.');
      const { address, server } = context.fleet.connection;
      return pass(
        `${address.database} on ${nameOfServer(address)} (${server.hostname.slice(0, 255)}), ${server.tlsCipher === null ? 'unencrypted' : `encrypted with ${server.tlsCipher}`}.`,
      );
    },
  },
  {
    id: 'mysql-version',
    phase: 'target',
    title: 'MySQL’s version',
    needs: ['fleet'],
    run({ connection: { server } }) {
      if (server.isMariaDb) {
        return hold(
          'mariadb',
          'The server is MariaDB, which Fleet does not support.',
          'Connect to Fleet’s own MySQL; MariaDB serves for trying things out only.',
        );
      }
      return pass(`MySQL ${server.version.slice(0, 60)}: CHECK constraints are enforced (8.0.16 or newer).`);
    },
  },
  {
    id: 'mysql-primary',
    phase: 'target',
    title: 'The server is the primary',
    needs: ['fleet'],
    async run({ connection }) {
      if (connection.server.readOnly) {
        return fail(
          'mysql-read-only',
          'The server is read-only: a replica, or a primary that was fenced off.',
          'Connect to the primary; Fleet reads from replicas, but its rows are written to the primary.',
        );
      }
      const replication = await replicaRows(connection);
      if (replication === null) {
        return pass('The server takes writes. Whether it replicates from another one is not visible to this account.');
      }
      if (replication > 0) {
        return warn(
          'mysql-replica',
          'The server takes writes, but it also replicates from another one: rows written to a replica are lost or collide.',
          'Check that this is the server Fleet writes to (mysql.address, not mysql_read_replica.address).',
        );
      }
      return pass('The server takes writes and replicates from no other.');
    },
  },
  {
    id: 'mysql-sql-mode',
    phase: 'target',
    title: 'The server’s sql_mode',
    needs: ['fleet'],
    run({ connection: { server } }) {
      const modes = server.sqlMode
        .split(',')
        .map((mode) => mode.trim())
        .filter((mode) => mode !== '');
      if (!modes.includes('STRICT_TRANS_TABLES') && !modes.includes('STRICT_ALL_TABLES')) {
        return warn(
          'sql-mode-lax',
          'The server’s sql_mode is not strict: Fleet’s own writes may be cut off silently. Slipway’s session is strict in any case.',
          'Take the server back to MySQL’s default sql_mode.',
        );
      }
      const odd = modes.filter((mode) =>
        ['ANSI_QUOTES', 'NO_BACKSLASH_ESCAPES', 'PIPES_AS_CONCAT', 'HIGH_NOT_PRECEDENCE'].includes(mode),
      );
      if (odd.length > 0) {
        return warn(
          'sql-mode-unusual',
          `The server’s sql_mode has ${odd.join(', ')}. Slipway’s session and its SQL file declare their own.`,
          'Nothing to do; load the SQL file as it is, without options that change sql_mode.',
        );
      }
      return pass('Strict, without anything unusual.');
    },
  },
  {
    id: 'mysql-grants',
    phase: 'target',
    title: 'What the account may do',
    needs: ['fleet'],
    run: checkGrants,
  },
  {
    id: 'schema',
    phase: 'target',
    title: 'Fleet’s schema',
    needs: ['fleet'],
    run({ schema }) {
      const age = schema.migrationId === null ? '' : `, newest migration ${schema.migrationId}`;
      if (schema.unknownColumns.length > 0) {
        return warn(
          'schema-unknown-columns',
          `The schema is of the generation ${schema.generation}${age}, with ${counted(schema.unknownColumns.length, 'column')} this version does not know; they are left to their default.`,
          'Look at Fleet’s release notes for what they mean, or use a newer Slipway.',
          { subjects: schema.unknownColumns },
        );
      }
      return pass(`Generation ${schema.generation}${age}.`);
    },
  },
  {
    id: 'triggers',
    phase: 'target',
    title: 'Triggers on Fleet’s tables',
    needs: ['fleet'],
    run({ schema }) {
      if (schema.triggers.length === 0)
        return pass('No trigger on the tables that are written (as far as this account may see).');
      return hold(
        'triggers-present',
        `${counted(schema.triggers.length, 'trigger')} on tables that are written: Fleet has none, so what they do to imported rows cannot be foreseen.`,
        'Ask who made them. Rehearse the import (`apply --rehearse`) before accepting.',
        { subjects: schema.triggers.map(({ name, table, when }) => `${table}.${name} ${when}`) },
      );
    },
  },
];

/** How many sources the server replicates from; null when the account may not ask. */
async function replicaRows(connection: Facts['connection']): Promise<number | null> {
  const { isMariaDb, versionNumber } = connection.server;
  const [major, minor, patch] = versionNumber;
  // SHOW REPLICA STATUS came with 8.0.22; the older word is gone in 8.4.
  const newWord = !isMariaDb && (major > 8 || minor > 0 || patch >= 22);
  const asked = await attempt(() => connection.query(newWord ? 'SHOW REPLICA STATUS' : 'SHOW SLAVE STATUS'));
  return asked.ok ? asked.value.length : null;
}

async function checkGrants({ connection, schema, context }: Facts): Promise<Outcome> {
  const role = context.accountRole ?? 'writer';
  const report = await inspectGrants(connection, schema, role);
  const missing = report.missing.filter((need) => !need.optional);
  const doubt =
    report.notUnderstood === 0
      ? ''
      : ` ${counted(report.notUnderstood, 'line')} of SHOW GRANTS could not be read and may give more.`;
  if (missing.length > 0) {
    const roles =
      report.inactiveRoles.length === 0
        ? ''
        : ` The account has roles that are not active: SET DEFAULT ROLE ALL TO ${report.account}.`;
    return hold(
      'grants-missing',
      `The account ${report.account} lacks ${missing.length === 1 ? 'a privilege' : `${missing.length} privileges`}: ${listOf(missing)}.${doubt}${roles}`,
      'Have an administrator run the GRANT statements below, then check again.',
      { subjects: missing.map((need) => `${need.privilege} on ${need.table}`), commands: report.statements },
    );
  }
  if (report.excessive.length > 0) {
    return warn(
      'grants-excessive',
      `The account ${report.account} may do more than a migration needs: ${report.excessive.slice(0, 6).join(', ')}${report.excessive.length > 6 ? ', …' : ''}.`,
      'Make an account for the migration with just the grants it needs, and drop it afterwards.',
      { subjects: report.excessive },
    );
  }
  if (report.missing.length > 0) {
    return warn(
      'grants-optional',
      `The account ${report.account} has what it must have. An optional step is not possible: ${listOf(report.missing)}.`,
      'Have an administrator run the GRANT statements below if you want it.',
      { commands: report.statements },
    );
  }
  return pass(
    `The account ${report.account} has what ${role === 'writer' ? 'importing and undoing' : 'reading'} needs, and nothing alarming.`,
  );
}

/** `INSERT on nano_devices (import devices), …`, the first few. */
function listOf(needs: readonly GrantNeed[]): string {
  const shown = needs.slice(0, 4).map((need) => `${need.privilege} on ${need.table} (to ${need.purpose})`);
  return `${shown.join(', ')}${needs.length > shown.length ? ` and ${needs.length - shown.length} more` : ''}`;
}
