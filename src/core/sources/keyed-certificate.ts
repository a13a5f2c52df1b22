/** A certificate with its private key, the way every source gives the SCEP CA, the push and the ABM certificate. */
import type { KeyObject } from 'node:crypto';
import { hash } from 'node:crypto';
import type { Certificate } from '../certificates/der';
import { keyFacts, keyMatches, openPrivateKey, privateKeyPem, publicKeyOf } from '../certificates/key';
import { FailureError } from '../failure';
import type { Secret } from '../secret';
import type { KeyedCertificate } from './snapshot';

/** What a key is called, and whose it is in a sentence. */
const OWNERS = {
  'SCEP CA key': 'the SCEP CA',
  'push key': 'the push certificate',
  'ABM key': 'the ABM certificate',
} as const;

/**
 * Puts a certificate and the key stored beside it together.
 * @param key PEM or DER in any form; null when there is none.
 * @param label what the key is called when it is shown redacted: `SCEP CA key`.
 * @param passphrase for an encrypted key.
 * @returns `problem` says why a key that is there could not be opened; never quotes it.
 */
export function keyedCertificate(
  certificate: Certificate,
  key: Buffer | null,
  label: keyof typeof OWNERS,
  passphrase?: Secret,
): { readonly keyed: KeyedCertificate; readonly problem: string | null } {
  let opened: KeyObject | null = null;
  let problem: string | null = null;
  if (key !== null && key.length > 0) {
    try {
      opened = openPrivateKey(key, OWNERS[label], passphrase);
    } catch (error) {
      if (!(error instanceof FailureError)) throw error;
      problem = error.failure.message;
    }
  }
  const publicKey = publicKeyOf(certificate.spki);
  const { type, bits } = publicKey ? keyFacts(publicKey) : { type: 'unknown', bits: null };
  const { der, subject, notBefore, notAfter } = certificate;
  return {
    keyed: {
      der,
      sha256: hash('sha256', der, 'hex'),
      subject,
      notBefore,
      notAfter,
      keyType: type,
      keyBits: bits,
      key: opened ? privateKeyPem(opened, label) : null,
      keyMatches: opened !== null && keyMatches(opened, certificate.spki),
    },
    problem,
  };
}
