/**
 * The disk is full, or the process is killed, at each step on the disk of each command: what stands afterwards is whole or
 * not there, nothing is in Fleet that no journal tells of, and the same command, run again, ends where an undisturbed one does.
 */
import { readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sessionEnded } from '../cli/obstacle';
import { differences, fleet, journalLines, Workstation, type Outcome } from '../cli/workstation';
import { writeMicroMdm } from '../micromdm-writer';
import { createDatabase, dumpTables, noServer, type TestDatabase } from '../servers/mysql';
import { breakAt, chosenOf, countSteps, isTold, unfinished, type Fault } from './broken-step';

const TABLES = ['nano_devices', 'nano_users', 'nano_enrollments', 'nano_cert_auth_associations'];
const ACCEPTED = ['--accept', 'no-agent,target-identity-unproven'];
const DEVICES = 24;

/** The tests of one fault: a file each, so that both run side by side. */
export function breakEveryStep(fault: Fault): void {
  let desk: Workstation;
  let source: string;
  beforeAll(() => {
    desk = new Workstation();
    const shares = { checkedOut: 0, noPushInfo: 0 };
    const written = writeMicroMdm(desk.path('source.db'), { seed: 'disk', sign: 'real', devices: DEVICES, shares });
    source = `micromdm:${written.path}`;
  });
  afterAll(() => {
    desk.close();
  });
  /** An empty folder for what a command writes. */
  const clear = (): void => {
    rmSync(desk.path('out'), { recursive: true, force: true });
    desk.subfolder('out');
  };

  it.each<[string, () => string[]]>([
    ['sql', () => ['sql', source, '--fleet-version', 'newest', '--out', desk.path('out', 'load.sql')]],
    ['export', () => ['export', source, '--out', desk.path('out')]],
    ['report backup', () => ['report', 'backup', source, '--out', desk.path('out')]],
  ])('while %s writes its files', async (_name, command) => {
    const args = [...command(), '--json'];
    clear();
    const steps = await countSteps(desk, args, {});
    const whole = new Map(desk.files('out').map((name) => [name, readFileSync(desk.path(name))]));
    expect(whole.size).toBeGreaterThan(0);
    for (const step of chosenOf(steps)) {
      clear();
      const broken = await breakAt(desk, args, {}, fault, step);
      if (broken.code !== 0) isTold(broken, fault);
      for (const name of desk.files('out')) {
        if (name.endsWith('.part')) continue;
        const same = whole.get(name)?.equals(readFileSync(desk.path(name)));
        expect(same, `${name} after step ${step} of ${steps}`).toBe(true);
      }
      if (fault === 'full') expect(unfinished(desk), `step ${step}`).toEqual([]);
    }
    // What a killed one left unfinished goes with the next.
    for (const name of desk.files('out')) if (!name.endsWith('.part')) rmSync(desk.path(name));
    const after = await desk.slipway(args);
    expect(after.code, after.text).toBe(0);
    expect(desk.files('out')).toEqual([...whole.keys()]);
  });

  describe.skipIf(noServer)('with a Fleet', () => {
    let database: TestDatabase;
    let undisturbed: string;
    const emptied = async (): Promise<void> => {
      for (const table of [...TABLES].reverse()) await database.query(`DELETE FROM ${table}`);
    };
    const dump = (): Promise<string> => dumpTables(database, TABLES, { without: ['created_at'] });
    const run = async (args: readonly string[]): Promise<Outcome> => {
      const outcome = await desk.slipway(args, fleet(database));
      expect(outcome.code, outcome.text).toBe(0);
      return outcome;
    };
    const there = async (): Promise<number> => (await database.query('SELECT id FROM nano_devices')).length;
    const plan = (name: string): string[] => [
      ...['plan', source, ...fleet(database).args, ...ACCEPTED, '--json'],
      ...['--out', desk.path('out', name)],
    ];
    const apply = (): string[] => [
      ...['apply', desk.path('plan.json'), ...fleet(database).args, ...ACCEPTED, '--yes', '--json'],
      ...['--journals', desk.path('out'), '--batch', '8'],
    ];
    const undo = (journal: string): string[] => ['undo', journal, ...fleet(database).args, '--yes', '--json'];

    beforeAll(async () => {
      database = await createDatabase('generation-newest');
      rmSync(desk.path('plan.json'), { force: true });
      clear();
      await run([...plan('../plan.json')]);
      await run(apply());
      undisturbed = await dump();
      await emptied();
    });
    afterAll(() => database.drop());

    it('while plan writes its file and its copy of the source', async () => {
      clear();
      const steps = await countSteps(desk, plan('plan.json'), fleet(database).env);
      const whole = (JSON.parse(readFileSync(desk.path('out', 'plan.json'), 'utf8')) as { id: string }).id;
      for (const step of chosenOf(steps)) {
        clear();
        rmSync(desk.copies, { recursive: true, force: true });
        const broken = await breakAt(desk, plan('plan.json'), fleet(database).env, fault, step);
        if (broken.code !== 0) isTold(broken, fault);
        if (fault === 'full') expect(unfinished(desk), `step ${step}`).toEqual([]);
        rmSync(desk.path('out', 'plan.json'), { force: true });
        await run(plan('plan.json'));
        expect((JSON.parse(readFileSync(desk.path('out', 'plan.json'), 'utf8')) as { id: string }).id).toBe(whole);
        expect(unfinished(desk), `after step ${step}`).toEqual([]);
      }
      expect(await there()).toBe(0);
    });

    it('while apply writes its journal, and undo', async () => {
      clear();
      const steps = await countSteps(desk, apply(), fleet(database).env);
      for (const step of chosenOf(steps)) {
        await emptied();
        clear();
        const broken = await breakAt(desk, apply(), fleet(database).env, fault, step);
        if (broken.code !== 0) isTold(broken, fault);
        await sessionEnded(database);
        const [before] = desk.journals('out');
        const intents = before === undefined ? 0 : whole(before).filter(({ kind }) => kind === 'intent').length;
        const found = await there();
        expect(found % 8, 'batches are whole').toBe(0);
        expect(found, `step ${step}: nothing that the journal does not tell of`).toBeLessThanOrEqual(intents * 8);
        const { json } = await run(apply());
        expect(json).toMatchObject({ state: 'complete', verify: { counts: { devices: DEVICES, same: DEVICES } } });
        expect(differences(undisturbed, await dump()), `step ${step} of ${steps}`).toEqual([]);
      }
      const [journal = ''] = desk.journals('out');
      const kept = readFileSync(journal);
      const back = await countSteps(desk, undo(journal), fleet(database).env);
      for (const step of chosenOf(back).slice(1)) {
        await emptied();
        clear();
        await run(apply());
        const [made = ''] = desk.journals('out');
        const broken = await breakAt(desk, undo(made), fleet(database).env, fault, step);
        if (broken.code !== 0) isTold(broken, fault);
        await sessionEnded(database);
        await run(undo(made));
        expect(await there()).toBe(0);
        journalLines(made);
      }
      expect(kept.length).toBeGreaterThan(0);
    });
  });
}

/** The whole lines of a journal whose last one may be torn. */
function whole(path: string): Record<string, unknown>[] {
  const text = readFileSync(path, 'utf8');
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
