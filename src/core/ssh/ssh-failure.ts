/** What goes wrong over SSH, as failures. No text of the other side is repeated beyond what is known to be harmless. */
import { FailureError, type Failure } from '../failure';
import { nameOf, type SshAddress } from './address';
import { fingerprintOf, nameInKnownHosts, type HostKey, type Standing } from './known-hosts';

/** What ssh2 hangs on its errors. */
export interface SshError extends Error {
  readonly level?: string;
  readonly code?: string | number;
}

/** What was tried to log in with, and what the server would take. */
export interface Tried {
  readonly ways: readonly string[];
  /** Methods the server named; empty when it named none. */
  readonly offered: readonly string[];
  /** The agent was named and could not be asked. */
  readonly agentFailed: boolean;
  /** It asked for something besides one password. */
  readonly askedMore: boolean;
}

const failure = (code: string, message: string, remedy: string, detail?: Failure['detail'], cause?: unknown) =>
  new FailureError({ code, message, remedy, kind: 'unreadable', ...(detail ? { detail } : {}) }, { cause });

/** Why no login came about. */
export function loginFailure(error: SshError | null, address: SshAddress, tried: Tried): FailureError {
  const host = nameOf(address);
  const reason = error === null ? 'closed' : String(error.code ?? error.level ?? 'unknown');
  const text = error?.message ?? '';
  if (error?.level === 'client-authentication' || /too many authentication failures/i.test(text) || tried.askedMore)
    return refusedLogin(address, tried, /too many/i.test(text));
  if (error?.level === 'client-timeout' || reason === 'ETIMEDOUT')
    return failure(
      'ssh/timeout',
      `${host} did not finish an SSH login in time.`,
      'Check the address and the network, and whether a firewall lies in between.',
      { reason },
      error,
    );
  if (error?.level === 'handshake' && /no matching/i.test(text)) {
    const what = ['key exchange', 'host key', 'cipher', 'MAC'].find((one) => text.includes(one)) ?? 'algorithm';
    return failure(
      'ssh/algorithms',
      `${host} offers no ${what} that is strong enough: SHA-1, DSA, CBC, RC4 and MD5 are not used.`,
      'Update its SSH server, or copy the file from it by other means.',
      { what },
      error,
    );
  }
  if (error?.level === 'handshake' || error?.level === 'protocol')
    return failure(
      'ssh/handshake',
      `${host} answers, but no SSH connection comes about.`,
      'Check that the port is that of an SSH server, and look into its log.',
      { reason },
      error,
    );
  if (reason === 'ENOTFOUND' || reason === 'EAI_AGAIN')
    return failure(
      'ssh/unreachable',
      `The name ${address.host} cannot be resolved.`,
      'Check the address and the network; names from ~/.ssh/config are not known here.',
      { reason },
      error,
    );
  return failure(
    'ssh/unreachable',
    reason === 'closed' || reason === 'ECONNRESET'
      ? `${host} closed the connection before the login.`
      : `${host} cannot be reached over SSH (${reason}).`,
    'Check the address, the port and the network.',
    { reason },
    error,
  );
}

function refusedLogin(address: SshAddress, tried: Tried, tooMany: boolean): FailureError {
  const { ways, offered, agentFailed, askedMore } = tried;
  const sentences = [
    `${nameOf(address)} refused the login of ${address.user}`,
    ways.length === 0 ? ': there was nothing to log in with.' : ` by ${ways.join(', ')}.`,
    agentFailed ? ' The agent could not be asked.' : '',
    askedMore ? ' It asks for more than one password, which cannot be answered here.' : '',
    offered.length === 0 ? '' : ` It takes: ${offered.join(', ')}.`,
  ];
  return failure(
    'ssh/refused-login',
    sentences.join(''),
    tooMany
      ? 'The agent holds more keys than the server lets be tried: add --no-ssh-agent and name the key with --ssh-key-file.'
      : 'Name the key (--ssh-key-file), or give the password (--ssh-password-file), of an account that may log in there.',
    { tried: ways.join(','), offered: offered.join(',') },
  );
}

/** Why a host's key is not accepted; null where it is. */
export function hostKeyFailure(
  address: SshAddress,
  shown: HostKey,
  standing: Standing,
  confirmed: string | undefined,
): FailureError | null {
  if (standing.is === 'known') return null;
  const fingerprint = fingerprintOf(shown.key);
  const host = nameOf(address);
  const detail = { host: nameInKnownHosts(address), fingerprint, keyType: shown.type };
  if (standing.is === 'revoked' || standing.is === 'changed') {
    const revoked = standing.is === 'revoked';
    return failure(
      revoked ? 'ssh/host-key-revoked' : 'ssh/host-key-changed',
      revoked
        ? `${host} shows a key that is marked as revoked at ${standing.place}; nothing was sent to it.`
        : `${host} shows another key (${fingerprint}) than the one known from ${standing.place}: somebody may stand in between. Nothing was sent to it.`,
      revoked
        ? 'Give the server a new host key, and find out why the old one was revoked.'
        : 'Compare the fingerprint on the server itself (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub); if it was renewed, correct that line.',
      { ...detail, place: standing.place },
    );
  }
  if (confirmed !== undefined && sameFingerprint(confirmed, fingerprint)) return null;
  const certified = standing.is === 'certified';
  if (confirmed !== undefined)
    return failure(
      'ssh/host-key-changed',
      `${host} shows the key ${fingerprint}, not the one that was confirmed: somebody may stand in between. Nothing was sent to it.`,
      'Compare the fingerprint on the server itself (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub).',
      { ...detail, confirmed },
    );
  return failure(
    certified ? 'ssh/host-certificate' : 'ssh/host-unknown',
    certified
      ? `${host} is known by a certificate authority only (${standing.place}), and host certificates are not supported here. Its key is ${fingerprint} (${shown.type}).`
      : `${host} is in no file of known hosts. It shows the key ${fingerprint} (${shown.type}).`,
    `Compare it on the server itself (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub), then add --ssh-host-key ${fingerprint}.`,
    detail,
  );
}

/** The same hash, with or without its padding. */
function sameFingerprint(a: string, b: string): boolean {
  return a.replace(/=+$/, '') === b;
}

/** The connection is gone. */
export function connectionLost(address: SshAddress, doing: string, cause: unknown): FailureError {
  return failure(
    'ssh/connection-lost',
    `The SSH connection to ${nameOf(address)} broke while ${doing}.`,
    'Try again; if it happens again, look into the log of the SSH server and at the network.',
    {},
    cause,
  );
}

/** The other side says nothing any more. */
export function silent(address: SshAddress, doing: string): FailureError {
  return failure(
    'ssh/timeout',
    `${nameOf(address)} went silent while ${doing}.`,
    'Try again; if it happens again, look at the network and at the disk the files lie on.',
  );
}

/** The server offers no file transfer. */
export function noSftp(address: SshAddress, cause: unknown): FailureError {
  return failure(
    'ssh/no-sftp',
    `${nameOf(address)} lets ${address.user} log in but read no files (SFTP is not offered).`,
    'Switch the sftp subsystem on in its sshd_config, or copy the files by other means.',
    {},
    cause,
  );
}

/** What SFTP's status codes say of a path. Codes: draft-ietf-secsh-filexfer-02, section 7. */
export function fileFailure(address: SshAddress, path: string, error: SshError): FailureError {
  const detail = { path, status: typeof error.code === 'number' ? error.code : null };
  if (error.code === 2)
    return failure(
      'ssh/no-such-file',
      `There is no ${path} on ${nameOf(address)}.`,
      'Check the path; over SFTP it begins at the root, unless the account is locked into a folder.',
      detail,
      error,
    );
  if (error.code === 3)
    return failure(
      'ssh/no-permission',
      `${address.user} may not read ${path} on ${nameOf(address)}.`,
      'Over SFTP there is no sudo: log in as an account that may read it (often root or the server’s own), or let this one read it (setfacl -m u:NAME:r), or copy the file there to a place of its own.',
      detail,
      error,
    );
  return failure(
    'ssh/read-failed',
    `${path} on ${nameOf(address)} cannot be read (${error.code === undefined ? 'no reason given' : `SFTP status ${error.code}`}).`,
    'See to the disk or share it lies on.',
    detail,
    error,
  );
}

/** The server would not connect to a database. */
export function tunnelFailure(
  address: SshAddress,
  target: string,
  error: SshError & { reason?: unknown },
): FailureError {
  // RFC 4254, 5.1: 1 administratively prohibited, 2 connect failed.
  const prohibited = error.reason === 1;
  return failure(
    prohibited ? 'ssh/tunnel-prohibited' : 'ssh/tunnel-failed',
    prohibited
      ? `${nameOf(address)} does not let ${address.user} connect through it to ${target}.`
      : `${nameOf(address)} cannot reach ${target}.`,
    prohibited
      ? 'Allow it in its sshd_config (AllowTcpForwarding, PermitOpen), or use another jump host.'
      : 'Name the database as it is called from there (localhost where it runs on that machine), and check that it listens.',
    { target },
    error,
  );
}
