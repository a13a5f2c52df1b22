/** What must be right for the time after the switch, and what only a person can confirm. */
import { isLoopback } from '../../fleet/connection';
import { shellQuoted } from '../../shell-quoted';
import { dateOf, hold, pass, skip, warn, type Check } from './check';

export const AFTER_CHECKS: readonly Check[] = [
  {
    id: 'backup',
    phase: 'target',
    title: 'A backup of Fleet’s database',
    needs: [],
    run(facts) {
      if (facts.context.fleet === undefined) return skip('Not asked: no --fleet was given.', 'Run again with --fleet.');
      const answer = facts.answer('backup');
      if (answer !== null) {
        return pass(
          `Taken, says ${answer.by.slice(0, 100)}${answer.note === '' ? '' : `: ${answer.note.slice(0, 300)}`}.`,
          { acknowledgedBy: answer.by },
        );
      }
      const { address } = facts.connection;
      const command = [
        'mysqldump --single-transaction --routines --triggers --set-gtid-purged=OFF --no-tablespaces',
        `--host=${shellQuoted(address.host)} --port=${address.port} --user=${shellQuoted(address.user)} --password`,
        ...(isLoopback(address.host) ? [] : ['--ssl-mode=VERIFY_IDENTITY']),
        `${shellQuoted(address.database)} > fleet-before-import.sql`,
      ].join(' ');
      return hold(
        'backup-unconfirmed',
        'Nobody has confirmed a backup of Fleet’s database. Undo takes back what was imported; it does not replace a backup.',
        'Take one (the command asks for the password; the account must be allowed to read the whole database), then confirm it with a name.',
        { commands: [command] },
      );
    },
  },
  {
    id: 'renewal-switch',
    phase: 'after',
    title: 'Fleet’s certificate renewal',
    needs: [],
    run(facts) {
      const ends = facts
        .entering()
        .map(({ device }) => device.certificate?.notAfter ?? null)
        .filter((end): end is number => end !== null && end > facts.at);
      const earliest = ends.reduce((least, end) => Math.min(least, end), Infinity);
      const until = Number.isFinite(earliest) ? ` The first certificate ends on ${dateOf(earliest)}.` : '';
      const answer = facts.answer('renewal-switch');
      if (answer !== null) {
        return pass(
          `Set as it should be, says ${answer.by.slice(0, 100)}${answer.note === '' ? '' : `: ${answer.note.slice(0, 300)}`}.${until}`,
          { acknowledgedBy: answer.by },
        );
      }
      return warn(
        'renewal-switch-unconfirmed',
        `Two settings of Fleet’s renewal are in its environment, where no database shows them: a renewed device cannot go back to the old server, and without the profile migrated devices are never renewed.${until}`,
        'Start Fleet with FLEET_MDM_APPLE_SCEP_RENEWAL_DISABLE=1 until the way back is no longer wanted, and no longer than that first end allows; have FLEET_SILENT_MIGRATION_ENROLLMENT_PROFILE (`slipway profile`) set before it is taken away. Then confirm with a name.',
      );
    },
  },
];
