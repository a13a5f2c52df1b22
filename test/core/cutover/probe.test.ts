/** Probes, asked of a real nginx, of servers that answer as Fleet does, and of a DNS server of the test's own. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PROBES, probe, type ProbeResult, type ProbeSubject } from '../../../src/core/cutover/probe';
import { configureRedirects } from '../../../src/core/cutover/redirects';
import { DEVICE_PATHS } from '../../../src/core/cutover/redirects/route';
import { missing, RunningBalancer } from '../../servers/balancer';
import { DnsDesk } from '../../servers/dns';
import { freePort } from '../../servers/haproxy';
import { Recorder, type Arrived, type Reply } from '../../servers/recorder';
import { OpensslBench } from '../inspector/openssl-bench';

const HOST = 'mdm.example.com';
/** After the certificates were made, whose first day begins with a whole second. */
let at: number;
const bench = new OpensslBench();
const noNginx = await missing('nginx');
let fleet: Recorder;
let fleetReply: (arrived: Arrived) => Reply;
let resolver: DnsDesk;
let authority: DnsDesk;
let port = 0;

/** What Fleet answers (spec/fleet.md 3.1 and 4). */
function asFleet({ path }: Arrived): Reply {
  if (path.startsWith('/mdm/apple/mdm'))
    return { status: 400, headers: { 'Content-Type': 'text/plain; charset=utf-8' } };
  if (path.startsWith('/mdm/apple/scep?operation=GetCACert'))
    return { status: 200, headers: { 'Content-Type': 'application/x-x509-ca-cert' }, body: bench.read('scep.der') };
  if (path.startsWith('/mdm/apple/scep?operation=GetCACaps')) return { status: 200, body: 'SHA-256\nPOSTPKIOperation' };
  if (path === '/healthz') return { status: 200 };
  if (path === '/version') return { status: 200, body: '{"version":"4.69.0"}' };
  return { status: 404 };
}

beforeAll(async () => {
  for (const key of ['ca', 'leaf']) bench.sh(`ecparam -name prime256v1 -genkey -noout -out ${key}.key`);
  bench.selfSigned('ca', 'ca.key', '/CN=Test CA', 30, ['basicConstraints=critical,CA:TRUE']);
  bench.selfSigned('scep', 'ca.key', '/CN=SCEP CA', 3000, ['basicConstraints=critical,CA:TRUE']);
  bench.sh('x509 -in scep.pem -outform DER -out scep.der');
  bench.issue('edge', 'leaf.key', `/CN=${HOST}`, 'ca', 'ca.key', `subjectAltName=DNS:${HOST}`);
  bench.issue('other', 'leaf.key', '/CN=other.example.com', 'ca', 'ca.key', 'subjectAltName=DNS:other.example.com');
  bench.issue('inner', 'leaf.key', '/CN=localhost', 'ca', 'ca.key', 'subjectAltName=DNS:localhost');
  at = Date.now();
  fleet = await new Recorder('fleet', { key: bench.read('leaf.key'), cert: bench.read('inner.pem') }, (arrived) =>
    fleetReply(arrived),
  ).listen();
  resolver = await new DnsDesk().listen();
  authority = await new DnsDesk(true).listen();
});
afterAll(async () => {
  await fleet.close();
  await resolver.close();
  await authority.close();
  bench.close();
});

const certificateDer = (name: string): Buffer => bench.run('x509', '-in', `${name}.pem`, '-outform', 'DER');

const subject = (more: Partial<ProbeSubject> = {}): ProbeSubject => ({
  host: HOST,
  port,
  places: [{ address: '127.0.0.1', port }],
  oldServer: 'micromdm',
  paths: DEVICE_PATHS.micromdm,
  fleetUrl: `https://localhost:${fleet.port}`,
  instances: [],
  fleetCaFile: bench.path('ca.pem'),
  caSha256:
    bench
      .run('x509', '-in', 'scep.pem', '-noout', '-fingerprint', '-sha256')
      .toString()
      .split('=')[1]
      ?.trim()
      .replaceAll(':', '')
      .toLowerCase() ?? '',
  anchors: [certificateDer('ca')],
  resolvers: [{ address: '127.0.0.1', port: resolver.port }],
  authoritativePort: authority.port,
  timeout: 5000,
  at,
  ...more,
});

const a = (name: string, data: string, ttl = 300) => ({ name, type: 'A', ttl, data }) as const;
const aaaa = (name: string, data: string, ttl = 300) => ({ name, type: 'AAAA', ttl, data }) as const;

beforeEach(() => {
  fleetReply = asFleet;
  resolver.mute = false;
  resolver.truncate = false;
  resolver.zone = {
    [HOST]: [{ name: HOST, type: 'CNAME', ttl: 60, data: 'lb.example.net' }],
    'lb.example.net': [a('lb.example.net', '127.0.0.1')],
    'example.com': [{ name: 'example.com', type: 'NS', ttl: 3600, data: 'ns1.example.com' }],
    'ns1.example.com': [a('ns1.example.com', '127.0.0.1')],
  };
  authority.zone = { [HOST]: [{ name: HOST, type: 'CNAME', ttl: 60, data: 'lb.example.net' }] };
});

const by = (results: readonly ProbeResult[]): Record<string, string> =>
  Object.fromEntries(results.map(({ id, status, code }) => [id, status === 'pass' ? 'pass' : `${status} ${code}`]));
const one = async (id: string, more: Partial<ProbeSubject> = {}): Promise<ProbeResult> => {
  const found = (await probe(subject(more), undefined, undefined, [id])).find((result) => result.id === id);
  if (found === undefined) throw new Error(`no probe ${id}`);
  return found;
};

describe.skipIf(noNginx)('behind a real nginx', () => {
  let running: RunningBalancer;
  const start = async (change: (text: string) => string = (text) => text, mode?: 'redirect'): Promise<void> => {
    port = await freePort();
    running = new RunningBalancer();
    const { text } = configureRedirects('nginx', {
      oldServer: 'micromdm',
      oldHost: HOST,
      oldUrl: `https://localhost:${fleet.port}`,
      fleetUrl: `https://localhost:${fleet.port}`,
      phase: 'cutover',
      port,
      files: { certificate: bench.path('edge.pem'), key: bench.path('leaf.key'), trust: bench.path('ca.pem') },
      ...(mode === undefined ? {} : { mode }),
    });
    await running.start('nginx', change(text), port);
  };
  afterEach(() => running.stop());

  it('passes everything when all is as it should be', async () => {
    await start();
    const told: string[] = [];
    const results = await probe(subject(), ({ id }) => told.push(id));
    expect(by(results)).toEqual({
      'dns-resolvers': 'pass',
      'dns-authoritative': 'pass',
      'dns-split': 'skipped probe/skipped',
      ipv6: 'pass',
      // The chain ends at the anchor the profile brought, and at no public root.
      tls: 'pass',
      redirects: 'pass',
      'long-header': 'pass',
      'large-body': 'pass',
      'scep-ca': 'pass',
      frozen: 'pass',
      'fleet-health': 'pass',
      instances: 'skipped probe/skipped',
    });
    expect(told).toEqual(PROBES.map(({ id }) => id));
    expect(results.find(({ id }) => id === 'dns-resolvers')?.facts).toEqual([
      `127.0.0.1:${resolver.port}: ${HOST} → lb.example.net (60 s) → 127.0.0.1 (300 s)`,
    ]);
    // Nothing secret is sent, and nothing signed.
    expect(JSON.stringify(fleet.arrived.map(({ headers }) => headers))).not.toMatch(/authorization/i);
  });

  it('follows a redirect to Fleet', async () => {
    await start((text) => text, 'redirect');
    resolver.zone['localhost'] = [a('localhost', '127.0.0.1')];
    const result = await one('redirects');
    expect(result).toMatchObject({ status: 'pass' });
    expect(result.facts[0]).toBe(`PUT /mdm/connect → 307 → localhost:${fleet.port}/mdm/apple/mdm → 400`);
  });

  it('sees nginx’s own header limit, and its body limit', async () => {
    await start((text) =>
      text
        .replace(/large_client_header_buffers[^;]*;/, 'large_client_header_buffers 4 8k;')
        .replace(/client_max_body_size\s+\S+;/, 'client_max_body_size 512k;'),
    );
    expect(await one('long-header')).toMatchObject({ status: 'fail', code: 'probe/header-cut' });
    expect(await one('large-body')).toMatchObject({
      status: 'fail',
      code: 'probe/body-cut',
      sentence: expect.stringContaining('413') as string,
    });
  });

  it('calls a 301 what it is', async () => {
    await start((text) => text.replaceAll('return 307', 'return 301'), 'redirect');
    expect(await one('redirects')).toMatchObject({ status: 'fail', code: 'probe/method-lost' });
  });

  it('calls a redirect in circles what it is', async () => {
    await start((text) => text.replaceAll(/return 307 [^;]*;/g, 'return 307 /mdm/connect;'), 'redirect');
    expect(await one('redirects')).toMatchObject({ status: 'fail', code: 'probe/redirect-loop' });
  });

  it('warns of a redirect without TLS', async () => {
    await start((text) => text.replaceAll(/return 307 https:/g, 'return 307 http:'), 'redirect');
    expect(await one('redirects')).toMatchObject({ status: 'fail', code: 'probe/redirect-plain' });
  });

  it('sees a path that does not reach Fleet, and one that answers 401', async () => {
    await start((text) => text.replace('location = /mdm/checkin', 'location = /mdm/nothing'));
    fleetReply = (arrived) => (arrived.path === '/mdm/checkin' ? { status: 404 } : asFleet(arrived));
    expect(await one('redirects')).toMatchObject({ status: 'fail', code: 'probe/not-fleet' });
    fleetReply = (arrived) => (arrived.path.startsWith('/mdm/apple/mdm') ? { status: 401 } : asFleet(arrived));
    expect((await one('redirects')).sentence).toContain('401');
  });

  it('sees another SCEP CA, and none', async () => {
    await start();
    fleetReply = (arrived) =>
      arrived.path.includes('GetCACert') ? { status: 200, body: certificateDer('ca') } : asFleet(arrived);
    expect(await one('scep-ca')).toMatchObject({ status: 'fail', code: 'probe/scep-other-ca' });
    fleetReply = (arrived) => (arrived.path.includes('GetCACert') ? { status: 404 } : asFleet(arrived));
    expect(await one('scep-ca')).toMatchObject({ status: 'fail', code: 'probe/scep-unreadable' });
    fleetReply = asFleet;
    expect(await one('scep-ca', { caSha256: null })).toMatchObject({ status: 'warn', code: 'probe/scep-unknown-ca' });
  });

  it('sees that profiles are still handed out', async () => {
    await start((text) =>
      text.replace(/(location = \/mdm\/enroll \{)[^}]*/, `$1 proxy_pass https://localhost:${fleet.port}; `),
    );
    fleetReply = (arrived) =>
      arrived.path === '/mdm/enroll' ? { status: 200, body: '<string>com.apple.mdm</string>' } : asFleet(arrived);
    expect(await one('frozen')).toMatchObject({ status: 'warn', code: 'probe/not-frozen' });
  });

  it('judges the certificate by the name, the anchors and the day', async () => {
    await start();
    expect(await one('tls', { anchors: null })).toMatchObject({ status: 'fail', code: 'probe/tls-untrusted' });
    expect(await one('tls', { anchors: [] })).toMatchObject({ status: 'fail', code: 'probe/tls-untrusted' });
    expect(await one('tls', { anchors: [bench.read('scep.der')] })).toMatchObject({
      status: 'fail',
      code: 'probe/tls-untrusted',
    });
    const end = Date.parse(
      bench.run('x509', '-in', 'edge.pem', '-noout', '-enddate').toString().replace('notAfter=', ''),
    );
    expect(await one('tls', { at: end - 10 * 86_400_000 })).toMatchObject({ status: 'warn', code: 'probe/tls-soon' });
    expect(await one('tls', { at: end + 86_400_000 })).toMatchObject({ status: 'fail', code: 'probe/tls-expired' });
    await running.stop();
    await start((text) => text.replace(bench.path('edge.pem'), bench.path('other.pem')));
    expect(await one('tls')).toMatchObject({
      status: 'fail',
      code: 'probe/tls-wrong-name',
      sentence: expect.stringContaining('other.example.com') as string,
    });
  });
});

describe('DNS', () => {
  beforeEach(() => {
    port = 443;
  });

  it('tells old, mixed and new apart, and until when an older answer lives', async () => {
    const places = [{ address: '192.0.2.10', port: 443 }];
    expect(await one('dns-resolvers', { places })).toMatchObject({ status: 'warn', code: 'probe/dns-old' });
    const until = new Date(at + 60_000).toISOString().replace(/\.\d{3}Z$/, 'Z');
    expect((await one('dns-resolvers', { places })).sentence).toContain(until);
    const second = await new DnsDesk().listen();
    second.zone = { [HOST]: [a(HOST, '192.0.2.10', 600)] };
    const resolvers = [resolver, second].map((desk) => ({ address: '127.0.0.1', port: desk.port }));
    expect(await one('dns-resolvers', { places, resolvers })).toMatchObject({
      status: 'warn',
      code: 'probe/dns-mixed',
    });
    expect(await one('dns-split', { places, resolvers })).toMatchObject({ status: 'warn', code: 'probe/dns-split' });
    resolver.zone[HOST] = [a(HOST, '192.0.2.10')];
    expect(await one('dns-resolvers', { places, resolvers })).toMatchObject({ status: 'pass' });
    expect(await one('dns-split', { places, resolvers })).toMatchObject({ status: 'pass' });
    second.mute = true;
    expect(await one('dns-resolvers', { places, resolvers, timeout: 50 })).toMatchObject({
      status: 'warn',
      code: 'probe/dns-silent',
    });
    await second.close();
  });

  it('asks again over TCP when an answer does not fit', async () => {
    resolver.truncate = true;
    expect((await one('dns-resolvers', { places: [{ address: '127.0.0.1', port: 443 }] })).facts).toHaveLength(1);
  });

  it('sees an IPv6 address that was left behind', async () => {
    const places = [{ address: '192.0.2.10', port: 443 }];
    resolver.zone[HOST] = [a(HOST, '192.0.2.10'), aaaa(HOST, '2001:db8::1')];
    expect(await one('ipv6', { places })).toMatchObject({
      status: 'fail',
      code: 'probe/ipv6-astray',
      facts: ['2001:db8::1'],
    });
    expect(await one('dns-resolvers', { places })).toMatchObject({ status: 'warn' });
    resolver.zone[HOST] = [a(HOST, '192.0.2.99'), aaaa(HOST, '2001:db8::1')];
    expect(await one('ipv6', { places })).toMatchObject({ status: 'warn', code: 'probe/ipv6-old' });
    expect(await one('ipv6', { places: [...places, { address: '2001:db8::1', port: 443 }] })).toMatchObject({
      status: 'pass',
    });
  });

  it('finds the zone’s own servers, and follows their CNAME out of the zone', async () => {
    const places = [{ address: '127.0.0.1', port: 443 }];
    const result = await one('dns-authoritative', { places });
    expect(result).toMatchObject({ status: 'pass' });
    expect(authority.asked).toContain(`A ${HOST}`);
    expect(result.facts).toEqual([`127.0.0.1:${authority.port}: ${HOST} → lb.example.net (60 s) → 127.0.0.1`]);
    authority.zone = { [HOST]: [a(HOST, '192.0.2.99', 7200)] };
    expect(await one('dns-authoritative', { places })).toMatchObject({
      status: 'warn',
      code: 'probe/dns-old',
      remedy: expect.stringContaining('time to live') as string,
    });
  });

  it('says when nothing answers, and when nothing is there', async () => {
    resolver.zone = {};
    expect(await one('dns-resolvers')).toMatchObject({ status: 'fail', code: 'probe/dns-nothing' });
    expect(await one('dns-authoritative')).toMatchObject({ status: 'warn', code: 'probe/dns-no-zone' });
    resolver.mute = true;
    expect(await one('dns-authoritative', { timeout: 50 })).toMatchObject({ status: 'fail', code: 'dns/no-answer' });
  });
});

describe('Fleet’s instances', () => {
  beforeEach(() => {
    port = 443;
  });

  it('tells apart one that was not restarted', async () => {
    const tls = { key: bench.read('leaf.key'), cert: bench.read('inner.pem') };
    const stale = await new Recorder('stale', tls, (arrived) =>
      arrived.path.includes('GetCACert') ? { status: 200, body: certificateDer('ca') } : asFleet(arrived),
    ).listen();
    const url = `https://localhost:${fleet.port}`;
    expect(await one('instances', { instances: [url, url] })).toMatchObject({ status: 'pass' });
    expect(await one('instances', { instances: [url, `https://localhost:${stale.port}`] })).toMatchObject({
      status: 'fail',
      code: 'probe/instances-differ',
    });
    await stale.close();
    expect(await one('instances', { instances: [url, `https://localhost:${stale.port}`] })).toMatchObject({
      status: 'fail',
      code: 'probe/instance-silent',
    });
  });

  it('says when Fleet is ill', async () => {
    fleetReply = () => ({ status: 500 });
    expect(await one('fleet-health')).toMatchObject({ status: 'fail', code: 'probe/fleet-ill' });
  });
});
