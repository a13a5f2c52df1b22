/** Wrong usage: what is refused before any Fleet is asked, and that what was typed wrong is not repeated. */
import { createServer, type AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeMicroMdm } from '../micromdm-writer';
import { Workstation } from './workstation';

let desk: Workstation;
let source: string;
beforeAll(() => {
  desk = new Workstation();
  source = `micromdm:${writeMicroMdm(desk.path('source.db'), { seed: 'usage', devices: 3 }).path}`;
});
afterAll(() => desk.close());

const NOWHERE = 'mysql://slipway@127.0.0.1:1/fleet';

describe('wrong usage', () => {
  it.each([
    ['an unknown command', ['frobnicate']],
    ['an unknown option', ['read', 'micromdm:x.db', '--frobnicate']],
    ['an option of another command', ['read', 'micromdm:x.db', '--fleet', NOWHERE]],
    ['no source', ['read']],
    ['two sources', ['read', 'micromdm:x.db', 'micromdm:y.db']],
    ['no place to write to', ['plan', 'micromdm:x.db', '--fleet', NOWHERE]],
    ['no target', ['apply', 'plan.json', '--yes']],
    ['an option without its value', ['plan', 'micromdm:x.db', '--fleet']],
    ['a TLS mode that is none', ['check', 'micromdm:x.db', '--fleet', NOWHERE, '--fleet-tls', 'preferred']],
  ])('%s: exit 2', async (_, args) => {
    const error = await desk.refused(args, 2, 'usage/wrong');
    expect(error.remedy).toContain('slipway --help');
  });

  it.each([
    ['a source of no kind', ['read', 'small.db'], 'usage/source'],
    ['a kind that is none', ['read', 'jamf:small.db'], 'usage/source'],
    ['a time that is none', ['read', 'micromdm:x.db', '--at', 'yesterday'], 'usage/time'],
    ['a code that is none', ['check', 'micromdm:x.db', '--accept', 'all of it'], 'usage/accept'],
    [
      'an unknown step',
      ['plan', 'micromdm:x.db', '--fleet', NOWHERE, '--out', 'p.json', '--steps', 'all'],
      'usage/steps',
    ],
    ['three sessions', ['apply', 'p.json', '--fleet', NOWHERE, '--sessions', '3', '--yes'], 'usage/sessions'],
    ['a batch of no number', ['apply', 'p.json', '--fleet', NOWHERE, '--batch', 'abc', '--yes'], 'usage/batch'],
    ['a batch of none', ['apply', 'p.json', '--fleet', NOWHERE, '--batch', '0', '--yes'], 'usage/batch'],
    ['a batch of a half', ['apply', 'p.json', '--fleet', NOWHERE, '--batch', '0.5', '--yes'], 'usage/batch'],
    ['a source over plain HTTP', ['read', 'micromdm:http://mdm.example.com'], 'usage/plain-http'],
  ])('%s: exit 2', async (_, args, code) => {
    await desk.refused(args, 2, code);
  });

  it('no command at all: exit 2, and help where somebody reads it', async () => {
    const machine = await desk.slipway(['--json']);
    expect([machine.code, machine.stdout, machine.error.code]).toEqual([2, '', 'usage/wrong']);
    const people = await desk.slipway(['help', 'frobnicate']);
    expect([people.code, people.stdout]).toEqual([2, '']);
    expect(people.stderr).toContain('Usage: slipway');
  });
});

describe('secrets in the wrong place', () => {
  const URLS = [
    'mysql://root:hunter2@127.0.0.1:1/fleet',
    'mysql://root:hunt/er2@127.0.0.1/fleet',
    'mysql://:hunter2@127.0.0.1/fleet',
    'mysql://root:hunter2%40@127.0.0.1/fleet',
    'mysql://root:hunter2@@127.0.0.1/fleet',
  ];
  it.each(URLS)('a password in %s is refused and not repeated', async (url) => {
    await desk.refused(['plan', source, '--fleet', url, '--out', desk.path('never.json')], 2, 'usage/secret-in-url');
    for (const { stdout, stderr } of desk.said.slice(-2)) expect(stdout + stderr).not.toMatch(/hunt/);
  });

  it.each([
    ['check', () => ['check', source]],
    ['apply', () => ['apply', desk.path('plan.json'), '--yes']],
    ['verify', () => ['verify', desk.path('plan.json')]],
    ['undo', () => ['undo', desk.path('x.journal.jsonl'), '--yes']],
  ] as const)('by %s too', async (_, args) => {
    await desk.refused([...args(), '--fleet', URLS[0]!], 2, 'usage/secret-in-url');
    for (const { stdout, stderr } of desk.said.slice(-2)) expect(stdout + stderr).not.toContain('hunter2');
  });

  it('in a source’s address as well', async () => {
    await desk.refused(['read', 'micromdm:https://micromdm:hunter2@mdm.example.com'], 2, 'usage/secret-in-url');
    await desk.refused(['read', 'micromdm:https://hunter2@mdm.example.com'], 2, 'usage/secret-in-url');
    for (const { stdout, stderr } of desk.said.slice(-4)) expect(stdout + stderr).not.toContain('hunter2');
  });

  it.each([
    '127.0.0.1/fleet',
    'mysql://127.0.0.1/fleet',
    'mysql://root@127.0.0.1',
    'mysql://root@127.0.0.1/fleet?ssl=0',
    'postgres://root@h/fleet',
    'mysql://root@127.0.0.1:99999/fleet',
  ])('an address that cannot be one (%s)', async (url) => {
    await desk.refused(['check', source, '--fleet', url], 2, 'usage/fleet-address');
  });
});

describe('files that are not there', () => {
  const fleetArgs = ['--fleet', NOWHERE];
  it.each([
    ['a plan', () => ['verify', desk.path('nowhere.json'), ...fleetArgs], 'usage/file'],
    ['a plan to apply', () => ['apply', desk.path('nowhere.json'), ...fleetArgs, '--yes'], 'usage/file'],
    ['a source', () => ['check', 'micromdm:/nowhere.db'], 'bolt/not-found'],
    [
      'a password',
      () => ['check', source, ...fleetArgs, '--fleet-password-file', desk.path('nowhere')],
      'usage/secret-file',
    ],
    ['an API key', () => ['read', source, '--api-key-file', desk.path('nowhere')], 'usage/secret-file'],
    [
      'a folder to plan into',
      () => ['plan', source, '--fleet', NOWHERE, '--out', desk.path('no/where.json')],
      'fleet/unreachable',
    ],
  ] as const)('%s: exit 3', async (_, args, code) => {
    await desk.refused(args(), 3, code);
  });

  it('takes an empty or huge password file for a mistake', async () => {
    const password = (path: string): string[] => ['check', source, ...fleetArgs, '--fleet-password-file', path];
    await desk.refused(password(desk.file('empty', '\n')), 2, 'usage/secret-file');
    await desk.refused(password(desk.file('huge', 'x'.repeat(1_100_000))), 2, 'usage/secret-file');
  });
});

describe('a target that must not be used like that', () => {
  const outward = Object.values(networkInterfaces())
    .flat()
    .find((one) => one?.family === 'IPv4' && !one.internal)?.address;

  it.skipIf(outward === undefined)('is not even connected to without TLS (skipped without a network)', async () => {
    let calls = 0;
    const listener = createServer((socket) => {
      calls += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => listener.listen(0, resolve));
    try {
      const { port } = listener.address() as AddressInfo;
      const args = (...more: string[]): string[] => {
        const url = `mysql://slipway@${outward!}:${port}/fleet`;
        return ['plan', source, '--fleet', url, '--out', desk.path('never.json'), ...more];
      };
      const env = { SLIPWAY_FLEET_PASSWORD: 'hunter2' };
      await desk.refused(args('--fleet-tls', 'disabled'), 1, 'fleet/plaintext-refused', { env });
      expect(calls).toBe(0);
      // The listener would have noticed.
      const { code } = await desk.slipway(args(), { env });
      expect([code, calls]).toEqual([3, 1]);
    } finally {
      listener.close();
    }
  });

  it('is told when nothing listens there', async () => {
    await desk.refused(['plan', source, '--fleet', NOWHERE, '--out', desk.path('never.json')], 3, 'fleet/unreachable');
  });

  it('is a failed check, not a failure, in a preflight', async () => {
    const { code, stdout, stderr } = await desk.slipway(['check', source, '--fleet', NOWHERE, '--json']);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    const { blocking } = JSON.parse(stdout) as { blocking: string[] };
    expect(blocking).toContain('fleet/unreachable');
  });

  it('leaves no plan behind', () => expect(desk.files().filter((name) => name.includes('never'))).toEqual([]));
});
