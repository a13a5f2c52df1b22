/**
 * The reasons this reader itself gives a device: oddities of its record that need no clock and no target.
 * Constant ones are shared objects, so fifty thousand of them cost nothing.
 */
import type { Reason } from '../snapshot';

const sendTokenUpdate =
  'Let the device contact MicroMDM (send it a push) so that it reports afresh, then read the source again.';

/** Device reasons without variable parts (spec 8). */
export const REASON = {
  recordKeyMismatch: {
    code: 'record-key-mismatch',
    severity: 'note',
    sentence: 'A record of this device names another id than the key it is stored under; the key was trusted.',
    remedy: 'Nothing to do; mention it if the device behaves oddly.',
  },
  invalidUtf8: {
    code: 'invalid-utf8',
    severity: 'caution',
    sentence: 'A text of this device record is not valid UTF-8; the invalid bytes were replaced.',
    remedy: 'Look at the name and serial shown; correct them in Fleet afterwards if they matter.',
  },
  pushInfoDiffers: {
    code: 'push-info-differs',
    severity: 'note',
    sentence: 'The push token or magic in the device record differs from the push record; the push record was taken.',
    remedy: 'Nothing to do: MicroMDM itself pushes with the push record.',
  },
  pushFromDeviceRecord: {
    code: 'push-from-device-record',
    severity: 'caution',
    sentence:
      'There is no push record for this device; token and magic come from its device record and the topic from the push certificate.',
    remedy: sendTokenUpdate,
  },
  bootstrapTokenText: {
    code: 'bootstrap-token-text',
    severity: 'note',
    sentence: 'The bootstrap token looks like base64 text rather than raw bytes; it is kept exactly as stored.',
    remedy: 'If the Mac refuses it later, escrow a new one (profiles install -type bootstraptoken).',
  },
  unlockTokenNotHex: {
    code: 'unlock-token-not-hex',
    severity: 'block',
    sentence: 'The unlock token stored for this device is not hexadecimal text, so its bytes are unknown.',
    remedy: sendTokenUpdate,
  },
  unlockTokenAbsent: {
    code: 'unlock-token-absent',
    severity: 'note',
    sentence: 'No unlock token is stored for this device: clearing its passcode will fail until it sends a new one.',
    remedy: 'Nothing to do; a later TokenUpdate of the device brings it.',
  },
  platformInferred: {
    code: 'platform-inferred',
    severity: 'note',
    sentence: 'The record has no product name; the platform was inferred from the model or the shape of the UDID.',
    remedy: 'Check that the platform shown is right.',
  },
  udidIndexMissing: {
    code: 'udid-index-missing',
    severity: 'note',
    sentence: 'MicroMDM’s index does not list this UDID, so the server no longer updates this record.',
    remedy: 'Nothing to do; the record itself was read.',
  },
  udidIndexElsewhere: {
    code: 'udid-index-elsewhere',
    severity: 'caution',
    sentence: 'MicroMDM’s index points from this UDID to the record of another UDID, so this record may be outdated.',
    remedy: 'Compare serial and last contact with the other record before moving the device.',
  },
  udidCaseDiffers: {
    code: 'udid-case-differs',
    severity: 'block',
    sentence:
      'The UDID is written in different case in the device record and in the push or certificate record; which one the device sends cannot be known.',
    remedy: 'Re-enroll the device, or let it contact MicroMDM and read again.',
  },
  duplicateKept: {
    code: 'duplicate-udid',
    severity: 'note',
    sentence: 'Several records have this UDID; this is the one MicroMDM’s index points to.',
    remedy: 'Nothing to do; the others stay out.',
  },
  duplicateGuessed: {
    code: 'duplicate-udid',
    severity: 'caution',
    sentence:
      'Several records have this UDID and MicroMDM’s index points to none of them; this is the one enrolled or seen last.',
    remedy: 'Compare the records before moving the device.',
  },
  duplicateSuperseded: {
    code: 'duplicate-udid',
    severity: 'block',
    sentence: 'This record is superseded: MicroMDM uses another record with the same UDID.',
    remedy: 'Nothing to do; the other record is moved.',
  },
  certificateUnreadable: {
    code: 'certificate-unreadable',
    severity: 'caution',
    sentence: 'The identity certificate of this device is in the depot but cannot be read; its expiry is unknown.',
    remedy: 'Re-enroll the device, or accept that its certificate is renewed right after the move.',
  },
  certHashMalformed: {
    code: 'certificate-hash-malformed',
    severity: 'block',
    sentence: 'The certificate hash stored for this device is not 32 bytes long.',
    remedy: 'Re-enroll the device.',
  },
  lastSeenAbsurd: {
    code: 'last-seen-absurd',
    severity: 'note',
    sentence: 'The last contact stored for this device is negative or in the future and was ignored.',
    remedy: 'Check the clock of the MicroMDM server.',
  },
  severalUsers: {
    code: 'several-users',
    severity: 'note',
    sentence: 'More than one user channel is stored for this device; MicroMDM keeps one, the others are outdated.',
    remedy: 'Nothing to do; the channel returns with the user’s next login.',
  },
} as const satisfies Record<string, Reason>;

/**
 * Other certificates a device may be using whose bound one had expired when it was last in contact (spec 4, 8 #17).
 * That it must use another one is for the verdict to say; which ones are likely only the depot tells.
 */
export function otherCertificates(hashes: readonly string[]): Reason {
  const named = hashes.slice(0, 3).map((sha256) => `${sha256.slice(0, 12)}…`);
  return {
    code: 'certificate-candidates',
    severity: 'note',
    sentence: `The depot holds newer certificates of the same name that no device is bound to (${hashes.length}): ${named.join(', ')}.`,
    remedy: 'The device probably uses the newest of them; re-send it the enrollment profile, then read again.',
  };
}
