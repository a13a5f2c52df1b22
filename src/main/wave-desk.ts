/** Waves, as the window asks for them: what must hold before, what is started, what is known afterwards. */
import { app } from 'electron';
import type { CallInput, CallOutput } from '../contract/calls';
import type { HaproxyDraft, WavesSummary } from '../contract/waves';
import { FailureError, refused } from '../core/failure';
import { whyChecksHold, whyNotWave } from './confirmation';
import type { EngineCall } from './engine/engine';
import type { FleetAccess } from './engine/protocol';
import { fleetNamed } from './facts';
import type { Runbook } from './runbook';
import type { Session } from './session';

export class WaveDesk {
  readonly #session: Session;
  readonly #runbook: Runbook;

  constructor(session: Session, runbook: Runbook) {
    this.#session = session;
    this.#runbook = runbook;
  }

  /** Reads ladder and journal, and asks what leads devices. */
  async look(): Promise<void> {
    const workspace = this.#session.requireWorkspace();
    const access = this.#runbook.waveAccess();
    const ladder = await this.#session.engine.call('wavesView', access);
    const routes = ladder === null ? null : await this.#session.engine.call('waveRoutes', access);
    if (this.#session.requireWorkspace() === workspace) this.#learn({ ladder, routes });
  }

  async save({ draft, certificatesFirst }: CallInput<'waves.saveLadder'>): Promise<void> {
    const { settings } = this.#session.requireWorkspace();
    this.#session.requireIdle();
    const input = { access: this.#runbook.waveAccess(), draft, certificatesFirst, source: settings.source.reference };
    const ladder = await this.#session.engine.call('saveLadder', input);
    this.#learn({ ladder, preview: null });
    await this.look();
  }

  prepare(rung: string | null): void {
    const { settings } = this.#session.requireWorkspace();
    const input = {
      access: this.#runbook.waveAccess(),
      source: this.#session.sourceAccess(settings.source.reference),
      fleet: this.#requireFleet(),
      rung,
      accepted: settings.accepted,
      reason: settings.reason === '' ? null : settings.reason,
      teamMap: settings.planning.teamMap === '' ? null : settings.planning.teamMap,
    };
    this.#learn({ preview: null });
    this.#session.start(
      { kind: 'wave', label: 'reading the source again', canPause: false, canCancel: true },
      async (call) => {
        const preview = await this.#session.engine.call('prepareWave', input, call);
        this.#learn({ preview });
        await this.look();
      },
    );
  }

  leave(): void {
    this.#learn({ preview: null });
  }

  move({ rung, planId, confirmation, copied }: CallInput<'waves.move'>): void {
    const { facts } = this.#session;
    orThrow(whyNotWave(facts, rung, { typed: confirmation }));
    const { preview } = facts.waves;
    if (preview?.planId !== planId || preview.rung !== rung)
      refused('wave/preview-gone', 'That is not the wave that was looked at.', 'Look at the wave again.');
    const workspace = this.#session.requireWorkspace();
    const { settings } = workspace;
    const input = {
      access: this.#runbook.waveAccess(copied),
      source: this.#session.sourceAccess(settings.source.reference),
      check: this.#runbook.waveChecks(),
      planId,
      reason: settings.reason === '' ? null : settings.reason,
      tool: `slipway ${app.getVersion()}`,
    };
    this.#session.start({ kind: 'move', label: `moving «${rung}»`, canPause: false, canCancel: true }, async (call) => {
      try {
        const { checks, moved } = await this.#session.engine.call('moveWave', input, call);
        const basis = { readAt: this.#session.facts.source?.readAt ?? null, fleet: fleetNamed(settings) };
        this.#session.learn({ checks: { at: Date.now(), results: checks, basis } });
        if (moved === null) {
          orThrow(whyChecksHold(this.#session.facts));
          refused(
            'apply/checks-failed',
            'A check that was run just before holds the wave up. Nothing was changed.',
            'Look at the checks.',
          );
        }
        this.#learn({ last: moved, preview: null });
      } finally {
        await this.look().catch(() => undefined);
        await this.#session.countJournals();
      }
    });
  }

  prepareBack({ rung, strand }: CallInput<'waves.prepareBack'>): Promise<CallOutput<'waves.prepareBack'>> {
    const { settings } = this.#session.requireWorkspace();
    const input = {
      access: this.#runbook.waveAccess(),
      source: this.#session.sourceAccess(settings.source.reference),
      fleet: this.#requireFleet(),
      rung,
      strand,
    };
    return this.#session.finish(
      { kind: 'wave', label: 'looking at the way back', canPause: false, canCancel: true },
      (call) => this.#session.engine.call('prepareBack', input, call),
    );
  }

  async back({ rung, confirmation, copied }: CallInput<'waves.back'>): Promise<CallOutput<'waves.back'>> {
    orThrow(whyNotWave(this.#session.facts, rung, { typed: confirmation }));
    const { reason } = this.#session.requireWorkspace().settings;
    const access = this.#runbook.waveAccess(copied);
    return this.#changing(`leading «${rung}» back`, (call) =>
      this.#session.engine.call('goBack', { access, rung, reason: reason === '' ? null : reason }, call),
    );
  }

  async set({ confirmation, copied }: CallInput<'waves.set'>): Promise<CallOutput<'waves.set'>> {
    orThrow(whyNotWave(this.#session.facts, 'set', { typed: confirmation }));
    const access = this.#runbook.waveAccess(copied);
    return this.#changing('setting the routes again', (call) => this.#session.engine.call('setRoutes', access, call));
  }

  async wake({ rung, confirmation }: CallInput<'waves.wake'>): Promise<CallOutput<'waves.wake'>> {
    orThrow(whyNotWave(this.#session.facts, rung, { typed: confirmation }));
    const input = { access: this.#runbook.waveAccess(), fleet: this.#requireFleet(), rung };
    return this.#changing(`waking «${rung}»`, (call) => this.#session.engine.call('wakeWave', input, call));
  }

  config(draft: HaproxyDraft, path: string | null): Promise<CallOutput<'waves.config'>> {
    const { typed, fleetUrl } = this.#runbook.cutoverAccess();
    return this.#session.engine.call('saveWaveConfig', { path, typed, fleetUrl, draft });
  }

  async #changing<T>(label: string, work: (call: EngineCall) => Promise<T>): Promise<T> {
    try {
      return await this.#session.finish({ kind: 'move', label, canPause: false, canCancel: false }, work);
    } finally {
      this.#learn({ preview: null });
      await this.look().catch(() => undefined);
      await this.#session.countJournals();
    }
  }

  #requireFleet(): FleetAccess {
    return (
      this.#runbook.fleetAccess() ??
      refused('fleet/not-named', 'No Fleet is named.', 'Say where Fleet’s database is, then connect.')
    );
  }

  #learn(part: Partial<WavesSummary>): void {
    this.#session.learn({ waves: { ...this.#session.facts.waves, ...part } });
  }
}

function orThrow(refusal: ReturnType<typeof whyNotWave>): void {
  if (refusal !== null) throw new FailureError({ ...refusal, kind: 'finding' });
}
