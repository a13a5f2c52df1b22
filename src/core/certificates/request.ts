/** PKCS#10 certificate requests, by the same bounded walk as certificates. */
import { DerCursor, printName, printOid, signatureAlgorithmOf, TAG, type SignatureAlgorithm } from './der';
import { EXTENSION, readAltNames } from './extension';
import { publicKeyOf } from './key';
import { isSignedWith } from './signature';

/** extensionRequest of PKCS#9, and Microsoft's older one. */
const EXTENSION_REQUESTS: ReadonlySet<string> = new Set(['1.2.840.113549.1.9.14', '1.3.6.1.4.1.311.2.1.14']);

/** A certificate request. Its challenge password, if any, is not read. */
export interface CertificateRequest {
  /** The request itself, without anything that followed it. */
  readonly der: Buffer;
  readonly subjectDer: Buffer;
  /** RFC 2253-like, most specific first. */
  readonly subject: string;
  /** SubjectPublicKeyInfo as DER. */
  readonly spki: Buffer;
  readonly altNames: readonly string[];
  readonly signatureAlgorithm: SignatureAlgorithm;
  /** Whether its own key signed it; null when that cannot be tried. */
  readonly selfSigned: boolean | null;
}

/**
 * Opens a certificate request. Trailing bytes are ignored.
 * @returns null when the bytes are no request.
 */
export function readRequest(bytes: Buffer): CertificateRequest | null {
  const top = new DerCursor(bytes, 0, bytes.length);
  if (!top.expect(TAG.sequence)) return null;
  const outer = top.inside();
  if (!outer.expect(TAG.sequence)) return null;
  const signedBytes = bytes.subarray(outer.start, outer.end);
  const info = outer.inside();
  // Version 0, and nothing but: a certificate has a [0] or a serial number followed by an algorithm here.
  if (!info.expect(TAG.integer) || info.end - info.contentStart !== 1) return null;
  if (!info.expect(TAG.sequence)) return null;
  const subjectDer = bytes.subarray(info.start, info.end);
  if (!info.expect(TAG.sequence)) return null;
  const spki = bytes.subarray(info.start, info.end);
  // [0] attributes; mandatory, but left out by some.
  const attributes = info.next() && info.tag === 0xa0 ? info.inside() : null;
  if (!outer.expect(TAG.sequence)) return null;
  const algorithm = outer.inside();
  if (!algorithm.expect(TAG.oid)) return null;
  if (!outer.expect(TAG.bitString) || outer.end - outer.contentStart < 2) return null;
  const signature = bytes.subarray(outer.contentStart + 1, outer.end);
  const signatureAlgorithm = signatureAlgorithmOf(printOid(bytes, algorithm.contentStart, algorithm.end));
  const key = publicKeyOf(spki);
  return {
    der: bytes.subarray(0, top.end),
    subjectDer,
    subject: printName(subjectDer),
    spki,
    altNames: readAltNames(attributes && requestedExtension(attributes, EXTENSION.subjectAltName)),
    signatureAlgorithm,
    selfSigned: key ? isSignedWith(key, signatureAlgorithm, signedBytes, signature) : null,
  };
}

function requestedExtension(attributes: DerCursor, wanted: string): Buffer | null {
  const bytes = attributes.bytes as Buffer;
  while (attributes.next()) {
    if (attributes.tag !== TAG.sequence) return null;
    const attribute = attributes.inside();
    if (!attribute.expect(TAG.oid)) return null;
    if (!EXTENSION_REQUESTS.has(printOid(bytes, attribute.contentStart, attribute.end))) continue;
    if (!attribute.expect(TAG.set)) return null;
    const values = attribute.inside();
    if (!values.expect(TAG.sequence)) return null;
    const extensions = values.inside();
    while (extensions.next()) {
      const one = extensions.inside();
      if (!one.expect(TAG.oid)) return null;
      if (printOid(bytes, one.contentStart, one.end) !== wanted) continue;
      if (!one.next() || (one.tag === TAG.boolean && !one.next())) return null;
      return one.tag === TAG.octetString ? bytes.subarray(one.contentStart, one.end) : null;
    }
  }
  return null;
}
