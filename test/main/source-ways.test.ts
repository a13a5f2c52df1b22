/** A source as the window says it, and the reference the engine takes: the same place, and nothing secret in it. */
import { newFolder } from './home';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_WAY } from '../../src/contract/no-way';
import type { SourceWay } from '../../src/contract/source-ways';
import { parseSource, printSource } from '../../src/core/sources';
import { DEFAULT_SETTINGS } from '../../src/main/workspace-file';
import {
  hostOf,
  loginsOf,
  referenceOf,
  settingsWith,
  wayOfPath,
  wayOfReference,
  withWay,
} from '../../src/main/source-ways';

const DATABASE = { ...NO_WAY.database, host: 'db.example.org', name: 'nanomdm', user: 'reader' };
const NANO: SourceWay = { ...NO_WAY, server: 'nanomdm', place: 'mysql', database: DATABASE };

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as { failure?: { code: string } }).failure?.code ?? String(error);
  }
  return 'none';
}

describe('a way', () => {
  it('names its source as the command line would', () => {
    expect(referenceOf({ ...NO_WAY, path: '/srv/micromdm.db' })).toBe('micromdm:/srv/micromdm.db');
    expect(referenceOf({ ...NO_WAY, place: 'server', url: 'https://mdm.example.org/' })).toBe(
      'micromdm:https://mdm.example.org',
    );
    expect(referenceOf(NANO)).toBe('nanomdm:mysql://reader@db.example.org:3306/nanomdm');
    const beside = { ...NANO.beside, scepDepot: '/var/lib/scep/depot', profile: '/srv/enroll.mobileconfig' };
    const { location, companions } = parseSource(
      referenceOf({ ...NANO, place: 'postgres', database: { ...DATABASE, port: 6432 }, beside }),
    );
    expect(location).toBe('postgres://reader@db.example.org:6432/nanomdm');
    expect(companions).toEqual({ 'scep-depot': '/var/lib/scep/depot', profile: '/srv/enroll.mobileconfig' });
  });

  it('carries any name and path whole, or is refused', () => {
    const text = fc.string({ minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(text, text, text, (name, user, depot) => {
        const way = {
          ...NANO,
          database: { ...DATABASE, name, user },
          beside: { ...NANO.beside, scepDepot: `/${depot}` },
        };
        let reference: string;
        try {
          reference = referenceOf(way);
        } catch (error) {
          expect((error as { failure?: object }).failure).toBeDefined();
          return;
        }
        expect(printSource(parseSource(reference))).toBe(reference);
        const [, who = '', where = ''] = /^mysql:\/\/([^@]*)@[^/]*\/(.*)$/.exec(parseSource(reference).location) ?? [];
        expect(decodeURIComponent(who)).toBe(user.trim());
        expect(decodeURIComponent(where)).toBe(name.trim());
      }),
      // `URL` would fold this one away.
      { examples: [['.', '!', ' ']] },
    );
  });

  it.each<[string, Partial<SourceWay>]>([
    ['a file', { server: 'micromdm', place: 'file' }],
    ['an address', { server: 'micromdm', place: 'server' }],
    ['a host', { database: { ...DATABASE, host: '' } }],
    ['an account', { database: { ...DATABASE, user: ' ' } }],
    ['a database', { database: { ...DATABASE, name: '' } }],
  ])('that lacks %s is refused by name', (_what, part) => {
    expect(codeOf(() => referenceOf({ ...NANO, ...part }))).toBe('source/incomplete');
  });

  it('takes no password in a host', () => {
    expect(codeOf(() => referenceOf({ ...NANO, database: { ...DATABASE, host: 'me:secret@db' } }))).toBe('source/host');
  });
});

describe('a file or folder', () => {
  it('is told by its name and by what lies in it', () => {
    const folder = newFolder('ways');
    for (const name of ['micromdm.db', 'devices.csv', 'devices.JSON']) writeFileSync(join(folder, name), '');
    mkdirSync(join(folder, 'dbkv'));
    const found = (name: string): [string, string] => {
      const { server, place } = wayOfPath(join(folder, name), 1);
      return [server, place];
    };
    expect(found('micromdm.db')).toEqual(['micromdm', 'file']);
    expect(found('.')).toEqual(['micromdm', 'file']);
    expect(found('dbkv')).toEqual(['nanomdm', 'folder']);
    expect(found('devices.csv')).toEqual(['csv', 'file']);
    expect(found('devices.JSON')).toEqual(['csv', 'file']);
    expect(codeOf(() => wayOfPath(join(folder, 'gone.db'), 1))).toBe('source/no-file');
  });

  it('of a workspace of before is found by its reference', () => {
    const settings = { ...DEFAULT_SETTINGS.source, caFile: '/ca.pem', pinSha256: 'ab' };
    expect(wayOfReference('micromdm:/srv/micromdm.db', settings)).toMatchObject({ path: '/srv/micromdm.db' });
    expect(wayOfReference('micromdm:https://mdm.example.org', settings)).toMatchObject({
      place: 'server',
      url: 'https://mdm.example.org',
      caFile: '/ca.pem',
    });
  });
});

describe('secrets and trust', () => {
  const held: Record<string, string> = {
    'source-password': 'one',
    'source-password-2': 'two',
    'source-ssh-password-2': 'ssh',
    'source-api-key': 'key',
  };
  const secrets = { get: (kind: string): string | null => held[kind] ?? null };
  const second: SourceWay = {
    ...NANO,
    slot: 2,
    database: { ...DATABASE, via: true },
    ssh: { ...NO_WAY.ssh, host: 'Jump.example.org', port: 2222, user: 'me', agent: false },
  };

  it('belong to the slot of their source, and SSH to those that go over it', () => {
    const source = { ...DEFAULT_SETTINGS.source, ways: [second], hostKeys: { '[jump.example.org]:2222': 'SHA256:x' } };
    const { login } = loginsOf(source, secrets);
    expect(login).toMatchObject({ password: 'two', apiKey: null, tls: 'verify-identity' });
    expect(login.ssh).toMatchObject({ password: 'ssh', agent: null, hostKey: 'SHA256:x' });
    expect(loginsOf({ ...source, ways: [NANO] }, secrets).login).toMatchObject({ password: 'one', ssh: null });
    // What is typed for another place does not follow.
    expect(loginsOf({ ...source, ways: [{ ...second, place: 'folder' }] }, secrets).login).toMatchObject({
      ssh: null,
      tls: null,
    });
    expect(hostOf(second)).toBe('[jump.example.org]:2222');
  });

  it('of a workspace of before is the API key and the CA it names', () => {
    const { login, logins } = loginsOf({ ...DEFAULT_SETTINGS.source, caFile: '/ca.pem' }, secrets);
    expect(login).toMatchObject({ apiKey: 'key', caFile: '/ca.pem', ssh: null });
    expect(logins).toEqual([]);
  });

  it('are changed by their slots', () => {
    const ways = [1, 2, 4].map((slot) => ({ ...NANO, slot }));
    expect(withWay(ways, { ...NANO, slot: 2, path: '/x' }).map(({ path }) => path)).toEqual(['', '/x', '']);
    expect(settingsWith({ ...DEFAULT_SETTINGS.source, salvage: true }, [NANO])).toMatchObject({
      reference: 'nanomdm:mysql://reader@db.example.org:3306/nanomdm',
      salvage: false,
      ways: [NANO],
    });
  });
});
