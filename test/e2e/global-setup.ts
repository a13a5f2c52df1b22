import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');

/** The stand-in is built each time (a tenth of a second); the app is what `npm run build` left in out/. */
export default function globalSetup(): void {
  if (!existsSync(join(root, 'out', 'main', 'index.js'))) throw new Error('Nothing built yet: npm run build');
  execFileSync(process.execPath, [join(root, 'scripts', 'build.mjs'), 'shell'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}
