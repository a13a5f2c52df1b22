/** `slipway profile`: the real built bundle; files, exit codes, and no challenge where none belongs. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encryptAsset } from '../../src/core/fleet/assets';
import { Secret } from '../../src/core/secret';
import { LISTING, MICROMDM, MICROMDM_ELSEWHERE, TOPIC } from '../core/profile/installed-profiles';
import { writeMicroMdm, type MicroMdmOptions } from '../micromdm-writer';
import { createDatabase, noServer, type TestDatabase } from '../servers/mysql';
import { sharedData } from '../shared-data';
import { ABSENT, AT, fleet, modeOf, Workstation } from './workstation';

const CHALLENGE = 'Fl33t-0nly-ch4llenge';
const here = ABSENT === '';
const small = `micromdm:${sharedData('micromdm', 'small.db') ?? ''}`;
const handedOut = sharedData('micromdm', 'enroll.mobileconfig') ?? '';
const VARIABLE = 'FLEET_SILENT_MIGRATION_ENROLLMENT_PROFILE';

let desk: Workstation;
let mac = '';
let challenge: string[] = [];
beforeAll(() => {
  desk = new Workstation();
  mac = desk.file('mac.mobileconfig', MICROMDM);
  challenge = ['--challenge-file', desk.file('challenge', `${CHALLENGE}\n`)];
});
afterAll(() => desk.close());

interface Told {
  readonly verdict: string;
  readonly renews: boolean;
  readonly problems: readonly { readonly code: string; readonly field: string | null }[];
  readonly groups: readonly { readonly files: readonly string[]; readonly accepted: boolean }[];
}

const codesOf = (told: unknown): string[] => (told as Told).problems.map(({ code }) => code);

describe('slipway profile make', () => {
  it('writes profile, base64 and environment line, 0600, and shows no challenge', async () => {
    const out = desk.path('renew.mobileconfig');
    const more = ['--encoded-file', desk.path('renew.b64'), '--environment-file', desk.path('fleet.env')];
    const args = ['profile', 'make', '--from', mac, '--installed', mac, ...challenge];
    const { code, stdout, stderr } = await desk.slipway([...args, '--out', out, ...more]);
    expect({ code, said: /pass: Fleet could renew/.test(stdout) }, stdout + stderr).toEqual({ code: 0, said: true });
    const xml = readFileSync(out, 'utf8');
    expect(xml).toContain(`<string>${CHALLENGE}</string>`);
    expect(xml).not.toContain('<string>micromdm</string>');
    const base64 = readFileSync(desk.path('renew.b64'), 'utf8');
    expect(Buffer.from(base64, 'base64').toString()).toBe(xml);
    expect(readFileSync(desk.path('fleet.env'), 'utf8')).toBe(`${VARIABLE}=${base64}\n`);
    for (const file of ['renew.mobileconfig', 'renew.b64', 'fleet.env']) expect(modeOf(desk.path(file))).toBe('600');
    for (const secret of [CHALLENGE, base64.slice(0, 40), Buffer.from(CHALLENGE).toString('base64').slice(0, 20)])
      expect(stdout + stderr).not.toContain(secret);
    // A shell takes the line as it is.
    const shell = spawnSync('sh', ['-c', `. ./fleet.env && printf %s "$${VARIABLE}" | base64 -d`], {
      cwd: desk.folder,
      encoding: 'utf8',
    });
    expect(shell.stdout).toBe(xml);
    // Each form is checked alike.
    for (const file of ['renew.mobileconfig', 'renew.b64', 'fleet.env'])
      expect(await desk.data(['profile', 'check', desk.path(file), '--installed', mac, ...challenge])).toMatchObject({
        schema: 1,
        verdict: 'pass',
        renews: true,
        problems: [],
      });
    await desk.refused([...args, '--out', out], 2, 'file/exists');
  });

  it('prints the line only when asked', async () => {
    const args = ['profile', 'make', '--installed', mac, ...challenge, '--out'];
    const told = (await desk.data([...args, desk.path('a.mobileconfig')])) as { env?: string };
    expect(told.env).toBeUndefined();
    const asked = await desk.data([...args, desk.path('b.mobileconfig'), '--print-env']);
    expect((asked as { env: string }).env).toBe(
      `${VARIABLE}=${readFileSync(desk.path('b.mobileconfig')).toString('base64')}`,
    );
    expect(readFileSync(desk.path('a.mobileconfig'))).toEqual(readFileSync(desk.path('b.mobileconfig')));
  });

  it.skipIf(!here)(`from a real MicroMDM: warns without a sample, fails without the anchor${ABSENT}`, async () => {
    const args = ['profile', 'make', small, '--server-url', 'https://localhost:8443', '--at', AT, ...challenge];
    const bare = await desk.slipway([...args, '--out', desk.path('bare.mobileconfig'), '--json']);
    expect([bare.code, (bare.json as Told).verdict, codesOf(bare.json)]).toEqual([
      1,
      'warning',
      ['no-installed-sample'],
    ]);
    // What that very server handed out has its TLS certificate in it.
    const check = (name: string): string[] => ['profile', 'check', desk.path(name), '--installed', handedOut];
    const lacking = await desk.slipway([...check('bare.mobileconfig'), '--json']);
    expect([lacking.code, codesOf(lacking.json)]).toEqual([1, ['payload-missing']]);
    const pem = /<data>([^<]*)<\/data>/.exec(readFileSync(handedOut, 'utf8'))?.[1] ?? '';
    const anchor = ['--anchor-file', desk.file('tls.pem', Buffer.from(pem, 'base64'))];
    const whole = await desk.slipway([...args, ...anchor, '--out', desk.path('whole.mobileconfig'), '--json']);
    expect(whole.code, whole.text).toBe(1);
    expect(await desk.data(check('whole.mobileconfig'))).toMatchObject({ verdict: 'pass' });
    // With the sample it is made from that.
    expect(
      await desk.data([...args, '--installed', handedOut, '--out', desk.path('sampled.mobileconfig')]),
    ).toMatchObject({ verdict: 'pass', base: handedOut });
  });

  it('from the profile stored at the source, signed, and only for the topic its push certificate has', async () => {
    const openssl = (line: string): void => {
      expect(spawnSync('openssl', line.split(' '), { cwd: desk.folder }).status).toBe(0);
    };
    openssl('req -x509 -newkey rsa:2048 -nodes -keyout s.key -out s.pem -subj /CN=signer -days 9');
    openssl(
      'smime -sign -signer s.pem -inkey s.key -nodetach -binary -outform DER -in mac.mobileconfig -out s.mobileconfig',
    );
    const identifier = 'com.github.micromdm.micromdm.enroll';
    const body = readFileSync(desk.path('s.mobileconfig'));
    const source = (name: string, more: MicroMdmOptions): string =>
      `micromdm:${writeMicroMdm(desk.path(name), { seed: name, devices: 2, ...more }).path}`;
    const make = (from: string, out: string): string[] => {
      return ['profile', 'make', from, '--at', AT, ...challenge, '--out', desk.path(out)];
    };
    const stored = source('stored.db', { topic: TOPIC, profiles: [{ identifier, body }] });
    const whole = await desk.data([...make(stored, 'stored.mobileconfig'), '--installed', mac]);
    expect(whole).toMatchObject({ verdict: 'pass', base: mac });
    const alone = await desk.slipway([...make(stored, 'alone.mobileconfig'), '--json']);
    expect([alone.code, codesOf(alone.json)]).toEqual([1, ['no-installed-sample']]);
    expect(alone.json).toMatchObject({ base: 'the profile stored at the source' });
    expect(readFileSync(desk.path('alone.mobileconfig'))).toEqual(readFileSync(desk.path('stored.mobileconfig')));
    const other = source('other.db', { profiles: [{ identifier, body }] });
    const refusal = await desk.refused(make(other, 'no.mobileconfig'), 1, 'profile/does-not-fit');
    expect(refusal.detail['problems']).toBe('topic-not-pushed');
    // Never MicroMDM's template where another profile is handed out.
    const broken = source('broken.db', { profiles: [{ identifier, body: 'damaged' }] });
    await desk.refused(make(broken, 'no.mobileconfig'), 3, 'profile/not-a-profile');
  });

  it('writes nothing that does not fit, and says what is wrong with the question', async () => {
    const out = ['--out', desk.path('never.mobileconfig')];
    const make = ['profile', 'make', ...out];
    const other = desk.file('other.mobileconfig', MICROMDM.replaceAll('mdm.example.com', 'new.example.com'));
    const misfit = await desk.refused(
      [...make, '--from', other, '--installed', mac, ...challenge],
      1,
      'profile/does-not-fit',
    );
    expect(misfit.detail['problems']).toContain('server-url-differs');
    const old = ['--challenge-file', desk.file('old', 'micromdm')];
    await desk.refused([...make, '--from', mac, ...old], 1, 'profile/old-challenge');
    await desk.refused([...make, '--from', mac], 2, 'usage/no-challenge');
    await desk.refused([...make, ...challenge], 2, 'usage/no-base');
    await desk.refused(['profile', 'make', '--from', mac, ...challenge], 2, 'usage/no-out');
    await desk.refused([...make, '--from', mac, ...challenge, '--topic', 'x'], 2, 'usage/option');
    await desk.refused([...make, '--from', desk.path('nowhere'), ...challenge], 3, 'usage/secret-file');
    await desk.refused([...make, '--from', desk.path('challenge'), ...challenge], 3, 'profile/not-a-profile');
    await desk.refused(
      [...make, '--from', mac, '--server-url', 'https://x.example.com', ...challenge],
      1,
      'profile/server-url-differs',
    );
    await desk.refused(['profile', 'mend'], 2, 'usage/wrong');
    await desk.refused(['profile', 'check'], 2, 'usage/no-files');
    await desk.refused(['profile', 'forecast'], 2, 'usage/source');
    if (here) await desk.refused([...make, small, '--at', AT, ...challenge], 2, 'usage/no-server-url');
    expect(existsSync(desk.path('never.mobileconfig'))).toBe(false);
    const allowed = await desk.slipway([...make, '--from', mac, ...old, '--allow-old-challenge', '--json']);
    expect([allowed.code, codesOf(allowed.json)]).toEqual([1, ['challenge-public', 'no-installed-sample']]);
  });
});

describe('slipway profile check', () => {
  it('tells groups, fields and codes, in text and JSON', async () => {
    await desk.slipway(['profile', 'make', '--from', mac, ...challenge, '--out', desk.path('c.mobileconfig')]);
    const again = desk.file('again.mobileconfig', MICROMDM_ELSEWHERE);
    const older = desk.file('older.mobileconfig', MICROMDM.replace('<integer>8191<', '<integer>4095<'));
    const args = ['profile', 'check', desk.path('c.mobileconfig'), '--installed', mac, again, older];
    const { code, json } = await desk.slipway([...args, '--json']);
    expect([code, codesOf(json)]).toEqual([1, ['access-rights-increased', 'installed-groups']]);
    expect((json as Told).groups.map(({ files, accepted }) => [files, accepted])).toEqual([
      [[mac, again], true],
      [[older], false],
    ]);
    const people = await desk.slipway(args);
    expect(people.stdout).toContain('Group 2');
    expect(people.stdout).toContain('differs from group 1 in mdm.AccessRights');
    expect(people.stdout).toMatch(/✗ mdm\.AccessRights: 8191 {2}installed: 4095/);
    expect(people.stdout).toContain('fail: Fleet could renew with it; see above.');
    expect(people.stdout).not.toContain(CHALLENGE);
  });

  it('is a warning with a Mac’s listing, and a failure with another challenge', async () => {
    const listing = desk.file('listing.plist', LISTING);
    const candidate = ['profile', 'check', desk.path('c.mobileconfig'), '--json', '--installed'];
    const listed = await desk.slipway([...candidate, listing]);
    expect([listed.code, (listed.json as Told).verdict]).toEqual([1, 'warning']);
    const wrong = await desk.slipway([...candidate, mac, '--challenge-file', desk.file('wrong', 'wrong')]);
    expect(codesOf(wrong.json)).toEqual(['challenge-not-fleets']);
  });
});

describe.skipIf(!here)(`slipway profile forecast${ABSENT}`, () => {
  const args = ['profile', 'forecast', small, '--at', AT];

  it('counts the devices of a real database by week', async () => {
    const { code, json } = await desk.slipway([...args, '--json']);
    expect(code).toBe(1);
    expect(json).toMatchObject({
      schema: 1,
      at: AT,
      devices: 19,
      renewing: 17,
      dueAtOnce: 1,
      weeks: [
        { start: AT, due: 1, renewed: 1, waiting: 0 },
        { due: 16, renewed: 16, waiting: 0 },
      ],
    });
    const people = await desk.slipway(args);
    expect(people.stdout).toMatch(/^ {2}2026-11-24 {2}1 {4}1 {8}0$/m);
    expect(people.stdout).toContain('not-moved');
  });

  describe.skipIf(noServer)('with Fleet’s database', () => {
    const KEY = 'k'.repeat(32);
    let database: TestDatabase;
    beforeAll(async () => (database = await createDatabase('generation-469')));
    afterAll(() => database.drop());

    it('sees who has no host and whose end Fleet does not know', async () => {
      const udid = 'CB9FD303-8DF9-4ED2-A5F6-7621C080D5C2';
      await database.query('INSERT INTO hosts (uuid, hardware_serial, platform) VALUES (?, ?, ?)', [
        udid,
        'ABC',
        'darwin',
      ]);
      await database.query('INSERT INTO nano_devices (id, authenticate, authenticate_at) VALUES (?, ?, NOW())', [
        udid,
        '<?xml',
      ]);
      await database.query(
        "INSERT INTO nano_enrollments (id, device_id, type, topic, push_magic, token_hex, last_seen_at) VALUES (?, ?, 'Device', 't', 'm', 'aa', NOW())",
        [udid, udid],
      );
      await database.query('INSERT INTO nano_cert_auth_associations (id, sha256) VALUES (?, ?)', [
        udid,
        'ab'.repeat(32),
      ]);
      const target = fleet(database);
      const ask = async (): Promise<Record<string, number>> => {
        const { json } = await desk.slipway([...args, ...target.args, '--json'], { env: target.env });
        const { obstacles } = json as { obstacles: { code: string; count: number }[] };
        return Object.fromEntries(obstacles.map(({ code, count }) => [code, count]));
      };
      expect(await ask()).toEqual({ 'not-moved': 2, 'no-host': 15, 'no-expiry': 1 });
      await database.query('UPDATE nano_cert_auth_associations SET cert_not_valid_after = ? WHERE id = ?', [
        '2027-01-01 00:00:00',
        udid,
      ]);
      expect(await ask()).not.toHaveProperty('no-expiry');
    });

    it('takes the challenge from Fleet’s own asset', async () => {
      const { value, md5 } = encryptAsset(CHALLENGE, new Secret('key', KEY));
      await database.query(
        "INSERT INTO mdm_config_assets (name, value, md5_checksum, deletion_uuid) VALUES ('scep_challenge', ?, ?, '')",
        [value, md5],
      );
      const target = fleet(database);
      const make = ['profile', 'make', '--installed', mac, ...target.args];
      const out = desk.path('asset.mobileconfig');
      const env = { ...target.env, SLIPWAY_PRIVATE_KEY: KEY };
      expect(await desk.data([...make, '--out', out], { env })).toMatchObject({ verdict: 'pass' });
      expect(readFileSync(out, 'utf8')).toContain(CHALLENGE);
      const never = ['--out', desk.path('asset-never.mobileconfig')];
      await desk.refused([...make, ...never], 2, 'usage/no-private-key', { env: target.env });
      await desk.refused([...make, ...never], 1, 'fleet/private-key-wrong', {
        env: { ...env, SLIPWAY_PRIVATE_KEY: 'x'.repeat(32) },
      });
    });
  });
});
