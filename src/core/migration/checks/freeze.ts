/** What keeps new enrollments out of the old server between the last reading and the switch. */
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
    return warn(
      'enrollments-open',
      'Whether anybody can still enrol at the old server cannot be asked: what hands out profiles and certificates there is a program of its own. A device that enrols after the last reading is brought over by nobody.',
      freeze,
    );
  },
};
