/** `slipway assets`: the real built bundle against MySQL, its exit codes, its JSON, what it asks and what it writes. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { closeAsset, openAsset, PRIVATE_KEY } from '../core/assets/assets-bench';
import { makeCa, makePush, TOPIC } from '../core/fleet/certificate';
import { rsaKey, writeMicroMdm, type WrittenMicroMdm } from '../micromdm-writer';
import { createDatabase, noServer, type TestDatabase } from '../servers/mysql';
import { canary, givenAway, keyCanary } from './canary';
import { differences, fleet, journalLines, modeOf, Workstation } from './workstation';

interface Plan {
  readonly id: string;
  readonly assets: readonly { name: string; action: string }[];
  readonly blocks: readonly { code: string }[];
  readonly serials: { sourceNext: string; serial: string } | null;
  readonly grants: readonly string[];
}
interface Applied {
  readonly journal: string;
  readonly outcome: string;
  readonly written: readonly { name: string }[];
}

let desk: Workstation;
let written: WrittenMicroMdm;
let source: string;
let key: string;
const END = Date.UTC(2040, 0, 1);
const ca = makeCa(END);
const push = makePush(TOPIC, END);
let files: string[];

beforeAll(() => {
  desk = new Workstation();
  written = writeMicroMdm(desk.path('source.db'), { seed: 'assets', devices: 3, sign: 'real' });
  source = `micromdm:${written.path}`;
  key = desk.file('key', `${PRIVATE_KEY}\n`);
  files = [
    ...['--apns-cert', desk.file('push.pem', push.pem), '--apns-key-file', desk.file('push.key', push.keyPem)],
    ...['--scep-cert', desk.file('ca.der', ca.der), '--scep-key-file', desk.file('ca.key', ca.keyPem)],
  ];
});
afterAll(() => desk.close());

describe('slipway assets', () => {
  const NOWHERE = ['--fleet', 'mysql://slipway@127.0.0.1:1/fleet'];

  it.each([
    ['no such thing', () => ['assets', 'frobnicate'], 'usage/wrong'],
    ['no Fleet', () => ['assets', 'plan', source], 'usage/fleet-missing'],
    ['no private key', () => ['assets', 'plan', source, ...NOWHERE], 'usage/private-key-missing'],
    ['nobody to answer', () => ['assets', 'apply', source, ...NOWHERE], 'usage/confirmation-needed'],
    [
      'nowhere to upload to',
      () => ['assets', 'apply', source, ...NOWHERE, '--private-key-file', key, '--upload', '--yes'],
      'usage/upload',
    ],
    ['no journal', () => ['assets', 'undo', ...NOWHERE, '--yes'], 'usage/journal-missing'],
    ['no file to write', () => ['assets', 'env', source], 'usage/out-missing'],
    ['half a pair', () => ['assets', 'env', '--out', 'x', ...files.slice(0, 2)], 'usage/pair-incomplete'],
    ['nothing to put in', () => ['assets', 'env', '--out', 'x'], 'assets/nothing-given'],
    ['a file that exists', () => ['assets', 'env', source, '--out', key], 'file/exists'],
    [
      'a password in the address',
      () => ['assets', 'plan', source, '--fleet', 'mysql://a:hunter2@127.0.0.1/fleet'],
      'usage/secret-in-url',
    ],
  ] as const)('%s: exit 2', async (_, args, code) => {
    await desk.refused(args(), 2, code);
    for (const { stdout, stderr } of desk.said.slice(-2)) expect(stdout + stderr).not.toContain('hunter2');
  });

  it('refuses what does not belong together: exit 1', async () => {
    const mixed = ['--scep-cert', desk.path('ca.der'), '--scep-key-file', desk.path('push.key')];
    await desk.refused(['assets', 'env', ...mixed, '--out', desk.path('never.env')], 1, 'assets/key-mismatch');
    expect(desk.files()).not.toContain('never.env');
  });

  it('writes an environment file for a fresh Fleet, 0600, with Fleet’s own challenge left to Fleet', async () => {
    const out = desk.path('fleet.env');
    const told = (await desk.data(['assets', 'env', source, '--private-key-file', key, '--out', out])) as {
      variables: { variable: string; sha256: string }[];
    };
    expect(told.variables.map(({ variable }) => variable)).toEqual([
      'FLEET_MDM_APPLE_APNS_CERT_BYTES',
      'FLEET_MDM_APPLE_APNS_KEY_BYTES',
      'FLEET_MDM_APPLE_SCEP_CERT_BYTES',
      'FLEET_MDM_APPLE_SCEP_KEY_BYTES',
    ]);
    expect(modeOf(out)).toBe('600');
    const text = readFileSync(out, 'utf8');
    expect(text.match(/BEGIN RSA PRIVATE KEY/g)).toHaveLength(2);
    expect(text).toContain(`FLEET_SERVER_PRIVATE_KEY='${PRIVATE_KEY}'`);
    expect(text).not.toMatch(/^FLEET_MDM_APPLE_SCEP_CHALLENGE=/m);
  });
});

describe.skipIf(noServer)('slipway assets with a Fleet', () => {
  let database: TestDatabase;
  let target: string[];
  let env: Record<string, string>;
  beforeAll(async () => {
    database = await createDatabase('generation-newest');
    const named = fleet(database);
    target = [...named.args, '--private-key-file', key];
    env = named.env;
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    await database.query('DELETE FROM mdm_config_assets');
    const { value, md5 } = closeAsset('fleets-own-challenge');
    await database.query("INSERT INTO mdm_config_assets (name, value, md5_checksum) VALUES ('scep_challenge', ?, ?)", [
      value,
      md5,
    ]);
  });
  const dump = async (): Promise<string> =>
    JSON.stringify(await database.query('SELECT * FROM mdm_config_assets ORDER BY id'), null, 1);
  const keys = [keyCanary('SCEP CA key', rsaKey('scep ca')), keyCanary('push key', rsaKey('push'))];

  it('plans, rehearses, applies and takes back, from a source', async () => {
    const before = await dump();
    const planned = desk.path('assets.json');
    const plan = (await desk.data(['assets', 'plan', source, ...target, '--out', planned], { env })) as Plan;
    expect(plan.assets.map(({ action }) => action)).toEqual(['insert', 'insert', 'insert', 'insert']);
    expect(plan).toMatchObject({ blocks: [], grants: [] });
    expect(BigInt(plan.serials?.serial ?? 0) - BigInt(plan.serials?.sourceNext ?? 0)).toBe(100_000n);

    const apply = ['assets', 'apply', source, ...target, '--plan', planned, '--yes'];
    expect(await desk.data([...apply, '--rehearse'], { env })).toMatchObject({
      rehearsal: true,
      serial: 'not-rehearsed',
    });
    expect(await dump()).toBe(before);
    const applied = (await desk.data(apply, { env })) as Applied;
    expect(applied).toMatchObject({ outcome: 'written', serial: 'inserted' });
    const rows = await database.query<{ name: string; value: Buffer }>('SELECT name, value FROM mdm_config_assets');
    const value = (name: string): string => openAsset(rows.find((row) => row.name === name)?.value ?? Buffer.alloc(0));
    expect(new X509Certificate(value('ca_cert')).checkPrivateKey(rsaKey('scep ca'))).toBe(true);
    expect(value('apns_key')).toBe(rsaKey('push').export({ type: 'pkcs1', format: 'pem' }));
    expect(value('scep_challenge')).toBe('fleets-own-challenge');
    expect(journalLines(applied.journal).map(({ kind }) => kind)).toEqual([
      'opened',
      'serial',
      'serial',
      'intent',
      'outcome',
    ]);

    // What was reviewed is not what would be done now.
    await desk.refused(apply, 1, 'assets/changed-since-plan', { env });
    const undone = await desk.slipway(['assets', 'undo', applied.journal, ...target, '--yes'], { env });
    expect({ code: undone.code, stderr: undone.stderr }).toEqual({ code: 0, stderr: '' });
    expect(undone.stdout).toContain('Restart all Fleet instances');
    expect(differences(before, await dump())).toEqual([]);
  });

  it('plans and applies files, for people', async () => {
    const plan = await desk.slipway(['assets', 'plan', ...files, ...target], { env });
    expect({ code: plan.code, stderr: plan.stderr }).toEqual({ code: 0, stderr: '' });
    expect(plan.stdout).toMatch(/insert +ca_key +absent/);
    expect(plan.stdout).toContain('✓ rows: ');
    const applied = await desk.slipway(['assets', 'apply', ...files, ...target, '--yes'], { env });
    expect(applied.code, applied.text).toBe(0);
    expect(applied.stdout).toContain('Written, read back and opened again.');
    // The names the certificates are called by do as well.
    const short = files.map((one) => one.replace(/-key-file$/, '-key'));
    const again = (await desk.data(['assets', 'plan', ...short, ...target], { env })) as Plan;
    expect(again.assets.map(({ action }) => action)).toEqual(['keep', 'keep', 'keep', 'keep']);
    // An environment file would change nothing any more.
    const out = desk.path('late.env');
    await desk.refused(['assets', 'env', ...files, ...target, '--out', out], 1, 'assets/environment-ignored', { env });
    expect(desk.files()).not.toContain('late.env');
  });

  it('refuses a wrong private key, and native devices: nothing is written', async () => {
    const before = await dump();
    const wrong = desk.file('wrong-key', 'another-key-that-is-long-enough-for-Fleet\n');
    const { args } = fleet(database);
    for (const what of [['plan'], ['apply', '--yes']]) {
      const [action = '', ...more] = what;
      const command = ['assets', action, source, ...args, '--private-key-file', wrong, ...more];
      await desk.refused(command, 1, 'fleet/private-key-wrong', { env });
    }
    expect(await dump()).toBe(before);

    await desk.data(['assets', 'apply', ...files, ...target, '--yes'], { env });
    await database.query("INSERT INTO nano_devices (id, authenticate) VALUES ('N', 'x')");
    await database.query(
      "INSERT INTO nano_enrollments (id, device_id, type, topic, push_magic, token_hex) VALUES ('N', 'N', 'Device', 't', 'm', 'aa')",
    );
    const held = await dump();
    const plan = await desk.slipway(['assets', 'plan', source, ...target, '--json'], { env });
    expect(plan.code).toBe(1);
    expect((plan.json as Plan).blocks.map(({ code }) => code)).toEqual(['native-enrollments']);
    const apply = ['assets', 'apply', source, ...target, '--yes', '--accept', 'native-enrollments,escrowed-keys'];
    await desk.refused(apply, 1, 'assets/blocked', { env });
    expect(await dump()).toBe(held);
    await database.query('DELETE FROM nano_devices');
  });

  it('prints the grants it lacks', async () => {
    const account = await database.createAccount(
      ['mdm_config_assets', 'hosts', 'app_config_json', 'identity_serials', 'migration_status_tables']
        .concat(['nano_devices', 'nano_users', 'nano_enrollments', 'nano_cert_auth_associations'])
        .concat(['nano_seen_times', 'nano_command_results'])
        .map((table) => `SELECT ON ${table}`),
    );
    const lesser = fleet(database, account);
    const args = ['assets', 'plan', ...files, ...lesser.args, '--private-key-file', key];
    const plan = (await desk.data(args, { env: lesser.env })) as Plan;
    expect(plan.grants).toHaveLength(2);
    expect(plan.grants[0]).toMatch(/^GRANT INSERT, UPDATE, DELETE ON `.*`\.`mdm_config_assets` TO /);
    const applied = await desk.slipway(
      ['assets', 'apply', ...files, ...lesser.args, '--private-key-file', key, '--yes'],
      {
        env: lesser.env,
      },
    );
    expect(applied.code).toBe(1);
    expect(applied.stderr).toContain('fleet/permission');
  });

  it('gave no secret away', () => {
    const told = [
      ...desk.said.map(({ text }) => text),
      ...desk
        .files()
        .filter((name) => name.endsWith('.jsonl') || name.endsWith('.json'))
        .map((name) => readFileSync(desk.path(name), 'latin1')),
    ];
    expect(told.length).toBeGreaterThan(20);
    for (const text of told) {
      expect(givenAway(text, [...keys, canary('server private key', PRIVATE_KEY)])).toEqual([]);
    }
  });
});
