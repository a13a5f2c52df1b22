/** `/boltbackup` against a stand-in server with real TLS on 127.0.0.1. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { copySource, parseSource, readSource, type ReadOptions } from '../../../../src/core/sources';
import { Secret } from '../../../../src/core/secret';
import { writeMicroMdm } from '../../../micromdm-writer';

const KEY = 'correct horse';
const at = Date.UTC(2026, 10, 24, 2);
let folder: string;
let database: Buffer;
/** What the server does; set by each test. */
let answer: RequestListener;
let asked: IncomingMessage[];
let server: Server;
let port: number;
let copies: string;

/** A certificate for a name, made by OpenSSL; its own CA. */
function makeCertificate(stem: string, names: string): void {
  const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', `${stem}.key`, '-out', `${stem}.pem`];
  const args = ['req', '-x509', ...key, '-subj', `/CN=${stem}`, '-addext', `subjectAltName=${names}`];
  execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
}

const fingerprint = (stem: string): string =>
  execFileSync('openssl', ['x509', '-noout', '-fingerprint', '-sha256', '-in', `${stem}.pem`], { cwd: folder })
    .toString()
    .trim()
    .replace(/^.*=/, '');

/** As the real server answers (spec 5.3, 5.4). */
const boltbackup: RequestListener = (request, response) => {
  if (request.url !== '/boltbackup') return void response.writeHead(404).end('404 page not found\n');
  const wanted = `Basic ${Buffer.from(`micromdm:${KEY}`).toString('base64')}`;
  if (request.headers.authorization !== wanted) return void response.writeHead(401).end('Authorization Required\n');
  send(response, database);
};

function send(response: ServerResponse, body: Buffer, headers: Record<string, string | number> = {}): void {
  response.writeHead(200, {
    'content-type': 'application/octet-stream',
    'content-disposition': 'attachment; filename="micromdm.db"',
    'content-length': body.length,
    ...headers,
  });
  response.end(body);
}

function listen(made: Server): Promise<number> {
  return new Promise((resolve) => made.listen(0, '127.0.0.1', () => resolve((made.address() as AddressInfo).port)));
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-backup-'));
  database = readFileSync(writeMicroMdm(join(folder, 'source.db'), { devices: 40, at }).path);
  makeCertificate('server', 'DNS:localhost,IP:127.0.0.1');
  makeCertificate('other', 'DNS:elsewhere.example');
  const material = { key: readFileSync(join(folder, 'server.key')), cert: readFileSync(join(folder, 'server.pem')) };
  server = createHttpsServer(material, (request, response) => {
    asked.push(request);
    answer(request, response);
  });
  port = await listen(server);
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  answer = boltbackup;
  asked = [];
  copies = mkdtempSync(join(folder, 'copies-'));
});
afterEach(() => {
  // Whatever happened, nothing half done is left.
  expect(readdirSync(copies).filter((name) => !/^micromdm-[0-9a-f]{16}\.db$/.test(name))).toEqual([]);
});

const trusted = (): Partial<ReadOptions> => ({ caFile: join(folder, 'server.pem') });

function get(
  options: Partial<ReadOptions> = trusted(),
  host = `https://127.0.0.1:${port}`,
): ReturnType<typeof copySource> {
  return copySource(parseSource(`micromdm:${host}`), copies, { apiKey: new Secret('API key', KEY), ...options });
}

const failsWith = async (work: Promise<unknown>, code: string): Promise<void> => {
  const error: unknown = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ failure: { code } });
  expect(`${String(error)} ${JSON.stringify((error as { failure: unknown }).failure)}`).not.toContain(KEY);
  expect(readdirSync(copies)).toEqual([]);
};

describe('downloading', () => {
  it('makes a private copy of exactly what the server sent', async () => {
    const copy = await get();
    expect(readFileSync(copy.path)).toEqual(database);
    expect(copy).toMatchObject({
      sha256: createHash('sha256').update(database).digest('hex'),
      size: database.length,
      txid: 2,
      retries: 0,
    });
    expect(statSync(copy.path).mode & 0o777).toBe(0o600);
    expect(statSync(copies).mode & 0o777).toBe(0o700);
    expect(asked[0]?.headers).toMatchObject({ 'accept-encoding': 'identity', host: `127.0.0.1:${port}` });
  });

  it('keeps the same state once', async () => {
    const [first, second] = [await get(), await get()];
    expect(second.path).toBe(first.path);
    expect(readdirSync(copies).length).toBe(1);
  });

  it('ends in a snapshot that names the address', async () => {
    const url = `https://127.0.0.1:${port}`;
    const options = { at, folder: copies, apiKey: new Secret('API key', KEY), ...trusted() };
    const snapshot = await readSource(parseSource(`micromdm:${url}/`), options);
    expect(snapshot.devices.length).toBe(40);
    expect(snapshot.source).toMatchObject({ kind: 'micromdm', path: url, retries: 0, size: database.length });
  });

  it('goes below a prefix, in pieces, and tells its progress', async () => {
    answer = (request, response) => {
      expect(request.url).toBe('/mdm/boltbackup');
      response.writeHead(200, { 'content-length': database.length });
      response.write(database.subarray(0, 10_000));
      setTimeout(() => response.end(database.subarray(10_000)), 20);
    };
    const seen: (number | null)[] = [];
    await get({ ...trusted(), onProgress: ({ done }) => seen.push(done) }, `https://localhost:${port}/mdm/`);
    expect(seen.at(-1)).toBe(database.length);
  });

  it('takes a pinned certificate instead of a chain, however it is written', async () => {
    const pin = fingerprint('server');
    await get({ pinSha256: pin });
    await get({ pinSha256: pin.replaceAll(':', '').toLowerCase() });
    await get({ pinSha256: `sha256:${pin}` }, `https://localhost:${port}`);
    expect(asked.length).toBe(3);
  });

  it('takes plain http from this machine', async () => {
    const plain = createHttpServer(boltbackup);
    const open = await listen(plain);
    await get({}, `http://127.0.0.1:${open}`);
    plain.close();
  });
});

describe('refusals before the key is sent', () => {
  afterEach(() => expect(asked).toEqual([]));
  it('of a certificate nobody vouches for', () => failsWith(get({}), 'source/tls-untrusted'));
  it('of another CA', () => failsWith(get({ caFile: join(folder, 'other.pem') }), 'source/tls-untrusted'));
  it('of another pin', () => failsWith(get({ pinSha256: fingerprint('other') }), 'source/tls-pin-mismatch'));
  it('of a certificate for another name', async () => {
    const material = { key: readFileSync(join(folder, 'other.key')), cert: readFileSync(join(folder, 'other.pem')) };
    const strange = createHttpsServer(material, (request) => void asked.push(request));
    const open = await listen(strange);
    await failsWith(get({ caFile: join(folder, 'other.pem') }, `https://127.0.0.1:${open}`), 'source/tls-name');
    strange.close();
  });
  it('of TLS 1.1', async () => {
    const material = { key: readFileSync(join(folder, 'server.key')), cert: readFileSync(join(folder, 'server.pem')) };
    const old = createHttpsServer(
      { ...material, minVersion: 'TLSv1', maxVersion: 'TLSv1.1' },
      (request) => void asked.push(request),
    );
    const open = await listen(old);
    await failsWith(get(trusted(), `https://127.0.0.1:${open}`), 'source/tls-failed');
    old.close();
  });
  it('of a port that speaks no TLS', async () => {
    const plain = createHttpServer(boltbackup);
    const open = await listen(plain);
    await failsWith(get(trusted(), `https://127.0.0.1:${open}`), 'source/tls-failed');
    plain.close();
  });
  it('of a port nobody listens on', async () => {
    const gone = createTcpServer();
    const closed: number = await new Promise((resolve) =>
      gone.listen(0, '127.0.0.1', () => {
        const { port: free } = gone.address() as AddressInfo;
        gone.close(() => resolve(free));
      }),
    );
    await failsWith(get(trusted(), `https://127.0.0.1:${closed}`), 'source/unreachable');
  });
  it('of a server that says nothing', async () => {
    const silent = createTcpServer(() => undefined);
    const open: number = await new Promise((resolve) =>
      silent.listen(0, '127.0.0.1', () => resolve((silent.address() as AddressInfo).port)),
    );
    const limits = { connectTimeout: 100 };
    await failsWith(get({ ...trusted(), limits }, `https://127.0.0.1:${open}`), 'source/timeout');
    silent.close();
  });
  it('of a pin or CA file that is none, and of a missing key', async () => {
    await failsWith(get({ pinSha256: 'ab:cd' }), 'usage/pin');
    await failsWith(get({ caFile: join(folder, 'absent.pem') }), 'usage/ca-file');
    await failsWith(
      copySource(parseSource(`micromdm:https://127.0.0.1:${port}`), copies, trusted()),
      'usage/api-key-missing',
    );
  });
});

describe('refusals of the answer', () => {
  it('to a wrong key', () => failsWith(get({ ...trusted(), apiKey: new Secret('k', 'no') }), 'source/api-key-refused'));
  it('of a server without API', () => failsWith(get(trusted(), `https://127.0.0.1:${port}/nowhere`), 'source/no-api'));
  it.each<[string, RequestListener, string]>([
    ['a redirect', (_q, r) => void r.writeHead(302, { location: 'https://evil.example/x' }).end(), 'source/redirect'],
    ['an error', (_q, r) => void r.writeHead(500).end('{"error":"x"}'), 'source/http-status'],
    [
      'JSON',
      (_q, r) => send(r, Buffer.from('{"error":"EOF"}'), { 'content-type': 'application/json' }),
      'source/not-a-backup',
    ],
    ['JSON in disguise', (_q, r) => send(r, Buffer.from(' {"error":"EOF"}')), 'source/not-a-backup'],
    ['a login page', (_q, r) => send(r, Buffer.from('<html>'), { 'content-type': 'text/html' }), 'source/not-a-backup'],
    ['nothing', (_q, r) => send(r, Buffer.alloc(0)), 'source/short-body'],
    ['some other file', (_q, r) => send(r, Buffer.alloc(70_000, 7)), 'bolt/not-bolt'],
    [
      'a connection that breaks',
      (_q, r) => {
        r.writeHead(200, { 'content-length': database.length });
        r.write(database.subarray(0, 20_000), () => setTimeout(() => r.destroy(), 20));
      },
      'source/short-body',
    ],
    [
      'an end before the end, without a length',
      (_q, r) => {
        r.writeHead(200, { 'content-type': 'application/octet-stream' });
        r.end(database.subarray(0, 60_000));
      },
      'bolt/truncated',
    ],
    ['no answer', (q) => void q.socket.destroy(), 'source/no-answer'],
  ])('%s', async (_what, listener, code) => {
    answer = listener;
    await failsWith(get(), code);
  });

  it('that stops', async () => {
    answer = (_request, response) => {
      response.writeHead(200, { 'content-length': database.length });
      response.write(database.subarray(0, 20_000));
    };
    await failsWith(get({ ...trusted(), limits: { idleTimeout: 150 } }), 'source/timeout');
    answer = () => undefined;
    await failsWith(get({ ...trusted(), limits: { idleTimeout: 150 } }), 'source/timeout');
  });

  it('that is too big, announced or not', async () => {
    await failsWith(get({ ...trusted(), limits: { maxBytes: 50_000 } }), 'source/too-big');
    answer = (_request, response) => void response.writeHead(200).end(database);
    await failsWith(get({ ...trusted(), limits: { maxBytes: 50_000 } }), 'source/too-big');
  });

  it('that is a database of another program', async () => {
    const { boltBytes } = await import('../../../bolt-writer');
    answer = (_request, response) =>
      send(
        response,
        boltBytes([
          { name: 'key', entries: [] },
          { name: 'members', entries: [] },
        ]),
      );
    await failsWith(get(), 'micromdm/not-micromdm');
  });
});
