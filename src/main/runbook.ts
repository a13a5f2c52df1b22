/**
 * The steps of a migration as they may be taken: what each needs, what it starts, what is known afterwards.
 *
 * The session says what is known and runs one job at a time; this says which job comes of which wish.
 */
import { realpathSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { app } from 'electron';
import type { CallInput, CallOutput } from '../contract/calls';
import type { CutoverSettings, ProbeRound } from '../contract/cutover';
import type { FailureShown, Settings } from '../contract/state';
import { FailureError, misused, refused } from '../core/failure';
import { refuseExisting } from '../core/private-file';
import { whyNotApply, whyNotUndo } from './confirmation';
import type { CheckAccess, CutoverAccess, FleetAccess, WaveAccess } from './engine/protocol';
import { fleetNamed, isAnswered } from './facts';
import type { Session } from './session';

export class Runbook {
  readonly #session: Session;
  /** Journals outside the workspace that the operator chose with the system's dialog. */
  readonly #chosenJournals = new Set<string>();
  readonly #chosenTeamMaps = new Set<string>();

  constructor(session: Session) {
    this.#session = session;
  }

  // ------------------------------------------------------------------------------------------------------- fleet

  connect(): void {
    const fleet = this.#requireFleet();
    this.#session.start(
      { kind: 'connect', label: 'connecting to Fleet', canPause: false, canCancel: false },
      async (call) => {
        this.#session.learn({ fleet: null });
        this.#session.learn({ fleet: await this.#session.engine.call('connect', { fleet }, call) });
      },
    );
  }

  async disconnect(): Promise<void> {
    await this.#session.engine.call('disconnect', null);
    this.#session.learn({ fleet: null });
  }

  /** How Fleet is reached as the settings say; null when they name none, and for the sample its pretend Fleet. */
  fleetAccess(): FleetAccess | null {
    const { settings } = this.#session.requireWorkspace();
    const { host, port, user, database, tls, caFile, plaintextConfirmed } = settings.fleet;
    if (host === '') return this.#session.facts.source?.sample === true ? { kind: 'sample' } : null;
    const password = this.#session.secrets.get('fleet-password');
    return { kind: 'mysql', host, port, user, database, password, tls, caFile: orNull(caFile), plaintextConfirmed };
  }

  // ------------------------------------------------------------------------------------------------------ checks

  runChecks(): void {
    this.#requireSource();
    const access = this.#checkAccess();
    const basis = { readAt: this.#session.facts.source?.readAt ?? null, fleet: this.#fleetKey() };
    this.#session.start(
      { kind: 'check', label: 'running the checks', canPause: false, canCancel: true },
      async (call) => {
        const results = await this.#session.engine.call('check', access, call);
        this.#session.learn({ checks: { at: Date.now(), results, basis } });
      },
    );
  }

  async acknowledge({ id, by, note }: CallInput<'checks.acknowledge'>): Promise<void> {
    const workspace = this.#session.requireWorkspace();
    const result = this.#session.facts.checks?.results.find((one) => one.id === id);
    if (result === undefined) misused('checks/unknown', 'There is no such check.', 'Run the checks first.');
    if (by.trim() === '') misused('checks/no-name', 'An acknowledgement needs a name.', 'Write who acknowledges it.');
    if (result.status === 'fail' && !result.overridable && !isAnswered(result)) {
      refused('checks/not-acceptable', `${result.title} cannot be accepted: ${result.sentence}`, result.remedy);
    }
    const { accepted, answers } = workspace.settings;
    const code = result.status === 'fail' && result.overridable && !isAnswered(result) ? [result.code] : [];
    await this.#session.save({
      answers: { ...answers, [id]: { by: by.trim(), note } },
      accepted: [...new Set([...accepted, ...code])],
    });
  }

  async withdraw({ id }: CallInput<'checks.withdraw'>): Promise<void> {
    const { accepted, answers } = this.#session.requireWorkspace().settings;
    const result = this.#session.facts.checks?.results.find((one) => one.id === id);
    await this.#session.save({
      answers: Object.fromEntries(Object.entries(answers).filter(([name]) => name !== id)),
      accepted: accepted.filter((code) => code !== id && code !== result?.code),
    });
  }

  #checkAccess(): CheckAccess {
    const { settings } = this.#session.requireWorkspace();
    const { secrets } = this.#session;
    return {
      fleet: this.fleetAccess(),
      url: orNull(settings.fleet.url),
      urlCaFile: orNull(settings.fleet.urlCaFile),
      token: secrets.get('fleet-token'),
      privateKey: secrets.get('server-private-key'),
      staging: settings.badge === 'staging',
      answers: settings.answers,
      accepted: settings.accepted,
    };
  }

  #fleetKey(): string {
    return fleetNamed(this.#session.facts.workspace?.settings ?? null);
  }

  // ------------------------------------------------------------------------------------------------------ cutover

  cutoverAccess(): CutoverAccess {
    const { settings } = this.#session.requireWorkspace();
    return {
      typed: settings.cutover,
      fleetUrl: orNull(settings.fleet.url),
      fleetCaFile: orNull(settings.fleet.urlCaFile),
    };
  }

  saveCutover(part: Partial<CutoverSettings>): Promise<void> {
    const { cutover } = this.#session.requireWorkspace().settings;
    return this.#session.save({ cutover: { ...cutover, ...part } });
  }

  /** A file is read only when the operator chose it with the system's dialog: the window cannot name one. */
  requireChosenProfile(path: string | undefined): void {
    const { settings } = this.#session.requireWorkspace();
    if (path !== undefined && path !== settings.cutover.profile)
      refused('cutover/profile-not-chosen', 'That profile was not chosen here.', 'Choose the file with the dialog.');
  }

  /** Asks the network. What was seen is kept with the workspace: report and runbook speak of it. */
  async probe(): Promise<ProbeRound> {
    const workspace = this.#session.requireWorkspace();
    const probes = await this.#session.engine.call('probe', this.cutoverAccess());
    // It may have taken a while, and the operator may be elsewhere by now.
    if (this.#session.requireWorkspace() === workspace) {
      await workspace.advance({ probes });
      this.#session.learn({ probes });
    }
    return probes;
  }

  // ------------------------------------------------------------------------------------------------------- waves

  /** Where this workspace's ladder is, and what leading and waking devices needs. */
  waveAccess(copied: Readonly<Record<string, string>> = {}): WaveAccess {
    const workspace = this.#session.requireWorkspace();
    const { fleet, source, cutover } = workspace.settings;
    const { secrets } = this.#session;
    return {
      ladder: join(workspace.path, 'ladder.json'),
      journals: workspace.folder('journals'),
      plans: workspace.folder('plans'),
      proxyToken: secrets.get('proxy-token'),
      copied,
      wake: {
        fleetUrl: orNull(fleet.url),
        fleetCaFile: orNull(fleet.urlCaFile),
        token: secrets.get('fleet-token'),
        oldUrl: orNull(cutover.oldUrl),
        oldCaFile: orNull(source.caFile),
        apiKey: secrets.get('source-api-key'),
      },
    };
  }

  /** What the checks before a wave are given. */
  waveChecks(): CheckAccess & { readonly fleet: FleetAccess } {
    return { ...this.#checkAccess(), fleet: this.#requireFleet() };
  }

  // -------------------------------------------------------------------------------------------------------- plan

  makePlan(): void {
    this.#requireSource();
    const workspace = this.#session.requireWorkspace();
    const fleet = this.#requireFleet();
    const { accepted, reason, planning } = workspace.settings;
    const folder = workspace.folder('plans');
    const { teamMap } = planning;
    const steps = (['serials', 'queue'] as const).filter((step) => planning[step]);
    const input = { fleet, accepted, reason: orNull(reason), folder, steps, teamMap: orNull(teamMap) };
    this.#session.start({ kind: 'plan', label: 'planning', canPause: false, canCancel: true }, async (call) => {
      const plan = await this.#session.engine.call('plan', input, call);
      await workspace.advance({
        plan: `${plan.summary.id.slice(0, 16)}.json`,
        teamMap,
        rehearsal: null,
        applied: null,
        verified: null,
        undone: null,
      });
      this.#session.learn({ plan, teamMap, rehearsal: null, applied: null, verified: null, undone: null });
    });
  }

  /** Writes the plan's real SQL, and beside it the file that takes it back when that is asked for. */
  async saveSql(path: string, undo: boolean): Promise<{ path: string; devices: number }> {
    this.#requirePlan();
    this.#session.requireWorkspace();
    this.requireOutside(path, 'sql/inside-workspace', 'The SQL file holds secrets');
    const undoPath = undo ? path.replace(/(\.sql)?$/i, '-undo.sql') : null;
    // The dialog asked about the first of the two only.
    if (undoPath !== null) refuseExisting(undoPath);
    const saved = await this.#session.finish(
      { kind: 'save', label: 'writing SQL', canPause: false, canCancel: true },
      (call) => this.#session.engine.call('saveSql', { path, undoPath }, call),
    );
    this.#session.reveal(path);
    return { path, devices: saved.devices };
  }

  /** Refuses to put a secret into the open workspace's folder. `why` begins a sentence: `The SQL file holds secrets`. */
  requireOutside(path: string, code: string, why: string): void {
    const { workspace } = this.#session.facts;
    if (workspace === null || !isInside(path, workspace.path)) return;
    refused(code, `${why}, and the workspace is made to be handed over.`, 'Save it outside the workspace folder.');
  }

  /** Lets a team map be read: the operator chose it. */
  allowTeamMap(path: string): void {
    this.#chosenTeamMaps.add(path);
  }

  /** Refuses a team map the operator did not choose: what is wrong with a file is said in words of that file. */
  requireChosenTeamMap(path: string): void {
    const saved = this.#session.facts.workspace?.settings.planning.teamMap;
    if (path === '' || path === saved || this.#chosenTeamMaps.has(path)) return;
    refused('team-map/not-chosen', 'That team map was not chosen with the dialog.', 'Choose it at Plan.');
  }

  // ------------------------------------------------------------------------------------------------ apply and undo

  apply({ rehearse, confirmation }: CallInput<'apply.start'>): void {
    const { facts } = this.#session;
    orThrow(whyNotApply(facts, { typed: confirmation }));
    const workspace = this.#session.requireWorkspace();
    const fleet = this.#requireFleet();
    const plan = this.#requirePlan();
    const basis = { readAt: facts.source?.readAt ?? null, fleet: this.#fleetKey() };
    const input = {
      planPath: plan.summary.path,
      rehearse,
      source: this.#session.sourceAccess(workspace.settings.source.reference),
      check: { ...this.#checkAccess(), fleet },
      reason: orNull(workspace.settings.reason),
      journals: workspace.folder('journals'),
      tool: `slipway ${app.getVersion()}`,
    };
    const kind = rehearse ? ('rehearse' as const) : ('apply' as const);
    this.#session.start({ kind, label: 'reading the source again', canPause: true, canCancel: true }, async (call) => {
      const { checks, applied, verified } = await this.#session.engine.call('apply', input, call);
      this.#session.learn({ checks: { at: Date.now(), results: checks, basis } });
      if (applied === null) {
        orThrow(whyNotApply(this.#session.facts, { typed: confirmation }));
        // The engine refused and we would not have: say so rather than nothing.
        refused(
          'apply/checks-failed',
          'A check that was run just before writing holds apply up. Nothing was written.',
          'Look at the checks.',
        );
      }
      const learned = rehearse ? { rehearsal: applied } : { applied, verified, undone: null };
      await workspace.advance(learned);
      this.#session.learn(learned);
      await this.#session.countJournals();
    });
  }

  verify(): void {
    const workspace = this.#session.requireWorkspace();
    const input = {
      planPath: this.#requirePlan().summary.path,
      fleet: this.#requireFleet(),
      accepted: workspace.settings.accepted,
    };
    this.#session.start({ kind: 'verify', label: 'verifying', canPause: false, canCancel: true }, async (call) => {
      const verified = await this.#session.engine.call('verify', input, call);
      await workspace.advance({ verified });
      this.#session.learn({ verified });
    });
  }

  undo({ journal, rehearse, confirmation }: CallInput<'undo.start'>): void {
    orThrow(whyNotUndo(this.#session.facts, { typed: confirmation }));
    const workspace = this.#session.requireWorkspace();
    const path = this.requireJournal(journal);
    const fleet = this.#requireFleet();
    const waves = this.waveAccess();
    const input = { journal: path, rehearse, fleet, reason: orNull(workspace.settings.reason), waves };
    const label = rehearse ? 'rehearsing to take back' : 'taking back';
    this.#session.start({ kind: 'undo', label, canPause: false, canCancel: true }, async (call) => {
      const undone = await this.#session.engine.call('undo', input, call);
      await workspace.advance({ undone });
      this.#session.learn({ undone });
      await this.#session.countJournals();
    });
  }

  // ------------------------------------------------------------------------------------- Fleet's keys and certificates

  planAssets(choice: CallInput<'assets.plan'>): Promise<CallOutput<'assets.plan'>> {
    const input = { ...this.#assetsAccess(), choice };
    return this.#session.finish(
      { kind: 'assets', label: 'looking at Fleet’s certificates', canPause: false, canCancel: false },
      (call) => this.#session.engine.call('planAssets', input, call),
    );
  }

  async applyAssets({
    choice,
    upload,
    rehearse,
    confirmation,
    planId,
  }: CallInput<'assets.apply'>): Promise<CallOutput<'assets.apply'>> {
    orThrow(whyNotUndo(this.#session.facts, { typed: confirmation }));
    const workspace = this.#session.requireWorkspace();
    const { url, urlCaFile } = workspace.settings.fleet;
    const token = this.#session.secrets.get('fleet-token');
    const input = {
      ...this.#assetsAccess(),
      choice,
      upload: upload && !rehearse ? { url: orNull(url), caFile: orNull(urlCaFile), token } : null,
      planId,
      rehearse,
      reason: orNull(workspace.settings.reason),
      journals: workspace.folder('journals'),
      tool: `slipway ${app.getVersion()}`,
    };
    return this.#session.finish(
      { kind: 'assets', label: 'writing Fleet’s certificates', canPause: false, canCancel: false },
      async (call) => {
        try {
          return await this.#session.engine.call('applyAssets', input, call);
        } finally {
          await this.#session.countJournals();
        }
      },
    );
  }

  /** Writes the environment file for a fresh Fleet: it holds private keys. */
  async writeEnvironment(
    path: string,
    { choice, withKey }: CallInput<'assets.environment'>,
  ): Promise<{ readonly path: string }> {
    this.requireOutside(path, 'assets/inside-workspace', 'The environment file holds private keys');
    const privateKey = this.#session.secrets.get('server-private-key');
    // Only a Fleet somebody connected to is asked whether it would ignore the file.
    const fleet = this.#session.facts.fleet === null || privateKey === null ? null : this.fleetAccess();
    const input = { choice, path, fleet, privateKey, withKey };
    await this.#session.finish(
      { kind: 'keys', label: 'writing the environment file', canPause: false, canCancel: false },
      (call) => this.#session.engine.call('writeEnvironment', input, call),
    );
    this.#session.reveal(path);
    return { path };
  }

  async assetJournals(): Promise<string[]> {
    const folder = this.#session.requireWorkspace().folder('journals');
    const names = (await readdir(folder).catch(() => [] as string[])).filter(
      (name) => name.endsWith('.assets.jsonl') && !name.includes('.rehearsal.'),
    );
    const times = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).mtimeMs));
    return names
      .map((name, index) => ({ name, at: times[index] ?? 0 }))
      .sort((left, right) => right.at - left.at)
      .map(({ name }) => join(folder, name));
  }

  async undoAssets({ journal, rehearse, confirmation }: CallInput<'assets.undo'>): Promise<CallOutput<'assets.undo'>> {
    orThrow(whyNotUndo(this.#session.facts, { typed: confirmation }));
    const workspace = this.#session.requireWorkspace();
    const path = this.requireJournal(journal);
    const input = { fleet: this.#requireFleet(), journal: path, rehearse, reason: orNull(workspace.settings.reason) };
    return this.#session.finish(
      { kind: 'assets', label: 'taking Fleet’s certificates back', canPause: false, canCancel: false },
      (call) => this.#session.engine.call('undoAssets', input, call),
    );
  }

  #assetsAccess(): { fleet: FleetAccess; privateKey: string | null; accepted: readonly string[] } {
    const { accepted } = this.#session.requireWorkspace().settings;
    return { fleet: this.#requireFleet(), privateKey: this.#session.secrets.get('server-private-key'), accepted };
  }

  // ------------------------------------------------------------------------------------------------- silent renewal

  extendCa(given: CallInput<'ca.extend'>): Promise<CallOutput<'ca.extend'>> {
    this.#session.requireWorkspace();
    return this.#session.finish(
      { kind: 'keys', label: 'proving the extended CA', canPause: false, canCancel: true },
      (call) => this.#session.engine.call('extendCa', given, call),
    );
  }

  makeRenewal({
    serverUrl,
    challenge,
    allowOldChallenge,
  }: CallInput<'renewal.make'>): Promise<CallOutput<'renewal.make'>> {
    this.#session.requireWorkspace();
    const { secrets } = this.#session;
    const given = challenge === 'given' ? secrets.get('scep-challenge') : null;
    if (challenge === 'given' && given === null)
      refused('profile/no-challenge', 'The challenge was not given yet.', 'Type it, or choose the file that holds it.');
    const input = {
      fleet: this.fleetAccess(),
      privateKey: secrets.get('server-private-key'),
      challenge: given,
      serverUrl: serverUrl.trim(),
      allowOldChallenge,
    };
    return this.#session.finish(
      { kind: 'keys', label: 'making the profile', canPause: false, canCancel: false },
      (call) => this.#session.engine.call('makeRenewal', input, call),
    );
  }

  forecast(at: number | null): Promise<CallOutput<'renewal.forecast'>> {
    this.#requireSource();
    // Fleet is only asked once somebody has connected to it.
    const fleet = this.#session.facts.fleet === null ? null : this.fleetAccess();
    return this.#session.finish(
      { kind: 'keys', label: 'counting renewals', canPause: false, canCancel: false },
      (call) => this.#session.engine.call('forecastRenewals', { fleet, at }, call),
    );
  }

  // ----------------------------------------------------------------------------------------------------- journals

  /** Lets a journal be read that lies outside the workspace: the operator chose it. */
  allowJournal(path: string): void {
    this.#chosenJournals.add(resolve(path));
  }

  /** The path of a journal, when it is one of this workspace or was chosen by the operator. */
  requireJournal(path: string): string {
    const asked = resolve(path);
    const folder = this.#session.requireWorkspace().folder('journals');
    if (!isInside(asked, folder) && !this.#chosenJournals.has(asked)) {
      refused(
        'journal/elsewhere',
        'That is no journal of this workspace.',
        'Choose it with the dialog to open it from elsewhere.',
      );
    }
    return asked;
  }

  // --------------------------------------------------------------------------------------------------- small parts

  #requireFleet(): FleetAccess {
    return (
      this.fleetAccess() ??
      refused('fleet/not-named', 'No Fleet is named.', 'Say where Fleet’s database is, then connect.')
    );
  }

  #requireSource(): void {
    if (this.#session.facts.source === null) {
      refused('source/not-read', 'No source has been read yet.', 'Choose a source and read it first.');
    }
  }

  #requirePlan(): NonNullable<Session['facts']['plan']> {
    return this.#session.facts.plan ?? refused('plan/none', 'There is no plan yet.', 'Make a plan first.');
  }
}

function orThrow(refusal: FailureShown | null): void {
  if (refusal !== null) throw new FailureError({ ...refusal, kind: 'finding' });
}

function orNull(text: Settings['reason']): string | null {
  return text === '' ? null : text;
}

/** Whether a path lies in a folder, links followed as far as there is something to follow. */
export function isInside(path: string, folder: string): boolean {
  return `${real(path)}${sep}`.startsWith(`${real(folder)}${sep}`);
}

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(real(parent), path.slice(parent.length + (parent.endsWith(sep) ? 0 : 1)));
  }
}
