/** The SCEP CA that lies beside a source: in the depot of its server, in files of its own, or in both. */
import type { Secret } from '../../secret';
import { readScepCaFiles } from '../companion-files';
import type { Companions } from '../source-kind';
import { readScepDepot, type DepotReading, type ScepDepot } from './scep-depot';

/**
 * Reads it. A CA that was named itself wins; the depot counts for it where it is the depot's own.
 * @returns null when neither was given
 * @throws FailureError what reading either throws
 */
export async function readScepBeside(
  {
    companions,
    at,
    keyPassphrase,
  }: { readonly companions: Companions; readonly at: number; readonly keyPassphrase?: Secret },
  reading: Pick<DepotReading, 'wanted' | 'findings'>,
): Promise<ScepDepot | null> {
  const path = companions['scep-depot'];
  const isNamed = companions['scep-ca'] !== undefined || companions['scep-ca-key'] !== undefined;
  const passphrase = keyPassphrase === undefined ? {} : { keyPassphrase };
  const depot = path === undefined ? null : await readScepDepot(path, { at, ...reading, ...passphrase });
  if (!isNamed) return depot;
  const ca = readScepCaFiles({ companions, findings: reading.findings, ...passphrase });
  const counted = ca !== null && depot?.ca?.sha256 === ca.sha256 ? { ...ca, nextSerial: depot.ca.nextSerial } : ca;
  return { ca: counted, found: depot?.found ?? [] };
}
