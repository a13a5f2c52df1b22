/**
 * The backup only the old server's own means can make. A capture holds what moves, and it is read back; but no old server
 * starts from it, and what it does not carry over (its commands, their answers, its settings) is in none.
 */
import { basename, dirname } from 'node:path';
import { isLoopback } from '../fleet/connection';
import { shellQuoted } from '../shell-quoted';
import { parseSource, type SourceReference } from '../sources';
import { databaseAddress, folderPath } from '../sources/nanomdm/source';
import type { Confirmation } from './decommission';

export interface OwnBackup {
  /** To be run as they are; none where only the operator knows how. Never a secret: they ask for the password. */
  readonly commands: readonly string[];
  /** Who has made it, when and where: as they say. */
  readonly confirmation: Confirmation | null;
  /** Its file, where it was given: what was hashed. */
  readonly file: { readonly path: string; readonly sha256: string; readonly size: number } | null;
}

/** Whether the private copy of such a source is less than a backup. MicroMDM is one file, and is copied as a whole. */
export function needsOwnBackup({ kind }: Pick<SourceReference, 'kind'>): boolean {
  return kind !== 'micromdm';
}

/** The commands that back a source up by its own means. */
export function ownBackupCommands(reference: SourceReference): string[] {
  const { kind, transport, location, companions = {} } = reference;
  if (kind === 'several') return sourcesIn(location).flatMap(ownBackupCommands);
  const depot = companions['scep-depot'];
  const commands = [
    ...(transport === 'mysql' || transport === 'postgres' ? [privately(databaseCommand(transport, location))] : []),
    ...(transport === 'folder' ? [folderCommand(location, 'old-server-before-switch-off')] : []),
    ...(depot === undefined ? [] : [folderCommand(depot, 'scep-depot-before-switch-off')]),
  ];
  return companions.via === undefined || commands.length === 0
    ? commands
    : [`# Seen from ${companions.via}; log in there first.`, ...commands];
}

function databaseCommand(engine: 'mysql' | 'postgres', location: string): string {
  const { host, port, user: account, database: name } = databaseAddress(location);
  const user = shellQuoted(account);
  const database = shellQuoted(name);
  const open = isLoopback(host);
  const place = `--host=${shellQuoted(host)} --port=${port}`;
  return engine === 'mysql'
    ? `mysqldump --single-transaction --routines --triggers --set-gtid-purged=OFF --no-tablespaces ${place} --user=${user} --password${open ? '' : ' --ssl-mode=VERIFY_IDENTITY'} ${database} > old-server-before-switch-off.sql`
    : `${open ? '' : 'PGSSLMODE=verify-full '}pg_dump --format=custom --file=old-server-before-switch-off.dump ${place} --username=${user} --password ${database}`;
}

function folderCommand(location: string, name: string): string {
  const path = folderPath(location);
  return privately(
    `tar --create --gzip --file=${name}.tar.gz --directory=${shellQuoted(dirname(path))} ${shellQuoted(basename(path))}`,
  );
}

/** What is written holds every secret of the old server. */
function privately(command: string): string {
  return `(umask 077; ${command})`;
}

function sourcesIn(location: string): SourceReference[] {
  const list: unknown = JSON.parse(location);
  return Array.isArray(list) ? list.filter((one) => typeof one === 'string').map((one) => parseSource(one)) : [];
}
