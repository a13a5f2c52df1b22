import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import startServerDesk from '../servers/global-setup';

const root = join(import.meta.dirname, '..', '..');

/**
 * The stand-in is built each time (a tenth of a second); the app is what `npm run build` left in out/. The MySQL server
 * is the unit tests' one: started when the first spec asks for it, ended with the run.
 */
export default function globalSetup(): Promise<(() => Promise<void>) | undefined> {
  if (!existsSync(join(root, 'out', 'main', 'index.js'))) throw new Error('Nothing built yet: npm run build');
  execFileSync(process.execPath, [join(root, 'scripts', 'build.mjs'), 'shell'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return startServerDesk();
}
