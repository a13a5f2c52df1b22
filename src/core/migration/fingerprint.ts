/**
 * Fingerprints of a source: has a device changed since a plan was made?
 *
 * A fingerprint covers what the migration carries over and what its verdict hangs on. Two things are left out on
 * purpose: the last contact (the source writes it on every poll, so it would drift for ever) and the commands that
 * wait at the source (they are no migration field; they come and go with every poll, and a plan that was made from
 * them says so by the device's reasons). Drift is per device: one that changed is held, the others go on.
 */
import { createHash } from 'node:crypto';
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
