/** Two old servers into one Fleet: conflicts are shown, drift in either holds, the copy is a capture of both. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeMicroMdm, type DeviceSpec } from '../micromdm-writer';
import { createDatabase, noServer, type TestDatabase } from '../servers/mysql';
import { ACCEPT, AT, fleet, Workstation } from './workstation';

const DAY = 86_400_000;
const MOVED = 'AAAAAAAA-0000-4000-8000-000000000001';
const TWICE = 'AAAAAAAA-0000-4000-8000-000000000002';
const topic = 'com.apple.mgmt.External.00000000-0000-4000-8000-000000000000';

interface Json {
  readonly counts: Record<string, number>;
  readonly conflicts: { readonly code: string; readonly subjects: string[] }[];
  readonly devices: {
    readonly udid: string;
    readonly action?: string;
    readonly verdict: string;
    readonly reasons: string[];
  }[];
  readonly findings: { readonly code: string }[];
  readonly held: { readonly udid: string; readonly code: string }[];
  readonly copies: { readonly name: string }[];
  readonly verify: { readonly counts: Record<string, number> } | null;
}

let desk: Workstation;
let first: string;
let second: string;

function write(file: string, seed: string, devices: number, extra: readonly DeviceSpec[], nextSerial: number): string {
  const shares = { checkedOut: 0, noPushInfo: 0, mobile: 0 };
  writeMicroMdm(desk.path(file), { seed, sign: 'real', topic, devices, shares, extra, nextSerial });
  return `micromdm:${desk.path(file)}`;
}

function writeSecond(magic: string): string {
  const lastSeen = Date.parse(AT) - DAY;
  return write(
    'second.db',
    'second',
    2,
    [
      { udid: MOVED, lastSeen, push: { magic } },
      { udid: TWICE, lastSeen },
    ],
    5000,
  );
}

beforeAll(() => {
  desk = new Workstation();
  const at = Date.parse(AT);
  const extra = [
    { udid: MOVED, lastSeen: at - 200 * DAY },
    { udid: TWICE, lastSeen: at - DAY },
  ];
  first = write('first.db', 'first', 3, extra, 900);
  second = writeSecond('one magic');
});
afterAll(() => desk.close());

it('are read as one, with what conflicts', async () => {
  const read = (await desk.data(['read', first, '--and', second])) as Json;
  expect(read.counts).toEqual({ devices: 9, ready: 6, caution: 0, blocked: 3 });
  expect(read.findings.map(({ code }) => code)).toContain('several/same-device');
  const codesOf = (udid: string): string[] =>
    read.devices
      .filter((device) => device.udid === udid)
      .map(({ verdict, reasons }) => `${verdict} ${reasons.join(' ')}`);
  expect(codesOf(MOVED)).toEqual([
    expect.stringMatching(/^blocked superseded-by-source/),
    expect.stringMatching(/^ready .*also-in-source/),
  ]);
  expect(codesOf(TWICE)).toEqual([
    expect.stringMatching(/^blocked .*in-several-sources/),
    expect.stringMatching(/^blocked .*in-several-sources/),
  ]);
  expect(await desk.data(['read', `several:${JSON.stringify([first, second])}`])).toEqual(read);
  await desk.refused(['read', first, '--and', first], 2, 'usage/several');
});

describe.skipIf(noServer)('into a Fleet', () => {
  let database: TestDatabase;
  beforeAll(async () => void (database = await createDatabase('generation-newest')));
  afterAll(() => database.drop());

  it('go in once, held where either source changed, from a capture that can be deleted', async () => {
    const { args, env } = fleet(database);
    const accept = ['--accept', ACCEPT];
    const run = async (command: readonly string[], exit = 0): Promise<Json> => {
      const outcome = await desk.slipway([...command, ...args, '--json'], { env });
      expect(outcome.code, outcome.text.slice(0, 4_000)).toBe(exit);
      return outcome.json as Json;
    };
    const [one, two] = [desk.path('one.json'), desk.path('two.json')];
    const plan = await run(['plan', first, '--and', second, '--out', one, ...accept]);
    expect(plan.counts).toMatchObject({ devices: 9, insert: 6, blocked: 3, held: 0 });
    expect(plan.conflicts).toMatchObject([{ code: 'several/same-device', subjects: [MOVED, TWICE] }]);
    const told = await desk.slipway(['plan', first, '--and', second, '--out', one, '--overwrite', ...args, ...accept], {
      env,
    });
    expect(told.stdout).toContain('2 devices are in more than one source');

    writeSecond('another magic');
    const applied = await run(['apply', one, '--yes', ...accept], 1);
    expect(applied.counts).toMatchObject({ planned: 6, inserted: 5, held: 1 });
    expect(applied.held).toMatchObject([{ udid: MOVED, code: 'source-drift' }]);

    const again = await run(['plan', first, '--and', second, '--out', two, ...accept]);
    expect(again.counts).toMatchObject({ insert: 1, refresh: 5, unchanged: 5, blocked: 3 });
    const rest = await run(['apply', two, '--yes', ...accept]);
    expect(rest.counts).toMatchObject({ inserted: 1, unchanged: 5, held: 0 });
    expect(rest.verify?.counts).toMatchObject({ devices: 6, same: 6 });
    const [row] = await database.query<{ magic: string }>(
      'SELECT push_magic AS magic FROM nano_enrollments WHERE id = ?',
      [MOVED],
    );
    expect(row?.magic).toBe('another magic');
    // The higher of the two counters, and the distance kept to it.
    const [serial] = await database.query<{ serial: number }>('SELECT MAX(serial) AS serial FROM identity_serials');
    expect(Number(serial?.serial)).toBe(105_000);

    const { copies } = (await desk.data(['copies'])) as Json;
    expect(copies.map(({ name }) => name.replace(/[0-9a-f]{16}/, '*'))).toEqual([
      'several-*.capture',
      'several-*.capture',
    ]);
    await desk.data(['copies', '--delete', '--yes']);
    expect(desk.files('copies')).toEqual([]);
    await desk.refused(['verify', two, ...args], 1, 'plan/copy-missing', { env });
  });
});
