/**
 * What goes wrong when somebody's database is read: errors of either driver as failures with a stable code, what it
 * means here, what to do. The servers' own texts may hold values and parts of statements: only names are taken over.
 */
import { FailureError, refused } from '../failure';
import { hostAndPort, type DatabaseAddress } from './address';
import { isConnectionLost, tlsCause, unreachableBecause } from './network-cause';
import type { Engine } from './reading-session';
import { isLoopback, type TlsMode } from './trust';

/** Codes of errors made here, beside those of drivers and servers. */
export const OWN_ERROR = {
  silence: 'SLIPWAY_SILENCE',
  noTls: 'SLIPWAY_NO_TLS',
  openPassword: 'SLIPWAY_OPEN_PASSWORD',
} as const;

const NAMES: Readonly<Record<Engine, string>> = { mysql: 'MySQL', postgres: 'PostgreSQL' };

interface DriverError {
  readonly code?: string;
  readonly message: string;
}

/**
 * Turns what a driver threw into a FailureError; one that is one already passes through.
 * @throws what did not come from the database or the network: a defect of ours
 */
export function sessionFailure(error: unknown, engine: Engine, address: DatabaseAddress): FailureError {
  if (error instanceof FailureError) return error;
  if (!isDriverError(error)) throw error;
  const { code, message, remedy } = meaningOf(error, engine, address);
  const told = /^[A-Za-z0-9_]{1,60}$/.test(error.code ?? '') ? (error.code ?? null) : null;
  // No cause: the drivers' error objects carry the statement, and more than that.
  return new FailureError({ code, message, remedy, kind: 'unreadable', detail: { cause: told } });
}

/**
 * Refuses to speak in the open to another machine, unless that was confirmed.
 * @throws FailureError `database/plaintext-refused`
 */
export function requirePrivacy(address: DatabaseAddress, mode: TlsMode, confirmed: boolean): void {
  if (mode !== 'disabled' || confirmed || isLoopback(address.host)) return;
  refused(
    'database/plaintext-refused',
    `The connection to ${hostAndPort(address)} would be unencrypted and leave this machine; unlock tokens, push magic and private keys would travel in the open.`,
    'Use TLS (--source-tls verify-identity) or SSH, or confirm the unencrypted connection (--source-allow-plaintext) if the network in between is yours.',
  );
}

function isDriverError(error: unknown): error is DriverError {
  if (typeof error !== 'object' || error === null) return false;
  const { code, message } = error as { code?: unknown; message?: unknown };
  return (
    typeof message === 'string' &&
    (typeof code === 'string' || /closed state|Connection terminated|timeout expired|SSL/.test(message))
  );
}

interface Meaning {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}

const DENIED: ReadonlySet<string> = new Set([
  // PostgreSQL
  '28000',
  '28P01',
  // MySQL
  'ER_ACCESS_DENIED_ERROR',
  'ER_ACCESS_DENIED_NO_PASSWORD_ERROR',
  'ER_HOST_NOT_PRIVILEGED',
  'ER_DBACCESS_DENIED_ERROR',
  'AUTH_SWITCH_PLUGIN_ERROR',
  'ER_NOT_SUPPORTED_AUTH_MODE',
  'ER_ACCOUNT_HAS_BEEN_LOCKED',
  'ER_USER_ACCESS_DENIED_FOR_USER_ACCOUNT_BLOCKED_BY_PASSWORD_LOCK',
  'ER_MUST_CHANGE_PASSWORD',
  'ER_MUST_CHANGE_PASSWORD_LOGIN',
]);
const NO_PERMISSION: ReadonlySet<string> = new Set([
  '42501',
  'ER_TABLEACCESS_DENIED_ERROR',
  'ER_COLUMNACCESS_DENIED_ERROR',
  'ER_SPECIFIC_ACCESS_DENIED_ERROR',
  'ER_VIEW_INVALID',
]);
const CROWDED: ReadonlySet<string> = new Set([
  '53300',
  'ER_CON_COUNT_ERROR',
  'ER_TOO_MANY_USER_CONNECTIONS',
  'ER_USER_LIMIT_REACHED',
  'ER_HOST_IS_BLOCKED',
]);
const SLOW: ReadonlySet<string> = new Set(['57014', '55P03', 'ER_QUERY_TIMEOUT', 'ER_LOCK_WAIT_TIMEOUT']);
const GONE: ReadonlySet<string> = new Set([
  '57P01',
  '57P02',
  '57P03',
  '08006',
  'PROTOCOL_CONNECTION_LOST',
  'ER_SERVER_SHUTDOWN',
  'ER_CLIENT_INTERACTION_TIMEOUT',
  'ER_CONNECTION_KILLED',
  'ER_NORMAL_SHUTDOWN',
]);

function meaningOf(error: DriverError, engine: Engine, address: DatabaseAddress): Meaning {
  const code = error.code ?? '';
  const server = `The ${NAMES[engine]} server ${hostAndPort(address)}`;
  return (
    networkMeaning(error, code, engine, server) ??
    tlsMeaning(error, code, address, server) ??
    accessMeaning(code, address, server) ?? {
      code: 'database/statement-failed',
      message: `${server} refused a statement (${/^[A-Za-z0-9_]{1,60}$/.test(code) ? code : 'no code'}).`,
      remedy: 'Look that code up in the server’s manual; if it is not about the server itself, report it to Slipway.',
    }
  );
}

function networkMeaning(error: DriverError, code: string, engine: Engine, server: string): Meaning | null {
  const why = unreachableBecause(code);
  if (why !== null)
    return {
      code: 'database/unreachable',
      message: `${server} could not be reached: ${why}.`,
      remedy: 'Check host name and port, that the server listens there, and that a firewall lets this machine through.',
    };
  if (code === 'ETIMEDOUT' || code === OWN_ERROR.silence || /timeout expired/.test(error.message))
    return {
      code: 'database/timeout',
      message: `${server} did not answer in time.`,
      remedy: 'Check the network and the load of the server, then read again.',
    };
  if (SLOW.has(code))
    return {
      code: 'database/timeout',
      message: `${server} stopped a query that took too long, or that waited for a lock.`,
      remedy: 'Read again when the server has less to do and nobody changes its tables.',
    };
  const lost =
    GONE.has(code) ||
    isConnectionLost(code) ||
    error.message.includes('closed state') ||
    error.message.includes('Connection terminated');
  if (lost)
    return {
      code: 'database/connection-lost',
      message: `${server} ended the connection.`,
      remedy: 'Read again: nothing was changed there.',
    };
  if (
    code.startsWith('PROTOCOL_') ||
    code === 'HANDSHAKE_UNKNOWN_ERROR' ||
    /Unknown authenticationOk/.test(error.message)
  )
    return {
      code: 'database/protocol',
      message: `What answers there does not speak ${NAMES[engine]}’s protocol as expected.`,
      remedy: 'Check that the port is the database’s own and that the kind of database is the right one.',
    };
  return null;
}

function tlsMeaning(error: DriverError, code: string, address: DatabaseAddress, server: string): Meaning | null {
  if (code === 'HANDSHAKE_NO_SSL_SUPPORT' || code === OWN_ERROR.noTls || /does not support SSL/.test(error.message))
    return {
      code: 'database/tls-not-offered',
      message: `${server} does not offer TLS.`,
      remedy: 'Switch TLS on at the server, or reach it over SSH (--via).',
    };
  if (code === 'ER_SECURE_TRANSPORT_REQUIRED')
    return {
      code: 'database/tls-required',
      message: `${server} takes encrypted connections only.`,
      remedy: 'Connect with --source-tls verify-identity.',
    };
  if (code === OWN_ERROR.openPassword)
    return {
      code: 'database/plaintext-password',
      message: `${server} asked for the password over an unencrypted line, where anybody in between could read it.`,
      remedy: 'Use TLS (--source-tls verify-identity) or SSH (--via).',
    };
  const cause = tlsCause(error.message);
  const isTls =
    code === 'HANDSHAKE_SSL_ERROR' || code.startsWith('ERR_TLS') || code.startsWith('ERR_SSL') || code === 'EPROTO';
  if (!isTls && cause === null) return null;
  switch (cause) {
    case 'wrong-name':
      return {
        code: 'database/tls-wrong-name',
        message: `The certificate of ${hostAndPort(address)} is trusted, but it was not issued for the name ${address.host}.`,
        remedy:
          'Connect by a name the certificate carries, or choose --source-tls verify-ca with that server’s own CA file if it cannot be replaced.',
      };
    case 'expired':
      return {
        code: 'database/tls-untrusted',
        message: `The certificate of ${hostAndPort(address)}, or of a CA above it, has expired.`,
        remedy: 'Renew the certificate, and check the clock of this machine.',
      };
    case 'untrusted':
      return {
        code: 'database/tls-untrusted',
        message: `The certificate of ${hostAndPort(address)} was not issued by a CA that is trusted here.`,
        remedy: 'Give the CA’s certificate with --source-ca-file.',
      };
    case null:
      return {
        code: 'database/tls-failed',
        message: `No encrypted connection to ${hostAndPort(address)} came about; TLS 1.2 or newer is needed.`,
        remedy: 'Check which TLS versions the server offers and whether something in between ends the connection.',
      };
  }
}

function accessMeaning(code: string, address: DatabaseAddress, server: string): Meaning | null {
  const account = `‘${address.user}’`;
  if (DENIED.has(code))
    return {
      code: 'database/access-denied',
      message: `${server} does not let the account ${account} into the database ‘${address.database}’ from this machine.`,
      remedy:
        'Check user, password (--source-password-file) and database, and that the account may connect from this machine.',
    };
  if (code === 'ER_BAD_DB_ERROR' || code === '3D000')
    return {
      code: 'database/unknown-database',
      message: `There is no database ‘${address.database}’ on ${hostAndPort(address)}.`,
      remedy: 'Take the name from the server’s own setting (-storage-dsn).',
    };
  if (NO_PERMISSION.has(code))
    return {
      code: 'database/permission',
      message: `${server} does not let the account ${account} read all that is needed.`,
      remedy: 'Give the account SELECT on all tables of that database; it needs nothing else.',
    };
  if (CROWDED.has(code))
    return {
      code: 'database/connections-exhausted',
      message: `${server} takes no further connection from this account or machine.`,
      remedy: 'Wait until connections are free, or raise the server’s limit.',
    };
  return null;
}
