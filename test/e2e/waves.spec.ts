/** Waves in the window, with a real HAProxy and a real MySQL: simulated devices call in, and arrive where the window says. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WaveBench } from '../core/cutover/wave-bench';
import { seriousViolations } from './axe';
import { expect, picture, test } from './fixture';
import { connected, opened, readyForWaves } from './way';
import { WavesRoute } from './screens/waves';

let bench: WaveBench;

test.beforeAll(async () => {
  test.setTimeout(120_000);
  // Not imported above: it starts servers, and collecting the specs must not.
  const { noHaproxy } = await import('../servers/haproxy');
  const { noServer } = await import('../servers/mysql');
  test.skip(noHaproxy !== false, String(noHaproxy));
  test.skip(noServer !== false, String(noServer));
  const { WaveBench: Bench } = await import('../core/cutover/wave-bench');
  bench = await Bench.open({ devices: 30, proxies: 2 });
});
test.afterAll(async () => {
  const { hangUp } = await import('../mdm-device');
  hangUp();
  await bench.close();
});

test('waves: a ladder, two waves, and one back', async ({ app, folder }) => {
  test.setTimeout(300_000);
  const { page, screens } = app;
  const { frame, welcome } = screens;
  const waves = new WavesRoute(frame);
  await page.setViewportSize({ width: 1280, height: 720 });
  const pilots = bench.devices.slice(0, 3);
  const take = async (name: string): Promise<void> => {
    await expect(page.locator('[aria-busy="true"]')).toHaveCount(0);
    for (const colorScheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.screenshot({ path: picture(`waves-${name}-${colorScheme}`) });
    }
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(overflow, `${name} is wider than the window`).toBeLessThanOrEqual(0);
    expect.soft(await seriousViolations(page), name).toEqual([]);
  };

  await test.step('empty: it says what comes first', async () => {
    await app.answerDialogs(folder);
    await welcome.create('Empty Ltd');
    await frame.go('Waves');
    await expect(page.getByRole('heading', { name: 'Waves begin with a source' })).toBeVisible();
    await take('empty');
    await frame.go('Source');
    await frame.workspaceMenu('Close this workspace');
    await opened(app, folder, bench.sourcePath);
    await frame.go('Waves');
    await expect(page.getByRole('heading', { name: 'No ladder yet' })).toBeVisible();
  });

  await test.step('a ladder of two instances', async () => {
    const form = await waves.newLadder(bench.proxies);
    await form.getByLabel('UDIDs or serial numbers').fill('C02NOBODY');
    await form.getByRole('button', { name: 'Make the ladder' }).click();
    await expect(frame.failure.first()).toContainText('name no device of the source');
    await form.getByLabel('UDIDs or serial numbers').fill(pilots.map(({ udid }) => udid).join('\n'));
    await form.getByLabel('Attention at most').first().fill('9');
    await take('ladder');
    await form.getByRole('button', { name: 'Make the ladder' }).click();
    await expect(waves.picture).toBeVisible();
    await expect(waves.rungs.getByRole('listitem')).toHaveCount(4);
    await expect(waves.picture).toContainText('30 devices');
  });

  await test.step('connected, checks answered, and what wakes devices', async () => {
    const { server, name } = bench.database;
    const { host, port, user, password } = server;
    await connected(app, { host, port, user, password, database: name });
    await readyForWaves(app, bench, { badge: 'production', reason: 'a test', backup: { by: 'Ann', note: 'yes' } });
  });

  await test.step('the pilots: looked at, moved, arrived', async () => {
    await frame.go('Waves');
    const looked = await waves.next('pilot');
    expect(looked.failures).toEqual({});
    expect(looked.waves.preview).toMatchObject({
      rung: 'pilot',
      obstacles: [],
      counts: { moving: 3, insert: 3, left: 0 },
    });
    await take('preview');
    const state = await waves.move('pilot');
    expect(state.failures).toEqual({});
    expect(state.waves.last).toMatchObject({ rung: 'pilot', state: 'moved', moved: 3, woken: { sent: 3, failed: [] } });
    await expect.poll(async () => (await frame.state()).waves.routes?.fleet).toBe(3);
    await bench.age();
    const { fleet, old, refused } = await bench.round();
    expect([[...fleet].sort(), old.size, refused]).toEqual([pilots.map(({ udid }) => udid).sort(), 27, []]);
    await take('moved');
  });

  await test.step('a tenth, once the pilots have arrived', async () => {
    const looked = await waves.next('10 %');
    expect(looked.waves.preview?.obstacles).toEqual([]);
    const state = await waves.move('10 %');
    expect(state.failures).toEqual({});
    await bench.age();
    const { fleet, refused } = await bench.round();
    expect([fleet.size, refused]).toEqual([(await bench.standingOf(join(folder, 'Harbour Ltd'))).size, []]);
    await expect(waves.rung('10 %')).toContainText('at Fleet');
  });

  await test.step('the next one is held up, and says why', async () => {
    // Nobody of the tenth is heard of once their contact is taken away again.
    await bench.database.query('DELETE FROM nano_command_results');
    await bench.database.query(
      "UPDATE nano_enrollments SET last_seen_at = created_at, updated_at = '2000-01-01 00:00:00'",
    );
    const looked = await waves.next('50 %');
    expect(looked.waves.preview?.obstacles.map(({ code }) => code)).toEqual(['entry-not-met']);
    await take('held');
    await expect(frame.primary('Look again')).toBeVisible();
    await frame.button('Put away').click();
    await bench.round();
  });

  await test.step('back with the pilots: what stays is said before', async () => {
    await bench.renewAtFleet(pilots[0]!);
    await pilots[1]!.tokenUpdate(bench.home(), 'cd'.repeat(32));
    const dialog = await waves.openBack('pilot');
    await expect(dialog).toContainText('These stay at Fleet');
    await take('back');
    await dialog.getByLabel('Type pilot to confirm').fill('pilot');
    await frame.working(() => dialog.getByRole('button', { name: 'Lead 2 devices back' }).click());
    await expect(dialog).toBeHidden();
    const { fleet, old, refused } = await bench.round(pilots);
    expect([[...fleet], [...old].sort(), refused]).toEqual([
      [pilots[0]!.udid],
      [pilots[1]!.udid, pilots[2]!.udid].sort(),
      [],
    ]);
    await take('back-done');
  });

  await test.step('a map somebody else changed holds everything up, and is set again', async () => {
    const { ask } = await import('../servers/haproxy');
    await ask(bench.proxies[1]!.socket, `add map ${bench.proxies[1]!.path('map')} ${bench.devices.at(-1)!.udid} fleet`);
    await frame.more('Waves', 'Ask where devices go');
    await expect(page.getByText(/would lead devices elsewhere|leads 1 other device/).first()).toBeVisible();
    await take('doubt');
    await frame.more('Waves', 'Set the routes again…');
    const dialog = frame.dialog('Set the routes again');
    await dialog.getByLabel('Type set to confirm').fill('set');
    await frame.working(() => dialog.getByRole('button', { name: /^Lead / }).click());
    await expect.poll(async () => (await frame.state()).waves.routes?.problems).toEqual([]);
  });

  await test.step('the configuration, saved and taken by HAProxy', async () => {
    await waves.view('HAProxy');
    const out = join(folder, 'haproxy.cfg');
    await expect(page.getByRole('region', { name: 'the configuration', exact: true })).toContainText('tune.bufsize');
    await take('haproxy');
    await app.answerDialogs(out);
    await frame.button('Save…').click();
    await expect.poll(() => readFileSync(out, { encoding: 'utf8', flag: 'a+' })).toContain('frontend devices');
    const text = readFileSync(out, 'utf8').replace(/crt \S+/, `crt ${bench.proxies[0]!.path('tls.pem')}`);
    expect(await bench.proxies[0]!.check(text.replace(':443 ', ':24443 '))).toBe('');
  });

  await test.step('the journal tells of it', async () => {
    await frame.go('Journal');
    await expect(page.getByRole('navigation', { name: 'Journals' })).toContainText(/wave/i);
  });
});
