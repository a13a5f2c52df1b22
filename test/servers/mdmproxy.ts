/**
 * A stand-in for Fleet's mdmproxy, written from its description (spec/fleet.md 7), with its habits: state in memory,
 * no read-back, a list that replaces the one before, a percentage without white space.
 */
import { createServer, request as httpRequest, type Server } from 'node:http';

export class MdmProxy {
  percentage = 0;
  udids = new Set<string>();
  /** Answers 500 to changes from the how-manieth on; for tests of what happens then. */
  failFrom = Infinity;
  /** Takes the change, and breaks off before it answers. */
  breakOff = false;
  changes: string[] = [];
  port = 0;
  readonly #server: Server;

  constructor(options: {
    readonly token: string;
    /** Older builds take the bare token, not the word Bearer. */
    readonly bare?: boolean;
    readonly old: () => number;
    readonly fleet: () => number;
  }) {
    this.#server = createServer({ maxHeaderSize: 65_536 }, (request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        const body = Buffer.concat(pieces);
        const path = (request.url ?? '').split('?')[0] ?? '';
        const end = (status: number, text: string): void => {
          response.statusCode = status;
          response.end(text);
        };
        if (path === '/healthz') {
          end(200, 'OK');
          return;
        }
        if (path.startsWith('/admin/')) {
          const wanted = options.bare === true ? options.token : `Bearer ${options.token}`;
          if (options.token === '' || request.headers.authorization !== wanted) {
            end(401, 'unauthorized');
            return;
          }
          this.changes.push(path);
          if (this.changes.length >= this.failFrom) {
            end(500, 'broken');
            return;
          }
          const text = body.toString();
          const taken = (reply: string): void => {
            if (this.breakOff) request.socket.destroy();
            else end(200, reply);
          };
          if (path === '/admin/percentage') {
            if (!/^\d{1,3}$/.test(text) || Number(text) > 100) {
              end(400, 'strconv.Atoi');
              return;
            }
            this.percentage = Number(text);
            taken(`Migrate percentage updated: ${text}`);
            return;
          }
          this.udids = new Set(text.split(/\s+/).filter((one) => one !== ''));
          taken(`Migrate UDIDs updated: map[${[...this.udids].join(' ')}]`);
          return;
        }
        if (!path.startsWith('/mdm')) {
          end(path.includes('scep') || path === '/' ? 200 : 403, '');
          return;
        }
        const udid = /<key>UDID<\/key>\s*<string>([^<]*)</.exec(body.toString('latin1'))?.[1];
        if (udid === undefined) {
          end(422, 'no UDID');
          return;
        }
        const fleet = this.leads(udid);
        const sent = httpRequest(
          {
            host: '127.0.0.1',
            port: fleet ? options.fleet() : options.old(),
            method: request.method,
            // Its target's path is joined with the request's; the translation to Fleet's lies behind it.
            path: fleet ? '/mdm/apple/mdm' : request.url,
            headers: request.headers,
          },
          (answer) => {
            response.writeHead(answer.statusCode ?? 500, answer.headers);
            answer.pipe(response);
          },
        );
        sent.on('error', () => end(502, ''));
        sent.end(body);
      });
    });
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    this.port = typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** True when it leads this device to Fleet. */
  leads(udid: string): boolean {
    return this.udids.has(udid) || hashOf(udid) % 100 < this.percentage;
  }

  /** What a restart leaves: its flags. */
  restarted(percentage = 0, udids: readonly string[] = []): void {
    this.percentage = percentage;
    this.udids = new Set(udids);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** FNV-1a with big integers: slow, and by another way than the product's. */
function hashOf(udid: string): number {
  let hash = 2_166_136_261n;
  for (const byte of Buffer.from(udid)) hash = ((hash ^ BigInt(byte)) * 16_777_619n) % 2n ** 32n;
  return Number(hash);
}
