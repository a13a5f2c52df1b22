/**
 * The tests again and again until the time is up or one fails: `npm run soak -- 30` for half an hour of all of them,
 * `npm run soak -- 30 test/core/bolt` for some. SLIPWAY_SOAK=1 tells property tests to take more and new examples, the
 * fuzzing (test/hostile) to keep every input that was not borne in its corpus, and the test that kills an apply to do it
 * 20 times in 5,000 devices. Before that, once: a Bolt file of a million rows is read in a process of little memory, and
 * a database of a million devices passes through the command line (scripts/million.mjs), or is told why not.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'vite';
import { passMillion } from './million.mjs';
import { ensurePackages, root } from './setup.mjs';

ensurePackages();
const [minutes = '10', ...filters] = process.argv.slice(2);
await readMillion();
passDevices();
const end = Date.now() + Number(minutes) * 60_000;
let rounds = 0;
while (Date.now() < end || rounds === 0) {
  rounds += 1;
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--reporter=dot', '--sequence.shuffle', ...filters];
  const { status } = spawnSync(process.execPath, vitest, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, SLIPWAY_SOAK: '1' },
  });
  if (status !== 0) fail(`failed in round ${rounds}`);
}
console.log(`${rounds} rounds, none failed`);

/** A million devices, by the commands as they are built now. */
function passDevices() {
  run([join(root, 'scripts', 'build.mjs'), 'cli']);
  try {
    for (const line of passMillion(join(process.env.SLIPWAY_CACHE || join(root, '.cache'), 'bench'))) console.log(line);
  } catch (error) {
    fail(error.message);
  }
}

/** A million rows in 160 MB must not need more than a fraction of that. */
async function readMillion() {
  const rows = 1_000_000;
  const mostMegabytes = 120;
  const cache = join(process.env.SLIPWAY_CACHE || join(root, '.cache'), 'bench');
  const file = join(cache, `rows-${rows}.db`);
  mkdirSync(cache, { recursive: true });
  if (!existsSync(file)) {
    run([join(root, 'test', 'bench', 'run.mjs'), 'inputs.ts', 'writeRows', JSON.stringify({ path: file, rows })]);
  }
  await build({
    configFile: false,
    root,
    logLevel: 'error',
    build: {
      ssr: 'test/bench/scan.ts',
      outDir: join(cache, 'scan'),
      emptyOutDir: true,
      minify: false,
      rolldownOptions: { output: { entryFileNames: 'scan.mjs' } },
    },
  });
  const usage = join(cache, 'scan', 'usage.json');
  const preload = new URL('../test/bench/usage.mjs', import.meta.url).href;
  const output = run(['--max-old-space-size=32', '--import', preload, join(cache, 'scan', 'scan.mjs'), file], {
    SLIPWAY_BENCH_USAGE: usage,
  });
  const { entries, damage } = JSON.parse(output);
  const megabytes = Math.round(JSON.parse(readFileSync(usage, 'utf8')).residentKb / 1024);
  if (entries !== rows || damage.length > 0)
    fail(`${entries} rows read of ${rows}; damage: ${damage.join(', ') || 'none'}`);
  if (megabytes > mostMegabytes)
    fail(`reading ${rows} rows took ${megabytes} MB, ${mostMegabytes} are meant to be enough`);
  console.log(`${rows.toLocaleString('en')} rows read in ${megabytes} MB`);
}

function run(args, env = {}) {
  const { status, signal, stdout } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  if (status !== 0) fail(`${args.at(-1)}: ended with ${signal ?? status}`);
  return stdout;
}

function fail(why) {
  console.error(why);
  process.exit(1);
}
