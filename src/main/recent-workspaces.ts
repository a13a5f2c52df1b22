/** Workspaces that were open lately, newest first. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { CallOutput } from '../contract/calls';
import { appFolders } from './app-folders';
import { readIfThere, replacePrivate } from './private-file';

const list = z.array(z.object({ name: z.string(), path: z.string(), openedAt: z.number() }));
type Recent = z.infer<typeof list>;

const MOST = 12;

export async function recentWorkspaces(): Promise<CallOutput<'workspace.recent'>> {
  return (await read()).map((one) => ({ ...one, missing: !existsSync(join(one.path, 'workspace.json')) }));
}

export async function rememberWorkspace(name: string, path: string): Promise<void> {
  const others = (await read()).filter((one) => one.path !== path);
  await write([{ name, path, openedAt: Date.now() }, ...others].slice(0, MOST));
}

export async function forgetWorkspace(path: string): Promise<void> {
  await write((await read()).filter((one) => one.path !== path));
}

/** A list that cannot be read is an empty one: it is a convenience, and nothing hangs on it. */
async function read(): Promise<Recent> {
  try {
    const parsed = list.safeParse(JSON.parse((await readIfThere(appFolders.recent())) ?? '[]'));
    return parsed.success ? parsed.data : [];
  } catch {
    return [];
  }
}

function write(recent: Recent): Promise<void> {
  return replacePrivate(appFolders.recent(), JSON.stringify(recent, null, 2));
}
