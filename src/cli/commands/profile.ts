/** `slipway profile`: the profile Fleet renews migrated devices with: made, checked, and when it will be used. */
import { misused } from '../../core/failure';
import { PROFILE_LIMIT } from '../../core/given-file';
import { readHosts } from '../../core/fleet/hosts';
import { readRenewalStates } from '../../core/fleet/renewal-state';
import {
  base64Of,
  checkedRenewal,
  chooseBase,
  compareProfiles,
  environmentLine,
  forecastRenewals,
  parseServerUrl,
  readChallenge,
  readEnrollment,
  readInstalled,
  requireFitting,
  sha256Of,
  type Comparison,
  type Enrollment,
  type Forecast,
  type ProfileProblem,
} from '../../core/profile';
import type { Secret } from '../../core/secret';
import { refuseExisting, writePrivate } from '../../core/private-file';
import { EXIT } from '../exit-code';
import { fleetTarget, withFleetConnection } from '../fleet-opening';
import { refuseForeign, type FleetOptions, type SourceOptions } from '../input';
import { fileBytes, secretFrom } from '../secret-input';
import { readJudged } from '../source-reading';
import { counted, mark, plain, print, printJson, styled, table, tell } from '../terminal';
import { rfc3339 } from '../time';

export interface ProfileOptions extends SourceOptions, FleetOptions {
  readonly from?: string;
  readonly serverUrl?: string;
  readonly challengeFile?: string;
  readonly installed?: string[];
  readonly anchorFile?: string;
  readonly topic?: string;
  readonly out?: string;
  readonly encodedFile?: string;
  readonly environmentFile?: string;
  readonly printEnv?: boolean;
  readonly allowOldChallenge?: boolean;
}

type Action = 'make' | 'check' | 'forecast';

/** Options that only some actions know: one that would be passed over in silence is refused. */
const OWNERS: Readonly<Record<string, readonly Action[]>> = {
  from: ['make'],
  serverUrl: ['make'],
  challengeFile: ['make', 'check'],
  installed: ['make', 'check'],
  anchorFile: ['make'],
  topic: ['check'],
  out: ['make'],
  encodedFile: ['make'],
  environmentFile: ['make'],
  printEnv: ['make'],
  allowOldChallenge: ['make', 'check'],
  fleetUrl: [],
  fleetUrlCaFile: [],
  fleetTokenFile: [],
  privateKeyFile: ['make', 'check'],
};

export async function run(action: Action, subject: string | undefined, options: ProfileOptions): Promise<number> {
  refuseForeign('profile', action, options, OWNERS);
  switch (action) {
    case 'make':
      return make(subject, options);
    case 'check':
      return check(subject, options);
    case 'forecast':
      return forecast(subject, options);
  }
}

async function make(source: string | undefined, options: ProfileOptions): Promise<number> {
  const { out, encodedFile, environmentFile } = options;
  if (out === undefined) return misused('usage/no-out', 'There is no file to write to.', 'Add --out FILE.');
  const files = [out, encodedFile, environmentFile].filter((file) => file !== undefined);
  if (new Set(files).size !== files.length)
    misused('usage/same-file', 'Two outputs have the same name.', 'Name a file for each.');
  for (const file of files) refuseExisting(file);
  const challenge = await challengeFrom(options);
  if (challenge === null)
    return misused(
      'usage/no-challenge',
      'Fleet’s SCEP challenge was not given; the old one is not carried over.',
      'Add --challenge-file FILE, or --fleet and --private-key-file to take it from Fleet’s database.',
    );
  const serverUrl = options.serverUrl === undefined ? null : parseServerUrl(options.serverUrl);
  const installed = installedOf(options);
  const snapshot =
    source === undefined ? null : (await readJudged(source, options, { keepCertificates: false })).snapshot;
  const base = chooseBase({
    from: options.from === undefined ? null : readInstalled(bytesOf(options.from), options.from),
    installed,
    snapshot,
    serverUrl,
    anchor: options.anchorFile === undefined ? null : bytesOf(options.anchorFile),
  });
  const made = checkedRenewal({
    base,
    serverUrl,
    challenge,
    installed,
    topic: snapshot?.push?.topic ?? null,
    allowOldChallenge: options.allowOldChallenge === true,
  });
  const { xml, enrollment, comparison } = made;
  if (comparison.verdict === 'fail' && options.json !== true) for (const line of problemLines(comparison)) tell(line);
  requireFitting(made);
  const line = environmentLine(xml);
  await writePrivate(out, xml.reveal());
  if (encodedFile !== undefined) await writePrivate(encodedFile, base64Of(xml).reveal());
  if (environmentFile !== undefined) await writePrivate(environmentFile, Buffer.from(`${line.revealText()}\n`));
  if (options.json === true) {
    await printJson({
      schema: 1,
      base: base.name,
      file: { path: out, size: xml.length, sha256: xml.sha256() },
      encodedFile: encodedFile ?? null,
      environmentFile: environmentFile ?? null,
      ...(options.printEnv === true ? { env: line.revealText() } : {}),
      ...comparisonJson(comparison),
    });
  } else {
    await print(
      ...table([
        ['made from', base.name],
        ...factsOf(enrollment),
        ['challenge', String(challenge)],
        ['written', `${out} (0600, ${counted(xml.length, 'byte')}, sha256 ${xml.sha256()})`],
        ...(encodedFile === undefined ? [] : [['base64', `${encodedFile} (0600)`]]),
        ...(environmentFile === undefined ? [] : [['environment', `${environmentFile} (0600)`]]),
      ]),
      '',
      ...comparisonLines(comparison),
    );
    if (base.form === 'template' && options.anchorFile === undefined && installed.length === 0)
      tell(
        'If MicroMDM ran with -tls-cert, its devices hold that certificate: add --anchor-file, or they would lose it.',
      );
    if (options.printEnv === true) await print(line.revealText());
    tell('It holds Fleet’s SCEP challenge: keep it like a password. Restart every Fleet instance that gets it.');
  }
  return comparison.verdict === 'pass' ? EXIT.fine : EXIT.found;
}

async function check(file: string | undefined, options: ProfileOptions): Promise<number> {
  if (file === undefined)
    return misused('usage/no-files', 'No profile was named.', 'Name the profile to check: profile check FILE');
  const candidate = readEnrollment(bytesOf(file), file);
  const installed = installedOf(options);
  const comparison = compareProfiles(candidate, installed, {
    topic: options.topic ?? null,
    challenge: await challengeFrom(options),
    allowOldChallenge: options.allowOldChallenge === true,
  });
  if (options.json === true) {
    await printJson({
      schema: 1,
      candidate: { file, form: candidate.form, sha256: sha256Of(candidate) },
      ...comparisonJson(comparison),
    });
  } else await print(...table(factsOf(candidate)), '', ...comparisonLines(comparison));
  return comparison.verdict === 'pass' ? EXIT.fine : EXIT.found;
}

/** Fleet's challenge: from a file, else out of Fleet's own database. */
async function challengeFrom(options: ProfileOptions): Promise<Secret | null> {
  const given = secretFrom('SCEP challenge', options.challengeFile, 'SLIPWAY_CHALLENGE');
  if (given !== null || options.fleet === undefined) return given;
  const key = secretFrom('server private key', options.privateKeyFile, 'SLIPWAY_PRIVATE_KEY');
  if (key === null)
    return misused(
      'usage/no-private-key',
      'Fleet’s challenge lies encrypted in its database.',
      'Add --private-key-file FILE with Fleet’s server private key, or give the challenge with --challenge-file.',
    );
  return withFleetConnection(fleetTarget(options.fleet, options), 'read', (connection) =>
    readChallenge(connection, key),
  );
}

function installedOf({ installed = [] }: ProfileOptions): Enrollment[] {
  return installed.map((file) => readInstalled(bytesOf(file), file));
}

function bytesOf(path: string): Buffer {
  return fileBytes('the profile', path, PROFILE_LIMIT);
}

function factsOf({ root, mdm, payloads }: Enrollment): string[][] {
  const text = (value: unknown): string => (typeof value === 'string' ? value : '–');
  return [
    ['identifier', text(root['PayloadIdentifier'])],
    ['ServerURL', text(mdm?.['ServerURL'])],
    ['CheckInURL', text(mdm?.['CheckInURL'])],
    ['topic', text(mdm?.['Topic'])],
    ['payloads', payloads.map((payload) => text(payload['PayloadType'])).join(', ')],
  ];
}

/** The JSON contract of a comparison, schema 1 (docs/json-contract.md). */
function comparisonJson({ verdict, renews, groups, problems }: Comparison): Record<string, unknown> {
  return {
    verdict,
    renews,
    groups: groups.map(({ names, accepted, differsIn, fields }) => ({ files: names, accepted, differsIn, fields })),
    problems: problems.map(({ code, severity, party, field, group, sentence, remedy }) => ({
      code,
      severity,
      party,
      field,
      group,
      sentence,
      remedy,
    })),
  };
}

function comparisonLines(comparison: Comparison): string[] {
  const { verdict, renews, groups } = comparison;
  const lines: string[] = [];
  for (const [index, { names, accepted, differsIn, fields }] of groups.entries()) {
    const title = groups.length > 1 ? `Group ${index + 1}: ` : 'Compared with ';
    lines.push(
      `${styled(`${title}${plain(names.join(', '))}`, 'bold')} · ${accepted ? styled('Apple would take it for an update', 'green') : styled('Apple would refuse it', 'red')}`,
    );
    if (differsIn.length > 0) lines.push(`  differs from group 1 in ${plain(differsIn.join(', '))}`);
    for (const { field, candidate, installed, same } of fields) {
      const mark = same ? styled('✓', 'green') : styled('✗', 'red');
      const values = same
        ? plain(candidate ?? '–')
        : `${plain(candidate ?? '(absent)')}  installed: ${plain(installed ?? '(absent)')}`;
      lines.push(`  ${mark} ${plain(field)}: ${values}`);
    }
  }
  if (groups.length > 0) lines.push('');
  lines.push(...problemLines(comparison));
  const told = {
    pass: styled('pass', 'green'),
    warning: styled('warning', 'yellow'),
    fail: styled('fail', 'red'),
  };
  lines.push(
    `${told[verdict]}: ${renews ? 'Fleet could renew with it' : 'Fleet could not renew with it'}${verdict === 'pass' ? '.' : '; see above.'}`,
  );
  return lines;
}

function problemLines({ problems, groups }: Comparison): string[] {
  return problems.flatMap((problem: ProfileProblem) => {
    const { code, severity, field, group, sentence, remedy } = problem;
    const where = [field, group !== null && groups.length > 1 ? `group ${group + 1}` : null].filter((part) => part);
    return [
      `${mark(severity)} ${plain(sentence)} ${styled(code, 'dim')}`,
      ...(where.length > 0 ? [`    ${plain(where.join(', '))}`] : []),
      `    ${plain(remedy)}`,
    ];
  });
}

async function forecast(source: string | undefined, options: ProfileOptions): Promise<number> {
  if (source === undefined)
    return misused('usage/source', 'No source was named.', 'Name it: profile forecast micromdm:PATH');
  const { snapshot, judgement, at } = await readJudged(source, options, { keepCertificates: false });
  const known = judgement.devices.map(({ device }) => device);
  const asked =
    options.fleet === undefined
      ? { hosts: null, states: null }
      : await withFleetConnection(fleetTarget(options.fleet, options), 'read', async (connection) => ({
          hosts: await readHosts(connection, known),
          states: await readRenewalStates(
            connection,
            known.map(({ udid }) => udid).filter((udid) => udid !== null),
          ),
        }));
  const told = forecastRenewals({ devices: judgement.devices, instant: snapshot.instant, at, ...asked });
  if (options.json === true) await printJson(forecastJson(told));
  else await printForecast(told);
  return told.obstacles.some(({ never }) => never) ? EXIT.found : EXIT.fine;
}

/** The JSON contract of a forecast, schema 1 (docs/json-contract.md). */
function forecastJson({ at, weeks, obstacles, ...counts }: Forecast): Record<string, unknown> {
  return {
    schema: 1,
    at: rfc3339(at),
    ...counts,
    weeks: weeks.map(({ start, due, renewed, waiting }) => ({ start: rfc3339(start), due, renewed, waiting })),
    obstacles,
  };
}

async function printForecast({
  devices,
  renewing,
  dueAtOnce,
  hoursForThese,
  weeks,
  obstacles,
}: Forecast): Promise<void> {
  await print(
    `${styled(counted(devices, 'device'), 'bold')}: Fleet renews ${renewing.toLocaleString('en')}, 180 days before their end, 100 an hour.`,
    dueAtOnce === 0
      ? 'None is due yet.'
      : `${counted(dueAtOnce, 'device')} due at once: about ${counted(hoursForThese, 'hour')}.`,
    '',
    ...table([
      ['WEEK FROM', 'DUE', 'RENEWED', 'WAITING'],
      ...weeks.map(({ start, due, renewed, waiting }) => [
        rfc3339(start).slice(0, 10),
        String(due),
        String(renewed),
        String(waiting),
      ]),
    ]),
  );
  for (const { code, never, count, udids, sentence, remedy } of obstacles) {
    await print(
      `${never ? styled('✗', 'red') : styled('!', 'yellow')} ${count.toLocaleString('en')} × ${plain(sentence)} ${styled(code, 'dim')}`,
      `    ${plain(remedy)}`,
      ...udids.slice(0, 5).map((udid) => `      ${plain(udid)}`),
      ...(udids.length > 5 ? [`      and ${udids.length - 5} more (--json lists them all)`] : []),
    );
  }
}
