/**
 * A whole evening through the window, twice: 500 devices into a staging Fleet as a rehearsal, then in waves into
 * production, with a real HAProxy in front and real MySQL behind, from an empty workspace to the hand-over.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WaveBench } from '../core/cutover/wave-bench';
import { expect, picture, test } from './fixture';
import { WavesRoute } from './screens/waves';
import { connected, connectionTo, opened, planned, readyForWaves, rowCount } from './way';

const DEVICES = 500;
let bench: WaveBench;

test.beforeAll(async () => {
  test.setTimeout(180_000);
  // Not imported above: it starts servers, and collecting the specs must not.
  const { noHaproxy } = await import('../servers/haproxy');
  const { noServer } = await import('../servers/mysql');
  test.skip(noHaproxy !== false, String(noHaproxy));
  test.skip(noServer !== false, String(noServer));
  const { WaveBench: Bench } = await import('../core/cutover/wave-bench');
  bench = await Bench.open({ devices: DEVICES, proxies: 2 });
});
test.afterAll(async () => {
  const { hangUp } = await import('../mdm-device');
  hangUp();
  await bench.close();
});

test('staging first, then production in waves, then the report', async ({ app, folder, database }) => {
  test.setTimeout(600_000);
  const { page, screens } = app;
  const { frame, fleet, checks, apply } = screens;
  const waves = new WavesRoute(frame);
  let staging = '';

  await test.step('staging: everything at once, rehearsed, written, read back', async () => {
    staging = (await opened(app, folder, bench.sourcePath, 'Harbour staging')).workspace?.path ?? '';
    await connected(app, connectionTo(database));
    const { plan } = await planned(app);
    expect(plan?.counts.insert).toBe(DEVICES);
    await apply.rehearse();
    expect(await rowCount(database)).toBe(0);
    const { verified } = await apply.write(database.name);
    expect(verified?.counts).toMatchObject({ devices: DEVICES, same: DEVICES, differs: 0, missing: 0, extra: 0 });
    expect(await rowCount(database)).toBe(DEVICES);
    await frame.go('Checks');
    await page.getByRole('tab', { name: 'Runbook' }).click();
    await expect(page.getByRole('status').filter({ hasText: 'done on staging' })).toBeVisible();
    await frame.go('Source');
    await frame.workspaceMenu('Close this workspace');
  });

  await test.step('production: staging’s column stands beside', async () => {
    await opened(app, folder, bench.sourcePath, 'Harbour');
    await frame.go('Fleet');
    await fleet.badge('Production');
    await fleet.fill(connectionTo(bench.database));
    await fleet.connect();
    await checks.run();
    await page.getByRole('tab', { name: 'Runbook' }).click();
    await app.answerDialogs(join(staging, 'runbook.json'));
    await frame.button('Take over the other column…').click();
    const line = page
      .getByRole('row')
      .filter({ has: page.getByRole('rowheader', { name: 'Every row was read back' }) });
    await expect(line.getByText(`${DEVICES} devices read back as derived.`)).toBeVisible();
    await expect(line.getByText('Not yet.')).toBeVisible();
    await page.screenshot({ path: picture('passes-runbook') });
    await readyForWaves(app, bench, {
      reason: 'agreed with the customer',
      backup: { by: 'Ann', note: 'at 20:55' },
    });
  });

  await test.step('four waves: each is moved when the one before it has arrived', async () => {
    await frame.go('Waves');
    const form = await waves.newLadder(bench.proxies);
    const pilots = bench.devices.slice(0, 10).map(({ udid }) => udid);
    await form.getByLabel('UDIDs or serial numbers').fill(pilots.join('\n'));
    await form.getByRole('button', { name: 'Make the ladder' }).click();
    await expect(waves.rungs.getByRole('listitem')).toHaveCount(4);
    const total = new Set<string>();
    for (const rung of ['pilot', '10 %', '50 %', 'all']) {
      const looked = await waves.next(rung);
      expect(looked.waves.preview?.obstacles, rung).toEqual([]);
      const { failures } = await waves.move(rung);
      expect(failures, rung).toEqual({});
      await bench.age();
      const { fleet: arrived, old, refused } = await bench.round();
      expect(refused, rung).toEqual([]);
      // Where the window says devices go is where they went.
      const { routes } = (await frame.state()).waves;
      expect(routes?.fleet, rung).toBe(arrived.size);
      expect(arrived.size + old.size, rung).toBe(DEVICES);
      for (const udid of total) expect(arrived.has(udid), `${udid} stays at Fleet`).toBe(true);
      for (const udid of arrived) total.add(udid);
    }
    expect(total.size).toBe(DEVICES);
    await page.screenshot({ path: picture('passes-waves') });
  });

  await test.step('every device is proven at Fleet', async () => {
    await frame.go('Devices');
    await frame.primary('Start watching').click();
    await expect
      .poll(async () => (await frame.state()).watch?.look?.counts, { timeout: 60_000 })
      .toMatchObject({ size: DEVICES, imported: DEVICES, migrated: DEVICES, lost: 0 });
    await page.screenshot({ path: picture('passes-devices') });
  });

  await test.step('the hand-over', async () => {
    // Nobody called the old server since: it is read once more.
    await frame.go('Source');
    await frame.working(() => screens.source.readAgain.click());
    expect((await page.evaluate(() => window.slipway.call('watch.now', undefined))).ok).toBe(true);
    await frame.go('Report');
    await app.answerDialogs(join(folder, 'backup'));
    await frame.button('Make a backup…').click();
    await expect(page.getByText(`The backup opens and holds all ${DEVICES} devices`)).toBeVisible();
    for (let left = 2; left > 0; left -= 1) {
      await page.getByRole('button', { name: 'Confirm…' }).first().click();
      const dialog = frame.dialog(/^Confirm: /);
      await dialog.getByLabel('Who says so').fill('Ann Operator');
      await dialog.getByRole('button', { name: 'Confirm it' }).click();
      await expect(dialog).toBeHidden();
    }
    await expect(page.getByText(`${DEVICES} of ${DEVICES} devices are proven at Fleet`)).toBeVisible();
    await page.screenshot({ path: picture('passes-report') });
    const out = join(folder, 'report');
    await app.answerDialogs(out);
    await frame.primary('Write the report…').click();
    await expect(page.getByText(/^Report written/).first()).toBeVisible({ timeout: 60_000 });
    expect(execFileSync('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: out }).toString()).not.toContain(
      'FAILED',
    );
    const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as {
      counts: Record<string, number>;
      devices: { state: string; proof: string | null; wave: string | null }[];
      journals: { kind: string }[];
      conditions: { id: string; holds: boolean }[];
    };
    expect(report.counts).toMatchObject({ devices: DEVICES, migrated: DEVICES, open: 0 });
    expect(report.devices.every(({ proof, wave }) => proof !== null && wave !== null)).toBe(true);
    expect(new Set(report.journals.map(({ kind }) => kind))).toEqual(new Set(['devices', 'waves']));
    expect(report.conditions.filter(({ holds }) => !holds).map(({ id }) => id)).toEqual(['probes']);
  });
});
