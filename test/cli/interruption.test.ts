/** Ctrl-C and kill -9 in the middle of a write: the journal stays whole, and the same command finishes the work. */
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { writeMicroMdm } from '../micromdm-writer';
import { createDatabase, dumpTables, noServer, type TestDatabase } from '../servers/mysql';
import { Obstacle, sessionEnded } from './obstacle';
import { ACCEPT, differences, fleet, journalLines, Workstation, type Running } from './workstation';

const TABLES = ['nano_devices', 'nano_users', 'nano_enrollments', 'nano_cert_auth_associations'];
const accept = ['--accept', ACCEPT];

interface Counts {
  readonly state: string;
  readonly counts: Record<string, number>;
}

describe.skipIf(noServer)('an apply that is interrupted', () => {
  let desk: Workstation;
  let database: TestDatabase;
  let whole: TestDatabase;
  let plan: string;
  let udids: string[];
  beforeAll(async () => {
    desk = new Workstation();
    [database, whole] = await Promise.all([createDatabase('generation-469'), createDatabase('generation-469')]);
    const shares = { checkedOut: 0, noPushInfo: 0 };
    const written = writeMicroMdm(desk.path('source.db'), { seed: 'stop', sign: 'real', devices: 60, shares });
    plan = desk.path('plan.json');
    await desk.data(
      ['plan', `micromdm:${written.path}`, ...fleet(database).args, '--out', plan, ...accept],
      fleet(database),
    );
    udids = (JSON.parse(readFileSync(plan, 'utf8')) as { devices: { udid: string }[] }).devices
      .map(({ udid }) => udid)
      .sort();
    // What it would be without interruptions.
    const folder = desk.subfolder('whole');
    await desk.data(['apply', plan, ...fleet(whole).args, ...accept, '--yes', '--journals', folder], fleet(whole));
  });
  afterAll(async () => {
    desk.close();
    await Promise.all([database.drop(), whole.drop()]);
  });

  const args = (...more: string[]): string[] => [
    'apply',
    plan,
    ...fleet(database).args,
    ...accept,
    '--yes',
    '--batch',
    '10',
    // One alone: of two the other goes on beside the obstacle.
    '--sessions',
    '1',
    ...more,
  ];
  const start = (...more: string[]): Running => desk.start(args(...more), fleet(database));
  const there = async (): Promise<string[]> =>
    (await database.query<{ id: string }>('SELECT id FROM nano_devices')).map(({ id }) => id);
  const count = async (): Promise<number> => (await there()).length;
  const journal = (): Record<string, unknown>[] =>
    journalLines(desk.journals().find((path) => !path.includes('whole'))!);

  let obstacle: Obstacle | null = null;
  let running: Running | null = null;
  /** Starts an apply that comes to stand before an obstacle, somewhere in the middle. */
  async function stopped(statement: string, values: unknown[], ...more: string[]): Promise<Running> {
    obstacle = await Obstacle.make(database, statement, values);
    running = start(...more);
    await obstacle.reached();
    return running;
  }
  afterEach(async () => {
    running?.child.kill('SIGKILL');
    await running?.outcome;
    await obstacle?.remove();
    await sessionEnded(database);
  });
  const LOOK = 'SELECT id FROM nano_devices WHERE id = ? FOR UPDATE';
  const stopping = (): Promise<void> =>
    expect.poll(() => running?.heard(), { timeout: 30_000, interval: 20 }).toContain('Stopping after this batch');

  it('by Ctrl-C finishes its batch, says how to go on, and ends with 130', async () => {
    const insert = 'INSERT INTO nano_devices (id, authenticate, authenticate_at) VALUES (?, ?, NOW())';
    const { child, outcome } = await stopped(insert, [udids[34], '<x/>'], '--json');
    const before = await count();
    child.kill('SIGINT');
    await stopping();
    await obstacle?.remove();
    const { code, signal, stdout } = await outcome;
    expect({ code, signal }).toEqual({ code: 130, signal: null });
    const inserted = before + 10;
    expect(await count()).toBe(inserted);
    expect(JSON.parse(stdout)).toMatchObject({
      state: 'stopped',
      counts: { planned: 60, inserted, left: 60 - inserted },
    });
    const lines = journal();
    expect(lines.at(-1)).toMatchObject({ kind: 'closed', state: 'stopped' });
    expect(lines.filter(({ kind }) => kind === 'intent')).toHaveLength(inserted / 10);
    expect(lines.filter(({ outcome: came }) => came === 'committed')).toHaveLength(inserted / 10);
  });

  it('by a second Ctrl-C ends at once, with 130', async () => {
    const before = await count();
    const { child, outcome } = await stopped(LOOK, [(await there())[3]]);
    child.kill('SIGINT');
    await stopping();
    child.kill('SIGINT');
    const { code, stdout } = await outcome;
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
    await obstacle?.remove();
    await sessionEnded(database);
    expect(await count()).toBe(before);
    journal();
  });

  it('by kill -9 between intent and commit leaves nothing half written', async () => {
    // The space between two rows: looking at it is possible, writing into it is not.
    const present = await there();
    const before = present.length;
    const { child, outcome } = await stopped(LOOK, [udids.find((udid) => !present.includes(udid))]);
    expect(journal().at(-1)).toMatchObject({ kind: 'intent' });
    child.kill('SIGKILL');
    expect((await outcome).signal).toBe('SIGKILL');
    await obstacle?.remove();
    await sessionEnded(database);
    expect(journal().at(-1)).toMatchObject({ kind: 'intent' });
    expect(await count()).toBe(before);
    expect(before).toBeLessThan(60);
  });

  it('is finished by the same command, and is then what it would have been without', async () => {
    const already = await count();
    const { code, stdout, stderr } = await start('--json').outcome;
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      state: 'complete',
      counts: { planned: 60, inserted: 60 - already, already, held: 0, left: 0 },
      verify: { counts: { devices: 60, same: 60 } },
    });
    const without = { without: ['created_at'] };
    const [interrupted, straight] = await Promise.all([
      dumpTables(database, TABLES, without),
      dumpTables(whole, TABLES, without),
    ]);
    expect(differences(straight, interrupted)).toEqual([]);
    const opened = journal().filter(({ kind }) => kind === 'opened');
    expect(opened).toHaveLength(4);
  });

  it('lets no second operator in meanwhile', async () => {
    const other = await database.connect();
    await other.query('SELECT GET_LOCK(?, 0)', [`slipway:${database.name}`]);
    await desk.refused(args(), 1, 'fleet/locked-by-other-operator', fleet(database));
    await other.end();
    expect(await count()).toBe(60);
  });
});

describe.skipIf(noServer)('an undo that is interrupted', () => {
  it('finishes its batch, ends with 130, and is finished by the same command', async () => {
    const desk = new Workstation();
    const database = await createDatabase('generation-469');
    try {
      // An undo takes 500 at a time.
      const shares = { checkedOut: 0, noPushInfo: 0 };
      const written = writeMicroMdm(desk.path('source.db'), { seed: 'undo', sign: 'real', devices: 520, shares });
      const { args, env } = fleet(database);
      const plan = desk.path('plan.json');
      await desk.data(['plan', `micromdm:${written.path}`, ...args, '--out', plan, ...accept], { env });
      const apply = ['apply', plan, ...args, ...accept, '--yes'];
      const { journal } = (await desk.data(apply, { env })) as { journal: string };
      // An undo goes through the journal from its beginning, whichever session wrote first.
      const intent = journalLines(journal).find(({ kind }) => kind === 'intent');
      const [first] = intent?.['devices'] as { udid: string }[];

      const obstacle = await Obstacle.make(database, 'SELECT id FROM nano_devices WHERE id = ? FOR UPDATE', [
        first!.udid,
      ]);
      const running = desk.start(['undo', journal, ...args, '--yes', '--json'], { env });
      await obstacle.reached();
      running.child.kill('SIGTERM');
      await expect.poll(running.heard, { timeout: 30_000, interval: 20 }).toContain('Stopping after this batch');
      await obstacle.remove();
      const { code, stdout } = await running.outcome;
      expect(code).toBe(130);
      expect(JSON.parse(stdout)).toMatchObject({ state: 'stopped', counts: { removed: 500 } });
      expect(await database.query('SELECT id FROM nano_devices')).toHaveLength(20);
      journalLines(journal);

      const again = (await desk.data(['undo', journal, ...args, '--yes'], { env })) as Counts;
      expect(again).toMatchObject({ state: 'complete', counts: { removed: 20, left: 0 } });
      for (const table of TABLES) expect(await database.query(`SELECT * FROM ${table}`)).toEqual([]);
      journalLines(journal);
    } finally {
      desk.close();
      await database.drop();
    }
  });
});
