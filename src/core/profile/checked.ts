/** The renewal profile made and checked in one: what is handed on has been held against what is installed. */
import { refused } from '../failure';
import type { Secret } from '../secret';
import { carriesChallenge, compareProfiles, type Comparison } from './comparison';
import type { Enrollment } from './enrollment';
import { makeRenewal, type RenewalInput, type RenewalProfile } from './renewal';

/** What it is made from and held against. */
export interface CheckedInput extends RenewalInput {
  readonly installed: readonly Enrollment[];
  /** Topic of the push certificate; null when it is not known here. */
  readonly topic: string | null;
  readonly challenge: Secret;
  /** The old challenge may be carried over: a warning instead of a refusal. */
  readonly allowOldChallenge: boolean;
}

export interface CheckedRenewal extends RenewalProfile {
  readonly base: Enrollment;
  readonly comparison: Comparison;
}

/**
 * Makes the profile and checks it.
 * @throws FailureError `profile/old-challenge`, and what {@link makeRenewal} throws
 */
export function checkedRenewal(input: CheckedInput): CheckedRenewal {
  const { base, serverUrl, challenge, installed, topic, allowOldChallenge } = input;
  if (!allowOldChallenge && carriesChallenge(base, challenge))
    refused(
      'profile/old-challenge',
      `The challenge given is the one in ${base.name}: whoever has such a profile can enrol anything in Fleet.`,
      'Give Fleet a challenge of its own, or add --allow-old-challenge.',
    );
  const made = makeRenewal({ base, serverUrl, challenge });
  const comparison = compareProfiles(made.enrollment, installed, { topic, challenge, allowOldChallenge });
  return { ...made, base, comparison };
}

/** Throws `profile/does-not-fit` for a profile that must not be handed on. */
export function requireFitting({ base, comparison }: Pick<CheckedRenewal, 'base' | 'comparison'>): void {
  if (comparison.verdict !== 'fail') return;
  const codes = comparison.problems.filter(({ severity }) => severity === 'error').map(({ code }) => code);
  const problems = [...new Set(codes)];
  refused(
    'profile/does-not-fit',
    `The profile made from ${base.name} does not pass its own check; it was not written.`,
    `See to it first: ${problems.join(', ')}.`,
    { base: base.name, problems: problems.join(',') },
  );
}
