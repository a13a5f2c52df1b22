import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  findJournals,
  Journal,
  journaledDevices,
  journaledSteps,
  journalPath,
  nextBatch,
  readJournal,
  type JournalEntry,
} from '../../../src/core/migration/journal';

const PLACE = { serverUuid: 'server', database: 'fleet' };
const HASH = 'ab'.repeat(32);
const OTHER = 'cd'.repeat(32);
let folder: string;
let path: string;

beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'slipway-journal-')), 'inner');
  path = journalPath(folder, HASH, PLACE);
});
afterEach(() => rmSync(join(folder, '..'), { recursive: true, force: true }));

const intent = (
  batch: number,
  udid: string,
  action: 'insert' | 'refresh' = 'insert',
  rowsSha256 = HASH,
): JournalEntry => ({
  kind: 'intent',
  batch,
  devices: [{ udid, action, rowsSha256 }],
  queue: [],
});
const outcome = (batch: number, result: 'committed' | 'rolled-back' | 'unknown' | 'rehearsed'): JournalEntry => ({
  kind: 'outcome',
  batch,
  outcome: result,
});

async function write(...entries: JournalEntry[]): Promise<void> {
  const journal = await Journal.open(path);
  for (const entry of entries) await journal.append(entry);
  await journal.close();
}

async function code(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'none',
    (error: unknown) => (error as { failure: { code: string } }).failure.code,
  );
}

describe('a journal', () => {
  it('is private to its owner, and so is its folder', async () => {
    await write(intent(1, 'A'));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  it('gives back what was written, in order, with instants, over several openings', async () => {
    await write(intent(1, 'A'), outcome(1, 'committed'));
    await write(intent(2, 'B'));
    const { lines, tornBytes } = await readJournal(path);
    expect(lines.map((line) => line.kind)).toEqual(['intent', 'outcome', 'resumed', 'intent']);
    expect(lines.every((line) => /^\d{4}-\d\d-\d\dT/.test(line.at))).toBe(true);
    expect(tornBytes).toBe(0);
    expect(nextBatch(lines)).toBe(3);
  });

  it('cuts a torn last line off wherever it was torn, says so, and goes on', async () => {
    await write(intent(1, 'A'), outcome(1, 'committed'), intent(2, 'B'));
    const whole = readFileSync(path);
    const start = whole.lastIndexOf(0x0a, whole.length - 2) + 1;
    for (let length = start + 1; length < whole.length; length += 7) {
      writeFileSync(path, whole);
      truncateSync(path, length);
      expect((await readJournal(path)).tornBytes).toBe(length - start);
      const journal = await Journal.open(path);
      expect(journal.found.lines).toHaveLength(2);
      await journal.append(intent(2, 'C'));
      await journal.close();
      const { lines, tornBytes } = await readJournal(path);
      expect(tornBytes).toBe(0);
      expect(lines.map((line) => line.kind)).toEqual(['intent', 'outcome', 'resumed', 'intent']);
      expect(lines[2]).toMatchObject({ tornBytes: length - start });
    }
  });

  it('takes a tail of zeros, as a file system leaves after a power cut, for torn', async () => {
    await write(intent(1, 'A'));
    appendFileSync(path, Buffer.alloc(300));
    expect(await readJournal(path)).toMatchObject({ tornBytes: 300, lines: [{ kind: 'intent' }] });
  });

  it('takes nothing else: a changed, missing or exchanged line is named', async () => {
    await write(intent(1, 'A'), outcome(1, 'committed'), intent(2, 'B'), outcome(2, 'committed'));
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    const broken = (edited: string[]): Promise<string> => {
      writeFileSync(path, `${edited.join('\n')}\n`);
      return code(readJournal(path));
    };
    expect(await broken(lines)).toBe('none');
    expect(await broken(lines.map((line, at) => (at === 1 ? line.replace('committed', 'rehearsed') : line)))).toBe(
      'journal/altered',
    );
    expect(await broken(lines.filter((_, at) => at !== 1))).toBe('journal/altered');
    expect(await broken([lines[1] ?? '', lines[0] ?? '', ...lines.slice(2)])).toBe('journal/altered');
    // The last line too: a torn one is no whole JSON object with a number.
    expect(await broken(lines.map((line, at) => (at === 3 ? line.replace('"seq":3', '"seq":4') : line)))).toBe(
      'journal/altered',
    );
  });

  it('says when it is not there', async () => {
    expect(await code(readJournal(join(folder, 'none')))).toBe('journal/unreadable');
  });

  it('is found by plan, server and kind', async () => {
    await write(intent(1, 'A'));
    const rehearsal = await Journal.open(journalPath(folder, HASH, PLACE, true));
    await rehearsal.append(intent(1, 'A'));
    await rehearsal.close();
    expect((await findJournals(folder)).map((found) => found.path)).toEqual([path]);
    expect(journalPath(folder, HASH, { ...PLACE, database: 'other' })).not.toBe(path);
    expect(await findJournals(join(folder, 'nowhere'))).toEqual([]);
  });
});

describe('what a journal says was written', () => {
  const devices = async (...entries: JournalEntry[]) => {
    await write(...entries);
    return [...journaledDevices((await readJournal(path)).lines).values()];
  };

  it('is what was committed, and what may have been', async () => {
    const found = await devices(
      intent(1, 'A'),
      outcome(1, 'committed'),
      intent(2, 'B'),
      outcome(2, 'rolled-back'),
      intent(3, 'C'),
      outcome(3, 'unknown'),
      intent(4, 'D'),
      outcome(4, 'rehearsed'),
      intent(5, 'E'),
    );
    expect(found.map((device) => device.udid)).toEqual(['A', 'C', 'E']);
  });

  it('knows inserts from refreshes, and both hashes when a crash left the last one open', async () => {
    const found = await devices(
      intent(1, 'A'),
      outcome(1, 'committed'),
      intent(2, 'A', 'refresh', OTHER),
      intent(3, 'B', 'refresh', OTHER),
      outcome(3, 'committed'),
    );
    expect(found).toEqual([
      { udid: 'A', inserted: true, rowsSha256: [HASH, OTHER] },
      { udid: 'B', inserted: false, rowsSha256: [OTHER] },
    ]);
  });

  it('takes back what an undo committed, not what it only meant to', async () => {
    const found = await devices(
      {
        kind: 'intent',
        batch: 1,
        devices: ['A', 'B', 'C'].map((udid) => ({ udid, action: 'insert', rowsSha256: HASH })),
        queue: [{ id: 'A', commandUuid: 'q' }],
      },
      outcome(1, 'committed'),
      { kind: 'undo-intent', batch: 2, udids: ['A'], queue: [] },
      { kind: 'undo-outcome', batch: 2, outcome: 'committed' },
      { kind: 'undo-intent', batch: 3, udids: ['B'], queue: [] },
      { kind: 'serial', table: 'scep_serials', serial: '7', outcome: 'intended' },
      { kind: 'serial', table: 'scep_serials', serial: '7', outcome: 'inserted' },
    );
    expect(found.map((device) => device.udid)).toEqual(['B', 'C']);
    expect(journaledSteps((await readJournal(path)).lines)).toEqual({
      queue: [{ id: 'A', commandUuid: 'q' }],
      serials: [{ table: 'scep_serials', serial: '7' }],
    });
  });
});
