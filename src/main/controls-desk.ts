/** The steps Controls and Agent on main's side: what was chosen with dialogs, which secrets go along, what must be typed. */
import { basename } from 'node:path';
import { app } from 'electron';
import type { CallInput, CallOutput } from '../contract/calls';
import { refused } from '../core/failure';
import { readGiven } from '../core/given-file';
import type { SendAccess, SourceAccess } from './engine/protocol';
import type { Runbook } from './runbook';
import type { Session } from './session';

/** A list of 100,000 devices has 4 MB. */
const LIST_LIMIT = 64 * 1_048_576;

export class ControlsDesk {
  readonly #session: Session;
  readonly #runbook: Runbook;
  /** What was chosen, with the workspace it was chosen in. */
  #list: { readonly of: string; readonly text: string } | null = null;
  #secretFile: { readonly of: string; readonly path: string } | null = null;
  /** Host of what was looked at last, by its id: that is what must be typed. */
  readonly #places = new Map<string, string>();

  constructor(session: Session, runbook: Runbook) {
    this.#session = session;
    this.#runbook = runbook;
  }

  compare({ history }: CallInput<'controls.compare'>): void {
    const { team } = this.#session.requireWorkspace().settings.controls;
    const input = {
      fleet: this.#runbook.fleetAccess(),
      access: this.#access(),
      team,
      history,
      source: this.#sourceAccess(),
    };
    this.#session.start(
      { kind: 'controls', label: 'comparing profiles', canPause: false, canCancel: true },
      async (call) => {
        await this.#session.engine.call('compareControls', input, call);
        const view = await this.#session.engine.call('controlsView', null);
        if (view === null) return;
        const conflicts = view.conflicts.filter(({ severity }) => severity !== 'info').length;
        const leftBehind = view.counts['left-behind'];
        this.#session.learn({ controls: { at: view.at, conflicts, leftBehind } });
      },
    );
  }

  exportTo(folder: string): Promise<CallOutput<'controls.export'>> {
    const { team } = this.#session.requireWorkspace().settings.controls;
    return this.#session.engine.call('exportControls', { folder, team: team === '' ? null : team });
  }

  async prepare(given: CallInput<'controls.prepare'>): Promise<CallOutput<'controls.prepare'>> {
    this.#session.requireWorkspace();
    const shown = await this.#session.engine.call('prepareRemoval', {
      ...given,
      access: this.#access(),
      list: this.#chosenList(),
    });
    this.#places.set(shown.id, shown.place);
    return shown;
  }

  remove({ planId, confirmation, accepted }: CallInput<'controls.remove'>): Promise<CallOutput<'controls.remove'>> {
    this.#requireTyped(planId, confirmation);
    return this.#send('controls', 'sending removals', (common, call) =>
      this.#session.engine.call('sendRemoval', { ...common, planId, accepted }, call),
    );
  }

  async chooseList(path: string): Promise<NonNullable<CallOutput<'commands.chooseList'>>> {
    const workspace = this.#session.requireWorkspace();
    const text = readGiven('the list of devices', path, LIST_LIMIT).toString('utf8');
    const { devices } = await this.#session.engine.call('countList', { list: text });
    this.#list = { of: workspace.path, text };
    return { file: basename(path), devices };
  }

  follow(journal: string): Promise<CallOutput<'commands.follow'>> {
    return this.#session.engine.call('followCommands', {
      access: this.#access(),
      journal: this.#runbook.requireJournal(journal),
      source: this.#sourceAccess(),
    });
  }

  // --------------------------------------------------------------------------------------------------------- agent

  agentView(): Promise<CallOutput<'agent.view'>> {
    return this.#session.engine.call('agentView', { secretFile: this.#chosenSecret() });
  }

  look(): void {
    const fleet =
      this.#runbook.fleetAccess() ??
      refused('fleet/not-connected', 'No Fleet has been named yet.', 'Say where Fleet’s database is, and connect.');
    this.#session.start(
      { kind: 'agent', label: 'asking Fleet for its agents', canPause: false, canCancel: true },
      async (call) => {
        this.#session.learn({ agent: await this.#session.engine.call('lookForAgent', { fleet }, call) });
      },
    );
  }

  async inspect(path: string): Promise<void> {
    const { settings } = this.#session.requireWorkspace();
    await this.#session.engine.call('inspectPackage', {
      path,
      fleet: this.#connected(),
      fleetUrl: orNull(settings.fleet.url),
      team: settings.controls.team,
    });
  }

  chooseSecret(path: string): void {
    this.#secretFile = { of: this.#session.requireWorkspace().path, path };
  }

  ways(wish: CallInput<'agent.ways'>): Promise<CallOutput<'agent.ways'>> {
    const { settings } = this.#session.requireWorkspace();
    return this.#session.engine.call('agentWays', {
      wish,
      fleet: this.#connected(),
      fleetUrl: orNull(settings.fleet.url),
      fleetCaFile: orNull(settings.fleet.urlCaFile),
      team: settings.controls.team,
      secretFile: this.#chosenSecret(),
    });
  }

  async saveProfile(path: string, scripts: boolean): Promise<void> {
    this.#runbook.requireOutside(path, 'agent/inside-workspace', 'The profile holds the enroll secret');
    const { settings } = this.#session.requireWorkspace();
    const fleetUrl = orNull(settings.fleet.url);
    await this.#session.engine.call('saveAgentProfile', { path, fleetUrl, secretFile: this.#chosenSecret(), scripts });
  }

  async saveManifest(path: string): Promise<void> {
    const { packageUrl } = this.#session.requireWorkspace().settings.controls;
    await this.#session.engine.call('saveManifest', { path, url: packageUrl });
  }

  async prepareRollout({ choice }: CallInput<'agent.prepare'>): Promise<CallOutput<'agent.prepare'>> {
    const { manifestUrl } = this.#session.requireWorkspace().settings.controls;
    const input = { access: this.#access(), manifestUrl, choice, list: this.#chosenList() };
    const shown = await this.#session.engine.call('prepareRollout', input);
    this.#places.set(shown.id, shown.place);
    return shown;
  }

  install({ planId, confirmation }: CallInput<'agent.install'>): Promise<CallOutput<'agent.install'>> {
    this.#requireTyped(planId, confirmation);
    return this.#send('agent', 'sending the agent', (common, call) =>
      this.#session.engine.call('sendRollout', { ...common, planId }, call),
    );
  }

  // --------------------------------------------------------------------------------------------------- small parts

  #send(
    kind: 'controls' | 'agent',
    label: string,
    work: (
      common: { access: SendAccess; reason: string | null; journals: string; tool: string },
      call: Parameters<Parameters<Session['finish']>[1]>[0],
    ) => Promise<CallOutput<'controls.remove'>>,
  ): Promise<CallOutput<'controls.remove'>> {
    const workspace = this.#session.requireWorkspace();
    const common = {
      access: this.#access(),
      reason: orNull(workspace.settings.reason),
      journals: workspace.folder('journals'),
      tool: `slipway ${app.getVersion()}`,
    };
    return this.#session.finish({ kind, label, canPause: false, canCancel: true }, async (call) => {
      try {
        return await work(common, call);
      } finally {
        await this.#session.countJournals();
      }
    });
  }

  #sourceAccess(): SourceAccess {
    return this.#session.sourceAccess(this.#session.facts.source?.reference ?? '');
  }

  #access(): SendAccess {
    const { settings } = this.#session.requireWorkspace();
    const { secrets } = this.#session;
    const { oldUrl } = settings.controls;
    return {
      oldUrl: orNull(oldUrl === '' ? settings.cutover.oldUrl : oldUrl),
      oldCaFile: orNull(settings.source.caFile),
      apiKey: secrets.get('source-api-key'),
      fleetUrl: orNull(settings.fleet.url),
      fleetCaFile: orNull(settings.fleet.urlCaFile),
      token: secrets.get('fleet-token'),
    };
  }

  /** Fleet's database, once somebody has connected to it. */
  #connected(): ReturnType<Runbook['fleetAccess']> {
    return this.#session.facts.fleet === null ? null : this.#runbook.fleetAccess();
  }

  #chosenList(): string | null {
    return this.#list?.of === this.#session.requireWorkspace().path ? this.#list.text : null;
  }

  #chosenSecret(): string | null {
    return this.#secretFile?.of === this.#session.requireWorkspace().path ? this.#secretFile.path : null;
  }

  #requireTyped(planId: string, typed: string): void {
    const place = this.#places.get(planId);
    if (place === undefined)
      refused('controls/plan-changed', 'What was shown is not what would be sent now.', 'Look at it again.');
    if (typed !== place)
      refused('confirmation/other-name', `What was typed is not ${place}.`, 'Type it as it stands there.');
  }
}

function orNull(text: string): string | null {
  return text === '' ? null : text;
}
