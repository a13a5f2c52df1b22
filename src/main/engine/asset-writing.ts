/** Fleet's keys and certificates, as the command line does it: plan, write under lock, take back. */
import { applyAssets } from '../../core/assets/apply';
import { missingAssetGrants } from '../../core/assets/grants';
import { gatherMaterial, type AssetMaterial } from '../../core/assets/material';
import { isSettled, openBlocks, planAssets, type AssetsPlan } from '../../core/assets/plan';
import { undoAssets } from '../../core/assets/undo';
import { refused } from '../../core/failure';
import { Secret } from '../../core/secret';
import { printSource } from '../../core/sources';
import type { EngineInput, EngineOutput, FleetAccess } from './protocol';
import { noServer } from './sample-fleet';
import type { Workbench } from './workbench';

export async function plannedAssets(
  bench: Workbench,
  { fleet, privateKey, accepted }: EngineInput<'planAssets'>,
): Promise<EngineOutput<'planAssets'>> {
  const material = materialOf(bench);
  const { plan, grants } = await planned(bench, material, fleet, privateKey);
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
  input: EngineInput<'applyAssets'>,
): Promise<EngineOutput<'applyAssets'>> {
  const { fleet, privateKey, planId } = input;
  const material = materialOf(bench);
  const { plan } = await planned(bench, material, fleet, privateKey);
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
  });
  const notes = [...result.notes];
  if (result.serial === 'inserted') notes.push('Fleet’s serial counter was lifted above the old CA’s.');
  if (result.serial === 'not-rehearsed') notes.push('The serial counter is not rehearsed: it would move for good.');
  const { restart } = plan.ways.find(({ way }) => way === 'rows') ?? { restart: '' };
  if (!result.rehearsal && result.outcome === 'written' && restart !== '') notes.push(restart);
  return {
    rehearsal: result.rehearsal,
    outcome: result.outcome,
    written: result.written.map(({ name, id, replacedId, sha256 }) => ({ name, id, replacedId, sha256 })),
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

/** The pairs of the source on the bench, proven fit for Fleet. */
function materialOf(bench: Workbench): AssetMaterial {
  const { snapshot, at, sample } = bench.requireSource();
  return gatherMaterial(snapshot, { ca: null, push: null }, sample ? at : Date.now());
}

async function planned(
  bench: Workbench,
  material: AssetMaterial,
  fleet: FleetAccess,
  privateKey: string | null,
): Promise<{ readonly plan: AssetsPlan; readonly grants: readonly string[] }> {
  if (fleet.kind === 'sample') throw noServer();
  const key = keyOf(privateKey);
  const { reference } = bench.requireSource();
  return bench.link.read(fleet, async ({ connection, schema }) => ({
    plan: await planAssets({
      material,
      origin: printSource(reference),
      privateKey: key,
      connection,
      schema,
      at: Date.now(),
    }),
    grants: await missingAssetGrants(connection),
  }));
}

function keyOf(privateKey: string | null): Secret {
  if (privateKey === null) {
    refused(
      'assets/private-key-missing',
      'Fleet’s server private key is not given; without it its assets can be neither read nor written.',
      'Give it here: FLEET_SERVER_PRIVATE_KEY of the Fleet servers.',
    );
  }
  return new Secret('server private key', privateKey);
}
