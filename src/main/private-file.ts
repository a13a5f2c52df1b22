/** Files of the app's own: readable for their owner alone, and whole or not there at all. */
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { unreadable } from '../core/failure';
import { writePrivate } from '../core/private-file';

/**
 * Writes a file in one step, replacing what was there: a power cut leaves the old one or the new one. Its folder is made
 * where there is none.
 * @throws FailureError `file/cannot-write`
 */
export async function replacePrivate(path: string, content: string | Buffer): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  } catch (error) {
    unreadable(
      'file/cannot-write',
      `${path} cannot be written (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}).`,
      'See to the disk it lies on: space, permissions, and whether it is still there.',
    );
  }
  await writePrivate(path, content, { overwrite: true });
}

/** The text of a file; null when there is none. Other errors are the caller's to explain. */
export async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
