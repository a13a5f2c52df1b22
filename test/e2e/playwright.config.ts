/**
 * End-to-end: the built app, in every host there is. One file: `npx playwright test -c test/e2e window`.
 */
import { join } from 'node:path';
import { defineConfig } from '@playwright/test';
import { electronBinary } from './electron-binary';
import type { HostOption } from './fixture';

const root = join(import.meta.dirname, '..', '..');

export default defineConfig<HostOption>({
  testDir: '.',
  outputDir: join(root, 'test-results', 'artifacts'),
  globalSetup: './global-setup.ts',
  // Three windows at once: each waits for its engine, its MySQL or its Chromium most of the time.
  workers: 3,
  retries: 0,
  timeout: 60_000,
  use: { actionTimeout: 20_000 },
  expect: { timeout: 20_000 },
  forbidOnly: process.env['CI'] !== undefined,
  reporter: 'list',
  projects: [
    { name: 'stand-in', use: { host: 'stand-in' } },
    ...(electronBinary() !== null ? [{ name: 'electron', use: { host: 'electron' as const } }] : []),
  ],
});
