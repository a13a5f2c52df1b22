/**
 * A secret, typed once. It is never in React's state: the field is read when it is handed over and emptied at once.
 * Main keeps it for this session, and beyond only where this machine can keep secrets and the operator says so.
 */
import { Checkbox, PasswordInput } from '@mantine/core';
import { FolderOpen, KeyRound } from 'lucide-react';
import { useId, useRef, useState } from 'react';
import type { ReplyFailure } from '../../contract/reply';
import type { SecretKind } from '../../contract/state';
import { call } from '../bridge';
import { useAppState } from '../stores/app-state';
import { Badge } from './badge';
import { Button } from './button';
import { FailurePanel } from './failure-panel';
import './secret-field.css';

interface SecretFieldProps {
  readonly kind: SecretKind;
  readonly label: string;
  readonly hint?: string | undefined;
  /** It may be read from a file too. */
  readonly fromFile?: boolean | undefined;
}

export function SecretField({ kind, label, hint, fromFile }: SecretFieldProps): React.JSX.Element {
  const { held, remembered, cannotRemember } = useAppState((state) => state.secrets);
  const [replacing, setReplacing] = useState(false);
  if (held.includes(kind) && !replacing) {
    return (
      <div className="secret" role="group" aria-label={label}>
        <div className="mantine-InputWrapper-label">{label}</div>
        <div className="secret-held">
          <Badge tone="good" icon={KeyRound}>
            {remembered.includes(kind) ? 'Held and remembered' : 'Held for this session'}
          </Badge>
          <Button
            variant="quiet"
            onClick={() => {
              setReplacing(true);
            }}
          >
            Replace
          </Button>
          <Button variant="quiet" onClick={() => void call('secret.forget', { kind })}>
            Forget
          </Button>
        </div>
      </div>
    );
  }
  return (
    <SecretEntry
      kind={kind}
      label={label}
      hint={hint}
      fromFile={fromFile}
      cannotRemember={cannotRemember}
      onDone={() => {
        setReplacing(false);
      }}
    />
  );
}

interface SecretEntryProps extends SecretFieldProps {
  readonly cannotRemember: string | null;
  readonly onDone: () => void;
}

function SecretEntry({
  kind,
  label,
  hint,
  fromFile = false,
  cannotRemember,
  onDone,
}: SecretEntryProps): React.JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const reason = useId();
  const [remember, setRemember] = useState(false);
  const [failure, setFailure] = useState<ReplyFailure | null>(null);
  const [missing, setMissing] = useState(false);
  const handOver = async (): Promise<void> => {
    const value = input.current?.value ?? '';
    setMissing(value === '');
    if (value === '' || input.current === null) return;
    input.current.value = '';
    const reply = await call('secret.set', { kind, value, remember });
    setFailure(reply.ok ? null : reply.failure);
    if (reply.ok) onDone();
  };
  const fromItsFile = async (): Promise<void> => {
    const reply = await call('secret.fromFile', { kind });
    setFailure(reply.ok ? null : reply.failure);
    if (reply.ok && reply.value) onDone();
  };
  return (
    <form
      className="secret"
      onSubmit={(event) => {
        event.preventDefault();
        void handOver();
      }}
      onBlur={(event) => {
        // What was typed counts when one goes on to “Connect”; not when only the window loses the focus.
        const { currentTarget, relatedTarget } = event;
        if (!document.hasFocus() || currentTarget.contains(relatedTarget)) return;
        if (input.current !== null && input.current.value !== '') void handOver();
      }}
    >
      <div className="secret-row">
        <PasswordInput
          ref={input}
          label={label}
          description={hint}
          error={missing ? 'Type it first.' : undefined}
          autoComplete="off"
          visibilityToggleButtonProps={{ 'aria-label': `Show ${label}` }}
        />
        <Button type="submit">Use it</Button>
        {fromFile && (
          <Button icon={FolderOpen} onClick={() => void fromItsFile()}>
            From a file…
          </Button>
        )}
      </div>
      <Checkbox
        size="xs"
        label="Remember it on this machine"
        checked={remember}
        disabled={cannotRemember !== null}
        aria-describedby={cannotRemember === null ? undefined : reason}
        onChange={(event) => {
          setRemember(event.currentTarget.checked);
        }}
      />
      {cannotRemember !== null && (
        <p id={reason} className="faint">
          {cannotRemember}
        </p>
      )}
      {failure !== null && <FailurePanel failure={failure} />}
    </form>
  );
}
