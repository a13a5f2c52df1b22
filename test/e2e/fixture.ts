/** The running app, the same to a spec whichever host it runs in. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { _electron, test as base, type Page } from '@playwright/test';
import type * as ElectronModule from 'electron';
import type * as Host from '../shell/host';
import { electronBinary } from './electron-binary';

export const root = join(import.meta.dirname, '..', '..');

export interface HostOption {
  host: 'stand-in' | 'electron';
}

export interface RunningApp {
  readonly page: Page;
  readonly windows: () => Page[];
  /** Runs in the main process with the `electron` module. The function may use nothing from outside itself. */
  readonly inMain: <R>(run: (electron: typeof ElectronModule) => R | Promise<R>) => Promise<R>;
  readonly close: () => Promise<void>;
  readonly host: HostOption['host'];
}

export const test = base.extend<HostOption & { app: RunningApp }>({
  host: ['stand-in', { option: true }],
  app: async ({ host }, use) => {
    const app = host === 'electron' ? await inElectron() : await inStandIn();
    await use(app);
    await app.close();
  },
});

export { expect } from '@playwright/test';

/** Where a picture of the window goes, to be looked at. */
export function picture(name: string): string {
  const folder = join(root, 'test-results', 'screens');
  mkdirSync(folder, { recursive: true });
  return join(folder, `${name}.png`);
}

async function inElectron(): Promise<RunningApp> {
  const asRoot = process.getuid?.() === 0;
  const app = await _electron.launch({
    executablePath: electronBinary() ?? '',
    args: [...(asRoot ? ['--no-sandbox'] : []), root],
    cwd: root,
  });
  return {
    host: 'electron',
    page: await app.firstWindow(),
    windows: () => app.windows(),
    inMain: (run) => app.evaluate(run),
    close: () => app.close(),
  };
}

async function inStandIn(): Promise<RunningApp> {
  const built = join(root, 'out', 'shell');
  const { launchShell } = (await import(join(built, 'host.js'))) as typeof Host;
  const app = await launchShell({ root, electron: join(built, 'electron.js') });
  return {
    host: 'stand-in',
    page: await app.firstWindow(),
    windows: () => app.windows(),
    inMain: (run) => app.evaluate(run, undefined),
    close: () => app.close(),
  };
}
