/**
 * Everything, from nothing: `npm test`. Only some lanes: `npm test -- lint unit`. Only some files of a lane:
 * `npm test -- unit test/core/bolt`, `npm test -- e2e window`.
 *
 * The last line is always `N passed, N failed, N skipped`; a lane without tests of its own counts as one.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import { makeScratch } from './scratch.mjs';
import { ensureChromium, ensurePackages, findElectron, root } from './setup.mjs';

const canary = `canary-${randomBytes(16).toString('hex')}`;
const tool = {
  eslint: 'node_modules/eslint/bin/eslint.js',
  prettier: 'node_modules/prettier/bin/prettier.cjs',
  tsc: 'node_modules/typescript/bin/tsc',
  vitest: 'node_modules/vitest/vitest.mjs',
  playwright: 'node_modules/@playwright/test/cli.js',
};

/** A lane returns its counts and the reasons of what it skipped. */
const lanes = {
  lint: () => asOne([tool.eslint, '.', '--max-warnings', '0'], [tool.prettier, '--check', '--log-level', 'warn', '.']),
  types: () => asOne([tool.tsc, '--noEmit', '-p', 'tsconfig.json']),
  build: () => asOne(['scripts/build.mjs'], ['scripts/build.mjs', 'shell']),
  unit: runVitest,
  e2e: runPlaywright,
  electron: runElectron,
  bundles: checkBundles,
};

/** Lanes about files alone: they may run beside another, and what they say is printed when they end. */
const quiet = ['lint', 'types', 'build'];
/**
 * In order; what stands side by side runs so, each row in its own order. Lint needs one processor for minutes, and goes along
 * with all the tests.
 */
const order = [
  [['types'], ['build']],
  [['unit', 'e2e', 'electron', 'bundles'], ['lint']],
];

const asked = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
const chosen = asked.filter((name) => Object.hasOwn(lanes, name));
const filters = asked.filter((name) => !Object.hasOwn(lanes, name));
let fetched = Promise.resolve();
const total = { passed: 0, failed: 0, skipped: 0 };

try {
  ensurePackages();
  mkdirSync(join(root, '.cache'), { recursive: true });
  const scratch = makeScratch();
  if (scratch !== null) process.env.TMPDIR = scratch;
  fetched = fetchServers();
  for (const rows of order) await Promise.all(rows.map(runLanes));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  total.failed += 1;
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 ? 1 : 0;

async function runLanes(names) {
  for (const name of names) if (chosen.length === 0 || chosen.includes(name)) await runLane(name);
}

async function runLane(name) {
  const started = performance.now();
  if (!quiet.includes(name)) console.log(`== ${name}`);
  const counts = await lanes[name]();
  if (quiet.includes(name)) console.log(`== ${name}\n${counts.said}`.trimEnd());
  for (const key of Object.keys(total)) total[key] += counts[key];
  for (const reason of counts.reasons ?? []) console.log(`skipped: ${reason}`);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(
    `-- ${name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped (${seconds} s)\n`,
  );
}

/**
 * Several commands that count as one test. All run, so that one run shows everything that is wrong. What they say is
 * printed when they have ended, not between what a lane beside says.
 */
async function asOne(...commands) {
  let failed = 0;
  let said = '';
  for (const command of commands) {
    const code = await run(command, {}, (text) => {
      said += text;
    });
    if (code !== 0) failed = 1;
  }
  return { passed: 1 - failed, failed, skipped: 0, said };
}

async function runVitest() {
  const report = join(root, '.cache', 'vitest.json');
  rmSync(report, { force: true });
  const code = await run([
    tool.vitest,
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile=${report}`,
    ...filters,
  ]);
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = readReport(report) ?? {};
  // No report, a file that did not load, an error outside any test: all of them are failures.
  if (numPassedTests === undefined) return { passed: 0, failed: 1, skipped: 0 };
  const unloaded = testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  );
  const failed = numFailedTests + unloaded.length;
  const skippedTests = testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status === 'pending' || status === 'skipped' || status === 'todo'),
  );
  return {
    passed: numPassedTests,
    failed: failed === 0 && code !== 0 ? 1 : failed,
    skipped: numPendingTests + numTodoTests,
    reasons: skippedTests.map(({ fullName }) => fullName),
  };
}

/**
 * Chromium and MySQL come over the network while files are looked at. What fails here fails again where it is needed, and
 * is said there.
 */
async function fetchServers() {
  const wanted = (lane) => chosen.length === 0 || chosen.includes(lane);
  const fetch = (args) => run(args, {}, () => undefined);
  await Promise.all([
    wanted('unit') || wanted('e2e') ? fetch(['scripts/mysql.mjs', '--provision']) : undefined,
    wanted('e2e') ? fetch(['scripts/setup.mjs']) : undefined,
  ]);
}

async function runPlaywright() {
  await fetched;
  const missing = ensureChromium();
  if (missing !== null) return { passed: 0, failed: 0, skipped: 1, reasons: [missing] };
  return playwrightProject('stand-in');
}

async function runElectron() {
  if (findElectron() === null) return { passed: 0, failed: 0, skipped: 1, reasons: ['no Electron binary'] };
  return playwrightProject('electron');
}

async function playwrightProject(project) {
  const report = join(root, '.cache', `playwright-${project}.json`);
  rmSync(report, { force: true });
  const command = [
    tool.playwright,
    'test',
    '-c',
    'test/e2e',
    `--project=${project}`,
    '--reporter=list,json',
    ...filters,
  ];
  const code = await run(command, { PLAYWRIGHT_JSON_OUTPUT_NAME: report });
  const { stats, suites } = readReport(report) ?? {};
  if (stats === undefined) return { passed: 0, failed: 1, skipped: 0 };
  const failed = stats.unexpected + stats.flaky;
  const skipped = specsOf(suites).filter(({ tests }) => tests.every(({ status }) => status === 'skipped'));
  return {
    passed: stats.expected,
    failed: failed === 0 && code !== 0 ? 1 : failed,
    skipped: stats.skipped,
    reasons: skipped.map(
      ({ title, tests }) => `${title}: ${tests[0]?.annotations[0]?.description ?? 'no reason given'}`,
    ),
  };
}

function specsOf(suites) {
  return suites.flatMap((suite) => [...suite.specs, ...specsOf(suite.suites ?? [])]);
}

async function checkBundles() {
  const { bundleChecks } = await import('./check-bundles.mjs');
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const [name, check] of Object.entries(bundleChecks(join(root, 'out'), canary))) {
    const wrong = check();
    counts[wrong === null ? 'passed' : 'failed'] += 1;
    if (wrong !== null) console.log(`FAILED ${name}: ${wrong}`);
  }
  return counts;
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

/** Runs a tool of this checkout with this Node, and hands on what it says if that is not to be printed at once. Never reads stdin. */
function run(args, env = {}, hear = undefined) {
  return new Promise((resolve) => {
    const voice = hear === undefined ? 'inherit' : 'pipe';
    const child = spawn(process.execPath, args, {
      cwd: root,
      stdio: ['ignore', voice, voice],
      env: { ...process.env, SLIPWAY_BUILD_CANARY: canary, VITE_SLIPWAY_CANARY: canary, ...env },
    });
    // What is beside other tests must not make them wait: some look at what happens within seconds.
    if (hear !== undefined) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
    child.stdout?.setEncoding('utf8').on('data', hear);
    child.stderr?.setEncoding('utf8').on('data', hear);
    child.once('close', (code) => {
      resolve(code ?? 1);
    });
  });
}
