/**
 * A workspace: one folder for one customer's migration, to be zipped and handed over.
 *
 * It holds workspace.json, plans/, journals/ and reports/. Copies of sources, SQL files and remembered secrets lie
 * elsewhere and never travel with it.
 */
import { mkdir, readdir, rename, rmdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Settings } from '../contract/state';
import { misused, refused, unreadable } from '../core/failure';
import { readIfThere, replacePrivate } from './private-file';
import {
  formatWorkspaceFile,
  newWorkspaceFile,
  parseWorkspaceFile,
  type WorkspaceFile,
  type WorkspaceProgress,
} from './workspace-file';
import { WorkspaceLock } from './workspace-lock';

/** Parts of the settings, as a call brings them. */
export type GivenSettings = { readonly [K in keyof Settings]?: Settings[K] | undefined };

const FILE = 'workspace.json';
const FOLDERS = ['plans', 'journals', 'reports'] as const;

export class Workspace {
  readonly path: string;
  readonly #lock: WorkspaceLock;
  #content: WorkspaceFile;
  /** Saves happen one after the other, so that the last one wins. */
  #saving: Promise<void> = Promise.resolve();

  private constructor(path: string, lock: WorkspaceLock, content: WorkspaceFile) {
    this.path = path;
    this.#lock = lock;
    this.#content = content;
  }

  get id(): string {
    return this.#content.id;
  }

  get name(): string {
    return this.#content.name;
  }

  get settings(): Settings {
    return this.#content.settings;
  }

  get progress(): WorkspaceProgress {
    return this.#content.progress;
  }

  /** `plans`, `journals` or `reports` of this workspace. */
  folder(name: (typeof FOLDERS)[number]): string {
    return join(this.path, name);
  }

  /**
   * Makes a workspace folder inside `parent`.
   * @throws FailureError `workspace/name`, `workspace/folder-taken`, `workspace/cannot-make`
   */
  static async create(parent: string, name: string): Promise<Workspace> {
    const folder = join(parent, folderName(name));
    const held = await readdir(folder).catch(() => []);
    if (held.length > 0) {
      refused(
        'workspace/folder-taken',
        `The folder ${folder} is there already and not empty.`,
        'Choose another name, or open that folder if it is a workspace.',
      );
    }
    let lock: WorkspaceLock | null = null;
    try {
      await makeFolders(folder);
      lock = await WorkspaceLock.take(folder);
      const workspace = new Workspace(folder, lock, newWorkspaceFile(name.trim()));
      await workspace.#write();
      return workspace;
    } catch (error) {
      await lock?.release();
      await removeEmpty(folder);
      throw error;
    }
  }

  /**
   * Opens a workspace folder.
   * @throws FailureError `workspace/not-one`, `workspace/damaged`, `workspace/newer`, `workspace/in-use`, `workspace/unreadable`
   */
  static async open(folder: string): Promise<Workspace> {
    const path = resolve(folder);
    if (!(await isWorkspace(path))) {
      refused(
        'workspace/not-one',
        `${path} is no workspace of Slipway’s.`,
        'Choose the folder that holds workspace.json, or create a new workspace.',
      );
    }
    const lock = await WorkspaceLock.take(path);
    try {
      const content = await readContent(path);
      await makeFolders(path);
      const workspace = new Workspace(path, lock, content ?? newWorkspaceFile(basename(path)));
      if (content === null) await workspace.#write();
      return workspace;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** Replaces the given parts of the settings; what is undefined is not given. */
  save(given: GivenSettings): Promise<void> {
    const parts = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    this.#content = { ...this.#content, settings: { ...this.#content.settings, ...parts } };
    return this.#write();
  }

  advance(given: Partial<WorkspaceProgress>): Promise<void> {
    this.#content = { ...this.#content, progress: { ...this.#content.progress, ...given } };
    return this.#write();
  }

  async close(): Promise<void> {
    await this.#saving.catch(() => undefined);
    await this.#lock.release();
  }

  #write(): Promise<void> {
    const text = formatWorkspaceFile(this.#content);
    const written = this.#saving.catch(() => undefined).then(() => replacePrivate(join(this.path, FILE), text));
    this.#saving = written;
    return written;
  }
}

/** Also a folder whose workspace.json was damaged and set aside: its plans and journals are worth a fresh one. */
async function isWorkspace(path: string): Promise<boolean> {
  const names: string[] = await readdir(path).catch(() => []);
  return names.includes(FILE) || (names.includes('plans') && names.includes('journals'));
}

async function readContent(path: string): Promise<WorkspaceFile | null> {
  const file = join(path, FILE);
  let text: string | null;
  try {
    text = await readIfThere(file);
  } catch (error) {
    return unreadable(
      'workspace/unreadable',
      `${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}).`,
      'Check its permissions.',
    );
  }
  if (text === null) return null;
  const content = parseWorkspaceFile(text);
  if (content !== null) return content;
  const aside = `${FILE}.damaged-${new Date().toISOString().replace(/[:.]/g, '-')}`;
  await rename(file, join(path, aside));
  return refused(
    'workspace/damaged',
    `${file} is damaged and was kept as ${aside}. Plans and journals are untouched.`,
    'Open the folder again to go on with fresh settings, or restore workspace.json from a copy first.',
  );
}

async function makeFolders(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    for (const name of FOLDERS) await mkdir(join(path, name), { recursive: true, mode: 0o700 });
    await stat(path);
  } catch (error) {
    unreadable(
      'workspace/cannot-make',
      `The workspace cannot be made at ${path} (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}).`,
      'Choose a folder this account may write to, on a disk that has room.',
    );
  }
}

/** Takes back the folders of a workspace that could not be made, so that its name is free; never one that holds anything. */
async function removeEmpty(path: string): Promise<void> {
  for (const folder of [...FOLDERS.map((name) => join(path, name)), path]) await rmdir(folder).catch(() => undefined);
}

/** A name as a folder of every system: no separators, no control characters, no trailing dots. */
function folderName(name: string): string {
  const clean = name
    .replace(/[<>:"/\\|?*]|\p{Cc}/gu, '-')
    .replace(/[. ]+$/, '')
    .trim();
  if (clean === '' || clean.startsWith('.')) {
    misused(
      'workspace/name',
      'This name cannot be the name of a folder.',
      'Use letters and digits, such as the customer’s name.',
    );
  }
  return clean;
}
