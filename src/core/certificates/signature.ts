/** Signatures on certificates, requests and messages: what they are called, how strong their hash is, who made them. */
import { verify, X509Certificate, type KeyObject } from 'node:crypto';
import type { Certificate, SignatureAlgorithm } from './der';
import { Issuer } from './issuer';
import { publicKeyOf } from './key';

const names: ReadonlyMap<string, string> = new Map([
  ['1.2.840.113549.1.1.2', 'RSA with MD2'],
  ['1.2.840.113549.1.1.4', 'RSA with MD5'],
  ['1.2.840.113549.1.1.5', 'RSA with SHA-1'],
  ['1.2.840.113549.1.1.10', 'RSA-PSS'],
  ['1.2.840.113549.1.1.11', 'RSA with SHA-256'],
  ['1.2.840.113549.1.1.12', 'RSA with SHA-384'],
  ['1.2.840.113549.1.1.13', 'RSA with SHA-512'],
  ['1.2.840.113549.1.1.14', 'RSA with SHA-224'],
  ['1.2.840.10040.4.3', 'DSA with SHA-1'],
  ['2.16.840.1.101.3.4.3.2', 'DSA with SHA-256'],
  ['1.2.840.10045.4.1', 'ECDSA with SHA-1'],
  ['1.2.840.10045.4.3.1', 'ECDSA with SHA-224'],
  ['1.2.840.10045.4.3.2', 'ECDSA with SHA-256'],
  ['1.2.840.10045.4.3.3', 'ECDSA with SHA-384'],
  ['1.2.840.10045.4.3.4', 'ECDSA with SHA-512'],
  ['1.3.101.112', 'Ed25519'],
  ['1.3.101.113', 'Ed448'],
]);

/** The algorithm for people; its OID when we have no name. */
export function signatureName(oid: string): string {
  return names.get(oid) ?? oid;
}

/** `broken` for MD2 and MD5, `weak` for SHA-1, `good` otherwise. */
export function hashStrength(oid: string): 'good' | 'weak' | 'broken' {
  const name = signatureName(oid);
  if (name.endsWith('MD2') || name.endsWith('MD5')) return 'broken';
  return name.endsWith('SHA-1') ? 'weak' : 'good';
}

/**
 * Whether the key of `issuer` signed `certificate`. Null when the algorithm or the key cannot be handled.
 * @param prepared saves opening the issuer's key again for each of many certificates.
 */
export function isSignedBy(
  certificate: Certificate,
  issuer: Certificate,
  prepared: Issuer = new Issuer(issuer),
): boolean | null {
  const known = prepared.signed(certificate);
  if (known !== null) return known;
  // RSA-PSS, DSA and what else OpenSSL knows and our table does not.
  const key = publicKeyOf(issuer.spki);
  if (!key) return null;
  try {
    return new X509Certificate(certificate.der).verify(key);
  } catch {
    return null;
  }
}

/** Whether `key` made this signature. Null when the algorithm or the key cannot be handled. */
export function isSignedWith(
  key: KeyObject,
  { digest }: SignatureAlgorithm,
  signedBytes: Buffer,
  signature: Buffer,
): boolean | null {
  if (digest === undefined) return null;
  try {
    return verify(digest, signedBytes, key, signature);
  } catch {
    return null;
  }
}
