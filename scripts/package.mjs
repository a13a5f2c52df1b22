/**
 * Makes Slipway's packages of this machine's system into out/packages: `npm run package` (docs/install.md). With a folder of Electron's
 * archives for several architectures: `npm run package -- FOLDER`.
 *
 * With them go the command line as one file, its manual page, the SBOM, the licences, and SHA256SUMS of all of it. It needs
 * a real Electron, which the npm package alone does not carry; without one it makes what needs none and says so (exit 3).
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import config from '../electron-builder.config.mjs';
import { writeLegal } from './legal.mjs';
import { ensurePackages, findElectron, root } from './setup.mjs';

const [archives] = process.argv.slice(2);
const folder = join(root, 'out', 'packages');
ensurePackages();
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
script('build.mjs');
script('build.mjs', 'command');
rmSync(join(root, 'out', 'legal'), { recursive: true, force: true });
writeLegal(join(root, 'out', 'legal'));
for (const name of readdirSync(join(root, 'out', 'legal'))) {
  copyFileSync(join(root, 'out', 'legal', name), join(folder, name));
}
const command = join(folder, 'slipway.mjs');
copyFileSync(join(root, 'out', 'command', 'slipway.mjs'), command);
writeFileSync(join(folder, 'slipway.1'), node(command, 'man').stdout);

if (archives === undefined && findElectron() === null) {
  console.error(
    'The window cannot be packaged here: this machine has no Electron binary, and the npm package brings none along.\n' +
      'Either npm run package -- FOLDER with Electron’s archives of the version in package.json, or unpack one and name its\n' +
      'folder in ELECTRON_OVERRIDE_DIST_PATH.',
  );
  process.exitCode = 3;
} else {
  const { build } = await import('electron-builder');
  await build({ config: distribution(), publish: 'never' });
}
writeSums();
console.log(`Made in ${folder}: ${files().join(', ')}`);

/** A folder of Electron's archives has every architecture of the configuration; an unpacked Electron is for this machine's. */
function distribution() {
  if (archives !== undefined) return { ...config, electronDist: resolve(archives) };
  const electronDist = dirname(findElectron().replace(/\/Electron\.app\/.*$/, '/Electron.app'));
  const only = ({ target, ...rest }) => ({ ...rest, target: target.map((one) => ({ ...one, arch: [process.arch] })) });
  return { ...config, electronDist, linux: only(config.linux), mac: only(config.mac), win: only(config.win) };
}

function script(...args) {
  node(join(root, 'scripts', args[0]), ...args.slice(1));
}

function node(...args) {
  const run = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  if (run.status !== 0) throw new Error(`${args.join(' ')} failed; what it said is above.`);
  return run;
}

function files() {
  return readdirSync(folder)
    .filter((name) => statSync(join(folder, name)).isFile())
    .sort();
}

function writeSums() {
  const hash = (name) =>
    createHash('sha256')
      .update(readFileSync(join(folder, name)))
      .digest('hex');
  writeFileSync(
    join(folder, 'SHA256SUMS'),
    files()
      .map((name) => `${hash(name)}  ${name}\n`)
      .join(''),
  );
}
