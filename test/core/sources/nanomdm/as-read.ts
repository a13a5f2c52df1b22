/** A snapshot in the words of the manifests, for comparing. */
import type { Snapshot, SourceDevice } from '../../../../src/core/sources/snapshot';

/** The fields of `read --json` that do not depend on the judgement. */
export function contractOf(device: SourceDevice): Record<string, unknown> {
  const { certificate } = device;
  const end = certificate?.notAfter;
  return {
    udid: device.udid,
    serial: device.serial,
    name: device.name,
    platform: device.platform,
    enrolled: device.enrolled,
    topic: device.push?.topic ?? null,
    tokenHex: device.push?.tokenHex ?? null,
    certificateSha256: certificate?.sha256 ?? null,
    certificateNotAfter: typeof end === 'number' ? new Date(end).toISOString().replace('.000Z', 'Z') : null,
    certificateInDepot: certificate?.inDepot ?? false,
    hasUnlockToken: device.unlockToken !== null,
    hasBootstrapToken: device.bootstrapToken !== null,
    users: device.users.map(({ id, shortName }) => ({ id, shortName })).sort(byId),
  };
}

/** What the contract keeps to itself. */
export function insideOf(device: SourceDevice): Record<string, unknown> {
  return {
    magic: device.push?.magic.revealText() ?? null,
    unlockToken: device.unlockToken?.reveal().toString('base64') ?? null,
    bootstrapToken: device.bootstrapToken?.reveal().toString('base64') ?? null,
    model: device.model,
    modelName: device.modelName,
    productName: device.productName,
    osVersion: device.osVersion,
    buildVersion: device.buildVersion,
    imei: device.imei,
    meid: device.meid,
    former: (device.formerCertificates ?? []).map(({ sha256 }) => sha256),
    pending: device.pending && { count: device.pending.count, requestTypes: device.pending.requestTypes },
    users: device.users
      .map(({ id, longName, push }) => ({
        id,
        longName,
        magic: push?.magic.revealText() ?? null,
        tokenHex: push?.tokenHex ?? null,
        topic: push?.topic ?? null,
      }))
      .sort(byId),
  };
}

export function byUdid<T>(snapshot: Snapshot, view: (device: SourceDevice) => T): Map<string, T> {
  return new Map(snapshot.devices.map((device) => [device.udid ?? '', view(device)]));
}

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : 1;
}
