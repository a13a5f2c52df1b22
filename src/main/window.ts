/** The one window. */
import { join } from 'node:path';
import { app, BrowserWindow, nativeTheme } from 'electron';
import { appFolders } from './app-folders';
import { PAGE_URL } from './page-protocol';
import { keepPlace, rememberedPlace } from './window-place';

let window: BrowserWindow | null = null;
let agreed = false;

/** What is asked before the window closes; null from it closes at once. */
let asking: () => (() => Promise<boolean>) | null = () => null;

/** Says what must be asked before the window may close: work that should not be left unseen. */
export function askBeforeClosing(ask: typeof asking): void {
  asking = ask;
}

export async function openWindow(): Promise<void> {
  const { bounds, maximized } = rememberedPlace();
  const opened = new BrowserWindow({
    title: 'Slipway',
    ...(process.platform === 'linux' ? { icon: appFolders.icon() } : {}),
    ...bounds,
    minWidth: 960,
    minHeight: 600,
    show: false,
    autoHideMenuBar: true,
    // What is seen before the page has drawn; the same two colours as the page's own background.
    backgroundColor: nativeTheme.shouldUseDarkColors ? '#16181c' : '#f7f7f8',
    webPreferences: {
      preload: join(import.meta.dirname, '..', 'preload', 'index.cjs'),
      // Electron's defaults, written out: nobody should have to know them to see that the window is closed.
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      webSecurity: true,
      webviewTag: false,
      spellcheck: false,
      devTools: !app.isPackaged,
    },
  });
  window = opened;
  if (maximized) opened.maximize();
  keepPlace(opened);
  opened.once('ready-to-show', () => {
    opened.show();
  });
  opened.on('close', (event) => {
    const ask = agreed ? null : asking();
    if (ask === null) return;
    event.preventDefault();
    void ask().then((yes) => {
      if (!yes || opened.isDestroyed()) return;
      agreed = true;
      opened.close();
    });
  });
  opened.on('closed', () => {
    agreed = false;
    window = null;
  });
  await opened.loadURL(PAGE_URL);
}

/** Brings the window to the front, or opens it again where the app outlives its window (macOS). */
export function showWindow(): void {
  if (window === null) {
    void openWindow();
    return;
  }
  if (window.isMinimized()) window.restore();
  window.focus();
}
