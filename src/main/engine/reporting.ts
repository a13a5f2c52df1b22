/** The hand-over, as the command line does it, from what lies on the bench and what was last seen at Fleet. */
import { existsSync } from 'node:fs';
import { deviceView } from '../../core/cutover/device-view';
import { PROFILE_LIMIT, readGiven } from '../../core/given-file';
import { readInstalled } from '../../core/profile/enrollment';
import { ACCOUNTS_LIMIT, readAccounts, resolveAccounts } from '../../core/report/account';
import { backUp } from '../../core/report/backup';
import { addToReport, writeReport } from '../../core/report/folder';
import { gatherJournals, reportFacts } from '../../core/report/gathering';
import { handOver, isSettled, type HandOver, type JournalAccount } from '../../core/report/hand-over';
import { htmlOf } from '../../core/report/html';
import { needsOwnBackup, ownBackupCommands } from '../../core/report/own-backup';
import { printSource } from '../../core/sources';
import { Roster } from '../../core/watch/roster';
import type { EngineInput, EngineOutput, ReportAccess } from './protocol';
import type { Watching } from './watching';
import { readOptions, type Task, type Workbench } from './workbench';

/** Devices shown one by one; the report holds them all. */
const MOST_BEHIND = 500;

export function reportView(bench: Workbench, watching: Watching, access: ReportAccess): EngineOutput<'reportView'> {
  // What the journals say stands in the report alone; they may be long, and this is asked for with every look.
  const report = madeReport(bench, watching, access, []);
  const { facts, counts, conditions, obligations } = report;
  const behind = facts.devices.filter(({ state }) => state !== 'migrated');
  return {
    lookedAt: access.lookedAt,
    counts: {
      devices: counts.devices,
      migrated: counts.migrated,
      accounted: behind.filter(isSettled).length,
      open: counts.open,
    },
    conditions: conditions.map((one) => ({ ...one })),
    obligations: obligations.map((one) => ({ ...one })),
    // Those nobody has answered for come first.
    behind: behind
      .toSorted((left, right) => Number(isSettled(left)) - Number(isSettled(right)))
      .slice(0, MOST_BEHIND)
      .map(({ udid, serial, name, state, reasons, accounted }) => ({ udid, serial, name, state, reasons, accounted })),
    others: Math.max(0, behind.length - MOST_BEHIND),
    backup: access.backup,
  };
}

export async function writtenReport(
  bench: Workbench,
  watching: Watching,
  { folder, ...access }: EngineInput<'writeReport'>,
): Promise<EngineOutput<'writeReport'>> {
  const { accounts: journals, enclosed } = await gatherJournals(access.journalFolders);
  const report = madeReport(bench, watching, access, journals);
  const files = await writeReport(report, folder, enclosed);
  return { files: files.map(({ name, sha256, size }) => ({ name, sha256, size })), html: htmlOf(report) };
}

/** The PDF main made of the same page. */
export async function addedToReport({
  folder,
  name,
  bytes,
}: EngineInput<'addToReport'>): Promise<EngineOutput<'addToReport'>> {
  const { sha256, size } = await addToReport(folder, { name, bytes: Buffer.from(bytes) });
  return { name, sha256, size };
}

export async function backedUp(
  bench: Workbench,
  { source, folder }: EngineInput<'backUp'>,
  task: Task,
): Promise<EngineOutput<'backUp'>> {
  const { reference } = bench.requireSource();
  const { onProgress } = task;
  return backUp(reference, folder, { ...readOptions(source), at: Date.now(), onProgress });
}

function madeReport(
  bench: Workbench,
  watching: Watching,
  access: ReportAccess,
  journals: readonly JournalAccount[],
): HandOver {
  const { snapshot, reference, at, sample } = bench.requireSource();
  const plan = bench.plan?.plan ?? null;
  const standing = watching.standing() ?? {
    roster: new Roster({ snapshot, plan }),
    statuses: new Map(),
  };
  const { profile } = access;
  const enrollment =
    profile === '' ? null : readInstalled(readGiven('the enrollment profile', profile, PROFILE_LIMIT), profile);
  const text = existsSync(access.accounts)
    ? readGiven('the list of devices that stay behind', access.accounts, ACCOUNTS_LIMIT).toString('utf8')
    : '';
  const facts = reportFacts({
    at: sample ? at : Date.now(),
    title: access.title,
    preparedBy: access.preparedBy,
    tool: access.tool,
    badge: access.badge,
    reference: printSource(reference),
    snapshot,
    host: access.host === '' ? deviceView(snapshot, enrollment).host : access.host,
    target: access.target,
    roster: standing.roster,
    statuses: standing.statuses,
    planned: plan === null ? null : new Map(plan.devices.map((device) => [device.udid, device])),
    accounts: resolveAccounts(readAccounts(text), snapshot),
    acknowledged: [
      ...access.acknowledged,
      ...(plan?.accepted ?? []).map((code) => ({ code, by: access.preparedBy, note: plan?.reason ?? '' })),
    ],
    journals,
    owners: access.owners,
    backup: access.backup,
    ownBackup: needsOwnBackup(reference)
      ? { commands: ownBackupCommands(reference), confirmation: access.ownBackup, file: null }
      : null,
    callers: null,
    redirects: access.redirects,
    renewal: access.renewal,
    probes: access.probes,
    reread: access.reread,
  });
  return handOver(facts);
}
