import { dirname, resolve } from 'node:path';
import { version } from '../../../package.json';
import { applyAssets, checkBlocks, type AssetsApplyResult } from '../../core/assets/apply';
import { environmentParts, environmentText } from '../../core/assets/environment';
import { missingAssetGrants } from '../../core/assets/grants';
import {
  gatherMaterial,
  valuesOf,
  type AssetMaterial,
  type AssetName,
  type PairFiles,
} from '../../core/assets/material';
import { isSettled, openBlocks, planAssets, type AssetsPlan } from '../../core/assets/plan';
import { undoAssets, type AssetsUndoResult } from '../../core/assets/undo';
import { misused, refused } from '../../core/failure';
import { uploadPushCertificate } from '../../core/fleet/api';
import { connectFleet, type FleetTarget } from '../../core/fleet/connection';
import { parseFleetUrl } from '../../core/fleet/https-request';
import { probeSchema } from '../../core/fleet/probe';
import { refuseExisting, writePrivate } from '../../core/private-file';
import { Secret } from '../../core/secret';
import { printSource } from '../../core/sources';
import { EXIT } from '../exit-code';
import { fleetTarget, withFleetConnection } from '../fleet-opening';
import { clockFrom, confirm, requireAnswer, type AcceptOptions, type FleetOptions, type SourceOptions } from '../input';
import { fileBytes, secretFrom } from '../secret-input';
import { readJudged, sourceNamed } from '../source-reading';
import { plain, print, printJson, styled, table, tell } from '../terminal';
import { readText } from '../text-file';

interface AssetsOptions extends SourceOptions, FleetOptions, AcceptOptions {
  readonly apnsCert?: string;
  readonly apnsKeyFile?: string;
  readonly apnsKey?: string;
  readonly scepCert?: string;
  readonly scepKeyFile?: string;
  readonly scepKey?: string;
  readonly out?: string;
  readonly plan?: string;
  readonly overwrite?: boolean;
  readonly rehearse?: boolean;
  readonly upload?: boolean;
  readonly journals?: string;
  readonly yes?: boolean;
}

/** `slipway assets plan|apply|undo|env`: the APNs pair and the SCEP CA into Fleet. */
export async function run(what: string, subject: string | undefined, options: AssetsOptions): Promise<number> {
  switch (what) {
    case 'plan':
      return plan(subject, options);
    case 'apply':
      return apply(subject, options);
    case 'undo':
      return undo(subject, options);
    default:
      return environment(subject, options);
  }
}

async function plan(source: string | undefined, options: AssetsOptions): Promise<number> {
  if (options.out !== undefined) refuseExisting(options.out, options.overwrite);
  const target = targetOf(options);
  const privateKey = privateKeyOf(options);
  const { material, origin } = await materialOf(source, options);
  const { made, grants } = await withFleetConnection(target, 'read', async (connection) => ({
    made: await planAssets({
      material,
      origin,
      privateKey,
      connection,
      schema: await probeSchema(connection),
      at: clockFrom(options),
    }),
    grants: await missingAssetGrants(connection),
  }));
  if (options.out !== undefined)
    await writePrivate(options.out, `${JSON.stringify(made, null, 2)}\n`, { overwrite: options.overwrite ?? false });
  if (options.json === true) await printJson({ ...made, grants });
  else {
    await print(...planLines(made, options));
    if (grants.length > 0) {
      await print('To apply, the account lacks:', ...grants.map((statement) => `  ${plain(statement)}`));
    }
    if (options.out !== undefined) await print(`Written to ${plain(options.out)}.`);
  }
  return openBlocks(made, new Set(options.accept ?? [])).length === 0 ? EXIT.fine : EXIT.found;
}

async function apply(source: string | undefined, options: AssetsOptions): Promise<number> {
  requireAnswer(options.yes);
  const target = targetOf(options);
  const privateKey = privateKeyOf(options);
  const upload = options.upload === true ? uploadTo(options) : null;
  const { material, origin } = await materialOf(source, options);
  const { push } = material;
  if (upload !== null && push === null) {
    misused('usage/upload', 'There is no push certificate to upload.', 'Leave --upload out, or give the APNs pair.');
  }
  const made = await planNow(material, origin, options);
  if (options.plan !== undefined) checkReviewed(made, options.plan);
  const accepted = new Set(options.accept ?? []);
  checkBlocks(made, accepted);
  if (options.json !== true) await print(...planLines(made, options));
  if (!(await confirm(question(made, options), made.target.database, options.yes))) {
    tell('Nothing was written.');
    return EXIT.found;
  }
  const result = await applyAssets({
    plan: made,
    material,
    privateKey,
    connect: () => connectFleet(target, 'write'),
    probe: probeSchema,
    journalFolder: resolve(options.journals ?? (options.plan === undefined ? '.' : dirname(options.plan))),
    rehearse: options.rehearse ?? false,
    accepted,
    reason: options.reason ?? null,
    tool: `slipway ${version}`,
    ...(upload === null || push === null ? {} : { upload: () => upload(push.certPem) }),
  });
  if (options.json === true) await printJson({ schema: 1, ...result });
  else await printApply(result, made);
  return result.uploaded?.ok === false ? EXIT.found : EXIT.fine;
}

async function undo(journal: string | undefined, options: AssetsOptions): Promise<number> {
  if (journal === undefined) {
    misused(
      'usage/journal-missing',
      'The journal to take back is not named.',
      'Name the file that `slipway assets apply` wrote (….assets.jsonl).',
    );
  }
  requireAnswer(options.yes);
  const target = targetOf(options);
  const { host, database } = target.address;
  const asked =
    `${options.rehearse === true ? 'Rehearse taking back' : 'Take back'} the assets ${plain(journal)} wrote into ${plain(database)} at ${plain(host)}. ` +
    'What they replaced becomes active again.';
  if (!(await confirm(asked, database, options.yes))) {
    tell('Nothing was changed.');
    return EXIT.found;
  }
  const result = await undoAssets({
    journal: resolve(journal),
    connect: () => connectFleet(target, 'write'),
    probe: probeSchema,
    rehearse: options.rehearse ?? false,
    reason: options.reason ?? null,
    accepted: new Set(options.accept ?? []),
  });
  if (options.json === true) await printJson({ schema: 1, ...result });
  else await printUndo(result);
  return EXIT.fine;
}

async function environment(source: string | undefined, options: AssetsOptions): Promise<number> {
  const { out } = options;
  if (out === undefined) {
    misused('usage/out-missing', 'Where the environment file shall go is not said.', 'Name it with --out FILE.');
  }
  refuseExisting(out, options.overwrite);
  const { material, origin } = await materialOf(source, options);
  const privateKey = secretFrom('server private key', options.privateKeyFile, 'SLIPWAY_PRIVATE_KEY');
  if (options.fleet !== undefined) await checkFresh(material, origin, options);
  await writePrivate(out, environmentText(material, privateKey), { overwrite: options.overwrite ?? false });
  const values = valuesOf(material);
  const parts = environmentParts(material).map(({ variable, asset }) => {
    const value = new Secret(asset, values.get(asset as AssetName) ?? Buffer.alloc(0));
    return { variable, asset, sha256: value.sha256(), length: value.length };
  });
  if (options.json === true) {
    await printJson({ schema: 1, file: out, origin, privateKeyIncluded: privateKey !== null, variables: parts });
    return EXIT.fine;
  }
  await print(
    ...table(
      parts.map(({ variable, sha256, length }) => [variable, `${length} bytes`, `sha256 ${sha256.slice(0, 16)}…`]),
    ),
    `Written to ${plain(out)} (0600). It holds private keys: use it for one start of a Fleet whose database has neither pair yet, then delete it.`,
    ...(privateKey === null ? ['FLEET_SERVER_PRIVATE_KEY is not in it: set it as well.'] : []),
  );
  return EXIT.fine;
}

/** The upload through Fleet's API; the token is asked for before anything is written. */
function uploadTo(options: AssetsOptions): (pem: string) => Promise<void> {
  const token = secretFrom('Fleet API token', options.fleetTokenFile, 'SLIPWAY_FLEET_TOKEN');
  if (options.fleetUrl === undefined || token === null) {
    misused(
      'usage/upload',
      'To upload the push certificate Fleet’s own address and an API token are needed.',
      'Give --fleet-url and --fleet-token-file.',
    );
  }
  const fleet = { url: options.fleetUrl, caFile: options.fleetUrlCaFile ?? null };
  parseFleetUrl(fleet.url);
  return (pem) => uploadPushCertificate(fleet, token, pem);
}

/** With a Fleet at hand: refuses where the file would be ignored. */
async function checkFresh(material: AssetMaterial, origin: string, options: AssetsOptions): Promise<void> {
  const made = await planNow(material, origin, options);
  const way = made.ways.find((one) => one.way === 'environment');
  if (way?.applies === true) return;
  refused('assets/environment-ignored', way?.sentence ?? '', 'Write rows instead: `slipway assets plan`, then apply.');
}

function planNow(material: AssetMaterial, origin: string, options: AssetsOptions): Promise<AssetsPlan> {
  const privateKey = privateKeyOf(options);
  return withFleetConnection(targetOf(options), 'read', async (connection) =>
    planAssets({
      material,
      origin,
      privateKey,
      connection,
      schema: await probeSchema(connection),
      at: clockFrom(options),
    }),
  );
}

function targetOf(options: AssetsOptions): FleetTarget {
  if (options.fleet === undefined) {
    misused(
      'usage/fleet-missing',
      'Fleet’s database is not named.',
      'Name it with --fleet mysql://USER@HOST/DATABASE.',
    );
  }
  return fleetTarget(options.fleet, options);
}

function privateKeyOf(options: AssetsOptions): Secret {
  const key = secretFrom('server private key', options.privateKeyFile, 'SLIPWAY_PRIVATE_KEY');
  if (key !== null) return key;
  return misused(
    'usage/private-key-missing',
    'Fleet’s server private key is not given; without it its assets can be neither read nor written.',
    'Name a file with --private-key-file, or set SLIPWAY_PRIVATE_KEY.',
  );
}

async function materialOf(
  source: string | undefined,
  options: AssetsOptions,
): Promise<{ readonly material: AssetMaterial; readonly origin: string }> {
  const push = pairFiles('apns', options.apnsCert, options.apnsKeyFile ?? options.apnsKey);
  const ca = pairFiles('scep', options.scepCert, options.scepKeyFile ?? options.scepKey);
  const snapshot = source === undefined ? null : (await readJudged(source, options)).snapshot;
  const origin = [
    ...(source === undefined ? [] : [printSource(sourceNamed(source, options))]),
    ...(push === null ? [] : ['APNs pair from files']),
    ...(ca === null ? [] : ['SCEP CA from files']),
  ].join(', ');
  return { material: gatherMaterial(snapshot, { push, ca }, clockFrom(options)), origin };
}

function pairFiles(kind: 'apns' | 'scep', cert: string | undefined, key: string | undefined): PairFiles | null {
  if (cert === undefined && key === undefined) return null;
  if (cert === undefined || key === undefined) {
    misused(
      'usage/pair-incomplete',
      `Of the ${kind === 'apns' ? 'APNs pair' : 'SCEP CA'} only the ${cert === undefined ? 'key' : 'certificate'} was given.`,
      `Give both, --${kind}-cert and --${kind}-key-file.`,
    );
  }
  return { certificate: fileBytes(`the ${kind} certificate`, cert), key: fileBytes(`the ${kind} key`, key) };
}

/** The plan that was reviewed must be the one that would be carried out. */
function checkReviewed(made: AssetsPlan, path: string): void {
  let reviewed: unknown;
  try {
    reviewed = JSON.parse(readText('plan', path));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  const { kind, id } = (typeof reviewed === 'object' ? (reviewed ?? {}) : {}) as { kind?: unknown; id?: unknown };
  if (kind !== 'slipway-assets-plan') {
    misused('usage/assets-plan', `${path} is no plan of assets.`, 'Name the file `slipway assets plan --out` wrote.');
  }
  if (id === made.id) return;
  refused(
    'assets/changed-since-plan',
    'What would be done now is not what that plan says. Nothing was written.',
    'Make the plan anew and look at what changed.',
    { planned: typeof id === 'string' ? id : null, found: made.id },
  );
}

function question(made: AssetsPlan, options: AssetsOptions): string {
  const { database, host, port } = made.target;
  const going = made.assets.filter(({ action }) => action !== 'keep').map(({ name }) => name);
  const where = `${plain(database)} at ${plain(host)}:${port}`;
  const what = going.length === 0 ? 'No asset changes' : `${going.join(', ')} ${going.length === 1 ? 'goes' : 'go'} in`;
  const cut = made.blocks.map(({ sentence }) => ` Accepted: ${plain(sentence)}`).join('');
  return options.rehearse === true
    ? `Rehearse on ${where}: ${what}. Everything is rolled back.${cut}`
    : `Write to ${where}: ${what}; what is replaced is soft-deleted and can be taken back.${cut} A backup of that database exists.`;
}

const CA_CHANGES = {
  untouched: 'is not part of this',
  new: 'Fleet has none yet',
  same: 'is the same certificate',
  reissued: 'is re-issued for the same key and name: devices stay accepted',
  different: 'is ANOTHER one: devices under the present one would be refused',
} as const;

function planLines(made: AssetsPlan, options: AssetsOptions): string[] {
  const { target, changes, devices, serials } = made;
  const accepted = new Set(options.accept ?? []);
  const open = new Set(openBlocks(made, accepted).map(({ code }) => code));
  const lines = [
    `Assets ${styled(made.id.slice(0, 12), 'bold')} from ${plain(made.origin)} for ${plain(target.database)} on ${plain(target.host)}:${target.port} (Fleet ${target.generation}, MySQL ${plain(target.version)})`,
    made.privateKeyProvenBy === null
      ? `  ${styled('!', 'yellow')} The server private key is unproven.`
      : `  The server private key opens Fleet’s ${made.privateKeyProvenBy}.`,
    ...table(
      made.assets.map(({ name, action, why, now, wanted }) => [
        action,
        name,
        why,
        `${now?.value == null ? '–' : `sha256 ${now.value.sha256.slice(0, 12)}…, ${now.value.length} bytes`} → sha256 ${wanted.sha256.slice(0, 12)}…, ${wanted.length} bytes`,
      ]),
    ),
    `  SCEP CA: ${CA_CHANGES[changes.ca]}.`,
    changes.topic.wanted === null
      ? '  Push topic: is not part of this.'
      : `  Push topic: ${plain(changes.topic.now ?? 'none')} → ${plain(changes.topic.wanted)}.`,
    `  Devices: ${devices.native} of Fleet’s own, ${devices.imported} imported (${devices.importedInContact} heard from), ${devices.escrowedKeys ?? 'an unknown number of'} escrowed disk encryption keys.`,
  ];
  if (serials !== null) {
    lines.push(
      `  Serials: Fleet’s next is ${serials.targetNext}, the old CA’s ${serials.sourceNext}; lifted to ${BigInt(serials.serial) + 1n}.`,
    );
  }
  for (const { code, sentence, remedy } of made.blocks) {
    lines.push(
      `  ${styled(open.has(code) ? '✗' : '!', open.has(code) ? 'red' : 'yellow')} ${plain(sentence)} ${styled(code, 'dim')}`,
    );
    lines.push(`    ${open.has(code) ? plain(remedy) : 'Accepted by name.'}`);
  }
  for (const note of made.notes) lines.push(`  · ${plain(note)}`);
  lines.push('Ways in:');
  for (const { way, applies, sentence, restart } of made.ways) {
    lines.push(
      `  ${applies ? styled('✓', 'green') : '–'} ${way}: ${plain(sentence)}${applies ? ` ${plain(restart)}` : ''}`,
    );
  }
  return lines;
}

async function printApply(result: AssetsApplyResult, made: AssetsPlan): Promise<void> {
  await print(
    result.rehearsal
      ? styled('Rehearsed; everything was rolled back.', 'bold')
      : styled(
          result.outcome === 'written' ? 'Written, read back and opened again.' : 'Everything stood there already.',
          'bold',
        ),
    ...table(
      result.written.map(({ name, id, replacedId, sha256, length }) => [
        name,
        `row ${id}`,
        replacedId === null ? 'new' : `replaces row ${replacedId}`,
        `sha256 ${sha256.slice(0, 16)}…, ${length} bytes`,
      ]),
    ),
  );
  if (result.serial === 'inserted') await print('  · Fleet’s serial counter was lifted above the old CA’s.');
  if (result.serial === 'not-rehearsed')
    await print('  · The serial counter is not rehearsed: it would move for good.');
  const { uploaded } = result;
  if (uploaded?.ok === true) await print('  · Fleet’s API took the push certificate: MDM is on, no restart is needed.');
  else if (uploaded?.ok === false) {
    await print(
      `  ${styled('✗', 'red')} The upload failed: ${plain(uploaded.failure.message)} ${styled(uploaded.failure.code, 'dim')}`,
      `    ${plain(uploaded.failure.remedy)} The rows stand.`,
    );
  }
  if (!result.rehearsal && uploaded?.ok !== true && !isSettled(made)) {
    await print(`  · ${made.ways.find(({ way }) => way === 'rows')?.restart ?? ''}`);
  }
  await print(`Journal: ${plain(result.journal)}`);
}

async function printUndo(result: AssetsUndoResult): Promise<void> {
  await print(
    styled(result.rehearsal ? 'Rehearsed; everything was rolled back.' : 'Taken back.', 'bold'),
    ...table([
      ...result.removed.map(({ name, id }) => ['removed', name, `row ${id}`]),
      ...result.restored.map(({ name, id, md5 }) => ['active again', name, `row ${id}, md5 ${md5}`]),
    ]),
  );
  for (const note of result.notes) await print(`  · ${plain(note)}`);
  await print(`Journal: ${plain(result.journal)}`);
}
