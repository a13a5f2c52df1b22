/**
 * The sample migration: a MicroMDM database of a company that does not exist, with every verdict in it.
 * `node scripts/make-sample.mjs` writes it to resources/sample; the same bytes each time.
 */
import { SAMPLE_CLOCK } from '../src/main/engine/sample-fleet';
import { writeMicroMdm, type DeviceSpec, type WrittenMicroMdm } from './micromdm-writer';

const DAY = 86_400_000;

const PEOPLE = [
  'Amara Okafor',
  'Bruno Salvi',
  'Chloé Martin',
  'Daniel Weiß',
  'Elif Aydın',
  'Farah Haddad',
  'Grace Lindqvist',
  'Hugo Ferreira',
  'Ines Kovač',
  'Jonas Bauer',
  'Keiko Tanaka',
  'Liam Byrne',
  'Mina Park',
  'Noah de Vries',
  'Olga Petrova',
  'Priya Nair',
  'Quentin Dubois',
  'Rosa Jiménez',
  'Sami Virtanen',
  'Tara Walsh',
  'Umar Farooq',
  'Vera Novák',
  'Wen Li',
  'Yusuf Demir',
] as const;

function macs(): DeviceSpec[] {
  return PEOPLE.map((person, number) => {
    const [first = person] = person.split(' ');
    const user = {
      id: uuidOf(`user ${number}`),
      shortName: first
        .toLowerCase()
        .normalize('NFKD')
        .replace(/[^a-z]/g, ''),
      longName: person,
    };
    return {
      kind: 'mac',
      name: `${first}’s ${number % 3 === 0 ? 'Mac mini' : 'MacBook'}`,
      serial: serialOf('C02', number),
      lastSeen: SAMPLE_CLOCK - (number + 1) * 900_000,
      certificate: { days: 90 + ((number * 37) % 250), issuedDaysAgo: 20 + number },
      ...(number % 4 === 1 ? {} : { users: [user] }),
      ...(number % 2 === 0 ? { bootstrapToken: Buffer.from(`sample bootstrap token ${number}`) } : {}),
    };
  });
}

function phones(): DeviceSpec[] {
  return Array.from({ length: 14 }, (_, number): DeviceSpec => {
    const [first = ''] = (PEOPLE[number + 3] ?? '').split(' ');
    return {
      kind: 'iphone',
      name: `${first}’s iPhone`,
      serial: serialOf('F2L', number),
      lastSeen: SAMPLE_CLOCK - (number + 2) * 5_400_000,
      certificate: { days: 60 + ((number * 53) % 280), issuedDaysAgo: 30 },
    };
  });
}

function pads(): DeviceSpec[] {
  return Array.from({ length: 10 }, (_, number): DeviceSpec => ({
    kind: 'ipad',
    name: number < 6 ? `Front desk iPad ${number + 1}` : `Warehouse iPad ${number - 5}`,
    serial: serialOf('DMP', number),
    lastSeen: SAMPLE_CLOCK - (number + 1) * 7_200_000,
    certificate: { days: 120 + number * 20, issuedDaysAgo: 60 },
  }));
}

/** One of each thing that can be the matter with a device. */
function oddities(): DeviceSpec[] {
  const serial = (number: number): string => serialOf('C17', number);
  return [
    { name: 'Reception iMac', serial: serial(1), lastSeen: SAMPLE_CLOCK - 140 * DAY, certificate: { days: 40 } },
    { name: 'Studio MacBook', serial: serial(2), certificate: { days: 12, issuedDaysAgo: 353 } },
    { name: 'Loaner MacBook 1', serial: serial(3), certificate: { inDepot: false } },
    { name: 'Loaner MacBook 2', serial: serial(4), enrolled: false },
    { name: 'Retired MacBook', serial: serial(5), enrolled: false, push: false, lastSeen: SAMPLE_CLOCK - 400 * DAY },
    {
      name: 'Storage MacBook',
      serial: serial(6),
      lastSeen: SAMPLE_CLOCK - 60 * DAY,
      certificate: { days: -20, issuedDaysAgo: 385 },
    },
    { name: 'Never finished setup', serial: serial(7), push: false, recordPush: false },
    { name: 'Old build server', serial: serial(8), certificate: { days: 200, foreign: true } },
    { name: 'Lost iPad', kind: 'ipad', serial: serialOf('DMP', 40), blocked: true },
    { name: 'Pilot MacBook', serial: serial(10), certificate: false },
    {
      name: 'Finance MacBook',
      serial: serial(11),
      commands: [{ requestType: 'EraseDevice' }],
      lastSeen: SAMPLE_CLOCK - 2 * DAY,
    },
    { name: 'Meeting room Apple TV', kind: 'appletv', serial: serialOf('DY5', 1) },
    { udid: null, serial: serial(13) },
    { udid: null, serial: serial(14) },
  ];
}

export function writeSample(path: string): WrittenMicroMdm {
  return writeMicroMdm(path, {
    seed: 'sample migration',
    at: SAMPLE_CLOCK,
    sign: 'real',
    unlockTokenBytes: 600,
    profiles: [
      {
        identifier: 'com.example.sample.wifi',
        body: profile('com.example.sample.wifi', 'Office Wi-Fi', 'com.apple.wifi.managed'),
      },
      {
        identifier: 'com.example.sample.lock',
        body: profile('com.example.sample.lock', 'Passcode', 'com.apple.mobiledevice.passwordpolicy'),
      },
    ],
    blueprints: [
      { name: 'Everyone', profiles: ['com.example.sample.wifi', 'com.example.sample.lock'], applyAt: ['Enroll'] },
    ],
    orphans: 1,
    extra: [...macs(), ...phones(), ...pads(), ...oddities()],
  });
}

function profile(identifier: string, name: string, type: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict>
<key>PayloadContent</key><array><dict><key>PayloadType</key><string>${type}</string><key>PayloadVersion</key><integer>1</integer><key>PayloadIdentifier</key><string>${identifier}.1</string><key>PayloadUUID</key><string>${uuidOf(identifier)}</string></dict></array>
<key>PayloadDisplayName</key><string>${name}</string><key>PayloadIdentifier</key><string>${identifier}</string><key>PayloadType</key><string>Configuration</string><key>PayloadUUID</key><string>${uuidOf(name)}</string><key>PayloadVersion</key><integer>1</integer>
</dict></plist>
`;
}

function serialOf(prefix: string, number: number): string {
  return `${prefix}SAMPLE${String(number).padStart(3, '0')}`;
}

function uuidOf(text: string): string {
  let hash = 2_166_136_261;
  let hex = '';
  for (let round = 0; round < 4; round += 1) {
    for (const character of text) hash = Math.imul(hash ^ character.charCodeAt(0), 16_777_619) >>> 0;
    hash = (hash + round) >>> 0;
    hex += hash.toString(16).padStart(8, '0');
  }
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-A${hex.slice(17, 20)}-${hex.slice(20, 32)}`.toUpperCase();
}
