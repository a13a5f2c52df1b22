/** Every way in but MicroMDM's file, as an operator takes it. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from '../core/sources/nanomdm/manifest';
import type { RunningApp } from './fixture';
import { seriousViolations } from './axe';
import { expect, picture, test } from './fixture';
import { WaysRoute } from './screens/ways';

/** A new workspace, on the Source screen. */
async function waysOf(app: RunningApp, folder: string): Promise<WaysRoute> {
  await app.answerDialogs(folder);
  await app.screens.welcome.create('Harbour Ltd');
  await expect(app.screens.frame.title).toHaveText('Source');
  return new WaysRoute(app.screens.frame);
}

test('NanoMDM’s database, with the depot beside it: read, read again, and taken up later', async ({
  launch,
  folder,
}) => {
  test.setTimeout(120_000);
  // Not imported above: they start the server, and collecting the specs must not.
  const { createDatabase, noServer } = await import('../servers/mysql');
  const { ABSENT, loadMySqlStore, plainFile, unpackStore } = await import('../nanomdm-stores');
  const { devicesOf, readManifest } = await import('../core/sources/nanomdm/manifest');
  test.skip(noServer !== false, String(noServer));
  test.skip(ABSENT !== '', ABSENT);
  const database = await createDatabase('empty');
  const depot = unpackStore('scep-depot');
  try {
    await loadMySqlStore(database, plainFile('mysql.sql', folder));
    const manifest: Manifest = readManifest('manifest.json');
    const account = await database.createAccount(['SELECT ON *'], 'CANARY-source-7d13');
    const userData = join(folder, 'app');
    const app = await launch({ userData });
    const { frame } = app.screens;
    const ways = await waysOf(app, folder);
    await ways.choose('NanoMDM', 'MySQL');
    expect(await seriousViolations(app.page)).toEqual([]);

    // What is missing is named in its place, and what was typed stays.
    await ways.field('Host').fill(database.server.host);
    await frame.button('Read from this database').click();
    await expect(app.page.getByText('Name NanoMDM’s database.')).toBeVisible();
    await expect(ways.field('Host')).toHaveValue(database.server.host);

    await ways.field('Port').fill(String(database.server.port));
    await ways.field('Database').fill(database.name);
    await ways.field('Account').fill(account.user);
    await app.page.getByRole('radio', { name: 'Do not encrypt' }).check();
    await ways.secret('Password', 'not the password');
    await ways.field('Depot').fill(join(depot, 'depot'));
    await ways.secret('Passphrase of the key', manifest.scep_ca.depot_key_password);
    const refused = await ways.read();
    expect(refused.source).toBeNull();
    expect(refused.failures.source?.message).toContain(account.user);
    await expect(ways.field('Database')).toHaveValue(database.name);
    await app.page
      .getByRole('group', { name: 'Password', exact: true })
      .getByRole('button', { name: 'Replace' })
      .click();
    await ways.secret('Password', account.password);
    const read = await ways.read();
    expect(read.failures).toEqual({});
    const expected = devicesOf(manifest, 'mysql', true);
    expect(read.source).toMatchObject({ kind: 'nanomdm', txid: null, parts: [] });
    expect(read.source?.counts.devices).toBe(expected.size);
    expect(read.source?.scepCa).toMatchObject({ sha256: manifest.scep_ca.sha256, keyMatches: true });
    expect(read.source?.push?.topic).toBe(manifest.topic_current);
    expect(read.workspace?.settings.source.reference).toBe(
      `nanomdm:mysql://${account.user}@${database.server.host}:${database.server.port}/${database.name}#scep-depot=${join(depot, 'depot')}`,
    );
    await expect(app.page.getByText(`mysql://${account.user}@`, { exact: false }).first()).toBeVisible();
    await app.page.screenshot({ path: picture('ways-nanomdm-read') });
    expect(await seriousViolations(app.page)).toEqual([]);

    // Every device of the list is one of the manifest's.
    const page = await app.page.evaluate(() =>
      window.slipway.call('devices.query', {
        ...{
          search: '',
          verdicts: [],
          actions: [],
          platforms: [],
          reasons: [],
          sources: [],
          states: [],
          attention: [],
        },
        ...{ sort: 'udid', descending: false, offset: 0, limit: 500, hold: false },
      }),
    );
    const rows = page.ok ? page.value.rows : [];
    expect(new Set(rows.map(({ udid }) => udid))).toEqual(new Set(expected.keys()));
    for (const { udid, serial, name, source } of rows) {
      expect({ serial, name, source }).toEqual({
        serial: expected.get(udid ?? '')?.['serial'],
        name: expected.get(udid ?? '')?.['name'],
        source: null,
      });
    }
    const again = await frame.working(() => app.screens.source.readAgain.click());
    expect(again.source?.fingerprint).toBe(read.source?.fingerprint);

    // Nothing of what was typed in secret lies in the workspace, and it opens again without the database.
    const workspace = read.workspace?.path ?? '';
    await app.close();
    for (const entry of readdirSync(workspace, { recursive: true, withFileTypes: true }).filter((one) =>
      one.isFile(),
    )) {
      const text = readFileSync(join(entry.parentPath, entry.name), 'latin1');
      for (const secret of [account.password, 'not the password', manifest.scep_ca.depot_key_password])
        expect(text.includes(secret), `${secret} in ${entry.name}`).toBe(false);
    }
    await database.drop();
    const later = await launch({ userData });
    const state = await later.screens.frame.working(() => later.screens.welcome.recent('Harbour Ltd').click());
    expect(state.failures).toEqual({});
    expect(state.source?.fingerprint).toBe(read.source?.fingerprint);
  } finally {
    await database.drop().catch(() => undefined);
    rmSync(depot, { recursive: true });
  }
});

test('a second source beside the first: its devices are told apart, and it can be let go', async ({ app, folder }) => {
  test.setTimeout(90_000);
  const { writeMicroMdm } = await import('../micromdm-writer');
  const at = Date.now();
  const twice = { udid: '4C1D6F3E-0000-4000-8000-00000000AB01', serial: 'C02TWICE0001', name: 'In both' };
  const first = join(folder, 'first.db');
  const second = join(folder, 'second.db');
  writeMicroMdm(first, { seed: 'first', devices: 5, at, extra: [{ ...twice, kind: 'mac' }] });
  writeMicroMdm(second, { seed: 'second', devices: 3, at, extra: [{ ...twice, kind: 'mac' }] });
  const { frame } = app.screens;
  const ways = await waysOf(app, folder);
  await app.answerDialogs(first);
  const one = await app.screens.source.read();
  expect(one.source).toMatchObject({ kind: 'micromdm', parts: [], counts: { devices: 6 } });

  await frame.more('Source', 'Add another source…');
  await ways.choose('MicroMDM', 'A file here');
  await ways.field('Database file').fill(second);
  const both = await ways.read();
  expect(both.failures).toEqual({});
  expect(both.source).toMatchObject({
    kind: 'several',
    counts: { devices: 10 },
    parts: [
      { number: 1, kind: 'micromdm', devices: 6 },
      { number: 2, kind: 'micromdm', devices: 4 },
    ],
  });
  expect(both.source?.reasons.filter(({ code }) => code.includes('source')).length).toBeGreaterThan(0);
  const list = app.page.getByRole('region', { name: 'Sources' });
  await expect(list.getByRole('listitem')).toHaveCount(2);
  await app.page.screenshot({ path: picture('ways-several') });
  expect(await seriousViolations(app.page)).toEqual([]);

  await list.getByRole('link', { name: '4 devices' }).click();
  await expect(frame.title).toHaveText('Devices');
  await expect(app.page.getByText('4 of 10')).toBeVisible();
  await frame.go('Source');
  await list.getByRole('button', { name: 'Let go of source 2' }).click();
  const dialog = frame.dialog('Let this source go');
  const alone = await frame.working(() => dialog.getByRole('button', { name: /^Let it go/ }).click());
  expect(alone.source).toMatchObject({ kind: 'micromdm', parts: [], counts: { devices: 6 } });
  await expect(list).toBeHidden();
});

test('a table with a wrong cell is not read, and is read once it is fixed', async ({ app, folder }) => {
  test.setTimeout(60_000);
  const { frame } = app.screens;
  const ways = await waysOf(app, folder);
  await ways.choose('Another MDM');
  const table = join(folder, 'devices.csv');
  await app.answerDialogs(table);
  await frame.button('CSV template…').click();
  await expect(app.page.getByText('Template saved').first()).toBeVisible();
  const header =
    readFileSync(table, 'utf8')
      .split('\r\n')
      .find((line) => line.startsWith('udid')) ?? '';
  const names = header.split(',');
  const rowOf = (cells: Readonly<Record<string, string>>): string => names.map((name) => cells[name] ?? '').join(',');
  const mac = {
    udid: '9C2B1A70-3D54-4E6F-8A9B-0C1D2E3F4A5B',
    serial: 'C02TABLE0001',
    name: 'Table Mac',
    product_name: '"Macmini9,1"',
    enrolled: 'true',
    topic: 'com.apple.mgmt.External.1580e552-a3b9-43fb-9528-7ce2e4018c0a',
    push_magic: 'CANARY-MAGIC-51c0',
    token: 'ab'.repeat(32),
    certificate_sha256: 'cd'.repeat(32),
    certificate_not_after: '2036-11-24T01:41:09Z',
    last_seen: '2026-11-24T01:45:00Z',
  };
  writeFileSync(table, [header, rowOf({ ...mac, token: '<740f4707 bebcf74f!>' }), ''].join('\r\n'));
  await ways.field('Table').fill(table);
  const wrong = await ways.read();
  expect(wrong.source).toBeNull();
  expect(wrong.failures.source?.code).toBe('csv/invalid');
  const errors = app.page.getByRole('region', { name: 'Wrong cells' });
  await expect(errors.getByRole('row')).toHaveCount(2);
  await expect(errors.getByRole('cell', { name: 'token', exact: true })).toBeVisible();
  await expect(ways.field('Table')).toHaveValue(table);
  await app.page.screenshot({ path: picture('ways-table-wrong') });
  expect(await seriousViolations(app.page)).toEqual([]);

  writeFileSync(table, [header, rowOf(mac), ''].join('\r\n'));
  const read = await frame.working(() => frame.button('Read the fixed table').click());
  expect(read.failures).toEqual({});
  expect(read.source).toMatchObject({ kind: 'csv', counts: { devices: 1 } });
  expect(read.source?.findings.some(({ code }) => code.includes('scep-ca'))).toBe(true);
  expect(JSON.stringify(read)).not.toContain(mac.push_magic);
});
