/** Which SCEP CA Fleet really serves: GetCACert over HTTPS. */
import { readCertificate, type Certificate } from '../certificates/der';
import { DerCursor, TAG } from '../certificates/der';
import { unreadable } from '../failure';
import { identityOf, type IdentityCertificate } from './assets';
import { getFromFleet, type FleetUrl } from './https-request';

/** Certificates in one answer at most; Fleet sends one. */
const MAX_CERTIFICATES = 20;

/**
 * Asks `<url>/mdm/apple/scep?operation=GetCACert`. Answers the certificates in the order sent, the CA first: one as
 * DER (`application/x-x509-ca-cert`) or several in a PKCS#7 without content (`…-ca-ra-cert`).
 *
 * Throws `fleet/scep-not-served` (404: Fleet runs without a private key, or this is not Fleet), `fleet/scep-unreadable`,
 * and what `getFromFleet` throws.
 */
export async function fetchScepCa(fleet: FleetUrl, timeout = 15_000): Promise<IdentityCertificate[]> {
  const answer = await getFromFleet(fleet, '/mdm/apple/scep?operation=GetCACert', {
    limits: { timeout, size: 256 * 1024 },
  });
  if (answer.status !== 200) {
    unreadable(
      'fleet/scep-not-served',
      `Fleet answered ${answer.status} when asked for its SCEP CA, so devices could not be verified or renewed.`,
      'Start Fleet with FLEET_SERVER_PRIVATE_KEY set and MDM configured, and check the address (and url_prefix, if one is set).',
      { status: answer.status },
    );
  }
  const certificates = readScepCa(answer.body);
  if (certificates.length === 0) {
    unreadable(
      'fleet/scep-unreadable',
      'What Fleet answered as its SCEP CA is no certificate.',
      'Check that the address is Fleet’s and that no proxy answers in its place.',
    );
  }
  return certificates;
}

/** The certificates in an answer to GetCACert, the CA first; none when it is no such answer. */
export function readScepCa(body: Buffer): IdentityCertificate[] {
  return certificatesOf(body).map(identityOf);
}

function certificatesOf(body: Buffer): Certificate[] {
  const single = readCertificate(body);
  if (single !== null) return [single];
  const found: Certificate[] = [];
  for (const der of certificatesOfPkcs7(body)) {
    const certificate = readCertificate(der);
    if (certificate === null) return [];
    found.push(certificate);
    if (found.length === MAX_CERTIFICATES) break;
  }
  return found;
}

/** ContentInfo → [0] SignedData → version, digestAlgorithms, contentInfo, [0] certificates. */
function* certificatesOfPkcs7(body: Buffer): Generator<Buffer> {
  const top = new DerCursor(body, 0, body.length);
  if (!top.expect(TAG.sequence)) return;
  const info = top.inside();
  if (!info.expect(TAG.oid) || !info.expect(0xa0)) return;
  const explicit = info.inside();
  if (!explicit.expect(TAG.sequence)) return;
  const signed = explicit.inside();
  while (signed.next()) {
    if (signed.tag !== 0xa0) continue;
    const list = signed.inside();
    while (list.next()) yield body.subarray(list.start, list.end);
    return;
  }
}
