/** Configuration profiles: which payloads, what the MDM payload says, and the certificates inside. */
import { asDictionary, textOf, type PropertyListDictionary } from '../sources/property-list';
import type { Facts } from './item';

/** Payloads of one profile at most. */
const MAX_PAYLOADS = 500;

const CERTIFICATE_PAYLOADS: ReadonlySet<string> = new Set([
  'com.apple.security.root',
  'com.apple.security.pkcs1',
  'com.apple.security.pkcs12',
  'com.apple.security.pem',
]);

/** What a profile holds. Its challenge and its passwords are not read. */
export interface ReadProfile {
  readonly facts: Facts;
  readonly topic: string | null;
  readonly enrollment: boolean;
  readonly parts: readonly { readonly name: string; readonly der: Buffer }[];
}

/** Reads a profile's root dictionary; null when it is none. */
export function readProfile(root: PropertyListDictionary): ReadProfile | null {
  const content = root['PayloadContent'];
  const type = textOf(root, 'PayloadType');
  if (type !== 'Configuration' && !(Array.isArray(content) && textOf(root, 'PayloadIdentifier') !== null)) return null;
  const payloads = (Array.isArray(content) ? content : [])
    .slice(0, MAX_PAYLOADS)
    .map(asDictionary)
    .filter((payload) => payload !== null);
  const types = payloads.map((payload) => textOf(payload, 'PayloadType') ?? '');
  const mdm = payloads[types.indexOf('com.apple.mdm')];
  const scep = payloads[types.indexOf('com.apple.security.scep')];
  const scepContent = scep ? asDictionary(scep['PayloadContent']) : null;
  const parts = payloads.flatMap((payload, index) => {
    const data = payload['PayloadContent'];
    const name = types[index] ?? '';
    return CERTIFICATE_PAYLOADS.has(name) && Buffer.isBuffer(data)
      ? [{ name: `payload ${index + 1} (${name})`, der: data }]
      : [];
  });
  return {
    facts: {
      identifier: textOf(root, 'PayloadIdentifier'),
      displayName: textOf(root, 'PayloadDisplayName'),
      payloadTypes: types,
      ...(mdm ? mdmFacts(mdm) : {}),
      ...(scepContent ? { scepUrl: textOf(scepContent, 'URL'), scepChallenge: 'Challenge' in scepContent } : {}),
    },
    topic: mdm ? textOf(mdm, 'Topic') : null,
    enrollment: mdm !== undefined,
    parts,
  };
}

function mdmFacts(mdm: PropertyListDictionary): Facts {
  const { SignMessage: signMessage, AccessRights: accessRights } = mdm;
  return {
    serverUrl: textOf(mdm, 'ServerURL'),
    checkInUrl: textOf(mdm, 'CheckInURL'),
    topic: textOf(mdm, 'Topic'),
    signMessage: typeof signMessage === 'boolean' ? signMessage : null,
    accessRights: typeof accessRights === 'number' ? accessRights : null,
  };
}
