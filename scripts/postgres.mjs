// A real PostgreSQL server for tests and benchmarks.
//
//   node scripts/postgres.mjs --start    starts a server, prints one line of JSON with its address, runs until Ctrl-C
//
// Where the server comes from, first that works:
//   1. SLIPWAY_TEST_POSTGRES_URL: a server that already runs, used as it is
//   2. a `postgres` with its `initdb` on PATH, or where Debian installs them
//   3. Debian's postgresql package, downloaded into the cache folder and run from there
// PostgreSQL refuses to run as root: there it runs as `postgres`, else as `nobody`.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { debianPrograms, removeFolder, run, Unavailable, which } from './debian.mjs';

const isRoot = process.getuid?.() === 0;
const PASSWORD = 'slipway-test';

class PostgresUnavailable extends Unavailable {
  name = 'PostgresUnavailable';
}

/** Programs as `{ postgres, initdb, origin }`, each with its first arguments; throws PostgresUnavailable. */
async function programs() {
  const installed = fs.existsSync('/usr/lib/postgresql') ? fs.readdirSync('/usr/lib/postgresql').sort().reverse() : [];
  const folders = installed.map((version) => `/usr/lib/postgresql/${version}/bin`);
  const own = which('postgres');
  if (own) folders.unshift(path.dirname(fs.realpathSync(own)));
  for (const folder of folders) {
    const files = ['postgres', 'initdb'].map((name) => path.join(folder, name));
    if (files.every((file) => fs.existsSync(file)))
      return { postgres: [files[0]], initdb: [files[1]], origin: 'installed' };
  }
  try {
    const folder = 'usr/lib/postgresql/15/bin';
    const found = await debianPrograms({
      name: 'postgresql',
      packages: ['postgresql-15', 'postgresql-client-15'],
      program: `${folder}/postgres`,
      suite: 'bookworm',
    });
    return {
      postgres: found.commandOf(`${folder}/postgres`),
      initdb: found.commandOf(`${folder}/initdb`),
      origin: 'debian',
    };
  } catch (error) {
    throw new PostgresUnavailable(
      `no PostgreSQL server: ${error.message}. Install PostgreSQL, or set SLIPWAY_TEST_POSTGRES_URL=postgres://user:password@host:port`,
    );
  }
}

/** Who may run a server: nobody else than ourselves, unless we are root. */
function account() {
  if (!isRoot) return undefined;
  for (const name of ['postgres', 'nobody']) {
    const id = (what) => Number(spawnSync('id', [what, name], { encoding: 'utf8' }).stdout);
    if (id('-u') > 0) return { uid: id('-u'), gid: id('-g') };
  }
  throw new PostgresUnavailable('PostgreSQL refuses to run as root, and there is no account to run it as');
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/**
 * Starts a server on 127.0.0.1 with a data folder that goes with it. Gives `{ origin, version, host, port, user,
 * password, url, pid, stop }`. An external server is used as it is.
 */
export async function startPostgres() {
  const given = process.env.SLIPWAY_TEST_POSTGRES_URL;
  if (given) {
    const url = new URL(given);
    const user = decodeURIComponent(url.username || 'postgres');
    const password = decodeURIComponent(url.password);
    const address = { host: url.hostname, port: Number(url.port || 5432), user, password };
    return { origin: 'SLIPWAY_TEST_POSTGRES_URL', version: 'external', ...address, url: given, stop: async () => {} };
  }
  const { postgres, initdb, origin } = await programs();
  const who = account() ?? {};
  const base = os.tmpdir().length > 70 ? '/tmp' : os.tmpdir();
  const folder = fs.mkdtempSync(path.join(base, 'slipway-postgres-'));
  let child;
  const endNow = () => {
    if (child?.pid && child.exitCode === null && child.signalCode === null) child.kill('SIGQUIT');
    try {
      removeFolder(folder);
    } catch {
      // still being written
    }
  };
  process.once('exit', endNow);
  try {
    const secret = path.join(folder, 'password');
    fs.writeFileSync(secret, PASSWORD, { mode: 0o600 });
    if (isRoot) {
      fs.chownSync(folder, who.uid, who.gid);
      fs.chownSync(secret, who.uid, who.gid);
    }
    const data = path.join(folder, 'data');
    const options = { ...who, cwd: folder, env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', HOME: folder } };
    await run(
      initdb[0],
      [
        ...initdb.slice(1),
        `--pgdata=${data}`,
        '--username=slipway',
        `--pwfile=${secret}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--no-sync',
      ],
      options,
    );
    const port = await freePort();
    const log = path.join(folder, 'log');
    const out = fs.openSync(log, 'a');
    const settings = ['listen_addresses=127.0.0.1', `port=${port}`, `unix_socket_directories=${folder}`, 'fsync=off'];
    child = spawn(postgres[0], [...postgres.slice(1), '-D', data, ...settings.flatMap((setting) => ['-c', setting])], {
      ...options,
      stdio: ['ignore', out, out],
    });
    fs.closeSync(out);
    const gone = new Promise((resolve) => child.once('exit', resolve));
    await ready(port, child, () => fs.readFileSync(log, 'utf8'));
    const version = spawnSync(postgres[0], [...postgres.slice(1), '--version'], { encoding: 'utf8' }).stdout.trim();
    return {
      origin,
      version,
      host: '127.0.0.1',
      port,
      user: 'slipway',
      password: PASSWORD,
      url: `postgres://slipway@127.0.0.1:${port}/postgres`,
      pid: child.pid,
      async stop() {
        process.off('exit', endNow);
        child.kill('SIGINT');
        await gone;
        removeFolder(folder);
      },
    };
  } catch (error) {
    process.off('exit', endNow);
    endNow();
    throw error;
  }
}

/** Waits until the server takes connections: it says so in its log. */
async function ready(port, child, log) {
  const until = Date.now() + 60_000;
  while (Date.now() < until) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`postgres ended at once: ${log()}`);
    if (log().includes('ready to accept connections')) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`postgres was not ready in time on port ${port}: ${log()}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes('--start')) {
    const server = await startPostgres();
    const { stop, ...address } = server;
    console.log(JSON.stringify(address));
    const end = () => void stop().then(() => process.exit(0));
    process.once('SIGINT', end);
    process.once('SIGTERM', end);
    setInterval(() => {}, 1 << 30);
  } else {
    console.error('node scripts/postgres.mjs --start');
    process.exitCode = 2;
  }
}
