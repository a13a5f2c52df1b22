/** What no page may do, whatever happens in the window. */
import { app, session, type WebContents } from 'electron';
import { isPageUrl } from './page-protocol';

/** No permission, no download, no request off our own origin. */
export function guardSession(): void {
  const { defaultSession } = session;
  // Asking and checking are two questions in Chromium; both get the same answer.
  defaultSession.setPermissionRequestHandler((_contents, _permission, answer) => {
    answer(false);
  });
  defaultSession.setPermissionCheckHandler(() => false);
  defaultSession.setDevicePermissionHandler(() => false);
  defaultSession.on('will-download', (event) => {
    event.preventDefault();
  });
  // The content security policy forbids it already; this holds even if a page comes without one.
  defaultSession.webRequest.onBeforeRequest((details, answer) => {
    answer({ cancel: !isAllowedRequest(details.url) });
  });
}

/** No other page, no popup, no embedded view: in every WebContents, also those not made yet. */
export function guardContents(): void {
  app.on('web-contents-created', (_event, contents) => {
    refuseLeaving(contents);
    contents.setWindowOpenHandler(() => ({ action: 'deny' }));
    contents.on('will-attach-webview', (event) => {
      event.preventDefault();
    });
  });
}

function refuseLeaving(contents: WebContents): void {
  contents.on('will-frame-navigate', (event) => {
    if (!event.isMainFrame || !isPageUrl(event.url)) event.preventDefault();
  });
  contents.on('will-redirect', (event) => {
    event.preventDefault();
  });
}

function isAllowedRequest(url: string): boolean {
  // Developer tools are Chromium's own pages and exist only in an unpackaged app.
  return isPageUrl(url) || url.startsWith('data:') || (!app.isPackaged && url.startsWith('devtools:'));
}
