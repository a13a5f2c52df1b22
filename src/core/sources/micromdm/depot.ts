/** scep_certificates: the SCEP CA with its key, and every certificate it ever issued (spec 2.10). */
import { hash } from 'node:crypto';
import { displayName } from '../../bolt';
import { readCertificate, type Certificate } from '../../certificates/der';
import { Issuer } from '../../certificates/issuer';
import { keyedCertificate } from '../keyed-certificate';
import type { ScepCa } from '../snapshot';
import type { DeviceStore } from './device-store';
import { BUCKET, type Reading } from './reading';
import { otherCertificates, REASON } from './reasons';

/** A server where more devices look like this has a broken clock rather than that many renewals. */
const MAX_SUSPECTS = 1000;

/** Exact keys that are no certificates of devices. */
const RESERVED: ReadonlySet<string> = new Set(['ca_certificate', 'ca_key', 'serial']);
const longestReserved = 14;

/** The SCEP CA; null (with a finding) when absent or unreadable. */
export function readScepCa(reading: Reading): ScepCa | null {
  const { findings } = reading;
  const der = reading.value(BUCKET.depot, 'ca_certificate');
  const key = reading.value(BUCKET.depot, 'ca_key');
  const serial = reading.value(BUCKET.depot, 'serial');
  if (!der) {
    findings.add('scep-ca-absent', 'error', 'The source holds no SCEP CA certificate.');
    return null;
  }
  const certificate = readCertificate(Buffer.from(der));
  if (!certificate) {
    findings.add('scep-ca-unreadable', 'error', 'The SCEP CA certificate of the source cannot be read.');
    return null;
  }
  const { keyed, problem } = keyedCertificate(certificate, key && Buffer.from(key), 'SCEP CA key');
  if (problem) findings.add('scep-ca-key-unreadable', 'error', problem);
  else if (!keyed.keyMatches)
    findings.add('scep-ca-key-mismatch', 'error', 'The SCEP CA key of the source is absent or not its certificate’s.');
  const nextSerial = serial && serial.length > 0 && serial.length <= 32 ? BigInt(`0x${serial.toString('hex')}`) : null;
  return { ...keyed, isCa: certificate.isCa, nextSerial };
}

/**
 * Finds the certificates devices are bound to: hashes every entry, copies only those that are bound (and not even
 * these unless `keep`). `issuedByCa`
 * is decided by name and key id; proving signatures is `verifyIssuers`' work.
 */
export function readDepot(reading: Reading, ca: ScepCa | null, devices: DeviceStore, keep: boolean): void {
  const { certificates } = devices;
  const issuer = issuerOf(ca);
  reading.entries(BUCKET.depot, (entry) => {
    const { key, value } = entry;
    if (isReserved(key)) return;
    // A bound entry is checked in full below; for the others the frame is enough.
    if (value.length < 4 || value[0] !== 0x30) {
      reading.findings.mark('depot-entry-unreadable', displayName(key));
      return;
    }
    const bound = certificates.get(hash('sha256', value, 'hex'));
    if (!bound || bound.inDepot) return;
    certificates.place(bound, entry, keep);
    const certificate = readCertificate(value);
    if (!certificate || certificate.der.length !== value.length) {
      reading.findings.mark('depot-entry-unreadable', displayName(key));
      return;
    }
    const { notBefore, notAfter, commonName } = certificate;
    const issuedByCa = issuer ? issuer.claimedBy(certificate) : null;
    certificates.describe(bound, { notBefore, notAfter, commonName, issuedByCa });
  });
  reading.findings.gather(
    'depot-entry-unreadable',
    'warning',
    (count) => `Entries of the certificate depot that are no certificates: ${count}. They were skipped.`,
  );
  for (let ordinal = 0; ordinal < devices.length; ordinal += 1) {
    const certificate = devices.certificateOf(ordinal);
    if (certificate?.inDepot && certificate.notAfter === null) devices.addReason(ordinal, REASON.certificateUnreadable);
  }
  findOtherCertificates(reading, devices);
}

/** Names likely other certificates of devices that were in contact after their bound one expired (spec 4). */
function findOtherCertificates(reading: Reading, devices: DeviceStore): void {
  let suspects = 0;
  for (let ordinal = 0; ordinal < devices.length && suspects < MAX_SUSPECTS; ordinal += 1) {
    const contact = devices.contactOf(ordinal);
    const certificate = contact === null ? null : devices.certificateOf(ordinal);
    if (contact === null || typeof certificate?.notAfter !== 'number') continue;
    if (contact <= BigInt(certificate.notAfter) * 1_000_000n) continue;
    suspects += 1;
    const seen = Number(contact / 1_000_000n);
    const issued = certificate.notBefore ?? 0;
    const name = certificate.commonName ?? '';
    // iOS does not expand the name's variable, so such names tell nobody apart.
    if (name === '' || name.includes('%')) continue;
    const likely: string[] = [];
    // The depot's keys are `<common name>.<serial>`.
    reading.entriesWithPrefix(BUCKET.depot, `${name}.`, ({ value }) => {
      const certificate = readCertificate(value);
      if (!certificate || certificate.notBefore <= issued) return;
      if (certificate.notBefore > seen || certificate.notAfter < seen) return;
      const sha256 = hash('sha256', value, 'hex');
      if (!devices.certificates.has(sha256)) likely.push(sha256);
    });
    if (likely.length > 0) devices.addReason(ordinal, otherCertificates(likely));
  }
}

function issuerOf(ca: ScepCa | null): Issuer | null {
  const certificate: Certificate | null = ca ? readCertificate(ca.der) : null;
  return certificate ? new Issuer(certificate) : null;
}

function isReserved(key: Buffer): boolean {
  return key.length <= longestReserved && RESERVED.has(key.toString('latin1'));
}
