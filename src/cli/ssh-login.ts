/** Logging in at another machine for a command: options to engine. */
import { misused } from '../core/failure';
import type { SshCredentials } from '../core/ssh';
import type { SshOptions } from './input';
import { secretFrom } from './secret-input';

/** How to log in over SSH, where a source or Fleet’s database is reached that way. */
export function sshCredentials(options: SshOptions): SshCredentials {
  const passphrase = secretFrom('SSH key’s passphrase', options.sshPassphraseFile, 'SLIPWAY_SSH_PASSPHRASE');
  const password = secretFrom('SSH password', options.sshPasswordFile, 'SLIPWAY_SSH_PASSWORD');
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
