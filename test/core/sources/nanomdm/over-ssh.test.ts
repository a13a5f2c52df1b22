/** NanoMDM on another machine: its folders over SFTP, its database through a tunnel; read as they are read here. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Secret } from '../../../../src/core/secret';
import { parseSource, printSource, readSource, withCompanions, type ReadOptions } from '../../../../src/core/sources';
import { ABSENT, loadMySqlStore, plainFile, unpackStore } from '../../../nanomdm-stores';
import { createDatabase, noServer, testServer } from '../../../servers/mysql';
import { makeKey, noSshd, Sshd } from '../../../servers/sshd';
import { byUdid, contractOf, insideOf } from './as-read';
import { AT, devicesOf, readManifest, secretsOf } from './manifest';

describe('a NanoMDM source over SSH', () => {
  it('is parsed and printed, and takes a jump host for a database alone', () => {
    const folder = parseSource('nanomdm:ssh://me@Host:2222/var/lib/nanomdm/dbkv/');
    expect(folder).toMatchObject({ transport: 'folder', location: 'ssh://me@host:2222/var/lib/nanomdm/dbkv' });
    expect(parseSource(printSource(folder))).toEqual(folder);
    const text = withCompanions('nanomdm:mysql://me@localhost/nanomdm', { via: 'ssh://me@Jump:22' });
    expect(parseSource(text)).toMatchObject({ transport: 'mysql', companions: { via: 'ssh://me@jump' } });
    expect(() => withCompanions('nanomdm:/var/lib/x', { via: 'ssh://me@jump' })).toThrow('usage/companion');
    const beside = (): string => withCompanions('nanomdm:/x', { 'scep-depot': 'ssh://me@host/depot' });
    expect(beside).toThrow('usage/companion');
    const secret = (): string => withCompanions('nanomdm:mysql://me@localhost/x', { via: 'ssh://me:hunter2@jump' });
    expect(secret).toThrow('usage/secret-in-url');
  });
});

const skipped = noSshd || ABSENT !== '';

describe.skipIf(skipped)(`NanoMDM over SSH${ABSENT}`, () => {
  let server: Sshd;
  let options: ReadOptions;
  const folders: string[] = [];
  beforeAll(async () => {
    server = new Sshd();
    const key = makeKey(join(server.folder, 'id'));
    server.authorize(key);
    const unpacked = unpackStore('filekv');
    folders.push(unpacked);
    cpSync(unpacked, join(server.files, 'nanomdm'), { recursive: true, preserveTimestamps: true });
    await server.start();
    options = { at: AT, ssh: { keyFile: key, knownHosts: [server.knownHosts('known')] } };
  });
  afterAll(async () => {
    await server.remove();
    for (const folder of folders) rmSync(folder, { recursive: true });
  });

  it('reads a folder, and agrees with the manifest in every field', async () => {
    const reference = parseSource(`nanomdm:${server.url(join(server.files, 'nanomdm', 'dbkv'))}`);
    const snapshot = await readSource(reference, options);
    const manifest = readManifest('manifest.json');
    expect(byUdid(snapshot, contractOf)).toEqual(devicesOf(manifest, 'filekv', false));
    expect(byUdid(snapshot, insideOf)).toEqual(secretsOf(manifest, 'filekv'));
  });

  it.skipIf(noServer)('reads a MySQL database through a tunnel, and agrees with the manifest', async () => {
    const database = await createDatabase('empty');
    try {
      const folder = mkdtempSync(join(tmpdir(), 'slipway-nanomdm-tunnel-'));
      folders.push(folder);
      await loadMySqlStore(database, plainFile('mysql.sql', folder));
      const logins = (): number => server.log.split('Accepted publickey').length;
      const before = logins();
      const reference = parseSource(withCompanions(`nanomdm:${database.url}`, { via: server.url() }));
      const password = new Secret('password', testServer().password);
      const snapshot = await readSource(reference, { ...options, password });
      expect(byUdid(snapshot, contractOf)).toEqual(devicesOf(readManifest('manifest.json'), 'mysql', false));
      expect(logins()).toBe(before + 1);
    } finally {
      await database.drop();
    }
  });
});
