/**
 * A stand-in of Fleet's REST API over a real MySQL with Fleet's tables: what it answers follows from what stands there.
 * Old and new shapes, paging, rate limits and faults as the specification tells of them. Plain HTTP on loopback.
 */
import { randomUUID } from 'node:crypto';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestDatabase } from './mysql';

/** What differs between releases. */
export interface FleetShape {
  /** `team_id` alone, or `fleet_id` besides it, or (a possible future) `fleet_id` alone. */
  readonly naming: 'team' | 'both' | 'fleet';
  /** Host details carry last_mdm_checked_in_at. */
  readonly checkedIn: boolean;
  /** `after` is understood; else only page numbers are. */
  readonly after: boolean;
  /** Path of the list of commands. */
  readonly commands: '/commands' | '/mdm/commands' | '/mdm/apple/commands' | null;
  /** Lists carry orbit_version. */
  readonly orbitInLists: boolean;
}

export const OLD_SHAPE: FleetShape = {
  naming: 'team',
  checkedIn: false,
  after: false,
  commands: '/mdm/apple/commands',
  orbitInLists: false,
};

export const NEW_SHAPE: FleetShape = {
  naming: 'both',
  checkedIn: true,
  after: true,
  commands: '/commands',
  orbitInLists: true,
};

/** A way to go wrong, for the next request whose path matches. */
export interface Fault {
  readonly path: RegExp;
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** Ends the connection without an answer. */
  readonly drop?: boolean;
}

export interface FleetApiOptions {
  readonly database: TestDatabase;
  readonly shape?: FleetShape;
  readonly token?: string;
  /** Path prefix (`server.url_prefix`). */
  readonly prefix?: string;
}

type Row = Record<string, unknown>;

export class FleetApiStandIn {
  readonly requests: string[] = [];
  readonly faults: Fault[] = [];
  readonly token: string;
  shape: FleetShape;
  readonly #database: TestDatabase;
  readonly #prefix: string;
  readonly #server: http.Server;

  private constructor({ database, shape, token, prefix }: FleetApiOptions) {
    this.#database = database;
    this.shape = shape ?? NEW_SHAPE;
    this.token = token ?? randomUUID();
    this.#prefix = prefix ?? '';
    this.#server = http.createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        response.writeHead(500).end(JSON.stringify({ message: String(error) }));
      });
    });
  }

  static async start(options: FleetApiOptions): Promise<FleetApiStandIn> {
    const standIn = new FleetApiStandIn(options);
    await new Promise<void>((resolve) => standIn.#server.listen(0, '127.0.0.1', resolve));
    return standIn;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${this.#prefix}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    this.requests.push(`${request.method ?? ''} ${url.pathname}${url.search}`);
    const at = this.faults.findIndex(({ path }) => path.test(url.pathname));
    if (at >= 0) {
      const [fault] = this.faults.splice(at, 1);
      if (fault!.drop === true) request.socket.destroy();
      else response.writeHead(fault!.status ?? 200, fault!.headers).end(fault!.body ?? '{"message":"a fault"}');
      return;
    }
    const [status, body] = await this.#reply(request, url);
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
  }

  async #reply(request: IncomingMessage, { pathname, searchParams: query }: URL): Promise<[number, unknown]> {
    const path = pathname.startsWith(this.#prefix) ? pathname.slice(this.#prefix.length) : '';
    if (path === '/healthz') return [200, {}];
    const call = /^\/api\/(?:v1|latest)\/fleet(\/.*)$/.exec(path)?.[1];
    if (call === undefined) return NOT_FOUND;
    if (request.headers.authorization !== `Bearer ${this.token}`) return [401, { message: 'Authentication required' }];
    const get = request.method === 'GET';
    if (get && call === '/hosts') return [200, { hosts: await this.#hosts(query) }];
    const host = /^\/hosts\/(\d+)$/.exec(call)?.[1];
    if (get && host !== undefined) {
      const [row] = await this.#database.query(`${HOSTS} WHERE h.id = ?`, [Number(host)]);
      return row === undefined ? NOT_FOUND : [200, { host: await this.#detail(row) }];
    }
    if (get && call === this.shape.commands) return [200, await this.#commands(query)];
    if (get && call === '/version') return [200, { version: '4.93.0', branch: '', revision: '' }];
    if (get && call === '/me') return [200, { user: { id: 1, global_role: 'admin', api_only: true } }];
    if (request.method === 'POST' && call === '/commands/run') return this.#run(request);
    return NOT_FOUND;
  }

  async #hosts(query: URLSearchParams): Promise<Row[]> {
    const perPage = query.get('per_page');
    const after = this.shape.after ? query.get('after') : null;
    // Without per_page Fleet sends everything.
    const limit = perPage === null ? 1_000_000 : Number(perPage);
    const offset = after === null ? Number(query.get('page') ?? 0) * limit : 0;
    const rows = await this.#database.query(`${HOSTS} WHERE h.id > ? ORDER BY h.id LIMIT ${limit} OFFSET ${offset}`, [
      Number(after ?? 0),
    ]);
    return rows.map((row) => this.#item(row, this.shape.orbitInLists));
  }

  #item(row: Row, orbit: boolean): Row {
    const { team_id: team, team_name: name, orbit_node_key: key } = row;
    return {
      id: row['id'],
      uuid: row['uuid'],
      hardware_serial: row['hardware_serial'],
      computer_name: row['computer_name'],
      hostname: row['hostname'],
      display_name: row['computer_name'],
      platform: row['platform'],
      osquery_version: '5.12.0',
      detail_updated_at: rfc(row['detail_updated_at']) ?? '2000-01-01T00:00:00Z',
      // osquery's contact, always fresh: it says nothing about MDM.
      seen_time: new Date().toISOString(),
      ...(this.shape.naming === 'fleet' ? {} : { team_id: team, team_name: name }),
      ...(this.shape.naming === 'team' ? {} : { fleet_id: team, fleet_name: name }),
      ...(orbit ? { orbit_version: key === null ? null : '1.30.0' } : {}),
      // True for a row that was only imported, too: a reader that believes this is wrong.
      mdm: {
        enrollment_status: row['enrollment_status'] ?? null,
        server_url: row['server_url'] ?? null,
        name: null,
        encryption_key_available: false,
        connected_to_fleet: row['enabled'] === 1 && row['enrolled'] === 1,
      },
      a_key_of_tomorrow: { nested: [null] },
    };
  }

  async #detail(row: Row): Promise<Row> {
    const column = (await this.#has('nano_seen_times'))
      ? 'SELECT seen_time AS at FROM nano_seen_times WHERE id = ?'
      : 'SELECT last_seen_at AS at FROM nano_enrollments WHERE id = ?';
    const [seen] = await this.#database.query(column, [row['uuid']]);
    return {
      ...this.#item(row, true),
      // Before nano_seen_times this is what an importer wrote as well.
      ...(this.shape.checkedIn ? { last_mdm_checked_in_at: rfc(seen?.['at']), last_mdm_enrolled_at: null } : {}),
      policies: null,
    };
  }

  async #commands(query: URLSearchParams): Promise<Row> {
    const limit = Number(query.get('per_page') ?? 20);
    const offset = Number(query.get('page') ?? 0) * limit;
    const udid = query.get('host_identifier');
    const rows = await this.#database.query(
      'SELECT v.id, v.command_uuid, v.request_type, v.status, COALESCE(v.result_updated_at, v.created_at) AS at, h.hostname ' +
        `FROM nano_view_queue v LEFT JOIN hosts h ON h.uuid = v.id ${udid === null ? '' : 'WHERE v.id = ?'} ` +
        `ORDER BY at DESC LIMIT ${limit} OFFSET ${offset}`,
      udid === null ? [] : [udid],
    );
    const results = rows.map((row) => ({
      host_uuid: row['id'],
      command_uuid: row['command_uuid'],
      request_type: row['request_type'],
      status: row['status'] ?? 'Pending',
      updated_at: rfc(row['at']),
      hostname: row['hostname'],
    }));
    // An empty list is null, as Go's JSON has it.
    return { results: results.length === 0 ? null : results };
  }

  /** Queues a command as Fleet does; all hosts must be there. */
  async #run(request: IncomingMessage): Promise<[number, unknown]> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { command: string; host_uuids: string[] };
    const xml = Buffer.from(body.command, 'base64').toString('utf8');
    const type = /<key>RequestType<\/key>\s*<string>([^<]+)<\/string>/.exec(xml)?.[1] ?? '';
    for (const udid of body.host_uuids) {
      const [known] = await this.#database.query('SELECT id FROM hosts WHERE uuid = ?', [udid]);
      if (known === undefined) return NOT_FOUND;
    }
    const uuid = randomUUID();
    await this.#database.query('INSERT INTO nano_commands (command_uuid, request_type, command) VALUES (?, ?, ?)', [
      uuid,
      type,
      xml,
    ]);
    for (const udid of body.host_uuids) {
      await this.#database.query('INSERT INTO nano_enrollment_queue (id, command_uuid) VALUES (?, ?)', [udid, uuid]);
    }
    return [202, { command_uuid: uuid, request_type: type, platform: 'darwin' }];
  }

  async #has(table: string): Promise<boolean> {
    const rows = await this.#database.query(
      'SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?',
      [table],
    );
    return rows.length > 0;
  }
}

const NOT_FOUND: [number, unknown] = [404, { message: 'Resource Not Found', errors: [] }];

const HOSTS =
  'SELECT h.id, h.uuid, h.hardware_serial, h.computer_name, h.hostname, h.platform, h.team_id, t.name AS team_name, ' +
  'h.orbit_node_key, h.detail_updated_at, m.enrollment_status, m.server_url, m.enrolled, e.enabled FROM hosts h ' +
  'LEFT JOIN teams t ON t.id = h.team_id LEFT JOIN host_mdm m ON m.host_id = h.id LEFT JOIN nano_enrollments e ON e.id = h.uuid';

/** A time as Fleet prints it; null for NULL. */
function rfc(value: unknown): string | null {
  if (typeof value === 'string') return `${value.replace(' ', 'T')}Z`.replace(/\.\d+Z$/, 'Z');
  return value instanceof Date ? value.toISOString().replace(/\.\d+Z$/, 'Z') : null;
}
