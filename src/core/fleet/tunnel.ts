/** The way to Fleet's MySQL through another machine: one SSH login for each session, so that a new session is a new way. */
import type { Duplex } from 'node:stream';
import { namedFor } from '../database/socket';
import { nameOf, openTunnel, parseSshAddress, type SshCredentials } from '../ssh';

/** The machine in between, and how to log in there. The password and the passphrase in it are Secrets. */
export interface FleetVia {
  /** `ssh://USER@HOST[:PORT]` */
  readonly address: string;
  readonly credentials: SshCredentials;
}

export interface FleetTunnel {
  /** To the database, as the machine in between reaches it. */
  readonly stream: Duplex & { readonly bytesRead: number };
  /** Ends the login, and the stream with it. Never throws. */
  close(): Promise<void>;
}

/** The machine in between, for messages: `host` or `host:port`. */
export function nameOfVia(via: FleetVia): string {
  return nameOf(parseSshAddress(via.address));
}

/**
 * Logs in there and connects to the database.
 * @throws FailureError `usage/…`, `ssh/…` as `openTunnel` and its `open`
 */
export async function openFleetTunnel(
  via: FleetVia,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<FleetTunnel> {
  const tunnel = await openTunnel(via.address, via.credentials);
  try {
    const stream = namedFor(host, await tunnel.open(host, port));
    return { stream, close: () => tunnel.close() };
  } catch (error) {
    await tunnel.close();
    throw error;
  }
}
