/**
 * The routes as a balancer holds them: which UDIDs go to Fleet. Everything that is not in it goes to the old server.
 *
 * As text it is HAProxy's map: `UDID fleet`, one a line. Case counts: what the device sends is looked up as it is.
 */
import { createHash } from 'node:crypto';
import { refused } from '../failure';

/** The value that leads to Fleet. */
export const FLEET = 'fleet';

/** What a UDID may consist of to be found in a body and looked up; everything of Apple's is. */
export const UDID_PATTERN = '[0-9A-Za-z-]{8,64}';
const UDID = new RegExp(`^${UDID_PATTERN}$`);

/** True when a device with this id can be led anywhere at all. */
export function isRoutable(udid: string): boolean {
  return UDID.test(udid);
}

/** The map's text: sorted, so that the same routes are the same bytes. Throws `wave/udid-malformed`. */
export function formatMap(udids: Iterable<string>): string {
  const sorted = [...udids].sort();
  const wrong = sorted.find((udid) => !isRoutable(udid));
  if (wrong !== undefined) {
    refused(
      'wave/udid-malformed',
      'A UDID has characters or a length no load balancer looks for, so it cannot be led to Fleet.',
      'Leave this device out.',
      { udid: wrong.slice(0, 80) },
    );
  }
  return sorted.map((udid) => `${udid} ${FLEET}\n`).join('');
}

/** What a map's text says. Lines that are not ours are told, not guessed at. */
export interface ParsedMap {
  readonly fleet: ReadonlySet<string>;
  /** Lines that name no UDID, or lead somewhere else than to Fleet. */
  readonly foreign: readonly string[];
}

/** Reads a map's text: blank lines and lines beginning with # are none. */
export function parseMap(text: string): ParsedMap {
  const fleet = new Set<string>();
  const foreign: string[] = [];
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const [udid = '', value, ...rest] = line.split(/\s+/);
    if (value === FLEET && rest.length === 0 && isRoutable(udid)) fleet.add(udid);
    else foreign.push(line.slice(0, 120));
  }
  return { fleet, foreign };
}

/** Lower-case hex SHA-256 of a text, as `sha256sum` prints it. */
export function sha256Of(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** True when both hold the same. */
export function sameRoutes(left: ReadonlySet<string>, right: ReadonlySet<string>): boolean {
  return left.size === right.size && [...left].every((udid) => right.has(udid));
}
