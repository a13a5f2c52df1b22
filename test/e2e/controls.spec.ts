/** Profiles and Fleet's agent in the window: a real MySQL for Fleet, a stand-in for the old server's API, real packages. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as plist from 'plist';
import { noBsdtar, PackageBench } from '../core/agent/package-bench';
import { mobileconfig, payload } from '../core/controls/profiles';
import { canary, givenAway } from '../cli/canary';
import { writeMicroMdm, type CommandSpec } from '../micromdm-writer';
import { MicroMdmApi } from '../servers/micromdm-api';
import { createDatabase, noServer } from '../servers/mysql';
import { seriousViolations } from './axe';
import { expect, root, test } from './fixture';
import { connected, connectionTo, opened } from './way';

const FOLDER = join(root, process.env['SLIPWAY_PICTURES'] === '1' ? 'docs/pictures' : 'test-results');
const PASSWORD = 'W1fi-Passw0rd-of-the-test';
const ENROLL = 'Enroll-Secret-Of-The-Team-0123456789';
const UDIDS = ['AA', 'BB', 'CC', 'DD'].map((two) => `${two}AAAAAA-0000-4000-8000-000000000000`);

const restrictions = (allowed: boolean): Buffer =>
  mobileconfig(
    'com.harbour.restrictions',
    [payload('com.apple.applicationaccess', 'r', { allowCamera: allowed, allowAirDrop: true })],
    { PayloadDisplayName: 'Restrictions' },
  );
const wifi = mobileconfig(
  'com.harbour.wifi',
  [payload('com.apple.wifi.managed', 'w', { SSID_STR: 'Harbour', Password: PASSWORD })],
  { PayloadDisplayName: 'Wi-Fi of the harbour' },
);
const old = mobileconfig('com.harbour.dock', [payload('com.apple.dock', 'd', { tilesize: 40 })], {
  PayloadDisplayName: 'Dock of 2019',
});
const vault = mobileconfig('com.harbour.vault', [payload('com.apple.security.FDERecoveryKeyEscrow', 'e')], {
  PayloadDisplayName: 'Recovery key escrow',
});
const done = (profile: Buffer): CommandSpec => ({ requestType: 'InstallProfile', profile, state: 'completed' });

test('profiles are compared, exported and taken off; the agent is looked into and installed', async ({
  app,
  folder,
}) => {
  test.skip(noServer !== false, String(noServer));
  test.skip(noBsdtar !== false, String(noBsdtar));
  test.setTimeout(180_000);
  const { page } = app;
  const { frame } = app.screens;
  const source = join(folder, 'micromdm.db');
  writeMicroMdm(source, {
    profiles: [
      { identifier: 'com.harbour.restrictions', body: restrictions(false) },
      { identifier: 'com.harbour.vault', body: vault },
    ],
    blueprints: [{ name: 'Everybody', profiles: ['com.harbour.restrictions', 'com.harbour.vault'] }],
    extra: UDIDS.map((udid, at) => ({
      udid,
      commands: [done(restrictions(false)), done(wifi), ...(at < 2 ? [done(old)] : [])],
    })),
  });
  const database = await createDatabase('generation-469');
  const api = await new MicroMdmApi().listen();
  const bench = new PackageBench();
  const shot = async (name: string): Promise<void> => {
    if (app.host !== 'stand-in') return;
    for (const scheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.screenshot({ path: join(FOLDER, `${name}-${scheme}.png`) });
    }
    await page.emulateMedia({ colorScheme: 'light' });
  };
  try {
    await database.query("INSERT INTO teams (id, name, config) VALUES (7, 'Workstations', '{}')");
    await database.query('INSERT INTO enroll_secrets (secret, team_id) VALUES (?, 7)', [ENROLL]);
    for (const [identifier, xml] of [
      ['com.harbour.restrictions', restrictions(true)],
      ['com.harbour.updates', mobileconfig('com.harbour.updates', [payload('com.apple.SoftwareUpdate', 'u')])],
    ] as const)
      await database.query(
        'INSERT INTO mdm_apple_configuration_profiles (team_id, identifier, name, mobileconfig, checksum, profile_uuid) VALUES (7, ?, ?, ?, ?, ?)',
        [identifier, identifier, xml, createHash('md5').update(xml).digest(), `a${identifier}`],
      );
    for (const [at, udid] of UDIDS.slice(0, 3).entries())
      await database.query(
        "INSERT INTO hosts (osquery_host_id, node_key, uuid, hardware_serial, platform, orbit_node_key) VALUES (?, ?, ?, ?, 'darwin', ?)",
        [`o${at}`, `n${at}`, udid, `SERIAL${at}`, at < 2 ? `orbit${at}` : null],
      );
    await opened(app, folder, source);
    await frame.go('Fleet');
    await page.getByRole('textbox', { name: 'Address' }).fill('https://fleet.harbour.example');
    await connected(app, connectionTo(database));

    // Controls: nothing is compared by itself.
    await frame.go('Controls');
    await expect(page.getByText('Fleet’s team')).toBeVisible();
    await page.getByLabel('Fleet’s team').fill('Workstations');
    await frame.primary('Compare the profiles').click();
    await expect(page.getByRole('button', { name: /Left behind/ })).toContainText('3', { timeout: 20_000 });
    await expect(page.getByRole('button', { name: /Updated in place/ })).toContainText('1');
    await expect(page.getByRole('button', { name: /New from Fleet/ })).toContainText('1');
    const conflicts = page.getByRole('list', { name: 'Conflicts' });
    await expect(conflicts.getByText(/com\.harbour\.wifi carries Wi-Fi/)).toBeVisible();
    await expect(conflicts.getByText(/FileVault or the escrow of its recovery key/)).toBeVisible();
    await page.getByRole('button', { name: /Show 1 difference/ }).click();
    await expect(page.getByRole('row', { name: 'allowCamera no yes' })).toBeVisible();
    expect(await seriousViolations(page)).toEqual([]);
    await page.getByRole('heading', { name: 'What is compared' }).scrollIntoViewIfNeeded();
    await shot('controls');
    // No secret of a profile is anywhere in the window.
    expect(givenAway(await page.content(), [canary('password', PASSWORD)])).toEqual([]);

    // Export.
    const out = join(folder, 'for-fleet');
    await app.answerDialogs(out);
    await frame.more('Controls', 'Export the profiles for Fleet…');
    await expect(page.getByText(/1 profile holds secrets/)).toBeVisible();
    await expect(page.getByText(/com\.harbour\.vault was left out/)).toBeVisible();
    expect(readdirSync(join(out, 'lib/profiles')).sort()).toEqual([
      'com.harbour.dock.mobileconfig',
      'com.harbour.restrictions.mobileconfig',
      'com.harbour.wifi.mobileconfig',
    ]);
    expect((statSync(join(out, 'lib/profiles/com.harbour.wifi.mobileconfig')).mode & 0o777).toString(8)).toBe('600');

    // Removal: looked at, sent, followed.
    await page.getByRole('checkbox', { name: 'Take off devices: com.harbour.dock' }).check();
    await page.getByRole('combobox', { name: 'Devices' }).click();
    await page.getByRole('option', { name: 'Every device that has it' }).click();
    await page.getByLabel('The old server’s address').fill(api.url);
    await page.getByRole('textbox', { name: 'The old server’s API key' }).fill(api.apiKey);
    await frame.button('Use it').click();
    await frame.button('Look at what would be sent').click();
    const shown = page.getByRole('group', { name: 'What would be sent' });
    await expect(shown).toContainText('2 commands to 2 devices');
    expect(api.asked).toEqual([]);
    await shown.scrollIntoViewIfNeeded();
    await shot('controls-removal');
    await frame.button('Send…').click();
    await page.getByLabel(/to confirm/).fill('another host');
    await expect(page.getByRole('button', { name: 'Send 2 commands' })).toHaveAttribute('aria-disabled', 'true');
    await page.getByLabel(/to confirm/).fill(new URL(api.url).host);
    await page.getByRole('button', { name: 'Send 2 commands' }).click();
    await expect(page.getByRole('heading', { name: 'Sent' })).toBeVisible();
    expect(api.taken.map(({ udid, body }) => [udid, body['identifier']]).sort()).toEqual(
      UDIDS.slice(0, 2).map((udid) => [udid, 'com.harbour.dock']),
    );
    api.drain(UDIDS[0] ?? '');
    await frame.button('Ask what became of it').click();
    await expect(page.getByRole('row', { name: 'Taken by the device 1' })).toBeVisible();
    await expect(page.getByRole('row', { name: 'Still waiting 1' })).toBeVisible();
    // A profile that carries the network is refused until that is said.
    await page.getByRole('checkbox', { name: 'Take off devices: com.harbour.dock' }).uncheck();
    await page.getByRole('checkbox', { name: 'Take off devices: com.harbour.wifi' }).check();
    await frame.button('Look at what would be sent').click();
    await expect(shown).toContainText('carries a network');
    await expect(frame.button('Send…')).toHaveAttribute('aria-disabled', 'true');
    await page.getByLabel('Send it although it carries a network').check();
    await expect(shown).toContainText('4 commands to 4 devices');

    // Agent: who has it.
    await frame.go('Agent');
    await frame.primary('Ask Fleet who has it').click();
    await expect(page.getByRole('heading', { name: '2 Macs without it' })).toBeVisible({ timeout: 20_000 });
    // The command names the secret's file, and holds no secret.
    const secret = join(folder, 'enroll secret');
    writeFileSync(secret, `${ENROLL}\n`, { mode: 0o600 });
    await app.answerDialogs(secret);
    await frame.button('Choose the enroll secret’s file…').click();
    await frame.button('Show the command').click();
    await expect(page.getByText('The secret is that of Workstations.')).toBeVisible();
    await expect(page.getByRole('region', { name: 'the command: the secret in the package' })).toContainText(
      `--enroll-secret "$(cat '${secret}')"`,
    );
    await frame.title.scrollIntoViewIfNeeded();
    await page.getByRole('heading', { name: '2 Macs without it' }).scrollIntoViewIfNeeded();
    await shot('agent-command');
    const profile = join(folder, 'agent.mobileconfig');
    await app.answerDialogs(profile);
    await frame.button('Save the profile…').click();
    await expect(page.getByText(/^Profile saved/).first()).toBeVisible();
    expect(plist.parse(readFileSync(profile, 'utf8'))).toMatchObject({ PayloadContent: [{ EnrollSecret: ENROLL }] });
    // A package for another Fleet is recognised.
    await app.answerDialogs(
      bench.fleetd('wrong.pkg', { ORBIT_FLEET_URL: 'https://other.example' }, 'somebody’s secret'),
    );
    await frame.button('Choose a package…').click();
    const about = page.getByRole('list', { name: 'About the package' });
    await expect(about.getByText(/Its agents call https:\/\/other\.example/)).toBeVisible();
    await expect(about.getByText(/none of this Fleet’s/)).toBeVisible();
    await app.answerDialogs(bench.fleetd('right.pkg', { ORBIT_FLEET_URL: 'https://fleet.harbour.example' }, ENROLL));
    await frame.button('Choose another…').click();
    await expect(about).toHaveCount(0);
    expect(await seriousViolations(page)).toEqual([]);
    expect(givenAway(await page.content(), [canary('enroll secret', ENROLL)])).toEqual([]);
    await page.getByLabel('Where the package will be served').fill('https://files.harbour.example/fleetd.pkg');
    const manifest = join(folder, 'manifest.plist');
    await app.answerDialogs(manifest);
    await page.getByLabel('Where the manifest is served').click();
    await frame.button('Save the manifest…').click();
    await expect(page.getByText(/^Manifest saved/).first()).toBeVisible();
    expect(plist.parse(readFileSync(manifest, 'utf8'))).toMatchObject({
      items: [{ assets: [{ url: 'https://files.harbour.example/fleetd.pkg' }] }],
    });
    await shot('agent');
    // Installed on one wave.
    const list = join(folder, 'wave.txt');
    writeFileSync(list, UDIDS.slice(1).join('\n'));
    await page.getByLabel('Where the manifest is served').fill('https://files.harbour.example/manifest.plist');
    await app.answerDialogs(list);
    await frame.button('Choose a list…').click();
    await expect(page.getByText('wave.txt: 3 devices')).toBeVisible();
    await frame.button('Look at what would be sent').click();
    await expect(shown).toContainText('2 Macs would get it');
    await expect(shown).toContainText('1 device left out: have it.');
    await shown.scrollIntoViewIfNeeded();
    await shot('agent-install');
    const before = api.taken.length;
    await frame.button('Send…').click();
    await page.getByLabel(/to confirm/).fill(new URL(api.url).host);
    await page.getByRole('button', { name: 'Send to 2 Macs' }).click();
    await expect.poll(() => api.taken.length).toBe(before + 2);
    expect(
      api.taken
        .slice(before)
        .map(({ udid, body }) => [udid, body['request_type']])
        .sort(),
    ).toEqual(UDIDS.slice(2).map((udid) => [udid, 'InstallEnterpriseApplication']));
    await frame.go('Journal');
    await expect(page.getByText(/commands|removal|agent/i).first()).toBeVisible();
  } finally {
    bench.close();
    await api.close();
    await database.drop();
  }
});
