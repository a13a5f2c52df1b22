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
  const blocking = checkRows(facts).filter((row) => row.blocking);
  if (blocking.length > 0) {
    return refusal(
      'apply/checks-failed',
      `${blocking.length} check${blocking.length === 1 ? '' : 's'} hold apply up: ${blocking.map(({ code }) => code).join(', ')}.`,
      'Set right what is named, or acknowledge by name what may be acknowledged. They are run again just before writing.',
    );
  }
  return wrongName(typed, plan.summary.target.database);
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
