/** Plan, rehearse, apply, verify, undo: a real database through the command line into every schema and out again. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Manifest } from '../core/sources/micromdm/manifest';
import { createDatabase, hasSchema, noServer, type FleetSchema, type TestDatabase } from '../servers/mysql';
import { sharedData, sharedJson } from '../shared-data';
import { ABSENT, ACCEPT, fleet, journalLines, modeOf, patched, Workstation } from './workstation';

// Where the real databases are, the real schemas are, too: our own cuts of the same two are for the long runs.
const CUTS = process.env['SLIPWAY_SOAK'] === '1' ? (['generation-462', 'generation-469'] as const) : [];
const SCHEMAS = (['fleet-4.62', 'fleet-4.69', ...CUTS, 'generation-newest'] as const).filter(hasSchema);
const TABLES = ['nano_devices', 'nano_users', 'nano_enrollments', 'nano_cert_auth_associations'];
/** All cautions small.db has. */
const CAUTIONS = 'push-token-short,duplicate-serial,certificate-not-in-depot';
const IPAD = '0000803E-001E8E246AAED386';
const DEP_MAC = 'CB9FD303-8DF9-4ED2-A5F6-7621C080D5C2';
const OVERFLOW_MAC = '4BE4064B-21B9-47F0-8195-1249D8877AB0';

const here = ABSENT === '' && !noServer;
const small = `micromdm:${sharedData('micromdm', 'small.db') ?? ''}`;
const manifest = sharedJson('micromdm', 'small.json') as Manifest;

interface PlanJson {
  readonly schema: number;
  readonly id: string;
  readonly counts: Record<string, number>;
  readonly devices: readonly { readonly udid: string; readonly action: string; readonly reasons: readonly string[] }[];
}

interface ApplyJson {
  readonly schema: number;
  readonly journal: string;
  readonly rehearsal: boolean;
  readonly state: string;
  readonly counts: Record<string, number>;
  readonly held: readonly { readonly udid: string; readonly code: string }[];
  readonly verify: { readonly counts: Record<string, number> } | null;
}

interface UndoJson {
  readonly schema: number;
  readonly rehearsal: boolean;
  readonly counts: Record<string, number>;
  readonly left: readonly { readonly udid: string; readonly code: string }[];
}

/** A sum over each table of a database: what changed anywhere shows here. */
async function sumsOf(database: TestDatabase): Promise<Map<string, string>> {
  const tables = await database.query<{ name: string }>(
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'",
  );
  const list = tables.map(({ name }) => `\`${name}\``).join(', ');
  const sums = await database.query<{ Table: string; Checksum: unknown }>(`CHECKSUM TABLE ${list} EXTENDED`);
  return new Map(sums.map((row) => [row.Table.split('.')[1] ?? '', String(row.Checksum)]));
}

/** Names of the tables whose sum is another. */
function changedTables(before: Map<string, string>, after: Map<string, string>): string[] {
  return [...after].filter(([table, sum]) => before.get(table) !== sum).map(([table]) => table);
}

/** One Fleet database, and the commands on it. */
class Target {
  readonly #fleet: ReturnType<typeof fleet>;

  constructor(
    readonly desk: Workstation,
    readonly database: TestDatabase,
  ) {
    this.#fleet = fleet(database);
  }

  static async open(schema: FleetSchema): Promise<Target> {
    return new Target(new Workstation(), await createDatabase(schema));
  }

  async close(): Promise<void> {
    this.desk.close();
    await this.database.drop();
  }

  /** Runs a command that must end with this exit code, and gives its JSON document. */
  async run(exit: number, args: readonly string[]): Promise<unknown> {
    const { env } = this.#fleet;
    const outcome = await this.desk.slipway([...args, ...this.#fleet.args, '--json'], { env });
    expect(outcome.code, outcome.text.slice(0, 4_000)).toBe(exit);
    return outcome.json;
  }

  plan(name: string, source = small, ...more: string[]): Promise<PlanJson> {
    return this.run(0, ['plan', source, '--out', this.desk.path(name), ...more]) as Promise<PlanJson>;
  }

  apply(exit: number, name: string, ...more: string[]): Promise<ApplyJson> {
    return this.run(exit, ['apply', this.desk.path(name), '--yes', ...more]) as Promise<ApplyJson>;
  }

  undo(exit: number, journal: string, ...more: string[]): Promise<UndoJson> {
    return this.run(exit, ['undo', journal, '--yes', ...more]) as Promise<UndoJson>;
  }

  sums(): Promise<Map<string, string>> {
    return sumsOf(this.database);
  }

  /** UDIDs whose device channel stands in Fleet. */
  async udids(): Promise<string[]> {
    const rows = await this.database.query<{ id: string }>("SELECT id FROM nano_enrollments WHERE type = 'Device'");
    return rows.map(({ id }) => id).sort();
  }

  async enrollment(udid: string): Promise<unknown> {
    const [row] = await this.database.query('SELECT * FROM nano_enrollments WHERE id = ?', [udid]);
    return row;
  }

  async rows(): Promise<number[]> {
    const counts = TABLES.map((table) => this.database.query<{ n: number }>(`SELECT COUNT(*) AS n FROM ${table}`));
    return (await Promise.all(counts)).map(([row]) => Number(row?.n));
  }
}

/** UDIDs of the manifest that go in once every caution is accepted. */
function goingIn(): string[] {
  return manifest.devices
    .filter(({ udid, enrolled }) => udid !== '' && enrolled === true && !manifest.blocked_udids?.includes(udid))
    .map(({ udid }) => udid)
    .sort();
}

describe.skipIf(!here)(`from a real database into Fleet and back${ABSENT}`, () => {
  // The waits of undo (for Fleet's last-seen times) are waited for together.
  it.concurrent.each(SCHEMAS)(
    'on %s',
    async (schema) => {
      const target = await Target.open(schema);
      const { desk } = target;
      try {
        const everything = ['--accept', `${ACCEPT},${CAUTIONS}`];
        const empty = await target.sums();

        const plan = await target.plan('plan.json', small, '--accept', ACCEPT, '--reason', 'agents follow on Monday');
        expect(plan.counts).toMatchObject({
          devices: 19,
          insert: 10,
          refresh: 0,
          keep: 0,
          held: 7,
          blocked: 2,
          withoutUdid: 2,
        });
        const file = JSON.parse(readFileSync(desk.path('plan.json'), 'utf8')) as { id: string };
        expect([file.id, modeOf(desk.path('plan.json'))]).toEqual([plan.id, '600']);
        expect(desk.files()).toEqual([expect.stringMatching(/^copies\/[^/]+\.db$/), 'plan.json']);
        expect([modeOf(desk.copies), modeOf(desk.path(desk.files()[0]!))]).toEqual(['700', '600']);

        const verify = ['verify', desk.path('plan.json')];
        expect(await target.run(1, verify)).toMatchObject({ schema: 1, counts: { devices: 10, missing: 10 } });

        // Rehearsed: everything is tried, nothing is there afterwards.
        const rehearsed = await target.apply(0, 'plan.json', '--rehearse', ...everything);
        expect(rehearsed).toMatchObject({ schema: 1, rehearsal: true, state: 'complete', verify: null });
        expect(rehearsed.counts).toMatchObject({ planned: 17, inserted: 17, held: 0 });
        expect(changedTables(empty, await target.sums())).toEqual([]);
        expect([desk.journals().length, desk.journals('', true).length]).toEqual([0, 1]);

        // Applied: what was held goes in by the codes accepted now, and the journal says who let it in and why.
        const applied = await target.apply(0, 'plan.json', ...everything, '--reason', 'checked by hand');
        expect(applied).toMatchObject({ schema: 1, rehearsal: false, state: 'complete', held: [] });
        expect(applied.counts).toMatchObject({ planned: 17, inserted: 17, refreshed: 0, already: 0, left: 0 });
        expect(applied.verify?.counts).toMatchObject({ devices: 17, same: 17 });
        expect(await target.udids()).toEqual(goingIn());
        expect(await target.rows()).toEqual([17, 1, 18, 17]);
        const serials = schema === 'generation-newest' ? 'identity_serials' : 'scep_serials';
        expect(changedTables(empty, await target.sums()).sort()).toEqual([...TABLES, serials].sort());
        const [highest] = await target.database.query<{ n: number }>(`SELECT MAX(serial) AS n FROM ${serials}`);
        expect(Number(highest?.n)).toBeGreaterThan(Number(manifest.scep_next_serial));

        const [journal] = desk.journals();
        expect([journal, modeOf(journal!)]).toEqual([applied.journal, '600']);
        const opened = journalLines(journal!)[0];
        expect(opened).toMatchObject({
          kind: 'opened',
          planId: plan.id,
          reason: 'checked by hand',
          driftChecked: true,
        });
        expect(opened!['accepted']).toEqual(expect.arrayContaining([...ACCEPT.split(','), ...CAUTIONS.split(',')]));

        // Verified, with what was let in when it was applied.
        expect(await target.run(0, verify)).toMatchObject({ schema: 1, counts: { devices: 17, same: 17 } });

        // Again: nothing changes, byte for byte.
        const full = await target.sums();
        const again = await target.apply(0, 'plan.json', ...everything);
        expect(again.counts).toMatchObject({ planned: 17, inserted: 0, refreshed: 0, already: 17, held: 0 });
        const replanned = await target.plan('again.json', small, ...everything);
        expect(replanned.counts).toMatchObject({ insert: 0, refresh: 17, unchanged: 17, keep: 0, held: 0, blocked: 2 });
        expect((await target.apply(0, 'again.json', ...everything)).counts).toMatchObject({
          unchanged: 17,
          refreshed: 0,
        });
        expect(changedTables(full, await target.sums())).toEqual([]);

        // Taken back.
        const tried = await target.undo(0, journal!, '--rehearse');
        expect(tried).toMatchObject({ schema: 1, rehearsal: true, counts: { removed: 17, left: 0 } });
        expect(changedTables(full, await target.sums())).toEqual([]);
        const undone = await target.undo(0, journal!);
        expect(undone).toMatchObject({ rehearsal: false, counts: { removed: 17, left: 0 }, left: [] });
        expect(await target.rows()).toEqual([0, 0, 0, 0]);
        expect(changedTables(empty, await target.sums())).toEqual([serials]);
        expect(await target.run(1, verify)).toMatchObject({ counts: { devices: 17, missing: 17 } });
        expect((await target.undo(0, journal!)).counts).toMatchObject({ removed: 0, left: 0 });
        expect(journalLines(journal!).filter(({ kind }) => kind === 'undone')).toHaveLength(3);

        // Whatever was said or written on the way: no secret of any device.
        const texts = [
          ...desk.said.map(({ stdout, stderr }) => stdout + stderr),
          ...desk
            .files()
            .filter((name) => /\.jsonl?$/.test(name))
            .map((name) => readFileSync(desk.path(name), 'utf8')),
        ];
        for (const {
          push_magic: magic,
          unlock_token_hex: unlock,
          bootstrap_token_b64: bootstrap,
        } of manifest.devices) {
          for (const secret of [magic, unlock, bootstrap] as string[]) {
            if (secret !== '') expect(texts.filter((text) => text.includes(secret)).length).toBe(0);
          }
        }
      } finally {
        await target.close();
      }
    },
    180_000,
  );

  it('lets a plan that held everything in by the codes given to apply, and by those alone', async () => {
    const target = await Target.open('generation-469');
    try {
      const plan = await target.plan('plan.json');
      // But for the iPad, which needs no agent.
      expect(plan.counts).toMatchObject({ insert: 1, held: 16, blocked: 2 });
      const some = await target.apply(0, 'plan.json', '--accept', `${ACCEPT},duplicate-serial`, '--reason', 'twins');
      expect(some.counts).toMatchObject({ planned: 12, inserted: 12 });
      const people = await target.desk.slipway([
        'apply',
        target.desk.path('plan.json'),
        ...fleet(target.database).args,
      ]);
      expect(people.code).toBe(2);
      // What is blocked stays blocked.
      const all = await target.apply(0, 'plan.json', '--accept', `${ACCEPT},${CAUTIONS},not-enrolled,no-push-info`);
      expect(all.counts).toMatchObject({ planned: 17, inserted: 5, already: 12 });
      const opened = journalLines(all.journal).filter(({ kind }) => kind === 'opened');
      expect(opened.map(({ reason }) => reason)).toEqual(['twins', null]);
      expect(opened[0]!['accepted']).not.toContain('push-token-short');
    } finally {
      await target.close();
    }
  });
});

describe.skipIf(!here)(`what Fleet or a device has touched${ABSENT}`, () => {
  /** small.db with the push tokens of some devices changed, as after a new TokenUpdate at the old server. */
  function renewed(desk: Workstation, name: string, ...udids: string[]): string {
    let path = sharedData('micromdm', 'small.db')!;
    for (const udid of udids) {
      const token = manifest.devices.find((device) => device.udid === udid)?.['token_hex'] as string;
      path = desk.file(name, patched(path, token, Buffer.from(token, 'hex').reverse().toString('hex')));
    }
    return `micromdm:${path}`;
  }

  it.concurrent.each(['generation-469', 'generation-newest'] as const)(
    'is kept by plan, apply and undo on %s',
    async (schema) => {
      const target = await Target.open(schema);
      const { database, desk } = target;
      try {
        const accept = ['--accept', ACCEPT];
        await target.plan('first.json', small, ...accept);
        const first = await target.apply(0, 'first.json', ...accept);

        // A push token that Fleet has taken from the device; on the newest schema a poll that moved nothing else.
        const touched = [IPAD];
        await database.query('UPDATE nano_enrollments SET token_hex = ? WHERE id = ?', ['ab'.repeat(32), IPAD]);
        if (schema === 'generation-newest') {
          await database.query('INSERT INTO nano_seen_times (id, seen_time) VALUES (?, NOW())', [DEP_MAC]);
          touched.push(DEP_MAC);
        }
        const kept = await Promise.all(touched.map((udid) => target.enrollment(udid)));
        const untouched = await target.enrollment(OVERFLOW_MAC);

        const source = renewed(desk, 'renewed.db', IPAD, DEP_MAC, OVERFLOW_MAC);
        const plan = await target.plan('second.json', source, ...accept);
        const actions = new Map(plan.devices.map(({ udid, action }) => [udid, action]));
        expect(plan.counts).toMatchObject({ insert: 0, keep: touched.length, refresh: 10 - touched.length });
        for (const udid of touched) expect(actions.get(udid)).toBe('keep');
        expect(actions.get(OVERFLOW_MAC)).toBe('refresh');

        const second = await target.apply(0, 'second.json', ...accept);
        expect(second.counts).toMatchObject({ refreshed: 3 - touched.length, held: 0 });
        expect(await Promise.all(touched.map((udid) => target.enrollment(udid)))).toEqual(kept);
        expect(await target.enrollment(OVERFLOW_MAC)).not.toEqual(untouched);

        // Touched after the plan was made: found under lock.
        await target.plan('third.json', small, ...accept);
        await database.query('UPDATE nano_devices SET bootstrap_token_at = NOW() WHERE id = ?', [OVERFLOW_MAC]);
        const now = await target.enrollment(OVERFLOW_MAC);
        const third = await target.apply(1, 'third.json', ...accept);
        expect(third.held).toMatchObject([{ udid: OVERFLOW_MAC, code: 'touched-since-plan' }]);
        expect(await target.enrollment(OVERFLOW_MAC)).toEqual(now);
        touched.push(OVERFLOW_MAC);

        const undone = await target.undo(1, first.journal);
        const left = Object.fromEntries(undone.left.map(({ udid, code }) => [udid, code]));
        for (const udid of touched) expect([udid, left[udid]]).toEqual([udid, 'touched']);
        expect(await target.udids()).toEqual(expect.arrayContaining(touched));
        expect(undone.counts['removed']! + undone.counts['left']!).toBe(10);
        expect(await target.udids()).toHaveLength(undone.counts['left']!);
      } finally {
        await target.close();
      }
    },
    180_000,
  );

  describe('or may have its route at Fleet', () => {
    let target: Target;
    beforeAll(async () => void (target = await Target.open('generation-469')));
    afterAll(() => target.close());

    it('is left by an undo, which can be limited to some', async () => {
      const { desk } = target;
      await target.plan('plan.json', small, '--accept', ACCEPT);
      const { journal } = await target.apply(0, 'plan.json', '--accept', ACCEPT);
      const routed = desk.file('routed.txt', `# the first wave\n${IPAD}\n`);
      const only = desk.file('only.txt', `${IPAD}\n${DEP_MAC}\n`);
      const undone = await target.undo(1, journal, '--routed', routed, '--only', only);
      expect(undone.counts).toMatchObject({ removed: 1, left: 1 });
      expect(undone.left).toMatchObject([{ udid: IPAD, code: 'route-at-fleet' }]);
      const udids = await target.udids();
      expect([udids.length, udids.includes(IPAD), udids.includes(DEP_MAC)]).toEqual([9, true, false]);
    });
  });
});
