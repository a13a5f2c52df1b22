/** Checks of what Fleet would do to a device at its first contact: updates whose deadline is past, and disk encryption. */
import { attempt } from '../../failure';
import { readEscrowedKeys } from '../../fleet/profiles';
import { wordsFor } from '../../sources/source-words';
import { counted, dateOf, pass, warn, type Check } from './check';
import { FleetSettings } from './facts';

const SYSTEMS = [
  ['macos_updates', 'macOS', 'darwin'],
  ['ios_updates', 'iOS', 'ios'],
  ['ipados_updates', 'iPadOS', 'ipados'],
] as const;

/** FileVault, and where its recovery key is escrowed. */
const DISK_ENCRYPTION = new Set([
  'com.apple.security.FDERecoveryKeyEscrow',
  'com.apple.MCX.FileVault2',
  'com.apple.security.FDERecoveryRedirect',
]);

interface Enforced {
  readonly where: string;
  readonly system: string;
  readonly platform: string;
  readonly version: string;
  /** Milliseconds; null when the text is no date. */
  readonly deadline: number | null;
}

/** What one set of settings enforces. */
function enforcedBy(settings: FleetSettings, where: string): Enforced[] {
  return SYSTEMS.flatMap(([key, system, platform]) => {
    const version = settings.at(`mdm.${key}.minimum_version`);
    const deadline = settings.at(`mdm.${key}.deadline`);
    if (typeof version !== 'string' || version === '' || typeof deadline !== 'string' || deadline === '') return [];
    const at = /^\d{4}-\d\d-\d\d/.test(deadline) ? Date.parse(`${deadline.slice(0, 10)}T12:00:00Z`) : Number.NaN;
    return [{ where, system, platform, version: version.slice(0, 20), deadline: Number.isNaN(at) ? null : at }];
  });
}

/** True when a version is below another one, part by part. */
function isBelow(version: string, minimum: string): boolean {
  const [left, right] = [version, minimum].map((text) => text.split('.').map((part) => Number.parseInt(part, 10) || 0));
  for (let at = 0; at < Math.max(left?.length ?? 0, right?.length ?? 0); at += 1) {
    const difference = (left?.[at] ?? 0) - (right?.[at] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

export const CONTROLS_CHECKS: readonly Check[] = [
  {
    id: 'os-updates',
    phase: 'after',
    title: 'Updates Fleet enforces',
    needs: ['fleet'],
    async run(facts) {
      const enforced = enforcedBy(await facts.settings(), 'hosts without a team');
      const teams = await attempt(() =>
        facts.connection.query<{ name: string; config: string | null }>(
          'SELECT name, LEFT(config, 1048576) AS config FROM teams ORDER BY name LIMIT 500',
        ),
      );
      for (const { name, config } of teams.ok ? teams.value : []) {
        let value: unknown = null;
        try {
          value = JSON.parse(config ?? '{}');
        } catch {
          // A team whose settings are no JSON enforces nothing.
        }
        if (typeof value === 'object' && value !== null && !Array.isArray(value))
          enforced.push(
            ...enforcedBy(new FleetSettings(value as Record<string, unknown>), `team ${name.slice(0, 100)}`),
          );
      }
      const unread = teams.ok ? '' : ' The teams’ own settings could not be read.';
      if (enforced.length === 0) return pass(`Fleet enforces no version of macOS, iOS or iPadOS.${unread}`);
      const overdue = enforced.filter(({ deadline }) => deadline === null || deadline <= facts.at);
      const told = (list: readonly Enforced[]): string =>
        list
          .slice(0, 4)
          .map(
            ({ where, system, version, deadline }) =>
              `${system} ${version} for ${where}${deadline === null ? '' : `, due ${dateOf(deadline)}`}`,
          )
          .join('; ') + (list.length > 4 ? '; …' : '');
      if (overdue.length === 0) return pass(`Fleet enforces ${told(enforced)}; no deadline is past.${unread}`);
      // As of their enrollment: the old server does not keep versions up to date.
      const below = facts
        .entering()
        .filter(({ device }) =>
          overdue.some(
            ({ platform, version }) =>
              device.platform === platform && device.osVersion !== null && isBelow(device.osVersion, version),
          ),
        );
      return warn(
        'os-update-overdue',
        `The deadline is past for ${told(overdue)}: a device below that version is made to update, and restarts, as soon as Fleet first reaches it. By the version it enrolled with that may be ${counted(below.length, 'device')}.${unread}`,
        'Move the deadline behind the last wave, or empty it until the migration is over.',
        { subjects: below.map(({ device }) => device.udid ?? device.recordId) },
      );
    },
  },
  {
    id: 'disk-encryption',
    phase: 'after',
    title: 'Disk encryption',
    needs: [],
    async run(facts) {
      const old = facts.snapshot.profiles.filter(({ payloadTypes }) =>
        payloadTypes.some((type) => DISK_ENCRYPTION.has(type)),
      );
      let escrowed = '';
      if (facts.context.fleet !== undefined) {
        const keys = await attempt(() => readEscrowedKeys(facts.connection));
        if (keys.ok) {
          const have = new Set(keys.value.map(({ uuid }) => uuid.toUpperCase()));
          const macs = facts.entering().filter(({ device }) => device.platform === 'darwin');
          const known = macs.filter(({ device }) => have.has((device.udid ?? '').toUpperCase())).length;
          escrowed = ` Fleet has the recovery key of ${known.toLocaleString('en-US')} of ${counted(macs.length, 'Mac')}.`;
        } else escrowed = ' Whose recovery key Fleet has could not be read.';
      }
      const { server, storesProfiles } = wordsFor(facts.snapshot.source.kind);
      if (old.length === 0 && !storesProfiles)
        return pass(
          `${server} keeps no list of profiles: whether one for FileVault is on devices tells what was sent by command (\`slipway controls\`).${escrowed}`,
        );
      if (old.length === 0)
        return pass(
          `The source stores no profile that configures FileVault or the escrow of its recovery key.${escrowed}`,
        );
      return warn(
        'disk-encryption-profile',
        `The source has ${counted(old.length, 'profile')} for FileVault or the escrow of its recovery key. Fleet brings its own, and two escrow profiles conflict.${escrowed}`,
        'Export the recovery keys the old server’s side holds, have these profiles removed from the devices, then turn on disk encryption in Fleet: keys are escrowed again at the next login.',
        { subjects: old.map(({ identifier }) => identifier) },
      );
    },
  },
];
