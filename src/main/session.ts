/**
 * The open workspace and everything known about its migration: what the window's calls act on.
 *
 * It decides what may be started, hands the work to the engine's thread, keeps what comes back, and tells the window.
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SOURCE_SECRETS, secretOfSource } from '../contract/source-secrets';
import type { SourceWay } from '../contract/source-ways';
import type { AppState, Settings, StepName } from '../contract/state';
import { FailureError, refused, type Failure } from '../core/failure';
import { parseSource, printSource } from '../core/sources';
import { appFolders } from './app-folders';
import { Engine, type EngineCall } from './engine/engine';
import type { SourceAccess } from './engine/protocol';
import { traceOf } from './engine/trace';
import { checkRows, checksAreStale, NO_FACTS, planStaleness, type Facts } from './facts';
import { RunningJob, type JobNature } from './job';
import { rememberWorkspace } from './recent-workspaces';
import { SecretDrawer } from './secret-drawer';
import { hostOf, loginsOf, settingsWith, wayOfReference, withWay } from './source-ways';
import { StateFeed } from './state-feed';
import { stepOfJob, stepsOf } from './steps';
import { Workspace, type GivenSettings } from './workspace';

/** After a crash while the source was being restored it is not tried again by itself: that would go on for ever. */
const RESTORE_AGAIN_MS = 60_000;

export class Session {
  readonly engine: Engine;
  readonly secrets = new SecretDrawer();
  readonly #feed = new StateFeed((revision) => this.#state(revision));
  #workspace: Workspace | null = null;
  #facts: Facts = NO_FACTS;
  #job: RunningJob | null = null;
  /** Settled when the job under way is over, however it ended. */
  #working: Promise<void> = Promise.resolve();
  #restoredAt = 0;
  /** Called before the workspace is closed: what goes on in the background ends with it. */
  onClose: (() => void) | null = null;

  constructor(engine = new Engine()) {
    this.engine = engine;
    engine.onCrash = () => {
      this.#restoreAfterCrash();
    };
  }

  state(): AppState {
    return this.#feed.now();
  }

  get facts(): Facts {
    return this.#facts;
  }

  /** True while the target is being written to. */
  get isWriting(): boolean {
    return this.#job?.writes === true;
  }

  // ------------------------------------------------------------------------------------------------- the workspace

  async create(parent: string, name: string): Promise<void> {
    this.#requireQuiet();
    const workspace = await Workspace.create(parent, name);
    await this.#enter(workspace);
  }

  async open(path: string): Promise<void> {
    this.#requireQuiet();
    if (this.#workspace?.path === path) return;
    await this.#enter(await Workspace.open(path));
  }

  /** The bundled sample in a workspace that is made anew each time. */
  async openSample(): Promise<void> {
    this.#requireQuiet();
    const folder = appFolders.sample();
    if (this.#workspace !== null && this.#workspace.path.startsWith(folder)) await this.close();
    await rm(folder, { recursive: true, force: true });
    await this.#enter(await Workspace.create(folder, 'Sample migration'), false);
    await this.read(`micromdm:${appFolders.sampleSource()}`);
  }

  async close(): Promise<void> {
    this.#requireQuiet();
    this.onClose?.();
    this.#job?.control.cancel();
    await this.#working;
    const workspace = this.#workspace;
    this.#workspace = null;
    this.#facts = NO_FACTS;
    this.secrets.close();
    await workspace?.close();
    if (workspace !== null) await this.engine.call('forget', null).catch(() => undefined);
    this.#feed.changed();
  }

  async save(given: GivenSettings): Promise<void> {
    const workspace = this.requireWorkspace();
    const before = addressOf(workspace.settings);
    // Which host keys are trusted is only ever said in answer to one that was shown.
    const { hostKeys } = workspace.settings.source;
    await workspace.save(given.source === undefined ? given : { ...given, source: { ...given.source, hostKeys } });
    // What was said on connecting was said by another server then.
    this.learn(addressOf(workspace.settings) === before ? {} : { fleet: null });
  }

  /** Before the app ends: what writes is stopped between two transactions, and the lock given back. */
  async end(): Promise<void> {
    this.#job?.control.cancel();
    this.#job?.control.pause(false);
    await this.#working;
    await this.close();
    await this.engine.stop();
  }

  async #enter(workspace: Workspace, remember = true): Promise<void> {
    try {
      if (this.#workspace !== null) await this.close();
      await this.secrets.open(workspace.id);
    } catch (error) {
      await workspace.close();
      throw error;
    }
    this.#workspace = workspace;
    const { teamMap, rehearsal, applied, verified, undone, probes, reportedAt } = workspace.progress;
    this.learn({ ...NO_FACTS, teamMap, rehearsal, applied, verified, undone, probes, reportedAt });
    await this.countJournals();
    if (remember) await rememberWorkspace(workspace.name, workspace.path);
    this.#takeUp(workspace);
  }

  /** Reads again what an earlier session had before it: the private copy, and the plan. */
  #takeUp(workspace: Workspace): void {
    const { copy, plan } = workspace.progress;
    if (copy === null && plan === null) return;
    this.start(
      { kind: 'read', label: 'taking up where you left off', canPause: false, canCancel: true },
      async (call) => {
        try {
          if (copy !== null) await this.#readInto(copy.reference, { path: copy.path, sha256: copy.sha256 }, call);
        } finally {
          // Also without its copy a plan can be looked at.
          if (plan !== null) await this.#takeUpPlan(join(workspace.folder('plans'), plan), call);
        }
      },
    );
  }

  /** A plan that cannot be opened any more is told about at its own step; the source is read all the same. */
  async #takeUpPlan(path: string, call: EngineCall): Promise<void> {
    try {
      this.learn({ plan: await this.engine.call('openPlan', { path }, call) });
    } catch (error) {
      this.#failed('plan', error);
    }
  }

  // --------------------------------------------------------------------------------------------------- the source

  async read(text: string): Promise<void> {
    const workspace = this.requireWorkspace();
    this.#requireQuiet();
    const reference = printSource(parseSource(text));
    const before = workspace.settings.source;
    if (reference === before.reference) return this.#readSettings(before);
    const way = wayOfReference(reference, before);
    const source = { ...before, reference, ways: way === null ? [] : [way], salvage: false };
    return this.#readSettings(source);
  }

  /** Reads a source as it was typed: alone, or with the others that are there. */
  async use(way: SourceWay, alone: boolean): Promise<void> {
    const before = this.requireWorkspace().settings.source;
    this.#requireQuiet();
    const known = alone ? [] : before.ways;
    const source = settingsWith(before, withWay(known, way));
    for (const { slot } of before.ways) if (!source.ways.some((one) => one.slot === slot)) await this.#forget(slot);
    return this.#readSettings(source);
  }

  /** Lets one of several sources go, and reads the others. */
  async drop(slot: number): Promise<void> {
    const before = this.requireWorkspace().settings.source;
    this.#requireQuiet();
    const ways = before.ways.filter((way) => way.slot !== slot);
    if (ways.length === before.ways.length || ways.length === 0)
      refused('source/only-one', 'There is no other source to go on with.', 'Read another one instead.');
    await this.#forget(slot);
    return this.#readSettings(settingsWith(before, ways));
  }

  /** Trusts a host key: only the one that was shown just now, so that nothing but the operator's eyes decides. */
  async trustHost(host: string, fingerprint: string): Promise<void> {
    const before = this.requireWorkspace().settings.source;
    const shown = this.#facts.failures.source;
    const detail = shown?.code === 'ssh/host-unknown' ? shown.detail : undefined;
    const name = host.toLowerCase();
    const isOurs = before.ways.some((way) => hostOf(way) === name);
    if (detail?.['host'] !== host || detail['fingerprint'] !== fingerprint || !isOurs)
      refused('ssh/other-key', 'That is not the key the server has just shown.', 'Read again, and compare once more.');
    return this.#readSettings({ ...before, hostKeys: { ...before.hostKeys, [name]: fingerprint } });
  }

  /** Forgets a host key that was trusted here: the next one that is shown has to be compared again. */
  async forgetHost(host: string): Promise<void> {
    const workspace = this.requireWorkspace();
    const { source } = workspace.settings;
    const hostKeys = Object.fromEntries(Object.entries(source.hostKeys).filter(([name]) => name !== host));
    await workspace.save({ source: { ...source, hostKeys } });
    this.learn({});
  }

  async #readSettings(source: Settings['source']): Promise<void> {
    const workspace = this.requireWorkspace();
    this.requireIdle();
    await workspace.save({ source });
    const { reference } = source;
    this.start({ kind: 'read', label: 'reading the source', canPause: false, canCancel: true }, (call) =>
      this.#readInto(reference, null, call),
    );
  }

  /** Secrets of a source that is let go. */
  async #forget(slot: number): Promise<void> {
    for (const secret of SOURCE_SECRETS) await this.secrets.forget(secretOfSource(secret, slot));
  }

  async #readInto(reference: string, copy: SourceAccess['copy'], call: EngineCall): Promise<void> {
    const workspace = this.requireWorkspace();
    const read = await this.engine.call('read', { ...this.sourceAccess(reference), copy }, call);
    await workspace.advance({ copy: { reference, ...read.copy } });
    // Both were about the reading before.
    this.learn({ source: read.summary, controls: null, agent: null });
    // Reading lets go of the plan on the bench; it is still the workspace's.
    const { plan } = this.#facts;
    if (plan !== null) await this.#takeUpPlan(plan.summary.path, call);
    await this.#dropOldCopies(workspace);
  }

  /** A live source gives a new copy with each reading: those that neither reading nor plan needs are not kept. */
  async #dropOldCopies(workspace: Workspace): Promise<void> {
    const { copy, plan } = workspace.progress;
    // Which copy an older plan was made from only its file tells; with a plan they are all kept.
    if (copy === null || plan !== null) return;
    const folder = appFolders.copiesOf(workspace.id);
    for (const name of await readdir(folder).catch(() => [] as string[])) {
      if (join(folder, name) !== copy.path) await rm(join(folder, name), { force: true });
    }
  }

  sourceAccess(reference: string): SourceAccess {
    const workspace = this.requireWorkspace();
    const { source } = workspace.settings;
    return {
      reference,
      copies: appFolders.copiesOf(workspace.id),
      copy: null,
      ...loginsOf(source, this.secrets),
      salvage: source.salvage,
      sample: reference === `micromdm:${appFolders.sampleSource()}`,
    };
  }

  // ---------------------------------------------------------------------------------------------------- jobs

  /** Starts long work and returns at once; how it goes shows in the state. */
  start(nature: JobNature, work: (call: EngineCall) => Promise<void>): void {
    this.requireIdle();
    const job = new RunningJob(nature);
    const step = stepOfJob(nature.kind);
    this.#job = job;
    this.learn({ failures: without(this.#facts.failures, step) });
    const call: EngineCall = {
      control: job.control,
      onProgress: (progress) => {
        job.advance(progress);
        this.#feed.changed();
      },
    };
    this.#working = this.#run(job, step, () => work(call));
  }

  /** Starts long work and waits for it: for calls whose answer is the work's own. A failure is the caller's as well. */
  finish<T>(nature: JobNature, work: (call: EngineCall) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.start(nature, async (call) => {
        try {
          resolve(await work(call));
        } catch (error) {
          reject(error instanceof Error ? error : new Error('not an Error'));
          throw error;
        }
      });
    });
  }

  pause(paused: boolean): void {
    const job = this.#requireJob();
    if (!job.canPause) refused('job/cannot-pause', 'This cannot be paused.', 'Stop it instead, or let it finish.');
    job.pause(paused);
    this.#feed.changed();
  }

  cancel(): void {
    const job = this.#requireJob();
    if (!job.canCancel) refused('job/cannot-cancel', 'This cannot be stopped.', 'It ends by itself in a moment.');
    job.control.cancel();
    this.#feed.changed();
  }

  #requireJob(): RunningJob {
    return this.#job ?? refused('job/none', 'Nothing is under way.', 'Nothing needs to be done.');
  }

  async #run(job: RunningJob, step: StepName, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#failed(step, error);
    } finally {
      if (this.#job === job) this.#job = null;
      this.#feed.changed();
    }
  }

  #failed(step: StepName, error: unknown): void {
    if (!(error instanceof FailureError)) {
      console.error(`Defect in a job of ${step}:`, traceOf(error));
    }
    const { code, message, remedy, detail }: Failure = error instanceof FailureError ? error.failure : DEFECT;
    if (code === 'job/cancelled') return;
    const shown = { code, message, remedy, ...(detail === undefined ? {} : { detail: { ...detail } }) };
    this.learn({ failures: { ...this.#facts.failures, [step]: shown } });
  }

  #restoreAfterCrash(): void {
    const copy = this.#workspace?.progress.copy ?? null;
    if (copy === null || this.#facts.source === null || Date.now() - this.#restoredAt < RESTORE_AGAIN_MS) return;
    this.#restoredAt = Date.now();
    // The job that died with the thread ends first; then the source is read again from its copy.
    void this.#working.then(() => {
      if (this.#workspace === null || this.#job !== null) return;
      this.#takeUp(this.#workspace);
    });
  }

  // --------------------------------------------------------------------------------------------------- small parts

  /** Files outside the workspace that may be shown in the file manager: they were written for the operator just now. */
  readonly #revealable = new Set<string>();

  reveal(path: string): void {
    this.#revealable.add(path);
  }

  mayReveal(path: string): boolean {
    return this.#revealable.has(path);
  }

  async countJournals(): Promise<void> {
    const workspace = this.#workspace;
    if (workspace === null) return;
    const names = await readdir(workspace.folder('journals')).catch(() => [] as string[]);
    this.learn({ journals: names.filter((name) => /\.(journal|assets|waves|commands)\.jsonl$/.test(name)).length });
  }

  requireWorkspace(): Workspace {
    return (
      this.#workspace ??
      refused('workspace/none', 'No workspace is open.', 'Create or open a workspace, or open the sample migration.')
    );
  }

  /** Refuses while anything is under way. */
  requireIdle(): void {
    if (this.#job !== null) {
      refused('job/running', `Slipway is busy: ${this.#job.summary().label}.`, 'Wait until it is done, or stop it.');
    }
  }

  /** Refuses while the target is being written to: that must not lose its workspace under it. */
  #requireQuiet(): void {
    if (this.#job?.writes === true) {
      refused('job/running', 'Slipway is writing to Fleet.', 'Wait until it is done, or stop it first.');
    }
  }

  /** Takes in what became known, and tells the window. */
  learn(given: Partial<Facts>): void {
    const workspace = this.#workspace;
    this.#facts = {
      ...this.#facts,
      ...given,
      workspace:
        workspace === null ? null : { name: workspace.name, path: workspace.path, settings: workspace.settings },
    };
    this.#feed.changed();
  }

  #state(revision: number): AppState {
    const facts: Facts = { ...this.#facts, job: this.#job?.summary() ?? null };
    const { checks, plan } = facts;
    return {
      revision,
      workspace: facts.workspace,
      steps: stepsOf(facts),
      secrets: this.secrets.summary(),
      source: facts.source,
      fleet: facts.fleet,
      checks: checks === null ? null : { at: checks.at, results: checkRows(facts), stale: checksAreStale(facts) },
      plan: plan === null ? null : { ...plan.summary, stale: planStaleness(facts) },
      rehearsal: facts.rehearsal,
      applied: facts.applied,
      verified: facts.verified,
      undone: facts.undone,
      probes: facts.probes,
      reportedAt: facts.reportedAt,
      waves: facts.waves,
      controlsAt: facts.controls?.at ?? null,
      agentAt: facts.agent?.at ?? null,
      watch: facts.watch,
      job: facts.job,
      failures: { ...facts.failures },
    };
  }
}

const DEFECT: Failure = {
  kind: 'finding',
  code: 'job/defect',
  message: 'Something went wrong inside Slipway.',
  remedy: 'This is a defect in Slipway; please report it with its code.',
};

/** Where and how Fleet's database is reached, as one text to compare. */
function addressOf({ fleet }: Settings): string {
  const { host, port, user, database, tls, caFile } = fleet;
  return JSON.stringify([host, port, user, database, tls, caFile]);
}

function without(failures: Facts['failures'], step: StepName): Facts['failures'] {
  return Object.fromEntries(Object.entries(failures).filter(([name]) => name !== step));
}
