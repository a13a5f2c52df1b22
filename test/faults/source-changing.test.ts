/**
 * The source changes under the read, at every look into it, and between plan and apply. What is read is one state of it, the
 * one before or the one after, or nothing; what changed after the plan is held, and the rest goes in.
 */
import { cpSync, copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyObject } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writePem } from '../../src/core/certificates/pem';
import { readMicroMdm } from '../../src/core/sources/micromdm/index';
import { ACCEPT, AT, fleet, sha256Of, Workstation, type Outcome } from '../cli/workstation';
import { writeMicroMdm, type DeviceSpec, type WrittenMicroMdm } from '../micromdm-writer';
import { ABSENT, unpackStore } from '../nanomdm-stores';
import { createDatabase, noServer, type TestDatabase } from '../servers/mysql';
import { rowsOf, writeTable } from '../table-writer';

const CHANGER = fileURLToPath(new URL('changing-source.mjs', import.meta.url));
const DEVICES = 10;
/** How many of them are others in the later state. */
const CHANGED = 3;
const DAY = 86_400_000;
/** Every moment with SLIPWAY_SOAK=1, else some, spread evenly, first and last among them. */
const MOST = process.env['SLIPWAY_SOAK'] === '1' ? Infinity : 2;

interface Read {
  readonly source?: { readonly sha256: string };
  readonly devices: readonly { udid: string; tokenHex: string }[];
}
interface Applied {
  readonly counts: Record<string, number>;
  readonly held: readonly { udid: string; code: string }[];
}

const udidOf = (number: number): string => `AAAAAAAA-0000-4000-8000-${String(number).padStart(12, '0')}`;
const isOther = (udid: string): boolean => Number(udid.slice(-12)) < CHANGED;

function moments(looks: number): number[] {
  const count = Math.min(looks, MOST);
  return Array.from({ length: count }, (_, index) => 1 + Math.round((index * (looks - 1)) / Math.max(count - 1, 1)));
}

let desk: Workstation;
let before: WrittenMicroMdm;
beforeAll(() => {
  desk = new Workstation();
  for (const [name, txid] of [
    ['before', 40n],
    ['after', 47n],
  ] as const) {
    const extra = Array.from({ length: DEVICES }, (_, number): DeviceSpec => {
      const token = (name === 'after' && number < CHANGED ? 'bb' : 'aa').repeat(32);
      return { udid: udidOf(number), lastSeen: Date.parse(AT) - DAY, push: { token }, unlockToken: '' };
    });
    const written = writeMicroMdm(desk.path(`${name}.db`), { seed: 'changing', sign: 'real', devices: 0, extra, txid });
    if (name === 'before') before = written;
  }
});
afterAll(() => desk.close());

/** Runs a command whose source changes. */
function changing(args: readonly string[], change: object, env: NodeJS.Dict<string> = {}): Promise<Outcome> {
  const NODE_OPTIONS = `--import ${JSON.stringify(CHANGER)}`;
  return desk.slipway([...args, '--json'], {
    env: { ...(env as Record<string, string>), NODE_OPTIONS, SLIPWAY_CHANGE: JSON.stringify(change) },
  });
}

/** How often a command looks into its source. */
async function looksOf(args: readonly string[], path: string, env: NodeJS.Dict<string> = {}): Promise<number> {
  const count = desk.path('looks');
  const outcome = await changing(args, { path, count }, env);
  expect(outcome.code, outcome.text).toBe(0);
  return Number(readFileSync(count, 'utf8'));
}

/** Which state was read: all of one, never some of each. */
function stateOf({ source, devices }: Read): 'before' | 'after' {
  expect(devices).toHaveLength(DEVICES);
  const tokens = new Set(devices.filter(({ udid }) => isOther(udid)).map(({ tokenHex }) => tokenHex.slice(0, 2)));
  expect(tokens.size, 'devices of one state').toBe(1);
  for (const { udid, tokenHex } of devices) if (!isOther(udid)) expect(tokenHex).toBe('aa'.repeat(32));
  const state = tokens.has('aa') ? 'before' : 'after';
  // The hash that is told is that of the state that was read.
  if (source !== undefined) expect(source.sha256).toBe(sha256Of(desk.path(`${state}.db`)));
  return state;
}

function isTold(outcome: Outcome): void {
  expect(outcome.code, outcome.text).toBe(3);
  expect(outcome.stdout).toBe('');
  const { code, message, remedy } = outcome.error;
  expect(code, outcome.text).toMatch(/^(bolt|micromdm|source|nanomdm|folder)\//);
  expect(message).toContain(desk.folder);
  expect(remedy.length, outcome.text).toBeGreaterThan(10);
}

describe('MicroMDM’s file, under the read', () => {
  const restore = (): void => copyFileSync(desk.path('before.db'), desk.path('live.db'));
  let looks: number;
  beforeAll(async () => {
    restore();
    looks = await looksOf(['read', `micromdm:${desk.path('live.db')}`], desk.path('live.db'));
  });

  it.each(['rewritten', 'replaced', 'truncated', 'grown', 'gone'])('is %s', async (how) => {
    const path = desk.path('live.db');
    const read = ['read', `micromdm:${path}`];
    const found = new Set<string>();
    for (const at of moments(looks)) {
      restore();
      const outcome = await changing(read, { path, at, how, other: desk.path('after.db') });
      if (outcome.code === 0) {
        const { source, devices } = outcome.json as Read;
        // What is added at its end is no part of any state.
        found.add(stateOf(how === 'grown' ? { devices } : { source: source!, devices }));
      } else {
        found.add('refused');
        isTold(outcome);
      }
    }
    // What only grew, or lies on under its old name's file, is what it was; half a file is never one.
    if (how === 'grown') expect([...found]).toEqual(['before']);
    if (how === 'rewritten' || how === 'replaced') expect(found).not.toContain('refused');
    if (how === 'truncated' || how === 'gone') expect(found).toContain('refused');
  });
});

describe.skipIf(ABSENT !== '')(`NanoMDM’s file store, under the read${ABSENT}`, () => {
  let store: string;
  beforeAll(() => (store = unpackStore('file')));
  afterAll(() => rmSync(store, { recursive: true }));

  it('loses a device while it is listed and read', async () => {
    const path = desk.path('db');
    const udid = '2FBF3BB1-0BDD-4933-92FB-EC9531ABB0B2';
    const restore = (): void => {
      rmSync(path, { recursive: true, force: true });
      cpSync(join(store, 'db'), path, { recursive: true, preserveTimestamps: true });
    };
    const udids = (outcome: Outcome): string[] => (outcome.json as Read).devices.map((device) => device.udid).sort();
    const read = ['read', `nanomdm:${path}`];
    restore();
    const looks = await looksOf(read, path);
    const whole = udids(await desk.slipway([...read, '--json']));
    expect(whole).toContain(udid);
    for (const at of moments(looks)) {
      restore();
      const outcome = await changing(read, { path, at, how: 'without a device', other: join(path, udid) });
      expect(outcome.code, outcome.text).toBe(0);
      const without = whole.filter((one) => one !== udid);
      expect([whole, without]).toContainEqual(udids(outcome));
    }
  });
});

describe.skipIf(noServer)('with a Fleet', () => {
  let database: TestDatabase;
  let side: ReturnType<typeof fleet>;
  beforeAll(async () => {
    database = await createDatabase('generation-newest');
    side = fleet(database);
  });
  afterAll(() => database.drop());

  const tokens = async (): Promise<Read> => {
    const rows = await database.query<{ udid: string; tokenHex: string }>(
      "SELECT device_id AS udid, token_hex AS tokenHex FROM nano_enrollments WHERE type = 'Device'",
    );
    return { devices: rows };
  };
  const emptied = async (): Promise<void> => {
    for (const table of ['nano_cert_auth_associations', 'nano_enrollments', 'nano_users', 'nano_devices'])
      await database.query(`DELETE FROM ${table}`);
  };
  const plan = (source: string): string[] => [
    ...['plan', source, ...side.args, '--accept', ACCEPT, '--overwrite', '--out', desk.path('plan.json')],
  ];
  const apply = (): Promise<Outcome> =>
    desk.slipway(
      ['apply', desk.path('plan.json'), ...side.args, '--accept', ACCEPT, '--reason', 'a test', '--yes', '--json'],
      side,
    );

  it('what is planned while the file is rewritten is one state of it, and what is applied is that one', async () => {
    const path = desk.path('planned.db');
    const source = `micromdm:${path}`;
    const restore = (): void => copyFileSync(desk.path('before.db'), path);
    restore();
    for (const at of moments(await looksOf(plan(source), path, side.env))) {
      restore();
      await emptied();
      const outcome = await changing(
        plan(source),
        { path, at, how: 'rewritten', other: desk.path('after.db') },
        side.env,
      );
      expect(outcome.code, outcome.text).toBe(0);
      const done = await apply();
      const { counts, held } = done.json as Applied;
      const { devices } = await tokens();
      if (held.length === 0) expect(stateOf({ devices }), done.text).toBe('after');
      else {
        // Planned from the state before: what is another one now is held, by name.
        expect(held.map(({ udid }) => udid).sort()).toEqual(Array.from({ length: CHANGED }, (_, n) => udidOf(n)));
        expect(counts).toMatchObject({ inserted: DEVICES - CHANGED });
        expect(devices.map(({ udid }) => udid).filter(isOther)).toEqual([]);
      }
    }
  });

  describe('a table, between plan and apply', () => {
    let table: string;
    let whole: string;
    let beside: string[];
    /** The device of the first row. */
    let first: string;
    beforeAll(async () => {
      const { devices } = await readMicroMdm(desk.path('before.db'), { at: Date.parse(AT) });
      const rows = rowsOf({ devices });
      whole = writeTable(rows);
      first = rows[0]?.['udid'] ?? '';
      table = desk.file('devices.csv', whole);
      const pem = (key: KeyObject): string => key.export({ type: 'pkcs1', format: 'pem' }).toString();
      beside = [
        ...['--scep-ca', desk.file('ca.pem', writePem('CERTIFICATE', before.ca.der))],
        ...['--scep-ca-key-file', desk.file('ca.key', pem(before.ca.key))],
        ...['--push-certificate', desk.file('push.pem', writePem('CERTIFICATE', before.push.der))],
        ...['--push-key-file', desk.file('push.key', pem(before.push.key))],
      ];
    });

    it.each<[string, (text: string) => string]>([
      ['a token of it is another', (text) => text.replace('aa'.repeat(32), 'cc'.repeat(32))],
      ['a device of it is gone', (text) => text.split('\n').toSpliced(1, 1).join('\n')],
    ])('%s: that one is held, the rest goes in', async (_what, change) => {
      await prepared(change);
      const done = await apply();
      expect(done.code, done.text).toBe(1);
      const { counts, held } = done.json as Applied;
      expect(held).toMatchObject([{ udid: first, code: 'source-drift' }]);
      expect(counts).toMatchObject({ inserted: DEVICES - 1 });
      expect((await tokens()).devices.map(({ udid }) => udid).sort()).toEqual(
        Array.from({ length: DEVICES }, (_, number) => udidOf(number)).filter((udid) => udid !== first),
      );
    });

    it.each<[string, (text: string) => string, string]>([
      ['half of it is left', (text) => text.slice(0, text.length >> 1), 'csv/invalid'],
      ['nothing is in it', () => '', 'csv/no-header'],
    ])('%s: nothing is written, and it says so', async (_what, change, code) => {
      await prepared(change);
      const done = await apply();
      expect([done.code, done.error.code], done.text).toEqual([3, code]);
      expect(done.error.remedy).toContain('--source');
      expect((await tokens()).devices).toEqual([]);
    });

    async function prepared(change: (text: string) => string): Promise<void> {
      await emptied();
      writeFileSync(table, whole);
      const planned = await desk.slipway([...plan(`csv:${table}`), ...beside, '--json'], side);
      expect(planned.code, planned.text).toBe(0);
      writeFileSync(table, change(whole));
    }
  });
});
