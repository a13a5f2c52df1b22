/** Input for the bench: databases of any size, and the same rows in the forms that apply is compared with. */
import { closeSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { knownSchema } from '../../src/core/fleet/probe';
import { MIGRATION_TABLES } from '../../src/core/fleet/schema';
import { deriveRows, type DeviceRows, type Row, type Value } from '../../src/core/migration/rows';
import { goesIn, judge } from '../../src/core/migration/verdict';
import { readMicroMdm } from '../../src/core/sources/micromdm';
import { writeBolt } from '../bolt-writer';
import { writeMicroMdm } from '../micromdm-writer';

/** Writes a database of devices of the usual shapes, with made-up signatures. */
export function writeDatabase({ path, devices }: { path: string; devices: number }): { size: number } {
  const temporary = `${path}.part`;
  const { size } = writeMicroMdm(temporary, { devices, tell: false, sortIn: dirname(path) });
  renameSync(temporary, path);
  return { size };
}

/** Writes a Bolt file with one bucket of so many rows of about 150 bytes. */
export function writeRows({ path, rows }: { path: string; rows: number }): { size: number } {
  function* entries(): Generator<[string, string]> {
    for (let row = 0; row < rows; row += 1) yield [`key-${String(row).padStart(9, '0')}`, `${row}:`.padEnd(136, 'x')];
  }
  const temporary = `${path}.part`;
  const { size } = writeBolt(temporary, [{ name: 'rows', entries: entries() }]);
  renameSync(temporary, path);
  return { size };
}

/** What {@link writeFeeds} wrote. */
export interface Feeds {
  readonly devices: number;
  /** Statements as the script writes them, three for each device. */
  readonly rowByRow: string;
  /** One LOAD DATA statement a table. */
  readonly loadData: string;
}

/** Writes the rows of all devices of a database that go in, for a plain client to feed to a server. */
export async function writeFeeds(options: {
  database: string;
  folder: string;
  fleetVersion: string;
  at: number;
  accept: string[];
}): Promise<Feeds> {
  const { database, folder, fleetVersion, at, accept } = options;
  const schema = knownSchema(fleetVersion);
  const snapshot = await readMicroMdm(database, { at, live: false });
  const accepted = new Set(accept);
  const devices = judge(snapshot, at).devices.filter(
    (judged) => judged.device.udid !== null && goesIn(judged, accepted),
  );
  const rows = devices.map((judged) => deriveRows(judged, { schema, instant: snapshot.instant, teamId: null }));

  const rowByRow = join(folder, 'row-by-row.sql');
  writeInPieces(rowByRow, rows, rowByRowSql);
  // In the order of the keys, as apply writes them: it is the faster one.
  const sorted = rows.toSorted((a, b) => (a.udid < b.udid ? -1 : 1));
  const statements: string[] = ['SET NAMES utf8mb4;', "SET time_zone = '+00:00';"];
  for (const table of MIGRATION_TABLES) {
    const list = sorted.flatMap((device): readonly Row[] => device[table]);
    const [first] = list;
    if (first === undefined) continue;
    const file = join(folder, `${table}.tsv`);
    writeInPieces(file, list, (row) => tsvLine(Object.values(row)));
    statements.push(
      `LOAD DATA LOCAL INFILE '${file}' INTO TABLE ${table} CHARACTER SET binary (${Object.keys(first).join(', ')});`,
    );
  }
  const loadData = join(folder, 'load-data.sql');
  writeInPieces(loadData, statements, (statement) => `${statement}\n`);
  return { devices: rows.length, rowByRow, loadData };
}

function writeInPieces<T>(path: string, items: readonly T[], format: (item: T) => string | Buffer): void {
  const file = openSync(path, 'w', 0o600);
  try {
    for (const item of items) writeSync(file, Buffer.from(format(item) as string));
  } finally {
    closeSync(file);
  }
}

function tsvLine(values: readonly Value[]): Buffer {
  const parts: Buffer[] = [];
  values.forEach((value, index) => {
    if (index > 0) parts.push(Buffer.from('\t'));
    if (value === null) parts.push(Buffer.from('\\N'));
    else if (typeof value === 'number') parts.push(Buffer.from(String(value)));
    else parts.push(escaped(typeof value === 'string' ? Buffer.from(value) : value));
  });
  parts.push(Buffer.from('\n'));
  return Buffer.concat(parts);
}

const ESCAPES: Readonly<Record<number, string>> = { 0: '\\0', 9: '\\t', 10: '\\n', 13: '\\r', 92: '\\\\' };

function escaped(bytes: Buffer): Buffer {
  if (!bytes.some((byte) => ESCAPES[byte] !== undefined)) return bytes;
  const parts: Buffer[] = [];
  let from = 0;
  bytes.forEach((byte, at) => {
    const escape = ESCAPES[byte];
    if (escape === undefined) return;
    parts.push(bytes.subarray(from, at), Buffer.from(escape));
    from = at + 1;
  });
  return Buffer.concat([...parts, bytes.subarray(from)]);
}

/** The three statements of the script the field uses, for one device. */
function rowByRowSql({ udid, ...rows }: DeviceRows): string {
  const [device] = rows.nano_devices;
  const [enrollment] = rows.nano_enrollments;
  const [association] = rows.nano_cert_auth_associations;
  const text = (row: Row | undefined, column: string): string => literal(row?.[column] ?? null);
  const untouched = (table: string): string => `WHERE
    NOT EXISTS (
        SELECT 1 FROM ${table}
        WHERE id = ${literal(udid)} AND updated_at != '2000-01-01 00:00:00'
    )`;
  return `
INSERT INTO nano_devices
    (
      id,
      serial_number,
      authenticate,
      authenticate_at,
      token_update,
      token_update_at,
      bootstrap_token_b64,
      bootstrap_token_at,
      identity_cert,
      updated_at
    )
SELECT
      ${literal(udid)},
      ${text(device, 'serial_number')},
      ${text(device, 'authenticate')},
      CURRENT_TIMESTAMP,
      ${text(device, 'token_update')},
      CURRENT_TIMESTAMP,
      NULLIF(${literal(device['bootstrap_token_b64'] ?? '')}, ''),
      CURRENT_TIMESTAMP,
      NULLIF(${literal(device['identity_cert'] ?? '')}, ''),
      '2000-01-01 00:00:00'
${untouched('nano_devices')}
ON DUPLICATE KEY
UPDATE
    updated_at = updated_at, -- preserve updated_at
    serial_number = VALUES(serial_number),
    authenticate = VALUES(authenticate),
    authenticate_at = CURRENT_TIMESTAMP,
    token_update = VALUES(token_update),
    token_update_at = CURRENT_TIMESTAMP,
    bootstrap_token_b64 = VALUES(bootstrap_token_b64),
    bootstrap_token_at = CURRENT_TIMESTAMP,
    identity_cert = VALUES(identity_cert);

INSERT INTO nano_enrollments (
      id,
      device_id,
      user_id, type,
      topic,
      push_magic,
      token_hex,
      enabled,
      last_seen_at,
      enrolled_from_migration,
      token_update_tally,
      updated_at
)
SELECT
      ${literal(udid)},
      ${literal(udid)},
      NULL,
      'Device',
      ${text(enrollment, 'topic')},
      ${text(enrollment, 'push_magic')},
      ${text(enrollment, 'token_hex')},
      true,
      CURRENT_TIMESTAMP,
      1,
      1,
      '2000-01-01 00:00:00'
${untouched('nano_enrollments')}
ON DUPLICATE KEY
UPDATE
    updated_at = updated_at, -- preserve updated_at
    device_id = VALUES(device_id),
    user_id = VALUES(user_id),
    type = VALUES(type),
    topic = VALUES(topic),
    push_magic = VALUES(push_magic),
    token_hex = VALUES(token_hex),
    enabled = VALUES(enabled),
    last_seen_at = CURRENT_TIMESTAMP,
    token_update_tally = nano_enrollments.token_update_tally + 1;
INSERT INTO nano_cert_auth_associations
    (id, sha256, cert_not_valid_after, updated_at)
SELECT
    ${literal(udid)}, ${text(association, 'sha256')}, NULLIF(${text(association, 'cert_not_valid_after')}, ''), '2000-01-01 00:00:00'
${untouched('nano_cert_auth_associations')}
ON DUPLICATE KEY UPDATE
  id = VALUES(id),
  updated_at = updated_at, -- preserve updated_at
  sha256 = VALUES(sha256),
  cert_not_valid_after = VALUES(cert_not_valid_after);
`;
}

function literal(value: Value): string {
  if (value === null) return 'NULL';
  if (typeof value === 'number') return String(value);
  const text = typeof value === 'string' ? value : value.toString('latin1');
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
