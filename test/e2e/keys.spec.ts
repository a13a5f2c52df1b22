/**
 * Keys and certificates in the window on a real MicroMDM database and a real MySQL, from the first look to the last file:
 * inspector, pairs from files into Fleet and back, the renewal profile, its forecast, a longer CA, a renewed push
 * certificate. openssl, MySQL and the files themselves are the judges.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator } from '@playwright/test';
import { closeAsset, openAsset } from '../asset-cipher';
import { sharedData, sharedJson } from '../shared-data';
import { seriousViolations } from './axe';
import { expect, picture, root, test, type RunningApp } from './fixture';
import { connected, connectionTo, opened } from './way';

const PICTURES = process.env['SLIPWAY_PICTURES'] === '1' ? join(root, 'docs', 'pictures') : null;
const SMALL = sharedData('micromdm', 'small.db');
const SERVER_KEY = 'server-key-canary-0123456789-abcdefghij';
const CHALLENGE = 'fl33ts-0wn-ch4llenge-c4nary';
const PASSWORD = 'p12-canary-5150';
const VARIABLE = 'FLEET_SILENT_MIGRATION_ENROLLMENT_PROFILE';

const data = (name: string): string => sharedData('micromdm', name) ?? '';
const openssl = (...args: string[]): string => execFileSync('openssl', args, { encoding: 'utf8', stdio: 'pipe' });
const modeOf = (path: string): number => statSync(path).mode & 0o777;

/** A picture in light and in dark at the smallest size, with nothing cut off and nothing serious that axe finds. */
async function look(app: RunningApp, name: string, at?: Locator, kept = PICTURES): Promise<void> {
  const { page } = app;
  await page.mouse.move(640, 719);
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.setViewportSize({ width: 1280, height: 720 });
    await at?.evaluate((element) => {
      element.scrollIntoView({ block: 'start' });
    });
    const messages = page.getByRole('complementary', { name: 'Messages' }).getByRole('button');
    // One may go by itself meanwhile.
    while ((await messages.count()) > 0)
      await messages
        .first()
        .click({ timeout: 1_000 })
        .catch(() => undefined);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(overflow, `${name} is wider than the window`).toBeLessThanOrEqual(0);
    if (app.host === 'stand-in') {
      const file = kept === null ? picture(`${name}-${colorScheme}`) : join(kept, `${name}-${colorScheme}.png`);
      await page.screenshot({ path: file });
      await page.setViewportSize({ width: 1280, height: 2600 });
      await page.screenshot({ path: picture(`${name}-${colorScheme}-whole`) });
    }
    expect.soft(await seriousViolations(page), name).toEqual([]);
  }
  await page.setViewportSize({ width: 1280, height: 720 });
}

test('keys and certificates of a real server, from the first look to the last file', async ({
  app,
  database,
  folder,
}) => {
  test.skip(SMALL === null, 'Skipped: ../shared/data/micromdm/small.db is not here.');
  test.setTimeout(300_000);
  const { page } = app;
  const { frame } = app.screens;
  const { value, md5 } = closeAsset(CHALLENGE, SERVER_KEY);
  await database.query('INSERT INTO mdm_config_assets (name, value, md5_checksum) VALUES (?, ?, ?)', [
    'scep_challenge',
    value,
    md5,
  ]);
  const manifest = sharedJson('micromdm', 'small.json') as {
    readonly devices: readonly { readonly udid: string | null }[];
  };
  const panel = (title: string): Locator => page.getByRole('region', { name: title, exact: true });
  const tab = async (name: string): Promise<void> => {
    await page.getByRole('tab', { name, exact: true }).click();
    await expect(page.getByRole('tabpanel', { name, exact: true })).toBeVisible();
  };
  const said = page.getByRole('complementary', { name: 'Messages' });
  /** What no answer, no page and no state may ever hold. */
  const secrets = [
    CHALLENGE,
    Buffer.from(CHALLENGE).toString('base64').replace(/=+$/, ''),
    SERVER_KEY,
    PASSWORD,
    ...['push.key.pem', 'small.scep.key.pem'].map((name) => readFileSync(data(name), 'utf8').split('\n')[3] ?? '-'),
  ];
  const told: string[] = [];

  await opened(app, folder, SMALL ?? '');
  await connected(app, connectionTo(database));
  await frame.go('Certificates');

  await test.step('the inspector shows what the source holds', async () => {
    await frame.button('Add the source').click();
    const tree = page.getByRole('listbox', { name: 'What was found' });
    await expect(tree.getByRole('group', { name: /SCEP CA$/ })).toBeVisible();
    // With paths of this machine in it: to be looked at, not kept.
    await look(app, 'keys-inspector', panel('Inspector'), null);
  });

  await test.step('a push certificate from a locked file goes into Fleet beside the source’s CA', async () => {
    await tab('Into Fleet');
    const key = page.getByLabel('Fleet’s server private key', { exact: true });
    await key.fill(SERVER_KEY);
    await key.press('Enter');
    const p12 = join(folder, 'push.p12');
    const pair = ['-in', data('push.cert.pem'), '-inkey', data('push.key.pem')];
    openssl('pkcs12', '-export', ...pair, '-out', p12, '-passout', `pass:${PASSWORD}`);
    await page.getByRole('combobox', { name: 'Push certificate' }).click();
    await page.getByRole('option', { name: 'From files' }).click();
    const pile = page.getByRole('group', { name: 'Files of the push certificate' });
    await app.answerDialogs(p12);
    await pile.getByRole('button', { name: 'Add files…' }).click();
    const field = page.getByLabel(/locked by a password/);
    await field.fill('wrong');
    await field.press('Enter');
    await expect(page.getByText('That opened nothing.')).toBeVisible();
    await frame.button('Look at what Fleet holds').click();
    await expect(frame.failure).toContainText('given/locked');
    await field.fill(PASSWORD);
    await field.press('Enter');
    await expect(field).toHaveCount(0);
    await frame.button('Look at what Fleet holds').click();
    await expect(page.getByText('The private key opens Fleet’s scep_challenge.')).toBeVisible();
    await look(app, 'keys-into-fleet', panel('Into Fleet'));

    await frame.button('Write to Fleet…').click();
    const dialog = frame.dialog(/^Write to /);
    await dialog.getByRole('textbox').fill(database.name);
    await dialog.getByRole('button', { name: 'Write them' }).click();
    await expect(page.getByText('4 rows written, read back and opened again.')).toBeVisible();
    const stored = await activeAssets();
    const modulus = (pem: string): string =>
      execFileSync('openssl', ['rsa', '-noout', '-modulus'], { input: pem, encoding: 'utf8', stdio: 'pipe' });
    expect(modulus(stored.get('apns_key') ?? '')).toBe(modulus(readFileSync(data('push.key.pem'), 'utf8')));
    expect(modulus(stored.get('ca_key') ?? '')).toBe(modulus(readFileSync(data('small.scep.key.pem'), 'utf8')));
  });

  await test.step('the environment file holds the same, and is refused where Fleet would ignore it', async () => {
    await app.answerDialogs(join(folder, 'fleet.env'));
    await frame.button('Environment file for a fresh Fleet…').click();
    const dialog = frame.dialog('Environment file for a fresh Fleet');
    await dialog.getByRole('button', { name: 'Save it…' }).click();
    await expect(dialog.getByRole('alert')).toContainText('assets/environment-ignored');
    await dialog.getByRole('button', { name: 'Cancel' }).click();
  });

  await test.step('it stands in the Journal, and is taken back from there', async () => {
    await frame.go('Journal');
    await expect(page.getByRole('heading', { name: /^Keys and certificates to / })).toBeVisible();
    await expect(page.getByText('Write 1 is to insert 4 rows and soft-delete 0.')).toBeVisible();
    await look(app, 'keys-journal', undefined, null);
    await frame.button('Take it back…').click();
    const dialog = frame.dialog(/^Take back on /);
    await dialog.getByRole('textbox').fill(database.name);
    await dialog.getByRole('button', { name: 'Take them back' }).click();
    await expect(said).toContainText('Taken back: 4 rows removed');
    expect([...(await activeAssets()).keys()]).toEqual(['scep_challenge']);
    await expect(page.getByText('Everything in it was taken back.')).toHaveCount(0);
  });

  await test.step('the renewal profile is made, checked, looked at and saved', async () => {
    await frame.go('Certificates');
    await tab('Silent renewal');
    await app.answerDialogs(data('enroll.mobileconfig'));
    await frame.button('Add profiles…').click();
    const samples = page.getByRole('list', { name: 'Profiles from devices' });
    await expect(samples.getByRole('listitem')).toHaveCount(1);
    await frame.button('Make the profile').click();
    const made = page.getByRole('region', { name: 'The profile that was made' });
    await expect(made.getByText('Would take it', { exact: true })).toBeVisible();
    await expect(made.getByText('Would renew', { exact: true })).toBeVisible();
    await made.getByText('Look at the profile').click();
    const lines = made.getByRole('region', { name: 'The profile, secrets masked' });
    await expect(lines).toContainText('/mdm/apple/scep');
    await expect(lines).toContainText(`‹Challenge, ${CHALLENGE.length} bytes, sha256 `);
    await look(app, 'keys-renewal', panel('The renewal profile'));
    await made.getByText('Look at the profile').click();
    await look(app, 'keys-renewal-check', made);

    // Not into the folder that is handed over.
    await app.answerDialogs(join(folder, 'Harbour Ltd', 'renewal.env'));
    await frame.button('Save the environment line…').click();
    await expect(frame.failure).toContainText('profile/inside-workspace');
    const saved = {
      profile: join(folder, 'r.mobileconfig'),
      line: join(folder, 'r.env'),
      base64: join(folder, 'r.txt'),
    };
    for (const [name, path] of [
      ['Save the profile…', saved.profile],
      ['Save its base64…', saved.base64],
      ['Save the environment line…', saved.line],
    ] as const) {
      await app.answerDialogs(path);
      await frame.button(name).click();
      await expect(said).toContainText(path);
      expect(modeOf(path)).toBe(0o600);
    }
    const xml = readFileSync(saved.profile, 'utf8');
    expect(xml).toContain(`<string>${CHALLENGE}</string>`);
    expect(Buffer.from(readFileSync(saved.base64, 'utf8'), 'base64').toString()).toBe(xml);
    expect(readFileSync(saved.line, 'utf8')).toBe(`${VARIABLE}=${Buffer.from(xml).toString('base64')}\n`);
    // The command line holds the file against the same sample.
    const check = spawnSync(
      process.execPath,
      [
        join(root, 'out/cli/index.js'),
        'profile',
        'check',
        saved.line,
        '--installed',
        data('enroll.mobileconfig'),
        '--json',
      ],
      { encoding: 'utf8' },
    );
    expect(JSON.parse(check.stdout)).toMatchObject({ renews: true, groups: [{ accepted: true }] });
    secrets.push(Buffer.from(xml).toString('base64').slice(400, 460));

    // One field another, and it is no update any more; what fails is not saved.
    const other = join(folder, 'other.mobileconfig');
    writeFileSync(other, xml.replace(/(<key>ServerURL<\/key>\s*<string>https:\/\/)/, '$1other-'));
    await app.answerDialogs(other);
    await panel('Check another profile').getByRole('button', { name: 'Choose it…' }).click();
    const checked = page.getByRole('region', { name: 'The profile that was checked' });
    await expect(checked.getByText('server-url-differs')).toBeVisible();
    await expect(checked.getByText('Would refuse it', { exact: true })).toBeVisible();
    await look(app, 'keys-candidate', checked);
  });

  await test.step('the forecast counts every device', async () => {
    await frame.button('Make the forecast').click();
    const numbers = page.getByRole('group', { name: 'The forecast in numbers' });
    const devices = manifest.devices.filter(({ udid }) => udid !== null && udid !== '').length;
    await expect(numbers).toContainText(`Devices${devices}`);
    await expect(page.getByText('no-host')).toBeVisible();
    await look(app, 'keys-forecast', panel('When Fleet renews them'));
    const csv = join(folder, 'not-renewed.csv');
    await app.answerDialogs(csv);
    await frame.button('Save these devices as CSV…').click();
    await expect(said).toContainText(csv);
    expect(readFileSync(csv, 'utf8')).toContain(',no-host');
  });

  await test.step('the CA gets a later end, proven, and goes into Fleet', async () => {
    await tab('CA and push certificate');
    await page.getByRole('combobox', { name: 'New end, from today' }).click();
    await page.getByRole('option', { name: '20 years' }).click();
    await frame.button('Extend and prove').click();
    await expect(page.getByText(/\d+ device certificates verified under the new certificate/)).toBeVisible();
    await look(app, 'keys-ca', panel('Extend the SCEP CA'));
    const out = join(folder, 'ca-extended.pem');
    await app.answerDialogs(out);
    await frame.button('Save the certificate…').click();
    await expect(said).toContainText(out);
    expect(modeOf(out)).toBe(0o600);
    const print = (path: string, ...what: string[]): string => openssl('x509', '-in', path, '-noout', ...what);
    for (const same of ['-pubkey', '-subject', '-issuer', '-startdate'])
      expect(print(out, same)).toBe(print(data('small.scep.cert.pem'), same));
    expect(new Date(print(out, '-enddate').replace('notAfter=', '')).getFullYear()).toBe(new Date().getFullYear() + 20);
    // Fleet has another CA by now, to which a Mac has escrowed its disk encryption key: only by name.
    const [foreign, foreignKey] = [join(folder, 'foreign.pem'), join(folder, 'foreign.key')];
    const ca = ['-subj', '/CN=Fleet CA', '-days', '900', '-addext', 'keyUsage=critical,keyCertSign'];
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', foreignKey, '-out', foreign, ...ca);
    for (const [name, path] of [
      ['ca_cert', foreign],
      ['ca_key', foreignKey],
    ] as const) {
      const asset = closeAsset(readFileSync(path, 'utf8'), SERVER_KEY);
      await database.query('INSERT INTO mdm_config_assets (name, value, md5_checksum) VALUES (?, ?, ?)', [
        name,
        asset.value,
        asset.md5,
      ]);
    }
    await database.query("INSERT INTO host_disk_encryption_keys (host_id, base64_encrypted) VALUES (1, 'AA==')");
    await frame.button('Bring it into Fleet').click();
    await expect(page.getByText('The extended CA, saved as ca-extended.pem')).toBeVisible();
    await frame.button('Look at what Fleet holds').click();
    await expect(page.getByText('Fleet has another SCEP CA: devices under that one would be refused.')).toBeVisible();
    await expect(page.getByText('escrowed-keys', { exact: true })).toBeVisible();
    await expect(frame.button('Write to Fleet…')).toHaveAttribute('aria-disabled', 'true');
    await frame.button('Accept it by name…').click();
    const accepting = frame.dialog('Accept what stands against it');
    await accepting.getByRole('textbox').fill('escrowed-keys');
    await accepting.getByRole('button', { name: 'Accept it' }).click();
    await expect(frame.button('Withdraw')).toBeVisible();
    await frame.button('Write to Fleet…').click();
    const dialog = frame.dialog(/^Write to /);
    await dialog.getByRole('textbox').fill(database.name);
    await dialog.getByRole('button', { name: 'Write them' }).click();
    await expect(page.getByText('4 rows written, read back and opened again.')).toBeVisible();
    expect((await activeAssets()).get('ca_cert')).toBe(readFileSync(out, 'utf8'));
  });

  await test.step('the push certificate is had again for its topic', async () => {
    await tab('CA and push certificate');
    await frame.button('See what can be done').click();
    await expect(page.getByText('Nothing to do')).toBeVisible();
    await app.answerDialogs(folder);
    await frame.button('Make a request…').click();
    const dialog = frame.dialog('Request for the push certificate');
    await dialog.getByRole('combobox', { name: 'Key', exact: true }).click();
    await page.getByRole('option', { name: 'Make a new one (RSA 2048)' }).click();
    await dialog.getByRole('button', { name: 'Choose a folder and save' }).click();
    await expect(said).toContainText('push-request.csr');
    const [request, key] = [join(folder, 'push-request.csr'), join(folder, 'push-new.key')];
    expect([modeOf(request), modeOf(key)]).toEqual([0o600, 0o600]);
    expect(openssl('req', '-in', request, '-noout', '-pubkey')).toBe(openssl('pkey', '-in', key, '-pubout'));

    const topic = (await frame.state()).source?.push?.topic ?? '';
    const answer = (name: string, uid: string): string => {
      const path = join(folder, name);
      const subject = `/UID=${uid}/CN=APSP:renewed/C=US`;
      openssl('req', '-x509', '-key', key, '-days', '365', '-subj', subject, '-out', path);
      return path;
    };
    const pile = page.getByRole('group', { name: 'What Apple gave back' });
    await app.answerDialogs(answer('created.pem', 'com.apple.mgmt.External.another'));
    await expect(frame.button('Check what came back')).toHaveAttribute('aria-disabled', 'true');
    await pile.getByRole('button', { name: 'Add files…' }).click();
    await expect(page.getByText('created.pem')).toBeVisible();
    await frame.button('Check what came back').click();
    await expect(page.getByText('Do not use it.', { exact: true })).toBeVisible();
    await expect(page.getByText('topic-differs', { exact: true })).toBeVisible();
    await pile.getByRole('button', { name: 'Clear' }).click();
    await expect(page.getByText('created.pem')).toBeHidden();
    await app.answerDialogs(answer('renewed.pem', topic));
    await pile.getByRole('button', { name: 'Add files…' }).click();
    await expect(page.getByText('renewed.pem')).toBeVisible();
    await frame.button('Check what came back').click();
    await expect(page.getByText('It may replace the old one.')).toBeVisible();
    await look(app, 'keys-push', panel('Have the push certificate again'));
    await frame.button('Take it for Fleet').click();
    await frame.button('Bring it into Fleet').click();
    await expect(page.getByText('The renewed push certificate')).toBeVisible();
    secrets.push(readFileSync(key, 'utf8').split('\n')[3] ?? '-');
  });

  const shown = `${await page.content()} ${JSON.stringify(await frame.state())}`;
  for (const call of ['given.state', 'renewal.state', 'inspect.state', 'journal.list'] as const) {
    told.push(await page.evaluate(async (name) => JSON.stringify(await window.slipway.call(name, undefined)), call));
  }
  for (const secret of secrets) {
    expect(secret.length).toBeGreaterThan(8);
    expect([shown, ...told].some((text) => text.includes(secret))).toBe(false);
  }

  async function activeAssets(): Promise<Map<string, string>> {
    const rows = await database.query<{ name: string; value: Buffer }>(
      "SELECT name, value FROM mdm_config_assets WHERE deletion_uuid = '' ORDER BY name",
    );
    return new Map(rows.map(({ name, value: stored }) => [name, openAsset(stored, SERVER_KEY)]));
  }
});
