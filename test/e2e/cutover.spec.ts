/** The switch in the window: a configuration a real nginx runs, what is set in DNS, and probes of both on loopback. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OpensslBench } from '../core/inspector/openssl-bench';
import { missing, RunningBalancer } from '../servers/balancer';
import { DnsDesk } from '../servers/dns';
import { freePort } from '../servers/haproxy';
import { Recorder } from '../servers/recorder';
import { seriousViolations } from './axe';
import { expect, root, test } from './fixture';
import { opened } from './way';

const FOLDER = join(root, process.env['SLIPWAY_PICTURES'] === '1' ? 'docs/pictures' : 'test-results');
const SAMPLE = join(root, 'resources', 'sample', 'micromdm.db');
const HOST = 'mdm.harbour.example';

test('a configuration is written, run and probed', async ({ app, folder }) => {
  test.setTimeout(120_000);
  const noNginx = await missing('nginx');
  test.skip(noNginx !== false, `nginx: ${String(noNginx)}`);
  const { page } = app;
  const { frame } = app.screens;
  const bench = new OpensslBench();
  for (const key of ['ca', 'leaf']) bench.sh(`ecparam -name prime256v1 -genkey -noout -out ${key}.key`);
  bench.selfSigned('ca', 'ca.key', '/CN=Harbour CA', 300, ['basicConstraints=critical,CA:TRUE']);
  bench.issue('edge', 'leaf.key', `/CN=${HOST}`, 'ca', 'ca.key', `subjectAltName=DNS:${HOST},DNS:localhost`);
  const anchor = bench.run('x509', '-in', 'ca.pem', '-outform', 'DER').toString('base64');
  const port = await freePort();
  const profile = join(folder, 'enroll.mobileconfig');
  writeFileSync(
    profile,
    `<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict><key>PayloadIdentifier</key><string>x</string><key>PayloadType</key><string>Configuration</string>
<key>PayloadContent</key><array><dict><key>PayloadType</key><string>com.apple.mdm</string><key>ServerURL</key><string>https://${HOST}:${port}/mdm/connect</string>
<key>CheckInURL</key><string>https://${HOST}:${port}/mdm/checkin</string></dict>
<dict><key>PayloadType</key><string>com.apple.security.root</string><key>PayloadContent</key><data>${anchor}</data></dict></array></dict></plist>`,
  );
  const tls = { key: bench.read('leaf.key'), cert: bench.read('edge.pem') };
  let refuses = 404;
  const fleet = await new Recorder('fleet', tls, ({ path }) => {
    if (path.startsWith('/mdm/apple/mdm')) return { status: refuses, headers: { 'Content-Type': 'text/plain' } };
    return { status: path.startsWith('/mdm/apple/scep') || path === '/healthz' ? 200 : 404 };
  }).listen();
  const resolver = await new DnsDesk().listen();
  resolver.zone = { [HOST]: [{ name: HOST, type: 'A', ttl: 60, data: '127.0.0.1' }] };
  const nginx = new RunningBalancer();
  try {
    await opened(app, folder, SAMPLE);
    await frame.go('Fleet');
    await page.getByRole('textbox', { name: 'Address' }).fill(`https://localhost:${fleet.port}`);
    await page.getByLabel('CA file').last().fill(bench.path('ca.pem'));
    await frame.go('Cutover');
    await app.answerDialogs(profile);
    await frame.button('Choose a profile…').click();
    await expect(page.getByText('1 trusted certificate')).toBeVisible();
    await expect(page.getByLabel('Host name')).toHaveAttribute('placeholder', HOST);

    // The load balancer.
    await page.getByRole('combobox', { name: 'Load balancer' }).click();
    await page.getByRole('option', { name: 'nginx' }).click();
    await page.getByLabel('The old server’s inner address').fill(`https://localhost:${fleet.port}`);
    await page.getByText('Files on the load balancer’s machine').click();
    await page.getByLabel('Certificate chain').fill(bench.path('edge.pem'));
    await page.getByLabel('Its key').fill(bench.path('leaf.key'));
    await page.getByLabel('CAs of the servers behind').fill(bench.path('ca.pem'));
    await expect(page.getByRole('region', { name: 'the configuration for nginx' })).toContainText(bench.path('ca.pem'));
    await expect(page.getByRole('row', { name: /\/mdm\/checkin Fleet \/mdm\/apple\/mdm/ })).toBeVisible();
    const target = join(folder, 'mdm.conf');
    await app.answerDialogs(target);
    await frame.button('Save…').click();
    await expect(page.getByText(/^Configuration saved/).first()).toBeVisible();
    expect((statSync(target).mode & 0o777).toString(8)).toBe('600');
    await page.getByText('Files on the load balancer’s machine').click();
    await page.getByRole('heading', { name: 'The name devices call' }).scrollIntoViewIfNeeded();
    if (app.host === 'stand-in') await page.screenshot({ path: join(FOLDER, 'cutover-light.png') });
    await nginx.start('nginx', readFileSync(target, 'utf8'), port);

    // DNS.
    await page.getByRole('tab', { name: 'DNS' }).click();
    await page.getByLabel('Load balancer').fill('lb.harbour.example');
    await page.getByLabel('When the name is switched').fill('2026-12-31 25:00');
    await expect(page.getByText('Write it like 2026-12-04 21:00.')).toBeVisible();
    await page.getByLabel('When the name is switched').fill('2026-12-04 21:00');
    await expect(page.getByRole('region', { name: 'the records' })).toHaveText(
      `${HOST}. 60 IN CNAME lb.harbour.example.`,
    );
    await expect(page.getByRole('list', { name: 'Steps around the switch' }).getByRole('listitem')).toHaveCount(7);
    if (app.host === 'stand-in') await page.screenshot({ path: join(FOLDER, 'cutover-dns-light.png') });

    // The probe: nothing was asked before.
    expect(fleet.arrived).toEqual([]);
    expect(resolver.asked).toEqual([]);
    await page.getByRole('tab', { name: 'Probe' }).click();
    await page.getByLabel('The new place').fill('127.0.0.1');
    await page.getByLabel('Resolvers').fill(`127.0.0.1:${resolver.port}`);
    await frame.button('Ask the network').first().click();
    const probes = page.getByRole('list', { name: 'Probes' });
    await expect(probes.getByText('answers an unsigned request with 404; Fleet answers 400')).toBeVisible({
      timeout: 30_000,
    });
    refuses = 400;
    await frame.button('Ask again').click();
    await expect(probes.getByText('Every path leads to Fleet.')).toBeVisible({ timeout: 30_000 });
    await expect(probes.getByText('A header of 12 KB arrives.')).toBeVisible();
    await expect(probes.getByText(/^The certificate is for mdm\.harbour\.example/)).toBeVisible();
    expect(fleet.arrived.some(({ method, path }) => method === 'PUT' && path === '/mdm/apple/mdm')).toBe(true);
    expect(await seriousViolations(page)).toEqual([]);
    if (app.host === 'stand-in') {
      await page.screenshot({ path: join(FOLDER, 'cutover-probe-light.png') });
      await page.emulateMedia({ colorScheme: 'dark' });
      await page.screenshot({ path: join(FOLDER, 'cutover-probe-dark.png') });
      await page.emulateMedia({ colorScheme: 'light' });
    }
    // A file is read only when the operator chose it in the system's dialog: the window cannot name one.
    const { workspace } = await frame.state();
    const refusal = await page.evaluate(
      ([cutover]) =>
        (
          globalThis as unknown as { slipway: { call: (name: string, input: unknown) => Promise<object> } }
        ).slipway.call('workspace.save', { cutover: { ...cutover, profile: '/etc/passwd' } }),
      [workspace?.settings.cutover],
    );
    expect(refusal).toMatchObject({ ok: false, failure: { code: 'cutover/profile-not-chosen' } });
  } finally {
    await nginx.stop();
    await fleet.close();
    await resolver.close();
    bench.close();
  }
});
