/** The engine's thread as it is shipped: its body built, started in a real worker. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { build } from 'vite';
import { withoutNativeParts } from '../../scripts/native-parts.mjs';
import { Engine, type EngineThread } from '../../src/main/engine/engine';

const root = join(import.meta.dirname, '..', '..');
let built: Promise<string> | null = null;

/** An engine over the built worker; `threads` collects what it starts, so that a test can kill one. */
export async function builtEngine(threads: EngineThread[] = []): Promise<Engine> {
  built ??= buildWorker();
  const file = await built;
  return new Engine(() => {
    const thread = new Worker(file);
    threads.push(thread);
    return thread;
  });
}

async function buildWorker(): Promise<string> {
  const outDir = mkdtempSync(join(tmpdir(), 'slipway-worker-'));
  await build({
    configFile: false,
    logLevel: 'error',
    root,
    publicDir: false,
    plugins: [withoutNativeParts],
    resolve: { conditions: ['node'], mainFields: ['module', 'main'] },
    ssr: { noExternal: true },
    build: {
      ssr: true,
      target: 'node20',
      outDir,
      minify: false,
      rolldownOptions: {
        input: { 'engine.worker': join(root, 'src/main/engine.worker.ts') },
        output: { format: 'es', entryFileNames: '[name].mjs', chunkFileNames: '[name]-[hash].mjs' },
      },
    },
  });
  return join(outDir, 'engine.worker.mjs');
}
