/**
 * Builds everything a checkout needs into out/: main, preload, renderer (electron-vite) and the command line (vite).
 * `node scripts/build.mjs command` builds the command line into out/command, as the one file that goes with packages.
 * `node scripts/build.mjs shell` builds the stand-in for Electron (test/shell) into out/shell instead.
 */
import { chmodSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { build as buildElectron } from 'electron-vite';
import { build as buildVite } from 'vite';
import { recordPackages } from './bundled-packages.mjs';
import { withoutNativeParts } from './native-parts.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);
const started = performance.now();

try {
  if (process.argv[2] === 'shell') await buildShell();
  else if (process.argv[2] === 'command') await buildCommand();
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

/** For machines with nothing but Node: one file that is copied anywhere. It parses all of itself at each start. */
async function buildCommand() {
  await buildNode('out/command', { slipway: 'src/cli/index.ts' }, [], {
    entryFileNames: '[name].mjs',
    codeSplitting: false,
  });
  chmodSync('out/command/slipway.mjs', 0o755);
  report('the command line as one file');
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
function buildNode(outDir, input, external, more = {}) {
  return buildVite({
    configFile: false,
    logLevel: 'warn',
    root,
    publicDir: false,
    plugins: [withoutNativeParts, recordPackages(basename(outDir))],
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
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js', ...more },
      },
    },
  });
}

/** Every `*.worker.ts` of the engine is a file of its own beside the entry; main's own go with main: see electron.vite.config.ts. */
function workers() {
  const files = readdirSync('src', { recursive: true }).filter((file) => /^(core|cli)\b.*\.worker\.ts$/.test(file));
  return Object.fromEntries(files.map((file) => [basename(file, '.ts'), join('src', file)]));
}
