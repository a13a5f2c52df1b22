/**
 * Extends a self-issued RSA CA: the same key, names, subject key identifier and other extensions, octet for octet, and
 * a later end. What the CA issued before verifies under the new certificate as under the old one, because path
 * building goes by name and key identifier, and the signature by key (RFC 5280 4.2.1.1, 6.1.3). The exception is an
 * authority key identifier that names the issuer's serial number as well; it is met by keeping the serial.
 */
import { randomBytes, sign, X509Certificate, type KeyObject } from 'node:crypto';
import { refused } from '../failure';
import type { OnProgress } from '../progress';
import { TIMESTAMP_LAST } from '../utc-text';
import { DerCursor, openCertificate, TAG, type Certificate } from './der';
import { writeAlgorithm, writeDer } from './der-writer';
import { EXTENSION, readKeyUsage } from './extension';
import { Issuer } from './issuer';
import { keyMatches, publicKeyOf } from './key';
import { isSignedBy } from './signature';

/** Years a CA is extended by at most, from the day it is done. */
export const MOST_YEARS = 20;

const DAY = 86_400_000;
const FIVE_YEARS = 5 * 365.25 * DAY;
const RSA_SHA256 = '1.2.840.113549.1.1.11';
/** Signature algorithms a CA keeps: RSA with SHA-256, -384, -512. Others become SHA-256. */
const KEPT_ALGORITHMS: ReadonlySet<string> = new Set([RSA_SHA256, '1.2.840.113549.1.1.12', '1.2.840.113549.1.1.13']);
/** So many certificates are proven before other work gets a turn. */
const BATCH = 500;

/** What is to be extended, and how. */
export interface CaRenewal {
  readonly ca: Certificate;
  readonly key: KeyObject;
  /** Whole years from {@link at}, 1 to {@link MOST_YEARS}. */
  readonly years: number;
  /** The new certificate has the old one's serial number. */
  readonly keepSerial: boolean;
  /** The clock, milliseconds since the epoch. */
  readonly at: number;
}

/** Something worth knowing about the new certificate. */
export interface CaNote {
  readonly code: 'five-years-left' | 'after-2038' | 'serial-new' | 'serial-kept' | 'hash-changed' | 'nothing-proven';
  readonly sentence: string;
}

/** A CA with a later end. */
export interface ExtendedCa {
  readonly certificate: Certificate;
  readonly notes: readonly CaNote[];
}

/**
 * Makes the extended certificate; nothing is written.
 *
 * Throws `ca/not-a-ca`, `ca/not-rsa`, `ca/key-differs`, `ca/not-self-issued`, `ca/serial-pinned`, `ca/years`,
 * `ca/not-later`, `ca/not-yet-valid`.
 */
export function extendCa({ ca, key, years, keepSerial, at }: CaRenewal): ExtendedCa {
  requireExtensible(ca, key, at);
  const notAfter = yearsLater(at, years);
  if (notAfter <= ca.notAfter)
    refused(
      'ca/not-later',
      `The CA is valid until ${day(ca.notAfter)} already, which is not before ${day(notAfter)}.`,
      'Nothing has to be done, or give more years.',
      { notAfter: day(ca.notAfter) },
    );
  if (!keepSerial && namesIssuersSerial(ca))
    refused(
      'ca/serial-pinned',
      'The CA’s own authority key identifier names its serial number; with another one it would not verify itself.',
      'Keep the serial number (--keep-serial).',
    );
  const { digest } = ca.signatureAlgorithm;
  const kept = KEPT_ALGORITHMS.has(ca.signatureAlgorithm.oid) && typeof digest === 'string';
  const algorithm = kept ? ca.signatureAlgorithm.oid : RSA_SHA256;
  const tbs = rewritten(ca, writeAlgorithm(algorithm), notAfter, keepSerial ? null : newSerial());
  const signature = sign(kept ? digest : 'sha256', tbs, key);
  const der = writeDer(0x30, tbs, writeAlgorithm(algorithm), writeDer(0x03, Buffer.from([0]), signature));
  const certificate = openCertificate(der, 'the extended CA');
  const notes: CaNote[] = [];
  if (ca.notAfter - at >= FIVE_YEARS)
    notes.push({ code: 'five-years-left', sentence: 'The old CA has five years and more left: it could stay.' });
  if (!kept)
    notes.push({
      code: 'hash-changed',
      sentence: 'The CA was signed with an old hash; the new certificate is signed with SHA-256.',
    });
  notes.push(
    keepSerial
      ? {
          code: 'serial-kept',
          sentence:
            'The serial number stayed: disk encryption keys escrowed to the old certificate can still be read. Two certificates have the same issuer and serial now; do not keep both where certificates are told apart by these.',
        }
      : {
          code: 'serial-new',
          sentence:
            'The serial number is new: disk encryption keys escrowed to the old certificate could not be read any more once this one is in Fleet. Were there any, keep the serial.',
        },
  );
  if (notAfter > TIMESTAMP_LAST)
    notes.push({
      code: 'after-2038',
      sentence:
        'It ends after 2038-01-19, where MySQL’s TIMESTAMP ends: newer Fleet keeps the end of this certificate in such a column (mdm_config_assets.renew_at). `slipway assets` writes the last day it can hold there; Fleet itself, given the certificate by environment, could fail. Fewer years avoid that.',
    });
  return { certificate, notes };
}

/** One certificate the proof was tried on. */
export interface ProvenCertificate {
  /** Where it is from: a file, a device. */
  readonly name: string;
  readonly der: Buffer;
}

/** The outcome of {@link proveExtension}. */
export interface ExtensionProof {
  /** Verify under the new certificate. */
  readonly proven: number;
  /** Names of those that verify under the old certificate and not under the new one. */
  readonly lost: readonly string[];
  /** Names of those the old CA did not issue either, or that cannot be read. */
  readonly foreign: readonly string[];
}

/**
 * Proves that what the old CA issued verifies under the new certificate: names, key identifiers, key usage (OpenSSL's
 * X509_check_issued) and the signature itself. The same certificate given twice counts once.
 */
export async function proveExtension(
  old: Certificate,
  extended: Certificate,
  issued: readonly ProvenCertificate[],
  onProgress?: OnProgress,
): Promise<ExtensionProof> {
  const under = { old: tester(old), new: tester(extended) };
  const distinct = [...new Map(issued.map((one) => [one.der.toString('base64'), one])).values()];
  const lost: string[] = [];
  const foreign: string[] = [];
  let proven = 0;
  for (let start = 0; start < distinct.length; start += BATCH) {
    for (const { name, der } of distinct.slice(start, start + BATCH)) {
      if (under.new(der)) proven++;
      else if (under.old(der)) lost.push(name);
      else foreign.push(name);
    }
    onProgress?.({
      label: 'verifying certificates',
      done: Math.min(start + BATCH, distinct.length),
      total: distinct.length,
    });
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { proven, lost, foreign };
}

/** What a proof is asked of. */
export interface ProofInput {
  readonly old: Certificate;
  readonly extended: Certificate;
  readonly issued: readonly ProvenCertificate[];
  /** Names of those that were given to prove it: one of another CA is a mistake. */
  readonly named: readonly string[];
  readonly keepSerial: boolean;
}

/** The proof, of the CA itself as well. Throws `ca/lost` or `ca/foreign`: then nothing may be written. */
export async function requireProof(
  { old, extended, issued, named, keepSerial }: ProofInput,
  onProgress?: OnProgress,
): Promise<ExtensionProof> {
  // The CA itself first: a root that does not verify itself is no anchor.
  const self = await proveExtension(extended, extended, [{ name: 'the CA', der: extended.der }]);
  const proof = await proveExtension(old, extended, issued, onProgress);
  const lost = [...(self.proven === 1 ? [] : ['the CA']), ...proof.lost];
  if (lost.length > 0)
    refused(
      'ca/lost',
      `${lost.length} ${lost.length === 1 ? 'certificate' : 'certificates'} would not verify under the new one (${lost.slice(0, 3).join(', ')}); nothing was written.`,
      keepSerial
        ? 'Look at them with `slipway inspect`, and report it.'
        : 'Add --keep-serial: they name the CA’s serial number.',
      { lost: lost.length },
    );
  const strange = proof.foreign.filter((name) => named.includes(name));
  if (strange.length > 0)
    refused(
      'ca/foreign',
      `${strange.slice(0, 3).join(', ')} was not issued by this CA; nothing was written.`,
      'Give certificates of this CA’s devices with --prove.',
      { foreign: strange.length },
    );
  return proof;
}

/** What was worth a note when no certificate was at hand to prove it on. */
export const NOTHING_PROVEN: CaNote = {
  code: 'nothing-proven',
  sentence: 'No device certificate was at hand to prove it on. Add --prove FILE… with certificates of real devices.',
};

/** The certificates of a source's devices, by UDID or serial number. */
export function issuedTo(
  devices: Iterable<{
    readonly udid: string | null;
    readonly serial: string | null;
    readonly certificate: { readonly der: Buffer | null } | null;
  }>,
): ProvenCertificate[] {
  const issued: ProvenCertificate[] = [];
  for (const { udid, serial, certificate } of devices) {
    const der = certificate?.der;
    if (der) issued.push({ name: udid ?? serial ?? 'a device', der });
  }
  return issued;
}

/** Says of a certificate whether `ca` issued it. */
function tester(ca: Certificate): (der: Buffer) => boolean {
  const issuer = new Issuer(ca);
  const openssl = new X509Certificate(ca.der);
  return (der) => {
    try {
      const certificate = openCertificate(der, 'the certificate');
      return (
        issuer.claimedBy(certificate) &&
        new X509Certificate(certificate.der).checkIssued(openssl) &&
        isSignedBy(certificate, ca, issuer) === true
      );
    } catch {
      return false;
    }
  };
}

function requireExtensible(ca: Certificate, key: KeyObject, at: number): void {
  const usage = ca.extension(EXTENSION.keyUsage);
  if (!ca.isCa || (usage !== null && !readKeyUsage(usage).includes('keyCertSign')))
    refused('ca/not-a-ca', `${ca.subject} is not a CA certificate.`, 'Name the SCEP CA’s certificate.');
  if (publicKeyOf(ca.spki)?.asymmetricKeyType !== 'rsa')
    refused('ca/not-rsa', 'The CA’s key is not RSA, and Fleet takes only an RSA one.', 'Such a CA cannot go to Fleet.');
  if (!keyMatches(key, ca.spki))
    refused('ca/key-differs', 'The key is not that of the CA certificate.', 'Give the CA’s own private key.');
  if (!ca.issuerDer.equals(ca.subjectDer) || isSignedBy(ca, ca) !== true)
    refused(
      'ca/not-self-issued',
      `The CA was issued by another one (${ca.issuer}), which alone can extend it.`,
      'Have it re-issued there for the same key and subject.',
    );
  if (ca.notBefore > at)
    refused('ca/not-yet-valid', `The CA becomes valid only on ${day(ca.notBefore)}.`, 'Check the clock (--at).');
}

/** The TBSCertificate with another serial (unless null), algorithm and end. Everything else is copied. */
function rewritten({ signedBytes }: Certificate, algorithm: Buffer, notAfter: number, serial: Buffer | null): Buffer {
  const tbs = new DerCursor(signedBytes, 0, signedBytes.length);
  const part = (cursor: DerCursor): Buffer => signedBytes.subarray(cursor.start, cursor.end);
  const head: Buffer[] = [];
  tbs.next();
  const inner = tbs.inside();
  inner.next();
  if (inner.tag !== TAG.integer) {
    head.push(part(inner));
    inner.next();
  }
  head.push(serial ?? part(inner));
  inner.next();
  head.push(algorithm);
  inner.next();
  head.push(part(inner));
  inner.next();
  // The beginning stays: what the CA issued in its past lies within its validity.
  const validity = inner.inside();
  validity.next();
  head.push(writeDer(0x30, part(validity), writeTime(notAfter)));
  return writeDer(0x30, ...head, signedBytes.subarray(inner.end, tbs.end));
}

/** UTCTime through 2049, GeneralizedTime from 2050 on (RFC 5280 4.1.2.5). */
function writeTime(time: number): Buffer {
  const digits = new Date(time)
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:T]/g, '');
  return digits < '2050'
    ? writeDer(TAG.utcTime, Buffer.from(digits.slice(2)))
    : writeDer(TAG.generalizedTime, Buffer.from(digits));
}

/** Sixteen random octets: far above what any counter under this issuer's name reaches. */
function newSerial(): Buffer {
  const octets = randomBytes(16);
  octets.writeUInt8((octets.readUInt8(0) & 0x3f) | 0x40, 0);
  return writeDer(TAG.integer, octets);
}

/** Whether the authority key identifier has authorityCertSerialNumber ([2], RFC 5280 4.2.1.1). */
function namesIssuersSerial(certificate: Certificate): boolean {
  const content = certificate.extension(EXTENSION.authorityKeyId);
  if (content === null) return false;
  const outer = new DerCursor(content, 0, content.length);
  if (!outer.expect(TAG.sequence)) return false;
  const inner = outer.inside();
  while (inner.next()) if (inner.tag === 0x82) return true;
  return false;
}

/** The same day and second some years later; 29 February becomes 1 March. */
function yearsLater(at: number, years: number): number {
  if (!Number.isInteger(years) || years < 1 || years > MOST_YEARS)
    refused('ca/years', `A CA is extended by 1 to ${MOST_YEARS} whole years.`, 'Give a number of years in between.');
  const date = new Date(Math.floor(at / 1000) * 1000);
  date.setUTCFullYear(date.getUTCFullYear() + years);
  return date.getTime();
}

function day(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}
