/** The truth about the real MicroMDM databases in ../shared, as its maker wrote it down, and the same of a snapshot. */
import { createHash, createPrivateKey } from 'node:crypto';
import { readCertificate } from '../../../../src/core/certificates/der';
import type { KeyedCertificate, Snapshot, SourceDevice } from '../../../../src/core/sources/snapshot';

export interface ManifestDevice {
  readonly uuid: string;
  readonly udid: string;
  readonly serial: string;
  readonly kind?: string;
  readonly last_seen?: string;
  readonly [field: string]: unknown;
}

export interface Manifest {
  readonly file_sha256: string;
  readonly file_size: number;
  readonly page_size: number;
  readonly device_count: number;
  readonly enrolled_count: number;
  readonly devices_with_udid: number;
  readonly devices_with_push_info: number;
  readonly devices_with_cert_in_depot: number;
  readonly devices_with_unlock_token: number;
  readonly devices_with_bootstrap_token: number;
  readonly scep_ca_cert_sha256: string;
  readonly scep_ca_key_modulus_sha256: string;
  readonly scep_ca_subject: string;
  readonly scep_ca_not_after: string;
  readonly scep_next_serial: string;
  readonly push_cert_topic: string;
  readonly push_cert_sha256: string;
  readonly push_cert_not_after: string;
  readonly push_key_modulus_sha256: string;
  readonly dep_cert_sha256: string;
  readonly dep_key_modulus_sha256: string;
  readonly dep_token_consumer_keys?: readonly string[];
  readonly profile_identifiers: readonly string[];
  readonly profile_mobileconfig_sha256: readonly string[];
  readonly blueprint_names: readonly string[] | null;
  readonly blocked_udids?: readonly string[];
  readonly push_info_without_device: readonly { readonly key: string }[];
  readonly cert_hash_without_device: readonly { readonly key: string }[];
  readonly devices_digest_sha256: string;
  readonly devices: readonly ManifestDevice[];
}

/** A device of a snapshot with exactly the fields a manifest's device has. */
export function asManifestDevice(device: SourceDevice, like: ManifestDevice): Record<string, unknown> {
  const { push, certificate } = device;
  const parsed = certificate?.der ? readCertificate(certificate.der) : null;
  const all: Record<string, unknown> = {
    uuid: device.recordId,
    udid: device.udid ?? '',
    serial: device.serial ?? '',
    device_name: device.name ?? '',
    model: device.model ?? undefined,
    model_name: device.modelName ?? undefined,
    product_name: device.productName ?? undefined,
    os_version: device.osVersion ?? undefined,
    build_version: device.buildVersion ?? undefined,
    imei: device.imei ?? undefined,
    meid: device.meid ?? undefined,
    enrolled: device.enrolled,
    has_push_info: push?.from === 'push-info',
    push_topic: push?.topic ?? '',
    push_magic: push?.magic.revealText() ?? '',
    token_hex: push?.tokenHex ?? '',
    unlock_token_hex: device.unlockToken?.reveal().toString('hex') ?? '',
    bootstrap_token_b64: device.bootstrapToken?.reveal().toString('base64') ?? '',
    cert_sha256: certificate?.sha256 ?? '',
    cert_in_depot: certificate?.inDepot ?? false,
    cert_cn: certificate?.commonName ?? undefined,
    cert_serial: parsed?.serial.toString(),
    cert_not_after: certificate?.notAfter == null ? undefined : iso(certificate.notAfter),
    last_seen: device.lastSeen === null ? undefined : isoNanoseconds(device.lastSeen),
  };
  return Object.fromEntries(Object.entries(all).filter(([name, value]) => name in like || value !== undefined));
}

/** The manifest's device without what no reader can know. */
export function asRead(device: ManifestDevice): Record<string, unknown> {
  const notRead = ['kind', 'notes', 'matches_what_simulator_sent', 'stale_identifiers', 'cert_depot_key', 'asset_tag'];
  return Object.fromEntries(
    Object.entries(device).filter(([name]) => !notRead.includes(name) && !name.startsWith('dep_') && name !== 'color'),
  );
}

/** The digest over all devices, by the manifest's own rule. */
export function devicesDigest(devices: readonly SourceDevice[]): string {
  const lines = devices
    .filter(({ udid }) => udid !== null)
    .map((device) =>
      Buffer.from(
        `${[
          device.udid,
          device.serial ?? '',
          device.push?.topic ?? '',
          device.push?.magic.revealText() ?? '',
          device.push?.tokenHex ?? '',
          device.unlockToken?.reveal().toString('hex') ?? '',
          device.bootstrapToken?.reveal().toString('base64') ?? '',
          device.enrolled,
          device.certificate?.sha256 ?? '',
        ].join('\t')}\n`,
      ),
    )
    .sort(Buffer.compare);
  return createHash('sha256').update(Buffer.concat(lines)).digest('hex');
}

/** As `openssl rsa -modulus` prints it, hashed. */
export function modulusSha256(keyed: KeyedCertificate | null): string {
  const jwk = createPrivateKey(keyed?.key?.reveal() ?? '').export({ format: 'jwk' });
  const modulus = Buffer.from(jwk.n ?? '', 'base64url')
    .toString('hex')
    .toUpperCase();
  return createHash('sha256').update(`Modulus=${modulus}\n`).digest('hex');
}

export function iso(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}

/** As Go prints it: without trailing zeros. */
function isoNanoseconds(ns: bigint): string {
  const seconds = new Date(Number(ns / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  const fraction = (ns % 1_000_000_000n).toString().padStart(9, '0').replace(/0+$/, '');
  return fraction === '' ? `${seconds}Z` : `${seconds}.${fraction}Z`;
}

/** The subjects of a finding. */
export function subjectsOf(snapshot: Snapshot, code: string): readonly string[] {
  return snapshot.findings.filter((finding) => finding.code === code).flatMap(({ subjects }) => subjects ?? []);
}
