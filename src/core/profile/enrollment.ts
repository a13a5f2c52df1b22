/**
 * Reads enrollment profiles: as a server hands them out (XML, signed or not), as Fleet's environment variable holds them
 * (base64, alone or as the whole line), and as a Mac lists what is installed (`profiles -C -o stdout-xml`).
 *
 * A signature is not checked: what the devices installed counts, whoever signed it (spec/micromdm.md 34).
 */
import { isSignedData, unwrapSignedData } from '../certificates/cms';
import { unreadable } from '../failure';
import {
  asDictionary,
  readPropertyList,
  textOf,
  type PropertyListDictionary,
  type PropertyListValue,
} from '../sources/property-list';

/** The variable Fleet reads the profile from at each run of its renewal (spec/fleet.md 3.5). */
export const VARIABLE = 'FLEET_SILENT_MIGRATION_ENROLLMENT_PROFILE';

export const MDM_TYPE = 'com.apple.mdm';
export const SCEP_TYPE = 'com.apple.security.scep';

/**
 * How a profile was found: `xml` plain, `signed` in CMS, `base64` and `environment` for Fleet, `listing` as a Mac lists
 * it, which says less than the profile does, `template` when we made it ourselves.
 */
export type EnrollmentForm = 'xml' | 'signed' | 'base64' | 'environment' | 'listing' | 'template';

/** An enrollment profile. Its values may be secrets: the challenge, passwords in other payloads. */
export interface Enrollment {
  /** What it is called in messages: the file. */
  readonly name: string;
  readonly form: EnrollmentForm;
  /** The XML itself, out of signature and base64. */
  readonly xml: Buffer;
  readonly root: PropertyListDictionary;
  /** Every payload, in order. */
  readonly payloads: readonly PropertyListDictionary[];
  /** The com.apple.mdm payload; null when there is none. The first, when there are several. */
  readonly mdm: PropertyListDictionary | null;
  /** The payload whose UUID the MDM payload names as the device's identity; null when there is none. */
  readonly identity: PropertyListDictionary | null;
}

/**
 * Reads a profile in any of its forms.
 * @throws FailureError `profile/not-a-profile`, `profile/binary`, `profile/base64`, `profile/encrypted`
 */
export function readEnrollment(bytes: Buffer, name: string): Enrollment {
  let xml = bytes;
  let form: EnrollmentForm = 'xml';
  const text = bytes.length < 8 * 1024 * 1024 ? bytes.toString('latin1').trim() : '';
  if (text.startsWith(`${VARIABLE}=`) || /^[A-Za-z0-9+/]{16}/.test(text)) {
    form = text.startsWith(VARIABLE) ? 'environment' : 'base64';
    xml = decoded(form === 'environment' ? text.slice(VARIABLE.length + 1) : text, name);
  }
  if (isSignedData(xml)) {
    form = 'signed';
    xml = unwrapSignedData(xml) ?? Buffer.alloc(0);
  }
  if (xml.subarray(0, 6).toString('latin1') === 'bplist')
    unreadable(
      'profile/binary',
      `${name} is a binary property list.`,
      'Turn it into XML: plutil -convert xml1 FILE, on a Mac.',
      { file: name },
    );
  // Line ends count as XML counts them: a line feed each.
  const root = asDictionary(readPropertyList(Buffer.from(xml.toString('utf8').replace(/\r\n?/g, '\n'))));
  if (root === null) return notProfile(name);
  const listed = installedOf(root);
  if (listed !== null) return enrollmentOf(listed, { name, form: 'listing', xml });
  if ('EncryptedPayloadContent' in root)
    unreadable(
      'profile/encrypted',
      `${name} is encrypted for one device; its payloads cannot be read.`,
      'Take the profile as the server hands it out.',
      { file: name },
    );
  if (!Array.isArray(root['PayloadContent'])) return notProfile(name);
  return enrollmentOf(root, { name, form, xml });
}

/**
 * The same, for a profile that devices have installed: one without an MDM payload is none.
 * @throws FailureError as {@link readEnrollment}; `profile/no-mdm-payload`
 */
export function readInstalled(bytes: Buffer, name: string): Enrollment {
  const enrollment = readEnrollment(bytes, name);
  if (enrollment.mdm === null)
    unreadable(
      'profile/no-mdm-payload',
      `${name} has no com.apple.mdm payload: it is not an enrollment profile.`,
      'Name the profile by which the devices are enrolled.',
      { file: name },
    );
  return enrollment;
}

/** A profile from its root dictionary. */
export function enrollmentOf(
  root: PropertyListDictionary,
  found: Pick<Enrollment, 'name' | 'form' | 'xml'>,
): Enrollment {
  const content = root['PayloadContent'];
  const payloads = (Array.isArray(content) ? content : []).map(asDictionary).filter((payload) => payload !== null);
  const mdm = payloads.find((payload) => textOf(payload, 'PayloadType') === MDM_TYPE) ?? null;
  const wanted = mdm === null ? null : textOf(mdm, 'IdentityCertificateUUID');
  const requests = payloads.filter((payload) => textOf(payload, 'PayloadType') === SCEP_TYPE);
  const identity =
    payloads.find((payload) => wanted !== null && textOf(payload, 'PayloadUUID') === wanted) ??
    // A listing need not hold the UUIDs.
    (found.form === 'listing' && requests.length === 1 ? requests[0] : undefined) ??
    null;
  return { ...found, root, payloads, mdm, identity };
}

/** What a SCEP payload asks for; null when the payload is none. */
export function scepContentOf(payload: PropertyListDictionary | null): PropertyListDictionary | null {
  if (payload === null || textOf(payload, 'PayloadType') !== SCEP_TYPE) return null;
  return asDictionary(payload['PayloadContent']);
}

/** A dictionary like those that are read: without a prototype. */
export function dictionaryOf(entries: Iterable<readonly [string, PropertyListValue]>): PropertyListDictionary {
  const result = Object.create(null) as PropertyListDictionary;
  for (const [key, value] of entries) result[key] = value;
  return result;
}

/** Base64 as Go reads it: standard alphabet, padded; line breaks do not count, anything else is an error there. */
function decoded(text: string, name: string): Buffer {
  const plain = text.replace(/[\r\n]/g, '');
  if (plain.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(plain))
    unreadable(
      'profile/base64',
      `${name} is not standard base64: Fleet's whole renewal would fail with it, for its own devices too.`,
      'Write it again with `slipway profile make`; no quotes, no blanks, no URL alphabet.',
      { file: name },
    );
  return Buffer.from(plain, 'base64');
}

/**
 * The enrollment profile in what `profiles -C -o stdout-xml` prints on a Mac: `_computerlevel` holds the profiles,
 * `ProfileItems` their payloads, and the settings of any payload lie in its `PayloadContent` (Fleet's own agent reads it so).
 */
function installedOf(listing: PropertyListDictionary): PropertyListDictionary | null {
  const profiles = listing['_computerlevel'];
  if (!Array.isArray(profiles)) return null;
  for (const profile of profiles.map(asDictionary)) {
    const items = profile?.['ProfileItems'];
    if (!profile || !Array.isArray(items)) continue;
    const payloads = items.map(asDictionary).filter((item) => item !== null);
    if (!payloads.some((item) => textOf(item, 'PayloadType') === MDM_TYPE)) continue;
    const content = payloads.map((item) => {
      const inner = textOf(item, 'PayloadType') === MDM_TYPE ? asDictionary(item['PayloadContent']) : null;
      const outer = Object.entries(item).filter(([key]) => inner === null || key !== 'PayloadContent');
      return dictionaryOf([...outer, ...Object.entries(inner ?? {})]);
    });
    return dictionaryOf([
      ['PayloadIdentifier', textOf(profile, 'ProfileIdentifier') ?? ''],
      ['PayloadContent', content],
    ]);
  }
  return dictionaryOf([['PayloadContent', []]]);
}

function notProfile(name: string): never {
  return unreadable(
    'profile/not-a-profile',
    `${name} is not a configuration profile that could be read.`,
    'Name a .mobileconfig file, signed or not, its base64, or what `profiles -C -o stdout-xml` writes on a Mac.',
    { file: name },
  );
}
