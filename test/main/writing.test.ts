/** The session against a real MySQL: confirm, rehearse, apply, pause, stop, go on, verify, take back. */
import { home, newFolder } from './home';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { writePem } from '../../src/core/certificates/pem';
import { encryptAsset } from '../../src/core/fleet/assets';
import { Secret } from '../../src/core/secret';
import type { AppState } from '../../src/contract/state';
import { Runbook } from '../../src/main/runbook';
import { Session } from '../../src/main/session';
import { writeMicroMdm } from '../micromdm-writer';
import { createDatabase, noServer, testServer, type TestDatabase } from '../servers/mysql';
import { app } from '../shell/electron';
import { builtEngine } from './built-worker';
import { failureOf } from './failure-of';

const KEY = 'the private key of the server, 32+';
// Many batches: two sessions take them fast, and the pause must come in between.
const DEVICES = 6_000;
const isMysql = !noServer && testServer().kind !== 'mariadb';

describe.skipIf(!isMysql)('a migration from the window', () => {
  let database: TestDatabase;
  let session: Session;
  let runbook: Runbook;

  beforeAll(async () => {
    app.isReadyNow = true;
    database = await createDatabase('generation-newest');
    const source = join(newFolder('sources'), 'source.db');
    const written = writeMicroMdm(source, { devices: DEVICES, at: Date.now(), sign: 'real', unlockTokenBytes: 64 });
    const pem = (label: string, der: Buffer): string => writePem(label, der);
    const key = (one: { key: { export(o: object): string | Buffer } }): string =>
      one.key.export({ type: 'pkcs1', format: 'pem' }).toString();
    await putAsset('ca_cert', pem('CERTIFICATE', written.ca.der));
    await putAsset('ca_key', key(written.ca));
    await putAsset('apns_cert', pem('CERTIFICATE', written.push.der));
    await putAsset('apns_key', key(written.push));
    await putAsset('scep_challenge', 'hunter2');
    const settings = {
      mdm: { enabled_and_configured: true, macos_migration: { enable: false } },
      host_expiry_settings: { host_expiry_enabled: false },
    };
    await database.query('DELETE FROM app_config_json');
    await database.query('INSERT INTO app_config_json (id, json_value) VALUES (1, ?)', [JSON.stringify(settings)]);

    session = new Session(await builtEngine());
    runbook = new Runbook(session);
    await session.create(newFolder('workspaces'), 'Real');
    const { host, port, user, password } = database.server;
    await session.secrets.set('server-private-key', KEY, false);
    if (password !== '') await session.secrets.set('fleet-password', password, false);
    await session.save({
      badge: 'production',
      accepted: [
        'no-agent',
        'silent',
        'never-seen',
        'certificate-expiring',
        'certificate-not-in-depot',
        'probably-enrolled',
      ],
      reason: 'a test',
      fleet: { ...session.facts.workspace!.settings.fleet, host, port, user, database: database.name, tls: 'disabled' },
    });
    await session.read(`micromdm:${source}`);
    await settled();
  });

  afterAll(async () => {
    await session.end();
    await database.drop();
    rmSync(home, { recursive: true, force: true });
  });

  async function putAsset(name: string, plain: string): Promise<void> {
    const { value, md5 } = encryptAsset(plain, new Secret('server private key', KEY));
    await database.query("DELETE FROM mdm_config_assets WHERE name = ? AND deletion_uuid = ''", [name]);
    await database.query('INSERT INTO mdm_config_assets (name, value, md5_checksum) VALUES (?, ?, ?)', [
      name,
      value,
      md5,
    ]);
  }

  async function settled(): Promise<AppState> {
    await vi.waitUntil(() => session.state().job === null, { timeout: 55_000, interval: 20 });
    return session.state();
  }

  async function rows(): Promise<number> {
    const [row] = await database.query<{ n: number }>('SELECT COUNT(*) AS n FROM nano_devices');
    return Number(row?.n);
  }

  it('connects, checks and plans', async () => {
    runbook.connect();
    expect((await settled()).fleet).toMatchObject({
      database: database.name,
      generation: 'newest',
      enrollments: { all: 0 },
    });
    runbook.runChecks();
    const { checks, failures } = await settled();
    expect(failures).toEqual({});
    for (const row of checks!.results.filter(({ blocking }) => blocking)) {
      await runbook.acknowledge({ id: row.id, by: 'Ann', note: 'in a test' });
    }
    expect(
      session
        .state()
        .checks?.results.filter(({ blocking }) => blocking)
        .map(({ code, sentence }) => [code, sentence]),
    ).toEqual([]);
    runbook.makePlan();
    const { plan, failures: after } = await settled();
    expect(after).toEqual({});
    expect(plan!.counts.insert).toBeGreaterThan(1_000);
    expect(plan!.stale).toBeNull();
  });

  it('refuses another name, and rehearses under the right one without leaving a row', async () => {
    expect((await failureOf(() => runbook.apply({ rehearse: true, confirmation: 'fleet' }))).code).toBe(
      'apply/not-confirmed',
    );
    runbook.apply({ rehearse: true, confirmation: database.name });
    const { rehearsal, applied, failures } = await settled();
    expect(failures).toEqual({});
    expect(rehearsal).toMatchObject({ rehearsal: true, state: 'complete', counts: { held: 0 } });
    expect(applied).toBeNull();
    expect(await rows()).toBe(0);
  });

  it('pauses between two transactions, stops, and goes on where it stopped', async () => {
    const started = { rehearse: false, confirmation: database.name };
    runbook.apply(started);
    await vi.waitUntil(() => session.state().job?.label === 'applying', { timeout: 55_000, interval: 5 });
    session.pause(true);
    expect(session.state().job).toMatchObject({ paused: true, secondsLeft: null });
    // Nothing that would lose the workspace under it is allowed meanwhile.
    expect((await failureOf(() => session.close())).code).toBe('job/running');
    await vi.waitUntil(async () => (await rows()) > 0, { timeout: 20_000 });
    session.cancel();
    const { applied, steps } = await settled();
    expect(applied).toMatchObject({ state: 'stopped' });
    expect(applied!.counts.left).toBeGreaterThan(0);
    expect(steps.apply.state).toBe('attention');

    runbook.apply(started);
    const done = await settled();
    expect(done.failures).toEqual({});
    expect(done.applied).toMatchObject({ state: 'complete', counts: { held: 0, left: 0 } });
    expect(done.applied!.counts.already).toBeGreaterThan(0);
    expect(done.verified?.counts).toMatchObject({ differs: 0, missing: 0, extra: 0 });
    expect(done.steps.apply.state).toBe('done');
    expect(await rows()).toBe(done.plan!.counts.insert);
  });

  it('keeps a journal that reads as a story', async () => {
    const journals = await session.engine.call('journals', { folder: session.requireWorkspace().folder('journals') });
    expect(journals.map(({ rehearsal }) => rehearsal).sort()).toEqual([false, true]);
    const applied = journals.find(({ rehearsal }) => !rehearsal)!;
    expect(applied).toMatchObject({ undone: 0, tornBytes: 0, committed: session.state().plan!.counts.insert });
    const page = await session.engine.call('journalPage', { path: applied.path, offset: 0, limit: 500 });
    expect(page.entries).toHaveLength(page.total);
    expect(page.entries[0]!.sentence).toMatch(/began an apply to .*slipway_/);
    expect(page.entries.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['intent', 'outcome', 'closed']));
    expect(session.state().steps.journal).toMatchObject({ state: 'done', count: 2 });
  });

  it('shows what stands in Fleet now, verifies, and takes it back under the same name', async () => {
    const page = await session.engine.call('query', {
      search: '',
      verdicts: [],
      actions: ['insert'],
      platforms: [],
      sources: [],
      reasons: [],
      states: [],
      attention: [],
      sort: 'name',
      descending: false,
      offset: 0,
      limit: 1,
      hold: false,
    });
    const detail = await session.engine.call('detail', {
      id: page.rows[0]!.id,
      accepted: [],
      fleet: runbook.fleetAccess(),
    });
    expect(detail.rows!.map(({ change }) => change)).toEqual(detail.rows!.map(() => 'none'));
    runbook.verify();
    expect((await settled()).verified?.counts.same).toBe(session.state().plan!.counts.insert);

    const { journal } = session.state().applied!;
    expect((await failureOf(() => runbook.undo({ journal, rehearse: false, confirmation: '' }))).code).toBe(
      'apply/not-confirmed',
    );
    runbook.undo({ journal, rehearse: false, confirmation: database.name });
    const { undone, plan, steps } = await settled();
    expect(undone).toMatchObject({ state: 'complete', counts: { left: 0, removed: plan!.counts.insert } });
    expect(await rows()).toBe(0);
    expect(plan!.stale).toContain('taken back');
    expect(steps.apply.state).toBe('done');
  });

  it('says so when the password is wrong, and when nobody is at home', async () => {
    await session.secrets.set('fleet-password', 'wrong-canary', false);
    runbook.connect();
    const { failures } = await settled();
    expect(failures.fleet?.code).toBe('fleet/access-denied');
    expect(JSON.stringify(failures)).not.toContain('wrong-canary');
  });
});
