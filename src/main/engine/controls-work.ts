/** The step Controls, as the command line does it: compare, export, take off devices. */
import {
  compareControls,
  sourceControls,
  type ControlsComparison,
  type SourceControl,
} from '../../core/controls/comparison';
import { planExport, writeExport } from '../../core/controls/export';
import {
  fleetSideOfApi,
  fleetSideOfDatabase,
  missingControlsGrants,
  type FleetSide,
} from '../../core/controls/fleet-side';
import { planRemoval, removalCommand, removalHosts, removalTasks, type RemovalPlan } from '../../core/controls/removal';
import { commandJournalPath } from '../../core/commands/command-journal';
import { sendThroughFleet, sendThroughOldServer, type SendResult } from '../../core/commands/send';
import { misused, refused } from '../../core/failure';
import { listHosts } from '../../core/fleet/api-hosts';
import { Hosts, readTeams } from '../../core/fleet/hosts';
import { readProfileCommands } from '../../core/sources';
import { devicesOf, fleetApiOf, oldServerOf, sentOf } from './command-sending';
import type { EngineInput, EngineOutput, SendAccess } from './protocol';
import { cancelled, readOptions, type OpenSource, type Task, type Workbench } from './workbench';

interface Compared {
  /** The source it is about: another reading makes it stale. */
  readonly source: OpenSource;
  readonly controls: readonly SourceControl[];
  readonly comparison: ControlsComparison;
  readonly view: NonNullable<EngineOutput<'controlsView'>>;
}

export class ControlsWork {
  readonly #bench: Workbench;
  #compared: Compared | null = null;
  #plan: { readonly plan: RemovalPlan; readonly hosts: Hosts | null } | null = null;

  constructor(bench: Workbench) {
    this.#bench = bench;
  }

  view(): EngineOutput<'controlsView'> {
    const compared = this.#compared;
    return compared === null || compared.source !== this.#bench.source ? null : compared.view;
  }

  async compare(input: EngineInput<'compareControls'>, { onProgress, control }: Task): Promise<null> {
    const source = this.#bench.requireSource();
    const { reference, copy, snapshot, at } = source;
    onProgress({ label: 'reading what was sent to devices', done: 0, total: null });
    const commands = input.history
      ? await readProfileCommands(reference, { ...readOptions(input.source), at, salvage: true, onProgress }, copy.path)
      : null;
    if (control.cancelled) cancelled();
    onProgress({ label: 'reading Fleet’s profiles', done: 0, total: null });
    const { side, kind, teams, grants } = await this.#fleetSide(input);
    const controls = sourceControls(snapshot, commands);
    const comparison = compareControls(controls, side?.profiles ?? [], side?.team ?? null);
    this.#compared = {
      source,
      controls,
      comparison,
      view: {
        at: Date.now(),
        fleet: kind,
        team: comparison.team,
        teams,
        history: commands?.hasHistory ?? false,
        counts: { ...comparison.counts },
        rows: comparison.rows.map(rowOf),
        conflicts: comparison.conflicts.map((conflict) => ({ ...conflict })),
        notes: comparison.notes,
        grants,
      },
    };
    this.#plan = null;
    return null;
  }

  async exportTo({ folder, team }: EngineInput<'exportControls'>): Promise<EngineOutput<'exportControls'>> {
    const { controls } = this.#requireCompared();
    const { profiles, leftOut, gitops } = await writeExport(planExport(controls, team), folder);
    return {
      folder,
      gitops,
      profiles: profiles.length,
      withSecrets: profiles.filter(({ secretFields }) => secretFields.length > 0).map(({ identifier }) => identifier),
      leftOut: leftOut.map(({ identifier, code, sentence, remedy }) => ({ identifier, code, sentence, remedy })),
    };
  }

  async prepare(input: EngineInput<'prepareRemoval'>): Promise<EngineOutput<'prepareRemoval'>> {
    const { comparison, view } = this.#requireCompared();
    const { identifiers, way, access, choice, list, accepted } = input;
    const { snapshot } = this.#bench.requireSource();
    const place =
      way === 'fleet' ? fleetApiOf(access).host : oldServerOf(access, this.#bench.requireSource().reference.kind).host;
    const hosts = way === 'fleet' ? await this.#hosts(access) : null;
    const plan = planRemoval({
      snapshot,
      rows: comparison.rows,
      fleetKnown: view.fleet !== 'none',
      identifiers,
      wave: devicesOf(this.#bench, choice, list),
      way,
      place,
      accepted: new Set(accepted),
      hosts,
    });
    this.#plan = { plan, hosts };
    return {
      id: plan.id,
      way,
      place,
      commands: plan.commands,
      devices: plan.devices,
      subjects: plan.subjects.map(({ identifier, name, targets }) => ({ identifier, name, devices: targets.length })),
      refusals: plan.refusals.map((refusal) => ({ ...refusal })),
      skipped: plan.skipped.map(({ code, udids }) => ({ code, devices: udids.length })),
    };
  }

  async remove(input: EngineInput<'sendRemoval'>, task: Task): Promise<EngineOutput<'sendRemoval'>> {
    const held = this.#plan;
    if (held === null || held.plan.id !== input.planId)
      return refused('controls/plan-changed', 'What was shown is not what would be sent now.', 'Look at it again.');
    const { plan, hosts } = held;
    const [refusal] = plan.refusals;
    if (refusal !== undefined) return refused(`controls/${refusal.code}`, refusal.sentence, refusal.remedy);
    const stop = new AbortController();
    const common = {
      identity: plan.identity,
      journal: commandJournalPath(input.journals, plan.id),
      tool: input.tool,
      accepted: input.accepted,
      reason: input.reason,
      signal: stop.signal,
      onProgress: (progress: Parameters<Task['report']>[0]) => {
        if (task.control.cancelled) stop.abort();
        task.report(progress);
      },
    };
    const send = (): Promise<SendResult> => {
      if (plan.way === 'old-server')
        return sendThroughOldServer({
          ...common,
          server: oldServerOf(input.access, this.#bench.requireSource().reference.kind).server,
          tasks: removalTasks(plan),
        });
      const { place, token } = fleetApiOf(input.access);
      if (hosts === null) throw new Error('a plan through Fleet always has its hosts');
      return sendThroughFleet({
        ...common,
        fleet: place,
        token,
        subjects: plan.subjects.map(({ identifier, targets }) => ({
          subject: identifier,
          command: removalCommand(identifier),
          devices: removalHosts(targets, hosts),
        })),
      });
    };
    return sentOf(await send());
  }

  async #fleetSide({ fleet, access, team }: EngineInput<'compareControls'>): Promise<{
    side: FleetSide | null;
    kind: 'database' | 'api' | 'none';
    teams: string[];
    grants: readonly string[];
  }> {
    const wanted = team === '' ? null : team;
    if (fleet !== null && fleet.kind === 'mysql')
      return this.#bench.link.read(fleet, async ({ connection }) => {
        const grants = await missingControlsGrants(connection);
        const teams = (await readTeams(connection)).map(({ name }) => name);
        return { side: await fleetSideOfDatabase(connection, wanted), kind: 'database', teams, grants };
      });
    if (fleet === null && access.fleetUrl !== null && access.token !== null) {
      const { api, token } = fleetApiOf(access);
      return { side: await fleetSideOfApi(api, token, wanted), kind: 'api', teams: [], grants: [] };
    }
    return { side: null, kind: 'none', teams: [], grants: [] };
  }

  /** Fleet's hosts of the source's devices, from its API: the commands go there too. */
  async #hosts(access: SendAccess): Promise<Hosts> {
    const hosts = new Hosts();
    for await (const page of listHosts(fleetApiOf(access).api))
      for (const { id, uuid, serial, teamId, platform, hasAgent } of page)
        hosts.add({ id, uuid, serial: serial ?? '', teamId, platform: platform ?? '', hasAgent: hasAgent === true });
    return hosts;
  }

  #requireCompared(): Compared {
    if (this.#compared === null || this.#compared.source !== this.#bench.source)
      return misused('controls/not-compared', 'The profiles were not compared yet.', 'Compare them first.');
    return this.#compared;
  }
}

function rowOf(row: ControlsComparison['rows'][number]): NonNullable<EngineOutput<'controlsView'>>['rows'][number] {
  const { identifier, name, standing, source, fleet, scope, root, payloads, refusals } = row;
  const profile = source?.profile ?? fleet?.profile ?? null;
  return {
    identifier,
    name,
    standing,
    scope: scope.source ?? scope.fleet ?? 'System',
    payloadTypes:
      profile?.payloads.map(({ type }) => type) ?? (fleet?.listed.kind === 'declaration' ? ['declaration'] : []),
    signed: source?.profile.signed ?? false,
    atEnroll: source?.atEnroll ?? false,
    installedOn: source?.installedOn?.size ?? null,
    waitingFor: source?.waitingFor.size ?? 0,
    root: root.map((change) => ({ ...change })),
    payloads: payloads.map((payload) => ({ ...payload, changes: payload.changes.map((change) => ({ ...change })) })),
    refusals: refusals.map((refusal) => ({ ...refusal })),
  };
}
