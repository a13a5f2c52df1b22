/**
 * The session with its engine, as the window uses it: the whole sample without a server, and a source full of
 * canaries of which none may ever come out.
 */
import { home, newFolder } from './home';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { CALL_CHANNEL } from '../../src/contract/bridge';
import type { CallInput, CallName, CallOutput } from '../../src/contract/calls';
import type { Reply } from '../../src/contract/reply';
import { appState, type AppState } from '../../src/contract/state';
import { answerCalls } from '../../src/main/calls';
import type { EngineThread } from '../../src/main/engine/engine';
import { handlersOf } from '../../src/main/handlers';
import { Runbook } from '../../src/main/runbook';
import { Session } from '../../src/main/session';
import { writeMicroMdm } from '../micromdm-writer';
import { app, BrowserWindow, clipboard, dialog, ipcMain, safeStorage, shell } from '../shell/electron';
import { builtEngine } from './built-worker';

const threads: EngineThread[] = [];
const told: string[] = [];
let session: Session;
let revision = -1;

beforeAll(async () => {
  app.isReadyNow = true;
  const window = new BrowserWindow();
  window.webContents.url = 'app://slipway/index.html';
  vi.spyOn(window.webContents, 'send').mockImplementation((_channel, state) => {
    const parsed = appState.strict().parse(state);
    expect(parsed.revision).toBeGreaterThan(revision);
    revision = parsed.revision;
    told.push(JSON.stringify(state));
  });
  session = new Session(await builtEngine(threads));
  answerCalls(handlersOf(session, new Runbook(session)));
});

afterAll(async () => {
  await session.end();
  rmSync(home, { recursive: true, force: true });
});

async function ask<N extends CallName>(name: N, input: CallInput<N>): Promise<Reply<CallOutput<N>>> {
  const event = { senderFrame: { url: 'app://slipway/index.html', parent: null } };
  const reply = (await ipcMain.handlers.get(CALL_CHANNEL)?.(event, name, input)) as Reply<CallOutput<N>>;
  told.push(JSON.stringify(reply));
  return reply;
}

async function must<N extends CallName>(name: N, input: CallInput<N>): Promise<CallOutput<N>> {
  const reply = await ask(name, input);
  if (!reply.ok) throw new Error(`${name}: ${reply.failure.code}: ${reply.failure.message}`);
  return reply.value;
}

async function codeOf<N extends CallName>(name: N, input: CallInput<N>): Promise<string> {
  const reply = await ask(name, input);
  return reply.ok ? 'fine' : reply.failure.code;
}

async function settled(): Promise<AppState> {
  await vi.waitUntil(() => session.state().job === null, { timeout: 50_000 });
  return session.state();
}

const QUERY = {
  search: '',
  verdicts: [],
  actions: [],
  platforms: [],
  sources: [],
  reasons: [],
  states: [],
  attention: [],
  sort: 'name' as const,
  descending: false,
};

describe('the sample', () => {
  beforeAll(async () => {
    await must('source.sample', undefined);
    await settled();
  });

  it('has every verdict, and opens the same way again', async () => {
    const { source, workspace } = session.state();
    expect(source).toMatchObject({ sample: true, counts: { devices: 60 } });
    expect(Math.min(source!.counts.ready, source!.counts.caution, source!.counts.blocked)).toBeGreaterThan(3);
    const { fingerprint } = source!;
    await must('source.sample', undefined);
    expect((await settled()).source).toMatchObject({ fingerprint });
    expect(workspace?.path.startsWith(home)).toBe(true);
    expect(await must('workspace.recent', undefined)).toEqual([]);
  });

  it('goes through Fleet, checks, plan and SQL with no server, and stops before writing', async () => {
    await must('fleet.connect', undefined);
    expect((await settled()).fleet).toMatchObject({ host: 'sample', database: 'fleet_sample' });
    await must('checks.run', undefined);
    const checked = await settled();
    expect(checked.checks?.results.filter((row) => row.blocking)).toEqual([]);
    await must('plan.make', undefined);
    const { plan, steps } = await settled();
    for (const action of ['insert', 'refresh', 'keep', 'held', 'blocked'] as const)
      expect(plan?.counts[action]).toBeGreaterThan(0);
    expect(steps.plan.state).toBe('attention');

    const page = await must('devices.query', { ...QUERY, actions: ['refresh'], offset: 0, limit: 5, hold: false });
    expect(page.matching).toBe(plan?.counts.refresh);
    const detail = await must('devices.detail', { id: page.rows[0]!.id });
    const enrollment = detail.rows?.find((row) => row.table === 'nano_enrollments');
    expect(enrollment).toMatchObject({ change: 'update' });
    expect(enrollment?.fields.filter((field) => field.changed).map((field) => field.column)).toEqual(['token_hex']);
    expect(enrollment?.fields.find((field) => field.column === 'push_magic')?.willBe).toMatch(
      /^‹push magic, 36 bytes, sha256 [0-9a-f]{12}…›$/,
    );

    const sql = await must('plan.sql', { offset: 0, limit: 2_000, search: 'unlock token' });
    expect(sql.lines).toHaveLength(sql.total);
    expect(sql.lines[sql.matches.at(-1) ?? -1]).toContain('‹unlock token, 600 bytes, sha256');

    await must('workspace.save', { badge: 'staging' });
    expect(await codeOf('apply.start', { rehearse: true, confirmation: 'fleet' })).toBe('apply/not-confirmed');
    await must('apply.start', { rehearse: true, confirmation: 'fleet_sample' });
    expect((await settled()).failures.apply?.code).toBe('sample/no-server');
  });

  it('becomes stale when other cautions are accepted, and lets them in with a new plan', async () => {
    const held = session.state().plan!.counts.held;
    await must('workspace.save', { accepted: ['no-agent'] });
    expect(session.state().plan?.stale).toContain('no-agent');
    expect(session.state().steps.plan.state).toBe('stale');
    expect(await codeOf('apply.start', { rehearse: false, confirmation: 'fleet_sample' })).toBe('plan/stale');
    await must('plan.make', undefined);
    const { plan } = await settled();
    expect(plan?.stale).toBeNull();
    expect(plan!.counts.held).toBeLessThan(held);
  });

  it('saves the real SQL where the operator says, for its owner alone, and not into the workspace', async () => {
    expect(await must('plan.saveSql', { undo: false })).toBeNull();
    dialog.script(join(session.state().workspace!.path, 'import.sql'));
    expect(await codeOf('plan.saveSql', { undo: false })).toBe('sql/inside-workspace');
    const path = join(newFolder('sql'), 'import.sql');
    dialog.script(path);
    expect(await must('plan.saveSql', { undo: true })).toMatchObject({ path });
    for (const file of [path, path.replace('.sql', '-undo.sql')]) expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, 'utf8')).not.toContain('masked');
    await must('file.reveal', { path });
    expect(shell.shown.at(-1)).toBe(path);
  });

  it('acknowledges by name what may be, and refuses what may not', async () => {
    const { checks } = session.state();
    const warned = checks!.results.find((row) => row.status === 'warn')!;
    await must('checks.acknowledge', { id: warned.id, by: 'Ann', note: 'seen' });
    expect(session.state().checks?.results.find((row) => row.id === warned.id)?.acknowledgedBy).toBe('Ann');
    await must('checks.withdraw', { id: warned.id });
    expect(session.state().checks?.results.find((row) => row.id === warned.id)?.acknowledgedBy).toBeNull();
    expect(await codeOf('checks.acknowledge', { id: 'nothing', by: 'Ann', note: '' })).toBe('checks/unknown');
    expect(await codeOf('checks.acknowledge', { id: warned.id, by: '  ', note: '' })).toBe('checks/no-name');
  });

  it('comes back by itself after the engine died', async () => {
    const { source, plan } = session.state();
    await (threads.at(-1) as unknown as Worker).terminate();
    await vi.waitUntil(() => session.state().job !== null, { timeout: 5_000 });
    const after = await settled();
    expect(after.source?.fingerprint).toBe(source?.fingerprint);
    expect(after.plan?.id).toBe(plan?.id);
    expect(
      (await must('devices.query', { ...QUERY, actions: ['insert'], offset: 0, limit: 1, hold: false })).matching,
    ).toBe(plan?.counts.insert);
  });
});

describe('a workspace of one’s own', () => {
  const CANARY = 'CANARY-5d1e';
  const canaries = {
    magic: `${CANARY}-push-magic`,
    unlock: `${CANARY}-unlock-token`,
    bootstrap: `${CANARY}-bootstrap-token`,
    profile: `${CANARY}-profile-body`,
    command: `${CANARY}-command-payload`,
    password: `${CANARY}-fleet-password`,
    apiKey: `${CANARY}-api-key`,
    token: `${CANARY}-fleet-token`,
    key: `${CANARY}-server-private-key-of-32-bytes`,
  };
  let parent: string;
  let source: string;

  beforeAll(async () => {
    parent = newFolder('mine');
    source = join(newFolder('sources'), 'canary.db');
    writeMicroMdm(source, {
      devices: 5,
      at: Date.now(),
      profiles: [
        {
          identifier: 'com.example.canary',
          body: `<plist><dict><key>x</key><string>${canaries.profile}</string></dict></plist>`,
        },
      ],
      extra: [
        {
          kind: 'iphone',
          name: 'Canary iPhone',
          push: { magic: canaries.magic },
          unlockToken: Buffer.from(canaries.unlock),
          bootstrapToken: Buffer.from(canaries.bootstrap),
          commands: [{ requestType: 'InstallProfile', payload: Buffer.from(canaries.command) }],
        },
      ],
    });
    await must('workspace.create', { name: 'Canary', parent });
  });

  beforeEach(async () => {
    await settled();
  });

  it('tells nothing of any secret, in any state or answer, nor in any file of the workspace', async () => {
    safeStorage.mode = 'available';
    await session.secrets.look();
    await must('secret.set', { kind: 'fleet-password', value: canaries.password, remember: true });
    await must('secret.set', { kind: 'source-api-key', value: canaries.apiKey, remember: true });
    await must('secret.set', { kind: 'fleet-token', value: canaries.token, remember: false });
    await must('secret.set', { kind: 'server-private-key', value: canaries.key, remember: false });
    expect(session.state().secrets).toMatchObject({
      remembered: ['source-api-key', 'fleet-password'],
      cannotRemember: null,
    });

    await must('source.read', { reference: (await must('source.fromFile', { path: source })).reference });
    await settled();
    const page = await must('devices.query', { ...QUERY, offset: 0, limit: 50, hold: false });
    for (const row of page.rows) await must('devices.detail', { id: row.id });
    expect(
      await must('devices.query', { ...QUERY, search: canaries.magic, offset: 0, limit: 5, hold: false }),
    ).toMatchObject({
      matching: 0,
    });
    await must('devices.udids', QUERY);
    const csv = join(newFolder('csv'), 'devices.csv');
    dialog.script(csv);
    await must('devices.export', { ...QUERY, ids: null });
    // Nobody is at home there; what is told about it must not hold the password either.
    await must('workspace.save', {
      fleet: {
        ...session.state().workspace!.settings.fleet,
        host: '127.0.0.1',
        port: 9,
        user: 'u',
        database: 'd',
        tls: 'disabled',
        url: 'http://127.0.0.1:9',
      },
    });
    for (const call of ['fleet.connect', 'checks.run', 'plan.make'] as const) {
      await must(call, undefined);
      await settled();
    }
    expect(session.state().failures).toHaveProperty('fleet');
    await must('workspace.close', undefined);
    await must('workspace.open', { path: join(parent, 'Canary') });
    await settled();

    const pushed = told.join('\n');
    const stored = filesIn(join(parent, 'Canary')).concat(csv, join(home, 'recent.json'));
    const remembered = filesIn(join(home, 'secrets'));
    for (const value of Object.values(canaries)) {
      for (const form of [
        value,
        Buffer.from(value).toString('hex'),
        Buffer.from(value).toString('base64').replace(/=+$/, ''),
      ]) {
        expect(pushed.includes(form), `${value} was told`).toBe(false);
        for (const file of [...stored, ...remembered])
          expect(readFileSync(file, 'latin1').includes(form), `${value} in ${file}`).toBe(false);
      }
    }
    expect(session.state().secrets.held).toEqual(['source-api-key', 'fleet-password']);
  });

  it('is taken up where it was left, from its private copy, even when the source is gone', async () => {
    const before = session.state().source!;
    const kept = newFolder('kept');
    copyFileSync(source, join(kept, 'canary.db'));
    rmSync(source);
    await must('workspace.close', undefined);
    expect(session.state()).toMatchObject({ workspace: null, source: null });
    await must('workspace.open', { path: join(parent, 'Canary') });
    const { source: again, failures } = await settled();
    expect(failures).toEqual({});
    expect(again).toMatchObject({ fingerprint: before.fingerprint, path: before.path });
    copyFileSync(join(kept, 'canary.db'), source);
  });

  it('keeps copies out of the workspace, lists them, and deletes them with one action', async () => {
    const { folder, copies } = await must('copies.list', undefined);
    expect(folder).toBe(join(home, 'copies'));
    expect(copies.length).toBeGreaterThan(0);
    expect(filesIn(join(parent, 'Canary')).filter((file) => file.endsWith('.db'))).toEqual([]);
    expect(await must('copies.delete', undefined)).toEqual({ deleted: copies.length });
    expect((await must('copies.list', undefined)).copies).toEqual([]);
    await must('source.read', { reference: `micromdm:${source}` });
    await settled();
  });

  it('reads and shows only its own files', async () => {
    const outside = join(newFolder('outside'), 'x.journal.jsonl');
    expect(await codeOf('journal.read', { path: outside, offset: 0, limit: 10 })).toBe('journal/elsewhere');
    expect(
      await codeOf('journal.read', { path: join(parent, 'Canary', 'journals', '..', '..', 'x'), offset: 0, limit: 10 }),
    ).toBe('journal/elsewhere');
    expect(await codeOf('file.reveal', { path: '/etc/passwd' })).toBe('file/elsewhere');
    dialog.script(outside);
    expect(await must('file.choose', { purpose: 'journal' })).toBe(outside);
    expect(await codeOf('journal.read', { path: outside, offset: 0, limit: 10 })).toBe('journal/unreadable');
    expect(dialog.asked.every(({ parented }) => parented)).toBe(true);
  });

  it('refuses what is not ready, by name', async () => {
    expect(await codeOf('apply.start', { rehearse: true, confirmation: 'd' })).toBe('plan/none');
    expect(await codeOf('apply.verify', undefined)).toBe('plan/none');
    expect(await codeOf('job.cancel', undefined)).toBe('job/none');
    expect(await codeOf('job.pause', undefined)).toBe('job/none');
    expect(await codeOf('source.fromFile', { path: join(newFolder('empty'), 'gone.db') })).toBe('source/no-file');
    expect(await codeOf('source.read', { reference: 'mysql:x' })).toBe('usage/source');
    await must('workspace.close', undefined);
    for (const name of ['plan.make', 'checks.run', 'fleet.connect', 'journal.list'] as const) {
      expect(['workspace/none', 'source/not-read']).toContain(await codeOf(name, undefined));
    }
    expect(await codeOf('secret.set', { kind: 'fleet-token', value: 'x', remember: false })).toBe('workspace/none');
    await must('workspace.open', { path: join(parent, 'Canary') });
    await settled();
  });

  it('does one thing at a time', async () => {
    await must('source.read', { reference: `micromdm:${source}` });
    expect(await codeOf('source.read', { reference: `micromdm:${source}` })).toBe('job/running');
    expect(await codeOf('copies.delete', undefined)).toBe('job/running');
    await settled();
    await must('clipboard.write', { text: 'A1B2' });
    expect(clipboard.text).toBe('A1B2');
  });
});

function filesIn(folder: string): string[] {
  if (!existsSync(folder)) mkdirSync(folder, { recursive: true });
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
