/**
 * A home of its own for the app under test. Import it before anything that imports `electron`: the stand-in asks for
 * its user-data folder once.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const home = mkdtempSync(join(tmpdir(), 'slipway-home-'));
process.env['SLIPWAY_SHELL_USER_DATA'] = home;

/** A new empty folder that goes with the home. */
export function newFolder(name: string): string {
  return mkdtempSync(join(home, `${name}-`));
}
