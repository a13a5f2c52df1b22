/** Other machines over SSH: files that are only read, and tunnels to their databases. Nothing is written there. */
import type { Duplex } from 'node:stream';
import { localFolder, type Folder } from '../folder';
import { isSsh, parseSshAddress, parseSshPlace } from './address';
import type { SshCredentials, SshLimits } from './credentials';
import type { RemoteFile } from './remote-file';

export { isSsh, nameOf, parseSshAddress, parseSshPlace, printSsh } from './address';
export { SSH_LIMITS, type SshCredentials } from './credentials';

/** A way to hosts as another machine sees them: one login, any number of connections. */
export interface Tunnel {
  /**
   * @param host as it is called there: `localhost` is that machine itself
   * @throws FailureError `ssh/tunnel-failed`, `ssh/tunnel-prohibited`, `ssh/connection-lost`, `ssh/timeout`
   */
  open(host: string, port: number): Promise<Duplex & { readonly bytesRead: number }>;
  /** Ends all that goes through it. Never throws. */
  close(): Promise<void>;
}

/**
 * Logs in at a jump host.
 * @param via `ssh://USER@HOST[:PORT]`
 * @throws FailureError `usage/…`, `ssh/…` as `SshConnection.open`
 */
export async function openTunnel(via: string, credentials: SshCredentials = {}, limits?: SshLimits): Promise<Tunnel> {
  const address = parseSshAddress(via);
  const { SshConnection } = await import('./connection');
  const connection = await SshConnection.open(address, credentials, limits);
  return {
    open: (host, port) => connection.openStream(host, port),
    close: () => connection.close(),
  };
}

/**
 * Opens a folder for reading: of this machine by its absolute path, of another by `ssh://USER@HOST[:PORT]/PATH`.
 * @throws FailureError `usage/…`, `ssh/…` as `SshConnection.open`
 */
export async function openFolder(
  location: string,
  credentials: SshCredentials = {},
  limits?: SshLimits,
): Promise<Folder> {
  if (!isSsh(location)) return localFolder(location);
  const place = parseSshPlace(location);
  const { remoteFolder } = await import('./remote-folder');
  return remoteFolder(place, credentials, limits);
}

/**
 * Opens a file on another machine, works with it, and ends the connection.
 * @param location `ssh://USER@HOST[:PORT]/PATH`
 * @param inFolder the name of the file where the path is a folder
 * @throws FailureError `usage/…`, `ssh/…`; what `work` throws
 */
export async function withRemoteFile<T>(
  location: string,
  inFolder: string,
  credentials: SshCredentials | undefined,
  work: (file: RemoteFile) => Promise<T>,
  limits?: SshLimits,
): Promise<T> {
  const place = parseSshPlace(location);
  const { SshConnection } = await import('./connection');
  const { openRemoteFile, remoteKind } = await import('./remote-file');
  const connection = await SshConnection.open(place, credentials ?? {}, limits);
  try {
    const isFolder = (await remoteKind(connection, place.path)) === 'folder';
    const path = isFolder ? `${place.path.replace(/\/$/, '')}/${inFolder}` : place.path;
    const file = await openRemoteFile(connection, path);
    try {
      return await work(file);
    } finally {
      await file.close();
    }
  } finally {
    await connection.close();
  }
}
