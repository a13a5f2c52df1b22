/**
 * Fingerprints of a source: has a device changed since a plan was made?
 *
 * A fingerprint covers what the migration carries over and what its verdict hangs on. Two things are left out on
 * purpose: the last contact (the source writes it on every poll, so it would drift for ever) and the commands that
 * wait at the source (they are no migration field; they come and go with every poll, and a plan that was made from
 * them says so by the device's reasons). Drift is per device: one that changed is held, the others go on.
 */
import { createHash } from 'node:crypto';
import { CommonKeys } from './common-keys';
import type { PushIdentity, Snapshot, SourceDevice, SourceUser } from '../sources/snapshot';

/** A device's field as it enters the digest. Secrets enter as their hash. */
type Field = string | number | boolean | null | readonly Field[];

/** Lower-case hex SHA-256 over the migration fields of one device, without its last contact. */
export function fingerprintOf(device: SourceDevice): string {
  const { certificate, formerCertificates = [] } = device;
  const fields: Field = [
    'slipway-device-1',
    device.udid,
    device.serial,
    device.name,
    device.model,
    device.modelName,
    device.productName,
    device.osVersion,
    device.buildVersion,
    device.imei,
    device.meid,
    device.platform,
    device.enrolled,
    device.awaitingConfiguration,
    device.blockedAtSource,
    pushFields(device.push),
    certificate === null
      ? null
      : [certificate.sha256, certificate.inDepot, certificate.notBefore, certificate.notAfter],
    device.unlockToken?.sha256() ?? null,
    device.bootstrapToken?.sha256() ?? null,
    device.users.map(userFields).sort((left, right) => order(JSON.stringify(left), JSON.stringify(right))),
    // Only where there are any: what plans of sources with one certificate each were made from stays what it was.
    ...(formerCertificates.length === 0 ? [] : [formerCertificates.map(({ sha256 }) => sha256).sort(order)]),
  ];
  return createHash('sha256').update(JSON.stringify(fields)).digest('hex');
}

/** Fingerprints of all devices that have a UDID, by UDID. */
export function fingerprintsOf(snapshot: Snapshot): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const device of snapshot.devices) {
    if (device.udid === null) continue;
    const own = fingerprintOf(device);
    const other = found.get(device.udid);
    // Two records of one UDID are judged elsewhere; here a change of either must show.
    found.set(device.udid, other === undefined ? own : digestOf([other, own].sort(order)));
  }
  return found;
}

/** Fingerprints by ordinal of a source that may have a million devices: 32 bytes for each instead of a Map's 250. */
export class Fingerprints {
  readonly #bytes: Buffer;
  /** Of the whole source, as {@link sourceFingerprint} makes it. */
  readonly source: string;

  constructor(devices: Snapshot['devices']) {
    this.#bytes = Buffer.alloc(devices.length * 32);
    const keys = new CommonKeys(devices.length, 1);
    const udids: string[] = [];
    devices.forEach((device, ordinal) => {
      udids.push(device.udid ?? '');
      if (device.udid === null) return;
      this.#set(ordinal, fingerprintOf(device));
      keys.set(ordinal, 0, device.udid);
    });
    const first = this.#combine(keys.related(), udids);
    const ordinals = Uint32Array.from(udids.keys()).filter((ordinal) => {
      const udid = udids[ordinal] as string;
      return udid !== '' && (first.get(udid) ?? ordinal) === ordinal;
    });
    const lineOf = (ordinal: number): string => `${udids[ordinal] as string}\u0000`;
    // Only where one UDID begins another does the fingerprint tell their lines apart, and then a NUL is in it.
    const line = udids.some((udid) => udid.includes('\u0000'))
      ? (ordinal: number): string => lineOf(ordinal) + this.at(ordinal)
      : lineOf;
    ordinals.sort((a, b) => order(line(a), line(b)));
    const digest = createHash('sha256');
    ordinals.forEach((ordinal, index) => {
      digest.update(`${index === 0 ? '' : '\n'}${lineOf(ordinal)}${this.at(ordinal)}`);
    });
    this.source = digest.digest('hex');
  }

  /** Of a device that has a UDID: over all records of it. */
  at(ordinal: number): string {
    return this.#bytes.toString('hex', ordinal * 32, ordinal * 32 + 32);
  }

  #set(ordinal: number, fingerprint: string): void {
    this.#bytes.write(fingerprint, ordinal * 32, 'hex');
  }

  /** Gives all records of one UDID one fingerprint; returns the first record of each UDID that has several. */
  #combine(related: readonly number[], udids: readonly string[]): ReadonlyMap<string, number> {
    const byUdid = new Map<string, number[]>();
    for (const ordinal of related) {
      const udid = udids[ordinal] as string;
      const known = byUdid.get(udid);
      if (known === undefined) byUdid.set(udid, [ordinal]);
      else known.push(ordinal);
    }
    const first = new Map<string, number>();
    for (const [udid, ordinals] of byUdid) {
      const all = ordinals.map((ordinal) => this.at(ordinal));
      const combined = all.reduce((other, own) => digestOf([other, own].sort(order)));
      for (const ordinal of ordinals) this.#set(ordinal, combined);
      first.set(udid, ordinals[0] as number);
    }
    return first;
  }
}

/** Fingerprint of the whole source: the devices' own, in the order of their UDIDs. */
export function sourceFingerprint(fingerprints: ReadonlyMap<string, string>): string {
  return digestOf([...fingerprints].map(([udid, fingerprint]) => `${udid}\u0000${fingerprint}`).sort(order));
}

function pushFields(push: PushIdentity | null): Field {
  return push === null ? null : [push.topic, push.magic.sha256(), push.tokenHex];
}

function userFields(user: SourceUser): Field {
  return [user.id, user.shortName, user.longName, pushFields(user.push), user.tokenMatches, user.superseded];
}

function digestOf(lines: readonly string[]): string {
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}

/** By code unit: the same on every machine, whatever its locale. */
function order(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
