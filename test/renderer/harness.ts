/**
 * The built renderer (out/renderer) in plain Chromium, under the app's own content security policy, before a fake main
 * process. For pictures and for component checks; the whole app is test/e2e.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { Browser, Page } from '@playwright/test';
import { build } from 'vite';
import { NOW } from './device-crowd';
import type { FakeOptions } from './fake-bridge';

export const root = join(import.meta.dirname, '..', '..');
/** The built renderer; another folder by SLIPWAY_RENDERER. */
const BUILT = process.env['SLIPWAY_RENDERER'] ?? join(root, 'out', 'renderer');
const ORIGIN = 'http://slipway.invalid';
const NONCE = 'bm9uY2Utb2YtdGhlLXRlc3Q';
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  `style-src 'self' 'nonce-${NONCE}'`,
  "img-src 'self' data:",
  "font-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');
const TYPES: Readonly<Record<string, string>> = { '.css': 'text/css', '.html': 'text/html', '.js': 'text/javascript' };

export interface Opening extends Partial<FakeOptions> {
  readonly hash?: string;
  readonly width?: number;
  readonly height?: number;
  readonly scheme?: 'light' | 'dark';
  readonly reducedMotion?: 'reduce' | 'no-preference';
}

export interface OpenRenderer {
  readonly page: Page;
  /** Errors, and whatever the policy refused. */
  readonly complaints: string[];
}

let script: Promise<string> | undefined;

export async function openRenderer(browser: Browser, opening: Opening): Promise<OpenRenderer> {
  script ??= fakeScript();
  const { hash = '', width = 1280, height = 720, scheme = 'light', reducedMotion = 'reduce' } = opening;
  const options: FakeOptions = {
    scene: opening.scene ?? 'huge',
    devices: opening.devices ?? 100_000,
    delay: opening.delay ?? 0,
  };
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: scheme,
    reducedMotion,
    timezoneId: 'Europe/Berlin',
  });
  const page = await context.newPage();
  page.on('close', () => void context.close());
  await page.clock.setFixedTime(NOW);
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  await page.route(`${ORIGIN}/**`, async (route) => {
    const { pathname } = new URL(route.request().url());
    const file = join(BUILT, pathname === '/' ? 'index.html' : pathname);
    if (!existsSync(file)) return route.fulfill({ status: 404 });
    const body = await readFile(file, 'utf8');
    return route.fulfill({
      body: body.replace('</head>', `<meta name="style-nonce" content="${NONCE}" /></head>`),
      headers: {
        'Content-Type': `${TYPES[extname(file)] ?? 'application/octet-stream'}; charset=utf-8`,
        'Content-Security-Policy': POLICY,
      },
    });
  });
  await page.addInitScript(`window.fakeOptions = ${JSON.stringify(options)};\n${await script}`);
  await page.goto(`${ORIGIN}/index.html${hash}`);
  return { page, complaints };
}

async function fakeScript(): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: 'error',
    root,
    build: {
      write: false,
      minify: false,
      lib: { entry: 'test/renderer/install-fake.ts', formats: ['iife'], name: 'installFake' },
    },
  });
  const output = (Array.isArray(built) ? built[0] : built) as { output: { code?: string }[] };
  return output.output[0]?.code ?? '';
}
