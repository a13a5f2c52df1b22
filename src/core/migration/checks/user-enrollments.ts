/** User enrollments (BYOD): they tell no UDID, so nothing can lead or carry them. */
import { counted, pass, warn, type Check } from './check';

export const USER_ENROLLMENTS_CHECK: Check = {
  id: 'user-enrollments',
  phase: 'source',
  title: 'User enrollments',
  needs: [],
  run(facts) {
    const found = facts.withReason('user-enrollment');
    if (found.length === 0) return pass('The source tells of no user enrollment (BYOD).');
    return warn(
      'user-enrollments',
      `${counted(found.length, 'user enrollment stays', 'user enrollments stay')} at the old server: such a device tells no UDID and cannot be moved. While waves are led by UDID it keeps reaching the old server by itself; once the whole name leads to Fleet it is refused there.`,
      'Re-enrol them in Fleet before the old name leads there as a whole, or keep a path or name of its own for them.',
      { subjects: found },
    );
  },
};
