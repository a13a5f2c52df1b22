/** Private copies of sources: listed, and deleted with one action. */
import { readdir, rm, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { CallOutput } from '../contract/calls';
import { appFolders } from './app-folders';

export async function listCopies(): Promise<CallOutput<'copies.list'>> {
  const folder = appFolders.copies();
  const copies: CallOutput<'copies.list'>['copies'] = [];
  for (const path of await copyPaths(folder)) {
    copies.push({ name: relative(folder, path), size: (await stat(path)).size });
  }
  return { folder, copies };
}

export async function deleteCopies(): Promise<CallOutput<'copies.delete'>> {
  const paths = await copyPaths(appFolders.copies());
  for (const path of paths) await rm(path, { force: true });
  return { deleted: paths.length };
}

async function copyPaths(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
