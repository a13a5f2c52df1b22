/** The real NanoMDM stores of ../shared: unpacked into folders, loaded into servers. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSqlFile, type TestDatabase } from './servers/mysql';
import { sharedData } from './shared-data';

/** Why these tests cannot run, as a suffix of their names; empty where they can. */
export const ABSENT =
  sharedData('nanomdm', 'manifest.json') === null
    ? ' (skipped: ../shared/data is absent)'
    : spawnSync('zstd', ['--version']).status === 0
      ? ''
      : ' (skipped: zstd is absent)';

/** Unpacks `<name>.tar.zst` into a new temporary folder. Returns that folder. */
export function unpackStore(name: 'file' | 'filekv' | 'scep-depot' | 'device-identities'): string {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-nanomdm-'));
  run('tar', ['-I', 'zstd', '-xf', shared(`${name}.tar.zst`), '-C', folder]);
  return folder;
}

/** A file of the data, decompressed into a folder where it is compressed. */
export function plainFile(name: string, folder: string): string {
  if (!name.endsWith('.zst')) return shared(name);
  const target = join(folder, name.slice(0, -'.zst'.length));
  const out = openSync(target, 'w');
  try {
    const { status } = spawnSync('zstd', ['-dc', shared(name)], { stdio: ['ignore', out, 'inherit'] });
    if (status !== 0) throw new Error(`zstd ended with ${status}`);
  } finally {
    closeSync(out);
  }
  return target;
}

/** Loads a dump into an empty MySQL database. Schemas up to 0.9 have a foreign key to a key that is not unique. */
export async function loadMySqlStore(database: TestDatabase, file: string): Promise<void> {
  const [row] = await database.query<{ version: string }>('SELECT VERSION() AS version');
  const [major = 0, minor = 0] = (row?.version ?? '').split('.').map(Number);
  const strict = major > 8 || (major === 8 && minor >= 4);
  await loadSqlFile(database, file, {
    characterSet: 'utf8mb4',
    clientOptions: strict ? ['--init-command=SET SESSION restrict_fk_on_non_standard_key=OFF'] : [],
  });
}

function shared(name: string): string {
  const path = sharedData('nanomdm', name);
  if (path === null) throw new Error(`../shared/data/nanomdm/${name} is absent`);
  return path;
}

function run(command: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ended with ${status}: ${stderr}`);
}
