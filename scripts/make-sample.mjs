/** Writes the bundled sample migration (test/sample-source.ts) to resources/sample. The same bytes each time. */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const path = process.argv[2] ?? join(root, 'resources', 'sample', 'micromdm.db');
mkdirSync(dirname(path), { recursive: true });
const { module } = await runnerImport(join(root, 'test', 'sample-source.ts'), {
  root,
  configFile: false,
  logLevel: 'error',
});
const { size, devices } = module.writeSample(path);
console.log(`${path}: ${devices.length} records, ${size} bytes`);
