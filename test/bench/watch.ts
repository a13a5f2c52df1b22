/** Databases of many imported devices, made by the server itself, and what one reading of them costs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { connectFleet, parseFleetAddress } from '../../src/core/fleet/connection';
import { probeSchema } from '../../src/core/fleet/probe';
import { Board } from '../../src/core/watch/board';
import { DatabaseReader } from '../../src/core/watch/database-reader';
import { Roster } from '../../src/core/watch/roster';
import type { WatchProgress } from '../../src/core/watch/status';
import { Watch } from '../../src/core/watch/watch';
import type { DeviceRow } from '../../src/contract/devices';
import { DeviceIndex } from '../../src/main/engine/device-index';

const UDID =
  "UPPER(CONCAT_WS('-', LEFT(SHA2(i, 256), 8), MID(SHA2(i, 256), 9, 4), MID(SHA2(i, 256), 13, 4), MID(SHA2(i, 256), 17, 4), MID(SHA2(i, 256), 21, 12)))";

interface Place {
  /** `mysql://root@127.0.0.1:port`, without a database. */
  readonly url: string;
  readonly generation: 'generation-469' | 'generation-newest';
  readonly devices: number;
}

/** Makes a database with so many imported and silent devices, each with a host and an agent. Returns its name. */
export async function loadImported({ url, generation, devices }: Place): Promise<string> {
  const { hostname, port } = new URL(url);
  const connection = await createConnection({
    host: hostname,
    port: Number(port),
    user: 'root',
    multipleStatements: true,
  });
  const name = `watch_${generation.replace(/\W/g, '_')}_${devices}`;
  try {
    await connection.query(
      `DROP DATABASE IF EXISTS ${name}; CREATE DATABASE ${name} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci; USE ${name}`,
    );
    await connection.query(
      readFileSync(join(import.meta.dirname, '..', 'fixtures', 'fleet', `${generation}.sql`), 'utf8'),
    );
    const seen = generation === 'generation-469';
    await connection.query(
      "SET time_zone = '+00:00', cte_max_recursion_depth = 1000000; CREATE TABLE numbers (i int PRIMARY KEY);" +
        `INSERT INTO numbers WITH RECURSIVE r (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM r WHERE i < ${devices - 1}) SELECT i FROM r;`,
    );
    await connection.query(
      'INSERT INTO nano_devices (id, identity_cert, serial_number, authenticate, authenticate_at, token_update, token_update_at, bootstrap_token_b64, bootstrap_token_at, updated_at) ' +
        `SELECT ${UDID}, CONCAT('-----BEGIN CERTIFICATE-----', REPEAT('A', 1200)), CONCAT('C0', i), REPEAT('x', 900), '2026-09-01', ` +
        "REPEAT('y', 700), '2026-09-01', REPEAT('b', 300), '2026-09-01', '2000-01-01' FROM numbers ORDER BY 1",
    );
    await connection.query(
      `INSERT INTO nano_enrollments (id, device_id, type, topic, push_magic, token_hex, enrolled_from_migration, updated_at${seen ? ', last_seen_at' : ''}) ` +
        `SELECT ${UDID}, ${UDID}, 'Device', 'com.apple.mgmt.External.0b5f3e0c-5d3a-4c1e-9a56-7f0e0c7d1a11', UUID(), SHA2(i, 256), 1, ` +
        `'2000-01-01'${seen ? ", '2026-09-01'" : ''} FROM numbers ORDER BY 1`,
    );
    await connection.query(
      `INSERT INTO nano_cert_auth_associations (id, sha256, cert_not_valid_after, updated_at) SELECT ${UDID}, SHA2(i, 256), '2027-05-01', '2000-01-01' FROM numbers ORDER BY 1`,
    );
    await connection.query(
      "INSERT INTO hosts (osquery_host_id, uuid, platform, hardware_serial, orbit_node_key, node_key, hostname) SELECT UUID(), x, 'darwin', CONCAT('C0', i), CONCAT('o', i), CONCAT('n', i), CONCAT('host', i) " +
        `FROM (SELECT i, ${UDID} AS x FROM numbers) AS d`,
    );
    await connection.query('INSERT INTO host_mdm (host_id, enrolled) SELECT id, 1 FROM hosts');
    // All of it happened a while ago.
    for (const table of ['nano_devices', 'nano_enrollments', 'nano_cert_auth_associations']) {
      await connection.query(
        `UPDATE ${table} SET created_at = NOW() - INTERVAL 2 HOUR, updated_at = '2000-01-01 00:00:00'`,
      );
    }
    await connection.query('UPDATE host_mdm SET updated_at = NOW() - INTERVAL 3 HOUR');
    await connection.query(
      'ANALYZE TABLE nano_enrollments, nano_devices, nano_cert_auth_associations, hosts, host_mdm',
    );
    return name;
  } finally {
    await connection.end();
  }
}

interface Measured {
  readonly what: string;
  /** Seconds by the clock, and of processor time of this process, for reading and judging everybody. */
  readonly seconds: number;
  readonly processor: number;
  readonly judging: number;
  /** Seconds it takes to lay it over the window's list. */
  readonly overlay: number;
  readonly rows: number;
  readonly statements: number;
  /** Heap and buffers over what there was before the first reading, after a collection, MB. */
  readonly kept: number;
  /** The highest the whole process was over what it was before the first reading, MB. */
  readonly peak: number;
  readonly counts: WatchProgress;
}

/** Reads a database of {@link loadImported}: first, again, after some and after all devices called. */
export async function measureReadings({ url, name }: { url: string; name: string }): Promise<Measured[]> {
  const connection = await connectFleet(
    {
      address: parseFleetAddress(`${url}/${name}`),
      password: null,
      tls: { mode: 'disabled', caFile: null },
      plaintextConfirmed: false,
      mariaDbAllowed: true,
    },
    'read',
  );
  const { hostname, port } = new URL(url);
  const writer = await createConnection({ host: hostname, port: Number(port), user: 'root', database: name });
  const schema = await probeSchema(connection);
  const ids = (await connection.query<{ id: string }>('SELECT id FROM nano_enrollments')).map(({ id }) => id);
  const call = async (part: number): Promise<void> => {
    const some = `CRC32(id) % 1000 < ${Math.round(part * 1000)}`;
    await writer.query(
      schema.seenStorage === 'column'
        ? `UPDATE nano_enrollments SET last_seen_at = CURRENT_TIMESTAMP WHERE ${some}`
        : `INSERT INTO nano_seen_times (id, seen_time) SELECT id, CURRENT_TIMESTAMP FROM nano_enrollments WHERE ${some} ON DUPLICATE KEY UPDATE seen_time = CURRENT_TIMESTAMP`,
    );
  };
  // The window's list is there before anything is watched.
  const index = new DeviceIndex(ids.map(listed));
  index.warm();
  global.gc?.();
  const before = process.memoryUsage();
  const kept = (): number => {
    global.gc?.();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return (heapUsed + arrayBuffers - before.heapUsed - before.arrayBuffers) / 1e6;
  };
  const measured: Measured[] = [];
  let reader = new DatabaseReader(schema, ids);
  let board = new Board();
  for (const [version, [what, part]] of (
    [
      ['first, all silent', 0],
      ['nothing changed', 0],
      ['1 % called', 0.01],
      ['30 % called', 0.3],
      ['all called', 1],
      ['nothing changed', 0],
      ['first, all migrated', -1],
    ] as const
  ).entries()) {
    if (part > 0) await call(part);
    if (part < 0) {
      reader = new DatabaseReader(schema, ids);
      board = new Board();
    }
    const watch = new Watch(new Roster({}), { database: reader, api: null });
    let peak = 0;
    const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 5);
    const cpu = process.cpuUsage();
    const start = performance.now();
    const reading = await reader.read(connection);
    const read = performance.now();
    await board.judge(watch, reading.at);
    const judged = performance.now();
    const { user, system } = process.cpuUsage(cpu);
    index.watch({ board, version, waveOf: () => null });
    const end = performance.now();
    clearInterval(timer);
    measured.push({
      what,
      seconds: (judged - start) / 1000,
      processor: (user + system) / 1e6,
      judging: (judged - read) / 1000,
      overlay: (end - judged) / 1000,
      rows: reading.rows,
      statements: reading.statements,
      kept: kept(),
      peak: (Math.max(peak, process.memoryUsage.rss()) - before.rss) / 1e6,
      counts: board.progress(),
    });
  }
  await connection.close();
  await writer.end();
  return measured;
}

function listed(udid: string, number: number): DeviceRow {
  return {
    id: `r${number}`,
    udid,
    serial: `C0${number}`,
    name: `Mac ${number}`,
    platform: 'darwin',
    model: 'MacBook Pro',
    verdict: 'ready',
    action: 'insert',
    reasons: [],
    lastSeen: number,
    certificateNotAfter: number,
    users: 0,
    source: null,
    watch: null,
  };
}
