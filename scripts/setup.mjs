/**
 * Makes a checkout ready to work on, from nothing: Node's packages, and Debian's Chromium for the end-to-end tests.
 * Safe to run at any time; does nothing where nothing is missing. `node scripts/setup.mjs` runs it alone.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Installs exactly what package-lock.json names, when node_modules is missing or is not that. */
export function ensurePackages() {
  const reason = stalePackages();
  if (reason === null) return;
  console.log(`Installing packages (${reason})`);
  // On Windows npm is a .cmd file, which only a shell runs; the arguments are constants.
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (npm.status !== 0) throw new Error('npm ci failed; what it said is above.');
}

/** Why node_modules has to be installed again, or null: every package of the lock file is there in its version. */
function stalePackages() {
  const installed = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installed)) return 'node_modules is missing';
  const packagesIn = (file) => JSON.parse(readFileSync(file, 'utf8')).packages;
  const there = packagesIn(installed);
  for (const [path, wanted] of Object.entries(packagesIn(join(root, 'package-lock.json')))) {
    if (path === '' || wanted.optional || wanted.devOptional) continue;
    if (there[path]?.version !== wanted.version) return `${path.replace('node_modules/', '')} is not ${wanted.version}`;
  }
  return null;
}

/** Debian's Chromium, or whatever SLIPWAY_CHROMIUM names; null when there is none. The stand-in looks the same way. */
function findChromium() {
  if (process.env.SLIPWAY_CHROMIUM) return process.env.SLIPWAY_CHROMIUM;
  const folders = (process.env.PATH ?? '').split(delimiter);
  const names = ['chromium', 'chromium-browser', 'google-chrome'];
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find((file) => existsSync(file)) ?? null;
}

/** Installs Chromium where that is ours to do (root on Debian). Returns null when it is there, else how to get it. */
export function ensureChromium() {
  if (findChromium() !== null) return null;
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    return 'no Chromium; on Debian: sudo apt-get install chromium; elsewhere name one in SLIPWAY_CHROMIUM';
  }
  console.log("Installing Debian's Chromium");
  const run = (...args) =>
    spawnSync('apt-get', ['-qq', '-o', 'Dpkg::Use-Pty=0', ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    });
  run('update');
  const install = run('install', '-y', '--no-install-recommends', 'chromium', 'fonts-dejavu-core', 'fonts-liberation');
  if (findChromium() !== null) return null;
  return `no Chromium, and apt-get could not install it: ${install.stderr.trim().split('\n').at(-1) ?? ''}`;
}

/** The folder of a real Electron, or null. The npm package alone carries none. */
export function findElectron() {
  const dist = process.env.ELECTRON_OVERRIDE_DIST_PATH || join(root, 'node_modules', 'electron', 'dist');
  const inside =
    { darwin: 'Electron.app/Contents/MacOS/Electron', win32: 'electron.exe' }[process.platform] ?? 'electron';
  const binary = join(dist, inside);
  return existsSync(binary) ? binary : null;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  ensurePackages();
  console.log(ensureChromium() ?? 'Ready: npm test, npm start, npm run build');
}
