// Devices made by hand, and what the SQL tests do with a database.
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import { KNOWN_SCHEMAS, MIGRATION_TABLES, type TargetSchema } from '../../../src/core/fleet/schema';
import { deriveRows, type DeviceRows } from '../../../src/core/migration/rows';
import { writeMigrationSql, type SqlOptions, type WrittenSql } from '../../../src/core/migration/sql';
import type { JudgedDevice } from '../../../src/core/migration/verdict';
import { Secret } from '../../../src/core/secret';
import type { SourceDevice, SourceUser } from '../../../src/core/sources/snapshot';
import type { FleetSchema, TestDatabase } from '../../servers/mysql';

const TOPIC = 'com.apple.mgmt.External.1580e552-a3b9-43fb-9528-7ce2e4018c0a';

/** Long past, so that everything a test inserts comes after it. */
export const INSTANT = Date.parse('2024-05-06T07:08:09Z');

/** Each generation with the schemas of the tests it fits. */
export const FITTING: readonly (readonly [generation: string, schemas: readonly FleetSchema[]])[] = [
  ['4.62', ['generation-462', 'fleet-4.62']],
  ['4.69', ['generation-469', 'fleet-4.69']],
  ['newest', ['generation-newest']],
];

export function schemaOf(generation: string): TargetSchema {
  const found = KNOWN_SCHEMAS.find((schema) => schema.generation === generation);
  if (found === undefined) throw new Error(`no generation ${generation}`);
  return found;
}

export function udidOf(number: number): string {
  return `4DCA6C23-A793-42C7-8808-${number.toString(16).toUpperCase().padStart(12, '0')}`;
}

/** A device like many; `change` says what is different about this one. */
export function deviceOf(number: number, change: Partial<SourceDevice> = {}): SourceDevice {
  const udid = change.udid ?? udidOf(number);
  return {
    recordId: `record-${number}`,
    udid,
    serial: `C02${number.toString(36).toUpperCase().padStart(9, '0')}`,
    name: `Mac ${number}`,
    model: 'MGPK3LL/A',
    modelName: 'iMac',
    productName: 'iMac21,1',
    osVersion: '14.7.6',
    buildVersion: '23H626',
    imei: null,
    meid: null,
    platform: 'darwin',
    enrolled: true,
    awaitingConfiguration: false,
    lastSeen: BigInt(INSTANT - 60_000) * 1_000_000n,
    push: pushOf(`device ${number}`),
    certificate: {
      sha256: createHash('sha256').update(`certificate ${number}`).digest('hex'),
      inDepot: true,
      der: createHash('sha512').update(`der ${number}`).digest(),
      notBefore: INSTANT,
      notAfter: Date.parse('2027-01-02T03:04:05Z'),
      commonName: 'MicroMDM Identity',
      issuedByCa: true,
    },
    unlockToken: null,
    bootstrapToken: null,
    users: [],
    pending: null,
    blockedAtSource: false,
    reasons: [],
    ...change,
  };
}

function pushOf(seed: string): NonNullable<SourceDevice['push']> {
  return {
    topic: TOPIC,
    magic: new Secret('push magic', `magic of ${seed}`),
    tokenHex: createHash('sha256').update(seed).digest('hex'),
    from: 'push-info',
  };
}

export function userOf(id: string, change: Partial<SourceUser> = {}): SourceUser {
  return {
    id,
    shortName: `short ${id}`,
    longName: null,
    push: pushOf(`user ${id}`),
    tokenMatches: null,
    superseded: false,
    ...change,
  };
}

export function judged(device: SourceDevice): JudgedDevice {
  return {
    device,
    verdict: 'ready',
    reasons: [],
    users: device.users,
    formerCertificates: device.formerCertificates ?? [],
  };
}

/** Devices whose values try every way out of a literal. */
export function awkwardDevices(): JudgedDevice[] {
  const names = [
    'Zoë\'s "Mac"',
    'back\\slash\\',
    "quote ' and \\' and \\",
    'line\nfeed\r\nand\ttab',
    '💻 emoji 東京',
    '; DROP TABLE nano_devices; -- ',
    '/*! SELECT 1 */ # comment',
    '\u0000\u0001\u001a\u007f',
    'DELIMITER //\n\\q\n\\. /etc/passwd',
    '%_:',
  ];
  const devices = names.map((name, at) =>
    deviceOf(at + 1, {
      name,
      serial: at === 0 ? null : `${at}'\\é;`,
      unlockToken: at === 1 ? new Secret('unlock token', Buffer.from([0, 39, 92, 10, 255, 34, 0])) : null,
      bootstrapToken: at === 2 ? new Secret('bootstrap token', Buffer.from("boot'\\strap")) : null,
      lastSeen: at === 3 ? null : BigInt(INSTANT - at * 1_000) * 1_000_000n,
      platform: at === 4 ? 'ipados' : at === 5 ? null : 'darwin',
      users:
        at === 6
          ? [userOf('user-a', { shortName: "o'brien\\", longName: 'Zoë 💻\n' }), userOf('user-b', { shortName: null })]
          : [],
    }),
  );
  devices.push(
    deviceOf(50, {
      udid: '00008020-001C2D3E4F5A002E',
      platform: 'ios',
      certificate: {
        sha256: 'ab'.repeat(32),
        inDepot: false,
        der: null,
        notBefore: null,
        notAfter: null,
        commonName: null,
        issuedByCa: null,
      },
    }),
  );
  return devices.map(judged);
}

export function rowsFor(generation: string, teamId: number | null = null): (device: JudgedDevice) => DeviceRows {
  const schema = schemaOf(generation);
  return (device) => deriveRows(device, { schema, instant: INSTANT, teamId });
}

/** Writes the files for these devices. */
export async function writeFor(
  out: string,
  generation: string,
  devices: readonly JudgedDevice[],
  options: SqlOptions = {},
): Promise<WrittenSql> {
  return writeMigrationSql(
    out,
    {
      schema: schemaOf(generation),
      devices,
      rows: rowsFor(generation),
      facts: {
        sourceKind: 'micromdm',
        sourceSha256: 'cd'.repeat(32),
        sourceTxid: 281,
        instant: INSTANT,
        counts: { devices: devices.length, ready: devices.length, caution: 0, blocked: 0 },
        goingIn: devices.length,
      },
    },
    { overwrite: true, ...options },
  );
}

/** A folder for a test's files; remove it with the function that comes along. */
export async function scratch(): Promise<{ folder: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'slipway-sql-'));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** Expects the tables to hold exactly these devices' rows, column by column, and none besides. */
export async function expectRows(database: TestDatabase, wanted: readonly DeviceRows[]): Promise<void> {
  const connection = await database.connect({ dateStrings: true });
  try {
    await connection.query("SET time_zone = '+00:00'");
    for (const table of MIGRATION_TABLES) {
      const [found] = await connection.query(`SELECT * FROM ${table}`);
      const key = (row: Record<string, unknown>): string =>
        `${String(row['id'])} ${typeof row['sha256'] === 'string' ? row['sha256'] : ''}`;
      const byKey = new Map((found as Record<string, unknown>[]).map((row) => [key(row), row]));
      const rows = wanted.flatMap((device) => device[table]);
      expect(byKey.size, table).toBe(rows.length);
      for (const row of rows) {
        const there = byKey.get(key(row));
        const picked = Object.fromEntries(Object.keys(row).map((column) => [column, there?.[column]]));
        expect(picked, `${table} ${key(row)}`).toEqual(row);
        expect(there?.['created_at'], 'left to the server').toMatch(/^20/);
      }
    }
  } finally {
    await connection.end();
  }
}

/** The result tables a client printed in batch mode, one list of records per heading. */
export function printed(stdout: string): { summary: Record<string, string>; left: Record<string, string> } {
  const lines = stdout.trimEnd().split('\n');
  const names = (lines[0] ?? '').split('\t');
  const values = (lines[1] ?? '').split('\t');
  const summary = Object.fromEntries(names.map((name, at) => [name, values[at] ?? '']));
  const left = Object.fromEntries(
    lines.slice(3).map((line) => {
      const [udid = '', why = ''] = line.split('\t');
      return [udid, why];
    }),
  );
  return { summary, left };
}

/** The file without its pauses, which tests that do not ask for the time of the load need not sit through. */
export async function withoutPauses(file: string): Promise<string> {
  const swift = `${file}.swift`;
  const text = await readFile(file, 'latin1');
  await writeFile(swift, text.replaceAll(/^DO IF\(@slipway_ok = 1, SLEEP.*;\r?\n/gm, ''));
  return swift;
}
