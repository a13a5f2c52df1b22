/** For vite: writes down which packages a bundle holds, so that what is said about packages (scripts/legal.mjs) is what is in them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where the lists lie, one for each bundle: names of folders in node_modules, sorted. */
export const BUNDLED = join('out', 'bundled');

export function recordPackages(bundle) {
  return {
    name: 'slipway-record-packages',
    generateBundle(_, chunks) {
      const found = new Set();
      for (const chunk of Object.values(chunks)) {
        for (const id of chunk.moduleIds ?? []) {
          const [, path] = /^.*(node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+)/.exec(id.replace(/^\0/, '')) ?? [];
          if (path !== undefined) found.add(path.replaceAll('\\', '/'));
        }
      }
      mkdirSync(BUNDLED, { recursive: true });
      writeFileSync(join(BUNDLED, `${bundle}.json`), `${JSON.stringify([...found].sort(), null, 1)}\n`);
    },
  };
}
