/** The runbook of a workspace: what checks and milestones say now, what people confirmed, and the other column. */
import { join } from 'node:path';
import type { RunbookView } from '../contract/runbook';
import { refused } from '../core/failure';
import { readGiven } from '../core/given-file';
import {
  EMPTY_RUNBOOK,
  isForPeople,
  parseRunbook,
  RUNBOOK,
  runbookColumn,
  runbookLines,
  type Column,
  type Milestone,
  type RunbookFacts,
  type RunbookFile,
} from '../core/report/runbook';
import { runbookHtml } from '../core/report/runbook-html';
import type { Facts } from './facts';
import { readIfThere, replacePrivate } from './private-file';
import type { Session } from './session';

const NAME = 'runbook.json';
const LIMIT = 4 * 1_048_576;

export class RunbookShelf {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async view(): Promise<RunbookView> {
    const mine = this.#mine();
    const { columns } = await this.#now();
    const facts = factsFor(this.#session.facts);
    return {
      mine,
      steps: runbookLines(columns).map(({ title, lines }) => ({
        title,
        items: lines.map((line) => ({
          id: line.id,
          title: line.title,
          why: line.why,
          forPeople: isForPeople(line, facts),
          staging: line.staging,
          production: line.production,
        })),
      })),
    };
  }

  /** Puts a name to a line, in this workspace's own column. */
  async tick(id: string, by: string, note: string): Promise<void> {
    const column = this.#requireMine();
    if (!RUNBOOK.some((one) => one.id === id))
      refused('runbook/unknown', 'There is no such line.', 'Look at the runbook again.');
    await this.#change(column, id, { by: by.trim(), note: note.trim(), at: Date.now() });
  }

  async untick(id: string): Promise<void> {
    await this.#change(this.#requireMine(), id, null);
  }

  /** Takes the other column over from the runbook of another workspace, as staging's beside production's. */
  async takeOver(path: string): Promise<void> {
    const given = parseRunbook(readGiven('the runbook', path, LIMIT).toString('utf8'));
    const other: Column = this.#requireMine() === 'staging' ? 'production' : 'staging';
    const file = await this.#now();
    await this.#write({ ...file, columns: { ...file.columns, [other]: given.columns[other] } });
  }

  async html(): Promise<string> {
    return runbookHtml(await this.#now(), this.#session.requireWorkspace().name, Date.now());
  }

  async #change(column: Column, id: string, tick: { by: string; note: string; at: number } | null): Promise<void> {
    const file = await this.#now();
    const before = file.columns[column];
    const cell = before[id];
    if (cell === undefined) return;
    const changed = runbookColumn(factsFor(this.#session.facts), { ...before, [id]: { ...cell, tick } });
    await this.#write({ ...file, columns: { ...file.columns, [column]: changed } });
  }

  /** The file, with this workspace's own column as it stands at this moment. */
  async #now(): Promise<RunbookFile> {
    const text = await readIfThere(this.#path());
    const file = text === null ? EMPTY_RUNBOOK : parseRunbook(text);
    const mine = this.#mine();
    if (mine === null) return file;
    const column = runbookColumn(factsFor(this.#session.facts), file.columns[mine]);
    const now = { ...file, columns: { ...file.columns, [mine]: column } };
    if (JSON.stringify(now) !== JSON.stringify(file)) await this.#write(now);
    return now;
  }

  #write(file: RunbookFile): Promise<void> {
    return replacePrivate(this.#path(), `${JSON.stringify(file, null, 1)}\n`);
  }

  #path(): string {
    return join(this.#session.requireWorkspace().path, NAME);
  }

  #mine(): Column | null {
    const { badge } = this.#session.requireWorkspace().settings;
    return badge === 'unset' ? null : badge;
  }

  #requireMine(): Column {
    return (
      this.#mine() ??
      refused(
        'runbook/no-badge',
        'It is not said yet whether this target is staging or production.',
        'Say so at Fleet.',
      )
    );
  }
}

function factsFor(facts: Facts): RunbookFacts {
  const { checks, plan, rehearsal, applied, verified, probes } = facts;
  const milestones = new Map<Milestone, { reached: boolean; sentence: string }>();
  if (plan !== null) {
    const { insert, refresh } = plan.summary.counts;
    milestones.set('planned', { reached: true, sentence: `${insert + refresh} devices will be written.` });
  }
  if (rehearsal !== null)
    milestones.set('rehearsed', {
      reached: rehearsal.state === 'complete',
      sentence: `${rehearsal.counts.planned} devices rehearsed and rolled back.`,
    });
  if (applied !== null)
    milestones.set('applied', {
      reached: applied.state === 'complete' && applied.counts.left === 0,
      sentence: `${applied.counts.inserted + applied.counts.refreshed + applied.counts.unchanged + applied.counts.already} of ${applied.counts.planned} devices written.`,
    });
  if (verified !== null) {
    const wrong = verified.counts.differs + verified.counts.missing + verified.counts.extra;
    milestones.set('verified', {
      reached: wrong === 0,
      sentence: wrong === 0 ? `${verified.counts.devices} devices read back as derived.` : `${wrong} devices differ.`,
    });
  }
  if (probes !== null) {
    const failing = probes.results.filter(({ status }) => status === 'fail').length;
    milestones.set('probed', {
      reached: failing === 0,
      sentence: failing === 0 ? `Probed: ${probes.host} leads to Fleet.` : `${failing} probes fail.`,
    });
  }
  if (facts.reportedAt !== null) milestones.set('reported', { reached: true, sentence: 'The hand-over was written.' });
  const look = facts.watch?.look ?? null;
  if (look !== null) {
    const { size, migrated, attention } = look.counts;
    milestones.set('all-migrated', {
      reached: migrated === size && attention === 0,
      sentence: `${migrated} of ${size} devices are proven at Fleet; ${attention} need attention.`,
    });
  }
  return {
    checks: new Map((checks?.results ?? []).map(({ id, status, sentence }) => [id, { status, sentence }])),
    milestones,
  };
}
