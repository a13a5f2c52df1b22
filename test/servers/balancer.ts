/** The load balancers Debian ships, for tests: each fetched into .cache once and run as it would be anywhere. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { debianPrograms, Unavailable, type DebianPrograms } from '../../scripts/debian.mjs';

export type BalancerName = 'haproxy' | 'nginx' | 'apache' | 'caddy';

interface Kind {
  readonly packages: string[];
  readonly program: string;
  /** Writes what surrounds a configuration where the product writes a part only; gives the arguments. */
  arrange(folder: string, text: string, programs: DebianPrograms): { check: string[]; run: string[] };
}

const KINDS: Record<BalancerName, Kind> = {
  haproxy: {
    packages: ['haproxy'],
    program: 'usr/sbin/haproxy',
    arrange(folder, text) {
      const file = written(folder, 'haproxy.cfg', text);
      return { check: ['-c', '-q', '-f', file], run: ['-db', '-f', file] };
    },
  },
  nginx: {
    packages: ['nginx'],
    program: 'usr/sbin/nginx',
    arrange(folder, text) {
      written(folder, 'site.conf', text);
      const root = process.getuid?.() === 0 ? 'user root;\n' : '';
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
        .map((name) => `  ${name}_temp_path ${folder}/${name};\n`)
        .join('');
      const file = written(
        folder,
        'nginx.conf',
        `${root}pid ${folder}/pid;\nerror_log stderr;\nworker_processes 1;\nevents {}\nhttp {\n${temporary}  access_log off;\n  include ${folder}/site.conf;\n}\n`,
      );
      const args = ['-p', folder, '-e', 'stderr', '-c', file];
      return { check: [...args, '-t', '-q'], run: [...args, '-g', 'daemon off;'] };
    },
  },
  apache: {
    packages: ['apache2-bin'],
    program: 'usr/sbin/apache2',
    arrange(folder, text, { root }) {
      written(folder, 'site.conf', text);
      const modules = join(root, 'usr/lib/apache2/modules');
      const wanted = [
        'mpm_event',
        'authz_core',
        'ssl',
        'socache_shmcb',
        'proxy',
        'proxy_http',
        'headers',
        'rewrite',
        'alias',
      ];
      const [, port = ''] = /<VirtualHost \*:(\d+)>/.exec(text) ?? [];
      const file = written(
        folder,
        'apache2.conf',
        [
          `ServerRoot ${folder}`,
          `PidFile ${folder}/pid`,
          `DefaultRuntimeDir ${folder}`,
          'ServerName test',
          ...wanted
            .filter((name) => existsSync(join(modules, `mod_${name}.so`)))
            .map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`),
          ...(process.getuid?.() === 0 ? ['User www-data', 'Group www-data'] : []),
          // Standard error is a pipe here, which cannot be opened by name.
          `ErrorLog ${folder}/error.log`,
          `Mutex file:${folder}`,
          'LogLevel warn',
          `Listen 127.0.0.1:${port}`,
          `Include ${folder}/site.conf`,
          '',
        ].join('\n'),
      );
      return { check: ['-t', '-f', file], run: ['-DFOREGROUND', '-f', file] };
    },
  },
  caddy: {
    packages: ['caddy'],
    program: 'usr/bin/caddy',
    arrange(folder, text) {
      // Two instances of one machine would quarrel about the port of the administration.
      const file = written(folder, 'Caddyfile', text.replace('{\n', '{\n\tadmin off\n'));
      const args = ['--config', file, '--adapter', 'caddyfile'];
      return { check: ['validate', ...args], run: ['run', ...args] };
    },
  },
};

function written(folder: string, name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

const fetched = new Map<BalancerName, Promise<DebianPrograms | string>>();

function programsOf(name: BalancerName): Promise<DebianPrograms | string> {
  const known = fetched.get(name);
  if (known !== undefined) return known;
  const { packages, program } = KINDS[name];
  const found = debianPrograms({ name, packages, program, suite: 'bookworm' }).catch((error: unknown) => {
    if (error instanceof Unavailable) return error.message;
    throw error;
  });
  fetched.set(name, found);
  return found;
}

/** Why it cannot be had here, or false: for `describe.skipIf`. With CI=true that is an error. */
export async function missing(name: BalancerName): Promise<string | false> {
  const programs = await programsOf(name);
  if (typeof programs !== 'string') return false;
  if (process.env['CI'] === 'true') throw new Error(`${name} cannot be run: ${programs}`);
  return programs;
}

export class RunningBalancer {
  readonly folder = mkdtempSync(join(tmpdir(), 'slipway-bal-'));
  #child: ChildProcess | null = null;
  #said = '';

  /** What it has written of errors. */
  get said(): string {
    const log = join(this.folder, 'error.log');
    return this.#said + (existsSync(log) ? readFileSync(log, 'utf8') : '');
  }

  /** Has the server judge the configuration, then run it until its port answers. */
  async start(name: BalancerName, text: string, port: number): Promise<void> {
    const programs = await programsOf(name);
    if (typeof programs === 'string') throw new Error(programs);
    const { program, arrange } = KINDS[name];
    const { check, run } = arrange(this.folder, text, programs);
    const judged = this.#spawn(programs, program, check);
    const code = await new Promise((resolve) => judged.once('close', resolve));
    if (code !== 0) throw new Error(`${name} refuses the configuration (${String(code)}): ${this.said}`);
    const child = this.#spawn(programs, program, run);
    this.#child = child;
    for (const deadline = Date.now() + 20_000; !(await answers(port));) {
      if (child.exitCode !== null) throw new Error(`${name} ended at once: ${this.said}`);
      if (Date.now() > deadline) throw new Error(`${name} does not listen: ${this.said}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child !== null && child.exitCode === null && child.pid !== undefined) {
      const gone = new Promise((resolve) => child.once('close', resolve));
      // Its children go with it: nginx and Apache end theirs.
      child.kill('SIGTERM');
      await gone;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  #spawn(programs: DebianPrograms, program: string, args: string[]): ChildProcess {
    const [command = '', ...first] = programs.commandOf(program);
    const home = join(this.folder, 'home');
    mkdirSync(home, { recursive: true });
    const child = spawn(command, [...first, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home },
    });
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (chunk: string) => (this.#said = (this.#said + chunk).slice(-20_000)));
    return child;
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
