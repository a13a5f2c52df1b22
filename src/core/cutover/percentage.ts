/**
 * The percentage by which Fleet's mdmproxy splits devices, computed the same way, so that both always agree
 * (spec/fleet.md 7): FNV-1a of 32 bits over the UDID's bytes, modulo 100, below the percentage.
 */

/** FNV-1a, 32 bits, over the UTF-8 bytes of a text. */
export function fnv1a32(text: string): number {
  let hash = 2_166_136_261;
  for (const byte of Buffer.from(text, 'utf8')) hash = Math.imul(hash ^ byte, 16_777_619) >>> 0;
  return hash;
}

/** The device's place from 0 to 99: it is in as soon as the percentage is above it. */
export function percentileOf(udid: string): number {
  return fnv1a32(udid) % 100;
}

/** True when mdmproxy at this percentage leads the device to Fleet. Case counts, as it does there. */
export function isWithin(udid: string, percentage: number): boolean {
  return percentileOf(udid) < percentage;
}
