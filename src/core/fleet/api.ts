/** The little of Fleet's REST API the checks need. Lenient: unknown keys, nulls and missing keys are fine. */
import { unreadable } from '../failure';
import type { Secret } from '../secret';
import { getFromFleet, type FleetUrl } from './https-request';

/** True when `/healthz` answers 200. Throws what `getFromFleet` throws when nothing answers. */
export async function isHealthy(fleet: FleetUrl): Promise<boolean> {
  const { status } = await getFromFleet(fleet, '/healthz', { limits: { size: 64 * 1024 } });
  return status === 200;
}

/** Fleet's push certificate as its API tells of it. */
export interface ApiPushCertificate {
  /** `com.apple.mgmt.External.<uuid>`; null when the common name is not of the form `APSP:<uuid>`. */
  readonly topic: string | null;
  readonly commonName: string | null;
  /** RFC 3339 as sent; null when absent. */
  readonly renewDate: string | null;
}

/**
 * `GET /api/v1/fleet/apns`. Null when Fleet has no push certificate (404).
 * Throws `fleet/api-unauthorized`, `fleet/api-forbidden`, `fleet/api-unreadable`, and what `getFromFleet` throws.
 */
export async function fetchPushCertificate(fleet: FleetUrl, token: Secret): Promise<ApiPushCertificate | null> {
  let answer = await getFromFleet(fleet, '/api/v1/fleet/apns', { token });
  // The name of older releases.
  if (answer.status === 404) answer = await getFromFleet(fleet, '/api/v1/fleet/mdm/apple', { token });
  if (answer.status === 404) return null;
  if (answer.status === 401) {
    unreadable(
      'fleet/api-unauthorized',
      'Fleet did not accept the API token.',
      'Take the token of an API-only user, or log in again: login tokens expire.',
    );
  }
  if (answer.status === 403) {
    unreadable(
      'fleet/api-forbidden',
      'The API token’s user may not see the push certificate.',
      'Use a global admin or maintainer.',
    );
  }
  const body = answer.status === 200 ? objectOf(answer.body) : null;
  if (body === null) {
    unreadable(
      'fleet/api-unreadable',
      `Fleet answered ${answer.status} to a question about its push certificate, in a form that could not be read.`,
      'Check the address; if it is right, look at Fleet’s log.',
      { status: answer.status },
    );
  }
  const commonName = textOf(body['common_name']);
  const uuid = commonName === null ? null : (/^APSP:([0-9A-Za-z-]{1,64})$/.exec(commonName)?.[1] ?? null);
  return {
    topic: uuid === null ? null : `com.apple.mgmt.External.${uuid}`,
    commonName,
    renewDate: textOf(body['renew_date']),
  };
}

function objectOf(body: Buffer): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value.length <= 200 ? value : null;
}
