/** `slipway report`: the hand-over as a folder, a verified backup of the old database, and checking a folder. */
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { version } from '../../../package.json';
import { deviceView } from '../../core/cutover/device-view';
import { FailureError, misused, unreadable } from '../../core/failure';
import { PROFILE_LIMIT, readGiven } from '../../core/given-file';
import { planInKeyOrder } from '../../core/migration/key-order';
import { parsePlan, type Plan } from '../../core/migration/plan';
import { readInstalled } from '../../core/profile/enrollment';
import { readAccounts, resolveAccounts } from '../../core/report/account';
import { backUp, proveBackup } from '../../core/report/backup';
import type { BackupFacts, Confirmation, DecommissionFacts } from '../../core/report/decommission';
import { checkReport, writeReport } from '../../core/report/folder';
import { gatherJournals, reportFacts } from '../../core/report/gathering';
import { handOver, type HandOver } from '../../core/report/hand-over';
import { needsOwnBackup, ownBackupCommands, type OwnBackup } from '../../core/report/own-backup';
import { OBLIGATION_IDS, type ObligationId, type Owners } from '../../core/report/obligation';
import { printSource, type SourceReference } from '../../core/sources';
import { hashFile } from '../../core/sources/file-hash';
import { Watcher } from '../../core/watch/watcher';
import { EXIT } from '../exit-code';
import { fleetTarget } from '../fleet-opening';
import { clockFrom, operatorName, refuseForeign } from '../input';
import { namesPlan, readJudged, readOptions, sourceNamed } from '../source-reading';
import { counted, plain, print, printJson, progressLine, styled, table, tell } from '../terminal';
import { readText } from '../text-file';
import { rfc3339 } from '../time';
import { judgingFrom, openRoster, sidesFrom, type WatchOptions } from '../watch-opening';

export interface ReportOptions extends WatchOptions {
  readonly out?: string;
  readonly title?: string;
  readonly preparedBy?: string;
  readonly production?: boolean;
  readonly staging?: boolean;
  readonly profile?: string;
  readonly accounts?: string;
  readonly owner?: string[];
  readonly callersBy?: string;
  readonly redirectsBy?: string;
  readonly renewalBy?: string;
  readonly backup?: string;
  readonly ownBackup?: string;
  readonly ownBackupBy?: string;
  readonly probes?: string;
}

type Action = 'write' | 'backup' | 'check';

const OWNERS: Readonly<Record<string, readonly Action[]>> = {
  out: ['write', 'backup'],
  title: ['write'],
  preparedBy: ['write'],
  production: ['write'],
  staging: ['write'],
  profile: ['write'],
  accounts: ['write'],
  owner: ['write'],
  callersBy: ['write'],
  redirectsBy: ['write'],
  renewalBy: ['write'],
  backup: ['write', 'backup'],
  ownBackup: ['write'],
  ownBackupBy: ['write'],
  probes: ['write'],
};

export async function run(action: Action, subject: string, options: ReportOptions): Promise<number> {
  refuseForeign('report', action, options, OWNERS);
  switch (action) {
    case 'write':
      return write(subject, options);
    case 'backup':
      return backup(subject, options);
    case 'check':
      return check(subject, options);
  }
}

// --------------------------------------------------------------------------------------------------------- write

async function write(subject: string, options: ReportOptions): Promise<number> {
  const out = options.out ?? misused('usage/missing-option', 'No folder was named for the report.', 'Add --out.');
  if (options.staging === true && options.production === true)
    misused('usage/two-badges', 'A target is staging or production, not both.', 'Leave one of the two out.');
  const sides = sidesFrom(options);
  const owners = ownersFrom(options.owner ?? []);
  const plan = namesPlan(subject) ? planInKeyOrder(parsePlan(readText('plan', subject))) : null;
  const reference = options.source ?? plan?.source.reference ?? subject;
  const { snapshot, at } = await readJudged(reference, options);
  const { roster } = await openRoster(subject, options, true);
  const folder = options.journals ?? (plan === null ? null : dirname(subject));
  const folders = folder === null ? [] : [folder, ...(options.ladder === undefined ? [] : [dirname(options.ladder)])];
  const { accounts: journals, enclosed } = await gatherJournals(folders);
  const enrollment =
    options.profile === undefined
      ? null
      : readInstalled(readGiven('the enrollment profile', options.profile, PROFILE_LIMIT), options.profile);
  const watcher = new Watcher({
    roster,
    ...sides,
    judging: await judgingFrom(options),
    apiReading: { details: 5_000 },
  });
  const progress = progressLine(options.json === true);
  try {
    progress.onProgress({ label: 'asking Fleet', done: 0, total: null });
    const poll = await watcher.poll(true);
    const [failure] = poll.failures;
    if (failure !== undefined && poll.database === null && poll.api === null) throw new FailureError(failure);
    progress.end();
    const report = handOver(
      reportFacts({
        at,
        title: options.title ?? 'Migration to Fleet',
        preparedBy: options.preparedBy ?? operatorName(),
        tool: `Slipway ${version}`,
        badge: options.production === true ? 'production' : options.staging === true ? 'staging' : 'unset',
        reference: printSource(sourceNamed(reference, options)),
        snapshot,
        host: deviceView(snapshot, enrollment).host,
        target: targetFrom(options, plan),
        roster,
        statuses: watcher.watch.statuses(poll.at),
        planned: plan === null ? null : new Map(plan.devices.map((device) => [device.udid, device])),
        accounts:
          options.accounts === undefined
            ? new Map<string, Confirmation>()
            : resolveAccounts(readAccounts(readText('list of devices that stay behind', options.accounts)), snapshot),
        acknowledged: (plan?.accepted ?? []).map((code) => ({
          code,
          by: operatorOf(journals),
          note: plan?.reason ?? '',
        })),
        journals,
        owners,
        backup: options.backup === undefined ? null : await provenBackup(reference, options.backup, options),
        ownBackup: await ownBackupFrom(sourceNamed(reference, options), options),
        callers: confirmedBy(options.callersBy),
        redirects: confirmedBy(options.redirectsBy),
        renewal: confirmedBy(options.renewalBy),
        probes: options.probes === undefined ? null : probesFrom(options.probes),
        reread: true,
      }),
    );
    const files = await writeReport(report, out, enclosed);
    if (options.json === true)
      await printJson({
        schema: 1,
        folder: out,
        files: files.map(({ name, sha256, size }) => ({ name, sha256, size })),
        counts: report.counts,
        conditions: report.conditions,
      });
    else await printReport(report, out);
    return report.conditions.every(({ holds }) => holds) ? EXIT.fine : EXIT.found;
  } finally {
    progress.end();
    await watcher.close();
  }
}

function operatorOf(journals: readonly { readonly operator: string }[]): string {
  return journals[0]?.operator ?? 'the plan';
}

function targetFrom(options: ReportOptions, plan: Plan | null): HandOver['facts']['target'] {
  if (options.fleet === undefined) return null;
  const { host, port, database } = fleetTarget(options.fleet, options).address;
  return {
    place: `${database} at ${host}:${port}`,
    generation: plan?.target.generation ?? 'not read',
    migrationId: plan?.target.migrationId ?? null,
    fleetUrl: options.fleetUrl ?? null,
  };
}

/** `Ann: the retired configuration is live`. */
function confirmedBy(text: string | undefined): Confirmation | null {
  if (text === undefined) return null;
  const colon = text.indexOf(':');
  const by = (colon < 0 ? text : text.slice(0, colon)).trim();
  if (by === '') misused('usage/no-name', 'A confirmation needs a name.', 'Write it as NAME or NAME: NOTE.');
  return { by, note: colon < 0 ? '' : text.slice(colon + 1).trim() };
}

function ownersFrom(texts: readonly string[]): Owners {
  const owners: Partial<Record<ObligationId, string>> = {};
  for (const text of texts) {
    const [, id = '', who = ''] = /^([a-z-]+)=(.+)$/.exec(text) ?? [];
    const known = OBLIGATION_IDS.find((one) => one === id);
    if (known === undefined || who.trim() === '')
      misused(
        'usage/owner',
        `«${text.slice(0, 60)}» names no owner.`,
        `Write it as ID=NAME; ids are ${OBLIGATION_IDS.join(', ')}.`,
      );
    owners[known] = who.trim();
  }
  return owners;
}

/** What `slipway cutover probe --json` printed. */
function probesFrom(path: string): DecommissionFacts['probes'] {
  let value: unknown;
  try {
    value = JSON.parse(readText('result of the probes', path));
  } catch (error) {
    if (error instanceof FailureError) throw error;
    value = null;
  }
  const { at, probes } = (value ?? {}) as { at?: unknown; probes?: unknown };
  const time = typeof at === 'string' ? Date.parse(at) : Number.NaN;
  if (Number.isNaN(time) || !Array.isArray(probes))
    return misused(
      'report/probes',
      `${path} is not what a probe printed.`,
      'Write it with `slipway cutover probe … --json`.',
    );
  const failed = (probes as unknown[]).flatMap((probe) => {
    const { id, status } = (probe ?? {}) as { id?: unknown; status?: unknown };
    return status === 'fail' && typeof id === 'string' ? [id.slice(0, 60)] : [];
  });
  return { at: time, failed };
}

async function printReport({ counts, conditions, obligations }: HandOver, out: string): Promise<void> {
  await print(
    `${counts.migrated} of ${counted(counts.devices, 'device')} proven at Fleet, ${counts.open} open.`,
    '',
    styled('May the old server be switched off', 'bold'),
    ...conditions.flatMap(({ holds, sentence, remedy }) => [
      `  ${holds ? styled('✓', 'green') : styled('✗', 'red')} ${plain(sentence)}`,
      ...(remedy === '' ? [] : [`      ${plain(remedy)}`]),
    ]),
    '',
    styled('What must be kept alive', 'bold'),
    ...table(
      obligations.map(({ title, due, owner }) => [
        plain(title),
        due === null ? 'as long as a device is enrolled' : `next ${rfc3339(due).slice(0, 10)}`,
        owner === null ? 'nobody yet' : plain(owner),
      ]),
    ),
    '',
    `written  ${out}`,
  );
}

// -------------------------------------------------------------------------------------------------------- backup

async function backup(subject: string, options: ReportOptions): Promise<number> {
  const reference = sourceNamed(subject, options);
  const given = options.backup;
  if ((given === undefined) === (options.out === undefined))
    misused(
      'usage/backup',
      'It is not said whether a backup is to be made, or one that is there to be proven.',
      'Name a folder with --out, or the file with --backup.',
    );
  const facts =
    given === undefined
      ? await backUp(reference, options.out ?? '', readOptions(options, clockFrom(options)))
      : await proveBackup(reference, given, readOptions(options, clockFrom(options)));
  const equal = facts.devices === facts.sourceDevices;
  const form = needsOwnBackup(reference) ? 'capture' : 'copy';
  const own = form === 'capture' ? ownBackupCommands(reference) : [];
  if (options.json === true)
    await printJson({ schema: 1, ...facts, at: rfc3339(facts.at), equal, form, ownBackupCommands: own });
  else
    await print(
      ...table([
        [form === 'copy' ? 'backup' : 'capture', facts.path],
        ['sha256', facts.sha256],
        ['size', `${facts.size} bytes`],
        ['devices', `${facts.devices}, the source ${facts.sourceDevices}`],
      ]),
    );
  if (form === 'capture' && options.json !== true) {
    await print(
      '',
      'It holds what moves, and was read back. It is no backup: no old server starts from it. Make one by its own means:',
      ...(own.length === 0 ? ['  as the makers of that server say'] : own.map((line) => `  ${plain(line)}`)),
      'Give it to the report with --own-backup FILE and --own-backup-by NAME.',
    );
  }
  if (!equal) tell('The numbers differ: the old server ran on meanwhile. Stop it, and make the backup again.');
  return equal ? EXIT.fine : EXIT.found;
}

/** What the operator says of a backup by the old server’s own means; null where Slipway’s copy is one. */
async function ownBackupFrom(reference: SourceReference, options: ReportOptions): Promise<OwnBackup | null> {
  const { ownBackup: path, ownBackupBy } = options;
  if (!needsOwnBackup(reference)) {
    if (path !== undefined || ownBackupBy !== undefined)
      misused(
        'usage/own-backup',
        'This source is one file, and its proven copy is its backup.',
        'Name that with --backup.',
      );
    return null;
  }
  if (path !== undefined && ownBackupBy === undefined)
    misused('usage/no-name', 'A backup needs somebody who says that it is one.', 'Add --own-backup-by NAME.');
  const commands = ownBackupCommands(reference);
  const confirmation = confirmedBy(ownBackupBy);
  if (path === undefined) return { commands, confirmation, file: null };
  try {
    const { size } = await stat(path);
    if (size === 0)
      unreadable('report/own-backup-empty', `${path} is empty: the backup failed.`, 'Make it again.', { path });
    return { commands, confirmation, file: { path, sha256: await hashFile(path), size } };
  } catch (error) {
    if (error instanceof FailureError) throw error;
    return unreadable(
      'report/own-backup',
      `The backup ${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}).`,
      'Name the file the command wrote.',
      { path },
    );
  }
}

async function provenBackup(reference: string, path: string, options: ReportOptions): Promise<BackupFacts> {
  return proveBackup(sourceNamed(reference, options), path, readOptions(options, clockFrom(options)));
}

// --------------------------------------------------------------------------------------------------------- check

async function check(folder: string, options: ReportOptions): Promise<number> {
  const wrong = await checkReport(folder);
  if (options.json === true) await printJson({ schema: 1, folder, changed: wrong });
  else if (wrong.length === 0) await print(`${styled('✓', 'green')} Everything is as it was written.`);
  else await print(...wrong.map((name) => `${styled('✗', 'red')} ${plain(name)} was changed, removed or added.`));
  return wrong.length === 0 ? EXIT.fine : EXIT.found;
}
