import { defineConfig } from '@playwright/test';

/** `npx playwright test -c test/renderer`: needs `npm run build` before. */
export default defineConfig({
  testDir: '.',
  outputDir: '../../test-results/renderer',
  workers: 1,
  timeout: 60_000,
  reporter: 'list',
  use: { launchOptions: { executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] } },
});
