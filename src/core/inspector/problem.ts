/** Everything the inspector may have to say about an item. Codes are stable; the table is the documentation. */
import type { Problem, ProblemSeverity } from './item';

type Sentence = string | ((...values: (string | number)[]) => string);

interface Entry {
  readonly severity: ProblemSeverity;
  readonly sentence: Sentence;
  readonly remedy: string;
}

const entry = (severity: ProblemSeverity, sentence: Sentence, remedy: string): Entry => ({
  severity,
  sentence,
  remedy,
});

const RIGHT_FILE = 'Check that the right file was given and that it was copied completely.';

const table = {
  // Reading.
  'file-unreadable': entry(
    'error',
    (why) => `The file cannot be read (${why}).`,
    'Check the path and its permissions.',
  ),
  'file-too-large': entry('error', 'The file is larger than 64 MiB and no database.', RIGHT_FILE),
  'file-empty': entry('error', 'The file is empty.', RIGHT_FILE),
  'not-recognised': entry(
    'error',
    'This is no certificate, key, request, bundle, profile, token or database that we know.',
    RIGHT_FILE,
  ),
  'binary-property-list': entry(
    'error',
    'This is a binary property list.',
    'Convert it first: plutil -convert xml1 FILE.',
  ),
  damaged: entry('error', (what) => `This looks like ${what}, but it cannot be read to its end.`, RIGHT_FILE),
  'too-many-items': entry(
    'error',
    (count) => `More than ${count} things were found; the rest was left out.`,
    'Give fewer files at a time.',
  ),
  'nested-too-deep': entry(
    'error',
    'Things are nested deeper here than any real file has them; the inner ones were left out.',
    RIGHT_FILE,
  ),
  'database-unreadable': entry(
    'error',
    (why) => `This database cannot be read: ${why}`,
    'Run slipway read on it to see more, with --salvage if it is damaged.',
  ),
  'database-by-path': entry('error', 'A database can only be opened from a file on disk.', 'Name it by its path.'),
  // Opening.
  'password-needed': entry('warning', 'It is encrypted, and no password was given.', 'Give its password.'),
  'password-wrong': entry('error', 'It is encrypted, and none of the passwords given opens it.', 'Give its password.'),
  'unsupported-encryption': entry(
    'error',
    (scheme) => `It is encrypted in a way we cannot undo (${scheme}).`,
    'Decrypt it with the program that made it.',
  ),
  'too-much-work': entry(
    'error',
    'It asks for more rounds of key derivation than any real file, and was not opened.',
    'Open it with openssl if you trust where it comes from.',
  ),
  'envelope-locked': entry(
    'warning',
    (recipient) => `It is encrypted for a key that is not among the files (${recipient}).`,
    'Give the private key of the certificate it was made for as well.',
  ),
  'weak-encryption': entry(
    'info',
    (scheme) => `Its encryption (${scheme}) protects nothing any more.`,
    'Treat the file as if it were not encrypted, or export it anew.',
  ),
  // Validity.
  expired: entry('error', (days) => `It expired ${days} ago.`, 'Renew it; devices or clients refuse it.'),
  'not-yet-valid': entry(
    'error',
    (days) => `It becomes valid only in ${days}.`,
    'Check the clock of whoever issued it, and of this machine.',
  ),
  'expiring-30': entry('warning', (days) => `It expires in ${days}.`, 'Renew it before the move.'),
  // Keys.
  'weak-key': entry('error', (key) => `Its key is too weak (${key}).`, 'Make a new one with RSA 2048 bits or more.'),
  'weak-hash': entry(
    'warning',
    (algorithm) => `It is signed with a weak hash (${algorithm}).`,
    'Have it issued again with SHA-256.',
  ),
  'broken-hash': entry(
    'error',
    (algorithm) => `It is signed with a broken hash (${algorithm}): anybody can forge it, and Apple refuses it.`,
    'Have it issued again with SHA-256.',
  ),
  'not-rsa-for-fleet': entry(
    'error',
    (type) => `Its key is ${type}, but Fleet needs RSA here.`,
    'It cannot be carried over; see the operations guide on what that means.',
  ),
  'key-missing': entry(
    'warning',
    'Its private key is not among the files.',
    'Give the key as well (or its password); without it the certificate is of no use to Fleet.',
  ),
  'key-differs': entry(
    'error',
    (other) => `The key and the certificate that lie together do not belong together (${other}).`,
    'Find the key this certificate was issued for.',
  ),
  'key-not-pkcs1': entry(
    'info',
    'The key is RSA but not in PKCS#1 form, which Fleet needs for its yearly renewal.',
    'Export it here: keys are written as PKCS#1 where they are RSA.',
  ),
  // Push.
  'topic-missing': entry(
    'error',
    'It is a push certificate without a topic (no UID com.apple.mgmt.… in its subject).',
    'Get the MDM push certificate from Apple’s push certificates portal; others cannot push MDM.',
  ),
  'topic-differs': entry(
    'error',
    (own, wanted) => `Its topic ${own} is not the one the devices use (${wanted}).`,
    'Find the push certificate with the devices’ topic, or renew that one; a new topic means enrolling every device again.',
  ),
  // CA.
  'ca-not-a-ca': entry(
    'error',
    'It issues certificates, but its basic constraints do not say that it is a CA.',
    'Some TLS stacks refuse what it issued; extend it as a real CA with the same key and name before the move.',
  ),
  'ca-under-five-years': entry(
    'warning',
    (days) => `The SCEP CA has less than five years left (${days}).`,
    'Extend it before the move: same key, subject and key identifier.',
  ),
  // TLS.
  'self-signed-tls': entry(
    'warning',
    'The TLS certificate is self-signed: devices trust it only with an anchor in their profile.',
    'Keep that anchor payload in the enrollment profile, or use a certificate of a public CA.',
  ),
  'tls-name-missing': entry(
    'warning',
    'The TLS certificate has no DNS name among its alternative names, and Apple’s devices look nowhere else.',
    'Have it issued again with the host name as subjectAltName.',
  ),
  'tls-too-long': entry(
    'warning',
    (days) => `The TLS certificate is valid for ${days}; Apple’s devices accept 825 days at most.`,
    'Have it issued for a shorter time.',
  ),
  // Signatures.
  'chain-incomplete': entry(
    'info',
    'Its issuer is not among the files, so who issued it is not proven.',
    'Give the issuer’s certificate as well.',
  ),
  'signature-differs': entry(
    'error',
    'A certificate with its issuer’s name is among the files, but that one’s key did not sign it.',
    'Find the issuer with the right key: two CAs of the same name are two CAs.',
  ),
  'self-signature-wrong': entry(
    'error',
    'It is not signed by its own key: it was changed, or damaged.',
    'Make the request again.',
  ),
  'profile-signature-wrong': entry(
    'error',
    'The profile’s signature is not right for its content: it was changed after signing.',
    'Get the profile again from where it was signed.',
  ),
  'push-request-signature-wrong': entry(
    'error',
    'The vendor’s signature is not right for the request in it; Apple will refuse it.',
    'Have the vendor sign the request again.',
  ),
  'push-request-incomplete': entry(
    'error',
    (what) => `The push request lacks ${what}.`,
    'Have the vendor sign the request again.',
  ),
} as const satisfies Record<string, Entry>;

/** Every code the inspector may give. */
export type ProblemCode = keyof typeof table;

/** A problem with its numbers and names filled in. */
export function problem(code: ProblemCode, ...values: (string | number)[]): Problem {
  const { severity, sentence, remedy }: Entry = table[code];
  return { code, severity, sentence: typeof sentence === 'string' ? sentence : sentence(...values), remedy };
}

/** `1 day`, `12 days`, `less than a day`. */
export function inDays(milliseconds: number): string {
  const days = Math.floor(milliseconds / 86_400_000);
  return days === 0 ? 'less than a day' : days === 1 ? '1 day' : `${days} days`;
}
