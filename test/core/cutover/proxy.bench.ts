/**
 * What HAProxy costs, beside the same server without it: `npx vitest bench test/core/cutover/proxy.bench.ts`. Nothing is
 * judged; docs/performance.md says what was measured. Memory is printed at the end: the configuration computes the number
 * of connections from it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { afterAll, bench, describe } from 'vitest';
import { haproxyWaves } from '../../../src/core/cutover/haproxy-waves';
import { formatMap } from '../../../src/core/cutover/route-map';
import { freePort, Haproxy, noHaproxy } from '../../servers/haproxy';
import { makeCertificate } from '../fleet/certificate';
import { Upstream } from './upstream';

const UDID = '575424CB-09D7-4CAD-8A7A-D3511FE8A7E2';
const WIDTH = 16;

if (noHaproxy) throw new Error(noHaproxy);
const haproxy = new Haproxy();
const fleet = new Upstream('fleet');
await fleet.listen();
const port = await freePort();
const own = makeCertificate({
  key: 'tls',
  subject: [{ shortName: 'CN', value: 'mdm.example.test' }],
  notAfter: Date.now() + 86_400_000,
});
writeFileSync(haproxy.path('tls.pem'), own.pem + own.keyPem);
// As full as it gets: the lookup must not cost more for it.
const others = Array.from({ length: 100_000 }, (_, number) => `DEVICE-${String(number).padStart(29, '0')}`);
writeFileSync(haproxy.path('map'), formatMap([...others, UDID]));
const { text, connections } = haproxyWaves({
  oldServer: 'micromdm',
  oldHost: 'mdm.example.test',
  oldUrl: `http://127.0.0.1:${fleet.port}`,
  fleetUrl: `http://127.0.0.1:${fleet.port}`,
  port,
  bind: '127.0.0.1',
  files: { certificate: haproxy.path('tls.pem') },
  map: haproxy.path('map'),
  socket: haproxy.socket,
  memory: 2 * 1_073_741_824,
});
await haproxy.start(text);

const kept = new https.Agent({ keepAlive: true, maxSockets: WIDTH });
const plain = new http.Agent({ keepAlive: true, maxSockets: WIDTH });

function body(bytes: number): Buffer {
  const padding = bytes > 1_000 ? `<key>QueryResponses</key><data>${'QUJD'.repeat(bytes / 4)}</data>` : '';
  return Buffer.from(
    `<?xml version="1.0"?><plist><dict>${padding}<key>UDID</key><string>${UDID}</string></dict></plist>`,
  );
}

function send(proxied: boolean, bytes: Buffer, agent: http.Agent | https.Agent | false): Promise<void> {
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      method: 'PUT',
      path: '/mdm/connect',
      headers: { 'Content-Length': bytes.length },
    };
    const request = proxied
      ? https.request({ ...options, port, ca: own.pem, servername: 'mdm.example.test', agent: agent as https.Agent })
      : http.request({ ...options, port: fleet.port, agent: agent as http.Agent });
    request.once('error', reject);
    request.once('response', (response) => response.resume().once('end', resolve));
    request.end(bytes);
  });
}

async function many(count: number, work: () => Promise<void>): Promise<void> {
  let left = count;
  await Promise.all(
    Array.from({ length: WIDTH }, async () => {
      while (left > 0) {
        left -= 1;
        await work();
      }
    }),
  );
}

function resident(): number {
  const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${haproxy.pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(line) / 1024);
}

for (const [what, bytes, count] of [
  ['polls of 200 bytes', body(200), 400],
  ['inventories of 200 KB', body(200_000), 80],
  ['bodies of 4 MB', body(4_000_000), 16],
] as const) {
  describe(`${count} ${what}, ${WIDTH} at a time`, () => {
    const options = { time: 2_000, warmupTime: 200 };
    bench('without a proxy', () => many(count, () => send(false, bytes, plain)), options);
    bench('through HAProxy, connections kept', () => many(count, () => send(true, bytes, kept)), options);
    bench('through HAProxy, a handshake each', () => many(count, () => send(true, bytes, false)), options);
  });
}

afterAll(async () => {
  const before = resident();
  // As many at once as it lets in, each with the largest body.
  const largest = body(4_900_000);
  await Promise.all(Array.from({ length: connections }, () => send(true, largest, false).catch(() => undefined)));
  process.stderr.write(
    `memory of HAProxy: ${before} MB at ${WIDTH} at a time, ${resident()} MB at ${connections} at once (2048 MB allowed)\n`,
  );
  kept.destroy();
  plain.destroy();
  await haproxy.close();
  await fleet.close();
});
