/**
 * A stand-in for NanoMDM's own API, after spec/micromdm.md 6.4 and its source's answers: `PUT /v1/enqueue/{ids}` with a raw
 * property list, `/v1/push/{ids}`, `/version` without a key. The status counts a failed push as a failure although the
 * command is queued. `sql`: an unknown id breaks a foreign key (500), a command UUID is stored once; `files`: neither.
 * The command's XML is read by Python's plistlib, so that not our own reader judges our writer.
 */
import { execFileSync } from 'node:child_process';
import { asDictionary, readPropertyList } from '../../src/core/sources/property-list';
import { createServer, type IncomingMessage, type Server } from 'node:http';

export interface QueuedCommand {
  readonly udid: string;
  readonly uuid: string;
  /** The `Command` dictionary. */
  readonly command: Readonly<Record<string, unknown>>;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly hangUp?: boolean;
}

export class NanoMdmApi {
  readonly apiKey = 'api-key-of-the-nanomdm-stand-in';
  readonly taken: QueuedCommand[] = [];
  readonly asked: string[] = [];
  readonly pushed: string[] = [];
  /** What the next commands are answered instead: a status, or `hang up` after it was taken. */
  readonly troubles: (number | 'hang up' | null)[] = [];
  /** Enrollments APNs refuses. */
  readonly unpushable = new Set<string>();
  /** Enrollments that exist; null: all. */
  known: ReadonlySet<string> | null = null;
  hasApi = true;
  port = 0;
  readonly #server: Server;

  constructor(readonly storage: 'sql' | 'files' = 'sql') {
    this.#server = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        const { status, body, hangUp } = this.#answer(request, Buffer.concat(pieces));
        if (hangUp === true) {
          request.socket.destroy();
          return;
        }
        response.writeHead(status, { 'Content-type': 'application/json' });
        response.end(JSON.stringify(body, null, '\t'));
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

  #answer(request: IncomingMessage, bytes: Buffer): Answer {
    const { method = '', url = '' } = request;
    const { pathname, searchParams } = new URL(url, 'http://x');
    this.asked.push(`${method} ${pathname}`);
    if (pathname === '/version') return { status: 200, body: { version: 'stand-in' } };
    if (!this.hasApi) return { status: 404, body: '404 page not found' };
    const wanted = `Basic ${Buffer.from(`nanomdm:${this.apiKey}`).toString('base64')}`;
    if (request.headers.authorization !== wanted) return { status: 401, body: 'Unauthorized' };
    const [, what, ids = ''] = /^\/v1\/(push|enqueue)\/(.+)$/.exec(pathname) ?? [];
    const enrollments = decodeURIComponent(ids).split(',');
    if (what === 'push') return this.#result(enrollments, enrollments, {}, {});
    if (what !== 'enqueue') return { status: 404, body: '404 page not found' };
    const trouble = this.troubles.shift() ?? null;
    if (typeof trouble === 'number') return { status: trouble, body: {} };
    const { CommandUUID: uuid, Command: command } = decoded(bytes) ?? {};
    if (typeof uuid !== 'string' || typeof command !== 'object' || command === null)
      return { status: 500, body: { command_error: 'decoding command: empty MDM command' } };
    const fields = command as Record<string, unknown>;
    if (this.storage === 'sql' && this.taken.some((one) => one.uuid === uuid))
      return {
        status: 500,
        body: {
          command_error: `Error 1062 (23000): Duplicate entry '${uuid}' for key 'commands.PRIMARY'`,
          command_uuid: uuid,
        },
      };
    const stranger = enrollments.some((id) => this.known?.has(id) === false);
    if (this.storage === 'sql' && stranger)
      return {
        status: 500,
        body: {
          command_error:
            'Error 1452 (23000): Cannot add or update a child row: a foreign key constraint fails (`nanomdm`.`enrollment_queue`)',
          command_uuid: uuid,
        },
      };
    this.taken.push(...enrollments.map((udid) => ({ udid, uuid, command: fields })));
    if (trouble === 'hang up') return { status: 0, body: null, hangUp: true };
    const about = { command_uuid: uuid, request_type: fields['RequestType'] };
    return searchParams.has('nopush')
      ? { status: 200, body: { no_push: true, ...about } }
      : this.#result(enrollments, enrollments, about, {});
  }

  #result(ids: readonly string[], push: readonly string[], about: object, more: object): Answer {
    const failed = push.filter((id) => this.unpushable.has(id));
    this.pushed.push(...push.filter((id) => !this.unpushable.has(id)));
    const status = Object.fromEntries(
      push.map((id) => [
        id,
        failed.includes(id)
          ? { push_error: 'BadDeviceToken' }
          : { push_result: '922D9F1F-B82E-B337-EDC9-DB4FC8527676' },
      ]),
    );
    return {
      status: failed.length === 0 ? 200 : failed.length === ids.length ? 500 : 207,
      body: { status, ...about, ...more },
    };
  }
}

function decoded(bytes: Buffer): Record<string, unknown> | null {
  try {
    const json = execFileSync(
      'python3',
      ['-c', 'import sys,json,plistlib;json.dump(plistlib.loads(sys.stdin.buffer.read()),sys.stdout)'],
      { input: bytes, encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'] },
    );
    return JSON.parse(json) as Record<string, unknown>;
  } catch (error) {
    // A machine without Python: our own reader is better than none.
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? asDictionary(readPropertyList(bytes)) : null;
  }
}
