/** The one window. */
import { join } from 'node:path';
import { app, BrowserWindow, nativeTheme } from 'electron';
import { PAGE_URL } from './page-protocol';

let window: BrowserWindow | null = null;

export async function openWindow(): Promise<void> {
  const opened = new BrowserWindow({
    title: 'Slipway',
    width: 1280,
    height: 800,
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
  opened.once('ready-to-show', () => {
    opened.show();
  });
  opened.on('closed', () => {
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
