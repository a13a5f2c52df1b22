/**
 * An SSH server this machine does not know: its key is shown, compared on the server itself, and trusted once. A key
 * that differs from a known one never comes here.
 */
import { ConfirmDialog } from '../../components/confirm-dialog';
import { CopyButton } from '../../components/copy-button';
import { KeyValueList } from '../../components/key-value-list';
import type { StepFailure } from '../../../contract/state';
import { call } from '../../bridge';

export interface ShownKey {
  readonly host: string;
  readonly fingerprint: string;
  readonly keyType: string;
}

export function isHostUnknown(failure: StepFailure): failure is StepFailure & { readonly detail: ShownKey } {
  const { host, fingerprint, keyType } = failure.detail ?? {};
  return (
    failure.code === 'ssh/host-unknown' &&
    typeof host === 'string' &&
    typeof fingerprint === 'string' &&
    typeof keyType === 'string'
  );
}

interface HostKeyDialogProps {
  readonly shown: ShownKey;
  readonly opened: boolean;
  readonly onClose: () => void;
}

export function HostKeyDialog({ shown, opened, onClose }: HostKeyDialogProps): React.JSX.Element {
  const { host, fingerprint, keyType } = shown;
  const file = `/etc/ssh/ssh_host_${fileOf(keyType)}_key.pub`;
  const command = `ssh-keygen -lf ${file}`;
  return (
    <ConfirmDialog
      title={`Is this ${host}?`}
      opened={opened}
      onClose={onClose}
      act="It is the same: trust it and read"
      onConfirm={async () => {
        const reply = await call('source.trustHost', { host, fingerprint });
        return reply.ok ? null : reply.failure;
      }}
    >
      <p>This machine has not met that server before. Nothing was sent to it yet but the greeting.</p>
      <KeyValueList
        items={[
          { label: 'Server', value: <span className="mono">{host}</span> },
          { label: 'Key', value: <span className="mono">{keyType}</span> },
        ]}
      />
      <div>
        <p>Its fingerprint:</p>
        <div className="source-fingerprint">
          <code>{fingerprint}</code>
          <CopyButton text={fingerprint} label="Copy the fingerprint" />
        </div>
      </div>
      <div>
        <p>Compare it with what this says on the server itself, not over this connection:</p>
        <div className="source-fingerprint">
          <code>{command}</code>
          <CopyButton text={command} label="Copy the command" />
        </div>
      </div>
      <p className="muted">
        Once you trust it, it is kept with this workspace. If the server ever shows another key, Slipway stops and will
        not offer to trust that one.
      </p>
    </ConfirmDialog>
  );
}

/** `ssh-ed25519` lies in `ssh_host_ed25519_key.pub`. */
function fileOf(keyType: string): string {
  return /ecdsa|ed25519|rsa/.exec(keyType)?.[0] ?? '*';
}
