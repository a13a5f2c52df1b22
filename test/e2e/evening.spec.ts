/** The whole evening in one window, on a real MySQL: from an empty workspace to the last row taken back. */
import { join } from 'node:path';
import { sharedData } from '../shared-data';
import type { AppState } from '../../src/contract/state';
import { expect, root, test } from './fixture';

const BUNDLED = join(root, 'resources', 'sample', 'micromdm.db');
const SOURCE = sharedData('micromdm', 'small.db') ?? BUNDLED;
const TABLES = ['nano_devices', 'nano_users', 'nano_enrollments', 'nano_cert_auth_associations'] as const;

test('one evening: read, connect, check, plan, rehearse, write, read back, take back', async ({
  launch,
  database,
  folder,
}) => {
  test.setTimeout(300_000);
  const userData = join(folder, 'user-data');
  let app = await launch({ userData });
  let { frame, welcome, source, fleet, checks, plan, apply } = app.screens;
  const { name, server } = database;
  let state: AppState;

  const rows = async (): Promise<Record<string, number>> => {
    const counts: Record<string, number> = {};
    for (const table of TABLES) {
      const [row] = await database.query<{ n: number }>(`SELECT COUNT(*) AS n FROM ${table}`);
      counts[table] = Number(row?.n);
    }
    return counts;
  };
  const nothing = Object.fromEntries(TABLES.map((table) => [table, 0]));
  /** The same step after its address was opened anew: nothing of it is lost. */
  const survivesReload = async (hash: string, title: string): Promise<void> => {
    const { revision: _, ...before } = await frame.state();
    await frame.reloadAt(hash);
    await expect(frame.title).toHaveText(title);
    const { revision: __, ...after } = await frame.state();
    expect(after).toEqual(before);
  };

  await test.step('a new workspace', async () => {
    await app.answerDialogs(folder);
    await welcome.create('Harbour Ltd');
    // Nothing is chosen yet, and the rail says what comes first.
    await expect(frame.title).toHaveText('Source');
    expect((await frame.state()).workspace?.name).toBe('Harbour Ltd');
  });

  await test.step('read the source', async () => {
    await app.answerDialogs(SOURCE);
    state = await source.read();
    expect(state.failures).toEqual({});
    expect(state.source?.counts.devices).toBeGreaterThan(0);
    await expect(source.readAgain).toBeVisible();
    await survivesReload('#/source', 'Source');
  });

  await test.step('connect, as staging', async () => {
    await frame.go('Fleet');
    await fleet.badge('Staging');
    await fleet.fill({ host: server.host, port: server.port, database: name, user: server.user, password: '' });
    if (server.password !== '') await fleet.type(server.password);
    state = await fleet.connect();
    expect(state.failures).toEqual({});
    expect(state.fleet).toMatchObject({ database: name, generation: '4.69', enrollments: { all: 0 } });
    await expect(frame.status).toContainText(`${server.host} · ${name} · schema 4.69`);
    await expect(app.page.getByRole('button', { name: 'Target: Staging' })).toBeVisible();
    await survivesReload('#/fleet', 'Fleet');
  });

  await test.step('check, and answer what holds apply up', async () => {
    await checks.run();
    const answered = await checks.answerBlocking('Ann Operator', 'Agreed on the phone at 21:40');
    console.log(`answered: ${answered.join('; ')}`);
    await expect(checks.verdict).toContainText(/^Nothing (that was asked )?holds apply up/);
    await survivesReload('#/checks', 'Checks');
  });

  await test.step('plan, accepting the cautions', async () => {
    await plan.make();
    state = await frame.state();
    expect(state.failures).toEqual({});
    if ((state.plan?.counts.held ?? 0) > 0) {
      await plan.acceptCautions('Agreed with the customer on 20 November');
      // The plan that was made before is out of date, and the rail says so.
      await expect(frame.railStep('Plan')).toContainText('out of date');
      await plan.make();
    }
    state = await frame.state();
    expect(state.plan?.counts.held).toBe(0);
    expect(state.plan?.counts.insert).toBeGreaterThan(0);
    await survivesReload('#/plan?view=cautions', 'Plan');
    await expect(app.page.getByRole('tab', { name: /Cautions/ })).toHaveAttribute('aria-selected', 'true');
  });

  await test.step('the SQL, with its secrets hidden', async () => {
    await plan.view('SQL');
    await expect(plan.sql).toContainText('Secrets stand here as their length and hash');
    await plan.search.fill('‹push magic');
    await expect(plan.sql.getByRole('status')).toContainText('matching line');
    await plan.search.press('Enter');
    await expect(plan.sql.getByRole('region', { name: 'The whole line' })).toContainText(
      /‹push magic, \d+ bytes, sha256/,
    );
    await survivesReload('#/plan?view=sql', 'Plan');
  });

  await test.step('rehearse: everything, and nothing stays', async () => {
    state = await apply.rehearse();
    expect(state.failures).toEqual({});
    expect(state.rehearsal).toMatchObject({ rehearsal: true, state: 'complete', counts: { held: 0 } });
    expect(state.rehearsal?.counts.inserted).toBe(state.plan?.counts.insert);
    expect(await rows()).toEqual(nothing);
    await survivesReload('#/apply', 'Apply');
  });

  await test.step('write, and read back', async () => {
    state = await apply.write(name);
    expect(state.failures).toEqual({});
    const inserted = state.plan?.counts.insert ?? 0;
    expect(state.applied).toMatchObject({ state: 'complete', counts: { inserted, held: 0, left: 0 } });
    expect(state.verified?.counts).toMatchObject({ same: inserted, differs: 0, missing: 0, extra: 0 });
    await expect(apply.written).toBeVisible();
    await expect(apply.readBack).toBeVisible();
    const there = await rows();
    expect(there['nano_devices']).toBe(inserted);
    expect(there['nano_cert_auth_associations']).toBe(inserted);
    expect(there['nano_enrollments']).toBe(inserted + (there['nano_users'] ?? 0));
    expect(state.verified?.counts.rows).toBe(Object.values(there).reduce((sum, count) => sum + count, 0));
    await survivesReload('#/apply', 'Apply');
    await expect(apply.written).toBeVisible();
  });

  await test.step('close everything, and go on where it was left', async () => {
    await frame.workspaceMenu('Close this workspace');
    await expect(welcome.newWorkspace).toBeVisible();
    await app.close();
    app = await launch({ userData });
    ({ frame, welcome, source, fleet, checks, plan, apply } = app.screens);
    const before = state;
    await welcome.recent('Harbour Ltd').click();
    // What was written is known at once; source and plan are taken up by a job of their own.
    await expect
      .poll(async () => ((state = await frame.state()).job === null ? state.source?.fingerprint : 'under way'), {
        timeout: 120_000,
      })
      .toBe(before.source?.fingerprint);
    expect(state.plan?.id).toBe(before.plan?.id);
    expect(state.applied).toEqual(before.applied);
    expect(state.verified).toEqual(before.verified);
    // The password was never written down.
    expect(state.secrets).toMatchObject({ held: [], remembered: [] });
    await frame.go('Fleet');
    await expect(fleet.host).toHaveValue(server.host);
    if (server.password !== '') await fleet.type(server.password);
    state = await fleet.connect();
    expect(state.fleet?.enrollments.migrated).toBeGreaterThan(0);
  });

  await test.step('rehearse taking it back, then take it back', async () => {
    await frame.go('Apply');
    const there = await rows();
    state = await apply.rehearseUndo();
    expect(state.failures).toEqual({});
    expect(state.undone).toMatchObject({
      rehearsal: true,
      counts: { removed: state.applied?.counts.inserted, left: 0 },
    });
    expect(await rows()).toEqual(there);
    state = await apply.undo(name);
    expect(state.failures).toEqual({});
    expect(state.undone).toMatchObject({
      rehearsal: false,
      state: 'complete',
      counts: { removed: state.applied?.counts.inserted, left: 0 },
    });
    await expect(apply.takenBack).toBeVisible();
    expect(await rows()).toEqual(nothing);
    await survivesReload('#/apply', 'Apply');
  });

  await test.step('the journal tells it all', async () => {
    await frame.go('Journal');
    await expect(app.page.getByRole('navigation', { name: 'Journals' }).getByRole('button')).not.toHaveCount(0);
    await survivesReload('#/journal', 'Journal');
  });
});
