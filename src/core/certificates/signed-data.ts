/** CMS SignedData: the certificates in it, its content, and whether its signers really signed that. */
import { hash, verify, type KeyObject } from 'node:crypto';
import { toDer } from './ber';
import { isSignedData } from './cms';
import { DerCursor, printOid, readCertificate, TAG, type Certificate } from './der';
import { publicKeyOf } from './key';

/** Certificates and signers in one message at most. */
const MAX_CERTIFICATES = 2000;
const MAX_SIGNERS = 20;

const digests: ReadonlyMap<string, string> = new Map([
  ['1.3.14.3.2.26', 'sha1'],
  ['2.16.840.1.101.3.4.2.4', 'sha224'],
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
]);

const OID_MESSAGE_DIGEST = '1.2.840.113549.1.9.4';

/** A SignedData message. */
export interface SignedMessage {
  readonly certificates: readonly Certificate[];
  /** How many entries of the certificate list could not be read. */
  readonly unreadable: number;
  readonly revocationLists: number;
  /** The content; null when it is elsewhere (a detached signature) or there is none (a certificate bundle). */
  readonly content: Buffer | null;
  readonly signers: readonly Signer[];
}

/** One signer of a message. */
export interface Signer {
  /** Index into the certificates; null when the signer's certificate is not in the message. */
  readonly certificate: number | null;
  /** Whether the signature is right for the content; null when that cannot be tried. Says nothing of trust. */
  readonly valid: boolean | null;
}

/**
 * Opens a SignedData message, BER or DER.
 * @returns null when the bytes are none.
 */
export function readSignedData(bytes: Buffer): SignedMessage | null {
  if (!isSignedData(bytes)) return null;
  const der = toDer(bytes);
  if (!der) return null;
  const top = new DerCursor(der, 0, der.length);
  if (!top.expect(TAG.sequence)) return null;
  const info = top.inside();
  if (!info.expect(TAG.oid) || !info.expect(0xa0)) return null;
  const wrapped = info.inside();
  if (!wrapped.expect(TAG.sequence)) return null;
  const data = wrapped.inside();
  if (!data.expect(TAG.integer) || !data.expect(TAG.set) || !data.expect(TAG.sequence)) return null;
  const content = contentOf(data.inside());
  const certificates: Certificate[] = [];
  let unreadable = 0;
  let revocationLists = 0;
  let signers: Signer[] = [];
  while (data.next()) {
    const list = data.inside();
    if (data.tag === 0xa0)
      while (list.next() && certificates.length < MAX_CERTIFICATES) {
        const certificate = readCertificate(der.subarray(list.start, list.end));
        if (certificate) certificates.push(certificate);
        else unreadable++;
      }
    else if (data.tag === 0xa1) while (list.next()) revocationLists++;
    else if (data.tag === TAG.set) signers = readSigners(list, certificates, content);
  }
  return { certificates, unreadable, revocationLists, content, signers };
}

function contentOf(info: DerCursor): Buffer | null {
  if (!info.expect(TAG.oid) || !info.expect(0xa0)) return null;
  const inner = info.inside();
  return inner.expect(TAG.octetString) ? (inner.bytes as Buffer).subarray(inner.contentStart, inner.end) : null;
}

function readSigners(list: DerCursor, certificates: readonly Certificate[], content: Buffer | null): Signer[] {
  const signers: Signer[] = [];
  while (list.next() && signers.length < MAX_SIGNERS) signers.push(readSigner(list.inside(), certificates, content));
  return signers;
}

function readSigner(info: DerCursor, certificates: readonly Certificate[], content: Buffer | null): Signer {
  const bytes = info.bytes as Buffer;
  const unknown: Signer = { certificate: null, valid: null };
  if (!info.expect(TAG.integer) || !info.next()) return unknown;
  const signer = bytes.subarray(info.start, info.end);
  const index = certificates.findIndex((certificate) => identifies(signer, certificate));
  if (index < 0) return unknown;
  const digest = info.expect(TAG.sequence) ? digests.get(firstOid(info)) : undefined;
  if (!info.next()) return { certificate: index, valid: false };
  let attributes: Buffer | null = null;
  if (info.tag === 0xa0) {
    // What is signed is the same attributes as a SET.
    attributes = Buffer.from(bytes.subarray(info.start, info.end));
    attributes[0] = TAG.set;
    if (!info.next()) return { certificate: index, valid: false };
  }
  if (!info.expect(TAG.octetString)) return { certificate: index, valid: false };
  const signature = bytes.subarray(info.contentStart, info.end);
  const key = publicKeyOf((certificates[index] as Certificate).spki);
  if (!key || digest === undefined || !content) return { certificate: index, valid: null };
  if (attributes && !messageDigestOf(attributes)?.equals(hash(digest, content, 'buffer')))
    return { certificate: index, valid: false };
  return { certificate: index, valid: check(digest, attributes ?? content, key, signature) };
}

function check(digest: string, signed: Buffer, key: KeyObject, signature: Buffer): boolean | null {
  try {
    const implied = key.asymmetricKeyType === 'ed25519' || key.asymmetricKeyType === 'ed448';
    return verify(implied ? null : digest, signed, key, signature);
  } catch {
    return null;
  }
}

/** Whether a SignerIdentifier (or RecipientIdentifier) means this certificate. */
export function identifies(identifier: Buffer, certificate: Certificate): boolean {
  const cursor = new DerCursor(identifier, 0, identifier.length);
  if (!cursor.next()) return false;
  if (cursor.tag === 0x80)
    return certificate.subjectKeyId?.equals(identifier.subarray(cursor.contentStart, cursor.end)) ?? false;
  if (cursor.tag !== TAG.sequence) return false;
  const pair = cursor.inside();
  if (!pair.expect(TAG.sequence)) return false;
  if (!certificate.issuerDer.equals(identifier.subarray(pair.start, pair.end))) return false;
  if (!pair.expect(TAG.integer) || pair.end - pair.contentStart > 128) return false;
  const hex = identifier.subarray(pair.contentStart, pair.end).toString('hex');
  return BigInt(`0x${hex || '0'}`) === BigInt.asUintN(8 * (pair.end - pair.contentStart), certificate.serial);
}

function firstOid(sequence: DerCursor): string {
  const inner = sequence.inside();
  return inner.expect(TAG.oid) ? printOid(inner.bytes, inner.contentStart, inner.end) : '';
}

function messageDigestOf(attributes: Buffer): Buffer | null {
  const set = new DerCursor(attributes, 0, attributes.length);
  if (!set.next()) return null;
  const list = set.inside();
  while (list.next()) {
    if (list.tag !== TAG.sequence) return null;
    const attribute = list.inside();
    if (!attribute.expect(TAG.oid)) return null;
    if (printOid(attributes, attribute.contentStart, attribute.end) !== OID_MESSAGE_DIGEST) continue;
    if (!attribute.expect(TAG.set)) return null;
    const values = attribute.inside();
    return values.expect(TAG.octetString) ? attributes.subarray(values.contentStart, values.end) : null;
  }
  return null;
}
