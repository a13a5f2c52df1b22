/** A folder that is only read, wherever it lies: on this machine, or on another one over SFTP. */
import { unreadable } from '../failure';

/** What lies in a folder. `other` is a pipe, a socket or a device. Links are told, never followed. */
export interface FolderEntry {
  /** Without any `/`. */
  readonly name: string;
  readonly kind: 'file' | 'folder' | 'link' | 'other';
  /** Bytes. */
  readonly size: number;
  /** When it was changed last, milliseconds since the epoch; over SFTP to the second. */
  readonly modified: number;
}

/**
 * A folder that is only read. Paths are relative to it and written with `/`; the empty one is the folder itself. Many
 * questions may be asked at once: over SFTP that is what makes it quick, and a bound is kept inside.
 *
 * All methods throw FailureError `folder/no-permission` and `folder/read-failed`, over SFTP also `ssh/connection-lost`
 * and `ssh/timeout`.
 */
export interface Folder {
  /** For messages: an absolute path, or `ssh://user@host/path`. */
  readonly name: string;
  /**
   * What lies in it, in the order of the names' code units; null when there is no such folder.
   * @throws FailureError `folder/not-a-folder`, `folder/too-many`
   */
  list(path?: string): Promise<FolderEntry[] | null>;
  /** One entry; null when there is none. The folder itself may be a link, what lies in it is told as such. */
  stat(path: string): Promise<FolderEntry | null>;
  /**
   * A whole file; null when there is none.
   * @param limit in bytes
   * @throws FailureError `folder/too-big` for a file beyond the limit, also when it grows while it is read;
   *   `folder/not-a-file` for anything but a file, links included
   */
  read(path: string, limit: number): Promise<Buffer | null>;
  /** Lets go of it. Never throws. */
  close(): Promise<void>;
}

/** More entries in one folder than this are not read: 10,000 devices have some 100,000 files. */
export const MAX_ENTRIES = 1_000_000;

/** A relative path that stays inside. Anything else is a defect of the caller: names of entries are checked on arrival. */
export function requireInside(path: string): string {
  if (path === '') return path;
  const parts = path.split('/');
  if (path.includes('\0') || parts.some((part) => part === '' || part === '.' || part === '..'))
    throw new TypeError('a path inside a folder is relative and has no empty, . or .. parts');
  return path;
}

/** True for a name an entry can have. What a server sends is not ours to trust. */
export function isEntryName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !name.includes('/') && !name.includes('\0');
}

/** Orders entries by their names' code units, so that the same folder is always the same list. */
export function byName(a: FolderEntry, b: FolderEntry): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** Throws `folder/too-big`. */
export function tooBig(path: string, limit: number): never {
  return unreadable('folder/too-big', `${path} is larger than ${limit} bytes.`, 'Look at what that file is.', {
    path,
    limit,
  });
}

/** Throws `folder/too-many`. */
export function tooMany(path: string): never {
  return unreadable(
    'folder/too-many',
    `More than ${MAX_ENTRIES} entries lie in the folder ${path}.`,
    'Name the folder that belongs to the server alone.',
    { path },
  );
}

/** Throws `folder/not-a-file`. */
export function notAFile(path: string, kind: Exclude<FolderEntry['kind'], 'file'>): never {
  const what = { folder: 'a folder', link: 'a link, which is not followed', other: 'a pipe or a device' }[kind];
  return unreadable(
    'folder/not-a-file',
    `${path} is ${what}; a file is due there.`,
    'Name the folder the server itself writes to.',
    {
      path,
      kind,
    },
  );
}

/** Throws `folder/not-a-folder`. */
export function notAFolder(path: string): never {
  return unreadable('folder/not-a-folder', `${path} is no folder.`, 'Name the folder it lies in.', { path });
}

/** Throws `folder/no-permission`. */
export function noPermission(path: string, remedy: string): never {
  return unreadable('folder/no-permission', `This account may not read ${path}.`, remedy, { path });
}
