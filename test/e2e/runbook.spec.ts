/** The runbook in the window: bound to the checks, ticked by people, staging beside production. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { seriousViolations } from './axe';
import { expect, root, test } from './fixture';
import { opened } from './way';

const FOLDER = join(root, process.env['SLIPWAY_PICTURES'] === '1' ? 'docs/pictures' : 'test-results');
const SAMPLE = join(root, 'resources', 'sample', 'micromdm.db');

test('what is done on staging stands beside production', async ({ app, folder }) => {
  test.setTimeout(120_000);
  const { page } = app;
  const { frame, fleet, checks } = app.screens;
  const runbook = async (): Promise<void> => {
    await frame.go('Checks');
    await page.getByRole('tab', { name: 'Runbook' }).click();
  };
  const staging = await opened(app, folder, SAMPLE, 'Harbour staging');
  await runbook();
  await expect(page.getByText('No column is filled yet.')).toBeVisible();
  await frame.go('Fleet');
  await fleet.badge('Staging');
  await checks.run();
  await page.getByRole('tab', { name: 'Runbook' }).click();
  const line = (title: string) => page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: title }) });
  // Bound to a check: it settles itself, and nobody is asked.
  await expect(line('The old database reads without damage').getByRole('img', { name: 'done' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Confirm: The old database reads without damage' })).toHaveCount(0);
  const title = 'A maintenance window is agreed, and who decides to go back';
  await page.getByRole('button', { name: `Confirm: ${title}` }).click();
  const dialog = frame.dialog(`Confirm: ${title}`);
  await dialog.getByRole('button', { name: 'Confirm it' }).click();
  await expect(dialog.getByText('It needs the name of a person.')).toBeVisible();
  await dialog.getByLabel('Who says so').fill('Ann Operator');
  await dialog.getByLabel('Note').fill('Friday, 21:00 to 23:00');
  await dialog.getByRole('button', { name: 'Confirm it' }).click();
  await expect(line(title).getByText('Confirmed by Ann Operator: Friday, 21:00 to 23:00.')).toBeVisible();

  // A workspace for production takes staging's column over.
  await frame.go('Source');
  await frame.workspaceMenu('Close this workspace');
  await opened(app, folder, SAMPLE, 'Harbour production');
  await frame.go('Fleet');
  await fleet.badge('Production');
  await checks.run();
  await page.getByRole('tab', { name: 'Runbook' }).click();
  await app.answerDialogs(join(staging.workspace?.path ?? '', 'runbook.json'));
  await frame.button('Take over the other column…').click();
  await expect(line(title).getByText('Confirmed by Ann Operator: Friday, 21:00 to 23:00.')).toBeVisible();
  await expect(line(title).getByText('Nobody has confirmed it.')).toBeVisible();
  expect(await seriousViolations(page)).toEqual([]);
  if (app.host === 'stand-in') {
    await page.screenshot({ path: join(FOLDER, 'runbook-light.png') });
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.screenshot({ path: join(FOLDER, 'runbook-dark.png') });
    await page.emulateMedia({ colorScheme: 'light' });
  }
  const target = join(folder, 'runbook.html');
  await app.answerDialogs(target);
  await frame.button('Save for printing…').click();
  await expect(page.getByText(/^Runbook saved/).first()).toBeVisible();
  expect(readFileSync(target, 'utf8')).toContain('<span class="said">Ann Operator</span>, 20');
});
