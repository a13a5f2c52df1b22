/** MicroMDM's own API (spec/micromdm.md 5.3, 5.6): flat JSON, user `micromdm`. */
import type { Secret } from '../secret';
import type { PropertyListDictionary } from '../sources/property-list';
import {
  basicAuthorization,
  callOldServer,
  failedAt,
  objectOf,
  type OldServer,
  type OldServerCommand,
} from './old-server-api';
import type { WebAnswer, WebPlace } from './web-call';

/** A device's queue holds whole profiles. */
const QUEUE_BYTES = 32 * 1024 * 1024;

/** How `POST /v1/commands` names the fields of commands. */
const FLAT_NAMES: Readonly<Record<string, string>> = { Identifier: 'identifier', ManifestURL: 'manifest_url' };

export class MicroMdmServer implements OldServer {
  readonly kind = 'micromdm';
  readonly place: WebPlace;
  readonly #authorization: Secret;

  constructor(place: WebPlace, apiKey: Secret) {
    this.place = place;
    this.#authorization = basicAuthorization('micromdm', apiKey);
  }

  /** 201 comes before the command is stored; the server pushes by itself and does not say how that went. */
  async send({ udid, uuid, requestType, fields }: OldServerCommand): Promise<{ readonly pushed: null }> {
    const { status } = await this.#call({
      method: 'POST',
      path: '/v1/commands',
      contentType: 'application/json',
      body: JSON.stringify({ udid, request_type: requestType, command_uuid: uuid, ...flat(fields) }),
    });
    // 201 from MicroMDM itself; a proxy in between may make it 200 or 202.
    if (status < 200 || status > 299) failedAt(status, 'to a command');
    return { pushed: null };
  }

  async push(udid: string): Promise<{ readonly status: number; readonly pushed: boolean }> {
    const { status, body } = await this.#call({ method: 'GET', path: `/push/${encodeURIComponent(udid)}` });
    return { status, pushed: status === 200 && objectOf(body)['status'] === 'success' };
  }

  /** Their content is dropped. */
  async waiting(udid: string): Promise<ReadonlySet<string> | null> {
    const answer = await this.#call({
      method: 'GET',
      path: `/v1/commands/${encodeURIComponent(udid)}`,
      size: QUEUE_BYTES,
    });
    if (answer.status !== 200) failedAt(answer.status, 'to a question about waiting commands');
    const body = objectOf(answer.body);
    if (!('commands' in body)) return null;
    const list: unknown = body['commands'] ?? [];
    if (!Array.isArray(list)) return null;
    const uuids = list.map((one: unknown) =>
      typeof one === 'object' && one !== null && 'uuid' in one && typeof one.uuid === 'string' ? one.uuid : null,
    );
    return uuids.includes(null) ? null : new Set(uuids.filter((uuid) => uuid !== null));
  }

  #call(call: Parameters<typeof callOldServer>[2]): Promise<WebAnswer> {
    return callOldServer(this.place, '-api-key', { ...call, authorization: this.#authorization });
  }
}

function flat(fields: PropertyListDictionary): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      const known = FLAT_NAMES[name];
      if (known === undefined) throw new Error(`no name for the field ${name} of a command is known`);
      return [known, value];
    }),
  );
}
