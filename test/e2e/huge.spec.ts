/** A hundred thousand devices: search answers while typing, scrolling shows rows, memory stays small. Measured and printed. */
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { writeMicroMdm } from '../micromdm-writer';
import { expect, root, test } from './fixture';
import { opened } from './way';

const DEVICES = 100_000;
/** What is aimed at. The bound that fails is five times it: the machines that test are shared, and say so in noise. */
const PAINT_MS = 100;
const SHARED = 5;
const HEAP_MB = 300;

/** Made once (15 s) and kept. */
function hugeSource(): string {
  const folder = join(root, '.cache', 'e2e');
  const path = join(folder, `devices-${DEVICES}.db`);
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  writeMicroMdm(`${path}.part`, { devices: DEVICES, seed: 'huge', sign: 'fake', unlockTokenBytes: 32 });
  renameSync(`${path}.part`, path);
  return path;
}

test('100,000 devices: search, scroll, memory', async ({ app, folder }) => {
  test.setTimeout(600_000);
  const { page, screens } = app;
  const { devices } = screens;
  await page.setViewportSize({ width: 1440, height: 900 });
  const began = performance.now();
  const state = await opened(app, folder, hugeSource());
  console.log(`read ${state.source?.counts.devices} devices in ${((performance.now() - began) / 1000).toFixed(1)} s`);
  expect(state.failures).toEqual({});
  expect(state.source?.counts.devices).toBeGreaterThan(DEVICES * 0.9);
  await devices.open();

  await test.step('from a key to the painted rows', async () => {
    // Measured inside the page: from the key's event to the frame after the rows of its list are there.
    await page.evaluate(() => {
      const grid = document.querySelector('[role=grid]');
      const times: number[] = [];
      Object.assign(window, { keyTimes: times });
      window.addEventListener(
        'input',
        () => {
          const at = performance.now();
          const generation = grid?.getAttribute('aria-rowcount');
          const look = (): void => {
            const settled = grid?.getAttribute('aria-busy') !== 'true';
            const other = grid?.getAttribute('aria-rowcount') !== generation;
            if (settled && (other || performance.now() - at > 1000)) {
              requestAnimationFrame(() => times.push(performance.now() - at));
            } else requestAnimationFrame(look);
          };
          look();
        },
        { capture: true },
      );
    });
    await devices.search.focus();
    const measured = async (): Promise<number[]> =>
      page.evaluate(() => (window as unknown as { keyTimes: number[] }).keyTimes);
    let keys = 0;
    for (const word of ['mac 3f', 'ipad k9', 'zz7']) {
      for (const key of word) {
        // A blank at the end changes nothing, so nothing could be measured.
        const counts = key !== ' ';
        await page.keyboard.press(key === ' ' ? 'Space' : key);
        if (counts) keys += 1;
        await expect.poll(async () => (await measured()).length, { timeout: 20_000 }).toBeGreaterThanOrEqual(keys);
        if (!counts) keys = (await measured()).length;
      }
      await devices.search.fill('');
      keys += 1;
      await expect.poll(async () => (await measured()).length, { timeout: 20_000 }).toBeGreaterThanOrEqual(keys);
      keys = (await measured()).length;
    }
    const times = (await measured()).filter((time) => time < 1000).sort((one, other) => one - other);
    const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? NaN;
    console.log(
      `key to painted rows, ${times.length} keys: median ${at(0.5).toFixed(0)} ms, p95 ${at(0.95).toFixed(0)} ms, ` +
        `longest ${at(1).toFixed(0)} ms (aimed at ${PAINT_MS} ms)`,
    );
    expect(at(0.5)).toBeLessThan(PAINT_MS * SHARED);
  });

  await test.step('from one end to the other without blank rows', async () => {
    const seen = await page.evaluate(async () => {
      const room = document.querySelector<HTMLElement>('.grid-scroll');
      if (room === null) throw new Error('no table');
      const frame = (): Promise<number> => new Promise((resolve) => requestAnimationFrame(resolve));
      let frames = 0;
      let blank = 0;
      let late = 0;
      let fewest = Infinity;
      const look = (): void => {
        frames += 1;
        const box = room.getBoundingClientRect();
        const rows = [...room.querySelectorAll('[role=row]')].filter((row) => {
          const { top, bottom } = row.getBoundingClientRect();
          return bottom > box.top && top < box.bottom;
        });
        fewest = Math.min(fewest, rows.length);
        if (rows.length < Math.floor(box.height / 28) - 1) blank += 1;
        if (rows.some((row) => row.querySelector('.grid-late') !== null)) late += 1;
      };
      // As a wheel turns: a thousand pixels a frame, then in leaps to the very end.
      for (let top = 0; top < 120_000; top += 1000) {
        room.scrollTop = top;
        await frame();
        look();
      }
      const most = room.scrollHeight - room.clientHeight;
      for (let step = 1; step <= 60; step += 1) {
        room.scrollTop = (most * step) / 60;
        await frame();
        look();
        await frame();
        look();
      }
      return { frames, blank, late, fewest, end: room.scrollTop >= most - 1 };
    });
    console.log(
      `scrolled end to end in ${seen.frames} frames: ${seen.blank} with a gap, ${seen.late} with rows on their way, ` +
        `never fewer than ${seen.fewest} rows`,
    );
    expect(seen.end).toBe(true);
    expect(seen.blank).toBe(0);
    const last = devices.grid.locator(`[aria-rowindex="${(await devices.grid.getAttribute('aria-rowcount')) ?? ''}"]`);
    await expect(last).toBeVisible();
    await expect(last).not.toContainText('on its way');
  });

  await test.step('memory', async () => {
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('HeapProfiler.enable');
    await devtools.send('HeapProfiler.collectGarbage');
    const { usedSize, totalSize } = await devtools.send('Runtime.getHeapUsage');
    const mb = (bytes: number): number => bytes / 1024 / 1024;
    console.log(`renderer heap ${mb(usedSize).toFixed(0)} MB used of ${mb(totalSize).toFixed(0)} MB`);
    expect(mb(usedSize)).toBeLessThan(HEAP_MB);
    await devtools.detach();
  });
});
