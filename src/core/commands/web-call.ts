/**
 * One bounded call to a server of the operator's own (the old server, mdmproxy): verified TLS, no redirects followed,
 * plain HTTP to this machine only unless confirmed.
 */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { readFile } from 'node:fs/promises';
import { rootCertificates } from 'node:tls';
import { FailureError, misused, unreadable } from '../failure';
import { isLoopback } from '../fleet/connection';
import type { Secret } from '../secret';

/** Where to call. */
export interface WebPlace {
  /** For messages: `mdmproxy`, `The old server`. */
  readonly who: string;
  readonly url: string;
  /** PEM of a private CA, trusted besides the roots Node brings. */
  readonly caFile: string | null;
  /** The operator has said that plain HTTP to another machine is meant. */
  readonly plainConfirmed: boolean;
}

export interface WebAnswer {
  readonly status: number;
  readonly body: string;
}

const PATIENCE_MS = 15_000;
const MOST_BYTES = 64 * 1024;

/** The base URL, checked. Throws `usage/web-url`, `usage/secret-in-url`, `usage/plain-http`. */
export function parsePlace({ who, url: text, plainConfirmed }: WebPlace): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return misused(
      'usage/web-url',
      `The address of ${lower(who)} is not a URL.`,
      'Write it as https://host.example.com.',
    );
  }
  if (url.username !== '' || url.password !== '')
    misused('usage/secret-in-url', `The address of ${lower(who)} holds a user or password.`, 'Give secrets by file.');
  if (url.search !== '' || url.hash !== '' || !['https:', 'http:'].includes(url.protocol))
    misused('usage/web-url', `The address of ${lower(who)} cannot be used.`, 'Write it as https://host.example.com.');
  if (url.protocol === 'http:' && !plainConfirmed && !isLoopback(url.hostname.replace(/^\[|\]$/g, '')))
    misused(
      'usage/plain-http',
      `Secrets for ${lower(who)} would travel in the open.`,
      'Use https, or confirm plain HTTP by name if the network in between is yours.',
    );
  return url;
}

/**
 * Calls. Any status is an answer. Throws `web/unreachable`, `web/timeout`, `web/tls`, `web/ca-file`, and what
 * {@link parsePlace} throws. Never a secret, never a body.
 */
export async function callWeb(
  place: WebPlace,
  call: {
    readonly method: string;
    readonly path: string;
    readonly authorization?: Secret;
    readonly body?: string;
    readonly contentType?: string;
    /** Bytes of the answer that are kept; what is beyond is dropped. Default 64 KiB. */
    readonly size?: number;
  },
): Promise<WebAnswer> {
  const most = call.size ?? MOST_BYTES;
  const base = parsePlace(place);
  const secure = base.protocol === 'https:';
  const ca = secure && place.caFile !== null ? [...rootCertificates, await caOf(place.caFile)] : undefined;
  const fail = (code: string, sentence: string, remedy: string): FailureError =>
    new FailureError({ code, message: sentence, remedy, kind: 'unreadable', detail: { host: base.host } });
  return new Promise<WebAnswer>((resolve, reject) => {
    const sent = (secure ? httpsRequest : httpRequest)(new URL(base.href.replace(/\/+$/, '') + call.path), {
      method: call.method,
      agent: false,
      headers: {
        'User-Agent': 'slipway',
        ...(call.authorization === undefined ? {} : { Authorization: call.authorization.revealText() }),
        ...(call.contentType === undefined ? {} : { 'Content-Type': call.contentType }),
        ...(call.body === undefined ? {} : { 'Content-Length': Buffer.byteLength(call.body) }),
      },
      ...(secure ? { minVersion: 'TLSv1.2' as const, ...(ca === undefined ? {} : { ca }) } : {}),
    });
    const timer = setTimeout(
      () => sent.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })),
      PATIENCE_MS,
    );
    sent.on('close', () => clearTimeout(timer));
    const failed = ({ code = 'connection ended early' }: NodeJS.ErrnoException): void => {
      if (code === 'ETIMEDOUT')
        reject(
          fail(
            'web/timeout',
            `${place.who} at ${base.host} did not answer within ${PATIENCE_MS / 1000} seconds.`,
            'Check the address, and what lies in between.',
          ),
        );
      else if (/CERT|SELF_SIGNED|UNABLE_TO|ISSUER/.test(code))
        reject(
          fail(
            'web/tls',
            `The certificate of ${base.host} is not trusted here (${code}).`,
            'Give the certificate of its CA.',
          ),
        );
      else
        reject(
          fail(
            'web/unreachable',
            `${place.who} at ${base.host} could not be reached (${code}).`,
            'Check the address, and that it runs.',
          ),
        );
    };
    sent.on('error', failed);
    sent.on('response', (response) => {
      const pieces: Buffer[] = [];
      let size = 0;
      // What is beyond the bound is of no interest here: mdmproxy answers with everything it was given.
      response.on('data', (piece: Buffer) => {
        if (size < most) pieces.push(piece);
        size += piece.length;
      });
      response.on('error', failed);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(pieces).toString('utf8', 0, most) }),
      );
    });
    sent.end(call.body);
  });
}

async function caOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    return unreadable(
      'web/ca-file',
      `The CA file ${path} could not be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}).`,
      'Name a PEM file that you may read.',
    );
  }
}

function lower(who: string): string {
  return who.replace(/^The /, 'the ');
}
