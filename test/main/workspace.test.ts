/** A workspace on the disk: what is saved, what is refused, and that nothing is lost when its file is damaged. */
import { newFolder } from './home';
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Workspace } from '../../src/main/workspace';
import { DEFAULT_SETTINGS, parseWorkspaceFile } from '../../src/main/workspace-file';
import { failureOf } from './failure-of';

const FILE = 'workspace.json';
const LOCK = '.slipway.lock';

describe('a workspace', () => {
  it('is a private folder with its settings, plans, journals and reports, and opens as it was saved', async () => {
    const parent = newFolder('workspaces');
    const made = await Workspace.create(parent, 'Müller & Söhne');
    await made.save({ badge: 'staging', accepted: ['no-agent'], source: undefined });
    await made.close();
    expect(readdirSync(made.path).sort()).toEqual(['journals', 'plans', 'reports', FILE]);
    expect(statSync(join(made.path, FILE)).mode & 0o777).toBe(0o600);
    expect(statSync(made.path).mode & 0o777).toBe(0o700);

    const opened = await Workspace.open(made.path);
    expect(opened.name).toBe('Müller & Söhne');
    expect(opened.id).toBe(made.id);
    expect(opened.settings).toEqual({ ...DEFAULT_SETTINGS, badge: 'staging', accepted: ['no-agent'] });
    await opened.close();
  });

  it('saves in the order it was asked to', async () => {
    const workspace = await Workspace.create(newFolder('workspaces'), 'order');
    await Promise.all(Array.from({ length: 20 }, (_, number) => workspace.save({ reason: `reason ${number}` })));
    const saved = parseWorkspaceFile(readFileSync(join(workspace.path, FILE), 'utf8'));
    expect(saved?.settings.reason).toBe('reason 19');
    expect(readdirSync(workspace.path).filter((name) => name.endsWith('.part'))).toEqual([]);
    await workspace.close();
  });

  it.each(['', '   ', '...', '.hidden', '../up'])('cannot be called %j', async (name) => {
    const failure = await failureOf(() => Workspace.create(newFolder('workspaces'), name));
    expect(failure.code).toBe('workspace/name');
  });

  it.each(['a/b', 'up\\..\\..', 'con:trol', 'tab\there'])('stays inside its parent when called %j', async (name) => {
    const parent = newFolder('workspaces');
    const workspace = await Workspace.create(parent, name);
    expect(workspace.path.startsWith(parent)).toBe(true);
    expect(readdirSync(parent)).toHaveLength(1);
    await workspace.close();
  });

  it('is not made where something lies already, and not opened where nothing of it is', async () => {
    const parent = newFolder('workspaces');
    mkdirSync(join(parent, 'taken'));
    writeFileSync(join(parent, 'taken', 'letter.txt'), 'dear');
    expect((await failureOf(() => Workspace.create(parent, 'taken'))).code).toBe('workspace/folder-taken');
    expect((await failureOf(() => Workspace.open(join(parent, 'taken')))).code).toBe('workspace/not-one');
    expect((await failureOf(() => Workspace.open(join(parent, 'nowhere')))).code).toBe('workspace/not-one');
  });
});

describe('its file', () => {
  async function closed(): Promise<string> {
    const workspace = await Workspace.create(newFolder('workspaces'), 'w');
    await workspace.close();
    return workspace.path;
  }

  it.each([
    ['cut off', (text: string) => text.slice(0, -20)],
    ['not JSON', () => 'hello'],
    ['a list', () => '[]'],
    ['with a badge nobody knows', (text: string) => text.replace('"unset"', '"everywhere"')],
    ['with a port that is none', (text: string) => text.replace('3306', '"many"')],
  ])('is kept aside when it is %s, and the folder opens afresh', async (_what, damage) => {
    const path = await closed();
    const damaged = damage(readFileSync(join(path, FILE), 'utf8'));
    writeFileSync(join(path, FILE), damaged);
    writeFileSync(join(path, 'plans', 'a.json'), '{}');
    const failure = await failureOf(() => Workspace.open(path));
    expect(failure.code).toBe('workspace/damaged');
    const aside = readdirSync(path).find((name) => name.startsWith(`${FILE}.damaged-`));
    expect(readFileSync(join(path, String(aside)), 'utf8')).toBe(damaged);
    expect(readdirSync(path)).not.toContain(LOCK);

    const again = await Workspace.open(path);
    expect(again.settings).toEqual(DEFAULT_SETTINGS);
    expect(readdirSync(join(path, 'plans'))).toEqual(['a.json']);
    await again.close();
  });

  it('gets what a newer version added, and keeps what was there', async () => {
    const path = await closed();
    const content = JSON.parse(readFileSync(join(path, FILE), 'utf8')) as { settings: Record<string, unknown> };
    content.settings = { badge: 'production', fleet: { host: 'db.example.com' } };
    writeFileSync(join(path, FILE), JSON.stringify(content));
    const opened = await Workspace.open(path);
    expect(opened.settings).toEqual({
      ...DEFAULT_SETTINGS,
      badge: 'production',
      fleet: { ...DEFAULT_SETTINGS.fleet, host: 'db.example.com' },
    });
    await opened.close();
  });

  it('of a newer version is not touched', async () => {
    const path = await closed();
    const text = readFileSync(join(path, FILE), 'utf8').replace('"schema": 1', '"schema": 2');
    writeFileSync(join(path, FILE), text);
    expect((await failureOf(() => Workspace.open(path))).code).toBe('workspace/newer');
    expect(readFileSync(join(path, FILE), 'utf8')).toBe(text);
  });

  it('leaves out what it cannot make out of earlier results, and opens all the same', async () => {
    const path = await closed();
    const content = JSON.parse(readFileSync(join(path, FILE), 'utf8')) as { progress: Record<string, unknown> };
    content.progress['applied'] = { counts: 'of another version' };
    content.progress['plan'] = 'abc.json';
    writeFileSync(join(path, FILE), JSON.stringify(content));
    const opened = await Workspace.open(path);
    expect(opened.progress).toMatchObject({ applied: null, plan: 'abc.json' });
    await opened.close();
  });
});

describe('its lock', () => {
  it('refuses a second window, and is given back', async () => {
    const first = await Workspace.create(newFolder('workspaces'), 'w');
    const failure = await failureOf(() => Workspace.open(first.path));
    expect(failure).toMatchObject({ code: 'workspace/in-use' });
    expect(failure.message).toContain(String(process.pid));
    await first.close();
    expect(readdirSync(first.path)).not.toContain(LOCK);
    const second = await Workspace.open(first.path);
    await second.close();
  });

  function lockOf(path: string, holder: object | string): void {
    writeFileSync(join(path, LOCK), typeof holder === 'string' ? holder : JSON.stringify(holder));
  }
  const since = '2026-11-24T00:00:00.000Z';

  async function closed(): Promise<string> {
    const workspace = await Workspace.create(newFolder('workspaces'), 'w');
    await workspace.close();
    return workspace.path;
  }

  it('of another living process is respected', async () => {
    const path = await closed();
    const sleeper = spawn('sleep', ['60']);
    try {
      lockOf(path, { pid: sleeper.pid, host: hostname(), since, token: 'other' });
      expect((await failureOf(() => Workspace.open(path))).code).toBe('workspace/in-use');
    } finally {
      sleeper.kill();
    }
  });

  it('of a process that is gone is taken over', async () => {
    const path = await closed();
    const gone = spawn('true');
    await new Promise((resolve) => gone.once('exit', resolve));
    lockOf(path, { pid: gone.pid, host: hostname(), since, token: 'gone' });
    const opened = await Workspace.open(path);
    await opened.close();
  });

  it('with our own number, left by a crash, is taken over', async () => {
    const path = await closed();
    lockOf(path, { pid: process.pid, host: hostname(), since, token: 'before the crash' });
    const opened = await Workspace.open(path);
    await opened.close();
  });

  it('torn by a crash is taken over', async () => {
    const path = await closed();
    lockOf(path, '{"pid": 12');
    const opened = await Workspace.open(path);
    await opened.close();
  });

  it('of another machine is respected, since nothing can be known about it', async () => {
    const path = await closed();
    lockOf(path, { pid: 1, host: 'another-machine', since, token: 'there' });
    const failure = await failureOf(() => Workspace.open(path));
    expect(failure.code).toBe('workspace/in-use');
    expect(failure.remedy).toContain(LOCK);
  });

  it('is won by one of several that find it stale at once', async () => {
    const path = await closed();
    lockOf(path, { pid: process.pid, host: hostname(), since, token: 'before the crash' });
    const outcomes = await Promise.allSettled(Array.from({ length: 6 }, () => Workspace.open(path)));
    const won = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    expect(won).toHaveLength(1);
    await won[0]!.close();
  });
});
