/** The switch, as the command line does it: what devices know, the configuration, DNS, and the probes. */
import { deviceView, knownPaths, type DeviceView } from '../../core/cutover/device-view';
import { planDns, zoneLine } from '../../core/cutover/dns/dns-plan';
import { probe } from '../../core/cutover/probe';
import { hostFrom, probeSubject } from '../../core/cutover/probe/subject';
import { BALANCERS, configureRedirects, type RedirectConfiguration } from '../../core/cutover/redirects';
import type { Route } from '../../core/cutover/redirects/route';
import { misused } from '../../core/failure';
import { PROFILE_LIMIT, readGiven } from '../../core/given-file';
import { readInstalled } from '../../core/profile/enrollment';
import type { CutoverSettings } from '../../contract/cutover';
import { replacePrivate } from '../private-file';
import type { CutoverAccess, EngineInput, EngineOutput } from './protocol';
import type { Workbench } from './workbench';

export function cutoverView(bench: Workbench, { typed }: CutoverAccess): EngineOutput<'cutoverView'> {
  const { host, port, paths, anchors, secondHost } = viewOf(bench, typed);
  return {
    host,
    port,
    paths,
    anchors: anchors?.length ?? null,
    secondHost,
    balancers: BALANCERS.map(({ name, title, modes, proof, notes }) => ({ name, title, modes, proof, notes })),
  };
}

export function cutoverConfig(bench: Workbench, access: CutoverAccess): EngineOutput<'cutoverConfig'> {
  const { balancer, plan, text } = configured(bench, access);
  return {
    balancer: balancer.name,
    title: balancer.title,
    ending: balancer.ending,
    mode: plan.mode,
    host: plan.host,
    text,
    routes: plan.routes.map(({ match, path, to, why }) => ({
      path,
      prefix: match === 'prefix',
      target: wordOf(to),
      why,
    })),
  };
}

export async function savedConfig(bench: Workbench, { path, ...access }: EngineInput<'saveCutover'>): Promise<null> {
  await replacePrivate(path, configured(bench, access).text);
  return null;
}

export function cutoverDns(bench: Workbench, { typed }: CutoverAccess): EngineOutput<'cutoverDns'> {
  const { host, apex, records, steps, notes } = planDns({
    oldHost: hostFrom(orNull(typed.host), viewOf(bench, typed)),
    targets: listOf(typed.targets),
    ttl: typed.ttl === '' ? null : numberFrom(typed.ttl, 'time to live', 604_800, 0),
    at: typed.switchAt,
    ...(typed.zone === '' ? {} : { zone: typed.zone }),
    ...(typed.issuer === '' ? {} : { issuer: typed.issuer }),
    ...(typed.validation === '' ? {} : { validation: typed.validation }),
  });
  return {
    host,
    apex,
    records: records.map((record) => ({ line: zoneLine(record), why: record.why })),
    steps: steps.map((step) => ({ ...step })),
    notes,
  };
}

export async function probed(
  bench: Workbench,
  { typed, fleetUrl, fleetCaFile }: CutoverAccess,
): Promise<EngineOutput<'probe'>> {
  const subject = probeSubject({
    view: viewOf(bench, typed),
    host: orNull(typed.host),
    port: portOf(typed),
    places: listOf(typed.places),
    resolvers: listOf(typed.resolvers),
    instances: listOf(typed.instances),
    fleetUrl,
    fleetCaFile,
  });
  const at = Date.now();
  return { at, host: subject.host, results: await probe({ ...subject, at }) };
}

function configured(bench: Workbench, { typed, fleetUrl }: CutoverAccess): RedirectConfiguration {
  const view = viewOf(bench, typed);
  const { certificateFile, keyFile, trustFile } = typed;
  return configureRedirects(typed.balancer, {
    oldServer: view.oldServer,
    oldHost: hostFrom(orNull(typed.host), view),
    oldUrl: typed.oldUrl === '' ? missing('The old server’s inner address is not given.') : typed.oldUrl,
    fleetUrl: fleetUrl ?? missing('Fleet’s own address is not given.'),
    phase: typed.phase,
    paths: knownPaths(view),
    port: portOf(typed) ?? view.port ?? 443,
    files: {
      ...(certificateFile === '' ? {} : { certificate: certificateFile }),
      ...(keyFile === '' ? {} : { key: keyFile }),
      ...(trustFile === '' ? {} : { trust: trustFile }),
    },
    // A mode that this balancer does not have is its own.
    ...(BALANCERS.find(({ name }) => name === typed.balancer)?.modes.includes(typed.mode) === true
      ? { mode: typed.mode }
      : {}),
  });
}

function viewOf({ source }: Workbench, { profile }: CutoverSettings): DeviceView {
  const enrollment =
    profile === '' ? null : readInstalled(readGiven('the enrollment profile', profile, PROFILE_LIMIT), profile);
  return deviceView(source?.snapshot ?? null, enrollment);
}

function wordOf(to: Route['to']): string {
  if (to.kind === 'refuse') return `refused (${to.status})`;
  return to.kind === 'fleet' ? `Fleet ${to.path}` : 'the old server';
}

function portOf({ port }: CutoverSettings): number | null {
  return port === '' ? null : numberFrom(port, 'port', 65_535, 1);
}

function numberFrom(text: string, what: string, most: number, least: number): number {
  const value = /^\d{1,7}$/.test(text) ? Number(text) : -1;
  return value >= least && value <= most
    ? value
    : misused('usage/number', `«${text}» is no ${what}.`, `Give a whole number from ${least} to ${most}.`);
}

function missing(sentence: string): never {
  return misused('usage/missing', sentence, 'Fill it in.');
}

function listOf(text: string): string[] {
  return text.split(/[\s,;]+/).filter((one) => one !== '');
}

function orNull(text: string): string | null {
  return text.trim() === '' ? null : text.trim();
}
