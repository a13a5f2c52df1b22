/**
 * The stand-in's other half: starts the built app on Node with `electron` mapped to ./electron, and gives it windows in
 * Debian's Chromium, driven over a pipe. Its face is that of Playwright's ElectronApplication, as far as specs need it.
 *
 * Chromium knows no `app:` scheme, so a custom address is shown to it as https on a name that cannot exist, and
 * translated back wherever the app sees an address.
 */
import { fork } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { randomUUID } from 'node:crypto';
import { chromium } from 'playwright-core';
import type { BrowserContext, CDPSession, Frame, Page, Request, Route } from 'playwright-core';
import { connect, type AppMethods, type HostMethods } from './link';
import { BINDING, pageWorldScript, PRELOAD_WORLD, preloadWorldScript, RECEIVER } from './worlds';
import type { FromPreload, ToPreload } from './worlds';

export interface ShellOptions {
  /** The checkout: its package.json names the main bundle. */
  readonly root: string;
  /** The built stand-in for the `electron` module. */
  readonly electron: string;
  /** A window on the screen instead of none. */
  readonly visible?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** Where the app keeps what is its own; a folder that goes with the run unless given. */
  readonly userData?: string;
}

export interface ShellApp {
  firstWindow(): Promise<Page>;
  windows(): Page[];
  /** Runs a function in the main process, with the `electron` module as its first argument. */
  evaluate<R, A>(run: (electron: never, arg: A) => R | Promise<R>, arg: A): Promise<R>;
  close(): Promise<void>;
  /** The exit code of the main process, once it has ended. */
  readonly exited: Promise<number>;
}

interface Window {
  readonly page: Page;
  readonly devtools: CDPSession;
  preloadContext: number | null;
}

/** Debian's Chromium, or whatever SLIPWAY_CHROMIUM names. */
export function findChromium(): string | null {
  const given = process.env['SLIPWAY_CHROMIUM'];
  if (given !== undefined && given !== '') return given;
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const names = ['chromium', 'chromium-browser', 'google-chrome'];
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find((file) => existsSync(file)) ?? null;
}

export async function launchShell(options: ShellOptions): Promise<ShellApp> {
  const scratch = mkdtempSync(join(tmpdir(), 'slipway-shell-'));
  const context = await openChromium(scratch, options.visible === true);
  const windows = new Map<number, Window>();
  const addresses = new Addresses();
  const token = randomUUID();
  let expectedPages = 0;
  let announceFirst: (page: Page) => void;
  const first = new Promise<Page>((resolve) => (announceFirst = resolve));

  const manifest = JSON.parse(readFileSync(join(options.root, 'package.json'), 'utf8')) as { main: string };
  const child = fork(join(options.root, manifest.main), {
    cwd: options.root,
    serialization: 'advanced',
    execArgv: ['--import', mapElectron(options.electron)],
    env: {
      ...process.env,
      ...options.env,
      SLIPWAY_SHELL_APP: options.root,
      SLIPWAY_SHELL_USER_DATA: options.userData ?? join(scratch, 'user-data'),
      ...(options.visible === true ? { SLIPWAY_SHELL_VISIBLE: '1' } : {}),
    },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });

  const exited = new Promise<number>((resolve) => {
    child.once('exit', (code) => {
      void cleanUp().then(() => {
        resolve(code ?? 1);
      });
    });
  });

  async function cleanUp(): Promise<void> {
    await context.close().catch(() => undefined);
    await context.browser()?.close();
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
  }

  const main = connect<HostMethods, AppMethods>(
    {
      send: (message) => {
        // The app may end at any moment; what it can no longer hear needs no answer.
        if (child.connected) child.send(message, () => undefined);
      },
      onMessage: (listener) => child.on('message', listener),
    },
    {
      declareSchemes(schemes) {
        addresses.schemes = schemes;
      },
      async openWindow({ id, width, height, preload }) {
        expectedPages += 1;
        // A visible Chromium starts with its one bare window; that becomes the app's first.
        const unused = options.visible === true && windows.size === 0 ? context.pages()[0] : undefined;
        if (unused !== undefined) expectedPages -= 1;
        const page = unused ?? (await context.newPage());
        if (options.visible !== true) await page.setViewportSize({ width, height });
        const devtools = await context.newCDPSession(page);
        const window: Window = { page, devtools, preloadContext: null };
        windows.set(id, window);
        await prepareWorlds(id, window, preload);
        page.on('close', () => {
          windows.delete(id);
          void main('windowClosed', id);
        });
        page.on('download', (download) => void main('download', id, addresses.real(download.url())));
      },
      async loadUrl(id, url) {
        const window = windows.get(id);
        if (window === undefined) return;
        await window.page.goto(addresses.shown(url));
        announceFirst(window.page);
      },
      async bringToFront(id) {
        if (options.visible === true) await windows.get(id)?.page.bringToFront();
      },
      async printToPdf(id) {
        const window = windows.get(id);
        if (window === undefined) throw new Error('no such window');
        const { data } = await window.devtools.send('Page.printToPDF', { printBackground: true });
        return Buffer.from(data, 'base64');
      },
      async closeWindow(id) {
        await windows.get(id)?.page.close();
      },
      async emit(id, channel, args) {
        const window = windows.get(id);
        if (window !== undefined) await tellPreload(window, { type: 'event', channel, args });
      },
      async askPath(id, message) {
        const page = windows.get(id)?.page;
        if (page === undefined) return null;
        // Somebody who listens keeps Playwright from answering in the person's place.
        page.once('dialog', () => undefined);
        return page.evaluate((text) => window.prompt(text), message);
      },
      async knowFiles(id, paths) {
        const window = windows.get(id);
        if (window !== undefined) await tellPreload(window, { type: 'files', paths });
      },
    },
  );

  await context.route('**/*', (route) => answerRequest(route));
  context.on('page', (page) => {
    if (expectedPages > 0) expectedPages -= 1;
    else void refusePopup(page);
  });
  await main('ready');

  /** The real preload bundle in a world of its own, as context isolation does it. */
  async function prepareWorlds(id: number, window: Window, preload: string | null): Promise<void> {
    const { devtools } = window;
    await devtools.send('Page.enable');
    await devtools.send('Runtime.enable');
    if (preload === null) return;
    devtools.on('Runtime.executionContextCreated', ({ context: created }) => {
      if (created.name === PRELOAD_WORLD) window.preloadContext ??= created.id;
    });
    devtools.on('Runtime.executionContextDestroyed', ({ executionContextId }) => {
      if (window.preloadContext === executionContextId) window.preloadContext = null;
    });
    devtools.on('Runtime.executionContextsCleared', () => {
      window.preloadContext = null;
    });
    devtools.on('Runtime.bindingCalled', ({ name, payload, executionContextId }) => {
      if (name !== BINDING) return;
      // The top frame's world is the only one a preload runs in; see preloadWorldScript.
      window.preloadContext = executionContextId;
      void passOn(id, window, JSON.parse(payload) as FromPreload);
    });
    await devtools.send('Runtime.addBinding', { name: BINDING, executionContextName: PRELOAD_WORLD });
    await devtools.send('Page.addScriptToEvaluateOnNewDocument', { source: pageWorldScript(token) });
    await devtools.send('Page.addScriptToEvaluateOnNewDocument', {
      source: preloadWorldScript(token, readFileSync(preload, 'utf8')),
      worldName: PRELOAD_WORLD,
    });
  }

  async function passOn(id: number, window: Window, message: FromPreload): Promise<void> {
    const url = addresses.real(window.page.url());
    if (message.type === 'send') {
      await main('send', id, url, message.channel, message.args);
      return;
    }
    const reply = await main('invoke', id, url, message.channel, message.args).then(
      (value) => ({ ok: true, value }),
      (error: unknown) => ({ ok: false, value: error instanceof Error ? error.message : String(error) }),
    );
    await tellPreload(window, { type: 'reply', id: message.id, ...reply });
  }

  async function tellPreload(window: Window, message: ToPreload): Promise<void> {
    if (window.preloadContext === null) return;
    const expression = `${RECEIVER}(${JSON.stringify(message)})`;
    // A page that went away in between has nobody left to tell.
    await window.devtools
      .send('Runtime.evaluate', { expression, contextId: window.preloadContext })
      .catch(() => undefined);
  }

  async function answerRequest(route: Route): Promise<void> {
    const request = route.request();
    const frame = frameOf(request);
    const [id] = [...windows].find(([, { page }]) => page === frame?.page()) ?? [];
    if (frame === null || id === undefined) {
      await route.abort('blockedbyclient').catch(() => undefined);
      return;
    }
    const verdict = await main('request', {
      window: id,
      url: addresses.real(request.url()),
      method: request.method(),
      headers: request.headers(),
      isNavigation: request.isNavigationRequest(),
      isMainFrame: frame.parentFrame() === null,
    });
    const done =
      verdict.kind === 'cancel'
        ? route.abort(request.isNavigationRequest() ? 'aborted' : 'blockedbyclient')
        : verdict.kind === 'network'
          ? route.continue()
          : route.fulfill({ status: verdict.status, headers: verdict.headers, body: Buffer.from(verdict.body) });
    await done.catch(() => undefined);
  }

  async function refusePopup(page: Page): Promise<void> {
    const opener = await page.opener();
    const [id] = [...windows].find(([, window]) => window.page === opener) ?? [0];
    await main('popup', id, addresses.real(page.url()));
    await page.close();
  }

  return {
    firstWindow: () =>
      Promise.race([
        first,
        exited.then((code) => {
          throw new Error(`The app ended with ${code} before it had a window.`);
        }),
      ]),
    windows: () => [...windows.values()].map(({ page }) => page),
    evaluate: async (run, arg) => (await main('evaluate', run.toString(), arg)) as never,
    async close() {
      void main('quit');
      const killed = setTimeout(() => child.kill('SIGKILL'), 5000);
      await exited;
      clearTimeout(killed);
    },
    exited,
  };
}

/** Null for the first request of a popup, which is sent before the popup has a frame. */
function frameOf(request: Request): Frame | null {
  try {
    return request.frame();
  } catch {
    return null;
  }
}

async function openChromium(scratch: string, visible: boolean): Promise<BrowserContext> {
  const executablePath = findChromium();
  if (executablePath === null) throw new Error('No Chromium found. On Debian: apt-get install chromium');
  // Chromium refuses to sandbox for root, and cannot in some containers. Everywhere else its sandbox stays on.
  if (process.getuid?.() !== 0) {
    try {
      return await openWith(executablePath, true, scratch, visible);
    } catch (error) {
      const [reason] = String(error).split('\n');
      console.warn(`Chromium would not start with its sandbox, so it starts without: ${reason ?? ''}`);
    }
  }
  return openWith(executablePath, false, scratch, visible);
}

async function openWith(
  executablePath: string,
  chromiumSandbox: boolean,
  scratch: string,
  visible: boolean,
): Promise<BrowserContext> {
  const launch = {
    executablePath,
    chromiumSandbox,
    // Whoever starts the app decides what a signal means; Chromium ends with its pipe in any case.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  };
  const quiet = { acceptDownloads: false, serviceWorkers: 'block' } as const;
  if (visible) {
    return chromium.launchPersistentContext(join(scratch, 'chromium'), {
      ...launch,
      ...quiet,
      headless: false,
      viewport: null,
      // A bare window without tabs and address; --test-type only keeps the bar about --no-sandbox away.
      ignoreDefaultArgs: ['about:blank'],
      args: ['--app=data:text/html,', '--window-size=1280,800', '--test-type'],
    });
  }
  const browser = await chromium.launch({ ...launch, headless: true });
  return browser.newContext(quiet);
}

/** A module hook, as a module of its own: `electron` is the stand-in, everything else is what it was. */
function mapElectron(file: string): string {
  const hook = `export const resolve = (name, context, next) =>
    name === 'electron' ? { url: ${JSON.stringify(pathToFileURL(file).href)}, shortCircuit: true } : next(name, context);`;
  const register = `import { register } from 'node:module'; register(${JSON.stringify(asModule(hook))});`;
  return asModule(register);
}

function asModule(source: string): string {
  return `data:text/javascript,${encodeURIComponent(source)}`;
}

/** `app://slipway/x` as the app says it, `https://slipway.app.shell.invalid/x` as Chromium sees it. */
class Addresses {
  schemes: string[] = [];

  shown(url: string): string {
    const { protocol, host, pathname, search, hash } = new URL(url);
    const scheme = protocol.slice(0, -1);
    return this.schemes.includes(scheme) ? `https://${host}.${scheme}.shell.invalid${pathname}${search}${hash}` : url;
  }

  real(url: string): string {
    const match = /^https:\/\/([^/]+)\.([a-z]+)\.shell\.invalid(\/.*)?$/.exec(url);
    return match === null ? url : `${match[2] ?? ''}://${match[1] ?? ''}${match[3] ?? ''}`;
  }
}
