/** mdm.Users: the user channels of Macs (spec 2.8, 3.4). Account templates in the same bucket are no concern. */
import { addReason, addUser, type DeviceRecords } from './device';
import { MessageType } from './protobuf';
import { SHARED_IPAD_USER, type PushRecords } from './push-info';
import { BUCKET, type Reading } from './reading';
import { REASON } from './reasons';

const userMessage = new MessageType({
  uuid: [1, 'text'],
  udid: [2, 'text'],
  userId: [3, 'text'],
  shortName: [4, 'text'],
  longName: [5, 'text'],
  authToken: [6, 'text'],
});

interface UserRow {
  readonly recordId: string;
  readonly id: string;
  readonly shortName: string;
  readonly longName: string;
  readonly authToken: string;
}

/**
 * Adds its user channels to every device.
 * @returns the ids of all user channels, so that their push records are not taken for orphans.
 */
export function readUsers(reading: Reading, devices: DeviceRecords, push: PushRecords): Set<string> {
  const { findings } = reading;
  const ids = new Set<string>();
  const byUdid = new Map<string, UserRow[]>();
  reading.entries(BUCKET.users, ({ key, value }) => {
    const decoded = userMessage.decode(value);
    if (!decoded.ok) {
      reading.undecodable(BUCKET.users, key, decoded.error);
      return;
    }
    const { udid, userId, shortName, longName, authToken } = decoded.message;
    if (udid === '' || userId === '') return;
    ids.add(userId);
    if (userId === SHARED_IPAD_USER) return;
    if (!devices.byUdid.has(udid)) {
      findings.mark('user-without-device', userId);
      return;
    }
    const row = { recordId: key.toString('utf8'), id: userId, shortName, longName, authToken };
    const known = byUdid.get(udid);
    if (known) known.push(row);
    else byUdid.set(udid, [row]);
  });
  findings.gather(
    'user-without-device',
    'info',
    (count) => `User channels of UDIDs without a device record: ${count}. They stay out.`,
  );

  const latest = latestUsers(reading, byUdid);
  for (const [udid, rows] of byUdid) {
    const current = latest.get(udid);
    const decided = rows.some(({ recordId }) => recordId === current);
    const first = devices.byUdid.get(udid);
    for (const device of devices.duplicates.get(udid) ?? (first ? [first] : [])) {
      if (rows.length > 1) addReason(device, REASON.severalUsers);
      for (const row of rows) {
        const identity = push.byKey.get(row.id) ?? null;
        addUser(device, {
          id: row.id,
          shortName: row.shortName || null,
          longName: row.longName || null,
          push: identity,
          tokenMatches: identity === null || row.authToken === '' ? null : row.authToken === identity.tokenHex,
          superseded: decided && row.recordId !== current,
        });
      }
    }
  }
  return ids;
}

/** The index entry of a UDID is the user that came last; it is the only age a user record has. */
function latestUsers(reading: Reading, byUdid: ReadonlyMap<string, readonly UserRow[]>): Map<string, string> {
  const latest = new Map<string, string>();
  if (byUdid.size === 0) return latest;
  reading.entries(BUCKET.userIndex, ({ key, value }) => {
    const id = key.toString('utf8');
    if (byUdid.has(id)) latest.set(id, value.toString('utf8'));
  });
  return latest;
}
