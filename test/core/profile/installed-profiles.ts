/** Enrollment profiles as devices have them: MicroMDM's, written by hand, and any number of made-up ones. */
import fc from 'fast-check';
import { readEnrollment, type Enrollment } from '../../../src/core/profile';
import { writePropertyList } from '../../../src/core/profile/property-list-writer';
import type { PropertyListDictionary, PropertyListValue } from '../../../src/core/sources/property-list';

export const TOPIC = 'com.apple.mgmt.External.0f8cbbd1-5e4b-4b3b-8a3e-1d3c7a2b9f10';
export const FLEETS_CHALLENGE = 'fl33t-challenge & <more>';

const ENROLL = 'com.github.micromdm.micromdm.enroll';
const PEM = '-----BEGIN CERTIFICATE-----\nMIIBszCCARygAwIBAgIJAOFW\n-----END CERTIFICATE-----\n';

/** What MicroMDM 1.13 hands out when it runs with a TLS certificate of its own (spec/micromdm.md 5.7). */
export const MICROMDM = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict>
<key>PayloadContent</key><array>
 <dict>
  <key>PayloadContent</key><dict>
   <key>URL</key><string>https://mdm.example.com/scep</string>
   <key>Keysize</key><integer>2048</integer>
   <key>Key Type</key><string>RSA</string>
   <key>Key Usage</key><integer>5</integer>
   <key>Name</key><string>Device Management Identity Certificate</string>
   <key>Subject</key><array><array><array><string>O</string><string>MicroMDM</string></array></array>
    <array><array><string>CN</string><string>MicroMDM Identity (%ComputerName%)</string></array></array></array>
   <key>Challenge</key><string>micromdm</string>
   <key>AllowAllAppsAccess</key><true/>
   <key>CAFingerprint</key><data>AAEC</data>
  </dict>
  <key>PayloadDisplayName</key><string>SCEP</string>
  <key>PayloadIdentifier</key><string>${ENROLL}.scep</string>
  <key>PayloadType</key><string>com.apple.security.scep</string>
  <key>PayloadUUID</key><string>6B1F7A52-29D5-4C11-9D3B-0C6A2A3A9D01</string>
  <key>PayloadVersion</key><integer>1</integer>
 </dict>
 <dict>
  <key>AccessRights</key><integer>8191</integer>
  <key>CheckInURL</key><string>https://mdm.example.com/mdm/checkin?site=a&amp;b=2</string>
  <key>CheckOutWhenRemoved</key><true/>
  <key>IdentityCertificateUUID</key><string>6B1F7A52-29D5-4C11-9D3B-0C6A2A3A9D01</string>
  <key>PayloadDescription</key><string>Enrolls with the MDM server</string>
  <key>PayloadIdentifier</key><string>${ENROLL}.mdm</string>
  <key>PayloadOrganization</key><string>MicroMDM</string>
  <key>PayloadType</key><string>com.apple.mdm</string>
  <key>PayloadUUID</key><string>6B1F7A52-29D5-4C11-9D3B-0C6A2A3A9D02</string>
  <key>PayloadVersion</key><integer>1</integer>
  <key>ServerCapabilities</key><array><string>com.apple.mdm.per-user-connections</string>
   <string>com.apple.mdm.bootstraptoken</string></array>
  <key>ServerURL</key><string>https://mdm.example.com/mdm/connect?site=a</string>
  <key>ServerURLPinningCertificateUUIDs</key><array><string>6B1F7A52-29D5-4C11-9D3B-0C6A2A3A9D03</string></array>
  <key>SignMessage</key><true/>
  <key>Topic</key><string>${TOPIC}</string>
 </dict>
 <dict>
  <key>PayloadContent</key><data>${Buffer.from(PEM).toString('base64')}</data>
  <key>PayloadDisplayName</key><string>Root certificate for MicroMDM</string>
  <key>PayloadIdentifier</key><string>${ENROLL}.cert.selfsigned</string>
  <key>PayloadType</key><string>com.apple.security.pkcs1</string>
  <key>PayloadUUID</key><string>6B1F7A52-29D5-4C11-9D3B-0C6A2A3A9D03</string>
  <key>PayloadVersion</key><integer>1</integer>
 </dict>
 <dict>
  <key>AutoJoin</key><true/>
  <key>EncryptionType</key><string>WPA2</string>
  <key>PayloadCertificateUUID</key><string>6B1F7A52-29D5-4C11-9D3B-0C6A2A3A9D01</string>
  <key>PayloadIdentifier</key><string>com.example.wifi</string>
  <key>PayloadType</key><string>com.apple.wifi.managed</string>
  <key>PayloadUUID</key><string>6B1F7A52-29D5-4C11-9D3B-0C6A2A3A9D04</string>
  <key>PayloadVersion</key><integer>1</integer>
  <key>Priority</key><real>0.5</real>
  <key>SSID_STR</key><string>corp</string>
 </dict>
</array>
<key>PayloadDisplayName</key><string>Enrollment Profile</string>
<key>PayloadIdentifier</key><string>${ENROLL}</string>
<key>PayloadOrganization</key><string>MicroMDM</string>
<key>PayloadRemovalDisallowed</key><true/>
<key>PayloadScope</key><string>System</string>
<key>PayloadType</key><string>Configuration</string>
<key>PayloadUUID</key><string>6B1F7A52-29D5-4C11-9D3B-0C6A2A3A9D00</string>
<key>PayloadVersion</key><integer>1</integer>
<key>RemovalDate</key><date>2031-01-02T03:04:05Z</date>
</dict></plist>
`;

/** The same as another device got it: every UUID is another, and the spelling too. */
export const MICROMDM_ELSEWHERE = MICROMDM.replaceAll('6B1F7A52-29D5', 'D0C5AA10-77F1').replaceAll('\n', '\r\n');

/** The same as a Mac lists it (`profiles -C -o stdout-xml`). */
export const LISTING = `<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0"><dict><key>_computerlevel</key><array>
 <dict><key>ProfileIdentifier</key><string>com.example.other</string><key>ProfileItems</key><array/></dict>
 <dict>
  <key>ProfileDisplayName</key><string>Enrollment Profile</string>
  <key>ProfileIdentifier</key><string>${ENROLL}</string>
  <key>ProfileItems</key><array>
   <dict><key>PayloadContent</key><dict><key>URL</key><string>https://mdm.example.com/scep</string></dict>
    <key>PayloadIdentifier</key><string>${ENROLL}.scep</string>
    <key>PayloadType</key><string>com.apple.security.scep</string></dict>
   <dict><key>PayloadContent</key><dict>
     <key>AccessRights</key><integer>8191</integer>
     <key>CheckInURL</key><string>https://mdm.example.com/mdm/checkin?site=a&amp;b=2</string>
     <key>CheckOutWhenRemoved</key><true/>
     <key>ServerURL</key><string>https://mdm.example.com/mdm/connect?site=a</string>
     <key>SignMessage</key><true/>
     <key>Topic</key><string>${TOPIC}</string></dict>
    <key>PayloadIdentifier</key><string>${ENROLL}.mdm</string>
    <key>PayloadType</key><string>com.apple.mdm</string></dict>
   <dict><key>PayloadIdentifier</key><string>${ENROLL}.cert.selfsigned</string>
    <key>PayloadType</key><string>com.apple.security.pkcs1</string></dict>
  </array>
 </dict></array></dict></plist>
`;

export function enrollment(xml: string | Buffer, name = 'installed.mobileconfig'): Enrollment {
  return readEnrollment(Buffer.from(xml), name);
}

/** A profile with something done to its root dictionary, read again. */
export function altered(from: Enrollment, change: (root: PropertyListDictionary) => void): Enrollment {
  const root = structuredCloneOf(from.root) as PropertyListDictionary;
  change(root);
  return enrollment(writePropertyList(root), 'altered.mobileconfig');
}

/** A deep copy. */
export function structuredCloneOf(value: PropertyListValue): PropertyListValue {
  if (Array.isArray(value)) return value.map(structuredCloneOf);
  if (typeof value !== 'object' || value instanceof Date || Buffer.isBuffer(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, structuredCloneOf(entry)]));
}

/** The payloads of a root dictionary, to be changed. */
export function payloadsOf(root: PropertyListDictionary): PropertyListDictionary[] {
  return root['PayloadContent'] as PropertyListDictionary[];
}

const text = fc.string({ unit: 'grapheme', maxLength: 24 }).map((value) => value.replace(/[\p{C}]/gu, '?'));
const number = fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }));

/** Any value of a property list that survives being written. */
export const anyValue: fc.Arbitrary<PropertyListValue> = fc.letrec<{ value: PropertyListValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    text,
    fc.constantFrom('a\r\nb', '\ttab\n', ' edge ', '<&>"\'', ']]>', '😀', ''),
    number.map((value) => (Object.is(value, -0) ? 0 : value)),
    fc.boolean(),
    fc.date({ min: new Date(0), max: new Date('2200-01-01'), noInvalidDate: true }).map((date) => {
      date.setUTCMilliseconds(0);
      return date;
    }),
    fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(text, tie('value'), { maxKeys: 4 }),
  ),
})).value;

const TYPES = [
  'com.apple.security.root',
  'com.apple.security.pkcs1',
  'com.apple.security.pem',
  'com.apple.wifi.managed',
  'com.apple.profileRemovalPassword',
  'com.apple.security.scep',
  'com.example.settings',
] as const;

const uuid = fc.uuid().map((value) => value.toUpperCase());
const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/);

/** Made-up enrollment profiles: order, extra payloads, settings, references and spellings vary. */
export const anyProfile: fc.Arbitrary<PropertyListDictionary> = fc
  .record({
    ids: fc.uniqueArray(uuid, { minLength: 9, maxLength: 9 }),
    identifier: fc.constantFrom(ENROLL, 'com.github.micromdm.nanomdm', 'org.example.enrol'),
    host: fc.constantFrom('mdm.example.com', 'mdm.example.com:8443', 'MDM.Example.org'),
    path: fc.constantFrom('/mdm/connect', '/mdm', '/prefix/mdm/connect?site=a&b=c'),
    checkIn: fc.option(fc.constantFrom('/mdm/checkin', '/mdm/checkin?x=%20y')),
    rights: fc.option(fc.integer({ min: 1, max: 8191 })),
    capabilities: fc.option(fc.subarray(['com.apple.mdm.per-user-connections', 'com.apple.mdm.bootstraptoken', 'x'])),
    keysize: fc.constantFrom(1024, 2048, 3072, 4096),
    challenge: fc.option(word),
    kept: fc.array(
      fc.record({ type: fc.constantFrom(...TYPES), content: anyValue, refers: fc.nat({ max: 8 }), more: anyValue }),
      { maxLength: 6 },
    ),
    scope: fc.option(fc.constantFrom('System', 'User')),
    removal: fc.option(fc.boolean()),
    settings: fc.dictionary(word, anyValue, { maxKeys: 3 }),
    mdmSettings: fc.dictionary(word, anyValue, { maxKeys: 3 }),
    at: fc.nat(),
  })
  .map((made) => {
    const [rootId = '', mdmId = '', scepId = '', ...ids] = made.ids;
    const common = (type: string, identifier: string, id: string): PropertyListDictionary => ({
      PayloadType: type,
      PayloadIdentifier: identifier,
      PayloadUUID: id,
      PayloadVersion: 1,
    });
    const optional = (key: string, value: PropertyListValue | null): PropertyListDictionary =>
      value === null ? {} : { [key]: value };
    const mdm: PropertyListDictionary = {
      ...made.mdmSettings,
      ...common('com.apple.mdm', `${made.identifier}.mdm`, mdmId),
      IdentityCertificateUUID: scepId,
      Topic: TOPIC,
      ServerURL: `https://${made.host}${made.path}`,
      SignMessage: true,
      ...optional('CheckInURL', made.checkIn && `https://${made.host}${made.checkIn}`),
      ...optional('AccessRights', made.rights),
      ...optional('ServerCapabilities', made.capabilities),
    };
    const scep: PropertyListDictionary = {
      ...common('com.apple.security.scep', `${made.identifier}.scep`, scepId),
      PayloadContent: {
        URL: `https://${made.host}/scep`,
        Keysize: made.keysize,
        ...optional('Challenge', made.challenge && `old-${made.challenge}`),
      },
    };
    const kept = made.kept.map(({ type, content, refers, more }, index) => ({
      ...common(type, `${made.identifier}.kept${index}`, ids[index] ?? ''),
      PayloadContent: content,
      Refers: [made.ids[refers] ?? '', { to: more }],
    }));
    const payloads = [mdm, scep, ...kept];
    const turn = made.at % payloads.length;
    return {
      ...made.settings,
      ...common('Configuration', made.identifier, rootId),
      PayloadContent: [...payloads.slice(turn), ...payloads.slice(0, turn)],
      ...optional('PayloadScope', made.scope),
      ...optional('PayloadRemovalDisallowed', made.removal),
    };
  });
