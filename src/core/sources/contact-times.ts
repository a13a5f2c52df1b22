/** Whether a source says when devices last called the old server. */
import type { Snapshot } from './snapshot';

/**
 * False where times of contact are not kept, or are only somebody's export: NanoMDM's `file` store and its first versions
 * keep the newest message that was stored, which is no contact; a table is as old as its export.
 */
export function keepsContacts({ source, devices, findings }: Snapshot): boolean {
  return (
    source.kind !== 'csv' &&
    devices.some(({ lastSeen }) => lastSeen !== null) &&
    !findings.some(({ code }) => code.endsWith('nanomdm-no-last-seen'))
  );
}
