/** Connecting to Fleet for a command: options to engine. */
import {
  connectFleet,
  defaultTlsMode,
  parseFleetAddress,
  type FleetConnection,
  type FleetTarget,
  type TlsMode,
} from '../core/fleet/connection';
import { parseSshAddress, printSsh } from '../core/ssh';
import type { FleetOptions } from './input';
import { secretFrom } from './secret-input';
import { sshCredentials } from './ssh-login';

/** The target named on the command line. */
export function fleetTarget(url: string, options: FleetOptions): FleetTarget {
  const address = parseFleetAddress(url);
  return {
    address,
    password: secretFrom('Fleet database password', options.fleetPasswordFile, 'SLIPWAY_FLEET_PASSWORD'),
    tls: {
      mode:
        (options.fleetTls as TlsMode | undefined) ??
        (options.fleetCaFile === undefined ? defaultTlsMode(address.host) : 'verify-identity'),
      caFile: options.fleetCaFile ?? null,
    },
    plaintextConfirmed: options.allowPlaintext ?? false,
    mariaDbAllowed: options.allowMariadb ?? false,
    ...(options.fleetVia === undefined
      ? {}
      : { via: { address: printSsh(parseSshAddress(options.fleetVia)), credentials: sshCredentials(options) } }),
  };
}

/** Connects, does the work, and always says goodbye. */
export async function withFleetConnection<T>(
  target: FleetTarget,
  purpose: 'read' | 'write',
  work: (connection: FleetConnection) => Promise<T>,
): Promise<T> {
  const connection = await connectFleet(target, purpose);
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}
