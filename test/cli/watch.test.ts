/** status, watch and health, as the operator runs them, on a real database after a real apply. */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FleetApiStandIn } from '../servers/fleet-api';
import { createDatabase, noServer, type TestDatabase } from '../servers/mysql';
import { sharedData } from '../shared-data';
import { ABSENT, ACCEPT, fleet, Workstation } from './workstation';

const here = ABSENT === '' && !noServer;
const small = `micromdm:${sharedData('micromdm', 'small.db') ?? ''}`;

interface StatusJson {
  readonly schema: number;
  readonly counts: Record<string, number>;
  readonly asked: { database: boolean; api: boolean };
  readonly devices: readonly {
    readonly udid: string;
    readonly state: string;
    readonly proof: { readonly kind: string; readonly evidence: string } | null;
    readonly attention: readonly { readonly code: string }[];
  }[];
}

describe.skipIf(!here)(`after an apply${ABSENT}`, () => {
  let desk: Workstation;
  let database: TestDatabase;
  let side: ReturnType<typeof fleet>;
  let imported: string[];

  beforeAll(async () => {
    desk = new Workstation();
    database = await createDatabase('generation-newest');
    side = fleet(database);
    const run = async (...args: string[]): Promise<void> => {
      const outcome = await desk.slipway([...args, ...side.args, '--accept', ACCEPT, '--reason', 'a test'], {
        env: side.env,
      });
      expect(outcome.code, outcome.text).toBe(0);
    };
    await run('plan', small, '--out', 'plan.json');
    await run('apply', 'plan.json', '--yes');
    imported = (await database.query<{ id: string }>('SELECT id FROM nano_devices ORDER BY id')).map(({ id }) => id);
    // A second has to go by before a contact is later than the import; the import is moved instead.
    for (const table of ['nano_devices', 'nano_enrollments']) {
      await database.query(`UPDATE ${table} SET created_at = created_at - INTERVAL 1 HOUR, updated_at = '2000-01-01'`);
    }
  });
  afterAll(async () => {
    desk.close();
    await database.drop();
  });

  const call = async (...udids: string[]): Promise<void> => {
    for (const udid of udids) {
      await database.query('REPLACE INTO nano_seen_times (id, seen_time) VALUES (?, CURRENT_TIMESTAMP)', [udid]);
    }
  };
  const status = async (...args: string[]): Promise<StatusJson> => {
    const outcome = await desk.slipway(['status', ...args, '--json'], { env: side.env });
    expect(outcome.stderr).toBe('');
    return outcome.json as StatusJson;
  };

  it('tells where every device stands, and by what', async () => {
    const before = await status('plan.json', ...side.args);
    expect(before.counts).toMatchObject({ size: 19, imported: imported.length, waiting: imported.length, migrated: 0 });
    expect(before.devices).toHaveLength(19);
    expect(before.devices.every(({ proof }) => proof === null)).toBe(true);
    await call(imported[0]!, imported[1]!);
    const after = await status('plan.json', ...side.args, '--state', 'migrated');
    expect(after.devices.map(({ udid }) => udid).sort()).toEqual([imported[0], imported[1]]);
    expect(after.devices[0]?.proof).toMatchObject({ kind: 'poll' });
    // The same from the source alone, and from nothing but Fleet.
    expect((await status(small, ...side.args)).counts).toMatchObject({ size: 19, migrated: 2 });
    expect((await status(...side.args)).counts).toMatchObject({ size: imported.length, migrated: 2 });
    const csv = await desk.slipway(['status', 'plan.json', ...side.args, '--csv', '--state', 'stragglers'], {
      env: side.env,
    });
    expect(csv.stdout.trimEnd().split('\r\n')).toHaveLength(1 + imported.length - 2);
    const people = await desk.slipway(['status', 'plan.json', ...side.args], { env: side.env });
    expect(people.stdout).toContain('2 of 19 devices migrated');
    expect(people.code).toBe(1);
  });

  it('says unknown where Fleet’s API alone cannot tell, and more with the journals', async () => {
    const api = await FleetApiStandIn.start({ database });
    try {
      await database.query("INSERT INTO hosts (uuid, platform, orbit_node_key) VALUES (?, 'darwin', 'k')", [
        imported[0],
      ]);
      const token = desk.file('token', `${api.token}\n`);
      const asked = ['--fleet-url', api.url, '--fleet-token-file', token];
      expect((await status(small, ...asked)).counts).toMatchObject({ size: 19, unknown: 19, migrated: 0 });
      const known = await status('plan.json', ...asked);
      expect(known.asked).toEqual({ database: false, api: true });
      expect(known.counts['migrated']).toBe(0);
      expect(known.counts['unknown']).toBe(imported.length - 1);
      expect(desk.said.every(({ text }) => !text.includes(api.token))).toBe(true);
    } finally {
      await api.stop();
      await database.query('DELETE FROM hosts');
    }
  });

  it('watches until the last one came', async () => {
    const watching = desk.start(
      ['watch', 'plan.json', ...side.args, '--json', '--interval', '5s', '--series', 'series.jsonl'],
      {
        env: side.env,
      },
    );
    await new Promise<void>((resolve) => {
      watching.child.stdout?.on('data', (chunk: string) => (chunk.includes('"event":"poll"') ? resolve() : undefined));
    });
    await call(...imported);
    const outcome = await watching.outcome;
    expect(outcome.code, outcome.text).toBe(0);
    const events = outcome.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events.filter(({ event }) => event === 'change').map(({ udid }) => udid)).toHaveLength(imported.length - 2);
    expect(events.at(-1)).toMatchObject({ event: 'end', reason: 'migrated' });
    const series = readFileSync(desk.path('series.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(series.map(({ migrated }) => migrated)).toEqual([2, imported.length]);
  });

  it('examines health, and names remedies without running them', async () => {
    const outcome = await desk.slipway(['health', 'plan.json', ...side.args, '--json'], { env: side.env });
    expect(outcome.code).toBe(1);
    const { findings } = outcome.json as { findings: { code: string; count: number }[] };
    expect(findings.map(({ code }) => code)).toContain('no-host');
  });

  it('refuses what makes no sense', async () => {
    await desk.refused(['status', 'plan.json'], 2, 'usage/nothing-to-ask');
    await desk.refused(['status', 'plan.json', ...side.args, '--state', 'fine'], 2, 'usage/state', { env: side.env });
    await desk.refused(['watch', 'plan.json', ...side.args, '--interval', 'soon'], 2, 'usage/duration', {
      env: side.env,
    });
    await desk.refused(['status', 'plan.json', ...side.args, '--ladder', 'none.json'], 2, 'usage/ladder', {
      env: side.env,
    });
    writeFileSync(desk.path('wrong'), 'not-the-token');
    await desk.refused(
      ['status', small, '--fleet-url', 'http://127.0.0.1:1', '--fleet-token-file', 'wrong'],
      3,
      'fleet-url/unreachable',
    );
  });
});
