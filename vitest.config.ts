import { existsSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

// Real servers (MySQL, HAProxy) for the tests that need them.
const SERVERS = 'test/servers/global-setup.ts';

export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.{ts,tsx}'],
          globalSetup: existsSync(SERVERS) ? [SERVERS] : [],
        },
      },
    ],
    pool: 'forks',
    maxWorkers: 2,
    retry: 0,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // The real package would try to download a binary as soon as it is imported.
    alias: { electron: new URL('test/shell/electron.ts', import.meta.url).pathname },
  },
});
