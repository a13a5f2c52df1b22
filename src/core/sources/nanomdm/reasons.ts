/** The reasons the reader of a NanoMDM gives a device: what its stored records say by themselves, without a clock. */
import type { Reason } from '../snapshot';

const startOver = 'Let it finish at the old server and read again; else it enrols at Fleet anew.';

/** Device reasons without variable parts. Constant ones are shared objects. */
export const REASON = {
  neverFinished: {
    code: 'not-enrolled',
    severity: 'block',
    sentence: 'It began to enrol (Authenticate) and never finished: no TokenUpdate came, so the source cannot push it.',
    remedy: startOver,
  },
  enrolsAgain: {
    code: 'not-enrolled',
    severity: 'block',
    sentence:
      'It has begun to enrol again (Authenticate) and has not finished: what the source holds is of its earlier enrollment.',
    remedy: startOver,
  },
  disabled: {
    code: 'not-enrolled',
    severity: 'block',
    sentence: 'The source has switched its enrollment off: it checked out, or began to enrol again and never finished.',
    remedy: 'Nothing to do if it left; else re-enrol it.',
  },
  userEnrollment: {
    code: 'user-enrollment',
    severity: 'block',
    sentence:
      'A User Enrollment: it goes by an enrollment id in place of a UDID and tells no serial number, so Fleet could not know it.',
    remedy: 'Its owner enrols it at Fleet anew.',
  },
  typeUnknown: {
    code: 'enrollment-type-unknown',
    severity: 'block',
    sentence: 'Its enrollment is of a type that Slipway does not know.',
    remedy: 'Report it to Slipway with the version of NanoMDM; until then the device stays out.',
  },
  sharedUsers: {
    code: 'shared-ipad-users',
    severity: 'note',
    sentence: 'A Shared iPad: the device itself goes along, its users do not.',
    remedy: 'Nothing to do; each user comes back at the next login.',
  },
  idDiffers: {
    code: 'record-key-mismatch',
    severity: 'note',
    sentence: 'The last message of this device names another id than the one it is stored under; the latter was taken.',
    remedy: 'Nothing to do; mention it if the device behaves oddly.',
  },
  udidCaseDiffers: {
    code: 'udid-case-differs',
    severity: 'block',
    sentence:
      'The UDID is written in different case in its records: the device has changed how it writes it, and the source took both for one.',
    remedy: 'Re-enrol the device.',
  },
  authenticateUnreadable: {
    code: 'authenticate-unreadable',
    severity: 'note',
    sentence: 'The message it enrolled with is not stored or cannot be read: name, model and version are not known.',
    remedy: 'Nothing to do; Fleet learns them from the device.',
  },
  tokenUpdateUnreadable: {
    code: 'token-update-unreadable',
    severity: 'note',
    sentence: 'The last TokenUpdate of this device cannot be read; what was kept of it apart was taken.',
    remedy: 'Nothing to do.',
  },
  invalidUtf8: {
    code: 'invalid-utf8',
    severity: 'caution',
    sentence: 'A text of this device record is not valid UTF-8; the invalid bytes were replaced.',
    remedy: 'Look at the name and serial shown; correct them in Fleet afterwards if they matter.',
  },
  unlockTokenOlder: {
    code: 'unlock-token-older',
    severity: 'note',
    sentence:
      'The unlock token stored is of an earlier enrollment of this device: clearing its passcode may fail until it sends a new one.',
    remedy: 'Nothing to do; a later TokenUpdate of the device brings it.',
  },
  unlockTokenAbsent: {
    code: 'unlock-token-absent',
    severity: 'note',
    sentence: 'No unlock token is stored for this device: clearing its passcode will fail until it sends a new one.',
    remedy: 'Nothing to do; a later TokenUpdate of the device brings it.',
  },
  bootstrapTokenUnreadable: {
    code: 'bootstrap-token-unreadable',
    severity: 'caution',
    sentence: 'The bootstrap token stored for this Mac is not base64, so its bytes are unknown; it is left out.',
    remedy: 'Accept it and escrow a new one afterwards (profiles install -type bootstraptoken).',
  },
  identityUnreadable: {
    code: 'identity-unreadable',
    severity: 'note',
    sentence:
      'The certificate stored with this device cannot be read; where the SCEP depot holds it, that one was taken.',
    remedy: 'Nothing to do.',
  },
  platformInferred: {
    code: 'platform-inferred',
    severity: 'note',
    sentence: 'The record has no product name; the platform was inferred from the model or the shape of the UDID.',
    remedy: 'Check that the platform shown is right.',
  },
  certificateUnreadable: {
    code: 'certificate-unreadable',
    severity: 'caution',
    sentence: 'The identity certificate of this device is at hand but cannot be read; its expiry is unknown.',
    remedy: 'Re-enrol the device, or accept that its certificate is renewed right after the move.',
  },
  hashMalformed: {
    code: 'certificate-hash-malformed',
    severity: 'block',
    sentence: 'A certificate hash stored for this device is not that of a certificate: it is not 64 hex digits long.',
    remedy: 'Re-enrol the device.',
  },
  lastSeenAbsurd: {
    code: 'last-seen-absurd',
    severity: 'note',
    sentence: 'The last contact stored for this device is in the future and was ignored.',
    remedy: 'Check the clock of the NanoMDM server.',
  },
} as const satisfies Record<string, Reason>;

/** Values no device sends: what is that large is not taken along, and is no reason to take the rest. */
export function oversized(names: readonly string[]): Reason {
  return {
    code: 'value-too-long',
    severity: 'block',
    sentence: `Values of this device are larger than any device sends: ${names.join(', ')}.`,
    remedy: 'Look at this record at the old server; re-enrol the device.',
  };
}
