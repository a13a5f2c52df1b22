/** May the old server be switched off? Every condition by name; one that is not known does not hold. */
import type { ReportFacts } from './hand-over';
import type { OwnBackup } from './own-backup';

/** A backup of the old database, as `backup.ts` proves one. */
export interface BackupFacts {
  readonly path: string;
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
  readonly at: number;
  /** It was opened and read again after it was written. */
  readonly devices: number;
  /** Counts of the source it was compared with; the same when nothing changed meanwhile. */
  readonly sourceDevices: number;
}

export interface DecommissionFacts {
  readonly backup: BackupFacts | null;
  /** Made by the old server’s own means, where Slipway’s copy is none; null where it is one. */
  readonly ownBackup: OwnBackup | null;
  /** Somebody has seen in the old server’s log that no device calls, where its store does not say. */
  readonly callers: Confirmation | null;
  /** Somebody has confirmed that the redirects stay, with name and note. */
  readonly redirects: Confirmation | null;
  /** Somebody has confirmed that Fleet has its renewal profile and renews. */
  readonly renewal: Confirmation | null;
  /** Result of the probes under the old name, at best just now: null when none were made. */
  readonly probes: { readonly at: number; readonly failed: readonly string[] } | null;
  /** Devices that called the old server after their switch. */
  readonly callingOldServer: number | null;
  /** Undelivered commands at the old server for devices that stay in contact with it. */
  readonly pendingCommands: number | null;
}

export interface Confirmation {
  readonly by: string;
  readonly note: string;
}

export interface Condition {
  readonly id: string;
  readonly holds: boolean;
  readonly sentence: string;
  /** Empty when it holds. */
  readonly remedy: string;
}

/** Probes older than this say nothing of today, milliseconds. */
const FRESH = 24 * 3_600_000;

export function conditionsOf(facts: ReportFacts, open: number): Condition[] {
  const { decommission, devices, at } = facts;
  const accounted = devices.filter(({ state, accounted }) => state !== 'migrated' && accounted !== null).length;
  const migrated = devices.filter(({ state }) => state === 'migrated').length;
  return [
    condition(
      'devices',
      devices.length > 0 && open === 0,
      open === 0
        ? `${migrated} of ${devices.length} devices are proven at Fleet; ${accounted} others are accounted for by name.`
        : `${open} of ${devices.length} devices are neither proven at Fleet nor accounted for.`,
      'Look at them one by one; give a name and a reason for each that stays behind.',
    ),
    callers(decommission),
    condition(
      'commands',
      decommission.pendingCommands === 0,
      decommission.pendingCommands === null
        ? 'Whether commands still wait at the old server is not known.'
        : decommission.pendingCommands === 0
          ? 'No command waits at the old server.'
          : `${decommission.pendingCommands} ${decommission.pendingCommands === 1 ? 'command waits' : 'commands wait'} at the old server; with it they are gone.`,
      'Read the source once more; send again through Fleet what is still wanted.',
    ),
    backupCondition(decommission),
    ...(decommission.ownBackup === null ? [] : [ownBackupCondition(decommission.ownBackup)]),
    condition(
      'redirects',
      decommission.redirects !== null,
      decommission.redirects === null
        ? 'Nobody has confirmed that the redirects stay without the old server.'
        : `The redirects stay, says ${decommission.redirects.by}${noteOf(decommission.redirects)}.`,
      'Change the load balancer to what holds once the old server is gone, and confirm it with a name.',
    ),
    condition(
      'renewal',
      decommission.renewal !== null,
      decommission.renewal === null
        ? 'Nobody has confirmed that Fleet has its renewal profile and renews certificates again.'
        : `Fleet renews, says ${decommission.renewal.by}${noteOf(decommission.renewal)}.`,
      'Set the profile and take the off switch away, and confirm it with a name. Without it devices fall off as their certificates end.',
    ),
    probes(decommission, at),
  ];
}

function callers({ callingOldServer: calling, callers: seen }: DecommissionFacts): Condition {
  if (calling === null && seen !== null)
    return condition('callers', true, `No device calls the old server, says ${seen.by}${noteOf(seen)}.`, '');
  return condition(
    'callers',
    calling === 0,
    calling === null
      ? 'Whether devices still call the old server is not known.'
      : calling === 0
        ? 'No device called the old server after the switch.'
        : `${calling} ${calling === 1 ? 'device' : 'devices'} called the old server after the switch.`,
    calling === null
      ? 'Read the source once more, after the switch; where it keeps no times of contact, look into the old server’s log and confirm it with a name (--callers-by).'
      : 'Look where DNS and the load balancer still lead them.',
  );
}

function backupCondition({ backup, ownBackup }: DecommissionFacts): Condition {
  if (backup === null)
    return condition(
      'backup',
      false,
      ownBackup === null
        ? 'There is no verified backup of the old database.'
        : 'There is no verified capture of what the old server holds.',
      'Make one; it is the only record of the old keys, tokens and certificates.',
    );
  const same = backup.devices === backup.sourceDevices;
  return condition(
    'backup',
    same,
    same
      ? `The ${ownBackup === null ? 'backup' : 'capture'} opens and holds all ${backup.devices} devices (sha256 ${backup.sha256.slice(0, 16)}…).`
      : `The ${ownBackup === null ? 'backup' : 'capture'} holds ${backup.devices} devices, the source ${backup.sourceDevices}.`,
    'Make it again while the old server is stopped.',
  );
}

function ownBackupCondition({ commands, confirmation, file }: OwnBackup): Condition {
  const made = file === null ? '' : ` Its file has ${file.size} bytes, sha256 ${file.sha256.slice(0, 16)}….`;
  return condition(
    'own-backup',
    confirmation !== null,
    confirmation === null
      ? `Nobody has confirmed a backup made by the old server’s own means; Slipway’s capture holds what moves, but no server starts from it.${made}`
      : `The old server was backed up by its own means, says ${confirmation.by}${noteOf(confirmation)}.${made}`,
    commands.length === 0
      ? 'Back it up as its makers say, and confirm it with a name.'
      : `Run, and confirm it with a name: ${commands.join(' ; ')}`,
  );
}

function probes({ probes: made }: DecommissionFacts, at: number): Condition {
  if (made === null)
    return condition(
      'probes',
      false,
      'The old name was not probed.',
      'Probe it: every path must lead to Fleet without the old server.',
    );
  if (at - made.at > FRESH)
    return condition('probes', false, 'The old name was last probed more than a day ago.', 'Probe it again.');
  return condition(
    'probes',
    made.failed.length === 0,
    made.failed.length === 0
      ? 'The old name leads to Fleet in every respect that was probed.'
      : `Probes fail: ${made.failed.join(', ')}.`,
    'See to them first.',
  );
}

function condition(id: string, holds: boolean, sentence: string, remedy: string): Condition {
  return { id, holds, sentence, remedy: holds ? '' : remedy };
}

function noteOf({ note }: Confirmation): string {
  return note === '' ? '' : ` (${note})`;
}
