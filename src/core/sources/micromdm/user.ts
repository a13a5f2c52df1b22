/** mdm.Users: the user channels of Macs (spec 2.8, 3.4). Account templates in the same bucket are no concern. */
import type { Stores, UserRow } from './device-store';
import { MessageType } from './protobuf';
import { SHARED_IPAD_USER, type PushRecords } from './push-info';
import { BUCKET, type Reading } from './reading';

const userMessage = new MessageType({
  uuid: [1, 'text'],
  udid: [2, 'text'],
  userId: [3, 'text'],
  shortName: [4, 'text'],
  longName: [5, 'text'],
  authToken: [6, 'text'],
});

/**
 * Gives every device its user channels.
 * @param userIds takes the ids of all user channels, so that their push records are not taken for orphans
 */
export function readUsers(reading: Reading, { devices, users, userIds }: Stores, push: PushRecords): void {
  const { findings } = reading;
  reading.entries(BUCKET.users, (entry) => {
    const { key, value } = entry;
    const decoded = userMessage.decode(value);
    if (!decoded.ok) {
      reading.undecodable(BUCKET.users, key, decoded.error);
      return;
    }
    const { udid, userId } = decoded.message;
    if (udid === '' || userId === '') return;
    userIds.add(userId);
    if (userId === SHARED_IPAD_USER) return;
    if (!devices.byUdid.has(udid)) {
      findings.mark('user-without-device', userId);
      return;
    }
    users.add(udid, rowOf(key, decoded.message), entry);
  });
  findings.gather(
    'user-without-device',
    'info',
    (count) => `User channels of UDIDs without a device record: ${count}. They stay out.`,
  );
  if (!users.isEmpty)
    reading.entries(BUCKET.userIndex, ({ key, value }) => {
      const id = key.toString('utf8');
      if (users.has(id)) users.setLatest(id, value.toString('utf8'));
    });
  devices.setUsers(users, (rows) =>
    rows.map(({ row, superseded }) => {
      const identity = push.byKey.get(row.id) ?? null;
      return {
        id: row.id,
        shortName: row.shortName || null,
        longName: row.longName || null,
        push: identity,
        tokenMatches: identity === null || row.authToken === '' ? null : row.authToken === identity.tokenHex,
        superseded,
      };
    }),
  );
}

/** A user record that was read before, read again; null when it cannot be decoded any more. */
export function decodeUser(key: Buffer, value: Buffer): UserRow | null {
  const decoded = userMessage.decode(value);
  return decoded.ok ? rowOf(key, decoded.message) : null;
}

type UserMessage = Record<'userId' | 'shortName' | 'longName' | 'authToken', string>;

function rowOf(key: Buffer, { userId, shortName, longName, authToken }: UserMessage): UserRow {
  return { recordId: key.toString('utf8'), id: userId, shortName, longName, authToken };
}
