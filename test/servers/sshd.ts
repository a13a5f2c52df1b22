/**
 * A real OpenSSH server (one that is installed, else Debian's, fetched into .cache once) for tests: on 127.0.0.1, with
 * host keys and authorized keys of its own, for files and tunnels only. It runs as the account that logs in: ours, or
 * `nobody` where we are root, because root's own would need an account for the server's separation of privileges.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { debianPrograms, Unavailable } from '../../scripts/debian.mjs';
import { freePort } from './haproxy';

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

/** Program and first arguments. An installed server starts itself again for each connection; Debian's copy cannot. */
async function find(): Promise<string[]> {
  const installed = ['/usr/sbin/sshd', '/usr/local/sbin/sshd', '/opt/homebrew/sbin/sshd'].find((path) =>
    existsSync(path),
  );
  if (installed !== undefined) return [installed];
  const { commandOf } = await debianPrograms({
    name: 'openssh',
    packages: ['openssh-server'],
    program: 'usr/sbin/sshd',
    suite: 'bookworm',
  });
  return [...commandOf('usr/sbin/sshd'), '-r'];
}

const found = await find().catch((error: unknown) => {
  if (error instanceof Unavailable) return error.message;
  throw error;
});
const unprivileged = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
const reachable =
  typeof found === 'string' ||
  !isRoot ||
  spawnSync(unprivileged[0] ?? '', [...unprivileged.slice(1), 'test', '-x', found[0] ?? '']).status === 0;
const tools = spawnSync('ssh-keygen', ['-?']).error === undefined;

/** Why there is no SSH server, or false: for `describe.skipIf(noSshd)`. With CI=true that is an error. */
export const noSshd: string | false =
  typeof found === 'string'
    ? found
    : !tools
      ? 'ssh-keygen is not here: apt-get install openssh-client'
      : !reachable
        ? 'the cache folder is not open to the account nobody: name another with SLIPWAY_CACHE'
        : false;
if (noSshd && process.env['CI'] === 'true') throw new Error(`SSH tests cannot run: ${noSshd}`);

/** Makes a key pair with ssh-keygen; gives the private file's path, the public one lies beside it. */
export function makeKey(path: string, args: readonly string[] = ['-t', 'ed25519'], passphrase = ''): string {
  const made = spawnSync('ssh-keygen', ['-q', ...args, '-N', passphrase, '-C', '', '-f', path], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`ssh-keygen: ${made.stderr}`);
  return path;
}

/** Type and base64 of a public key file: what stands in known_hosts and authorized_keys. */
export function publicKey(privateFile: string): string {
  return readFileSync(`${privateFile}.pub`, 'utf8').trim().split(' ').slice(0, 2).join(' ');
}

export class Sshd {
  /** Its own files. */
  readonly folder = mkdtempSync(join(tmpdir(), 'slipway-sshd-'));
  /** What the account that logs in may read. */
  readonly files = join(this.folder, 'files');
  /** The account to log in as. */
  readonly user = isRoot ? 'nobody' : userInfo().username;
  /** Host keys by type, private files. */
  readonly hostKeys: Readonly<Record<'ed25519' | 'ecdsa' | 'rsa', string>>;
  port = 0;
  #child: ChildProcess | null = null;
  #log = '';
  readonly #atExit = (): void => void this.#child?.kill('SIGKILL');

  constructor() {
    mkdirSync(this.files);
    this.hostKeys = {
      ed25519: makeKey(join(this.folder, 'host-ed25519')),
      ecdsa: makeKey(join(this.folder, 'host-ecdsa'), ['-t', 'ecdsa', '-b', '256']),
      rsa: makeKey(join(this.folder, 'host-rsa'), ['-t', 'rsa', '-b', '2048']),
    };
    writeFileSync(join(this.folder, 'authorized_keys'), '');
    process.on('exit', this.#atExit);
  }

  /** What it has logged. */
  get log(): string {
    return this.#log;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** `ssh://user@127.0.0.1:port` and a path. */
  url(path = ''): string {
    return `ssh://${this.user}@127.0.0.1:${this.port}${path}`;
  }

  /** Lets a key log in. */
  authorize(privateFile: string): void {
    writeFileSync(join(this.folder, 'authorized_keys'), `${publicKey(privateFile)}\n`, { flag: 'a' });
  }

  /** A known_hosts file with these lines. `HOST` stands for the name it has there. */
  knownHosts(name: string, lines: readonly string[] = [`HOST ${publicKey(this.hostKeys.ed25519)}`]): string {
    const path = join(this.folder, name);
    writeFileSync(path, lines.map((line) => `${line.replaceAll('HOST', `[127.0.0.1]:${this.port}`)}\n`).join(''));
    return path;
  }

  /**
   * @param more lines of sshd_config, before the usual ones: the first of a kind counts
   * @param port the port it had before; else a free one is taken
   */
  async start(
    more: readonly string[] = [],
    hostKeys: readonly ('ed25519' | 'ecdsa' | 'rsa')[] = ['ed25519', 'ecdsa', 'rsa'],
    port?: number,
  ): Promise<void> {
    if (typeof found === 'string') throw new Error(found);
    for (let attempt = 1; ; attempt += 1) {
      this.port = port ?? (await freePort());
      const config = [
        ...more,
        `Port ${this.port}`,
        'ListenAddress 127.0.0.1',
        ...hostKeys.map((type) => `HostKey ${this.hostKeys[type]}`),
        `AuthorizedKeysFile ${join(this.folder, 'authorized_keys')}`,
        'PidFile none',
        `UsePAM ${isRoot ? 'yes' : 'no'}`,
        'StrictModes no',
        'PasswordAuthentication no',
        'KbdInteractiveAuthentication no',
        'AllowTcpForwarding yes',
        'X11Forwarding no',
        'UseDNS no',
        'MaxStartups 100',
        'Subsystem sftp internal-sftp',
        'ForceCommand internal-sftp',
        'LogLevel VERBOSE',
      ];
      writeFileSync(join(this.folder, 'sshd_config'), `${config.join('\n')}\n`);
      this.give();
      const command = [...(isRoot ? unprivileged : []), ...found, '-D', '-e', '-f', join(this.folder, 'sshd_config')];
      if (await this.#launch(command)) return;
      // Between finding a free port and taking it somebody else may have been quicker.
      if (attempt === 5 || !/in use/i.test(this.#log)) throw new Error(`sshd does not start: ${this.#log}`);
    }
  }

  /** Lets the account that logs in read everything in its folder, but keeps what it may not read as it is. */
  give(): void {
    if (!isRoot) return;
    for (const path of spawnSync('find', [this.folder, '-user', '0'], { encoding: 'utf8' }).stdout.split('\n')) {
      if (path !== '' && !path.includes('/forbidden')) chownSync(path, NOBODY, NOBODY);
    }
  }

  /** Copies a file to where it can be read over SFTP; gives its path. */
  place(source: string, name: string): string {
    const path = join(this.files, name);
    cpSync(source, path);
    chmodSync(path, 0o600);
    this.give();
    return path;
  }

  #launch(command: readonly string[]): Promise<boolean> {
    this.#log = '';
    const child = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', 'ignore', 'pipe'], cwd: this.folder });
    this.#child = child;
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', () => resolve(false));
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        this.#log += text;
        if (this.#log.includes('Server listening on')) resolve(true);
      });
    });
  }

  /** How many connections it serves now. */
  connections(): number {
    return readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, 'utf8').trim().split(' ').filter(Boolean).length;
  }

  /** Kills what serves the connections that are open now; new ones can be made. */
  cutConnections(): void {
    const path = `/proc/${this.pid}/task/${this.pid}/children`;
    const kill = (pid: number): void => {
      const below = `/proc/${pid}/task/${pid}/children`;
      const children = existsSync(below) ? readFileSync(below, 'utf8').trim().split(' ').filter(Boolean) : [];
      for (const child of children) kill(Number(child));
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        // It went with its parent, or by itself, since it was listed.
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    };
    for (const pid of readFileSync(path, 'utf8').trim().split(' ').filter(Boolean)) kill(Number(pid));
  }

  /** Ends it; its files stay. */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  /** Ends it and removes all its files. */
  async remove(): Promise<void> {
    await this.stop();
    process.off('exit', this.#atExit);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A real ssh-agent with these keys. */
export class Agent {
  readonly socket: string;
  readonly #child: ChildProcess;
  readonly #folder = mkdtempSync(join(tmpdir(), 'slipway-agent-'));
  readonly #atExit = (): void => void this.#child.kill('SIGKILL');

  constructor() {
    this.socket = join(this.#folder, 's');
    this.#child = spawn('ssh-agent', ['-D', '-a', this.socket], { stdio: ['ignore', 'pipe', 'ignore'] });
    process.on('exit', this.#atExit);
  }

  /** Resolves when it answers. */
  async ready(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#child.once('exit', () => reject(new Error('ssh-agent ended')));
      // It names its socket once that is there.
      this.#child.stdout?.once('data', () => resolve());
    });
  }

  add(privateFile: string): void {
    const added = spawnSync('ssh-add', ['-q', privateFile], {
      env: { ...process.env, SSH_AUTH_SOCK: this.socket },
      encoding: 'utf8',
    });
    if (added.status !== 0) throw new Error(`ssh-add: ${added.stderr}`);
  }

  async stop(): Promise<void> {
    process.off('exit', this.#atExit);
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const gone = new Promise((resolve) => this.#child.once('exit', resolve));
      this.#child.kill('SIGTERM');
      await gone;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
