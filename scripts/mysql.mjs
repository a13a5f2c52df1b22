// A real MySQL server for tests, benchmarks and trying things by hand.
//
//   node scripts/mysql.mjs --start [--port N] [--data DIR] [--ssl] [--fast] [-- mysqld options]
//       starts a server, prints one line of JSON with its address, and runs it until SIGTERM or Ctrl-C
//   node scripts/mysql.mjs --provision [--refresh]
//       only makes sure that a server can be had (--refresh: look for a newer one), and says which
//
// Where the server comes from, first that works (see ARCHITECTURE.md):
//   1. SLIPWAY_TEST_MYSQL_URL: a server that already runs, used as it is
//   2. a `mysqld` on PATH that is MySQL
//   3. Debian unstable's mysql-server-core with the libraries it needs, downloaded with `apt-get download` into the
//      cache folder and run from there. Nothing is installed, and the system's own package lists stay untouched.
//   4. a MariaDB on PATH, said as such: Fleet does not support it
// The cache folder is `.cache/mysql` in the checkout, or SLIPWAY_CACHE/mysql.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  cacheOf,
  debianEntry,
  LOADERS,
  privateApt,
  removeFolder,
  run,
  TRIPLES,
  Unavailable,
  which,
  withLock,
  workFolder,
} from './debian.mjs';

const isRoot = process.getuid?.() === 0;
const OLDEST = [8, 0, 16]; // CHECK constraints are enforced from here on

export class MysqlUnavailable extends Unavailable {
  name = 'MysqlUnavailable';
}

export function cacheFolder() {
  return cacheOf('mysql');
}

function say(line) {
  process.stderr.write(`mysql: ${line}\n`);
}

// ---------------------------------------------------------------------------------------------------------------
// small helpers

function versionOf(text) {
  const match = /(\d+)\.(\d+)\.(\d+)[\w.+-]*/.exec(text);
  return match ? { text: match[0], parts: [Number(match[1]), Number(match[2]), Number(match[3])] } : undefined;
}

function tooOld(parts) {
  for (let i = 0; i < 3; i++) {
    if (parts[i] !== OLDEST[i]) return parts[i] < OLDEST[i];
  }
  return false;
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// ---------------------------------------------------------------------------------------------------------------
// Debian unstable's packages, without touching the system

function unpackedCommands(root, architecture) {
  const libraries = path.join(root, 'usr', 'lib', TRIPLES[architecture]);
  const loader = [path.join(libraries, LOADERS[architecture]), '--library-path', libraries];
  const share = path.join(root, 'usr', 'share', 'mysql');
  return {
    loader,
    mysqldCommand: [...loader, path.join(root, 'usr', 'sbin', 'mysqld')],
    clientCommand: [...loader, path.join(root, 'usr', 'bin', 'mysql')],
    clientExtra: [`--character-sets-dir=${path.join(share, 'charsets')}`],
    serverArgs: [
      `--lc-messages-dir=${share}`,
      `--character-sets-dir=${path.join(share, 'charsets')}`,
      `--plugin-dir=${path.join(root, 'usr', 'lib', 'mysql', 'plugin')}`,
    ],
  };
}

/** What the cache already holds, newest first. */
function cachedServer(architecture) {
  const folder = cacheFolder();
  if (!fs.existsSync(folder)) return undefined;
  const found = [];
  for (const name of fs.readdirSync(folder)) {
    if (name.startsWith('.')) continue;
    const root = path.join(folder, name);
    try {
      const about = JSON.parse(fs.readFileSync(path.join(root, 'slipway.json'), 'utf8'));
      if (about.architecture === architecture) found.push({ root, ...about });
    } catch {
      // not one of ours, or not whole
    }
  }
  found.sort((a, b) => b.made - a.made);
  return found[0];
}

async function debianServer(refresh) {
  if (process.platform !== 'linux' || !which('apt-get') || !which('dpkg')) {
    throw new MysqlUnavailable('no apt-get here to take one from Debian with');
  }
  const architecture = spawnSync('dpkg', ['--print-architecture'], { encoding: 'utf8' }).stdout.trim();
  if (!LOADERS[architecture]) throw new MysqlUnavailable(`Debian has no MySQL this script can run on ${architecture}`);
  const ready = refresh ? undefined : cachedServer(architecture);
  if (ready) return describe(ready, architecture);
  return withLock(cacheFolder(), async () => {
    const meanwhile = refresh ? undefined : cachedServer(architecture);
    return describe(meanwhile ?? (await downloadServer(architecture)), architecture);
  });
}

function describe(cached, architecture) {
  return {
    kind: 'mysql',
    origin: 'debian-sid',
    version: cached.version,
    ...unpackedCommands(cached.root, architecture),
  };
}

async function downloadServer(architecture) {
  const entry = debianEntry();
  if (!entry) {
    throw new MysqlUnavailable('no Debian entry in /etc/apt/sources.list(.d) to take one from');
  }
  const folder = cacheFolder();
  const work = workFolder(folder);
  try {
    const started = Date.now();
    const apt = privateApt(path.join(work, 'apt'), entry, architecture, 'sid');
    say('no MySQL server here: fetching the list of Debian unstable');
    await apt(['update', '-o', 'APT::Update::Error-Mode=any']).catch((error) => {
      throw new MysqlUnavailable(
        `the list of Debian unstable cannot be had from this machine's Debian mirror (${error.message})`,
      );
    });
    let plan;
    let refusal;
    for (const names of [
      ['mysql-server-core', 'mysql-client-core'],
      ['mysql-server-core-8.4', 'mysql-client-core-8.4'],
      ['mysql-server-core-8.0', 'mysql-client-core-8.0'],
    ]) {
      try {
        plan = (await apt(['-s', '--no-install-recommends', 'install', ...names])).stdout;
        break;
      } catch (error) {
        refusal ??= error;
      }
    }
    if (!plan) throw new MysqlUnavailable(`Debian unstable cannot give MySQL today: ${refusal.message}`);
    // Perl is there for scripts beside the server (mysqld_safe and so on); the server itself has no use for it.
    const packages = [...plan.matchAll(/^Inst (\S+) \((\S+) /gm)]
      .map(([, name, version]) => ({ name, version }))
      .filter(({ name }) => !/^(perl|libperl|libgdbm|libdb\d|debconf)/.test(name));
    const server = packages.find(({ name }) => name.startsWith('mysql-server-core'));
    if (!server) throw new MysqlUnavailable(`apt-get names no server package: ${plan.slice(0, 300)}`);

    say(`downloading MySQL ${server.version} with its libraries (${packages.length} packages, about 55 MB)`);
    const debs = path.join(work, 'debs');
    fs.mkdirSync(debs);
    await apt(['download', ...packages.map(({ name, version }) => `${name}=${version}`)], debs).catch((error) => {
      throw new MysqlUnavailable(`MySQL cannot be downloaded from this machine's Debian mirror (${error.message})`);
    });
    const files = fs.readdirSync(debs).filter((name) => name.endsWith('.deb'));
    if (files.length !== packages.length) {
      throw new MysqlUnavailable(`apt-get downloaded ${files.length} of ${packages.length} packages`);
    }
    const root = path.join(work, 'root');
    fs.mkdirSync(root);
    for (const file of files) await run('dpkg', ['-x', path.join(debs, file), root]);
    prune(root);

    const commands = unpackedCommands(root, architecture);
    for (const [program, name] of [
      [commands.mysqldCommand, 'mysqld'],
      [commands.clientCommand, 'mysql'],
    ]) {
      const listed = await run(commands.loader[0], [...commands.loader.slice(1), '--list', program.at(-1)]);
      const missing = listed.stdout.split('\n').filter((line) => line.includes('not found'));
      if (missing.length > 0) throw new MysqlUnavailable(`${name} misses a library: ${missing.join(', ').trim()}`);
    }
    const version = versionOf(
      (await run(commands.mysqldCommand[0], [...commands.mysqldCommand.slice(1), '--no-defaults', '--version'])).stdout,
    );
    if (!version) throw new MysqlUnavailable('the downloaded mysqld does not tell its version');
    const about = {
      version: version.text,
      architecture,
      made: Date.now(),
      packages: packages.map(({ name, version: v }) => `${name}=${v}`),
    };
    fs.writeFileSync(path.join(root, 'slipway.json'), `${JSON.stringify(about, null, 1)}\n`);
    const place = path.join(folder, `${version.text}-${architecture}`);
    // A cached one of the same version may be in use right now: it stays, only told to be the newest.
    if (fs.existsSync(path.join(place, 'slipway.json'))) {
      fs.writeFileSync(path.join(place, 'slipway.json.new'), JSON.stringify(about));
      fs.renameSync(path.join(place, 'slipway.json.new'), path.join(place, 'slipway.json'));
    } else {
      removeFolder(place);
      fs.renameSync(root, place);
    }
    say(`MySQL ${version.text} is in ${place} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
    return { root: place, ...about };
  } finally {
    removeFolder(work);
  }
}

/** Keep the server, the clients that tests and people use, and what they load. */
function prune(root) {
  const keep = (folder, names) => {
    const place = path.join(root, folder);
    if (!fs.existsSync(place)) return;
    for (const name of fs.readdirSync(place)) if (!names.includes(name)) removeFolder(path.join(place, name));
  };
  keep('.', ['usr']);
  keep('usr', ['bin', 'sbin', 'lib', 'share']);
  keep('usr/bin', ['mysql', 'mysqldump', 'mysqladmin', 'mysqlbinlog']);
  keep('usr/sbin', ['mysqld']);
  keep('usr/share', ['mysql']);
}

// ---------------------------------------------------------------------------------------------------------------
// the four rungs

function systemServer() {
  const binary = which('mysqld');
  if (!binary) return undefined;
  const said = spawnSync(binary, ['--no-defaults', '--version'], { encoding: 'utf8' });
  const version = versionOf(`${said.stdout}`.replace(/^.*?Ver /, ''));
  if (said.status !== 0 || !version || /mariadb/i.test(said.stdout)) return undefined;
  if (tooOld(version.parts)) {
    say(`passing over ${binary}: MySQL ${version.text} is older than ${OLDEST.join('.')}`);
    return undefined;
  }
  return { kind: 'mysql', origin: 'path', version: version.text, mysqldCommand: [binary], serverArgs: [] };
}

function mariadbServer() {
  const binary = which('mariadbd', 'mysqld');
  const installer = which('mariadb-install-db', 'mysql_install_db');
  if (!binary || !installer) return undefined;
  const said = spawnSync(binary, ['--no-defaults', '--version'], { encoding: 'utf8' });
  if (said.status !== 0 || !/mariadb/i.test(said.stdout)) return undefined;
  const version = versionOf(said.stdout.replace(/^.*?Ver /, ''));
  const client = which('mariadb', 'mysql');
  const prefix = path.dirname(path.dirname(fs.realpathSync(installer)));
  return {
    kind: 'mariadb',
    origin: 'path',
    version: version?.text ?? said.stdout.trim(),
    mysqldCommand: [binary],
    clientCommand: client ? [client] : undefined,
    clientExtra: [],
    installer,
    serverArgs: [`--basedir=${prefix}`],
  };
}

/** MySQL's own command line client: the machine's, or the one that comes with Debian unstable's server. */
async function findClient() {
  const binary = which('mysql');
  const said = binary ? spawnSync(binary, ['--no-defaults', '--version'], { encoding: 'utf8' }) : undefined;
  if (said?.status === 0 && !/mariadb/i.test(said.stdout)) return { clientCommand: [binary], clientExtra: [] };
  try {
    const { clientCommand, clientExtra } = await debianServer(false);
    return { clientCommand, clientExtra };
  } catch (error) {
    say(`no mysql command line client (${error.message}): tests that load SQL files will fail`);
    return { clientCommand: undefined, clientExtra: [] };
  }
}

let provisioned;

/** Finds (or fetches) a server that can be started; the second call of a process costs nothing. */
export function provisionMysql({ refresh = false } = {}) {
  if (refresh) provisioned = undefined;
  provisioned ??= provision(refresh).catch((error) => {
    provisioned = undefined;
    throw error;
  });
  return provisioned;
}

async function provision(refresh) {
  if (process.env.SLIPWAY_TEST_MYSQL_URL) return external(process.env.SLIPWAY_TEST_MYSQL_URL);
  const reasons = [];
  const own = systemServer();
  if (own) {
    try {
      return await withTemplate({ ...own, ...(await findClient()) });
    } catch (error) {
      reasons.push(`${own.mysqldCommand[0]}: ${error.message}`);
      say(`passing over ${reasons[0]}`);
    }
  }
  try {
    return await withTemplate(await debianServer(refresh));
  } catch (error) {
    reasons.push(error.message);
  }
  const maria = mariadbServer();
  if (maria) {
    say(
      `MariaDB ${maria.version} is all there is (${reasons.join('; ')}). Fleet does not support it: treat results with care`,
    );
    return withTemplate(maria);
  }
  throw new MysqlUnavailable(
    `no MySQL server: ${reasons.join('; ')}. Install MySQL 8.0.16 or newer, or set SLIPWAY_TEST_MYSQL_URL=mysql://user:password@host:port`,
  );
}

async function external(text) {
  let url;
  try {
    url = new URL(text);
  } catch {
    throw new MysqlUnavailable('SLIPWAY_TEST_MYSQL_URL is no URL: write mysql://user:password@host:port');
  }
  const host = url.hostname;
  const port = Number(url.port || 3306);
  const version = await greeting(host, port, 5000).catch((error) => {
    throw new MysqlUnavailable(`nothing answers at SLIPWAY_TEST_MYSQL_URL (${host}:${port}): ${error.message}`);
  });
  const user = decodeURIComponent(url.username || 'root');
  const password = decodeURIComponent(url.password);
  const address = { host, port, user, password };
  return {
    kind: 'external',
    origin: 'SLIPWAY_TEST_MYSQL_URL',
    version,
    ...(await findClient()),
    mysqldCommand: [],
    serverArgs: [],
    address,
  };
}

/** An initialised, empty data folder to copy from: initialising takes seconds, copying does not. */
async function withTemplate(server) {
  const place = path.join(
    cacheFolder(),
    `data-1-${server.kind}-${server.version}-${server.origin}-${os.arch()}${isRoot ? '' : '-user'}`,
  );
  const whole = () => fs.existsSync(path.join(place, 'slipway-template'));
  if (!whole()) {
    await withLock(cacheFolder(), async () => {
      if (whole()) return;
      const work = workFolder(cacheFolder());
      try {
        const data = path.join(work, 'data');
        fs.mkdirSync(data, { mode: 0o700 });
        say(`initialising a data folder for ${server.kind === 'mariadb' ? 'MariaDB' : 'MySQL'} ${server.version}`);
        if (server.kind === 'mariadb') {
          const args = [
            '--no-defaults',
            ...server.serverArgs,
            `--datadir=${data}`,
            '--auth-root-authentication-method=normal',
            '--skip-test-db',
          ];
          await run(server.installer, [...args, ...(isRoot ? ['--user=root'] : [])]);
        } else {
          const [command, ...first] = server.mysqldCommand;
          // Fleet's dumps hold a view that belongs to root@%: without such an account it cannot be read.
          const accounts = path.join(work, 'accounts.sql');
          fs.writeFileSync(accounts, "CREATE USER root@'%';\nGRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;\n");
          const args = [...first, '--no-defaults', '--initialize-insecure', `--datadir=${data}`, ...server.serverArgs];
          args.push(`--init-file=${accounts}`, '--innodb-redo-log-capacity=32M');
          await run(command, [...args, ...(isRoot ? ['--user=root'] : [])]);
        }
        fs.rmSync(path.join(data, 'auto.cnf'), { force: true }); // each copy gets its own identity
        fs.writeFileSync(path.join(data, 'slipway-template'), server.version);
        removeFolder(place);
        fs.renameSync(data, place);
      } finally {
        removeFolder(work);
      }
    });
  }
  return { ...server, template: place };
}

// ---------------------------------------------------------------------------------------------------------------
// running one

/** Connects and reads the server's first packet: what it says about its version. Needs no account. */
function greeting(host, port, timeout) {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port });
    let bytes = Buffer.alloc(0);
    const finish = (error, version) => {
      socket.destroy();
      if (error) reject(error);
      else resolve(version);
    };
    socket.setTimeout(timeout, () => finish(new Error('no answer')));
    socket.on('error', finish);
    socket.on('close', () => finish(new Error('closed without a greeting')));
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      const end = bytes.indexOf(0, 5);
      if (bytes.length < 6) return;
      if (bytes[4] !== 10) finish(new Error('not a MySQL greeting'));
      // MariaDB 10 calls itself 5.5.5 first, for old replicas
      else if (end > 0)
        finish(undefined, bytes.toString('latin1', 5, end).replace(/^5\.5\.5-(?=\d+\.\d+\.\d+-Maria)/, ''));
    });
  });
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

// Whatever ends this process, no server and no folder stays behind. Signals and normal ends are handled here; for a
// SIGKILL of ours a small shell waits at the other end of a pipe and cleans up when it closes.
const running = new Set();
let guarded = false;

function guard() {
  if (guarded) return;
  guarded = true;
  process.on('exit', () => {
    for (const server of running) server.endNow();
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    const handler = () => {
      for (const server of running) server.endNow();
      process.off(signal, handler);
      if (process.listenerCount(signal) === 0) process.kill(process.pid, signal); // nobody else decides: end as asked
    };
    process.on(signal, handler);
  }
}

const WATCHMAN = `
folder=$1; pid=
while read -r word value; do
  case $word in pid) pid=$value;; done) exit 0;; esac
done
if [ -n "$pid" ]; then
  if [ ! -d /proc/1 ] || grep -qF "$folder" "/proc/$pid/cmdline" 2>/dev/null; then kill -9 "$pid" 2>/dev/null; fi
fi
sleep 1
rm -rf -- "$folder"
`;

function watchman(folder) {
  const child = spawn('/bin/sh', ['-c', WATCHMAN, 'slipway-watchman', folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  child.on('error', () => {});
  child.stdin.on('error', () => {});
  child.unref();
  child.stdin.unref?.();
  return {
    pid: (pid) => child.stdin.write(`pid ${pid}\n`),
    done: () => child.stdin.end('done\n'),
  };
}

function makeCertificates(folder) {
  const openssl = which('openssl');
  if (!openssl)
    throw new MysqlUnavailable(
      'openssl is not here, and a server with its own certificates needs it: apt-get install openssl',
    );
  const file = (name) => path.join(folder, name);
  const call = (args) => {
    const made = spawnSync(openssl, args, { cwd: folder, encoding: 'utf8' });
    if (made.status !== 0) throw new Error(`openssl ${args[0]}: ${made.stderr}`);
  };
  const authority = (name, subject) =>
    call([
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '30',
      '-subj',
      `/CN=${subject}`,
      '-keyout',
      `${name}-key.pem`,
      '-out',
      `${name}.pem`,
    ]);
  const server = (name, subject, names) => {
    fs.writeFileSync(
      file(`${name}.ext`),
      `subjectAltName=${names}\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n`,
    );
    call([
      'req',
      '-new',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-subj',
      `/CN=${subject}`,
      '-keyout',
      `${name}-key.pem`,
      '-out',
      `${name}.csr`,
    ]);
    call([
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca-key.pem',
      '-CAcreateserial',
      '-days',
      '30',
      '-extfile',
      `${name}.ext`,
      '-out',
      `${name}.pem`,
    ]);
  };
  authority('ca', 'Slipway test CA');
  authority('other-ca', 'Slipway other test CA');
  server('server', 'localhost', 'DNS:localhost,IP:127.0.0.1');
  server('wrong-host', 'db.wrong.example', 'DNS:db.wrong.example');
  return {
    caFile: file('ca.pem'),
    otherCaFile: file('other-ca.pem'),
    certFile: file('server.pem'),
    keyFile: file('server-key.pem'),
    wrongHostCertFile: file('wrong-host.pem'),
    wrongHostKeyFile: file('wrong-host-key.pem'),
  };
}

function externalHandle(server) {
  const { host, port, user, password } = server.address;
  const never = () =>
    Promise.reject(
      new Error('this server was not started here (SLIPWAY_TEST_MYSQL_URL): it cannot be ended or restarted'),
    );
  return {
    kind: server.kind,
    origin: server.origin,
    version: server.version,
    url: process.env.SLIPWAY_TEST_MYSQL_URL,
    host,
    port,
    socket: undefined,
    user,
    password,
    pid: undefined,
    tls: undefined,
    clientCommand: server.clientCommand,
    clientArgs: [
      '--no-defaults',
      ...server.clientExtra,
      '--protocol=TCP',
      `--host=${host}`,
      `--port=${port}`,
      `--user=${user}`,
    ],
    clientEnv: password ? { MYSQL_PWD: password } : {},
    log: () => '',
    stop: () => Promise.resolve(),
    kill: never,
    restart: never,
  };
}

/** For data that go with their server. Tables in one common file: making and dropping a schema is mostly making files. */
const FAST = ['--innodb-flush-log-at-trx-commit=0', '--skip-innodb-doublewrite', '--innodb-file-per-table=OFF'];

/**
 * Starts a server of its own on 127.0.0.1, with a data folder of its own that goes with it.
 * Options: port, dataDir (kept at the end), extraArgs, ssl (true | 'wrong-host'), binlog, unsynced (outlasts a kill of the
 * server, not of the machine), fast (no durability), provision.
 */
export async function startMysql(options = {}) {
  const server = options.provision ?? (await provisionMysql());
  if (server.kind === 'external') return externalHandle(server);

  const base = os.tmpdir().length > 70 ? '/tmp' : os.tmpdir(); // a socket's path has room for 107 bytes
  const folder = fs.mkdtempSync(path.join(base, 'slipway-mysql-'));
  const watch = watchman(folder);
  const dataDir = options.dataDir ? path.resolve(options.dataDir) : path.join(folder, 'data');
  const socket = path.join(folder, 's');
  const pidFile = path.join(folder, 'pid');
  const logFile = path.join(folder, 'log');
  let child;
  let gone = Promise.resolve();

  const state = {
    endNow() {
      running.delete(state);
      if (child?.pid && child.exitCode === null && child.signalCode === null) {
        try {
          process.kill(child.pid, 'SIGKILL');
        } catch {
          // already gone
        }
      }
      // The killed server may still write for a moment.
      try {
        removeFolder(folder);
      } catch {
        // the watchman comes after us
      }
    },
  };
  running.add(state);
  guard();

  const log = () => (fs.existsSync(logFile) ? fs.readFileSync(logFile, 'utf8') : '');

  const launch = async (port) => {
    const out = fs.openSync(logFile, 'a');
    const [command, ...first] = server.mysqldCommand;
    const args = [
      ...first,
      '--no-defaults',
      `--datadir=${dataDir}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      `--socket=${socket}`,
      `--pid-file=${pidFile}`,
      '--character-set-server=utf8mb4',
      ...server.serverArgs,
      ...(isRoot ? ['--user=root'] : []),
      ...(server.kind === 'mysql' ? ['--mysqlx=OFF', '--secure-file-priv=NULL'] : []),
      ...(options.binlog ? ['--log-bin=binlog', '--server-id=1'] : ['--skip-log-bin']),
      ...(options.fast || options.unsynced ? ['--innodb-flush-method=nosync', '--sync-binlog=0'] : []),
      ...(options.fast ? FAST : []),
      ...(tls
        ? [
            `--ssl-ca=${tls.caFile}`,
            `--ssl-cert=${options.ssl === 'wrong-host' ? tls.wrongHostCertFile : tls.certFile}`,
            `--ssl-key=${options.ssl === 'wrong-host' ? tls.wrongHostKeyFile : tls.keyFile}`,
          ]
        : []),
      ...(options.extraArgs ?? []),
    ];
    fs.rmSync(pidFile, { force: true });
    // Its own process group: Ctrl-C in a terminal reaches us, and we end it.
    child = spawn(command, args, { stdio: ['ignore', out, out], detached: true, cwd: folder });
    fs.closeSync(out);
    const started = child;
    gone = new Promise((resolve) => {
      started.on('error', resolve);
      started.on('exit', resolve);
    });
    if (child.pid) watch.pid(child.pid);
    child.unref();
    const deadline = Date.now() + (options.timeoutMs ?? 60_000);
    let last = 'nothing yet';
    while (Date.now() < deadline) {
      if (started.exitCode !== null || started.signalCode !== null || !started.pid) {
        throw new Error(
          `mysqld ended at once (${started.signalCode ?? started.exitCode}): ${log().split('\n').slice(-12).join('\n')}`,
        );
      }
      // The pid file comes after the port is ours: an answer on it is then no other server's.
      if (fs.existsSync(pidFile) && fs.readFileSync(pidFile, 'utf8').trim() === String(started.pid)) {
        try {
          return await greeting('127.0.0.1', port, 2000);
        } catch (error) {
          last = error.message;
        }
      }
      await pause(25);
    }
    throw new Error(`mysqld does not answer on port ${port} (${last}): ${log().split('\n').slice(-12).join('\n')}`);
  };

  const end = async (signal) => {
    if (!child?.pid || child.exitCode !== null || child.signalCode !== null) return;
    process.kill(child.pid, signal);
    const slow = setTimeout(() => {
      if (child.exitCode === null && child.signalCode === null) process.kill(child.pid, 'SIGKILL');
    }, 30_000);
    child.ref();
    await gone;
    clearTimeout(slow);
  };

  let tls;
  let port = options.port ?? 0;
  let version;
  try {
    if (!fs.existsSync(path.join(dataDir, 'mysql')) && !fs.existsSync(path.join(dataDir, 'mysql.ibd'))) {
      await fs.promises.cp(server.template, dataDir, { recursive: true, mode: fs.constants.COPYFILE_FICLONE });
      fs.rmSync(path.join(dataDir, 'slipway-template'), { force: true });
    }
    if (options.ssl) tls = makeCertificates(folder);
    for (let attempt = 1; ; attempt++) {
      if (!options.port) port = await freePort();
      try {
        version = await launch(port);
        break;
      } catch (error) {
        await end('SIGKILL');
        // Between finding a free port and taking it somebody else may have been quicker.
        if (options.port || attempt === 5 || !/address already in use|Do you already have another/i.test(log()))
          throw error;
        fs.rmSync(logFile, { force: true });
      }
    }
  } catch (error) {
    state.endNow();
    watch.done();
    throw error;
  }

  return {
    kind: server.kind,
    origin: server.origin,
    version,
    url: `mysql://root@127.0.0.1:${port}`,
    host: '127.0.0.1',
    port,
    socket,
    user: 'root',
    password: '',
    get pid() {
      return child.pid;
    },
    tls,
    clientCommand: server.clientCommand,
    clientArgs: [
      '--no-defaults',
      ...server.clientExtra,
      '--protocol=TCP',
      '--host=127.0.0.1',
      `--port=${port}`,
      '--user=root',
    ],
    clientEnv: {},
    log,
    async stop() {
      // Nobody will read a data folder of ours again; one that was given is closed properly.
      await end(options.dataDir ? 'SIGTERM' : 'SIGKILL');
      state.endNow();
      watch.done();
    },
    async kill(signal = 'SIGKILL') {
      await end(signal);
    },
    async restart() {
      await end('SIGTERM');
      version = await launch(port);
    },
  };
}

// ---------------------------------------------------------------------------------------------------------------
// by hand

async function main(args) {
  const split = args.indexOf('--');
  const extraArgs = split >= 0 ? args.slice(split + 1) : [];
  const own = split >= 0 ? args.slice(0, split) : args;
  const value = (name) => {
    const at = own.indexOf(name);
    return at >= 0 ? own[at + 1] : undefined;
  };
  if (own.includes('--provision')) {
    const server = await provisionMysql({ refresh: own.includes('--refresh') });
    console.log(
      JSON.stringify({
        kind: server.kind,
        version: server.version,
        origin: server.origin,
        mysqldCommand: server.mysqldCommand,
        clientCommand: server.clientCommand,
      }),
    );
    return;
  }
  if (!own.includes('--start')) {
    console.error(
      'usage: node scripts/mysql.mjs --start [--port N] [--data DIR] [--ssl] [--fast] [-- mysqld options] | --provision [--refresh]',
    );
    process.exitCode = 2;
    return;
  }
  const port = value('--port');
  const server = await startMysql({
    ...(port ? { port: Number(port) } : {}),
    ...(value('--data') ? { dataDir: value('--data') } : {}),
    ...(own.includes('--ssl') ? { ssl: true } : {}),
    fast: own.includes('--fast'),
    extraArgs,
  });
  const { kind, version, url, host, socket, user, pid, tls } = server;
  const client = server.clientCommand ? [...server.clientCommand, ...server.clientArgs].join(' ') : undefined;
  console.log(JSON.stringify({ url, kind, version, host, port: server.port, socket, user, pid, tls, client }));
  const alive = setInterval(() => {}, 60_000);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      clearInterval(alive);
      server.stop().then(() => process.exit(0));
    });
  }
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  main(process.argv.slice(2)).catch((error) => {
    console.error(error instanceof Unavailable ? `mysql: ${error.message}` : error);
    process.exitCode = 3;
  });
}
