/** Folders that hold secrets: nobody else may look in (0700). */
import { chmod, mkdir, readdir, stat } from 'node:fs/promises';
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
      'Name a folder this account may write to, on a disk that has room.',
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

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown';
}
