/** What the command line says about itself: help, completion, and the options its messages name. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SLIPWAY, Workstation } from './workstation';

/** The commands of this build, as the help of the whole lists them. */
const OVERVIEW = spawnSync(process.execPath, [SLIPWAY, '--help'], { encoding: 'utf8' }).stdout;
const COMMANDS = [...(OVERVIEW.split('Commands:')[1] ?? '').matchAll(/^ {2}([a-z]+)[ \n]/gm)]
  .map(([, name = '']) => name)
  .filter((name) => name !== 'help');

let desk: Workstation;
const help = new Map<string, string>();
beforeAll(async () => {
  desk = new Workstation();
  const pages = await Promise.all(
    COMMANDS.map(async (command) => {
      const { code, stdout, stderr } = await desk.slipway([command, '--help']);
      expect({ command, code, stderr }).toEqual({ command, code: 0, stderr: '' });
      return [command, stdout] as const;
    }),
  );
  for (const [command, page] of pages) help.set(command, page);
});
afterAll(() => desk.close());

/** The options a help page lists. */
function optionsOf(command: string): string[] {
  const page = help.get(command) ?? '';
  return [...page.matchAll(/^ {2}(?:-\w, )?(--[a-z][a-z-]*)/gm)].map(([, option = '']) => option);
}

/** The fingerprint of a host's public key is no secret. */
const NO_SECRET = ['--ssh-host-key'];

describe('help', () => {
  it('of the whole names every command, an evening in order and the exit codes', async () => {
    const { code, stdout } = await desk.slipway(['--help']);
    expect(code).toBe(0);
    const least = ['read', 'export', 'check', 'sql', 'plan', 'apply', 'verify', 'undo', 'copies', 'completion'];
    expect(COMMANDS).toEqual(expect.arrayContaining(least));
    expect(stdout).toContain('$ slipway apply plan.json');
    expect(stdout).toMatch(/Exit codes: 0 .* 1 .* 2 .* 3 /);
    expect((await desk.slipway(['help'])).stdout).toBe(stdout);
  });

  it('of every command is in the manual page, with each of its options', async () => {
    const { code, stdout } = await desk.slipway(['man']);
    expect(code).toBe(0);
    const sections = stdout.replaceAll('\\-', '-').split('\n.SS slipway ');
    for (const command of COMMANDS) {
      const section = sections.find((one) => new RegExp(`^${command}[ \\n]`).test(one)) ?? '';
      const flags = [...section.matchAll(/^\.B (?:-\w, )?(--[a-z][a-z-]*)/gm)].map(([, flag]) => flag);
      expect(['--help', ...flags].sort(), command).toEqual(optionsOf(command).sort());
    }
  });

  it.each(COMMANDS)('of %s has an example that its own options allow', (command) => {
    const page = help.get(command) ?? '';
    expect(page).toMatch(/^Examples?:$/m);
    const examples = page.split('\n').filter((line) => /^ {2}\$ .*\bslipway /.test(line));
    expect(examples.length).toBeGreaterThan(0);
    for (const line of examples) {
      expect(line).toMatch(new RegExp(`slipway ${command}( |\\)|$)`));
      const used = [...(line.split('slipway ')[1] ?? '').split('|')[0]!.matchAll(/--[a-z][a-z-]*/g)].map(
        ([one]) => one,
      );
      expect(optionsOf(command)).toEqual(expect.arrayContaining(used));
    }
    expect(page.split('\n').every((line) => line.startsWith('  $') || line.length <= 120)).toBe(true);
  });

  it('names no secret that could be given as an argument', () => {
    for (const command of COMMANDS) {
      for (const option of optionsOf(command)) {
        if (/password|key|token|secret/.test(option) && !NO_SECRET.includes(option)) expect(option).toMatch(/-file$/);
      }
    }
  });

  it('is the same by `help COMMAND` and `COMMAND --help`', async () => {
    expect((await desk.slipway(['help', 'undo'])).stdout).toBe(help.get('undo'));
  });

  it('goes to standard error, with exit 2, when no command is given', async () => {
    const { code, stdout, stderr } = await desk.slipway([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('Usage: slipway');
  });

  it('tells the version of the package', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect((await desk.slipway(['--version'])).stdout).toBe(`${version}\n`);
  });

  it('knows every option that a message of the engine names', () => {
    const known = new Set(COMMANDS.flatMap(optionsOf));
    // Those of mysql, mysqldump and fleetctl, in the commands it prints for them.
    const foreign =
      /^--(default-character-set|binary-mode|init-command|force|single-transaction|routines|triggers|set-gtid-purged|no-tablespaces|host|port|user|password|ssl-mode|type|enroll-secret|fleet-certificate|insecure|notarize|outfile|update-roots|use-system-configuration|payload|hosts|file|username|create|gzip|directory)$/;
    const unknown = new Set<string>();
    for (const entry of readdirSync('src/core', { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
      const path = join(entry.parentPath, entry.name);
      for (const [option] of readFileSync(path, 'utf8').matchAll(/--[a-z][a-z-]+/g)) {
        if (!known.has(option) && !foreign.test(option)) unknown.add(`${path}: ${option}`);
      }
    }
    expect([...unknown]).toEqual([]);
  });
});

describe('completion', () => {
  const has = (shell: string): boolean => spawnSync(shell, ['--version']).error === undefined;

  it.each(['bash', 'zsh', 'fish'])('for %s lists every command and every option', async (shell) => {
    const { code, stdout, stderr } = await desk.slipway(['completion', shell]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const command of COMMANDS) {
      expect(stdout).toMatch(new RegExp(`\\b${command}\\b`));
      for (const option of optionsOf(command)) {
        if (option !== '--help')
          expect(stdout).toMatch(new RegExp(`${shell === 'fish' ? '-l ' : '--'}${option.slice(2)}\\b`));
      }
    }
    // Hidden on purpose.
    expect(stdout).not.toContain('mariadb');
  });

  it.each(['bash', 'zsh', 'fish'])('for %s is accepted by that shell where it is there', async (shell) => {
    const { stdout } = await desk.slipway(['completion', shell]);
    // zsh's is bash's with another head.
    const checkers = [shell, ...(shell === 'zsh' ? ['bash'] : [])].filter(has);
    for (const checker of checkers) {
      const { status, stderr } = spawnSync(checker, ['-n'], { input: stdout, encoding: 'utf8' });
      expect({ checker, status, stderr }).toEqual({ checker, status: 0, stderr: '' });
    }
  });

  it.skipIf(!has('bash'))('completes commands, options and files in bash', async () => {
    desk.file('plan.json', '{}');
    const { stdout: script } = await desk.slipway(['completion', 'bash']);
    const complete = (...words: string[]): string[] => {
      const line = `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _slipway; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const { stdout, stderr } = spawnSync('bash', ['-c', `${script}\n${line}`], {
        encoding: 'utf8',
        cwd: desk.folder,
      });
      expect(stderr).toBe('');
      return stdout.trim().split('\n').sort();
    };
    expect(complete('slipway', 'ver')).toEqual(['verify']);
    expect(complete('slipway', '')).toEqual([...COMMANDS, 'help'].sort());
    expect(complete('slipway', 'apply', '--reh')).toEqual(['--rehearse']);
    expect(complete('slipway', 'apply', 'plan')).toEqual(['plan.json']);
    expect(complete('slipway', 'copies', '--fleet')).toEqual(['']);
  });

  it('knows no other shell', async () => {
    const { code, stdout, stderr } = await desk.slipway(['completion', 'tcsh']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('usage/shell');
  });
});
