/**
 * What a package holds of ours, file by file: SHA256SUMS beside app.asar, as `sha256sum -c` reads it, and contents.txt, the same for
 * what is inside the archive. Written before signing, so it names the folder that signing does not change. The same sources give the
 * same two files.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { extractFile, listPackage } from '@electron/asar';

const SUMS = 'SHA256SUMS';
const INSIDE = 'contents.txt';

/** Writes both lists into a packed folder of resources, over those of an earlier run. */
export function writeContents(resources) {
  const archive = join(resources, 'app.asar');
  writeFileSync(join(resources, INSIDE), lines(filesInside(archive).map((name) => [name, extractFile(archive, name)])));
  const files = readdirSync(resources, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(resources.length + 1))
    .filter((name) => name !== SUMS);
  writeFileSync(join(resources, SUMS), lines(files.map((name) => [name, readFileSync(join(resources, name))])));
}

/** Paths of files in an archive, without the folders it also lists. */
function filesInside(archive) {
  const listed = listPackage(archive, { isPack: false }).map((name) => name.slice(1));
  const folders = new Set(listed.map((name) => name.slice(0, Math.max(name.lastIndexOf(sep), 0))));
  return listed.filter((name) => !folders.has(name));
}

/** By name, in the order of their characters: the order of a folder's entries is the file system's. */
function lines(files) {
  return files
    .map(([name, bytes]) => [name.split(sep).join('/'), createHash('sha256').update(bytes).digest('hex')])
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, hash]) => `${hash}  ${name}\n`)
    .join('');
}
