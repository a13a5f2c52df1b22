/** A folder of this machine. */
import { constants, type Stats } from 'node:fs';
import { lstat, open, opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError, unreadable } from '../failure';
import {
  byName,
  isEntryName,
  MAX_ENTRIES,
  noPermission,
  notAFile,
  notAFolder,
  requireInside,
  tooBig,
  tooMany,
  type Folder,
  type FolderEntry,
} from './folder';

/** Files asked about at once: enough to keep a disk busy, few enough for any limit on open files. */
const AT_ONCE = 32;

/** Opens a folder of this machine by its absolute path. Nothing is read yet. */
export function localFolder(path: string): Folder {
  const absolute = (inside: string): string => (inside === '' ? path : join(path, requireInside(inside)));
  return {
    name: path,
    list: (inside = '') => list(absolute(inside)),
    async stat(inside) {
      const full = absolute(inside);
      // The folder itself may be reached through a link: that is the operator's own doing.
      const found = await (inside === '' ? stat(full) : lstat(full)).catch(absent(full));
      return found === null ? null : entryOf(inside.split('/').at(-1) ?? '', found);
    },
    read: (inside, limit) => read(absolute(inside), limit),
    close: () => Promise.resolve(),
  };
}

async function list(path: string): Promise<FolderEntry[] | null> {
  const names: string[] = [];
  try {
    for await (const { name } of await opendir(path)) {
      if (names.length >= MAX_ENTRIES) tooMany(path);
      if (isEntryName(name)) names.push(name);
    }
  } catch (error) {
    if (error instanceof FailureError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return notAFolder(path);
    return absent(path)(error);
  }
  const entries: FolderEntry[] = [];
  for (let at = 0; at < names.length; at += AT_ONCE) {
    const some = names.slice(at, at + AT_ONCE).map(async (name) => {
      // One that went away since is not there.
      const found = await lstat(join(path, name)).catch(absent(join(path, name)));
      return found === null ? [] : [entryOf(name, found)];
    });
    entries.push(...(await Promise.all(some)).flat());
  }
  return entries.sort(byName);
}

async function read(path: string, limit: number): Promise<Buffer | null> {
  // O_NONBLOCK: a pipe must not hold the open up. Windows has neither flag; there they are undefined, which counts as 0.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(path, flags).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ELOOP') return notAFile(path, 'link');
    return absent(path)(error);
  });
  if (handle === null) return null;
  try {
    const about = await handle.stat();
    const { kind } = entryOf('', about);
    if (kind !== 'file') notAFile(path, kind);
    if (about.size > limit) tooBig(path, limit);
    // One byte more than it has now: it may be growing.
    const bytes = Buffer.alloc(Math.min(limit, about.size) + 1);
    let length = 0;
    while (length < bytes.length) {
      const { bytesRead } = await handle.read(bytes, length, bytes.length - length, length);
      if (bytesRead === 0) return bytes.subarray(0, length);
      length += bytesRead;
    }
    if (length > limit) tooBig(path, limit);
    return unreadable(
      'folder/read-failed',
      `${path} grew while it was read.`,
      'Try again; if it happens again, stop the server while its files are read.',
      { path },
    );
  } catch (error) {
    if (error instanceof FailureError) throw error;
    return absent(path)(error);
  } finally {
    await handle.close();
  }
}

function entryOf(name: string, about: Stats): FolderEntry {
  const kind = about.isFile() ? 'file' : about.isDirectory() ? 'folder' : about.isSymbolicLink() ? 'link' : 'other';
  return { name, kind, size: about.size, modified: about.mtimeMs };
}

/** What the operating system said, as null where nothing is there and as a failure otherwise. */
function absent(path: string): (error: unknown) => null {
  return (error) => {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown';
    if (reason === 'ENOENT' || reason === 'ENOTDIR') return null;
    if (reason === 'EACCES' || reason === 'EPERM')
      return noPermission(path, 'Run as an account that may read it, or copy the folder to a place of your own.');
    return unreadable(
      'folder/read-failed',
      `${path} cannot be read (${reason}).`,
      'See to the disk or share it lies on.',
      {
        path,
        reason,
      },
    );
  };
}
