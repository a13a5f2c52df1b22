/** Everything the checker of renewal profiles can say, by code. */

/**
 * Whose rule it is: `apple` would refuse the profile as an update of the installed one; `fleet` would not send it, or its
 * answer would not renew; `keep`: it would go through and change what must stay; `proof`: it cannot be told.
 */
export type Party = 'apple' | 'fleet' | 'keep' | 'proof';

interface Rule {
  readonly party: Party;
  readonly severity: 'error' | 'warning';
  readonly sentence: string;
  readonly remedy: string;
}

const AS_INSTALLED = 'Take the value of the installed profile, char for char.';
const MAKE = 'Make the profile with `slipway profile make`.';
const OWN_SCEP = 'Let it ask the old host’s /mdm/apple/scep, which must lead to Fleet.';

const rule = (party: Party, severity: Rule['severity'], sentence: string, remedy: string): Rule => ({
  party,
  severity,
  sentence,
  remedy,
});
const apple = (sentence: string, remedy = AS_INSTALLED): Rule => rule('apple', 'error', sentence, remedy);
const fleet = (sentence: string, remedy: string): Rule => rule('fleet', 'error', sentence, remedy);
const keep = (sentence: string, remedy = AS_INSTALLED): Rule => rule('keep', 'error', sentence, remedy);

const rules = {
  // The profile by itself.
  'profile-malformed': apple('It is no complete configuration profile: a field every profile needs is absent.', MAKE),
  'payload-incomplete': apple('A payload lacks its type, identifier, UUID or version.', MAKE),
  'payload-uuid-twice': apple('Two payloads have the same UUID.', MAKE),
  'mdm-payload-absent': apple('It holds no com.apple.mdm payload.', MAKE),
  'mdm-payload-several': apple('It holds several com.apple.mdm payloads.', 'Keep the one that is installed.'),
  'server-url-malformed': apple('ServerURL or CheckInURL is not an https address.'),
  'topic-malformed': apple('The topic is not that of an MDM push certificate (com.apple.mgmt.…).'),
  'identity-unresolved': apple('The MDM payload names an identity that is not in the profile.', MAKE),
  'identity-not-scep': fleet('The identity it names is not got by a SCEP payload.', MAKE),
  'candidate-signed': fleet(
    'It is signed. Fleet takes the raw XML and signs it itself.',
    'Take the XML before it was signed.',
  ),
  'candidate-listing': fleet('It is a Mac’s listing, not a profile.', MAKE),
  'sign-message-off': fleet(
    'SignMessage is not true: Fleet knows devices by the signature of their messages.',
    'Devices enrolled without it must be re-enrolled: the setting cannot change in silence.',
  ),
  'scep-url-wrong': fleet('The SCEP URL is not an https address with Fleet’s path /mdm/apple/scep.', OWN_SCEP),
  'scep-url-elsewhere': rule(
    'fleet',
    'warning',
    'The SCEP URL is on another host than ServerURL.',
    'Fine when that is Fleet’s own address and the devices trust and reach it.',
  ),
  'scep-key-type': fleet('The key it asks for is not RSA.', MAKE),
  'scep-key-size': fleet('The key it asks for is not 2048, 3072 or 4096 bits long.', MAKE),
  'scep-key-usage': fleet('Key Usage is not 5 (signing and encryption).', MAKE),
  'scep-subject': fleet('The SCEP request has no subject.', MAKE),
  'challenge-absent': fleet('It carries no SCEP challenge: Fleet would refuse every request.', MAKE),
  'challenge-not-fleets': fleet(
    'Its challenge is not the one given as Fleet’s.',
    'Put Fleet’s present challenge (the asset scep_challenge) into it.',
  ),
  'challenge-carried-over': keep(
    'Its challenge is that of the installed profile: whoever has such a profile can enrol anything in Fleet.',
    'Take Fleet’s own challenge.',
  ),
  'challenge-public': keep('Its challenge is a public default.', 'Give Fleet a challenge nobody knows.'),
  'placeholder-inside': fleet(
    'It holds a variable of Fleet’s ($FLEET_…), and nothing is filled in here: one static text goes to all devices.',
    'Write the value itself.',
  ),
  'too-large': fleet(
    'As base64 it is longer than one environment variable may be on Linux (128 KiB): Fleet would not start.',
    'Send large payloads as a profile of their own.',
  ),
  'topic-not-pushed': fleet(
    'Its topic is not the one of the push certificate.',
    'Use the profile of the devices that this push certificate reaches.',
  ),
  // Against an installed one.
  'no-installed-sample': rule(
    'proof',
    'warning',
    'Nothing to compare with: what is really installed is not in the source’s database.',
    'Give a profile from a device: on a Mac, sudo profiles -C -o stdout-xml > FILE.',
  ),
  'sample-partial': rule(
    'proof',
    'warning',
    'The sample is a Mac’s listing: root settings and the content of other payloads could not be compared.',
    'Compare with the profile the old server hands out as well.',
  ),
  'installed-groups': rule(
    'proof',
    'warning',
    'The installed profiles differ where they must not: Fleet has one profile for all devices.',
    'See which devices belong to which group; those that do not fit are refused and must be re-enrolled before their end.',
  ),
  'root-identifier-differs': apple('The root PayloadIdentifier is another: it would be a second enrollment.'),
  'server-url-differs': apple('ServerURL differs: "Update to MDM profile contains different server URL".'),
  'check-in-url-differs': apple('CheckInURL differs.'),
  'topic-differs': apple('The topic differs.'),
  'access-rights-increased': apple('AccessRights has rights the installed profile does not have.'),
  'access-rights-lowered': rule('keep', 'warning', 'AccessRights has less rights than installed.', AS_INSTALLED),
  'sign-message-differs': keep('SignMessage differs.'),
  'capability-removed': keep('ServerCapabilities lacks one that is installed.'),
  'capability-added': rule(
    'keep',
    'warning',
    'ServerCapabilities has one more than installed; Apple allows that.',
    'Fine when wanted; else take the installed ones.',
  ),
  'check-out-differs': keep('CheckOutWhenRemoved differs.'),
  'mdm-setting-differs': keep('A setting of the MDM payload differs.'),
  'scope-differs': keep('PayloadScope differs.'),
  'scope-unstated': rule(
    'keep',
    'warning',
    'One says PayloadScope System and the other says nothing (MicroMDM dropped it in 1.12).',
    'Take what is installed; with devices of both kinds try one of each first.',
  ),
  'removal-differs': keep('A removal setting differs.'),
  'root-setting-differs': keep('A setting of the profile itself differs.'),
  'payload-identifier-differs': keep('The identifier of the MDM or the SCEP payload differs.'),
  'scep-setting-differs': keep('A setting of the SCEP payload that must stay differs.'),
  'payload-missing': keep(
    'A payload of the installed profile is not there: the update would remove it from the devices. A trust anchor gone cuts them off.',
    'Keep it as it is installed.',
  ),
  'payload-changed': keep('A payload differs from the installed one.', 'Keep it as it is installed.'),
  'payload-added': rule(
    'keep',
    'warning',
    'There is a payload that is not installed.',
    'Leave it out, unless the devices shall get it this way.',
  ),
} as const satisfies Readonly<Record<string, Rule>>;

export type ProfileProblemCode = keyof typeof rules;

/** One thing that is wrong, or not proven. */
export interface ProfileProblem {
  readonly code: ProfileProblemCode;
  readonly severity: 'error' | 'warning';
  readonly party: Party;
  /** What it is about: `mdm.ServerURL`, `payload com.apple.security.pkcs1 …`; null for the whole. */
  readonly field: string | null;
  /** The group of installed profiles it is about; null for the profile by itself. */
  readonly group: number | null;
  readonly sentence: string;
  readonly remedy: string;
}

/** A problem with the words its code stands for. */
export function problemOf(
  code: ProfileProblemCode,
  field: string | null = null,
  group: number | null = null,
): ProfileProblem {
  return { code, field, group, ...rules[code] };
}

/** Every code, for documents and tests. */
export const PROFILE_PROBLEM_CODES = Object.keys(rules) as readonly ProfileProblemCode[];
