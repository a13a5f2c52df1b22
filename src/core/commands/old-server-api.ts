/**
 * What is sent through an old server's own API, whichever server it is: commands, pushes, and what still waits for a device.
 * Basic authentication with the API key as password. Reading a source is another matter (`sources/`).
 */
import { FailureError, refused } from '../failure';
import { Secret } from '../secret';
import type { PropertyListDictionary } from '../sources/property-list';
import { callWeb, type WebAnswer, type WebPlace } from './web-call';

/** Servers with an API that is known here. */
export type OldServerKind = 'micromdm' | 'nanomdm';

/** A command for one device, as Apple names things. */
export interface OldServerCommand {
  readonly udid: string;
  /** Given by us, so that what became of a lost answer can be asked. */
  readonly uuid: string;
  readonly requestType: string;
  /** Fields of the type: `Identifier`, `ManifestURL`. */
  readonly fields: PropertyListDictionary;
}

/** The API of one old server, with one key. */
export interface OldServer {
  readonly kind: OldServerKind;
  readonly place: WebPlace;
  /**
   * Queues a command and has the device pushed.
   * @returns whether the push went out; null where the server does not say
   * @throws FailureError `old-server/key-refused` (401, 403, 404: the next one would be refused as well),
   *   `old-server/refused` (for good), `old-server/error` (5xx and what cannot be read), what `callWeb` throws. Never a body.
   */
  send(command: OldServerCommand): Promise<{ readonly pushed: boolean | null }>;
  /**
   * Pushes a device: it calls in, wherever its requests are led by then.
   * @throws FailureError as {@link OldServer.send}
   */
  push(udid: string): Promise<{ readonly status: number; readonly pushed: boolean }>;
  /**
   * UUIDs of the commands that wait for a device, those it deferred (NotNow) not among them; null when the answer cannot be
   * read. Absent where the API cannot be asked for them.
   * @throws FailureError as {@link OldServer.send}
   */
  readonly waiting?: (udid: string) => Promise<ReadonlySet<string> | null>;
}

/** The authorization of an API: its fixed user, and the key. */
export function basicAuthorization(user: string, apiKey: Secret): Secret {
  return new Secret('API key', `Basic ${Buffer.from(`${user}:${apiKey.revealText()}`).toString('base64')}`);
}

/**
 * Calls an old server. Throws `old-server/key-refused`, and what `callWeb` throws.
 * @param flag the flag the server takes its key by, for the remedy
 */
export async function callOldServer(
  place: WebPlace,
  flag: string,
  call: Parameters<typeof callWeb>[1],
): Promise<WebAnswer> {
  const answer = await callWeb(place, call);
  const { status } = answer;
  if (status === 401 || status === 403 || status === 404)
    refused(
      'old-server/key-refused',
      `The old server answered ${status}: its API key is another one, or it has no API.`,
      `Give the key it was started with (${flag}).`,
      { status },
    );
  return answer;
}

/** @throws FailureError `old-server/error` (5xx), `old-server/refused` */
export function failedAt(status: number, to: string): never {
  throw new FailureError({
    code: status >= 500 ? 'old-server/error' : 'old-server/refused',
    kind: 'unreadable',
    message: `The old server answered ${status} ${to}.`,
    remedy: 'Look at the old server’s log.',
    detail: { status },
  });
}

/** The JSON object of an answer; empty when it is none. */
export function objectOf(body: string): Readonly<Record<string, unknown>> {
  try {
    return asObject(JSON.parse(body));
  } catch {
    return {};
  }
}

/** The value if it is a JSON object, else an empty one. */
export function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
