/** mdm.PushInfo: what each enrollment needs to be pushed, keyed by UDID, user id or EnrollmentID (spec 2.2, 3.4). */
import { Secret } from '../../secret';
import type { PushIdentity } from '../snapshot';
import type { KeyedRecords } from './device-store';
import { MessageType } from './protobuf';
import { BUCKET, type Reading } from './reading';

const pushInfo = new MessageType({
  udid: [1, 'text'],
  token: [2, 'text'],
  pushMagic: [3, 'text'],
  mdmTopic: [4, 'text'],
});

/** The push records of a source. */
export interface PushRecords {
  readonly byKey: KeyedRecords<PushIdentity>;
  /** Keys whose record names another id. */
  readonly mismatched: ReadonlySet<string>;
  /** Keys whose record holds text that is not UTF-8. */
  readonly badText: ReadonlySet<string>;
}

/** Shared iPads all use this user id and overwrite each other's record: worthless (spec 3.4). */
export const SHARED_IPAD_USER = 'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF';

/** @param byKey takes the records */
export function readPushInfo(reading: Reading, byKey: PushRecords['byKey']): PushRecords {
  const mismatched = new Set<string>();
  const badText = new Set<string>();
  // All devices of a server share one topic, or a few: keep each text once.
  const topics = new Map<string, string>();
  reading.entries(BUCKET.pushInfo, (entry) => {
    const { key, value } = entry;
    const id = key.toString('utf8');
    if (id === SHARED_IPAD_USER) {
      reading.findings.add(
        'shared-ipad-user',
        'info',
        'Shared iPads are or were enrolled: their user channels all share one record and cannot be moved; they return with the next login.',
        [id],
      );
      return;
    }
    const result = pushInfo.decode(value);
    if (!result.ok) {
      reading.undecodable(BUCKET.pushInfo, key, result.error);
      return;
    }
    const { udid, token, pushMagic, mdmTopic } = result.message;
    if (udid !== id) mismatched.add(id);
    if (result.badText.length > 0) badText.add(id);
    let topic = topics.get(mdmTopic);
    if (topic === undefined) topics.set(mdmTopic, (topic = mdmTopic));
    byKey.set(id, identityOf({ token, pushMagic, mdmTopic: topic }), entry);
  });
  return { byKey, mismatched, badText };
}

/** A push record that was read before, read again; null when it cannot be decoded any more. */
export function decodePush(value: Buffer): PushIdentity | null {
  const result = pushInfo.decode(value);
  return result.ok ? identityOf(result.message) : null;
}

function identityOf({ token, pushMagic, mdmTopic }: Record<'token' | 'pushMagic' | 'mdmTopic', string>): PushIdentity {
  return { topic: mdmTopic, magic: new Secret('push magic', pushMagic), tokenHex: token, from: 'push-info' };
}
