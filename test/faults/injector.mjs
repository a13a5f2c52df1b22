/**
 * Loaded into a process under test before anything else (`NODE_OPTIONS=--import`): what it does to files is counted, and at
 * a chosen one the process is killed, or the disk is full from there on.
 *
 * SLIPWAY_FAULT is `count:FILE` (writes down how many there were), `kill:N` (SIGKILL instead of the N-th) or `full:N` (the
 * N-th and all that follow fail with ENOSPC where they would need room; the first of them after half of its bytes).
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { isMainThread } from 'node:worker_threads';

const [mode, argument = ''] = (process.env.SLIPWAY_FAULT ?? '').split(/:(.*)/s);
const at = Number(argument);
let done = 0;
let halved = false;

/** Files of the system itself: pipes and terminals are no disk. */
const isDisk = (path) => typeof path !== 'number' && !/^\/(dev|proc)\//.test(String(path));

function noRoom(path) {
  const error = new Error(`ENOSPC: no space left on device, '${path}'`);
  return Object.assign(error, { code: 'ENOSPC', errno: -28, syscall: 'write' });
}

/** Counts one step; true when it must fail for want of room. */
function step(needsRoom) {
  done += 1;
  if (mode === 'kill' && done === at) process.kill(process.pid, 'SIGKILL');
  return mode === 'full' && done >= at && needsRoom;
}

const half = (bytes) => (halved ? bytes.subarray(0, 0) : ((halved = true), bytes.subarray(0, bytes.length >> 1)));
const bytesOf = (data, encoding) => (typeof data === 'string' ? Buffer.from(data, encoding) : Buffer.from(data));

/** Functions of node:fs and node:fs/promises that change the disk, and whether they need room. */
const CHANGING = {
  rename: false,
  unlink: false,
  rm: false,
  truncate: false,
  link: true,
  symlink: true,
  mkdir: true,
  mkdtemp: true,
  copyFile: true,
};

function wrap(holder, name, make) {
  const real = holder[name];
  if (typeof real === 'function') holder[name] = make(real.bind(holder));
}

if (isMainThread && mode !== '') {
  for (const [name, needsRoom] of Object.entries(CHANGING)) {
    wrap(fs.promises, name, (real) => async (...args) => {
      if (step(needsRoom)) throw noRoom(args.at(0));
      return real(...args);
    });
    wrap(fs, `${name}Sync`, (real) => (...args) => {
      if (step(needsRoom)) throw noRoom(args.at(0));
      return real(...args);
    });
  }
  const creates = (flags) => (typeof flags === 'string' ? /[wax+]/.test(flags) : ((flags ?? 0) & 3) !== 0);
  wrap(fs, 'openSync', (real) => (path, flags, ...rest) => {
    if (isDisk(path) && creates(flags) && step(!fs.existsSync(path))) throw noRoom(path);
    return real(path, flags, ...rest);
  });
  wrap(fs, 'writeFileSync', (real) => (path, data, ...rest) => {
    if (!isDisk(path) || !step(true)) return real(path, data, ...rest);
    real(path, half(bytesOf(data)), ...rest);
    throw noRoom(path);
  });
  wrap(fs.promises, 'writeFile', (real) => async (path, data, ...rest) => {
    if (typeof path !== 'string' || !isDisk(path) || !step(true)) return real(path, data, ...rest);
    await real(path, half(bytesOf(data)), ...rest);
    throw noRoom(path);
  });

  // Every FileHandle has the same prototype; the way to it is a handle.
  const handle = await fs.promises.open(new URL(import.meta.url));
  const prototype = Object.getPrototypeOf(handle);
  await handle.close();
  wrap(fs.promises, 'open', (real) => async (path, flags, ...rest) => {
    if (isDisk(path) && creates(flags) && step(!fs.existsSync(path))) throw noRoom(path);
    return real(path, flags, ...rest);
  });
  for (const name of ['write', 'writeFile', 'appendFile']) {
    const real = prototype[name];
    prototype[name] = async function (data, ...rest) {
      if (!step(true)) return real.call(this, data, ...rest);
      const bytes = bytesOf(data);
      const [offset = 0, length = bytes.length - offset] = name === 'write' ? rest : [];
      const part = half(bytes.subarray(offset, offset + length));
      if (part.length > 0) await real.call(this, part);
      throw noRoom('the file');
    };
  }
  for (const name of ['sync', 'datasync', 'truncate']) {
    const real = prototype[name];
    prototype[name] = async function (...args) {
      step(false);
      return real.apply(this, args);
    };
  }
  syncBuiltinESMExports();
  if (mode === 'count') process.once('exit', () => fs.writeFileSync(argument, String(done)));
}
