import { existsSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

// Real servers (MySQL, HAProxy) for the tests that need them.
const SERVERS = 'test/servers/global-setup.ts';

const setup = existsSync(SERVERS) ? [SERVERS] : [];

// Tests of the engine and of the window's own parts leave nothing behind in their process, so files share one and what
// it has loaded. Hosts do: environment, mocks, a copy of the bundle that goes with the file.
const SHARING = ['test/core/**/*.test.ts', 'test/renderer/**/*.test.{ts,tsx}'];

export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: { name: 'hosts', include: ['test/**/*.test.{ts,tsx}'], exclude: SHARING, globalSetup: setup },
      },
      { extends: true, test: { name: 'engine', include: SHARING, isolate: false, globalSetup: setup } },
    ],
    setupFiles: ['test/property-seed.ts'],
    pool: 'forks',
    // One more than the two processors there are: a fifth of the time is waiting for a server or a pause that is meant.
    maxWorkers: 3,
    retry: 0,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // The real package would try to download a binary as soon as it is imported.
    alias: { electron: new URL('test/shell/electron.ts', import.meta.url).pathname },
  },
});
