/** `slipway cutover`: the real built bundle. What its configurations do is tested beside the engine. */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DnsDesk } from '../servers/dns';
import { Recorder } from '../servers/recorder';
import { OpensslBench } from '../core/inspector/openssl-bench';
import { Workstation, modeOf, type Outcome } from './workstation';

const bench = new OpensslBench();
let desk: Workstation;
const cutover = (...args: string[]): Promise<Outcome> => desk.slipway(['cutover', ...args]);
const HOST = 'mdm.example.com';
const addresses = ['--old-url', 'https://10.0.0.5:8443', '--fleet-url', 'https://fleet.example.com'];

beforeAll(() => {
  desk = new Workstation();
  bench.sh('ecparam -name prime256v1 -genkey -noout -out ca.key');
  bench.selfSigned('ca', 'ca.key', '/CN=Test CA', 300, ['basicConstraints=critical,CA:TRUE']);
  bench.issue('edge', 'ca.key', `/CN=${HOST}`, 'ca', 'ca.key', `subjectAltName=DNS:${HOST}`);
  writeFileSync(
    bench.path('enroll.mobileconfig'),
    `<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict><key>PayloadIdentifier</key><string>x</string><key>PayloadType</key><string>Configuration</string>
<key>PayloadContent</key><array><dict><key>PayloadType</key><string>com.apple.mdm</string><key>IdentityCertificateUUID</key><string>I</string>
<key>ServerURL</key><string>https://${HOST}:8443/devices/connect?a=1</string><key>CheckInURL</key><string>https://${HOST}:8443/devices/checkin</string></dict>
<dict><key>PayloadType</key><string>com.apple.security.root</string><key>PayloadContent</key><data>${bench.run('x509', '-in', 'ca.pem', '-outform', 'DER').toString('base64')}</data></dict></array></dict></plist>`,
  );
});
afterAll(() => {
  desk.close();
  bench.close();
});

describe('cutover config', () => {
  it('writes a configuration for the paths and the port a profile has', async () => {
    const out = bench.path('mdm.conf');
    const done = await cutover(
      'config',
      '--for',
      'nginx',
      '--profile',
      bench.path('enroll.mobileconfig'),
      ...addresses,
      '--out',
      out,
      '--json',
    );
    expect(done.code, done.text).toBe(0);
    expect(done.json).toMatchObject({
      schema: 1,
      balancer: 'nginx',
      mode: 'rewrite',
      phase: 'cutover',
      host: HOST,
      port: 8443,
      proof: 'run',
      file: out,
    });
    expect((done.json as { routes: object[] }).routes.slice(0, 3)).toMatchObject([
      { match: 'exact', path: '/devices/connect', to: 'fleet', rewritten: '/mdm/apple/mdm' },
      { match: 'exact', path: '/devices/checkin', to: 'fleet', rewritten: '/mdm/apple/mdm' },
      { match: 'exact', path: '/scep', to: 'fleet', rewritten: '/mdm/apple/scep' },
    ]);
    expect(readFileSync(out, 'utf8')).toContain('location = /devices/connect {');
    expect(modeOf(out)).toBe('600');
    const again = await cutover('config', '--for', 'nginx', '--old-host', HOST, ...addresses, '--out', out, '--json');
    expect([again.code, again.error.code]).toEqual([2, 'file/exists']);
  });

  it('prints to standard output, and says what it has not run', async () => {
    const done = await cutover('config', '--for', 'aws-alb', '--old-host', HOST, ...addresses);
    expect(done.code).toBe(0);
    expect(JSON.parse(done.stdout)).toBeInstanceOf(Array);
    expect(done.stderr).toContain('Not run');
  });

  it.each([
    [['config', ...addresses, '--old-host', HOST], 'usage/missing-option'],
    [['config', '--for', 'nginx', ...addresses], 'usage/no-host'],
    [['config', '--for', 'iptables', '--old-host', HOST, ...addresses], 'usage/balancer'],
    [['config', '--for', 'nginx', '--old-host', HOST, ...addresses, '--mode', 'magic'], 'usage/choice'],
    [['config', '--for', 'nginx', '--old-host', HOST, ...addresses, '--port', '0'], 'usage/port'],
    [['config', '--for', 'nginx', '--old-host', HOST, ...addresses, '--zone', 'x'], 'usage/option'],
    [['dns', '--old-host', HOST], 'usage/missing-option'],
    [['dns', '--old-host', HOST, '--target', '192.0.2.1', '--ttl', 'soon'], 'usage/number'],
    [['probe', '--old-host', HOST, '--place', 'nowhere'], 'usage/address'],
    [['probe', '--old-host', HOST, '--watch', '1'], 'usage/watch'],
    [['probe', '--old-host', HOST, '--only', 'nothing'], 'usage/probe'],
  ])('%j', async (args, code) => {
    const done = await cutover(...args, '--json');
    expect([done.code, done.error.code]).toEqual([2, code]);
  });
});

describe('cutover dns', () => {
  it('says records and steps', async () => {
    const done = await cutover(
      'dns',
      '--old-host',
      HOST,
      '--target',
      '192.0.2.1',
      '2001:db8::1',
      '--switch-at',
      '2026-12-04T20:00:00Z',
      '--json',
    );
    expect(done.json).toMatchObject({
      schema: 1,
      host: HOST,
      apex: false,
      records: [
        { name: `${HOST}.`, type: 'A', data: '192.0.2.1' },
        { name: `${HOST}.`, type: 'AAAA', data: '2001:db8::1' },
      ],
    });
    expect((done.json as { steps: { at: string }[] }).steps[0]?.at).toBe('2026-12-02T20:00:00Z');
    expect((await cutover('dns', '--old-host', HOST, '--target', '192.0.2.1')).stdout).toContain(
      `${HOST}. 60 IN A 192.0.2.1`,
    );
  });
});

describe('cutover probe', () => {
  let place: Recorder;
  let resolver: DnsDesk;
  let fleetAnswers = true;
  beforeAll(async () => {
    place = await new Recorder('fleet', { key: bench.read('ca.key'), cert: bench.read('edge.pem') }, ({ path }) => {
      if (path.startsWith('/mdm/apple/scep') || path.startsWith('/scep')) return { status: 200, body: 'SHA-256' };
      return { status: fleetAnswers ? 400 : 404, headers: { 'Content-Type': 'text/plain' } };
    }).listen();
    resolver = await new DnsDesk().listen();
    resolver.zone = { [HOST]: [{ name: HOST, type: 'A', ttl: 30, data: '127.0.0.1' }] };
  });
  afterAll(async () => {
    await place.close();
    await resolver.close();
  });
  beforeEach(() => {
    fleetAnswers = true;
  });
  const args = (): string[] => [
    'probe',
    '--profile',
    bench.path('enroll.mobileconfig'),
    '--place',
    `127.0.0.1:${place.port}`,
    '--resolver',
    `127.0.0.1:${resolver.port}`,
    '--only',
    'dns-resolvers,tls,redirects,long-header',
  ];

  it('passes, with the anchors of the profile, and exits with 0', async () => {
    const done = await cutover(...args(), '--json');
    expect(done.code, done.text).toBe(0);
    expect(done.json).toMatchObject({ schema: 1, host: HOST, port: 8443, counts: { pass: 4, fail: 0 } });
    expect(place.arrived.some(({ path }) => path === '/devices/connect')).toBe(true);
  });

  it('exits with 1 when something fails, and says what to do', async () => {
    fleetAnswers = false;
    const done = await cutover(...args());
    expect(done.code).toBe(1);
    expect(done.stdout).toContain('probe/not-fleet');
  });

  it('watches until all pass, telling only what changed', async () => {
    fleetAnswers = false;
    const seen = place.arrived.length;
    const watching = cutover(...args(), '--watch', '5', '--json');
    await expect.poll(() => place.arrived.length, { timeout: 20_000 }).toBeGreaterThan(seen);
    fleetAnswers = true;
    const done = await watching;
    expect(done.code, done.text).toBe(0);
    const told = done.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { id: string; status: string });
    expect(told.filter(({ id }) => id === 'tls')).toHaveLength(1);
    expect(told.at(-1)?.status).toBe('pass');
  });
});
