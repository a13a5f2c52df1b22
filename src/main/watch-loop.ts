/**
 * Watching devices, on main's side: when Fleet is asked, and what the window is told of it. A background activity: it is
 * no job, and holds none up. It runs only once the operator turned it on, and ends with the workspace.
 */
import { join } from 'node:path';
import type { WatchLook, WatchSummary } from '../contract/watch';
import { wavesJournalOf } from '../core/cutover/ladder';
import { FailureError, refused } from '../core/failure';
import type { EngineInput, FleetAccess } from './engine/protocol';
import { traceOf } from './engine/trace';
import type { Runbook } from './runbook';
import type { Session } from './session';

/** Notices that are kept. */
const NOTICES = 20;
/** After a failure of the engine itself it is tried again after this, twice as long each time. */
const AFTER_FAILURE = 10_000;
const LONGEST = 10 * 60_000;

/** Failures by which it ends: asking again would not help. */
const ENDING = new Set(['watch/sample', 'watch/nothing-to-ask', 'workspace/none']);

const OFF: WatchSummary = {
  on: false,
  asking: false,
  nextAt: null,
  failed: 0,
  failure: null,
  look: null,
  lookedAt: null,
  notices: [],
};

export class WatchLoop {
  readonly #session: Session;
  readonly #runbook: Runbook;
  #summary: WatchSummary = OFF;
  #timer: NodeJS.Timeout | null = null;
  /** Raised when it is started or stopped: what is under way then belongs to nobody. */
  #turn = 0;
  #asked = '';
  #noticeId = 0;

  constructor(session: Session, runbook: Runbook) {
    this.#session = session;
    this.#runbook = runbook;
    session.onClose = () => {
      this.#end();
      this.#summary = OFF;
    };
  }

  /** Begins to ask. Throws when there is nothing to ask or nobody to ask about. */
  start(): void {
    if (this.#summary.on) return;
    const { facts } = this.#session;
    if (facts.source === null) {
      refused('source/not-read', 'No source has been read yet.', 'Read the old server’s database first.');
    }
    if (facts.source.sample) {
      refused('watch/sample', 'The sample has no Fleet to be watched.', 'Watch the devices of a real migration.');
    }
    const input = this.#input(true);
    if (input.fleet === null && (input.url === null || input.token === null)) {
      refused(
        'watch/nothing-to-ask',
        'Nothing says whom to ask about the devices.',
        'Name Fleet’s database at Fleet, or Fleet’s own address with an API token.',
      );
    }
    this.#asked = whomOf(input);
    this.#tell({ on: true, failed: 0, failure: null });
    this.#ask(true);
  }

  /** Stops asking, and says goodbye to Fleet. What is known stays. */
  async stop(): Promise<void> {
    this.#end();
    if (this.#session.facts.watch !== null) this.#tell({ on: false, asking: false, nextAt: null });
    await this.#session.engine.call('stopWatching', null);
  }

  /** Asks at once, everything. */
  now(): void {
    if (!this.#summary.on) this.start();
    else if (!this.#summary.asking) {
      if (this.#timer !== null) clearTimeout(this.#timer);
      this.#ask(true);
    }
  }

  /** Where the record of the progress lies. */
  seriesPath(): string {
    return join(this.#session.requireWorkspace().path, 'watch.jsonl');
  }

  /** Fleet's database, which alone can be examined. */
  requireFleet(): FleetAccess {
    return (
      this.#runbook.fleetAccess() ??
      refused('fleet/not-named', 'Fleet’s database is not named.', 'Say at Fleet where its database is.')
    );
  }

  #end(): void {
    this.#turn += 1;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #ask(full: boolean): void {
    this.#end();
    const turn = this.#turn;
    this.#tell({ asking: true, nextAt: null });
    void this.#look(full).then(
      (look) => {
        if (turn === this.#turn) this.#take(look);
      },
      (error: unknown) => {
        if (turn === this.#turn) this.#failed(error);
      },
    );
  }

  async #look(full: boolean): Promise<WatchLook> {
    const input = this.#input(full);
    if (whomOf(input) !== this.#asked) {
      refused(
        'watch/another-fleet',
        'Another Fleet is named now than the one that was watched.',
        'Begin to watch again.',
      );
    }
    return this.#session.engine.call('poll', input);
  }

  #take(look: WatchLook): void {
    const [failure] = look.failures;
    const answered = look.database || look.api;
    const notices = [...this.#summary.notices];
    const notice = (sentence: string): void => {
      notices.push({ id: ++this.#noticeId, at: Date.now(), sentence });
    };
    for (const name of look.wavesDone) {
      const size = look.waves.find((wave) => wave.name === name)?.size ?? 0;
      notice(`The wave ${name} is done: Fleet has heard from all ${size} devices of it.`);
    }
    const { imported, migrated } = look.counts;
    const before = this.#summary.look?.counts;
    if (before !== undefined && before.migrated < before.imported && imported > 0 && migrated === imported) {
      notice(`Every imported device is with Fleet: ${imported} of ${imported}.`);
    }
    this.#tell({
      asking: false,
      failed: failure === undefined ? 0 : this.#summary.failed + 1,
      failure: failure ?? null,
      // What a look gave that reached nobody is what was known before.
      ...(answered ? { look, lookedAt: Date.now() } : {}),
      notices: notices.slice(-NOTICES),
    });
    this.#wait(look.pause);
  }

  #failed(error: unknown): void {
    if (!(error instanceof FailureError)) console.error('Defect while watching:', traceOf(error));
    const { code, message, remedy } = error instanceof FailureError ? error.failure : DEFECT;
    const failed = this.#summary.failed + 1;
    if (ENDING.has(code) || code === 'watch/another-fleet' || code === DEFECT.code) {
      this.#end();
      this.#tell({ on: false, asking: false, nextAt: null, failed, failure: { code, message, remedy } });
      return;
    }
    this.#tell({ asking: false, failed, failure: { code, message, remedy } });
    this.#wait(Math.min(LONGEST, AFTER_FAILURE * 2 ** Math.min(failed, 10)));
  }

  #wait(milliseconds: number): void {
    this.#tell({ nextAt: Date.now() + milliseconds });
    this.#timer = setTimeout(() => {
      this.#ask(false);
    }, milliseconds);
    this.#timer.unref();
  }

  #input(full: boolean): EngineInput<'poll'> {
    const workspace = this.#session.requireWorkspace();
    const { fleet, watch } = workspace.settings;
    const { secrets } = this.#session;
    return {
      fleet: this.#runbook.fleetAccess(),
      url: fleet.url === '' ? null : fleet.url,
      urlCaFile: fleet.urlCaFile === '' ? null : fleet.urlCaFile,
      token: secrets.get('fleet-token'),
      privateKey: secrets.get('server-private-key'),
      full,
      ...watch,
      journals: workspace.folder('journals'),
      waves: wavesJournalOf(join(workspace.path, 'ladder.json')),
      series: this.seriesPath(),
    };
  }

  #tell(part: Partial<WatchSummary>): void {
    this.#summary = { ...this.#summary, ...part };
    this.#session.learn({ watch: this.#summary });
  }
}

const DEFECT = {
  code: 'watch/defect',
  message: 'Something went wrong inside Slipway while devices were watched.',
  remedy: 'This is a defect in Slipway; please report it with its code.',
};

/** Whom it asks, as text to compare. No secret: a password that was typed again is no other Fleet. */
function whomOf({ fleet, url }: EngineInput<'poll'>): string {
  if (fleet === null) return `api ${url ?? ''}`;
  return fleet.kind === 'sample' ? 'sample' : JSON.stringify([fleet.host, fleet.port, fleet.user, fleet.database]);
}
