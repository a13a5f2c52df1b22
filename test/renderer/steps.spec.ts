/** Pictures of the steps in each of their states, to be looked at; and axe on each of them. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import { expect, test, type Page } from '@playwright/test';
import type { AppState } from '../../src/contract/state';
import { NOW } from './device-crowd';
import type { Scene } from './fake-state';
import { openRenderer, root } from './harness';
import * as scenes from './step-scenes';

const folder = join(root, 'test-results', 'pictures');
mkdirSync(folder, { recursive: true });

interface Shot {
  readonly name: string;
  readonly hash: string;
  readonly scene?: Scene;
  /** Pushed over the scene, from what it has. */
  readonly part?: (state: AppState) => Partial<AppState>;
  readonly act?: (page: Page) => Promise<void>;
}

const press = (name: string | RegExp) => async (page: Page) => {
  await page.getByRole('button', { name }).first().click();
};
const planOf = (state: AppState): NonNullable<AppState['plan']> => state.plan as NonNullable<AppState['plan']>;

const SHOTS: readonly Shot[] = [
  { name: 'source-empty', hash: '#/source', scene: 'empty' },
  { name: 'source', hash: '#/source' },
  { name: 'source-sample', hash: '#/source', scene: 'sample' },
  { name: 'source-other', hash: '#/source?other' },
  {
    name: 'source-reading',
    hash: '#/source',
    part: () => scenes.running('read', 'reading the source', { done: 51_200, total: 100_000, canPause: false }),
  },
  { name: 'source-failed', hash: '#/source', scene: 'empty', part: () => scenes.SOURCE_FAILED },
  { name: 'certificates', hash: '#/certificates' },
  { name: 'certificates-empty', hash: '#/certificates', scene: 'empty' },
  { name: 'certificates-fleet-empty', hash: '#/certificates?view=fleet', scene: 'empty' },
  { name: 'certificates-renewal-empty', hash: '#/certificates?view=renewal', scene: 'empty' },
  { name: 'certificates-issue-empty', hash: '#/certificates?view=issue', scene: 'empty' },
  {
    name: 'certificates-wrong',
    hash: '#/certificates',
    part: ({ source }) => ({ source: source === null ? null : { ...source, ...scenes.EXPIRING } }),
  },
  { name: 'fleet-empty', hash: '#/fleet', scene: 'empty', act: press('Connect') },
  { name: 'fleet', hash: '#/fleet' },
  { name: 'fleet-grants', hash: '#/fleet', part: ({ fleet }) => (fleet === null ? {} : scenes.grants(fleet)) },
  { name: 'fleet-failed', hash: '#/fleet', part: () => scenes.FLEET_FAILED },
  {
    name: 'fleet-certificate',
    hash: '#/fleet',
    part: () => ({ fleet: null }),
    act: async (page) => {
      await page.getByRole('radio', { name: /not its name/ }).click();
      await page.getByRole('button', { name: 'Show the server’s certificate' }).click();
      await page.getByText('Not trusted as it is').scrollIntoViewIfNeeded();
    },
  },
  {
    name: 'fleet-plaintext',
    hash: '#/fleet',
    part: () => ({ fleet: null }),
    act: async (page) => {
      await page.getByRole('radio', { name: /Do not encrypt/ }).click();
      await page.getByText('Everything between').scrollIntoViewIfNeeded();
    },
  },
  { name: 'checks-empty', hash: '#/checks', scene: 'empty' },
  { name: 'checks', hash: '#/checks', part: () => scenes.checks() },
  { name: 'checks-stale', hash: '#/checks', part: () => scenes.checks(true) },
  {
    name: 'checks-running',
    hash: '#/checks',
    part: () => ({ checks: null, ...scenes.running('check', 'running the checks', { done: 14, total: 31 }) }),
  },
  {
    name: 'checks-acknowledge',
    hash: '#/checks',
    part: () => scenes.checks(),
    act: async (page) => {
      await page.getByRole('button', { name: /^Acknowledge Fleet speaks/ }).click();
      await page.getByRole('button', { name: 'Acknowledge it' }).click();
    },
  },
  { name: 'plan-empty', hash: '#/plan', scene: 'empty' },
  { name: 'plan', hash: '#/plan', part: (state) => scenes.cautions(planOf(state)) },
  {
    name: 'plan-filtered',
    hash: '#/plan?action=refresh',
    act: async (page) => {
      await page.getByRole('grid').focus();
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Enter');
    },
  },
  {
    name: 'plan-stale',
    hash: '#/plan',
    part: (state) => ({
      plan: { ...planOf(state), stale: 'The source was read again since, and devices had changed in it.' },
    }),
  },
  {
    name: 'plan-making',
    hash: '#/plan',
    part: () => ({ plan: null, ...scenes.running('plan', 'comparing with Fleet') }),
  },
  { name: 'plan-cautions', hash: '#/plan?view=cautions', part: (state) => scenes.cautions(planOf(state)) },
  {
    name: 'plan-sql',
    hash: '#/plan?view=sql',
    act: async (page) => {
      await page.getByRole('searchbox', { name: 'Search the statements' }).fill('unlock token');
      await page.keyboard.press('Enter');
      await page.keyboard.press('Enter');
    },
  },
  { name: 'apply-empty', hash: '#/apply', scene: 'empty' },
  { name: 'apply-blocked', hash: '#/apply', part: () => scenes.checks() },
  { name: 'apply', hash: '#/apply', part: () => scenes.GREEN },
  { name: 'apply-rehearsed', hash: '#/apply', part: () => ({ ...scenes.GREEN, ...scenes.REHEARSED }) },
  {
    name: 'apply-confirm',
    hash: '#/apply',
    part: () => ({ ...scenes.GREEN, ...scenes.REHEARSED }),
    act: async (page) => {
      await page
        .locator('header')
        .getByRole('button', { name: /^Write / })
        .click();
      await page.getByRole('textbox').last().fill('fleet_prod');
    },
  },
  {
    name: 'apply-running',
    hash: '#/apply',
    part: () => ({ ...scenes.GREEN, ...scenes.REHEARSED, ...scenes.running('apply', 'writing to fleet_production') }),
  },
  { name: 'apply-stopped', hash: '#/apply', part: () => ({ ...scenes.GREEN, ...scenes.STOPPED }) },
  { name: 'apply-done', hash: '#/apply', part: () => ({ ...scenes.GREEN, ...scenes.APPLIED }) },
  { name: 'apply-differs', hash: '#/apply', part: () => ({ ...scenes.GREEN, ...scenes.DIFFERS }) },
  { name: 'apply-undone', hash: '#/apply', part: () => ({ ...scenes.GREEN, ...scenes.UNDONE }) },
  {
    name: 'apply-undo-confirm',
    hash: '#/apply',
    part: () => ({ ...scenes.GREEN, ...scenes.APPLIED }),
    act: press('Take it back…'),
  },
  { name: 'journal-empty', hash: '#/journal', scene: 'empty' },
  {
    name: 'journal',
    hash: '#/journal',
    act: async (page) => {
      await page.getByRole('list', { name: /entries/ }).focus();
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('ArrowDown');
    },
  },
  { name: 'journal-copies', hash: '#/journal', act: press(/^Delete them/) },
];

const only = process.env['SHOT'];

for (const { name, scene = 'huge', hash, part, act } of SHOTS.filter(
  (shot) => only === undefined || new RegExp(only).test(shot.name),
)) {
  for (const scheme of ['light', 'dark'] as const) {
    for (const [width, height] of [
      [1280, 720],
      [1920, 1080],
    ] as const) {
      if (process.env['SIZES'] === 'one' && (width === 1920) !== (scheme === 'dark')) continue;
      test(`${name} ${scheme} ${width}`, async ({ browser }) => {
        const { page, complaints } = await openRenderer(browser, {
          scene,
          hash,
          scheme,
          width,
          height,
          devices: 20_000,
        });
        await page.clock.setFixedTime(NOW);
        await page.reload();
        await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
        if (part !== undefined) {
          const state = await page.evaluate(async () => {
            const reply = await window.slipway.call('app.state', undefined);
            return reply.ok ? reply.value : null;
          });
          await page.evaluate(
            (pushed) => {
              window.fake.push(pushed);
            },
            part(state as AppState),
          );
        }
        await act?.(page);
        await page.waitForTimeout(300);
        await page.screenshot({ path: join(folder, `${name}-${scheme}-${width}.png`) });
        if (width === 1280 && process.env['WHOLE'] !== undefined) await wholePicture(page, `${name}-${scheme}-whole`);
        const overflow = await page.evaluate(() => {
          const main = document.querySelector('main');
          return Math.max(
            document.documentElement.scrollWidth - window.innerWidth,
            main === null ? 0 : main.scrollWidth - main.clientWidth,
          );
        });
        expect(overflow).toBeLessThanOrEqual(0);
        if (width === 1280 || process.env['SIZES'] === 'one') {
          const { violations } = await new AxeBuilder({ page }).setLegacyMode().analyze();
          expect(
            violations.map(({ id, nodes }) => [
              id,
              nodes.map(({ target, failureSummary }) => [target, failureSummary]),
            ]),
          ).toEqual([]);
        }
        expect(complaints).toEqual([]);
        await page.close();
      });
    }
  }
}

/** The whole scrolled content, by making the window tall enough for it. */
async function wholePicture(page: Page, name: string): Promise<void> {
  const height = await page.evaluate(() => {
    const main = document.querySelector('main');
    return main === null ? 0 : window.innerHeight + main.scrollHeight - main.clientHeight;
  });
  await page.setViewportSize({ width: 1280, height });
  await page.waitForTimeout(150);
  await page.screenshot({ path: join(folder, `${name}.png`) });
  await page.setViewportSize({ width: 1280, height: 720 });
}
