/** A source's key material and profiles as files, for whoever wants to carry them over by hand. */
import { hash } from 'node:crypto';
import { join } from 'node:path';
import { writePem } from '../certificates/pem';
import { refuseExisting, writePrivate } from '../private-file';
import { privateFolder } from './private-folder';
import type { KeyedCertificate, Snapshot } from './snapshot';
import type { ExportedFile } from './source-kind';

/**
 * Writes scep-ca, push and abm certificates and keys, ABM tokens, profiles and the enrollment profile, as far as the
 * source has them: files 0600 in folders 0700, each complete or not there.
 * @returns what was written, in order.
 * @throws FailureError `file/exists` before anything is written; `folder/not-private`, `file/cannot-write`
 */
export async function exportSnapshot(snapshot: Snapshot, folder: string): Promise<ExportedFile[]> {
  const files = contentOf(snapshot);
  for (const name of files.keys()) refuseExisting(join(folder, name));
  await privateFolder(folder);
  if ([...files.keys()].some((name) => name.startsWith('profiles/'))) await privateFolder(join(folder, 'profiles'));
  const written: ExportedFile[] = [];
  for (const [name, content] of files) {
    const path = join(folder, name);
    await writePrivate(path, content);
    written.push({ name, path, sha256: hash('sha256', content, 'hex'), size: content.length });
  }
  return written;
}

function contentOf(snapshot: Snapshot): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  const pair = (stem: string, keyed: KeyedCertificate | null): void => {
    if (!keyed) return;
    files.set(`${stem}.pem`, Buffer.from(writePem('CERTIFICATE', keyed.der)));
    if (keyed.key) files.set(`${stem}.key`, keyed.key.reveal());
  };
  pair('scep-ca', snapshot.scepCa);
  pair('push', snapshot.push);
  pair('abm', snapshot.abmKeyPair);
  for (const { consumerKey, body } of snapshot.abmTokens)
    files.set(freeName(files, 'abm-token-', consumerKey, '.json'), body.reveal());
  const enrollment = snapshot.enrollmentBody?.reveal();
  if (enrollment !== undefined) files.set('enrollment.mobileconfig', enrollment);
  for (const { identifier, body } of snapshot.profiles) {
    if (enrollment?.equals(body.reveal())) continue;
    files.set(freeName(files, 'profiles/', identifier, '.mobileconfig'), body.reveal());
  }
  return files;
}

/** A file name that works everywhere and is taken by no other; an id is added where the text had to be changed. */
export function freeName(taken: ReadonlyMap<string, unknown>, prefix: string, text: string, suffix: string): string {
  const safe = text
    .replace(/[^A-Za-z0-9._-]+/g, '_')
    // Hidden files, options of whatever is run over the folder, and names Windows keeps for devices.
    .replace(/^[.-]+/, '_')
    .replace(/^(?:con|prn|aux|nul|com\d|lpt\d)(?=\.|$)/i, '_$&')
    .slice(0, 100);
  const id = hash('sha256', text, 'hex').slice(0, 8);
  // File names differ in more than case on Windows and macOS, where these would be the same file.
  const same = `${prefix}${safe}${suffix}`.toLowerCase();
  const free = ![...taken.keys()].some((name) => name.toLowerCase() === same);
  return safe === text && safe !== '' && free ? `${prefix}${safe}${suffix}` : `${prefix}${safe}-${id}${suffix}`;
}
