/**
 * An evening with NanoMDM through the window: its MySQL read, checked and planned, its devices moved in two waves through
 * a real HAProxy, proven at Fleet, and handed over. The tables are those of a real NanoMDM, the devices the spec's own.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AppState } from '../../src/contract/state';
import type { WaveBench } from '../core/cutover/wave-bench';
import type { Identity } from '../mdm-device';
import type { TestDatabase } from '../servers/mysql';
import { sharedData } from '../shared-data';
import { expect, picture, test } from './fixture';
import { WavesRoute } from './screens/waves';
import { WaysRoute } from './screens/ways';
import { connectionTo, readyForWaves, rowCount } from './way';

const DEVICES = 30;
/** How many of them had another certificate before, and how many have somebody signed in. */
const RENEWED = 4;
const USERS = 2;
const dump = sharedData('nanomdm', 'mysql.sql');
const profile = sharedData('nanomdm', 'enroll.mobileconfig');
let bench: WaveBench;
let source: TestDatabase | null = null;
let files = { ca: '', key: '', profile: '', depot: '' };
const former = new Map<string, Identity>();
let left = '';

test.beforeAll(async () => {
  test.setTimeout(120_000);
  test.skip(dump === null || profile === null, '../shared/data is absent');
  // Not imported above: it starts servers, and collecting the specs must not.
  const { noHaproxy } = await import('../servers/haproxy');
  const { noServer, createDatabase } = await import('../servers/mysql');
  test.skip(noHaproxy !== false, String(noHaproxy));
  test.skip(noServer !== false, String(noServer));
  const { serialOf, TOPIC, WaveBench: Bench } = await import('../core/cutover/wave-bench');
  const { makeIdentity } = await import('../mdm-device');
  const { createNanoMdmTables, pem, writeNanoMdm } = await import('../nanomdm-writer');
  bench = await Bench.open({ devices: DEVICES, oldServer: 'nanomdm' });
  source = await createDatabase('empty');
  await createNanoMdmTables(source, dump ?? '');
  for (const { udid } of bench.devices.slice(0, RENEWED))
    former.set(udid, makeIdentity('before', bench.caKey, bench.at + 100 * 86_400_000));
  left = bench.devices.at(-1)?.udid ?? '';
  const written = await writeNanoMdm(
    source,
    bench.devices.map((device, number) => {
      const before = former.get(device.udid);
      return {
        device,
        serial: serialOf(number),
        name: `mac-${number}`,
        ...(before === undefined ? {} : { former: before }),
        ...(number < USERS ? { user: '1F23B489-E0F7-443F-9B91-46E92C721130' } : {}),
        ...(device.udid === left ? { disabled: true } : {}),
      };
    }),
    { at: bench.at, topic: TOPIC, caKey: bench.caKey },
  );
  bench.fleet.ca = written.ca;
  bench.fleet.topic = TOPIC;
  files = {
    ca: join(bench.folder, 'ca.pem'),
    key: join(bench.folder, 'ca.key'),
    profile: join(bench.folder, 'enroll.mobileconfig'),
    depot: join(bench.folder, 'depot'),
  };
  writeFileSync(files.ca, written.caPem);
  writeFileSync(files.key, written.caKeyPem, { mode: 0o600 });
  mkdirSync(files.depot);
  writeFileSync(join(files.depot, 'ca.pem'), written.caPem);
  writeFileSync(join(files.depot, 'ca.key'), written.caKeyPem, { mode: 0o600 });
  // Of the certificates it issued, those that no longer lie with the devices.
  let serial = 2;
  for (const { der } of former.values()) {
    writeFileSync(join(files.depot, `NanoMDM Identity.${serial}.pem`), pem(der));
    serial += 1;
  }
  writeFileSync(join(files.depot, 'serial'), `${serial.toString(16).toUpperCase()}\n`);
  writeFileSync(
    files.profile,
    readFileSync(profile ?? '', 'utf8')
      .replaceAll('mdm.example.com', 'mdm.example.test')
      .replace(/com\.apple\.mgmt\.External\.[0-9a-f-]+/, TOPIC)
      .replace(
        '<key>ServerURL</key>',
        '<key>CheckInURL</key>\n\t\t\t<string>https://mdm.example.test/checkin</string>\n\t\t\t<key>ServerURL</key>',
      ),
  );
});
test.afterAll(async () => {
  const { hangUp } = await import('../mdm-device');
  hangUp();
  await source?.drop();
  if (source !== null) await bench.close();
});

test('NanoMDM’s devices go to Fleet in two waves, and are proven there', async ({ app, folder }) => {
  test.setTimeout(240_000);
  if (source === null) throw new Error('no source');
  const { page, screens } = app;
  const { frame, fleet, checks } = screens;
  const waves = new WavesRoute(frame);
  const MOVED = DEVICES - 1;

  await test.step('the source is read from its database', async () => {
    const { server, name } = source ?? bench.database;
    const account = await (source ?? bench.database).createAccount(['SELECT ON *'], 'CANARY-evening-41c7');
    await app.answerDialogs(folder);
    await screens.welcome.create('Harbour');
    await expect(frame.title).toHaveText('Source');
    const ways = new WaysRoute(frame);
    await ways.choose('NanoMDM', 'MySQL');
    await ways.field('Host').fill(server.host);
    await ways.field('Port').fill(String(server.port));
    await ways.field('Database').fill(name);
    await ways.field('Account').fill(account.user);
    await page.getByRole('radio', { name: 'Do not encrypt' }).check();
    await ways.secret('Password', account.password);
    await page.getByRole('radio', { name: 'Two files' }).check();
    await ways.field('CA certificate').fill(files.ca);
    await ways.field('CA key').fill(files.key);
    await ways.field('Enrollment profile').fill(files.profile);
    const read = await ways.read();
    expect(read.failures).toEqual({});
    expect(read.source).toMatchObject({ kind: 'nanomdm', counts: { devices: DEVICES } });
    expect(read.source?.scepCa).toMatchObject({ keyMatches: true });
    const behind = (state: AppState): number | undefined =>
      state.source?.reasons.find(({ code }) => code === 'former-certificate-left')?.count;
    // NanoMDM keeps of an earlier certificate its hash alone; what it was is known to the SCEP server's depot.
    expect(behind(read)).toBe(RENEWED);
    await frame.more('Source', 'Change how it is read');
    await page.getByRole('radio', { name: 'SCEP depot' }).check();
    await ways.field('Depot').fill(files.depot);
    const whole = await ways.read();
    expect(whole.failures).toEqual({});
    expect(whole.source).toMatchObject({ kind: 'nanomdm', counts: { devices: DEVICES } });
    expect(whole.source?.scepCa).toMatchObject({ sha256: read.source?.scepCa?.sha256, keyMatches: true });
    expect(behind(whole)).toBeUndefined();
  });

  await test.step('Fleet is connected and checked', async () => {
    await frame.go('Fleet');
    await fleet.badge('Production');
    await fleet.fill(connectionTo(bench.database));
    await fleet.connect();
    await checks.run();
    await readyForWaves(app, bench, {
      reason: 'agreed with the customer',
      backup: { by: 'Ann', note: 'at 20:55' },
    });
  });

  const there = new Set<string>();
  await test.step('two waves', async () => {
    await frame.go('Waves');
    const form = await waves.newLadder(bench.proxies);
    const pilots = bench.devices.slice(0, 6).map(({ udid }) => udid);
    await form.getByLabel('UDIDs or serial numbers').fill(pilots.join('\n'));
    for (const rung of ['50 %', '10 %']) await form.getByRole('button', { name: `Take ${rung} out` }).click();
    await form.getByRole('button', { name: 'Make the ladder' }).click();
    await expect(waves.rungs.getByRole('listitem')).toHaveCount(2);
    for (const [rung, size] of [
      ['pilot', pilots.length],
      ['all', MOVED],
    ] as const) {
      const looked = await waves.next(rung);
      expect(looked.waves.preview?.obstacles, rung).toEqual([]);
      const { failures } = await waves.move(rung);
      expect(failures, rung).toEqual({});
      await bench.age();
      const { fleet: arrived, old, refused } = await bench.round();
      expect(refused, rung).toEqual([]);
      // Where the window says devices go is where the servers heard them.
      expect((await frame.state()).waves.routes?.fleet, rung).toBe(arrived.size);
      expect(arrived.size, rung).toBe(size);
      expect(old.size, rung).toBe(DEVICES - size);
      for (const udid of arrived) there.add(udid);
    }
    expect(there.size).toBe(MOVED);
    expect(there.has(left)).toBe(false);
    expect(bench.old.heard.map(({ udid, path }) => [udid, path])).toEqual([[left, '/mdm']]);
    await page.screenshot({ path: picture('nanomdm-waves') });
  });

  await test.step('each is proven at Fleet, by the rows and by the window', async () => {
    const rows = await bench.database.query<{ id: string; sha256: string; created_at: Date }>(
      'SELECT id, sha256, created_at FROM nano_cert_auth_associations ORDER BY id, created_at',
    );
    expect(new Set(rows.map(({ id }) => id))).toEqual(there);
    expect(rows).toHaveLength(MOVED + RENEWED);
    // What Fleet itself takes for a device's present certificate: the association made last.
    const present = await bench.database.query<{ id: string; sha256: string }>(
      `SELECT a.id, a.sha256 FROM nano_cert_auth_associations a
       JOIN (SELECT id, MAX(created_at) AS newest FROM nano_cert_auth_associations GROUP BY id) m
       ON m.id = a.id AND m.newest = a.created_at`,
    );
    expect(present).toHaveLength(MOVED);
    for (const { id, sha256 } of present) expect(sha256, id).toBe(bench.device(id).identity.sha256);
    for (const [udid, { sha256 }] of former)
      expect(rows.filter(({ id }) => id === udid).map((row) => row.sha256)).toEqual([
        sha256,
        bench.device(udid).identity.sha256,
      ]);
    expect(await rowCount(bench.database, 'nano_users')).toBe(USERS);
    expect(await rowCount(bench.database, 'nano_enrollments')).toBe(MOVED + USERS);
    await frame.go('Devices');
    await frame.primary('Start watching').click();
    await expect
      .poll(async () => (await frame.state()).watch?.look?.counts, { timeout: 60_000 })
      .toMatchObject({ imported: MOVED, migrated: MOVED, lost: 0 });
    await page.screenshot({ path: picture('nanomdm-devices') });
  });

  await test.step('the report', async () => {
    await frame.go('Report');
    const out = join(folder, 'report');
    await app.answerDialogs(out);
    await frame.primary('Write the report…').click();
    await expect(page.getByText(/^Report written/).first()).toBeVisible({ timeout: 60_000 });
    const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as {
      counts: Record<string, number>;
      devices: { udid: string; proof: string | null; wave: string | null }[];
    };
    expect(report.counts).toMatchObject({ migrated: MOVED });
    const proven = report.devices.filter(({ proof, wave }) => proof !== null && wave !== null);
    expect(new Set(proven.map(({ udid }) => udid))).toEqual(there);
  });
});
