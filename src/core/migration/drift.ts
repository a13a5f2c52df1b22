/** Drift: the source as it is now, held against the plan that was made from it earlier. */
import { statSync } from 'node:fs';
import { attempt, FailureError } from '../failure';
import { readSource, type ReadOptions, type SourceReference } from '../sources';
import { hashFile } from '../sources/file-hash';
import { fingerprintsOf } from './fingerprint';
import type { Snapshot } from '../sources/snapshot';
import type { Plan } from './plan';
import { preciousCommands } from './verdict';

/** Accepts that the source could not be read again, so that drift was not looked for. */
export const NOT_REREAD = 'source-not-reread';

/** Fingerprints by UDID, and the devices for which the source holds a command that must not be lost. */
export type Fresh = ReadonlyMap<string, string> & { readonly waiting?: ReadonlySet<string> };

class FreshFingerprints extends Map<string, string> {
  readonly waiting: ReadonlySet<string>;

  constructor(snapshot: Snapshot) {
    super(fingerprintsOf(snapshot));
    const waiting = snapshot.devices.filter(({ pending }) => pending !== null && preciousCommands(pending).length > 0);
    this.waiting = new Set(waiting.flatMap(({ udid }) => udid ?? []));
  }
}

/**
 * Fingerprints of the source's devices as they are now, by UDID; null when it cannot be read and that was accepted.
 * A source that can be read is always read: accepting only helps where it is gone.
 * @param wayOut how to name another place or to accept, in the words of the host
 * @throws the failure of reading, with the way out in its remedy
 */
export async function freshFingerprints(
  plan: Plan,
  reference: SourceReference,
  options: ReadOptions,
  accepted: readonly string[],
  wayOut: string,
): Promise<Fresh | null> {
  if (await isStillTheCopy(reference, plan)) {
    return new Map(plan.devices.map(({ udid, fingerprint }) => [udid, fingerprint]));
  }
  const read = await attempt(() => readSource(reference, { ...options, keepCertificates: false }));
  if (read.ok) return new FreshFingerprints(read.value);
  const { failure } = read;
  // A refusal of our own (a job that was cancelled) is not a source that is gone.
  if (failure.kind === 'finding') throw new FailureError(failure);
  if (accepted.includes(NOT_REREAD)) return null;
  throw new FailureError({
    ...failure,
    remedy: `${failure.remedy} The source is read again to hold back devices that changed since the plan; ${wayOut}.`,
  });
}

/** True when a source in a file is, byte for byte, what the plan was made from: then no device of it has changed. */
async function isStillTheCopy({ transport, location }: SourceReference, { copy }: Plan): Promise<boolean> {
  if (transport !== 'file') return false;
  const size = (path: string): number | undefined => statSync(path, { throwIfNoEntry: false })?.size;
  if (size(location) !== size(copy.path)) return false;
  const hashed = await attempt(() => hashFile(location));
  return hashed.ok && hashed.value === copy.sha256;
}
