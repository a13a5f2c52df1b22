/** Pictures of what there is so far, to be looked at; and axe on each of them. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import { expect, test } from '@playwright/test';
import type { Scene } from './fake-state';
import { openRenderer, root } from './harness';

const folder = join(root, 'test-results', 'pictures');
mkdirSync(folder, { recursive: true });

interface Shot {
  readonly name: string;
  readonly scene: Scene;
  readonly hash?: string;
  readonly keys?: readonly string[];
}

const SHOTS: readonly Shot[] = [
  { name: 'welcome', scene: 'welcome' },
  { name: 'first-time', scene: 'first-time' },
  { name: 'devices-empty', scene: 'empty', hash: '#/devices' },
  { name: 'devices-sample', scene: 'sample', hash: '#/devices' },
  { name: 'devices-huge', scene: 'huge', hash: '#/devices' },
  {
    name: 'devices-drawer',
    scene: 'huge',
    hash: '#/devices?action=refresh',
    keys: ['/', 'ArrowDown', 'ArrowDown', 'Enter'],
  },
  {
    name: 'devices-selected',
    scene: 'huge',
    hash: '#/devices?verdict=caution',
    keys: ['/', 'ArrowDown', 'Shift+ArrowDown', 'Shift+ArrowDown', 'Shift+ArrowDown'],
  },
  { name: 'devices-nothing', scene: 'huge', hash: '#/devices?q=nobody+is+called+so' },
  { name: 'devices-failing', scene: 'failing', hash: '#/devices' },
  { name: 'watched', scene: 'watched', hash: '#/devices?sort=-contactFleet' },
  {
    name: 'watched-drawer',
    scene: 'watched',
    hash: '#/devices?state=migrated&attention=no-host',
    keys: ['/', 'ArrowDown', 'Enter'],
  },
  { name: 'watched-stragglers', scene: 'watch-failing', hash: '#/devices?state=waiting,stale,lost&sort=state' },
  { name: 'health', scene: 'watched', hash: '#/devices?view=health' },
  { name: 'busy', scene: 'busy', hash: '#/devices' },
  { name: 'palette', scene: 'huge', hash: '#/devices', keys: ['Control+k', 'l', 'i', 'b', 'r'] },
  { name: 'keys', scene: 'huge', hash: '#/devices', keys: ['?'] },
];

for (const { name, scene, hash, keys = [] } of SHOTS) {
  for (const scheme of ['light', 'dark'] as const) {
    for (const [width, height] of [
      [1280, 720],
      [2560, 1440],
    ] as const) {
      test(`${name} ${scheme} ${width}`, async ({ browser }) => {
        const { page, complaints } = await openRenderer(browser, { scene, hash: hash ?? '', scheme, width, height });
        await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
        if (hash?.includes('view=health') === true) {
          await page.getByRole('button', { name: 'Examine', exact: true }).click();
          await expect(page.getByText(/findings?\. Examined/)).toBeVisible();
        } else if (hash?.startsWith('#/devices') === true && scene !== 'empty')
          await expect(page.getByRole('grid')).toBeVisible();
        for (const key of keys) await page.keyboard.press(key);
        await page.waitForTimeout(500);
        await page.screenshot({ path: join(folder, `${name}-${scheme}-${width}.png`) });
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        expect(overflow).toBeLessThanOrEqual(0);
        if (width === 1280) {
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
