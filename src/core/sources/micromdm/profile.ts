/** mdm.Profile: the configuration profiles kept at the server, and the enrollment profile among them (spec 2.6). */
import { displayName } from '../../bolt';
import { isSignedData, unwrapSignedData } from '../../certificates/cms';
import { Secret } from '../../secret';
import {
  asDictionary,
  readPropertyList,
  textOf,
  type PropertyListDictionary,
  type PropertyListValue,
} from '../property-list';
import type { EnrollmentProfile, SourceProfile } from '../snapshot';
import { MessageType } from './protobuf';
import { BUCKET, type Reading } from './reading';

/** A profile under this identifier is what MicroMDM hands out for enrolling, instead of its built-in one. */
export const ENROLLMENT_IDENTIFIER = 'com.github.micromdm.micromdm.enroll';

const profileMessage = new MessageType({ id: [1, 'text'], mobileconfig: [2, 'bytes'] });

export function readProfiles(reading: Reading): {
  readonly profiles: SourceProfile[];
  readonly enrollmentProfile: EnrollmentProfile | null;
  readonly enrollmentBody: Secret | null;
} {
  const profiles: SourceProfile[] = [];
  let enrollmentProfile: EnrollmentProfile | null = null;
  let enrollmentBody: Secret | null = null;
  reading.entries(BUCKET.profile, ({ key, value }) => {
    const decoded = profileMessage.decode(value);
    if (!decoded.ok) {
      reading.undecodable(BUCKET.profile, key, decoded.error);
      return;
    }
    const identifier = key.toString('utf8');
    if (decoded.message.id !== identifier) reading.findings.mark('profile-key-mismatch', displayName(key));
    const body = Buffer.from(decoded.message.mobileconfig ?? []);
    const signed = isSignedData(body);
    const root = openProfile(body);
    if (!root) reading.findings.mark('profile-unreadable', displayName(key));
    profiles.push({
      identifier,
      displayName: root ? textOf(root, 'PayloadDisplayName') : null,
      signed,
      body: new Secret('profile', body),
      payloadTypes: root ? payloads(root).map((payload) => textOf(payload, 'PayloadType') ?? '') : [],
    });
    if (identifier === ENROLLMENT_IDENTIFIER) {
      enrollmentProfile = root && enrollmentOf(root);
      enrollmentBody = new Secret('enrollment profile', body);
    }
  });
  reading.findings.gather(
    'profile-key-mismatch',
    'info',
    (count) =>
      `Profiles that name another identifier than the key they are stored under: ${count}. The key was trusted.`,
  );
  reading.findings.gather(
    'profile-unreadable',
    'warning',
    (count) => `Profiles that could not be read as property lists: ${count}. They are kept as they are.`,
  );
  return { profiles, enrollmentProfile, enrollmentBody };
}

/**
 * The root dictionary of a configuration profile, signed or not. The signature is not checked: what the devices
 * installed counts, whoever signed it.
 */
export function openProfile(mobileconfig: Buffer): PropertyListDictionary | null {
  return asDictionary(
    readPropertyList(isSignedData(mobileconfig) ? (unwrapSignedData(mobileconfig) ?? mobileconfig) : mobileconfig),
  );
}

/** The payloads of a profile, in order. */
export function payloads(root: PropertyListDictionary): PropertyListDictionary[] {
  const content = root['PayloadContent'];
  if (!Array.isArray(content)) return [];
  return content.map(asDictionary).filter((payload) => payload !== null);
}

/** What an enrollment profile says (spec 5.7); null when it holds no com.apple.mdm payload. */
export function enrollmentOf(root: PropertyListDictionary): EnrollmentProfile | null {
  const all = payloads(root);
  const mdm = all.find((payload) => textOf(payload, 'PayloadType') === 'com.apple.mdm');
  if (!mdm) return null;
  const scep = all.find((payload) => textOf(payload, 'PayloadType') === 'com.apple.security.scep');
  const scepContent = scep ? asDictionary(scep['PayloadContent']) : null;
  return {
    identifier: textOf(root, 'PayloadIdentifier') ?? ENROLLMENT_IDENTIFIER,
    serverUrl: textOf(mdm, 'ServerURL'),
    checkInUrl: textOf(mdm, 'CheckInURL'),
    topic: textOf(mdm, 'Topic'),
    signMessage: ifBoolean(mdm['SignMessage']),
    accessRights: ifNumber(mdm['AccessRights']),
    scepUrl: scepContent ? textOf(scepContent, 'URL') : null,
  };
}

function ifBoolean(value: PropertyListValue | undefined): boolean | null {
  return typeof value === 'boolean' ? value : null;
}

function ifNumber(value: PropertyListValue | undefined): number | null {
  return typeof value === 'number' ? value : null;
}
