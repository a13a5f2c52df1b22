/**
 * Judges a renewal profile: by itself, as Fleet would take it, and against what is installed, as Apple would (spec/fleet.md
 * 3.5, spec/micromdm.md 5.8).
 */
import { createHash } from 'node:crypto';
import type { Secret } from '../secret';
import { asDictionary, textOf, type PropertyListValue } from '../sources/property-list';
import { MDM_TYPE, scepContentOf, type Enrollment } from './enrollment';
import { fitsEnvironment } from './environment';
import { problemOf, type ProfileProblem, type ProfileProblemCode } from './problem';
import { SCEP_PATH, urlOf } from './renewal';
import { digestOf, nameOf, requirementsOf, type Requirement, type Requirements } from './requirement';

/** What the candidate is held against besides the installed profiles. */
export interface ComparisonOptions {
  /** Topic of the push certificate Fleet has; null when it is not known here. */
  readonly topic?: string | null;
  /** Fleet's SCEP challenge; null when it is not known here. */
  readonly challenge?: Secret | null;
  /** The old challenge was carried over on purpose: a warning instead of an error. */
  readonly allowOldChallenge?: boolean;
}

/** One field of the candidate beside the installed one. */
export interface ComparedField {
  readonly field: string;
  /** As shown: secrets are hashes. Null: absent. */
  readonly candidate: string | null;
  readonly installed: string | null;
  readonly same: boolean;
}

/** Installed profiles that ask for the same. */
export interface InstalledGroup {
  readonly names: readonly string[];
  /** Fields in which it differs from the first group. */
  readonly differsIn: readonly string[];
  readonly fields: readonly ComparedField[];
  /** Whether Apple would take the candidate for an update of it. */
  readonly accepted: boolean;
}

/** What came of the comparison. `pass` only when there was something to compare with and nothing was found. */
export interface Comparison {
  readonly verdict: 'pass' | 'warning' | 'fail';
  /** Whether Fleet would send it and renew with it. */
  readonly renews: boolean;
  readonly groups: readonly InstalledGroup[];
  readonly problems: readonly ProfileProblem[];
}

const PUBLIC_CHALLENGES: ReadonlySet<string> = new Set(['micromdm', 'nanomdm']);

/** Compares a profile with those that are installed. */
export function compareProfiles(
  candidate: Enrollment,
  installed: readonly Enrollment[],
  options: ComparisonOptions = {},
): Comparison {
  const problems: ProfileProblem[] = [...judgeAlone(candidate, options)];
  const ours = requirementsOf(candidate);
  const groups: InstalledGroup[] = [];
  const grouped = groupsOf(installed);
  const first = grouped[0];
  for (const [index, { members, requirements }] of grouped.entries()) {
    const partial = members[0]?.form === 'listing';
    const found = judgeAgainst(ours, requirements, index, partial);
    if (partial) found.push(problemOf('sample-partial', null, index));
    for (const member of members) {
      const theirs = challengeOf(member);
      if (theirs !== null && theirs === challengeOf(candidate)) {
        found.push(softened(problemOf('challenge-carried-over', 'scep.Challenge', index), options));
        break;
      }
    }
    problems.push(...found);
    groups.push({
      names: members.map(({ name }) => name),
      differsIn: first === undefined ? [] : differencesOf(first.requirements, requirements),
      fields: fieldsOf(ours, requirements, partial),
      accepted: !problems.some(
        ({ party, severity, group }) =>
          party === 'apple' && severity === 'error' && (group === null || group === index),
      ),
    });
  }
  if (grouped.length === 0) problems.push(problemOf('no-installed-sample'));
  if (grouped.length > 1) problems.push(problemOf('installed-groups'));
  const errors = problems.filter(({ severity }) => severity === 'error');
  return {
    verdict: errors.length > 0 ? 'fail' : problems.length > 0 ? 'warning' : 'pass',
    renews: !errors.some(({ party, group }) => party === 'fleet' || (party === 'apple' && group === null)),
    groups,
    problems,
  };
}

/** What Fleet and every device ask of the profile, whatever is installed. */
function judgeAlone(candidate: Enrollment, options: ComparisonOptions): ProfileProblem[] {
  const { form, xml, root, payloads, mdm, identity } = candidate;
  const found: ProfileProblem[] = [];
  const say = (code: ProfileProblemCode, field: string | null = null): void => void found.push(problemOf(code, field));
  if (form === 'signed') say('candidate-signed');
  if (form === 'listing') say('candidate-listing');
  if (root['PayloadType'] !== 'Configuration') say('profile-malformed', 'PayloadType');
  if (root['PayloadVersion'] !== 1) say('profile-malformed', 'PayloadVersion');
  for (const key of ['PayloadIdentifier', 'PayloadUUID']) {
    if (!textOf(root, key)) say('profile-malformed', key);
  }
  const content = root['PayloadContent'];
  if (Array.isArray(content) && content.length !== payloads.length) say('profile-malformed', 'PayloadContent');
  for (const payload of payloads) {
    const named = ['PayloadType', 'PayloadIdentifier', 'PayloadUUID'].every((key) => textOf(payload, key));
    if (!named || typeof payload['PayloadVersion'] !== 'number')
      say('payload-incomplete', `payload ${nameOf(payload)}`);
  }
  const uuids = [root, ...payloads].map((part) => textOf(part, 'PayloadUUID')?.toUpperCase());
  const twice = uuids.find((uuid, index) => uuid !== undefined && uuids.indexOf(uuid) !== index);
  if (twice !== undefined) say('payload-uuid-twice');
  if (holds(root, (text) => /\$\{?FLEET_[A-Z]/.test(text))) say('placeholder-inside');
  if (!fitsEnvironment(xml.length)) say('too-large');
  if (mdm === null) {
    say('mdm-payload-absent');
    return found;
  }
  if (payloads.filter((payload) => textOf(payload, 'PayloadType') === MDM_TYPE).length > 1) say('mdm-payload-several');
  const server = urlOf(textOf(mdm, 'ServerURL') ?? '');
  if (server?.protocol !== 'https:') say('server-url-malformed', 'mdm.ServerURL');
  const checkIn = mdm['CheckInURL'];
  if (checkIn !== undefined && urlOf(typeof checkIn === 'string' ? checkIn : '')?.protocol !== 'https:')
    say('server-url-malformed', 'mdm.CheckInURL');
  const topic = textOf(mdm, 'Topic') ?? '';
  if (!topic.startsWith('com.apple.mgmt.')) say('topic-malformed', 'mdm.Topic');
  else if (options.topic != null && options.topic !== topic) say('topic-not-pushed', 'mdm.Topic');
  if (mdm['SignMessage'] !== true) say('sign-message-off', 'mdm.SignMessage');
  if (identity === null) say('identity-unresolved', 'mdm.IdentityCertificateUUID');
  else if (scepContentOf(identity) === null) say('identity-not-scep', 'mdm.IdentityCertificateUUID');
  else found.push(...judgeRequest(candidate, server, options));
  return found;
}

/** What Fleet's SCEP service asks of the request. */
function judgeRequest(candidate: Enrollment, server: URL | null, options: ComparisonOptions): ProfileProblem[] {
  const found: ProfileProblem[] = [];
  const say = (code: ProfileProblemCode, field: string): void => void found.push(problemOf(code, field));
  const content = scepContentOf(candidate.identity) ?? {};
  const url = urlOf(textOf(content, 'URL') ?? '');
  if (url?.protocol !== 'https:' || url.pathname !== SCEP_PATH || url.search !== '') say('scep-url-wrong', 'scep.URL');
  else if (url.origin !== server?.origin) say('scep-url-elsewhere', 'scep.URL');
  if (content['Key Type'] !== undefined && content['Key Type'] !== 'RSA') say('scep-key-type', 'scep.Key Type');
  // Without a size devices make a key of 1024 bits.
  if (![2048, 3072, 4096].includes(content['Keysize'] as number)) say('scep-key-size', 'scep.Keysize');
  if (content['Key Usage'] !== 5) say('scep-key-usage', 'scep.Key Usage');
  const subject = content['Subject'];
  if (!Array.isArray(subject) || subject.length === 0) say('scep-subject', 'scep.Subject');
  const challenge = challengeOf(candidate);
  if (challenge === null || challenge === '') say('challenge-absent', 'scep.Challenge');
  else {
    if (options.challenge != null && options.challenge.revealText() !== challenge)
      say('challenge-not-fleets', 'scep.Challenge');
    if (PUBLIC_CHALLENGES.has(challenge))
      found.push(softened(problemOf('challenge-public', 'scep.Challenge'), options));
  }
  return found;
}

function softened(problem: ProfileProblem, { allowOldChallenge }: ComparisonOptions): ProfileProblem {
  return allowOldChallenge === true ? { ...problem, severity: 'warning' } : problem;
}

function challengeOf({ identity }: Enrollment): string | null {
  const content = scepContentOf(identity);
  return content === null ? null : textOf(content, 'Challenge');
}

/** Whether a profile carries this challenge. */
export function carriesChallenge(enrollment: Enrollment, challenge: Secret): boolean {
  return challengeOf(enrollment) === challenge.revealText();
}

/** Whether any text in a value is of some kind. */
function holds(value: PropertyListValue, is: (text: string) => boolean): boolean {
  if (typeof value === 'string') return is(value);
  if (Array.isArray(value)) return value.some((entry) => holds(entry, is));
  const dictionary = asDictionary(value);
  return dictionary !== null && Object.values(dictionary).some((entry) => holds(entry, is));
}

/** Installed profiles by what they ask for, in the order they were given. */
function groupsOf(installed: readonly Enrollment[]): { members: Enrollment[]; requirements: Requirements }[] {
  const groups = new Map<string, { members: Enrollment[]; requirements: Requirements }>();
  for (const enrollment of installed) {
    const requirements = requirementsOf(enrollment);
    const key = `${enrollment.form === 'listing' ? 'listing ' : ''}${digestOf(requirements)}`;
    const known = groups.get(key);
    if (known) known.members.push(enrollment);
    else groups.set(key, { members: [enrollment], requirements });
  }
  return [...groups.values()];
}

function differencesOf(first: Requirements, second: Requirements): string[] {
  return [...new Set([...first.keys(), ...second.keys()])]
    .filter((field) => first.get(field)?.value !== second.get(field)?.value)
    .sort();
}

/** Fields that are always shown, whether they differ or not. */
const NAMED = [
  'PayloadIdentifier',
  'PayloadScope',
  'PayloadRemovalDisallowed',
  'mdm.ServerURL',
  'mdm.CheckInURL',
  'mdm.Topic',
  'mdm.AccessRights',
  'mdm.SignMessage',
  'mdm.CheckOutWhenRemoved',
  'mdm.ServerCapabilities',
];

function fieldsOf(ours: Requirements, theirs: Requirements, partial: boolean): ComparedField[] {
  const named = NAMED.filter((field) => (ours.has(field) && !partial) || theirs.has(field));
  const rest = [...theirs.keys(), ...(partial ? [] : ours.keys())].filter((field) => !NAMED.includes(field));
  return [...new Set([...named, ...rest])].map((field) => {
    const [a, b] = [ours.get(field), theirs.get(field)];
    return { field, candidate: a?.shown ?? null, installed: b?.shown ?? null, same: same(a, b, partial) };
  });
}

function same(ours: Requirement | undefined, theirs: Requirement | undefined, partial: boolean): boolean {
  if (ours === undefined || theirs === undefined) return ours === theirs;
  return ours.value === theirs.value || (partial && theirs.value === '');
}

const REMOVAL: ReadonlySet<string> = new Set([
  'PayloadRemovalDisallowed',
  'RemovalDate',
  'DurationUntilRemoval',
  'HasRemovalPasscode',
]);

const CODES: Readonly<Record<string, ProfileProblemCode>> = {
  PayloadIdentifier: 'root-identifier-differs',
  'mdm.ServerURL': 'server-url-differs',
  'mdm.CheckInURL': 'check-in-url-differs',
  'mdm.Topic': 'topic-differs',
  'mdm.SignMessage': 'sign-message-differs',
  'mdm.CheckOutWhenRemoved': 'check-out-differs',
  'mdm.PayloadIdentifier': 'payload-identifier-differs',
  'scep.PayloadIdentifier': 'payload-identifier-differs',
};

function judgeAgainst(ours: Requirements, theirs: Requirements, group: number, partial: boolean): ProfileProblem[] {
  const fields = new Set([...theirs.keys(), ...(partial ? [] : ours.keys())]);
  return [...fields]
    .filter((field) => !same(ours.get(field), theirs.get(field), partial))
    .flatMap((field) => codesOf(field, ours.get(field), theirs.get(field)))
    .map(([code, field]) => problemOf(code, field, group));
}

function codesOf(
  field: string,
  ours: Requirement | undefined,
  theirs: Requirement | undefined,
): [ProfileProblemCode, string][] {
  const one = (code: ProfileProblemCode): [ProfileProblemCode, string][] => [[code, field]];
  const known = CODES[field];
  if (known !== undefined) return one(known);
  if (field.startsWith('payload '))
    return one(ours === undefined ? 'payload-missing' : theirs === undefined ? 'payload-added' : 'payload-changed');
  switch (field) {
    case 'mdm.AccessRights': {
      const [wanted, has] = [rightsOf(ours), rightsOf(theirs)];
      if (wanted === null || has === null) return one('mdm-setting-differs');
      return one((wanted & ~has) !== 0 ? 'access-rights-increased' : 'access-rights-lowered');
    }
    case 'mdm.ServerCapabilities': {
      const [wanted, has] = [listOf(ours), listOf(theirs)];
      return [
        ...(has.some((entry) => !wanted.includes(entry)) ? one('capability-removed') : []),
        ...(wanted.some((entry) => !has.includes(entry)) ? one('capability-added') : []),
      ];
    }
    case 'PayloadScope': {
      const system = (requirement: Requirement | undefined): boolean => (requirement?.shown ?? 'System') === 'System';
      return one(system(ours) && system(theirs) ? 'scope-unstated' : 'scope-differs');
    }
    default:
      if (REMOVAL.has(field)) return one('removal-differs');
      if (field.startsWith('mdm.')) return one('mdm-setting-differs');
      return one(field.startsWith('scep.') ? 'scep-setting-differs' : 'root-setting-differs');
  }
}

function rightsOf(requirement: Requirement | undefined): number | null {
  return requirement !== undefined && /^n\d{1,9}$/.test(requirement.value) ? Number(requirement.value.slice(1)) : null;
}

function listOf(requirement: Requirement | undefined): string[] {
  return requirement === undefined ? [] : requirement.shown.split(', ');
}

/** Lower-case hex SHA-256 of a profile's XML: what is compared when somebody asks whether Fleet has this one. */
export function sha256Of({ xml }: Enrollment): string {
  return createHash('sha256').update(xml).digest('hex');
}
