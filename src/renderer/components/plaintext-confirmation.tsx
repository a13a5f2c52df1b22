/** A connection to another machine without encryption has to be meant: its host name is typed. */
import { useState } from 'react';
import { TextField } from './field';
import { ProblemNote } from './problem-note';

interface PlaintextConfirmationProps {
  /** As typed. */
  readonly host: string;
  readonly confirmed: boolean;
  readonly onConfirm: () => void;
  readonly error: string | null;
  /** What would be readable on the way, as a sentence. */
  readonly why: string;
}

export function PlaintextConfirmation(props: PlaintextConfirmationProps): React.JSX.Element {
  const { confirmed, onConfirm, error, why } = props;
  const [typed, setTyped] = useState('');
  const host = props.host.trim();
  return (
    <ProblemNote
      severity={confirmed ? 'warning' : 'error'}
      what={
        host === ''
          ? 'The connection would be unencrypted.'
          : `Everything between this machine and ${host} would be readable on the way.`
      }
      why={why}
    >
      {confirmed ? (
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
            if (host !== '' && value === host) onConfirm();
          }}
        />
      )}
    </ProblemNote>
  );
}
