/** What is watched, in words. */
import type { DeviceWatch } from '../../../contract/watch';

type ProofKind = NonNullable<DeviceWatch['proof']>;

/** What Fleet heard, short enough for a table. */
export const PROOF_WORDS: Readonly<Record<ProofKind, string>> = {
  poll: 'Called',
  'token-update': 'Push token',
  authenticate: 'Enrolled anew',
  'command-result': 'Answered',
  'api-contact': 'Called',
  'api-answer': 'Answered',
};

const ATTENTION: Readonly<Record<string, string>> = {
  any: 'Any',
  blocked: 'Left out by the plan',
  'half-imported': 'Imported by half',
  disabled: 'Switched off in Fleet',
  unenrolled: 'Unenrolled',
  'import-time-unknown': 'Import time unknown',
  'wrong-topic': 'Wrong push topic',
  'certificate-refused': 'Certificate refused',
  'certificate-expired': 'Certificate ended',
  'renewal-impossible': 'Never renewed',
  'renewal-stuck': 'Renewal hangs',
  'no-host': 'No host in Fleet',
  'duplicate-host': 'Several hosts',
  'answered-old-server': 'Called the old server',
  'silent-since-switch': 'Silent since the switch',
};

export function attentionWords(code: string): string {
  return ATTENTION[code] ?? code;
}
