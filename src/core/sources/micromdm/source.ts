/** MicroMDM as a kind of source: its file, here or on the server, or the server's own backup. */
import { statSync } from 'node:fs';
import { link, rename, unlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { copyRemote, copyStable, openBolt } from '../../bolt';
import { attempt, misused, unreadable } from '../../failure';
import { removeAbandoned, temporaryName } from '../../private-file';
import { isSsh, parseSshPlace, printSsh, SSH_LIMITS, withRemoteFile } from '../../ssh';
import { hashFile } from '../file-hash';
import { privateFolder } from '../private-folder';
import type { ProfileCommands, ReadOptions, SourceCopy, SourceKind, SourceReference } from '../source-kind';
import type { Snapshot } from '../snapshot';
import { cannotSave, downloadBackup, MAX_BYTES, parseBackupUrl, requireSpace } from './backup';
import { DATABASE_NAME, databaseIn, HELD_BYTES, readMicroMdm, type ReadMicroMdmOptions } from './index';
import { requireMicroMdm } from './origin';
import { readProfileCommands } from './profile-commands';

/** MicroMDM in the table of sources. */
export const microMdm: SourceKind = {
  name: 'micromdm',
  forms: ['micromdm:PATH', 'micromdm:https://HOST[:PORT][/PREFIX]', 'micromdm:ssh://USER@HOST[:PORT]/PATH'],
  parse,
  read,
  copy,
  profileCommands,
};

/** From the private copy where there is one: a live file is asked once only. */
async function profileCommands(
  reference: SourceReference,
  options: ReadOptions,
  copied: string | null,
): Promise<ProfileCommands> {
  const { at, salvage = false, onProgress, folder } = options;
  const path =
    copied ??
    (reference.transport === 'file'
      ? reference.location
      : (await copy(reference, requireFolder(folder), options)).path);
  return readProfileCommands(path, { at, salvage, ...(onProgress ? { onProgress } : {}) });
}

function parse(location: string): SourceReference {
  if (location === '')
    misused('usage/source', 'The source names no file.', 'Write micromdm:PATH or micromdm:https://HOST.');
  if (isSsh(location)) return { kind: 'micromdm', transport: 'ssh', location: printSsh(parseSshPlace(location)) };
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(location)) {
    const url = parseBackupUrl(location);
    return { kind: 'micromdm', transport: 'http', location: url.href.replace(/\/+$/, '') };
  }
  return { kind: 'micromdm', transport: 'file', location: resolve(location) };
}

async function read(reference: SourceReference, options: ReadOptions): Promise<Snapshot> {
  const { at, salvage = false, keepCertificates = true, onProgress } = options;
  const reading = { at, salvage, keepCertificates, ...(onProgress ? { onProgress } : {}) };
  if (reference.transport === 'file') {
    if (options.privateCopy === true) return readMicroMdm(reference.location, { ...reading, live: false });
    if (options.folder !== undefined && isLarge(reference.location))
      return readThroughCopy(reference, options, reading);
    return readMicroMdm(reference.location, reading);
  }
  const { path } = await copy(reference, requireFolder(options.folder), options);
  return readMicroMdm(path, { ...reading, live: false, name: reference.location });
}

/** True for a database whose devices are not kept in memory. */
function isLarge(location: string): boolean {
  const size = statSync(databaseIn(location), { throwIfNoEntry: false })?.size ?? 0;
  return size >= HELD_BYTES;
}

/**
 * Reads a large file through a copy that is gone when this returns, but for who reads from it: devices that are not kept
 * in memory are read again and again, and its server may write the file meanwhile.
 */
async function readThroughCopy(
  reference: SourceReference,
  options: ReadOptions,
  reading: ReadMicroMdmOptions,
): Promise<Snapshot> {
  const folder = requireFolder(options.folder);
  await privateFolder(folder);
  const path = databaseIn(reference.location);
  const temporary = temporaryName(join(folder, 'copy'));
  try {
    await requireSpace(temporary, statSync(path).size);
    const { sha256, retries } = await copyStable(path, temporary, copying(options));
    const snapshot = await readMicroMdm(temporary, { ...reading, live: false, name: path, sha256 });
    return { ...snapshot, source: { ...snapshot.source, retries } };
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
}

async function copy(
  reference: SourceReference,
  folder: string,
  options: Omit<ReadOptions, 'at' | 'folder'>,
): Promise<SourceCopy> {
  await privateFolder(folder);
  await removeAbandoned(folder);
  const temporary = temporaryName(join(folder, 'copy'));
  try {
    const made = await (reference.transport === 'file'
      ? copyStable(databaseIn(reference.location), temporary, copying(options))
      : reference.transport === 'ssh'
        ? fetchLive(reference.location, temporary, options)
        : download(reference.location, temporary, options));
    // Named by content, so the same state is kept once.
    const path = join(folder, `micromdm-${made.sha256.slice(0, 16)}.db`);
    await intoPlace(temporary, path, made.sha256);
    return { path, sha256: made.sha256, size: made.size, txid: Number(made.txid), retries: made.retries };
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}

/** Gives a finished copy its name. One of the same content stays as it is: another command may be reading it. */
async function intoPlace(temporary: string, path: string, sha256: string): Promise<void> {
  try {
    await link(temporary, path);
  } catch {
    // There is one, damaged perhaps; or the folder is on a file system without hard links.
    const there = await attempt(() => hashFile(path));
    if (!there.ok || there.value !== sha256) {
      await rename(temporary, path).catch((error: unknown) => cannotSave(path, error));
      return;
    }
  }
  await unlink(temporary);
}

/** The file as it lies on the server, which may be writing it: read over SFTP, never locked. */
function fetchLive(
  location: string,
  target: string,
  options: Omit<ReadOptions, 'at' | 'folder'>,
): ReturnType<typeof copyRemote> {
  const { limits = {}, ssh } = options;
  const { maxBytes = MAX_BYTES, connectTimeout, idleTimeout } = limits;
  const copied = withRemoteFile(
    location,
    DATABASE_NAME,
    ssh,
    (file) =>
      copyRemote(file, target, {
        ...copying(options),
        async admit(size) {
          if (size > maxBytes)
            unreadable(
              'source/too-big',
              `${file.name} has more than ${maxBytes} bytes.`,
              'Look at what that file is.',
              {
                limit: maxBytes,
              },
            );
          await requireSpace(target, size);
        },
      }),
    { connect: connectTimeout ?? SSH_LIMITS.connect, silence: idleTimeout ?? SSH_LIMITS.silence },
  );
  return copied.then((made) => {
    const bolt = openBolt(target, copying(options));
    try {
      requireMicroMdm(bolt);
      return made;
    } finally {
      bolt.close();
    }
  });
}

async function download(
  location: string,
  target: string,
  options: Omit<ReadOptions, 'at' | 'folder'>,
): Promise<{ sha256: string; size: number; txid: bigint; retries: number }> {
  const { apiKey, caFile, pinSha256, onProgress, salvage = false } = options;
  if (!apiKey)
    misused(
      'usage/api-key-missing',
      'Downloading a backup needs the server’s API key.',
      'Give it in a file (--api-key-file) or in SLIPWAY_API_KEY.',
    );
  const received = await downloadBackup(parseBackupUrl(location), target, {
    apiKey,
    ...(caFile === undefined ? {} : { caFile }),
    ...(pinSha256 === undefined ? {} : { pinSha256 }),
    ...(onProgress ? { onProgress } : {}),
    ...options.limits,
  });
  const bolt = openBolt(target, { salvage });
  try {
    requireMicroMdm(bolt);
    return { ...received, txid: bolt.txid, retries: 0 };
  } finally {
    bolt.close();
  }
}

function copying({ onProgress, salvage = false }: Omit<ReadOptions, 'at' | 'folder'>): {
  salvage: boolean;
  onProgress?: NonNullable<ReadOptions['onProgress']>;
} {
  return { salvage, ...(onProgress ? { onProgress } : {}) };
}

function requireFolder(folder: string | undefined): string {
  return (
    folder ??
    misused('usage/no-folder', 'A backup must be saved somewhere private.', 'Name a folder for private copies.')
  );
}
