/** Preflight: every named check, in one table. */
import { FailureError } from '../../failure';
import { AFTER_CHECKS } from './after';
import { CA_POOL_CHECK } from './ca-pool';
import { CERTIFICATE_CHECKS } from './certificates';
import {
  MOST_SUBJECTS,
  PHASES,
  skip,
  type Check,
  type CheckContext,
  type CheckResult,
  type Need,
  type Outcome,
} from './check';
import { CLOCK_CHECK } from './clock';
import { CONTROLS_CHECKS } from './controls';
import { Facts } from './facts';
import { FLEET_CHECKS } from './fleet';
import { FREEZE_CHECK } from './freeze';
import { HOST_CHECKS } from './hosts';
import { IDENTITY_CHECKS } from './identity';
import { MYSQL_CHECKS } from './mysql';
import { NETWORK_CHECKS } from './network';
import { SCEP_DEPOT_CHECK } from './scep-depot';
import { SERVER_URL_CHECK } from './server-url';
import { SOURCE_CHECKS } from './source';
import { USER_ENROLLMENTS_CHECK } from './user-enrollments';

export type { CheckContext, CheckResult } from './check';

/** All checks, in the order they are shown. */
export const CHECKS: readonly Check[] = [
  ...SOURCE_CHECKS,
  USER_ENROLLMENTS_CHECK,
  FREEZE_CHECK,
  SERVER_URL_CHECK,
  ...CERTIFICATE_CHECKS,
  CA_POOL_CHECK,
  SCEP_DEPOT_CHECK,
  ...MYSQL_CHECKS,
  CLOCK_CHECK,
  ...FLEET_CHECKS,
  ...IDENTITY_CHECKS,
  ...HOST_CHECKS,
  ...NETWORK_CHECKS,
  ...AFTER_CHECKS,
  ...CONTROLS_CHECKS,
].toSorted((a, b) => PHASES.indexOf(a.phase) - PHASES.indexOf(b.phase));

/** Codes of failures after which asking the database on is pointless. */
const SESSION_ENDED = new Set(['fleet/connection-lost', 'fleet/timeout']);

const NEEDS: Readonly<Record<Need, { readonly met: (context: CheckContext) => boolean; readonly option: string }>> = {
  fleet: { met: (context) => context.fleet !== undefined, option: '--fleet' },
  'private-key': { met: (context) => context.privateKey !== undefined, option: '--private-key-file' },
  'fleet-url': { met: (context) => context.fleetUrl !== undefined, option: '--fleet-url' },
  'fleet-token': { met: (context) => context.fleetToken !== undefined, option: '--fleet-token-file' },
};

/** What a journal keeps of the checks that were run before a write. */
export function journaledChecks(
  results: readonly { readonly code: string; readonly status: string; readonly acknowledgedBy?: string | null }[],
): { readonly code: string; readonly outcome: string }[] {
  return results.map(({ code, status, acknowledgedBy }) => ({
    code,
    outcome: acknowledgedBy == null ? status : `${status}, confirmed by ${acknowledgedBy}`,
  }));
}

/**
 * Runs all checks. One that cannot be asked fails with the reason and may be accepted; only a session that ended
 * (`fleet/connection-lost`, `fleet/timeout`) ends the run with that failure.
 */
export async function runChecks(context: CheckContext): Promise<CheckResult[]> {
  const facts = new Facts(context);
  // Signatures are proven by other threads: begun now, they are ready when their check comes. It tells of a failure.
  facts.issuers().catch(() => undefined);
  const results: CheckResult[] = [];
  for (const check of CHECKS) {
    const outcome = await outcomeOf(check, facts);
    const { code, subjects, ...rest } = outcome;
    results.push({
      id: check.id,
      phase: check.phase,
      title: check.title,
      code: code ?? check.id,
      ...rest,
      ...(subjects === undefined || subjects.length === 0 ? {} : { subjects: subjects.slice(0, MOST_SUBJECTS) }),
    });
  }
  return results;
}

async function outcomeOf(check: Check, facts: Facts): Promise<Outcome> {
  const missing = check.needs.filter((need) => !NEEDS[need].met(facts.context));
  if (missing.length > 0) {
    if (missing.includes('fleet') && facts.context.fleetFailure !== undefined) {
      return skip('Fleet’s database could not be asked.', 'See the check of the database connection.');
    }
    const options = missing.map((need) => NEEDS[need].option).join(' and ');
    return skip(`Not asked: no ${options} was given.`, `Run again with ${options}.`);
  }
  try {
    return await check.run(facts);
  } catch (error) {
    if (!(error instanceof FailureError) || SESSION_ENDED.has(error.failure.code)) throw error;
    const { code, message, remedy } = error.failure;
    return { status: 'fail', code, sentence: message, remedy, overridable: true };
  }
}

/**
 * The failed checks that hold apply up: those that cannot be accepted, and those that can but were not.
 * @param accepted codes (or ids of checks), as given to `--accept`
 */
export function blockingChecks(results: readonly CheckResult[], accepted: readonly string[]): CheckResult[] {
  return results.filter(
    (result) =>
      result.status === 'fail' &&
      !(result.overridable && (accepted.includes(result.code) || accepted.includes(result.id))),
  );
}
