/** Between a source as the window says it and its reference: the engine, plans and ladders know only the latter. */
import { existsSync, statSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { NO_WAY } from '../contract/no-way';
import { secretOfSource } from '../contract/source-secrets';
import type { SourceWay } from '../contract/source-ways';
import type { Settings } from '../contract/state';
import { misused, refused } from '../core/failure';
import { parseSource, printSource, withCompanions, type Companions } from '../core/sources';
import type { SourceAccess, SourceLogin } from './engine/protocol';
import type { SecretDrawer } from './secret-drawer';

type SourceSettings = Settings['source'];

/**
 * The reference of one source.
 * @throws FailureError `usage/…` where what was typed names none; `source/incomplete`
 */
export function referenceOf(way: SourceWay): string {
  return withCompanions(`${way.server}:${locationOf(way)}`, companionsOf(way));
}

/** The reference of all of them together. */
function wholeReference(ways: readonly SourceWay[]): string {
  const references = ways.map(referenceOf);
  const [only = ''] = references;
  return references.length < 2 ? only : printSource(parseSource(`several:${JSON.stringify(references)}`));
}

/**
 * What a file or folder is as a source, by its name and by what it is.
 * @throws FailureError `source/no-file`
 */
export function wayOfPath(path: string, slot: number): SourceWay {
  const location = resolve(path);
  if (path === '' || !existsSync(location)) {
    refused('source/no-file', 'What was dropped is no file on this machine.', 'Drop the database file itself.');
  }
  const way = { ...NO_WAY, slot, path: location };
  if (statSync(location).isDirectory()) {
    // MicroMDM's folder holds its database by this name.
    return existsSync(resolve(location, 'micromdm.db')) ? way : { ...way, server: 'nanomdm', place: 'folder' };
  }
  return /^\.(csv|tsv|json)$/i.test(extname(location)) ? { ...way, server: 'csv' } : way;
}

/** The way to a MicroMDM named by its reference: workspaces of before ways were kept have only that. */
export function wayOfReference(text: string, { caFile, pinSha256 }: SourceSettings): SourceWay | null {
  const { kind, transport, location } = parseSource(text);
  if (kind === 'micromdm' && transport === 'file') return { ...NO_WAY, path: location };
  if (kind === 'micromdm' && transport === 'http')
    return { ...NO_WAY, place: 'server', url: location, caFile, pinSha256 };
  return null;
}

/** The ways with this one in its slot, in the order they were added. */
export function withWay(ways: readonly SourceWay[], way: SourceWay): SourceWay[] {
  const known = ways.some(({ slot }) => slot === way.slot);
  return known ? ways.map((one) => (one.slot === way.slot ? way : one)) : [...ways, way];
}

/** Settings that name these ways. */
export function settingsWith(before: SourceSettings, ways: readonly SourceWay[]): SourceSettings {
  const [first = NO_WAY] = ways;
  const reference = wholeReference(ways);
  return {
    ...before,
    reference,
    caFile: first.caFile,
    pinSha256: first.pinSha256,
    ways: [...ways],
    // What was damaged was the other one.
    salvage: before.salvage && before.reference === reference,
  };
}

/** What reading them needs besides the reference: secrets by slot, and whom to trust. */
export function loginsOf(
  { ways, caFile, pinSha256, hostKeys }: SourceSettings,
  secrets: Pick<SecretDrawer, 'get'>,
): Pick<SourceAccess, 'login' | 'logins'> {
  const login = (way: SourceWay): SourceLogin => {
    const secret = (name: Parameters<typeof secretOfSource>[0]): string | null =>
      secrets.get(secretOfSource(name, way.slot));
    const isDatabase = way.place === 'mysql' || way.place === 'postgres';
    const overSsh = way.place === 'ssh' || (isDatabase && way.database.via);
    return {
      apiKey: secret('source-api-key'),
      password: secret('source-password'),
      keyPassphrase: secret('source-key-passphrase'),
      caFile: orNull(way.caFile),
      pinSha256: orNull(way.pinSha256),
      tls: isDatabase ? way.database.tls : null,
      plaintextConfirmed: isDatabase && way.database.plaintextConfirmed,
      ssh: overSsh
        ? {
            keyFile: orNull(way.ssh.keyFile),
            keyPassphrase: secret('source-ssh-passphrase'),
            password: secret('source-ssh-password'),
            agent: way.ssh.agent ? orNull(process.env['SSH_AUTH_SOCK'] ?? '') : null,
            knownHosts: [],
            hostKey: hostKeys[hostOf(way)] ?? null,
          }
        : null,
    };
  };
  const [first = { ...NO_WAY, caFile, pinSha256 }] = ways;
  return {
    login: login(first),
    logins: ways.length < 2 ? [] : ways.map((way) => ({ reference: referenceOf(way), login: login(way) })),
  };
}

/** An SSH server as OpenSSH keeps its host key by: `host`, or `[host]:port` where the port is not the usual one. */
export function hostOf({ ssh }: SourceWay): string {
  const host = ssh.host
    .trim()
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1');
  return ssh.port === null || ssh.port === 22 ? host : `[${host}]:${ssh.port}`;
}

function locationOf(way: SourceWay): string {
  const { place, path, url, database, ssh } = way;
  switch (place) {
    case 'file':
    case 'folder':
      return filled(path.trim(), place === 'file' ? 'file' : 'folder');
    case 'server':
      return filled(url.trim(), 'address');
    case 'mysql':
    case 'postgres': {
      const server = address(database.host, database.port, database.user, 'database server');
      return `${place}://${server}/${encodeURIComponent(filled(database.name.trim(), 'database'))}`;
    }
    case 'ssh': {
      const parts = filled(path.trim(), 'path on the server').split('/').map(encodeURIComponent);
      return `ssh://${address(ssh.host, ssh.port, ssh.user, 'SSH server')}${parts[0] === '' ? '' : '/'}${parts.join('/')}`;
    }
  }
}

function companionsOf({ place, server, database, ssh, beside }: SourceWay): Companions {
  if (server === 'micromdm') return {};
  const { scepDepot, scepCa, scepCaKey, pushCertificate, pushKey, profile } = beside;
  const named = {
    'scep-depot': scepDepot,
    'scep-ca': scepCa,
    'scep-ca-key': scepCaKey,
    'push-certificate': pushCertificate,
    'push-key': pushKey,
    profile,
    via:
      database.via && (place === 'mysql' || place === 'postgres')
        ? `ssh://${address(ssh.host, ssh.port, ssh.user, 'SSH server')}`
        : '',
  };
  return Object.fromEntries(
    Object.entries(named).flatMap(([name, value]) => (value.trim() === '' ? [] : [[name, value.trim()]])),
  );
}

/** `user@host:port`, with what would mean something else in an address encoded. */
function address(host: string, port: number | null, user: string, what: string): string {
  const bare = filled(host.trim(), what).replace(/^\[(.*)\]$/, '$1');
  if (/[\s/@?#]/.test(bare))
    misused('source/host', `The ${what} is no host name.`, 'Write a name or an address, without anything around it.');
  const shown = bare.includes(':') ? `[${bare}]` : bare;
  return `${encodeURIComponent(filled(user.trim(), `account at the ${what}`))}@${shown}${port === null ? '' : `:${port}`}`;
}

function filled(value: string, what: string): string {
  if (value === '') misused('source/incomplete', `The ${what} is not named yet.`, 'Fill it in, then read again.');
  return value;
}

function orNull(value: string): string | null {
  return value.trim() === '' ? null : value.trim();
}
