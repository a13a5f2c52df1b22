/** The window comes back where it was, unless no screen shows that place any more. */
import './home';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { appFolders } from '../../src/main/app-folders';
import { keepPlace, rememberedPlace } from '../../src/main/window-place';
import { setMenu } from '../../src/main/menu';
import { app, BrowserWindow, Menu } from '../shell/electron';

beforeAll(() => {
  app.isReadyNow = true;
});

function remember(place: unknown): void {
  mkdirSync(dirname(appFolders.windowPlace()), { recursive: true });
  writeFileSync(appFolders.windowPlace(), typeof place === 'string' ? place : JSON.stringify(place));
}

describe('the window’s place', () => {
  it('is kept when the window is moved, and found again', async () => {
    const window = new BrowserWindow({ width: 1280, height: 800 });
    keepPlace(window as never);
    window.setBounds({ x: 40, y: 60, width: 1500, height: 900 });
    await sleep(600);
    expect(rememberedPlace()).toEqual({ bounds: { x: 40, y: 60, width: 1500, height: 900 }, maximized: false });
    window.maximize();
    await sleep(600);
    expect(rememberedPlace().maximized).toBe(true);
  });

  it.each([
    ['left of every screen', { x: -5_000, y: 0, width: 1_000, height: 700, maximized: false }],
    ['below every screen', { x: 0, y: 4_000, width: 1_000, height: 700, maximized: false }],
    ['with its title above the screen', { x: 0, y: -300, width: 1_000, height: 700, maximized: false }],
  ])('is forgotten but for its size when it is %s', (_where, place) => {
    remember(place);
    expect(rememberedPlace().bounds).toEqual({ width: 1_000, height: 700 });
  });

  it.each(['', 'no JSON', '{}', { x: 0, y: 0, width: 1, height: 1, maximized: false }])(
    'is the usual one for %j',
    (place) => {
      remember(place);
      expect(rememberedPlace()).toEqual({ bounds: { width: 1280, height: 800 }, maximized: false });
    },
  );
});

it('has a menu of the platform’s own roles only', () => {
  setMenu();
  const roles = Menu.current?.items.flatMap(({ role, submenu = [] }) => [role, ...submenu.map((item) => item.role)]);
  expect(roles).not.toContain('toggleDevTools');
  expect(roles).not.toContain('reload');
  expect(roles).toContain('editMenu');
});
