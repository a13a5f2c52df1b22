/** Every screen with the sample, light and dark: pictures for the README, and nothing serious that axe finds. */
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { seriousViolations } from './axe';
import { expect, root, test } from './fixture';
import { WaysRoute } from './screens/ways';

/** SLIPWAY_PICTURES=1 renews the pictures the README shows; else they are made to be looked at. */
const FOLDER =
  process.env['SLIPWAY_PICTURES'] === '1' ? join(root, 'docs', 'pictures') : join(root, 'test-results', 'gallery');

/** Paths of the machine that made a picture say nothing to whoever looks at it. */
async function hideMachine(page: Page): Promise<void> {
  await page.evaluate(
    ([checkout, temporary]) => {
      const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      for (let node = texts.nextNode(); node !== null; node = texts.nextNode()) {
        const text = node.nodeValue ?? '';
        const shown = text
          .replaceAll(`${checkout}/resources`, '/opt/slipway')
          .replace(new RegExp(`${temporary}/[^/]+`, 'g'), '~');
        if (shown !== text) node.nodeValue = shown;
      }
    },
    [root, tmpdir()] as const,
  );
}

/** As for the README: the sample's story as far as it goes without a server. */
const SCREENS = [
  { name: 'source', hash: '#/source' },
  { name: 'certificates', hash: '#/certificates' },
  { name: 'fleet', hash: '#/fleet' },
  { name: 'checks', hash: '#/checks' },
  { name: 'plan', hash: '#/plan' },
  { name: 'plan-cautions', hash: '#/plan?view=cautions' },
  { name: 'plan-sql', hash: '#/plan?view=sql' },
  { name: 'apply', hash: '#/apply' },
  { name: 'devices', hash: '#/devices' },
  { name: 'journal', hash: '#/journal' },
] as const;

for (const colorScheme of ['light', 'dark'] as const) {
  test(`every screen in ${colorScheme}`, async ({ app }) => {
    test.setTimeout(240_000);
    mkdirSync(FOLDER, { recursive: true });
    const { page, screens } = app;
    const { frame, welcome, checks, plan, devices } = screens;
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.setViewportSize({ width: 1280, height: 720 });
    const taken: string[] = [];
    const take = async (name: string): Promise<void> => {
      // What is still asked for is waited for; fonts and layout come with the next frame.
      await expect(page.locator('[aria-busy="true"]')).toHaveCount(0);
      await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(overflow, `${name} is wider than the window`).toBeLessThanOrEqual(0);
      // The stand-in's pictures are the ones that are kept: the same on every machine.
      await hideMachine(page);
      if (app.host === 'stand-in') await page.screenshot({ path: join(FOLDER, `${name}-${colorScheme}.png`) });
      expect.soft(await seriousViolations(page), name).toEqual([]);
      taken.push(name);
    };

    await expect(welcome.sample).toBeVisible();
    await take('welcome');
    await frame.working(() => welcome.sample.click());
    await frame.go('Fleet');
    await frame.working(() => frame.button('Connect to the pretend Fleet').click());
    await checks.run();
    await plan.make();
    for (const { name, hash } of SCREENS) {
      await page.evaluate((to) => {
        window.location.hash = to;
      }, hash);
      await page.mouse.move(640, 719);
      if (name === 'devices' || name === 'plan') await devices.rows.first().waitFor();
      if (name === 'plan-sql') {
        // The statements themselves, below what the file says about itself.
        await plan.search.fill('‹push magic');
        await expect(plan.sql.getByRole('status')).toContainText('matching line');
        await plan.search.press('Enter');
        await expect(plan.sql.getByRole('region', { name: 'The whole line' })).toContainText('‹push magic');
      }
      await take(name);
    }
    await frame.go('Devices');
    await devices.openDevice('Finance MacBook');
    await take('device');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+k');
    await expect(page.getByRole('dialog')).toBeVisible();
    await take('palette');
    await page.keyboard.press('Escape');
    await frame.title.click();
    await page.keyboard.press('?');
    await expect(page.getByRole('dialog')).toBeVisible();
    await take('shortcuts');
    await page.keyboard.press('Escape');
    await page.evaluate(() => {
      window.location.hash = '#/source?other';
    });
    const ways = new WaysRoute(frame);
    await ways.choose('NanoMDM', 'MySQL');
    await ways.field('Host').fill('db.example.org');
    await ways.field('Database').fill('nanomdm');
    await ways.field('Account').fill('slipway_reader');
    await ways.field('Depot').fill('/srv/scep/depot');
    await page.getByRole('banner').click();
    await take('ways-in');
    expect(taken).toHaveLength(SCREENS.length + 5);
  });
}
