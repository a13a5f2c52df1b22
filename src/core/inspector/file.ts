/** Files and folders as they were named: every file under them, within bounds. */
import { constants } from 'node:fs';
import { lstat, open, opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** The largest file that is read whole. Databases are not: they are opened where they lie. */
export const MAX_FILE_BYTES = 64 * 1024 * 1024;
const MAX_FILES = 5000;
const MAX_FOLDER_DEPTH = 12;

/** A file to inspect. */
export interface FileFound {
  readonly path: string;
  /** How it is called in the result. */
  readonly name: string;
  /** It was named itself, not only its folder. */
  readonly named: boolean;
}

/** All files under a path, sorted by name; the path itself when it is a file. Links inside folders are not followed. */
export async function filesUnder(path: string): Promise<FileFound[]> {
  const found: FileFound[] = [];
  if (!(await stat(path)).isDirectory()) return [{ path, name: path, named: true }];
  const walk = async (folder: string, depth: number): Promise<void> => {
    const names: string[] = [];
    for await (const { name } of await opendir(folder)) {
      if (names.length >= MAX_FILES) break;
      names.push(name);
    }
    for (const name of names.sort()) {
      if (found.length >= MAX_FILES) return;
      const inner = join(folder, name);
      const about = await lstat(inner);
      if (about.isDirectory() && depth < MAX_FOLDER_DEPTH) await walk(inner, depth + 1);
      else if (about.isFile()) found.push({ path: inner, name: inner, named: false });
    }
  };
  await walk(path, 0);
  return found;
}

/** The first octets of a file, and how long it is. */
export async function headOf(path: string): Promise<{ head: Buffer; size: number }> {
  // Without blocking: a named pipe that nobody writes must not hang us.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK || 0));
  try {
    const about = await file.stat();
    // A device or pipe. The code is ours; the file system has none for it.
    if (!about.isFile()) throw Object.assign(new Error('not a file'), { code: 'ENOTFILE' });
    const head = Buffer.alloc(64);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    return { head: head.subarray(0, bytesRead), size: about.size };
  } finally {
    await file.close();
  }
}

/** A whole file, up to the limit; it may have grown since it was measured. */
export async function contentOf(path: string): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK || 0));
  try {
    const { size } = await file.stat();
    const content = Buffer.alloc(Math.min(size, MAX_FILE_BYTES));
    let filled = 0;
    while (filled < content.length) {
      const { bytesRead } = await file.read(content, filled, content.length - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return content.subarray(0, filled);
  } finally {
    await file.close();
  }
}
