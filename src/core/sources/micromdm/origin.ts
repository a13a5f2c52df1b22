/** Tells a MicroMDM database from the Bolt files of other programs (spec 2). */
import { displayName, type BoltFile } from '../../bolt';
import { unreadable } from '../../failure';
import { BUCKET } from './reading';

/**
 * Accepts a MicroMDM database.
 * @throws FailureError `micromdm/not-micromdm` naming the program whose file it is, as far as its buckets tell
 */
export function requireMicroMdm(bolt: BoltFile): void {
  const names = new Set<string>(bolt.bucketNames().map(displayName));
  if (names.has(BUCKET.devices) && names.has(BUCKET.deviceIndex) && names.has(BUCKET.depot)) return;
  const program = programOf(names);
  unreadable(
    'micromdm/not-micromdm',
    `This Bolt file is not a MicroMDM database: ${program}.`,
    'Give micromdm.db from MicroMDM’s configuration folder (by default /var/db/micromdm).',
    { buckets: [...names].slice(0, 20).join(', ') },
  );
}

function programOf(names: ReadonlySet<string>): string {
  if (names.has('device_serial') || names.has('device_computer_name')) return 'it belongs to the simulator mdmb';
  if (names.has('key') && (names.has('members') || names.has('meta'))) return 'it belongs to etcd';
  const some = [BUCKET.devices, BUCKET.deviceIndex, BUCKET.depot].filter((name) => names.has(name));
  if (names.size === 1 && names.has(BUCKET.depot)) return 'it is the certificate depot of a plain SCEP server';
  if (names.size === 0) return 'it is empty';
  if (some.length > 0) return `it has ${some.join(' and ')} but not the other buckets MicroMDM always makes`;
  return `it has the buckets ${[...names].slice(0, 8).join(', ')}`;
}
