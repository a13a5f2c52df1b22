/**
 * The configuration in a real HAProxy: what reaches which server, byte for byte, and what is refused.
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import https from 'node:https';
import tls from 'node:tls';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectionsWithin, haproxyWaves, LARGEST_BODY } from '../../../src/core/cutover/haproxy-waves';
import { formatMap } from '../../../src/core/cutover/route-map';
import { freePort, Haproxy, noHaproxy } from '../../servers/haproxy';
import { makeCertificate } from '../fleet/certificate';
import { failureOf } from '../fleet/target';
import { Upstream } from './upstream';

const MOVED = '575424CB-09D7-4CAD-8A7A-D3511FE8A7E2';
const STAYING = 'E5C6DBBA-D5CC-4DB6-9560-995F17FB7A59';
const PHONE = '00008110-001A2B3C4D5E6F70';

const GIB = 1_073_741_824;

/** A message as devices send it, of about this size, its keys sorted: the UDID comes last. */
function message(udid: string, bytes = 0, before = ''): string {
  const padding = bytes > 0 ? `<key>QueryResponses</key><data>\n${'QUJD'.repeat(Math.ceil(bytes / 4))}\n</data>` : '';
  return `<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n<plist version="1.0">\n<dict>\n${before}${padding}\t<key>Status</key>\n\t<string>Idle</string>\n\t<key>UDID</key>\n\t<string>${udid}</string>\n</dict>\n</plist>\n`;
}

describe.skipIf(noHaproxy)('HAProxy during the waves', () => {
  const haproxy = new Haproxy();
  const fleet = new Upstream('fleet');
  const old = new Upstream('old');
  let port = 0;
  let ca = '';

  beforeAll(async () => {
    await Promise.all([fleet.listen(), old.listen()]);
    port = await freePort();
    const own = makeCertificate({
      key: 'tls',
      subject: [{ shortName: 'CN', value: 'mdm.example.test' }],
      notAfter: Date.now() + 86_400_000,
    });
    ca = own.pem;
    writeFileSync(haproxy.path('tls.pem'), own.pem + own.keyPem, { mode: 0o600 });
    writeFileSync(haproxy.path('map'), formatMap([MOVED, PHONE]));
    const { text } = haproxyWaves({
      oldServer: 'micromdm',
      oldHost: 'mdm.example.test',
      oldUrl: `http://127.0.0.1:${old.port}`,
      fleetUrl: `http://127.0.0.1:${fleet.port}`,
      port,
      bind: '127.0.0.1',
      files: { certificate: haproxy.path('tls.pem') },
      map: haproxy.path('map'),
      socket: haproxy.socket,
      memory: GIB,
    });
    expect(await haproxy.check(text)).toBe('');
    await haproxy.start(text);
  });
  afterAll(async () => {
    await haproxy.close();
    await Promise.all([fleet.close(), old.close()]);
  });
  beforeEach(() => {
    fleet.arrived.length = 0;
    old.arrived.length = 0;
  });

  interface Sent {
    readonly path?: string;
    readonly method?: string;
    readonly headers?: Record<string, string>;
    readonly body?: string | Buffer;
    readonly chunked?: boolean;
    readonly pieces?: number;
    /** Another HAProxy's port. */
    readonly at?: number;
  }
  /** Sends a request as a device does; the answer's status and who gave it. */
  function send({
    path = '/mdm/connect',
    method = 'PUT',
    headers = {},
    body = '',
    chunked,
    pieces = 1,
    at = port,
  }: Sent) {
    return new Promise<{ status: number; by: string; continued: boolean; text: string }>((resolve, reject) => {
      let continued = false;
      const bytes = Buffer.from(body as string);
      const request = https.request(
        {
          host: '127.0.0.1',
          port: at,
          method,
          path,
          agent: false,
          ca,
          servername: 'mdm.example.test',
          headers: {
            Host: 'mdm.example.test',
            ...(method === 'GET'
              ? {}
              : chunked === true
                ? { 'Transfer-Encoding': 'chunked' }
                : { 'Content-Length': String(bytes.length) }),
            ...headers,
          },
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              by: String(response.headers['x-upstream'] ?? 'proxy'),
              continued,
              text,
            }),
          );
        },
      );
      const write = (): void => {
        const size = Math.ceil(bytes.length / pieces) || 1;
        for (let at = 0; at < bytes.length; at += size) request.write(bytes.subarray(at, at + size));
        request.end();
      };
      request.on('error', reject);
      if (headers['Expect'] === undefined) write();
      else {
        request.flushHeaders();
        request.once('continue', () => {
          continued = true;
          write();
        });
      }
    });
  }

  async function until(holds: () => boolean): Promise<void> {
    for (const deadline = Date.now() + 10_000; !holds();) {
      if (Date.now() > deadline) throw new Error('waited in vain');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  const sha256 = (body: string): string => createHash('sha256').update(body).digest('hex');

  it.each([
    ['/mdm/connect', MOVED, 'fleet', '/mdm/apple/mdm'],
    ['/mdm/checkin', MOVED, 'fleet', '/mdm/apple/mdm'],
    ['/mdm/connect?site=12', MOVED, 'fleet', '/mdm/apple/mdm?site=12'],
    ['/mdm/connect', PHONE, 'fleet', '/mdm/apple/mdm'],
    ['/mdm/connect', STAYING, 'old', '/mdm/connect'],
    ['/mdm/checkin', STAYING, 'old', '/mdm/checkin'],
    // Another device of that name does not exist; a device sends its UDID as it always did.
    ['/mdm/connect', MOVED.toLowerCase(), 'old', '/mdm/connect'],
  ])('%s of %s goes to %s', async (path, udid, by, arrived) => {
    const body = message(udid);
    const answer = await send({ path, body });
    expect(answer).toMatchObject({ status: 200, by });
    const [only, ...more] = [...fleet.arrived, ...old.arrived];
    expect(more).toEqual([]);
    expect(only).toMatchObject({ method: 'PUT', path: arrived, size: body.length, sha256: sha256(body) });
  });

  it('leads devices of NanoMDM by the paths of their profile, and leaves what has no UDID where it is', async () => {
    const other = new Haproxy();
    try {
      const at = await freePort();
      writeFileSync(other.path('map'), formatMap([MOVED]));
      const { text } = haproxyWaves({
        oldServer: 'nanomdm',
        oldHost: 'mdm.example.test',
        oldUrl: `http://127.0.0.1:${old.port}`,
        fleetUrl: `http://127.0.0.1:${fleet.port}`,
        paths: { connect: '/nano/mdm', checkIn: '/nano/mdm', scep: null },
        port: at,
        bind: '127.0.0.1',
        files: { certificate: haproxy.path('tls.pem') },
        map: other.path('map'),
        socket: other.socket,
        memory: GIB,
      });
      await other.start(text);
      const led = async (path: string, body: string): Promise<string> => (await send({ at, path, body })).by;
      expect(await led('/nano/mdm', message(MOVED))).toBe('fleet');
      expect(fleet.arrived.at(-1)?.path).toBe('/mdm/apple/mdm');
      // A user channel speaks under the UDID of its device, and moves with it.
      const user = '\t<key>UserID</key>\n\t<string>A1B2C3D4-0000-4000-8000-000000000001</string>\n';
      expect(await led('/nano/mdm', message(MOVED).replace('</dict>', `${user}</dict>`))).toBe('fleet');
      expect(await led('/nano/mdm', message(STAYING))).toBe('old');
      expect(old.arrived.at(-1)?.path).toBe('/nano/mdm');
      // User enrollments tell no UDID.
      const byod = message(MOVED).replace('<key>UDID</key>', '<key>EnrollmentID</key>');
      expect(await led('/nano/mdm', byod)).toBe('old');
      expect(await led('/mdm', message(MOVED))).toBe('old');
      expect((await send({ at, method: 'GET', path: '/scep?operation=GetCACert' })).by).toBe('old');
    } finally {
      await other.close();
    }
  });

  it('passes on signatures of 12 KB, the content type and the client’s address, and names each server as it expects', async () => {
    const headers = {
      'Mdm-Signature': 'M'.repeat(12_288),
      'Content-Type': 'application/x-apple-aspen-mdm-checkin',
    };
    await send({ path: '/mdm/checkin', body: message(MOVED), headers });
    await send({ path: '/mdm/checkin', body: message(STAYING), headers });
    for (const { headers: arrived } of [fleet.arrived[0]!, old.arrived[0]!]) {
      expect(arrived['mdm-signature']).toBe(headers['Mdm-Signature']);
      expect(arrived['content-type']).toBe(headers['Content-Type']);
      expect([arrived['x-forwarded-for'], arrived['x-forwarded-proto']]).toEqual(['127.0.0.1', 'https']);
    }
    expect(fleet.arrived[0]?.headers.host).toBe(`127.0.0.1:${fleet.port}`);
    expect(old.arrived[0]?.headers.host).toBe('mdm.example.test');
  });

  it.each([
    ['GET', '/', 'old'],
    ['GET', '/version?x=1', 'old'],
    ['POST', '/v1/devices', 'old'],
    ['GET', `/push/${MOVED}`, 'old'],
    ['GET', '/boltbackup', 'old'],
    ['GET', '/repo/agent.pkg', 'old'],
    ['GET', '/mdm/enroll', 'old'],
    ['POST', '/ota/phase23', 'old'],
    ['GET', '/scep?operation=GetCACert', 'old'],
    ['POST', '/scep?operation=PKIOperation', 'old'],
    ['GET', '/mdm/apple/scep?operation=GetCACert', 'fleet'],
    ['POST', '/mdm/apple/scep?operation=PKIOperation', 'fleet'],
    ['GET', '/mdm/connect', 'old'],
    // A body with a UDID means nothing on another path.
    ['PUT', '/mdm/connect/', 'old'],
    ['PUT', '/v1/commands/x', 'old'],
  ])('%s %s goes to %s', async (method, path, by) => {
    expect(await send({ method, path, body: method === 'GET' ? '' : message(MOVED) })).toMatchObject({
      status: 200,
      by,
    });
    const [only] = by === 'old' ? old.arrived : fleet.arrived;
    expect(only).toMatchObject({ method, path });
  });

  it.each([
    ['with a length', 1_000_000, {}],
    ['with a length', 4_000_000, {}],
    ['in pieces', 4_000_000, { pieces: 97 }],
    ['chunked', 4_000_000, { chunked: true, pieces: 61 }],
    ['chunked', 300, { chunked: true, pieces: 300 }],
    ['after 100-continue', 4_000_000, { headers: { Expect: '100-continue' } }],
    ['after 100-continue', 200, { headers: { Expect: '100-continue' }, chunked: true }],
  ])('reads the UDID at the end of a body %s of %i bytes', async (_how, bytes, how) => {
    for (const [udid, by, side] of [
      [MOVED, 'fleet', fleet],
      [STAYING, 'old', old],
    ] as const) {
      const body = message(udid, bytes);
      const answer = await send({ body, ...how });
      expect(answer).toMatchObject({ status: 200, by, continued: 'headers' in how });
      expect(side.arrived.at(-1)).toMatchObject({ size: body.length, sha256: sha256(body) });
    }
    expect([fleet.arrived.length, old.arrived.length]).toEqual([1, 1]);
  });

  it.each([
    ['with a length', {}],
    ['chunked', { chunked: true, pieces: 50 }],
  ])('answers 503 to a body that is too large to be led, %s', async (_how, how) => {
    for (const udid of [MOVED, STAYING]) {
      // It may hang up before all is sent: a device sees that as a failed try, too.
      const answer = await send({ body: message(udid, LARGEST_BODY), ...how }).catch(() => ({
        status: 503,
        by: 'proxy',
      }));
      expect(answer).toMatchObject({ status: 503, by: 'proxy' });
    }
    expect([...fleet.arrived, ...old.arrived]).toEqual([]);
  });

  it('leads nobody by a body that broke off', async () => {
    const body = message(MOVED, 100_000);
    for (const [head, sent] of [
      [`Content-Length: ${body.length}`, body.slice(0, 50_000)],
      // Whole to the eye, and yet more was promised.
      [`Content-Length: ${body.length + 10}`, body],
      ['Transfer-Encoding: chunked', `${body.length.toString(16)}\r\n${body}\r\n`],
    ] as const) {
      await new Promise<void>((resolve, reject) => {
        const socket = tls.connect({ host: '127.0.0.1', port, ca, servername: 'mdm.example.test' }, () => {
          socket.end(`PUT /mdm/connect HTTP/1.1\r\nHost: mdm.example.test\r\n${head}\r\n\r\n${sent}`);
        });
        socket.once('error', reject).once('close', () => resolve());
        socket.resume();
      });
    }
    expect([...fleet.arrived, ...old.arrived]).toEqual([]);
  });

  const user = '<key>UserID</key><string>AAAAAAAA-09D7-4CAD-8A7A-D3511FE8A7E2</string>';
  it.each<[string, string | Buffer, 'fleet' | 'old']>([
    ['nothing', '', 'old'],
    ['no UDID at all (User Enrollment)', message(MOVED).replaceAll('UDID', 'EnrollmentID'), 'old'],
    ['no property list', 'UDID=575424CB-09D7-4CAD-8A7A-D3511FE8A7E2', 'old'],
    ['an empty UDID', message(''), 'old'],
    ['a UDID that is none', message('../../etc/passwd fleet'), 'old'],
    ['a UDID of 65 characters', message('A'.repeat(65)), 'old'],
    ['a UDID with a line break in it', message(`${MOVED}\n${STAYING}`), 'old'],
    ['the key escaped', message(MOVED).replace('<key>UDID', '&lt;key>UDID'), 'old'],
    ['the key in another case', message(MOVED).replace('UDID', 'udid'), 'old'],
    ['a UDID that is a number', message('').replace('<string></string>', '<integer>575424</integer>'), 'old'],
    ['half of it', message(MOVED).slice(0, -60), 'old'],
    ['a NUL before the UDID, which no property list has', message(MOVED, 0, '<string>\u0000</string>'), 'old'],
    ['a NUL behind it', `${message(MOVED)}\u0000`, 'fleet'],
    ['a user channel', message(MOVED, 0, user), 'fleet'],
    ['a user channel of one that stays', message(STAYING, 0, user), 'old'],
    // DeviceInformation lists the UDID among its answers; what comes last is the message's own.
    ['another UDID among the answers', message(MOVED, 0, `<key>UDID</key><string>${STAYING}</string>`), 'fleet'],
    ['another UDID among the answers', message(STAYING, 0, `<key>UDID</key><string>${MOVED}</string>`), 'old'],
    [
      'much white space',
      message(MOVED).replace('</key>\n\t<string>5', `</key>${' \n\t'.repeat(500)}<string>5`),
      'fleet',
    ],
    ['no white space', message(MOVED).replace(/>\s+</g, '><'), 'fleet'],
    ['bytes of any kind', Buffer.concat([Buffer.alloc(70_000, 0xff), Buffer.from(message(MOVED))]), 'fleet'],
  ])('a body with %s goes where it belongs', async (_what, body, by) => {
    expect(await send({ body })).toMatchObject({ status: 200, by });
  });

  it('stays quick over bodies made to keep a pattern busy', async () => {
    for (const piece of [
      '<key>UDID</key>',
      '<key>UDID</key> <string>',
      '<key>UDID</key>         ',
      '<key>UDID</key><string>A',
    ]) {
      expect(await send({ body: piece.repeat(Math.floor(2_000_000 / piece.length)) })).toMatchObject({
        status: 200,
        by: 'old',
      });
    }
  });

  it.each([['gzip'], ['deflate'], ['br'], ['gzip, identity'], ['x']])(
    'answers 415 to a body packed as %s',
    async (coding) => {
      const answer = await send({ body: gzipSync(message(MOVED)), headers: { 'Content-Encoding': coding } });
      expect(answer).toMatchObject({ status: 415, by: 'proxy' });
      expect([...fleet.arrived, ...old.arrived]).toEqual([]);
    },
  );

  it('speaks HTTP/1.1 with clients that would rather speak HTTP/2', async () => {
    const socket = tls.connect({
      host: '127.0.0.1',
      port,
      ca,
      servername: 'mdm.example.test',
      ALPNProtocols: ['h2', 'http/1.1'],
    });
    await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
    expect(socket.alpnProtocol).toBe('http/1.1');
    socket.destroy();
    // One that insists is refused, rather than led by half a body.
    const session = http2.connect(`https://127.0.0.1:${port}`, { ca, servername: 'mdm.example.test' });
    const outcome = await new Promise<string>((resolve) => {
      session.once('error', () => resolve('refused'));
      const stream = session.request({ ':method': 'PUT', ':path': '/mdm/connect' });
      stream.once('error', () => resolve('refused'));
      stream.once('response', ({ ':status': status }) => resolve(String(status)));
      stream.end(message(MOVED));
    });
    expect(outcome).toBe('refused');
    session.destroy();
    const forced = await new Promise<string>((resolve) => {
      const raw = tls.connect({ host: '127.0.0.1', port, ca, servername: 'mdm.example.test' }, () =>
        raw.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\u0000\u0000\u0000\u0004\u0000\u0000\u0000\u0000\u0000'),
      );
      let text = '';
      raw.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
      raw.once('close', () => resolve(text)).once('error', () => resolve(text));
      raw.once('end', () => raw.end());
    });
    expect(forced).toMatch(/^(HTTP\/1\.1 400|$)/);
  });

  it('logs who went where, and nothing of a body, a header or a query', async () => {
    const own = (): string[] => haproxy.log.filter((line) => line.includes('127.0.0.1'));
    // The last line of the test before may still be on its way.
    await send({ method: 'GET', path: '/marker' });
    await until(() => haproxy.log.some((line) => line.includes('/marker')));
    const before = own().length;
    await send({
      path: '/mdm/connect?token=geheim',
      body: message(MOVED, 0, '<key>PushMagic</key><string>geheim</string>'),
      headers: { 'Mdm-Signature': 'geheim' },
    });
    await send({ body: message('geheim geheim'), headers: { 'Mdm-Signature': 'geheim' } });
    await send({ path: '/v1/devices', body: 'geheim', method: 'POST' });
    await send({ body: 'geheim', headers: { 'Content-Encoding': 'gzip' } });
    await until(() => own().length >= before + 4);
    const lines = own().slice(before);
    expect(lines.join('\n')).not.toContain('geheim');
    expect(lines.map((line) => /(PUT|POST) .* to=\w+ \d+/.exec(line)?.[0])).toEqual([
      `PUT /mdm/connect udid=${MOVED} to=fleet 200`,
      'PUT /mdm/connect udid=- to=old 200',
      'POST /v1/devices udid=- to=old 200',
      'PUT /mdm/connect udid=- to=refused 415',
    ]);
  });

  it('answers 503 and never asks the other server when one is gone', async () => {
    const gone = new Haproxy();
    const own = await freePort();
    writeFileSync(gone.path('map'), formatMap([MOVED]));
    const { text } = haproxyWaves({
      oldServer: 'micromdm',
      oldHost: 'mdm.example.test',
      oldUrl: `http://127.0.0.1:${old.port}`,
      fleetUrl: `http://127.0.0.1:${await freePort()}`,
      port: own,
      bind: '127.0.0.1',
      files: { certificate: haproxy.path('tls.pem') },
      map: gone.path('map'),
      socket: gone.socket,
      memory: GIB,
    });
    try {
      await gone.start(text);
      const through = port;
      port = own;
      const answers = [await send({ body: message(MOVED) }), await send({ body: message(STAYING) })];
      port = through;
      expect(answers).toMatchObject([
        { status: 503, by: 'proxy' },
        { status: 200, by: 'old' },
      ]);
    } finally {
      await gone.close();
    }
  });
});

describe('haproxyWaves', () => {
  const wish = {
    oldServer: 'micromdm',
    oldHost: 'mdm.example.com',
    oldUrl: 'https://10.0.0.5:8443',
    fleetUrl: 'https://fleet.example.com/prefix',
    map: '/etc/haproxy/slipway.map',
    socket: '/run/haproxy/slipway.sock',
    memory: GIB,
  } as const;

  it('verifies both servers, the old one by the name devices call', () => {
    const { text } = haproxyWaves(wish);
    expect(text).toContain(
      'server old 10.0.0.5:8443 ssl verify required ca-file /etc/ssl/certs/ca-certificates.crt sni str(mdm.example.com) verifyhost mdm.example.com',
    );
    expect(text).toContain(
      'server fleet fleet.example.com:443 ssl verify required ca-file /etc/ssl/certs/ca-certificates.crt sni str(fleet.example.com) verifyhost fleet.example.com',
    );
    expect(text).toContain('set-path /prefix/mdm/apple/mdm');
    expect(text).not.toMatch(/verify none|stats socket [^/]/);
  });

  it('computes connections from the memory, and refuses too little', async () => {
    expect(connectionsWithin(2 * GIB)).toBeGreaterThan(connectionsWithin(GIB));
    expect((await failureOf(() => connectionsWithin(100_000_000))).code).toBe('usage/haproxy-memory');
    expect((await failureOf(() => connectionsWithin(NaN))).code).toBe('usage/haproxy-memory');
  });

  it.each([
    [{ map: '/etc/map file' }],
    [{ map: '/etc/map\n    stats socket :9999' }],
    [{ socket: 'run/socket' }],
    [{ socket: '127.0.0.1:9999' }],
    [{ log: '/dev/log\nx' }],
    [{ bind: '*:80 x' }],
  ])('refuses %o', async (wrong) => {
    expect((await failureOf(() => haproxyWaves({ ...wish, ...wrong }))).code).toBe('usage/haproxy');
  });
});

describe('formatMap', () => {
  it('refuses what no balancer looks for', async () => {
    for (const udid of ['', 'short', 'with space in it', 'a\nb fleet', 'x'.repeat(65)])
      expect((await failureOf(() => formatMap([udid]))).code).toBe('wave/udid-malformed');
  });
});
