/** An SSH server: who logs in there and by what. Its host key is known to this machine, or compared once. */
import { Button } from '../../components/button';
import { CheckField, FieldRow, TextField } from '../../components/field';
import { PathField } from '../../components/path-field';
import { SecretField } from '../../components/secret-field';
import { secretOfSource } from '../../../contract/source-secrets';
import type { SourceWay } from '../../../contract/source-ways';
import { perform } from '../../hooks/use-call';
import { useAppState } from '../../stores/app-state';
import { PortField } from './database-fields';
import { changeSsh, changeWay, useWayDraft, wayProblems, type Aim } from './source-draft';

interface SshFieldsProps {
  readonly aim: Aim;
  readonly title: string;
}

export function SshFields({ aim, title }: SshFieldsProps): React.JSX.Element {
  const { way, tried } = useWayDraft(aim);
  const { ssh, slot } = way;
  const problems = tried ? wayProblems(way) : {};
  const known = useAppState((state) => state.workspace?.settings.source.hostKeys[knownAs(ssh)] ?? null);
  return (
    <fieldset className="source-group">
      <legend>{title}</legend>
      <div className="source-address">
        <TextField
          label="SSH server"
          placeholder="mdm.example.org"
          mono
          value={ssh.host}
          error={problems.sshHost ?? null}
          onChange={(host) => {
            changeSsh(aim, { host });
          }}
        />
        <PortField
          value={ssh.port}
          usual={22}
          onChange={(port) => {
            changeSsh(aim, { port });
          }}
        />
      </div>
      <FieldRow>
        <TextField
          label="User"
          mono
          value={ssh.user}
          error={problems.sshUser ?? null}
          onChange={(user) => {
            changeSsh(aim, { user });
          }}
        />
      </FieldRow>
      {known !== null && (
        <div className="source-known">
          <span>
            Trusted key: <code>{known}</code>
          </span>
          <Button variant="quiet" onClick={() => void perform('source', 'source.forgetHost', { host: knownAs(ssh) })}>
            Forget it
          </Button>
        </div>
      )}
      <CheckField
        label="Ask the SSH agent of this session"
        checked={ssh.agent}
        onChange={(agent) => {
          changeSsh(aim, { agent });
        }}
      />
      <PathField
        label="Private key"
        hint="Only where no agent holds it."
        placeholder="none"
        value={ssh.keyFile}
        purpose="ssh-key"
        step="source"
        onChange={(keyFile) => {
          changeSsh(aim, { keyFile });
        }}
      />
      {ssh.keyFile !== '' && (
        <SecretField
          kind={secretOfSource('source-ssh-passphrase', slot)}
          label="Passphrase of that key"
          hint="Only where it has one."
          fromFile
        />
      )}
      <SecretField
        kind={secretOfSource('source-ssh-password', slot)}
        label="Password of the user"
        hint="Tried last, and only where neither agent nor key are let in."
        fromFile
      />
    </fieldset>
  );
}

/** As main keeps the key of a server. */
function knownAs({ host, port }: SourceWay['ssh']): string {
  const name = host.trim().toLowerCase();
  return port === null || port === 22 ? name : `[${name}]:${port}`;
}

/** A file or folder on that server. */
export function SshPlace({ aim }: { readonly aim: Aim }): React.JSX.Element {
  const { way, tried } = useWayDraft(aim);
  const isFolder = way.server === 'nanomdm';
  return (
    <>
      <TextField
        label={isFolder ? 'Folder on the server' : 'Database file on the server'}
        placeholder={isFolder ? '/var/lib/nanomdm/dbkv' : '/var/db/micromdm/micromdm.db'}
        mono
        value={way.path}
        error={tried ? (wayProblems(way).path ?? null) : null}
        onChange={(path) => {
          changeWay(aim, { path });
        }}
      />
      <SshFields aim={aim} title="The server" />
    </>
  );
}
