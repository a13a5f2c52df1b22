/** Which of NanoMDM's two file stores lies in a folder, and reading it as one state. */
import { setTimeout as pause } from 'node:timers/promises';
import { unreadable } from '../../failure';
import type { Folder } from '../../folder';
import type { Snapshot } from '../snapshot';
import { FileStore } from './file-store';
import { keepsChanging } from './folder-listing';
import { readNanoMdm, type ReadNanoMdmOptions } from './index';
import { KeyValueStore } from './key-value-store';

/** How often a folder that is written meanwhile is read again, and the pause before each, milliseconds. */
const RETRIES = 5;
const BACKOFF = 50;

/**
 * Reads a folder into a snapshot, again when the server wrote to it meanwhile.
 * @throws FailureError `nanomdm/no-store`, `nanomdm/changing`, `folder/…`, as {@link readNanoMdm}
 */
export async function readFolder(folder: Folder, options: ReadNanoMdmOptions): Promise<Snapshot> {
  for (let retries = 0; retries <= RETRIES; retries += 1) {
    if (retries > 0) await pause(BACKOFF * 2 ** Math.min(retries, 3));
    const store = await openFolderStore(folder);
    store.findings.add('nanomdm-store', 'info', `${store.description}.`);
    const snapshot = await readNanoMdm(store, { ...options, retries });
    if (await store.isUnchanged()) return snapshot;
  }
  return keepsChanging(folder);
}

async function openFolderStore(folder: Folder): Promise<FileStore | KeyValueStore> {
  const about = await folder.stat('');
  if (about === null)
    return unreadable(
      'nanomdm/no-store',
      `There is nothing at ${folder.name}.`,
      'Name NanoMDM’s folder (-storage-dsn).',
    );
  if (about.kind !== 'folder')
    return unreadable(
      'nanomdm/no-store',
      `${folder.name} is a file; NanoMDM’s stores are folders.`,
      'Name the folder given to the server as -storage-dsn, by default dbkv or db.',
    );
  const entries = (await folder.list()) ?? [];
  const names = new Map(entries.map(({ name, kind }) => [name, kind]));
  if (names.get('enrollments') === 'folder' && names.get('devices') === 'folder') return KeyValueStore.open(folder);
  if (names.get('CertAuth.txt') === 'file') return FileStore.open(folder);
  // Where a real store has thousands, the first few tell.
  for (const { name } of entries.filter(({ kind }) => kind === 'folder').slice(0, 200)) {
    const inner = new Set(((await folder.list(name)) ?? []).map((entry) => entry.name));
    if (inner.has('Authenticate.plist') || inner.has('TokenUpdate.plist')) return FileStore.open(folder);
    if (inner.has('CertAuth.txt') || (inner.has('enrollments') && inner.has('devices')))
      return unreadable(
        'nanomdm/no-store',
        `${folder.name} is not NanoMDM’s store, but the folder ${name} in it is.`,
        `Name ${folder.name}/${name}.`,
        { path: folder.name },
      );
  }
  return unreadable(
    'nanomdm/no-store',
    `${folder.name} is no store of NanoMDM: neither the folders of filekv (devices, enrollments, cert_auth) nor those of file (one for each enrollment, CertAuth.txt) are in it.`,
    'Name the folder given to the server as -storage-dsn, by default dbkv or db. If the server keeps its data in a database, name that.',
    { path: folder.name },
  );
}
