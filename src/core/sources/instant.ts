/** The instant a snapshot speaks of. */
import type { SourceDevice } from './snapshot';

/** The newest contact that is not later than the clock, in milliseconds; null when no device was ever seen. */
export function newestContact(devices: Iterable<Pick<SourceDevice, 'lastSeen'>>, at: number): number | null {
  const latest = BigInt(Math.trunc(at)) * 1_000_000n;
  let newest = 0n;
  for (const { lastSeen } of devices)
    if (lastSeen !== null && lastSeen > newest && lastSeen <= latest) newest = lastSeen;
  return newest === 0n ? null : Number(newest / 1_000_000n);
}
