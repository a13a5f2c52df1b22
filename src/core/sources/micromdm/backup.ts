/**
 * MicroMDM's own hot copy of its database, `GET /boltbackup` (spec 5.4): consistent, needs the API key and nothing
 * else. The key goes out only after the server has proved who it is.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { open, statfs, unlink } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { connect as connectTls, type PeerCertificate } from 'node:tls';
import { FailureError, misused, unreadable } from '../../failure';
import type { OnProgress } from '../../progress';
import type { Secret } from '../../secret';

/** How to reach a MicroMDM server. */
export interface BackupOptions {
  /** The server's API key (`-api-key`). */
  readonly apiKey: Secret;
  /** PEM file with the only CAs to trust, instead of the system's. */
  readonly caFile?: string;
  /** SHA-256 fingerprint of the server's certificate, hex with or without colons; then chain and name do not matter. */
  readonly pinSha256?: string;
  readonly onProgress?: OnProgress;
  /** Milliseconds until connected, default 15 s. */
  readonly connectTimeout?: number;
  /** Milliseconds without a byte, default 60 s. */
  readonly idleTimeout?: number;
  /** Bytes beyond which the answer is not taken, default 64 GiB. */
  readonly maxBytes?: number;
}

/** Bytes beyond which no database is copied, unless the caller says otherwise. */
export const MAX_BYTES = 64 * 1024 ** 3;
/** Left free on the disk after a download. */
const SPARE_BYTES = 64 * 1024 ** 2;

/**
 * Checks where a backup would come from. Plain HTTP is for the server's own machine only: the key travels in clear.
 * @throws FailureError `usage/source-url`, `usage/secret-in-url`, `usage/plain-http`
 */
export function parseBackupUrl(text: string): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return misused(
      'usage/source-url',
      'The source address is not a URL.',
      'Write micromdm:https://host[:port][/prefix].',
    );
  }
  // The message must not repeat the address: a password may stand in it.
  if (url.username !== '' || url.password !== '')
    misused(
      'usage/secret-in-url',
      'A source address must not hold a user name or password.',
      'Leave it out; give the API key in a file or in SLIPWAY_API_KEY. The user name is always micromdm.',
    );
  if (url.search !== '' || url.hash !== '')
    misused('usage/source-url', 'A source address has no query.', 'Write micromdm:https://host[:port][/prefix].');
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    misused(
      'usage/source-url',
      'MicroMDM’s backup is fetched by https, and from nowhere else.',
      'Write micromdm:https://host[:port][/prefix].',
    );
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    misused(
      'usage/plain-http',
      'Over plain http the API key would travel in clear.',
      'Use https://, or run this on the server itself and use http://127.0.0.1.',
    );
  return url;
}

/**
 * Downloads the server's backup into a new private file (0600). On failure nothing is left behind.
 * @param url as {@link parseBackupUrl} gives it.
 * @param target must not exist.
 * @throws FailureError `source/…`; the message never holds the key
 */
export async function downloadBackup(
  url: URL,
  target: string,
  options: BackupOptions,
): Promise<{ readonly sha256: string; readonly size: number }> {
  const socket = await connectTo(url, options);
  try {
    const response = await ask(url, socket, options);
    return await save(url, response, target, options);
  } finally {
    socket.destroy();
  }
}

async function connectTo(url: URL, options: BackupOptions): Promise<Socket> {
  const { connectTimeout = 15_000, caFile, pinSha256 } = options;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const secure = url.protocol === 'https:';
  const port = Number(url.port) || (secure ? 443 : 80);
  const pin = pinSha256 === undefined ? null : parsePin(pinSha256);
  const ca = caFile === undefined ? undefined : readCa(caFile);
  const socket = secure
    ? connectTls({
        host,
        port,
        minVersion: 'TLSv1.2',
        // With a pin the certificate itself is compared below, before anything is sent.
        rejectUnauthorized: pin === null,
        ALPNProtocols: ['http/1.1'],
        ...(isIP(host) ? {} : { servername: host }),
        ...(ca ? { ca } : {}),
      })
    : connectPlain({ host, port });
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(Object.assign(new Error(), { code: 'ETIMEDOUT' })), connectTimeout);
      socket.once('error', reject);
      socket.once(secure ? 'secureConnect' : 'connect', () => {
        clearTimeout(timer);
        socket.off('error', reject);
        resolve();
      });
      socket.once('close', () => clearTimeout(timer));
    });
    if (pin !== null && 'getPeerCertificate' in socket) comparePin(url, socket.getPeerCertificate(), pin);
  } catch (error) {
    socket.on('error', () => undefined).destroy();
    if (error instanceof FailureError) throw error;
    return cannotConnect(url, error as NodeJS.ErrnoException & { cert?: PeerCertificate });
  }
  return socket;
}

function ask(url: URL, socket: Socket, options: BackupOptions): Promise<IncomingMessage> {
  const { apiKey, idleTimeout = 60_000 } = options;
  const credentials = Buffer.concat([Buffer.from('micromdm:'), apiKey.reveal()]).toString('base64');
  return new Promise((resolve, reject) => {
    const sent = request({
      createConnection: () => socket,
      method: 'GET',
      path: `${url.pathname.replace(/\/+$/, '')}/boltbackup`,
      headers: {
        host: url.host,
        authorization: `Basic ${credentials}`,
        'accept-encoding': 'identity',
        connection: 'close',
      },
    });
    let response: IncomingMessage | null = null;
    // Once it answers, the answer has to be what ends: else the cause is lost on the way to its reader.
    sent.setTimeout(idleTimeout, () =>
      (response ?? sent).destroy(Object.assign(new Error('idle'), { code: 'ETIMEDOUT' })),
    );
    sent.once('response', (received) => resolve((response = received)));
    sent.once('error', (error: NodeJS.ErrnoException) =>
      reject(interrupted(url, error, 'before the server answered', 'source/no-answer')),
    );
    sent.end();
  });
}

async function save(
  url: URL,
  response: IncomingMessage,
  target: string,
  { onProgress, maxBytes = MAX_BYTES }: BackupOptions,
): Promise<{ sha256: string; size: number }> {
  refuseStatus(url, response);
  const announced = lengthOf(response);
  if (announced !== null && announced > maxBytes) tooBig(url, maxBytes);
  await requireSpace(target, announced ?? 0);
  const file = await open(target, 'wx', 0o600).catch((error: unknown) => cannotSave(target, error));
  let finished = false;
  try {
    const digest = createHash('sha256');
    let size = 0;
    let reported = 0;
    try {
      for await (const piece of response as AsyncIterable<Buffer>) {
        if (size === 0) refuseJson(url, response, piece);
        size += piece.length;
        if (size > maxBytes) tooBig(url, maxBytes);
        digest.update(piece);
        await file.writeFile(piece).catch((error: unknown) => cannotSave(target, error));
        if (size - reported >= 4 * 1024 ** 2) {
          reported = size;
          onProgress?.({ label: 'downloading the backup', done: size, total: announced });
        }
      }
    } catch (error) {
      if (error instanceof FailureError) throw error;
      throw interrupted(url, error as NodeJS.ErrnoException, `after ${size} of ${announced ?? 'unknown'} bytes`);
    }
    if (!response.complete || (announced !== null && size !== announced) || size === 0)
      throw interrupted(url, {}, `after ${size} of ${announced ?? 'unknown'} bytes`);
    await file.sync();
    onProgress?.({ label: 'downloading the backup', done: size, total: size });
    finished = true;
    return { sha256: digest.digest('hex'), size };
  } finally {
    await file.close();
    if (!finished) await unlink(target).catch(() => undefined);
  }
}

function refuseStatus(url: URL, { statusCode = 0, headers }: IncomingMessage): void {
  if (statusCode === 200) return;
  if (statusCode === 401 || statusCode === 403)
    unreadable(
      'source/api-key-refused',
      `${url.host} refused the API key (HTTP ${statusCode}).`,
      'Give the key the server was started with (-api-key, MICROMDM_API_KEY).',
      { status: statusCode },
    );
  if (statusCode === 404)
    unreadable(
      'source/no-api',
      `${url.host} has no /boltbackup: it was started without -api-key, or it is not MicroMDM, or the path prefix is wrong.`,
      'Check the address, or copy micromdm.db from the server and read that.',
      { status: statusCode },
    );
  if (statusCode >= 300 && statusCode < 400) {
    const location = headers.location ?? '';
    const where = URL.canParse(location, url) ? new URL(location, url).host : 'elsewhere';
    unreadable(
      'source/redirect',
      `${url.host} redirects to ${where}; redirects are not followed, because the API key would go along.`,
      'Give the server’s own address.',
      { status: statusCode, to: where },
    );
  }
  unreadable('source/http-status', `${url.host} answered with HTTP ${statusCode}.`, 'Look into the server’s log.', {
    status: statusCode,
  });
}

/** Some proxies and error handlers answer 200 with a JSON or HTML page. */
function refuseJson(url: URL, { headers }: IncomingMessage, first: Buffer): void {
  const type = (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  const text = first.subarray(0, 64).toString('latin1').trimStart();
  const telling = type.includes('json') || type.startsWith('text/') || text.startsWith('{') || text.startsWith('<');
  if (!telling) return;
  unreadable(
    'source/not-a-backup',
    `${url.host} answered with ${type === '' ? 'a text' : type} instead of a database.`,
    'Check that the address is MicroMDM itself and not a login page in front of it.',
    { contentType: type },
  );
}

function lengthOf({ headers }: IncomingMessage): number | null {
  const text = headers['content-length'];
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/** Throws `source/no-space` where a copy would not fit on the disk. */
export async function requireSpace(target: string, bytes: number): Promise<void> {
  const disk = await statfs(dirname(target)).catch(() => null);
  if (disk === null || disk.bavail * disk.bsize >= bytes + SPARE_BYTES) return;
  unreadable(
    'source/no-space',
    `The database has ${bytes} bytes; ${dirname(target)} has no room for it.`,
    'Free some space or name another folder.',
    { bytes },
  );
}

/** Throws `source/cannot-save`: a copy of the source could not be put where it belongs. */
export function cannotSave(target: string, error: unknown): never {
  return unreadable(
    'source/cannot-save',
    `The copy of the source cannot be saved as ${target} (${(error as NodeJS.ErrnoException).code ?? 'unknown'}).`,
    'See that its folder can be written and has room.',
    { path: target },
  );
}

function tooBig(url: URL, limit: number): never {
  return unreadable(
    'source/too-big',
    `${url.host} sends more than ${limit} bytes.`,
    'Copy micromdm.db from the server and read that.',
    { limit },
  );
}

function interrupted(
  url: URL,
  error: NodeJS.ErrnoException | { code?: string },
  when: string,
  code = 'source/short-body',
): FailureError {
  const timedOut = error.code === 'ETIMEDOUT';
  return new FailureError({
    code: timedOut ? 'source/timeout' : code,
    message: timedOut
      ? `${url.host} stopped sending ${when}.`
      : `The connection to ${url.host} broke ${when}${error.code ? ` (${error.code})` : ''}.`,
    remedy: 'Try again; if it happens again, look into the server’s log or copy micromdm.db from the server.',
    kind: 'unreadable',
  });
}

function cannotConnect(url: URL, error: NodeJS.ErrnoException & { cert?: PeerCertificate }): never {
  const reason = error.code ?? 'unknown';
  const fail = (code: string, message: string, remedy: string): never => unreadable(code, message, remedy, { reason });
  if (reason === 'ETIMEDOUT')
    fail('source/timeout', `${url.host} does not answer.`, 'Check the address and the network.');
  if (reason === 'ENOTFOUND' || reason === 'EAI_AGAIN')
    fail('source/unreachable', `The name ${url.hostname} cannot be resolved.`, 'Check the address and the network.');
  if (reason === 'ERR_TLS_CERT_ALTNAME_INVALID')
    fail(
      'source/tls-name',
      `The certificate of ${url.host} is for another name.`,
      'Use the name in the certificate, or pin the certificate by its SHA-256 fingerprint.',
    );
  if (reason === 'CERT_HAS_EXPIRED' || reason === 'CERT_NOT_YET_VALID')
    fail(
      'source/tls-expired',
      `The certificate of ${url.host} is not valid at this time.`,
      'Renew it, check the clock of this machine, or pin the certificate by its SHA-256 fingerprint.',
    );
  if (/CERT|SELF_SIGNED|UNABLE_TO|ISSUER/.test(reason))
    fail(
      'source/tls-untrusted',
      `The certificate of ${url.host} cannot be verified (${reason}).`,
      'Give the CA that issued it, or pin the certificate by its SHA-256 fingerprint after comparing it on the server.',
    );
  if (reason.startsWith('ERR_SSL') || reason === 'EPROTO')
    fail(
      'source/tls-failed',
      `No TLS connection to ${url.host} can be made (${reason}).`,
      'Check that the port speaks TLS 1.2 or newer.',
    );
  return fail('source/unreachable', `${url.host} cannot be reached (${reason}).`, 'Check the address and the network.');
}

function parsePin(text: string): string {
  const pin = text
    .replace(/^sha256[:/]/i, '')
    .replaceAll(':', '')
    .trim()
    .toLowerCase();
  if (/^[0-9a-f]{64}$/.test(pin)) return pin;
  return misused(
    'usage/pin',
    'The fingerprint is not a SHA-256 in hex.',
    'Print it on the server with openssl x509 -noout -fingerprint -sha256 -in cert.pem.',
  );
}

function comparePin(url: URL, certificate: PeerCertificate, pin: string): void {
  const found = createHash('sha256').update(certificate.raw).digest('hex');
  if (found === pin) return;
  unreadable(
    'source/tls-pin-mismatch',
    `${url.host} shows another certificate than the one pinned.`,
    'Compare the fingerprint on the server itself; somebody may stand in between.',
    { found, pinned: pin },
  );
}

function readCa(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    return misused(
      'usage/ca-file',
      `The CA file ${path} cannot be read (${String((error as NodeJS.ErrnoException).code)}).`,
      'Name a PEM file.',
      { path },
    );
  }
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || (isIP(hostname) === 4 && hostname.startsWith('127.'));
}
