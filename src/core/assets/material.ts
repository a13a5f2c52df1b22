/**
 * What goes into Fleet: the APNs push certificate and the SCEP CA, each with its key, in the one form Fleet takes.
 *
 * Certificates as PEM (Fleet uses the first of a bundle, so only that one is kept), keys as PKCS#1: Fleet takes the CA
 * key for RSA, and parses the APNs key as PKCS#1 at the yearly renewal (spec/fleet.md 2.1, 2.4). The SCEP challenge is
 * no part of it: the old one is often MicroMDM's public default, and Fleet has its own.
 */
import { readCertificate, type Certificate } from '../certificates/der';
import { keyFacts, keyMatches, openPrivateKey, privateKeyPem, publicKeyOf } from '../certificates/key';
import { readCertificateBytes, writePem } from '../certificates/pem';
import { misused, refused, unreadable } from '../failure';
import type { Secret } from '../secret';
import type { KeyedCertificate, Snapshot } from '../sources/snapshot';

/** The rows of mdm_config_assets this is about, by pair. */
export const PAIRS = {
  ca: { cert: 'ca_cert', key: 'ca_key' },
  push: { cert: 'apns_cert', key: 'apns_key' },
} as const;

export type PairName = keyof typeof PAIRS;
export type AssetName = 'ca_cert' | 'ca_key' | 'apns_cert' | 'apns_key';

/** How each pair is called in a sentence. */
const PAIR_TITLES: Readonly<Record<PairName, string>> = { ca: 'SCEP CA', push: 'APNs push certificate' };

/** A certificate and its key, as they are to stand in Fleet. */
export interface AssetPair {
  readonly certificate: Certificate;
  /** PEM of that one certificate. */
  readonly certPem: string;
  /** PKCS#1 PEM, unencrypted. */
  readonly key: Secret;
  /** Worth knowing, and no reason to stop. */
  readonly notes: readonly string[];
}

/** What goes in. A pair that is null is not touched. */
export interface AssetMaterial {
  readonly ca: AssetPair | null;
  readonly push: AssetPair | null;
  /** The next serial the source's CA would issue; null when unknown. */
  readonly nextSerial: bigint | null;
}

/** Certificate and key as files hold them: PEM or DER. */
export interface PairFiles {
  readonly certificate: Buffer;
  readonly key: Buffer;
}

/** What is given for a pair: its files, nothing (then it is the source's), or that it stays as Fleet has it. */
export type GivenPair = PairFiles | null | 'left-out';

const YEAR_MS = 365.25 * 86_400_000;

/**
 * Puts together what goes in: each pair from its files, else from the source.
 *
 * Throws `assets/nothing-given`, `assets/source-lacks-…`, and what {@link assetPair} throws.
 * @param at the instant validity is judged at, milliseconds
 */
export function gatherMaterial(
  snapshot: Snapshot | null,
  files: { readonly ca: GivenPair; readonly push: GivenPair },
  at: number,
): AssetMaterial {
  const pair = (name: PairName, keyed: KeyedCertificate | null): AssetPair | null => {
    const given = files[name];
    if (given === 'left-out') return null;
    if (given !== null) return assetPair(name, given, at);
    if (snapshot === null) return null;
    if (keyed?.key == null) {
      refused(
        name === 'ca' ? 'assets/source-lacks-ca' : 'assets/source-lacks-push',
        `The source holds no ${PAIR_TITLES[name]} ${keyed === null ? 'at all' : 'with a key that can be opened'}.`,
        name === 'ca'
          ? 'Give it with --scep-cert and --scep-key-file.'
          : 'Give it with --apns-cert and --apns-key-file; without its key, `slipway inspect` says how to have it issued again.',
      );
    }
    return assetPair(name, { certificate: keyed.der, key: keyed.key.reveal() }, at);
  };
  const ca = pair('ca', snapshot?.scepCa ?? null);
  const material: AssetMaterial = {
    ca,
    push: pair('push', snapshot?.push ?? null),
    nextSerial: continuesSource(ca, snapshot?.scepCa ?? null) ? (snapshot?.scepCa?.nextSerial ?? null) : null,
  };
  if (material.ca === null && material.push === null) {
    misused(
      'assets/nothing-given',
      'Neither a source nor a certificate with its key was given.',
      'Name a source, or --apns-cert with --apns-key-file, or --scep-cert with --scep-key-file.',
    );
  }
  return material;
}

/**
 * Whether a CA goes on issuing where the source's left off: the same name and key, as when it was extended. Another one
 * has a counter nobody told us.
 */
function continuesSource(ca: AssetPair | null, source: KeyedCertificate | null): boolean {
  const old = source === null ? null : readCertificate(source.der);
  if (ca === null || old === null) return false;
  return ca.certificate.subjectDer.equals(old.subjectDer) && ca.certificate.spki.equals(old.spki);
}

/**
 * One pair, proven fit for Fleet: readable, RSA, the key the certificate's own, valid now, the CA a CA, the push
 * certificate with a topic.
 *
 * Throws `assets/certificate-unreadable`, `key/encrypted`, `key/unreadable`, `assets/key-not-rsa`,
 * `assets/key-mismatch`, `assets/not-a-ca`, `assets/topic-missing`, `assets/expired`, `assets/not-yet-valid`.
 */
export function assetPair(name: PairName, files: PairFiles, at: number): AssetPair {
  const title = PAIR_TITLES[name];
  const ders = readCertificateBytes(files.certificate);
  const certificate = ders[0] === undefined ? null : readCertificate(Buffer.from(ders[0]));
  if (certificate === null) {
    unreadable(
      'assets/certificate-unreadable',
      `What was given as the ${title} holds no certificate that can be read.`,
      'Give a certificate in PEM or DER form; `slipway inspect` says what a file is.',
    );
  }
  const key = openPrivateKey(files.key, `the ${title}`);
  const spki = publicKeyOf(certificate.spki);
  if (key.asymmetricKeyType !== 'rsa' || spki?.asymmetricKeyType !== 'rsa') {
    refused(
      'assets/key-not-rsa',
      `The key of the ${title} is ${spki === null ? 'of a kind that cannot be read' : keyFacts(spki).type}; Fleet works with RSA only.`,
      name === 'ca'
        ? 'A CA with another key cannot be carried over: devices would have to enroll again.'
        : 'Have a push certificate for the same topic issued for an RSA key.',
    );
  }
  if (!keyMatches(key, certificate.spki)) {
    refused(
      'assets/key-mismatch',
      `The key given for the ${title} is not the certificate’s: with such a pair Fleet answers every MDM request with an error.`,
      'Find the key that belongs to it: `slipway inspect` on both files and others groups what belongs together.',
    );
  }
  if (name === 'ca' && !certificate.isCa) {
    refused(
      'assets/not-a-ca',
      'What was given as the SCEP CA is no CA certificate: no device’s certificate would verify against it.',
      'Give the certificate that issued the devices’ certificates.',
    );
  }
  if (name === 'push' && certificate.userId?.startsWith('com.apple.mgmt.') !== true) {
    refused(
      'assets/topic-missing',
      'What was given as the APNs push certificate names no MDM topic (com.apple.mgmt.…).',
      'Give the certificate from Apple’s push certificate portal, not the vendor’s and not a TLS certificate.',
    );
  }
  const day = (instant: number): string => new Date(instant).toISOString().slice(0, 10);
  if (certificate.notAfter <= at) {
    refused(
      'assets/expired',
      `The ${title} has expired (${day(certificate.notAfter)}).`,
      name === 'ca'
        ? 'Extend it first: same key, subject and key identifier, new validity.'
        : 'Renew it in Apple’s portal under the same Apple account, so that the topic stays, and give the new one.',
    );
  }
  if (certificate.notBefore > at) {
    refused(
      'assets/not-yet-valid',
      `The ${title} is valid only from ${day(certificate.notBefore)} on.`,
      'Check the clock of this machine, or wait.',
    );
  }
  const notes: string[] = [];
  const { bits } = keyFacts(spki);
  if (bits !== null && bits < 2_048) notes.push(`The key of the ${title} has ${bits} bits only.`);
  if (name === 'ca' && certificate.notAfter - at < 5 * YEAR_MS) {
    notes.push(
      `The SCEP CA ends on ${day(certificate.notAfter)}, in less than five years: extend it (same key, subject and key identifier) before disk encryption keys are escrowed to it.`,
    );
  }
  if (name === 'push' && certificate.notAfter - at < 30 * 86_400_000) {
    notes.push(
      `The APNs push certificate ends on ${day(certificate.notAfter)}: renew it under the same Apple account.`,
    );
  }
  return {
    certificate,
    certPem: writePem('CERTIFICATE', certificate.der),
    key: privateKeyPem(key, `${title} key`),
    notes,
  };
}

/** The values to store, by the name of their row. */
export function valuesOf(material: AssetMaterial): Map<AssetName, Buffer> {
  const values = new Map<AssetName, Buffer>();
  for (const name of ['ca', 'push'] as const) {
    const pair = material[name];
    if (pair === null) continue;
    values.set(PAIRS[name].cert, Buffer.from(pair.certPem, 'utf8'));
    values.set(PAIRS[name].key, pair.key.reveal());
  }
  return values;
}
