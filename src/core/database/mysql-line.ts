/** How the line to a MySQL server is protected: the same rules for Fleet's database and for a source's. */
import type { Duplex } from 'node:stream';
import { checkServerIdentity, TLSSocket } from 'node:tls';
import { authPlugins, type ConnectionOptions } from 'mysql2';
import { FailureError } from '../failure';
import { isLoopback, readCaFile, type TlsMode } from './trust';

const CA_EXAMPLE = 'the certificate of the CA that issued the MySQL server’s certificate (on a MySQL server: ca.pem)';

export interface MySqlLine {
  readonly host: string;
  readonly tls: {
    readonly mode: TlsMode;
    /** PEM file; null: the roots Node brings. */ readonly caFile: string | null;
  };
  /** Code of the failure of a CA file that cannot be used. */
  readonly caFailure: string;
  /** Code of the error a connection ends with that would hand the password out. */
  readonly openPassword: string;
}

/**
 * The options of mysql2 that protect a connection. That an open line was allowed is for the caller to have asked.
 * @throws FailureError `caFailure`
 */
export async function lineOptions(line: MySqlLine): Promise<Pick<ConnectionOptions, 'ssl' | 'authPlugins'>> {
  const { host, tls, caFailure, openPassword } = line;
  if (tls.mode !== 'disabled')
    return {
      ssl: {
        minVersion: 'TLSv1.2',
        rejectUnauthorized: true,
        verifyIdentity: tls.mode === 'verify-identity',
        ...(tls.caFile === null ? {} : { ca: await readCaFile(tls.caFile, caFailure, CA_EXAMPLE) }),
      },
    };
  if (isLoopback(host)) return {};
  // Over an open line the server would hand out an RSA key to encrypt the password with, and so would anybody in
  // between: the password is only sent hashed, or not at all.
  const refuseKey = (): never => {
    throw Object.assign(new Error('public key refused'), { code: openPassword });
  };
  return {
    authPlugins: {
      caching_sha2_password: authPlugins.caching_sha2_password({ onServerPublicKey: refuseKey }),
      sha256_password: authPlugins.sha256_password({ onServerPublicKey: refuseKey }),
    },
  };
}

/**
 * Looks a second time at what TLS has proven, once a connection stands.
 * @throws Error with the code `HANDSHAKE_SSL_ERROR`, as mysql2 has it
 */
export function requireProof(host: string, { ssl }: Pick<ConnectionOptions, 'ssl'>, stream: Duplex): void {
  if (ssl === undefined || typeof ssl === 'string') return;
  const wrong =
    stream instanceof TLSSocket && stream.authorized
      ? ssl.verifyIdentity === true
        ? checkServerIdentity(host, stream.getPeerCertificate())
        : undefined
      : new Error('not authorized');
  if (wrong !== undefined) throw Object.assign(wrong, { code: 'HANDSHAKE_SSL_ERROR' });
}

/**
 * Why no connection came about. Over a stream that is no socket the end of the stream is told before the reason TLS had
 * to end it.
 */
export function handshakeCause(error: unknown, stream: Duplex): unknown {
  const isLost = error instanceof Error && 'code' in error && error.code === 'PROTOCOL_CONNECTION_LOST';
  if (!isLost || !(stream instanceof TLSSocket) || stream.authorized || stream.errored === null) return error;
  const { errored } = stream;
  return errored instanceof FailureError ? errored : Object.assign(errored, { code: 'HANDSHAKE_SSL_ERROR' });
}
