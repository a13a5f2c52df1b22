/** `slipway inspect`: the real built bundle, its exit codes, its JSON and what it writes. */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OpensslBench, TOPIC } from '../core/inspector/openssl-bench';

const SLIPWAY = fileURLToPath(new URL('../../out/cli/index.js', import.meta.url));
const bench = new OpensslBench();

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function inspect(...args: string[]): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [SLIPWAY, 'inspect', ...args], {
    cwd: bench.folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: bench.folder, LANG: 'C.UTF-8', TZ: 'Asia/Kolkata' },
  });
  return { code: status, stdout, stderr };
}

interface Document {
  readonly schema: number;
  readonly items: readonly {
    file: string;
    kind: string;
    role: string;
    topic?: string;
    problems: string[];
    sha256: string;
  }[];
  readonly groups: readonly (readonly number[])[];
}

const json = ({ stdout }: Outcome): Document => JSON.parse(stdout) as Document;

describe.skipIf(!existsSync(SLIPWAY))('slipway inspect', () => {
  beforeAll(() => {
    bench.makeBasics();
    bench.run('rsa', '-in', 'rsa-push.key', '-traditional', '-out', 'push.key');
    bench.run(
      'pkcs12',
      '-export',
      '-in',
      'leaf.pem',
      '-inkey',
      'rsa.key',
      '-passout',
      'pass:right',
      '-out',
      'site.p12',
    );
    bench.write('passwords', 'wrong\nright\n');
    bench.write('garbage', 'hello there, nothing to see');
  });
  afterAll(() => bench.close());

  it('shows a tree: issuers, what they issued, and the keys; exit 0', () => {
    const { code, stdout } = inspect('root.pem', 'inter.pem', 'push.pem', 'push.key');
    expect(code).toBe(0);
    const lines = stdout.split('\n').filter((line) => /^\s*\[\d+\]/.test(line));
    expect(lines.map((line) => line.replace(/ · .*/, ''))).toEqual([
      '[0] certificate (scep-ca)',
      '  [1] certificate (ca)',
      '    [2] certificate (push-certificate)',
      '      [3] key (push-certificate)',
    ]);
    expect(stdout).toContain(`topic ${TOPIC}`);
    expect(stdout).toMatch(/· 36[45] days left/);
    expect(stdout).toContain('4 items · 0 errors');
  });

  it('as JSON, with exit codes for what it finds', () => {
    const fine = inspect('push.pem', 'push.key', '--json');
    expect([fine.code, json(fine).schema, json(fine).groups]).toEqual([0, 1, [[0, 1]]]);
    expect(json(fine).items[0]).toMatchObject({
      file: 'push.pem',
      kind: 'certificate',
      role: 'push-certificate',
      topic: TOPIC,
    });
    const differs = inspect('push.pem', 'push.key', '--json', '--topic', 'com.apple.mgmt.External.x');
    expect([differs.code, json(differs).items[0]?.problems]).toEqual([1, ['chain-incomplete', 'topic-differs']]);
    const expired = inspect('push.pem', 'push.key', '--json', '--at', '2090-01-01T00:00:00Z');
    expect([expired.code, json(expired).items[0]?.problems]).toEqual([1, ['expired', 'chain-incomplete']]);
    const absent = inspect('push.pem', 'push.key', 'absent.pem', '--json');
    expect([absent.code, json(absent).items[2]?.problems]).toEqual([3, ['file-unreadable']]);
    const garbage = inspect('garbage', '--json');
    expect([garbage.code, json(garbage).items[0]?.problems]).toEqual([3, ['not-recognised']]);
    expect(inspect('garbage', 'push.pem').code).toBe(1);
    expect(inspect().code).toBe(2);
    expect(inspect('push.pem', '--compare', 'push.pem').code).toBe(2);
  });

  it('takes passwords from a file, one a line, and never shows a key', () => {
    const shut = inspect('site.p12', '--json');
    expect([shut.code, json(shut).items[0]?.problems]).toEqual([0, ['password-needed']]);
    bench.write('wrong', 'wrong\n');
    const wrong = inspect('site.p12', '--json', '--password-file', 'wrong');
    expect([wrong.code, json(wrong).items[0]?.problems]).toEqual([1, ['password-wrong']]);
    const open = inspect('site.p12', '--json', '--password-file', 'passwords');
    expect(json(open).items.map(({ kind }) => kind)).toEqual(['bundle', 'certificate', 'key']);
    expect(open.stdout + open.stderr).not.toMatch(/right|PRIVATE/);
  });

  it('compares two files it was given only there', () => {
    const same = inspect('--compare', 'push.pem', 'push.pem');
    expect(same).toMatchObject({ code: 0, stdout: 'They are the same.\n' });
    const differs = inspect('--compare', 'push.pem', 'leaf.pem', '--json');
    expect(differs.code).toBe(1);
    const { differences } = JSON.parse(differs.stdout) as { differences: { field: string; a: string }[] };
    expect(differences.find(({ field }) => field === 'topic')?.a).toBe(TOPIC);
  });

  it('exports one item, private, never over another', () => {
    const done = inspect('site.p12', '--password-file', 'passwords', '--export', '2', '--out', 'out.key');
    expect(done.stderr).toContain('Written: out.key (0600');
    expect(statSync(bench.path('out.key')).mode & 0o777).toBe(0o600);
    expect(bench.read('out.key')).toEqual(bench.run('rsa', '-in', 'rsa.key', '-traditional'));
    expect(inspect('push.pem', '--export', 'push.pem', '--out', 'out.key').code).toBe(2);
    bench.write('new-password', 'fresh');
    const again = inspect(
      'leaf.pem',
      'rsa.key',
      'inter.pem',
      '--export',
      'leaf.pem',
      '--format',
      'pkcs12',
      '--with-chain',
      '--export-password-file',
      'new-password',
      '--out',
      'out.p12',
    );
    expect(again.code).toBe(0);
    expect(bench.certificates(bench.run('pkcs12', '-in', 'out.p12', '-passin', 'pass:fresh', '-nodes'))).toHaveLength(
      2,
    );
    expect(inspect('leaf.pem', '--export', '7', '--out', 'x').stderr).toContain('usage/item');
    expect(inspect('leaf.pem', '--export', '0').code).toBe(2);
  });

  it('prints CSV, and nothing that repaints a terminal', () => {
    const { stdout } = inspect('push.pem', '--csv');
    expect(stdout.split('\r\n')[0]).toMatch(/^file,path,kind,role,subject,/);
    bench.selfSigned('evil', 'p256.key', '/CN=a\u001b[31mred\u202e', 300);
    const evil = inspect('evil.pem').stdout;
    expect(evil).not.toContain('\u001b');
    expect(evil).not.toContain('\u202e');
  });
});
