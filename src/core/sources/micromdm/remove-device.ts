/** mdm.RemoveDevice: devices that MicroMDM refuses on their next contact, which makes them drop management (spec 3.3). */
import { BUCKET, type Reading } from './reading';

export function readBlocked(reading: Reading): Set<string> {
  const udids = new Set<string>();
  reading.entries(BUCKET.removeDevice, ({ key }) => void udids.add(key.toString('utf8')));
  return udids;
}
