/** Fleet's keys and certificates in the window: seen, rehearsed, written, opened again, taken back. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { closeAsset, openAsset } from '../asset-cipher';
import { seriousViolations } from './axe';
import { expect, root, test } from './fixture';
import { sharedData } from '../shared-data';
import { connected, connectionTo, opened } from './way';

/** SLIPWAY_PICTURES=1 renews the picture the guide shows. */
const FOLDER = join(root, process.env['SLIPWAY_PICTURES'] === '1' ? 'docs/pictures' : 'test-results');
const SMALL = sharedData('micromdm', 'small.db') ?? join(root, 'resources', 'sample', 'micromdm.db');
const PRIVATE_KEY = 'server-key-canary-0123456789-abcdefghij';

test('the CA and the push certificate go into Fleet and come out again', async ({ app, database, folder }) => {
  test.setTimeout(180_000);
  const { page } = app;
  const { frame } = app.screens;
  const challenge = closeAsset('fleets-own-challenge', PRIVATE_KEY);
  await database.query('INSERT INTO mdm_config_assets (name, value, md5_checksum) VALUES (?, ?, ?)', [
    'scep_challenge',
    challenge.value,
    challenge.md5,
  ]);
  await opened(app, folder, SMALL);
  await connected(app, connectionTo(database));
  await frame.go('Certificates');
  await page.getByRole('tab', { name: 'Into Fleet' }).click();
  const key = page.getByLabel('Fleet’s server private key', { exact: true });

  // The wrong key is refused before anything is written.
  await key.fill('another-key-0123456789-abcdefghijkl');
  await key.press('Enter');
  await frame.button('Look at what Fleet holds').click();
  await expect(frame.failure).toContainText('fleet/private-key-wrong');
  await frame.button('Replace').click();
  await key.fill(PRIVATE_KEY);
  await key.press('Enter');
  await frame.button('Look at what Fleet holds').click();
  await expect(page.getByText('The private key opens Fleet’s scep_challenge.')).toBeVisible();
  await expect(page.getByRole('rowheader', { name: 'SCEP CA key' })).toBeVisible();
  expect(await seriousViolations(page)).toEqual([]);

  const active = (): Promise<{ name: string; value: Buffer; md5_checksum: Buffer }[]> =>
    database.query("SELECT name, value, md5_checksum FROM mdm_config_assets WHERE deletion_uuid = '' ORDER BY name");
  await frame.button('Rehearse…').click();
  await frame
    .dialog(/^Rehearse on /)
    .getByRole('button', { name: 'Rehearse', exact: true })
    .click();
  await expect(page.getByText('Rehearsed; everything was rolled back.')).toBeVisible();
  expect((await active()).map(({ name }) => name)).toEqual(['scep_challenge']);

  await page.getByRole('heading', { name: 'Into Fleet' }).scrollIntoViewIfNeeded();
  if (app.host === 'stand-in') await page.screenshot({ path: join(FOLDER, 'assets-light.png') });
  await frame.button('Write to Fleet…').click();
  const dialog = frame.dialog(/^Write to /);
  await dialog.getByRole('textbox').fill(database.name);
  await dialog.getByRole('button', { name: 'Write them' }).click();
  await expect(page.getByText('4 rows written, read back and opened again.')).toBeVisible();
  const rows = await active();
  expect(rows.map(({ name }) => name)).toEqual(['apns_cert', 'apns_key', 'ca_cert', 'ca_key', 'scep_challenge']);
  for (const { name, value, md5_checksum } of rows) {
    expect(createHash('md5').update(value).digest().equals(md5_checksum), name).toBe(true);
    const plain = openAsset(value, PRIVATE_KEY);
    if (name.endsWith('_cert')) expect(plain).toContain('-----BEGIN CERTIFICATE-----');
    if (name.endsWith('_key')) expect(plain).toContain('-----BEGIN RSA PRIVATE KEY-----');
    if (name.endsWith('_key')) expect(await page.content()).not.toContain(plain.split('\n')[1] ?? '-');
  }
  expect(await page.content()).not.toContain(PRIVATE_KEY);
  expect(JSON.stringify(await frame.state())).not.toContain(PRIVATE_KEY);

  await frame.button('Take back what was written…').click();
  const back = frame.dialog(/^Take back on /);
  await back.getByRole('textbox').fill(database.name);
  await back.getByRole('button', { name: 'Take them back' }).click();
  await expect(page.getByText(/^Taken back: 4 rows removed/)).toBeVisible();
  const left = await active();
  expect(left.map(({ name }) => name)).toEqual(['scep_challenge']);
  expect(left[0]?.value.equals(challenge.value)).toBe(true);
});
