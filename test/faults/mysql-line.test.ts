/**
 * The line to Fleet's MySQL breaks, at the commands where it matters: before COMMIT arrives, and after, when nobody can
 * tell whether it was committed. What stands there in the end is what an undisturbed run leaves, and nothing is counted
 * twice.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectFleet, type ConnectionLimits, type FleetConnection } from '../../src/core/fleet/connection';
import { readJournal } from '../../src/core/migration/journal';
import type { Plan } from '../../src/core/migration/plan';
import { FleetBench, targetOf } from '../core/migration/fleet-bench';
import { buildSnapshot } from '../snapshot-builder';
import { noServer } from '../servers/mysql';
import { FaultyLine, type Fate } from '../servers/faulty-line';
import { failureOf } from './failing';

/** Long enough for a busy machine, short enough to be waited for. */
const LIMITS: ConnectionLimits = { connect: 5_000, silence: 1_000, ping: 60_000 };
const TABLES = ['nano_devices', 'nano_users', 'nano_enrollments', 'nano_cert_auth_associations'];

describe.skipIf(noServer)('the line to MySQL', () => {
  const snapshot = buildSnapshot(40);
  let bench: FleetBench;
  let line: FaultyLine;
  let plan: Plan;
  /** The tables after a run that nobody disturbed. */
  let calm: string;
  beforeAll(async () => {
    bench = await FleetBench.open('generation-newest');
    line = await FaultyLine.open(bench.database.server);
    plan = await bench.plan(snapshot);
    await bench.apply(plan, snapshot);
    calm = await bench.dump();
  });
  afterAll(async () => {
    await line.close();
    await bench.close();
  });
  beforeEach(async () => {
    // Sessions a test left half open would keep their locks.
    await line.renew();
    await bench.reset();
  });

  const over = async (purpose: 'read' | 'write'): Promise<FleetConnection> => {
    const target = targetOf(bench.database);
    return connectFleet({ ...target, address: { ...target.address, port: line.port } }, purpose, LIMITS);
  };
  const input = { connect: () => over('write'), connectReader: () => over('read'), batchSize: 10 };
  const outcomes = async (kind: 'outcome' | 'undo-outcome'): Promise<string[]> => {
    const [name] = readdirSync(bench.folder).filter((file) => file.endsWith('.journal.jsonl'));
    const { lines } = await readJournal(join(bench.folder, name ?? ''));
    return lines.flatMap((entry) => (entry.kind === kind ? [entry.outcome] : []));
  };
  const rows = async (): Promise<number> => {
    let sum = 0;
    for (const table of TABLES) sum += Number((await bench.sql(`SELECT COUNT(*) AS n FROM ${table}`))[0]?.['n']);
    return sum;
  };

  const faults: [what: string, command: RegExp, fault: Fate, outcome: 'unknown' | 'rolled-back'][] = [
    ['COMMIT never arrived, the line was cut', /^COMMIT/, 'cut', 'unknown'],
    ['COMMIT was carried out, its answer lost', /^COMMIT/, 'cut-answer', 'unknown'],
    ['COMMIT never arrived, and silence', /^COMMIT/, 'silence', 'unknown'],
    ['COMMIT was carried out, and silence', /^COMMIT/, 'silence-answer', 'unknown'],
    ['COMMIT was carried out, half the line closed', /^COMMIT/, 'half-close', 'unknown'],
    ['an INSERT never arrived, the line was cut', /^EXECUTE INSERT INTO nano_enrollments/, 'cut', 'rolled-back'],
    ['an INSERT was carried out, and silence', /^EXECUTE INSERT INTO nano_users/, 'silence-answer', 'rolled-back'],
  ];

  describe.each([1, 2] as const)('under an apply of %i sessions', (sessions) => {
    it.each(sessions === 1 ? faults : faults.slice(1, 3))('%s', async (_, command, fault, outcome) => {
      void line.once(command, fault, 1);
      const result = await bench.apply(plan, snapshot, { ...input, sessions });
      expect(result).toMatchObject({
        state: 'complete',
        counts: { planned: 40, inserted: 40, already: 0, held: 0, left: 0 },
        verified: { counts: { devices: 40, same: 40 } },
      });
      expect(await bench.dump()).toBe(calm);
      expect(await outcomes('outcome')).toContain(outcome);
      if (sessions === 1) expect(result.notes.join(' ')).toContain('lost and found again 1 time');
    });
  });

  const undoFaults = faults
    .slice(1, 3)
    .concat([
      [
        'a DELETE was carried out, its answer lost',
        /^EXECUTE DELETE .* FROM nano_devices/,
        'cut-answer',
        'rolled-back',
      ],
    ]);
  it.each(undoFaults)('under an undo: %s', async (_, command, fault, outcome) => {
    const { journal } = await bench.apply(plan, snapshot);
    void line.once(command, fault, 1);
    const result = await bench.undo(journal, { connect: () => over('write'), batchSize: 10 });
    expect(result).toMatchObject({ state: 'complete', counts: { journaled: 40, removed: 40, gone: 0, left: 0 } });
    expect(await rows()).toBe(0);
    expect(await outcomes('undo-outcome')).toContain(outcome);
    expect((await bench.undo(journal)).counts).toMatchObject({ removed: 0, left: 0 });
  });

  it.each([
    ['carried out', 'cut-answer', 20],
    ['never carried out', 'cut', 10],
  ] as const)(
    'lost for good at a COMMIT that was %s: told, and the next run finds out',
    async (_, fault, committed) => {
      void line.once(/^COMMIT/, fault, 1).then(() => line.cut(true));
      const patience = { lockSeconds: 1, reconnectMs: [1, 1], losses: 5, retryMs: [] };
      const failure = await failureOf(bench.apply(plan, snapshot, { ...input, sessions: 1, patience }));
      await line.reopen();
      expect(failure).toMatchObject({ code: 'fleet/unreachable', kind: 'unreadable' });
      expect(failure.message).toContain('nothing is half written');
      expect(failure.message).toContain('Whether the last batch was committed could not be learned');
      expect(failure.remedy).toContain('apply the same plan again');
      expect(await bench.sql('SELECT COUNT(*) AS n FROM nano_devices')).toEqual([{ n: committed }]);
      const again = await bench.apply(plan, snapshot, input);
      expect(again.counts).toMatchObject({ inserted: 40 - committed, already: committed, held: 0 });
      expect(await bench.dump()).toBe(calm);
      expect((await bench.undo(again.journal)).counts).toMatchObject({ removed: 40, left: 0 });
      expect(await rows()).toBe(0);
    },
  );

  it('lost for good at an undo’s COMMIT that was carried out: the next run takes back the rest', async () => {
    const { journal } = await bench.apply(plan, snapshot);
    void line.once(/^COMMIT/, 'cut-answer', 1).then(() => line.cut(true));
    const patience = { lockSeconds: 1, reconnectMs: [1, 1], losses: 5, retryMs: [] };
    const failure = await failureOf(bench.undo(journal, { connect: () => over('write'), batchSize: 10, patience }));
    await line.reopen();
    expect(failure).toMatchObject({ code: 'fleet/unreachable', kind: 'unreadable' });
    expect(failure.message).toContain('Taking back was interrupted');
    expect(failure.remedy).toContain('undo');
    expect(await bench.sql('SELECT COUNT(*) AS n FROM nano_devices')).toEqual([{ n: 20 }]);
    const again = await bench.undo(journal);
    expect(again.counts).toMatchObject({ removed: 20, left: 0 });
    expect(await rows()).toBe(0);
  });

  it('slow and in pieces: the same, only later', async () => {
    line.slow(1, 4_096);
    const result = await bench.apply(plan, snapshot, { ...input, batchSize: 20 });
    expect(result.counts).toMatchObject({ inserted: 40, held: 0 });
    expect(await bench.dump()).toBe(calm);
    expect(line.connections).toBeGreaterThan(0);
  });

  it('to a server that stops answering for good: given up in bounded time, and a stop is heard in between', async () => {
    // Every connection goes silent at its first transaction.
    for (let at = 0; at < 12; at += 1) void line.once(/^START TRANSACTION/, 'silence');
    const stop = new AbortController();
    const before = line.connections;
    const patience = { lockSeconds: 1, reconnectMs: [1, 1], losses: 2, retryMs: [] };
    const failure = await failureOf(bench.apply(plan, snapshot, { ...input, sessions: 1, patience }));
    expect(failure).toMatchObject({ code: 'fleet/timeout', kind: 'unreadable' });
    expect(line.connections - before).toBe(3);

    await line.renew();
    const again = line.connections;
    const long = { lockSeconds: 5, reconnectMs: [600_000], losses: 2, retryMs: [] };
    void line.once(/^START TRANSACTION/, 'silence').then(() => stop.abort());
    // Ten minutes would be waited before the next attempt: whoever stops it does not wait for them.
    const stopped = await bench.apply(plan, snapshot, { ...input, sessions: 1, patience: long, signal: stop.signal });
    expect(stopped).toMatchObject({ state: 'stopped', counts: { inserted: 0, left: 40 }, verified: null });
    expect(stopped.notes.join(' ')).toContain('without any answer for too long');
    expect(line.connections - again).toBe(1);
    expect(await rows()).toBe(0);
  });

  it('to the second look only: read again; where that fails too, it is no failure of the writing', async () => {
    const reading = { connect: () => bench.connect('write'), connectReader: () => over('read'), batchSize: 20 };
    void line.once(/^SELECT .*nano_enrollments/, 'cut-answer');
    const result = await bench.apply(plan, snapshot, reading);
    expect(result).toMatchObject({ counts: { inserted: 40 }, verified: { counts: { same: 40 } } });
    await bench.reset();
    void line.once(/^SELECT .*nano_enrollments/, 'cut-answer').then(() => line.cut(true));
    const failure = await failureOf(bench.apply(plan, snapshot, reading));
    await line.reopen();
    expect(failure).toMatchObject({ code: 'fleet/unreachable', kind: 'unreadable' });
    expect(failure.message).toContain('Everything was written (40 devices), but it could not be read back');
    expect(failure.remedy).toContain('slipway verify');
    expect(await bench.dump()).toBe(calm);
  });

  it('to two servers in turn: the second session and the second look stay with the first’s, or are done without', async () => {
    const other = (connection: FleetConnection): FleetConnection =>
      new Proxy(connection, {
        get(target, name) {
          if (name === 'server') return { ...target.server, serverUuid: 'another' };
          const value: unknown = Reflect.get(target, name);
          return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        },
      });
    let writers = 0;
    const failure = await failureOf(
      bench.apply(plan, snapshot, {
        batchSize: 10,
        connect: async () => {
          writers += 1;
          const connection = await bench.connect('write');
          return writers === 1 ? connection : other(connection);
        },
        connectReader: async () => other(await bench.connect('read')),
      }),
    );
    expect(writers).toBe(2);
    expect(failure.code).toBe('fleet/server-changed');
    expect(failure.message).toContain('Everything was written (40 devices)');
    expect(await bench.dump()).toBe(calm);
    const { lines } = await readJournal(join(bench.folder, readdirSync(bench.folder)[0] ?? ''));
    expect(lines.filter(({ kind }) => kind === 'closed')).toHaveLength(1);
  });
});
