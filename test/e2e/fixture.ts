/** The running app, the same to a spec whichever host it runs in. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { _electron, test as base, type Page } from '@playwright/test';
import type * as ElectronModule from 'electron';
import type * as Servers from '../servers/mysql';
import type * as Host from '../shell/host';
import { electronBinary } from './electron-binary';
import { screensOf, type Screens } from './screens';

export const root = join(import.meta.dirname, '..', '..');

export interface HostOption {
  host: 'stand-in' | 'electron';
}

export interface RunningApp {
  readonly page: Page;
  readonly windows: () => Page[];
  /** Runs in the main process with the `electron` module. The function may use nothing from outside itself. */
  readonly inMain: <R, A = undefined>(
    run: (electron: typeof ElectronModule, arg: A) => R | Promise<R>,
    arg?: A,
  ) => Promise<R>;
  readonly close: () => Promise<void>;
  readonly host: HostOption['host'];
  /** The screens of its window. */
  readonly screens: Screens;
  /** Answers the next dialogs of the system, in order: a path, or null for cancel. */
  readonly answerDialogs: (...answers: (string | null)[]) => Promise<void>;
}

export interface LaunchOptions {
  /** Where the app keeps what is its own: the same folder again is the same machine again. */
  readonly userData?: string;
}

interface Fixtures {
  app: RunningApp;
  /** Starts the app, more than once if need be; each is closed with the test. */
  launch: (options?: LaunchOptions) => Promise<RunningApp>;
  /** A folder that goes with the test. */
  folder: string;
  /** A database with Fleet 4.69's schema: the whole one where ../shared is, else the project's own cut of it. */
  database: Servers.TestDatabase;
}

export const test = base.extend<HostOption & Fixtures>({
  host: ['stand-in', { option: true }],
  launch: async ({ host }, use) => {
    const running: RunningApp[] = [];
    await use(async (options = {}) => {
      const app = host === 'electron' ? await inElectron(options) : await inStandIn(options);
      running.push(app);
      return app;
    });
    for (const app of running) await app.close();
  },
  app: async ({ launch }, use) => {
    await use(await launch());
  },
  // eslint-disable-next-line no-empty-pattern -- Playwright reads what a fixture needs from this pattern
  folder: async ({}, use) => {
    const folder = mkdtempSync(join(tmpdir(), 'slipway-e2e-'));
    await use(folder);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  },
  // eslint-disable-next-line no-empty-pattern -- as above
  database: async ({}, use) => {
    // Not imported above: it starts the server, and collecting the specs must not.
    const { createDatabase, hasSchema, noServer } = await import('../servers/mysql');
    base.skip(noServer !== false, String(noServer));
    const database = await createDatabase(hasSchema('fleet-4.69') ? 'fleet-4.69' : 'generation-469');
    await use(database);
    await database.drop();
  },
});

export { expect } from '@playwright/test';

/** Where a picture of the window goes, to be looked at. */
export function picture(name: string): string {
  const folder = join(root, 'test-results', 'screens');
  mkdirSync(folder, { recursive: true });
  return join(folder, `${name}.png`);
}

async function inElectron({ userData }: LaunchOptions): Promise<RunningApp> {
  const asRoot = process.getuid?.() === 0;
  const app = await _electron.launch({
    executablePath: electronBinary() ?? '',
    args: [
      ...(asRoot ? ['--no-sandbox'] : []),
      ...(userData === undefined ? [] : [`--user-data-dir=${userData}`]),
      root,
    ],
    cwd: root,
  });
  const page = await app.firstWindow();
  const inMain = app.evaluate.bind(app) as RunningApp['inMain'];
  return {
    host: 'electron',
    page,
    windows: () => app.windows(),
    inMain,
    close: () => app.close(),
    screens: screensOf(page),
    answerDialogs: (...answers) =>
      inMain(({ dialog }, given) => {
        const next = (): string | null => given.shift() ?? null;
        dialog.showOpenDialog = () => {
          const path = next();
          return Promise.resolve({ canceled: path === null, filePaths: path === null ? [] : [path] });
        };
        dialog.showSaveDialog = () => {
          const path = next();
          return Promise.resolve({ canceled: path === null, filePath: path ?? '' });
        };
      }, answers),
  };
}

async function inStandIn({ userData }: LaunchOptions): Promise<RunningApp> {
  const built = join(root, 'out', 'shell');
  const { launchShell } = (await import(join(built, 'host.js'))) as typeof Host;
  const app = await launchShell({
    root,
    electron: join(built, 'electron.js'),
    ...(userData === undefined ? {} : { userData }),
  });
  const page = await app.firstWindow();
  const inMain: RunningApp['inMain'] = (run, arg) => app.evaluate(run, arg as never);
  return {
    host: 'stand-in',
    page,
    windows: () => app.windows(),
    inMain,
    close: () => app.close(),
    screens: screensOf(page),
    answerDialogs: (...answers) =>
      inMain(({ dialog }, given) => {
        (dialog as unknown as { script(...paths: (string | null)[]): void }).script(...given);
      }, answers),
  };
}
