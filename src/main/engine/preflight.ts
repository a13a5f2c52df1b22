/** The preflight checks, as main asks for them. */
import type { CheckRow } from '../../contract/state';
import { attempt } from '../../core/failure';
import { runChecks, type CheckContext, type CheckResult } from '../../core/migration/checks';
import type { Judgement } from '../../core/migration/verdict';
import { Secret } from '../../core/secret';
import type { Snapshot } from '../../core/sources/snapshot';
import type { FleetLink } from './fleet-link';
import type { CheckAccess } from './protocol';

/** What is judged: the source that was read, or a plan's private copy. */
export interface Preflighted {
  readonly snapshot: Snapshot;
  readonly judgement: Judgement;
  readonly at: number;
}

/**
 * Runs all checks. A Fleet that cannot be reached is an answer too: its checks say so. The pretend Fleet of the sample
 * is not asked, since passing checks against nothing would be a lie.
 */
export async function preflight(link: FleetLink, access: CheckAccess, judged: Preflighted): Promise<CheckResult[]> {
  const { fleet, url, urlCaFile, token, privateKey, staging, answers } = access;
  const context: CheckContext = {
    ...judged,
    fleetUrl: url ?? undefined,
    fleetCaFile: urlCaFile ?? undefined,
    fleetToken: token === null ? undefined : new Secret('Fleet API token', token),
    privateKey: privateKey === null ? undefined : new Secret('server private key', privateKey),
    staging,
    answers,
  };
  if (fleet === null || fleet.kind === 'sample') return runChecks(context);
  const asked = await attempt(() => link.read(fleet, (open) => runChecks({ ...context, fleet: open })));
  return asked.ok ? asked.value : runChecks({ ...context, fleetFailure: asked.failure });
}

/** Results as the window knows them; what holds apply up is for main to say, which knows what was acknowledged. */
export function checkRowsOf(results: readonly CheckResult[]): CheckRow[] {
  return results.map((result) => ({
    id: result.id,
    phase: result.phase,
    title: result.title,
    status: result.status,
    code: result.code,
    sentence: result.sentence,
    remedy: result.remedy,
    overridable: result.overridable,
    subjects: [...(result.subjects ?? [])],
    commands: [...(result.commands ?? [])],
    blocking: result.status === 'fail',
    acknowledgedBy: result.acknowledgedBy ?? null,
  }));
}
