import { createServer as createHttp, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import forge from 'node-forge';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { fetchPushCertificate, isHealthy } from '../../../src/core/fleet/api';
import { parseFleetUrl } from '../../../src/core/fleet/https-request';
import { fetchScepCa } from '../../../src/core/fleet/scep';
import { Secret } from '../../../src/core/secret';
import { makeCa, makeCertificate, makePush, TOPIC } from './certificate';
import { failureOf } from './target';

const END = Date.UTC(2040, 0, 1);
const ca = makeCa(END);
const folder = mkdtempSync(join(tmpdir(), 'slipway-https-'));
const running: Server[] = [];

type Reply = (request: IncomingMessage, response: ServerResponse) => void;

async function serve(reply: Reply, tls?: { key: string; cert: string }): Promise<string> {
  const server = tls === undefined ? createHttp(reply) : createHttps(tls, reply);
  running.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return tls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`;
}

afterEach(() => {
  for (const server of running.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

const at = (url: string, caFile: string | null = null): { url: string; caFile: string | null } => ({ url, caFile });

/** A PKCS#7 that carries certificates and nothing else. */
function degenerate(...ders: Buffer[]): Buffer {
  const message = forge.pkcs7.createSignedData();
  for (const der of ders)
    message.addCertificate(forge.pki.certificateFromAsn1(forge.asn1.fromDer(der.toString('binary'))));
  return Buffer.from(forge.asn1.toDer(message.toAsn1()).getBytes(), 'binary');
}

describe('parseFleetUrl', () => {
  it.each([
    'https://fleet.example.com',
    'https://fleet.example.com/prefix/',
    'http://127.0.0.1:8080',
    'http://localhost',
    'http://[::1]:1',
  ])('takes %s', (url) => {
    expect(parseFleetUrl(url).host).not.toBe('');
  });

  it.each([
    '',
    'fleet.example.com',
    'http://fleet.example.com',
    'ftp://localhost',
    'https://fleet.example.com/?a=b',
    'https://fleet.example.com/#x',
    'http://localhost.example.com',
  ])('refuses %j', async (url) => {
    expect((await failureOf(() => parseFleetUrl(url))).code).toBe('usage/fleet-url');
  });

  it('refuses a password without repeating it', async () => {
    const failure = await failureOf(() => parseFleetUrl('https://me:hunter2@fleet.example.com'));
    expect(failure.code).toBe('usage/secret-in-url');
    expect(JSON.stringify(failure)).not.toContain('hunter2');
  });
});

describe('fetchScepCa', () => {
  it('takes one certificate, or a PKCS#7 of several, under a prefix', async () => {
    const push = makePush(TOPIC, END);
    let body = ca.der;
    const url = await serve((request, response) => {
      expect(request.url).toBe('/fleet/mdm/apple/scep?operation=GetCACert');
      response.end(body);
    });
    expect((await fetchScepCa(at(`${url}/fleet/`))).map(({ sha256 }) => sha256)).toEqual([ca.sha256]);
    body = degenerate(ca.der, push.der);
    expect((await fetchScepCa(at(`${url}/fleet`))).map(({ sha256 }) => sha256)).toEqual([ca.sha256, push.sha256]);
  });

  it.each([
    ['404', 404, Buffer.from('not found'), 'fleet/scep-not-served'],
    ['a redirect', 302, Buffer.alloc(0), 'fleet/scep-not-served'],
    ['an empty answer', 200, Buffer.alloc(0), 'fleet/scep-unreadable'],
    ['a web page', 200, Buffer.from('<html>login</html>'), 'fleet/scep-unreadable'],
    ['half a certificate', 200, ca.der.subarray(0, 300), 'fleet/scep-unreadable'],
    ['half a PKCS#7', 200, degenerate(ca.der).subarray(0, 300), 'fleet/scep-unreadable'],
    ['too much', 200, Buffer.alloc(300 * 1024), 'fleet-url/too-large'],
  ])('names %s', async (_, status, body, code) => {
    const url = await serve((_request, response) => {
      response.writeHead(status, { Location: 'https://elsewhere.example.com' });
      response.end(body);
    });
    expect((await failureOf(() => fetchScepCa(at(url)))).code).toBe(code);
  });

  it('waits no longer than it was told', async () => {
    const silent = await serve(() => undefined);
    expect((await failureOf(() => fetchScepCa(at(silent), 200))).code).toBe('fleet-url/timeout');
    const dripping = await serve((_request, response) => {
      const drip = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(drip));
    });
    expect((await failureOf(() => fetchScepCa(at(dripping), 200))).code).toBe('fleet-url/timeout');
    const cut = await serve((request) => request.socket.destroy());
    expect((await failureOf(() => fetchScepCa(at(cut)))).code).toBe('fleet-url/unreachable');
    const half = await serve((_request, response) => {
      response.writeHead(200, { 'Content-Length': '1000' });
      response.write('x');
      setTimeout(() => response.destroy(), 20);
    });
    expect((await failureOf(() => fetchScepCa(at(half)))).code).toBe('fleet-url/unreachable');
    expect((await failureOf(() => fetchScepCa(at('http://127.0.0.1:9')))).code).toBe('fleet-url/unreachable');
  });

  it('verifies the server’s certificate', async () => {
    const tlsCa = makeCertificate({
      key: 'tls-ca',
      subject: [{ shortName: 'CN', value: 'TLS CA' }],
      notAfter: END,
      ca: true,
    });
    const issuer = { key: 'tls-ca', subject: [{ shortName: 'CN', value: 'TLS CA' }] };
    const named = makeCertificate({
      key: 'tls',
      subject: [{ shortName: 'CN', value: 'localhost' }],
      issuer,
      notAfter: END,
      serial: '05',
    });
    const misnamed = makeCertificate({
      key: 'tls',
      subject: [{ shortName: 'CN', value: 'other.example' }],
      issuer,
      notAfter: END,
      serial: '06',
    });
    const caFile = join(folder, 'tls-ca.pem');
    writeFileSync(caFile, tlsCa.pem);
    const reply: Reply = (_request, response) => response.end(ca.der);
    const good = await serve(reply, { key: named.keyPem, cert: named.pem });
    const bad = await serve(reply, { key: misnamed.keyPem, cert: misnamed.pem });
    expect(await fetchScepCa(at(good, caFile))).toHaveLength(1);
    expect((await failureOf(() => fetchScepCa(at(good)))).code).toBe('fleet-url/tls-untrusted');
    expect((await failureOf(() => fetchScepCa(at(bad, caFile)))).code).toBe('fleet-url/tls-wrong-name');
    expect((await failureOf(() => fetchScepCa(at(good, join(folder, 'none.pem'))))).code).toBe('fleet-url/ca-file');
  });
});

describe('the API', () => {
  const token = new Secret('API token', 'hunter2');

  it('says whether Fleet is healthy', async () => {
    let status = 200;
    const url = await serve((_request, response) => {
      response.statusCode = status;
      response.end();
    });
    expect(await isHealthy(at(url))).toBe(true);
    status = 500;
    expect(await isHealthy(at(url))).toBe(false);
  });

  it('names the push topic', async () => {
    const uuid = TOPIC.slice(-36);
    const answers: [status: number, body: string, topic: string | null][] = [
      [
        200,
        JSON.stringify({
          common_name: `APSP:${uuid}`,
          serial_number: '1',
          renew_date: '2027-01-01T00:00:00Z',
          more: {},
        }),
        TOPIC,
      ],
      [200, JSON.stringify({ common_name: 'something else' }), null],
      [200, JSON.stringify({ common_name: null }), null],
      [200, '{}', null],
    ];
    for (const [status, body, topic] of answers) {
      const url = await serve((request, response) => {
        expect(request.headers.authorization).toBe('Bearer hunter2');
        response.statusCode = status;
        response.end(body);
      });
      expect((await fetchPushCertificate(at(url), token))?.topic).toBe(topic);
    }
  });

  it('tries the older name, and takes 404 for none', async () => {
    const seen: string[] = [];
    const url = await serve((request, response) => {
      seen.push(request.url ?? '');
      response.statusCode = 404;
      response.end('{}');
    });
    expect(await fetchPushCertificate(at(url), token)).toBeNull();
    expect(seen).toEqual(['/api/v1/fleet/apns', '/api/v1/fleet/mdm/apple']);
  });

  it.each([
    [401, '{}', 'fleet/api-unauthorized'],
    [403, '{}', 'fleet/api-forbidden'],
    [200, 'not JSON hunter2', 'fleet/api-unreadable'],
    [200, '[]', 'fleet/api-unreadable'],
    [200, 'null', 'fleet/api-unreadable'],
    [500, '{}', 'fleet/api-unreadable'],
  ])('names %i %s', async (status, body, code) => {
    const url = await serve((_request, response) => {
      response.statusCode = status;
      response.end(body);
    });
    const failure = await failureOf(() => fetchPushCertificate(at(url), token));
    expect(failure.code).toBe(code);
    expect(JSON.stringify(failure)).not.toContain('hunter2');
  });
});
