/**
 * A stand-in for the part of Fleet that devices talk to: it verifies a message as Fleet does and writes to MySQL what
 * Fleet writes (spec/fleet.md 3). And POST /commands/run, with its habit of refusing the whole call for one host.
 */
import { randomUUID, type KeyObject } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { Pool, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import mysql from 'mysql2/promise';
import { signerOf, valueOf } from '../mdm-device';
import type { TestDatabase } from './mysql';

export interface Heard {
  readonly udid: string;
  readonly path: string;
  readonly status: number;
  /** Why it was refused. */
  readonly refused: string | null;
}

export class FleetMdm {
  /** What reached it, in order. */
  readonly heard: Heard[] = [];
  /** Devices it pushes after a command: the test lets them call in. */
  onPush: (udid: string) => void = () => undefined;
  /** UDIDs Fleet refuses commands for (MDM off). */
  readonly mdmOff = new Set<string>();
  /** Calls of /commands/run: how many hosts each named, and its status. */
  readonly calls: { readonly hosts: number; readonly status: number }[] = [];
  port = 0;
  /** What it serves as its SCEP CA, and the topic of its push certificate. */
  ca: Buffer | null = null;
  topic: string | null = null;
  readonly token = 'fleet-token-of-the-stand-in';
  readonly #caKey: KeyObject;
  readonly #pool: Pool;
  readonly #seenTable: boolean;
  readonly #server: Server;

  private constructor(database: TestDatabase, caKey: KeyObject, seenTable: boolean) {
    this.#caKey = caKey;
    this.#seenTable = seenTable;
    this.#pool = mysql.createPool(database.options({ connectionLimit: 8 }));
    this.#server = createServer({ maxHeaderSize: 65_536 }, (request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        const path = (request.url ?? '').split('?')[0] ?? '';
        const body = Buffer.concat(pieces);
        const answer = async (): Promise<{ status: number; body: string | Buffer }> => {
          if (path === '/healthz') return { status: 200, body: 'OK' };
          if (path === '/mdm/apple/scep' && this.ca !== null) {
            response.setHeader('Content-Type', 'application/x-x509-ca-cert');
            return { status: 200, body: this.ca };
          }
          if (path === '/api/v1/fleet/apns' && this.topic !== null)
            return { status: 200, body: JSON.stringify({ common_name: `APSP:${this.topic.slice(-36)}` }) };
          if (path === '/mdm/apple/mdm')
            return this.#mdm(body, request.headers['mdm-signature'], request.headers['content-type'] ?? '');
          if (path === '/api/v1/fleet/commands/run') return this.#run(body, request.headers.authorization);
          this.heard.push({ udid: '', path, status: 404, refused: null });
          return { status: 404, body: '{"message":"Resource Not Found"}' };
        };
        answer().then(
          ({ status, body: text }) => {
            response.statusCode = status;
            response.end(text);
          },
          (error: unknown) => {
            response.statusCode = 500;
            response.end(String(error));
          },
        );
      });
    });
  }

  static async listen(database: TestDatabase, caKey: KeyObject): Promise<FleetMdm> {
    const [found] = await database.query<{ n: number }>(
      "SELECT COUNT(*) AS n FROM information_schema.tables WHERE table_schema = ? AND table_name = 'nano_seen_times'",
      [database.name],
    );
    const fleet = new FleetMdm(database, caKey, Number(found?.n) > 0);
    await new Promise<void>((resolve) => fleet.#server.listen(0, '127.0.0.1', resolve));
    const address = fleet.#server.address();
    fleet.port = typeof address === 'object' && address !== null ? address.port : 0;
    return fleet;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await this.#pool.end();
  }

  async #write(statement: string, values: unknown[] = []): Promise<number> {
    const [result] = await this.#pool.query<ResultSetHeader>(statement, values);
    return result.affectedRows;
  }

  async #rows<T>(statement: string, values: unknown[] = []): Promise<T[]> {
    const [rows] = await this.#pool.query<RowDataPacket[]>(statement, values);
    return rows as T[];
  }

  async #mdm(
    body: Buffer,
    signature: string | string[] | undefined,
    type: string,
  ): Promise<{ status: number; body: string }> {
    const udid = valueOf(body, 'UDID') ?? '';
    const tell = (status: number, refused: string | null, text = ''): { status: number; body: string } => {
      this.heard.push({ udid, path: '/mdm/apple/mdm', status, refused });
      return { status, body: text };
    };
    const signer = signerOf(body, typeof signature === 'string' ? signature : undefined, this.#caKey);
    if ('refused' in signer) return tell(400, signer.refused);
    const associated = await this.#rows('SELECT id FROM nano_cert_auth_associations WHERE id = ? AND sha256 = ?', [
      udid,
      signer.sha256,
    ]);
    if (associated.length === 0) return tell(403, 'enrollment not associated with cert');
    if (type.startsWith('application/x-apple-aspen-mdm-checkin')) {
      if (valueOf(body, 'MessageType') === 'TokenUpdate') {
        const token = Buffer.from(valueOf(body, 'Token') ?? '', 'base64').toString('hex');
        await this.#write(
          'UPDATE nano_enrollments SET token_hex = ?, push_magic = ?, topic = ?, enabled = 1, token_update_tally = token_update_tally + 1 WHERE id = ?',
          [token, valueOf(body, 'PushMagic'), valueOf(body, 'Topic'), udid],
        );
        await this.#write(
          'UPDATE nano_devices SET token_update = ?, token_update_at = CURRENT_TIMESTAMP WHERE id = ?',
          [body.toString(), udid],
        );
      }
      return tell(200, null);
    }
    if (this.#seenTable)
      await this.#write(
        'INSERT INTO nano_seen_times (id, seen_time) VALUES (?, CURRENT_TIMESTAMP) ON DUPLICATE KEY UPDATE seen_time = CURRENT_TIMESTAMP',
        [udid],
      );
    else await this.#write('UPDATE nano_enrollments SET last_seen_at = CURRENT_TIMESTAMP WHERE id = ?', [udid]);
    const command = valueOf(body, 'CommandUUID');
    if (command !== null) {
      const [known] = await this.#rows('SELECT command_uuid FROM nano_commands WHERE command_uuid = ?', [command]);
      // The old server's last command, acknowledged here.
      if (known === undefined) return tell(500, 'unknown command');
      await this.#write(
        'INSERT INTO nano_command_results (id, command_uuid, status, result) VALUES (?, ?, ?, \'<?xml version="1.0"?>\') ON DUPLICATE KEY UPDATE status = VALUES(status)',
        [udid, command, valueOf(body, 'Status')],
      );
    }
    const [next] = await this.#rows<{ command: string }>(
      `SELECT c.command AS command FROM nano_enrollment_queue q JOIN nano_commands c ON c.command_uuid = q.command_uuid
       LEFT JOIN nano_command_results r ON r.id = q.id AND r.command_uuid = q.command_uuid
       WHERE q.id = ? AND q.active = 1 AND r.id IS NULL ORDER BY q.priority DESC, q.created_at LIMIT 1`,
      [udid],
    );
    return tell(200, null, next?.command ?? '');
  }

  async #run(body: Buffer, authorization: string | undefined): Promise<{ status: number; body: string }> {
    const { command, host_uuids: udids } = JSON.parse(body.toString()) as { command: string; host_uuids: string[] };
    const say = (status: number, value: object): { status: number; body: string } => {
      this.calls.push({ hosts: udids.length, status });
      return { status, body: JSON.stringify(value) };
    };
    if (authorization !== `Bearer ${this.token}`) return say(401, { message: 'Authentication required' });
    const hosts = await this.#rows<{ uuid: string; platform: string }>(
      `SELECT uuid, platform FROM hosts WHERE uuid IN (${udids.map(() => '?').join(', ')})`,
      udids,
    );
    if (hosts.length !== udids.length) return say(404, { message: 'Resource Not Found' });
    if (new Set(hosts.map(({ platform }) => platform)).size > 1) return say(422, { message: 'Validation Failed' });
    if (udids.some((udid) => this.mdmOff.has(udid)))
      return say(422, { message: 'Validation Failed', errors: [{ name: 'host_uuids', reason: 'MDM is off' }] });
    const uuid = await this.queue(udids, Buffer.from(command, 'base64').toString());
    for (const udid of udids) this.onPush(udid);
    return say(202, { command_uuid: uuid, request_type: 'DeviceInformation', platform: hosts[0]?.platform });
  }

  /** Puts a command into Fleet's queue. */
  async queue(udids: readonly string[], command: string): Promise<string> {
    const uuid = randomUUID();
    const type = /<key>RequestType<\/key>\s*<string>(\w+)</.exec(command)?.[1] ?? 'unknown';
    const whole = command.replace('<dict>', `<dict>\n\t<key>CommandUUID</key>\n\t<string>${uuid}</string>`);
    await this.#write('INSERT INTO nano_commands (command_uuid, request_type, command) VALUES (?, ?, ?)', [
      uuid,
      type,
      whole,
    ]);
    for (const udid of udids)
      await this.#write('INSERT INTO nano_enrollment_queue (id, command_uuid) VALUES (?, ?)', [udid, uuid]);
    return uuid;
  }
}
