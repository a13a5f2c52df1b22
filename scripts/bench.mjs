/**
 * How fast things are, and how much memory they take, on this machine: `npm run bench` (docs/performance.md).
 *
 *   npm run --silent bench > result.json    a table for people on standard error, JSON on standard output
 *     -- --quick                            fewer and smaller measurements: under a minute
 *     -- --only start,read,sql,nanomdm,apply,watch  some of it
 *     -- --cli out/cli/index.js            another build than the current one, to compare
 *     -- --cpu                              judge by processor time instead of the clock: for a machine that is busy
 *
 * Ends with 1 when a target is missed. What cannot be measured here is skipped, with the reason.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startMysql } from './mysql.mjs';
import { startPostgres } from './postgres.mjs';
import { ensurePackages, root } from './setup.mjs';

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    cpu: { type: 'boolean', default: false },
    cli: { type: 'string' },
    only: { type: 'string', default: 'start,read,sql,nanomdm,apply,watch' },
    json: { type: 'boolean', default: false },
  },
});
const { quick } = flags;
const parts = new Set(flags.only.split(','));

/** When all of it is judged: the data do not age. */
const AT = '2026-11-25T00:00:00Z';
const ACCEPTED = ['no-agent', 'certificate-expiring', 'probably-enrolled', 'target-identity-unproven'];
const VERSION = '4.69';
const SCHEMA = join(root, 'test', 'fixtures', 'fleet', 'generation-469.sql');

const cli = resolve(flags.cli ?? join(root, 'out', 'cli', 'index.js'));
const shared = join(root, '..', 'shared', 'data', 'micromdm');
const cache = join(process.env.SLIPWAY_CACHE || join(root, '.cache'), 'bench');
const work = join(cache, 'work');
const results = [];
let databases = 0;
const started = loadavg()[0];

ensurePackages();
if (flags.cli === undefined) build();
mkdirSync(cache, { recursive: true });
rmSync(work, { recursive: true, force: true });
mkdirSync(work, { mode: 0o700 });

if (!flags.json)
  tell(
    `${machine().processors} processors, load ${started.toFixed(1)}, ${machine().memoryGb} GB, node ${process.version}`,
  );
try {
  if (parts.has('start')) measureStart();
  if (parts.has('read') || parts.has('sql')) measureReading();
  if (parts.has('nanomdm')) await measureNanoMdm();
  if (parts.has('apply')) await measureApply();
  if (parts.has('watch')) await measureWatch();
} finally {
  rmSync(work, { recursive: true, force: true });
}
const missed = results.flatMap(({ name, targets }) =>
  targets.filter(({ ok }) => !ok).map(({ what }) => `${name}: ${what}`),
);
console.log(
  JSON.stringify(
    {
      schema: 1,
      quick,
      judgedBy: flags.cpu ? 'cpu' : 'wall',
      machine: machine(),
      ok: missed.length === 0,
      missed,
      results,
    },
    null,
    1,
  ),
);
if (missed.length > 0 && !flags.json) tell(`Missed: ${missed.join('; ')}`);
process.exitCode = missed.length === 0 ? 0 : 1;

/** Builds, unless what is there is newer than every source. */
function build() {
  const newest = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((time, entry) => Math.max(time, statSync(join(entry.parentPath, entry.name)).mtimeMs), 0);
  if (existsSync(cli) && statSync(cli).mtimeMs > newest) return;
  const { status } = spawnSync(process.execPath, [join(root, 'scripts', 'build.mjs')], { stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error('the build failed');
}

// Starting -----------------------------------------------------------------------------------------------------------

function measureStart() {
  const runs = quick ? 5 : 20;
  record(
    'node alone',
    repeat(runs, () => node(['-e', '0'])),
  );
  record(
    'slipway --help',
    repeat(runs, () => node([cli, '--help'])),
    { seconds: 0.15 },
  );
}

// Reading and SQL ----------------------------------------------------------------------------------------------------

function measureReading() {
  const medium = join(shared, 'medium.db');
  const inputs = [
    {
      label: 'medium.db',
      devices: 5_000,
      path: existing(medium),
      read: { seconds: 1, megabytes: 150 },
      sql: { seconds: 1.5 },
    },
    { label: 'large.db', devices: 50_000, path: large(), read: { seconds: 2, megabytes: 250 }, sql: { seconds: 4 } },
  ];
  if (!quick) {
    for (const devices of [5_000, 10_000, 25_000])
      inputs.push({ label: 'written', devices, path: () => written(devices), read: {}, sql: {} });
    inputs.push({
      label: 'written',
      devices: 100_000,
      path: () => written(100_000),
      read: { seconds: 4, megabytes: 500 },
      sql: { seconds: 8 },
    });
  }
  const costs = { read: new Map(), sql: new Map() };
  for (const input of inputs) measureInput(input, costs);
  for (const [what, perDevice] of Object.entries(costs)) linear(what, perDevice);
}

function measureInput({ label, devices, path, read, sql }, costs) {
  const name = `${label}, ${devices.toLocaleString('en')} devices`;
  const found = path();
  if (found.skipped !== undefined) {
    skip(`read ${name}`, found.skipped);
    return;
  }
  const file = found.path;
  if (!quick) floors(name, file, devices);
  const runs = quick ? 2 : 5;
  const source = `micromdm:${file}`;
  if (parts.has('read')) {
    record(
      `read ${name}`,
      repeat(runs, () => node([cli, 'read', source, '--at', AT])),
      read,
    );
    const best = record(
      `read --json ${name}`,
      repeat(runs, () => node([cli, 'read', source, '--at', AT, '--json'])),
      read,
    );
    if (label === 'written') costs.read.set(devices, cpuOf(best));
  }
  if (parts.has('sql')) {
    const out = join(work, 'rows.sql');
    const make = () =>
      node([
        cli,
        'sql',
        source,
        '--at',
        AT,
        '--fleet-version',
        VERSION,
        '--out',
        out,
        '--overwrite',
        '--json',
        '--accept',
        ACCEPTED.join(),
      ]);
    const best = record(`sql ${name}`, repeat(quick ? 1 : 3, make), sql);
    if (label === 'written') costs.sql.set(devices, cpuOf(best));
    rmSync(out, { force: true });
  }
}

/** What nothing can be faster than. */
function floors(name, file, devices) {
  const { status, stdout } = spawnSync(
    process.execPath,
    [join(root, 'test', 'bench', 'floors.mjs'), file, String(devices)],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error('the floors could not be measured');
  const { read, hash, certificates } = JSON.parse(stdout);
  note(`floor: bytes of ${name}`, {
    'read s': read,
    'read and hash s': hash,
    'hash as many certificates s': certificates,
  });
}

/** A device of the largest file must cost what one of a smaller file costs, the start of the process left aside. */
function linear(what, costs) {
  if (costs.size < 2) return;
  const start = cpuOf(best(repeat(5, () => node([cli, '--help']))));
  const perDevice = Object.fromEntries(
    [...costs].map(([devices, cpu]) => [devices, round(((cpu - start) / devices) * 1e6, 1)]),
  );
  const counts = [...costs.keys()];
  const ratio = perDevice[counts.at(-1)] / perDevice[counts.at(-2)];
  note(`${what}: µs of processor time a device`, perDevice, [target('100,000 against 25,000', 1.25, round(ratio, 2))]);
}

// NanoMDM's databases -------------------------------------------------------------------------------------------------

/** Every device of the 5,000 once more under another UDID, with its users, enrollments and certificates. */
function doubled(again) {
  const user = (column) => `REPLACE(${column}, device_id, ${again('device_id')})`;
  const devices = 'serial_number, identity_cert, authenticate_at, token_update_at, bootstrap_token_b64';
  const message = (column) => `REPLACE(${column}, id, ${again('id')})`;
  return [
    `INSERT INTO devices (id, ${devices}, unlock_token, authenticate, token_update)
     SELECT ${again('id')}, ${devices}, unlock_token, ${message('authenticate')}, ${message('token_update')} FROM devices`,
    `INSERT INTO users (id, device_id, user_short_name, user_long_name)
     SELECT ${user('id')}, ${again('device_id')}, user_short_name, user_long_name FROM users`,
    `INSERT INTO enrollments (id, device_id, user_id, type, topic, push_magic, token_hex, enabled, token_update_tally, last_seen_at)
     SELECT ${user('id')}, ${again('device_id')}, ${user('user_id')}, type, topic, push_magic, token_hex, enabled, token_update_tally,
       last_seen_at FROM enrollments`,
    `INSERT INTO cert_auth_associations (id, sha256) SELECT ${again('id')}, sha256 FROM cert_auth_associations`,
  ].join(';\n');
}

async function measureNanoMdm() {
  const folder = join(root, '..', 'shared', 'data', 'nanomdm');
  const runs = quick ? 2 : 5;
  const measure = (engine, server, password) =>
    record(
      `read NanoMDM on ${engine} ${server.version}, 10,000 devices`,
      repeat(runs, () => {
        const run = node([cli, 'read', `nanomdm:${server.address}`, '--at', AT, '--json'], {
          env: { SLIPWAY_SOURCE_PASSWORD: password },
          keep: true,
        });
        const { counts } = JSON.parse(run.output);
        if (counts.devices !== 10_000) throw new Error(`${counts.devices} devices were read of 10,000`);
        return run;
      }),
      { seconds: 5 },
    );
  const dump = (name) => {
    const packed = join(folder, `${name}-5000.sql.zst`);
    if (!existsSync(packed)) throw new Error(`there is no ${packed}`);
    const file = join(work, `${name}.sql`);
    const { error, status } = spawnSync('zstd', ['-d', '-q', '-f', packed, '-o', file], { stdio: ['ignore', 2, 2] });
    if (error || status !== 0) throw new Error('the zstd command, which unpacks it, is missing or failed');
    return file;
  };
  let mysql;
  try {
    const file = dump('mysql');
    mysql = await startMysql({ fast: true });
    client(mysql, ['--execute', 'CREATE DATABASE nanomdm CHARACTER SET utf8mb4']);
    client(mysql, ['--default-character-set=utf8mb4', 'nanomdm'], file);
    client(mysql, ['nanomdm', '--execute', doubled((id) => `CONCAT(${id}, 'B')`)]);
    const address = `mysql://root@127.0.0.1:${mysql.port}/nanomdm`;
    measure('MySQL', { version: mysql.version, address }, mysql.password ?? '');
  } catch (error) {
    skip('read NanoMDM on MySQL', error.message);
  } finally {
    await mysql?.stop();
  }
  let postgres;
  try {
    const file = dump('postgres');
    postgres = await startPostgres();
    const { host, port, user, password, version } = postgres;
    const psql = (database, ...args) =>
      timed(
        'psql',
        ['-q', '-v', 'ON_ERROR_STOP=1', '-h', host, '-p', String(port), '-U', user, '-d', database, ...args],
        {
          env: { PGPASSWORD: password },
        },
      );
    psql('postgres', '-c', 'CREATE DATABASE nanomdm');
    psql('nanomdm', '-f', file);
    psql('nanomdm', '-c', `SET search_path = public;\n${doubled((id) => `(${id} || 'B')`)}`);
    measure(
      'PostgreSQL',
      { version: /[\d.]+/.exec(version)?.[0] ?? version, address: `postgres://${user}@${host}:${port}/nanomdm` },
      password,
    );
  } catch (error) {
    skip('read NanoMDM on PostgreSQL', error.message);
  } finally {
    await postgres?.stop();
  }
}

// Writing to Fleet ---------------------------------------------------------------------------------------------------

async function measureApply() {
  const { path, skipped } = existing(join(shared, 'medium.db'))();
  if (path === undefined) return skip('apply medium.db', skipped);
  let server;
  try {
    // As a production server is run: every commit on disk, and in the binary log.
    server = await startMysql({ binlog: true, extraArgs: ['--local-infile=ON'] });
  } catch (error) {
    return skip('apply medium.db', error.message);
  }
  try {
    if (server.kind !== 'mysql' || server.clientCommand === undefined) {
      return skip('apply medium.db', 'no MySQL of our own with its command line client here');
    }
    note('MySQL', { version: server.version, origin: server.origin });
    const runs = quick ? 1 : 3;
    const applied = repeat(runs, () => migrate(server, path));
    const plan = record(
      'plan medium.db',
      applied.map((run) => run.plan),
    );
    const apply = record(
      'apply medium.db',
      applied.map((run) => run.apply),
    );
    const verify = record(
      'verify medium.db',
      applied.map((run) => run.verify),
    );
    const writing = Math.min(...applied.map((run) => run.writing));

    const feeds = helper('inputs.ts', 'writeFeeds', {
      database: path,
      folder: work,
      fleetVersion: VERSION,
      at: Date.parse(AT),
      accept: ACCEPTED,
    });
    const { devices } = applied[0];
    if (feeds.devices !== devices) throw new Error(`${feeds.devices} devices to feed, ${devices} to apply`);
    const load = record(
      'LOAD DATA of the same rows',
      repeat(runs, () => feed(server, feeds.loadData, devices, ['--local-infile=1'])),
    );
    const rows = record('row by row, as the script does it', [feed(server, feeds.rowByRow, devices, [])]);
    // What the other two do is writing; reading the source, the checks and reading everything back are apply's alone.
    note(
      'apply against both',
      {
        devices,
        'writing s': writing,
        'whole command s': apply.wall,
        'whole command, times as long as LOAD DATA': apply.wall / load.wall,
        'row by row, times as long as the whole command': rows.wall / apply.wall,
      },
      [
        target('writing, times as long as LOAD DATA', 3, round(writing / load.wall, 2)),
        target('row by row, times as long as writing', 10, round(rows.wall / writing, 1), atLeast),
      ],
    );
    if (!quick) applyLarge(server, { devices, plan, apply, verify });
  } finally {
    await server.stop();
  }
}

function applyLarge(server, medium) {
  const { path, skipped } = large()();
  if (path === undefined) return skip('apply large.db', skipped);
  const run = migrate(server, path);
  for (const what of ['plan', 'apply', 'verify']) record(`${what} large.db`, [run[what]]);
  const rates = Object.fromEntries(
    ['plan', 'apply', 'verify'].map((what) => [
      what,
      [Math.round(medium.devices / medium[what].wall), Math.round(run.devices / run[what].wall)],
    ]),
  );
  note(
    'devices a second, medium.db and large.db',
    Object.fromEntries(Object.entries(rates).map(([what, pair]) => [what, pair.join(' and ')])),
    Object.entries(rates).map(([what, [small, big]]) =>
      target(`${what}, rate of the larger`, 0.8, round(big / small, 2), atLeast),
    ),
  );
}

// Watching -----------------------------------------------------------------------------------------------------------

/** Looks at Fleet's tables with many imported devices: read, judged, and laid over the window's list. */
async function measureWatch() {
  const devices = quick ? 20_000 : 100_000;
  let server;
  try {
    server = await startMysql();
  } catch (error) {
    skip('watch', error.message);
    return;
  }
  const url = `mysql://${server.user}@${server.host}:${server.port}`;
  try {
    for (const generation of ['generation-469', 'generation-newest']) {
      const name = helper('watch.ts', 'loadImported', { url, generation, devices });
      for (const look of helper('watch.ts', 'measureReadings', { url, name }, ['--expose-gc'])) {
        const { what, seconds, processor, kept, peak, rows, overlay } = look;
        note(
          `look, ${generation.slice(11)}, ${what}`,
          {
            seconds: round(seconds, 2),
            cpu: round(processor, 2),
            rows,
            'kept MB': round(kept, 0),
            'process MB': round(peak, 0),
            'list s': round(overlay, 3),
          },
          quick
            ? []
            : [
                target(flags.cpu ? 'processor s' : 's', 2, round(flags.cpu ? processor : seconds, 2)),
                target('MB extra', 50, round(kept, 0)),
              ],
        );
      }
    }
  } finally {
    await server.stop();
  }
}

function freshDatabase(server) {
  databases += 1;
  const name = `bench_${databases}`;
  client(server, ['--execute', `CREATE DATABASE ${name} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`]);
  client(server, [name], SCHEMA);
  return name;
}

/** Plans, applies and verifies into a database of its own. */
function migrate(server, file) {
  const name = freshDatabase(server);
  const folder = join(work, name);
  mkdirSync(folder);
  const to = ['--fleet', `mysql://root@127.0.0.1:${server.port}/${name}`, '--at', AT, '--json'];
  const planFile = join(folder, 'plan.json');
  const options = { env: { SLIPWAY_COPIES: join(folder, 'copies') }, server, keep: true };
  const plan = node(
    [cli, 'plan', `micromdm:${file}`, ...to, '--out', planFile, '--accept', ACCEPTED.join(), '--reason', 'bench'],
    options,
  );
  const apply = applyAccepting([cli, 'apply', planFile, ...to, '--yes', '--reason', 'bench'], options);
  const verify = node([cli, 'verify', planFile, ...to], options);
  const written = count(server, name);
  const { counts } = JSON.parse(plan.output);
  if (written !== counts.insert) throw new Error(`${counts.insert} devices were to be written, ${written} were`);
  const writing = writingTime(folder);
  client(server, ['--execute', `DROP DATABASE ${name}`]);
  rmSync(folder, { recursive: true, force: true });
  return { plan, apply, verify, writing, devices: written };
}

/** A bare schema fails preflight checks a real Fleet would not; what it names is accepted, before anything is timed. */
function applyAccepting(args, options) {
  const accepted = [...ACCEPTED];
  for (let attempt = 0; ; attempt += 1) {
    const run = node([...args, '--accept', accepted.join()], { ...options, mayFail: attempt < 3 });
    if (run.status === 0) return run;
    const { error } = JSON.parse(run.errors);
    if (error.code !== 'apply/checks-failed') throw new Error(`apply: ${error.message}`);
    accepted.push(...Object.keys(error.detail));
  }
}

/** Seconds from the journal's opening to its close: the writing alone. */
function writingTime(folder) {
  const journal = readdirSync(folder).find((file) => file.endsWith('.jsonl'));
  const lines = readFileSync(join(folder, journal), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const instant = (kind) => Date.parse(lines.find((line) => line.kind === kind).at);
  return (instant('closed') - instant('opened')) / 1000;
}

function feed(server, file, devices, options) {
  const name = freshDatabase(server);
  const run = client(server, ['--default-character-set=utf8mb4', ...options, name], file);
  const written = count(server, name);
  if (written !== devices) throw new Error(`${devices} devices were to be fed, ${written} were`);
  client(server, ['--execute', `DROP DATABASE ${name}`]);
  return run;
}

function count(server, name) {
  const tables = ['nano_devices', 'nano_enrollments', 'nano_cert_auth_associations'];
  const each = tables.map((table) => `(SELECT COUNT(*) FROM ${name}.${table})`).join(', ');
  return Number(client(server, ['--skip-column-names', '--execute', `SELECT LEAST(${each})`]).output.trim());
}

function client(server, args, file) {
  const [command, ...first] = server.clientCommand;
  return timed(command, [...first, ...server.clientArgs, ...args], {
    env: server.clientEnv,
    server,
    keep: true,
    ...(file === undefined ? {} : { input: readFileSync(file) }),
  });
}

// Input --------------------------------------------------------------------------------------------------------------

function existing(path) {
  return () => (existsSync(path) ? { path } : { skipped: `there is no ${path}` });
}

/** The large database, unpacked once. */
function large() {
  return () => {
    const path = join(cache, 'large.db');
    const packed = join(shared, 'large.db.zst');
    if (existsSync(path)) return { path };
    if (!existsSync(packed)) return { skipped: `there is no ${packed}` };
    const { error, status } = spawnSync('zstd', ['-d', '-q', '-f', packed, '-o', `${path}.part`], {
      stdio: ['ignore', 2, 2],
    });
    if (error || status !== 0) return { skipped: 'the zstd command, which unpacks it, is missing or failed' };
    chmodSync(`${path}.part`, 0o644);
    renameSync(`${path}.part`, path);
    return { path };
  };
}

/** A database of the tests' own writer, made once. */
function written(devices) {
  // Made anew when the writer changes.
  const version = Math.trunc(statSync(join(root, 'test', 'micromdm-writer.ts')).mtimeMs / 1000);
  const path = join(cache, `written-${devices}-${version}.db`);
  if (existsSync(path)) return { path };
  for (const file of readdirSync(cache)) if (file.startsWith(`written-${devices}-`)) rmSync(join(cache, file));
  helper('inputs.ts', 'writeDatabase', { path, devices });
  return { path };
}

/** Runs a function of test/bench in a process of its own: this one stays small and idle. */
function helper(file, name, options, more = []) {
  const args = [
    ...more,
    '--max-old-space-size=4096',
    join(root, 'test', 'bench', 'run.mjs'),
    file,
    name,
    JSON.stringify(options),
  ];
  const { status, stdout } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 2],
  });
  if (status !== 0) throw new Error(`${name} failed`);
  return JSON.parse(stdout);
}

// Measuring ----------------------------------------------------------------------------------------------------------

/** One run of a Node program: seconds by the clock and of the processors, and its largest resident memory. */
function node(args, options = {}) {
  const usageFile = join(work, 'usage.json');
  const preload = new URL('../test/bench/usage.mjs', import.meta.url).href;
  const run = timed(process.execPath, ['--import', preload, ...args], {
    ...options,
    env: { ...options.env, SLIPWAY_BENCH_USAGE: usageFile },
  });
  const { user, system, residentKb } = JSON.parse(readFileSync(usageFile, 'utf8'));
  return { ...run, user, system, megabytes: residentKb / 1024 };
}

function timed(command, args, { env = {}, input, keep = false, mayFail = false, server } = {}) {
  const before = server && processorTime(server.pid);
  const begin = performance.now();
  const { status, signal, error, stdout, stderr } = spawnSync(command, args, {
    env: { ...process.env, ...env },
    encoding: 'utf8',
    stdio: [input === undefined ? 'ignore' : 'pipe', keep ? 'pipe' : 'ignore', 'pipe'],
    maxBuffer: 1 << 28,
    ...(input === undefined ? {} : { input }),
  });
  const wall = (performance.now() - begin) / 1000;
  if (error) throw error;
  if (status !== 0 && !mayFail)
    throw new Error(`${args.slice(0, 4).join(' ')} ended with ${signal ?? status}: ${stderr}`);
  const serverCpu = server && processorTime(server.pid) - before;
  return {
    wall,
    status,
    ...(keep ? { output: stdout, errors: stderr } : {}),
    ...(server ? { server: serverCpu } : {}),
  };
}

/** Seconds of processor time a process has had; 0 where the system does not tell. */
function processorTime(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return 0;
  }
}

function repeat(runs, run) {
  return Array.from({ length: runs }, run);
}

/** The run that was disturbed least. */
function best(runs) {
  const by = flags.cpu && runs[0].user !== undefined ? cpuOf : ({ wall }) => wall;
  return runs.toSorted((a, b) => by(a) - by(b))[0];
}

function cpuOf({ user = 0, system = 0 }) {
  return user + system;
}

// Telling ------------------------------------------------------------------------------------------------------------

function record(name, runs, wanted = {}) {
  const { wall, user, system, megabytes, server } = best(runs);
  const figures = { wall, user, system, megabytes, server };
  const targets = [];
  if (wanted.seconds !== undefined) {
    const actual = flags.cpu ? user + system : wall;
    targets.push(target(flags.cpu ? 'processor s' : 's', wanted.seconds, round(actual, 3)));
  }
  if (wanted.megabytes !== undefined) {
    // Memory is not a matter of luck: the worst run counts.
    const most = Math.max(...runs.map((run) => run.megabytes));
    targets.push(target('resident MB', wanted.megabytes, round(most, 0)));
  }
  const rounded = Object.fromEntries(
    Object.entries(figures)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, round(value, 3)]),
  );
  add({ name, runs: runs.length, ...rounded, targets });
  return figures;
}

function note(name, facts, targets = []) {
  add({
    name,
    facts: Object.fromEntries(
      Object.entries(facts).map(([key, value]) => [key, typeof value === 'number' ? round(value, 3) : value]),
    ),
    targets,
  });
}

function skip(name, reason) {
  add({ name, skipped: reason, targets: [] });
}

function target(what, wanted, actual, holds = (found, limit) => found <= limit) {
  return { what, wanted, actual, ok: holds(actual, wanted) };
}

function atLeast(actual, wanted) {
  return actual >= wanted;
}

function add(result) {
  results.push(result);
  if (!flags.json) tell(lineOf(result));
}

function lineOf({ name, wall, user, system, megabytes, server, facts, skipped, targets }) {
  const seconds = (value) => `${value.toFixed(2).padStart(7)} s`;
  let figures;
  if (skipped !== undefined) figures = `  skipped: ${skipped}`;
  else if (facts !== undefined)
    figures = `  ${Object.entries(facts)
      .map(([key, value]) => `${key} ${value}`)
      .join(', ')}`;
  else {
    figures = seconds(wall);
    if (user !== undefined) figures += `  cpu${seconds(user + system)}  ${megabytes.toFixed(0).padStart(4)} MB`;
    if (server !== undefined) figures += `  mysqld${seconds(server)}`;
  }
  const judged = targets.map(
    ({ what, wanted, actual, ok }) => `${ok ? '✓' : '✗'} ${what}: ${actual}, wanted ${wanted}`,
  );
  return `${name.padEnd(40)}${figures}${judged.length > 0 ? `   ${judged.join('  ')}` : ''}`;
}

function tell(line) {
  process.stderr.write(`${line}\n`);
}

function machine() {
  const list = cpus();
  return {
    processors: list.length,
    model: list[0]?.model ?? 'unknown',
    memoryGb: Math.round(totalmem() / 1e9),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    load: { before: round(started, 1), after: round(loadavg()[0], 1) },
  };
}

function round(value, digits) {
  return Number(value.toFixed(digits));
}
