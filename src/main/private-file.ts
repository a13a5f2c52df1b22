/** Files of the app's own: readable for their owner alone, and whole or not there at all. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { unreadable } from '../core/failure';

/**
 * Writes a file in one step, replacing what was there: a power cut leaves the old one or the new one.
 * @throws FailureError `file/cannot-write`
 */
export async function replacePrivate(path: string, text: string | Buffer): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.part`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    unreadable(
      'file/cannot-write',
      `${path} cannot be written (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}).`,
      'See to the disk it lies on: space, permissions, and whether it is still there.',
    );
  }
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
