/**
 * NanoMDM's own API (spec/micromdm.md 6.4): commands as property lists, user `nanomdm`. One device a request, so that an
 * answer speaks of one device only.
 *
 * Its status counts a push that failed as a failure of the whole, although the command is queued by then: what became of the
 * command is read from the answer's fields. It stores a command under its UUID once: a repeated request, whose first answer
 * was lost, is told of as a duplicate.
 */
import { refused } from '../failure';
import { writePropertyList } from '../profile/property-list-writer';
import type { Secret } from '../secret';
import {
  asObject,
  basicAuthorization,
  callOldServer,
  failedAt,
  objectOf,
  type OldServer,
  type OldServerCommand,
} from './old-server-api';
import type { WebAnswer, WebPlace } from './web-call';

/** What MySQL and PostgreSQL say of a primary key that is there already. */
const DUPLICATE = /duplicate (?:entry|key)/i;
/** What they say where no such enrollment is. */
const NO_ENROLLMENT = /foreign key constraint/i;

export class NanoMdmServer implements OldServer {
  readonly kind = 'nanomdm';
  readonly place: WebPlace;
  readonly #authorization: Secret;

  constructor(place: WebPlace, apiKey: Secret) {
    this.place = place;
    this.#authorization = basicAuthorization('nanomdm', apiKey);
  }

  async send({ udid, uuid, requestType, fields }: OldServerCommand): Promise<{ readonly pushed: boolean }> {
    const { status, body } = await this.#call({
      method: 'PUT',
      path: `/v1/enqueue/${idIn(udid)}`,
      contentType: 'application/xml',
      body: writePropertyList({ Command: { RequestType: requestType, ...fields }, CommandUUID: uuid }),
    });
    const answer = objectOf(body);
    const one = resultFor(answer, udid);
    const trouble = textOr(answer['command_error']) ?? textOr(one['command_error']);
    const pushed =
      textOr(answer['push_error']) === null &&
      textOr(one['push_error']) === null &&
      textOr(one['push_result']) !== null;
    // The UUID is random and ours: only our own request can have stored it.
    if (trouble !== null && DUPLICATE.test(trouble)) return { pushed };
    if (trouble !== null && NO_ENROLLMENT.test(trouble))
      refused('old-server/refused', 'The old server knows no enrollment of this device.', 'Read the source again.', {
        status,
      });
    if (trouble !== null || answer['command_uuid'] !== uuid) {
      // An answer that tells of no command is none of this server's, however well it looks.
      failedAt(status >= 200 && status <= 299 ? 502 : status, 'to a command');
    }
    return { pushed };
  }

  async push(udid: string): Promise<{ readonly status: number; readonly pushed: boolean }> {
    const { status, body } = await this.#call({ method: 'GET', path: `/v1/push/${idIn(udid)}` });
    const one = resultFor(objectOf(body), udid);
    return {
      status,
      pushed: status === 200 && textOr(one['push_result']) !== null && textOr(one['push_error']) === null,
    };
  }

  #call(call: Parameters<typeof callOldServer>[2]): Promise<WebAnswer> {
    return callOldServer(this.place, '-api', { ...call, authorization: this.#authorization });
  }
}

/** A comma would make two ids of one. */
function idIn(udid: string): string {
  if (udid.includes(','))
    refused('old-server/refused', 'The device’s identifier holds a comma; this API would read two in it.', '');
  return encodeURIComponent(udid);
}

function resultFor(answer: Readonly<Record<string, unknown>>, udid: string): Readonly<Record<string, unknown>> {
  const status = asObject(answer['status']);
  return Object.hasOwn(status, udid) ? asObject(status[udid]) : {};
}

function textOr(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
