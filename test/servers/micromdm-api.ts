/**
 * A stand-in for MicroMDM's own API, after spec/micromdm.md 5.3 and 5.6: commands are queued by device, 201 comes at once, a
 * wrong key is 401. Tests let it fail, and take commands out as a device would.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';

export interface TakenCommand {
  readonly udid: string;
  readonly uuid: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly at: number;
}

export class MicroMdmApi {
  readonly apiKey = 'api-key-of-the-micromdm-stand-in';
  /** Every command that was taken, in order. */
  readonly taken: TakenCommand[] = [];
  /** Every request, refused ones too: method and path. */
  readonly asked: string[] = [];
  readonly pushed: string[] = [];
  /** What the next requests for commands are answered instead, one each: a status, or `hang up` after it was taken. */
  readonly troubles: (number | 'hang up' | null)[] = [];
  /** UDIDs whose commands are refused for good (500). */
  readonly broken = new Set<string>();
  hasApi = true;
  port = 0;
  readonly #queues = new Map<string, TakenCommand[]>();
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        const { status, body, hangUp } = this.#answer(request, Buffer.concat(pieces).toString('utf8'));
        if (hangUp === true) {
          request.socket.destroy();
          return;
        }
        response.writeHead(status, { 'Content-Type': 'application/json' });
        response.end(JSON.stringify(body));
      });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    this.port = typeof address === 'object' && address !== null ? address.port : 0;
    return this;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** UUIDs that wait for a device. */
  waiting(udid: string): string[] {
    return (this.#queues.get(udid) ?? []).map(({ uuid }) => uuid);
  }

  /** A device calls in and answers everything. */
  drain(udid: string): void {
    this.#queues.delete(udid);
  }

  #answer(request: IncomingMessage, text: string): { status: number; body: unknown; hangUp?: boolean } {
    const { method = '', url = '' } = request;
    const path = url.split('?')[0] ?? '';
    this.asked.push(`${method} ${path}`);
    if (!this.hasApi) return { status: 404, body: {} };
    const wanted = `Basic ${Buffer.from(`micromdm:${this.apiKey}`).toString('base64')}`;
    if (request.headers.authorization !== wanted) return { status: 401, body: { error: 'Unauthorized' } };
    const push = /^\/push\/(.+)$/.exec(path)?.[1];
    if (push !== undefined) {
      this.pushed.push(decodeURIComponent(push));
      return { status: 200, body: { status: 'success', push_notification_id: 'x' } };
    }
    const queued = /^\/v1\/commands\/(.+)$/.exec(path)?.[1];
    if (queued !== undefined && method === 'GET')
      return {
        status: 200,
        body: {
          commands: (this.#queues.get(decodeURIComponent(queued)) ?? []).map(({ uuid, body }) => ({
            uuid,
            payload: Buffer.from(JSON.stringify(body)).toString('base64'),
          })),
        },
      };
    if (path !== '/v1/commands' || method !== 'POST') return { status: 404, body: {} };
    const trouble = this.troubles.shift() ?? null;
    if (typeof trouble === 'number') return { status: trouble, body: { error: 'as told' } };
    let body: Record<string, unknown>;
    try {
      body = JSON.parse(text) as Record<string, unknown>;
    } catch {
      return { status: 500, body: { error: 'unexpected EOF' } };
    }
    const { udid, request_type: type, command_uuid: uuid } = body;
    const fits =
      typeof udid === 'string' &&
      udid !== '' &&
      typeof uuid === 'string' &&
      ((type === 'RemoveProfile' && typeof body['identifier'] === 'string') ||
        (type === 'InstallEnterpriseApplication' && typeof body['manifest_url'] === 'string'));
    if (!fits || this.broken.has(udid)) return { status: 500, body: { error: 'empty UDID in MDM request' } };
    const command: TakenCommand = { udid, uuid, body, at: performance.now() };
    this.taken.push(command);
    this.#queues.set(udid, [...(this.#queues.get(udid) ?? []), command]);
    if (trouble === 'hang up') return { status: 0, body: null, hangUp: true };
    return { status: 201, body: { payload: { command_uuid: uuid, command: { request_type: type } } } };
  }
}
