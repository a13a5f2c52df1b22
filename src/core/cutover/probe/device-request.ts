/**
 * A request as a device would make it, to one given address under the old name. Nothing secret is ever in it.
 *
 * The certificate is not judged here: a probe of its own does that, and the others should still say what they see.
 */
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import { unreadable } from '../../failure';
import { printServer } from '../dns/dns-client';
import type { Place } from './probe';

export interface DeviceRequest {
  readonly method: 'GET' | 'PUT' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

export interface DeviceAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Its first 256 KiB. */
  readonly body: Buffer;
}

const MOST_BYTES = 256 * 1024;

/**
 * Redirects are not followed.
 * @param timeout milliseconds for the whole of it
 * @throws probe/unreachable
 */
export function askAsDevice(
  host: string,
  place: Place,
  { method, path, headers = {}, body }: DeviceRequest,
  timeout: number,
): Promise<DeviceAnswer> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest({
      host: place.address,
      port: place.port,
      method,
      path,
      agent: false,
      // Chain and name are judged by the TLS probe; nothing sent here is secret.
      rejectUnauthorized: false,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      minVersion: 'TLSv1.2',
      headers: {
        Host: place.port === 443 ? host : `${host}:${place.port}`,
        'User-Agent': 'slipway-probe',
        ...headers,
        ...(body === undefined ? {} : { 'Content-Length': String(body.length) }),
      },
    });
    let answered = false;
    const fail = (code: string): void => {
      clearTimeout(timer);
      if (answered) return;
      try {
        unreadable(
          'probe/unreachable',
          `${host} at ${printServer(place)} did not answer (${code}).`,
          'Check the address, that the port is open from here, and that something listens there.',
        );
      } catch (error) {
        reject(error instanceof Error ? error : new Error('not an error'));
      }
    };
    const timer = setTimeout(() => request.destroy(Object.assign(new Error('late'), { code: 'ETIMEDOUT' })), timeout);
    request.on('error', (error) => fail((error as NodeJS.ErrnoException).code ?? 'connection ended early'));
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const done = (): void => {
        clearTimeout(timer);
        answered = true;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) });
        request.destroy();
      };
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        chunks.push(chunk);
        if (size >= MOST_BYTES) done();
      });
      response.on('end', done);
      // An answer that breaks off is still an answer: its status counts.
      response.on('error', done);
    });
    request.end(body);
  });
}

/** One header's value, or ''. */
export function headerOf(answer: DeviceAnswer, name: string): string {
  const value = answer.headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

/** What a device says when it asks for commands, without a signature: Fleet answers 400 and does nothing. */
export const IDLE = Buffer.from(
  '<?xml version="1.0" encoding="UTF-8"?>\n<plist version="1.0"><dict><key>Status</key><string>Idle</string>' +
    '<key>UDID</key><string>00000000-0000-0000-0000-000000000000</string></dict></plist>\n',
);

/** How Apple's devices mark a command's answer, and a check-in (Fleet tells them apart by this alone). */
export const COMMAND_TYPE = 'application/xml; charset=UTF-8';
export const CHECKIN_TYPE = 'application/x-apple-aspen-mdm-checkin';
