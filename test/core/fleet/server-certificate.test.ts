/** Looking at a server's certificate: of a real MySQL, and of things that are none. */
import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { showServerCertificate } from '../../../src/core/fleet/server-certificate';
import { noServer, testServer } from '../../servers/mysql';
import { failureOf } from './target';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function saying(bytes: Buffer): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(bytes);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

describe.skipIf(noServer || testServer().kind === 'mariadb')('a MySQL server', () => {
  it('shows its certificate without being told who asks, and why it is not trusted yet', async () => {
    const { host, port } = testServer();
    const shown = await showServerCertificate({ host, port, caFile: null });
    expect(shown.subject).toContain('MySQL');
    expect(shown.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(shown.notAfter).toBeGreaterThan(Date.now());
    expect(shown.untrusted).toMatch(/CA that is not trusted/);
  });
});

describe('what is no MySQL server', () => {
  it.each([
    ['speaks HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), 'fleet/tls-failed'],
    ['says nothing', Buffer.alloc(0), 'fleet/tls-failed'],
    ['greets and offers no TLS', greeting(0x0200), 'fleet/tls-not-offered'],
    ['greets, offers TLS and hangs up', greeting(0x0a00), 'fleet/tls-failed'],
    ['sends a greeting without end', Buffer.alloc(10_000, 0xff), 'fleet/tls-failed'],
  ])('is told apart when it %s', async (_what, bytes, code) => {
    const port = await saying(bytes);
    expect((await failureOf(() => showServerCertificate({ host: '127.0.0.1', port, caFile: null }))).code).toBe(code);
  });

  it('is unreachable when nobody listens', async () => {
    const port = await saying(Buffer.alloc(0));
    servers.pop()?.close();
    expect((await failureOf(() => showServerCertificate({ host: '127.0.0.1', port, caFile: null }))).code).toBe(
      'fleet/unreachable',
    );
  });
});

function greeting(capabilities: number): Buffer {
  const body = Buffer.concat([
    Buffer.from([10]),
    Buffer.from('8.4.0\0'),
    Buffer.alloc(13),
    Buffer.alloc(2),
    Buffer.alloc(20),
  ]);
  body.writeUInt16LE(capabilities, 1 + 6 + 13);
  const head = Buffer.alloc(4);
  head.writeUIntLE(body.length, 0, 3);
  return Buffer.concat([head, body]);
}
