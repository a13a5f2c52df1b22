/** The stream a database is spoken to over: a socket of our own, or one that somebody else opened (a tunnel). */
import { connect, isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Opens a stream to a host and port, as seen from where it ends: an SSH tunnel has one. */
export type OpenStream = (host: string, port: number) => Promise<Duplex>;

/** Connects; the caller waits for what the server says first. */
export function openSocket({ host, port }: { readonly host: string; readonly port: number }): Socket {
  const socket = connect({ port, host, noDelay: true, keepAlive: true, keepAliveInitialDelay: 10_000 });
  // When TLS starts on an existing socket Node compares the certificate with the name the socket was opened by, which
  // it keeps in `_host` for names but not for IP addresses, falling back to "localhost". Without this line a
  // certificate for localhost would pass for any IP address. Those who use it check the name a second time.
  if (isIP(host) !== 0) Object.defineProperty(socket, '_host', { value: host, writable: true });
  return socket;
}
