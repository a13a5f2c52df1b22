/** One Slipway for one workspace: a lock file that names who holds it. */
import { randomUUID } from 'node:crypto';
import { link, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { refused, unreadable } from '../core/failure';
import { isRunning } from '../core/process-life';

const holder = z.object({ pid: z.number(), host: z.string(), since: z.string(), token: z.string() });
type Holder = z.infer<typeof holder>;

const ATTEMPTS = 20;
const PAUSE_MS = 25;
/** A takeover lasts milliseconds; one that is older was left by a crash in the middle of it. */
const TURN_MS = 10_000;

/** Tokens of the locks this process holds: what else bears our pid was left by a dead process of the same number. */
const ours = new Set<string>();

export class WorkspaceLock {
  readonly #path: string;
  readonly #token: string;

  private constructor(path: string, token: string) {
    this.#path = path;
    this.#token = token;
  }

  /**
   * Takes the lock of a workspace folder. One whose process is gone from this machine is taken over.
   * @throws FailureError `workspace/in-use`, `workspace/cannot-lock`
   */
  static async take(folder: string): Promise<WorkspaceLock> {
    const path = join(folder, '.slipway.lock');
    const token = randomUUID();
    const text = JSON.stringify({ pid: process.pid, host: hostname(), since: new Date().toISOString(), token });
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      if ((await create(path, text)) || (await takeOver(path, text))) {
        ours.add(token);
        return new WorkspaceLock(path, token);
      }
      await sleep(PAUSE_MS);
    }
    return unreadable(
      'workspace/cannot-lock',
      'The workspace could not be locked: another program keeps taking its lock.',
      'Close other windows of Slipway and try again.',
    );
  }

  /** Gives the lock back, if it is still ours. */
  async release(): Promise<void> {
    ours.delete(this.#token);
    const found = await read(this.#path);
    if (found?.token === this.#token) await rm(this.#path, { force: true });
  }
}

/** Makes the lock, whole from its first moment on: one that is only half written would look stale to another Slipway. */
async function create(path: string, text: string): Promise<boolean> {
  const temporary = `${path}.${randomUUID()}`;
  try {
    await writeFile(temporary, text, { flag: 'wx', mode: 0o600 });
    await link(temporary, path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    // FAT and some network shares have no hard links.
    if (code !== undefined && ['EPERM', 'ENOTSUP', 'ENOSYS', 'EOPNOTSUPP'].includes(code))
      return await createPlainly(path, text);
    return cannotWrite(code);
  } finally {
    await rm(temporary, { force: true });
  }
}

async function createPlainly(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'EEXIST' ? false : cannotWrite(code);
  }
}

function cannotWrite(code: string | undefined): never {
  return unreadable(
    'workspace/cannot-lock',
    `The workspace folder cannot be written to (${code ?? 'unknown error'}).`,
    'Choose a folder this account may write to, on a disk that has room.',
  );
}

/**
 * Takes the place of a stale lock. One Slipway at a time may do so, and it looks again before: otherwise the second of
 * two that found the same stale lock would take away the first one's new one.
 */
async function takeOver(path: string, text: string): Promise<boolean> {
  const found = await read(path);
  if (found !== null && isAlive(found)) inUse(found);
  const turn = `${path}.takeover`;
  if (!(await createPlainly(turn, ''))) {
    const { mtimeMs } = await stat(turn).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > TURN_MS) await rm(turn, { force: true });
    return false;
  }
  try {
    const again = await read(path);
    if (again !== null && isAlive(again)) inUse(again);
    await rm(path, { force: true }).catch((error: unknown) => cannotWrite((error as NodeJS.ErrnoException).code));
    return await create(path, text);
  } finally {
    await rm(turn, { force: true });
  }
}

/** Null when there is none, or when it was torn by a crash while it was written. */
async function read(path: string): Promise<Holder | null> {
  try {
    const parsed = holder.safeParse(JSON.parse(await readFile(path, 'utf8')));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

/** Whether the holder still runs. Of another machine nothing can be known: it counts as running. */
function isAlive(found: Holder): boolean {
  if (found.host !== hostname()) return true;
  if (found.pid === process.pid) return ours.has(found.token);
  return isRunning(found.pid);
}

function inUse(found: Holder): never {
  const here = found.host === hostname();
  refused(
    'workspace/in-use',
    here
      ? `This workspace is open in another Slipway on this machine (process ${found.pid}, since ${found.since}).`
      : `This workspace is open in a Slipway on ${found.host.slice(0, 100)} (since ${found.since}).`,
    here
      ? 'Go on in that window, or close it there first.'
      : 'Close it there first. If that machine is gone for good, delete the file .slipway.lock in the folder.',
  );
}
