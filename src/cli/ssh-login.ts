/** Logging in at another machine for a command: options to engine. */
import { misused } from '../core/failure';
import type { Secret } from '../core/secret';
import type { SshCredentials } from '../core/ssh';
import type { SshOptions } from './input';
import { secretFrom } from './secret-input';

/** How to log in over SSH, where a source or Fleet’s database is reached that way. */
export function sshCredentials(options: SshOptions): SshCredentials {
  const passphrase = fromInputOnce('SSH key’s passphrase', options.sshPassphraseFile, 'SLIPWAY_SSH_PASSPHRASE');
  const password = fromInputOnce('SSH password', options.sshPasswordFile, 'SLIPWAY_SSH_PASSWORD');
  const agent = options.sshAgent === false ? undefined : process.env['SSH_AUTH_SOCK'];
  if (options.sshHostKey !== undefined && !/^SHA256:[A-Za-z0-9+/]{43}=?$/.test(options.sshHostKey))
    misused(
      'usage/ssh-host-key',
      'The fingerprint of the host’s key is not written as SHA256:… with 43 characters.',
      'Print it on the server with ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub.',
    );
  return {
    ...(options.sshKeyFile === undefined ? {} : { keyFile: options.sshKeyFile }),
    ...(passphrase === null ? {} : { keyPassphrase: passphrase }),
    ...(password === null ? {} : { password }),
    ...(agent === undefined || agent === '' ? {} : { agent }),
    ...(options.sshKnownHosts === undefined ? {} : { knownHosts: options.sshKnownHosts }),
    ...(options.sshHostKey === undefined ? {} : { hostKey: options.sshHostKey }),
  };
}

/** What came from standard input, by what it is. It can be read once, and a source and Fleet may both need the login. */
const fromInput = new Map<string, Secret | null>();

function fromInputOnce(label: string, file: string | undefined, variable: string): Secret | null {
  if (file !== '-') return secretFrom(label, file, variable);
  const known = fromInput.get(label) ?? secretFrom(label, file, variable);
  fromInput.set(label, known);
  return known;
}
