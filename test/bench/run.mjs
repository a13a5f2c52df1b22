/**
 * Calls a function of a TypeScript file of this folder in a process of its own, so that the memory it takes is not the
 * bench's: `node run.mjs FILE FUNCTION JSON` prints its result as JSON.
 */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';

const here = dirname(fileURLToPath(import.meta.url));
const [, , file, name, options] = process.argv;
const { module } = await runnerImport(join(here, file), {
  configFile: false,
  logLevel: 'error',
  root: join(here, '..', '..'),
});
console.log(JSON.stringify(await module[name](JSON.parse(options))));
