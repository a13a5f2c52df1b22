/** What goes wrong on such an evening: it is said where it happened, what was typed stays, and one can go on. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { createConnection } from 'mysql2/promise';
import { join } from 'node:path';
import { writeMicroMdm, type MicroMdmOptions } from '../micromdm-writer';
import { sharedData } from '../shared-data';
import { expect, root, test } from './fixture';
import { connected, connectionTo, opened, planned, rowCount } from './way';

const SMALL = sharedData('micromdm', 'small.db') ?? join(root, 'resources', 'sample', 'micromdm.db');
const WRONG = 'wrong-horse-battery-staple';

/** The same made-up devices each time; `extra` comes on top. */
function write(path: string, devices: number, more: MicroMdmOptions = {}): void {
  writeMicroMdm(path, { devices, seed: 'failures', at: Date.now(), sign: 'fake', unlockTokenBytes: 64, ...more });
}

// Each is a window and a database of its own, and the longest of them waits for a server for a minute.
test.describe.configure({ mode: 'parallel' });

test('a wrong password is said plainly; what was typed stays, and the password is nowhere', async ({
  app,
  database,
  folder,
}) => {
  test.setTimeout(180_000);
  const { frame, fleet } = app.screens;
  const account = await database.createAccount(['SELECT ON *']);
  await opened(app, folder, SMALL);
  const connection = { ...connectionTo(database), user: account.user, password: WRONG };
  const state = await connected(app, connection);
  expect(state.fleet).toBeNull();
  expect(state.failures.fleet?.code).toMatch(/^fleet\//);
  await expect(frame.failure).toContainText(state.failures.fleet?.message ?? '-');
  expect(`${state.failures.fleet?.message} ${state.failures.fleet?.remedy}`).toMatch(/password/i);
  await expect(fleet.host).toHaveValue(connection.host);
  await expect(fleet.port).toHaveValue(String(connection.port));
  await expect(fleet.user).toHaveValue(account.user);
  await expect(fleet.database).toHaveValue(database.name);
  // Nothing holds it but main: not the field, not the page, not the state, not the workspace.
  const values = await app.page
    .locator('input')
    .evaluateAll((inputs) => inputs.map((input) => (input as HTMLInputElement).value));
  expect(values).not.toContain(WRONG);
  expect(await app.page.content()).not.toContain(WRONG);
  expect(JSON.stringify(await frame.state())).not.toContain(WRONG);
  expect(state.secrets.held).toEqual(['fleet-password']);
  const workspace = state.workspace?.path ?? '';
  for (const name of readdirSync(workspace, { recursive: true, encoding: 'utf8' })) {
    const path = join(workspace, name);
    if (name.endsWith('.json')) expect(readFileSync(path, 'utf8'), name).not.toContain(WRONG);
  }
  // The right one, typed into the same place, is enough.
  await fleet.type(account.password);
  const after = await fleet.connect();
  expect(after.failures).toEqual({});
  expect(after.fleet?.user).toBe(account.user);
});

test('a damaged file and one that is no database are refused in place', async ({ app, folder }) => {
  test.setTimeout(120_000);
  const { frame, source, welcome } = app.screens;
  const cycle = sharedData('micromdm', 'pagecycle.db');
  const notBolt = sharedData('micromdm', 'notbolt.db');
  test.skip(cycle === null || notBolt === null, '../shared/data/micromdm is not here');
  await app.answerDialogs(folder, cycle, notBolt, SMALL);
  await welcome.create('Damaged');
  await expect(frame.title).toHaveText('Source');
  for (const file of [cycle, notBolt]) {
    const state = await source.read();
    expect(state.source, String(file)).toBeNull();
    const failure = state.failures.source;
    expect(failure?.code).toMatch(/^[a-z]+\/[a-z-]+$/);
    await expect(frame.failure).toContainText(failure?.message ?? '-');
    await expect(frame.failure).toContainText(failure?.remedy ?? '-');
    console.log(`${String(file).split('/').at(-1)}: ${failure?.code} ${failure?.message}`);
  }
  // The way on is open.
  const state = await source.read();
  expect(state.failures).toEqual({});
  expect(state.source?.counts.devices).toBeGreaterThan(0);
  await expect(frame.failure).toHaveCount(0);
});

test('a device that changed after the plan is held back and named, the others go in', async ({
  app,
  database,
  folder,
}) => {
  test.setTimeout(240_000);
  const { frame, apply } = app.screens;
  const path = join(folder, 'source.db');
  const at = Date.now();
  const changing = { udid: '00000000-AAAA-4AAA-8AAA-000000000001', serial: 'CHANGING01', name: 'Changing' };
  write(path, 40, { at, extra: [{ ...changing, push: { token: 'aa'.repeat(32) } }] });
  await opened(app, folder, path);
  await connected(app, connectionTo(database));
  const before = await planned(app);
  expect(before.plan?.counts.held).toBe(0);
  // It gets a new push token, as after an update of its system.
  write(path, 40, { at, extra: [{ ...changing, push: { token: 'bb'.repeat(32) } }] });
  const state = await apply.write(database.name);
  expect(state.failures).toEqual({});
  expect(state.applied?.held.map(({ udid }) => udid)).toEqual([changing.udid]);
  expect(state.applied?.counts.inserted).toBe((before.plan?.counts.insert ?? 0) - 1);
  expect(await rowCount(database)).toBe(state.applied?.counts.inserted);
  await expect(frame.page.getByRole('main')).toContainText('00000000');
  expect(state.verified?.counts).toMatchObject({ differs: 0, missing: 0, extra: 0 });
});

test('cancelled in the middle it stops between two batches, and goes on where it stopped', async ({
  app,
  database,
  folder,
}) => {
  test.setTimeout(300_000);
  const { frame, apply } = app.screens;
  const path = join(folder, 'source.db');
  write(path, 12_000);
  await opened(app, folder, path);
  await connected(app, connectionTo(database));
  const before = await planned(app);
  const state = await frame.working(async () => {
    await apply.startWriting(database.name);
    // Before the first batch there would be nothing to stop in the middle of.
    await expect.poll(() => rowCount(database), { timeout: 60_000, intervals: [20] }).toBeGreaterThan(0);
    await frame.button('Pause').click();
    await frame.button('Go on').waitFor();
    await frame.button('Cancel').click();
  });
  expect(state.failures).toEqual({});
  expect(state.applied?.state).toBe('stopped');
  await expect(apply.stopped).toBeVisible();
  const written = await rowCount(database);
  expect(written).toBeGreaterThan(0);
  expect(state.applied?.counts.left).toBe((before.plan?.counts.insert ?? 0) - written);
  await frame.reloadAt('#/apply');
  await expect(apply.stopped).toBeVisible();

  const after = await apply.write(database.name);
  expect(after.applied?.state).toBe('complete');
  expect(after.applied?.counts.left).toBe(0);
  expect(await rowCount(database)).toBe(before.plan?.counts.insert);
  expect(after.verified?.counts).toMatchObject({ same: before.plan?.counts.insert, differs: 0, missing: 0, extra: 0 });
});

test('the server dies while it is written to: the failure stays, and the same plan finishes later', async ({
  app,
  folder,
}) => {
  test.setTimeout(400_000);
  const { createDatabase, hasSchema, noServer, startMysql } = await import('../servers/mysql');
  test.skip(noServer !== false, String(noServer));
  const server = await startMysql({ unsynced: true });
  try {
    test.skip(server.pid === undefined, 'the server is not ours to kill');
    const schema = hasSchema('fleet-4.69') ? 'fleet-4.69' : 'generation-469';
    const database = await createDatabase(schema, server);
    const { frame, apply, fleet } = app.screens;
    const path = join(folder, 'source.db');
    write(path, 12_000);
    await opened(app, folder, path);
    await connected(app, connectionTo(database));
    const before = await planned(app);
    const failed = await frame.working(async () => {
      await apply.startWriting(database.name);
      await expect.poll(() => rowCount(database), { timeout: 60_000, intervals: [20] }).toBeGreaterThan(0);
      await server.kill();
    });
    const failure = failed.failures.apply;
    console.log(`mysqld killed: ${failure?.code} ${failure?.message}`);
    expect(failure?.code).toBeDefined();
    await expect(frame.failure).toContainText(failure?.message ?? '-');
    await frame.reloadAt('#/apply');
    await expect(frame.failure).toContainText(failure?.message ?? '-');

    await server.restart();
    await frame.go('Fleet');
    const again = await fleet.connect();
    expect(again.fleet?.enrollments.migrated).toBeGreaterThan(0);
    const after = await apply.write(database.name);
    expect(after.failures).toEqual({});
    expect(after.applied?.state).toBe('complete');
    expect(after.verified?.counts).toMatchObject({
      same: before.plan?.counts.insert,
      differs: 0,
      missing: 0,
      extra: 0,
    });
    const { host, port, user, password } = server;
    const connection = await createConnection({ host, port, user, password, database: database.name });
    const [rows] = await connection.query('SELECT COUNT(*) AS n FROM nano_devices');
    expect(JSON.stringify(rows)).toBe(JSON.stringify([{ n: before.plan?.counts.insert }]));
    await connection.end();
  } finally {
    await server.stop();
  }
});

test('a second Slipway on the same workspace is refused by name, and may have it afterwards', async ({
  launch,
  folder,
}) => {
  test.setTimeout(120_000);
  const first = await launch({ userData: join(folder, 'first') });
  const state = await opened(first, folder, SMALL, 'Shared');
  const workspace = state.workspace?.path ?? '';
  const second = await launch({ userData: join(folder, 'second') });
  await second.answerDialogs(workspace, workspace);
  await second.screens.welcome.open.click();
  await expect(second.screens.frame.failure).toContainText('workspace/in-use');
  expect((await second.screens.frame.state()).workspace).toBeNull();
  // The first one has lost nothing.
  expect((await first.screens.frame.state()).workspace?.name).toBe('Shared');
  await first.close();
  expect(existsSync(join(workspace, '.slipway.lock'))).toBe(false);
  await second.screens.welcome.open.click();
  await expect.poll(async () => (await second.screens.frame.state()).workspace?.name).toBe('Shared');
});
