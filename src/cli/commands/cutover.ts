/** `slipway cutover`: the load balancer's configuration, what is set in DNS, and what the network says of both. */
import { deviceView, knownPaths, type DeviceView } from '../../core/cutover/device-view';
import { planDns, zoneLine, type DnsPlan } from '../../core/cutover/dns/dns-plan';
import { PROBES, probe, type ProbeResult, type ProbeSubject } from '../../core/cutover/probe';
import { hostFrom, probeSubject } from '../../core/cutover/probe/subject';
import { configureRedirects } from '../../core/cutover/redirects';
import { MODES, PHASES, type Route } from '../../core/cutover/redirects/route';
import { misused } from '../../core/failure';
import { PROFILE_LIMIT, readGiven } from '../../core/given-file';
import { refuseExisting, writePrivate } from '../../core/private-file';
import { readInstalled } from '../../core/profile/enrollment';
import { EXIT } from '../exit-code';
import { clockFrom, refuseForeign, type SourceOptions } from '../input';
import { stopOnSignal } from '../interrupt';
import { readJudged } from '../source-reading';
import { counted, plain, print, printJson, styled, table, tell } from '../terminal';
import { rfc3339 } from '../time';

export interface CutoverOptions extends SourceOptions {
  readonly oldHost?: string;
  readonly source?: string;
  readonly profile?: string;
  readonly for?: string;
  readonly oldUrl?: string;
  readonly fleetUrl?: string;
  readonly mode?: string;
  readonly phase?: string;
  readonly port?: string;
  readonly tlsCertificateFile?: string;
  readonly tlsKeyFile?: string;
  readonly trustFile?: string;
  readonly out?: string;
  readonly overwrite?: boolean;
  readonly target?: string[];
  readonly zone?: string;
  readonly caIssuer?: string;
  readonly validation?: string;
  readonly ttl?: string;
  readonly switchAt?: string;
  readonly fleetUrlCaFile?: string;
  readonly place?: string[];
  readonly instance?: string[];
  readonly resolver?: string[];
  readonly only?: string[];
  readonly watch?: string;
}

type Action = 'config' | 'dns' | 'probe';

const OWNERS: Readonly<Record<string, readonly Action[]>> = {
  for: ['config'],
  oldUrl: ['config'],
  fleetUrl: ['config', 'probe'],
  mode: ['config'],
  phase: ['config'],
  port: ['config', 'probe'],
  tlsCertificateFile: ['config'],
  tlsKeyFile: ['config'],
  trustFile: ['config'],
  out: ['config'],
  overwrite: ['config'],
  target: ['dns'],
  zone: ['dns'],
  caIssuer: ['dns'],
  validation: ['dns'],
  ttl: ['dns'],
  switchAt: ['dns'],
  fleetUrlCaFile: ['probe'],
  place: ['probe'],
  instance: ['probe'],
  resolver: ['probe'],
  only: ['probe'],
  watch: ['probe'],
};

const HTTPS = 443;

export async function run(action: Action, options: CutoverOptions): Promise<number> {
  refuseForeign('cutover', action, options, OWNERS);
  switch (action) {
    case 'config':
      return config(options);
    case 'dns':
      return dns(options);
    case 'probe':
      return probeNetwork(options);
  }
}

/** What devices know of the old server, from the source and the profile that were named. */
async function viewFrom(options: CutoverOptions): Promise<DeviceView> {
  const enrollment =
    options.profile === undefined
      ? null
      : readInstalled(readGiven('the enrollment profile', options.profile, PROFILE_LIMIT), options.profile);
  const snapshot = options.source === undefined ? null : (await readJudged(options.source, options)).snapshot;
  const byod = (snapshot?.devices ?? []).filter(({ reasons }) =>
    reasons.some(({ code }) => code === 'user-enrollment'),
  );
  if (byod.length > 0)
    tell(
      `${counted(byod.length, 'user enrollment')} cannot be moved, for want of a UDID: once this name leads to Fleet as a whole, they are refused there.`,
    );
  const view = deviceView(snapshot, enrollment);
  if (view.secondHost !== null)
    tell(
      `Devices check in at ${view.secondHost}: that name must lead to Fleet as well, with a configuration of its own.`,
    );
  return view;
}

// -------------------------------------------------------------------------------------------------------- config

async function config(options: CutoverOptions): Promise<number> {
  const balancerName = needed(options.for, '--for', 'the load balancer');
  const oldUrl = needed(options.oldUrl, '--old-url', 'the old server’s inner address');
  const fleetUrl = needed(options.fleetUrl, '--fleet-url', 'Fleet’s own address');
  if (options.out !== undefined) refuseExisting(options.out, options.overwrite);
  const mode = oneOf(options.mode, MODES, '--mode');
  const phase = oneOf(options.phase, PHASES, '--phase') ?? 'cutover';
  const view = await viewFrom(options);
  const { tlsCertificateFile: certificate, tlsKeyFile: key, trustFile: trust } = options;
  const { balancer, plan, text } = configureRedirects(balancerName, {
    oldServer: view.oldServer,
    oldHost: hostFrom(options.oldHost ?? null, view),
    oldUrl,
    fleetUrl,
    phase,
    paths: knownPaths(view),
    port: portFrom(options.port) ?? view.port ?? HTTPS,
    files: {
      ...(certificate === undefined ? {} : { certificate }),
      ...(key === undefined ? {} : { key }),
      ...(trust === undefined ? {} : { trust }),
    },
    ...(mode === undefined ? {} : { mode }),
  });
  if (options.out !== undefined) await writePrivate(options.out, text, { overwrite: options.overwrite ?? false });
  if (options.json === true)
    await printJson({
      schema: 1,
      balancer: balancer.name,
      mode: plan.mode,
      phase: plan.phase,
      host: plan.host,
      port: plan.port,
      proof: balancer.proof,
      file: options.out ?? null,
      ...(options.out === undefined ? { configuration: text } : {}),
      routes: plan.routes.map((route) => ({
        match: route.match,
        path: route.path,
        ...targetOf(route.to),
        why: route.why,
      })),
      notes: balancer.notes,
    });
  else if (options.out === undefined) await print(text.trimEnd());
  else
    await print(
      `${balancer.title}: ${plan.host} leads to Fleet (${plan.mode === 'rewrite' ? 'requests are passed on' : 'redirected with 307'}).`,
      ...table(
        plan.routes.map((route) => [
          `${route.path}${route.match === 'prefix' ? '…' : ''}`,
          wordOf(route.to),
          route.why,
        ]),
      ),
      '',
      `written  ${options.out}`,
    );
  if (options.json !== true) {
    for (const note of balancer.notes) tell(`· ${note}`);
    tell(
      balancer.proof === 'run'
        ? '· Our tests run such a configuration on the real server.'
        : '· Not run: our tests check such a configuration against its documented shape only.',
    );
  }
  return EXIT.fine;
}

function targetOf(to: Route['to']): object {
  return to.kind === 'refuse'
    ? { to: to.kind, status: to.status }
    : to.kind === 'fleet'
      ? { to: to.kind, rewritten: to.path }
      : { to: to.kind };
}

function wordOf(to: Route['to']): string {
  return to.kind === 'refuse' ? `refused (${to.status})` : to.kind === 'fleet' ? `Fleet ${to.path}` : 'the old server';
}

// ----------------------------------------------------------------------------------------------------------- dns

async function dns(options: CutoverOptions): Promise<number> {
  const targets = options.target ?? [];
  if (targets.length === 0) needed(undefined, '--target', 'where the name shall lead');
  const view = await viewFrom(options);
  const plan = planDns({
    oldHost: hostFrom(options.oldHost ?? null, view),
    targets,
    ttl: options.ttl === undefined ? null : wholeNumber(options.ttl, '--ttl'),
    at: options.switchAt === undefined ? null : clockFrom({ at: options.switchAt }),
    ...(options.zone === undefined ? {} : { zone: options.zone }),
    ...(options.caIssuer === undefined ? {} : { issuer: options.caIssuer }),
    ...(options.validation === undefined ? {} : { validation: options.validation }),
  });
  if (options.json === true)
    await printJson({
      schema: 1,
      host: plan.host,
      apex: plan.apex,
      records: plan.records,
      steps: plan.steps.map(({ offset, at, sentence }) => ({
        offsetSeconds: offset / 1000,
        at: at === null ? null : rfc3339(at),
        sentence,
      })),
      notes: plan.notes,
    });
  else await printDns(plan);
  return EXIT.fine;
}

async function printDns({ records, steps, notes }: DnsPlan): Promise<void> {
  await print(styled('Records', 'bold'), ...records.map((record) => `  ${plain(zoneLine(record))}`), '');
  await print(
    styled('Steps', 'bold'),
    ...table(steps.map(({ offset, at, sentence }) => [at === null ? spanOf(offset) : rfc3339(at), plain(sentence)])),
    '',
  );
  await print(...notes.map((note) => `· ${plain(note)}`));
}

function spanOf(offset: number): string {
  if (offset === 0) return 'switch';
  const hours = Math.abs(offset) / 3_600_000;
  const span = hours >= 1 ? `${hours} h` : `${Math.abs(offset) / 60_000} min`;
  return `switch ${offset < 0 ? '−' : '+'} ${span}`;
}

// --------------------------------------------------------------------------------------------------------- probe

async function probeNetwork(options: CutoverOptions): Promise<number> {
  const every = options.watch === undefined ? null : wholeNumber(options.watch, '--watch');
  if (every !== null && every < 5)
    misused('usage/watch', 'That is too often.', 'Probe every five seconds at the most.');
  const unknown = options.only?.find((id) => !PROBES.some((one) => one.id === id));
  if (unknown !== undefined)
    misused('usage/probe', `«${unknown}» is no probe.`, `Name some of ${PROBES.map(({ id }) => id).join(', ')}.`);
  const view = await viewFrom(options);
  const subject = probeSubject({
    view,
    host: options.oldHost ?? null,
    port: portFrom(options.port) ?? null,
    places: options.place ?? [],
    resolvers: options.resolver ?? [],
    instances: options.instance ?? [],
    fleetUrl: options.fleetUrl ?? null,
    fleetCaFile: options.fleetUrlCaFile ?? null,
  });
  if (every === null) {
    const at = clockFrom(options);
    const results = await probe({ ...subject, at }, undefined, undefined, options.only ?? null);
    if (options.json === true) await printJson({ schema: 1, at: rfc3339(at), ...bodyOf(subject, results) });
    else await printProbes(results);
    return exitOf(results);
  }
  return watch(subject, every, options);
}

/** Probes again and again and tells what changed; ends when nothing is left to look at. */
async function watch(subject: Omit<ProbeSubject, 'at'>, every: number, options: CutoverOptions): Promise<number> {
  const stop = stopOnSignal('Stopping.');
  const stopped = (): boolean => stop.signal.aborted;
  const before = new Map<string, string>();
  try {
    for (;;) {
      const at = Date.now();
      const results = await probe({ ...subject, at }, undefined, stopped, options.only ?? null);
      if (stopped()) return EXIT.interrupted;
      const changed = results.filter(({ id, code, sentence }) => before.get(id) !== `${code} ${sentence}`);
      for (const { id, code, sentence } of results) before.set(id, `${code} ${sentence}`);
      if (options.json === true) {
        for (const result of changed) await printJson({ schema: 1, at: rfc3339(at), ...result });
      } else if (changed.length > 0) {
        await print(styled(rfc3339(at), 'bold'));
        await printProbes(changed);
      }
      if (results.every(({ status }) => status === 'pass' || status === 'skipped')) return EXIT.fine;
      await waited(every * 1000, stop.signal);
      if (stopped()) return EXIT.interrupted;
    }
  } finally {
    stop.end();
  }
}

function waited(time: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, time);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}

function bodyOf(subject: Omit<ProbeSubject, 'at'>, results: readonly ProbeResult[]): object {
  const counts = { pass: 0, warn: 0, fail: 0, skipped: 0 };
  for (const { status } of results) counts[status] += 1;
  return { host: subject.host, port: subject.port, counts, probes: results };
}

async function printProbes(results: readonly ProbeResult[]): Promise<void> {
  const marks = { pass: styled('✓', 'green'), warn: styled('!', 'yellow'), fail: styled('✗', 'red'), skipped: '–' };
  for (const { title, status, code, sentence, remedy, facts } of results) {
    await print(
      `  ${marks[status]} ${title}: ${plain(sentence)}${status === 'pass' || status === 'skipped' ? '' : ` ${styled(code, 'dim')}`}`,
      ...(remedy === '' ? [] : [`      ${plain(remedy)}`]),
      ...(status === 'skipped' ? [] : facts.map((fact) => `        ${plain(fact)}`)),
    );
  }
}

function exitOf(results: readonly ProbeResult[]): number {
  return results.some(({ status }) => status === 'fail') ? EXIT.found : EXIT.fine;
}

// --------------------------------------------------------------------------------------------------------- input

function needed(value: string | undefined, option: string, what: string): string {
  return value ?? misused('usage/missing-option', `It is not said what ${what} is.`, `Add ${option}.`);
}

function oneOf<T extends string>(value: string | undefined, allowed: readonly T[], option: string): T | undefined {
  if (value === undefined) return undefined;
  return (
    allowed.find((one) => one === value) ??
    misused('usage/choice', `«${value}» says nothing to ${option}.`, `Give ${allowed.join(' or ')}.`)
  );
}

function wholeNumber(text: string, option: string): number {
  if (!/^\d{1,7}$/.test(text)) misused('usage/number', `«${text}» is no number for ${option}.`, 'Give whole seconds.');
  return Number(text);
}

function portFrom(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535
    ? port
    : misused('usage/port', `«${text}» is no port.`, 'Give a number from 1 to 65535.');
}
