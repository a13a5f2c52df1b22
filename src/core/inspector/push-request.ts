/**
 * The push request: what Apple's push certificates portal takes. A property list (usually as base64) with the request,
 * the MDM vendor's signature over it, and the vendor's chain. Read and checked here; written where the vendor's own
 * certificate and key are at hand.
 */
import { sign, verify, type KeyObject } from 'node:crypto';
import type { Certificate } from '../certificates/der';
import { readCertificate } from '../certificates/der';
import { keyMatches, publicKeyOf } from '../certificates/key';
import { readPem, writePem } from '../certificates/pem';
import { readRequest } from '../certificates/request';
import { isSignedBy } from '../certificates/signature';
import { refused } from '../failure';
import { asDictionary, readPropertyList, textOf, type PropertyListDictionary } from '../sources/property-list';
import type { Facts, Problem } from './item';
import { problem } from './problem';

/** Certificates of a vendor's chain at most; there are three. */
const MAX_CHAIN = 20;

/** What a push request holds. */
export interface ReadPushRequest {
  readonly facts: Facts;
  readonly problems: readonly Problem[];
  readonly parts: readonly { readonly name: string; readonly der: Buffer }[];
}

/** Reads a push request's dictionary; null when it is none. */
export function readPushRequest(root: PropertyListDictionary): ReadPushRequest | null {
  if (!('PushCertRequestCSR' in root)) return null;
  const csr = bytesOf(root, 'PushCertRequestCSR');
  const signature = bytesOf(root, 'PushCertSignature');
  const chainText = textOf(root, 'PushCertCertificateChain');
  const chain = readPem(chainText ?? '')
    .slice(0, MAX_CHAIN)
    .flatMap(({ der }) => readCertificate(der) ?? []);
  const problems: Problem[] = [];
  const request = csr ? readRequest(csr) : null;
  if (!csr || !request) problems.push(problem('push-request-incomplete', 'the certificate request'));
  if (!signature) problems.push(problem('push-request-incomplete', 'the vendor’s signature'));
  const vendor = chain[0];
  if (!vendor) problems.push(problem('push-request-incomplete', 'the vendor’s certificate chain'));
  const digest = request && signature && vendor ? digestOf(request.der, signature, vendor) : null;
  if (request && signature && vendor && digest === null) problems.push(problem('push-request-signature-wrong'));
  const linked = chain.every((certificate, index) => {
    const issuer = chain[index + 1] ?? certificate;
    return index === chain.length - 1 ? true : isSignedBy(certificate, issuer) === true;
  });
  if (!linked)
    problems.push(problem('push-request-incomplete', 'a chain in which each certificate issued the one before'));
  return {
    facts: {
      vendor: vendor?.subject ?? null,
      signatureDigest: digest,
      signatureValid: digest !== null,
      chainLength: chain.length,
      chainLinked: chain.length > 0 && linked,
    },
    problems,
    parts: [
      ...(request ? [{ name: 'request', der: request.der }] : []),
      ...chain.map(({ der }, index) => ({ name: `chain ${index + 1}`, der })),
    ],
  };
}

/**
 * Signs a request as the MDM vendor and wraps it the way Apple's portal takes it: base64 of a property list.
 * @param chain the vendor's certificate first, then Apple's intermediate and root.
 */
export function writePushRequest(csr: Buffer, vendorKey: KeyObject, chain: readonly Certificate[]): string {
  const signature = sign('sha256', csr, vendorKey).toString('base64');
  const pem = chain.map(({ der }) => writePem('CERTIFICATE', der)).join('');
  const plist = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
<key>PushCertRequestCSR</key>
<string>${csr.toString('base64')}</string>
<key>PushCertCertificateChain</key>
<string>${pem}</string>
<key>PushCertSignature</key>
<string>${signature}</string>
</dict>
</plist>
`;
  return Buffer.from(plist).toString('base64');
}

/**
 * As {@link writePushRequest}, and read back: what comes out is what Apple's portal takes.
 *
 * Throws `push/vendor-key-differs`, `push/vendor-expired`, `push/vendor-chain`.
 * @param at the clock, milliseconds since the epoch.
 */
export function signPushRequest(csr: Buffer, vendorKey: KeyObject, chain: readonly Certificate[], at: number): string {
  const [vendor] = chain;
  if (!vendor || chain.length < 2)
    refused(
      'push/vendor-chain',
      'The vendor’s certificate alone is not enough.',
      'Put the vendor’s certificate, Apple’s intermediate and Apple’s root into one PEM file, in this order.',
    );
  if (!keyMatches(vendorKey, vendor.spki))
    refused(
      'push/vendor-key-differs',
      'The vendor’s key is not that of the first certificate in the chain.',
      'Put the vendor’s own certificate first, and give its key.',
    );
  const past = chain.find(({ notBefore, notAfter }) => notAfter < at || notBefore > at);
  if (past)
    refused(
      'push/vendor-expired',
      `A certificate of the vendor’s chain is not valid now (${past.subject}).`,
      'Renew it at Apple’s developer site first.',
    );
  const text = writePushRequest(csr, vendorKey, chain);
  const root = asDictionary(readPropertyList(Buffer.from(text, 'base64')));
  const [found] = (root && readPushRequest(root)?.problems) ?? [];
  if (root === null || found)
    refused(
      'push/vendor-chain',
      found?.sentence ?? 'The push request cannot be read back.',
      'Check the vendor’s key and chain: each certificate must have issued the one before it.',
    );
  return text;
}

/** Which digest the vendor's signature is right with; null when with none. */
function digestOf(csr: Buffer, signature: Buffer, vendor: Certificate): string | null {
  const key = publicKeyOf(vendor.spki);
  if (!key) return null;
  // Apple asked for SHA-1 first and SHA-256 later; nothing in the request says which.
  for (const digest of ['sha256', 'sha1', 'sha384', 'sha512']) {
    try {
      if (verify(digest, csr, key, signature)) return digest;
    } catch {
      return null;
    }
  }
  return null;
}

function bytesOf(root: PropertyListDictionary, key: string): Buffer | null {
  const value = root[key];
  if (Buffer.isBuffer(value)) return value;
  if (typeof value !== 'string') return null;
  const pem = readPem(value)[0];
  const bytes = pem ? pem.der : Buffer.from(value.replace(/\s+/g, ''), 'base64');
  return bytes.length > 0 ? bytes : null;
}
