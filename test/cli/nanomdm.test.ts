/** `slipway read nanomdm:…` as an operator types it: the JSON contract, against what the makers of the store wrote down. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { devicesOf, readManifest } from '../core/sources/nanomdm/manifest';
import { ABSENT, loadMySqlStore, plainFile, unpackStore } from '../nanomdm-stores';
import { createDatabase, noServer, testServer, type TestDatabase } from '../servers/mysql';
import { Workstation } from './workstation';

interface Reading {
  readonly scepCa: unknown;
  readonly push: unknown;
  readonly counts: Record<string, number>;
  readonly devices: readonly (Record<string, unknown> & {
    readonly udid: string;
    readonly users: readonly { readonly id: string }[];
  })[];
}

const TIME = '2026-11-24T02:15:00Z';

describe.skipIf(noServer || ABSENT !== '')(`read nanomdm:…${ABSENT}`, () => {
  const station = new Workstation();
  let depot: string;
  let store: string;
  let database: TestDatabase;
  beforeAll(async () => {
    depot = unpackStore('scep-depot');
    store = unpackStore('filekv');
    database = await createDatabase('empty');
    await loadMySqlStore(database, plainFile('mysql.sql', store));
  });
  afterAll(async () => {
    await database.drop();
    for (const folder of [depot, store]) rmSync(folder, { recursive: true });
  });

  it.each(['mysql', 'filekv'] as const)('%s agrees with its manifest', async (backEnd) => {
    const account = await database.createAccount(['SELECT ON *']);
    const { host, port } = testServer();
    const url = `mysql://${account.user}@${host}:${port}/${database.name}`;
    const passphrase = station.file('passphrase', 'nm-capass\n');
    const outcome = await station.slipway(
      [
        'read',
        `nanomdm:${backEnd === 'mysql' ? url : join(store, 'dbkv')}`,
        '--json',
        '--at',
        TIME,
        '--scep-depot',
        join(depot, 'depot'),
        '--scep-ca-passphrase-file',
        passphrase,
      ],
      { env: { SLIPWAY_SOURCE_PASSWORD: account.password } },
    );
    expect(outcome.code, outcome.text).toBe(0);
    expect(outcome.stdout).not.toContain('nm-capass');
    const reading = outcome.json as Reading;
    const manifest = readManifest('manifest.json');
    const expected = devicesOf(manifest, backEnd, true);
    expect(reading.devices).toHaveLength(expected.size);
    for (const device of reading.devices) {
      const users = device.users.toSorted((a, b) => (a.id < b.id ? -1 : 1));
      expect({ ...device, users }, device.udid).toMatchObject(expected.get(device.udid) ?? { udid: 'unknown' });
    }
    expect(reading.counts['devices']).toBe(manifest.summary.devices);
    expect(reading.scepCa).toMatchObject({ sha256: manifest.scep_ca.sha256, keyMatches: true });
    expect(reading.push).toMatchObject({ topic: manifest.topic_current, keyMatches: true });
  });

  it('refuses a password in the address without repeating it', async () => {
    const outcome = await station.slipway(['read', 'nanomdm:mysql://a:geheim@db.example.com/nanomdm', '--json']);
    expect(outcome.code).toBe(2);
    expect(outcome.error.code).toBe('usage/secret-in-url');
    expect(outcome.stderr).not.toContain('geheim');
  });
});
