/**
 * Files Slipway itself wrote are damaged before it reads them again: plan, private copy of the source, journal. It goes by
 * what is whole or says which file is not; it never writes to Fleet by a damaged one, and never changes the damaged one.
 */
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ACCEPT, differences, fleet, Workstation, type Outcome } from '../cli/workstation';
import { writeMicroMdm } from '../micromdm-writer';
import { createDatabase, dumpTables, noServer, type TestDatabase } from '../servers/mysql';

const TABLES = ['nano_devices', 'nano_users', 'nano_enrollments', 'nano_cert_auth_associations'];

const flipped = (bytes: Buffer, at: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 0x01;
  return copy;
};

/** Ways a file is found damaged. */
const DAMAGES: readonly [string, (path: string) => void][] = [
  ['emptied', (path) => writeFileSync(path, '')],
  ['cut in half', (path) => writeFileSync(path, readFileSync(path).subarray(0, readFileSync(path).length >> 1))],
  [
    'flipped in one bit in its first part',
    (path) => writeFileSync(path, flipped(readFileSync(path), readFileSync(path).length >> 2)),
  ],
  [
    'flipped in one bit in its second part',
    (path) => writeFileSync(path, flipped(readFileSync(path), (readFileSync(path).length * 3) >> 2)),
  ],
  ['overwritten with zeros', (path) => writeFileSync(path, Buffer.alloc(readFileSync(path).length))],
  ['gone', (path) => rmSync(path)],
  [
    'a folder',
    (path) => {
      rmSync(path);
      mkdirSync(path);
    },
  ],
  [
    'a link to nowhere',
    (path) => {
      rmSync(path);
      symlinkSync('/nowhere/at/all', path);
    },
  ],
];

/** What stands at a path, to see that it was not touched. */
function traceOf(path: string): string {
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status === undefined) return 'nothing';
  if (status.isDirectory()) return `folder of ${readdirSync(path).length}`;
  return status.isSymbolicLink() ? 'link' : readFileSync(path).toString('base64');
}

describe.skipIf(noServer)('damaged', () => {
  let desk: Workstation;
  let database: TestDatabase;
  let whole: string;
  let empty: string;
  const dump = (): Promise<string> => dumpTables(database, TABLES, { without: ['created_at'] });
  const run = (...args: string[]): Promise<Outcome> =>
    desk.slipway([...args, ...fleet(database).args, '--json'], fleet(database));
  const apply = (): Promise<Outcome> => run('apply', desk.path('plan.json'), '--yes', '--accept', ACCEPT);
  const journal = (): string => desk.journals()[0] ?? '';
  const copyFile = (): string =>
    desk.path('copies', readdirSync(desk.copies).find((name) => name.endsWith('.db')) ?? '');

  beforeAll(async () => {
    desk = new Workstation();
    database = await createDatabase('generation-newest');
    const shares = { checkedOut: 0, noPushInfo: 0 };
    const { path } = writeMicroMdm(desk.path('source.db'), { seed: 'damage', sign: 'real', devices: 12, shares });
    empty = await dump();
    const planned = await run('plan', `micromdm:${path}`, '--out', desk.path('plan.json'), '--accept', ACCEPT);
    expect(planned.code, planned.text).toBe(0);
    const applied = await apply();
    expect(applied.code, applied.text).toBe(0);
    whole = await dump();
  });
  afterAll(async () => {
    desk.close();
    await database.drop();
  });

  /** Damages a file for as long as something is tried. */
  async function whileDamaged(path: string, damage: (path: string) => void, work: () => Promise<void>): Promise<void> {
    const kept = desk.path('kept');
    copyFileSync(path, kept);
    damage(path);
    try {
      await work();
    } finally {
      rmSync(path, { recursive: true, force: true });
      copyFileSync(kept, path);
    }
  }

  /** Says in one line what is wrong and what to do; nothing of the program's inside. */
  function isTold(outcome: Outcome): void {
    expect([1, 3], outcome.text).toContain(outcome.code);
    const { code, message, remedy } = outcome.error;
    expect(code, outcome.text).not.toMatch(/internal|unexpected/);
    expect(message.length).toBeGreaterThan(10);
    expect(remedy.length, outcome.text).toBeGreaterThan(5);
    expect(outcome.stderr).not.toMatch(/^\s+at |\.js:\d+/m);
  }

  it.each(DAMAGES)('plan, %s: nothing is written, and it says so', async (_how, damage) => {
    const path = desk.path('plan.json');
    await whileDamaged(path, damage, async () => {
      const trace = traceOf(path);
      for (const outcome of [await apply(), await run('verify', path)]) isTold(outcome);
      expect(traceOf(path)).toBe(trace);
    });
    expect(differences(whole, await dump())).toEqual([]);
  });

  it.each(DAMAGES)('private copy, %s: what is written comes from what is whole', async (_how, damage) => {
    const path = copyFile();
    await whileDamaged(path, damage, async () => {
      const outcome = await apply();
      if (outcome.code !== 0) isTold(outcome);
    });
    expect(differences(whole, await dump())).toEqual([]);
    expect(existsSync(path)).toBe(true);
  });

  it.each(DAMAGES)('journal, %s: nothing is written or taken back by it', async (how, damage) => {
    const path = journal();
    await whileDamaged(path, damage, async () => {
      const trace = traceOf(path);
      const undone = await run('undo', path, '--yes', '--rehearse');
      // Cut off at the end it may be gone by as far as it goes: that is how a crash leaves it.
      if (how !== 'cut in half') {
        isTold(undone);
        expect(traceOf(path)).toBe(trace);
      }
      const again = await apply();
      if (again.code !== 0) isTold(again);
      else expect(again.json, again.text).toMatchObject({ counts: { inserted: 0 } });
    });
    expect(differences(whole, await dump())).toEqual([]);
  });

  it('nothing afterwards: whole again, everything is taken back', async () => {
    const outcome = await run('undo', journal(), '--yes');
    expect(outcome.code, outcome.text).toBe(0);
    expect(differences(empty, await dump())).toEqual([]);
  });
});
