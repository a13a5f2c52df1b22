/** What an SSH login needs besides an address. */
import type { Secret } from '../secret';

/** How to log in at another machine, and how it proves who it is. */
export interface SshCredentials {
  readonly password?: Secret;
  /** Private key in any form OpenSSH writes. */
  readonly keyFile?: string;
  readonly keyPassphrase?: Secret;
  /** Path of the agent's socket; absent: no agent is asked. */
  readonly agent?: string;
  /** Files like OpenSSH's known_hosts, looked through in order; absent: the user's own and the system's. */
  readonly knownHosts?: readonly string[];
  /** `SHA256:…` of the host key, confirmed by the operator; used where no file knows the host. */
  readonly hostKey?: string;
}

/** Limits in milliseconds; tests shorten them. */
export interface SshLimits {
  /** From the first packet to a finished login. */
  readonly connect: number;
  /** How long the other side may be silent while something is asked of it. */
  readonly silence: number;
}

export const SSH_LIMITS: SshLimits = { connect: 20_000, silence: 60_000 };
