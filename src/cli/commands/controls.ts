/** `slipway controls`: the old server's profiles beside Fleet's, exported for Fleet, and taken off devices. */
import { join, resolve } from 'node:path';
import { version } from '../../../package.json';
import { compareControls, sourceControls, type ControlsComparison } from '../../core/controls/comparison';
import { planExport, writeExport, type ControlsExport } from '../../core/controls/export';
import {
  fleetSideOfApi,
  fleetSideOfDatabase,
  missingControlsGrants,
  type FleetSide,
} from '../../core/controls/fleet-side';
import {
  fleetctlLines,
  planRemoval,
  removalCommand,
  removalHosts,
  removalTasks,
  type RemovalPlan,
} from '../../core/controls/removal';
import { commandJournalPath } from '../../core/commands/command-journal';
import { sendThroughFleet, sendThroughOldServer, type SendResult } from '../../core/commands/send';
import { misused, refused } from '../../core/failure';
import { listHosts } from '../../core/fleet/api-hosts';
import { Hosts, readHosts } from '../../core/fleet/hosts';
import { parseFleetUrl } from '../../core/fleet/https-request';
import { writePrivate } from '../../core/private-file';
import { EXIT } from '../exit-code';
import { fleetTarget, withFleetConnection } from '../fleet-opening';
import {
  confirm,
  refuseForeign,
  requireAnswer,
  type AcceptOptions,
  type FleetOptions,
  type SourceOptions,
} from '../input';
import { stopOnSignal } from '../interrupt';
import { readWithCommands, type LocalSource } from '../local-source';
import { oldServerFrom, type OldServerOptions } from '../old-server-opening';
import { chosenDevices, fleetApiFrom, printSending, printStatus } from '../sending';
import { counted, mark, plain, print, printJson, progressLine, styled, table, tell } from '../terminal';

export interface ControlsOptions extends SourceOptions, FleetOptions, AcceptOptions, OldServerOptions {
  readonly team?: string;
  /** commander: --no-history. */
  readonly history?: boolean;
  readonly out?: string;
  readonly identifier?: string[];
  readonly wave?: string;
  readonly allDevices?: boolean;
  readonly through?: string;
  readonly send?: boolean;
  readonly journals?: string;
  readonly yes?: boolean;
}

type Action = 'compare' | 'export' | 'remove' | 'status';
const ACTIONS: readonly Action[] = ['compare', 'export', 'remove', 'status'];

const OWNERS: Readonly<Record<string, readonly Action[]>> = {
  team: ['compare', 'export', 'remove'],
  out: ['export', 'remove'],
  identifier: ['remove'],
  wave: ['remove'],
  allDevices: ['remove'],
  through: ['remove'],
  send: ['remove'],
  journals: ['remove'],
  yes: ['remove'],
  accept: ['remove'],
  reason: ['remove'],
  oldUrl: ['remove', 'status'],
  allowPlainHttp: ['remove', 'status'],
};

/** `slipway controls SOURCE`, `slipway controls export|remove SOURCE`, `slipway controls status JOURNAL`. */
export async function run(what: string, subject: string | undefined, options: ControlsOptions): Promise<number> {
  const named = ACTIONS.find((one) => one === what);
  const action = named ?? 'compare';
  const about = named === undefined ? what : subject;
  if (named === undefined && subject !== undefined)
    misused(
      'usage/controls',
      `There is no «${what}» of controls.`,
      'Write `slipway controls SOURCE`, or export, remove or status before it.',
    );
  refuseForeign('controls', action, options, OWNERS);
  switch (action) {
    case 'compare':
      return compare(needed(about), options);
    case 'export':
      return exportProfiles(needed(about), options);
    case 'remove':
      return remove(needed(about), options);
    case 'status':
      return printStatus(about, options);
  }
}

function needed(source: string | undefined): string {
  return source ?? misused('usage/source', 'No source is named.', 'Name it: micromdm:PATH.');
}

interface Sides {
  readonly source: LocalSource;
  readonly fleet: FleetSide | null;
  readonly grants: readonly string[];
  readonly comparison: ControlsComparison;
}

/** Both sides. Fleet's from the database where it is given, else from its API. */
async function sidesOf(text: string, options: ControlsOptions): Promise<Sides> {
  const team = options.team ?? null;
  const api = options.fleet === undefined ? fleetApiFrom(options) : null;
  const source = await readWithCommands(text, options, options.history !== false);
  let fleet: FleetSide | null = null;
  let grants: readonly string[] = [];
  if (options.fleet !== undefined) {
    const target = fleetTarget(options.fleet, options);
    ({ fleet, grants } = await withFleetConnection(target, 'read', async (connection) => {
      const lacking = await missingControlsGrants(connection);
      if (lacking.length > 0 && options.json !== true) tell(`The account lacks: ${lacking.map(plain).join(' ')}`);
      return { fleet: await fleetSideOfDatabase(connection, team), grants: lacking };
    }));
  } else if (api !== null) fleet = await fleetSideOfApi(api.api, api.token, team);
  else if (team !== null)
    misused('usage/fleet-missing', 'A team is named, but no Fleet.', 'Add --fleet or --fleet-url.');
  const controls = sourceControls(source.snapshot, source.commands);
  return { source, fleet, grants, comparison: compareControls(controls, fleet?.profiles ?? [], fleet?.team ?? null) };
}

// ------------------------------------------------------------------------------------------------------ compare

async function compare(text: string, options: ControlsOptions): Promise<number> {
  const { source, fleet, grants, comparison } = await sidesOf(text, options);
  if (options.json === true)
    await printJson({
      schema: 1,
      source: source.reference,
      fleet: fleet === null ? null : { team: fleet.team },
      history:
        source.commands === null ? null : { kept: source.commands.hasHistory, unreadable: source.commands.unreadable },
      counts: comparison.counts,
      profiles: comparison.rows.map(rowJson),
      conflicts: comparison.conflicts,
      notes: comparison.notes,
      grants,
    });
  else await printComparison(comparison, fleet !== null);
  return comparison.conflicts.some(({ severity }) => severity !== 'info') ? EXIT.found : EXIT.fine;
}

function rowJson(row: ControlsComparison['rows'][number]): object {
  const { identifier, name, standing, source, fleet, scope, root, payloads, refusals } = row;
  return {
    identifier,
    name,
    standing,
    scope,
    source:
      source === null
        ? null
        : {
            stored: source.isStored,
            signed: source.profile.signed,
            differsFromSent: source.differsFromSent,
            blueprints: source.blueprints,
            atEnroll: source.atEnroll,
            installedOn: source.installedOn?.size ?? null,
            waitingFor: source.waitingFor.size,
            leaving: source.leaving.size,
            payloadTypes: source.profile.payloads.map(({ type }) => type),
          },
    fleet:
      fleet === null
        ? null
        : {
            uuid: fleet.listed.uuid,
            kind: fleet.listed.kind,
            name: fleet.listed.name,
            labels: fleet.listed.labels,
            payloadTypes: fleet.profile?.payloads.map(({ type }) => type) ?? [],
          },
    root,
    payloads,
    refusals: refusals.map(({ code }) => code),
  };
}

const WORDS = {
  updated: 'updated in place',
  same: 'the same in Fleet',
  new: 'new, from Fleet',
  'left-behind': 'left behind on devices',
  'stored-only': 'stored, on no device',
  enrollment: 'enrollment profile: stays',
  'fleets-own': 'Fleet’s own',
} as const;

async function printComparison(comparison: ControlsComparison, withFleet: boolean): Promise<void> {
  const { rows, conflicts, notes, team } = comparison;
  if (!withFleet) tell('No Fleet is named: everything counts as left behind. Add --fleet or --fleet-url, and --team.');
  else await print(styled(team === null ? 'Hosts without a team' : `Team ${plain(team.name)}`, 'bold'));
  for (const standing of Object.keys(WORDS) as (keyof typeof WORDS)[]) {
    const here = rows.filter((row) => row.standing === standing);
    if (here.length === 0) continue;
    await print('', styled(`${WORDS[standing]} (${here.length})`, 'bold'));
    await print(
      ...table(
        here.map((row) => [
          row.identifier,
          row.name ?? '',
          [
            row.scope.source === 'User' || row.scope.fleet === 'User' ? 'user channel' : '',
            row.source?.installedOn == null ? '' : counted(row.source.installedOn.size, 'device'),
            row.source?.atEnroll === true ? 'at enrollment' : '',
            row.source !== null && row.source.waitingFor.size > 0 ? `waiting for ${row.source.waitingFor.size}` : '',
            row.source?.profile.signed === true ? 'signed' : '',
            ...row.refusals.map(({ code }) => code),
          ]
            .filter((word) => word !== '')
            .join(', '),
        ]),
      ),
    );
    for (const row of here) {
      for (const change of row.root) await print(...changeLines('', change));
      for (const payload of row.payloads.filter((one) => one.standing !== 'same')) {
        const word = { changed: '', 'only-source': ' goes', 'only-fleet': ' comes', same: '' }[payload.standing];
        await print(`    ${plain(payload.type)}${word}`);
        for (const change of payload.changes) await print(...changeLines('  ', change));
        if (payload.more > 0) await print(`        and ${payload.more} more (--json lists 200)`);
      }
    }
  }
  if (conflicts.length > 0) await print('', styled('Conflicts', 'bold'));
  for (const { severity, code, sentence, remedy } of conflicts)
    await print(`  ${mark(severity)} ${plain(sentence)} ${styled(code, 'dim')}`, `      ${plain(remedy)}`);
  if (notes.length > 0) await print('', ...notes.map((note) => `· ${plain(note)}`));
}

function changeLines(
  indent: string,
  { path, source, fleet }: { path: string; source: { text: string } | null; fleet: { text: string } | null },
): string[] {
  return [`    ${indent}${plain(path)}: ${plain(source?.text ?? '–')} → ${plain(fleet?.text ?? '–')}`];
}

// ------------------------------------------------------------------------------------------------------- export

async function exportProfiles(text: string, options: ControlsOptions): Promise<number> {
  const { out } = options;
  if (out === undefined) misused('usage/out-missing', 'Where to is not said.', 'Name a folder with --out.');
  const source = await readWithCommands(text, options, options.history !== false);
  const controls = sourceControls(source.snapshot, source.commands);
  const written = await writeExport(planExport(controls, options.team ?? null), out);
  if (options.json === true) await printJson({ schema: 1, folder: out, ...written });
  else await printExport(written, out);
  return written.leftOut.some(({ code }) => code !== 'enrollment-profile') ? EXIT.found : EXIT.fine;
}

async function printExport({ profiles, leftOut, gitops }: ControlsExport, folder: string): Promise<void> {
  await print(
    ...table(
      profiles.map(({ identifier, file, scope, unsigned, secretFields, hasVariables }) => [
        identifier,
        file,
        [
          scope === 'User' ? 'user channel' : '',
          unsigned ? 'signature taken off' : '',
          secretFields.length > 0 ? `holds secrets (${secretFields.length})` : '',
          hasVariables ? 'holds $NAMES' : '',
        ]
          .filter((word) => word !== '')
          .join(', '),
      ]),
    ),
  );
  for (const { identifier, code, sentence, remedy } of leftOut)
    await print(
      `  ${mark('warning')} ${plain(identifier)} was left out: ${plain(sentence)} ${styled(code, 'dim')}`,
      `      ${plain(remedy)}`,
    );
  await print(
    `Written to ${plain(folder)} (0600): ${counted(profiles.length, 'profile')}, and ${plain(gitops)}, a part of a team file to be merged into yours.`,
  );
}

// ------------------------------------------------------------------------------------------------------- remove

const WAYS = ['old-server', 'fleet', 'fleetctl'] as const;

async function remove(text: string, options: ControlsOptions): Promise<number> {
  const way = WAYS.find((one) => one === (options.through ?? 'old-server'));
  if (way === undefined)
    misused('usage/choice', `«${options.through ?? ''}» says nothing to --through.`, `Give ${WAYS.join(', ')}.`);
  const identifiers = options.identifier ?? [];
  if (identifiers.length === 0)
    misused(
      'usage/no-identifier',
      'Which profile shall go is not said.',
      'Name it with --identifier; `slipway controls SOURCE` lists them.',
    );
  if (way === 'fleetctl' && options.send === true)
    misused('usage/option', 'fleetctl’s commands are printed, not sent.', 'Leave --send out.');
  if (options.send === true) requireAnswer(options.yes);
  // Who is called is known before anything is read.
  const old = way === 'old-server' && options.send === true ? oldServerFrom(options, text) : null;
  const api = way === 'old-server' ? null : fleetApiFrom(options);
  if (way === 'fleet' && api === null)
    misused('usage/fleet-url-missing', 'Fleet’s own address is not named.', 'Add --fleet-url and --fleet-token-file.');
  const { source, fleet, comparison } = await sidesOf(text, options);
  const wave = chosenDevices(source.snapshot, options);
  const hosts = way === 'old-server' ? null : await hostsOf(source, options, api);
  const plan = planRemoval({
    snapshot: source.snapshot,
    rows: comparison.rows,
    fleetKnown: fleet !== null,
    identifiers,
    wave,
    way: way === 'fleetctl' ? 'fleet' : way,
    place: old?.host ?? placeOf(way, options),
    accepted: new Set(options.accept ?? []),
    hosts,
  });
  if (plan.refusals.length > 0 && options.send === true) {
    const [first] = plan.refusals;
    refused(
      `controls/${first?.code ?? 'refused'}`,
      first?.sentence ?? '',
      first?.overridable === true ? `${first.remedy} (--accept ${first.code})` : (first?.remedy ?? ''),
      { refused: plan.refusals.length },
    );
  }
  if (way === 'fleetctl') return printFleetctl(plan, hosts, options);
  if (options.send !== true || plan.commands === 0) {
    if (options.json === true) await printJson({ schema: 1, sent: null, plan: planJson(plan) });
    else {
      await printPlan(plan);
      await print('', plan.commands === 0 ? 'Nothing to send.' : 'Nothing was sent. Add --send to send it.');
    }
    return plan.refusals.length === 0 ? EXIT.fine : EXIT.found;
  }
  if (options.json !== true) await printPlan(plan);
  const question = `${counted(plan.commands, 'RemoveProfile command')} to ${counted(plan.devices, 'device')} through ${way === 'fleet' ? 'Fleet' : 'the old server'} at ${plain(plan.place)}. What a device has removed comes back only if it is installed again.`;
  if (!(await confirm(question, plan.place, options.yes))) {
    tell('Nothing was sent.');
    return EXIT.found;
  }
  const progress = progressLine(options.json === true);
  const stop = stopOnSignal('Stopping after the commands under way.');
  const common = {
    identity: plan.identity,
    journal: commandJournalPath(resolve(options.journals ?? '.'), plan.id),
    tool: `slipway ${version}`,
    accepted: options.accept ?? [],
    reason: options.reason ?? null,
    signal: stop.signal,
    onProgress: progress.onProgress,
  };
  const send = (): Promise<SendResult> => {
    if (old !== null) return sendThroughOldServer({ ...common, server: old.server, tasks: removalTasks(plan) });
    if (api === null || hosts === null)
      misused('usage/fleet-url-missing', 'Fleet’s own address is not named.', 'Add --fleet-url.');
    return sendThroughFleet({
      ...common,
      fleet: api.place,
      token: api.token,
      subjects: plan.subjects.map(({ identifier, targets }) => ({
        subject: identifier,
        command: removalCommand(identifier),
        devices: removalHosts(targets, hosts),
      })),
    });
  };
  const result = await send().finally(() => {
    stop.end();
    progress.end();
  });
  return printSending(result, options.json === true, { plan: planJson(plan) });
}

function placeOf(way: (typeof WAYS)[number], options: ControlsOptions): string {
  if (way === 'old-server')
    return options.oldUrl !== undefined && URL.canParse(options.oldUrl)
      ? new URL(options.oldUrl).host
      : 'the old server';
  return options.fleetUrl === undefined ? 'Fleet' : parseFleetUrl(options.fleetUrl).host;
}

/** Fleet's hosts of the source's devices: from the database where it is given, else from the API. */
async function hostsOf(
  source: LocalSource,
  options: ControlsOptions,
  api: ReturnType<typeof fleetApiFrom>,
): Promise<Hosts> {
  if (options.fleet !== undefined)
    return withFleetConnection(fleetTarget(options.fleet, options), 'read', (connection) =>
      readHosts(connection, source.snapshot.devices),
    );
  if (api === null)
    return misused(
      'usage/fleet-missing',
      'Which hosts Fleet has is not known.',
      'Add --fleet, or --fleet-url and --fleet-token-file.',
    );
  const hosts = new Hosts();
  for await (const page of listHosts(api.api))
    for (const { id, uuid, serial, teamId, platform, hasAgent } of page)
      hosts.add({ id, uuid, serial: serial ?? '', teamId, platform: platform ?? '', hasAgent: hasAgent === true });
  return hosts;
}

function planJson(plan: RemovalPlan): object {
  const { id, way, place, subjects, refusals, skipped, commands, devices } = plan;
  return { id, way, place, commands, devices, subjects, refusals, skipped };
}

async function printPlan({ subjects, refusals, skipped, place, way }: RemovalPlan): Promise<void> {
  await print(
    styled(`Through ${way === 'fleet' ? 'Fleet' : 'the old server'} at ${plain(place)}`, 'bold'),
    ...table(
      subjects.map(({ identifier, name, targets }) => [counted(targets.length, 'device'), identifier, name ?? '']),
    ),
  );
  for (const { code, sentence, remedy, overridable } of refusals)
    await print(
      `  ${mark('error')} ${plain(sentence)} ${styled(code, 'dim')}`,
      `      ${plain(remedy)}${overridable ? ` --accept ${code}` : ''}`,
    );
  const words = {
    'not-installed': 'do not have it, by the commands the source keeps',
    'not-enrolled': 'are not enrolled at the source',
    'no-host': 'are no hosts of Fleet’s',
  } as const;
  for (const { code, udids } of skipped)
    await print(`  · ${counted(udids.length, 'device')} left out: they ${words[code]}.`);
}

async function printFleetctl(plan: RemovalPlan, hosts: Hosts | null, options: ControlsOptions): Promise<number> {
  const { out } = options;
  if (out === undefined)
    misused('usage/out-missing', 'Where the commands’ files shall go is not said.', 'Name a folder with --out.');
  const fileOf = (identifier: string): string =>
    join(out, `remove-${identifier.replace(/[^A-Za-z0-9._-]+/g, '_').slice(0, 100)}.xml`);
  for (const { identifier } of plan.subjects) await writePrivate(fileOf(identifier), removalCommand(identifier));
  const lines = hosts === null ? [] : fleetctlLines(plan, hosts, fileOf);
  if (options.json === true) await printJson({ schema: 1, sent: null, plan: planJson(plan), fleetctl: lines });
  else {
    await printPlan(plan);
    await print('', ...lines);
  }
  return plan.refusals.length === 0 ? EXIT.fine : EXIT.found;
}
