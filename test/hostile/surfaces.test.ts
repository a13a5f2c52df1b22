/**
 * A database in which every text is hostile, carried through every command that shows, stores or writes it: terminals
 * get no control or direction character, JSON and tables hold exactly what the source holds, files stay in their folders.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { createDatabase, loadSqlFile, noServer, type TestDatabase } from '../servers/mysql';
import { fleet, journalLines, Workstation, type Outcome } from '../cli/workstation';
import { HOSTILE_NAMES, UNFIT_FOR_TERMINALS } from './names';
import { hostileUdid, writeHostile } from './source';

/** Every caution a device of this source has, so that all that may go in does. */
const ACCEPT = 'no-agent,target-identity-unproven,certificate-not-in-depot,duplicate-serial';
const AGREED = ['--accept', ACCEPT, '--reason', HOSTILE_NAMES[0] ?? ''];

let desk: Workstation;
let source = '';
beforeAll(() => {
  desk = new Workstation();
  source = `micromdm:${writeHostile(desk.path('hostile.db')).path}`;
});
afterAll(() => desk.close());

/** What a person is shown: nothing that a terminal would act on. */
function harmless({ stdout, stderr, text }: Outcome): void {
  for (const said of [stdout, stderr]) {
    const found = UNFIT_FOR_TERMINALS.exec(said);
    expect(
      found === null ? null : [found[0].charCodeAt(0).toString(16), said.slice(found.index - 80, found.index + 20)],
      text.slice(0, 200),
    ).toBeNull();
  }
}

interface Reading {
  readonly devices: readonly { readonly udid: string | null; readonly name: string | null; readonly verdict: string }[];
}

describe('read', () => {
  it('shows people nothing a terminal acts on', async () => {
    const shown = await desk.slipway(['read', source, '--devices']);
    expect(shown.code).toBe(0);
    harmless(shown);
  });

  it('keeps every text as it is in JSON, and lets in no UDID that is none', async () => {
    const outcome = await desk.slipway(['read', source, '--json']);
    expect(outcome.code, outcome.stderr).toBe(0);
    const { devices } = outcome.json as Reading;
    const byUdid = new Map(devices.map((device) => [device.udid, device]));
    for (const [index, text] of HOSTILE_NAMES.entries())
      expect(byUdid.get(hostileUdid(index))?.name ?? '', `name ${index}`).toBe(text);
    const strange = devices.filter(({ udid }) => udid !== null && !/^[0-9A-Za-z-]{1,191}$/.test(udid));
    expect(strange.length).toBeGreaterThan(50);
    expect(new Set(strange.map(({ verdict }) => verdict))).toEqual(new Set(['blocked']));
  });
});

describe('export', () => {
  it('writes files under plain names, in its folder alone', async () => {
    const outcome = await desk.slipway(['export', source, '--out', desk.path('exported')]);
    expect(outcome.code, outcome.text.slice(0, 2000)).toBe(0);
    harmless(outcome);
    plainNames(desk.path('exported'));
  });
});

/** File names that mean nothing to any system, and nothing but files. */
function plainNames(folder: string): void {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  expect(entries.length).toBeGreaterThan(1);
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    expect(entry.name).toMatch(/^[A-Za-z0-9_][A-Za-z0-9._ -]{0,200}$/);
    expect(entry.name).not.toMatch(/[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i);
  }
}

describe.skipIf(noServer)('into Fleet', () => {
  let written: TestDatabase;
  let loaded: TestDatabase;
  let side: ReturnType<typeof fleet>;
  let applied: Outcome;
  beforeAll(async () => {
    [written, loaded] = await Promise.all([createDatabase('generation-469'), createDatabase('generation-469')]);
    side = fleet(written);
  });
  afterAll(async () => {
    await Promise.all([written.drop(), loaded.drop()]);
  });

  interface Row {
    readonly id: string;
    readonly serial_number: string | null;
    readonly plist: string | null;
  }
  const rows = (database: TestDatabase): Promise<Row[]> =>
    database.query<Row>('SELECT id, serial_number, authenticate AS plist FROM nano_devices ORDER BY id');

  it('plans and applies, and MySQL holds what the source holds', async () => {
    const planned = await desk.slipway(['plan', source, ...side.args, '--out', 'plan.json', ...AGREED], {
      env: side.env,
    });
    expect(planned.code, planned.text.slice(0, 3000)).toBe(0);
    harmless(planned);
    applied = await desk.slipway(
      ['apply', 'plan.json', ...side.args, ...AGREED, '--yes', '--backup-by', HOSTILE_NAMES[12] ?? ''],
      { env: side.env },
    );
    expect(applied.code, applied.text.slice(0, 3000)).toBe(0);
    harmless(applied);
    const found = new Map((await rows(written)).map((row) => [row.id, row]));
    let compared = 0;
    for (const [index, text] of HOSTILE_NAMES.entries()) {
      const row = found.get(hostileUdid(index));
      if (row === undefined) continue;
      compared += 1;
      if (row.serial_number !== null) expect(row.serial_number, `serial ${index}`).toBe(text);
    }
    expect(compared).toBeGreaterThan(HOSTILE_NAMES.length / 2);
    expect([...found.keys()].every((id) => /^[0-9A-Za-z-]+$/.test(id))).toBe(true);
  });

  it('writes an SQL file that a plain client loads to the same rows', async () => {
    const made = await desk.slipway([
      ...['sql', source, '--fleet-version', '4.69', '--out', 'import.sql', '--accept', ACCEPT, '--reason', 'x'],
    ]);
    expect(made.code, made.text.slice(0, 3000)).toBe(0);
    harmless(made);
    expect(readFileSync(desk.path('import.sql')).every((octet) => octet === 10 || (octet >= 32 && octet < 127))).toBe(
      true,
    );
    await loadSqlFile(loaded, desk.path('import.sql'));
    const [left, right] = [await rows(written), await rows(loaded)];
    expect(right.length).toBeGreaterThan(HOSTILE_NAMES.length / 2);
    const byId = new Map(left.map((row) => [row.id, row]));
    for (const row of right) if (byId.has(row.id)) expect(row).toEqual(byId.get(row.id));
    // Nothing of a name ran.
    expect(existsSync('/tmp/slipway-hostile')).toBe(false);
  });

  it('keeps journals one line an entry, whoever is named in them', () => {
    const [journal] = desk.journals();
    const lines = journalLines(journal ?? '');
    expect(lines[0]).toMatchObject({ kind: 'opened', reason: HOSTILE_NAMES[0] });
  });

  it('verifies, reports and takes back, and shows nothing a terminal acts on', async () => {
    const verified = await desk.slipway(['verify', 'plan.json', ...side.args], { env: side.env });
    harmless(verified);
    expect(verified.code, verified.text.slice(0, 2000)).toBe(0);
    const report = await desk.slipway(
      ['report', 'write', 'plan.json', ...side.args, '--out', 'report', '--title', HOSTILE_NAMES[15] ?? ''],
      { env: side.env },
    );
    harmless(report);
    plainNames(desk.path('report'));
    const html = readFileSync(desk.path('report', 'report.html'), 'utf8');
    expect(html).not.toMatch(
      /<(script|img|svg|iframe|textarea|object|embed|link|base|form)\b|\son\w+\s*=\s*["'][^"']*__hostile/i,
    );
    expect(UNFIT_FOR_TERMINALS.exec(html.replace(/[\n\t\r]/g, ''))?.[0]).toBeUndefined();
    const undone = await desk.slipway(['undo', desk.journals()[0] ?? '', ...side.args, '--yes'], { env: side.env });
    harmless(undone);
    expect(undone.code, undone.text.slice(0, 2000)).toBe(0);
    expect(await rows(written)).toEqual([]);
  });

  it('exports controls under plain names, with YAML that says what it should', async () => {
    const outcome = await desk.slipway(['controls', 'export', source, '--out', desk.path('controls')]);
    harmless(outcome);
    // 1: there are profiles that need a hand.
    expect([0, 1]).toContain(outcome.code);
    plainNames(desk.path('controls'));
    for (const name of readdirSync(desk.path('controls'), { recursive: true }).map(String)) {
      if (!/\.ya?ml$/.test(name)) continue;
      const value: unknown = parseYaml(readFileSync(join(desk.path('controls'), name), 'utf8'));
      expect(typeof value, basename(name)).toBe('object');
    }
  });
});
