/**
 * A volume that is really full: what is written there fails with a sentence and a way out, leaves nothing half done, and
 * goes on as soon as there is room. The other tests of a full disk make it up, step by step; this one is the system's own.
 */
import { newFolder } from '../main/home';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { openWaves, readWaves } from '../../src/core/cutover/wave-journal';
import { Journal, readJournal } from '../../src/core/migration/journal';
import { writePrivate } from '../../src/core/private-file';
import { Workspace } from '../../src/main/workspace';
import { failureOf } from '../main/failure-of';

const volume = newFolder('volume');
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'none', volume]).status === 0;

const PAGE = 4096;

/** Leaves no page free, or some. */
function fill(pagesFree = 0): void {
  const file = openSync(join(volume, 'filler'), 'a');
  try {
    for (;;) writeSync(file, Buffer.alloc(PAGE));
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
  } finally {
    closeSync(file);
  }
  truncateSync(join(volume, 'filler'), statSync(join(volume, 'filler')).size - pagesFree * PAGE);
}
const makeRoom = (): void => rmSync(join(volume, 'filler'), { force: true });

async function isTold(work: () => Promise<unknown>, code: string): Promise<void> {
  const failure = await failureOf(work);
  expect(failure).toMatchObject({ code, kind: 'unreadable' });
  expect(`${failure.message} ${failure.remedy}`).toContain('ENOSPC');
  expect(failure.remedy).toContain('room');
}

describe.skipIf(!mounted)(`a full volume${mounted ? '' : ' (skipped: this account may not mount one)'}`, () => {
  afterEach(makeRoom);
  afterAll(() => {
    spawnSync('umount', [volume]);
  });
  const left = (folder: string): string[] => readdirSync(folder).filter((name) => name !== 'filler');

  it('keeps the file that was there, and no part of the one that was to take its place', async () => {
    const path = join(volume, 'plan.json');
    await writePrivate(path, 'the first');
    fill();
    await isTold(() => writePrivate(path, 'x'.repeat(10_000), { overwrite: true }), 'file/cannot-write');
    expect([left(volume), readFileSync(path, 'utf8')]).toEqual([['plan.json'], 'the first']);
  });

  it('keeps a journal that can be gone on with', async () => {
    const path = join(volume, 'a.journal.jsonl');
    const journal = await Journal.open(path);
    const entry = { kind: 'held' as const, devices: [{ udid: 'A'.repeat(500), code: 'a' }] };
    await journal.append(entry);
    fill();
    const until = async (): Promise<void> => {
      for (;;) await journal.append(entry);
    };
    await isTold(until, 'journal/unwritable');
    // After a half-written line nothing more is taken, room or not.
    makeRoom();
    expect((await failureOf(() => journal.append(entry))).code).toBe('journal/unwritable');
    await journal.close();
    const again = await Journal.open(path);
    await again.append(entry);
    await again.close();
    const { lines, tornBytes } = await readJournal(path);
    expect([lines.at(-2)?.kind, lines.at(-1)?.kind, tornBytes]).toEqual(['resumed', 'held', 0]);
  });

  it('holds no wave up afterwards: a lock is there whole or not at all', async () => {
    const path = join(volume, 'waves.jsonl');
    fill();
    await isTold(() => openWaves(path), 'journal/unwritable');
    makeRoom();
    expect(left(volume).filter((name) => /lock|part/.test(name))).toEqual([]);
    const waves = await openWaves(path);
    await waves.append({ kind: 'set-again', operator: 'ann', workstation: 'here', total: 0 });
    expect((await failureOf(() => openWaves(path))).code).toBe('wave/busy');
    await waves.close();
    expect((await readWaves(path)).lines).toHaveLength(1);
  });

  it('keeps a workspace as it was saved last, which opens again', async () => {
    // For nothing, and for its lock alone: either way the name is free again.
    for (const [free, code] of [
      [0, 'workspace/cannot-lock'],
      [1, 'file/cannot-write'],
    ] as const) {
      fill(free);
      await isTold(() => Workspace.create(volume, 'w'), code);
      expect(left(volume)).not.toContain('w');
      makeRoom();
    }
    const workspace = await Workspace.create(volume, 'w');
    await workspace.save({ reason: 'saved' });
    fill();
    await isTold(() => workspace.save({ reason: 'not saved' }), 'file/cannot-write');
    expect(left(workspace.path).filter((name) => name.endsWith('.part'))).toEqual([]);
    makeRoom();
    await workspace.close();
    const opened = await Workspace.open(workspace.path);
    expect(opened.settings.reason).toBe('saved');
    // In a full one, too: it is only read.
    await opened.save({ reason: 'with room' });
    await opened.close();
    fill();
    await isTold(() => Workspace.open(workspace.path), 'workspace/cannot-lock');
    makeRoom();
    const last = await Workspace.open(workspace.path);
    expect(last.settings.reason).toBe('with room');
    await last.close();
  });
});
