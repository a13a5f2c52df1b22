/**
 * A million devices through the command line: each command in a process of its own, its memory against a bound and its
 * cost per device against that of 200,000 devices in the same run. Part of `npm run soak`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './setup.mjs';

/** Peak resident set of any of these processes, all threads included. */
const MOST_MEGABYTES = 600;
/** Cost per device of the million, over that of fewer. What is above 1 are caches that no longer hold everything. */
const MOST_GROWTH = 1.5;
const FEWER = 200_000;
const MILLION = 1_000_000;
/** A device in the file, in the copy that is read, in the sorted pieces it is made of, and in SQL with some to spare. */
const BYTES_A_DEVICE = { file: 3_400, copy: 3_400, pieces: 3_400, sql: 4_400 };

/** When all of it is judged: the data do not age. */
const AT = '2026-11-25T00:00:00Z';
const ACCEPTED = ['probably-enrolled', 'certificate-expiring'];

/**
 * @param cache folder that files of the soak and the bench are kept in
 * @returns lines that tell what was measured
 * @throws with a sentence, where something does not hold or there is no room for it
 */
export function passMillion(cache) {
  const work = join(cache, 'million');
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true, mode: 0o700 });
  try {
    requireRoom(cache);
    const source = { [FEWER]: written(cache, FEWER), [MILLION]: written(cache, MILLION) };
    const lines = [];
    for (const [name, argsOf] of Object.entries(commandsIn(work))) {
      const fewer = measure(argsOf(source[FEWER]), work);
      const all = measure(argsOf(source[MILLION]), work);
      const growth = all.seconds / MILLION / (fewer.seconds / FEWER);
      const line = `${name}: ${all.megabytes} MB, ${all.seconds.toFixed(0)} s of processor time, ${growth.toFixed(2)} × a device of ${FEWER.toLocaleString('en')} (${fewer.megabytes} MB)`;
      if (all.megabytes > MOST_MEGABYTES) throw new Error(`${line}; ${MOST_MEGABYTES} MB are meant to be enough`);
      if (growth > MOST_GROWTH) throw new Error(`${line}; ${MOST_GROWTH} × is meant to be the most`);
      lines.push(line);
    }
    return lines;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function commandsIn(work) {
  const sql = join(work, 'rows.sql');
  return {
    read: (source) => ['read', source, '--at', AT],
    'read --json': (source) => ['read', source, '--at', AT, '--json'],
    sql: (source) =>
      ['sql', source, '--at', AT, '--json', '--fleet-version', '4.69', '--out', sql, '--overwrite'].concat(
        ACCEPTED.flatMap((code) => ['--accept', code]),
      ),
  };
}

/** Runs a command of what is built; its output is thrown away. */
function measure(args, work) {
  const usage = join(work, 'usage.json');
  const preload = new URL('../test/bench/usage.mjs', import.meta.url).href;
  const { status, signal } = spawnSync(
    process.execPath,
    ['--import', preload, join(root, 'out', 'cli', 'index.js'), ...args],
    {
      cwd: root,
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, SLIPWAY_BENCH_USAGE: usage, SLIPWAY_COPIES: join(work, 'copies') },
    },
  );
  if (status !== 0) throw new Error(`slipway ${args[0]} ended with ${signal ?? status}`);
  const { user, system, residentKb } = JSON.parse(readFileSync(usage, 'utf8'));
  return { seconds: user + system, megabytes: Math.round(residentKb / 1024) };
}

function requireRoom(cache) {
  const { file, copy, pieces, sql } = BYTES_A_DEVICE;
  const toMake = [FEWER, MILLION].filter((devices) => !existsSync(pathOf(cache, devices)));
  const made = toMake.reduce((sum, devices) => sum + devices * file, 0);
  const needed = made + MILLION * Math.max(toMake.length > 0 ? pieces : 0, copy + sql);
  const { bavail, bsize } = statfsSync(cache);
  if (bavail * bsize >= needed) return;
  throw new Error(
    `A million devices need ${gigabytes(needed)} on the disk of ${cache} for a while; ${gigabytes(bavail * bsize)} are free. Make room, or point SLIPWAY_CACHE at another disk.`,
  );
}

/** A database of so many devices, made once. */
function written(cache, devices) {
  const path = pathOf(cache, devices);
  if (!existsSync(path)) {
    const made = `${path}.new`;
    const args = [join(root, 'test', 'bench', 'run.mjs'), 'inputs.ts', 'writeDatabase'];
    const { status } = spawnSync(process.execPath, [...args, JSON.stringify({ path: made, devices })], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    if (status !== 0) throw new Error(`the database of ${devices} devices could not be made`);
    renameSync(made, path);
  }
  return `micromdm:${path}`;
}

function pathOf(cache, devices) {
  return join(cache, `devices-${devices}.db`);
}

function gigabytes(bytes) {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
