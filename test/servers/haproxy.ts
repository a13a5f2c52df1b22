/** A real HAProxy (Debian's 2.6) for tests: fetched into .cache once, started on free ports, ended with the test. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { debianPrograms, Unavailable } from '../../scripts/debian.mjs';

const found = await debianPrograms({
  name: 'haproxy',
  packages: ['haproxy'],
  program: 'usr/sbin/haproxy',
  suite: 'bookworm',
}).catch((error: unknown) => {
  if (error instanceof Unavailable) return error.message;
  throw error;
});

/** Why there is no HAProxy, or false: for `describe.skipIf(noHaproxy)`. With CI=true that is an error. */
export const noHaproxy: string | false = typeof found === 'string' ? found : false;
if (noHaproxy && process.env['CI'] === 'true') throw new Error(`HAProxy tests cannot run: ${noHaproxy}`);

/** A port nobody listens on right now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/** Asks a question of a runtime socket, as an operator does with socat. */
export function ask(socket: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const connection = net.connect(socket, () => connection.end(`${command}\n`));
    connection.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    connection.once('error', reject).once('close', () => resolve(text));
  });
}

export class Haproxy {
  /** For its files: configuration, map, socket. Short: a socket's path has room for 107 bytes. */
  readonly folder = mkdtempSync(join(tmpdir(), 'slipway-hap-'));
  readonly socket = join(this.folder, 'socket');
  readonly #log: string[] = [];
  #child: ChildProcess | null = null;
  #config = '';

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** The lines it has logged. */
  get log(): readonly string[] {
    return this.#log;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** What `haproxy -c` says of a configuration; empty when it says nothing against it. */
  check(text: string): Promise<string> {
    writeFileSync(this.path('checked.cfg'), text);
    return new Promise((resolve, reject) => {
      const child = this.#spawn(['-c', '-q', '-f', this.path('checked.cfg')]);
      let said = '';
      child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
      child.once('error', reject);
      child.once('close', (code) => resolve(code === 0 ? said : `exit ${String(code)}: ${said}`));
    });
  }

  async start(text = this.#config): Promise<void> {
    this.#config = text;
    writeFileSync(this.path('haproxy.cfg'), text);
    const child = this.#spawn(['-db', '-f', this.path('haproxy.cfg')]);
    this.#child = child;
    let said = '';
    let rest = '';
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      this.#log.push(...lines);
    });
    for (const deadline = Date.now() + 20_000; ;) {
      if (child.exitCode !== null) throw new Error(`HAProxy ended at once: ${said}`);
      const info = await ask(this.socket, 'show info').catch(() => '');
      if (info.includes(`Pid: ${String(child.pid)}`)) return;
      if (Date.now() > deadline) throw new Error(`HAProxy does not answer: ${said}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  /** As after a crash or an update: with the same configuration, and the map file as it lies there. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #spawn(args: string[]): ChildProcess {
    if (typeof found === 'string') throw new Error(found);
    const [command = '', ...first] = found.commandOf('usr/sbin/haproxy');
    return spawn(command, [...first, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  }
}
