/** What keeps new enrollments out of the old server between the last reading and the switch. */
import type { Snapshot } from '../../sources/snapshot';
import { wordsFor } from '../../sources/source-words';
import { pass, warn, type Check } from './check';

export const FREEZE_CHECK: Check = {
  id: 'enrollments-frozen',
  phase: 'source',
  title: 'No new enrollments at the old server',
  needs: [],
  run({ snapshot }) {
    const { freeze, server } = wordsFor(snapshot.source.kind);
    // MicroMDM enrols by its own paths: the redirects refuse them, and a probe asks.
    if (snapshot.source.kind === 'micromdm')
      return pass(`${server} enrols by its own paths. ${freeze} The probe «frozen» asks them.`);
    const newest = newestEnrollment(snapshot);
    return warn(
      'enrollments-open',
      `Whether anybody can still enrol at the old server cannot be asked: what hands out profiles and certificates there is a program of its own. A device that enrols after the last reading is brought over by nobody.${
        newest === null
          ? ' This source does not keep when a device enrolled, nor certificates it could be read from.'
          : ` The newest enrollment in this reading is of ${new Date(newest).toISOString()}: one after the time you froze it means that it is not frozen; none does not prove that it is.`
      }`,
      freeze,
    );
  },
};

/**
 * When a device was last given a certificate, or bound to one: milliseconds; null where the source knows neither. SCEP
 * servers date certificates back by minutes, so a binding's own time goes before.
 */
function newestEnrollment({ devices }: Snapshot): number | null {
  let newest: number | null = null;
  for (const { certificate } of devices) {
    const at = certificate?.associatedAt ?? certificate?.notBefore ?? null;
    if (at !== null && (newest === null || at > newest)) newest = at;
  }
  return newest;
}
