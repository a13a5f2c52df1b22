/** known_hosts files: ssh-keygen writes and looks up, and says what is right. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseSshAddress, parseSshPlace, printSsh } from '../../../src/core/ssh';
import {
  fingerprintOf,
  judgeHostKey,
  knownTypes,
  nameInKnownHosts,
  parseKnownHosts,
  readKnownHosts,
  type HostKey,
} from '../../../src/core/ssh/known-hosts';

let folder: string;
let first: string;
let second: string;
let rsa: string;
const noKeygen = spawnSync('ssh-keygen', ['-?']).error !== undefined;

function make(name: string, ...type: string[]): string {
  const path = join(folder, name);
  spawnSync('ssh-keygen', ['-q', '-N', '', '-C', '', '-f', path, '-t', ...type]);
  return readFileSync(`${path}.pub`, 'utf8').trim();
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-known-'));
  if (noKeygen) return;
  first = make('first', 'ed25519');
  second = make('second', 'ed25519');
  rsa = make('rsa', 'rsa', '-b', '2048');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const keyOf = (line: string): HostKey => {
  const [type = '', base64 = ''] = line.split(' ');
  return { type, key: Buffer.from(base64, 'base64') };
};
const at = (host: string, port = 22) => ({ user: 'me', host, port });
const judge = (text: string, address: ReturnType<typeof at>, line: string): string =>
  judgeHostKey(parseKnownHosts(text, 'kh'), address, keyOf(line)).is;

describe.skipIf(noKeygen)('a host’s key', () => {
  it('is known, unknown, changed or revoked as the lines say', () => {
    const text = `# a comment\n\nhost.example ${first}\n[host.example]:2222 ${second} comment\n`;
    expect(judge(text, at('host.example'), first)).toBe('known');
    expect(judge(text, at('host.example', 2222), second)).toBe('known');
    expect(judge(text, at('host.example'), second)).toBe('changed');
    expect(judge(text, at('host.example', 22222), first)).toBe('unknown');
    expect(judge(text, at('other.example'), first)).toBe('unknown');
    // Another kind of key than the one it is known by: it could be somebody in between who chose that kind.
    expect(judge(text, at('host.example'), rsa)).toBe('changed');
    expect(judge(`${text}host.example ${rsa}\r\n`, at('host.example'), rsa)).toBe('known');
    expect(judge(`${text}@revoked * ${first}\n`, at('host.example'), first)).toBe('revoked');
    expect(judge(`@revoked host.example ${first}\n`, at('host.example'), second)).toBe('unknown');
    expect(judge(`@cert-authority *.example ${second}\n`, at('host.example'), first)).toBe('certified');
    expect(judge(`@cert-authority *.example ${second}\n${text}`, at('host.example'), first)).toBe('known');
    // A line that was cut off still says that the host was known.
    expect(judge(`host.example ${first.slice(0, 50)}\n`, at('host.example'), first)).toBe('changed');
    expect(judge(`@other-mark host.example ${first}\n`, at('host.example'), first)).toBe('unknown');
  });

  it('is found by pattern, and a negated one outweighs all others', () => {
    const text = `*.example,!bad.example,10.0.?.1 ${first}\n`;
    expect(judge(text, at('a.example'), first)).toBe('known');
    expect(judge(text, at('bad.example'), first)).toBe('unknown');
    expect(judge(text, at('10.0.7.1'), first)).toBe('known');
    expect(judge(text, at('10.0.77.1'), first)).toBe('unknown');
    expect(judge(`A.Example ${first}\n`, at('a.example'), first)).toBe('known');
  });

  it('is found where ssh-keygen hashed its name, and named as ssh-keygen names it', () => {
    const path = join(folder, 'hashed');
    writeFileSync(path, `host.example ${first}\n[::1]:2222 ${second}\n`);
    expect(spawnSync('ssh-keygen', ['-H', '-f', path]).status).toBe(0);
    const text = readFileSync(path, 'utf8');
    expect(text).not.toContain('host.example');
    expect(judge(text, at('host.example'), first)).toBe('known');
    expect(judge(text, at('::1', 2222), second)).toBe('known');
    expect(judge(text, at('host.example', 2222), first)).toBe('unknown');
    const listed = spawnSync('ssh-keygen', ['-lf', join(folder, 'first.pub')], { encoding: 'utf8' }).stdout;
    expect(listed.split(' ')[1]).toBe(fingerprintOf(keyOf(first).key));
    expect([...knownTypes(parseKnownHosts(text, path), at('host.example'))]).toEqual(['ssh-ed25519']);
  });

  it('agrees with ssh-keygen -F about any host and any pattern', () => {
    const word = fc.stringMatching(/^[ab.?*]{1,6}$/);
    const path = join(folder, 'patterns');
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.boolean(), word), { minLength: 1, maxLength: 3 }),
        fc.stringMatching(/^[ab.]{1,6}$/),
        (patterns, host) => {
          const names = patterns.map(([negated, pattern]) => `${negated ? '!' : ''}${pattern}`).join(',');
          writeFileSync(path, `${names} ${first}\n`);
          const theirs = spawnSync('ssh-keygen', ['-F', host, '-f', path]).status === 0;
          expect(judge(`${names} ${first}\n`, at(host), first), names).toBe(theirs ? 'known' : 'unknown');
        },
      ),
      { numRuns: 60 },
    );
  });

  it('is never known by lines of noise, and no line makes it fail', () => {
    const noise = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.constantFrom('|1|', '|1|a|b', '@revoked', `host.example ssh-rsa ${first.split(' ')[1] ?? ''}`),
    );
    fc.assert(
      fc.property(fc.array(noise, { maxLength: 8 }), (lines) => {
        expect(judge(lines.join('\n'), at('host.example'), first)).toBe('unknown');
        expect(judge([...lines, `host.example ${first}`].join('\n'), at('host.example'), first)).toBe('known');
      }),
    );
  });

  it('is not judged by a file that cannot be read', async () => {
    await expect(readKnownHosts([join(folder, 'none')])).rejects.toThrow('ssh/known-hosts');
    writeFileSync(join(folder, 'some'), `host.example ${first}\n`);
    expect(await readKnownHosts([join(folder, 'some')])).toMatchObject([{ place: `${join(folder, 'some')}:1` }]);
  });
});

describe('an SSH address', () => {
  it.each([
    ['ssh://me@host.example/var/db/', { user: 'me', host: 'host.example', port: 22, path: '/var/db' }],
    ['SSH://me@Host.Example:2222/', { user: 'me', host: 'host.example', port: 2222, path: '/' }],
    [
      'ssh://DOM%5Cme@[2001:DB8::1]/a%20b%23c%3Fd',
      { user: 'DOM\\me', host: '2001:db8::1', port: 22, path: '/a b#c?d' },
    ],
    ['ssh://me@10.0.0.1/ä', { user: 'me', host: '10.0.0.1', port: 22, path: '/ä' }],
  ])('%s', (text, place) => {
    expect(parseSshPlace(text)).toEqual(place);
    expect(parseSshPlace(printSsh(place))).toEqual(place);
    expect(nameInKnownHosts(place)).toBe(place.port === 22 ? place.host : `[${place.host}]:${place.port}`);
  });

  it.each([
    ['ssh://me:hunter2@host/x', 'usage/secret-in-url'],
    ['ssh://me:hun/ter2@host/x', 'usage/secret-in-url'],
    ['ssh://host/x', 'usage/ssh-address'],
    ['ssh://@host/x', 'usage/ssh-address'],
    ['ssh://me@/x', 'usage/ssh-address'],
    ['ssh://me@host', 'usage/ssh-address'],
    ['ssh://me@host/a/../b', 'usage/ssh-address'],
    ['ssh://me@host:0/x', 'usage/ssh-address'],
    ['ssh://me@host:99999/x', 'usage/ssh-address'],
    ['ssh://me@-oProxyCommand=x/x', 'usage/ssh-address'],
    ['ssh://me@[10.0.0.1]/x', 'usage/ssh-address'],
    ['ssh://me@::1/x', 'usage/ssh-address'],
    ['ssh://me@host/x?y', 'usage/ssh-address'],
    ['ssh://me@host/%zz', 'usage/ssh-address'],
    ['ssh://me@host/a%00b', 'usage/ssh-address'],
    ['scp://me@host/x', 'usage/ssh-address'],
  ])('refuses %s', (text, code) => {
    expect(() => parseSshPlace(text)).toThrow(code);
    try {
      parseSshPlace(text);
    } catch (error) {
      expect(JSON.stringify(error)).not.toContain('hunter2');
    }
  });

  it('has no path where it is a jump host, and reads back as it is written', () => {
    expect(parseSshAddress('ssh://me@host:2222')).toEqual({ user: 'me', host: 'host', port: 2222 });
    expect(parseSshAddress('ssh://me@host/')).toEqual({ user: 'me', host: 'host', port: 22 });
    expect(() => parseSshAddress('ssh://me@host/x')).toThrow('usage/ssh-address');
    const part = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
      .filter((text) => !/^\.\.?$|[/\p{Cc}]/u.test(text));
    fc.assert(
      fc.property(part, fc.array(part, { minLength: 1, maxLength: 4 }), (user, parts) => {
        const place = { user, host: 'h', port: 1, path: `/${parts.join('/')}` };
        expect(parseSshPlace(printSsh(place))).toEqual(place);
      }),
    );
  });
});
