/** The little of Fleet's REST API that is needed. Lenient: unknown keys, nulls and missing keys are fine. */
import { randomBytes } from 'node:crypto';
import { refused, unreadable } from '../failure';
import type { Secret } from '../secret';
import { getFromFleet, postToFleet, type FleetUrl } from './https-request';

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
  checkAllowed(answer.status, 'see the push certificate');
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

/**
 * `POST /api/v1/fleet/mdm/apple/apns_certificate`: Fleet checks the certificate against the key it has stored, makes it
 * its own and turns MDM on, without a restart and without asking anybody else (spec/fleet.md 2.4).
 *
 * Throws `fleet/api-unauthorized`, `fleet/api-forbidden`, `fleet/api-certificate-refused`, `fleet/api-unreadable`, and
 * what `postToFleet` throws.
 */
export async function uploadPushCertificate(fleet: FleetUrl, token: Secret, pem: string): Promise<void> {
  const boundary = `slipway-${randomBytes(12).toString('hex')}`;
  const bytes = Buffer.from(
    `--${boundary}\r\nContent-Disposition: form-data; name="certificate"; filename="certificate.pem"\r\n` +
      `Content-Type: application/x-pem-file\r\n\r\n${pem}\r\n--${boundary}--\r\n`,
  );
  const { status } = await postToFleet(
    fleet,
    '/api/v1/fleet/mdm/apple/apns_certificate',
    { contentType: `multipart/form-data; boundary=${boundary}`, bytes },
    { token },
  );
  if (status >= 200 && status < 300) return;
  checkAllowed(status, 'upload a push certificate');
  if (status === 400 || status === 422) {
    refused(
      'fleet/api-certificate-refused',
      `Fleet answered ${status}: it does not take this push certificate with the key it has stored.`,
      'Look at Fleet’s log; a restart of all Fleet instances turns MDM on as well.',
      { status },
    );
  }
  unreadable(
    'fleet/api-unreadable',
    `Fleet answered ${status} when the push certificate was uploaded.`,
    'Check the address; a restart of all Fleet instances turns MDM on as well.',
    { status },
  );
}

/** Throws `fleet/api-unauthorized` for 401 and `fleet/api-forbidden` for 403; `what` completes "may not". */
export function checkAllowed(status: number, what: string): void {
  if (status === 401) {
    unreadable(
      'fleet/api-unauthorized',
      'Fleet did not accept the API token.',
      'Take the token of an API-only user, or log in again: login tokens expire.',
    );
  }
  if (status === 403) {
    unreadable('fleet/api-forbidden', `The API token’s user may not ${what}.`, 'Use a global admin or maintainer.');
  }
}

/** A JSON object; null for anything else. */
export function objectOf(body: Buffer): Record<string, unknown> | null {
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
