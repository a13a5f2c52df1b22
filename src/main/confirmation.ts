/**
 * What must hold before anything is written to Fleet. Decided here, in main, whatever the window allowed: a window
 * that is wrong, or no longer ours, must not be able to write.
 */
import type { FailureShown } from '../contract/state';
import { checkRows, planStaleness, type Facts } from './facts';

/** What the operator typed, and what for. */
export interface Confirmation {
  readonly typed: string;
}

/** Why an apply or a rehearsal may not start; null when it may. In the order an operator would set them right. */
export function whyNotApply(facts: Facts, { typed }: Confirmation): FailureShown | null {
  const { plan, workspace } = facts;
  if (workspace === null) return refusal('workspace/none', 'No workspace is open.', 'Open one first.');
  if (plan === null) return refusal('plan/none', 'There is no plan yet.', 'Make a plan and look at it first.');
  const stale = planStaleness(facts);
  if (stale !== null) return refusal('plan/stale', `The plan is stale. ${stale}`, 'Make the plan anew and look at it.');
  const unset = badgeUnset(facts);
  if (unset !== null) return unset;
  return whyChecksHold(facts) ?? wrongName(typed, plan.summary.target.database);
}

/** What the checks that were run last hold up; null when nothing. */
export function whyChecksHold(facts: Facts): FailureShown | null {
  const blocking = checkRows(facts).filter((row) => row.blocking);
  if (blocking.length === 0) return null;
  return refusal(
    'apply/checks-failed',
    `${blocking.length} check${blocking.length === 1 ? '' : 's'} hold apply up: ${blocking.map(({ code }) => code).join(', ')}.`,
    'Set right what is named, or acknowledge by name what may be acknowledged. They are run again just before writing.',
  );
}

/** Why an undo, or writing Fleet's keys and certificates, may not start; null when it may. Neither needs a plan of devices. */
export function whyNotUndo(facts: Facts, { typed }: Confirmation): FailureShown | null {
  const { workspace } = facts;
  if (workspace === null) return refusal('workspace/none', 'No workspace is open.', 'Open one first.');
  const { host, database } = workspace.settings.fleet;
  if (host === '' || database === '') {
    return refusal('fleet/not-named', 'No Fleet is named.', 'Say where Fleet’s database is first.');
  }
  return badgeUnset(facts) ?? wrongName(typed, database);
}

/**
 * Why a wave may not move, or go back; null when it may. The name of the wave is typed, and of what was looked at.
 * @param asked the wave that is meant
 */
export function whyNotWave(facts: Facts, asked: string, { typed }: Confirmation): FailureShown | null {
  const { workspace, waves } = facts;
  if (workspace === null) return refusal('workspace/none', 'No workspace is open.', 'Open one first.');
  if (waves.ladder === null) return refusal('wave/no-ladder', 'There is no ladder yet.', 'Make one first.');
  const { host, database } = workspace.settings.fleet;
  if (host === '' || database === '')
    return refusal('fleet/not-named', 'No Fleet is named.', 'Say where Fleet’s database is first.');
  const unset = badgeUnset(facts);
  if (unset !== null) return unset;
  if (typed === asked) return null;
  return refusal(
    'wave/not-confirmed',
    'What was typed is not the name of the wave. Nothing was changed.',
    `Type ${asked} to go on.`,
  );
}

function badgeUnset({ workspace }: Facts): FailureShown | null {
  if (workspace?.settings.badge !== 'unset') return null;
  return refusal(
    'workspace/badge-unset',
    'It has not been said whether this is staging or production.',
    'Say whether this is staging or production: the checks differ, and so does the care to be taken.',
  );
}

/** The name is compared exactly: it is typed to make sure that it was read. */
function wrongName(typed: string, database: string): FailureShown | null {
  if (typed === database) return null;
  return refusal(
    'apply/not-confirmed',
    'What was typed is not the name of the target’s database. Nothing was written.',
    `Type ${database} to go on.`,
  );
}

function refusal(code: string, message: string, remedy: string): FailureShown {
  return { code, message, remedy };
}
