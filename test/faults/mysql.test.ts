/**
 * MySQL and the line to it break in the middle of an apply. After each: nothing is half written, the journal tells of all that
 * stands in Fleet, the operator is told; and the same command, once it is mended, ends where an undisturbed one does.
 */
import { rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sessionEnded } from '../cli/obstacle';
import { differences, fleet, journalLines, Workstation, type Outcome } from '../cli/workstation';
import { writeMicroMdm } from '../micromdm-writer';
import { FaultyLine, type Command, type Fate } from '../servers/faulty-line';
import {
  createDatabase,
  dumpTables,
  noServer,
  startMysql,
  testServer,
  type Account,
  type MysqlServer,
  type TestDatabase,
} from '../servers/mysql';

const TABLES = ['nano_devices', 'nano_users', 'nano_enrollments', 'nano_cert_auth_associations'];
const ACCEPTED = 'no-agent,target-identity-unproven';
const DEVICES = 16;
const BATCH = 4;
const external = !noServer && testServer().kind !== 'mysql';

describe.skipIf(noServer || external)('MySQL breaks', () => {
  let desk: Workstation;
  /** Ours alone: what is set on it concerns nobody else. */
  let server: MysqlServer;
  let database: TestDatabase;
  let undisturbed: string;
  let source: string;
  let line: FaultyLine | null = null;

  const dump = (): Promise<string> => dumpTables(database, TABLES, { without: ['created_at'] });
  const there = async (): Promise<number> => (await database.query('SELECT id FROM nano_devices')).length;
  const command = (port: number, account?: Account): string[] => {
    const args = fleet(database, account).args.map((text) => text.replace(`:${database.server.port}/`, `:${port}/`));
    return [
      ...['apply', desk.path('plan.json'), ...args, '--accept', ACCEPTED, '--reason', 'a test', '--yes', '--json'],
      ...['--journals', desk.path('journals'), '--batch', String(BATCH), '--sessions', '1'],
    ];
  };
  const committed = (): number => {
    const [journal] = desk.journals('journals');
    return journal === undefined
      ? 0
      : journalLines(journal).filter(({ kind, outcome }) => kind === 'outcome' && outcome === 'committed').length;
  };

  beforeAll(async () => {
    desk = new Workstation();
    server = await startMysql({ fast: true });
    database = await createDatabase('generation-newest', server);
    const shares = { checkedOut: 0, noPushInfo: 0 };
    const written = writeMicroMdm(desk.path('source.db'), { seed: 'line', sign: 'real', devices: DEVICES, shares });
    source = `micromdm:${written.path}`;
    const side = fleet(database);
    await desk.data(['plan', source, ...side.args, '--out', desk.path('plan.json'), '--accept', ACCEPTED], side);
    desk.subfolder('journals');
    const outcome = await desk.slipway(command(server.port), side);
    expect(outcome.code, outcome.text).toBe(0);
    undisturbed = await dump();
  });
  afterAll(async () => {
    desk.close();
    await database.drop();
    await server.stop();
  });
  beforeEach(async () => {
    for (const table of [...TABLES].reverse()) await database.query(`DELETE FROM ${table}`);
    rmSync(desk.path('journals'), { recursive: true, force: true });
    desk.subfolder('journals');
  });
  afterEach(async () => {
    await line?.close();
    line = null;
  });

  /** Applies over a line that breaks as it is told. */
  async function applyOver(fateOf: (command: Command) => Fate | Promise<Fate>, account?: Account): Promise<Outcome> {
    line = await FaultyLine.open(server, fateOf);
    const outcome = await desk.slipway(command(line.port, account), fleet(database, account));
    await sessionEnded(database);
    return outcome;
  }

  /** Does something once, when the second transaction is about to begin: the first is committed. */
  function afterFirstCommit(act: () => Promise<unknown>): (command: Command) => Promise<Fate> {
    let commits = 0;
    let acted = false;
    return async ({ text }) => {
      if (commits === 1 && !acted && !/^COMMIT/i.test(text)) {
        acted = true;
        await act();
      }
      if (/^COMMIT/i.test(text)) commits += 1;
      return 'pass';
    };
  }

  function isWhole(outcome: Outcome): void {
    expect(outcome.code, outcome.text).toBe(0);
    expect(outcome.json).toMatchObject({
      state: 'complete',
      verify: { counts: { devices: DEVICES, same: DEVICES, differs: 0, missing: 0, extra: 0 } },
    });
  }

  /** It stopped with this, whole batches stand in Fleet, and the journal knows of each. */
  async function isStopped(outcome: Outcome, code: string, words: RegExp): Promise<void> {
    expect(outcome.code, outcome.text).not.toBe(0);
    expect(outcome.error.code, outcome.text).toBe(code);
    expect(outcome.error.message + outcome.error.remedy, outcome.text).toMatch(words);
    const found = await there();
    expect(found % BATCH).toBe(0);
    expect(found).toBe(committed() * BATCH);
    expect(found).toBeLessThan(DEVICES);
  }

  /** The same command over the mended line. */
  async function isFinished(account?: Account): Promise<void> {
    isWhole(await desk.slipway(command(server.port, account), fleet(database, account)));
    expect(differences(undisturbed, await dump())).toEqual([]);
  }

  it.each(['cut', 'cut-answer'] as const)(
    'the line, %s at any command: found again, and nothing twice',
    async (fate) => {
      const counting = await applyOver(() => 'pass');
      isWhole(counting);
      const commands = line?.commands ?? 0;
      await line?.close();
      const first = 30;
      for (let at = first; at < commands; at += Math.ceil((commands - first) / 3)) {
        for (const table of [...TABLES].reverse()) await database.query(`DELETE FROM ${table}`);
        rmSync(desk.path('journals'), { recursive: true, force: true });
        desk.subfolder('journals');
        const outcome = await applyOver(({ number }) => (number === at ? fate : 'pass'));
        // While it only looks, a lost line ends it before anything is written; while it writes, it finds its way back.
        if (outcome.code === 0) isWhole(outcome);
        else await isStopped(outcome, 'fleet/connection-lost', /again/);
        await isFinished();
        await line?.close();
      }
    },
  );

  it.each(['cut', 'cut-answer'] as const)('the line, %s at a commit: it looks what became of it', async (fate) => {
    let commits = 0;
    const outcome = await applyOver(({ text }) => (/^COMMIT/i.test(text) && (commits += 1) === 2 ? fate : 'pass'));
    isWhole(outcome);
    const [journal = ''] = desk.journals('journals');
    expect(journalLines(journal).filter(({ outcome: came }) => came === 'unknown')).toHaveLength(1);
    expect(differences(undisturbed, await dump())).toEqual([]);
  });

  it('a slow server: it takes longer', async () => {
    isWhole(
      await applyOver(async (): Promise<Fate> => {
        await new Promise((resolve) => setTimeout(resolve, 10));
        return 'pass';
      }),
    );
    expect(differences(undisturbed, await dump())).toEqual([]);
  });

  it('read-only in the middle, as in a failover: it stops, and goes on with the primary', async () => {
    try {
      const outcome = await applyOver(afterFirstCommit(() => database.query('SET GLOBAL super_read_only = ON')));
      await isStopped(outcome, 'fleet/read-only', /primary/);
    } finally {
      await database.query('SET GLOBAL super_read_only = OFF');
      await database.query('SET GLOBAL read_only = OFF');
    }
    await isFinished();
  });

  it('another server behind the same address after the line broke: nothing is written there', async () => {
    const other = await createDatabase('empty');
    // As a replica would have it.
    await other.query(`CREATE DATABASE \`${database.name}\``);
    try {
      let commits = 0;
      const outcome = await applyOver(({ text }) => {
        if (!/^COMMIT/i.test(text) || (commits += 1) !== 2) return 'pass';
        line?.leadTo(testServer());
        return 'cut';
      });
      expect(outcome.code, outcome.text).toBe(1);
      expect(outcome.error.code, outcome.text).toBe('fleet/server-changed');
      expect(await other.query(`SHOW TABLES FROM \`${database.name}\``)).toEqual([]);
      expect(await there()).toBe(committed() * BATCH);
    } finally {
      await other.query(`DROP DATABASE \`${database.name}\``);
      await other.drop();
    }
    await isFinished();
  });

  it('rights taken away in the middle: it names them, and goes on when they are back', async () => {
    const account = await database.createAccount([
      'SELECT ON *',
      ...TABLES.map((table) => `INSERT, UPDATE, DELETE ON ${table}`),
      'INSERT ON identity_serials',
    ]);
    const right = `INSERT ON \`${database.name}\`.nano_enrollments`;
    const outcome = await applyOver(
      afterFirstCommit(() => database.query(`REVOKE ${right} FROM ?@?`, [account.user, '%'])),
      account,
    );
    await isStopped(outcome, 'fleet/permission', /INSERT.*GRANT/s);
    await database.query(`GRANT ${right} TO ?@?`, [account.user, '%']);
    await isFinished(account);
  });

  it('one connection only: it writes with that one, and reads back with it afterwards', async () => {
    const account = await database.createAccount(['SELECT, INSERT, UPDATE, DELETE ON *']);
    await database.query('ALTER USER ?@? WITH MAX_USER_CONNECTIONS 1', [account.user, '%']);
    await isFinished(account);
  });

  it('no connection is left: it says so before anything is written', async () => {
    const account = await database.createAccount(['SELECT, INSERT, UPDATE, DELETE ON *']);
    const [row] = await database.query<{ most: number }>('SELECT @@GLOBAL.max_connections AS most');
    await database.query('SET GLOBAL max_connections = 1');
    try {
      const outcome = await desk.slipway(command(server.port, account), fleet(database, account));
      await isStopped(outcome, 'fleet/connections-exhausted', /connections/);
    } finally {
      await database.query(`SET GLOBAL max_connections = ${row?.most ?? 151}`);
    }
    await isFinished(account);
  });

  /** From the second transaction on MySQL answers an insert with this error; of one device only, where one is named. */
  async function answering(errno: number, udid = ''): Promise<Outcome> {
    const raise = `CREATE TRIGGER trouble BEFORE INSERT ON nano_enrollments FOR EACH ROW
      IF '${udid}' IN ('', NEW.id) THEN SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = ${errno}, MESSAGE_TEXT = 'trouble'; END IF`;
    try {
      return await applyOver(afterFirstCommit(() => database.query(raise)));
    } finally {
      await database.query('DROP TRIGGER IF EXISTS trouble');
    }
  }

  it('no room is left at the server: it stops, and goes on when there is some', async () => {
    await isStopped(await answering(1114), 'fleet/full', /room/);
    await isFinished();
  });

  it.each([
    [1205, 'somebody holds the rows of one device'],
    [1213, 'a deadlock, again and again, about one device'],
  ])('error %i, %s: it is tried again, left out and named; the others go in', async (errno) => {
    const last = undisturbed.match(/(?<=^id=")[0-9A-F-]{36}/gm)?.[DEVICES - 1] ?? '';
    const outcome = await answering(errno, last);
    expect(outcome.code, outcome.text).toBe(1);
    expect(outcome.json, outcome.text).toMatchObject({
      counts: { inserted: DEVICES - 1, held: 1 },
      held: [{ udid: last, code: 'target-busy' }],
    });
    expect(await there()).toBe(DEVICES - 1);
    await isFinished();
  });

  it('statements larger than it takes: batches are cut to fit', async () => {
    const [row] = await database.query<{ most: number }>('SELECT @@GLOBAL.max_allowed_packet AS most');
    await database.query('SET GLOBAL max_allowed_packet = 32768');
    try {
      isWhole(
        await desk.slipway(
          command(server.port).map((text) => (text === String(BATCH) ? '500' : text)),
          fleet(database),
        ),
      );
    } finally {
      await database.query(`SET GLOBAL max_allowed_packet = ${row?.most ?? 67_108_864}`);
    }
    expect(differences(undisturbed, await dump())).toEqual([]);
  });

  it('Fleet is upgraded in the middle: it stops, and asks for a plan of the new schema', async () => {
    const column = 'enrolled_from_migration';
    const outcome = await applyOver(
      afterFirstCommit(() => database.query(`ALTER TABLE nano_enrollments DROP COLUMN ${column}`)),
    );
    await isStopped(outcome, 'fleet/column-missing', /plan anew/);
    // Nor does it begin on it.
    const again = await desk.slipway(command(server.port), fleet(database));
    expect(again.error.code, again.text).toBe('fleet/schema-too-old');
  });
});
