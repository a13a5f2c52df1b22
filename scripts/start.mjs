/**
 * Opens the app. Installs and builds what is missing or out of date, then takes Electron where its binary is there
 * and the stand-in over Debian's Chromium (test/shell) where it is not.
 *
 *     npm start                            the app
 *     npm start -- --screenshot FILE       a picture of it with the sample migration, and out again (needs no display)
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureChromium, ensurePackages, findElectron, root } from './setup.mjs';

const screenshot = screenshotAsked();
ensurePackages();
const electron = findElectron();
const builtApp = ['main/index.js', 'preload/index.cjs', 'renderer/index.html'];
const builtFrom = ['src', 'package.json', 'electron.vite.config.ts'];
if (isStale(builtApp, builtFrom)) build();
// A picture is taken in the stand-in everywhere: it needs no display and looks the same on every machine.
if (screenshot !== null) process.exitCode = await takeScreenshot(screenshot);
else process.exitCode = await (electron === null ? runStandIn() : runElectron(electron));

/** Where the picture goes, or null when the app is to stay open. */
function screenshotAsked() {
  try {
    const { values } = parseArgs({ options: { screenshot: { type: 'string' } } });
    if (values.screenshot === '') throw new Error('--screenshot needs the name of a file');
    return values.screenshot === undefined ? null : resolve(values.screenshot);
  } catch (error) {
    console.error(`${error.message}\nusage: npm start -- [--screenshot FILE]`);
    process.exit(2);
  }
}

function runElectron(binary) {
  // Electron started as Node would not open a window.
  const env = { ...process.env, ELECTRON_RUN_AS_NODE: undefined };
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const child = spawn(binary, [...sandbox, root], { stdio: 'inherit', env });
  forwardSignals(() => child.kill('SIGTERM'));
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 0)));
}

async function runStandIn() {
  const launchShell = await standIn();
  if (launchShell === null) return 3;
  const visible = Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
  const where = visible ? "a window of Debian's Chromium" : 'a headless Chromium, because there is no display';
  console.log(`No Electron binary here: running the built app on its stand-in in ${where}. Ctrl+C ends it.`);
  // Where Electron would keep it: workspaces opened lately are there again with the next start.
  const userData = join(process.env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'slipway');
  const app = await launchShell({ visible, userData });
  forwardSignals(() => app.close());
  const page = await app.firstWindow();
  console.log(`Window open: ${await page.title()}`);
  return app.exited;
}

/** Opens the sample as a person would and takes the picture; nothing of the operator's own is touched. */
async function takeScreenshot(file) {
  const launchShell = await standIn();
  if (launchShell === null) return 3;
  const app = await launchShell({ visible: false });
  forwardSignals(() => app.close());
  try {
    const page = await app.firstWindow();
    await page.setViewportSize({ width: 1280, height: 720 });
    await page.getByRole('button', { name: /^Open the sample migration/ }).click();
    await page.getByRole('heading', { name: 'When device certificates end' }).waitFor({ timeout: 120_000 });
    mkdirSync(dirname(file), { recursive: true });
    await page.screenshot({ path: file });
    console.log(`The sample migration, as it looks: ${file}`);
    return 0;
  } catch (error) {
    console.error(`No picture could be taken: ${error.message}`);
    return 1;
  } finally {
    await app.close();
  }
}

/** Starts the built app on the stand-in; null when there is no browser for it. */
async function standIn() {
  const missing = ensureChromium();
  if (missing !== null) {
    console.error(`Slipway's window needs Electron or Chromium: ${missing}`);
    return null;
  }
  if (isStale(['shell/host.js', 'shell/electron.js'], ['test/shell'])) build('shell');
  const { launchShell } = await import(join(root, 'out', 'shell', 'host.js'));
  const electron = join(root, 'out', 'shell', 'electron.js');
  return (options) => launchShell({ root, electron, ...options });
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
