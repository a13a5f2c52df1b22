/**
 * Everything that lies in a NanoMDM folder, listed before it is read and again afterwards: two files of one device must be
 * of one state, and a folder has no transactions.
 */
import { FailureError, unreadable } from '../../failure';
import type { Folder, FolderEntry } from '../../folder';
import { LARGEST_VALUE } from './store';

/** Folders listed, or files read, at a time. */
const AT_ONCE = 32;
/** Device, bucket, and the two halves of a key's beginning: nothing lies deeper. */
const DEEPEST = 3;

/** Runs over a list, some at a time, and gives the results in its order. */
export async function someAtATime<T, U>(list: readonly T[], work: (entry: T) => Promise<U>): Promise<U[]> {
  const done: U[] = [];
  for (let at = 0; at < list.length; at += AT_ONCE)
    done.push(...(await Promise.all(list.slice(at, at + AT_ONCE).map(work))));
  return done;
}

/** The files of some subfolders, as they were when they were listed. */
export class FolderListing {
  private constructor(
    readonly folder: Folder,
    /** By path. */
    readonly files: ReadonlyMap<string, FolderEntry>,
    private readonly skip: (path: string) => boolean,
  ) {}

  /**
   * Lists all files.
   * @param skip paths, of folders too, that are left out
   * @throws FailureError `folder/…`
   */
  static async of(folder: Folder, skip: (path: string) => boolean): Promise<FolderListing> {
    const files = new Map<string, FolderEntry>();
    let level = [''];
    for (let depth = 0; depth <= DEEPEST && level.length > 0; depth += 1) {
      const next: string[] = [];
      const listed = await someAtATime(level, async (path) => ({ path, entries: (await folder.list(path)) ?? [] }));
      for (const { path, entries } of listed)
        for (const entry of entries) {
          const inside = path === '' ? entry.name : `${path}/${entry.name}`;
          if (skip(inside)) continue;
          if (entry.kind === 'file') files.set(inside, entry);
          else if (entry.kind === 'folder') next.push(inside);
        }
      level = next;
    }
    return new FolderListing(folder, files, skip);
  }

  has(path: string): boolean {
    return this.files.has(path);
  }

  /** Bytes; null when there is no such file. */
  size(path: string): number | null {
    return this.files.get(path)?.size ?? null;
  }

  /** A whole file that was listed; null when there was none, and for one larger than any device's value. */
  async value(path: string): Promise<Buffer | null> {
    const entry = this.files.get(path);
    if (entry === undefined || entry.size > LARGEST_VALUE) return null;
    try {
      return await this.folder.read(path, LARGEST_VALUE);
    } catch (error) {
      // It grew beyond the bound since it was listed: the second listing will say so.
      if (error instanceof FailureError && error.failure.code === 'folder/too-big') return null;
      throw error;
    }
  }

  /** A file of text without the white space around it; null for none and for an empty one. */
  async text(path: string): Promise<string | null> {
    const text = (await this.value(path))?.toString('utf8').trim() ?? '';
    return text === '' ? null : text;
  }

  /** True when nothing was written meanwhile. Over SFTP, what was written within one second with the same size is not seen. */
  async isUnchanged(): Promise<boolean> {
    const { files } = await FolderListing.of(this.folder, this.skip);
    if (files.size !== this.files.size) return false;
    for (const [path, { size, modified }] of files) {
      const before = this.files.get(path);
      if (before === undefined || before.size !== size || before.modified !== modified) return false;
    }
    return true;
  }
}

/** Throws `nanomdm/changing`. */
export function keepsChanging(folder: Folder): never {
  return unreadable(
    'nanomdm/changing',
    `Files in ${folder.name} were written while they were read, every time it was tried; what was read is not of one state.`,
    'Try again when it is quieter, or stop the server and copy the folder.',
    { path: folder.name },
  );
}
