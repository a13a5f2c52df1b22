/**
 * A configuration profile as it is compared: out of its signature, with its payloads and the references between them.
 * Its values are secrets until `fields` has masked them.
 */
import { isSignedData, unwrapSignedData } from '../certificates/cms';
import {
  asDictionary,
  readPropertyList,
  textOf,
  type PropertyListDictionary,
  type PropertyListValue,
} from '../sources/property-list';
import { isDiskEncryption } from './payload-kind';

const MDM_TYPE = 'com.apple.mdm';

/** Why a profile could not be opened. */
export type ProfileObstacle = 'unreadable' | 'binary' | 'encrypted' | 'signature-empty';

/** One payload. */
export interface Payload {
  readonly type: string;
  readonly identifier: string;
  readonly uuid: string;
  readonly displayName: string | null;
  readonly body: PropertyListDictionary;
}

/** A profile that was opened. */
export interface OpenedProfile {
  readonly identifier: string;
  readonly displayName: string | null;
  readonly uuid: string;
  readonly type: string;
  /** As written; null when the profile says nothing: then an MDM server installs it for the device. */
  readonly scope: string | null;
  readonly signed: boolean;
  /** The XML itself, out of its signature. */
  readonly xml: Buffer;
  readonly root: PropertyListDictionary;
  readonly payloads: readonly Payload[];
  /** Why nothing more is known of it; null when it was read. */
  readonly obstacle: ProfileObstacle | null;
}

/** Opens a profile, whoever signed it: what devices installed counts. Never throws. */
export function openControlProfile(
  body: Buffer,
  fallback: { identifier: string; displayName: string | null },
): OpenedProfile {
  const signed = isSignedData(body);
  const inner = signed ? unwrapSignedData(body) : body;
  const closed = (obstacle: ProfileObstacle, xml: Buffer, root: PropertyListDictionary | null): OpenedProfile => ({
    ...fallback,
    uuid: root === null ? '' : (textOf(root, 'PayloadUUID') ?? ''),
    type: root === null ? '' : (textOf(root, 'PayloadType') ?? ''),
    scope: root === null ? null : textOf(root, 'PayloadScope'),
    signed,
    xml,
    root: root ?? (Object.create(null) as PropertyListDictionary),
    payloads: [],
    obstacle,
  });
  if (inner === null) return closed('signature-empty', Buffer.alloc(0), null);
  if (inner.subarray(0, 6).toString('latin1') === 'bplist') return closed('binary', inner, null);
  // Line ends count as XML counts them: a line feed each.
  const root = asDictionary(readPropertyList(Buffer.from(inner.toString('utf8').replace(/\r\n?/g, '\n'))));
  if (root === null) return closed('unreadable', inner, null);
  if ('EncryptedPayloadContent' in root) return closed('encrypted', inner, root);
  return {
    identifier: textOf(root, 'PayloadIdentifier') ?? fallback.identifier,
    displayName: textOf(root, 'PayloadDisplayName') ?? fallback.displayName,
    uuid: textOf(root, 'PayloadUUID') ?? '',
    type: textOf(root, 'PayloadType') ?? '',
    scope: textOf(root, 'PayloadScope'),
    signed,
    xml: inner,
    root,
    payloads: payloadsOf(root),
    obstacle: null,
  };
}

function payloadsOf(root: PropertyListDictionary): Payload[] {
  const content = root['PayloadContent'];
  // Some tools write one payload without the list around it.
  const list = Array.isArray(content) ? content : content === undefined ? [] : [content];
  return list.flatMap((entry) => {
    const body = asDictionary(entry);
    if (body === null) return [];
    return [
      {
        type: textOf(body, 'PayloadType') ?? '',
        identifier: textOf(body, 'PayloadIdentifier') ?? '',
        uuid: textOf(body, 'PayloadUUID') ?? '',
        displayName: textOf(body, 'PayloadDisplayName'),
        body,
      },
    ];
  });
}

/** True for a profile by which devices are enrolled: it is never removed, nor given to Fleet. */
export function isEnrollment({ payloads }: OpenedProfile): boolean {
  return payloads.some(({ type }) => type === MDM_TYPE);
}

/** True when Fleet would say that disk encryption is its own matter. */
export function carriesDiskEncryption({ payloads }: OpenedProfile): boolean {
  return payloads.some(
    ({ type, body }) => isDiskEncryption(type) || (type === 'com.apple.MCX' && holdsFileVaultOptions(body, 0)),
  );
}

/** Old com.apple.MCX payloads hold FileVault options beside others. */
function holdsFileVaultOptions(body: PropertyListDictionary, depth: number): boolean {
  return Object.entries(body).some(([key, value]) => {
    if (/FDE|FileVault/i.test(key)) return true;
    const inner = depth < 8 ? asDictionary(value) : null;
    return inner !== null && holdsFileVaultOptions(inner, depth + 1);
  });
}

/** A payload that names another one of its profile by UUID. */
export interface Reference {
  readonly from: Payload;
  readonly key: string;
  readonly uuid: string;
  /** Null: there is no such payload in the profile. */
  readonly to: Payload | null;
}

const REFERRING =
  /^(PayloadCertificateUUID|PayloadCertificateAnchorUUID|IdentityCertificateUUID|TLSCertificateUUID|.*CertificateUUID|.*AnchorUUIDs?)$/;

/** References between the payloads of a profile: Wi-Fi, VPN and the like name the certificates they use. */
export function referencesOf({ payloads }: OpenedProfile): Reference[] {
  const byUuid = new Map(payloads.filter(({ uuid }) => uuid !== '').map((one) => [one.uuid.toUpperCase(), one]));
  const found: Reference[] = [];
  for (const from of payloads) {
    const walk = (value: PropertyListValue, key: string, depth: number): void => {
      if (depth > 16) return;
      if (typeof value === 'string') {
        if (REFERRING.test(key)) found.push({ from, key, uuid: value, to: byUuid.get(value.toUpperCase()) ?? null });
        return;
      }
      if (Array.isArray(value)) {
        for (const entry of value) walk(entry, key, depth + 1);
        return;
      }
      const inner = asDictionary(value);
      if (inner !== null) for (const [name, entry] of Object.entries(inner)) walk(entry, name, depth + 1);
    };
    walk(from.body, '', 0);
  }
  return found;
}
