/** NanoMDM on a real MySQL, against what the makers of its databases wrote down. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Secret } from '../../../../src/core/secret';
import { parseSource, readSource, withCompanions } from '../../../../src/core/sources';
import { ABSENT, loadMySqlStore, plainFile, unpackStore } from '../../../nanomdm-stores';
import { createDatabase, noServer, testServer, type TestDatabase } from '../../../servers/mysql';
import { byUdid, contractOf, insideOf } from './as-read';
import { AT, devicesOf, secretsOf, type Manifest } from './manifest';

const skipped = noServer || ABSENT !== '';

describe.skipIf(skipped)(`NanoMDM on MySQL${ABSENT}`, () => {
  let folder: string;
  let depot: string;
  const databases: TestDatabase[] = [];

  const load = async (dump: string): Promise<string> => {
    const database = await createDatabase('empty');
    databases.push(database);
    await loadMySqlStore(database, plainFile(dump, folder));
    return `nanomdm:${database.url}`;
  };
  const options = {
    at: AT,
    get password() {
      return new Secret('password', testServer().password);
    },
    keyPassphrase: new Secret('passphrase', 'nm-capass'),
  };

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'slipway-nanomdm-mysql-'));
    depot = unpackStore('scep-depot');
  });
  afterAll(async () => {
    for (const database of databases) await database.drop();
    rmSync(folder, { recursive: true });
    rmSync(depot, { recursive: true });
  });

  it.each([
    ['mysql.sql', 'manifest.json', true],
    // The depot is of the other run; the certificates lie with the devices.
    ['mysql-v0.2.0.sql', 'manifest-v0.2.0.json', false],
    ['mysql-5000.sql.zst', 'manifest-5000.json.zst', false],
  ])('%s agrees with its manifest in every field', async (dump, manifestName, hasDepot) => {
    const text = await load(dump);
    const reference = parseSource(hasDepot ? withCompanions(text, { 'scep-depot': join(depot, 'depot') }) : text);
    const snapshot = await readSource(reference, options);
    const manifest = JSON.parse(readFileSync(plainFile(manifestName, folder), 'utf8')) as Manifest;
    expect(Object.fromEntries(byUdid(snapshot, contractOf))).toEqual(
      Object.fromEntries(devicesOf(manifest, 'mysql', hasDepot)),
    );
    expect(Object.fromEntries(byUdid(snapshot, insideOf))).toEqual(Object.fromEntries(secretsOf(manifest, 'mysql')));
  });
});
