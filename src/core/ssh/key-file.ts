/** The private key a login is made with: OpenSSH's own form, PEM, PKCS#8; encrypted or not. */
import { createPrivateKey } from 'node:crypto';
import type { ParsedKey } from 'ssh2';
import { FailureError, unreadable } from '../failure';
import { readGiven, SECRET_LIMIT } from '../given-file';
import type { Secret } from '../secret';

/**
 * Opens a private key.
 * @param parse ssh2's own reader; given, because it is loaded late
 * @throws FailureError `ssh/key-file`, `ssh/key-passphrase-missing`, `ssh/key-passphrase-wrong`
 */
export function openKeyFile(
  path: string,
  passphrase: Secret | undefined,
  parse: (data: Buffer | string, passphrase?: Buffer) => ParsedKey | Error,
): ParsedKey {
  const bytes = readGiven('the SSH key', path, SECRET_LIMIT, 'ssh/key-file');
  const parsed = parse(readable(bytes, path, passphrase), passphrase?.reveal());
  // Newer files can hold several keys; OpenSSH itself writes and reads one.
  const key: ParsedKey | Error = Array.isArray(parsed) ? (parsed[0] as ParsedKey) : parsed;
  if (key instanceof Error) return notOpened(path, key, passphrase);
  if (key.isPrivateKey()) return key;
  return unreadable(
    'ssh/key-file',
    `${path} is a public key; logging in takes the private one.`,
    'Name the file without .pub.',
    { path },
  );
}

/** PKCS#8, which ssh2 does not read, as the older forms, which it does. */
function readable(bytes: Buffer, path: string, passphrase: Secret | undefined): Buffer | string {
  const text = bytes.toString('latin1');
  if (!/-----BEGIN (ENCRYPTED )?PRIVATE KEY-----/.test(text)) return bytes;
  if (text.includes('BEGIN ENCRYPTED') && passphrase === undefined) missing(path);
  try {
    const key = createPrivateKey({ key: bytes, ...(passphrase ? { passphrase: passphrase.reveal() } : {}) });
    const type = key.asymmetricKeyType === 'rsa' ? 'pkcs1' : key.asymmetricKeyType === 'ec' ? 'sec1' : null;
    if (type !== null) return key.export({ type, format: 'pem' });
  } catch (error) {
    throw wrong(path, error);
  }
  return unreadable(
    'ssh/key-file',
    `${path} is a key in a form that is only read for RSA and ECDSA.`,
    'Write it in OpenSSH’s form: ssh-keygen -p -f on a copy of it.',
    { path },
  );
}

function notOpened(path: string, error: Error, passphrase: Secret | undefined): never {
  if (/no passphrase given/i.test(error.message)) return missing(path);
  if (passphrase !== undefined && /passphrase|integrity|decrypt|malformed/i.test(error.message))
    throw wrong(path, error);
  return unreadable(
    'ssh/key-file',
    `${path} holds no private key that can be read.`,
    'Name a key as ssh-keygen writes it.',
    { path },
  );
}

function missing(path: string): never {
  return unreadable(
    'ssh/key-passphrase-missing',
    `The SSH key ${path} is encrypted.`,
    'Give its passphrase (--ssh-passphrase-file or SLIPWAY_SSH_PASSPHRASE), or add it to the agent with ssh-add.',
    { path },
  );
}

function wrong(path: string, cause: unknown): FailureError {
  return new FailureError(
    {
      code: 'ssh/key-passphrase-wrong',
      message: `The SSH key ${path} does not open with this passphrase.`,
      remedy: 'Check the passphrase (ssh-keygen -y -f prints the public key when it is right).',
      kind: 'unreadable',
      detail: { path },
    },
    { cause },
  );
}
