/** A wave: a set of devices that move together. */
import { misused } from '../failure';
import type { Snapshot } from '../sources/snapshot';

const LIMIT_BYTES = 64 * 1_048_576;

/** UDIDs by what people call a device, in lower case: its UDID, and its serial number, which several may share. */
export function devicesByName(snapshot: Snapshot): ReadonlyMap<string, readonly string[]> {
  const byName = new Map<string, string[]>();
  for (const { udid, serial } of snapshot.devices) {
    if (udid === null) continue;
    for (const name of [udid, serial?.trim()]) {
      if (name === undefined || name === '') continue;
      const known = byName.get(name.toLowerCase());
      if (known === undefined) byName.set(name.toLowerCase(), [udid]);
      else known.push(udid);
    }
  }
  return byName;
}

/**
 * Reads a wave file: one UDID or serial number a line, `#` starts a comment. Matching ignores case, since people copy
 * serial numbers from asset lists; what is returned are the UDIDs as the source has them.
 * @throws usage/wave when a line names nothing in the source (a typing error would silently leave a device behind)
 */
export function parseWave(text: string, snapshot: Snapshot): Set<string> {
  if (Buffer.byteLength(text) > LIMIT_BYTES) {
    misused('usage/wave', 'The wave file is larger than 64 MiB.', 'Name the right file.');
  }
  const byName = devicesByName(snapshot);
  const wave = new Set<string>();
  const unknown: string[] = [];
  for (const raw of text.replace(/^\ufeff/, '').split(/\r?\n/)) {
    const name = raw.replace(/#.*$/, '').trim();
    if (name === '') continue;
    const udids = byName.get(name.toLowerCase());
    if (udids === undefined) unknown.push(name);
    else for (const udid of udids) wave.add(udid);
  }
  if (unknown.length > 0) {
    misused(
      'usage/wave',
      `${unknown.length} of the wave’s lines name no device of the source, first «${(unknown[0] ?? '').slice(0, 60)}».`,
      'Correct the file, or read the source again if these devices are new.',
      { unknown: unknown.length },
    );
  }
  if (wave.size === 0) misused('usage/wave', 'The wave is empty.', 'Put one UDID or serial number on each line.');
  return wave;
}
