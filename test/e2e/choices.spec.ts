/** What an operator may choose on the way, and what comes of it: teams, steps, what is left of a damaged file, some devices. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sharedData } from '../shared-data';
import { expect, root, test } from './fixture';
import { connected, connectionTo, opened, planned, rowCount } from './way';

const SAMPLE = join(root, 'resources', 'sample', 'micromdm.db');

test('what is left of a damaged file is read on request, and stays marked as that', async ({ app, folder }) => {
  test.setTimeout(120_000);
  const damaged = sharedData('micromdm', 'pageoutofrange.db');
  test.skip(damaged === null, '../shared/data/micromdm is not here');
  if (damaged === null) return;
  const { frame, source } = app.screens;
  const refused = await opened(app, folder, damaged);
  expect(refused.source).toBeNull();
  const read = await frame.working(() => frame.button('Read what is left').click());
  expect(read.failures).toEqual({});
  expect(read.source?.counts.devices).toBeGreaterThan(0);
  expect(read.source?.findings.some(({ severity, code }) => severity === 'error' && code.startsWith('bolt/'))).toBe(
    true,
  );
  await expect(app.page.getByText('What is left of a damaged database.')).toBeVisible();
  // The damage was that file's: another one is read strictly again.
  await app.answerDialogs(SAMPLE);
  const other = await source.readAnother();
  expect(other.workspace?.settings.source.salvage).toBe(false);
  await expect(app.page.getByText('What is left of a damaged database.')).toHaveCount(0);
});

test('teams and steps are chosen at the plan, make it stale, and are written', async ({ app, database, folder }) => {
  test.setTimeout(180_000);
  const { frame, plan, apply } = app.screens;
  await database.query("INSERT INTO teams (id, name) VALUES (7, 'Library')");
  await opened(app, folder, SAMPLE);
  await connected(app, connectionTo(database));
  const before = await planned(app);
  expect(before.plan).toMatchObject({ placed: 0, stale: null });
  const map = join(folder, 'teams.csv');
  const [device] = await app.page.evaluate(async () => {
    const reply = await window.slipway.call('devices.query', {
      search: '',
      verdicts: [],
      actions: ['insert'],
      platforms: [],
      sources: [],
      reasons: [],
      states: [],
      attention: [],
      sort: 'name',
      descending: false,
      offset: 0,
      limit: 1,
      hold: false,
    });
    return (reply as { value: { rows: { udid: string; serial: string }[] } }).value.rows;
  });
  writeFileSync(map, `serial,team\n${device?.serial},Library\n`);
  await plan.view('Cautions and steps');
  await app.answerDialogs(map);
  await frame.button('Choose a team map…').click();
  await expect.poll(async () => (await frame.state()).plan?.stale).toBe('Another team map is chosen now.');
  const after = await plan.make();
  expect(after.plan).toMatchObject({ placed: 1, stale: null });
  // A map nobody chose with the dialog is not read, whatever the page asks.
  const refused = await app.page.evaluate(async () =>
    window.slipway.call('workspace.save', { planning: { serials: true, queue: false, teamMap: '/etc/passwd' } }),
  );
  expect(refused).toMatchObject({ ok: false, failure: { code: 'team-map/not-chosen' } });
  const written = await apply.write(database.name);
  expect(written.verified?.counts).toMatchObject({ differs: 0, missing: 0 });
  const rows = await database.query<{ team: number | null }>(
    'SELECT enroll_team_id AS team FROM nano_devices WHERE enroll_team_id IS NOT NULL',
  );
  expect(rows.map(({ team }) => team)).toEqual([7]);
  expect(await rowCount(database)).toBe(after.plan?.counts.insert);
});

test('some devices, and only those, go into a CSV file', async ({ app, folder }) => {
  test.setTimeout(120_000);
  const { devices } = app.screens;
  const state = await opened(app, folder, SAMPLE);
  await devices.open();
  await devices.rows.nth(0).getByRole('checkbox').click();
  await devices.rows.nth(2).getByRole('checkbox').click();
  const path = join(folder, 'some.csv');
  await app.answerDialogs(path);
  await app.page.getByRole('region', { name: 'Selection' }).getByRole('button', { name: 'CSV…' }).click();
  await expect(app.page.getByRole('complementary', { name: 'Messages' })).toContainText(`Wrote 2 devices to ${path}`);
  const lines = readFileSync(path, 'utf8').trim().split('\r\n');
  expect(lines).toHaveLength(3);
  expect(state.source?.counts.devices).toBeGreaterThan(2);
});

test('the sample says where it ends and how to go on for real', async ({ app }) => {
  test.setTimeout(120_000);
  const { frame, welcome, checks, plan } = app.screens;
  await frame.working(() => welcome.sample.click());
  await frame.go('Fleet');
  await frame.working(() => frame.button('Connect to the pretend Fleet').click());
  await checks.run();
  await plan.make();
  await frame.go('Apply');
  await expect(app.page.getByText('npm run demo')).toBeVisible();
  await expect(app.page.getByRole('button', { name: /^(Write|Rehearse)/ }).first()).toBeDisabled();
});
