/** Private keys: opened from whatever form they are in, matched to certificates, written as PEM. */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { FailureError } from '../failure';
import { Secret } from '../secret';
import { decryptPem } from './password-encryption';
import { looksLikePem, readPem, type PemBlock } from './pem';

/** What kind of key a certificate carries. */
export interface KeyFacts {
  /** `RSA`, `EC`, `Ed25519`, … */
  readonly type: string;
  /** Bits of the modulus or of the curve; null where that says nothing. */
  readonly bits: number | null;
}

const typeNames: Readonly<Record<string, string>> = {
  rsa: 'RSA',
  'rsa-pss': 'RSA-PSS',
  ec: 'EC',
  ed25519: 'Ed25519',
  ed448: 'Ed448',
  dsa: 'DSA',
};

const curveBits: Readonly<Record<string, number>> = { prime256v1: 256, secp384r1: 384, secp521r1: 521, secp256k1: 256 };

/**
 * Opens a private key: PEM (the first key block; PKCS#1, PKCS#8, SEC 1) or DER of the same three forms.
 * @param what how to call it in the message: `the push certificate's key`.
 * @param passphrase for an encrypted one; without it an old PEM block is tried with an empty passphrase.
 * @throws FailureError `key/encrypted`, `key/unreadable`; neither quotes any byte of the key
 */
export function openPrivateKey(bytes: Buffer, what: string, passphrase?: Secret): KeyObject {
  const candidates: { der: Buffer; type: 'pkcs1' | 'pkcs8' | 'sec1' }[] = [];
  if (looksLikePem(bytes)) {
    const block = readPem(bytes).find(({ label }) => label.endsWith('PRIVATE KEY'));
    if (!block) return failed('key/unreadable', `There is no private key in ${what}.`);
    if (block.encrypted) {
      const old = openOldPem(block, passphrase);
      if (old !== null) return old;
      if (!passphrase) return failed('key/encrypted', `The private key of ${what} is encrypted.`);
      return tryOpen(() => createPrivateKey({ key: bytes, format: 'pem', passphrase: passphrase.reveal() }), what);
    }
    const type = block.label.startsWith('RSA') ? 'pkcs1' : block.label.startsWith('EC') ? 'sec1' : 'pkcs8';
    candidates.push({ der: block.der, type });
  }
  const der = candidates[0]?.der ?? bytes;
  // A label does not always tell the truth, so the other forms are tried as well.
  for (const type of ['pkcs1', 'pkcs8', 'sec1'] as const) candidates.push({ der, type });
  for (const { der: key, type } of candidates) {
    try {
      return createPrivateKey({ key, format: 'der', type });
    } catch {
      // Not this form: the next one.
    }
  }
  return failed('key/unreadable', `The private key of ${what} is in no form that can be read.`);
}

/** The key as PEM, unencrypted: PKCS#1 (`RSA PRIVATE KEY`) where it is RSA, else PKCS#8. */
export function privateKeyPem(key: KeyObject, label: string): Secret {
  const pem =
    key.asymmetricKeyType === 'rsa'
      ? key.export({ type: 'pkcs1', format: 'pem' })
      : key.export({ type: 'pkcs8', format: 'pem' });
  return new Secret(label, pem.toString());
}

/** The public key in a SubjectPublicKeyInfo; null when it cannot be opened. */
export function publicKeyOf(spki: Buffer): KeyObject | null {
  try {
    return createPublicKey({ key: spki, format: 'der', type: 'spki' });
  } catch {
    return null;
  }
}

/** Whether a private key belongs to the certificate with this SubjectPublicKeyInfo. Compares the public keys. */
export function keyMatches(key: KeyObject, spki: Buffer): boolean {
  const wanted = publicKeyOf(spki);
  return wanted !== null && createPublicKey(key).equals(wanted);
}

/** Type and size of a public (or private) key. */
export function keyFacts(key: KeyObject): KeyFacts {
  const type = key.asymmetricKeyType ?? 'unknown';
  const details = key.asymmetricKeyDetails ?? {};
  const bits = details.modulusLength ?? (details.namedCurve ? (curveBits[details.namedCurve] ?? null) : null);
  return { type: typeNames[type] ?? type, bits };
}

/**
 * Opens an old encrypted block (`Proc-Type: 4,ENCRYPTED`) here, because OpenSSL refuses the empty passphrase that the
 * SCEP server of MicroMDM's makers writes its CA key with. Null when it is another block or another passphrase.
 */
function openOldPem(block: PemBlock, passphrase: Secret | undefined): KeyObject | null {
  if (block.headers === '') return null;
  const opened = decryptPem(block.headers, block.der, passphrase?.reveal() ?? Buffer.alloc(0));
  if (!opened.ok) return null;
  for (const type of ['pkcs1', 'pkcs8', 'sec1'] as const) {
    try {
      return createPrivateKey({ key: opened.value, format: 'der', type });
    } catch {
      // Not this form, or bytes that only looked decrypted.
    }
  }
  return null;
}

function tryOpen(open: () => KeyObject, what: string): KeyObject {
  try {
    return open();
  } catch {
    return failed('key/encrypted', `The private key of ${what} could not be decrypted with the passphrase given.`);
  }
}

function failed(code: string, message: string): never {
  throw new FailureError({
    code,
    message,
    remedy:
      code === 'key/encrypted'
        ? 'Give the passphrase, or decrypt the key first (openssl pkey).'
        : 'Give an unencrypted PKCS#1 or PKCS#8 private key in PEM or DER form.',
    kind: 'unreadable',
  });
}
