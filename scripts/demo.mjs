/**
 * Apply, verify and undo for real, on this machine alone: a local MySQL with a Fleet schema and a few hosts, and the app.
 *
 *     npm run demo                         server and app; everything ends with the app
 *     npm run demo -- --no-window          only the server, until Ctrl+C: for the command line, or an app that is open
 */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { ensurePackages, root } from './setup.mjs';

const DATABASE = 'fleet';
const ACCOUNT = { user: 'slipway', password: 'demo' };
const SAMPLE = join(root, 'resources', 'sample', 'micromdm.db');

const { window } = asked();
ensurePackages();
process.exitCode = await demo();

function asked() {
  try {
    const { values } = parseArgs({ options: { 'no-window': { type: 'boolean' } } });
    return { window: values['no-window'] !== true };
  } catch (error) {
    console.error(`${error.message}\nusage: npm run demo -- [--no-window]`);
    return process.exit(2);
  }
}

async function demo() {
  // Ctrl+C also reaches the app, which ends first; the server is ended after it.
  let interrupted = () => undefined;
  const interruption = new Promise((resolve) => (interrupted = resolve));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, interrupted);

  const { MysqlUnavailable, startMysql } = await import('./mysql.mjs');
  let server;
  try {
    console.log('Starting a MySQL of its own (the first time it is downloaded, about 55 MB)');
    server = await startMysql({ fast: true });
  } catch (error) {
    if (!(error instanceof MysqlUnavailable)) throw error;
    console.error(`No MySQL for the demo: ${error.message}`);
    return 3;
  }
  try {
    if (server.pid === undefined) {
      console.error('SLIPWAY_TEST_MYSQL_URL names a server that is not ours to fill; unset it for the demo.');
      return 2;
    }
    const hosts = await fill(server);
    console.log(`
A Fleet 4.69 schema with ${hosts} hosts waits for a migration. In the app: Open the sample migration, then at Fleet
    Host        ${server.host}
    Port        ${server.port}
    Database    ${DATABASE}
    Account     ${ACCOUNT.user}
    Password    ${ACCOUNT.password}
    Protection  Do not encrypt (it never leaves this machine)
and say that it is Staging. The same on the command line:
    SLIPWAY_FLEET_PASSWORD=${ACCOUNT.password} node out/cli/index.js plan micromdm:resources/sample/micromdm.db \\
      --fleet mysql://${ACCOUNT.user}@${server.host}:${server.port}/${DATABASE} --out plan.json
`);
    if (!window) {
      console.log('Ctrl+C ends the server and removes it.');
      // Waiting for a signal alone does not keep Node running.
      const awake = setInterval(() => undefined, 60_000);
      await interruption;
      clearInterval(awake);
      return 0;
    }
    return await openApp();
  } finally {
    await server.stop();
    console.log('The demo server is gone.');
  }
}

function openApp() {
  const app = spawn(process.execPath, [join(root, 'scripts', 'start.mjs')], { stdio: 'inherit' });
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => app.kill(signal));
  return new Promise((resolve) => app.once('exit', (code) => resolve(code ?? 0)));
}

/** The schema, an account with just the rights it takes, and the sample's Macs as hosts that carry Fleet's agent. */
async function fill({ host, port, user, password }) {
  const mysql = await import('mysql2/promise');
  const connection = await mysql.createConnection({ host, port, user, password, multipleStatements: true });
  try {
    await connection.query(`CREATE DATABASE ${DATABASE} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`);
    await connection.query(`USE ${DATABASE}`);
    const schema = readFileSync(join(root, 'test', 'fixtures', 'fleet', 'generation-469.sql'), 'utf8');
    await connection.query(schema);
    await connection.query("CREATE USER ?@'%' IDENTIFIED BY ?", [ACCOUNT.user, ACCOUNT.password]);
    await connection.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${DATABASE}.* TO ?@'%'`, [ACCOUNT.user]);
    const macs = (await sampleDevices()).filter(({ udid, platform }) => udid !== null && platform === 'darwin');
    for (const { udid, serial, name } of macs) {
      await connection.query(
        `INSERT INTO hosts (osquery_host_id, node_key, orbit_node_key, hostname, computer_name, uuid, hardware_serial,
           platform, hardware_vendor, last_enrolled_at, detail_updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, 'darwin', 'Apple Inc.', NOW(), NOW())`,
        [udid, `node ${udid}`, `orbit ${udid}`, name ?? serial, name ?? serial, udid, serial],
      );
    }
    return macs.length;
  } finally {
    await connection.end();
  }
}

/** As the command line reads them: who runs the demo sees the same devices there. */
async function sampleDevices() {
  const cli = join(root, 'out', 'cli', 'index.js');
  if (!existsSync(cli)) spawnSync(process.execPath, [join(root, 'scripts', 'build.mjs')], { stdio: 'inherit' });
  const { stdout } = await promisify(execFile)(process.execPath, [cli, 'read', `micromdm:${SAMPLE}`, '--json'], {
    maxBuffer: 64 * 1024 * 1024,
  });
  return JSON.parse(stdout).devices;
}
