/** This machine’s clock is wrong, and jumps: it is told, and what is written does not depend on it. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ACCEPT, differences, fleet, journalLines, Workstation } from '../cli/workstation';
import { writeMicroMdm } from '../micromdm-writer';
import { createDatabase, dumpTables, noServer, type TestDatabase } from '../servers/mysql';

const SHIFTED = fileURLToPath(new URL('shifted-clock.mjs', import.meta.url));
const TABLES = ['nano_devices', 'nano_users', 'nano_enrollments', 'nano_cert_auth_associations'];
const HOUR = 3_600_000;
const YEAR = 365 * 24 * HOUR;

interface CheckRow {
  readonly id: string;
  readonly status: string;
  readonly code: string;
  readonly sentence: string;
}

describe.skipIf(noServer)('a wrong clock', () => {
  let desk: Workstation;
  let database: TestDatabase;
  let calm: TestDatabase;
  let source: string;
  beforeAll(async () => {
    desk = new Workstation();
    [database, calm] = await Promise.all([createDatabase('generation-newest'), createDatabase('generation-newest')]);
    const shares = { checkedOut: 0, noPushInfo: 0 };
    source = `micromdm:${writeMicroMdm(desk.path('source.db'), { seed: 'clock', sign: 'real', devices: 8, shares }).path}`;
  });
  afterAll(async () => {
    desk.close();
    await Promise.all([database.drop(), calm.drop()]);
  });

  const env = (milliseconds: number): Record<string, string> => ({
    ...fleet(database).env,
    NODE_OPTIONS: `--import ${JSON.stringify(SHIFTED)}`,
    SLIPWAY_CLOCK_SHIFT: String(milliseconds),
  });

  it.each([
    [0, 'pass', 'clock', 'agree'],
    [90_000, 'pass', 'clock', 'agree'],
    [-20 * 60_000, 'warn', 'clock-differs', '20 minutes behind'],
    [5 * HOUR, 'warn', 'clock-differs', '5 hours ahead of'],
    [-30 * HOUR, 'fail', 'clock-wrong', '30 hours behind'],
    [3 * YEAR, 'fail', 'clock-wrong', '1,095 days ahead of'],
  ])('off by %i ms is told beside the database’s: %s', async (shift, status, code, words) => {
    const outcome = await desk.slipway(['check', source, ...fleet(database).args, '--json'], { env: env(shift) });
    const { checks } = outcome.json as { checks: CheckRow[] };
    const found = checks.find(({ id }) => id === 'clock');
    expect(found).toMatchObject({ status, code });
    expect(found?.sentence).toContain(words);
  });

  it('holds an apply up; accepted, and jumping between plan, apply and undo, it changes nothing of what is written', async () => {
    const accept = ['--accept', ACCEPT, '--json'];
    const plan = desk.path('plan.json');
    await desk.data(['plan', source, ...fleet(database).args, ...accept.slice(0, 2), '--out', plan], {
      env: env(YEAR),
    });
    const apply = ['apply', plan, ...fleet(database).args, '--yes', '--batch', '4'];
    const held = await desk.slipway([...apply, ...accept], { env: env(-2 * YEAR) });
    expect([held.code, held.error.code], held.text).toEqual([1, 'apply/checks-failed']);
    const reason = ['--reason', 'a test'];
    const outcome = await desk.slipway([...apply, '--accept', `${ACCEPT},clock-wrong`, ...reason, '--json'], {
      env: env(-2 * YEAR),
    });
    expect(outcome.code, outcome.text).toBe(0);
    // Again, from another year: the journal goes on, and nothing is written twice.
    const again = await desk.slipway([...apply, '--accept', `${ACCEPT},clock-wrong`, ...reason, '--json'], {
      env: env(3 * YEAR),
    });
    expect(again.json, again.text).toMatchObject({ state: 'complete', counts: { already: 8, inserted: 0 } });

    const straight = desk.path('straight.json');
    await desk.data(['plan', source, ...fleet(calm).args, ...accept.slice(0, 2), '--out', straight], fleet(calm));
    const folder = desk.subfolder('straight');
    await desk.data(
      ['apply', straight, ...fleet(calm).args, '--accept', ACCEPT, '--yes', '--journals', folder],
      fleet(calm),
    );
    const without = { without: ['created_at'] };
    const [one, other] = await Promise.all([dumpTables(calm, TABLES, without), dumpTables(database, TABLES, without)]);
    expect(differences(one, other)).toEqual([]);

    const [journal = ''] = desk.journals().filter((path) => !path.includes('straight'));
    const years = journalLines(journal).map(({ at }) => Number(String(at).slice(0, 4)));
    expect(years.at(-1)! - years[0]!, 'the clock did jump').toBeGreaterThanOrEqual(4);
    const undone = await desk.slipway(['undo', journal, ...fleet(database).args, '--yes', '--json'], {
      env: env(-9 * YEAR),
    });
    expect(undone.json, undone.text).toMatchObject({ counts: { removed: 8, left: 0 } });
    expect(await database.query('SELECT id FROM nano_enrollments')).toEqual([]);
  });
});
