/**
 * Kills an apply, its MySQL server, or both, at random points, lets it be run again, and compares the tables with those
 * of an apply on another server that nobody disturbed.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import {
  connectFleet,
  parseFleetAddress,
  type FleetConnection,
  type FleetTarget,
} from '../../src/core/fleet/connection';
import { probeSchema } from '../../src/core/fleet/probe';
import { MIGRATION_TABLES } from '../../src/core/fleet/schema';
import { findJournals, journaledDevices } from '../../src/core/migration/journal';
import { formatPlan, makePlan } from '../../src/core/migration/plan';
import { judge } from '../../src/core/migration/verdict';
import { createDatabase, startMysql, type FleetSchema } from '../servers/mysql';
import { buildSnapshot, JUDGED_AT } from '../snapshot-builder';
import type { ApplyOrder } from './apply-child';

/** Who is killed: the applying process, MySQL under it (it must find its way back by itself), or both. */
export type Victim = 'client' | 'server' | 'both';
const VICTIMS: readonly Victim[] = ['both', 'client', 'server'];

export interface KillOptions {
  readonly schema: FleetSchema;
  readonly devices: number;
  readonly rounds: number;
  readonly batchSize: number;
  /** Kills in one round, each followed by another run of the same plan. */
  readonly killsPerRound: number;
  readonly log?: (line: string) => void;
}

/** Rejects with what differs. */
export async function killAndResume(options: KillOptions): Promise<void> {
  const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
  const folder = mkdtempSync(join(tmpdir(), 'slipway-kill-'));
  // In the checkout, so that the built script finds its packages.
  const built = join(repository, '.cache', `kill-${process.pid}`);
  const log = options.log ?? (() => undefined);
  const [victim, reference] = await Promise.all([startMysql({ unsynced: true }), startMysql({ unsynced: true })]);
  try {
    await build({
      configFile: false,
      root: repository,
      logLevel: 'error',
      build: {
        ssr: 'test/soak/apply-child.ts',
        outDir: built,
        emptyOutDir: true,
        minify: false,
        rolldownOptions: { output: { entryFileNames: 'apply-child.mjs' } },
      },
    });
    const script = join(built, 'apply-child.mjs');
    const seed = 11;
    const prepare = async (server: typeof victim, name: string): Promise<ApplyOrder> => {
      const database = await createDatabase(options.schema, server);
      const planFile = join(folder, `${name}.json`);
      const snapshot = buildSnapshot(options.devices, seed);
      const plan = await withConnection(database.url, 'read', async (connection) =>
        makePlan({
          snapshot,
          judgement: judge(snapshot, JUDGED_AT),
          at: JUDGED_AT,
          sourceReference: 'micromdm:/made/up',
          copy: { path: '/made/up', sha256: 'ab'.repeat(32) },
          connection,
          schema: await probeSchema(connection),
          accepted: new Set(['no-agent']),
          reason: null,
        }),
      );
      writeFileSync(planFile, formatPlan(plan));
      const journalFolder = join(folder, name);
      return {
        url: database.url,
        planFile,
        journalFolder,
        devices: options.devices,
        seed,
        batchSize: options.batchSize,
      };
    };

    const undisturbed = await prepare(reference, 'reference');
    const calm = run(script, undisturbed);
    await calm.ended;
    const points = calm.reached();
    const expected = await dumpOf(undisturbed.url);

    let tries = 0;
    for (let round = 0; round < options.rounds; tries += 1) {
      if (tries >= options.rounds * 3) throw new Error(`${round} of ${tries} kills met a living apply`);
      const order = await prepare(victim, `try-${tries}`);
      const stops: string[] = [];
      let met = 0;
      for (let kill = 0; kill < options.killsPerRound; kill += 1) {
        const who = VICTIMS[(tries + kill) % VICTIMS.length] ?? 'both';
        const process_ = run(script, order);
        // So far on its way, and then a little: also between two points.
        const point = Math.floor(Math.random() * points);
        await Promise.race([process_.reach(point), process_.ended.catch(() => undefined)]);
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 60));
        const alive = process_.child.exitCode === null && process_.child.signalCode === null;
        if (alive) met += 1;
        stops.push(`${who} at ${point + 1} of ${points}${alive ? '' : ' (had ended)'}`);
        if (who !== 'server') process_.child.kill('SIGKILL');
        if (who !== 'client') {
          await victim.kill();
          await victim.restart();
        }
        await process_.ended.catch((error: unknown) => {
          if (who === 'server') throw error;
        });
      }
      const last = await run(script, order).ended;
      const found = await dumpOf(order.url);
      log(
        `${met === options.killsPerRound ? `round ${round + 1}` : 'not counted'}: ${stops.join(', ')}; then ${last.trim().split('\n').at(-1) ?? ''}`,
      );
      if (found !== expected)
        throw new Error(`try ${tries + 1} (${stops.join(', ')}): ${firstDifference(expected, found)}`);
      const journals = await findJournals(order.journalFolder);
      const [journal] = journals;
      if (journal === undefined || journals.length !== 1) throw new Error(`${journals.length} journals instead of one`);
      const written = journaledDevices(journal.content.lines).size;
      if (written !== options.devices) throw new Error(`the journal knows ${written} of ${options.devices} devices`);
      if (met === options.killsPerRound) round += 1;
    }
  } finally {
    await Promise.all([victim.stop(), reference.stop()]);
    rmSync(folder, { recursive: true, force: true });
    rmSync(built, { recursive: true, force: true });
  }
}

interface Running {
  readonly child: ChildProcess;
  /** Resolves when it has passed so many of the named points of an apply. */
  reach(points: number): Promise<void>;
  /** Points passed so far. */
  reached(): number;
  /** What it printed; rejects when it failed or was killed. */
  readonly ended: Promise<string>;
}

function run(script: string, order: ApplyOrder): Running {
  const child = spawn(process.execPath, [script, JSON.stringify(order)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  const waiting: { readonly points: number; readonly resolve: () => void }[] = [];
  const reached = (): number => output.match(/^reached /gm)?.length ?? 0;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    const now = reached();
    for (const { points, resolve } of waiting) if (now > points) resolve();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const ended = new Promise<string>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new Error(`the apply ended with ${signal ?? String(code)}: ${errors.slice(-2_000)}`));
    });
  });
  ended.catch(() => undefined);
  const reach = (points: number): Promise<void> =>
    new Promise((resolve) => {
      waiting.push({ points, resolve });
      if (reached() > points) resolve();
    });
  return { child, reach, reached, ended };
}

function targetOf(url: string): FleetTarget {
  return {
    address: parseFleetAddress(url),
    password: null,
    tls: { mode: 'disabled', caFile: null },
    plaintextConfirmed: false,
    mariaDbAllowed: true,
  };
}

async function withConnection<T>(
  url: string,
  purpose: 'read' | 'write',
  work: (connection: FleetConnection) => Promise<T>,
): Promise<T> {
  const connection = await connectFleet(targetOf(url), purpose);
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}

/** Every row of the four tables as text, times of creation left out. */
async function dumpOf(url: string): Promise<string> {
  return withConnection(url, 'read', async (connection) => {
    const schema = await probeSchema(connection);
    const lines: string[] = [];
    for (const table of MIGRATION_TABLES) {
      const columns = schema.columns[table].filter((column) => column !== 'created_at');
      const rows = await connection.query<Record<string, unknown>>(
        `SELECT ${columns.map((column) => `\`${column}\``).join(', ')} FROM ${table} ORDER BY 1, 2`,
      );
      for (const row of rows) {
        const values = Object.entries(row).map(([column, value]) => [
          column,
          Buffer.isBuffer(value) ? value.toString('hex') : value,
        ]);
        lines.push(`${table} ${JSON.stringify(values)}`);
      }
    }
    return lines.join('\n');
  });
}

function firstDifference(expected: string, found: string): string {
  const [wanted, got] = [expected.split('\n'), found.split('\n')];
  const at = wanted.findIndex((line, index) => line !== got[index]);
  return `${got.length} rows instead of ${wanted.length}; line ${at}: ${(got[at] ?? '').slice(0, 300)} instead of ${(wanted[at] ?? '').slice(0, 300)}`;
}
