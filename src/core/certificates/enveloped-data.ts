/** CMS EnvelopedData: Apple Business Manager's server tokens, and requests that a signing service sends back. */
import { constants, privateDecrypt, type KeyObject } from 'node:crypto';
import { toDer } from './ber';
import { DerCursor, printName, printOid, TAG, type Certificate } from './der';
import { contentCipherName, decryptContent, readAlgorithm, type Opened } from './password-encryption';
import { identifies } from './signed-data';

const OID_ENVELOPED = '1.2.840.113549.1.7.3';
const OID_RSA = '1.2.840.113549.1.1.1';
const OID_RSA_OAEP = '1.2.840.113549.1.1.7';
const MAX_RECIPIENTS = 50;

const oaepDigests: ReadonlyMap<string, string> = new Map([
  ['1.3.14.3.2.26', 'sha1'],
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
]);

/** For whom a message is encrypted. */
export interface Recipient {
  /** Issuer and serial number, or a key id, for people; null for kinds we do not know (key agreement, password). */
  readonly name: string | null;
  /** Whether this certificate is meant. */
  matches(certificate: Certificate): boolean;
  /** Decrypts the content key; null when this key cannot be the one. */
  unwrap(key: KeyObject): Buffer | null;
}

/** An EnvelopedData message, still shut. */
export interface Envelope {
  readonly recipients: readonly Recipient[];
  /** The cipher of the content for people; null when we do not know it. */
  readonly cipher: string | null;
  /** Tries one private key on every recipient. */
  open(key: KeyObject): Opened<Buffer>;
}

/** True when the bytes begin like EnvelopedData. */
export function isEnvelopedData(bytes: Buffer): boolean {
  const at = bytes[1] === undefined ? 0 : bytes[1] < 0x81 ? 2 : 2 + (bytes[1] & 0x7f);
  return bytes[0] === TAG.sequence && bytes.subarray(at, at + 11).toString('hex') === '06092a864886f70d010703';
}

/**
 * Opens the outside of an EnvelopedData message, BER or DER.
 * @returns null when the bytes are none.
 */
export function readEnvelopedData(bytes: Buffer): Envelope | null {
  if (!isEnvelopedData(bytes)) return null;
  const der = toDer(bytes);
  if (!der) return null;
  const top = new DerCursor(der, 0, der.length);
  if (!top.expect(TAG.sequence)) return null;
  const info = top.inside();
  if (!info.expect(TAG.oid) || printOid(der, info.contentStart, info.end) !== OID_ENVELOPED) return null;
  if (!info.expect(0xa0)) return null;
  const wrapped = info.inside();
  if (!wrapped.expect(TAG.sequence)) return null;
  const data = wrapped.inside();
  if (!data.expect(TAG.integer) || !data.next()) return null;
  // [0] originatorInfo may stand before the recipients.
  if (data.tag === 0xa0 && !data.next()) return null;
  if (data.tag !== TAG.set) return null;
  const recipients = readRecipients(data.inside());
  if (!data.expect(TAG.sequence)) return null;
  const encrypted = data.inside();
  if (!encrypted.expect(TAG.oid) || !encrypted.expect(TAG.sequence)) return null;
  const algorithm = der.subarray(encrypted.start, encrypted.end);
  if (!encrypted.next()) return null;
  const ciphertext = implicitOctets(encrypted);
  if (!ciphertext) return null;
  return {
    recipients,
    cipher: contentCipherName(algorithm),
    open: (key) => openWith(key, recipients, algorithm, ciphertext),
  };
}

function openWith(
  key: KeyObject,
  recipients: readonly Recipient[],
  algorithm: Buffer,
  ciphertext: Buffer,
): Opened<Buffer> {
  let problem: Opened<Buffer> = { ok: false, problem: 'password' };
  for (const recipient of recipients) {
    const contentKey = recipient.unwrap(key);
    if (!contentKey) continue;
    const opened = decryptContent(algorithm, contentKey, ciphertext);
    if (opened.ok) return opened;
    problem = opened;
  }
  return problem;
}

function readRecipients(list: DerCursor): Recipient[] {
  const recipients: Recipient[] = [];
  while (list.next() && recipients.length < MAX_RECIPIENTS) recipients.push(readRecipient(list));
  return recipients;
}

function readRecipient(at: DerCursor): Recipient {
  const foreign: Recipient = { name: null, matches: () => false, unwrap: () => null };
  if (at.tag !== TAG.sequence) return foreign;
  const bytes = at.bytes as Buffer;
  const inner = at.inside();
  if (!inner.expect(TAG.integer) || !inner.next()) return foreign;
  const identifier = bytes.subarray(inner.start, inner.end);
  if (!inner.expect(TAG.sequence)) return foreign;
  const algorithm = bytes.subarray(inner.start, inner.end);
  if (!inner.expect(TAG.octetString)) return foreign;
  const wrapped = bytes.subarray(inner.contentStart, inner.end);
  return {
    name: identifierName(identifier),
    matches: (certificate) => identifies(identifier, certificate),
    unwrap: (key) => unwrapRsa(key, algorithm, wrapped),
  };
}

function identifierName(identifier: Buffer): string {
  const cursor = new DerCursor(identifier, 0, identifier.length);
  if (!cursor.next()) return 'unknown';
  if (cursor.tag === 0x80) return `key id ${identifier.subarray(cursor.contentStart, cursor.end).toString('hex')}`;
  const pair = cursor.inside();
  if (!pair.expect(TAG.sequence)) return 'unknown';
  const issuer = printName(identifier.subarray(pair.start, pair.end));
  return pair.expect(TAG.integer)
    ? `${issuer} serial ${identifier.subarray(pair.contentStart, pair.end).toString('hex').toUpperCase()}`
    : issuer;
}

/**
 * RSA without node's own PKCS#1 unpadding, which newer versions of Node 20 refuse (CVE-2023-46809 is about servers that
 * answer an attacker; here is none).
 */
function unwrapRsa(key: KeyObject, algorithm: Buffer, wrapped: Buffer): Buffer | null {
  if (key.asymmetricKeyType !== 'rsa') return null;
  const { oid, parameters } = readAlgorithm(algorithm);
  try {
    if (oid === OID_RSA_OAEP) {
      const oaepHash = oaepDigestOf(parameters);
      return oaepHash === null
        ? null
        : privateDecrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, wrapped);
    }
    if (oid !== OID_RSA) return null;
    const padded = privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, wrapped);
    if (padded[0] !== 0 || padded[1] !== 2) return null;
    const end = padded.indexOf(0, 2);
    return end < 10 ? null : padded.subarray(end + 1);
  } catch {
    return null;
  }
}

function oaepDigestOf(parameters: Buffer | null): string | null {
  if (!parameters) return 'sha1';
  const outer = new DerCursor(parameters, 0, parameters.length);
  const inner = outer.expect(TAG.sequence) ? outer.inside() : null;
  if (!inner?.next() || inner.tag !== 0xa0) return 'sha1';
  return oaepDigests.get(readAlgorithm(parameters.subarray(inner.contentStart, inner.end)).oid) ?? null;
}

/** [0] IMPLICIT OCTET STRING, whole or in pieces. */
function implicitOctets(at: DerCursor): Buffer | null {
  const bytes = at.bytes as Buffer;
  if (at.tag === 0x80) return bytes.subarray(at.contentStart, at.end);
  if (at.tag !== 0xa0) return null;
  const parts: Buffer[] = [];
  const inner = at.inside();
  while (inner.next()) {
    if (inner.tag !== TAG.octetString) return null;
    parts.push(bytes.subarray(inner.contentStart, inner.end));
  }
  return Buffer.concat(parts);
}
