/** What will get in each other's way on a device after the switch. */
import { isExclusive, isIdentity, isTrust, networkOf } from './payload-kind';
import type { ControlRow } from './comparison';
import { carriesDiskEncryption, referencesOf, type OpenedProfile } from './profile';

/** One conflict; its sentence names the profiles, never a value out of them. */
export interface Conflict {
  readonly code:
    | 'payload-type-twice'
    | 'network-left'
    | 'network-changes'
    | 'identity-left'
    | 'identity-changes'
    | 'trust-left'
    | 'reference-dangling'
    | 'disk-encryption'
    | 'scope-differs'
    | 'identifier-case'
    | 'name-taken'
    | 'left-behind-leaving';
  readonly severity: 'error' | 'warning' | 'info';
  readonly identifiers: readonly string[];
  readonly sentence: string;
  readonly remedy: string;
}

/** On a device once Fleet has delivered: what stays behind, and Fleet's own. */
interface Lasting {
  readonly row: ControlRow;
  readonly profile: OpenedProfile;
}

/** All conflicts, errors first. */
export function findConflicts(rows: readonly ControlRow[]): Conflict[] {
  const lasting: Lasting[] = rows.flatMap((row) => {
    if (row.standing === 'stored-only') return [];
    const profile = row.fleet?.profile ?? row.source?.profile ?? null;
    return profile === null ? [] : [{ row, profile }];
  });
  const found = [
    ...typesTwice(lasting),
    ...rows.flatMap(leftBehind),
    ...rows.flatMap(changed),
    ...diskEncryption(rows),
    ...names(rows),
  ];
  const weight = { error: 0, warning: 1, info: 2 } as const;
  return found.toSorted((a, b) => weight[a.severity] - weight[b.severity]);
}

/** One payload type in two profiles where a device can have one. */
function typesTwice(lasting: readonly Lasting[]): Conflict[] {
  const byType = new Map<string, Set<string>>();
  for (const { row, profile } of lasting) {
    for (const { type } of profile.payloads) {
      if (!isExclusive(type)) continue;
      byType.set(type, (byType.get(type) ?? new Set()).add(row.identifier));
    }
  }
  return [...byType]
    .filter(([, identifiers]) => identifiers.size > 1)
    .map(([type, identifiers]) => {
      const list = [...identifiers];
      return {
        code: 'payload-type-twice',
        severity: 'warning',
        identifiers: list,
        sentence: `A device can have one payload of type ${shortened(type)}; after the switch there would be ${list.length}: ${listed(list)}. Which of them holds is not defined.`,
        remedy:
          'Remove the one that stays behind, or give both the same profile identifier so that Fleet’s takes its place.',
      };
    });
}

/** What a profile that stays behind holds that a device lives on. */
function leftBehind(row: ControlRow): Conflict[] {
  if (row.standing !== 'left-behind' || row.source === null) return [];
  const { profile, leaving } = row.source;
  const found: Conflict[] = [];
  const say = (code: Conflict['code'], severity: Conflict['severity'], sentence: string, remedy: string): void =>
    void found.push({ code, severity, identifiers: [row.identifier], sentence, remedy });
  const networks = new Set(profile.payloads.flatMap(({ type }) => networkOf(type) ?? []));
  if (networks.size > 0)
    say(
      'network-left',
      'warning',
      `${row.identifier} carries ${[...networks].join(', ')} and is not in Fleet: removing it may cut a device off before it can get another one.`,
      'Give the profile to Fleet under the same identifier; do not remove it where it is the only way to the network.',
    );
  if (profile.payloads.some(({ type }) => isIdentity(type)))
    say(
      'identity-left',
      'warning',
      `${row.identifier} carries an identity (certificate and key) and is not in Fleet: whatever uses it stops working when it is removed, and nobody renews it when it stays.`,
      'Give the profile to Fleet under the same identifier, with a certificate service Fleet’s devices can reach.',
    );
  if (profile.payloads.some(({ type }) => isTrust(type)))
    say(
      'trust-left',
      'info',
      `${row.identifier} makes devices trust a certificate and is not in Fleet.`,
      'Check that neither the old name’s certificate, nor Wi-Fi, nor Fleet’s own depends on it before it is removed.',
    );
  if (leaving.size > 0)
    say(
      'left-behind-leaving',
      'info',
      `For ${leaving.size} devices the old server still holds the removal of ${row.identifier}.`,
      'Let the old server deliver it before the switch; afterwards nobody would.',
    );
  return found;
}

/** What changes under a device's feet when Fleet's version takes the place of the old one. */
function changed(row: ControlRow): Conflict[] {
  if (row.source === null || row.fleet === null) return [];
  const found: Conflict[] = [];
  const say = (code: Conflict['code'], severity: Conflict['severity'], sentence: string, remedy: string): void =>
    void found.push({ code, severity, identifiers: [row.identifier], sentence, remedy });
  if (row.scope.source !== null && row.scope.fleet !== null && row.scope.source !== row.scope.fleet)
    say(
      'scope-differs',
      'error',
      `${row.identifier} is for the ${channel(row.scope.source)} at the source and for the ${channel(row.scope.fleet)} in Fleet: it is not updated in place, a device would have both.`,
      'Give both the same PayloadScope, or remove the old one.',
    );
  const moving = row.payloads.filter(({ standing }) => standing === 'changed' || standing === 'only-source');
  const networks = new Set(moving.flatMap(({ type }) => networkOf(type) ?? []));
  if (networks.size > 0)
    say(
      'network-changes',
      'warning',
      `Fleet’s version of ${row.identifier} has another ${[...networks].join(', ')}: when it takes the old one’s place, devices may lose the network they are on.`,
      'Compare the fields; try it with one device in a place where you can reach it by hand.',
    );
  if (moving.some(({ type }) => isIdentity(type)))
    say(
      'identity-changes',
      'warning',
      `Fleet’s version of ${row.identifier} has another identity, or none: the old certificate and its key are deleted when it is updated.`,
      'Compare the fields; what refers to the identity must come with the same profile.',
    );
  const fleet = row.fleet.profile;
  if (fleet !== null) {
    for (const { from, key, to } of referencesOf(fleet)) {
      if (to !== null) continue;
      say(
        'reference-dangling',
        'error',
        `In Fleet’s version of ${row.identifier} the payload ${shortened(from.type)} names a certificate (${shortened(key)}) that is not in the profile; a device refuses it as a whole.`,
        'Put the certificate’s payload into the same profile, or correct the UUID.',
      );
      break;
    }
  }
  return found;
}

function diskEncryption(rows: readonly ControlRow[]): Conflict[] {
  const old = rows.filter(
    ({ source, standing }) => source !== null && standing !== 'stored-only' && carriesDiskEncryption(source.profile),
  );
  if (old.length === 0) return [];
  const identifiers = old.map(({ identifier }) => identifier);
  return [
    {
      code: 'disk-encryption',
      severity: 'warning',
      identifiers,
      sentence: `FileVault or the escrow of its recovery key is configured by ${listed(identifiers)}. Fleet brings a profile of its own, and two escrow profiles conflict.`,
      remedy:
        'Export the recovery keys the old server holds, remove these profiles, then turn on disk encryption in Fleet; keys are escrowed again at the next login.',
    },
  ];
}

/** Fleet takes an identifier once and a name once in a team, and does not look at case (409). */
function names(rows: readonly ControlRow[]): Conflict[] {
  const found: Conflict[] = [];
  const fleet = rows.filter((row) => row.fleet !== null);
  for (const row of rows) {
    if (row.source === null || row.fleet !== null || row.standing === 'enrollment') continue;
    const cased = fleet.find(({ identifier }) => identifier.toLowerCase() === row.identifier.toLowerCase());
    if (cased !== undefined)
      found.push({
        code: 'identifier-case',
        severity: 'error',
        identifiers: [row.identifier, cased.identifier],
        sentence: `${row.identifier} and Fleet’s ${cased.identifier} differ in case only: a device takes them for two profiles, Fleet for one.`,
        remedy: 'Write the identifier in Fleet as the devices have it.',
      });
    const name = row.name ?? '';
    const named = fleet.find(
      (one) => name !== '' && (one.fleet?.listed.name ?? '').toLowerCase() === name.toLowerCase(),
    );
    if (named !== undefined && cased === undefined)
      found.push({
        code: 'name-taken',
        severity: 'info',
        identifiers: [row.identifier, named.identifier],
        sentence: `${row.identifier} has the name of Fleet’s ${named.identifier}; Fleet takes a name once in a team.`,
        remedy:
          'If they are meant to be the same, give Fleet’s the old identifier; else give one of them another name.',
      });
  }
  return found;
}

function channel(scope: 'System' | 'User'): string {
  return scope === 'User' ? 'user channel' : 'device';
}

function listed(identifiers: readonly string[]): string {
  return `${identifiers.slice(0, 5).join(', ')}${identifiers.length > 5 ? `, and ${identifiers.length - 5} more` : ''}`;
}

function shortened(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 80)}…`;
}
