/**
 * Makes the profile Fleet renews migrated devices with (spec/fleet.md 3.5, spec/micromdm.md 5.8): the installed one with
 * another SCEP payload. Everything else stays: Apple refuses an update that moves the MDM payload, and a trust anchor
 * that were dropped would cut the devices off.
 */
import { misused, refused } from '../failure';
import { Secret } from '../secret';
import { asDictionary, textOf, type PropertyListDictionary, type PropertyListValue } from '../sources/property-list';
import { dictionaryOf, enrollmentOf, scepContentOf, type Enrollment } from './enrollment';
import { writePropertyList } from './property-list-writer';
import { derivedUuid } from './uuid';

/** Where Fleet answers SCEP, on the old host as on its own. */
export const SCEP_PATH = '/mdm/apple/scep';

/** What the new profile is made from. */
export interface RenewalInput {
  /** The installed profile, or the one the source hands out. */
  readonly base: Enrollment;
  /** The old server's URL as the operator knows it; null to take the profile's word. */
  readonly serverUrl: string | null;
  /** Fleet's SCEP challenge. The one in `base` is never taken. */
  readonly challenge: Secret;
}

/** The profile: as XML, which is a secret, and as it reads. */
export interface RenewalProfile {
  readonly xml: Secret;
  readonly enrollment: Enrollment;
}

/**
 * Makes the profile; the same bytes for the same input.
 * @throws FailureError `profile/no-mdm-payload`, `profile/identity-not-scep`, `profile/listing-as-base`,
 *   `profile/server-url-differs`, `profile/unwritable`, `usage/server-url`
 */
export function makeRenewal({ base, serverUrl, challenge }: RenewalInput): RenewalProfile {
  if (base.form === 'listing')
    refused(
      'profile/listing-as-base',
      `${base.name} is a Mac’s listing: it does not hold the whole profile, so no new one can be made from it.`,
      'Make it from the profile the old server handed out, and give the listing as an installed sample.',
    );
  const url = base.mdm === null ? null : textOf(base.mdm, 'ServerURL');
  if (base.mdm === null || url === null)
    refused(
      'profile/no-mdm-payload',
      `${base.name} has no com.apple.mdm payload with a ServerURL: it is not an enrollment profile.`,
      'Name the profile by which the devices are enrolled.',
    );
  const host = hostOf(url, base.name);
  if (serverUrl !== null && hostOf(parseServerUrl(serverUrl), 'the server URL') !== host)
    refused(
      'profile/server-url-differs',
      `The devices of ${base.name} talk to ${host}, not to ${serverUrl}.`,
      'ServerURL must not change: give the URL they have, or the profile they really installed.',
    );
  const content = scepContentOf(base.identity);
  if (base.identity === null || content === null)
    refused(
      'profile/identity-not-scep',
      `The identity that ${base.name} names is not got by a SCEP payload; Fleet renews by SCEP only.`,
      'Re-enrol these devices, or move them while their present identity lasts.',
    );
  // The UUIDs of the three payloads that are new in it; whatever refers to the old ones follows.
  const renamed = new Map<string, string>();
  for (const part of [base.root, base.mdm, base.identity]) {
    const old = textOf(part, 'PayloadUUID');
    if (old !== null && old !== '')
      renamed.set(old, derivedUuid('renewal', textOf(part, 'PayloadType') ?? '', old, host));
  }
  const scep = changed(base.identity, { PayloadContent: requestOf(content, `${host}${SCEP_PATH}`, challenge) });
  const payloads = (base.root['PayloadContent'] as PropertyListValue[]).map((payload) =>
    payload === base.identity ? scep : payload,
  );
  const root = asDictionary(follow(changed(base.root, { PayloadContent: payloads }), renamed));
  if (root === null) throw new Error('a dictionary stays one');
  const xml = Buffer.from(writePropertyList(root));
  return {
    xml: new Secret('enrollment profile', xml),
    enrollment: enrollmentOf(root, { name: 'the new profile', form: 'xml', xml }),
  };
}

/** The old server's base URL as it was typed, without a slash at its end. Throws `usage/server-url`. */
export function parseServerUrl(text: string): string {
  const url = urlOf(text);
  if (url?.protocol !== 'https:' || url.username !== '' || url.search !== '' || url.hash !== '')
    misused(
      'usage/server-url',
      // Not repeated: what does not parse may still hold a password.
      'The address of the old MDM server is not a URL it could have been started with.',
      'Write it as the server was started with: https://mdm.example.com',
    );
  return text.replace(/\/+$/, '');
}

/** The request for a new identity: Fleet's way, with what the old one said besides. */
function requestOf(old: PropertyListDictionary, url: string, challenge: Secret): PropertyListDictionary {
  const size = old['Keysize'];
  // A fingerprint is that of the CA certificate as it was; a CA that was extended since has another.
  const rest = dictionaryOf(Object.entries(old).filter(([key]) => key !== 'CAFingerprint'));
  return changed(rest, {
    URL: url,
    Challenge: challenge.revealText(),
    'Key Type': 'RSA',
    Keysize: size === 3072 || size === 4096 ? size : 2048,
    'Key Usage': 5,
    Subject: [[['O', 'Fleet']], [['CN', 'FleetDM Identity']]],
  });
}

/** A copy with some values replaced in their places, and added at the end where there were none. */
function changed(
  dictionary: PropertyListDictionary,
  values: Readonly<Record<string, PropertyListValue>>,
): PropertyListDictionary {
  return dictionaryOf([...Object.entries(dictionary), ...Object.entries(values)]);
}

/** The value with every text that is one of these replaced: UUIDs, wherever a payload refers to one. */
function follow(value: PropertyListValue, renamed: ReadonlyMap<string, string>): PropertyListValue {
  if (typeof value === 'string') return renamed.get(value) ?? value;
  if (Array.isArray(value)) return value.map((entry) => follow(entry, renamed));
  const dictionary = asDictionary(value);
  if (dictionary === null) return value;
  return dictionaryOf(Object.entries(dictionary).map(([key, entry]) => [key, follow(entry, renamed)]));
}

function hostOf(url: string, name: string): string {
  const parsed = urlOf(url);
  if (parsed?.protocol !== 'https:')
    refused(
      'profile/server-url',
      `The ServerURL of ${name} is not an https address.`,
      'Look at the profile; devices do not enrol with such a one.',
    );
  return parsed.origin;
}

/** The URL a text is; null when it is none. */
export function urlOf(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null;
}
