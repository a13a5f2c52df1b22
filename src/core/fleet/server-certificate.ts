/** The certificate a MySQL server shows, before anything is trusted: looked at, never used to connect. */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect as connectSocket, isIP, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls, type TLSSocket } from 'node:tls';
import { unreadable } from '../failure';
import { nameOf } from './connection';

/** What it says, for people. */
export interface ServerCertificate {
  readonly subject: string;
  readonly issuer: string;
  /** Host names and addresses it was issued for. */
  readonly names: string[];
  readonly notBefore: number;
  readonly notAfter: number;
  /** Lower-case hex. */
  readonly sha256: string;
  /** Null when it would be trusted for this name; else why not. */
  readonly untrusted: string | null;
}

interface Place {
  readonly host: string;
  readonly port: number;
  /** PEM with the CA to trust instead of the roots Node brings. */
  readonly caFile: string | null;
}

const TIMEOUT_MS = 10_000;

/** Nobody was spoken to. Anything later, a reset included, is a handshake that did not come about. */
const NOT_REACHED: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EACCES',
]);

/** CLIENT_PROTOCOL_41, CLIENT_SSL, CLIENT_SECURE_CONNECTION, CLIENT_PLUGIN_AUTH. */
const CAPABILITIES = 0x0000_0200 | 0x0000_0800 | 0x0000_8000 | 0x0008_0000;
const CLIENT_SSL = 0x0800;
const UTF8MB4 = 45;

/**
 * Asks a MySQL server for its certificate: its greeting, the request for TLS, the handshake, and no further. No user
 * name and no password is sent.
 *
 * Throws `fleet/unreachable`, `fleet/timeout`, `fleet/tls-not-offered`, `fleet/tls-failed`, `fleet/ca-file`.
 */
export async function showServerCertificate(place: Place): Promise<ServerCertificate> {
  const address = { host: place.host, port: place.port, user: '', database: '' };
  const ca = place.caFile === null ? undefined : await readCa(place.caFile);
  const socket = connectSocket({ host: place.host, port: place.port, noDelay: true });
  // Told by whoever waits; without a listener a late error would end the process.
  socket.on('error', () => undefined);
  const timer = setTimeout(
    () => socket.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })),
    TIMEOUT_MS,
  );
  try {
    const greeting = await firstPacket(socket);
    if (!offersTls(greeting)) {
      unreadable(
        'fleet/tls-not-offered',
        `The server ${nameOf(address)} offers no TLS, so there is no certificate to show.`,
        'Switch TLS on in MySQL, or choose an unencrypted connection to this machine only.',
      );
    }
    socket.write(sslRequest());
    const secure = await handshake(socket, place.host, ca);
    try {
      return describe(secure, place.host);
    } finally {
      secure.destroy();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof Error && 'failure' in error) throw error;
    if (code === 'ETIMEDOUT') {
      unreadable(
        'fleet/timeout',
        `The server ${nameOf(address)} did not answer in time.`,
        'Check address, port and firewall.',
      );
    }
    if (code !== undefined && NOT_REACHED.has(code)) {
      unreadable(
        'fleet/unreachable',
        `The server ${nameOf(address)} cannot be reached (${code}).`,
        'Check address, port and firewall.',
      );
    }
    unreadable(
      'fleet/tls-failed',
      `The server ${nameOf(address)} did not complete a TLS handshake${code === undefined ? '' : ` (${code})`}.`,
      'Check that this is MySQL’s own port, and that it allows TLS 1.2 or newer.',
    );
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

/** The first packet of the server: three bytes of length, a number, the greeting. */
function firstPacket(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let held = Buffer.alloc(0);
    const hear = (chunk: Buffer): void => {
      held = Buffer.concat([held, chunk]);
      const length = held.length < 4 ? Number.POSITIVE_INFINITY : held.readUIntLE(0, 3);
      // A greeting has about a hundred bytes; something else is no MySQL.
      if (held.length > 4_096) reject(new Error('not a greeting'));
      if (held.length < 4 + length) return;
      socket.off('data', hear);
      // What follows belongs to the handshake.
      socket.pause();
      resolve(held.subarray(4, 4 + length));
    };
    socket.on('data', hear);
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed')));
  });
}

/** Protocol 10: version text, thread id, eight bytes of salt, a filler, then the lower half of the capabilities. */
function offersTls(greeting: Buffer): boolean {
  const end = greeting.indexOf(0, 1);
  const at = end + 1 + 4 + 8 + 1;
  if (greeting[0] !== 10 || end < 0 || greeting.length < at + 2) throw new Error('not a greeting');
  return (greeting.readUInt16LE(at) & CLIENT_SSL) !== 0;
}

function sslRequest(): Buffer {
  const packet = Buffer.alloc(4 + 32);
  packet.writeUIntLE(32, 0, 3);
  packet.writeUInt8(1, 3);
  packet.writeUInt32LE(CAPABILITIES, 4);
  packet.writeUInt32LE(1 << 24, 8);
  packet.writeUInt8(UTF8MB4, 12);
  return packet;
}

function handshake(socket: Socket, host: string, ca: string | undefined): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const secure = connectTls({
      socket,
      minVersion: 'TLSv1.2',
      // It is looked at and never spoken over: nothing is sent that would need this trust.
      rejectUnauthorized: false,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(ca === undefined ? {} : { ca }),
    });
    secure.once('secureConnect', () => resolve(secure));
    secure.once('error', reject);
    socket.once('close', () => reject(new Error('closed')));
  });
}

function describe(secure: TLSSocket, host: string): ServerCertificate {
  const peer = secure.getPeerCertificate();
  const certificate = new X509Certificate(peer.raw);
  const wrongName = checkServerIdentity(host, peer);
  return {
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    names: (certificate.subjectAltName ?? '')
      .split(', ')
      .filter((name) => name !== '')
      .slice(0, 50),
    notBefore: Date.parse(certificate.validFrom),
    notAfter: Date.parse(certificate.validTo),
    sha256: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    untrusted: secure.authorized
      ? wrongName === undefined
        ? null
        : 'It is trusted, but was issued for another name.'
      : whyUntrusted(String(secure.authorizationError)),
  };
}

function whyUntrusted(code: string): string {
  if (/EXPIRED/.test(code)) return 'It has expired.';
  if (/NOT_YET/.test(code)) return 'It is not valid yet.';
  if (/SELF_SIGNED|UNABLE_TO|ISSUER|LEAF/.test(code))
    return 'It was issued by a CA that is not trusted here; name that CA’s certificate.';
  return `It is not trusted (${code.slice(0, 60)}).`;
}

function oneLine(name: string): string {
  return name.split('\n').join(', ').slice(0, 300);
}

async function readCa(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    return unreadable(
      'fleet/ca-file',
      `The CA file ${path} could not be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}).`,
      'Name a PEM file that you may read.',
    );
  }
}
