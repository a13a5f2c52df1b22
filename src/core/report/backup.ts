/** A backup of the old database that is known to be one: copied in one state, hashed, opened and read again. */
import { stat } from 'node:fs/promises';
import { unreadable } from '../failure';
import { copySource, readSource, type ReadOptions, type SourceReference } from '../sources';
import { hashFile } from '../sources/file-hash';
import type { BackupFacts } from './decommission';

/**
 * Copies a source into `folder` (0600 in a 0700 folder) and proves the copy: its hash is taken from the disk, it is
 * opened, every device is read, and the numbers are held against those of the source.
 * @throws what copySource and readSource throw; `backup/not-what-was-written`
 */
export async function backUp(reference: SourceReference, folder: string, options: ReadOptions): Promise<BackupFacts> {
  const copy = await copySource(reference, folder, options);
  const { devices } = await proveCopy(reference, copy.path, options);
  const sha256 = await hashFile(copy.path);
  if (sha256 !== copy.sha256)
    unreadable(
      'backup/not-what-was-written',
      'What lies on the disk is not what was written.',
      'Look at the disk; make the backup somewhere else.',
      { path: copy.path },
    );
  const source = await readSource(reference, { ...options, keepCertificates: false });
  return {
    path: copy.path,
    sha256,
    size: copy.size,
    at: options.at,
    devices,
    sourceDevices: countOf(source.devices),
  };
}

/** Proves a backup that was made before, by this program or another. */
export async function proveBackup(
  reference: SourceReference,
  path: string,
  options: ReadOptions,
): Promise<BackupFacts> {
  const { devices } = await proveCopy(reference, path, options);
  const source = await readSource(reference, { ...options, keepCertificates: false });
  const { size } = await stat(path);
  return {
    path,
    sha256: await hashFile(path),
    size,
    at: options.at,
    devices,
    sourceDevices: countOf(source.devices),
  };
}

async function proveCopy(
  { kind }: SourceReference,
  path: string,
  options: ReadOptions,
): Promise<{ readonly devices: number }> {
  const { devices } = await readSource(
    { kind, transport: 'file', location: path },
    { at: options.at, keepCertificates: false, ...(options.onProgress ? { onProgress: options.onProgress } : {}) },
  );
  return { devices: countOf(devices) };
}

function countOf(devices: Iterable<{ readonly udid: string | null }>): number {
  let count = 0;
  for (const { udid } of devices) if (udid !== null) count += 1;
  return count;
}
