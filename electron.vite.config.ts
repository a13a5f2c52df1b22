import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'electron-vite';
import type { Plugin } from 'vite';
import { recordPackages } from './scripts/bundled-packages.mjs';
import { withoutNativeParts } from './scripts/native-parts.mjs';

/**
 * Every `*.worker.ts` becomes a file of its own beside the bundle's entry, so that from anywhere in the bundle
 * `new Worker(new URL('./name.worker.js', import.meta.url))` finds it. scripts/build.mjs does the same for the CLI.
 */
function workers(): Record<string, string> {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.worker.ts'));
  return Object.fromEntries(files.map((file) => [basename(file, '.ts'), join('src', file)]));
}

/** Puts the window's own way of making elements in the place of React's: in our code and in packages alike. */
function textMadeSafe(): Plugin {
  const own = join(import.meta.dirname, 'src', 'renderer', 'jsx', 'jsx-runtime.ts');
  return {
    name: 'text-made-safe',
    enforce: 'pre',
    resolveId: (id, importer) => (id === 'react/jsx-runtime' && importer !== own ? own : null),
  };
}

export default defineConfig({
  main: {
    plugins: [withoutNativeParts, recordPackages('main')],
    resolve: { conditions: ['node'], mainFields: ['module', 'main'] },
    build: {
      outDir: 'out/main',
      // Packages go in, so that what is shipped is these files and no node_modules.
      externalizeDeps: false,
      rolldownOptions: {
        input: { index: 'src/main/index.ts', ...workers() },
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
      },
    },
  },
  preload: {
    plugins: [recordPackages('preload')],
    build: {
      outDir: 'out/preload',
      // A sandboxed preload is CommonJS and may require nothing but electron: everything else goes in.
      externalizeDeps: false,
      rolldownOptions: {
        input: { index: 'src/preload/index.ts' },
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    root: 'src/renderer',
    plugins: [textMadeSafe(), react(), recordPackages('renderer')],
    build: {
      outDir: 'out/renderer',
      minify: true,
      modulePreload: { polyfill: false },
      // Fonts and pictures stay files: the content security policy then needs no data: for them.
      assetsInlineLimit: 0,
      rolldownOptions: { input: { index: 'src/renderer/index.html' } },
    },
  },
});
