/** `slipway profile`: the profile Fleet renews migrated devices with: made, checked, and when it will be used. */
import { readFileSync, statSync } from 'node:fs';
import { misused, refused, unreadable } from '../../core/failure';
import { readHosts } from '../../core/fleet/hosts';
import { readRenewalStates } from '../../core/fleet/renewal-state';
import {
  base64Of,
  carriesChallenge,
  compareProfiles,
  environmentLine,
  forecastRenewals,
  makeRenewal,
  microMdmTemplate,
  parseServerUrl,
  readChallenge,
  readEnrollment,
  readInstalled,
  sha256Of,
  type Comparison,
  type Enrollment,
  type Forecast,
  type ProfileProblem,
} from '../../core/profile';
import type { Secret } from '../../core/secret';
import { ENROLLMENT_IDENTIFIER } from '../../core/sources/micromdm/profile';
import { writePrivate } from '../../core/sources/private-folder';
import type { Snapshot } from '../../core/sources/snapshot';
import { EXIT } from '../exit-code';
import { fleetTarget, withFleetConnection } from '../fleet-opening';
import { refuseExisting, refuseForeign, type FleetOptions, type SourceOptions } from '../input';
import { secretFrom } from '../secret-input';
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

/** Enrollment profiles have a few kilobytes; with many anchors some hundred. */
const LARGEST = 16 * 1024 * 1024;

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
  for (const file of files) refuseExisting(file, false);
  const challenge = await challengeFrom(options);
  if (challenge === null)
    return misused(
      'usage/no-challenge',
      'Fleet’s SCEP challenge was not given; the old one is not carried over.',
      'Add --challenge-file FILE, or --fleet and --private-key-file to take it from Fleet’s database.',
    );
  const serverUrl = options.serverUrl === undefined ? null : parseServerUrl(options.serverUrl);
  const installed = (options.installed ?? []).map((file) => readInstalled(bytesOf(file), file));
  const snapshot =
    source === undefined ? null : (await readJudged(source, options, { keepCertificates: false })).snapshot;
  const base = baseOf(options, installed, snapshot, serverUrl);
  if (options.allowOldChallenge !== true && carriesChallenge(base, challenge))
    refused(
      'profile/old-challenge',
      `The challenge given is the one in ${base.name}: whoever has such a profile can enrol anything in Fleet.`,
      'Give Fleet a challenge of its own, or add --allow-old-challenge.',
    );
  const { xml, enrollment } = makeRenewal({ base, serverUrl, challenge });
  const comparison = compareProfiles(enrollment, installed, {
    topic: snapshot?.push?.topic ?? null,
    challenge,
    ...allowances(options),
  });
  if (comparison.verdict === 'fail') {
    if (options.json !== true) for (const line of problemLines(comparison)) tell(line);
    const codes = comparison.problems.filter(({ severity }) => severity === 'error').map(({ code }) => code);
    refused(
      'profile/does-not-fit',
      `The profile made from ${base.name} does not pass its own check; it was not written.`,
      `See to it first: ${[...new Set(codes)].join(', ')}.`,
      { base: base.name, problems: [...new Set(codes)].join(',') },
    );
  }
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

/** What the new profile is made from: what was named, else what is installed, else what the source hands out. */
function baseOf(
  { from, anchorFile }: ProfileOptions,
  installed: readonly Enrollment[],
  snapshot: Snapshot | null,
  serverUrl: string | null,
): Enrollment {
  const anchored = (base: Enrollment): Enrollment => {
    if (anchorFile !== undefined)
      misused(
        'usage/anchor',
        `--anchor-file is for MicroMDM’s own template; this profile is made from ${base.name}.`,
        'Leave it out: the anchors of that profile are kept.',
      );
    return base;
  };
  if (from !== undefined) return anchored(readInstalled(bytesOf(from), from));
  const whole = installed.find(({ form }) => form !== 'listing');
  if (whole !== undefined) return anchored(whole);
  // Stored under this identifier, it is what MicroMDM hands out instead of its own.
  const stored = snapshot?.profiles.find(({ identifier }) => identifier === ENROLLMENT_IDENTIFIER);
  if (stored !== undefined) return anchored(readInstalled(stored.body.reveal(), 'the profile stored at the source'));
  if (snapshot === null)
    return misused(
      'usage/no-base',
      'Nothing to make the profile from.',
      'Name a source, the profile the old server hands out (--from FILE), or one from a device (--installed FILE).',
    );
  if (snapshot.source.kind !== 'micromdm')
    return misused(
      'usage/no-base',
      `A ${snapshot.source.kind} source does not hold its enrollment profile.`,
      'Name it: --from FILE.',
    );
  const topic = snapshot.push?.topic;
  if (topic == null)
    return refused(
      'profile/no-topic',
      'The source holds no push certificate with a topic.',
      'Name the profile the old server hands out: --from FILE.',
    );
  if (serverUrl === null)
    return misused(
      'usage/no-server-url',
      'The source holds no enrollment profile, so its server’s URL is not known.',
      'Add --server-url URL as the server was started with.',
    );
  const anchor = anchorFile === undefined ? null : bytesOf(anchorFile);
  if (anchor !== null && !anchor.includes('-----BEGIN CERTIFICATE-----'))
    misused('usage/anchor', `${anchorFile ?? ''} holds no PEM certificate.`, 'Name the file given to -tls-cert.');
  return microMdmTemplate({ serverUrl, topic, anchor });
}

async function check(file: string | undefined, options: ProfileOptions): Promise<number> {
  if (file === undefined)
    return misused('usage/no-files', 'No profile was named.', 'Name the profile to check: profile check FILE');
  const candidate = readEnrollment(bytesOf(file), file);
  const installed = (options.installed ?? []).map((path) => readInstalled(bytesOf(path), path));
  const comparison = compareProfiles(candidate, installed, {
    topic: options.topic ?? null,
    challenge: await challengeFrom(options),
    ...allowances(options),
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

function allowances(options: ProfileOptions): { allowOldChallenge?: boolean } {
  return options.allowOldChallenge === true ? { allowOldChallenge: true } : {};
}

function bytesOf(path: string): Buffer {
  try {
    if (statSync(path).size > LARGEST)
      unreadable('usage/file', `${path} is larger than 16 MiB.`, 'Name the right file.');
    return readFileSync(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined) throw error;
    return unreadable('usage/file', `${path} cannot be read (${code}).`, 'Check the path and its permissions.');
  }
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
