// Debian's packages without touching the system: downloaded with `apt-get download` into the cache folder, unpacked with
// `dpkg -x`, and run from there through their own loader and libraries.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const isRoot = process.getuid?.() === 0;

/** An error whose message is meant for a person: what is missing, and how to get it. */
export class Unavailable extends Error {
  name = 'Unavailable';
}

/** `.cache/<name>` in the checkout, or in SLIPWAY_CACHE. */
export function cacheOf(name) {
  return path.join(process.env.SLIPWAY_CACHE || path.join(repository, '.cache'), name);
}

/** A program on PATH, or in the folders servers are installed to. */
export function which(...names) {
  const folders = (process.env.PATH ?? '').split(path.delimiter).filter(Boolean);
  for (const extra of ['/usr/sbin', '/usr/local/sbin', '/usr/local/mysql/bin', '/opt/homebrew/opt/mysql/bin']) {
    if (!folders.includes(extra)) folders.push(extra);
  }
  for (const name of names) {
    for (const folder of folders) {
      const file = path.join(folder, name);
      try {
        fs.accessSync(file, fs.constants.X_OK);
        if (fs.statSync(file).isFile()) return file;
      } catch {
        // not here
      }
    }
  }
  return undefined;
}

/** Runs a program to its end; rejects with the tail of what it said. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    let stdout = '';
    let stderr = '';
    child.stdout?.on('data', (chunk) => (stdout += chunk));
    child.stderr?.on('data', (chunk) => (stderr += chunk));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) return resolve({ stdout, stderr });
      const tail = (stderr.trim() || stdout.trim()).split('\n').slice(-15).join('\n');
      reject(new Error(`${path.basename(command)} ended with ${signal ?? code}: ${tail}`));
    });
  });
}

/** Removes a folder and what is in it. */
export function removeFolder(folder) {
  fs.rmSync(folder, { recursive: true, force: true, maxRetries: 3, retryDelay: 50 });
}

/**
 * One at a time, also between processes: flock(1) holds the lock for as long as our end of its pipe is open, so
 * that it is let go whatever becomes of us. Without flock (not Linux) the renames at the end still keep the cache whole.
 */
export async function withLock(folder, work) {
  try {
    fs.mkdirSync(folder, { recursive: true });
    fs.accessSync(folder, fs.constants.W_OK);
  } catch (error) {
    throw new Unavailable(
      `the cache folder ${folder} cannot be written (${error.code}): name another with SLIPWAY_CACHE`,
    );
  }
  const flock = which('flock');
  if (!flock) return work();
  const holder = spawn(flock, ['-x', path.join(folder, 'lock'), 'sh', '-c', 'echo locked; cat >/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true, // Ctrl-C ends us, and with us the pipe; not the lock first
  });
  holder.stdin.on('error', () => {});
  const ended = new Promise((resolve) => holder.on('close', resolve));
  await new Promise((resolve, reject) => {
    holder.on('error', reject);
    holder.on('exit', () => reject(new Error(`cannot lock ${folder}`)));
    holder.stdout.once('data', resolve);
  });
  try {
    return await work();
  } finally {
    holder.stdin.end();
    await ended;
  }
}

/** A folder to work in; only a holder of the lock makes one, so all that are found are left over from a death. */
export function workFolder(folder) {
  for (const name of fs.readdirSync(folder)) {
    if (name.startsWith('.work-')) removeFolder(path.join(folder, name));
  }
  return fs.mkdtempSync(path.join(folder, '.work-'));
}

function stanzas(file) {
  const text = fs.readFileSync(file, 'utf8');
  if (file.endsWith('.sources')) {
    return text.split(/\n[ \t]*\n/).map((block) => {
      const fields = {};
      let last;
      for (const line of block.split('\n')) {
        if (line.startsWith('#')) continue;
        const field = /^([A-Za-z-]+):[ \t]*(.*)$/.exec(line);
        if (field) {
          last = field[1].toLowerCase();
          fields[last] = field[2];
        } else if (last && /^[ \t]/.test(line)) {
          fields[last] += `\n${line}`;
        }
      }
      return fields;
    });
  }
  const found = [];
  for (const line of text.split('\n')) {
    const entry = /^[ \t]*deb[ \t]+(?:\[([^\]]*)\][ \t]*)?(\S+)[ \t]+(\S+)[ \t]+(.*)$/.exec(
      line.replace(/[ \t]#.*$/, ''),
    );
    if (!entry) continue;
    const fields = { types: 'deb', uris: entry[2], suites: entry[3], components: entry[4] };
    for (const option of (entry[1] ?? '').split(/\s+/).filter(Boolean)) {
      const [key, ...value] = option.split('=');
      fields[key.toLowerCase()] = value.join('=').replaceAll(',', ' ');
    }
    found.push(fields);
  }
  return found;
}

/** The machine's own Debian entry: which mirror it uses, and which keys it trusts. */
export function debianEntry() {
  const etc = '/etc/apt';
  const files = [];
  if (fs.existsSync(path.join(etc, 'sources.list'))) files.push(path.join(etc, 'sources.list'));
  const parts = path.join(etc, 'sources.list.d');
  if (fs.existsSync(parts)) {
    for (const name of fs.readdirSync(parts).sort())
      if (/\.(sources|list)$/.test(name)) files.push(path.join(parts, name));
  }
  const release = fs.existsSync('/etc/os-release') ? fs.readFileSync('/etc/os-release', 'utf8') : '';
  if (!/^ID="?debian"?$/m.test(release)) return undefined;
  const codename = /^VERSION_CODENAME="?([\w-]+)"?$/m.exec(release)?.[1];
  const main = new Set([codename, 'oldstable', 'stable', 'testing', 'unstable', 'sid'].filter(Boolean));
  for (const file of files) {
    for (const fields of stanzas(file)) {
      const list = (key) => (fields[key] ?? '').split(/\s+/).filter(Boolean);
      if (fields.enabled?.trim() === 'no' || !list('types').includes('deb')) continue;
      if (list('suites').some((suite) => main.has(suite)) && list('components').includes('main')) return fields;
    }
  }
  return undefined;
}

/** apt-get with lists, cache and state of its own: the system's stay untouched. */
export function privateApt(folder, entry, architecture, suite) {
  for (const name of ['state/lists/partial', 'cache/archives/partial', 'sources', 'none']) {
    fs.mkdirSync(path.join(folder, name), { recursive: true });
  }
  fs.writeFileSync(path.join(folder, 'status'), '');
  const lines = [
    'Types: deb',
    `URIs: ${entry.uris.trim().split(/\s+/)[0]}`,
    `Suites: ${suite}`,
    'Components: main',
    `Architectures: ${architecture}`,
    'Targets: Packages',
    'Languages: none',
    'PDiffs: no',
  ];
  for (const key of ['signed-by', 'trusted', 'check-valid-until', 'check-date']) {
    if (entry[key] !== undefined) lines.push(`${key}: ${entry[key]}`);
  }
  fs.writeFileSync(path.join(folder, 'sources', `${suite}.sources`), `${lines.join('\n')}\n`);
  // The machine's way out (proxies and the like) is kept, everything else of its apt configuration is not: no hooks.
  const dump = spawnSync('apt-config', ['dump'], { encoding: 'utf8' });
  const acquire = (dump.stdout ?? '').split('\n').filter((line) => /^Acquire::(?!IndexTargets|Languages)/.test(line));
  const set = (key, value) => `${key} "${value}";`;
  fs.writeFileSync(
    path.join(folder, 'apt.conf'),
    [
      ...acquire,
      set('Dir::Etc::main', '/dev/null'),
      set('Dir::Etc::parts', path.join(folder, 'none')),
      set('Dir::Etc::sourcelist', '/dev/null'),
      set('Dir::Etc::sourceparts', path.join(folder, 'sources')),
      set('Dir::Etc::preferences', '/dev/null'),
      set('Dir::Etc::preferencesparts', path.join(folder, 'none')),
      set('Dir::State', path.join(folder, 'state')),
      set('Dir::State::status', path.join(folder, 'status')),
      set('Dir::Cache', path.join(folder, 'cache')),
      set('APT::Architecture', architecture),
      set('APT::Install-Recommends', 'false'),
      set('APT::Sandbox::User', isRoot ? 'root' : os.userInfo().username),
      set('Acquire::Languages', 'none'),
      set('Acquire::Retries', '3'),
      '',
    ].join('\n'),
  );
  return (args, cwd = folder) =>
    run('apt-get', ['-q', ...args], {
      cwd,
      env: { ...process.env, APT_CONFIG: path.join(folder, 'apt.conf'), LC_ALL: 'C' },
    });
}

export const LOADERS = { amd64: 'ld-linux-x86-64.so.2', arm64: 'ld-linux-aarch64.so.1' };
export const TRIPLES = { amd64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };

/**
 * A program of Debian's, with its libraries, in `.cache/<name>`: fetched once, then found there. Gives its folder, its
 * version, and the command that runs a program in it. Throws Unavailable.
 */
export async function debianPrograms({ name, packages, program, suite }) {
  if (process.platform !== 'linux' || !which('apt-get') || !which('dpkg')) {
    throw new Unavailable(`no apt-get here to take ${name} from Debian with`);
  }
  const architecture = spawnSync('dpkg', ['--print-architecture'], { encoding: 'utf8' }).stdout.trim();
  if (!LOADERS[architecture]) throw new Unavailable(`Debian’s ${name} cannot be run on ${architecture} by this script`);
  const folder = cacheOf(name);
  const place = path.join(folder, `${suite}-${architecture}`);
  const mark = path.join(place, 'slipway.json');
  if (!fs.existsSync(mark)) {
    await withLock(folder, async () => {
      if (!fs.existsSync(mark)) await fetchPrograms({ name, packages, program, suite, architecture, folder, place });
    });
  }
  const libraries = [`usr/lib/${TRIPLES[architecture]}`, `lib/${TRIPLES[architecture]}`].map((one) =>
    path.join(place, one),
  );
  const loader = libraries.map((one) => path.join(one, LOADERS[architecture])).find((file) => fs.existsSync(file));
  return {
    root: place,
    ...JSON.parse(fs.readFileSync(mark, 'utf8')),
    commandOf: (file) => [loader, '--library-path', libraries.join(':'), path.join(place, file)],
  };
}

async function fetchPrograms({ name, packages, program, suite, architecture, folder, place }) {
  const entry = debianEntry();
  if (!entry) throw new Unavailable(`no Debian entry in /etc/apt/sources.list(.d) to take ${name} from`);
  const work = workFolder(folder);
  try {
    const started = Date.now();
    const apt = privateApt(path.join(work, 'apt'), entry, architecture, suite);
    const had = (what, error) => {
      throw new Unavailable(`${what} cannot be had from this machine's Debian mirror (${error.message})`);
    };
    process.stderr.write(`${name}: fetching it from Debian ${suite}\n`);
    await apt(['update', '-o', 'APT::Update::Error-Mode=any']).catch((error) => had(`the list of ${suite}`, error));
    const planned = await apt(['-s', '--no-install-recommends', 'install', ...packages]).catch((error) =>
      had(name, error),
    );
    // Maintainer scripts never run here, so neither do the programs only they need.
    const found = [...planned.stdout.matchAll(/^Inst (\S+) \((\S+) /gm)]
      .map(([, one, version]) => ({ one, version }))
      .filter(({ one }) => !/^(perl|libperl|libgdbm|libdb\d|debconf|dpkg|tar|adduser|passwd|init-system)/.test(one));
    const debs = path.join(work, 'debs');
    fs.mkdirSync(debs);
    await apt(['download', ...found.map(({ one, version }) => `${one}=${version}`)], debs).catch((error) =>
      had(name, error),
    );
    const files = fs.readdirSync(debs).filter((file) => file.endsWith('.deb'));
    if (files.length !== found.length)
      throw new Unavailable(`apt-get downloaded ${files.length} of ${found.length} packages`);
    const root = path.join(work, 'root');
    fs.mkdirSync(root);
    for (const file of files) await run('dpkg', ['-x', path.join(debs, file), root]);
    for (const idle of [
      'usr/share/doc',
      'usr/share/man',
      'usr/share/locale',
      'usr/share/zoneinfo',
      'usr/lib/systemd',
    ]) {
      removeFolder(path.join(root, idle));
    }
    if (!fs.existsSync(path.join(root, program))) throw new Unavailable(`Debian’s ${name} has no ${program}`);
    const version = found.find(({ one }) => one === packages[0])?.version ?? 'unknown';
    const about = { name, version, suite, packages: found.map(({ one, version: v }) => `${one}=${v}`) };
    fs.writeFileSync(path.join(root, 'slipway.json'), `${JSON.stringify(about, null, 1)}\n`);
    removeFolder(place);
    fs.renameSync(root, place);
    process.stderr.write(`${name}: ${version} is in ${place} (${((Date.now() - started) / 1000).toFixed(1)} s)\n`);
  } finally {
    removeFolder(work);
  }
}
