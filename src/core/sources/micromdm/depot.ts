/** scep_certificates: the SCEP CA with its key, and every certificate it ever issued (spec 2.10). */
import { hash } from 'node:crypto';
import { displayName } from '../../bolt';
import { readCertificate, type Certificate } from '../../certificates/der';
import { Issuer } from '../../certificates/issuer';
import { keyedCertificate } from '../keyed-certificate';
import type { ScepCa } from '../snapshot';
import { addReason, type DeviceRecords } from './device';

import { BUCKET, type Reading } from './reading';
import { otherCertificates, REASON } from './reasons';

/** A server where more devices look like this has a broken clock rather than that many renewals. */
const MAX_SUSPECTS = 1000;

/** Exact keys that are no certificates of devices. */
const RESERVED: ReadonlySet<string> = new Set(['ca_certificate', 'ca_key', 'serial']);
const longestReserved = 14;

/** Devices and the certificates they are bound to. */
type BoundDevices = Pick<DeviceRecords, 'list' | 'certificates'>;

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
export function readDepot(reading: Reading, ca: ScepCa | null, devices: BoundDevices, keep: boolean): void {
  const { certificates } = devices;
  const issuer = issuerOf(ca);
  const arena = new Arena();
  reading.entries(BUCKET.depot, ({ key, value }) => {
    if (isReserved(key)) return;
    // A bound entry is checked in full below; for the others the frame is enough.
    if (value.length < 4 || value[0] !== 0x30) {
      reading.findings.mark('depot-entry-unreadable', displayName(key));
      return;
    }
    const bound = certificates.get(hash('sha256', value, 'hex'));
    if (!bound || bound.inDepot) return;
    const der = keep ? arena.copy(value) : value;
    bound.inDepot = true;
    bound.der = keep ? der : null;
    const certificate = readCertificate(der);
    if (!certificate || certificate.der.length !== der.length) {
      reading.findings.mark('depot-entry-unreadable', displayName(key));
      return;
    }
    bound.notBefore = certificate.notBefore;
    bound.notAfter = certificate.notAfter;
    bound.commonName = certificate.commonName;
    bound.issuedByCa = issuer ? issuer.claimedBy(certificate) : null;
  });
  reading.findings.gather(
    'depot-entry-unreadable',
    'warning',
    (count) => `Entries of the certificate depot that are no certificates: ${count}. They were skipped.`,
  );
  for (const device of devices.list)
    if (device.certificate?.inDepot && device.certificate.notAfter === null)
      addReason(device, REASON.certificateUnreadable);
  findOtherCertificates(reading, devices);
}

/** Names likely other certificates of devices that were in contact after their bound one expired (spec 4). */
function findOtherCertificates(reading: Reading, devices: BoundDevices): void {
  const suspects = devices.list.filter(
    ({ lastSeen, certificate }) =>
      lastSeen !== null &&
      typeof certificate?.notAfter === 'number' &&
      lastSeen > BigInt(certificate.notAfter) * 1_000_000n,
  );
  for (const device of suspects.slice(0, MAX_SUSPECTS)) {
    const seen = Number((device.lastSeen ?? 0n) / 1_000_000n);
    const issued = device.certificate?.notBefore ?? 0;
    const name = device.certificate?.commonName ?? '';
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
    if (likely.length > 0) addReason(device, otherCertificates(likely));
  }
}

function issuerOf(ca: ScepCa | null): Issuer | null {
  const certificate: Certificate | null = ca ? readCertificate(ca.der) : null;
  return certificate ? new Issuer(certificate) : null;
}

function isReserved(key: Buffer): boolean {
  return key.length <= longestReserved && RESERVED.has(key.toString('latin1'));
}

/** Copies many small values into a few large buffers: tens of thousands of their own would cost twice the memory. */
class Arena {
  #chunk = Buffer.alloc(0);
  #used = 0;

  copy(value: Buffer): Buffer {
    if (value.length > 64 * 1024) return Buffer.from(value);
    if (this.#used + value.length > this.#chunk.length) {
      this.#chunk = Buffer.allocUnsafeSlow(1024 * 1024);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += value.copy(this.#chunk, start);
    return this.#chunk.subarray(start, this.#used);
  }
}
