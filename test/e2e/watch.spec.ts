/** After the switch: devices turn migrated in the window as they call Fleet, in a real MySQL. Pictures to be looked at. */
import { sharedData } from '../shared-data';
import { join } from 'node:path';
import type { AppState } from '../../src/contract/state';
import { seriousViolations } from './axe';
import { expect, picture, root, test } from './fixture';
import { connected, connectionTo, opened, planned } from './way';

const SOURCE = sharedData('micromdm', 'small.db');
/** SLIPWAY_PICTURES=1 renews the pictures the README shows. */
const shown = (name: string): string =>
  process.env['SLIPWAY_PICTURES'] === '1' ? join(root, 'docs', 'pictures', `${name}.png`) : picture(name);
/** A look is waited for this long; the window itself asks every five seconds. */
const LOOK = { timeout: 60_000 };

test('watching: silent, migrated, lost; Fleet away and back; health', async ({ app, folder, database }) => {
  test.skip(SOURCE === null, '../shared/data/micromdm/small.db is not here.');
  test.setTimeout(300_000);
  const { page, screens } = app;
  const { frame, apply, devices } = screens;
  await page.setViewportSize({ width: 1280, height: 720 });
  await page.emulateMedia({ reducedMotion: 'reduce' });
  // An account of its own, so that Fleet can be out of reach without stopping the server of all tests.
  const account = await database.createAccount(['ALL ON *']);
  await opened(app, folder, SOURCE ?? '');
  await connected(app, { ...connectionTo(database), ...account });
  await planned(app);
  await apply.write(database.name);

  const counts = async (): Promise<Record<string, number>> => ({ ...(await frame.state()).watch?.look?.counts });
  const call = async (...udids: string[]): Promise<void> => {
    await database.query('UPDATE nano_enrollments SET last_seen_at = CURRENT_TIMESTAMP WHERE id IN (?)', [udids]);
  };
  /** Does not wait for the next look. */
  const askNow = (): Promise<void> => page.getByRole('button', { name: 'Ask Fleet now' }).click();
  const imported = (await database.query<{ id: string }>('SELECT id FROM nano_devices ORDER BY id')).map(
    ({ id }) => id,
  );
  // The import is an hour ago: no second has to be waited for.
  for (const table of ['nano_devices', 'nano_enrollments', 'nano_cert_auth_associations']) {
    await database.query(
      `UPDATE ${table} SET created_at = created_at - INTERVAL 1 HOUR, updated_at = '2000-01-01 00:00:00'`,
    );
  }
  for (const udid of imported) {
    await database.query(
      "INSERT INTO hosts (osquery_host_id, uuid, platform, hostname, orbit_node_key) VALUES (?, ?, 'darwin', ?, ?)",
      [udid, udid, `mac-${udid.slice(0, 4).toLowerCase()}`, `key-${udid}`],
    );
  }

  await test.step('nobody is watched before the operator says so', async () => {
    await devices.open();
    await expect(page.getByText('Nobody is watched.')).toBeVisible();
    expect((await frame.state()).watch).toBeNull();
    await page.evaluate(async () =>
      window.slipway.call('workspace.save', { watch: { interval: 5, staleDays: 7, silentDays: 3 } }),
    );
  });

  await test.step('imported and silent is waiting, however enrolled it looks', async () => {
    await frame.primary('Start watching').click();
    await expect.poll(counts, LOOK).toMatchObject({ imported: imported.length, waiting: imported.length, migrated: 0 });
    await expect(page.getByRole('region', { name: 'Progress' })).toContainText('waiting');
    await expect(devices.grid.getByText('Waiting').first()).toBeVisible();
    await expect(devices.grid.getByText('Migrated')).toHaveCount(0);
    await expect(frame.primary('Start watching')).toHaveCount(0);
    await page.screenshot({ path: picture('watch-silent') });
  });

  const [first, second, off] = imported as [string, string, string];
  await test.step('those that call turn migrated by themselves, with the evidence in the drawer', async () => {
    await call(first, second);
    await expect.poll(counts, LOOK).toMatchObject({ migrated: 2 });
    await expect(devices.grid.getByText('Migrated')).toHaveCount(2);
    await devices.search.fill(first);
    await expect(devices.rows).toHaveCount(1);
    await devices.rows.first().getByText('Migrated').click();
    const drawer = page.getByRole('complementary');
    await expect(drawer.getByText('Called Fleet')).toBeVisible();
    await expect(drawer.getByText(/last_seen_at is .* UTC/).first()).toBeVisible();
    await expect(drawer.getByText('Imported', { exact: true })).toBeVisible();
    await page.screenshot({ path: picture('watch-story') });
    expect(await seriousViolations(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await devices.search.fill('');
  });

  await test.step('a list that is filtered by state is not changed under the operator’s hands', async () => {
    await page
      .getByRole('region', { name: 'Progress' })
      .getByRole('button', { name: /waiting/ })
      .click();
    const before = imported.length - 2;
    await expect(devices.rows).toHaveCount(before);
    await call(imported[3]!);
    await askNow();
    await expect.poll(counts, LOOK).toMatchObject({ migrated: 3 });
    const moved = page.getByRole('button', { name: 'Devices have moved: update the list' });
    await expect(moved).toBeVisible(LOOK);
    await expect(devices.rows).toHaveCount(before);
    await expect(devices.grid.getByText('Migrated')).toHaveCount(1);
    await moved.click();
    await expect(devices.rows).toHaveCount(before - 1);
    await frame.button('Show all').click();
  });

  await test.step('what Fleet switched off is lost, and asks for attention', async () => {
    await database.query('UPDATE nano_enrollments SET enabled = 0 WHERE id = ?', [off]);
    await askNow();
    await expect.poll(counts, LOOK).toMatchObject({ lost: 1 });
    await expect(devices.grid.getByText('Switched off in Fleet')).toBeVisible();
    expect(await frame.stepState('devices')).toBe('attention');
    // Those that came lately first.
    await devices.grid.getByRole('button', { name: 'Last seen, Fleet' }).click();
    await devices.grid.getByRole('button', { name: 'Last seen, Fleet' }).click();
    await expect(devices.rows.first()).toContainText('Migrated');
    for (const colorScheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      // A database’s name of this run says nothing to whoever looks at the picture.
      await page.locator('.status-where').evaluate((element, name) => {
        element.textContent = element.textContent.replace(name, 'fleet_staging');
      }, database.name);
      await page.screenshot({ path: shown(`watch-${colorScheme}`) });
    }
    await database.query('UPDATE nano_enrollments SET enabled = 1 WHERE id = ?', [off]);
  });

  await test.step('another job is not held up meanwhile', async () => {
    const state = await frame.working(() => screens.checks.run());
    expect(state.watch?.on).toBe(true);
    await devices.open();
  });

  await test.step('Fleet goes away: what is known stays, and it is asked more seldom; then it is back', async () => {
    const known = await counts();
    await database.query(`ALTER USER '${account.user}'@'%' ACCOUNT LOCK`);
    const sessions = await database.query<{ Id: number; User: string }>('SHOW PROCESSLIST');
    for (const { Id, User } of sessions) if (User === account.user) await database.query(`KILL ${Id}`);
    await askNow();
    await expect.poll(async () => (await frame.state()).watch?.failed ?? 0, LOOK).toBeGreaterThan(0);
    await expect(frame.status).toContainText('Fleet does not answer');
    expect(await counts()).toMatchObject({ migrated: known['migrated'] });
    await page.screenshot({ path: picture('watch-failing') });
    await database.query(`ALTER USER '${account.user}'@'%' ACCOUNT UNLOCK`);
    await askNow();
    await expect.poll(async () => (await frame.state()).watch?.failed, LOOK).toBe(0);
  });

  await test.step('the last one, told wherever one is', async () => {
    await frame.go('Journal');
    await call(...imported);
    await expect(page.getByRole('complementary', { name: 'Messages' })).toContainText(
      'Every imported device is with Fleet',
      LOOK,
    );
    await devices.open();
    await page.setViewportSize({ width: 1920, height: 1080 });
    await page.screenshot({ path: picture('watch-done') });
    await page.setViewportSize({ width: 1280, height: 720 });
  });

  await test.step('health', async () => {
    await database.query('UPDATE nano_cert_auth_associations SET cert_not_valid_after = NULL WHERE id = ?', [first]);
    await frame.button('Health').click();
    await frame.button('Examine').click();
    await expect(page.getByText('Certificates whose end Fleet does not know: 1 device')).toBeVisible(LOOK);
    await page.screenshot({ path: picture('watch-health') });
    await frame.button(/^mac-/).first().click();
    await expect(devices.rows).toHaveCount(1);
  });

  await test.step('stopped, it asks nobody any more, and nothing is forgotten', async () => {
    await page.getByRole('button', { name: 'Stop watching' }).click();
    const stopped: AppState = await frame.state();
    expect(stopped.watch).toMatchObject({ on: false, nextAt: null });
    await expect(frame.primary('Watch again')).toBeVisible();
    await frame.reloadAt('#/devices');
    await expect(page.getByText(/Not watching any more/)).toBeVisible();
    await expect(devices.grid.getByText('Migrated').first()).toBeVisible();
  });
});
