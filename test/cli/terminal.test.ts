/** Pipes that close, disks that are full, terminals: what is around the command line. */
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeMicroMdm } from '../micromdm-writer';
import { createDatabase, noServer, type TestDatabase } from '../servers/mysql';
import { ACCEPT, AT, fleet, SLIPWAY, Workstation, type Outcome } from './workstation';

let desk: Workstation;
let many: string;
let few: string;
beforeAll(() => {
  desk = new Workstation();
  many = `micromdm:${writeMicroMdm(desk.path('many.db'), { seed: 'many', devices: 3000 }).path}`;
  few = `micromdm:${writeMicroMdm(desk.path('few.db'), { seed: 'few', sign: 'real', devices: 5, shares: { checkedOut: 0, noPushInfo: 0 } }).path}`;
});
afterAll(() => desk.close());

/** Runs a command whose reader is gone before it says the first word. */
async function unheard(args: readonly string[]): Promise<Outcome> {
  const running = desk.start(args);
  running.child.stdout?.destroy();
  return running.outcome;
}

describe('a reader that goes away', () => {
  it.each([
    ['JSON', ['--json']],
    ['a list for people', ['--devices']],
  ])('is no error: %s into head', async (_, options) => {
    const command = [process.execPath, SLIPWAY, 'read', many, ...options, '--at', AT];
    const { outcome } = desk.run('bash', ['-o', 'pipefail', '-c', '"$@" | head -n 1', 'bash', ...command]);
    const { code, stdout, stderr } = await outcome;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
  });

  it('is no error before the first line either', async () => {
    expect(await unheard(['read', many, '--json'])).toMatchObject({ code: 0, signal: null, stderr: '' });
    expect(await unheard(['read', many, '--devices'])).toMatchObject({ code: 0, signal: null, stderr: '' });
    expect(await unheard(['--help'])).toMatchObject({ code: 0, signal: null, stderr: '' });
    expect(await unheard(['completion', 'bash'])).toMatchObject({ code: 0, signal: null, stderr: '' });
  });

  it('does not turn something that must be looked at into an exit code of 0', async () => {
    const empty = writeMicroMdm(desk.path('empty.db'), { seed: 'empty' }).path;
    expect((await desk.slipway(['check', `micromdm:${empty}`])).code).toBe(1);
    expect((await unheard(['check', `micromdm:${empty}`])).code).toBe(1);
    expect((await unheard(['check', `micromdm:${empty}`, '--json'])).code).toBe(1);
  });
});

describe.skipIf(!existsSync('/dev/full'))('a full disk', () => {
  it.each([
    ['JSON', ['--json']],
    ['text', ['--devices']],
  ])('is told in a sentence: %s', (_, options) => {
    const full = openSync('/dev/full', 'w');
    try {
      const { status, stderr } = spawnSync(process.execPath, [SLIPWAY, 'read', many, ...options, '--at', AT], {
        env: desk.env,
        stdio: ['ignore', full, 'pipe'],
        encoding: 'utf8',
      });
      expect({ status, trace: /^\s+at /m.test(stderr) }, stderr).toEqual({ status: 3, trace: false });
      expect(stderr).toContain('ENOSPC');
      expect(stderr).toContain('file/cannot-write');
    } finally {
      closeSync(full);
    }
  });
});

/** Runs a command on a terminal of its own (util-linux's script), typing `input`. */
async function onTerminal(args: readonly string[], input = '', env: Record<string, string> = {}): Promise<Outcome> {
  const quoted = [process.execPath, SLIPWAY, ...args, '--at', AT].map((word) => `'${word.replaceAll("'", "'\\''")}'`);
  const { outcome } = desk.run('script', ['-qec', quoted.join(' '), '/dev/null'], {
    input,
    keepOpen: true,
    env: { TERM: 'xterm', ...env },
  });
  return outcome;
}

// BSD's takes other options.
const noTerminal = !String(spawnSync('script', ['--version']).stdout).includes('util-linux');

describe.skipIf(noTerminal)(`on a terminal${noTerminal ? ' (skipped: no util-linux script here)' : ''}`, () => {
  // eslint-disable-next-line no-control-regex -- it is what colour looks like
  const colour = /\u001b\[[0-9;]+m/;

  it('shows colour and progress, unless told not to', async () => {
    const shown = await onTerminal(['read', many]);
    expect(shown.code).toBe(0);
    expect(shown.stdout).toMatch(colour);
    expect(shown.stdout).toContain('\r\u001b[2K');
    for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }] as Record<string, string>[]) {
      const plain = await onTerminal(['read', many], '', env);
      expect(plain.code).toBe(0);
      expect(plain.stdout).not.toMatch(colour);
      expect(plain.stdout).toMatch(/^\d+,\d+ devices: /m);
    }
  });

  it('shows no progress beside JSON', async () => {
    const { code, stdout } = await onTerminal(['read', many, '--json']);
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as { devices: unknown[] }).devices).toHaveLength(3000);
  });

  describe.skipIf(noServer)('asks before it writes', () => {
    let database: TestDatabase;
    beforeAll(async () => {
      database = await createDatabase('generation-469');
      const { args, env } = fleet(database);
      await desk.data(['plan', few, ...args, '--out', desk.path('plan.json'), '--accept', ACCEPT], { env });
    });
    afterAll(() => database.drop());
    const count = async (): Promise<number> => (await database.query('SELECT id FROM nano_devices')).length;
    const answer = async (typed: string): Promise<Outcome> => {
      const { args, env } = fleet(database);
      const apply = ['apply', desk.path('plan.json'), ...args, '--accept', ACCEPT, '--backup-by', 'ann'];
      return onTerminal(apply, typed, env);
    };

    it.each(['\n', 'y\n', 'yes\n', 'slipway\n'])('and takes %j for no', async (typed) => {
      const { code, stdout } = await answer(typed);
      expect(code, stdout).toBe(1);
      expect(stdout).toContain(`Type ${database.name} to go on:`);
      expect(stdout).toContain('Nothing was written.');
      expect(await count()).toBe(0);
      expect(desk.journals()).toEqual([]);
    });

    it('and goes on when the name of the database is typed', async () => {
      const { code, stdout } = await answer(`${database.name}\n`);
      expect(code, stdout).toBe(0);
      expect(await count()).toBe(5);
    });
  });
});
