/**
 * Whether Fleet takes a profile (spec/fleet.md 5 and 1.14; its own checks of what an administrator uploads). Each reason has
 * a code; a profile without one can be given to Fleet once its signature is off.
 */
import { carriesDiskEncryption, isEnrollment, type OpenedProfile } from './profile';

export type RefusalCode =
  | 'profile-unreadable'
  | 'profile-binary'
  | 'profile-encrypted'
  | 'enrollment-profile'
  | 'reserved-identifier'
  | 'reserved-name'
  | 'disk-encryption'
  | 'no-identifier'
  | 'no-name'
  | 'not-a-configuration'
  | 'scope-invalid'
  | 'too-large';

/** One reason why Fleet would not take a profile. */
export interface Refusal {
  readonly code: RefusalCode;
  readonly sentence: string;
  readonly remedy: string;
}

/** Identifiers Fleet keeps for its own profiles, of a profile or of a payload in it. */
export const FLEETS_IDENTIFIERS: ReadonlySet<string> = new Set([
  'com.fleetdm.fleetd.config',
  'com.fleetdm.fleet.mdm.filevault',
  'com.fleetdm.caroot',
  'com.fleetdm.fleet.mdm.apple',
  'com.fleetdm.fleet.mdm.apple.mdm',
]);

const FLEETS_NAMES: ReadonlySet<string> = new Set([
  'Fleetd configuration',
  'Disk encryption',
  'Windows OS Updates',
  'Fleet root certificate authority (CA)',
  'Fleet macOS OS Updates',
  'Fleet iOS OS Updates',
  'Fleet iPadOS OS Updates',
]);

const SENTENCES: Readonly<Record<RefusalCode, readonly [sentence: string, remedy: string]>> = {
  'profile-unreadable': [
    'It is no configuration profile that could be read.',
    'Look at it at the old server; a device would not take it either.',
  ],
  'profile-binary': [
    'It is a binary property list; Fleet takes XML.',
    'Turn it into XML (plutil -convert xml1, on a Mac).',
  ],
  'profile-encrypted': [
    'It is encrypted for one device; nobody else can read it.',
    'Take the profile as it was before it was encrypted.',
  ],
  'enrollment-profile': [
    'It is an enrollment profile (com.apple.mdm): by it the devices are managed at all.',
    'Leave it alone; it stays on the devices and is renewed in silence.',
  ],
  'reserved-identifier': [
    'Its identifier, or that of a payload in it, is one of Fleet’s own.',
    'Leave it out: Fleet delivers its own profile under this identifier.',
  ],
  'reserved-name': [
    'Its name, or that of a payload in it, is one of Fleet’s own.',
    'Give it another PayloadDisplayName.',
  ],
  'disk-encryption': [
    'It configures FileVault or the escrow of its recovery key; Fleet does that by itself and refuses such profiles.',
    'Turn on disk encryption in Fleet, and remove this profile from the devices: two escrow profiles conflict.',
  ],
  'no-identifier': ['It has no PayloadIdentifier.', 'Give it the identifier under which devices have it.'],
  'no-name': ['It has no PayloadDisplayName, which Fleet lists it by.', 'Give it a PayloadDisplayName.'],
  'not-a-configuration': ['Its PayloadType is not Configuration.', 'Look at it; it is another kind of file.'],
  'scope-invalid': [
    'Its PayloadScope is neither System nor User.',
    'Write System, or leave it out: without it Fleet means the device.',
  ],
  'too-large': [
    'It is larger than Fleet’s request limit of 1 MiB may let through.',
    'Raise Fleet’s limit, or slim it.',
  ],
};

const MOST_BYTES = 1024 * 1024;

/** Why Fleet would not take it; empty when it would. */
export function fleetRefusals(profile: OpenedProfile): Refusal[] {
  const codes: RefusalCode[] = [];
  if (profile.obstacle === 'binary') codes.push('profile-binary');
  else if (profile.obstacle === 'encrypted') codes.push('profile-encrypted');
  else if (profile.obstacle !== null) codes.push('profile-unreadable');
  else {
    if (isEnrollment(profile)) codes.push('enrollment-profile');
    const identifiers = [profile.identifier, ...profile.payloads.map(({ identifier }) => identifier)];
    if (identifiers.some((one) => FLEETS_IDENTIFIERS.has(one))) codes.push('reserved-identifier');
    const names = [profile.displayName, ...profile.payloads.map(({ displayName }) => displayName)];
    if (names.some((one) => one !== null && FLEETS_NAMES.has(one))) codes.push('reserved-name');
    if (carriesDiskEncryption(profile)) codes.push('disk-encryption');
    if (profile.identifier === '') codes.push('no-identifier');
    if ((profile.displayName ?? '') === '') codes.push('no-name');
    if (profile.type !== 'Configuration') codes.push('not-a-configuration');
    if (profile.scope !== null && profile.scope !== '' && !['System', 'User'].includes(profile.scope))
      codes.push('scope-invalid');
    if (profile.xml.length > MOST_BYTES) codes.push('too-large');
  }
  return codes.map(refusalOf);
}

function refusalOf(code: RefusalCode): Refusal {
  const [sentence, remedy] = SENTENCES[code];
  return { code, sentence, remedy };
}

/** The channel a profile goes to: what it says, else the device’s, as Fleet takes it. */
export function scopeOf({ scope }: OpenedProfile): 'System' | 'User' {
  return scope === 'User' ? 'User' : 'System';
}
