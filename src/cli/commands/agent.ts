/** `slipway agent`: fleetd's package made, looked into, described for the old server, and installed through it. */
import { resolve } from 'node:path';
import { version } from '../../../package.json';
import { judgePackage, type PackageJudgement } from '../../core/agent/judgement';
import { packageManifest, requireHttps } from '../../core/agent/manifest';
import { inspectPackage, type AgentPackage } from '../../core/agent/package';
import { agentProfile, packageWays } from '../../core/agent/package-command';
import { agentStandings, planRollout, rolloutTasks, type AgentState, type RolloutPlan } from '../../core/agent/rollout';
import { commandJournalPath } from '../../core/commands/command-journal';
import { PER_SECOND, sendThroughOldServer } from '../../core/commands/send';
import { misused, refused } from '../../core/failure';
import { ownerOfSecret, readEnrollSecrets, type EnrollSecret } from '../../core/fleet/enroll-secrets';
import { findTeam, readHosts, readTeams, type Team } from '../../core/fleet/hosts';
import { parseFleetUrl } from '../../core/fleet/https-request';
import { refuseExisting, writePrivate } from '../../core/private-file';
import { EXIT } from '../exit-code';
import { fleetTarget, withFleetConnection } from '../fleet-opening';
import { clockFrom, confirm, refuseForeign, requireAnswer, type FleetOptions, type SourceOptions } from '../input';
import { stopOnSignal } from '../interrupt';
import { oldServerFrom, type OldServerOptions } from '../old-server-opening';
import { secretFrom } from '../secret-input';
import { chosenDevices, printSending, printStatus } from '../sending';
import { readJudged } from '../source-reading';
import { counted, mark, plain, print, printJson, progressLine, styled, table, tell } from '../terminal';
import { rfc3339 } from '../time';

export interface AgentOptions extends SourceOptions, FleetOptions, OldServerOptions {
  readonly team?: string;
  readonly enrollSecretFile?: string;
  readonly profileOut?: string;
  readonly signIdentity?: string;
  readonly fleetDesktop?: boolean;
  readonly enableScripts?: boolean;
  readonly updateUrl?: string;
  readonly disableUpdates?: boolean;
  readonly url?: string;
  readonly out?: string;
  readonly overwrite?: boolean;
  readonly manifestUrl?: string;
  readonly wave?: string;
  readonly allDevices?: boolean;
  readonly perSecond?: string;
  readonly send?: boolean;
  readonly journals?: string;
  readonly yes?: boolean;
  readonly reason?: string;
}

type Action = 'command' | 'inspect' | 'manifest' | 'who' | 'install' | 'status';

const OWNERS: Readonly<Record<string, readonly Action[]>> = {
  team: ['command', 'inspect', 'manifest'],
  enrollSecretFile: ['command'],
  profileOut: ['command'],
  signIdentity: ['command'],
  fleetDesktop: ['command'],
  enableScripts: ['command'],
  updateUrl: ['command'],
  disableUpdates: ['command'],
  url: ['manifest'],
  out: ['manifest'],
  overwrite: ['manifest', 'command'],
  manifestUrl: ['install'],
  wave: ['install'],
  allDevices: ['install'],
  perSecond: ['install'],
  send: ['install'],
  journals: ['install'],
  yes: ['install'],
  reason: ['install'],
  oldUrl: ['install', 'status'],
  allowPlainHttp: ['install', 'status'],
};

export async function run(action: Action, subject: string | undefined, options: AgentOptions): Promise<number> {
  refuseForeign('agent', action, options, OWNERS);
  switch (action) {
    case 'command':
      return command(options);
    case 'inspect':
      return inspect(needed(subject, 'package'), options);
    case 'manifest':
      return manifest(needed(subject, 'package'), options);
    case 'who':
      return who(needed(subject, 'source'), options);
    case 'install':
      return install(needed(subject, 'source'), options);
    case 'status':
      return printStatus(subject, options);
  }
}

function needed(subject: string | undefined, what: string): string {
  return subject ?? misused(`usage/${what}-missing`, `No ${what} is named.`, `Name the ${what}.`);
}

interface FleetFacts {
  readonly secrets: readonly EnrollSecret[] | null;
  readonly teams: readonly Team[];
}

async function fleetFacts(options: AgentOptions): Promise<FleetFacts> {
  if (options.fleet === undefined) return { secrets: null, teams: [] };
  return withFleetConnection(fleetTarget(options.fleet, options), 'read', async (connection) => ({
    secrets: await readEnrollSecrets(connection),
    teams: await readTeams(connection),
  }));
}

// ------------------------------------------------------------------------------------------------------ command

async function command(options: AgentOptions): Promise<number> {
  const { fleetUrl, enrollSecretFile, profileOut } = options;
  if (fleetUrl === undefined)
    misused('usage/fleet-url-missing', 'Fleet’s own address is not named.', 'Add --fleet-url; agents call it.');
  parseFleetUrl(fleetUrl);
  if (enrollSecretFile === undefined || enrollSecretFile === '-')
    misused(
      'usage/secret-file',
      'The enroll secret’s file is not named.',
      'Add --enroll-secret-file FILE; fleetctl’s command reads it from there.',
    );
  if (profileOut !== undefined) refuseExisting(profileOut, options.overwrite);
  const secret = secretFrom('enroll secret', enrollSecretFile, 'SLIPWAY_ENROLL_SECRET');
  if (secret === null) throw new Error('a named file always gives a secret');
  const { secrets, teams } = await fleetFacts(options);
  const owner = secrets === null ? null : ownerOfSecret(secrets, secret);
  if (secrets !== null && owner === null)
    refused(
      'agent/unknown-secret',
      'The enroll secret is none of this Fleet’s.',
      'Take the team’s secret from Fleet (Hosts, Manage enroll secrets).',
    );
  if (owner !== null) {
    const wanted = options.team === undefined ? null : findTeam(teams, options.team);
    if ((wanted?.id ?? null) !== owner.teamId)
      refused(
        'agent/other-team',
        `The enroll secret is that of ${owner.teamName === null ? 'hosts without a team' : `team ${owner.teamName}`}, not of ${wanted === null ? 'hosts without a team' : `team ${wanted.name}`}.`,
        'Take the right team’s secret, or name that team with --team.',
      );
  }
  const ways = packageWays({
    fleetUrl,
    secretFile: enrollSecretFile,
    certificateFile: options.fleetUrlCaFile ?? null,
    signIdentity: options.signIdentity ?? null,
    desktop: options.fleetDesktop ?? false,
    scripts: options.enableScripts ?? false,
    updateUrl: options.updateUrl ?? null,
    disableUpdates: options.disableUpdates ?? false,
  });
  if (profileOut !== undefined)
    await writePrivate(profileOut, agentProfile(fleetUrl, secret, options.enableScripts ?? false).reveal(), {
      overwrite: options.overwrite ?? false,
    });
  const team = owner === null ? null : { id: owner.teamId, name: owner.teamName };
  if (options.json === true) {
    await printJson({ schema: 1, fleetUrl, team, ways, profile: profileOut ?? null });
    return EXIT.fine;
  }
  if (owner !== null)
    await print(
      `For ${owner.teamName === null ? 'hosts without a team' : `team ${plain(owner.teamName)}`} at ${plain(fleetUrl)}.`,
      '',
    );
  for (const { title, lines, notes } of ways)
    await print(
      styled(title, 'bold'),
      ...lines.map(plain).map((line) => line.replaceAll('\\u{a}', '\n')),
      ...notes.map((note) => `· ${note}`),
      '',
    );
  if (profileOut !== undefined)
    await print(`Written to ${plain(profileOut)} (0600): the profile of the second way. It holds the secret.`);
  return EXIT.fine;
}

// ------------------------------------------------------------------------------------------------------ package

async function looked(
  path: string,
  options: AgentOptions,
): Promise<{ found: AgentPackage; judgement: PackageJudgement }> {
  const { secrets, teams } = await fleetFacts(options);
  const found = await inspectPackage(path);
  const judgement = judgePackage(found, {
    fleetUrl: options.fleetUrl ?? null,
    team: options.team ?? undefined,
    secrets,
    teams,
    at: clockFrom(options),
  });
  return { found, judgement };
}

function packageJson({ found, judgement }: { found: AgentPackage; judgement: PackageJudgement }): object {
  const { enrollSecret, chunkSha256, signer, ...rest } = found;
  return {
    ...rest,
    chunks: chunkSha256.length,
    signer: signer === null ? null : { ...signer, notAfter: rfc3339(signer.notAfter) },
    enrollSecret: enrollSecret === null ? null : { length: enrollSecret.length, sha256: enrollSecret.sha256() },
    team: judgement.team,
    problems: judgement.problems,
  };
}

async function inspect(path: string, options: AgentOptions): Promise<number> {
  const seen = await looked(path, options);
  if (options.json === true) await printJson({ schema: 1, package: packageJson(seen) });
  else await printPackage(seen);
  return exitOf(seen.judgement);
}

async function printPackage({ found, judgement }: { found: AgentPackage; judgement: PackageJudgement }): Promise<void> {
  await print(
    styled(plain(found.path), 'bold'),
    ...table(
      [
        ['package', `${found.identifier ?? 'unknown'} ${found.version ?? ''}`],
        ['size', `${found.size.toLocaleString('en')} bytes, sha256 ${found.sha256}`],
        [
          'signed by',
          found.signer === null ? 'nobody' : `${found.signer.name}${found.signer.isValid ? '' : ' (does not fit)'}`,
        ],
        ['Fleet', found.fleetUrl ?? (found.usesProfile ? 'from a profile on the Mac' : 'not told')],
        ['team', judgement.team === null ? 'not told' : (judgement.team.name ?? 'hosts without a team')],
        ['enroll secret', found.enrollSecret === null ? 'none seen' : String(found.enrollSecret)],
        ['updates', found.updatesDisabled ? 'disabled' : (found.updateUrl ?? 'not told')],
      ].map(([name, value]) => [name ?? '', value ?? '']),
    ),
  );
  for (const { severity, sentence, remedy, code } of judgement.problems)
    await print(`  ${mark(severity)} ${plain(sentence)} ${styled(code, 'dim')}`, `      ${plain(remedy)}`);
}

function exitOf({ problems }: PackageJudgement): number {
  return problems.some(({ severity }) => severity === 'error') ? EXIT.found : EXIT.fine;
}

async function manifest(path: string, options: AgentOptions): Promise<number> {
  const { url, out } = options;
  if (url === undefined)
    misused('usage/url-missing', 'Where the package will be served is not said.', 'Add --url https://….pkg.');
  if (out === undefined) misused('usage/out-missing', 'Where the manifest shall go is not said.', 'Add --out FILE.');
  requireHttps(url, 'package');
  refuseExisting(out, options.overwrite);
  const seen = await looked(path, options);
  await writePrivate(out, packageManifest(seen.found, url), { overwrite: options.overwrite ?? false });
  if (options.json === true)
    await printJson({ schema: 1, file: out, url, chunks: seen.found.chunkSha256.length, package: packageJson(seen) });
  else {
    await printPackage(seen);
    await print(
      '',
      `Written to ${plain(out)}. Serve it and the package (at ${plain(url)}) by https, with a certificate Macs trust; then install it with --manifest-url.`,
    );
  }
  return exitOf(seen.judgement);
}

// -------------------------------------------------------------------------------------------------- the devices

const STATES: Readonly<Record<AgentState, string>> = {
  'has-agent': 'have it, says Fleet',
  'no-agent': 'are hosts of Fleet’s, without it',
  'no-host': 'are Macs Fleet does not know yet',
  'not-a-mac': 'are no Macs: they need none',
  'not-enrolled': 'are Macs the old server cannot reach',
  'blocked-at-source': 'are blocked at the old server',
};

async function who(text: string, options: AgentOptions): Promise<number> {
  if (options.fleet === undefined)
    misused('usage/fleet-missing', 'Fleet’s database is not named.', 'Add --fleet mysql://USER@HOST/DATABASE.');
  const target = fleetTarget(options.fleet, options);
  const { snapshot } = await readJudged(text, options, { keepCertificates: false });
  const standings = await withFleetConnection(target, 'read', async (connection) =>
    agentStandings(snapshot, await readHosts(connection, snapshot.devices)),
  );
  const counts = Object.fromEntries(
    Object.keys(STATES).map((state) => [state, standings.filter((one) => one.state === state).length]),
  );
  const without = standings.filter(({ state }) => state === 'no-agent' || state === 'no-host');
  if (options.json === true) await printJson({ schema: 1, counts, devices: standings });
  else {
    await print(...table(Object.entries(STATES).map(([state, words]) => [String(counts[state] ?? 0), words])));
    for (const { udid, serial, name } of without.slice(0, 20))
      await print(`  ! ${plain(serial ?? udid)} ${plain(name ?? '')}`);
    if (without.length > 20) await print(`  and ${without.length - 20} more (--json lists all)`);
  }
  return without.length === 0 ? EXIT.fine : EXIT.found;
}

async function install(text: string, options: AgentOptions): Promise<number> {
  const { manifestUrl } = options;
  if (manifestUrl === undefined)
    misused('usage/url-missing', 'Where the manifest is served is not said.', 'Add --manifest-url https://….plist.');
  requireHttps(manifestUrl, 'manifest');
  const perSecond = rateFrom(options.perSecond);
  if (options.send === true) requireAnswer(options.yes);
  const old = options.send === true ? oldServerFrom(options, text) : null;
  const { snapshot } = await readJudged(text, options, { keepCertificates: false });
  const wave = chosenDevices(snapshot, options);
  const hosts =
    options.fleet === undefined
      ? null
      : await withFleetConnection(fleetTarget(options.fleet, options), 'read', (connection) =>
          readHosts(connection, snapshot.devices),
        );
  const place =
    old?.host ??
    (options.oldUrl !== undefined && URL.canParse(options.oldUrl) ? new URL(options.oldUrl).host : 'the old server');
  const plan = planRollout({ standings: agentStandings(snapshot, hosts), wave, place, manifestUrl });
  if (options.json !== true) await printPlan(plan, hosts !== null);
  if (old === null || plan.targets.length === 0) {
    if (options.json === true) await printJson({ schema: 1, sent: null, plan: planJson(plan) });
    else await print('', plan.targets.length === 0 ? 'Nothing to send.' : 'Nothing was sent. Add --send to send it.');
    return EXIT.fine;
  }
  const question = `InstallEnterpriseApplication to ${counted(plan.targets.length, 'Mac')} through the old server at ${plain(place)}. Each fetches ${plain(manifestUrl)} and installs what it names.`;
  if (!(await confirm(question, place, options.yes))) {
    tell('Nothing was sent.');
    return EXIT.found;
  }
  const progress = progressLine(options.json === true);
  const stop = stopOnSignal('Stopping after the commands under way.');
  const result = await sendThroughOldServer({
    identity: plan.identity,
    journal: commandJournalPath(resolve(options.journals ?? '.'), plan.id),
    tool: `slipway ${version}`,
    accepted: [],
    reason: options.reason ?? null,
    signal: stop.signal,
    onProgress: progress.onProgress,
    server: old.server,
    tasks: rolloutTasks(plan),
    perSecond,
  }).finally(() => {
    stop.end();
    progress.end();
  });
  return printSending(result, options.json === true, { plan: planJson(plan) });
}

function rateFrom(text: string | undefined): number {
  if (text === undefined) return PER_SECOND;
  const rate = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  return rate >= 1 && rate <= 100
    ? rate
    : misused('usage/number', `«${text}» is no rate.`, 'Give commands a second, from 1 to 100.');
}

function planJson({ id, place, manifestUrl, targets, skipped }: RolloutPlan): object {
  return { id, place, manifestUrl, devices: targets.length, targets, skipped };
}

async function printPlan({ targets, skipped, place }: RolloutPlan, withFleet: boolean): Promise<void> {
  await print(`${counted(targets.length, 'Mac')} would get the agent through ${plain(place)}.`);
  for (const [state, count] of Object.entries(skipped))
    if (count > 0) await print(`  · ${count} left out: they ${STATES[state as AgentState]}.`);
  if (!withFleet) tell('No --fleet is named: Macs that have the agent already get it again.');
}
