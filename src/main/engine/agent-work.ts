/** The step Agent, as the command line does it: who has fleetd, its package, the command, the manifest, the installation. */
import { judgePackage } from '../../core/agent/judgement';
import { packageManifest, requireHttps } from '../../core/agent/manifest';
import { inspectPackage, type AgentPackage } from '../../core/agent/package';
import { agentProfile, packageWays } from '../../core/agent/package-command';
import {
  agentStandings,
  planRollout,
  rolloutTasks,
  type AgentStanding,
  type RolloutPlan,
} from '../../core/agent/rollout';
import { commandJournalPath } from '../../core/commands/command-journal';
import { sendThroughOldServer } from '../../core/commands/send';
import { misused, refused } from '../../core/failure';
import { ownerOfSecret, readEnrollSecrets, type EnrollSecret } from '../../core/fleet/enroll-secrets';
import { findTeam, readHosts, readTeams, type Hosts, type Team } from '../../core/fleet/hosts';
import { readGivenSecret } from '../../core/given-file';
import { AGENT_STATES } from '../../contract/controls';
import { replacePrivate } from '../private-file';
import { devicesOf, oldServerOf, sentOf } from './command-sending';
import type { EngineInput, EngineOutput, FleetAccess } from './protocol';
import type { OpenSource, Task, Workbench } from './workbench';

const MOST_WITHOUT = 200;

export class AgentWork {
  readonly #bench: Workbench;
  #asked: { readonly source: OpenSource; readonly at: number; readonly hosts: Hosts } | null = null;
  #package: { readonly found: AgentPackage; readonly shown: NonNullable<EngineOutput<'agentView'>['package']> } | null =
    null;
  #plan: RolloutPlan | null = null;

  constructor(bench: Workbench) {
    this.#bench = bench;
  }

  view({ secretFile }: EngineInput<'agentView'>): EngineOutput<'agentView'> {
    const asked = this.#askedOfSource();
    const standings = asked === null ? [] : this.#standings();
    const count = (state: (typeof AGENT_STATES)[number]): number =>
      standings.filter((one) => one.state === state).length;
    return {
      at: asked?.at ?? null,
      counts: Object.fromEntries(
        AGENT_STATES.map((state) => [state, count(state)]),
      ) as EngineOutput<'agentView'>['counts'],
      without: standings
        .filter(({ state }) => state === 'no-agent' || state === 'no-host')
        .slice(0, MOST_WITHOUT)
        .map(({ udid, serial, name }) => ({ udid, serial, name })),
      package: this.#package?.shown ?? null,
      secretFile,
    };
  }

  /** Asks Fleet who has it. */
  async look({ fleet }: EngineInput<'lookForAgent'>, { onProgress }: Task): Promise<EngineOutput<'lookForAgent'>> {
    const source = this.#bench.requireSource();
    onProgress({ label: 'asking Fleet for its hosts', done: 0, total: null });
    const hosts = await this.#bench.link.read(fleet, ({ connection }) =>
      readHosts(connection, source.snapshot.devices),
    );
    this.#asked = { source, at: Date.now(), hosts };
    const without = this.#standings().filter(({ state }) => state === 'no-agent' || state === 'no-host').length;
    return { at: this.#asked.at, without };
  }

  async inspect({ path, fleet, fleetUrl, team }: EngineInput<'inspectPackage'>): Promise<null> {
    const { secrets, teams } = await this.#fleetFacts(fleet);
    const found = await inspectPackage(path);
    const judged = judgePackage(found, {
      fleetUrl,
      // Without a Fleet at hand no team is known.
      team: secrets === null ? undefined : team === '' ? null : team,
      secrets,
      teams,
      at: Date.now(),
    });
    const { size, sha256, identifier, version, signer, usesProfile, enrollSecret, updatesDisabled, updateUrl } = found;
    this.#package = {
      found,
      shown: {
        path,
        size,
        sha256,
        identifier,
        version,
        signer,
        fleetUrl: found.fleetUrl,
        usesProfile,
        hasSecret: enrollSecret !== null,
        team: judged.team === null ? null : (judged.team.name ?? 'hosts without a team'),
        updates: updatesDisabled ? 'disabled' : (updateUrl ?? 'not told'),
        problems: judged.problems.map((problem) => ({ ...problem })),
      },
    };
    return null;
  }

  async ways({
    wish,
    fleet,
    fleetUrl,
    fleetCaFile,
    team,
    secretFile,
  }: EngineInput<'agentWays'>): Promise<EngineOutput<'agentWays'>> {
    const { url } = this.#requireSecret(fleetUrl, secretFile);
    const owner = await this.#owner(fleet, team, secretFile);
    return {
      team: owner,
      ways: packageWays({
        fleetUrl: url,
        secretFile: secretFile ?? '',
        certificateFile: fleetCaFile,
        signIdentity: wish.signIdentity === '' ? null : wish.signIdentity,
        desktop: wish.desktop,
        scripts: wish.scripts,
        updateUrl: wish.updateUrl === '' ? null : wish.updateUrl,
        disableUpdates: wish.disableUpdates,
      }).map((way) => ({ ...way })),
    };
  }

  async saveProfile({ path, fleetUrl, secretFile, scripts }: EngineInput<'saveAgentProfile'>): Promise<null> {
    const { url, secret } = this.#requireSecret(fleetUrl, secretFile);
    await replacePrivate(path, agentProfile(url, secret, scripts).revealText());
    return null;
  }

  async saveManifest({ path, url }: EngineInput<'saveManifest'>): Promise<null> {
    if (this.#package === null)
      return refused('agent/no-package', 'No package was chosen.', 'Choose the package fleetctl made.');
    await replacePrivate(path, packageManifest(this.#package.found, url));
    return null;
  }

  prepare({ access, manifestUrl, choice, list }: EngineInput<'prepareRollout'>): EngineOutput<'prepareRollout'> {
    requireHttps(manifestUrl, 'manifest');
    const { host } = oldServerOf(access, this.#bench.requireSource().reference.kind);
    const plan = planRollout({
      standings: this.#standings(),
      wave: devicesOf(this.#bench, choice, list),
      place: host,
      manifestUrl,
    });
    this.#plan = plan;
    return {
      id: plan.id,
      place: host,
      manifestUrl,
      devices: plan.targets.length,
      skipped: Object.entries(plan.skipped).map(([code, devices]) => ({ code, devices })),
      fleetAsked: this.#askedOfSource() !== null,
    };
  }

  async install(input: EngineInput<'sendRollout'>, task: Task): Promise<EngineOutput<'sendRollout'>> {
    const plan = this.#plan;
    if (plan === null || plan.id !== input.planId)
      return refused('agent/plan-changed', 'What was shown is not what would be sent now.', 'Look at it again.');
    const stop = new AbortController();
    const result = await sendThroughOldServer({
      identity: plan.identity,
      journal: commandJournalPath(input.journals, plan.id),
      tool: input.tool,
      accepted: [],
      reason: input.reason,
      signal: stop.signal,
      onProgress: (progress) => {
        if (task.control.cancelled) stop.abort();
        task.report(progress);
      },
      server: oldServerOf(input.access, this.#bench.requireSource().reference.kind).server,
      tasks: rolloutTasks(plan),
    });
    return sentOf(result);
  }

  #askedOfSource(): { readonly at: number; readonly hosts: Hosts } | null {
    return this.#asked?.source === this.#bench.source ? this.#asked : null;
  }

  #standings(): AgentStanding[] {
    return agentStandings(this.#bench.requireSource().snapshot, this.#askedOfSource()?.hosts ?? null);
  }

  async #fleetFacts(fleet: FleetAccess | null): Promise<{ secrets: EnrollSecret[] | null; teams: Team[] }> {
    if (fleet === null || fleet.kind === 'sample') return { secrets: null, teams: [] };
    return this.#bench.link.read(fleet, async ({ connection }) => ({
      secrets: await readEnrollSecrets(connection),
      teams: await readTeams(connection),
    }));
  }

  /** Whose secret the chosen file holds; null when Fleet is not at hand. Throws `agent/unknown-secret`, `agent/other-team`. */
  async #owner(fleet: FleetAccess | null, team: string, secretFile: string | null): Promise<string | null> {
    const { secrets, teams } = await this.#fleetFacts(fleet);
    if (secrets === null || secretFile === null) return null;
    const owner = ownerOfSecret(secrets, readGivenSecret('enroll secret', secretFile));
    if (owner === null)
      return refused(
        'agent/unknown-secret',
        'The enroll secret is none of this Fleet’s.',
        'Take the team’s secret from Fleet.',
      );
    const wanted = team === '' ? null : findTeam(teams, team);
    const name = owner.teamName ?? 'hosts without a team';
    if ((wanted?.id ?? null) !== owner.teamId)
      return refused(
        'agent/other-team',
        `The enroll secret is that of ${name}, not of ${wanted?.name ?? 'hosts without a team'}.`,
        'Take the right team’s secret, or choose that team.',
      );
    return name;
  }

  #requireSecret(
    fleetUrl: string | null,
    secretFile: string | null,
  ): { url: string; secret: ReturnType<typeof readGivenSecret> } {
    if (fleetUrl === null)
      return misused('agent/no-fleet-url', 'Fleet’s own address is not given; agents call it.', 'Write it at Fleet.');
    if (secretFile === null)
      return misused('agent/no-secret-file', 'The file that holds the enroll secret was not chosen.', 'Choose it.');
    return { url: fleetUrl, secret: readGivenSecret('enroll secret', secretFile) };
  }
}
