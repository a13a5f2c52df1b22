/** The hand-over of a workspace, on main's side: what was typed and confirmed, who is accounted for, and the files. */
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { app } from 'electron';
import type { BackupShown, ReportSettings, ReportWritten } from '../contract/report';
import { FailureError, refused } from '../core/failure';
import { readGiven } from '../core/given-file';
import { ACCOUNTS_LIMIT, accountsText, readAccounts, type Account } from '../core/report/account';
import type { ReportAccess } from './engine/protocol';
import type { Facts } from './facts';
import { pdfOf } from './pdf';
import { readIfThere, replacePrivate } from './private-file';
import { isInside } from './runbook';
import type { Session } from './session';

const ACCOUNTS = 'accounts.csv';
/** The PDF of a report of very many devices would take minutes and nobody would read it; the HTML is there. */
const MOST_FOR_PDF = 20_000_000;

export class ReportDesk {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  access(): ReportAccess {
    const workspace = this.#session.requireWorkspace();
    const { settings } = workspace;
    const { facts } = this.#session;
    const { fleet, probes, watch } = facts;
    const { report, cutover, answers, badge } = settings;
    const who = report.preparedBy === '' ? accountName() : report.preparedBy;
    return {
      title: report.title === '' ? workspace.name : report.title,
      preparedBy: who,
      badge,
      tool: `Slipway ${app.getVersion()}`,
      owners: report.owners,
      redirects: report.redirects,
      ownBackup: report.ownBackup,
      renewal: report.renewal,
      backup: workspace.progress.backup,
      probes:
        probes === null
          ? null
          : { at: probes.at, failed: probes.results.filter(({ status }) => status === 'fail').map(({ id }) => id) },
      acknowledged: Object.entries(answers).map(([code, { by, note }]) => ({ code, by, note })),
      accounts: this.#accountsPath(),
      journalFolders: [workspace.folder('journals'), workspace.path],
      profile: cutover.profile,
      host: cutover.host,
      target:
        fleet === null
          ? null
          : {
              place: `${fleet.database} at ${fleet.host}:${fleet.port}`,
              generation: fleet.generation,
              migrationId: fleet.migrationId,
              fleetUrl: settings.fleet.url === '' ? null : settings.fleet.url,
            },
      lookedAt: watch?.lookedAt ?? null,
      reread: wasReread(facts),
    };
  }

  saveSettings(part: Partial<ReportSettings>): Promise<void> {
    const { report } = this.#session.requireWorkspace().settings;
    return this.#session.save({ report: { ...report, ...part } });
  }

  /** Puts a name to devices that stay behind. */
  account(devices: readonly string[], by: string, note: string): Promise<void> {
    return this.#change((held) => {
      for (const device of devices) held.set(device, { by: by.trim(), note: note.trim(), line: 0 });
    });
  }

  withdraw(device: string): Promise<void> {
    return this.#change((held) => held.delete(device));
  }

  /** Takes a list in, as the command line takes one; devices that are in it already are replaced. */
  async takeAccounts(path: string): Promise<number> {
    const given = readAccounts(
      readGiven('the list of devices that stay behind', path, ACCOUNTS_LIMIT).toString('utf8'),
    );
    await this.#change((held) => {
      for (const [device, one] of given) held.set(device, one);
    });
    return given.size;
  }

  async #change(change: (held: Map<string, Account>) => unknown): Promise<void> {
    const held = readAccounts((await readIfThere(this.#accountsPath())) ?? '');
    change(held);
    await replacePrivate(this.#accountsPath(), accountsText(held));
    this.#session.learn({});
  }

  /** A verified backup of the old database, in a folder outside of the workspace: it holds every secret. */
  async backUp(folder: string): Promise<BackupShown> {
    const workspace = this.#session.requireWorkspace();
    if (isInside(folder, workspace.path))
      refused(
        'report/backup-inside',
        'The backup holds every secret of the old server and would travel with the workspace.',
        'Choose a folder outside of it, where secrets are kept.',
      );
    const reference = this.#session.facts.source?.reference ?? '';
    const source = this.#session.sourceAccess(reference);
    return this.#session.finish(
      { kind: 'backup', label: 'backing up the old database', canPause: false, canCancel: true },
      async (call) => {
        const backup = await this.#session.engine.call('backUp', { source, folder }, call);
        await workspace.advance({ backup });
        this.#session.learn({});
        return backup;
      },
    );
  }

  /** Writes the report, with a PDF of its page. */
  async write(folder: string): Promise<ReportWritten> {
    const { files, html } = await this.#session.engine.call('writeReport', { ...this.access(), folder });
    const all = [...files];
    if (html.length <= MOST_FOR_PDF) {
      const bytes = await pdfOf(html);
      all.push(await this.#session.engine.call('addToReport', { folder, name: 'report.pdf', bytes }));
    }
    await this.#session.requireWorkspace().advance({ reportedAt: Date.now() });
    this.#session.learn({ reportedAt: Date.now() });
    return { folder, files: all };
  }

  #accountsPath(): string {
    return join(this.#session.requireWorkspace().path, ACCOUNTS);
  }
}

/** Only a reading after the last write, or the last switch of a wave, tells who still calls the old server. */
function wasReread({ source, applied, watch }: Facts): boolean {
  if (source === null || watch === null || watch.lookedAt === null) return false;
  const switches = watch.look?.waves.map(({ switchedAt }) => switchedAt ?? 0) ?? [];
  const last = Math.max(applied?.finishedAt ?? 0, ...switches);
  return last > 0 && source.readAt > last;
}

function accountName(): string {
  try {
    return userInfo().username;
  } catch (error) {
    if (error instanceof FailureError) throw error;
    return 'unknown';
  }
}
