/** mdm.Blueprint: sets of profiles and apps that MicroMDM applies at enrollment (spec 2.7). */
import type { Blueprint } from '../snapshot';
import { MessageType } from './protobuf';
import { BUCKET, type Reading } from './reading';

const blueprint = new MessageType({
  uuid: [1, 'text'],
  name: [2, 'text'],
  manifestUrls: [3, 'texts'],
  profileIds: [5, 'texts'],
  applyAt: [6, 'texts'],
});

export function readBlueprints(reading: Reading): Blueprint[] {
  const list: Blueprint[] = [];
  reading.entries(BUCKET.blueprint, ({ key, value }) => {
    const decoded = blueprint.decode(value);
    if (!decoded.ok) {
      reading.undecodable(BUCKET.blueprint, key, decoded.error);
      return;
    }
    const { name, manifestUrls, profileIds, applyAt } = decoded.message;
    list.push({
      uuid: key.toString('utf8'),
      name,
      profileIdentifiers: profileIds,
      manifestUrls,
      appliesAtEnroll: applyAt.some((event) => event.toLowerCase() === 'enroll'),
    });
  });
  return list;
}
