/** Profiles for the tests of this folder, written by another property list writer than the engine's own. */
import * as plist from 'plist';
import type { PlistValue } from 'plist';
import { Secret } from '../../../src/core/secret';
import type { FleetProfile } from '../../../src/core/fleet/profiles';
import type { Blueprint, Snapshot, SourceProfile } from '../../../src/core/sources/snapshot';
import { openControlProfile, type OpenedProfile } from '../../../src/core/controls/profile';

export type Payload = { readonly [key: string]: PlistValue | Buffer };

let count = 0;
const uuid = (): string => `00000000-1111-2222-3333-${String((count += 1)).padStart(12, '0')}`;

/** A payload of a type with some settings. */
export function payload(type: string, identifier: string, settings: Payload = {}): Payload {
  return { PayloadType: type, PayloadIdentifier: identifier, PayloadUUID: uuid(), PayloadVersion: 1, ...settings };
}

/** A configuration profile as XML. */
export function mobileconfig(identifier: string, payloads: readonly Payload[], root: Payload = {}): Buffer {
  return Buffer.from(
    plist.build({
      PayloadContent: payloads as unknown as PlistValue,
      PayloadDisplayName: `Name of ${identifier}`,
      PayloadIdentifier: identifier,
      PayloadType: 'Configuration',
      PayloadUUID: uuid(),
      PayloadVersion: 1,
      ...root,
    }),
  );
}

export function opened(body: Buffer): OpenedProfile {
  return openControlProfile(body, { identifier: 'fallback', displayName: null });
}

export function sourceProfile(identifier: string, body: Buffer): SourceProfile {
  return { identifier, displayName: null, signed: false, body: new Secret('profile', body), payloadTypes: [] };
}

/** A snapshot of which only profiles, blueprints and devices matter. */
export function snapshotWith(
  profiles: readonly SourceProfile[],
  more: Partial<Pick<Snapshot, 'devices' | 'enrollmentProfile'>> & { blueprints?: readonly Blueprint[] } = {},
): Snapshot {
  return {
    source: { kind: 'micromdm', path: 'x', sha256: null, txid: null, pageSize: null, size: null, retries: 0 },
    instant: 0,
    scepCa: null,
    push: null,
    abmKeyPair: null,
    abmTokens: [],
    profiles,
    enrollmentProfile: null,
    blueprints: [],
    devices: [],
    findings: [],
    ...more,
  };
}

export function fleetProfile(identifier: string, body: Buffer, more: Partial<FleetProfile> = {}): FleetProfile {
  return {
    uuid: `a${identifier}`,
    kind: 'profile',
    identifier,
    name: `Name of ${identifier}`,
    scope: 'System',
    body: new Secret('profile', body),
    labels: [],
    ...more,
  };
}
