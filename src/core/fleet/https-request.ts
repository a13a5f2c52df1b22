/**
 * One bounded HTTPS request: verified TLS, no redirects followed, answer and time limited. Plain HTTP to loopback only.
 */
import { readFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { rootCertificates } from 'node:tls';
import { misused, unreadable } from '../failure';
import type { Secret } from '../secret';
import { isLoopback } from './connection';

/** Where Fleet's HTTPS side is and how it is trusted. */
export interface FleetUrl {
  /** `https://fleet.example.com`, with Fleet's url_prefix as its path when one is set. */
  readonly url: string;
  /** PEM of a private CA, trusted in addition to the roots Node brings; null: those alone. */
  readonly caFile: string | null;
}

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  /** The header Retry-After as sent: seconds, or an HTTP date; null when absent. */
  readonly retryAfter: string | null;
  readonly body: Buffer;
}

export interface RequestLimits {
  /** Milliseconds for everything. */
  readonly timeout: number;
  /** Bytes of the answer. */
  readonly size: number;
}

const LIMITS: RequestLimits = { timeout: 15_000, size: 1024 * 1024 };

/** The base URL, checked: https, or http to loopback; no user, password, query or fragment. Throws `usage/fleet-url`. */
export function parseFleetUrl(text: string): URL {
  const form = 'Write it as https://fleet.example.com.';
  let url: URL;
  try {
    url = new URL(text.trim());
  } catch {
    misused('usage/fleet-url', 'The address of Fleet’s web side is not a URL.', form);
  }
  if (url.username !== '' || url.password !== '') {
    misused(
      'usage/secret-in-url',
      'The address of Fleet’s web side holds a user or password.',
      'Give the API token by --fleet-token-file.',
    );
  }
  if (url.search !== '' || url.hash !== '') {
    misused('usage/fleet-url', 'The address of Fleet’s web side has something after its path.', form);
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(host))) {
    misused(
      'usage/fleet-url',
      'The address of Fleet’s web side must begin with https:// (http:// is for this machine only).',
      form,
    );
  }
  return url;
}

/**
 * GETs a path below Fleet's base URL. Any status is an answer.
 *
 * Throws `usage/fleet-url`, `fleet-url/ca-file`, `fleet-url/unreachable`, `fleet-url/timeout`, `fleet-url/tls-untrusted`,
 * `fleet-url/tls-wrong-name`, `fleet-url/too-large`. Never the token, never the body.
 */
export async function getFromFleet(fleet: FleetUrl, path: string, options: RequestOptions = {}): Promise<HttpAnswer> {
  return ask(fleet, path, options, null);
}

/** A body to send. */
export interface RequestBody {
  readonly contentType: string;
  readonly bytes: Buffer;
}

/** POSTs to a path below Fleet's base URL. Any status is an answer. Throws what {@link getFromFleet} throws. */
export async function postToFleet(
  fleet: FleetUrl,
  path: string,
  body: RequestBody,
  options: RequestOptions = {},
): Promise<HttpAnswer> {
  return ask(fleet, path, options, body);
}

interface RequestOptions {
  readonly token?: Secret;
  readonly limits?: Partial<RequestLimits>;
}

async function ask(
  fleet: FleetUrl,
  path: string,
  options: RequestOptions,
  body: RequestBody | null,
): Promise<HttpAnswer> {
  const base = parseFleetUrl(fleet.url);
  const limits = { ...LIMITS, ...options.limits };
  const secure = base.protocol === 'https:';
  const url = new URL(base.href.replace(/\/+$/, '') + path);
  const ca = secure && fleet.caFile !== null ? [...rootCertificates, await readCa(fleet.caFile)] : undefined;
  return new Promise<HttpAnswer>((resolve, reject) => {
    const fail = (error: unknown): void => {
      try {
        requestFailure(error, url, limits);
      } catch (failure) {
        reject(failure instanceof Error ? failure : new Error('not an error'));
      }
    };
    const request = (secure ? httpsRequest : httpRequest)(url, {
      method: body === null ? 'GET' : 'POST',
      agent: false,
      headers: {
        Accept: '*/*',
        'User-Agent': 'slipway',
        ...(options.token === undefined ? {} : { Authorization: `Bearer ${options.token.revealText().trim()}` }),
        ...(body === null ? {} : { 'Content-Type': body.contentType, 'Content-Length': body.bytes.length }),
      },
      ...(secure
        ? { minVersion: 'TLSv1.2' as const, rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) }
        : {}),
    });
    const timer = setTimeout(
      () => request.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })),
      limits.timeout,
    );
    request.on('close', () => clearTimeout(timer));
    request.on('error', fail);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > limits.size) request.destroy(Object.assign(new Error('too large'), { code: 'SLIPWAY_TOO_LARGE' }));
        else chunks.push(chunk);
      });
      response.on('error', fail);
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          contentType: response.headers['content-type'] ?? '',
          retryAfter: response.headers['retry-after'] ?? null,
          body: Buffer.concat(chunks),
        });
      });
    });
    request.end(body?.bytes);
  });
}

async function readCa(path: string): Promise<string> {
  let text = '';
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    unreadable(
      'fleet-url/ca-file',
      `The CA file ${path} could not be read (${reason}).`,
      'Name a PEM file that you may read.',
    );
  }
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  unreadable(
    'fleet-url/ca-file',
    `The CA file ${path} holds no certificate in PEM form.`,
    'Name the file with the CA’s certificate.',
  );
}

function requestFailure(error: unknown, url: URL, limits: RequestLimits): never {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  const place = url.host;
  if (code === 'ETIMEDOUT') {
    unreadable(
      'fleet-url/timeout',
      `Fleet at ${place} did not answer within ${Math.round(limits.timeout / 1000)} seconds.`,
      'Check the address and whether a proxy or firewall lies in between.',
    );
  }
  if (code === 'SLIPWAY_TOO_LARGE') {
    unreadable(
      'fleet-url/too-large',
      `What ${place} answered is larger than such an answer can be.`,
      'Check that this is Fleet’s address.',
    );
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    unreadable(
      'fleet-url/tls-wrong-name',
      `The certificate of ${place} is trusted, but was issued for another name.`,
      'Use the name Fleet’s certificate carries. Devices check it in the same way.',
    );
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO|ISSUER/.test(code)) {
    unreadable(
      'fleet-url/tls-untrusted',
      `The certificate of ${place} is not trusted here (${code}).`,
      'Give the CA’s certificate with --fleet-url-ca-file if Fleet’s certificate comes from your own CA.',
    );
  }
  if (code === '' && !/socket|aborted|hang up|parse/i.test(message)) throw error;
  unreadable(
    'fleet-url/unreachable',
    `Fleet at ${place} could not be reached (${code === '' ? 'connection ended early' : code}).`,
    'Check the address, DNS, and that the port is open from this machine.',
  );
}
