/** What the tests of assets work with: a Fleet with assets of its own, and the ways of this folder over it. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { applyAssets, type AssetsApplyInput, type AssetsApplyResult } from '../../../src/core/assets/apply';
import { gatherMaterial, type AssetMaterial } from '../../../src/core/assets/material';
import { planAssets, type AssetsPlan } from '../../../src/core/assets/plan';
import { undoAssets, type AssetsUndoInput, type AssetsUndoResult } from '../../../src/core/assets/undo';
import { probeSchema } from '../../../src/core/fleet/probe';
import { Secret } from '../../../src/core/secret';
import { closeAsset as close, openAsset as open } from '../../asset-cipher';
import { makeCa, makeCertificate, makePush, TOPIC, type TestCertificate } from '../fleet/certificate';
import { FleetBench, SHORT } from '../migration/fleet-bench';

export const PRIVATE_KEY = 'kept-by-the-operator-0123456789-and-more-than-32-bytes';
export const NOW = Date.UTC(2026, 10, 24);
const END = Date.UTC(2040, 0, 1);

/** What is carried over. */
export const CA = makeCa(END);
export const PUSH = makePush(TOPIC, Date.UTC(2027, 5, 1));
/** What Fleet made for itself. */
export const FLEETS_CA = makeCa(Date.UTC(2034, 0, 1), 'fleet ca', {
  subject: [{ shortName: 'CN', value: 'Fleet CA' }],
});
export const FLEETS_TOPIC = 'com.apple.mgmt.External.99999999-8888-7777-6666-555555555555';
export const FLEETS_PUSH = makeCertificate({
  key: 'fleet push',
  subject: [
    { type: '0.9.2342.19200300.100.1.1', value: FLEETS_TOPIC },
    { shortName: 'CN', value: `APSP:${FLEETS_TOPIC.slice(-36)}` },
  ],
  notAfter: Date.UTC(2027, 1, 1),
});

export const material = (
  ca: TestCertificate = CA,
  push: TestCertificate = PUSH,
  nextSerial: bigint | null = null,
): AssetMaterial => ({
  ...gatherMaterial(
    null,
    {
      ca: { certificate: Buffer.from(ca.pem), key: Buffer.from(ca.keyPem) },
      push: { certificate: push.der, key: Buffer.from(push.keyPem) },
    },
    NOW,
  ),
  nextSerial,
});

/** Opens a stored value; see `asset-cipher`. */
export const openAsset = (stored: Buffer, privateKey = PRIVATE_KEY): string => open(stored, privateKey);

/** Closes one as Fleet would. */
export const closeAsset = (plain: string, privateKey = PRIVATE_KEY): { value: Buffer; md5: Buffer } =>
  close(plain, privateKey);

export interface StoredRow {
  readonly id: number;
  readonly name: string;
  readonly value: Buffer;
  readonly md5_checksum: Buffer;
  readonly deleted_at: Date | string | null;
  readonly deletion_uuid: string;
  readonly renew_at?: Date | string | null;
}

export class AssetsBench {
  private constructor(readonly fleet: FleetBench) {}

  static async open(...args: Parameters<typeof FleetBench.open>): Promise<AssetsBench> {
    return new AssetsBench(await FleetBench.open(...args));
  }

  async close(): Promise<void> {
    await this.fleet.close();
  }

  /** Empties everything, and gives Fleet the SCEP challenge every started Fleet has. */
  async reset(): Promise<void> {
    await this.fleet.reset();
    await this.fleet.sql('DELETE FROM mdm_config_assets');
    await this.fleet.sql('DELETE FROM host_disk_encryption_keys');
    const { serialsTable } = await this.fleet.schema();
    await this.fleet.sql(`DELETE FROM ${serialsTable ?? ''}`);
    await this.fleet.sql(`ALTER TABLE ${serialsTable ?? ''} AUTO_INCREMENT = 2`);
    await this.put('scep_challenge', 'fleets-own-challenge');
  }

  /** An asset as Fleet would have put it there. */
  async put(name: string, plain: string, privateKey = PRIVATE_KEY, createdAt = '2026-01-02 03:04:05'): Promise<void> {
    const { value, md5 } = closeAsset(plain, privateKey);
    await this.fleet.sql('INSERT INTO mdm_config_assets (name, value, md5_checksum, created_at) VALUES (?, ?, ?, ?)', [
      name,
      value,
      md5,
      createdAt,
    ]);
  }

  /** The four assets of a Fleet whose MDM was turned on by itself. */
  async putFleetsOwn(ca = FLEETS_CA, push = FLEETS_PUSH): Promise<void> {
    await this.put('ca_cert', ca.pem);
    await this.put('ca_key', ca.keyPem);
    await this.put('apns_cert', push.pem);
    await this.put('apns_key', push.keyPem);
  }

  async rows(): Promise<StoredRow[]> {
    return (await this.fleet.sql('SELECT * FROM mdm_config_assets ORDER BY id')) as unknown as StoredRow[];
  }

  async active(): Promise<Map<string, StoredRow>> {
    return new Map(
      (await this.rows())
        .filter((row) => row.deletion_uuid === '' && row.deleted_at === null)
        .map((row) => [row.name, row]),
    );
  }

  /** The whole table as text, every column and byte. */
  async dump(): Promise<string> {
    const rows = await this.fleet.sql('SELECT * FROM mdm_config_assets ORDER BY id');
    return JSON.stringify(rows, (_, value: unknown) => value, 1);
  }

  async plan(what = material(), privateKey = PRIVATE_KEY): Promise<AssetsPlan> {
    return this.fleet.reading(async (connection) =>
      planAssets({
        material: what,
        origin: 'a test',
        privateKey: new Secret('server private key', privateKey),
        connection,
        schema: await probeSchema(connection),
        at: NOW,
      }),
    );
  }

  async apply(plan: AssetsPlan, what = material(), more: Partial<AssetsApplyInput> = {}): Promise<AssetsApplyResult> {
    return applyAssets({
      plan,
      material: what,
      privateKey: new Secret('server private key', PRIVATE_KEY),
      connect: () => this.fleet.connect('write'),
      probe: probeSchema,
      journalFolder: this.fleet.folder,
      patience: SHORT,
      ...more,
    });
  }

  async undo(journal: string, more: Partial<AssetsUndoInput> = {}): Promise<AssetsUndoResult> {
    return undoAssets({
      journal,
      connect: () => this.fleet.connect('write'),
      probe: probeSchema,
      wait: () => Promise.resolve(),
      patience: SHORT,
      ...more,
    });
  }

  /** A device Fleet enrolled itself. */
  async native(id = 'NATIVE', createdAt = '2026-02-01 00:00:00'): Promise<void> {
    await this.fleet.sql("INSERT INTO nano_devices (id, authenticate, created_at) VALUES (?, 'x', ?)", [id, createdAt]);
    const { seenStorage } = await this.fleet.schema();
    await this.fleet.sql(
      'INSERT INTO nano_enrollments (id, device_id, type, topic, push_magic, token_hex, created_at, updated_at' +
        `${seenStorage === 'column' ? ', last_seen_at' : ''}) VALUES (?, ?, 'Device', 't', 'm', 'aa', ?, ?${seenStorage === 'column' ? ', ?' : ''})`,
      [id, id, createdAt, createdAt, ...(seenStorage === 'column' ? [createdAt] : [])],
    );
  }

  files(): string[] {
    return readdirSync(this.fleet.folder).sort();
  }

  removeFiles(): void {
    for (const name of this.files()) rmSync(join(this.fleet.folder, name));
  }
}

export async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'none',
    (error: unknown) => (error as { failure?: { code: string } }).failure?.code ?? String(error),
  );
}
