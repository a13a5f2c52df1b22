/**
 * Loaded into a process under test (`NODE_OPTIONS=--import`): whenever it is about to look into a source, that is counted, and
 * before the chosen look the source changes, as by somebody else's hand.
 *
 * SLIPWAY_CHANGE is JSON: `path` (file or folder of the source), and either `count` (the file to write the number of looks to)
 * or `at` (from 1), `how` (see CHANGES) and `other` (the path of what takes its place).
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const { path, count, at, how, other } = JSON.parse(process.env.SLIPWAY_CHANGE ?? '{}');
let looks = 0;
const real = { ...fs };

const CHANGES = {
  /** Another file's bytes over this one's, in its place. */
  rewritten: () => real.writeFileSync(path, real.readFileSync(other)),
  /** Another file under its name. */
  replaced: () => {
    real.copyFileSync(other, `${path}.new`);
    real.renameSync(`${path}.new`, path);
  },
  truncated: () => real.truncateSync(path, real.statSync(path).size >> 1),
  grown: () => real.appendFileSync(path, Buffer.alloc(1 << 20)),
  gone: () => real.rmSync(path),
  /** The folder named in `other`, inside the source, goes. */
  'without a device': () => real.rmSync(other, { recursive: true }),
};

function look() {
  looks += 1;
  if (looks === at) CHANGES[how]();
}

if (path !== undefined) {
  const inside = (name) => typeof name === 'string' && (name === path || name.startsWith(`${path}/`));
  const descriptors = new Set();
  fs.openSync = (name, ...rest) => {
    if (inside(name)) look();
    const descriptor = real.openSync(name, ...rest);
    if (inside(name)) descriptors.add(descriptor);
    return descriptor;
  };
  fs.closeSync = (descriptor) => {
    descriptors.delete(descriptor);
    real.closeSync(descriptor);
  };
  fs.readSync = (descriptor, ...rest) => {
    if (descriptors.has(descriptor)) look();
    return real.readSync(descriptor, ...rest);
  };
  for (const name of ['open', 'opendir', 'lstat', 'stat', 'readFile']) {
    const before = fs.promises[name].bind(fs.promises);
    fs.promises[name] = async (place, ...rest) => {
      if (inside(place)) look();
      return before(place, ...rest);
    };
  }
  syncBuiltinESMExports();
  if (count !== undefined) process.once('exit', () => real.writeFileSync(count, String(looks)));
}
