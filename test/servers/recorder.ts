/** An HTTPS server on loopback that says who it is and remembers what reached it, byte for byte. */
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { createServer, type Server } from 'node:https';

export interface Arrived {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly size: number;
  readonly sha256: string;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
}

export class Recorder {
  readonly arrived: Arrived[] = [];
  readonly name: string;
  readonly #server: Server;
  port = 0;

  constructor(
    name: string,
    tls: { readonly key: Buffer; readonly cert: Buffer },
    reply: (arrived: Arrived) => Reply = () => ({ status: 200, body: name }),
  ) {
    this.name = name;
    // Node's own bound of 16 KB for all headers is below what Fleet takes.
    this.#server = createServer({ ...tls, maxHeaderSize: 65_536 }, (request, response) => {
      const hash = createHash('sha256');
      let size = 0;
      request.on('data', (chunk: Buffer) => {
        size += chunk.length;
        hash.update(chunk);
      });
      request.on('end', () => {
        const { method = '', url = '', headers } = request;
        const arrived = { method, path: url, headers, size, sha256: hash.digest('hex') };
        this.arrived.push(arrived);
        const { status, headers: more = {}, body = '' } = reply(arrived);
        response.writeHead(status, { 'X-Upstream': name, ...more });
        response.end(body);
      });
    });
  }

  async listen(): Promise<this> {
    // Both families: what `localhost` means differs from machine to machine.
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port: 0, host: '::', ipv6Only: false }, resolve);
    }).catch(() => new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve)));
    const address = this.#server.address();
    this.port = typeof address === 'object' && address !== null ? address.port : 0;
    return this;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
