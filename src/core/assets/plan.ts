/**
 * What of the APNs pair and the SCEP CA Fleet holds now, what would change, and whether it may.
 *
 * Reads only. The plan shows hashes and lengths, never a value; it is made again by apply under lock and must be the
 * same one.
 */
import { createHash, type KeyObject } from 'node:crypto';
import { readCertificate, type Certificate } from '../certificates/der';
import { keyMatches, openPrivateKey } from '../certificates/key';
import { looksLikePem, readCertificateBytes, readPem } from '../certificates/pem';
import { attempt, FailureError, refused } from '../failure';
import { decryptAsset, identityOf, MDM_ASSETS, provePrivateKey, sameCa, type KeyProof } from '../fleet/assets';
import type { FleetConnection } from '../fleet/connection';
import type { ProbedSchema } from '../fleet/probe';
import { canonicalHash } from '../migration/canonical';
import { serialsStep, type Plan } from '../migration/plan';
import type { Secret } from '../secret';
import { countEscrowedKeys, readDependents, type DependentDevices } from './contact';
import { PAIRS, valuesOf, type AssetMaterial, type AssetName } from './material';
import { assetsOf, checksumMatches, readActiveRows, storedSha256, type AssetRow } from './rows';

/** One of the four rows: what stands there, what is wanted, what is done. */
export interface PlannedAsset {
  readonly name: AssetName;
  readonly action: 'insert' | 'replace' | 'keep';
  /** Why, in few words. */
  readonly why: string;
  readonly now: {
    readonly id: number;
    /** Of the encrypted row; md5 as the column has it. */
    readonly md5: string;
    readonly storedSha256: string;
    readonly createdAt: string;
    /** Of the decrypted value; null when the private key does not open it. */
    readonly value: { readonly sha256: string; readonly length: number } | null;
    /** Of a certificate. */
    readonly subject: string | null;
    readonly notAfter: string | null;
  } | null;
  readonly wanted: {
    readonly sha256: string;
    readonly length: number;
    readonly subject: string | null;
    readonly notAfter: string | null;
  };
}

/** Why it may not be done, or only when accepted by name. */
export interface AssetBlock {
  readonly code: string;
  readonly sentence: string;
  readonly remedy: string;
  /** `--accept` lifts it. */
  readonly overridable: boolean;
}

/** One way into Fleet, and whether it is this server's. */
export interface AssetWay {
  readonly way: 'rows' | 'environment' | 'api';
  readonly applies: boolean;
  readonly sentence: string;
  readonly restart: string;
}

export interface AssetsPlan {
  readonly schema: 1;
  readonly kind: 'slipway-assets-plan';
  /** Over what would be done and what stands against it; not over clocks and counters. */
  readonly id: string;
  readonly at: string;
  /** Where the material comes from, without any secret. */
  readonly origin: string;
  readonly target: {
    readonly host: string;
    readonly port: number;
    readonly database: string;
    readonly serverUuid: string;
    readonly version: string;
    readonly generation: string;
  };
  /** The asset that the server private key opens; null when there is none to try it on. */
  readonly privateKeyProvenBy: string | null;
  /** Fleet says that MDM is on; null when it could not be asked. */
  readonly mdmOn: boolean | null;
  readonly changes: {
    /** What becomes of the CA devices are verified with. */
    readonly ca: 'untouched' | 'new' | 'same' | 'reissued' | 'different';
    readonly topic: { readonly now: string | null; readonly wanted: string | null; readonly changes: boolean };
  };
  readonly devices: DependentDevices & {
    /** Escrowed disk encryption keys of Macs; null when the account may not look. */
    readonly escrowedKeys: number | null;
  };
  readonly assets: readonly PlannedAsset[];
  readonly serials: Plan['steps']['serials'];
  readonly blocks: readonly AssetBlock[];
  readonly ways: readonly AssetWay[];
  readonly notes: readonly string[];
}

export interface AssetsPlanInput {
  readonly material: AssetMaterial;
  readonly origin: string;
  readonly privateKey: Secret;
  readonly connection: FleetConnection;
  readonly schema: ProbedSchema;
  /** Milliseconds. */
  readonly at: number;
  /** Lock the rows; inside a transaction of the caller's. */
  readonly lock?: boolean;
}

/**
 * Makes the plan. Throws `assets/table-missing`, `fleet/private-key-short`, and `fleet/private-key-wrong` when the key
 * opens none of Fleet's assets.
 */
export async function planAssets(input: AssetsPlanInput): Promise<AssetsPlan> {
  const { connection } = input;
  if (input.lock === true) return decide(input);
  await connection.begin();
  try {
    return await decide(input);
  } finally {
    await connection.rollback().catch(() => undefined);
  }
}

async function decide(input: AssetsPlanInput): Promise<AssetsPlan> {
  const { material, connection, schema, privateKey } = input;
  if (!schema.tables.has('mdm_config_assets')) {
    refused(
      'assets/table-missing',
      'There is no table mdm_config_assets (or the account may not see it): this Fleet keeps its certificates elsewhere.',
      'Grant SELECT, INSERT, UPDATE and DELETE on it, or upgrade Fleet.',
    );
  }
  const rows = await readActiveRows(connection, [...MDM_ASSETS, 'scep_challenge'], input.lock ?? false);
  const proof = proven(rows, privateKey);
  const stored = new Map(rows.map((row) => [row.name, new StoredAsset(row, privateKey)]));
  const assets = plannedAssets(material, stored);
  const changes = changesOf(material, stored);
  const devices = {
    ...(await readDependents(connection, schema)),
    escrowedKeys: await countEscrowedKeys(connection, schema.tables),
  };
  const blocks = blocksOf(input, stored, changes, devices, proof);
  const mdmOn = await isMdmOn(connection);
  const { address, server } = connection;
  const target = {
    host: address.host,
    port: address.port,
    database: address.database,
    serverUuid: server.serverUuid,
    version: server.version,
    generation: schema.generation,
  };
  const body = {
    schema: 1 as const,
    kind: 'slipway-assets-plan' as const,
    at: new Date(input.at).toISOString(),
    origin: input.origin,
    target,
    privateKeyProvenBy: proof.state === 'proven' ? proof.by : null,
    mdmOn,
    changes,
    devices,
    assets,
    serials: await serialsStep(connection, schema, material.nextSerial, true),
    blocks,
    ways: waysOf(material, stored, proof, mdmOn),
    notes: notesOf(material, stored, assets),
  };
  const id = canonicalHash({
    origin: body.origin,
    target,
    changes,
    assets: assets.map(({ name, action, now, wanted }) => ({ name, action, now, wanted })),
    blocks: blocks.map(({ code }) => code),
  });
  return { ...body, id };
}

/** Throws when the key is wrong, so that nothing else is even looked at. */
function proven(rows: readonly AssetRow[], privateKey: Secret): KeyProof {
  const short = decryptAsset('', Buffer.alloc(0), privateKey);
  if (!short.ok && short.failure.code === 'fleet/private-key-short') throw new FailureError(short.failure);
  const proof = provePrivateKey(assetsOf(rows), privateKey);
  if (proof.state === 'wrong') throw new FailureError(proof.failure);
  return proof;
}

/** An active row with what it holds. */
class StoredAsset {
  readonly value: Secret | null;

  constructor(
    readonly row: AssetRow,
    privateKey: Secret,
  ) {
    const opened = decryptAsset(row.name, row.value, privateKey);
    this.value = opened.ok ? opened.value : null;
  }

  /** The certificate Fleet uses: the first. */
  get certificate(): Certificate | null {
    const [der] = this.value === null ? [] : readCertificateBytes(this.value.reveal());
    return der === undefined ? null : readCertificate(der);
  }

  get key(): KeyObject | null {
    if (this.value === null) return null;
    try {
      return openPrivateKey(this.value.reveal(), `the asset ${this.row.name}`);
    } catch (error) {
      if (error instanceof FailureError) return null;
      throw error;
    }
  }

  /** PKCS#1 in PEM, the form Fleet's yearly renewal can read. */
  get isPkcs1(): boolean {
    const bytes = this.value?.reveal();
    return bytes !== undefined && looksLikePem(bytes) && readPem(bytes)[0]?.label === 'RSA PRIVATE KEY';
  }
}

type Stored = ReadonlyMap<string, StoredAsset>;

function plannedAssets(material: AssetMaterial, stored: Stored): PlannedAsset[] {
  const planned: PlannedAsset[] = [];
  const values = valuesOf(material);
  for (const name of ['ca', 'push'] as const) {
    const pair = material[name];
    if (pair === null) continue;
    for (const part of ['cert', 'key'] as const) {
      const asset = PAIRS[name][part];
      const wanted = values.get(asset) ?? Buffer.alloc(0);
      const now = stored.get(asset);
      const certificate = now?.certificate ?? null;
      const why =
        now === undefined
          ? 'absent'
          : !checksumMatches(now.row)
            ? 'its checksum is not that of its value'
            : now.value === null
              ? 'the private key does not open it'
              : part === 'cert'
                ? certificate?.der.equals(pair.certificate.der) === true
                  ? null
                  : 'another certificate'
                : now.key === null || !keyMatches(now.key, pair.certificate.spki)
                  ? 'another key'
                  : now.isPkcs1
                    ? null
                    : 'the same key, not as PKCS#1';
      planned.push({
        name: asset,
        action: why === null ? 'keep' : now === undefined ? 'insert' : 'replace',
        why: why ?? 'as it should be',
        now:
          now === undefined
            ? null
            : {
                id: now.row.id,
                md5: now.row.md5,
                storedSha256: storedSha256(now.row),
                createdAt: now.row.createdAt,
                value: now.value === null ? null : { sha256: now.value.sha256(), length: now.value.length },
                ...described(certificate),
              },
        wanted: {
          sha256: createHash('sha256').update(wanted).digest('hex'),
          length: wanted.length,
          ...described(part === 'cert' ? pair.certificate : null),
        },
      });
    }
  }
  return planned;
}

function described(certificate: Certificate | null): { subject: string | null; notAfter: string | null } {
  return {
    subject: certificate?.subject ?? null,
    notAfter: certificate === null ? null : new Date(certificate.notAfter).toISOString(),
  };
}

function changesOf(material: AssetMaterial, stored: Stored): AssetsPlan['changes'] {
  let ca: AssetsPlan['changes']['ca'] = 'untouched';
  if (material.ca !== null) {
    const row = stored.get('ca_cert');
    const now = row?.certificate ?? null;
    ca =
      row === undefined
        ? 'new'
        : // What cannot be read may be any CA.
          now === null
          ? 'different'
          : sameCa(identityOf(now), identityOf(material.ca.certificate));
  }
  const push = stored.get('apns_cert');
  const now = push?.certificate?.userId ?? null;
  const wanted = material.push?.certificate.userId ?? null;
  return {
    ca,
    topic: {
      now,
      wanted,
      changes: material.push !== null && push !== undefined && now?.toLowerCase() !== wanted?.toLowerCase(),
    },
  };
}

/** A key escrowed to a certificate names it by issuer and serial: both must stay, and the key. */
function breaksEscrow(material: AssetMaterial, stored: Stored): boolean {
  const row = stored.get('ca_cert');
  if (material.ca === null || row === undefined) return false;
  const now = row.certificate;
  const { certificate } = material.ca;
  return (
    now === null ||
    !now.spki.equals(certificate.spki) ||
    !now.issuerDer.equals(certificate.issuerDer) ||
    now.serial !== certificate.serial
  );
}

function blocksOf(
  input: AssetsPlanInput,
  stored: Stored,
  changes: AssetsPlan['changes'],
  devices: AssetsPlan['devices'],
  proof: KeyProof,
): AssetBlock[] {
  const blocks: AssetBlock[] = [];
  if (proof.state === 'unproven') {
    blocks.push({
      code: 'private-key-unproven',
      sentence: `The server private key could not be proven: ${proof.why}. Rows encrypted with another key would stop Fleet’s MDM.`,
      remedy:
        'Use the environment file (`slipway assets env`), or start Fleet once with its private key: it then makes an SCEP challenge the key can be tried on.',
      overridable: false,
    });
  }
  const moves = changes.ca === 'different' || changes.topic.changes;
  const what = [
    ...(changes.ca === 'different' ? ['the SCEP CA'] : []),
    ...(changes.topic.changes ? ['the push topic'] : []),
  ].join(' and ');
  if (moves && devices.native > 0) {
    blocks.push({
      code: 'native-enrollments',
      sentence: `Fleet manages ${count(devices.native, 'device')} that enrolled by itself; changing ${what} would cut all of them off at once.`,
      remedy: 'Use a Fleet that manages no device yet. Nothing lifts this.',
      overridable: false,
    });
  }
  if (moves && devices.importedInContact > 0) {
    blocks.push({
      code: 'imported-in-contact',
      sentence: `Fleet has heard from ${count(devices.importedInContact, 'imported device')} under what it has now; changing ${what} would cut them off.`,
      remedy:
        'Use another Fleet for this source, or point those devices back to their old server and undo their import first.',
      overridable: false,
    });
  }
  if (breaksEscrow(input.material, stored) && devices.escrowedKeys !== 0) {
    blocks.push({
      code: 'escrowed-keys',
      sentence:
        devices.escrowedKeys === null
          ? 'It is not known whether disk encryption keys are escrowed to the CA Fleet has now (the account does not see host_disk_encryption_keys); they could not be read any more.'
          : `${count(devices.escrowedKeys, 'disk encryption key')} escrowed to the CA Fleet has now could not be read any more.`,
      remedy:
        'Export the keys from Fleet first (they stay valid until the Macs escrow new ones), then accept this by name: --accept escrowed-keys.',
      overridable: true,
    });
  }
  return blocks;
}

const RESTART_ALL =
  'Restart all Fleet instances: each works out at its start whether MDM is on, and its push sender takes up another certificate at once only then.';

function waysOf(material: AssetMaterial, stored: Stored, proof: KeyProof, mdmOn: boolean | null): AssetWay[] {
  const wanted = (['ca', 'push'] as const).filter((name) => material[name] !== null);
  const present = wanted.filter((name) => stored.has(PAIRS[name].cert) || stored.has(PAIRS[name].key));
  const key = proof.state === 'proven';
  const api = key && material.push !== null;
  return [
    {
      way: 'rows',
      applies: key,
      sentence: key
        ? 'Rows of mdm_config_assets: `slipway assets apply`.'
        : 'Rows of mdm_config_assets cannot be written while the private key is unproven.',
      restart: RESTART_ALL,
    },
    {
      way: 'environment',
      applies: present.length === 0,
      sentence:
        present.length === 0
          ? 'An environment file for one start of this fresh Fleet: `slipway assets env`.'
          : `An environment file has no effect here: Fleet’s database already has the pair${present.length === 1 ? '' : 's'} ${present.map((name) => PAIRS[name].cert.replace('_cert', '')).join(' and ')}, and those win.`,
      restart: 'Start Fleet once with it, all other instances after the first.',
    },
    {
      way: 'api',
      applies: api,
      sentence: api
        ? 'Rows, and then the push certificate once more through Fleet’s API, which turns MDM on by itself: `slipway assets apply` with --upload, --fleet-url and --fleet-token-file.'
        : 'The API takes a push certificate only, and only once its key stands in the database.',
      restart:
        mdmOn === true
          ? 'No restart: MDM is on already, and Fleet picks new rows up by their checksum (the push sender within five minutes).'
          : 'No restart is needed after the upload, as long as the SCEP challenge stays.',
    },
  ];
}

function notesOf(material: AssetMaterial, stored: Stored, assets: readonly PlannedAsset[]): string[] {
  const notes = [...(material.ca?.notes ?? []), ...(material.push?.notes ?? [])];
  const given = new Set<string>(assets.map(({ name }) => name));
  const missing = MDM_ASSETS.filter((name) => !stored.has(name) && !given.has(name));
  if (missing.length > 0) notes.push(`Fleet will still lack ${missing.join(', ')}: it needs all four to turn MDM on.`);
  if (!stored.has('scep_challenge')) notes.push('Fleet has no SCEP challenge yet; it makes one at its next start.');
  else notes.push('Fleet’s own SCEP challenge stays; the old server’s is never carried over.');
  if (material.ca !== null && material.nextSerial === null) {
    notes.push(
      'The old CA’s next serial is not known, so Fleet’s serial counter is not lifted here; the plan of the devices does it when it is made from the source.',
    );
  }
  return notes;
}

async function isMdmOn(connection: FleetConnection): Promise<boolean | null> {
  const found = await attempt(() =>
    connection.query<{ on_: string | null }>(
      "SELECT CAST(JSON_EXTRACT(json_value, '$.mdm.enabled_and_configured') AS CHAR) AS on_ FROM app_config_json ORDER BY id LIMIT 1",
    ),
  );
  if (!found.ok) return null;
  return found.value[0]?.on_ === 'true';
}

/** The blocks that are left when these codes are accepted. */
export function openBlocks(plan: AssetsPlan, accepted: ReadonlySet<string>): AssetBlock[] {
  return plan.blocks.filter(({ code, overridable }) => !overridable || !accepted.has(code));
}

/** True when there is nothing to write but, perhaps, the serial counter. */
export function isSettled(plan: AssetsPlan): boolean {
  return plan.assets.every(({ action }) => action === 'keep');
}

function count(number: number, noun: string): string {
  return `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;
}
