/** `slipway sql`: files for a plain MySQL client, loaded by one, and looked at in the tables. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Manifest } from '../core/sources/micromdm/manifest';
import {
  createDatabase,
  dumpTables,
  hasSchema,
  loadSqlFile,
  noServer,
  testServer,
  type FleetSchema,
  type TestDatabase,
} from '../servers/mysql';
import { sharedData, sharedJson } from '../shared-data';
import { ABSENT, ACCEPT, differences, fleet, modeOf, sha256Of, Workstation } from './workstation';

const here = ABSENT === '';
const small = `micromdm:${sharedData('micromdm', 'small.db') ?? ''}`;
/** All cautions small.db has. */
const CAUTIONS = 'push-token-short,duplicate-serial,certificate-not-in-depot';
const TABLES = ['nano_devices', 'nano_users', 'nano_enrollments', 'nano_cert_auth_associations'];
const IPAD = { udid: '0000803E-001E8E246AAED386', serial: 'HH23QANKWY' };

let desk: Workstation;
beforeAll(() => void (desk = new Workstation()));
afterAll(() => desk.close());

interface Told {
  readonly schema: number;
  readonly generation: string;
  readonly file: { readonly path: string; readonly size: number };
  readonly undo: { readonly path: string; readonly size: number } | null;
  readonly counts: Record<string, number>;
  readonly leftOut: Record<string, number>;
}

async function sql(version: string, name: string, ...more: string[]): Promise<Told> {
  return (await desk.data(['sql', small, '--fleet-version', version, '--out', desk.path(name), ...more])) as Told;
}

describe.skipIf(!here)(`slipway sql${ABSENT}`, () => {
  it('writes the same bytes every time, wherever and whenever it runs', async () => {
    const told = await sql('4.69', 'first.sql', '--undo', desk.path('first-undo.sql'));
    await desk.data(
      [
        'sql',
        small,
        '--fleet-version',
        'v4.69.1',
        '--out',
        desk.path('second.sql'),
        '--undo',
        desk.path('second-undo.sql'),
        '--at',
        '2026-12-01T00:00:00+09:00',
      ],
      { env: { TZ: 'America/St_Johns', LANG: 'de_DE.UTF-8' } },
    );
    expect(sha256Of(desk.path('second.sql'))).toBe(sha256Of(desk.path('first.sql')));
    expect(sha256Of(desk.path('second-undo.sql'))).toBe(sha256Of(desk.path('first-undo.sql')));
    expect([modeOf(desk.path('first.sql')), modeOf(desk.path('first-undo.sql'))]).toEqual(['600', '600']);
    expect(told).toEqual({
      schema: 1,
      generation: '4.69',
      file: { path: desk.path('first.sql'), size: readFileSync(desk.path('first.sql')).length },
      undo: { path: desk.path('first-undo.sql'), size: readFileSync(desk.path('first-undo.sql')).length },
      counts: { written: 10, users: 1, held: 7, blocked: 2 },
      leftOut: {
        'push-token-short': 4,
        'duplicate-serial': 2,
        'certificate-not-in-depot': 1,
        'no-push-info': 1,
        'not-enrolled': 2,
        'blocked-at-source': 1,
      },
    });
  });

  it('takes cautions in when they are accepted by name, and nothing that is blocked', async () => {
    expect((await sql('4.69', 'some.sql', '--accept', 'push-token-short')).counts).toMatchObject({
      written: 14,
      held: 3,
    });
    const all = await sql(
      '4.69',
      'all.sql',
      '--accept',
      'push-token-short',
      '--accept',
      'duplicate-serial, certificate-not-in-depot',
    );
    expect(all.counts).toMatchObject({ written: 17, held: 0, blocked: 2 });
    const blocked = await sql('4.69', 'blocked.sql', '--accept', 'not-enrolled,no-push-info,blocked-at-source');
    expect(blocked.counts).toMatchObject({ written: 10, blocked: 2 });
  });

  it('writes a wave alone, named by UDID or serial number', async () => {
    const wave = desk.file(
      'wave.txt',
      `# the first evening\r\n${IPAD.serial.toLowerCase()}  # an iPad\n\nCB9FD303-8DF9-4ED2-A5F6-7621C080D5C2\n`,
    );
    expect((await sql('4.69', 'wave.sql', '--wave', wave)).counts).toEqual({
      written: 2,
      users: 0,
      held: 0,
      blocked: 0,
    });
    const text = readFileSync(desk.path('wave.sql'), 'utf8');
    expect(text).toContain(IPAD.udid);
    expect(text).not.toContain('4NNZYQDWK6');
  });

  const out = (): string[] => ['--out', desk.path('never.sql')];
  it.each([
    ['an unknown version', () => ['--fleet-version', '9.9'], 2, 'usage/fleet-version'],
    ['no version', () => ['--fleet-version', 'latest'], 2, 'usage/fleet-version'],
    ['a version that cannot take devices over', () => ['--fleet-version', '4.50'], 1, 'fleet/schema-too-old'],
    [
      'a wave with a typing error',
      () => ['--fleet-version', '4.69', '--wave', desk.file('typo.txt', 'HH23QANKWZ\n')],
      2,
      'usage/wave',
    ],
    ['an empty wave', () => ['--fleet-version', '4.69', '--wave', desk.file('empty.txt', '# none\n')], 2, 'usage/wave'],
    [
      'a wave that is not there',
      () => ['--fleet-version', '4.69', '--wave', desk.path('nowhere.txt')],
      3,
      'usage/file',
    ],
    [
      'a team by name, offline',
      () => ['--fleet-version', '4.69', '--team-map', desk.file('names.csv', 'serial,team\nHH23QANKWY,iPads\n')],
      2,
      'usage/team-map',
    ],
    [
      'a team map with another column',
      () => ['--fleet-version', '4.69', '--team-map', desk.file('odd.csv', 'serial,group\nHH23QANKWY,1\n')],
      2,
      'usage/team-map',
    ],
    ['a code that is none', () => ['--fleet-version', '4.69', '--accept', 'Yes!'], 2, 'usage/accept'],
  ] as const)('refuses %s and writes nothing', async (_, options, exit, code) => {
    await desk.refused(['sql', small, ...out(), ...options()], exit, code);
    expect(desk.files().filter((name) => name.includes('never'))).toEqual([]);
  });

  it('does not overwrite unless told to', async () => {
    const path = desk.file('mine.sql', 'mine');
    const args = ['sql', small, '--fleet-version', '4.69', '--out', path];
    const undo = desk.path('mine-undo.sql');
    await desk.refused([...args, '--undo', undo], 2, 'file/exists');
    expect(readFileSync(path, 'utf8')).toBe('mine');
    expect(desk.files().filter((name) => name.startsWith('mine'))).toEqual(['mine.sql']);
    await desk.data([...args, '--overwrite']);
    expect(readFileSync(path, 'utf8')).toContain('nano_enrollments');
    expect(modeOf(path)).toBe('600');
  });

  it('says what it left out, and no secret', async () => {
    const { code, stdout, stderr } = await desk.slipway([
      'sql',
      small,
      '--fleet-version',
      '4.62',
      '--out',
      desk.path('told.sql'),
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^10 devices and 1 user channel written to .*told\.sql for Fleet 4\.62\.$/m);
    expect(stdout).toMatch(/4 +push-token-short/);
    for (const { push_magic: magic } of (sharedJson('micromdm', 'small.json') as Manifest).devices) {
      if (magic) expect(stdout + stderr).not.toContain(magic);
    }
  });
});

const onMysql = here && !noServer && testServer().kind !== 'mariadb';

/** A schema with the file for it loaded. */
class Loaded {
  private constructor(
    readonly schema: FleetSchema,
    readonly database: TestDatabase,
    /** What the client printed when it loaded the file first. */
    readonly printed: string,
  ) {}

  static async open(schema: FleetSchema, version: string): Promise<Loaded> {
    const database = await createDatabase(schema);
    await database.query("INSERT INTO teams (id, name) VALUES (7, 'iPads')");
    const teams = desk.file(`${schema}.csv`, `serial,team\n${IPAD.serial},7\n`);
    const undo = desk.path(`${schema}-undo.sql`);
    await sql(version, `${schema}.sql`, '--accept', CAUTIONS, '--undo', undo, '--team-map', teams);
    return new Loaded(schema, database, (await load(database, desk.path(`${schema}.sql`))).stdout);
  }

  get file(): string {
    return desk.path(`${this.schema}.sql`);
  }

  get teams(): string[] {
    return ['--team-map', desk.path(`${this.schema}.csv`)];
  }

  dump(without: readonly string[] = []): Promise<string> {
    return dumpTables(this.database, TABLES, { without });
  }

  async empty(): Promise<void> {
    for (const table of [...TABLES].reverse()) await this.database.query(`DELETE FROM ${table}`);
  }
}

function load(database: TestDatabase, path: string, ...clientOptions: string[]): Promise<{ stdout: string }> {
  return loadSqlFile(database, path, { characterSet: 'utf8mb4', clientOptions: ['--binary-mode', ...clientOptions] });
}

describe.skipIf(!onMysql)(`the file loaded by a plain client${ABSENT}`, () => {
  const targets = (
    [
      ['fleet-4.62', '4.62'],
      ['fleet-4.69', '4.69'],
      ['generation-newest', 'newest'],
    ] as [FleetSchema, string][]
  ).filter(([schema]) => hasSchema(schema));
  const loaded = new Map<FleetSchema, Loaded>();
  // The files wait on purpose (for the next second, for Fleet's last-seen times): the schemas wait together.
  beforeAll(() =>
    Promise.all(targets.map(async ([schema, version]) => loaded.set(schema, await Loaded.open(schema, version)))),
  );
  afterAll(() => Promise.all([...loaded.values()].map(({ database }) => database.drop())));
  const schemas = targets.map(([schema]) => schema);
  const on = (schema: FleetSchema): Loaded => loaded.get(schema)!;

  it.each(schemas)('gives in %s what the manifest says, column by column', async (schema) => {
    const { database, printed } = on(schema);
    const manifest = sharedJson('micromdm', 'small.json') as Manifest;
    const placed = schema !== 'fleet-4.62';
    const rows = await database.query(
      `SELECT e.id AS udid, d.serial_number AS serial, e.topic, e.push_magic, e.token_hex, e.enabled,
         e.enrolled_from_migration AS migrated, HEX(d.unlock_token) AS unlock_hex, d.bootstrap_token_b64 AS bootstrap,
         a.sha256, CAST(a.cert_not_valid_after AS CHAR) AS not_after
         ${placed ? ', d.platform, d.enroll_team_id AS team' : ''}
       FROM nano_enrollments e JOIN nano_devices d ON d.id = e.device_id
         JOIN nano_cert_auth_associations a ON a.id = d.id
       WHERE e.type = 'Device' ORDER BY e.id`,
    );
    const going = manifest.devices.filter(
      ({ udid, enrolled }) => udid !== '' && enrolled === true && !manifest.blocked_udids?.includes(udid),
    );
    expect(going).toHaveLength(17);
    const time = (at: number): string => new Date(at).toISOString().slice(0, 19).replace('T', ' ');
    expect(rows).toEqual(
      going
        .sort((a, b) => (a.udid < b.udid ? -1 : 1))
        .map((device) => ({
          udid: device.udid,
          serial: device.serial === '' ? null : device.serial,
          topic: device['push_topic'],
          push_magic: device['push_magic'],
          token_hex: device['token_hex'],
          enabled: 1,
          migrated: 1,
          unlock_hex: device['unlock_token_hex'] === '' ? null : (device['unlock_token_hex'] as string).toUpperCase(),
          bootstrap: device['bootstrap_token_b64'] === '' ? null : device['bootstrap_token_b64'],
          sha256: device['cert_sha256'],
          // Of the one whose certificate is not known: a month from what the source heard last.
          not_after: time(
            device['cert_not_after'] === undefined
              ? Date.parse('2026-11-24T01:41:24Z') + 30 * 86_400_000
              : Date.parse(device['cert_not_after'] as string),
          ),
          ...(placed
            ? { platform: device.udid === IPAD.udid ? 'ipados' : 'darwin', team: device.udid === IPAD.udid ? 7 : null }
            : {}),
        })),
    );
    const users = await database.query('SELECT id, device_id, user_short_name AS name FROM nano_users');
    const mac = manifest.devices.find(({ kind }) => kind === 'user-channel')!.udid;
    expect(users).toEqual([{ id: `${mac}:6D2F57B0-4A72-4CDC-956F-48BCC878B7B3`, device_id: mac, name: 'ada' }]);
    expect(printed).toMatch(/\b17\t17\t0\t0\t0\b/);
  });

  it.each(schemas)('verifies in %s by the source, and not when a column is changed', async (schema) => {
    const { database, teams } = on(schema);
    const { args, env } = fleet(database);
    const verify = ['verify', small, ...args, '--accept', CAUTIONS, ...teams];
    expect(await desk.data(verify, { env })).toMatchObject({
      schema: 1,
      counts: { devices: 17, same: 17, differs: 0 },
    });
    // As only somebody who means to deceive would do it: the canary is put back.
    const change = (magic: string): Promise<unknown> =>
      database.query("UPDATE nano_enrollments SET push_magic = ?, updated_at = '2000-01-01 00:00:00' WHERE id = ?", [
        magic,
        IPAD.udid,
      ]);
    const [row] = await database.query<{ magic: string }>(
      'SELECT push_magic AS magic FROM nano_enrollments WHERE id = ?',
      [IPAD.udid],
    );
    await change('ANOTHER-MAGIC');
    const { code, stdout } = await desk.slipway([...verify, '--json'], { env });
    await change(row!.magic);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      counts: { same: 16, differs: 1 },
      devices: [{ udid: IPAD.udid, state: 'differs' }],
    });
    // It tells that, not what.
    expect(stdout).not.toContain('ANOTHER-MAGIC');
    expect(stdout).not.toContain(row!.magic);
  });

  describe('again', () => {
    it.concurrent.each(schemas)('changes nothing in %s', async (schema) => {
      const before = await on(schema).dump();
      await load(on(schema).database, on(schema).file);
      expect(differences(before, await on(schema).dump())).toEqual([]);
    });
  });

  it.each(schemas)('is in %s what plan and apply write, byte for byte', async (schema) => {
    const target = on(schema);
    const bySql = await target.dump(['created_at']);
    await target.empty();
    const { args, env } = fleet(target.database);
    const accept = ['--accept', `${CAUTIONS},${ACCEPT}`];
    const [plan, file] = [desk.path(`${schema}.json`), desk.path(`${schema}-plan.sql`)];
    await desk.data(['plan', small, ...args, '--out', plan, ...accept, ...target.teams, '--sql', file], { env });
    await desk.data(['apply', plan, ...args, ...accept, '--yes'], { env });
    expect(differences(bySql, await target.dump(['created_at']))).toEqual([]);
    expect(modeOf(file)).toBe('600');
    expect(sha256Of(file)).toBe(sha256Of(target.file));
  });

  describe('the undo file', () => {
    it.concurrent.each(schemas)('empties %s, but for what is touched', async (schema) => {
      const { database, file } = on(schema);
      await on(schema).empty();
      const from = /(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)/.exec((await load(database, file)).stdout)?.[1];
      expect(from).toBeDefined();
      await database.query('UPDATE nano_enrollments SET token_hex = ? WHERE id = ?', ['ab'.repeat(32), IPAD.udid]);
      await load(database, desk.path(`${schema}-undo.sql`), `--init-command=SET @slipway_since = '${from!}'`);
      for (const table of ['nano_devices', 'nano_enrollments', 'nano_cert_auth_associations']) {
        expect(await database.query(`SELECT id FROM ${table}`)).toEqual([{ id: IPAD.udid }]);
      }
      expect(await database.query('SELECT id FROM nano_users')).toEqual([]);
    });
  });
});
