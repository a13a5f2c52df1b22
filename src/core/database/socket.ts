/** The stream a database is spoken to over: a socket of our own, or one that somebody else opened (a tunnel). */
import { connect, isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Opens a stream to a host and port, as seen from where it ends: an SSH tunnel has one. */
export type OpenStream = (host: string, port: number) => Promise<Duplex>;

/** Connects; the caller waits for what the server says first. */
export function openSocket({ host, port }: { readonly host: string; readonly port: number }): Socket {
  return namedFor(host, connect({ port, host, noDelay: true, keepAlive: true, keepAliveInitialDelay: 10_000 }));
}

/**
 * Tells TLS which host a stream leads to. When TLS starts on an existing stream Node compares the certificate with the
 * name the stream was opened by, which it keeps in `_host` for names but not for IP addresses, falling back to
 * "localhost": a certificate for localhost would pass for any IP address, and one for the address would not. Those who
 * use it check the name a second time.
 */
export function namedFor<Stream extends Duplex>(host: string, stream: Stream): Stream {
  if (isIP(host) !== 0) Object.defineProperty(stream, '_host', { value: host, writable: true });
  return stream;
}
