/** A server behind the proxy that says who it is and remembers what reached it, byte for byte. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';

export interface Arrived {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly size: number;
  readonly sha256: string;
}

export class Upstream {
  readonly arrived: Arrived[] = [];
  readonly #server: Server;
  readonly name: string;
  port = 0;

  constructor(name: string) {
    this.name = name;
    // Node's own bound of 16 KB for all headers is below what Fleet takes.
    this.#server = createServer({ maxHeaderSize: 65_536 }, (request, response) => {
      const hash = createHash('sha256');
      let size = 0;
      request.on('data', (chunk: Buffer) => {
        size += chunk.length;
        hash.update(chunk);
      });
      request.on('end', () => {
        const { method = '', url = '', headers } = request;
        if (url !== '/healthz' && url !== '/version')
          this.arrived.push({ method, path: url, headers, size, sha256: hash.digest('hex') });
        response.setHeader('X-Upstream', name);
        response.end(name);
      });
    });
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    this.port = typeof address === 'object' && address !== null ? address.port : 0;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
