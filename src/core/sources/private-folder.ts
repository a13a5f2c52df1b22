/** Folders and files that hold secrets: nobody else may look in (0700, 0600), and nothing is half written. */
import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { refused, unreadable } from '../failure';

/**
 * Makes a folder that only its owner can enter. One that exists is tightened when it is empty.
 * @throws FailureError `folder/not-private` when it exists, holds something and others may look in;
 *   `folder/cannot-make`
 */
export async function privateFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    const { mode } = await stat(path);
    // Windows has no such bits: its folders under the user's profile are private already.
    if (process.platform === 'win32' || (mode & 0o077) === 0) return;
    if ((await readdir(path)).length === 0) {
      await chmod(path, 0o700);
      return;
    }
  } catch (error) {
    return unreadable(
      'folder/cannot-make',
      `The folder ${path} cannot be made or entered (${codeOf(error)}).`,
      'Name a folder this account may write to.',
      { path },
    );
  }
  return refused(
    'folder/not-private',
    `Other accounts may look into the folder ${path}; files with secrets are not written there.`,
    `Run chmod 700 on it, or name a new folder.`,
    { path },
  );
}

/** A name beside `target` for writing under until it is complete. */
export function temporaryName(target: string): string {
  return join(dirname(target), `.${randomBytes(6).toString('hex')}.part`);
}

/**
 * Writes a private file in one step: complete and on disk, or not there at all.
 * @throws FailureError `file/exists` when there is one of this name; `file/cannot-write`
 */
export async function writePrivate(target: string, content: Buffer): Promise<void> {
  const temporary = temporaryName(target);
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await intoPlace(temporary, target);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    if (codeOf(error) === 'EEXIST') return exists(target);
    unreadable('file/cannot-write', `${target} cannot be written (${codeOf(error)}).`, 'See to the disk it lies on.', {
      path: target,
    });
  }
}

/** Throws `file/exists`. */
export function exists(target: string): never {
  return refused('file/exists', `${target} exists already and is not overwritten.`, 'Name another folder.', {
    path: target,
  });
}

/** Gives a finished file its name without ever replacing another. */
async function intoPlace(temporary: string, target: string): Promise<void> {
  try {
    await link(temporary, target);
  } catch (error) {
    // FAT and some network shares have no hard links.
    if (!['EPERM', 'ENOTSUP', 'ENOSYS', 'EOPNOTSUPP'].includes(codeOf(error))) throw error;
    if (await stat(target).catch(() => null)) throw Object.assign(new Error('exists'), { code: 'EEXIST' });
    return rename(temporary, target);
  }
  await unlink(temporary);
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown';
}
