/** A connection to another machine without encryption has to be meant: its host name is typed. */
import { useState } from 'react';
import { TextField } from '../../components/field';
import { ProblemNote } from '../../components/problem-note';
import { changeFleetDraft, type FleetDraft } from './fleet-draft';

interface PlaintextConfirmationProps {
  readonly draft: FleetDraft;
  readonly error: string | null;
}

export function PlaintextConfirmation({ draft, error }: PlaintextConfirmationProps): React.JSX.Element {
  const [typed, setTyped] = useState('');
  const host = draft.host.trim();
  return (
    <ProblemNote
      severity={draft.plaintextConfirmed ? 'warning' : 'error'}
      what={
        host === ''
          ? 'The connection would be unencrypted.'
          : `Everything between this machine and ${host} would be readable on the way.`
      }
      why="That includes the password, the devices’ push magic, and the tokens that unlock them."
    >
      {draft.plaintextConfirmed ? (
        <p>Confirmed for this host.</p>
      ) : (
        <TextField
          label={
            <>
              Type <code>{host === '' ? 'the host name' : host}</code> to confirm
            </>
          }
          value={typed}
          error={error}
          mono
          disabled={host === ''}
          onChange={(value) => {
            setTyped(value);
            if (host !== '' && value === host) changeFleetDraft({ plaintextConfirmed: true });
          }}
        />
      )}
    </ProblemNote>
  );
}
