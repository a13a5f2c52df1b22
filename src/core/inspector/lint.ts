/** Judges what was found, for the purpose of moving to Fleet; the rules of the public Web PKI do not apply here. */
import type { Known } from './assembly';
import type { Problem } from './item';
import { inDays, problem } from './problem';
import type { Relations } from './relation';
import { EXTENSION, readAltNames } from '../certificates/extension';
import { hashStrength, signatureName } from '../certificates/signature';
import { topicOf } from './role';

const DAY = 86_400_000;
const FIVE_YEARS = 5 * 365.25 * DAY;
/** Apple's limit for TLS servers: https://support.apple.com/en-us/103769 */
const MAX_TLS_DAYS = 825;

/** Beyond so many unmatched keys or certificates this is no longer about one pair that was mixed up. */
const MAX_STRAY = 200;

/** Roles whose key Fleet itself uses. */
const FLEET_ROLES: ReadonlySet<string> = new Set(['push-certificate', 'scep-ca', 'abm']);

/** Problems by index. */
export function judge(
  all: readonly Known[],
  relations: Relations,
  at: number,
  deviceTopics: ReadonlySet<string>,
): Map<number, Problem[]> {
  const found = new Map<number, Problem[]>();
  const say = (index: number, what: Problem): void => {
    const list = found.get(index);
    if (list) list.push(what);
    else found.set(index, [what]);
  };
  // By group once: a hostile file may have thousands of certificates of one key.
  const keyed = new Set(all.filter(({ draft }) => draft.key).map(({ group }) => group));
  for (const one of all) {
    for (const what of keyProblems(one)) say(one.index, what);
    if (one.draft.certificate) {
      for (const what of validity(one, at)) say(one.index, what);
      for (const what of certificateProblems(one, relations, at, deviceTopics)) say(one.index, what);
      if (FLEET_ROLES.has(one.role) && !keyed.has(one.group)) say(one.index, problem('key-missing'));
    } else if (one.draft.request) {
      const strength = hashProblem(one);
      if (strength) say(one.index, strength);
    }
  }
  pushTopics(all, say, deviceTopics);
  strayKeys(all, keyed, say);
  return found;
}

function validity({ draft }: Known, at: number): Problem[] {
  const { certificate } = draft;
  if (!certificate) return [];
  if (certificate.notAfter < at) return [problem('expired', inDays(at - certificate.notAfter))];
  if (certificate.notBefore > at) return [problem('not-yet-valid', inDays(certificate.notBefore - at))];
  return certificate.notAfter - at < 30 * DAY ? [problem('expiring-30', inDays(certificate.notAfter - at))] : [];
}

function keyProblems({ draft, role, keyType, keyBits }: Known): Problem[] {
  if (keyType === null) return [];
  const problems: Problem[] = [];
  const size = keyBits === null ? keyType : `${keyType} ${keyBits} bits`;
  const rsa = keyType === 'RSA' || keyType === 'RSA-PSS';
  if (keyType === 'DSA' || (keyBits !== null && keyBits < (rsa ? 2048 : 224))) problems.push(problem('weak-key', size));
  if (FLEET_ROLES.has(role) && keyType !== 'RSA') problems.push(problem('not-rsa-for-fleet', keyType));
  const fleetKey = role === 'push-certificate' || role === 'scep-ca';
  if (draft.kind === 'key' && fleetKey && keyType === 'RSA' && !draft.locked && !draft.keyForms.has('pkcs1'))
    problems.push(problem('key-not-pkcs1'));
  return problems;
}

function hashProblem({ draft }: Known): Problem | null {
  const algorithm = (draft.certificate ?? draft.request)?.signatureAlgorithm.oid ?? '';
  const strength = hashStrength(algorithm);
  if (strength === 'good') return null;
  return problem(strength === 'weak' ? 'weak-hash' : 'broken-hash', signatureName(algorithm));
}

function certificateProblems(
  one: Known,
  relations: Relations,
  at: number,
  deviceTopics: ReadonlySet<string>,
): Problem[] {
  const { draft, role, index } = one;
  const { certificate } = draft;
  if (!certificate) return [];
  const problems: Problem[] = [];
  const strength = hashProblem(one);
  if (strength) problems.push(strength);
  const chain = relations.chains.get(index);
  if (chain?.state === 'broken') problems.push(problem('signature-differs'));
  else if (chain?.state === 'incomplete') problems.push(problem('chain-incomplete'));
  if (role === 'push-certificate') {
    const { topic, from } = topicOf(certificate);
    if (from !== 'uid') problems.push(problem('topic-missing'));
    else if (topic !== null && deviceTopics.size > 0 && !deviceTopics.has(topic))
      problems.push(problem('topic-differs', topic, [...deviceTopics].slice(0, 3).join(', ')));
  }
  if (role === 'scep-ca' || role === 'ca') {
    if (!certificate.isCa) problems.push(problem('ca-not-a-ca'));
    if (role === 'scep-ca' && certificate.notAfter >= at && certificate.notAfter - at < FIVE_YEARS)
      problems.push(problem('ca-under-five-years', inDays(certificate.notAfter - at)));
  }
  if (role === 'tls-server') {
    if (chain?.state === 'self-signed') problems.push(problem('self-signed-tls'));
    const names = readAltNames(certificate.extension(EXTENSION.subjectAltName));
    if (!names.some((name) => name.startsWith('DNS:') || name.startsWith('IP Address:')))
      problems.push(problem('tls-name-missing'));
    const lifetime = certificate.notAfter - certificate.notBefore;
    if (lifetime > (MAX_TLS_DAYS + 1) * DAY) problems.push(problem('tls-too-long', inDays(lifetime)));
  }
  return problems;
}

/** An enrollment profile among the files names the topic its devices use. */
function pushTopics(
  all: readonly Known[],
  say: (index: number, what: Problem) => void,
  deviceTopics: ReadonlySet<string>,
): void {
  const owned = new Set(
    all.flatMap(({ draft, role }) =>
      draft.certificate && role === 'push-certificate' ? (topicOf(draft.certificate).topic ?? []) : [],
    ),
  );
  const known = deviceTopics.size > 0 ? deviceTopics : owned;
  if (known.size === 0) return;
  for (const { draft, index } of all)
    if (draft.kind === 'profile' && draft.topic !== null && !known.has(draft.topic))
      say(index, problem('topic-differs', draft.topic, [...known].slice(0, 3).join(', ')));
}

/**
 * A key that fits nothing, beside a certificate whose key is not there: in one file, in two files of one name, or when
 * these are the only two.
 */
function strayKeys(
  all: readonly Known[],
  keyed: ReadonlySet<readonly number[]>,
  say: (index: number, what: Problem) => void,
): void {
  const keys = all.filter(
    ({ draft, group }) =>
      draft.key && !group.some((index) => (all[index]?.draft.certificate ?? all[index]?.draft.request) != null),
  );
  const lonely = all.filter(({ draft, group }) => draft.certificate && !keyed.has(group));
  if (keys.length > MAX_STRAY || lonely.length > MAX_STRAY) return;
  for (const key of keys) {
    const files = places(key.draft);
    const together =
      likeliest(lonely.filter(({ draft }) => places(draft).some((file) => files.includes(file)))) ??
      likeliest(lonely.filter(({ draft }) => places(draft).some((file) => files.map(stem).includes(stem(file))))) ??
      (keys.length === 1 && lonely.length === 1 ? lonely[0] : undefined);
    if (!together) continue;
    say(key.index, problem('key-differs', together.draft.place.file));
    say(together.index, problem('key-differs', key.draft.place.file));
  }
}

/** Which of several certificates the key was meant for: one that has a use for it; nobody knows among many. */
function likeliest(candidates: readonly Known[]): Known | undefined {
  const wanting = candidates.filter(({ role }) => FLEET_ROLES.has(role) || role === 'tls-server');
  const leaves = candidates.filter(({ role }) => role !== 'ca' && role !== 'scep-ca');
  const best = wanting.length > 0 ? wanting : leaves.length > 0 ? leaves : candidates;
  return best.length <= 3 ? best[0] : undefined;
}

function places({ place, alsoIn }: Known['draft']): string[] {
  return [place.file, ...alsoIn.map(({ file }) => file)];
}

/** `push.cert.pem`, `push-key.pem`, `push.key` and `push.crt` are all `push`. */
function stem(file: string): string {
  return file
    .toLowerCase()
    .replace(/(?:\.(?:pem|der|crt|cer|cert|key|p8|txt))+$/, '')
    .replace(/[-_.](?:cert|certificate|crt|key|private|encrypted)+$/g, '');
}
