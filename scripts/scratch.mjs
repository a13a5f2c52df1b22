/**
 * Where the tests' temporary files lie: in memory where there is room for them, because what is tested waits for the disk
 * thousands of times (each journal entry is flushed), and the data go with the run anyway.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { join } from 'node:path';

const MEMORY = '/dev/shm';
const PREFIX = 'slipway-tests-';
/** Bytes that must be free, in the file system and in the machine: a run needs a good 1 GB of them. */
const ROOM = 4 * 1024 ** 3;

/** A folder in memory that goes with this process; null where that cannot be or SLIPWAY_TEST_DISK is set: the system's own will do. */
export function makeScratch() {
  if (process.env.SLIPWAY_TEST_DISK) return null;
  let folder;
  try {
    for (const name of readdirSync(MEMORY)) if (isLeftOver(name)) remove(join(MEMORY, name));
    const { bavail, bsize } = statfsSync(MEMORY);
    if (bavail * bsize < ROOM || freemem() < ROOM) return null;
    folder = join(MEMORY, `${PREFIX}${process.pid}`);
    mkdirSync(folder);
    // As the system's own: servers under another account are given files in it.
    chmodSync(folder, 0o1777);
    // Containers often mount it without the right to run what lies in it.
    const script = join(folder, 'runs');
    writeFileSync(script, '#!/bin/sh\nexit 0\n', { mode: 0o700 });
    if (spawnSync(script).status !== 0) throw new Error('nothing can be run there');
    rmSync(script);
  } catch {
    // Not Linux, not ours to write, or noexec: all of them mean the disk.
    if (folder !== undefined) remove(folder);
    return null;
  }
  process.once('exit', () => {
    remove(folder);
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));
  return folder;
}

/** Whether a folder is that of a run that was killed. */
function isLeftOver(name) {
  if (!name.startsWith(PREFIX)) return false;
  try {
    process.kill(Number(name.slice(PREFIX.length)), 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

function remove(folder) {
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
