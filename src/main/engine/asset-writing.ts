/** Fleet's keys and certificates, as the command line does it: plan, write under lock, take back. */
import { applyAssets } from '../../core/assets/apply';
import { environmentText } from '../../core/assets/environment';
import { missingAssetGrants } from '../../core/assets/grants';
import { gatherMaterial, type AssetMaterial, type GivenPair, type PairName } from '../../core/assets/material';
import { isSettled, openBlocks, planAssets, type AssetsPlan } from '../../core/assets/plan';
import { undoAssets } from '../../core/assets/undo';
import { misused, refused } from '../../core/failure';
import { uploadPushCertificate } from '../../core/fleet/api';
import { parseFleetUrl } from '../../core/fleet/https-request';
import { Secret } from '../../core/secret';
import { printSource } from '../../core/sources';
import type { PairChoice } from '../../contract/given-files';
import { replacePrivate } from '../private-file';
import type { GivenFiles } from './given-files';
import type { EngineInput, EngineOutput, FleetAccess } from './protocol';
import { noServer } from './sample-fleet';
import type { Workbench } from './workbench';

export async function plannedAssets(
  bench: Workbench,
  given: GivenFiles,
  { fleet, privateKey, accepted, choice }: EngineInput<'planAssets'>,
): Promise<EngineOutput<'planAssets'>> {
  const { plan, grants } = await planned(bench, gathered(bench, given, choice), fleet, privateKey);
  const open = new Set(openBlocks(plan, new Set(accepted)).map(({ code }) => code));
  return {
    id: plan.id,
    origin: plan.origin,
    privateKeyProvenBy: plan.privateKeyProvenBy,
    ca: plan.changes.ca,
    topic: plan.changes.topic,
    devices: plan.devices,
    assets: plan.assets.map(({ name, action, why, now, wanted }) => ({
      name,
      action,
      why,
      now: now?.value ?? null,
      wanted: { sha256: wanted.sha256, length: wanted.length },
      subject: wanted.subject,
      notAfter: wanted.notAfter,
    })),
    serial: plan.serials === null ? null : plan.serials.serial,
    blocks: plan.blocks.map((block) => ({ ...block, open: open.has(block.code) })),
    ways: [...plan.ways],
    notes: plan.notes,
    grants,
    settled: isSettled(plan),
  };
}

/** Makes the plan again, holds it against the one that was shown, and writes it. */
export async function appliedAssets(
  bench: Workbench,
  given: GivenFiles,
  input: EngineInput<'applyAssets'>,
): Promise<EngineOutput<'applyAssets'>> {
  const { fleet, privateKey, planId } = input;
  const gathering = gathered(bench, given, input.choice);
  const { material } = gathering;
  const upload = uploadTo(input.upload, material);
  const { plan } = await planned(bench, gathering, fleet, privateKey);
  if (plan.id !== planId) {
    refused(
      'assets/changed-since-plan',
      'What would be done now is not what was shown. Nothing was written.',
      'Look at it again, and confirm that.',
    );
  }
  const result = await applyAssets({
    plan,
    material,
    privateKey: keyOf(privateKey),
    connect: () => bench.link.write(fleet),
    probe: (connection) => bench.link.probe(fleet, connection),
    journalFolder: input.journals,
    rehearse: input.rehearse,
    accepted: new Set(input.accepted),
    reason: input.reason,
    tool: input.tool,
    ...(upload === null ? {} : { upload }),
  });
  const notes = [...result.notes];
  if (result.serial === 'inserted') notes.push('Fleet’s serial counter was lifted above the old CA’s.');
  if (result.serial === 'not-rehearsed') notes.push('The serial counter is not rehearsed: it would move for good.');
  const { restart } = plan.ways.find(({ way }) => way === 'rows') ?? { restart: '' };
  const { uploaded } = result;
  if (uploaded?.ok === true) notes.push('Fleet’s API took the push certificate: MDM is on, no restart is needed.');
  else if (!result.rehearsal && result.outcome === 'written' && restart !== '') notes.push(restart);
  return {
    rehearsal: result.rehearsal,
    outcome: result.outcome,
    written: result.written.map(({ name, id, replacedId, sha256 }) => ({ name, id, replacedId, sha256 })),
    uploadFailure: uploaded?.ok === false ? uploaded.failure : null,
    notes,
    journal: result.journal,
  };
}

export async function undoneAssets(
  bench: Workbench,
  { fleet, journal, rehearse, reason }: EngineInput<'undoAssets'>,
): Promise<EngineOutput<'undoAssets'>> {
  if (fleet.kind === 'sample') throw noServer();
  const result = await undoAssets({
    journal,
    connect: () => bench.link.write(fleet),
    probe: (connection) => bench.link.probe(fleet, connection),
    rehearse,
    reason,
  });
  return {
    rehearsal: result.rehearsal,
    removed: result.removed.map(({ name, id }) => ({ name, id })),
    restored: result.restored.map(({ name, id }) => ({ name, id })),
    notes: result.notes,
  };
}

/** Writes the environment file for a fresh Fleet. Where Fleet is at hand, one that would be ignored is refused. */
export async function writtenEnvironment(
  bench: Workbench,
  given: GivenFiles,
  { choice, path, fleet, privateKey, withKey }: EngineInput<'writeEnvironment'>,
): Promise<null> {
  const gathering = gathered(bench, given, choice);
  if (fleet !== null && fleet.kind === 'mysql') {
    const { plan } = await planned(bench, gathering, fleet, privateKey);
    const way = plan.ways.find((one) => one.way === 'environment');
    if (way?.applies !== true) refused('assets/environment-ignored', way?.sentence ?? '', 'Write the rows instead.');
  }
  await replacePrivate(path, environmentText(gathering.material, withKey ? keyOf(privateKey) : null));
  return null;
}

/** What goes in, and where it is from. */
interface Gathering {
  readonly material: AssetMaterial;
  readonly origin: string;
}

/** The pairs as they were chosen, proven fit for Fleet. */
function gathered(bench: Workbench, given: GivenFiles, choice: PairChoice): Gathering {
  const wantsSource = choice.ca === 'source' || choice.push === 'source';
  const source = wantsSource ? bench.requireSource() : bench.source;
  const made = (name: PairName): string | null => (choice[name] === 'files' ? given.pair(name).made : null);
  const chosen = (name: PairName): GivenPair => {
    if (choice[name] === 'none') return 'left-out';
    return choice[name] === 'files' ? given.pairFiles(name) : null;
  };
  const at = source?.sample === true ? source.at : Date.now();
  const origin = [
    ...(wantsSource && source !== null ? [printSource(source.reference)] : []),
    ...(choice.push === 'files' ? [made('push') ?? 'APNs pair from files'] : []),
    ...(choice.ca === 'files' ? [made('ca') ?? 'SCEP CA from files'] : []),
  ].join(', ');
  return {
    material: gatherMaterial(source?.snapshot ?? null, { ca: chosen('ca'), push: chosen('push') }, at),
    origin,
  };
}

/** The upload through Fleet's API; what it needs is asked for before anything is written. */
function uploadTo(access: EngineInput<'applyAssets'>['upload'], { push }: AssetMaterial): (() => Promise<void>) | null {
  if (access === null) return null;
  const { url, caFile, token } = access;
  if (url === null || token === null || push === null)
    return misused(
      'assets/upload',
      'To upload the push certificate Fleet’s own address, an API token and the push certificate are needed.',
      'Give address and token at Fleet.',
    );
  parseFleetUrl(url);
  return () => uploadPushCertificate({ url, caFile }, new Secret('Fleet API token', token), push.certPem);
}

async function planned(
  bench: Workbench,
  { material, origin }: Gathering,
  fleet: FleetAccess,
  privateKey: string | null,
): Promise<{ readonly plan: AssetsPlan; readonly grants: readonly string[] }> {
  if (fleet.kind === 'sample') throw noServer();
  const key = keyOf(privateKey);
  return bench.link.read(fleet, async ({ connection, schema }) => ({
    plan: await planAssets({ material, origin, privateKey: key, connection, schema, at: Date.now() }),
    grants: await missingAssetGrants(connection),
  }));
}

/** The server private key as it was typed; refuses without one. */
export function keyOf(privateKey: string | null): Secret {
  if (privateKey === null) {
    refused(
      'assets/private-key-missing',
      'Fleet’s server private key is not given; without it its assets can be neither read nor written.',
      'Give it here: FLEET_SERVER_PRIVATE_KEY of the Fleet servers.',
    );
  }
  return new Secret('server private key', privateKey);
}
