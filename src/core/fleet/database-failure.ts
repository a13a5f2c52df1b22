/**
 * MySQL's errors as failures: a stable code, what it means here, what to do.
 *
 * MySQL's own texts hold values (a duplicate entry, a bad string) and parts of statements. Of them only names are
 * taken over: tables, columns, constraints, privileges.
 */
import { isConnectionLost, tlsCause, unreachableBecause } from '../database/network-cause';
import { FailureError, type Failure, type FailureKind } from '../failure';

/** Code of the error that is thrown when a server offers an RSA key over an open line. */
export const PUBLIC_KEY_REFUSED = 'SLIPWAY_PUBLIC_KEY_REFUSED';

/** What is looked at of an error of mysql2 or of a socket. */
interface DatabaseError {
  readonly code?: string;
  readonly errno?: number;
  readonly message: string;
  readonly sqlMessage?: string;
  readonly reason?: unknown;
}

export interface Place {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  /** The machine through which it is reached. */
  readonly via?: string;
}

export type Detail = Record<string, string | number | boolean | null>;

interface Meaning {
  readonly code: string;
  readonly kind: FailureKind;
  readonly message: string;
  readonly remedy: string;
  readonly detail?: Detail;
}

/**
 * Turns an error of the database driver into a {@link FailureError}. A FailureError passes through (with the detail
 * added); anything that did not come from the database or the network is thrown as it is, being a defect of ours.
 */
export function databaseFailure(error: unknown, place: Place, detail: Detail = {}): FailureError {
  if (error instanceof FailureError) {
    if (Object.keys(detail).length === 0) return error;
    return new FailureError(
      { ...error.failure, detail: { ...error.failure.detail, ...detail } },
      { cause: error.cause },
    );
  }
  if (!isDatabaseError(error)) throw error;
  const meaning = meaningOf(error, place);
  const all: Detail = {
    ...meaning.detail,
    ...(typeof error.errno === 'number' && error.errno > 0 ? { errno: error.errno } : {}),
    ...detail,
  };
  const failure: Failure = {
    code: meaning.code,
    message: meaning.message,
    remedy: meaning.remedy,
    kind: meaning.kind,
    ...(Object.keys(all).length === 0 ? {} : { detail: all }),
  };
  // No cause: the driver's error object carries the whole statement, values included.
  return new FailureError(failure);
}

function isDatabaseError(error: unknown): error is DatabaseError {
  if (typeof error !== 'object' || error === null) return false;
  const { code, message } = error as { code?: unknown; message?: unknown };
  return typeof message === 'string' && (typeof code === 'string' || message.includes('closed state'));
}

const NETWORK_REMEDY =
  'Check host name and port, that MySQL listens there, and that a firewall lets this machine through.';
const RETRY_REMEDY = 'Run the same command again: what was committed is recognised, the rest is done.';

function meaningOf(error: DatabaseError, place: Place): Meaning {
  const through = place.via === undefined ? '' : ` (through ${place.via})`;
  const server = `${place.host.includes(':') ? `[${place.host}]` : place.host}:${place.port}${through}`;
  return (
    networkMeaning(error, server) ??
    tlsMeaning(error, place, server) ??
    accessMeaning(error, place, server) ??
    statementMeaning(error) ?? {
      code: 'fleet/statement-failed',
      kind: 'unreadable',
      message: `MySQL refused a statement (${error.code ?? 'no code'}).`,
      remedy: 'Look the error number up in MySQL’s manual; if it is not about the server itself, report it to Slipway.',
    }
  );
}

function networkMeaning(error: DatabaseError, server: string): Meaning | null {
  const code = error.code ?? '';
  const why = unreachableBecause(code);
  if (why !== null) {
    return {
      code: 'fleet/unreachable',
      kind: 'unreadable',
      message: `Fleet’s MySQL server ${server} could not be reached: ${why}.`,
      remedy: NETWORK_REMEDY,
      detail: { network: code },
    };
  }
  if (code === 'ETIMEDOUT') {
    return {
      code: 'fleet/timeout',
      kind: 'unreadable',
      message: `Fleet’s MySQL server ${server} did not answer in time.`,
      remedy: NETWORK_REMEDY,
    };
  }
  if (code === 'PROTOCOL_SEQUENCE_TIMEOUT') {
    return {
      code: 'fleet/timeout',
      kind: 'unreadable',
      message: `A statement to ${server} went without any answer for too long, so the connection was given up.`,
      remedy: `Check the network and the load of the server. ${RETRY_REMEDY}`,
    };
  }
  if (code === 'ER_QUERY_TIMEOUT') {
    return {
      code: 'fleet/timeout',
      kind: 'unreadable',
      message: `A query took longer than two minutes on ${server} and was stopped there.`,
      remedy: 'Try again when the server has less to do.',
    };
  }
  if (code === 'ER_QUERY_INTERRUPTED') {
    return {
      code: 'fleet/interrupted',
      kind: 'unreadable',
      message: `A statement was stopped on ${server} by somebody else (KILL QUERY).`,
      remedy: RETRY_REMEDY,
    };
  }
  const lost =
    isConnectionLost(code) ||
    ['PROTOCOL_CONNECTION_LOST', 'ER_SERVER_SHUTDOWN', 'ER_CLIENT_INTERACTION_TIMEOUT'].includes(code) ||
    ['ER_CONNECTION_KILLED', 'ER_NORMAL_SHUTDOWN'].includes(code) ||
    error.message.includes('closed state');
  if (lost) {
    return {
      code: 'fleet/connection-lost',
      kind: 'unreadable',
      message: `The connection to Fleet’s MySQL server ${server} was lost; what was not committed has been rolled back by the server.`,
      remedy: RETRY_REMEDY,
    };
  }
  if (code.startsWith('PROTOCOL_') || code === 'HANDSHAKE_UNKNOWN_ERROR') {
    return {
      code: 'fleet/protocol',
      kind: 'unreadable',
      message: `What answers on ${server} does not speak MySQL’s protocol as expected.`,
      remedy: 'Check that the port is MySQL’s own (3306), not its X protocol (33060) or another service.',
    };
  }
  return null;
}

function tlsMeaning(error: DatabaseError, place: Place, server: string): Meaning | null {
  const code = error.code ?? '';
  if (code === 'HANDSHAKE_NO_SSL_SUPPORT') {
    return {
      code: 'fleet/tls-not-offered',
      kind: 'unreadable',
      message: `Fleet’s MySQL server ${server} does not offer TLS.`,
      remedy: 'Switch TLS on at the server, or reach it through an SSH tunnel to localhost.',
    };
  }
  if (code === 'ER_SECURE_TRANSPORT_REQUIRED') {
    return {
      code: 'fleet/tls-required',
      kind: 'unreadable',
      message: `Fleet’s MySQL server ${server} takes encrypted connections only.`,
      remedy: 'Connect with --fleet-tls verify-identity.',
    };
  }
  if (code === PUBLIC_KEY_REFUSED) {
    return {
      code: 'fleet/plaintext-password',
      kind: 'finding',
      message: `Fleet’s MySQL server ${server} asked for the password over an unencrypted line, under a key anybody in between could have put there.`,
      remedy: 'Use TLS (--fleet-tls verify-identity) or an SSH tunnel to localhost.',
    };
  }
  if (code !== 'HANDSHAKE_SSL_ERROR') return null;
  const cause = tlsCause(error.message);
  if (cause === 'wrong-name') {
    return {
      code: 'fleet/tls-wrong-name',
      kind: 'unreadable',
      message: `The certificate of ${server} is trusted, but it was not issued for the name ${place.host}.`,
      remedy:
        'Connect by a name the certificate carries. Certificates MySQL makes for itself carry no host name: choose --fleet-tls verify-ca with that server’s own CA file if it cannot be replaced.',
    };
  }
  if (cause === 'expired') {
    return {
      code: 'fleet/tls-untrusted',
      kind: 'unreadable',
      message: `The certificate of ${server}, or of a CA above it, has expired.`,
      remedy: 'Renew the certificate, and check the clock of this machine.',
    };
  }
  if (cause === 'untrusted') {
    return {
      code: 'fleet/tls-untrusted',
      kind: 'unreadable',
      message: `The certificate of ${server} was not issued by a CA that is trusted here.`,
      remedy: 'Give the CA’s certificate with --fleet-ca-file (on a MySQL server: ca.pem in its data directory).',
    };
  }
  return {
    code: 'fleet/tls-failed',
    kind: 'unreadable',
    message: `No encrypted connection to ${server} came about; TLS 1.2 or newer is needed.`,
    remedy:
      'Check which TLS versions the server offers (tls_version) and whether something in between ends the connection.',
  };
}

function accessMeaning(error: DatabaseError, place: Place, server: string): Meaning | null {
  const account = `‘${place.user}’`;
  switch (error.code) {
    case 'ER_ACCESS_DENIED_ERROR':
    case 'ER_ACCESS_DENIED_NO_PASSWORD_ERROR':
    case 'ER_HOST_NOT_PRIVILEGED':
    case 'AUTH_SWITCH_PLUGIN_ERROR':
    case 'ER_NOT_SUPPORTED_AUTH_MODE':
    case 'ER_ACCOUNT_HAS_BEEN_LOCKED':
    case 'ER_USER_ACCESS_DENIED_FOR_USER_ACCOUNT_BLOCKED_BY_PASSWORD_LOCK':
    case 'ER_MUST_CHANGE_PASSWORD':
    case 'ER_MUST_CHANGE_PASSWORD_LOGIN':
      return {
        code: 'fleet/access-denied',
        kind: 'unreadable',
        message: `Fleet’s MySQL server ${server} does not let the account ${account} in from this machine.`,
        remedy:
          'Check user and password, that the account may connect from this machine, and that it is neither locked nor expired.',
      };
    case 'ER_DBACCESS_DENIED_ERROR':
      return {
        code: 'fleet/access-denied',
        kind: 'unreadable',
        message: `The account ${account} may not use the database ‘${place.database}’ (or it does not exist).`,
        remedy: 'Check the name of the database, and give the account the grants that `slipway check` prints.',
      };
    case 'ER_BAD_DB_ERROR':
      return {
        code: 'fleet/unknown-database',
        kind: 'unreadable',
        message: `There is no database ‘${place.database}’ on ${server}.`,
        remedy: 'Take the name from Fleet’s setting mysql.database (FLEET_MYSQL_DATABASE).',
      };
    case 'ER_CON_COUNT_ERROR':
    case 'ER_TOO_MANY_USER_CONNECTIONS':
    case 'ER_USER_LIMIT_REACHED':
    case 'ER_HOST_IS_BLOCKED':
      return {
        code: 'fleet/connections-exhausted',
        kind: 'unreadable',
        message: `Fleet’s MySQL server ${server} takes no further connection from this account or machine.`,
        remedy:
          'Wait until connections are free, or raise the limit (max_connections, max_user_connections; FLUSH HOSTS for a blocked host).',
      };
    default:
      return null;
  }
}

function statementMeaning(error: DatabaseError): Meaning | null {
  const text = error.sqlMessage ?? error.message;
  switch (error.code) {
    // The second is group replication's: another member committed to the same rows first.
    case 'ER_LOCK_DEADLOCK':
    case 'ER_TRANSACTION_ROLLBACK_DURING_COMMIT':
      return {
        code: 'fleet/deadlock',
        kind: 'unreadable',
        message: 'The transaction met another one of Fleet’s head-on and was rolled back by MySQL.',
        remedy: 'It is tried again by itself; if it keeps happening, apply at a quieter time.',
        detail: { retryable: true },
      };
    case 'ER_LOCK_WAIT_TIMEOUT':
    case 'ER_LOCK_NOWAIT':
      return {
        code: 'fleet/lock-timeout',
        kind: 'unreadable',
        message: 'Rows that were to be written stayed locked by another session for too long (10 seconds).',
        remedy: 'It is tried again by itself; if it keeps happening, look for a long transaction in SHOW PROCESSLIST.',
        detail: { retryable: true },
      };
    case 'ER_DUP_ENTRY':
    case 'ER_DUP_ENTRY_WITH_KEY_NAME': {
      const { table, name } = keyOf(/for key '([^']{1,130})'\s*$/.exec(text)?.[1]);
      return constraint(`A row with the same key (${name}) is in ${table ?? 'the table'} already.`, table, name);
    }
    case 'ER_CHECK_CONSTRAINT_VIOLATED': {
      const name = identifier(/Check constraint '([^']{1,130})' is violated/.exec(text)?.[1]);
      const table = /^(.+)_chk_\d+$/.exec(name)?.[1] ?? null;
      return constraint(`A value breaks the rule ${name}${table === null ? '' : ` of ${table}`}.`, table, name);
    }
    case 'ER_NO_REFERENCED_ROW_2':
    case 'ER_ROW_IS_REFERENCED_2': {
      const parts = /fails \(`(?:[^`]|``){1,130}`\.`((?:[^`]|``){1,130})`, CONSTRAINT `((?:[^`]|``){1,130})`/.exec(
        text,
      );
      const table = parts === null ? null : identifier(parts[1]);
      const name = identifier(parts?.[2]);
      return constraint(`The foreign key ${name} of ${table ?? 'a table'} would be broken.`, table, name);
    }
    case 'ER_NO_REFERENCED_ROW':
    case 'ER_ROW_IS_REFERENCED':
      return constraint('A foreign key would be broken.', null, '');
    case 'ER_DATA_TOO_LONG':
    case 'ER_WARN_DATA_OUT_OF_RANGE':
    case 'ER_TRUNCATED_WRONG_VALUE':
    case 'ER_TRUNCATED_WRONG_VALUE_FOR_FIELD':
    case 'WARN_DATA_TRUNCATED':
    case 'ER_BAD_NULL_ERROR':
    case 'ER_NO_DEFAULT_FOR_FIELD': {
      const column = identifier(
        (/for column (?:`[^`]*`\.`[^`]*`\.)?[`']([^`']{1,64})[`']/.exec(text) ??
          /(?:Column|Field) '([^']{1,64})'/.exec(text))?.[1],
      );
      return {
        code: 'fleet/value-refused',
        kind: 'unreadable',
        message: `MySQL refused a value for the column ${column}.`,
        remedy: 'Make the plan anew; if it happens again, report it to Slipway with the name of the column.',
        detail: { column },
      };
    }
    case 'ER_NET_PACKET_TOO_LARGE':
      return {
        code: 'fleet/packet-too-large',
        kind: 'unreadable',
        message: 'A statement with its values is larger than the server takes (max_allowed_packet).',
        remedy: 'Use smaller batches, or raise max_allowed_packet at the server.',
      };
    // https://dev.mysql.com/doc/mysql-errors/en/server-error-reference.html: 1021, 1114, 1026, 1878, 1037, 1041, 1598
    case 'ER_DISK_FULL':
    case 'ER_RECORD_FILE_FULL':
    case 'ER_ERROR_ON_WRITE':
    case 'ER_TEMP_FILE_WRITE_FAILURE':
    case 'ER_OUTOFMEMORY':
    case 'ER_OUT_OF_RESOURCES':
    case 'ER_BINLOG_LOGGING_IMPOSSIBLE':
      return full(error.code);
    // A storage engine's own error; 28 is the operating system's "no space left on device".
    case 'ER_GET_ERRNO':
      return /error 28\b|no space left/i.test(text) ? full(error.code) : null;
    case 'ER_ENGINE_OUT_OF_MEMORY':
    case 'ER_MAX_PREPARED_STMT_COUNT_REACHED':
    case 'ER_TOO_MANY_CONCURRENT_TRXS':
      return {
        code: 'fleet/server-exhausted',
        kind: 'unreadable',
        message: `The MySQL server has no resources left for this statement (${error.code}).`,
        remedy: 'Look at the server’s memory and limits (max_prepared_stmt_count), or wait until it has less to do.',
      };
    case 'ER_TABLE_DEF_CHANGED':
    case 'ER_NEED_REPREPARE':
      return {
        code: 'fleet/table-altered',
        kind: 'unreadable',
        message: 'A table was altered while it was looked at.',
        remedy:
          'Fleet is being upgraded, it seems: wait until `fleet prepare db` has finished, then make the plan anew.',
      };
    case 'ER_TABLEACCESS_DENIED_ERROR': {
      const parts =
        /^([A-Z, ]{1,60}) command denied to user .* for table [`'](?:[^`']+[`']\.[`'])?([^`']{1,64})[`']\s*$/s.exec(
          text,
        );
      return permission(parts?.[1], parts?.[2], null);
    }
    case 'ER_COLUMNACCESS_DENIED_ERROR': {
      const parts =
        /^([A-Z, ]{1,60}) command denied to user .* for column '([^']{1,64})' in table '([^']{1,64})'\s*$/s.exec(text);
      return permission(parts?.[1], parts?.[3], identifier(parts?.[2]));
    }
    case 'ER_SPECIFIC_ACCESS_DENIED_ERROR':
      return permission(/\) the ([A-Z_ ,]{1,80}) privilege/.exec(text)?.[1], undefined, null);
    case 'ER_OPTION_PREVENTS_STATEMENT':
    case 'ER_READ_ONLY_MODE':
      return {
        code: 'fleet/read-only',
        kind: 'finding',
        message: 'The MySQL server has become read-only: it is a replica, or a primary that was fenced off.',
        remedy: 'Connect to the primary and run the same command again.',
      };
    case 'ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION':
      return {
        code: 'fleet/read-only-session',
        kind: 'unreadable',
        message: 'A write was tried in a session opened for reading; the server refused it.',
        remedy: 'This is a defect of Slipway; nothing was changed. Report it.',
      };
    case 'ER_NO_SUCH_TABLE': {
      const table = identifier(/Table '(?:[^']*\.)?([^'.]{1,64})' doesn't exist/.exec(text)?.[1]);
      return {
        code: 'fleet/table-missing',
        kind: 'unreadable',
        message: `The table ${table} does not exist in this database.`,
        remedy: 'Check that it is Fleet’s database and that `fleet prepare db` has run.',
        detail: { table },
      };
    }
    case 'ER_BAD_FIELD_ERROR': {
      const column = identifier(/Unknown column '(?:[^']*\.)?([^'.]{1,64})'/.exec(text)?.[1]);
      return {
        code: 'fleet/column-missing',
        kind: 'unreadable',
        message: `The column ${column} does not exist; the schema is not the one that was looked at.`,
        remedy: 'Fleet may have been upgraded meanwhile: make the plan anew.',
        detail: { column },
      };
    }
    default:
      return null;
  }
}

function full(code: string): Meaning {
  return {
    code: 'fleet/full',
    kind: 'unreadable',
    message: `The MySQL server has no room left for what was to be written (${code}).`,
    remedy: `Make room on its disk (data, temporary files, binary log). ${RETRY_REMEDY}`,
  };
}

function constraint(message: string, table: string | null, name: string): Meaning {
  return {
    code: 'fleet/constraint',
    kind: 'unreadable',
    message: `${message} Nothing of this batch was written.`,
    remedy: 'Make the plan anew to see what changed in Fleet; if it happens again, report the name of the constraint.',
    detail: { table, constraint: name },
  };
}

function permission(privilege: string | undefined, table: string | undefined, column: string | null): Meaning {
  const what = privilege === undefined ? 'a privilege' : `the privilege ${privilege}`;
  const where =
    table === undefined ? '' : ` on ${column === null ? '' : `the column ${column} of `}${identifier(table)}`;
  return {
    code: 'fleet/permission',
    kind: 'finding',
    message: `The account lacks ${what}${where}.`,
    remedy: '`slipway check` with --fleet prints the GRANT statements that are missing.',
    detail: { privilege: privilege ?? null, table: table === undefined ? null : identifier(table), column },
  };
}

/** `nano_users.idx_unique_id`, as MySQL 8.0.19 and newer write keys; older ones leave the table out. */
function keyOf(text: string | undefined): { table: string | null; name: string } {
  const [first = '', second] = (text ?? '').split('.', 2);
  return second === undefined
    ? { table: null, name: identifier(first) }
    : { table: identifier(first), name: identifier(second) };
}

/** A name out of a message of MySQL's. One that does not look like a name may be a value in disguise: left out. */
function identifier(name: string | undefined): string {
  return name !== undefined && /^[A-Za-z0-9_$]{1,64}$/.test(name) ? name : '(unnamed)';
}
