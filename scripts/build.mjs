/**
 * Builds everything a checkout needs into out/: main, preload, renderer (electron-vite) and the command line (vite).
 * `node scripts/build.mjs shell` builds the stand-in for Electron (test/shell) into out/shell instead.
 */
import { chmodSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { build as buildElectron } from 'electron-vite';
import { build as buildVite } from 'vite';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);
const started = performance.now();

/**
 * ssh2 has optional native parts and does without: a bundle must not hold one machine's, nor look for it. What it takes
 * its own folder for (a helper for PuTTY's agent, a file that lies in the code already) is not used.
 */
const withoutNativeParts = {
  name: 'slipway-without-native-parts',
  enforce: 'pre',
  resolveId: (id) => (id === 'cpu-features' || id.endsWith('.node') ? '\0no-native-part' : null),
  load: (id) => (id === '\0no-native-part' ? 'module.exports = undefined;' : null),
  transform: (code, id) =>
    /[\\/]ssh2[\\/]lib[\\/]/.test(id) && code.includes('__dirname') ? code.replaceAll('__dirname', "'.'") : null,
};

try {
  if (process.argv[2] === 'shell') await buildShell();
  else await buildApp();
} catch (error) {
  console.error(stripVTControlCharacters(error.message));
  process.exit(1);
}

async function buildApp() {
  await buildElectron({ logLevel: 'warn' });
  await buildNode('out/cli', { index: 'src/cli/index.ts', ...workers() }, []);
  chmodSync('out/cli/index.js', 0o755);
  report('main, preload, renderer, cli');
}

async function buildShell() {
  const input = { electron: 'test/shell/electron.ts', host: 'test/shell/host.ts' };
  await buildNode('out/shell', input, ['playwright-core']);
  report('the stand-in for Electron');
}

function report(what) {
  console.log(`built ${what} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

/**
 * One self-contained folder for plain Node. Dependencies go in, but what is only imported dynamically lands in chunks
 * of its own: reading a file must not pay for loading the MySQL driver.
 */
function buildNode(outDir, input, external) {
  return buildVite({
    configFile: false,
    logLevel: 'warn',
    root,
    publicDir: false,
    plugins: [withoutNativeParts],
    resolve: { conditions: ['node'], mainFields: ['module', 'main'] },
    ssr: { noExternal: true, external },
    build: {
      ssr: true,
      target: 'node20',
      outDir,
      emptyOutDir: true,
      minify: false,
      rolldownOptions: {
        input,
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
      },
    },
  });
}

/** Every `*.worker.ts` of the engine is a file of its own beside the entry; main's own go with main: see electron.vite.config.ts. */
function workers() {
  const files = readdirSync('src', { recursive: true }).filter((file) => /^(core|cli)\b.*\.worker\.ts$/.test(file));
  return Object.fromEntries(files.map((file) => [basename(file, '.ts'), join('src', file)]));
}
