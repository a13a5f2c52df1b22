import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
const INSIDE: Partial<Record<NodeJS.Platform, string>> = {
  darwin: 'Electron.app/Contents/MacOS/Electron',
  win32: 'electron.exe',
};

/** A real Electron, if there is one here: the npm package alone carries none. scripts/setup.mjs looks the same way. */
export function electronBinary(): string | null {
  const dist = process.env['ELECTRON_OVERRIDE_DIST_PATH'] ?? join(root, 'node_modules', 'electron', 'dist');
  const binary = join(dist, INSIDE[process.platform] ?? 'electron');
  return existsSync(binary) ? binary : null;
}
