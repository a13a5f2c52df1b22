/** The reasons a table itself gives a device: what needs no other device and no target to be seen. */
import type { Reason } from '../snapshot';

export const REASON = {
  notEnrolled: {
    code: 'not-enrolled',
    severity: 'block',
    sentence: 'The table says that this enrollment is not in force.',
    remedy:
      'Nothing to do if it was checked out; if the server does hold it for enrolled, write true and read the table again.',
  },
  platformInferred: {
    code: 'platform-inferred',
    severity: 'note',
    sentence:
      'The table has no product name for it; the platform was inferred from the model or the shape of the UDID.',
    remedy: 'Check that the platform shown is right, or fill in the column platform.',
  },
  lastSeenAbsurd: {
    code: 'last-seen-absurd',
    severity: 'note',
    sentence: 'The last contact the table gives is in the future and was ignored.',
    remedy: 'Check the clock of the old server, and the time zone in the column last_seen.',
  },
  unlockTokenAbsent: {
    code: 'unlock-token-absent',
    severity: 'note',
    sentence: 'The table has no unlock token for it: clearing its passcode will fail until it sends a new one.',
    remedy: 'Nothing to do; a later TokenUpdate of the device brings it.',
  },
  bootstrapTokenText: {
    code: 'bootstrap-token-text',
    severity: 'caution',
    sentence:
      'The bootstrap token, decoded, is base64 again: it was probably encoded twice, and the Mac would refuse it.',
    remedy: 'Export the token encoded once, and read the table again; accept it if the old server really held text.',
  },
} as const satisfies Record<string, Reason>;
