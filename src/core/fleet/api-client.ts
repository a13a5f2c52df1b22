/**
 * Questions to Fleet's REST API: JSON objects, bounded, repeated when Fleet says it is asked too often. Only reads; what
 * sends something has a file of its own.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { FailureError, unreadable } from '../failure';
import type { Secret } from '../secret';
import { checkAllowed, objectOf } from './api';
import { getFromFleet, type FleetUrl, type HttpAnswer } from './https-request';

/** How waiting is done; tests give their own. */
export interface Pacing {
  /** Waits so many milliseconds; rejects when the signal is given. */
  readonly sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  /** From 0 to 1. */
  readonly random: () => number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

export const REAL_PACING: Pacing = {
  sleep: async (milliseconds, signal) => {
    await sleep(milliseconds, undefined, signal === undefined ? {} : { signal });
  },
  random: Math.random,
  now: Date.now,
};

/** A JSON object with anything in it. */
export type ApiObject = Readonly<Record<string, unknown>>;

/** One page of hosts is about 1 MB at 500 hosts. */
const SIZE = 16 * 1_048_576;
const TIMEOUT = 60_000;
/** Times one question is asked when Fleet is overburdened. */
const TRIES = 4;
/** The longest Fleet is obeyed when it says how long to wait, milliseconds. */
const LONGEST_WAIT = 5 * 60_000;
const BACK_OFF = 2_000;

/** Values of a query; null and undefined are left out. */
export type ApiQuery = Readonly<Record<string, string | number | null | undefined>>;

/** Fleet's API with one token. */
export class FleetApi {
  readonly place: FleetUrl;
  readonly #token: Secret;
  readonly #pacing: Pacing;
  readonly #signal: AbortSignal | undefined;
  #asked = 0;

  constructor(place: FleetUrl, token: Secret, options: { pacing?: Pacing; signal?: AbortSignal } = {}) {
    this.place = place;
    this.#token = token;
    this.#pacing = options.pacing ?? REAL_PACING;
    this.#signal = options.signal;
  }

  /** Requests sent so far, repeated ones included. */
  get asked(): number {
    return this.#asked;
  }

  /**
   * GETs the first of these paths that Fleet knows (newer name first), below `/api/v1/fleet`. Null when it knows none
   * of them (404).
   *
   * Throws `fleet/api-unauthorized`, `fleet/api-forbidden`, `fleet/api-busy` (429 or 5xx again and again, detail
   * `retryAfter` in seconds), `fleet/api-unreadable`, and what `getFromFleet` throws. `what` completes "may not".
   */
  async get(paths: readonly string[], query: ApiQuery, what: string): Promise<ApiObject | null> {
    for (const path of paths) {
      const answer = await this.#patiently(`/api/v1/fleet${path}${queryText(query)}`);
      if (answer.status === 404) continue;
      checkAllowed(answer.status, what);
      const body = answer.status === 200 ? objectOf(answer.body) : null;
      if (body !== null) return body;
      // Older Fleets answer 400 or 405 where a newer path looks like a parameter of another one.
      if (paths.length > 1 && [400, 405].includes(answer.status) && path !== paths.at(-1)) continue;
      unreadable(
        'fleet/api-unreadable',
        `Fleet answered ${answer.status} to ${path.replace(/[^\x20-\x7e]/g, '?').slice(0, 80)}, in a form that could not be read.`,
        'Check the address; if it is right, look at Fleet’s log.',
        { status: answer.status },
      );
    }
    return null;
  }

  async #patiently(path: string): Promise<HttpAnswer> {
    for (let attempt = 1; ; attempt += 1) {
      this.#signal?.throwIfAborted();
      this.#asked += 1;
      const answer = await getFromFleet(this.place, path, {
        token: this.#token,
        limits: { size: SIZE, timeout: TIMEOUT },
      });
      const busy = answer.status === 429 || [502, 503, 504].includes(answer.status);
      if (!busy) return answer;
      const told = retryAfterOf(answer.retryAfter, this.#pacing.now());
      if (attempt >= TRIES || (told !== null && told > LONGEST_WAIT)) throw busyFailure(answer.status, told);
      // Whoever was sent away together should not come back together.
      const wait = told ?? BACK_OFF * 2 ** (attempt - 1);
      await this.#pacing.sleep(wait * (1 + this.#pacing.random() * 0.2), this.#signal);
    }
  }
}

function busyFailure(status: number, retryAfter: number | null): FailureError {
  return new FailureError({
    code: 'fleet/api-busy',
    kind: 'unreadable',
    message:
      status === 429
        ? 'Fleet’s API says it is asked too often (429).'
        : `Fleet’s API cannot answer at the moment (${status}).`,
    remedy: 'It is asked again later by itself; if it stays, look at Fleet’s load, and at what else uses its API.',
    detail: { status, retryAfter: retryAfter === null ? null : Math.ceil(retryAfter / 1000) },
  });
}

/** Milliseconds to wait by a Retry-After header (seconds, or an HTTP date); null when it says nothing usable. */
export function retryAfterOf(header: string | null, now: number): number | null {
  if (header === null) return null;
  const text = header.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const at = /[A-Za-z]/.test(text) && text.length <= 40 ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}

function queryText(query: ApiQuery): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== null && value !== undefined) params.set(key, String(value));
  }
  const text = params.toString();
  return text === '' ? '' : `?${text}`;
}

// Lenient reading -------------------------------------------------------------------------------------------------

/** A text that is not empty; null for anything else. Cut where nobody would read on. */
export function apiText(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value.slice(0, 500) : null;
}

/** A whole number from 0 on, also as text. */
export function apiNumber(value: unknown): number | null {
  const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : null;
}

/** RFC 3339 as milliseconds since the epoch; null for nothing, for rubbish, and for Go's and Fleet's "never". */
export function apiTime(value: unknown): number | null {
  if (typeof value !== 'string' || !/^\d{4}-\d{2}-\d{2}T/.test(value)) return null;
  const at = Date.parse(value);
  // 0001-01-01 is Go's zero time, 2000-01-01 Fleet's "never".
  return Number.isNaN(at) || at <= Date.UTC(2000, 0, 2) ? null : at;
}

export function apiObject(value: unknown): ApiObject | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as ApiObject) : null;
}

/** The objects of a list; anything else in it is left out. Null and missing are empty. */
export function apiList(value: unknown): ApiObject[] {
  if (!Array.isArray(value)) return [];
  const objects: ApiObject[] = [];
  for (const item of value as unknown[]) {
    const object = apiObject(item);
    if (object !== null) objects.push(object);
  }
  return objects;
}
