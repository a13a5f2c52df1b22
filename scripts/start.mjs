/**
 * Opens the app. Installs and builds what is missing or out of date, then takes Electron where its binary is there
 * and the stand-in over Debian's Chromium (test/shell) where it is not.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ensureChromium, ensurePackages, findElectron, root } from './setup.mjs';

ensurePackages();
const electron = findElectron();
const builtApp = ['main/index.js', 'preload/index.cjs', 'renderer/index.html'];
const builtFrom = ['src', 'package.json', 'electron.vite.config.ts'];
if (isStale(builtApp, builtFrom)) build();
process.exitCode = await (electron === null ? runStandIn() : runElectron(electron));

function runElectron(binary) {
  // Electron started as Node would not open a window.
  const env = { ...process.env, ELECTRON_RUN_AS_NODE: undefined };
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const child = spawn(binary, [...sandbox, root], { stdio: 'inherit', env });
  forwardSignals(() => child.kill('SIGTERM'));
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 0)));
}

async function runStandIn() {
  const missing = ensureChromium();
  if (missing !== null) {
    console.error(`Slipway's window needs Electron or Chromium: ${missing}`);
    return 3;
  }
  if (isStale(['shell/host.js', 'shell/electron.js'], ['test/shell'])) build('shell');
  const visible = Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
  const where = visible ? "a window of Debian's Chromium" : 'a headless Chromium, because there is no display';
  console.log(`No Electron binary here: running the built app on its stand-in in ${where}. Ctrl+C ends it.`);
  const { launchShell } = await import(join(root, 'out', 'shell', 'host.js'));
  const app = await launchShell({ root, electron: join(root, 'out', 'shell', 'electron.js'), visible });
  forwardSignals(() => app.close());
  const page = await app.firstWindow();
  console.log(`Window open: ${await page.title()}`);
  return app.exited;
}

function forwardSignals(end) {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, end);
}

function build(...what) {
  const made = spawnSync(process.execPath, [join(root, 'scripts', 'build.mjs'), ...what], { stdio: 'inherit' });
  if (made.status !== 0) process.exit(made.status ?? 1);
}

/** Whether anything in out/ is missing or older than what it is made from. */
function isStale(made, from) {
  const files = made.map((file) => join(root, 'out', file));
  if (!files.every((file) => existsSync(file))) return true;
  const oldest = Math.min(...files.map((file) => statSync(file).mtimeMs));
  return from.flatMap((path) => filesIn(join(root, path))).some((file) => statSync(file).mtimeMs > oldest);
}

function filesIn(path) {
  if (statSync(path).isFile()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
