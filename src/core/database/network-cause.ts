/** What errors of sockets and of TLS mean, whichever database is at the other end. */

const UNREACHABLE: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the host name is not known to DNS',
  EAI_AGAIN: 'DNS did not answer',
  ECONNREFUSED: 'nothing listens on that port',
  EHOSTUNREACH: 'there is no route to that host',
  ENETUNREACH: 'there is no route to that network',
  EACCES: 'the system forbids the connection',
  EPERM: 'the system forbids the connection',
  EADDRNOTAVAIL: 'the address cannot be reached from here',
  EINVAL: 'the address cannot be reached from here',
};

/** Why a server could not be reached, as a clause; null when the code says something else. */
export function unreachableBecause(code: string): string | null {
  return UNREACHABLE[code] ?? null;
}

const LOST: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ERR_STREAM_DESTROYED']);

/** True where the connection was there and is gone. */
export function isConnectionLost(code: string): boolean {
  return LOST.has(code);
}

/** Why a TLS connection did not come about, from OpenSSL's and Node's texts; null when none of these. */
export function tlsCause(text: string): 'wrong-name' | 'expired' | 'untrusted' | null {
  if (/altnames|does not match|Cert is empty|Cert does not contain/i.test(text)) return 'wrong-name';
  if (/expired/i.test(text)) return 'expired';
  return /self.?signed|unable to (verify|get)|not authorized|untrusted|not yet valid|invalid ca|certificate (signature|chain|revoked|rejected)|unsuitable/i.test(
    text,
  )
    ? 'untrusted'
    : null;
}
