/**
 * The operator's workstation, for tests of the command line: the real built bundle, run as a child process in a folder
 * of its own. What it leaves behind is looked at from outside: files, exit codes, MySQL.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect } from 'vitest';
import type { Account, TestDatabase } from '../servers/mysql';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const BUNDLE = join(ROOT, 'out', 'cli');

/** The instant sources are judged at: shortly after the newest contact in the real databases and the writer's. */
export const AT = '2026-11-24T02:00:00Z';

/** What lets every plan of a bare test database through: it has no hosts and no assets. */
export const ACCEPT = 'no-agent,target-identity-unproven';

/** Commands that judge by a clock. */
const JUDGING = new Set(['read', 'export', 'check', 'sql', 'plan', 'apply', 'verify', 'undo']);

/** What came of a command. */
export class Outcome {
  constructor(
    readonly args: readonly string[],
    readonly code: number | null,
    readonly signal: NodeJS.Signals | null,
    readonly stdout: string,
    readonly stderr: string,
  ) {}

  /** The document on standard output. */
  get json(): unknown {
    return JSON.parse(this.stdout) as unknown;
  }

  /** The error on standard error, as `--json` prints it. */
  get error(): { code: string; message: string; remedy: string; kind: string; detail: Record<string, unknown> } {
    const lines = this.stderr.trimEnd().split('\n');
    expect(lines, 'one line of JSON on standard error').toHaveLength(1);
    const { schema, error } = JSON.parse(lines[0] ?? '') as { schema: number; error: Outcome['error'] };
    expect(schema).toBe(1);
    return error;
  }

  /** Everything it printed, for messages. */
  get text(): string {
    return `slipway ${this.args.join(' ')}\nexit ${this.code ?? this.signal ?? '?'}\n${this.stdout}${this.stderr}`;
  }
}

/** A command that runs. */
export interface Running {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly outcome: Promise<Outcome>;
  /** What it has said on standard error so far. */
  readonly heard: () => string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** What it reads on standard input; nothing unless given. */
  readonly input?: string;
  /** Keep standard input open after that, as a keyboard does. */
  readonly keepOpen?: boolean;
}

/** The newest file under some paths of the checkout. */
function newestOf(paths: readonly string[]): { path: string; at: number } {
  let newest = { path: '', at: 0 };
  for (const path of paths) {
    const status = statSync(path);
    const found = status.isDirectory()
      ? newestOf(readdirSync(path).map((name) => join(path, name)))
      : { path, at: status.mtimeMs };
    if (found.at > newest.at) newest = found;
  }
  return newest;
}

/** A copy of the bundle: another build in the same checkout cannot pull it away from under a test. */
function copyOfBundle(): string {
  const entry = join(BUNDLE, 'index.js');
  if (!existsSync(entry)) throw new Error('out/cli/index.js is missing: run `npm run build` first.');
  const source = newestOf([join(ROOT, 'src', 'cli'), join(ROOT, 'scripts', 'build.mjs')]);
  if (source.at > statSync(entry).mtimeMs) {
    throw new Error(`out/cli/index.js is older than ${relative(ROOT, source.path)}: run \`npm run build\` first.`);
  }
  const copy = mkdtempSync(join(tmpdir(), 'slipway-bundle-'));
  cpSync(BUNDLE, copy, { recursive: true });
  writeFileSync(join(copy, 'package.json'), '{ "type": "module" }');
  return copy;
}

const bundle = copyOfBundle();
afterAll(() => rmSync(bundle, { recursive: true, force: true }));

/** The entry of the bundle under test. */
export const SLIPWAY = join(bundle, 'index.js');

export class Workstation {
  /** Everything the commands make is in here. */
  readonly folder = mkdtempSync(join(tmpdir(), 'slipway-cli-'));
  /** Where private copies of sources go. */
  readonly copies = join(this.folder, 'copies');
  /** What the commands of this workstation said so far. */
  readonly said: Outcome[] = [];
  readonly #running = new Set<ChildProcess>();

  /** The environment commands run in: nothing of the tester's own, and a time zone that is not UTC. */
  get env(): Record<string, string> {
    return {
      PATH: process.env['PATH'] ?? '',
      HOME: this.folder,
      LANG: 'C.UTF-8',
      TZ: 'Asia/Kolkata',
      SLIPWAY_COPIES: this.copies,
    };
  }

  /** A path in the folder. */
  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  /** Writes a file into the folder and gives its path. */
  file(name: string, content: string | Buffer, mode = 0o600): string {
    const path = this.path(name);
    writeFileSync(path, content, { mode });
    return path;
  }

  /** Makes a folder in the folder and gives its path. */
  subfolder(name: string): string {
    mkdirSync(this.path(name), { recursive: true, mode: 0o700 });
    return this.path(name);
  }

  /** Runs a command to its end. */
  async slipway(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return this.start(args, options).outcome;
  }

  /** Starts a command. One that judges by the clock gets {@link AT} unless the test gives it another. */
  start(args: readonly string[], options: RunOptions = {}): Running {
    const clocked = JUDGING.has(args[0] ?? '') && !args.includes('--at') && !args.includes('--help');
    return this.run(process.execPath, [SLIPWAY, ...args, ...(clocked ? ['--at', AT] : [])], options);
  }

  /** Starts any program here. */
  run(command: string, args: readonly string[], options: RunOptions = {}): Running {
    const child = spawn(command, args, {
      cwd: this.folder,
      env: { ...this.env, ...options.env },
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    this.#running.add(child);
    child.stdin?.write(options.input ?? '');
    if (options.keepOpen !== true) child.stdin?.end();
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
    const outcome = new Promise<Outcome>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        this.#running.delete(child);
        const what = args[0] === SLIPWAY ? args.slice(1) : [command, ...args];
        const ended = new Outcome(what, code, signal, stdout, stderr);
        this.said.push(ended);
        resolve(ended);
      });
    });
    return { child, pid: child.pid ?? 0, outcome, heard: () => stderr };
  }

  /** Runs a command that must end well, and gives its JSON document. */
  async data(args: readonly string[], options: RunOptions = {}): Promise<unknown> {
    const outcome = await this.slipway([...args, '--json'], options);
    expect(outcome.code, outcome.text).toBe(0);
    expect(outcome.stderr).toBe('');
    return outcome.json;
  }

  /**
   * Runs a command that must fail: with this exit code and this failure, in JSON and for people, nothing on standard
   * output and no trace of the program's inside.
   */
  async refused(
    args: readonly string[],
    exit: number,
    code: string,
    options: RunOptions = {},
  ): Promise<Outcome['error']> {
    const [machine, people] = await Promise.all([
      this.slipway([...args, '--json'], options),
      this.slipway(args, options),
    ]);
    expect({ code: machine.code, stdout: machine.stdout }, machine.text).toEqual({ code: exit, stdout: '' });
    expect(machine.error.code, machine.text).toBe(code);
    expect(machine.error.kind).toBe(exit === 2 ? 'usage' : exit === 3 ? 'unreadable' : 'finding');
    expect(people.code, people.text).toBe(exit);
    expect(people.stderr).toContain(code);
    // No partial answer that looks whole. (Checks that hold an apply up are listed, so that the error need not be.)
    if (code !== 'apply/checks-failed') expect(people.stdout).toBe('');
    for (const { stdout, stderr } of [machine, people]) {
      expect(stdout + stderr).not.toMatch(/^\s+at |node:internal|\.js:\d+/m);
    }
    // What happened, why, what to do.
    expect(machine.error.message.length).toBeGreaterThan(10);
    expect(machine.error.remedy.length).toBeGreaterThan(5);
    return machine.error;
  }

  /** Every file in the folder, by its path in it, sorted. */
  files(within = ''): string[] {
    return readdirSync(this.path(within), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(this.folder, join(entry.parentPath, entry.name)))
      .sort();
  }

  /** The journals that applies have left in a folder; rehearsals only when asked for. */
  journals(within = '', rehearsals = false): string[] {
    return this.files(within)
      .filter((name) => name.endsWith('.journal.jsonl') && name.endsWith('.rehearsal.journal.jsonl') === rehearsals)
      .map((name) => this.path(name));
  }

  /** Ends what still runs and removes the folder. */
  close(): void {
    for (const child of this.#running) child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** How a command names a test database: the option, and the password in the environment. */
export function fleet(database: TestDatabase, account?: Account): { args: string[]; env: Record<string, string> } {
  const { host, port, user, password, kind } = database.server;
  const name = account?.user ?? user;
  const secret = account?.password ?? password;
  return {
    args: [
      '--fleet',
      `mysql://${name}@${host}:${port}/${database.name}`,
      ...(kind === 'mariadb' ? ['--allow-mariadb'] : []),
    ],
    env: secret === '' ? {} : { SLIPWAY_FLEET_PASSWORD: secret },
  };
}

/** The bytes of a file with one text put in the place of another of the same length, wherever it stands. */
export function patched(path: string, from: string, to: string): Buffer {
  const text = readFileSync(path).toString('latin1');
  expect([from.length === to.length, text.includes(from)]).toEqual([true, true]);
  return Buffer.from(text.replaceAll(from, to), 'latin1');
}

/** The lines of a journal, checked link by link: each names the SHA-256 of the one before. */
export function journalLines(path: string): Record<string, unknown>[] {
  const text = readFileSync(path, 'utf8');
  expect(text.endsWith('\n'), `${path} ends with a whole line`).toBe(true);
  let previous = '0'.repeat(64);
  return text
    .slice(0, -1)
    .split('\n')
    .map((line, index) => {
      const entry = JSON.parse(line) as Record<string, unknown>;
      expect([entry['seq'], entry['previous']]).toEqual([index, previous]);
      previous = createHash('sha256').update(line).digest('hex');
      return entry;
    });
}

/** Where two dumps of tables differ, by line and with little of it; empty when they are equal. */
export function differences(before: string, after: string): string[] {
  if (before === after) return [];
  const [left, right] = [before.split('\n'), after.split('\n')];
  const found: string[] = [];
  for (let at = 0; at < Math.max(left.length, right.length) && found.length < 5; at += 1) {
    const [a = '(no line)', b = '(no line)'] = [left[at], right[at]];
    if (a === b) continue;
    let same = 0;
    while (a[same] === b[same]) same += 1;
    found.push(`${a.slice(0, 40)} … ${a.slice(Math.max(0, same - 30), same + 30)} → ${b.slice(same, same + 30)}`);
  }
  return found;
}

/** Permission bits of a file or folder. */
export function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

/** SHA-256 of a file. */
export function sha256Of(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** Why the real databases cannot be used, for the name of a test; empty when they can. */
export const ABSENT = existsSync(join(ROOT, '..', 'shared', 'data', 'micromdm'))
  ? ''
  : ' (skipped: ../shared/data is absent)';
