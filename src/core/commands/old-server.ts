/**
 * MicroMDM's own API, as far as something is sent through it (spec/micromdm.md 5.3, 5.6): commands, pushes, and what
 * still waits for a device. Basic authentication, user `micromdm`, the API key as password. Reading a source is another
 * matter (`sources/micromdm`).
 */
import { FailureError, refused } from '../failure';
import { Secret } from '../secret';
import { callWeb, type WebAnswer, type WebPlace } from './web-call';

/** A command as `POST /v1/commands` takes it: flat, with the fields of its type beside these. */
export interface OldServerCommand {
  readonly udid: string;
  readonly request_type: string;
  /** Given by us, so that what became of a lost answer can be asked. */
  readonly command_uuid: string;
  readonly [field: string]: unknown;
}

/** A device's queue holds whole profiles. */
const QUEUE_BYTES = 32 * 1024 * 1024;

/** The old server's API with one key. */
export class OldServer {
  readonly place: WebPlace;
  readonly #authorization: Secret;

  constructor(place: WebPlace, apiKey: Secret) {
    this.place = place;
    const basic = Buffer.from(`micromdm:${apiKey.revealText()}`).toString('base64');
    this.#authorization = new Secret('API key', `Basic ${basic}`);
  }

  /**
   * Queues a command; the server pushes the device by itself. 201 comes before it is stored.
   *
   * Throws `old-server/key-refused` (401, 404: the next one would be refused as well), `old-server/refused` (4xx),
   * `old-server/error` (5xx and what cannot be read), and what `callWeb` throws. Never a body.
   */
  async send(command: OldServerCommand): Promise<void> {
    const answer = await callWeb(this.place, {
      method: 'POST',
      path: '/v1/commands',
      authorization: this.#authorization,
      contentType: 'application/json',
      body: JSON.stringify(command),
    });
    this.#requireKey(answer);
    // 201 from MicroMDM itself; a proxy in between may make it 200 or 202.
    if (answer.status < 200 || answer.status > 299) fail(answer.status, 'to a command');
  }

  /**
   * Pushes a device: it calls in, wherever its requests are led by then.
   * @returns false when the server could not push it
   * @throws FailureError as {@link OldServer.send}
   */
  async push(udid: string): Promise<{ readonly status: number; readonly pushed: boolean }> {
    const answer = await callWeb(this.place, {
      method: 'GET',
      path: `/push/${encodeURIComponent(udid)}`,
      authorization: this.#authorization,
    });
    this.#requireKey(answer);
    return { status: answer.status, pushed: answer.status === 200 && objectOf(answer.body)['status'] === 'success' };
  }

  /**
   * UUIDs of the commands that wait for a device, those it deferred (NotNow) not among them. Their content is dropped.
   * @returns null when the answer cannot be read
   * @throws FailureError as {@link OldServer.send}
   */
  async waiting(udid: string): Promise<ReadonlySet<string> | null> {
    const answer = await callWeb(this.place, {
      method: 'GET',
      path: `/v1/commands/${encodeURIComponent(udid)}`,
      authorization: this.#authorization,
      size: QUEUE_BYTES,
    });
    this.#requireKey(answer);
    if (answer.status !== 200) fail(answer.status, 'to a question about waiting commands');
    const body = objectOf(answer.body);
    if (!('commands' in body)) return null;
    const list: unknown = body['commands'] ?? [];
    if (!Array.isArray(list)) return null;
    const uuids = list.map((one: unknown) =>
      typeof one === 'object' && one !== null && 'uuid' in one && typeof one.uuid === 'string' ? one.uuid : null,
    );
    return uuids.includes(null) ? null : new Set(uuids.filter((uuid) => uuid !== null));
  }

  #requireKey({ status }: WebAnswer): void {
    if (status !== 401 && status !== 403 && status !== 404) return;
    refused(
      'old-server/key-refused',
      `The old server answered ${status}: its API key is another one, or it has no API.`,
      'Give the key it was started with (-api-key).',
      { status },
    );
  }
}

function fail(status: number, to: string): never {
  const server = status >= 500;
  throw new FailureError({
    code: server ? 'old-server/error' : 'old-server/refused',
    kind: 'unreadable',
    message: `The old server answered ${status} ${to}.`,
    remedy: 'Look at the old server’s log.',
    detail: { status },
  });
}

function objectOf(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
