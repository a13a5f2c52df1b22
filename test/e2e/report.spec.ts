/** The hand-over in the window, after a real apply: what is open, who is accounted for, the folder with its PDF. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { seriousViolations } from './axe';
import { expect, root, test } from './fixture';
import { connected, connectionTo, opened, planned } from './way';

const FOLDER = join(root, process.env['SLIPWAY_PICTURES'] === '1' ? 'docs/pictures' : 'test-results');
const SAMPLE = join(root, 'resources', 'sample', 'micromdm.db');

test('what was moved is handed over, with proof for each device', async ({ app, database, folder }) => {
  test.setTimeout(180_000);
  const { page } = app;
  const { frame, apply } = app.screens;
  // Under another name it is a database like any other, and not the sample.
  const source = join(folder, 'micromdm.db');
  copyFileSync(SAMPLE, source);
  await opened(app, folder, source);
  await connected(app, connectionTo(database));
  await planned(app);
  await apply.rehearse();
  await apply.write(database.name);
  // Fleet hears from all but one, an hour after the import by its clock.
  await database.query('UPDATE nano_devices SET created_at = created_at - INTERVAL 1 HOUR');
  await database.query(
    "UPDATE nano_enrollments SET created_at = created_at - INTERVAL 1 HOUR, updated_at = '2000-01-01 00:00:00'",
  );
  const [silent] = await database.query<{ id: string }>(
    "SELECT id FROM nano_enrollments WHERE type = 'Device' LIMIT 1",
  );
  await database.query(
    'UPDATE nano_enrollments SET last_seen_at = CURRENT_TIMESTAMP WHERE id <> ? AND device_id <> ?',
    [silent?.id, silent?.id],
  );

  await frame.go('Report');
  await expect(page.getByText('Nothing is proven before Fleet is asked about the devices.')).toBeVisible();
  const looked = await page.evaluate(() => window.slipway.call('watch.start', undefined));
  expect(looked).toMatchObject({ ok: true });
  await expect(page.getByRole('status').filter({ hasText: 'The old server must stay' })).toContainText(
    /proven at Fleet/,
  );
  await expect(page.getByRole('list', { name: 'Conditions' }).getByRole('listitem')).toHaveCount(7);

  // A backup outside the workspace, verified; inside it is refused.
  const { workspace } = await frame.state();
  await app.answerDialogs(workspace?.path ?? '');
  await frame.button('Make a backup…').click();
  await expect(page.getByText('report/backup-inside')).toBeVisible();
  await app.answerDialogs(join(folder, 'backup'));
  await frame.button('Make a backup…').click();
  await expect(page.getByText(/^The backup opens and holds all \d+ devices/)).toBeVisible();

  for (const which of ['redirects', 'renewal']) {
    await page.getByRole('button', { name: 'Confirm…' }).first().click();
    const dialog = frame.dialog(/^Confirm: /);
    await dialog.getByLabel('Who says so').fill(`Ann (${which})`);
    await dialog.getByRole('button', { name: 'Confirm it' }).click();
    await expect(dialog).toBeHidden();
  }
  await page.getByRole('button', { name: /^Account for all/ }).click();
  const dialog = frame.dialog(/devices stay behind$/);
  await dialog.getByRole('button', { name: 'Account for it' }).click();
  await expect(dialog.getByText('It needs the name of a person.')).toBeVisible();
  await dialog.getByLabel('Who says so').fill('Ann Operator');
  await dialog.getByLabel('Note').fill('=wiped; in the drawer');
  await dialog.getByRole('button', { name: 'Account for it' }).click();
  await expect(page.getByText(/others are accounted for by name\.$/)).toBeVisible();
  await expect(page.getByText('Ann Operator: =wiped; in the drawer').first()).toBeVisible();
  await page.getByLabel('Owner of The push certificate').fill('Bob');
  expect(await seriousViolations(page)).toEqual([]);
  await page.getByRole('heading', { name: 'May the old server be switched off' }).scrollIntoViewIfNeeded();
  if (app.host === 'stand-in') {
    await page.screenshot({ path: join(FOLDER, 'report-light.png') });
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.screenshot({ path: join(FOLDER, 'report-dark.png') });
    await page.emulateMedia({ colorScheme: 'light' });
  }

  const out = join(folder, 'report');
  await app.answerDialogs(out);
  await frame.primary('Write the report…').click();
  await expect(page.getByText(/^Report written/).first()).toBeVisible({ timeout: 30_000 });
  const names = readdirSync(out);
  expect(names).toEqual(
    expect.arrayContaining(['SHA256SUMS', 'devices.csv', 'report.html', 'report.json', 'report.pdf']),
  );
  expect(execFileSync('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: out }).toString()).not.toContain(
    'FAILED',
  );
  expect(readFileSync(join(out, 'report.pdf')).subarray(0, 5).toString()).toBe('%PDF-');
  const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as {
    devices: { udid: string; state: string; accounted: { by: string } | null }[];
    obligations: { id: string; owner: string | null }[];
  };
  expect(report.devices.find(({ udid }) => udid === silent?.id)).toMatchObject({
    state: 'waiting',
    accounted: { by: 'Ann Operator' },
  });
  expect(report.obligations.find(({ id }) => id === 'apns')?.owner).toBe('Bob');
  expect(readFileSync(join(out, 'report.html'), 'utf8')).not.toMatch(/<script/i);
  // One window again: the one the PDF was laid out in is gone.
  expect(app.windows()).toHaveLength(1);
});
