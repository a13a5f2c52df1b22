import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../shared/data/', import.meta.url));

/** Path of a file of real data next to the checkout (`../shared/data/…`), or null where that is not there. */
export function sharedData(...segments: string[]): string | null {
  const path = ROOT + segments.join('/');
  return existsSync(path) ? path : null;
}

/** A JSON file of real data, or null where it is not there. */
export function sharedJson(...segments: string[]): unknown {
  const path = sharedData(...segments);
  return path === null ? null : JSON.parse(readFileSync(path, 'utf8'));
}
